package caldav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/ical"
	"convene/internal/logging"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// ErrNotTheirs says that somebody has nothing to do with a booking: it is not theirs, and
// they do not look after the room.
var ErrNotTheirs = errors.New("neither their booking nor their room")

// MyBookings are the bookings of rooms that the caller organizes between two moments, in
// order of start.
func (h *Handler) MyBookings(ctx context.Context, caller *auth.Caller, within policy.Span) (list []rooms.Seen, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		all, err := h.knownRooms(req)
		byAddress := map[string]*rooms.Known{}
		for _, k := range all {
			byAddress[scheduling.CanonicalAddress(k.Record.GUID)] = k
		}
		return func(s *scope) (*webdav.Response, error) {
			list, err = s.bookingsOf(caller.Principal.GUID, byAddress, within)
			return nil, err
		}, err
	})
	slices.SortStableFunc(list, func(a, b rooms.Seen) int { return int(a.Start - b.Start) })
	return list, err
}

func (s *scope) bookingsOf(guid string, byAddress map[string]*rooms.Known, within policy.Span) (list []rooms.Seen, err error) {
	home, err := s.tx.Home(guid)
	if errors.Is(err, calendar.ErrNoHome) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = s.tx.MeetingsBetween(home, within.Start, within.End, func(_ *store.Collection, _ *store.Entry, o *ical.Object) error {
		if scheduling.GUIDOf(scheduling.OrganizerOf(o)) != guid {
			return nil
		}
		for _, k := range invitedRooms(o, byAddress) {
			dates, err := s.tx.RoomDates(k.Record.GUID, k.Policy, within.Start, within.End, o.UID)
			if errors.Is(err, rooms.ErrDamaged) {
				continue // of this room it cannot be said
			}
			if err != nil {
				return err
			}
			for i := range dates {
				list = append(list, s.seen(k, &dates[i], false))
			}
		}
		return nil
	})
	return list, err
}

// invitedRooms are the rooms that a meeting invites.
func invitedRooms(o *ical.Object, byAddress map[string]*rooms.Known) (list []*rooms.Known) {
	for _, c := range o.Calendar.Children {
		for _, a := range c.AllProps("ATTENDEE") {
			if k := byAddress[a.Address()]; k != nil && !slices.Contains(list, k) {
				list = append(list, k)
			}
		}
	}
	return list
}

// A RoomHand is who does something with a booking: somebody, or the panel at the door of
// the room, which need not say for whom.
type RoomHand struct {
	Caller *auth.Caller // nil: the panel
	Panel  string       // how the organizer is told of it
}

func (by *RoomHand) actor() calendar.Actor {
	a := calendar.Actor{Administrator: true, Name: by.Panel} // the room's calendar is the server's
	if by.Caller != nil {
		p := by.Caller.Principal
		a.Who, a.As, a.Name = p.GUID, p.GUID, p.FullName
	}
	return a
}

// inRoom does something in the home of a room, with all facts about it.
func (h *Handler) inRoom(ctx context.Context, by *RoomHand, guid string, fn func(*scope, *store.Home, *rooms.Known) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, roomsPath, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Language", h.Language)
	caller := by.Caller
	if caller == nil {
		caller = &auth.Caller{}
	}
	mem := h.newMemory()
	defer mem.Release()
	req := &request{Request: r, caller: caller, now: h.Now(), line: &logging.Entry{}, memory: mem}
	all, err := h.knownRooms(req)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k *rooms.Known) bool { return k.Record.GUID == guid })
	if i < 0 {
		return directory.ErrNotFound
	}
	if err := h.Calendars.Provision(ctx, all[i].Record); err != nil {
		return err
	}
	return h.supplied(ctx, req, func() error {
		return h.Calendars.Update(ctx, by.actor(), func(tx *calendar.Tx) error {
			s := &scope{h: h, req: req, tx: tx}
			s.req.proxies, s.req.undecided = nil, nil
			tx.Meet(calendar.Sender{Parties: s, Rooms: s})
			home, err := tx.Home(guid)
			if err != nil {
				return err
			}
			return s.outcome(fn(s, home, all[i]))
		})
	})
}

// theirs refuses who has nothing to do with a date of a room.
func (s *scope) theirs(by *RoomHand, k *rooms.Known, uid string, at int64) error {
	if by.Caller == nil {
		return nil
	}
	_, runs, approves, err := s.tends(k)
	if err != nil || runs || approves {
		return err
	}
	dates, err := s.tx.RoomDates(k.Record.GUID, k.Policy, at, at+1, uid)
	if err != nil {
		return err
	}
	if uid == "" || !slices.ContainsFunc(dates, func(d calendar.RoomDate) bool { return d.Organizer == by.Caller.Principal.GUID }) {
		return ErrNotTheirs
	}
	return nil
}

// CheckInRoom notes that somebody is there. start is that of the date, in Unix seconds.
// Errors: calendar.ErrCheckIn, ErrNoBooking, ErrManyBookings; ErrNotTheirs.
func (h *Handler) CheckInRoom(ctx context.Context, by RoomHand, guid, uid string, start int64) error {
	return h.inRoom(ctx, &by, guid, func(s *scope, home *store.Home, k *rooms.Known) error {
		if err := s.theirs(&by, k, uid, start); err != nil {
			return err
		}
		_, err := s.tx.CheckIn(home, uid)
		return err
	})
}

// ReleaseRoom gives one date of a booking back; of what was booked at the door all.
// Errors: calendar.ErrNoBooking, ErrManyBookings; ErrNotTheirs.
func (h *Handler) ReleaseRoom(ctx context.Context, by RoomHand, guid, uid string, start int64, comment string) error {
	return h.inRoom(ctx, &by, guid, func(s *scope, home *store.Home, k *rooms.Known) error {
		if err := s.theirs(&by, k, uid, start); err != nil {
			return err
		}
		dates, err := s.tx.RoomDates(k.Record.GUID, k.Policy, start, start+1, uid)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(dates, func(d calendar.RoomDate) bool { return d.IsDoor() }); i >= 0 {
			return s.tx.OpenRoom(home, dates[i].UID)
		}
		_, err = s.tx.Release(home, time.Unix(start, 0), uid, by.actor().Name, comment)
		return err
	})
}

// ErrDoor says that a room cannot be had at its door.
var ErrDoor = errors.New("this room cannot be booked at its door")

// BookAtDoor takes a room from now on, for some time; from is 0, or when the time begins
// that is to be added to what is on now. Only what everybody may have without asking can
// be had so. Errors: ErrDoor; *calendar.ConflictError.
func (h *Handler) BookAtDoor(ctx context.Context, guid string, from int64, length time.Duration, text string) error {
	id := strings.ToLower(randomHex())
	return h.inRoom(ctx, &RoomHand{Panel: text}, guid, func(s *scope, home *store.Home, k *rooms.Known) error {
		now := s.tx.Now().Unix()
		span := policy.Span{Start: max(from, now/60*60)}
		span.End = span.Start + int64(length/time.Second)
		f := &policy.Facts{GUID: guid, Name: k.Record.FullName, IDs: k.IDs}
		if !k.Policy.Bookable || !k.Policy.Book.Has(policy.Everybody) || k.Policy.Mode != policy.ModeAutomatic {
			return ErrDoor
		}
		times, damage, err := s.tx.Times(guid, k.Policy)
		if err != nil {
			return err
		}
		if err := s.tx.Opens(f, span); err != nil {
			return err
		}
		o := policy.Foresee(k.Policy, f, times, policy.Wish{Dates: []policy.Span{span}, Heads: 1}, span.Start)
		if err := damage(); err != nil {
			return err
		}
		switch {
		case o.Free == 1:
			return s.tx.BookAtDoor(home, id, time.Unix(span.Start, 0), time.Unix(span.End, 0), text)
		case o.Reason.Code == policy.CodeConflict || o.Reason.Code == policy.CodeBlocked:
			return &calendar.ConflictError{Room: k.Record.Name, From: time.Unix(span.Start, 0), To: time.Unix(span.End, 0), Text: string(o.Reason.Code)}
		}
		return fmt.Errorf("%s: %w", o.Reason.Code, ErrDoor)
	})
}

// ChangeBooking changes one date of the caller's own meeting in a room: makes it longer,
// or takes another room, or both; by the PUT that a client of theirs would send. Nothing
// is changed if a room declines. Errors: calendar.ErrNoBooking; *DeclinedError; those of
// a PUT.
func (h *Handler) ChangeBooking(ctx context.Context, caller *auth.Caller, guid, uid string, start int64, change BookingChange) error {
	var path, etag string
	var body []byte
	err := h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		all, err := h.knownRooms(req)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(k *rooms.Known) bool { return k.Record.GUID == guid })
		if i < 0 {
			return nil, calendar.ErrNoBooking
		}
		return func(s *scope) (*webdav.Response, error) {
			home, err := s.tx.Home(caller.Principal.GUID)
			if errors.Is(err, calendar.ErrNoHome) {
				return nil, calendar.ErrNoBooking
			}
			if err != nil {
				return nil, err
			}
			col, e, o, err := s.tx.MeetingOf(home, uid)
			if err != nil {
				return nil, err
			}
			if e == nil || scheduling.GUIDOf(scheduling.OrganizerOf(o)) != caller.Principal.GUID {
				return nil, calendar.ErrNoBooking
			}
			if body, err = change.on(o, all[i], start, s.req.now); err != nil {
				return nil, err
			}
			path = homePath(caller.Principal.GUID) + col.Name + "/" + e.Name
			etag = etagOf(home.Epoch, col, e.Rev)
			return nil, nil
		}, nil
	})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, webdav.EscapePath(path), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", calendarType)
	r.Header.Set("If-Match", etag)
	_, err = h.putCertain(r, caller)
	return err
}

// A BookingChange is what is to be another of a booking.
type BookingChange struct {
	Longer time.Duration        // by how much
	Room   *directory.Principal // the one to have in its place; nil: the same
}

// on makes the change to the date of a meeting that begins at a moment, and returns the
// meeting.
func (b *BookingChange) on(o *ical.Object, k *rooms.Known, start int64, now time.Time) ([]byte, error) {
	dates, err := policy.DatesOf(o, []string{scheduling.CanonicalAddress(k.Record.GUID)}, k.Policy.Zone, start+1)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(dates, func(d policy.Date) bool { return d.Start == start })
	if i < 0 {
		return nil, calendar.ErrNoBooking
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	c, err := d.EditEffective(dates[i].RID)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, calendar.ErrNoBooking
	}
	if b.Longer > 0 {
		if err := b.lengthen(o, c, dates[i].Span); err != nil {
			return nil, err
		}
	}
	if b.Room != nil {
		b.exchange(c, k.Record)
	}
	sequence := 0
	if p := c.Prop("SEQUENCE"); p != nil {
		sequence, _ = strconv.Atoi(p.Value) // what is no number counts as none (RFC 5545 §3.8.7.4)
	}
	c.SetValue("SEQUENCE", strconv.Itoa(sequence+1))
	c.SetValue("DTSTAMP", utcText(now.Unix()))
	changed, err := d.Object()
	if err != nil {
		return nil, err
	}
	return changed.Calendar.Append(nil), nil
}

// lengthen moves the end of a date, on the clock of its start.
func (b *BookingChange) lengthen(o *ical.Object, c *ical.Component, span policy.Span) error {
	series, err := o.Series()
	if err != nil {
		return err
	}
	for in, err := range series.Instances(span.Start, span.Start+1, nil, nil) {
		if err != nil {
			return err
		}
		if in.StartUnix != span.Start || in.Start.Kind == ical.Date {
			continue
		}
		end, at := in.Start, span.End+int64(b.Longer/time.Second)
		end.Wall = at
		if end.Kind == ical.Zoned {
			end.Wall = end.Zone.Wall(at)
		}
		c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "DURATION" || p.Name == "DTEND" })
		c.Add(ical.DateTimeProperty("DTEND", end))
		return nil
	}
	return calendar.ErrNoBooking
}

// exchange invites another room in the place of one.
func (b *BookingChange) exchange(c *ical.Component, old *directory.Principal) {
	address := scheduling.CanonicalAddress(old.GUID)
	c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "ATTENDEE" && p.Address() == address })
	c.Add(ical.NewProperty("ATTENDEE", scheduling.CanonicalAddress(b.Room.GUID), param("CUTYPE", userType(b.Room.Type)), param("PARTSTAT", "NEEDS-ACTION")))
	if l := c.Prop("LOCATION"); l == nil || ical.UnescapeText(l.Value) == old.FullName || strings.TrimSpace(l.Value) == "" {
		c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "LOCATION" })
		c.Add(ical.TextProperty("LOCATION", b.Room.FullName))
	}
}
