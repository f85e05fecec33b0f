package engine

import (
	"bytes"
	"iter"

	"github.com/tidwall/btree"
)

// A source is what an overlay lies on: the tables by number.
type source interface {
	get(table int, key []byte) []byte
	cursor(table int) cursor
}

// A cursor walks one table of a source. Each step returns a nil key at the end.
type cursor interface {
	seek(key []byte) (k, v []byte) // first key ≥ key
	next() (k, v []byte)
	seekBelow(key []byte) (k, v []byte) // last key < key; nil means the last of all
	prev() (k, v []byte)
}

// A write is one entry of an overlay. Its key begins with the table's number,
// so that one tree holds all tables.
type write struct {
	key     []byte
	value   []byte
	deleted bool
}

// An overlay is the Writer of one update: the writes of that update over the
// state they began from. Discarding it undoes the update.
type overlay struct {
	tables tableIndex
	base   source
	writes *btree.BTreeG[write]
	bytes  int
	probe  []byte // scratch of lookups
	arena  []byte // keys and values are cut from here
}

func lessWrite(a, b write) bool { return bytes.Compare(a.key, b.key) < 0 }

func newOverlay(tables tableIndex, base source) *overlay {
	return &overlay{tables: tables, base: base}
}

// reset empties o for another update over base.
func (o *overlay) reset(base source) {
	o.base, o.bytes = base, 0
	if o.writes != nil {
		o.writes.Clear()
	}
	if cap(o.arena) > maxSpareArena {
		o.arena = nil
	}
	o.arena = o.arena[:0]
}

const (
	minArena      = 4 << 10
	maxSpareArena = 64 << 10
)

// keep copies b to memory that lives as long as the overlay's writes.
func (o *overlay) keep(b []byte) []byte {
	if cap(o.arena)-len(o.arena) < len(b) {
		o.arena = make([]byte, 0, max(minArena, len(b)))
	}
	n := len(o.arena)
	o.arena = append(o.arena, b...)
	return o.arena[n:len(o.arena):len(o.arena)]
}

func (o *overlay) find(table int, key []byte) (write, bool) {
	if o.writes == nil {
		return write{}, false
	}
	o.probe = append(append(o.probe[:0], byte(table)), key...)
	return o.writes.Get(write{key: o.probe})
}

func (o *overlay) set(table int, key, value []byte, deleted bool) {
	if o.writes == nil {
		o.writes = btree.NewBTreeGOptions(lessWrite, btree.Options{NoLocks: true, Degree: 16})
	}
	o.probe = append(append(o.probe[:0], byte(table)), key...)
	w := write{key: o.keep(o.probe), deleted: deleted}
	if !deleted {
		w.value = o.keep(value)
	}
	o.writes.Set(w)
	o.bytes += len(w.key) + len(w.value)
}

// Put implements Writer.
func (o *overlay) Put(t Table, key, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	o.set(o.tables.of(t), key, value, false)
	return nil
}

// Delete implements Writer.
func (o *overlay) Delete(t Table, key []byte) error {
	o.set(o.tables.of(t), key, nil, true)
	return nil
}

// Get implements Reader.
func (o *overlay) Get(t Table, key []byte) []byte {
	table := o.tables.of(t)
	if w, ok := o.find(table, key); ok {
		return w.value // nil if deleted
	}
	return o.base.get(table, key)
}

// each calls fn for every write in the order of table and key, until fn fails.
func (o *overlay) each(fn func(table int, key []byte, w write) error) error {
	if o.writes == nil {
		return nil
	}
	var err error
	o.writes.Scan(func(w write) bool {
		err = fn(int(w.key[0]), w.key[1:], w)
		return err == nil
	})
	return err
}

// Scan implements Reader.
func (o *overlay) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	table := o.tables.of(t)
	return func(yield func(k, v []byte) bool) {
		c := o.base.cursor(table)
		bk, bv := c.seek(from)
		mine := o.iterate(table, from, true)
		if mine == nil {
			for bk != nil && below(bk, to) && yield(bk, bv) {
				bk, bv = c.next()
			}
			return
		}
		merge(mine, bk, bv, c.next, bytes.Compare, func(k []byte) bool { return below(k, to) }, yield)
	}
}

// ScanDesc implements Reader.
func (o *overlay) ScanDesc(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	table := o.tables.of(t)
	return func(yield func(k, v []byte) bool) {
		c := o.base.cursor(table)
		bk, bv := c.seekBelow(to)
		in := func(k []byte) bool { return bytes.Compare(k, from) >= 0 }
		mine := o.iterate(table, to, false)
		if mine == nil {
			for bk != nil && in(bk) && yield(bk, bv) {
				bk, bv = c.prev()
			}
			return
		}
		merge(mine, bk, bv, c.prev, func(a, b []byte) int { return bytes.Compare(b, a) }, in, yield)
	}
}

func below(k, to []byte) bool { return to == nil || bytes.Compare(k, to) < 0 }

// merge yields the union of the overlay's writes and the base's pairs, in the
// order of compare, while in holds. A write hides the base's pair of its key.
func merge(mine func() (write, bool), bk, bv []byte, step func() ([]byte, []byte),
	compare func(a, b []byte) int, in func([]byte) bool, yield func(k, v []byte) bool) {
	w, ok := mine()
	for {
		order := 0
		switch {
		case bk == nil && !ok:
			return
		case !ok:
			order = 1
		case bk == nil:
			order = -1
		default:
			order = compare(w.key[1:], bk)
		}
		if order == 1 {
			if !in(bk) || !yield(bk, bv) {
				return
			}
			bk, bv = step()
			continue
		}
		if !in(w.key[1:]) {
			return // the base's pair, if any, comes later and is outside too
		}
		if !w.deleted && !yield(w.key[1:], w.value) {
			return
		}
		if order == 0 {
			bk, bv = step()
		}
		w, ok = mine()
	}
}

// iterate returns a function that steps through a copy of the overlay's writes
// to table: ascending from key on, or descending from below key. It is nil if
// the overlay is empty.
func (o *overlay) iterate(table int, key []byte, ascending bool) func() (write, bool) {
	if o.writes == nil || o.writes.Len() == 0 {
		return nil
	}
	it := o.writes.Copy().Iter()
	start := append([]byte{byte(table)}, key...)
	var ok bool
	switch {
	case ascending:
		ok = it.Seek(write{key: start})
	default:
		if key == nil {
			start[0]++
		}
		if it.Seek(write{key: start}) {
			ok = it.Prev()
		} else {
			ok = it.Last()
		}
	}
	return func() (write, bool) {
		if !ok || int(it.Item().key[0]) != table {
			return write{}, false
		}
		w := it.Item()
		if ascending {
			ok = it.Next()
		} else {
			ok = it.Prev()
		}
		return w, true
	}
}
