package room

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"convene/audit"
	"convene/caldav"
	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

// bookingsAhead is how far the list of bookings looks.
const bookingsAhead = 60 * 24 * time.Hour

// mostBookings is how many it shows.
const mostBookings = 100

type bookingsView struct {
	Days []bookingDay
	More bool
}

type bookingDay struct {
	Title    string
	Bookings []booking
}

// A booking is one date of somebody's own.
type booking struct {
	Room, RoomPath, Place, Time, Title, State, Kind string
	Name, UID                                       string
	Start                                           int64
	Now, CanCheckIn, CheckedIn, CanExtend           bool
	CheckUntil                                      string
	ChangePath                                      string
}

func bookings(r *page.Request) (*page.Answer, error) {
	within := policy.Span{Start: r.Time.Unix(), End: r.Time.Add(bookingsAhead).Unix()}
	list, err := r.Site.Calendars.MyBookings(r.Context(), r.Caller, within)
	if err != nil {
		return nil, err
	}
	v := &bookingsView{More: len(list) > mostBookings}
	for i := range list[:min(len(list), mostBookings)] {
		title := r.Locale.FullDate(r.Local(unix(list[i].Start)))
		if n := len(v.Days); n == 0 || v.Days[n-1].Title != title {
			v.Days = append(v.Days, bookingDay{Title: title})
		}
		d := &v.Days[len(v.Days)-1]
		d.Bookings = append(d.Bookings, bookingOf(r, &list[i]))
	}
	return r.Show("room/bookings", "room.bookings", v), nil
}

// stateKeys are what the states of bookings are called.
var stateKeys = map[policy.State]string{policy.Booked: "room.state-booked", policy.Waiting: "room.state-waiting", policy.Blocked: "room.state-blocked"}

// stateText says how a date takes a room.
func stateText(r *page.Request, s *rooms.Seen) string {
	if s.Block {
		return r.Locale.T("room.state-closed")
	}
	return r.Locale.T(stateKeys[s.State])
}

func bookingOf(r *page.Request, s *rooms.Seen) booking {
	now := r.Time.Unix()
	p := s.Room.Record
	b := booking{
		Room: p.FullName, RoomPath: "/my/rooms/" + url.PathEscape(p.Name), Place: placeText(r, &s.Room.Policy.Place), Time: when(r, s), Title: s.Summary,
		State: stateText(r, s), Kind: stateNames[s.State], Name: p.Type.String() + "/" + p.Name, UID: s.UID, Start: s.Start,
		Now: s.Start <= now && now < s.End, CheckedIn: s.CheckedIn,
	}
	if w := s.CheckIn; w.Start != 0 && !s.CheckedIn && s.State == policy.Booked && now <= w.End {
		b.CanCheckIn = now >= w.Start
		b.CheckUntil = times(r, w)
	}
	b.CanExtend = s.State == policy.Booked && !s.AllDay
	start := r.Local(unix(s.Start))
	b.ChangePath = (&query{
		Minutes: int((s.End - s.Start) / 60), Instead: b.Name, UID: s.UID, Start: s.Start, Title: s.Summary,
	}).link(start.Format(time.DateOnly), start.Format("15:04"))
	return b
}

// when says from when until when something is.
func when(r *page.Request, s *rooms.Seen) string {
	if s.AllDay {
		return r.Locale.T("room.all-day")
	}
	return times(r, s.Span)
}

// meant is the booking that a form is about.
func meant(r *page.Request) (room *directory.Principal, uid string, start int64, err error) {
	start, err = strconv.ParseInt(r.PostFormValue("start"), 10, 64)
	uid = r.PostFormValue("uid")
	if err != nil || uid == "" {
		return nil, "", 0, page.Fail(http.StatusBadRequest, "")
	}
	room, err = find(r, r.PostFormValue("room"))
	return room, uid, start, err
}

// used does something with a booking, records it, and shows the bookings again.
func used(r *page.Request, verb, key string, do func(*directory.Principal, string, int64) error) (*page.Answer, error) {
	room, uid, start, err := meant(r)
	if err != nil {
		return nil, err
	}
	act := audit.Act{By: r.By(), Verb: "room." + verb, Object: object(room), Before: map[string]any{"uid": uid, "start": unix(start).Format(time.RFC3339)}}
	if err := r.Audit.Do(r.Context(), act, func() (any, error) { return nil, do(room, uid, start) }); err != nil {
		return nil, failed(err)
	}
	back := "/my/bookings"
	if r.PostFormValue("back") == "manage" {
		back = "/my/rooms/manage"
	}
	return r.Go(back, key, "room", room.FullName), nil
}

func checkIn(r *page.Request) (*page.Answer, error) {
	return used(r, "checkin", "room.checked-in", func(room *directory.Principal, uid string, start int64) error {
		return r.Site.Calendars.CheckInRoom(r.Context(), caldav.RoomHand{Caller: r.Caller}, room.GUID, uid, start)
	})
}

func release(r *page.Request) (*page.Answer, error) {
	return used(r, "release", "room.released", func(room *directory.Principal, uid string, start int64) error {
		return r.Site.Calendars.ReleaseRoom(r.Context(), caldav.RoomHand{Caller: r.Caller}, room.GUID, uid, start, r.PostFormValue("comment"))
	})
}

func extend(r *page.Request) (*page.Answer, error) {
	minutes, err := strconv.Atoi(r.PostFormValue("minutes"))
	if err != nil || minutes < 5 || minutes > 240 {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	return used(r, "extend", "room.extended", func(room *directory.Principal, uid string, start int64) error {
		c := caldav.BookingChange{Longer: time.Duration(minutes) * time.Minute}
		return r.Site.Calendars.ChangeBooking(r.Context(), r.Caller, room.GUID, uid, start, c)
	})
}

// change takes another room for a meeting.
func change(r *page.Request) (*page.Answer, error) {
	other, err := find(r, r.PostFormValue("to"))
	if err != nil {
		return nil, err
	}
	return used(r, "change", "room.changed", func(room *directory.Principal, uid string, start int64) error {
		return r.Site.Calendars.ChangeBooking(r.Context(), r.Caller, room.GUID, uid, start, caldav.BookingChange{Room: other})
	})
}
