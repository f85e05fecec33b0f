package calendar

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// ErrCheckIn says that nobody can check in: it is too early or too late, or the room
// has no check-in.
var ErrCheckIn = errors.New("nobody can check in now")

// ErrManyBookings says that a room has several bookings, and not which is meant.
var ErrManyBookings = errors.New("several bookings are meant")

// A Booked is one date of a booking of a room.
type Booked struct {
	policy.Date
	UID       string
	Organizer string    // GUID; "": somebody outside the directory
	Created   time.Time // when the room got its copy
	object    *ical.Object
}

// booked is the date that a row of the ledger is of, nil if it is a block or gone.
func (k *keeper) booked(b *policy.Booking) (*Booked, error) {
	col, err := k.tx.CollectionByID(store.CollectionID(b.Collection))
	if err != nil {
		return nil, err
	}
	e, err := k.tx.Entry(col, b.Object)
	if err != nil || e == nil {
		return nil, err
	}
	o, err := k.tx.stored(col, e)
	if err != nil {
		return nil, err
	}
	dates, err := policy.DatesOf(o, roomAddresses(k.home.Owner), k.policy.Zone, b.End+1)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(dates, func(d policy.Date) bool { return d.ID == b.ID })
	if i < 0 {
		return nil, nil
	}
	return &Booked{Date: dates[i], UID: o.UID, Organizer: scheduling.GUIDOf(scheduling.OrganizerOf(o)), Created: time.Unix(e.Created, 0).UTC(), object: o}, nil
}

// between are the bookings of a state that overlap a time.
func (k *keeper) between(from, to int64, state policy.State) ([]*Booked, error) {
	var rows []policy.Booking
	for b := range k.ledger.Overlaps(from, to, nil) {
		if b.State == state {
			rows = append(rows, b)
		}
	}
	if err := k.ledger.Err(); err != nil {
		return nil, err
	}
	var all []*Booked
	for i := range rows {
		d, err := k.booked(&rows[i])
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, d)
		}
	}
	return all, nil
}

// the is the only one of some bookings, of those of one meeting if uid names it.
func the(all []*Booked, uid string) (*Booked, error) {
	if uid != "" {
		all = slices.DeleteFunc(all, func(b *Booked) bool { return b.UID != uid })
	}
	switch len(all) {
	case 0:
		return nil, ErrNoBooking
	case 1:
		return all[0], nil
	}
	return nil, fmt.Errorf("%s, %s: %w", all[0].UID, all[1].UID, ErrManyBookings)
}

// CheckIn notes that somebody is there for the booking that is on, or about to begin.
// uid is that of the meeting; "": the only one. Errors: ErrCheckIn, ErrNoBooking,
// ErrManyBookings.
func (tx *Tx) CheckIn(home *store.Home, uid string) (*Booked, error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return nil, err
	}
	if k.policy.CheckIn == policy.Off {
		return nil, fmt.Errorf("%s: check-in is off: %w", k.label, ErrCheckIn)
	}
	now := tx.Now().Unix()
	all, err := k.between(now, now+int64(k.policy.Opens)*60+1, policy.Booked)
	if err != nil {
		return nil, err
	}
	open := slices.DeleteFunc(slices.Clone(all), func(b *Booked) bool {
		w, ok := k.policy.CheckInWindow(b.Span, b.AllDay)
		return !ok || now < w.Start || now > w.End
	})
	b, err := the(open, uid)
	if errors.Is(err, ErrNoBooking) && len(all) > 0 {
		return nil, fmt.Errorf("%s: check-in is from %d minutes before the start until %d after it: %w", k.label, k.policy.Opens, k.policy.Closes, ErrCheckIn)
	}
	if err != nil {
		return nil, err
	}
	return b, errors.Join(tx.remark(home, matterCheckIn, b), tx.DropMatter(missed(home, b)))
}

// seriesNoShows is how often in a row nobody comes until that is told.
const seriesNoShows = 3

// missed is the matter that counts how often in a row nobody has come to a series.
func missed(home *store.Home, b *Booked) *store.Matter {
	return &store.Matter{Home: home.ID, Kind: matterMissed, Key: dateKey(b.UID, 0), Due: time.Unix(b.End, 0).Add(keepAnswered)}
}

// miss counts that nobody came to a date, and reports whether that was the third time in
// a row.
func (tx *Tx) miss(home *store.Home, b *Booked) (third bool, err error) {
	if b.RID.IsZero() {
		return false, nil
	}
	m := missed(home, b)
	was, err := tx.Matter(m.Home, m.Kind, m.Key)
	if err != nil {
		return false, err
	}
	n := byte(1)
	if was != nil && len(was.Payload) == 1 {
		n += was.Payload[0]
	}
	if n == seriesNoShows {
		return true, tx.DropMatter(m)
	}
	m.Payload = []byte{n}
	return false, tx.SetMatter(m)
}

// remark keeps a remark about a date until a day after its end.
func (tx *Tx) remark(home *store.Home, kind byte, b *Booked) error {
	return tx.SetMatter(&store.Matter{Home: home.ID, Kind: kind, Key: dateKey(b.UID, b.ID), Due: time.Unix(b.End, 0).Add(24 * time.Hour)})
}

func (tx *Tx) remarked(home *store.Home, kind byte, b *Booked) (bool, error) {
	m, err := tx.Matter(home.ID, kind, dateKey(b.UID, b.ID))
	return m != nil, err
}

// Release gives back the booking that is on at a moment. The organizer is told who has
// done it, and why. Errors: ErrNoBooking, ErrManyBookings.
func (tx *Tx) Release(home *store.Home, at time.Time, uid, who, comment string) (*Booked, error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return nil, err
	}
	all, err := k.between(at.Unix(), at.Unix()+1, policy.Booked)
	if err != nil {
		return nil, err
	}
	b, err := the(all, uid)
	if err != nil {
		return nil, err
	}
	return b, tx.giveBack(home, policy.Event{Code: policy.CodeGivenBack, Who: who, Comment: comment}, b)
}

// giveBack declines dates of one meeting, and says why.
func (tx *Tx) giveBack(home *store.Home, e policy.Event, dates ...*Booked) error {
	first := dates[0]
	text, err := tx.tells(home, first.Organizer, first.Start, e)
	if err != nil {
		return err
	}
	a := &RoomAnswer{UID: first.UID, From: []policy.PartStat{policy.Accepted, policy.Held}, To: policy.Declined, Text: text}
	for _, b := range dates {
		if !b.RID.IsZero() {
			a.Dates = append(a.Dates, b.ID)
		}
	}
	_, err = tx.AnswerForRoom(home, a)
	return err
}

// desertedAhead is how long before its start it is found that nobody comes to a
// meeting.
const desertedAhead = 24 * time.Hour

// A Released is a booking that was given back, and why.
type Released struct {
	*Booked
	Code policy.Code
}

// ReleaseUnused gives back what nobody has checked in for, and what everybody but one
// has declined, as the room is set. up is since when the server could have been told
// that somebody is there.
func (tx *Tx) ReleaseUnused(home *store.Home, up time.Time) (done []Released, err error) {
	k, err := tx.keeperOf(home)
	if errors.Is(err, ErrNoBooking) {
		return nil, nil // nobody knows how a room is set that has left the directory
	}
	if err != nil {
		return nil, err
	}
	missed, err := tx.noShows(k, up)
	if err != nil {
		return nil, err
	}
	deserted, err := tx.deserted(k)
	return append(missed, deserted...), err
}

// noShows gives back what nobody has checked in for. What is over stays: nobody could
// use it any more.
func (tx *Tx) noShows(k *keeper, up time.Time) (done []Released, err error) {
	if k.policy.CheckIn != policy.Required || !k.policy.ReleaseNoShow {
		return nil, nil
	}
	now := tx.Now().Unix()
	all, err := k.between(now, now+1, policy.Booked)
	for _, b := range all {
		window, ok := k.policy.CheckInWindow(b.Span, b.AllDay)
		since := max(window.Start, up.Unix(), b.Created.Unix())
		if !ok || !k.policy.NoShow(policy.Booking{Span: b.Span, State: policy.Booked}, b.AllDay, min(window.End, now)-since, now) {
			continue
		}
		if seen, err := tx.remarked(k.home, matterCheckIn, b); err != nil || seen {
			if err != nil {
				return nil, err
			}
			continue
		}
		code, err := tx.releaseNoShow(k, b, window.End)
		if err != nil {
			return nil, err
		}
		done = append(done, Released{b, code})
	}
	return done, err
}

// releaseNoShow gives back a date for which nobody checked in until a moment; if that was
// the third of a series in a row, as the room is set, with all that follow.
func (tx *Tx) releaseNoShow(k *keeper, b *Booked, until int64) (policy.Code, error) {
	third, err := tx.miss(k.home, b)
	if err != nil {
		return "", err
	}
	if third {
		if err := tx.mailOwners(k, b, k.policy.SeriesNoShow == policy.ReleaseRest); err != nil {
			return "", err
		}
	}
	e := policy.Event{Code: policy.CodeNoShow, At: until}
	switch {
	case third && k.policy.SeriesNoShow == policy.ReleaseRest:
		e.Code = policy.CodeNoShowsRest
		text, err := tx.tells(k.home, b.Organizer, b.Start, e)
		if err != nil {
			return "", err
		}
		_, err = tx.AnswerForRoom(k.home, &RoomAnswer{UID: b.UID, From: []policy.PartStat{policy.Accepted, policy.Held}, Since: b.Start, To: policy.Declined, Text: text})
		return e.Code, err
	case third:
		e.Code = policy.CodeNoShows
	}
	return e.Code, tx.giveBack(k.home, e, b)
}

// deserted gives back what everybody but one has declined. A date that was given back so
// before, and booked again, stays.
func (tx *Tx) deserted(k *keeper) (done []Released, err error) {
	if !k.policy.ReleaseDeclined {
		return nil, nil
	}
	now := tx.Now()
	all, err := k.between(now.Unix(), now.Add(desertedAhead).Unix(), policy.Booked)
	for _, b := range all {
		empty, err := tx.isDeserted(k, b)
		if err != nil {
			return nil, err
		}
		if !empty {
			continue
		}
		if err := errors.Join(tx.remark(k.home, matterReleased, b), tx.giveBack(k.home, policy.Event{Code: policy.CodeReleased}, b)); err != nil {
			return nil, err
		}
		done = append(done, Released{b, policy.CodeReleased})
	}
	return done, err
}

func (tx *Tx) isDeserted(k *keeper, b *Booked) (bool, error) {
	if before, err := tx.remarked(k.home, matterReleased, b); before || err != nil {
		return false, err
	}
	f, err := k.factsOf(b.object, b.Organizer)
	if err != nil {
		return false, err
	}
	return f.Deserted(k.policy, b.Component, b.Span, b.Created.Unix(), k.tx.Now().Unix()), nil
}

// factsOf are what the directory says of a room and of the people of a meeting.
func (k *keeper) factsOf(o *ical.Object, organizer string) (*policy.Facts, error) {
	h := host{w: newWorld(k.tx), room: &scheduling.Party{GUID: k.home.Owner}}
	party := &scheduling.Party{GUID: organizer, Address: scheduling.CanonicalAddress(organizer)}
	return h.facts(&scheduling.Invitation{Copy: o, Organizer: party})
}

// ErrTime says that a text is no time.
var ErrTime = errors.New("write a time as 2026-12-01T09:00, which is the room's, or with a zone: 2026-12-01T09:00:00Z")

// RoomTime reads a time that is the room's unless it names a zone; a day alone is its
// first moment. Errors: ErrTime, ErrNoBooking.
func (tx *Tx) RoomTime(home *store.Home, text string) (time.Time, error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return time.Time{}, err
	}
	at, err := k.time(text)
	return time.Unix(at, 0).UTC(), err
}

func (k *keeper) time(text string) (int64, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.Unix(), nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return k.policy.Zone.Unix(t.Unix()), nil
		}
	}
	return 0, fmt.Errorf("%.40q: %w", text, ErrTime)
}

// WaitingDates are the dates of a request that are named by their day or start, as
// RoomTime reads it. Errors: ErrTime; ErrNoBooking, none of the dates is named so.
func (tx *Tx) WaitingDates(home *store.Home, uid string, names []string) (ids []int64, err error) {
	k, err := tx.keeperOf(home)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	col, e, err := tx.holder(home, uid)
	if err != nil || e == nil {
		return nil, errors.Join(err, ErrNoBooking)
	}
	t, err := k.taken(&stay{col: col, name: e.Name}, k.horizon())
	if err != nil {
		return nil, err
	}
	waits, err := k.waits(t, k.horizon())
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		from, err := k.time(name)
		if err != nil {
			return nil, err
		}
		until := from + 1
		if day, err := time.Parse(time.DateOnly, name); err == nil { // of 23 to 25 hours
			until = k.policy.Zone.Unix(day.AddDate(0, 0, 1).Unix())
		}
		before := len(ids)
		for _, d := range waits {
			if d.Start >= from && d.Start < until {
				ids = append(ids, d.ID)
			}
		}
		if len(ids) == before {
			return nil, fmt.Errorf("%s: no date that waits: %w", name, ErrNoBooking)
		}
	}
	return ids, nil
}
