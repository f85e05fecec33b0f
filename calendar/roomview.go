package calendar

import (
	"errors"
	"slices"
	"strings"
	"time"

	"convene/freebusy"
	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// A RoomDate is a date that takes a room, as its own calendar has it: who shows it to
// somebody leaves out what that person may not see.
type RoomDate struct {
	policy.Booking
	Organizer string // GUID; "": somebody outside the directory, or none
	Holder    string // as the meeting calls the organizer
	Summary   string
	Public    bool // others may see what it is
	AllDay    bool
	Block     bool // the room is closed
	CheckIn   policy.Span
	CheckedIn bool
}

// RoomDates returns what takes a room between two moments, in order of start; of one
// meeting if uid names it. It writes nothing. p is how the room is set. Errors: those of
// the store; rooms.ErrDamaged.
func (tx *Tx) RoomDates(guid string, p *policy.Policy, from, to int64, uid string) ([]RoomDate, error) {
	l, damage, err := tx.Times(guid, p)
	if err != nil {
		return nil, err
	}
	rows := slices.Collect(l.Overlaps(from, to, nil))
	if err := damage(); err != nil {
		return nil, err
	}
	home, err := tx.Tx.Home(guid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if uid != "" {
		col, e, err := tx.holder(home, uid)
		if err != nil || e == nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(b policy.Booking) bool { return b.Collection != uint32(col.ID) || b.Object != e.Name })
	}
	read := map[string]*ical.Object{}
	var all []RoomDate
	for i := range rows {
		d, err := tx.roomDate(home, p, &rows[i], read)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// roomDate is what the calendar says of a row of the ledger. read are the objects that
// were read before.
func (tx *Tx) roomDate(home *store.Home, p *policy.Policy, b *policy.Booking, read map[string]*ical.Object) (d RoomDate, err error) {
	d = RoomDate{Booking: *b}
	o := read[b.Object]
	if o == nil {
		if o, err = tx.objectOf(b); err != nil || o == nil {
			return d, err
		}
		read[b.Object] = o
	}
	d.UID, d.Block, d.Public = o.UID, isBlock(o), freebusy.Public(o)
	d.Organizer = scheduling.GUIDOf(scheduling.OrganizerOf(o))
	c := tx.componentAt(o, b, p, &d)
	if c == nil {
		return d, nil
	}
	if q := c.Prop("ORGANIZER"); q != nil {
		d.Holder = q.Param("CN")
	}
	if q := c.Prop("SUMMARY"); q != nil {
		d.Summary = ical.UnescapeText(q.Value)
	}
	if b.State != policy.Booked || !hasOrganizer(o) {
		return d, nil
	}
	window, ok := p.CheckInWindow(b.Span, d.AllDay)
	if !ok {
		return d, nil
	}
	d.CheckIn = window
	d.CheckedIn, err = tx.remarked(home, matterCheckIn, &Booked{UID: o.UID, Date: policy.Date{ID: b.ID}})
	return d, err
}

// componentAt is the component of a date; d learns whether it lasts all day.
func (tx *Tx) componentAt(o *ical.Object, b *policy.Booking, p *policy.Policy, d *RoomDate) *ical.Component {
	series, err := o.Series()
	if err != nil {
		return nil
	}
	for in, err := range series.Instances(b.Start, b.End, p.Zone, ical.NewBudget(busyBudget)) {
		if err != nil {
			return nil
		}
		if in.StartUnix == b.Start {
			d.AllDay = in.Start.Kind == ical.Date
			return in.Component
		}
	}
	return nil
}

// MeetingOf finds the meeting with a UID in a home; nil: there is none.
func (tx *Tx) MeetingOf(home *store.Home, uid string) (*store.Collection, *store.Entry, *ical.Object, error) {
	col, e, err := tx.holder(home, uid)
	if err != nil || e == nil {
		return nil, nil, nil, err
	}
	o, err := tx.stored(col, e)
	return col, e, o, err
}

// MeetingsBetween yields the events in a home's calendars of which something lies between
// two moments, in Unix seconds, with where they are.
func (tx *Tx) MeetingsBetween(home *store.Home, from, to int64, fn func(*store.Collection, *store.Entry, *ical.Object) error) error {
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return err
	}
	budget := ical.NewBudget(busyBudget)
	for _, col := range cols {
		if col.Kind != store.KindCalendar {
			continue
		}
		zone, err := tx.Zone(col)
		if err != nil {
			return err
		}
		snap, err := tx.Snapshot(col)
		if err != nil {
			return err
		}
		matches, err := snap.Overlapping(tx.Tx, store.VEVENT, from, to, zone, budget)
		if err != nil {
			return err
		}
		for i := range matches {
			o, err := tx.stored(col, matches[i].Entry) // whose addresses are GUIDs
			if err == nil {
				err = fn(col, matches[i].Entry, o)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// doorPrefix begins the UIDs of what was booked at the door of a room.
const doorPrefix = "door-"

// IsDoor reports whether a date was booked at the door.
func (d *RoomDate) IsDoor() bool { return d.Block && strings.HasPrefix(d.UID, doorPrefix) }

// BookAtDoor takes a room for somebody who stands at its door: nobody organizes that, and
// it is in the room's calendar alone. Errors: *ConflictError, ErrNoBooking.
func (tx *Tx) BookAtDoor(home *store.Home, id string, from, to time.Time, text string) error {
	_, err := tx.CloseRoom(home, &Block{UID: doorPrefix + id, From: from, To: to, Text: text}, false, "")
	return err
}
