package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The first byte of every value is its format. A format that changes gets a
// new number and the decoder knows both until a migration rewrites the table.
const (
	formatState      = 2
	formatHome       = 2
	formatCollection = 2
	formatEntry      = 1
	formatObject     = 1
	formatPurge      = 1
	formatTombstone  = 2 // in the objects table, instead of an object
)

// A decoder takes a value apart. The first failure sticks.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.b, d.bad = nil, true
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) format(want byte) {
	if d.byte() != want {
		d.fail()
	}
}

// formatUpTo reads a format that may be any from 1 to newest.
func (d *decoder) formatUpTo(newest byte) byte {
	f := d.byte()
	if f < 1 || f > newest {
		d.fail()
	}
	return f
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string { return string(d.take(d.uvarint())) }

func (d *decoder) err(what string) error {
	if d.bad {
		return fmt.Errorf("%s: %w", what, ErrCorrupt)
	}
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// state is the record of the whole file: the numbers to give out next.
type state struct {
	Version    uint64 // schema
	Rev        Rev    // the last one given out
	Home       HomeID
	Collection CollectionID
	Bytes      int64 // sum of UsedBytes of all homes
	Gaps       []gap
}

// A gap is a range of revisions that this file never gave out but another copy
// of it may have: a position in it, Before excluded, is not of this file.
type gap struct{ Before, After Rev }

func (s *state) encode() []byte {
	b := append(make([]byte, 0, 24), formatState)
	b = binary.AppendUvarint(b, s.Version)
	b = binary.AppendUvarint(b, uint64(s.Rev))
	b = binary.AppendUvarint(b, uint64(s.Home))
	b = binary.AppendUvarint(b, uint64(s.Collection))
	b = binary.AppendVarint(b, s.Bytes)
	b = binary.AppendUvarint(b, uint64(len(s.Gaps)))
	for _, g := range s.Gaps {
		b = binary.AppendUvarint(b, uint64(g.Before))
		b = binary.AppendUvarint(b, uint64(g.After))
	}
	return b
}

func decodeState(v []byte) (state, error) {
	d := decoder{b: v}
	format := d.formatUpTo(formatState)
	s := state{
		Version:    d.uvarint(),
		Rev:        Rev(d.uvarint()),
		Home:       HomeID(d.uvarint()),
		Collection: CollectionID(d.uvarint()),
	}
	if format >= 2 {
		s.Bytes = d.varint()
	}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		s.Gaps = append(s.Gaps, gap{Rev(d.uvarint()), Rev(d.uvarint())})
	}
	return s, d.err("state")
}

func (h *Home) encode() []byte {
	b := append(make([]byte, 0, 64+len(h.Owner)), formatHome)
	b = appendString(b, h.Owner)
	b = append(b, h.OwnerType)
	b = binary.AppendUvarint(b, uint64(h.Rev))
	b = binary.AppendUvarint(b, uint64(h.Created))
	b = binary.AppendVarint(b, h.UsedBytes)
	b = binary.AppendVarint(b, h.Objects)
	b = binary.AppendUvarint(b, uint64(h.Collections))
	b = binary.AppendVarint(b, h.QuotaOverride)
	b = binary.AppendVarint(b, h.CreatedAt.Unix())
	b = binary.AppendVarint(b, h.ModifiedAt.Unix())
	b = binary.AppendUvarint(b, uint64(h.floor))
	b = binary.AppendUvarint(b, uint64(h.Counted))
	return appendString(b, h.QuotaGroups)
}

func decodeHome(id HomeID, v []byte) (*Home, error) {
	d := decoder{b: v}
	format := d.formatUpTo(formatHome)
	h := &Home{
		ID:            id,
		Owner:         d.string(),
		OwnerType:     d.byte(),
		Rev:           Rev(d.uvarint()),
		Created:       Rev(d.uvarint()),
		UsedBytes:     d.varint(),
		Objects:       d.varint(),
		Collections:   int(d.uvarint()),
		QuotaOverride: d.varint(),
		CreatedAt:     time.Unix(d.varint(), 0).UTC(),
		ModifiedAt:    time.Unix(d.varint(), 0).UTC(),
		floor:         Rev(d.uvarint()),
	}
	if format >= 2 {
		h.Counted = int(d.uvarint())
		h.QuotaGroups = d.string()
	}
	return h, d.err("home")
}

func (c *Collection) encode() []byte {
	b := append(make([]byte, 0, 128), formatCollection)
	b = binary.AppendUvarint(b, uint64(c.ID))
	b = append(b, byte(c.Kind), byte(c.Components))
	b = appendString(b, c.ResourceID)
	b = binary.AppendUvarint(b, uint64(c.Rev))
	b = binary.AppendUvarint(b, uint64(c.Created))
	b = binary.AppendUvarint(b, uint64(c.Placed))
	b = binary.AppendVarint(b, c.CreatedAt.Unix())
	b = binary.AppendVarint(b, c.ModifiedAt.Unix())
	b = binary.AppendUvarint(b, uint64(c.Objects))
	b = binary.AppendVarint(b, c.Bytes)
	for _, n := range c.counts {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, uint64(c.floor))
	return binary.AppendVarint(b, c.PropertyBytes)
}

func decodeCollection(home HomeID, name string, v []byte) (*Collection, error) {
	d := decoder{b: v}
	format := d.formatUpTo(formatCollection)
	c := &Collection{
		ID:         CollectionID(d.uvarint()),
		Home:       home,
		Name:       name,
		Kind:       Kind(d.byte()),
		Components: Component(d.byte()),
		ResourceID: d.string(),
		Rev:        Rev(d.uvarint()),
		Created:    Rev(d.uvarint()),
		Placed:     Rev(d.uvarint()),
		CreatedAt:  time.Unix(d.varint(), 0).UTC(),
		ModifiedAt: time.Unix(d.varint(), 0).UTC(),
		Objects:    int(d.uvarint()),
		Bytes:      d.varint(),
	}
	for i := range c.counts {
		c.counts[i] = int(d.uvarint())
	}
	c.floor = Rev(d.uvarint())
	if format >= 2 {
		c.PropertyBytes = d.varint()
	}
	return c, d.err("collection")
}

// header is what the objects table holds of an object before its body: all
// that cannot be derived from the body.
type header struct {
	Rev, CreatedRev, ScheduleTag Rev
	Created, Modified            int64
}

func (h *header) append(b []byte) []byte {
	b = append(b, formatObject)
	b = binary.AppendUvarint(b, uint64(h.Rev))
	b = binary.AppendUvarint(b, uint64(h.Rev-h.CreatedRev))
	b = binary.AppendUvarint(b, uint64(h.Rev-h.ScheduleTag))
	b = binary.AppendVarint(b, h.Created)
	return binary.AppendVarint(b, h.Modified-h.Created)
}

// entry returns the index entry that a stored object must have.
func (h *header) entry(name string, size int, ix Index) *Entry {
	return &Entry{
		Name: name, Size: size, Index: ix,
		Rev: h.Rev, CreatedRev: h.CreatedRev, ScheduleTag: h.ScheduleTag,
		Created: h.Created, Modified: h.Modified,
	}
}

// tombstone is what the objects table holds of a deleted name until the change
// log forgets it.
type tombstone struct {
	Rev Rev
	At  int64 // Unix seconds
}

func (t *tombstone) encode() []byte {
	b := append(make([]byte, 0, 20), formatTombstone)
	b = binary.AppendUvarint(b, uint64(t.Rev))
	return binary.AppendVarint(b, t.At)
}

// decodeObject decodes a value of the objects table: a live object's header
// and body, or else a tombstone.
func decodeObject(v []byte) (h header, body []byte, t *tombstone, err error) {
	d := decoder{b: v}
	switch d.byte() {
	case formatObject:
		h.Rev = Rev(d.uvarint())
		h.CreatedRev = h.Rev - Rev(d.uvarint())
		h.ScheduleTag = h.Rev - Rev(d.uvarint())
		h.Created = d.varint()
		h.Modified = h.Created + d.varint()
		return h, d.b, nil, d.err("object")
	case formatTombstone:
		t = &tombstone{Rev: Rev(d.uvarint()), At: d.varint()}
		return h, nil, t, d.err("deleted object")
	}
	return h, nil, nil, fmt.Errorf("object: %w", ErrCorrupt)
}

// Ends of an Index, as stored.
const (
	endOpen  = 0
	endGiven = 1 // + varint of End - Start
)

const icsSuffix = ".ics"

// impliedName reports whether name is the one that nearly all clients give to
// an object with this UID. Such UIDs need no record to be found by.
func impliedName(name, uid string) bool {
	return len(name) == len(uid)+len(icsSuffix) && name[:len(uid)] == uid && name[len(uid):] == icsSuffix
}

// encode returns the index entry, which is keyed by e.Rev.
func (e *Entry) encode() []byte {
	b := append(make([]byte, 0, 48+len(e.Name)+len(e.UID)), formatEntry)
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendUvarint(b, uint64(e.Rev-e.CreatedRev))
	b = binary.AppendUvarint(b, uint64(e.Rev-e.ScheduleTag))
	b = binary.AppendVarint(b, e.Created)
	b = binary.AppendVarint(b, e.Modified-e.Created)
	b = append(b, byte(e.Component), byte(e.Busy))
	b = binary.AppendUvarint(b, uint64(e.Flags))
	b = binary.AppendVarint(b, e.Start)
	if e.End == OpenEnded {
		b = append(b, endOpen)
	} else {
		b = binary.AppendVarint(append(b, endGiven), e.End-e.Start)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Name)))
	if impliedName(e.Name, e.UID) {
		return append(append(b, 1), e.Name...)
	}
	return append(append(append(b, 0), e.Name...), e.UID...)
}

// decodeEntry decodes the entry of rev into e. Its strings share one copy.
func (e *Entry) decode(rev Rev, v []byte) error {
	d := decoder{b: v}
	d.format(formatEntry)
	e.Rev = rev
	e.Size = int(d.uvarint())
	e.CreatedRev = rev - Rev(d.uvarint())
	e.ScheduleTag = rev - Rev(d.uvarint())
	e.Created = d.varint()
	e.Modified = e.Created + d.varint()
	e.Component = Component(d.byte())
	e.Busy = BusyType(d.byte())
	e.Flags = IndexFlags(d.uvarint())
	e.Start = d.varint()
	if d.byte() == endOpen {
		e.End = OpenEnded
	} else {
		e.End = e.Start + d.varint()
	}
	n := d.uvarint()
	implied := d.byte() == 1
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
