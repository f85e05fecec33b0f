package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The first byte of every value is its format. A format that changes gets a
// new number and the decoder knows both until a migration rewrites the table.
const (
	formatState      = 3
	formatNumber     = 1
	formatNote       = 1
	formatHome       = 2
	formatCollection = 2
	formatEntry      = 2
	formatUID        = 1
	formatObject     = 3
	formatShared     = 4 // in the objects table, of an object that shares its body
	formatPurge      = 2
	formatQueued     = 2
	formatThread     = 1
	formatAge        = 1
	formatMark       = 1
	formatTally      = 1
	formatMatter     = 1
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

// state is the record of the whole file.
type state struct {
	Version uint64 // schema
	Epoch   Epoch

	// How far the migration from Version to the next has come; see migration.
	Step   uint64
	Cursor []byte
}

func (s *state) encode() []byte {
	b := append(make([]byte, 0, 24+len(s.Cursor)), formatState)
	b = binary.AppendUvarint(b, s.Version)
	b = binary.AppendUvarint(b, uint64(s.Epoch))
	b = binary.AppendUvarint(b, s.Step)
	return append(b, s.Cursor...)
}

func decodeState(v []byte) (state, error) {
	d := decoder{b: v}
	d.format(formatState)
	s := state{Version: d.uvarint(), Epoch: Epoch(d.uvarint()), Step: d.uvarint()}
	s.Cursor = append(s.Cursor, d.b...)
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
	b = appendString(b, h.QuotaGroups)
	if h.Addresses != "" { // records from before there were any have none
		b = appendString(b, h.Addresses)
	}
	return b
}

func decodeHome(id HomeID, v []byte) (*Home, error) {
	d := decoder{b: v}
	d.format(formatHome)
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
	h.Counted = int(d.uvarint())
	h.QuotaGroups = d.string()
	if len(d.b) > 0 {
		h.Addresses = d.string()
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
	b = binary.AppendVarint(b, c.PropertyBytes)
	return c.Rights.append(b)
}

func decodeCollection(home HomeID, name string, v []byte) (*Collection, error) {
	d := decoder{b: v}
	d.format(formatCollection)
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
	c.PropertyBytes = d.varint()
	c.Rights.take(&d)
	return c, d.err("collection")
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
