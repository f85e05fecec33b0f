package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/store"
)

// bookings are the bookings of rooms for the operator's verbs.
type bookings struct {
	handler   *caldav.Handler
	calendars *calendar.Calendars
	directory directory.Directory
}

// kindsOfBooking says which of admin's errors one of calendar's is.
var kindsOfBooking = []struct{ is, kind error }{
	{calendar.ErrNoRequest, admin.ErrNoRequest}, {calendar.ErrNotApprover, admin.ErrNotApprover},
	{calendar.ErrNoBooking, admin.ErrNoBooking}, {calendar.ErrNoBlock, admin.ErrNoBooking}, {calendar.ErrNoHome, admin.ErrNoBooking},
	{calendar.ErrManyBookings, admin.ErrManyBookings}, {calendar.ErrCheckIn, admin.ErrCheckIn}, {calendar.ErrTime, admin.ErrRoomTime},
}

// told is an error of calendar's as commands tell it.
func told(err error) error {
	if _, is := errors.AsType[*calendar.AnsweredError](err); is {
		return admin.As(admin.ErrAnswered, err)
	}
	if _, is := errors.AsType[*calendar.ConflictError](err); is {
		return admin.As(admin.ErrRoomTaken, err)
	}
	for _, k := range kindsOfBooking {
		if errors.Is(err, k.is) {
			return admin.As(k.kind, err)
		}
	}
	return err
}

// operator is who acts by a command: the server itself, with all rights.
var operator = calendar.Actor{Administrator: true}

// in does something in the home of a room.
func (b *bookings) in(ctx context.Context, room *directory.Principal, by calendar.Actor, fn func(*calendar.Tx, *store.Home) error) error {
	return told(b.handler.Act(ctx, by, func(tx *calendar.Tx) error {
		home, err := tx.Home(room.GUID)
		if err != nil {
			return err
		}
		return fn(tx, home)
	}))
}

// nameOf is how a record is called: its full name, or its GUID if nobody knows it.
func (b *bookings) nameOf(ctx context.Context, guid string) (string, error) {
	if guid == "" {
		return "", nil
	}
	p, err := b.directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if errors.Is(err, directory.ErrNotFound) {
		return guid, nil
	}
	if err != nil {
		return "", err
	}
	return cmp.Or(p.FullName, p.Name), nil
}

// Requests implements admin.Bookings.
func (b *bookings) Requests(ctx context.Context, room *directory.Principal) ([]admin.RoomWaiting, error) {
	var found []*calendar.Request
	err := b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) (err error) {
		found, err = requests(tx, room)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b *calendar.Request) int { return cmp.Compare(a.Expires, b.Expires) })
	list := []admin.RoomWaiting{}
	for _, r := range found {
		w, err := b.waiting(ctx, r)
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

// requests are the open requests for a room, or all.
func requests(tx *calendar.Tx, room *directory.Principal) (list []*calendar.Request, err error) {
	if room == nil {
		for r, err := range tx.AllRequests() {
			if err != nil {
				return nil, err
			}
			list = append(list, r)
		}
		return list, nil
	}
	home, err := tx.Home(room.GUID)
	if errors.Is(err, calendar.ErrNoHome) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for r, err := range tx.Requests(home.ID) {
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// waiting is what operators see of a request. What the meeting is about is not theirs
// to know.
func (b *bookings) waiting(ctx context.Context, r *calendar.Request) (w admin.RoomWaiting, err error) {
	at := func(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
	w = admin.RoomWaiting{
		ID: r.ID.String(), UID: r.UID, Start: at(r.Start), End: at(r.End), Dates: r.Dates, Held: r.Held,
		Against: append([]string{}, r.Against...), Created: at(r.Created), Expires: at(r.Expires), Reminded: r.Reminded != 0,
		State: string(r.State), By: r.Name, Comment: r.Comment,
	}
	for _, one := range []struct {
		guid string
		to   *string
	}{{r.Room, &w.Room}, {r.Booker, &w.Booker}} {
		if *one.to, err = b.nameOf(ctx, one.guid); err != nil {
			return w, err
		}
	}
	return w, nil
}

// Answer implements admin.Bookings.
func (b *bookings) Answer(ctx context.Context, v admin.RoomVerdict, approver *directory.Principal) (w admin.RoomWaiting, err error) {
	id, err := store.ParseQueueID(v.ID)
	if err != nil {
		return w, admin.As(admin.ErrNoRequest, err)
	}
	verdict, by := calendar.Verdict{Approve: v.Approve, Name: v.By, Comment: v.Comment}, operator
	if approver != nil {
		verdict.By, verdict.Name = approver.GUID, approver.FullName
		by.Who, by.As, by.Name = approver.GUID, approver.GUID, approver.FullName
	}
	var done *calendar.Request
	err = b.handler.Act(ctx, by, func(tx *calendar.Tx) error {
		one := verdict
		r, err := tx.Request(id)
		if err != nil {
			return err
		}
		home, err := tx.HomeByID(id.Home)
		if err != nil {
			return err
		}
		if one.Dates, err = tx.WaitingDates(home, r.UID, v.Occurrences); err != nil {
			return err
		}
		done, err = tx.AnswerRequest(id, &one)
		return err
	})
	if err != nil {
		return w, told(err)
	}
	return b.waiting(ctx, done)
}

// booking is one date as operators see it.
func (b *bookings) booking(ctx context.Context, room *directory.Principal, d *calendar.Booked) (admin.RoomBooking, error) {
	booker, err := b.nameOf(ctx, d.Organizer)
	return admin.RoomBooking{Room: room.Name, UID: d.UID, Booker: booker, Start: time.Unix(d.Start, 0).UTC(), End: time.Unix(d.End, 0).UTC()}, err
}

// CheckIn implements admin.Bookings.
func (b *bookings) CheckIn(ctx context.Context, room *directory.Principal, r admin.RoomUse) (admin.RoomBooking, error) {
	var d *calendar.Booked
	err := b.in(ctx, room, operator, func(tx *calendar.Tx, home *store.Home) (err error) {
		d, err = tx.CheckIn(home, r.UID)
		return err
	})
	if err != nil {
		return admin.RoomBooking{}, err
	}
	return b.booking(ctx, room, d)
}

// Release implements admin.Bookings.
func (b *bookings) Release(ctx context.Context, room *directory.Principal, r admin.RoomUse) (admin.RoomBooking, error) {
	var d *calendar.Booked
	err := b.in(ctx, room, operator, func(tx *calendar.Tx, home *store.Home) (err error) {
		at := tx.Now()
		if r.At != "" {
			if at, err = tx.RoomTime(home, r.At); err != nil {
				return err
			}
		}
		d, err = tx.Release(home, at, r.UID, r.By, r.Comment)
		return err
	})
	if err != nil {
		return admin.RoomBooking{}, err
	}
	return b.booking(ctx, room, d)
}

// Close implements admin.Bookings.
func (b *bookings) Close(ctx context.Context, room *directory.Principal, r admin.RoomBlock) (done admin.RoomClosed, err error) {
	if err := b.calendars.Provision(ctx, room); err != nil {
		return done, err
	}
	uid := "block-" + strings.ToLower(rand.Text())
	var displaced []*calendar.Booked
	err = b.in(ctx, room, operator, func(tx *calendar.Tx, home *store.Home) error {
		block, err := blockOf(tx, home, r)
		if err != nil {
			return err
		}
		block.UID = uid
		displaced, err = tx.CloseRoom(home, block, r.Displace, r.By)
		return err
	})
	if err != nil {
		return done, err
	}
	done = admin.RoomClosed{Room: room.Name, UID: uid, Displaced: []admin.RoomBooking{}}
	for _, d := range displaced {
		one, err := b.booking(ctx, room, d)
		if err != nil {
			return done, err
		}
		done.Displaced = append(done.Displaced, one)
	}
	return done, nil
}

// blockOf reads the times of a block on the room's clock.
func blockOf(tx *calendar.Tx, home *store.Home, r admin.RoomBlock) (*calendar.Block, error) {
	b := &calendar.Block{Text: r.Text, Weekly: r.Weekly}
	for _, one := range []struct {
		text string
		to   *time.Time
	}{{r.From, &b.From}, {r.To, &b.To}, {r.Until, &b.Until}} {
		if one.text == "" && one.to == &b.Until {
			continue
		}
		t, err := tx.RoomTime(home, one.text)
		if err != nil {
			return nil, err
		}
		*one.to = t
	}
	if !b.To.After(b.From) {
		return nil, calendar.ErrTime
	}
	return b, nil
}

// Open implements admin.Bookings.
func (b *bookings) Open(ctx context.Context, room *directory.Principal, uid string) error {
	return b.in(ctx, room, operator, func(tx *calendar.Tx, home *store.Home) error { return tx.OpenRoom(home, uid) })
}

// Review implements admin.Bookings.
func (b *bookings) Review(ctx context.Context, room *directory.Principal) (list []admin.RoomDoubt, err error) {
	var found []calendar.Doubtful
	err = b.in(ctx, room, operator, func(tx *calendar.Tx, home *store.Home) (err error) {
		found, err = tx.ReviewRoom(home)
		return err
	})
	if errors.Is(err, admin.ErrNoBooking) {
		return nil, nil // nobody has booked it yet
	}
	for _, d := range found {
		list = append(list, admin.RoomDoubt{UID: d.UID, Start: time.Unix(d.Start, 0).UTC(), Reason: string(d.Code)})
	}
	return list, err
}
