package caldav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

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

// thresholds are the settings that bound a booking, in the order in which they are told.
var thresholds = []string{"mode", "bookable", "exclusive", "slots", "book", "request", "request-out", "deny", "recurring",
	"max-conflicts", "max-conflict-percent", "window", "beyond-window", "min-notice", "min-duration", "max-duration", "hours", "hours-only",
	"timezone", "capacity", "enforce-capacity", "min-attendees", "buffer-before", "buffer-after", "horizon", "max-occurrences"}

// maxTold is how many dates of a series an explanation lists.
const maxTold = 100

// ExplainRoom says what a room would answer if the caller invited it: v has the parameters
// of FindRooms that are about the time and the people. Errors: *rooms.FieldError, and those
// of the directory and the store.
func (h *Handler) ExplainRoom(ctx context.Context, caller *auth.Caller, room *directory.Principal, v url.Values) (e *rooms.Explanation, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		f, err := h.roomSearch(req, v)
		if err != nil {
			return nil, err
		}
		if len(f.dates) == 0 {
			return nil, &rooms.FieldError{Field: "from", Reason: "say when: from, with to or duration"}
		}
		return func(s *scope) (*webdav.Response, error) {
			e, err = f.explain(s, room)
			return nil, err
		}, nil
	})
	return e, err
}

// explain asks a room about the meeting of a search.
func (f *roomSearch) explain(s *scope, room *directory.Principal) (*rooms.Explanation, error) {
	who, err := s.partyOf(f.people[0])
	if err != nil {
		return nil, err
	}
	pool := ""
	if room.Type == directory.Group {
		none, picked, err := f.explainPool(s, room, who)
		if err != nil || none != nil {
			return none, err
		}
		room, pool = picked, roomName(room)
	}
	party, err := s.partyOf(room)
	if err != nil {
		return nil, err
	}
	o, err := f.object("explained", s.req.now, ical.NewProperty("ORGANIZER", who.Address),
		ical.NewProperty("ATTENDEE", who.Address, param("PARTSTAT", "ACCEPTED")), ical.NewProperty("ATTENDEE", party.Address))
	if err != nil {
		return nil, err
	}
	seen, err := s.tx.Foresee(party, who, o, f.heads)
	switch {
	case err != nil:
		return nil, err
	case seen == nil:
		return nil, &rooms.FieldError{Field: "room", Reason: "people answer for it"}
	}
	e := f.tellForesight(seen)
	e.Pool = pool
	return e, nil
}

// explainPool asks a pool which of its rooms it would give, or says why none.
func (f *roomSearch) explainPool(s *scope, group *directory.Principal, who *scheduling.Party) (none *rooms.Explanation, picked *directory.Principal, err error) {
	pool, err := s.partyOf(group)
	if err != nil {
		return nil, nil, err
	}
	if pool.Kind != scheduling.RoomPool && pool.Kind != scheduling.ResourcePool {
		return nil, nil, &rooms.FieldError{Field: "room", Reason: "it is a group, and not a pool of rooms"}
	}
	o, err := f.object("explained", s.req.now, ical.NewProperty("ORGANIZER", who.Address),
		ical.NewProperty("ATTENDEE", who.Address, param("PARTSTAT", "ACCEPTED")), ical.NewProperty("ATTENDEE", pool.Address))
	if err != nil {
		return nil, nil, err
	}
	seen, err := s.tx.PickRoom(pool, who, o, f.heads)
	if err != nil {
		return nil, nil, err
	}
	if seen.Room != "" {
		before := s.lack.count()
		picked = s.recordByGUID(seen.Room)
		return nil, picked, s.needSince(before, seen.Room)
	}
	none = &rooms.Explanation{Room: roomName(group), Answer: "declined", Class: "book", May: string(policy.MayBook), Mode: string(policy.ModeAutomatic), Heads: f.heads, Rules: []rooms.Rule{}, Dates: []rooms.Date{}, Alternatives: []string{}, Text: seen.Text}
	for i, d := range f.dates[:min(len(f.dates), maxTold)] {
		date := rooms.Date{From: f.text(d.Start), To: f.text(d.End), Answer: "declined", Reasons: []string{}}
		if i == 0 {
			date.Reasons = append(date.Reasons, string(seen.Why))
		}
		none.Dates = append(none.Dates, date)
	}
	none.More = len(f.dates) - len(none.Dates)
	if seen.Why == policy.CodeNotAllowed {
		none.Class, none.May = "unlisted", string(policy.MayNot)
	}
	return none, nil, nil
}

func (f *roomSearch) tellForesight(seen *calendar.Foresight) *rooms.Explanation {
	a, p := seen.Answer, seen.Room.Policy
	e := &rooms.Explanation{
		Room: seen.Room.Name, Answer: a.Word(), Class: seen.Facts.Class(p), May: string(seen.Facts.Permission(p)), Mode: string(a.Mode), Heads: f.heads,
		Rules: []rooms.Rule{}, Dates: []rooms.Date{}, Alternatives: []string{}, Text: a.Comment(p, seen.Speech),
	}
	for _, name := range thresholds {
		if k, err := policy.Find(name); err == nil {
			e.Rules = append(e.Rules, rooms.Rule{Name: name, Value: k.Get(p)})
		}
	}
	for i := range a.Occurrences {
		if i == maxTold {
			e.More = len(a.Occurrences) - i
			break
		}
		e.Dates = append(e.Dates, f.tellDate(&a.Occurrences[i], seen.Speech))
	}
	if a.Next != 0 {
		e.Next = f.text(a.Next)
	}
	for _, guid := range a.Alternatives {
		e.Alternatives = append(e.Alternatives, seen.Names[guid])
	}
	return e
}

// states are how what takes a room is called.
var states = map[policy.State]string{policy.Booked: "booked", policy.Waiting: "waiting", policy.Blocked: "blocked"}

func (f *roomSearch) tellDate(o *policy.Occurrence, speech *policy.Speech) rooms.Date {
	d := rooms.Date{From: f.text(o.Instance.StartUnix), To: f.text(o.Instance.EndUnix), Answer: strings.ToLower(string(o.PartStat)), Reasons: []string{}}
	for _, r := range o.Reasons {
		d.Reasons = append(d.Reasons, string(r.Code))
	}
	if t := o.Taker; t != nil {
		d.Taker = &rooms.Taker{From: f.text(t.Start), To: f.text(t.End), State: states[t.State]}
		if speech.Describe != nil {
			d.Taker.Holder, _ = speech.Describe(*t) // the other is what the meeting is: not told here
		}
	}
	return d
}

// A DeclinedError says that a room would decline the meeting that was to be made. It was
// not.
type DeclinedError struct {
	Text string // what the room says
}

// Error returns the text.
func (e *DeclinedError) Error() string { return e.Text }

// BookRooms makes a meeting in the calendar of the caller that invites rooms: by the PUT
// that a client of theirs would send. v has the parameters of FindRooms that are about the
// time and the people, and summary. A meeting that a room would not take at all is not
// made. Errors: as ExplainRoom; *DeclinedError; those of a PUT.
func (h *Handler) BookRooms(ctx context.Context, caller *auth.Caller, list []*directory.Principal, v url.Values) (*rooms.Booked, error) {
	summary := v.Get("summary")
	v.Del("summary")
	for _, room := range list {
		e, err := h.ExplainRoom(ctx, caller, room, v)
		if err != nil {
			return nil, err
		}
		if e.Answer == "declined" {
			return nil, &DeclinedError{strings.ReplaceAll(e.Text, "\n", " ")}
		}
	}
	uid := randomHex()
	var body []byte
	path := ""
	err := h.asCaller(ctx, caller, http.MethodGet, homePath(caller.Principal.GUID), func(req *request) (action, error) {
		f, err := h.roomSearch(req, v)
		if err != nil {
			return nil, err
		}
		req.target.owner = caller.Principal
		o, err := f.object(uid, req.now, invitations(f.people, list, summary)...)
		if err != nil {
			return nil, err
		}
		body = o.Calendar.Append(nil)
		return func(s *scope) (*webdav.Response, error) {
			col, err := s.tx.DefaultCalendar(s.home, store.VEVENT)
			if err == nil && col == nil {
				err = &webdav.Error{Status: http.StatusNotFound, Description: "there is no calendar for meetings"}
			}
			if err == nil {
				path = homePath(caller.Principal.GUID) + col.Name + "/" + uid + ".ics"
			}
			return nil, err
		}, nil
	})
	if err != nil {
		return nil, err
	}
	booked, err := h.putMeeting(ctx, caller, uid, path, body)
	if declined, is := errors.AsType[*DeclinedError](err); is { // somebody has come first
		for _, room := range list {
			if e, err := h.ExplainRoom(ctx, caller, room, v); err == nil && e.Answer == "declined" {
				declined.Text = strings.ReplaceAll(e.Text, "\n", " ")
			}
		}
	}
	return booked, err
}

// invitations are the properties of a meeting of some people, the first of whom organizes
// it, in rooms.
func invitations(people, list []*directory.Principal, summary string) []ical.Property {
	address := func(p *directory.Principal) string { return scheduling.CanonicalAddress(p.GUID) }
	props := []ical.Property{ical.TextProperty("SUMMARY", summary), ical.NewProperty("ORGANIZER", address(people[0]))}
	for i, p := range people {
		stat := "NEEDS-ACTION"
		if i == 0 {
			stat = "ACCEPTED"
		}
		props = append(props, ical.NewProperty("ATTENDEE", address(p), param("PARTSTAT", stat)))
	}
	names := []string{}
	for _, p := range list {
		props = append(props, ical.NewProperty("ATTENDEE", address(p), param("CUTYPE", userType(p.Type)), param("PARTSTAT", "NEEDS-ACTION")))
		names = append(names, p.FullName)
	}
	return append(props, ical.TextProperty("LOCATION", strings.Join(names, ", ")))
}

func param(name, value string) ical.Param { return ical.Param{Name: name, Values: []string{value}} }

// putMeeting is the PUT of a client.
func (h *Handler) putMeeting(ctx context.Context, caller *auth.Caller, uid, path string, body []byte) (*rooms.Booked, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, webdav.EscapePath(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", calendarType)
	r.Header.Set("If-None-Match", "*")
	resp, err := h.putCertain(r, caller)
	if err != nil {
		return nil, err
	}
	if resp.Status/100 != 2 {
		return nil, fmt.Errorf("%s is not written: status %d", path, resp.Status)
	}
	b := &rooms.Booked{UID: uid, Path: path, Answers: append([]string{}, resp.Header[bookingHeader]...)}
	b.Taken = !slices.ContainsFunc(b.Answers, func(a string) bool {
		return !strings.Contains(a, "; answer=accepted") && !strings.Contains(a, "; answer=pending")
	})
	return b, nil
}

// putCertain does a PUT that does nothing at all if a room declines it. Errors:
// *DeclinedError; those of a PUT.
func (h *Handler) putCertain(r *http.Request, caller *auth.Caller) (*webdav.Response, error) {
	mem := h.newMemory()
	defer mem.Release()
	return h.respond(&request{Request: r, caller: caller, now: h.Now(), line: &logging.Entry{}, memory: mem, certain: true})
}

// declined is what to say of a request that is not to be done without the rooms that it
// invites, if one of them has declined in its transaction.
func (s *scope) declined() error {
	if !s.req.certain {
		return nil
	}
	for _, b := range s.tx.Bookings() {
		if b.Answer == "declined" {
			return &DeclinedError{b.Header}
		}
	}
	return nil
}
