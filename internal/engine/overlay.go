package engine

import (
	"bytes"
	"iter"
	"slices"
)

// An overlay is the Writer of one update: the writes of that update over the
// state they began from. Discarding it undoes the update.
type overlay struct {
	tables tableIndex
	layer  layer
	bytes  int    // of all keys and values ever written, deletions included
	arena  []byte // keys and values are cut from here

	points  int       // savepoints that are open
	journal []undoing // of what was written since the first of them
}

// An undoing is what is done to take back one write.
type undoing struct {
	was write // what there was for the key; or the key alone
	any bool
}

func newOverlay(tables tableIndex, base source) *overlay {
	return &overlay{tables: tables, layer: layer{writes: newWrites(), below: base}}
}

// reset empties o for another update over base.
func (o *overlay) reset(base source) {
	o.layer.below, o.bytes = base, 0
	o.layer.writes.Clear()
	o.points, o.journal = 0, nil
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

func (o *overlay) set(table int, key, value []byte, deleted bool) {
	l := &o.layer
	l.probe = append(append(l.probe[:0], byte(table)), key...)
	w := write{key: o.keep(l.probe), deleted: deleted}
	if !deleted {
		w.value = o.keep(value)
	}
	was, any := l.writes.Set(w)
	if o.points > 0 {
		if !any {
			was.key = w.key
		}
		o.journal = append(o.journal, undoing{was, any})
	}
	o.bytes += len(w.key) + len(w.value)
}

// Put implements Writer.
func (o *overlay) Put(t Table, key, value []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := checkValue(value); err != nil {
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

// Guard implements Writer: all updates are in one order, which is more than it
// asks for.
func (o *overlay) Guard(t Table, _ []byte) { o.tables.of(t) }

// Savepoint implements Writer. What is written is noted, not copied: a savepoint costs
// only what happens in it.
func (o *overlay) Savepoint(fn func() error) error {
	mark, size, kept := len(o.journal), o.bytes, false
	o.points++
	defer func() {
		o.points--
		if !kept {
			o.undo(mark)
			o.bytes = size
		}
		if o.points == 0 {
			o.journal = nil
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	kept = true
	return nil
}

// undo takes back what the journal has from mark on, the last first.
func (o *overlay) undo(mark int) {
	for _, u := range slices.Backward(o.journal[mark:]) {
		if u.any {
			o.layer.writes.Set(u.was)
		} else {
			o.layer.writes.Delete(u.was)
		}
	}
	clear(o.journal[mark:])
	o.journal = o.journal[:mark]
}

// Get implements Reader.
func (o *overlay) Get(t Table, key []byte) []byte { return o.layer.get(o.tables.of(t), key) }

// GetMany implements Reader.
func (o *overlay) GetMany(t Table, keys [][]byte) [][]byte {
	return getMany(&o.layer, o.tables.of(t), keys)
}

// still is the source as it is now, whatever is written later.
func (o *overlay) still() source {
	if o.layer.writes.Len() == 0 {
		return o.layer.below
	}
	return over(o.layer.writes.Copy(), o.layer.below)
}

// Scan implements Reader.
func (o *overlay) Scan(t Table, r Range) iter.Seq2[[]byte, []byte] {
	table := o.tables.of(t)
	return func(yield func(k, v []byte) bool) {
		if !o.wrote(table, r) { // so there is nothing to be held still
			walk(o.layer.below.cursor(table), r, yield)
			return
		}
		walk(o.still().cursor(table), r, yield)
	}
}

// wrote reports whether this update has written anything in a range.
func (o *overlay) wrote(table int, r Range) (found bool) {
	l := &o.layer
	l.probe = append(append(l.probe[:0], byte(table)), r.From...)
	l.writes.Ascend(write{key: l.probe}, func(w write) bool {
		found = int(w.key[0]) == table && (r.To == nil || bytes.Compare(w.key[1:], r.To) < 0)
		return false
	})
	return found
}
