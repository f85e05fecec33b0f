package room

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"convene/audit"
	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

// book makes a meeting in a room, or says why not and what could be had in its place.
func book(r *page.Request) (*page.Answer, error) {
	q := read(r, r.PostForm)
	room, err := bookable(r, r.PostFormValue("room"))
	if err != nil {
		return nil, err
	}
	if from, err := time.Parse(time.RFC3339, r.PostFormValue("from")); err == nil {
		from = r.Local(from)
		q.Date, q.Time = from.Format(time.DateOnly), from.Format("15:04")
		q.day = clockOf(r).day(q.Date, r.Time)
		q.minute, _ = minuteOf(q.Time)
	}
	v := q.values(r)
	v.Set("summary", q.Title)
	if q.Title == "" {
		v.Set("summary", r.Locale.T("room.untitled", "room", room.FullName))
	}
	var done *rooms.Booked
	act := audit.Act{By: r.By(), Verb: "room.book", Object: object(room)}
	err = r.Audit.Do(r.Context(), act, func() (any, error) {
		done, err = r.Site.Calendars.BookRooms(r.Context(), r.Caller, []*directory.Principal{room}, v)
		return done, err
	})
	if err != nil {
		return notBooked(r, q, room, err)
	}
	key := "room.booked"
	if strings.Contains(strings.Join(done.Answers, " "), "answer=pending") {
		key = "room.asked"
	} else if strings.Contains(strings.Join(done.Answers, " "), "answer=partly") || !done.Taken {
		key = "room.partly"
	}
	return r.Go("/my/bookings", key, "room", nameOf(r, room, done), "time", moment(r, policy.Span{Start: clockOf(r).at(q.day, q.minute), End: clockOf(r).at(q.day, q.minute+q.Minutes)})), nil
}

// nameOf is what was booked: of a pool the room that stands for it.
func nameOf(r *page.Request, room *directory.Principal, done *rooms.Booked) string {
	for _, answer := range done.Answers {
		if room.Type != directory.Group || !strings.HasSuffix(answer, fmt.Sprintf("; pool=%q", directory.Group.String()+"/"+room.Name)) {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(answer, `room="`), `"`)
		if given, err := bookable(r, name); err == nil {
			return given.FullName
		}
	}
	return room.FullName
}

func object(room *directory.Principal) audit.Object {
	return audit.Object{Type: "room", GUID: room.GUID, Name: room.Name}
}

// notBooked is the finder with why something was not booked, and what could be.
func notBooked(r *page.Request, q *query, room *directory.Principal, err error) (*page.Answer, error) {
	declined, is := errors.AsType[*caldav.DeclinedError](err)
	var wrong *rooms.FieldError
	switch {
	case is:
	case errors.As(err, &wrong):
		return show(r, q, http.StatusBadRequest, &finderView{Problem: wrongField(r, wrong)})
	default:
		return nil, failed(err)
	}
	with := &finderView{Problem: r.Locale.T("room.declined", "room", room.FullName, "why", declined.Text)}
	e, err := r.Site.Calendars.ExplainRoom(r.Context(), r.Caller, room, q.values(r))
	if err != nil {
		return show(r, q, http.StatusConflict, with)
	}
	if text := explained(r, e); text != "" {
		with.Problem = r.Locale.T("room.declined", "room", room.FullName, "why", text)
	}
	kind := room.Type.String()
	for _, name := range e.Alternatives {
		other, err := find(r, name)
		if err != nil {
			continue // it is an offer less
		}
		with.Offers = append(with.Offers, offer{Room: kind + "/" + name, Text: r.Locale.T("room.take", "room", other.FullName), From: e.Dates[0].From, query: q})
	}
	if next, err := time.Parse(time.RFC3339, e.Next); err == nil {
		text := r.Locale.T("room.take-later", "room", room.FullName, "time", r.Locale.Moment(r.Local(next)))
		with.Offers = append(with.Offers, offer{Room: kind + "/" + room.Name, Text: text, From: next.UTC().Format(time.RFC3339), query: q})
	}
	return show(r, q, http.StatusConflict, with)
}

// explained says in the reader's language why a room would decline.
func explained(r *page.Request, e *rooms.Explanation) string {
	limit := func(name string) (n int) {
		i := slices.IndexFunc(e.Rules, func(rule rooms.Rule) bool { return rule.Name == name })
		if i < 0 {
			return 0
		}
		for _, c := range e.Rules[i].Value {
			if c < '0' || c > '9' {
				return 0
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	for _, d := range e.Dates {
		if d.Answer != "declined" || len(d.Reasons) == 0 {
			continue
		}
		var texts []string
		for _, code := range d.Reasons {
			texts = append(texts, why(r, policy.Code(code), limit(code)))
		}
		if d.Taker != nil && d.Taker.Holder != "" {
			texts = append(texts, r.Locale.T("room.held-by", "name", d.Taker.Holder))
		}
		return strings.Join(texts, ", ")
	}
	return ""
}

// problems are the statuses and texts of what is wrong with a booking.
var problems = []struct {
	is     error
	status int
	key    string
}{
	{calendar.ErrNoBooking, http.StatusNotFound, "room.no-booking"},
	{calendar.ErrNoBlock, http.StatusNotFound, "room.no-booking"},
	{calendar.ErrManyBookings, http.StatusConflict, "room.no-booking"},
	{calendar.ErrCheckIn, http.StatusConflict, "room.no-check-in"},
	{calendar.ErrNoRequest, http.StatusNotFound, "room.no-request"},
	{calendar.ErrNotApprover, http.StatusForbidden, "room.not-approver"},
	{calendar.ErrTime, http.StatusBadRequest, "room.bad-time"},
	{caldav.ErrNotTheirs, http.StatusForbidden, "room.not-theirs"},
	{audit.ErrNotRecorded, http.StatusServiceUnavailable, ""},
}

// failed makes the page of an error of bookings.
func failed(err error) error {
	if err == nil {
		return nil
	}
	for _, p := range problems {
		if errors.Is(err, p.is) {
			return &page.Error{Status: p.status, Key: p.key, Err: err}
		}
	}
	if _, is := errors.AsType[*calendar.ConflictError](err); is {
		return &page.Error{Status: http.StatusConflict, Key: "room.has-no-time", Err: err}
	}
	if _, is := errors.AsType[*calendar.AnsweredError](err); is {
		return &page.Error{Status: http.StatusConflict, Key: "room.answered", Err: err}
	}
	if _, is := errors.AsType[*caldav.DeclinedError](err); is {
		return &page.Error{Status: http.StatusConflict, Key: "room.has-no-time", Err: err}
	}
	if caldav.IsRefused(err) {
		return &page.Error{Status: http.StatusForbidden, Key: "room.refused", Err: err}
	}
	return err
}

// hidden are the fields of a query that a form carries on.
func (q *query) Hidden() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"people": q.People, "title": q.Title, "heads": q.Heads, "building": q.Building, "floor": q.Floor, "q": q.Name, "repeat": q.Repeat, "until": q.Until,
		"date": q.Date, "time": q.Time, "instead": q.Instead, "uid": q.UID,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}
