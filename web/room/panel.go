package room

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"convene/audit"
	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/internal/proxied"
	"convene/panels"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

// panelLife is how long a device stays paired.
const panelLife = 400 * 24 * time.Hour

type panelView struct {
	Code      string // to be paired; "": it shows a room, or nothing yet
	Name      string
	State     string // "free", "soon", "busy"
	Word      string
	Until     string
	Now       *panelItem // what is on
	Next      []panelItem
	Clock     string
	Zone      string
	Lengths   []option // for which it can be booked now
	Extend    []option
	Message   string
	CheckIn   bool
	CheckedIn bool
	CheckBy   string
}

type panelItem struct {
	Time, Text string
	Start      int64
	UID        string
}

// panelCookie is the cookie of a device: its name and whether it is for TLS alone. It is
// none of a session, and opens nothing but the panel.
func panelCookie(r *page.Request) (name string, secure bool) {
	public, https := strings.CutPrefix(r.Site.PublicURL, "https://")
	if proxied.Secure(r.Request) || !r.Site.ProxiesNamed && https && strings.EqualFold(r.Host, public) {
		return "__Host-convene-panel", true
	}
	port := "80"
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	return "convene-panel_" + port, false
}

// panelOf is the panel that sends a request, and the token of the device. Errors:
// panels.ErrUnknown.
func panelOf(r *page.Request) (one panels.Panel, token string, err error) {
	name, _ := panelCookie(r)
	c, err := r.Cookie(name)
	if err != nil {
		return one, "", panels.ErrUnknown
	}
	one, err = r.Panels.Of(r.Context(), c.Value)
	return one, c.Value, err
}

// panel shows a room at its door, or how to have it shown.
func panel(r *page.Request) (*page.Answer, error) {
	one, token, err := panelOf(r)
	if errors.Is(err, panels.ErrUnknown) {
		v := &panelView{}
		if token != "" {
			v.Code = r.Panels.Code(token)
		}
		a := r.Show("room/panel", "room.panel", v)
		a.Scripts, a.Secret = []string{"panel.js"}, true
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if one.Place != nil {
		return &page.Answer{Location: "/panel/lobby"}, nil
	}
	v, err := panelRoom(r, one.Room)
	if err != nil {
		return nil, err
	}
	a := r.Show("room/panel", "room.panel", v)
	a.Title, a.Scripts, a.Secret = v.Name, []string{"panel.js"}, true
	return a, nil
}

// panelRoom is what the panel of a room shows.
func panelRoom(r *page.Request, guid string) (*panelView, error) {
	now := r.Time.Unix()
	seen, err := r.Site.Calendars.DoorView(r.Context(), guid, policy.Span{Start: now, End: now + 86400})
	if err != nil {
		return nil, err
	}
	inZone(r, seen.Policy)
	v := &panelView{Name: seen.Record.FullName, State: "free", Word: r.Locale.T("room.panel-free"), Clock: r.Locale.Clock(r.Local(r.Time)), Zone: r.Zone.String()}
	v.Message = panelMessage(r)
	var next int64
	end := int64(0)
	for i := range seen.Dates {
		s := &seen.Dates[i]
		if s.Start <= now {
			if v.Now == nil {
				it := panelItemOf(r, s)
				v.Now, end = &it, s.End
				v.CheckedIn = s.CheckedIn
				if w := s.CheckIn; w.Start != 0 && !s.CheckedIn && now >= w.Start && now <= w.End {
					v.CheckIn, v.CheckBy = true, r.Locale.Clock(r.Local(unix(w.End)))
				}
			}
			continue
		}
		if next == 0 {
			next = s.Start
		}
		if len(v.Next) < 3 {
			v.Next = append(v.Next, panelItemOf(r, s))
		}
	}
	bookable := seen.Policy.Bookable && seen.Policy.Book.Has(policy.Everybody) && seen.Policy.Mode == policy.ModeAutomatic
	from := now
	if v.Now != nil {
		v.State, v.Word = "busy", r.Locale.T("room.panel-busy")
		v.Until, from = until(r, end), end
	} else if next != 0 {
		v.Until = until(r, next)
		if next-now <= soon {
			v.State, v.Word = "soon", r.Locale.T("room.panel-soon")
		}
	}
	for _, n := range []int{15, 30, 60} {
		if bookable && (next == 0 || next-from >= int64(n)*60) {
			o := option{Value: strconv.Itoa(n), Text: r.Locale.N("room.minutes", n)}
			if v.Now == nil {
				v.Lengths = append(v.Lengths, o)
			} else if n < 60 {
				v.Extend = append(v.Extend, o)
			}
		}
	}
	return v, nil
}

// soon is for how many seconds at least a room is free without a warning.
const soon = 15 * 60

// inZone has a page show times on the clock of a room, if it has one.
func inZone(r *page.Request, p *policy.Policy) bool {
	if p.Zone == nil {
		return false
	}
	loc, err := time.LoadLocation(p.Zone.Name())
	if err == nil {
		r.Zone = loc
	}
	return err == nil
}

func panelItemOf(r *page.Request, s *rooms.Seen) panelItem {
	return panelItem{Time: doorTime(r, s), Text: cmp.Or(s.Summary, s.Holder, r.Locale.T("room.panel-taken")), Start: s.Start, UID: s.UID}
}

// doorTime writes when something is; the day too where that is not, or not only, today.
func doorTime(r *page.Request, s *rooms.Seen) string {
	from, last := r.Local(unix(s.Start)), r.Local(unix(max(s.Start, s.End-1))) // midnight ends the day before
	switch day := otherDay(r, from); {
	case s.Start <= r.Time.Unix() && s.AllDay:
		return when(r, s)
	case !s.AllDay && from.Format(time.DateOnly) != last.Format(time.DateOnly):
		return moment(r, s.Span)
	case day != "":
		return day + ", " + when(r, s)
	}
	return when(r, s)
}

// until says until when something is so.
func until(r *page.Request, end int64) string {
	at := r.Local(unix(end))
	day := otherDay(r, at)
	if day == "" || otherDay(r, at.Add(-time.Second)) == "" { // midnight is the next one
		return r.Locale.T("room.panel-until", "time", r.Locale.Clock(at))
	}
	return r.Locale.T("room.panel-until-day", "day", day, "time", r.Locale.Clock(at))
}

// otherDay names a day that is not today: by its weekday where that says which.
func otherDay(r *page.Request, t time.Time) string {
	c := clockOf(r)
	switch days := int(c.today(t).Sub(c.today(r.Time)) / (24 * time.Hour)); {
	case days == 0:
		return ""
	case days > 0 && days < 7:
		return r.Locale.Weekday(t.Weekday())
	}
	return r.Locale.DayDate(t)
}

// panelMessages are what a panel says after somebody has pressed a button: by the
// parameter of the path that it goes to.
var panelMessages = map[string]string{
	"booked": "room.panel-booked", "in": "room.panel-checked-in", "ended": "room.panel-ended", "longer": "room.panel-longer", "taken": "room.has-no-time", "not": "room.panel-not",
}

func panelMessage(r *page.Request) string {
	if key := panelMessages[r.URL.Query().Get("said")]; key != "" {
		return r.Locale.T(key)
	}
	return ""
}

// offerPanel gives a device a code to be paired with.
func offerPanel(r *page.Request) (*page.Answer, error) {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // those who have none are one
	token, err := r.Panels.Offer(at.Addr())
	if errors.Is(err, panels.ErrBusy) {
		return nil, &page.Error{Status: http.StatusServiceUnavailable, Retry: panels.CodeLife, Err: err}
	}
	if err != nil {
		return nil, err
	}
	name, secure := panelCookie(r)
	c := &http.Cookie{Name: name, Value: token, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode, MaxAge: int(panelLife.Seconds())}
	return &page.Answer{Location: "/panel/", Header: http.Header{"Set-Cookie": {c.String()}}}, nil
}

// atDoor does what somebody pressed at the panel of a room.
func atDoor(said string, do func(*page.Request, panels.Panel) error) func(*page.Request) (*page.Answer, error) {
	return func(r *page.Request) (*page.Answer, error) {
		one, _, err := panelOf(r)
		if errors.Is(err, panels.ErrUnknown) || err == nil && one.Place != nil {
			return nil, page.Fail(http.StatusForbidden, "room.no-panel")
		}
		if err != nil {
			return nil, err
		}
		by := r.By()
		by.Actor = audit.Who{Name: "panel " + one.ID}
		act := audit.Act{By: by, Verb: "panel." + said, Object: audit.Object{Type: "room", GUID: one.Room}}
		err = r.Audit.Do(r.Context(), act, func() (any, error) { return nil, do(r, one) })
		_, taken := errors.AsType[*calendar.ConflictError](err)
		switch {
		case taken:
			return &page.Answer{Location: "/panel/?said=taken"}, nil
		case errors.Is(err, caldav.ErrDoor), errors.Is(err, calendar.ErrNoBooking), errors.Is(err, calendar.ErrManyBookings), errors.Is(err, calendar.ErrCheckIn), errors.Is(err, directory.ErrNotFound):
			return &page.Answer{Location: "/panel/?said=not"}, nil
		case err != nil:
			return nil, err
		}
		return &page.Answer{Location: "/panel/?said=" + said}, nil
	}
}

func doorMinutes(r *page.Request) (time.Duration, error) {
	n, err := strconv.Atoi(r.PostFormValue("minutes"))
	if err != nil || n != 15 && n != 30 && n != 60 {
		return 0, page.Fail(http.StatusBadRequest, "")
	}
	return time.Duration(n) * time.Minute, nil
}

func panelBook(r *page.Request, one panels.Panel) error {
	n, err := doorMinutes(r)
	if err != nil {
		return err
	}
	return r.Site.Calendars.BookAtDoor(r.Context(), one.Room, 0, n, r.Locale.T("room.panel-at-door"))
}

// current is what is on in the room of a panel.
func current(r *page.Request, one panels.Panel) (*rooms.Seen, error) {
	now := r.Time.Unix()
	seen, err := r.Site.Calendars.DoorView(r.Context(), one.Room, policy.Span{Start: now, End: now + 1})
	if err != nil {
		return nil, err
	}
	if len(seen.Dates) == 0 {
		return nil, calendar.ErrNoBooking
	}
	return &seen.Dates[0], nil
}

func panelExtend(r *page.Request, one panels.Panel) error {
	n, err := doorMinutes(r)
	if err != nil {
		return err
	}
	s, err := current(r, one)
	if err != nil {
		return err
	}
	return r.Site.Calendars.BookAtDoor(r.Context(), one.Room, s.End, n, r.Locale.T("room.panel-at-door"))
}

func panelCheckIn(r *page.Request, one panels.Panel) error {
	s, err := current(r, one)
	if err != nil {
		return err
	}
	return r.Site.Calendars.CheckInRoom(r.Context(), caldav.RoomHand{Panel: r.Locale.T("room.panel")}, one.Room, s.UID, s.Start)
}

func panelEnd(r *page.Request, one panels.Panel) error {
	s, err := current(r, one)
	if err != nil {
		return err
	}
	hand := caldav.RoomHand{Panel: r.Locale.T("room.panel")}
	return r.Site.Calendars.ReleaseRoom(r.Context(), hand, one.Room, s.UID, r.Time.Unix(), "")
}
