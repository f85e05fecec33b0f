package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"time"

	"convene/internal/engine"
)

// A Matter is something of a home that waits until a moment: a request that somebody
// has to answer, a remark that is kept for a while. What it says is its caller's. It is
// not made of anything else, so Reindex leaves it alone.
type Matter struct {
	Home    HomeID
	Kind    byte   // the caller's; matters of one kind lie together
	Key     []byte // of the matter within its kind, not longer than maxMatterKey
	Due     time.Time
	Payload []byte
}

// maxMatterKey bounds Matter.Key, in bytes.
const maxMatterKey = 64

func (m *Matter) key() []byte {
	b := append(appendU32([]byte{lookupMatter}, m.Home), m.Kind)
	return append(b, m.Key...)
}

// kindInDue is where in the key of a row of when something is due its kind is.
const kindInDue = 1 + 8 + 4

// dueKey is that of the row by which a matter is found when it is due.
func (m *Matter) dueKey() []byte {
	b := binary.BigEndian.AppendUint64([]byte{lookupDue}, uint64(max(m.Due.Unix(), 0)))
	return append(append(appendU32(b, m.Home), m.Kind), m.Key...)
}

func decodeMatter(k, v []byte) (*Matter, error) {
	if len(k) < 6 {
		return nil, fmt.Errorf("matter: key %x: %w", k, ErrCorrupt)
	}
	d := decoder{b: v}
	d.format(formatMatter)
	m := &Matter{Home: HomeID(binary.BigEndian.Uint32(k[1:])), Kind: k[5], Key: bytes.Clone(k[6:])}
	m.Due = time.Unix(d.varint(), 0).UTC()
	m.Payload = bytes.Clone(d.b)
	return m, d.err("matter")
}

// ofDue is the key of the matter that a row of those that are due leads to.
func ofDue(k []byte) ([]byte, error) {
	if len(k) < 14 {
		return nil, fmt.Errorf("due: key %x: %w", k, ErrCorrupt)
	}
	return append([]byte{lookupMatter}, k[9:]...), nil
}

// SetMatter writes a matter, in place of the one with its key. Errors: ErrNotFound if
// there is no such home; LimitError.
func (tx *Tx) SetMatter(m *Matter) error {
	if len(m.Payload) > MaxBody || len(m.Key) > maxMatterKey {
		return fmt.Errorf("matter: %w", &LimitError{LimitQueued, MaxBody})
	}
	if err := tx.DropMatter(m); err != nil {
		return err
	}
	m.Due = m.Due.UTC().Truncate(time.Second)
	v := append(binary.AppendVarint([]byte{formatMatter}, m.Due.Unix()), m.Payload...)
	if err := tx.w.Put(tableLookup, m.key(), v); err != nil {
		return err
	}
	return tx.w.Put(tableLookup, m.dueKey(), []byte{formatMatter})
}

// DropMatter removes the matter of that home, kind and key, if it is there. Errors:
// ErrNotFound if there is no such home.
func (tx *Tx) DropMatter(m *Matter) error {
	if _, err := tx.changingHome(m.Home); err != nil {
		return err
	}
	was, err := tx.Matter(m.Home, m.Kind, m.Key)
	if err != nil || was == nil {
		return err
	}
	if err := tx.w.Delete(tableLookup, was.dueKey()); err != nil {
		return err
	}
	return tx.w.Delete(tableLookup, was.key())
}

// Matter returns a matter, nil if there is none.
func (tx *Tx) Matter(home HomeID, kind byte, key []byte) (*Matter, error) {
	k := (&Matter{Home: home, Kind: kind, Key: key}).key()
	v := tx.r.Get(tableLookup, k)
	if v == nil {
		return nil, nil
	}
	return decodeMatter(k, v)
}

// Matters walks over the matters of one kind of a home, in order of their keys.
func (tx *Tx) Matters(home HomeID, kind byte) iter.Seq2[*Matter, error] {
	prefix := append(appendU32([]byte{lookupMatter}, home), kind)
	return func(yield func(*Matter, error) bool) {
		for k, v := range tx.r.Scan(tableLookup, within(prefix)) {
			m, err := decodeMatter(k, v)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// DueMatters walks over the matters of all homes that are due at a moment, those first
// that have been for longest. kinds, if there are any, are the only ones of it.
func (tx *Tx) DueMatters(at time.Time, kinds ...byte) iter.Seq2[*Matter, error] {
	until := binary.BigEndian.AppendUint64([]byte{lookupDue}, uint64(max(at.Unix(), 0))+1)
	return func(yield func(*Matter, error) bool) {
		for k := range tx.r.Scan(tableLookup, engine.Range{From: []byte{lookupDue}, To: until, KeysOnly: true}) {
			if len(kinds) > 0 && len(k) > kindInDue && !slices.Contains(kinds, k[kindInDue]) {
				continue
			}
			m, err := tx.dueMatter(k)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// dueMatter is the matter that a row of those that are due leads to.
func (tx *Tx) dueMatter(k []byte) (*Matter, error) {
	key, err := ofDue(k)
	if err != nil {
		return nil, err
	}
	v := tx.r.Get(tableLookup, key)
	if v == nil {
		return nil, fmt.Errorf("due: %x leads nowhere: %w", k, ErrCorrupt)
	}
	return decodeMatter(key, v)
}

// dropMatters removes all matters of a home, which is deleted.
func (tx *Tx) dropMatters(home HomeID) error {
	var all []*Matter
	for k, v := range tx.r.Scan(tableLookup, within(appendU32([]byte{lookupMatter}, home))) {
		m, err := decodeMatter(k, v)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	for _, m := range all {
		if err := tx.DropMatter(m); err != nil {
			return err
		}
	}
	return nil
}

// TakeRev takes a number of a home that no other change of it has or gets.
func (tx *Tx) TakeRev(home HomeID) (Rev, error) {
	h, err := tx.changingHome(home)
	if err != nil {
		return 0, err
	}
	return tx.nextRev(h), nil
}

// matterRecord checks a record of a matter, or of when it is due; ok is false if it is
// another's.
func (tx *Tx) matterRecord(k, v []byte) (ok bool, err error) {
	switch k[0] {
	case lookupMatter:
		m, err := decodeMatter(k, v)
		if err == nil && tx.r.Get(tableLookup, m.dueKey()) == nil {
			err = fmt.Errorf("matter: %x is never due: %w", k, ErrCorrupt)
		}
		return true, err
	case lookupDue:
		m, err := tx.dueMatter(k)
		if err == nil && !bytes.Equal(m.dueKey(), k) {
			err = fmt.Errorf("due: %x is due at another time: %w", k, ErrCorrupt)
		}
		return true, err
	}
	return false, nil
}
