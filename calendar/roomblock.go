package calendar

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/store"
)

// ErrNoBlock says that a room has no such time at which it is closed.
var ErrNoBlock = errors.New("the room is not closed by this")

// A Block is a time at which a room is closed.
type Block struct {
	UID      string
	From, To time.Time
	Text     string    // why, for those who want to book it then
	Weekly   bool      // every week at the room's clock
	Until    time.Time // of the weeks; zero: for good
}

// component is the event of a block, on the room's clock.
func (b *Block) component(zone *ical.Zone, now time.Time) *ical.Component {
	at := func(t time.Time) ical.DateTime {
		return ical.DateTime{Wall: zone.Wall(t.Unix()), Kind: ical.Zoned, Zone: zone}
	}
	c := ical.NewComponent("VEVENT")
	c.SetValue("UID", b.UID)
	c.SetValue("DTSTAMP", utcStamp(now))
	c.Add(ical.DateTimeProperty("DTSTART", at(b.From)), ical.DateTimeProperty("DTEND", at(b.To)))
	if b.Weekly {
		rule := "FREQ=WEEKLY"
		if !b.Until.IsZero() {
			rule += ";UNTIL=" + utcStamp(b.Until)
		}
		c.SetValue("RRULE", rule)
	}
	if b.Text != "" {
		c.Add(ical.TextProperty("SUMMARY", b.Text))
	}
	c.SetValue("TRANSP", "OPAQUE")
	c.SetValue(blockProperty, "T")
	return c
}

func utcStamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// object is the object of a block.
func (b *Block) object(zone *ical.Zone, now time.Time) (*ical.Object, error) {
	cal := ical.NewComponent("VCALENDAR")
	cal.SetValue("VERSION", "2.0")
	cal.SetValue("PRODID", "-//convene//rooms//EN")
	if zone != nil && zone.Name() != "UTC" {
		tz, err := ical.VTimezone(zone.Name(), b.From.AddDate(-1, 0, 0).Unix(), 1<<63-1)
		if err != nil {
			return nil, err
		}
		cal.Children = append(cal.Children, tz)
	}
	cal.Children = append(cal.Children, b.component(zone, now))
	return ical.NewObject(cal)
}

// CloseRoom writes a block into a room's calendar. With displace, what is booked then
// is declined, and the organizers are told who needs the room; it returns those dates.
// Errors: *ConflictError, something is booked then; ErrNoBooking.
func (tx *Tx) CloseRoom(home *store.Home, b *Block, displace bool, who string) (displaced []*Booked, err error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return nil, err
	}
	o, err := b.object(k.policy.Zone, tx.Now())
	if err != nil {
		return nil, Invalid(err)
	}
	if displace {
		if displaced, err = tx.displace(k, o, policy.Event{Code: policy.CodeDisplaced, Who: who, Comment: b.Text}); err != nil {
			return nil, err
		}
	}
	data, err := dataOf(o)
	if err != nil {
		return nil, err
	}
	at, err := tx.placeForNew(home, data)
	if err != nil {
		return nil, err
	}
	_, err = tx.Put(at.Collection, at.Name, data)
	return displaced, err
}

// displace declines what is booked, or waits, when an object would take the room. The
// organizer of several dates of one meeting is told once.
func (tx *Tx) displace(k *keeper, o *ical.Object, e policy.Event) (all []*Booked, err error) {
	rows, err := policy.BookingsOf(o, roomAddresses(k.home.Owner), k.policy.Zone, k.horizon())
	if err != nil {
		return nil, err
	}
	byUID := map[string][]*Booked{}
	for i := range rows {
		reach := k.policy.Reach(rows[i].Span)
		for _, state := range []policy.State{policy.Booked, policy.Waiting} {
			some, err := k.between(reach.Start, reach.End, state)
			if err != nil {
				return nil, err
			}
			for _, b := range some {
				if !slices.ContainsFunc(byUID[b.UID], func(d *Booked) bool { return d.ID == b.ID }) {
					byUID[b.UID], all = append(byUID[b.UID], b), append(all, b)
				}
			}
		}
	}
	for _, b := range all {
		if dates := byUID[b.UID]; dates[0] == b {
			if err := tx.giveBack(k.home, e, dates...); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// OpenRoom removes a block. Errors: ErrNoBlock.
func (tx *Tx) OpenRoom(home *store.Home, uid string) error {
	col, e, err := tx.holder(home, uid)
	if err != nil {
		return err
	}
	if e == nil {
		return fmt.Errorf("%s: %w", uid, ErrNoBlock)
	}
	o, err := tx.stored(col, e)
	if err != nil {
		return err
	}
	if !isBlock(o) {
		return fmt.Errorf("%s: %w", uid, ErrNoBlock)
	}
	return tx.Delete(col, e)
}

// ErrBookings says that a calendar of a room has bookings to come.
var ErrBookings = errors.New("the room is booked by what is in this calendar")

// keepsBookings: what takes a room's time is not taken away with the whole calendar.
func keepsBookings(tx *Tx, c *Change) error {
	switch c.Op {
	case MoveCollection:
		if c.From.Home.ID != c.At.Home.ID {
			return tx.holdsNoBookings(c.From)
		}
	case DeleteCollection:
		return tx.holdsNoBookings(c.At)
	}
	return nil
}

// holdsNoBookings refuses to take a calendar away in which a room is booked.
func (tx *Tx) holdsNoBookings(p Place) error {
	if !isRoom(p.Home) || p.Collection.Kind != store.KindCalendar {
		return nil
	}
	room, err := tx.room(p.Home)
	if err != nil || room == nil {
		return err
	}
	l, err := tx.ledger(p.Home, room.Policy)
	if err != nil {
		return err
	}
	for b := range l.Overlaps(tx.Now().Unix(), forever, nil) {
		if b.Collection == uint32(p.Collection.ID) && b.State != policy.Blocked {
			return ErrBookings
		}
	}
	return l.Err()
}
