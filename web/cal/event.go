package cal

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"convene/caldav"
	"convene/web/view"
)

// An event is one as templates write it. Everything is text that needs no more decisions:
// a page may have hundreds.
type event struct {
	Class string // of its element
	Href  string // of its page, behind /my/event
	Title string
	When  string // its times, or ""
	Where string
	State string // in words, what colours and lines say; begins with ", "
	Move  string // start and end, in local time, and ETag, for the script that moves it; "": it cannot be moved
	Empty bool   // no event: a row of a month that nothing is in
}

// local is the time of a clock in the reader's zone, as a time.Time in UTC.
func (r *request) local(unix int64) time.Time { return time.Unix(r.zone.Wall(unix), 0).UTC() }

func (r *request) clock(unix int64) string { return r.Locale.Clock(r.local(unix)) }

// localFormat is that of times in the queries of the editor.
const localFormat = "2006-01-02T15:04"

// times writes when an event is. on is the day of the column, for which what is on
// other days is named.
func (r *request) times(e *caldav.AgendaEvent) string {
	switch {
	case e.AllDay:
		return ""
	case e.End <= e.Start:
		return r.clock(e.Start)
	case e.End-e.Start >= 86400:
		return r.Locale.MonthDay(r.local(e.Start)) + " " + r.clock(e.Start) + " – " + r.Locale.MonthDay(r.local(e.End)) + " " + r.clock(e.End)
	}
	return r.clock(e.Start) + "–" + r.clock(e.End)
}

// event makes an event ready for a template; class are those of its place.
func (r *request) event(d *diary, e *caldav.AgendaEvent, class []byte) event {
	v := event{Title: e.Title, When: r.times(e), Where: e.Place}
	if e.Path != "" {
		v.Href = eventPath(e)
	}
	switch {
	case v.Title == "" && e.Masked:
		v.Title = r.Locale.T("cal.private")
	case v.Title == "":
		v.Title = r.Locale.T("cal.untitled")
	}
	if e.Calendar != nil {
		class = strconv.AppendInt(append(class, " c"...), int64(d.colours[e.Calendar]), 10)
	} else {
		class = append(class, " busy"...)
	}
	state := make([]string, 0, 3)
	add := func(name, text string) {
		class = append(append(class, ' '), name...)
		state = append(state, text)
	}
	switch {
	case e.Status == "CANCELLED":
		add("off", r.Locale.T("cal.cancelled"))
	case e.Answer == "DECLINED":
		add("off", r.Locale.T("cal.declined"))
	case e.Answer == "NEEDS-ACTION":
		add("open", r.Locale.T("cal.unanswered"))
	case e.Status == "TENTATIVE" || e.Answer == "TENTATIVE":
		add("maybe", r.Locale.T("cal.tentative"))
	}
	if e.Free && e.Status != "CANCELLED" {
		add("free", r.Locale.T("cal.free"))
	}
	if len(d.Calendars) > 1 && e.Calendar != nil {
		state = append(state, e.Calendar.Name)
	}
	if len(state) > 0 {
		v.State = ", " + strings.Join(state, ", ")
	}
	if e.Write {
		if e.AllDay {
			v.Move = view.Day(e.FirstDay).String() + " " + view.Day(e.LastDay+1).String() + " " + e.ETag
		} else {
			b := make([]byte, 0, 64)
			b = append(r.local(e.Start).AppendFormat(b, localFormat), ' ')
			b = append(r.local(e.End).AppendFormat(b, localFormat), ' ')
			v.Move = string(append(b, e.ETag...))
		}
	}
	v.Class = string(class)
	return v
}

// eventPath is where the page of an event is, behind /my/event.
func eventPath(e *caldav.AgendaEvent) string {
	at := strings.LastIndexByte(e.Path, '/') + 1
	path := (&url.URL{Path: e.Path[:at]}).EscapedPath() + url.PathEscape(e.Path[at:])
	if e.At != "" {
		path += "?at=" + e.At
	}
	return path
}
