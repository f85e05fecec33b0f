package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// What files of former formats have otherwise; only the migration reads it.
const (
	legacyState  = 2 // the last format of a state record without a checksum
	legacyObject = 1
	legacyEntry  = 1

	legacyIndexUID     = 'u' // + UID, of one calendar, unless the name implied it
	legacyOfHome       = 'h' // + home
	legacyOfCollection = 'c' // + collection

	legacyQueued = 1
	legacyQueue  = 'q' // + due, home, rev
)

// formatUpTo reads a format that may be any from 1 to newest.
func (d *decoder) formatUpTo(newest byte) byte {
	f := d.byte()
	if f < 1 || f > newest {
		d.fail()
	}
	return f
}

// An oldState is the state record of format 1 or 2. It began with the version; of
// the rest the last numbers that were given out are of use.
type oldState struct {
	version    uint64
	home       HomeID
	collection CollectionID
}

func decodeLegacyState(v []byte) (oldState, error) {
	d := decoder{b: v}
	d.formatUpTo(legacyState)
	st := oldState{version: d.uvarint()}
	d.uvarint() // the last revision
	st.home, st.collection = HomeID(d.uvarint()), CollectionID(d.uvarint())
	if st.version == 0 || st.version > legacyState {
		d.fail()
	}
	return st, d.err("state")
}

// decodeLegacyHome decodes a home of format 1, which counts no properties, or 2.
func decodeLegacyHome(id HomeID, v []byte) (h *Home, format byte, err error) {
	if len(v) == 0 {
		return nil, 0, fmt.Errorf("home: %w", ErrCorrupt)
	}
	if format = v[0]; format == 1 {
		v = append(append([]byte{formatHome}, v[1:]...), 0, 0) // Counted, QuotaGroups
	}
	h, err = decodeHome(id, v)
	return h, format, err
}

// decodeLegacyCollection decodes a collection of format 1 or 2.
func decodeLegacyCollection(home HomeID, name string, v []byte) (c *Collection, format byte, err error) {
	if len(v) == 0 {
		return nil, 0, fmt.Errorf("collection: %w", ErrCorrupt)
	}
	if format = v[0]; format == 1 {
		v = append(append([]byte{formatCollection}, v[1:]...), 0) // PropertyBytes
	}
	c, err = decodeCollection(home, name, v)
	return c, format, err
}

// decodeLegacyObject decodes a live object, without its index.
func decodeLegacyObject(name string, v []byte) (e *Entry, body []byte, ok bool) {
	d := decoder{b: v}
	d.format(legacyObject)
	e = &Entry{Name: name, Rev: Rev(d.uvarint())}
	e.CreatedRev = e.Rev - Rev(d.uvarint())
	e.ScheduleTag = e.Rev - Rev(d.uvarint())
	e.Created = d.varint()
	e.Modified = e.Created + d.varint()
	e.Size = len(d.b)
	return e, d.b, !d.bad
}

// decodeLegacy decodes the index entry of rev into e.
func (e *Entry) decodeLegacy(rev Rev, v []byte) error {
	d := decoder{b: v}
	d.format(legacyEntry)
	e.Rev = rev
	e.Size = int(d.uvarint())
	e.CreatedRev = rev - Rev(d.uvarint())
	e.ScheduleTag = rev - Rev(d.uvarint())
	e.Created = d.varint()
	e.Modified = e.Created + d.varint()
	e.takeIndex(&d)
	return e.takeNames(&d)
}

// decodeLegacyQueued decodes a row of the queue of formats 3 to 5, by whose key it was
// found when it was due.
func decodeLegacyQueued(k, v []byte) (*Queued, error) {
	id, err := idIn(k, 21)
	if err != nil {
		return nil, err
	}
	d := decoder{b: v}
	d.format(legacyQueued)
	q := &Queued{
		ID:     id,
		Due:    time.Unix(int64(binary.BigEndian.Uint64(k[1:])), 0).UTC(),
		Queued: time.Unix(d.varint(), 0).UTC(),
		Tries:  int(d.uvarint()),
	}
	copy(q.Thread[:], d.take(uint64(len(q.Thread))))
	q.Note = d.string()
	q.Payload = d.b
	return q, d.err("queue")
}
