package cal

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"convene/caldav"
	"convene/web/markup"
	"convene/web/view"
)

// An event is one as pages write it. Everything is text that needs no more decisions.
type event struct {
	Class string // of its element
	Href  string // of its page, behind /my/event
	Title string
	When  string // its times, or ""
	Where string
	State string // in words, what colours and lines say; begins with ", "
	Move  string // start and end, in local time, and ETag, for the script that moves it; "": it cannot be moved
}

// eventSize is about how many bytes write needs for an event.
const eventSize = 320

// write writes an event as an element of a list. It is no template, as a page may have hundreds.
func (e *event) write(f *markup.Fragment) {
	f.Raw(`<li class="`)
	f.Text(e.Class)
	f.Raw(`">`)
	if e.Href != "" {
		f.Raw(`<a href="/my/event`)
		f.Text(e.Href)
		if e.Move != "" {
			f.Raw(`" data-move="`)
			f.Text(e.Move)
		}
		f.Raw(`">`)
	} else {
		f.Raw(`<span class="what">`)
	}
	f.Raw(`<b dir="auto">`)
	f.Text(e.Title)
	f.Raw(`</b>`)
	if e.When != "" {
		f.Raw(` <span class="when">`)
		f.Text(e.When)
		f.Raw(`</span>`)
	}
	if e.Where != "" {
		f.Raw(` <span class="where" dir="auto">`)
		f.Text(e.Where)
		f.Raw(`</span>`)
	}
	if e.State != "" {
		f.Raw(`<span class="unseen">`)
		f.Text(e.State)
		f.Raw(`</span>`)
	}
	if e.Href != "" {
		f.Raw("</a></li>\n")
	} else {
		f.Raw("</span></li>\n")
	}
}

// local is the time of a clock in the reader's zone, as a time.Time in UTC.
func (r *request) local(unix int64) time.Time { return time.Unix(r.zone.Wall(unix), 0).UTC() }

func (r *request) clock(unix int64) string { return r.Locale.Clock(r.local(unix)) }

// localFormat is that of times in the queries of the editor.
const localFormat = "2006-01-02T15:04"

// times writes when an event is; "" of one that has days and no times.
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

// line writes an event of a list, where one without times is said to take all day.
func (r *request) line(f *markup.Fragment, d *diary, e *caldav.AgendaEvent) {
	when := r.times(e)
	if e.AllDay {
		when = r.Locale.T("cal.all-day")
	}
	v := r.event(d, e, []byte("line"), when)
	v.write(f)
}

// event makes an event ready to be written; class are those of its place, and when is what is
// said of its time.
func (r *request) event(d *diary, e *caldav.AgendaEvent, class []byte, when string) event {
	v := event{Title: e.Title, When: when, Where: e.Place}
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
		path += "?at=" + url.QueryEscape(e.At)
	}
	return path
}
