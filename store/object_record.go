package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// encodeObject returns the value of the objects table: all that the index holds
// of an object but its name, which is in the key, and then the body, or the SHA-256 of
// one that is shared.
func encodeObject(e *Entry, c contents) []byte {
	format, rest := byte(formatObject), c.body
	if c.shared != nil {
		format, rest = formatShared, c.shared
	}
	b := append(make([]byte, 0, 72+len(e.UID)+len(rest)), format)
	b = binary.AppendUvarint(b, uint64(e.Rev))
	b = e.appendFacts(b)
	if impliedName(e.Name, e.UID) {
		b = append(b, uidImplied)
	} else {
		b = appendString(append(b, uidGiven), e.UID)
	}
	return append(b, rest...)
}

// decodeObject decodes a value of the objects table, under a name: a live
// object's entry, into e, and contents, or else a tombstone.
func decodeObject(name string, v []byte, e *Entry) (c contents, t *tombstone, err error) {
	d := decoder{b: v}
	switch format := d.byte(); format {
	case formatObject, formatShared:
		*e = Entry{Name: name, Rev: Rev(d.uvarint())}
		e.takeFacts(&d)
		e.takeUID(&d)
		if format == formatShared {
			if len(d.b) != sha256.Size {
				d.fail()
			}
			return contents{shared: d.b}, nil, d.err("object")
		}
		if e.Size != len(d.b) {
			d.fail()
		}
		return contents{body: d.b}, nil, d.err("object")
	case formatTombstone:
		t = &tombstone{Rev: Rev(d.uvarint()), At: d.varint()}
		return contents{}, t, d.err("deleted object")
	}
	return contents{}, nil, fmt.Errorf("object: %w", ErrCorrupt)
}

// takeUID decodes the UID of an object whose name is set.
func (e *Entry) takeUID(d *decoder) {
	switch implied := d.byte() == uidImplied; {
	case !implied:
		e.UID = d.string()
	case len(e.Name) < len(icsSuffix):
		d.fail()
	default:
		e.UID = e.Name[:len(e.Name)-len(icsSuffix)]
	}
}

// What stands for a UID: nothing if the name says it, or the UID.
const (
	uidGiven   = 0
	uidImplied = 1
)

// Ends of an Index, as stored.
const (
	endOpen  = 0
	endGiven = 1 // + varint of End - Start
)

const icsSuffix = ".ics"

// impliedName reports whether name is the one that nearly all clients give to
// an object with this UID. Such UIDs need not be written beside it.
func impliedName(name, uid string) bool {
	return len(name) == len(uid)+len(icsSuffix) && name[:len(uid)] == uid && name[len(uid):] == icsSuffix
}

// appendFacts appends what both the index and the object hold of an entry, but
// for its Rev and what it is called.
func (e *Entry) appendFacts(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendUvarint(b, uint64(e.Rev-e.CreatedRev))
	b = binary.AppendUvarint(b, uint64(e.Rev-e.ScheduleTag))
	b = binary.AppendVarint(b, e.Created)
	b = binary.AppendVarint(b, e.Modified-e.Created)
	b = append(b, byte(e.Role), byte(e.Scheduling))
	b = append(b, byte(e.Component), byte(e.Busy))
	b = binary.AppendUvarint(b, uint64(e.Flags))
	b = binary.AppendVarint(b, e.Start)
	if e.End == OpenEnded {
		return append(b, endOpen)
	}
	return binary.AppendVarint(append(b, endGiven), e.End-e.Start)
}

// takeFacts decodes what appendFacts wrote of an entry whose Rev is set.
func (e *Entry) takeFacts(d *decoder) {
	e.Size = int(d.uvarint())
	e.CreatedRev = e.Rev - Rev(d.uvarint())
	e.ScheduleTag = e.Rev - Rev(d.uvarint())
	e.Created = d.varint()
	e.Modified = e.Created + d.varint()
	e.Role, e.Scheduling = Role(d.byte()), SchedulingFlags(d.byte())
	e.takeIndex(d)
}

func (e *Entry) takeIndex(d *decoder) {
	e.Component = Component(d.byte())
	e.Busy = BusyType(d.byte())
	e.Flags = IndexFlags(d.uvarint())
	e.Start = d.varint()
	if d.byte() == endOpen {
		e.End = OpenEnded
	} else {
		e.End = e.Start + d.varint()
	}
}

// encode returns the index entry, which is keyed by e.Rev.
func (e *Entry) encode() []byte {
	b := append(make([]byte, 0, 56+len(e.Name)+len(e.UID)), formatEntry)
	return e.appendNames(e.appendFacts(b))
}

func (e *Entry) appendNames(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.Name)))
	if impliedName(e.Name, e.UID) {
		return append(append(b, uidImplied), e.Name...)
	}
	return append(append(append(b, uidGiven), e.Name...), e.UID...)
}

// decode decodes the entry of rev into e. Its strings share one copy.
func (e *Entry) decode(rev Rev, v []byte) error {
	d := decoder{b: v}
	d.format(formatEntry)
	e.Rev = rev
	e.takeFacts(&d)
	return e.takeNames(&d)
}

func (e *Entry) takeNames(d *decoder) error {
	n := d.uvarint()
	implied := d.byte() == uidImplied
	if n > uint64(len(d.b)) || implied && (n != uint64(len(d.b)) || n < uint64(len(icsSuffix))) {
		d.fail()
	}
	if d.bad {
		return d.err("index entry")
	}
	s := string(d.b)
	e.Name = s[:n]
	if implied {
		e.UID = s[:n-uint64(len(icsSuffix))]
	} else {
		e.UID = s[n:]
	}
	return nil
}
