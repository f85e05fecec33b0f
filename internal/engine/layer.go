package engine

import (
	"bytes"
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// A source is what can be read: the tables by number. It is used by one
// goroutine.
type source interface {
	get(table int, key []byte) []byte
	cursor(table int) cursor
}

// A cursor walks one table of a source, in one direction after each seek. Each
// step returns a nil key at the end.
type cursor interface {
	seek(key []byte) (k, v []byte) // first key ≥ key; then next
	next() (k, v []byte)
	seekBelow(key []byte) (k, v []byte) // last key < key, nil meaning the last of all; then prev
	prev() (k, v []byte)
	done() // it walks no more, and may be another's
}

// A write is one change of a table. Its key begins with the table's number, so
// that one tree holds all tables.
type write struct {
	key     []byte
	value   []byte
	deleted bool
}

// writes are changes in the order of table and key. A copy costs nothing until
// one of both changes.
type writes = btree.BTreeG[write]

func newWrites() *writes {
	return btree.NewBTreeGOptions(lessWrite, btree.Options{NoLocks: true, Degree: 8})
}

func lessWrite(a, b write) bool { return bytes.Compare(a.key, b.key) < 0 }

// A layer is the source that writes over another one make.
type layer struct {
	writes *writes
	below  source
	probe  []byte // scratch of lookups
}

// over lays w over s.
func over(w *writes, s source) source {
	if w == nil || w.Len() == 0 {
		return s
	}
	return &layer{writes: w, below: s}
}

func (l *layer) get(table int, key []byte) []byte {
	l.probe = append(append(l.probe[:0], byte(table)), key...)
	if w, ok := l.writes.Get(write{key: l.probe}); ok {
		return w.value // nil if deleted
	}
	return l.below.get(table, key)
}

func (l *layer) cursor(table int) cursor {
	return &layerCursor{table: byte(table), it: l.writes.Iter(), below: l.below.cursor(table)}
}

// nothing is the source without anything.
type nothing struct{}

func (nothing) get(int, []byte) []byte         { return nil }
func (nothing) cursor(int) cursor              { return nothing{} }
func (nothing) seek([]byte) (k, v []byte)      { return nil, nil }
func (nothing) next() (k, v []byte)            { return nil, nil }
func (nothing) seekBelow([]byte) (k, v []byte) { return nil, nil }
func (nothing) prev() (k, v []byte)            { return nil, nil }
func (nothing) done()                          {}

// layerCursor yields the union of a layer's writes and what lies below. A write
// hides the pair below it that has its key.
type layerCursor struct {
	table byte
	it    btree.IterG[write]
	probe []byte
	mine  write // the next write, if any
	any   bool

	below cursor
	k, v  []byte // the next pair below

	desc        bool
	used, usedB bool // which of both the last step returned: to be passed by the next
}

func (c *layerCursor) seek(key []byte) (k, v []byte) {
	c.desc = false
	c.probe = append(append(slices.Grow(c.probe[:0], 1+len(key)), c.table), key...)
	c.take(c.it.Seek(write{key: c.probe}))
	c.k, c.v = c.below.seek(key)
	return c.current()
}

func (c *layerCursor) seekBelow(key []byte) (k, v []byte) {
	c.desc = true
	c.probe = append(append(c.probe[:0], c.table), key...)
	if key == nil {
		c.probe[0]++ // the next table begins where this one ends
	}
	if c.it.Seek(write{key: c.probe}) {
		c.take(c.it.Prev())
	} else {
		c.take(c.it.Last())
	}
	c.k, c.v = c.below.seekBelow(key)
	return c.current()
}

func (c *layerCursor) next() (k, v []byte) { return c.step() }
func (c *layerCursor) prev() (k, v []byte) { return c.step() }
func (c *layerCursor) done()               { c.below.done() }

// take makes the iterator's write the next one.
func (c *layerCursor) take(ok bool) {
	if c.any = ok; ok {
		c.mine = c.it.Item()
		c.any = c.mine.key[0] == c.table
	}
}

func (c *layerCursor) step() (k, v []byte) {
	c.pass()
	return c.current()
}

// pass moves on from what was returned last.
func (c *layerCursor) pass() {
	switch {
	case c.used && c.desc:
		c.take(c.it.Prev())
	case c.used:
		c.take(c.it.Next())
	}
	switch {
	case c.usedB && c.desc:
		c.k, c.v = c.below.prev()
	case c.usedB:
		c.k, c.v = c.below.next()
	}
}

// current returns the nearer of both, past what has been deleted.
func (c *layerCursor) current() (k, v []byte) {
	for {
		order := 0
		switch {
		case !c.any && c.k == nil:
			c.used, c.usedB = false, false
			return nil, nil
		case !c.any:
			order = 1
		case c.k == nil:
			order = -1
		default:
			order = bytes.Compare(c.mine.key[1:], c.k)
			if c.desc {
				order = -order
			}
		}
		c.used, c.usedB = order <= 0, order >= 0
		if !c.used {
			return c.k, c.v
		}
		if !c.mine.deleted {
			return c.mine.key[1:], c.mine.value
		}
		c.pass()
	}
}

// reader is the Reader of a view: a source with the names of its tables.
type reader struct {
	tables tableIndex
	source source
}

// Get implements Reader.
func (r *reader) Get(t Table, key []byte) []byte { return r.source.get(r.tables.of(t), key) }

// GetMany implements Reader.
func (r *reader) GetMany(t Table, keys [][]byte) [][]byte {
	return getMany(r.source, r.tables.of(t), keys)
}

// Scan implements Reader.
func (r *reader) Scan(t Table, rg Range) iter.Seq2[[]byte, []byte] {
	table := r.tables.of(t)
	return func(yield func(k, v []byte) bool) { walk(r.source.cursor(table), rg, yield) }
}

func getMany(s source, table int, keys [][]byte) [][]byte {
	values := make([][]byte, len(keys))
	for i, k := range keys {
		values[i] = s.get(table, k)
	}
	return values
}

// walk yields what of c's table is in r.
func walk(c cursor, r Range, yield func(k, v []byte) bool) {
	defer c.done()
	if r.Desc {
		descend(c, &r, yield)
		return
	}
	n := 0
	for k, v := c.seek(r.From); k != nil && (r.To == nil || bytes.Compare(k, r.To) < 0); k, v = c.next() {
		if n++; !r.yield(k, v, yield) || n == r.Limit {
			return
		}
	}
}

func descend(c cursor, r *Range, yield func(k, v []byte) bool) {
	n := 0
	for k, v := c.seekBelow(r.To); k != nil && bytes.Compare(k, r.From) >= 0; k, v = c.prev() {
		if n++; !r.yield(k, v, yield) || n == r.Limit {
			return
		}
	}
}

func (r *Range) yield(k, v []byte, yield func(k, v []byte) bool) bool {
	if r.KeysOnly {
		v = nil
	}
	return yield(k, v)
}
