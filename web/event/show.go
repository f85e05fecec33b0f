package event

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// eventView is what the page of an event shows.
type eventView struct {
	Title, When, Zone, Repeat, Place, Calendar string
	Notes                                      []piece
	Organizer                                  string
	Guests                                     []guest
	Class                                      string // "" of what is public
	Free, Cancelled, Series                    bool
	Made, Changed                              *hand // what others did with it for the reader; nil: not known of any

	Path, At, ETag     string
	Edit, Delete, Move string // paths of pages; "": may not
	Raw                string
	Answer             string // path of the form; "": is not invited
	Answered           string // their answer, PARTSTAT
	Instance           bool   // the answer may be for this one alone
}

// A hand is who did something, and when.
type hand struct {
	Name string
	At   time.Time
}

// hands says who of others made and last changed an event of the reader.
func (v *eventView) hands(r *page.Request, s *stored) error {
	if s.owner == nil || s.owner.GUID != r.GUID() {
		return nil
	}
	act, err := r.Site.Calendars.ActOn(r.Context(), r.Caller, path.Base(path.Dir(s.Path)), path.Base(s.Path))
	if err != nil || act == nil {
		return err
	}
	names := r.Names()
	if act.Maker != "" {
		v.Made = &hand{names.Of(act.Maker), act.Made}
	}
	if act.Maker != act.By || !act.Made.Equal(act.At) {
		v.Changed = &hand{names.Of(act.By), act.At}
	}
	return nil
}

// A piece of a text: some words, or a link.
type piece struct{ Text, URL string }

var links = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)\]']`)

// pieces finds the links in a text.
func pieces(s string) (list []piece) {
	at := 0
	for _, m := range links.FindAllStringIndex(s, 200) {
		if m[0] > at {
			list = append(list, piece{Text: s[at:m[0]]})
		}
		list = append(list, piece{Text: s[m[0]:m[1]], URL: s[m[0]:m[1]]})
		at = m[1]
	}
	if at < len(s) {
		list = append(list, piece{Text: s[at:]})
	}
	return list
}

// A guest as pages show them.
type guest struct {
	edit.Guest
	Shown  string // name or address
	Status string // what they answered, in words
	Mark   string // class of it: "good", "bad", "warn" or ""
	Room   bool
}

var answers = map[string]struct{ key, mark string }{
	"ACCEPTED": {"event.accepted", "good"}, "DECLINED": {"event.declined", "bad"}, "TENTATIVE": {"event.tentative", "warn"},
	"DELEGATED": {"event.delegated", ""}, "NEEDS-ACTION": {"event.unanswered", ""},
}

func guests(r *page.Request, all []edit.Guest) (list []guest) {
	for _, g := range all {
		a, ok := answers[g.Answer]
		if !ok {
			a = answers["NEEDS-ACTION"]
		}
		one := guest{Guest: g, Shown: g.Name, Status: r.Locale.T(a.key), Mark: a.mark, Room: g.Kind == "ROOM" || g.Kind == "RESOURCE"}
		if one.Room && g.Answer == "NEEDS-ACTION" {
			one.Status = r.Locale.T("event.room-waits")
		}
		if one.Shown == "" {
			one.Shown = strings.TrimPrefix(g.Address, "mailto:")
		}
		list = append(list, one)
	}
	slices.SortStableFunc(list, func(a, b guest) int {
		if a.Room != b.Room {
			if a.Room {
				return 1
			}
			return -1
		}
		return 0
	})
	return list
}

// at is the instance that a request names.
func at(r *page.Request) string { return r.FormValue("at") }

func show(r *page.Request) (*page.Answer, error) {
	s, err := load(r, r.PathValue("path"))
	if err != nil {
		return nil, err
	}
	c, err := edit.At(s.Object, at(r))
	if err != nil {
		return nil, page.Fail(http.StatusNotFound, "event.gone")
	}
	e, err := edit.Read(s.Object, c)
	if err != nil {
		return nil, page.Fail(http.StatusNotFound, "event.no-event")
	}
	v := eventView{
		Title: titled(r, e.Title), When: when(r, s.Object, c), Place: e.Place, Notes: pieces(e.Notes), Guests: guests(r, e.Guests), Free: e.Free,
		Path: s.Path, At: at(r), ETag: s.ETag, Raw: link("/raw", s.Path, ""), Series: edit.Repeats(s.Object),
	}
	if s.Master != nil && v.Series {
		if whole, err := edit.Read(s.Object, s.Master); err == nil {
			v.Repeat = words(r, whole)
		}
	}
	if !e.AllDay && e.Zone != "" && e.Zone != r.Zone.String() {
		v.Zone = r.Locale.T("event.in-zone", "time", strings.Replace(e.Start, "T", " ", 1), "zone", e.Zone)
	}
	if err := v.hands(r, s); err != nil {
		return nil, err
	}
	v.Cancelled = strings.EqualFold(propText(c, "STATUS"), "CANCELLED")
	switch e.Class {
	case "PRIVATE":
		v.Class = r.Locale.T("event.private")
	case "CONFIDENTIAL":
		v.Class = r.Locale.T("event.confidential")
	}
	mine := e.Organizer == "" || s.is(e.Organizer)
	for _, g := range e.Guests {
		if strings.EqualFold(g.Address, e.Organizer) {
			v.Organizer = g.Name
		}
		if !mine && s.is(g.Address) && s.write {
			v.Answer, v.Answered = link("/answer", s.Path, ""), g.Answer
		}
	}
	if p := c.Prop("ORGANIZER"); p != nil && v.Organizer == "" {
		if v.Organizer = p.Param("CN"); v.Organizer == "" {
			v.Organizer = strings.TrimPrefix(e.Organizer, "mailto:")
		}
	}
	v.Instance = v.Series && v.At != "" && s.Master != nil
	if s.write {
		v.Delete = link("/delete", s.Path, v.At)
		if mine {
			v.Edit = link("/edit", s.Path, v.At)
			v.Move = "/my/event/move?" + query("path", s.Path, "at", v.At)
		}
	}
	return r.Show("event/show", "event.event", v), nil
}

func propText(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return p.Text()
	}
	return ""
}

// titled is a title, or what stands for none.
func titled(r *page.Request, title string) string {
	if title == "" {
		return r.Locale.T("event.untitled")
	}
	return title
}

// when says when a component is, on the reader's clock.
func when(r *page.Request, o *ical.Object, c *ical.Component) string {
	e, err := edit.Read(o, c)
	if err != nil {
		return ""
	}
	return span(r, o, e)
}

// span is the time of an event in words.
func span(r *page.Request, o *ical.Object, e edit.Event) string {
	from, to, ok := moments(r, o, e)
	if !ok {
		return ""
	}
	t := r.Locale
	switch sameDay := from.Format(time.DateOnly) == to.Format(time.DateOnly); {
	case e.AllDay && sameDay:
		return t.FullDate(from)
	case e.AllDay:
		return t.T("event.from-to", "from", t.FullDate(from), "to", t.FullDate(to))
	case sameDay:
		return t.T("event.day-times", "day", t.FullDate(from), "from", t.Clock(from), "to", t.Clock(to))
	}
	return t.T("event.from-to", "from", t.FullDate(from)+" "+t.Clock(from), "to", t.FullDate(to)+" "+t.Clock(to))
}

// moments are the start and the end of an event on the reader's clock; of whole days the
// first and the last day.
func moments(r *page.Request, o *ical.Object, e edit.Event) (from, to time.Time, ok bool) {
	a, b, err := e.Times(zonesOf(o))
	if err != nil {
		return from, to, false
	}
	if e.AllDay {
		return time.Unix(a.Wall, 0).UTC(), time.Unix(b.Wall, 0).UTC().AddDate(0, 0, -1), true
	}
	if e.Zone == "" {
		return time.Unix(a.Wall, 0).UTC(), time.Unix(b.Wall, 0).UTC(), true
	}
	return r.Local(time.Unix(a.Unix(nil), 0)), r.Local(time.Unix(b.Unix(nil), 0)), true
}

func zonesOf(o *ical.Object) *ical.Zones {
	if o == nil {
		return nil
	}
	return o.Zones
}

var repeats = map[string]string{
	"daily": "event.every-day", "weekly": "event.every-week", "monthly": "event.every-month", "yearly": "event.every-year",
}

// words say how an event repeats.
func words(r *page.Request, e edit.Event) string {
	t, p := r.Locale, e.Repeat
	if p.Every == "" {
		return ""
	}
	if p.Every == edit.Kept {
		return t.T("event.rule", "rule", p.Rule)
	}
	s := t.N(repeats[p.Every], max(1, p.Interval))
	if p.Every == "weekly" {
		var days []string
		for _, d := range t.Weekdays() {
			if p.Days[d] {
				days = append(days, t.Weekday(d))
			}
		}
		s += " " + t.T("event.on-days", "days", strings.Join(days, ", "))
	}
	if p.Every == "monthly" && p.Nth {
		if day, err := time.Parse(time.DateOnly, e.Start[:len(time.DateOnly)]); err == nil {
			s += " " + t.T("event.on-nth", "n", (day.Day()-1)/7+1, "day", t.Weekday(day.Weekday()))
		}
	}
	if last, err := time.Parse(time.DateOnly, p.Until); err == nil {
		s += " " + t.T("event.until-day", "day", t.LongDate(last))
	}
	if p.Count > 0 {
		s += " " + t.N("event.times", p.Count)
	}
	return s
}

// raw is the object as it is stored, for support.
func raw(r *page.Request) (*page.Answer, error) {
	s, err := load(r, r.PathValue("path"))
	if err != nil {
		return nil, err
	}
	return &page.Answer{Type: "text/calendar; charset=utf-8", Body: s.Body, Header: http.Header{
		"Content-Disposition": {`attachment; filename="object.ics"`},
	}}, nil
}
