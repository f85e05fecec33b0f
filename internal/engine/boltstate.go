package engine

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// boltState is the tables as one transaction of the bbolt file sees them. It is
// used by one goroutine.
type boltState struct {
	hot   int // the number of the hot table, or -1
	data  *bbolt.Bucket
	find  *bbolt.Cursor // over data, for lookups
	probe []byte        // scratch of lookups
	tx    *bbolt.Tx
	small *bbolt.Bucket // the hot table; opened at first use

	reading bool // bbolt is looking something up; still set after it has panicked
}

func (e *boltEngine) state(tx *bbolt.Tx) *boltState {
	s := &boltState{hot: e.hot, tx: tx}
	s.open()
	return s
}

func (s *boltState) open() {
	s.reading = true
	s.data = s.tx.Bucket(bucketData)
	s.find = s.data.Cursor()
	s.reading = false
}

func (s *boltState) hotBucket() *bbolt.Bucket {
	if s.small == nil {
		s.small = s.tx.Bucket(bucketHot)
	}
	return s.small
}

func (s *boltState) get(table int, key []byte) (value []byte) {
	s.reading = true
	if table == s.hot {
		value = s.hotBucket().Get(key)
	} else {
		s.probe = append(append(s.probe[:0], byte(table)), key...)
		if k, v := s.find.Seek(s.probe); bytes.Equal(k, s.probe) {
			value = v
		}
	}
	s.reading = false
	return value
}

// apply writes w into the transaction, which must be writable. The keys of
// writes are those of the bucket: a table's number and the key.
func (s *boltState) apply(w *writes) (err error) {
	s.data.FillPercent = fillPercent
	w.Scan(func(w write) bool {
		b, key := s.data, w.key
		if int(key[0]) == s.hot {
			b, key = s.hotBucket(), key[1:]
		}
		if w.deleted {
			err = b.Delete(key)
		} else {
			err = b.Put(key, w.value)
		}
		return err == nil
	})
	return err
}

func (s *boltState) cursor(table int) cursor {
	if table == s.hot {
		return &boltCursor{state: s, c: s.hotBucket().Cursor()}
	}
	return &boltCursor{state: s, c: s.data.Cursor(), probe: []byte{byte(table)}, skip: 1}
}

// boltCursor walks one table: the keys of its bucket that begin with its
// prefix, which it takes off.
type boltCursor struct {
	state *boltState
	c     *bbolt.Cursor
	probe []byte // the prefix, followed by scratch
	skip  int    // length of the prefix: 0 or 1
}

func (c *boltCursor) in(k, v []byte) (key, value []byte) {
	c.state.reading = false
	if k == nil || c.skip == 1 && k[0] != c.probe[0] {
		return nil, nil
	}
	return k[c.skip:], v
}

func (c *boltCursor) seek(key []byte) (k, v []byte) {
	c.probe = append(c.probe[:c.skip], key...)
	c.state.reading = true
	return c.in(c.c.Seek(c.probe))
}

func (c *boltCursor) next() (k, v []byte) {
	c.state.reading = true
	return c.in(c.c.Next())
}

func (c *boltCursor) prev() (k, v []byte) {
	c.state.reading = true
	return c.in(c.c.Prev())
}

func (c *boltCursor) seekBelow(key []byte) (k, v []byte) {
	c.state.reading = true
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
