package store

// changed is a record that is written at the end of a transaction if it differs
// from what it was.
type changed[K, T comparable] struct {
	id       K
	now, was T

	gone bool // deleted: there is nothing to write
	kept int  // the savepoint in which it was last noted what it is; see pending
}

// pending are the records that a transaction has read to change them, or may yet.
// Most transactions meet one home and one collection, and an invitation those of
// all attendees.
//
// For savepoints it is noted what a record was before it is handed out to be
// changed: so a savepoint costs what is done in it, however many records there are.
type pending[K, T comparable] struct {
	list []*changed[K, T]
	byID map[K]*changed[K, T] // of list, from mapFrom records on

	point int // of the savepoint that is open; 0: none
	undo  []before[K, T]
}

// A before is what of a record can become another while a savepoint is open.
type before[K, T comparable] struct {
	record *changed[K, T]
	now    T
	gone   bool
	kept   int
}

// mapFrom is how many records there are before they are mapped: few are found
// sooner by looking at each.
const mapFrom = 8

// find is the record of that number, nil if there is none. It is to be read.
func (c *pending[K, T]) find(id K) *changed[K, T] {
	if c.byID != nil {
		if r := c.byID[id]; r != nil && !r.gone {
			return r
		}
		return nil
	}
	for _, r := range c.list {
		if r.id == id && !r.gone {
			return r
		}
	}
	return nil
}

// change is find for a record that may be changed now.
func (c *pending[K, T]) change(id K) *changed[K, T] {
	r := c.find(id)
	if r != nil {
		c.note(r)
	}
	return r
}

// note keeps what a record is, if the open savepoint has not yet.
func (c *pending[K, T]) note(r *changed[K, T]) {
	if r.kept != c.point {
		c.undo = append(c.undo, before[K, T]{r, r.now, r.gone, r.kept})
		r.kept = c.point
	}
}

// add takes a record in that was as it says, and is now as it says.
func (c *pending[K, T]) add(id K, was, now T) *T {
	r := &changed[K, T]{id: id, now: now, was: was, kept: c.point}
	c.list = append(c.list, r)
	switch {
	case c.byID != nil:
		c.byID[id] = r
	case len(c.list) == mapFrom:
		c.byID = make(map[K]*changed[K, T], 4*mapFrom)
		for _, r := range c.list {
			c.byID[r.id] = r
		}
	}
	return &r.now
}

// recent is the record that is so, among those that came last: where one is asked for
// again, that is mostly soon. nil: it is none of these.
func (c *pending[K, T]) recent(so func(*T) bool) *T {
	for i := len(c.list) - 1; i >= max(0, len(c.list)-mapFrom); i-- {
		if r := c.list[i]; !r.gone && so(&r.now) {
			return &r.now
		}
	}
	return nil
}

// drop forgets a record that was deleted.
func (c *pending[K, T]) drop(id K) {
	if r := c.change(id); r != nil {
		r.gone = true
	}
}

// begin opens a savepoint of a number that no other has. end makes the one before
// it the open one again, and undone what its records were.
func (c *pending[K, T]) begin(point int) (end func(undone bool)) {
	outer, records, notes := c.point, len(c.list), len(c.undo)
	c.point = point
	return func(undone bool) {
		c.point = outer
		if !undone {
			return
		}
		for i := len(c.undo) - 1; i >= notes; i-- {
			b := &c.undo[i]
			b.record.now, b.record.gone, b.record.kept = b.now, b.gone, b.kept
		}
		c.undo = c.undo[:notes]
		for _, r := range c.list[records:] {
			delete(c.byID, r.id)
		}
		c.list = c.list[:records]
	}
}
