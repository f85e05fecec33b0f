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
	idle  []*boltCursor // over data, that are done

	proof  *proof // of the file
	proven *proof // that which this transaction asks for, or nil

	reading bool // bbolt is looking something up; still set after it has panicked
}

// unopened returns the state of tx, which is to be opened.
func (e *boltEngine) unopened(tx *bbolt.Tx) *boltState {
	return &boltState{hot: e.hot, proof: e.proof, proven: e.proof, tx: tx}
}

func (e *boltEngine) state(tx *bbolt.Tx) *boltState {
	s := e.unopened(tx)
	s.open()
	return s
}

func (s *boltState) open() {
	s.reading = true
	s.data = s.tx.Bucket(bucketData)
	s.find, s.idle = s.data.Cursor(), nil
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
	c := s.find
	skip := 1
	if table == s.hot {
		c, skip = s.hotBucket().Cursor(), 0
	}
	s.probe = append(append(s.probe[:0], byte(table))[:skip], key...)
	k, v := c.Seek(s.probe)
	s.reading = false
	if !bytes.Equal(k, s.probe) {
		s.absent(c, table, skip, s.probe, k, v)
		return nil
	}
	if v == nil {
		s.wrong("key %x leads to a bucket", k)
	}
	return v
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
		return &boltCursor{state: s, c: s.hotBucket().Cursor(), table: table}
	}
	c := &boltCursor{state: s, skip: 1}
	if n := len(s.idle); n > 0 {
		c, s.idle = s.idle[n-1], s.idle[:n-1]
	} else {
		c.c = s.data.Cursor()
	}
	c.table, c.probe = table, append(c.probe[:0], byte(table))
	return c
}

// done leaves the cursor to the next walk: most transactions have many short ones.
func (c *boltCursor) done() {
	if c.skip == 1 {
		c.state.idle = append(c.state.idle, c)
	}
}

// boltCursor walks one table: the keys of its bucket that begin with its
// prefix, which it takes off.
type boltCursor struct {
	state *boltState
	c     *bbolt.Cursor
	table int
	probe []byte // the prefix, followed by scratch
	skip  int    // length of the prefix: 0 or 1
	last  []byte // the key of the bucket that came last
}

// in takes what bbolt found, which must lie behind what came last in the direction
// that sign gives.
func (c *boltCursor) in(sign int, k, v []byte) (key, value []byte) {
	s := c.state
	s.reading = false
	if k == nil {
		return nil, nil
	}
	s.prove(c.table, c.skip, k, v)
	if c.last != nil && bytes.Compare(k, c.last)*sign <= 0 {
		s.wrong("key %x is out of order", k)
	}
	c.last = k
	if c.skip == 1 && k[0] != c.probe[0] {
		return nil, nil
	}
	return k[c.skip:], v
}

func (c *boltCursor) seek(key []byte) (k, v []byte) {
	c.probe = append(c.probe[:c.skip], key...)
	c.last = nil
	c.state.reading = true
	k, v = c.c.Seek(c.probe)
	c.state.reading = false
	if c.state.proven != nil && !bytes.Equal(k, c.probe) {
		c.state.absent(c.c, c.table, c.skip, c.probe, k, v)
		c.state.reading = true
		k, v = c.c.Seek(c.probe)
	}
	if k != nil && bytes.Compare(k, c.probe) < 0 { // who goes on from there would never end
		c.state.wrong("key %x is out of order", k)
	}
	return c.in(1, k, v)
}

func (c *boltCursor) next() (k, v []byte) {
	c.state.reading = true
	k, v = c.c.Next()
	return c.in(1, k, v)
}

func (c *boltCursor) prev() (k, v []byte) {
	c.state.reading = true
	k, v = c.c.Prev()
	return c.in(-1, k, v)
}

func (c *boltCursor) seekBelow(key []byte) (k, v []byte) {
	c.state.reading = true
	c.last = nil
	if key == nil && c.skip == 0 {
		k, v = c.c.Last()
		return c.in(-1, k, v)
	}
	c.probe = append(c.probe[:c.skip], key...)
	if key == nil {
		c.probe[0]++ // the next table begins where this one ends
	}
	above, value := c.c.Seek(c.probe)
	if above == nil {
		k, v = c.c.Last()
	} else {
		c.state.prove(c.table, c.skip, above, value)
		if bytes.Compare(above, c.probe) < 0 {
			c.state.wrong("key %x is out of order", above)
		}
		c.state.reading = true
		k, v = c.c.Prev()
	}
	if k != nil && bytes.Compare(k, c.probe) >= 0 {
		c.state.wrong("key %x is out of order", k)
	}
	if key == nil {
		c.probe[0]--
	}
	return c.in(-1, k, v)
}
