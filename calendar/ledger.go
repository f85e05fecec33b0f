package calendar

import (
	"errors"
	"slices"

	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// A toll is what a change does to the ledgers of rooms: whatever is written into or
// removed from a room's calendars, and on whatever way, comes by here.
type toll struct {
	tx        *Tx
	stays     []tolled
	fills     []Place
	delivered bool // scheduling makes the change for what was done in another home
}

// tolled is a place in a room's calendars with the keeper of its ledger.
type tolled struct {
	*keeper
	stay
	until int64 // until when what is there now is looked at; 0: as before

	// What waits for approval: before the change, of the object with a UID, and after
	// it, of the one that is there then.
	uid    string
	waited []policy.Date
	is     *taken
	waits  []policy.Date
}

// inRooms reports whether a change is in a room's home.
func (c *Change) inRooms() bool {
	return c.At.Home != nil && isRoom(c.At.Home) || c.From.Home != nil && isRoom(c.From.Home)
}

// pays makes a change that may be in a room's calendars, and brings its ledger up to
// date. Errors: as keeper.settle.
func (tx *Tx) pays(c *Change, write func() error) error {
	t, err := tx.toll(c)
	if err != nil {
		return err
	}
	if !t.rooms() {
		return write()
	}
	return tx.Savepoint(func() error { // what a bulk request lacks room for is not written
		if err := write(); err != nil {
			return err
		}
		return t.pay()
	})
}

// toll notes what of rooms a change is about, before it is made.
func (tx *Tx) toll(c *Change) (*toll, error) {
	t := &toll{tx: tx, fills: c.fills(), delivered: c.Delivered}
	for _, p := range c.leaves() {
		if err := t.add(p); err != nil {
			return nil, err
		}
	}
	for i := range t.stays {
		if err := t.stays[i].note(); err != nil {
			return nil, err
		}
		if c.Delivered && c.Op == Put { // one place; scheduling makes what is written
			t.stays[i].now = c.Will.Object
		}
	}
	return t, nil
}

// rooms reports whether a change is in a room's calendars.
func (t *toll) rooms() bool {
	return len(t.stays) > 0 || slices.ContainsFunc(t.fills, func(p Place) bool { return isRoom(p.Home) })
}

// leaves are the places from which a change takes something: objects, or whole
// collections.
func (c *Change) leaves() []Place {
	switch c.Op {
	case Put, Delete, Copy, DeleteCollection:
		return []Place{c.At}
	case Move:
		return []Place{c.From, c.At}
	case MoveCollection:
		if c.From.Home.ID != c.At.Home.ID {
			return []Place{c.From}
		}
	}
	return nil
}

// fills are the places where a change puts something.
func (c *Change) fills() []Place {
	switch c.Op {
	case Put, Copy, Move, CopyCollection:
		return []Place{c.At}
	case MoveCollection:
		if c.From.Home.ID != c.At.Home.ID {
			return []Place{c.At}
		}
	}
	return nil
}

// add takes in a place, if it is in a room's calendars.
func (t *toll) add(p Place) error {
	if !isRoom(p.Home) || p.Collection != nil && p.Collection.Kind != store.KindCalendar {
		return nil
	}
	if p.Collection != nil && p.Name != "" && t.has(stay{col: p.Collection, name: p.Name}) {
		return nil // it was looked at before the change
	}
	k, err := t.keeper(p.Home)
	if err != nil || k == nil {
		return err
	}
	stays, err := t.tx.within(p)
	for _, s := range stays {
		if !t.has(s) {
			t.stays = append(t.stays, tolled{keeper: k, stay: s, until: k.horizon()})
		}
	}
	return err
}

// note remembers what a place takes of the room before the change.
func (s *tolled) note() error {
	until, err := s.verified(&s.stay)
	if err != nil {
		return err
	}
	t, err := s.taken(&s.stay, until)
	if err != nil {
		return err
	}
	if t != nil {
		s.was, s.uid = t.rows, t.object.UID
	}
	if until != forever {
		s.until = until
	}
	s.waited, err = s.keeper.waits(t, until)
	return err
}

func (t *toll) has(s stay) bool {
	for i := range t.stays {
		if t.stays[i].col.ID == s.col.ID && t.stays[i].name == s.name {
			return true
		}
	}
	return false
}

// keeper is that of a room's ledger. Nobody knows the room: then its ledger counts no
// more, and is made anew by the next who does.
func (t *toll) keeper(home *store.Home) (*keeper, error) {
	k, err := t.tx.keeperOf(home)
	if errors.Is(err, ErrNoBooking) {
		return nil, rooms.Of(t.tx.Tx.Ledger(), uint32(home.ID)).SetMade("")
	}
	return k, err
}

// within are the objects at a place: itself, or those of a collection.
func (tx *Tx) within(p Place) ([]stay, error) {
	col := p.Collection
	switch {
	case col != nil && p.Name != "":
		return []stay{{col: col, name: p.Name}}, nil
	case col == nil: // it has been made by the change
		var err error
		if col, err = tx.Collection(p.Home.ID, p.Name); errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	var stays []stay
	if col.Kind == store.KindCalendar {
		for e := range tx.Entries(col.ID) {
			stays = append(stays, stay{col: col, name: e.Name})
		}
	}
	return stays, nil
}

// pay brings the ledgers up to date after the change. Errors: as keeper.settle.
func (t *toll) pay() error {
	for _, p := range t.fills {
		if err := t.add(p); err != nil {
			return err
		}
	}
	for i := range t.stays {
		s := &t.stays[i]
		if err := s.clear(&s.stay); err != nil {
			return err
		}
	}
	for i := range t.stays {
		s := &t.stays[i]
		if s.answer = t.tx.answerTo(&s.stay, s.home); s.answer != nil {
			s.until = s.horizon()
		}
		var err error
		if s.is, err = s.settle(&s.stay, s.until); err != nil {
			return err
		}
		if s.waits, err = s.keeper.waits(s.is, s.until); err != nil {
			return err
		}
	}
	return t.requests()
}

// answerTo is what the room has just answered to the meeting at a place, of which it has
// looked at all; nil: nothing.
func (tx *Tx) answerTo(s *stay, home *store.Home) *policy.Answer {
	e, err := tx.Entry(s.col, s.name)
	if err != nil || e == nil {
		return nil
	}
	if d := tx.decided[decided{home.Owner, e.UID}]; d != nil {
		return d.a
	}
	return nil
}
