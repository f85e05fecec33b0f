package engine

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// boltState is the tables as one bbolt transaction sees them: the Reader of a
// view and what overlays lie on. It is used by one goroutine.
type boltState struct {
	*boltEngine
	data  *bbolt.Bucket
	find  *bbolt.Cursor // over data, for lookups
	probe []byte        // scratch of lookups
	tx    *bbolt.Tx
	small *bbolt.Bucket // the hot table; opened at first use
}

func (e *boltEngine) state(tx *bbolt.Tx) *boltState {
	b := tx.Bucket(bucketData)
	return &boltState{boltEngine: e, data: b, find: b.Cursor(), tx: tx}
}

func (s *boltState) hotBucket() *bbolt.Bucket {
	if s.small == nil {
		s.small = s.tx.Bucket(bucketHot)
	}
	return s.small
}

// key returns a table's key as the bucket has it, valid until the next call.
func (s *boltState) key(table int, key []byte) []byte {
	s.probe = append(append(s.probe[:0], s.prefix[table]), key...)
	return s.probe
}

func (s *boltState) get(table int, key []byte) []byte {
	if table == s.hot {
		return s.hotBucket().Get(key)
	}
	key = s.key(table, key)
	if k, v := s.find.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// apply writes an overlay into the transaction, which must be writable.
func (s *boltState) apply(o *overlay) error {
	s.data.FillPercent = fillPercent
	return o.each(func(table int, key []byte, w write) error {
		b := s.data
		if table == s.hot {
			b = s.hotBucket()
		} else {
			key = s.key(table, key)
		}
		if w.deleted {
			return b.Delete(key)
		}
		return b.Put(key, w.value)
	})
}

func (s *boltState) cursor(table int) cursor { return s.open(table) }

func (s *boltState) open(table int) *boltCursor {
	if table == s.hot {
		return &boltCursor{c: s.hotBucket().Cursor()}
	}
	return &boltCursor{c: s.data.Cursor(), probe: []byte{s.prefix[table]}, skip: 1}
}

// Get implements Reader.
func (s *boltState) Get(t Table, key []byte) []byte { return s.get(s.tables.of(t), key) }

// Scan implements Reader.
func (s *boltState) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := s.open(s.tables.of(t))
		for k, v := c.seek(from); k != nil && below(k, to) && yield(k, v); k, v = c.next() {
		}
	}
}

// ScanDesc implements Reader.
func (s *boltState) ScanDesc(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := s.open(s.tables.of(t))
		for k, v := c.seekBelow(to); k != nil && bytes.Compare(k, from) >= 0 && yield(k, v); k, v = c.prev() {
		}
	}
}

// boltCursor walks one table: the keys of its bucket that begin with its
// prefix, which it takes off.
type boltCursor struct {
	c     *bbolt.Cursor
	probe []byte // the prefix, followed by scratch
	skip  int    // length of the prefix: 0 or 1
}

func (c *boltCursor) in(k, v []byte) (key, value []byte) {
	if k == nil || c.skip == 1 && k[0] != c.probe[0] {
		return nil, nil
	}
	return k[c.skip:], v
}

func (c *boltCursor) seek(key []byte) (k, v []byte) {
	c.probe = append(c.probe[:c.skip], key...)
	return c.in(c.c.Seek(c.probe))
}

func (c *boltCursor) next() (k, v []byte) { return c.in(c.c.Next()) }
func (c *boltCursor) prev() (k, v []byte) { return c.in(c.c.Prev()) }

func (c *boltCursor) seekBelow(key []byte) (k, v []byte) {
	if key == nil && c.skip == 0 {
		return c.in(c.c.Last())
	}
	c.probe = append(c.probe[:c.skip], key...)
	if key == nil {
		c.probe[0]++ // the next table begins where this one ends
	}
	k, _ = c.c.Seek(c.probe)
	if key == nil {
		c.probe[0]--
	}
	if k == nil {
		return c.in(c.c.Last())
	}
	return c.in(c.c.Prev())
}
