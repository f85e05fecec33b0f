package calendar

import (
	"bytes"
	"errors"
	"slices"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// An Obligation is a meeting that somebody who leaves has to do with, and that is not over.
type Obligation struct {
	UID       string
	Organizer bool // they organize it; else they are invited

	// Of meetings that they organize:
	Series    bool     // some dates are over, some are to come
	Rooms     []string // GUIDs of the rooms and resources in it
	Attendees int      // others, without rooms
	External  int      // of these, those who are told by mail
}

// A Deed is what was done with an Obligation.
type Deed string

// The deeds.
const (
	Cancelled  Deed = "cancelled"   // all of it was to come: it is gone
	Shortened  Deed = "shortened"   // the dates that are over are left
	HandedOver Deed = "handed-over" // somebody else organizes it now
	Declined   Deed = "declined"    // they do not attend
	NoDeed     Deed = "nothing"     // there was nothing left to do
)

// Obligations are the meetings of a home of which something begins at a moment, in Unix
// seconds, or later. What its owner has alone is none, nor is what they have declined.
func (tx *Tx) Obligations(home *store.Home, since int64) (list []Obligation, err error) {
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return nil, err
	}
	for _, col := range cols {
		if col.Kind != store.KindCalendar {
			continue
		}
		for e := range tx.Entries(col.ID) {
			if e.Role != store.RoleOrganizer && e.Role != store.RoleAttendee {
				continue
			}
			o, err := tx.stored(col, &e)
			if err != nil {
				return nil, err
			}
			b, err := tx.obligation(home, o, since)
			if err != nil {
				return nil, err
			}
			if b != nil {
				list = append(list, *b)
			}
		}
	}
	return list, nil
}

// obligation is what an object binds the owner of its home to; nil: nothing.
func (tx *Tx) obligation(home *store.Home, o *ical.Object, since int64) (*Obligation, error) {
	budget := ical.NewBudget(busyBudget)
	if scheduling.RoleOf(o, home.Owner) == scheduling.RoleAttendee {
		declined, err := scheduling.Declining(o, home.Owner, since, budget)
		if err != nil || declined == o {
			return nil, err
		}
		return &Obligation{UID: o.UID}, nil
	}
	left, err := scheduling.Until(o, since, budget)
	if err != nil || left == o || scheduling.RoleOf(o, home.Owner) != scheduling.RoleOrganizer {
		return nil, err
	}
	b := &Obligation{UID: o.UID, Organizer: true, Series: left != nil, Rooms: tx.invitedRooms(o)}
	seen := map[string]bool{scheduling.CanonicalAddress(home.Owner): true}
	for _, c := range o.Calendar.Children {
		for _, p := range c.AllProps("ATTENDEE") {
			address := p.Address()
			guid := scheduling.GUIDOf(address)
			if seen[address] || slices.Contains(b.Rooms, guid) {
				continue
			}
			seen[address] = true
			b.Attendees++
			if guid == "" {
				b.External++
			}
		}
	}
	if b.Attendees+len(b.Rooms) == 0 {
		return nil, nil
	}
	return b, nil
}

// Discharge ends what a meeting binds the owner of a home to from a moment on, in Unix
// seconds. Meetings that they organize go to the home to, or are cancelled if that is nil;
// to the others they decline. Everybody is told as of any change. It is for a transaction
// in which the owner is known as they were: see Departed. It may be called again: then
// there is nothing to do. Errors: those of the rules, *scheduling.Refusal.
//
// All letters go out, however many a day one person may send.
func (tx *Tx) Discharge(home, to *store.Home, uid string, since int64) (Deed, error) {
	tx.leaving = true
	col, e, err := tx.holder(home, uid)
	if err != nil || e == nil {
		return NoDeed, err
	}
	o, err := tx.stored(col, e)
	if err != nil {
		return "", err
	}
	b, err := tx.obligation(home, o, since)
	switch {
	case err != nil || b == nil:
		return NoDeed, err
	case !b.Organizer:
		declined, err := scheduling.Declining(o, home.Owner, since, nil)
		if err != nil {
			return "", err
		}
		return Declined, tx.rewrite(col, e, declined)
	case to != nil:
		return HandedOver, tx.Savepoint(func() error { return tx.handOver(home, to, Place{home, col, e.Name}, e, o) })
	}
	left, err := scheduling.Until(o, since, nil)
	switch {
	case err != nil:
		return "", err
	case left == nil:
		return Cancelled, tx.Delete(col, e)
	}
	return Shortened, tx.rewrite(col, e, left)
}

// rewrite writes an object in the place of what it was, and tells others what that means.
func (tx *Tx) rewrite(col *store.Collection, e *store.Entry, o *ical.Object) error {
	d, err := dataOf(o)
	if err != nil {
		return err
	}
	_, err = tx.Put(col, e.Name, d)
	return err
}

// handOver makes the owner of another home the organizer of a meeting. All copies on this
// server get the new organizer with their answers and whatever is their owner's own; then
// everybody is sent the meeting (RFC 5546 §3.2.2.4).
func (tx *Tx) handOver(home, to *store.Home, at Place, e *store.Entry, o *ical.Object) error {
	from, err := tx.party(home.Owner)
	if err != nil {
		return err
	}
	heir, err := tx.party(to.Owner)
	if err != nil {
		return err
	}
	gone := &Change{Op: Delete, At: at, Was: e, Component: e.Component}
	if err := tx.change(gone, func() error { return tx.DeleteObject(at.Collection, e.Name, store.Match{}) }); err != nil {
		return err
	}
	for _, guid := range scheduling.Invited(o) {
		if guid != home.Owner && guid != to.Owner {
			if err := tx.reorganize(guid, o.UID, from, heir); err != nil {
				return err
			}
		}
	}
	col, was, err := tx.holder(to, o.UID)
	if err != nil {
		return err
	}
	var own *ical.Object
	place := Place{Home: to, Collection: col}
	if was != nil {
		place.Name = was.Name
		if own, err = tx.stored(col, was); err != nil {
			return err
		}
	}
	theirs, err := scheduling.TakenOver(o, from, heir, own, tx.c.Scheduling)
	if err != nil {
		return err
	}
	if was == nil {
		d, err := dataOf(theirs)
		if err != nil {
			return err
		}
		if place, err = tx.placeForNew(to, d); err != nil {
			return err
		}
	}
	if err := tx.putQuietly(place, was, theirs, scheduling.RoleOrganizer); err != nil {
		return err
	}
	entry, err := tx.Entry(place.Collection, place.Name)
	if err != nil {
		return err
	}
	news, err := scheduling.Announced(theirs)
	if err != nil {
		return err
	}
	return tx.rewrite(place.Collection, entry, news)
}

// reorganize gives the copy of a meeting in somebody's home another organizer.
func (tx *Tx) reorganize(guid, uid string, from, to *scheduling.Party) error {
	home, err := tx.Home(guid)
	if errors.Is(err, ErrNoHome) {
		return nil
	}
	if err != nil {
		return err
	}
	col, e, err := tx.holder(home, uid)
	if err != nil || e == nil {
		return err
	}
	o, err := tx.stored(col, e)
	if err != nil || scheduling.OrganizerOf(o) != from.Address {
		return err // a meeting of somebody else that has the UID
	}
	now, err := scheduling.Reorganized(o, from, to)
	if err != nil {
		return err
	}
	return tx.putQuietly(Place{home, col, e.Name}, e, now, scheduling.RoleOf(now, guid))
}

// putQuietly writes an object of a meeting past scheduling.
func (tx *Tx) putQuietly(at Place, was *store.Entry, o *ical.Object, role scheduling.Role) error {
	d, err := dataOf(o)
	if err != nil {
		return err
	}
	c := &Change{Op: Put, Delivered: true, At: at, Was: was, Will: d, Component: d.Index.Component, Access: d.Index.Flags.Access()}
	return tx.change(c, func() error {
		opts := append(store.As(roles[role]), store.UniqueInHome)
		_, _, err := tx.PutObject(at.Collection, at.Name, d.Body, d.Index, store.Match{}, opts...)
		return err
	})
}

// BookedBy are the meetings that have a date of a room to come and are organized by
// somebody. Errors: ErrNoBooking, it is no room any more.
func (tx *Tx) BookedBy(home *store.Home, organizer string) (list []Left, err error) {
	k, _, err := tx.keeperOfAny(home)
	if err != nil {
		return nil, err
	}
	meetings, err := k.meetings()
	for _, m := range meetings {
		if m.Organizer == organizer {
			m.Code, m.Gone = policy.CodeOrganizerLeft, []string{organizer}
			list = append(list, m)
		}
	}
	return list, err
}

// ErrLetters says that mail about somebody's meetings waits to be sent.
var ErrLetters = errors.New("mail about their meetings waits")

// Erase removes a home with all that it holds: for an owner who has left for good. What it
// was made of goes with the store's Maintain and Overwrite. Errors: ErrLetters.
func (tx *Tx) Erase(home *store.Home) error {
	if tx.HasQueued(home.ID) {
		return ErrLetters
	}
	return tx.DeleteHome(home.ID)
}

// ExportCalendar is a calendar as one iCalendar stream: all components of its objects in
// the form that clients get, each time zone once (RFC 5545 §3.4); nil if it is empty.
// Errors: those of the data.
func (tx *Tx) ExportCalendar(col *store.Collection) ([]byte, error) {
	form := ReaderForm(tx.c.Scheduling)
	var b bytes.Buffer
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//convene//export//EN\r\n")
	empty, zones := true, map[string]bool{}
	for e := range tx.Entries(col.ID) {
		o, err := tx.stored(col, &e)
		if err != nil {
			return nil, err
		}
		if e.Flags&form.Flags != 0 {
			if o, err = form.Of(o); err != nil {
				return nil, err
			}
		}
		empty = false
		for _, c := range o.Calendar.Children {
			if c.Name == "VTIMEZONE" {
				text := string(c.Append(nil))
				if zones[text] {
					continue
				}
				zones[text] = true
			}
			b.Write(c.Append(nil))
		}
	}
	if empty {
		return nil, nil
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.Bytes(), nil
}
