package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"

	"convene/internal/engine"
)

// sealBytes is how many bytes a value is longer in the file than what it says: a
// CRC-32C over its table, its key and itself, big-endian, at its end.
const sealBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOf is the checksum of a value in its place: one that is found under another
// key is as wrong as one with another byte.
func sumOf(t engine.Table, key, value []byte) uint32 {
	sum := crc32.Update(uint32(t[0])<<8|uint32(len(t)), castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

// appendSeal appends the checksum of value to it.
func appendSeal(t engine.Table, key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, sumOf(t, key, value))
}

// unseal returns what a value says; ok is false if its checksum is wrong.
func unseal(t engine.Table, key, v []byte) (value []byte, ok bool) {
	n := len(v) - sealBytes
	if n < 0 || binary.BigEndian.Uint32(v[n:]) != sumOf(t, key, v[:n]) {
		return nil, false
	}
	return v[:n:n], true
}

// proves reports whether value was put under key.
func proves(t engine.Table, key, value []byte) bool {
	_, ok := unseal(t, key, value)
	return ok
}

// sealed is a transaction of the engine whose values have checksums. A read of a
// value whose checksum is wrong fails with ErrCorrupt, as one fails that the
// engine cannot carry out. Who looks for damage sets lenient: then such a value
// is empty, which no decoder takes for a record, and in a Scan nil.
type sealed struct {
	r       engine.Reader
	w       engine.Writer // nil in a view
	lenient bool
	scratch []byte
}

func (s *sealed) open(t engine.Table, key, v []byte) []byte {
	value, ok := unseal(t, key, v)
	if ok {
		return value
	}
	if !s.lenient {
		fail(fmt.Errorf("%s %x: checksum is wrong: %w", t, key, ErrCorrupt))
	}
	return nil
}

// Get returns the value of key, nil if the table has none.
func (s *sealed) Get(t engine.Table, key []byte) []byte {
	v := s.r.Get(t, key)
	if v == nil {
		return nil
	}
	if v = s.open(t, key, v); v == nil {
		v = []byte{} // it is there
	}
	return v
}

// has reports whether the table has a key, whatever its value is.
func (s *sealed) has(t engine.Table, key []byte) bool { return s.r.Get(t, key) != nil }

// Scan walks a range; see engine.Reader. Without values nothing is checked.
func (s *sealed) Scan(t engine.Table, r engine.Range) iter.Seq2[[]byte, []byte] {
	if r.KeysOnly {
		return s.r.Scan(t, r)
	}
	return func(yield func(k, v []byte) bool) {
		for k, v := range s.r.Scan(t, r) {
			if !yield(k, s.open(t, k, v)) {
				return
			}
		}
	}
}

// Put sets key to value, which it copies.
func (s *sealed) Put(t engine.Table, key, value []byte) error {
	s.scratch = append(s.scratch[:0], value...)
	return s.putOwn(t, key, s.scratch)
}

// putOwn is Put of a value that nobody else has: the checksum is appended in
// place.
func (s *sealed) putOwn(t engine.Table, key, value []byte) error {
	return s.w.Put(t, key, appendSeal(t, key, value))
}

// Delete removes key.
func (s *sealed) Delete(t engine.Table, key []byte) error { return s.w.Delete(t, key) }

// Guard names a key that the update relies on; see engine.Writer.
func (s *sealed) Guard(t engine.Table, key []byte) { s.w.Guard(t, key) }
