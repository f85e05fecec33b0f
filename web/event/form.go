package event

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// formView is what the form of an event shows.
type formView struct {
	Action string // where it is sent
	Back   string
	New    bool
	edit.Event
	StartDay, StartTime, EndDay, EndTime string
	Calendars                            []calendar
	Times                                []choice
	Zones                                []string
	Repeats, Classes, Alarms             []choice
	Week                                 []choice // the days of the week
	Words                                string   // of a repetition that stays as it is
	List                                 []guest
	Query                                string
	Found                                []found // nil: nobody has looked
	Looked, Away, Short                  bool
	Busy                                 map[string]string // what guests do at that time, by address
	Rooms                                []roomAnswer
	FreeRooms                            []found // that are free then

	At, ETag, Seen string
	Scopes         []choice

	Fault map[string]string // by field; "": of the whole
	Clash *clash
}

// Wrong is what is wrong with a field; "": nothing.
func (v *formView) Wrong(field string) string { return v.Fault[field] }

// BusyOf is what a guest does at the time of the form; "": it is not known.
func (v *formView) BusyOf(address string) string { return v.Busy[address] }

// A choice of a list.
type choice struct {
	Value, Text string
	Selected    bool
}

// A clash is what has changed meanwhile.
type clash struct {
	Rows []row
	When string
}

// A row has what a field is now, and what it would be.
type row struct{ Name, Theirs, Yours string }

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v.Encode()
}

// fingerprint tells whether what a form shows of an event is still so: without what guests
// have answered, which changes all the time.
func fingerprint(e edit.Event) string {
	e.Guests = slices.Clone(e.Guests)
	for i := range e.Guests {
		e.Guests[i].Answer, e.Guests[i].Comment = "", ""
	}
	text, err := json.Marshal(e)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// newForm shows the form of an event that is to be made: start, end, calendar, day, title
// and guest say what is known already.
func newForm(r *page.Request) (*page.Answer, error) {
	q := r.URL.Query()
	e := edit.Event{Title: q.Get("title"), Class: "PUBLIC", Zone: r.Zone.String(), AllDay: q.Get("day") != "", Start: q.Get("start"), End: q.Get("end"), Alarm: "15"}
	start, err := time.Parse("2006-01-02T15:04", e.Start)
	if err != nil {
		if start, err = time.Parse(time.DateOnly, e.Start); err == nil {
			e.AllDay = true
		} else {
			start = r.Local(r.Time).Truncate(time.Hour).Add(time.Hour)
		}
	}
	end, err := time.Parse("2006-01-02T15:04", e.End)
	if err != nil {
		end, err = time.Parse(time.DateOnly, e.End)
	}
	if err != nil || end.Before(start) {
		if end = start.Add(time.Hour); e.AllDay {
			end = start
		}
	}
	form := "2006-01-02T15:04"
	if e.AllDay {
		form, e.Alarm = time.DateOnly, ""
	}
	e.Start, e.End = start.Format(form), end.Format(form)
	v := &formView{Action: "/my/event/new", Back: "/my/", New: true, Event: e}
	for _, address := range q["guest"] {
		if g, ok := known(r, address); ok {
			v.Guests = append(v.Guests, g)
		}
	}
	return showForm(r, v, q.Get("calendar"), http.StatusOK)
}

// showForm answers with a form, of which Event is filled in.
func showForm(r *page.Request, v *formView, in string, status int) (*page.Answer, error) {
	t := r.Locale
	base := home(r.Caller.Principal)
	if in != "" {
		base = homeOf(in)
	}
	var err error
	if v.Calendars, err = writable(r, base); err != nil {
		return nil, err
	}
	if len(v.Calendars) == 0 {
		return nil, page.Fail(http.StatusForbidden, "event.no-calendar")
	}
	chosen := slices.IndexFunc(v.Calendars, func(c calendar) bool { return strings.HasPrefix(in, c.Path) })
	v.Calendars[max(0, chosen)].Selected = true
	v.StartDay, v.StartTime, _ = strings.Cut(v.Start, "T")
	v.EndDay, v.EndTime, _ = strings.Cut(v.End, "T")
	if v.StartTime == "" {
		v.StartTime, v.EndTime = "09:00", "10:00"
	}
	v.Times = times(r, v.StartTime, v.EndTime)
	v.Zones = page.Zones()
	if v.Zone != "" && v.Zone != "UTC" && !slices.Contains(v.Zones, v.Zone) {
		v.Zones = append([]string{v.Zone}, v.Zones...)
	}
	every := v.Repeat.Every
	if v.Repeat.Nth {
		every = "nth"
	}
	v.Repeats = choices(every, "", t.T("event.once"), "daily", t.T("event.daily"), "weekly", t.T("event.weekly"), "monthly", t.T("event.monthly"), "nth", t.T("event.monthly-nth"), "yearly", t.T("event.yearly"))
	if v.Repeat.Every == edit.Kept {
		v.Words = t.T("event.rule", "rule", v.Repeat.Rule)
		v.Repeats = append(v.Repeats, choice{edit.Kept, t.T("event.as-it-is"), true})
	}
	for _, d := range t.Weekdays() {
		v.Week = append(v.Week, choice{strconv.Itoa(int(d)), t.Weekday(d), v.Repeat.Every == "weekly" && v.Repeat.Days[d]})
	}
	v.Classes = choices(v.Class, "PUBLIC", t.T("event.public"), "PRIVATE", t.T("event.private"), "CONFIDENTIAL", t.T("event.confidential"))
	v.Alarms = alarms(r, v.Alarm)
	v.List = guests(r, v.Guests)
	if !v.New && len(v.Scopes) == 0 && v.At != "" {
		v.Scopes = scopes(r, edit.Once)
	}
	a := r.Show("event/form", "event.edit", v)
	if v.New {
		a.Title = t.T("event.new")
	}
	if status != http.StatusOK {
		a.Status = status
	}
	a.Scripts = []string{"form.js"}
	return a, nil
}

// times are the times of day that people choose among, and those that there are.
func times(r *page.Request, own ...string) (list []choice) {
	for m := 0; m < 24*60; m += 15 {
		at := time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC)
		list = append(list, choice{Value: at.Format("15:04"), Text: r.Locale.Clock(at)})
	}
	for _, s := range own {
		at, err := time.Parse("15:04", s)
		i := slices.IndexFunc(list, func(c choice) bool { return c.Value >= s })
		if i < 0 {
			i = len(list)
		}
		if err == nil && (i == len(list) || list[i].Value != s) {
			list = slices.Insert(list, i, choice{Value: s, Text: r.Locale.Clock(at)})
		}
	}
	return list
}

func choices(selected string, pairs ...string) (list []choice) {
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, choice{pairs[i], pairs[i+1], pairs[i] == selected})
	}
	return list
}

func scopes(r *page.Request, selected edit.Scope) []choice {
	t := r.Locale
	return choices(string(selected), string(edit.Once), t.T("event.this-one"), string(edit.Following), t.T("event.this-and-following"), string(edit.All), t.T("event.all-of-them"))
}

// alarms are the alarms that people choose among, and the one that there is.
func alarms(r *page.Request, selected string) []choice {
	t := r.Locale
	list := choices(selected, "", t.T("event.no-alarm"), "0", t.T("event.at-start"), "5", t.N("event.minutes-before", 5), "15", t.N("event.minutes-before", 15),
		"30", t.N("event.minutes-before", 30), "60", t.N("event.hours-before", 1), "120", t.N("event.hours-before", 2), "1440", t.N("event.days-before", 1), "2880", t.N("event.days-before", 2))
	if slices.ContainsFunc(list, func(c choice) bool { return c.Selected }) {
		return list
	}
	text := t.T("event.as-it-is")
	if n, err := strconv.Atoi(selected); err == nil {
		text = t.N("event.minutes-before", n)
	}
	return append(list, choice{selected, text, true})
}

// readForm is the event that a form was filled in with. was is what it was; what the form
// cannot show comes from there.
func readForm(r *page.Request, was edit.Event) edit.Event {
	f := r.PostForm
	e := edit.Event{
		Title: strings.TrimSpace(f.Get("title")), Place: strings.TrimSpace(f.Get("place")), Notes: strings.ReplaceAll(f.Get("notes"), "\r\n", "\n"),
		AllDay: f.Get("day") != "", Zone: f.Get("zone"), Class: f.Get("class"), Alarm: f.Get("alarm"), Free: f.Get("free") != "",
		Organizer: was.Organizer,
	}
	if e.Notes == strings.ReplaceAll(was.Notes, "\r\n", "\n") {
		e.Notes = was.Notes
	}
	e.Start, e.End = f.Get("start-day"), f.Get("end-day")
	if !e.AllDay {
		e.Start, e.End = e.Start+"T"+f.Get("start-time"), e.End+"T"+f.Get("end-time")
	} else {
		e.Zone = ""
	}
	e.Repeat = readRepeat(f, e, was.Repeat)
	names, kinds, roles := f["guest-name"], f["guest-kind"], f["guest-role"]
	for i, address := range f["guest"] {
		if i < len(names) && i < len(kinds) && i < len(roles) && i < 500 {
			e.Guests = append(e.Guests, edit.Guest{Address: address, Name: names[i], Kind: kinds[i], Optional: roles[i] == "optional", Answer: "NEEDS-ACTION"})
		}
	}
	for i, g := range e.Guests {
		j := slices.IndexFunc(was.Guests, func(w edit.Guest) bool { return strings.EqualFold(w.Address, g.Address) })
		if j >= 0 {
			e.Guests[i].Answer, e.Guests[i].Comment = was.Guests[j].Answer, was.Guests[j].Comment
		}
	}
	return e
}

func readRepeat(f url.Values, e edit.Event, was edit.Repeat) edit.Repeat {
	r := edit.Repeat{Every: f.Get("repeat")}
	switch r.Every {
	case "":
		return edit.Repeat{}
	case edit.Kept:
		return was
	case "nth":
		r.Every, r.Nth = "monthly", true
	}
	number := func(name string, empty int) int {
		if f.Get(name) == "" {
			return empty
		}
		n, err := strconv.Atoi(f.Get(name))
		if err != nil {
			return -1 // which is refused
		}
		return n
	}
	r.Interval, r.Count, r.Until = number("interval", 1), number("count", 0), f.Get("until")
	if r.Count > 0 {
		r.Until = ""
	}
	if r.Every != "weekly" {
		return r
	}
	for _, s := range f["weekday"] {
		if d, err := strconv.Atoi(s); err == nil && d >= 0 && d < 7 {
			r.Days[d] = true
		}
	}
	if day, err := time.Parse(time.DateOnly, f.Get("start-day")); err == nil && r.Days == [7]bool{} {
		r.Days[day.Weekday()] = true
	}
	return r
}

// step is what a form asks for besides saving: it shows the form again. It reports false
// if the event is to be saved.
func step(r *page.Request, v *formView, o *ical.Object) bool {
	what, arg, _ := strings.Cut(r.PostFormValue("do"), " ")
	v.Query = strings.TrimSpace(r.PostFormValue("q"))
	switch {
	case what == "add":
		if g, ok := known(r, arg); ok && !slices.ContainsFunc(v.Guests, func(h edit.Guest) bool { return strings.EqualFold(h.Address, g.Address) }) {
			v.Guests = append(v.Guests, g)
			if g.Kind == "ROOM" && v.Place == "" {
				v.Place = g.Name
			}
		}
		v.Query = ""
	case what == "remove":
		if i, err := strconv.Atoi(arg); err == nil && i >= 0 && i < len(v.Guests) {
			v.Guests = slices.Delete(v.Guests, i, i+1)
		}
	case what == "rooms":
		v.FreeRooms = freeRooms(r, v, o)
	case what == "check":
	case what == "find", v.Query != "":
		find(r, v)
	default:
		return false
	}
	check(r, v, o)
	return true
}
