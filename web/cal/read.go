package cal

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"convene/caldav"
	"convene/internal/ical"
	"convene/web/page"
	"convene/web/view"
)

// A request is one for a view of a day.
type request struct {
	*page.Request
	kind  *kind
	day   view.Day
	today view.Day
	zone  *ical.Zone
}

func newRequest(r *page.Request, k *kind, day view.Day) *request {
	zone := zoneOf(r.Zone)
	return &request{Request: r, kind: k, day: day, today: view.DayOf(r.Time.Unix(), zone), zone: zone}
}

func today(r *page.Request) view.Day { return view.DayOf(r.Time.Unix(), zoneOf(r.Zone)) }

// zoneOf is a zone as calendar data know it. That of the machine has no name in package
// time: it is found as that package finds it.
func zoneOf(l *time.Location) *ical.Zone {
	name := l.String()
	if l == time.Local {
		name = strings.TrimPrefix(os.Getenv("TZ"), ":")
		if _, set := os.LookupEnv("TZ"); !set {
			file, err := os.Readlink("/etc/localtime")
			if _, after, ok := strings.Cut(file, "zoneinfo/"); ok && err == nil {
				name = after
			}
		}
	}
	if zone, err := ical.LoadZone(name); err == nil {
		return zone
	}
	return ical.UTCZone()
}

// A diary is what a view shows, as it was read.
type diary struct {
	*caldav.Agenda
	items   []view.Item                    // nil, if not all that was read was wanted
	colours map[*caldav.AgendaCalendar]int // number of the class
}

// read reads what is shown between two days.
func (r *request) read(from, to view.Day, change func(*caldav.AgendaQuery)) (*diary, error) {
	hidden := map[string]bool{}
	for path := range strings.Lines(r.Prefer.Hidden) {
		hidden[strings.TrimSuffix(path, "\n")] = true
	}
	q := &caldav.AgendaQuery{
		From: from.Start(r.zone), To: to.Start(r.zone), Zone: r.zone, By: r.By(),
		Skip: func(path string) bool { return hidden[path] },
	}
	if change != nil {
		change(q)
	}
	if q.From >= q.To { // a day that a zone leaves out
		q.To = q.From + 1
	}
	a, err := r.Site.Calendars.Agenda(r.Context(), r.Caller, q)
	if err != nil {
		return nil, failure(err)
	}
	d := &diary{Agenda: a, colours: map[*caldav.AgendaCalendar]int{}}
	if q.Choose == nil {
		d.items = make([]view.Item, len(a.Events))
		for i := range a.Events {
			d.items[i] = item(&a.Events[i].AgendaTime)
		}
	}
	for i, c := range a.Calendars {
		if c.Name == "calendar" { // nobody has called it anything
			c.Name = r.Locale.T("cal.calendar")
		}
		d.colours[c] = i % mostColours
	}
	return d, nil
}

func item(e *caldav.AgendaTime) view.Item {
	return view.Item{Start: e.Start, End: e.End, AllDay: e.AllDay, First: view.Day(e.FirstDay), Last: view.Day(e.LastDay)}
}

// failure gives an error of the calendars the page that it has.
func failure(err error) error {
	if status := caldav.ErrorStatus(err); status == http.StatusServiceUnavailable || status == http.StatusBadRequest {
		e := &page.Error{Status: status, Err: fmt.Errorf("calendar: %w", err)}
		if status == http.StatusServiceUnavailable {
			e.Retry = 5 * time.Second
		}
		return e
	}
	return fmt.Errorf("calendar: %w", err)
}

// A frame is what is around each view.
type frame struct {
	Kind             string
	Title, Sub       string   // of the page, and what is said besides
	Prev, Now, Next  string   // paths
	Date             string   // of the form that leads to another
	Keep             []string // people that it keeps
	Zone             string
	Kinds            []tab
	Calendars        []choice
	Colours          string // path of the stylesheet
	New              string // path of the form for a new event on this day
	Back             string // path of this page
	NoCalendar, None bool   // no calendar is there, or shown
	Partial          bool   // an event happens too often to show it each time
	State            string // of what is shown; see page.Request.LiveState
}

type tab struct {
	Path, Text, Key string
	Current         bool
}

// A choice is a calendar that can be shown or not.
type choice struct {
	Path, Name, Owner string
	Class             string
	Shown, Write      bool
}

func (r *request) frame(d *diary, title string) frame {
	f := frame{
		Kind: r.kind.name, Title: title, Zone: r.zone.Name(), Date: r.day.String(), Back: r.URL.Path,
		Prev: pathOf(r.kind.name, r.kind.step(r, -1)), Next: pathOf(r.kind.name, r.kind.step(r, 1)), Now: pathOf(r.kind.name, r.today),
		State: r.LiveState(d.State, r.Time), Partial: d.Partial, NoCalendar: len(d.Calendars) == 0, None: true,
	}
	for _, k := range kinds() {
		f.Kinds = append(f.Kinds, tab{pathOf(k.name, r.day), r.Locale.T(k.text), k.key, k.name == r.kind.name})
	}
	f.Calendars, f.Colours = r.choices(d)
	for _, c := range f.Calendars {
		f.None = f.None && !c.Shown
	}
	f.New = newEvent(d, url.Values{"start": {r.day.String() + "T09:00"}, "end": {r.day.String() + "T10:00"}})
	return f
}

// choices are the calendars, and the path of the stylesheet with their colours.
func (r *request) choices(d *diary) (list []choice, sheet string) {
	var codes []string
	for i, c := range d.Calendars {
		o := choice{Path: c.Path, Name: c.Name, Class: fmt.Sprintf("c%d", i%mostColours), Shown: !c.Skipped, Write: c.Write}
		if c.Owner.GUID != r.GUID() {
			o.Owner = c.Owner.FullName
		}
		list = append(list, o)
		if i < mostColours {
			codes = append(codes, strings.TrimPrefix(cmp.Or(c.Color, palette[i%len(palette)]), "#"))
		}
	}
	return list, "/my/calendar/colors.css?c=" + strings.Join(codes, "-")
}

// newEvent is the path of the form for a new event: in the calendar that invitations come
// to, or the first that can be written.
func newEvent(d *diary, q url.Values) string {
	i := slices.IndexFunc(d.Calendars, func(c *caldav.AgendaCalendar) bool { return c.Write && c.Default && !c.Skipped })
	if i < 0 {
		i = slices.IndexFunc(d.Calendars, func(c *caldav.AgendaCalendar) bool { return c.Write })
	}
	if i >= 0 {
		q.Set("calendar", d.Calendars[i].Path)
	}
	return "/my/event/new?" + q.Encode()
}

// titled is the answer with a page of that title, and the scripts of all views.
func (r *request) titled(template, title string, v any) *page.Answer {
	return &page.Answer{Template: template, Title: title, View: v, Scripts: []string{"calendar.js", "drag.js", "live.js"}}
}
