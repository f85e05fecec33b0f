package calendar

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// Behind are the copies in a room's calendars with dates that its horizon has reached
// since they were looked at, by a day or more; the meeting that was booked first comes
// first.
func (tx *Tx) Behind(home *store.Home) ([]rooms.Object, error) {
	k, err := tx.keeperOf(home)
	if errors.Is(err, ErrNoBooking) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type copy struct {
		rooms.Object
		made string
	}
	var all []copy
	for o := range k.ledger.Behind(k.horizon() - 86400) {
		t, err := k.at(o)
		if err != nil {
			return nil, err
		}
		all = append(all, copy{o, madeAt(t)})
	}
	slices.SortFunc(all, func(a, b copy) int { return cmp.Compare(a.made, b.made) })
	var out []rooms.Object
	for _, c := range all {
		out = append(out, c.Object)
	}
	return out, k.ledger.Err()
}

// at is the object of a copy, nil if it is gone.
func (k *keeper) at(o rooms.Object) (*ical.Object, error) {
	return k.tx.objectOf(&policy.Booking{Collection: o.Collection, Object: o.Name})
}

// madeAt orders meetings by when the room has answered them, and by UID. A block, which
// nobody asked for, is before all.
func madeAt(o *ical.Object) string {
	if o == nil || !hasOrganizer(o) {
		return ""
	}
	first := ""
	for _, c := range o.Calendar.Children {
		for _, p := range c.AllProps("ATTENDEE") {
			if at := p.Param("X-CALENDARSERVER-AUTO"); at != "" && (first == "" || at < first) {
				first = at
			}
		}
	}
	return first + " " + o.UID
}

// Advance looks at the dates of a copy that the room's horizon has reached. Where they
// meet those of another meeting, the one that was booked later gives way, and its
// organizer is told. It returns how many dates did.
func (tx *Tx) Advance(home *store.Home, o rooms.Object) (declined int, err error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return 0, err
	}
	until, err := k.ledger.Verified(o)
	if err != nil || until == 0 || until >= k.horizon() {
		return 0, err
	}
	col, err := tx.CollectionByID(store.CollectionID(o.Collection))
	if err != nil {
		return 0, err
	}
	s := &stay{col: col, name: o.Name}
	was, err := k.taken(s, until)
	if err != nil || was == nil {
		return 0, err
	}
	now, err := k.taken(s, k.horizon())
	if err != nil {
		return 0, err
	}
	a := advance{keeper: k, object: now.object, was: was.rows, more: without(now.rows, was.rows)}
	if err := a.giveWay(); err != nil {
		return 0, err
	}
	rows := slices.Concat(was.rows, a.more)
	if err := errors.Join(k.ledger.Replace(s.object(), was.rows, rows), k.ledger.SetVerified(s.object(), now.verified)); err != nil {
		return 0, err
	}
	return a.others + len(a.lost), a.declineLost()
}

// without are the rows that are not among others.
func without(rows, others []policy.Booking) []policy.Booking {
	known := map[int64]bool{}
	for _, b := range others {
		known[b.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(b policy.Booking) bool { return known[b.ID] })
}

// An advance is the work on the new dates of one copy.
type advance struct {
	*keeper
	object *ical.Object
	was    []policy.Booking
	more   []policy.Booking // that the room has time for
	lost   []policy.Booking // that it has none for
	others int              // dates of other meetings that gave way
}

// giveWay finds out which dates the room has time for, after those of meetings that
// were booked later have given way.
func (a *advance) giveWay() error {
	for {
		without, taker, err := a.fitAll(a.object, a.was, a.more)
		if err != nil || without == nil {
			return err
		}
		later, err := a.later(taker)
		if err != nil {
			return err
		}
		if later != nil {
			a.others++
			if err := a.tx.giveBack(a.home, bookedEarlier(later.Start), later); err != nil {
				return err
			}
			continue
		}
		a.lost = append(a.lost, *without)
		a.more = slices.DeleteFunc(a.more, func(b policy.Booking) bool { return b.ID == without.ID })
	}
}

func bookedEarlier(at int64) policy.Event { return policy.Event{Code: policy.CodeEarlier, At: at} }

// later is the booking of a row, if that is of another meeting and was made later.
func (a *advance) later(taker *policy.Booking) (*Booked, error) {
	if taker.Collection == 0 || taker.State == policy.Blocked {
		return nil, nil
	}
	b, err := a.booked(taker)
	if err != nil || b == nil || strings.Compare(madeAt(b.object), madeAt(a.object)) <= 0 {
		return nil, err
	}
	return b, nil
}

// declineLost declines the dates that the room has no time for.
func (a *advance) declineLost() error {
	if len(a.lost) == 0 {
		return nil
	}
	organizer := scheduling.GUIDOf(scheduling.OrganizerOf(a.object))
	text, err := a.tx.tells(a.home, organizer, a.lost[0].Start, bookedEarlier(a.lost[0].Start))
	if err != nil {
		return err
	}
	answer := &RoomAnswer{UID: a.object.UID, From: []policy.PartStat{policy.Accepted, policy.Held}, To: policy.Declined, Text: text}
	for _, b := range a.lost {
		answer.Dates = append(answer.Dates, b.ID)
	}
	_, err = a.tx.AnswerForRoom(a.home, answer)
	return err
}
