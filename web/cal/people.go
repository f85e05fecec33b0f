package cal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"convene/caldav"
	"convene/directory"
	"convene/internal/ical"
	"convene/web/page"
	"convene/web/view"
)

// Bounds of a page of people.
const (
	mostColumns  = 20
	columnLanes  = 3
	shortestName = 3  // characters that a search by name needs
	mostFound    = 10 // people offered where a name is that of several
)

// The hours in which a time for all is looked for, and how long it is at least.
const (
	firstHour = 8
	lastHour  = 18
	shortest  = 30 * 60
)

type peopleView struct {
	grid
	Who     []person
	Found   []person // for a name that is not that of one alone
	Asked   string   // that name
	Problem string   // why nobody was added
	Free    []freeTime
	Alone   bool // one column
}

// A person is a column, or one who may become one.
type person struct {
	GUID, Name, Mail, About string
	Path                    string // without them, or with them too
	State                   string // in words: why nothing is shown of them
}

type freeTime struct{ Path, Text, Until string }

func peopleToday(r *page.Request) (*page.Answer, error) {
	path := "/my/people/" + today(r).String()
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return r.Go(path, ""), nil
}

// people is the page of several people, a day of each beside those of the others.
func people(pr *page.Request) (*page.Answer, error) {
	day, ok := view.ParseDay(pr.PathValue("date"))
	if !ok || day < earliest || day > latest {
		return nil, page.NotFound()
	}
	r := newRequest(pr, &kind{name: "people"}, day)
	title := r.Locale.FullDate(day.Time())
	v := &peopleView{}
	who, err := r.chosen(v)
	if err != nil {
		return nil, err
	}
	guids := guidsOf(who)
	if pr.URL.Query().Get("add") != "" && v.Problem == "" && v.Found == nil {
		return pr.Go(peoplePath(day, guids), ""), nil
	}
	d, err := r.read(day, day+1, func(q *caldav.AgendaQuery) { q.People, q.Busy, q.Skip = guids, true, nil })
	if err != nil {
		return nil, err
	}
	v.frame = frame{
		Kind: "people", Title: title, Zone: r.zone.Name(), Keep: guids, Date: day.String(), Back: r.URL.RequestURI(), Prev: peoplePath(day-1, guids), Next: peoplePath(day+1, guids), Now: peoplePath(r.today, guids),
		New: newEvent(d, r.invitation(who, day.String()+"T09:00", day.String()+"T10:00")),
	}
	_, v.Colours = r.choices(d)
	r.columns(v, d, who)
	v.Alone = len(v.Columns) == 1
	return r.titled("cal/people", r.Locale.T("cal.people-title", "day", title), v), nil
}

func guidsOf(who []*directory.Principal) []string {
	list := make([]string, len(who))
	for i, p := range who {
		list[i] = p.GUID
	}
	return list
}

func peoplePath(day view.Day, guids []string) string {
	path := "/my/people/" + day.String()
	if len(guids) > 0 {
		path += "?" + url.Values{"who": guids}.Encode()
	}
	return path
}

// chosen are the people of the query: the reader alone if it names nobody. What the form adds
// is looked up by its name.
func (r *request) chosen(v *peopleView) (who []*directory.Principal, err error) {
	add := func(list ...*directory.Principal) {
		for _, p := range list {
			switch {
			case slices.ContainsFunc(who, func(q *directory.Principal) bool { return q.GUID == p.GUID }):
			case len(who) >= mostColumns:
				v.Problem = r.Locale.N("cal.too-many", mostColumns)
			case p.CalendarEnabled:
				who = append(who, p)
			default:
				v.Problem = r.Locale.T("cal.no-calendars-of", "name", p.FullName)
			}
		}
	}
	q := r.URL.Query()
	if len(q["who"]) > 10*mostColumns {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	for _, word := range q["who"] {
		p, err := r.named(word)
		if errors.Is(err, directory.ErrNotFound) {
			continue // gone since
		}
		if err != nil {
			return nil, err
		}
		add(p)
	}
	if len(who) == 0 {
		add(r.Caller.Principal)
	}
	word := strings.TrimSpace(q.Get("add"))
	if word == "" {
		return who, nil
	}
	found, err := r.search(word)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0:
		v.Asked, v.Problem = word, r.Locale.T("cal.nobody", "name", word)
	case len(found) > 1:
		v.Asked, v.Problem = word, r.Locale.T("cal.several", "name", word)
		for _, p := range found {
			v.Found = append(v.Found, person{Name: p.FullName, About: r.about(p), Path: peoplePath(r.day, append(guidsOf(who), p.GUID))})
		}
	case found[0].Type == directory.Group && !found[0].CalendarEnabled || found[0].Type == directory.Group && found[0].CalendarAccess == "":
		members, err := r.Site.Directory.Members(r.Context(), found[0].GUID, directory.Nested)
		if errors.Is(err, directory.ErrTooMany) || len(members)+len(who) > mostColumns {
			v.Problem = r.Locale.N("cal.too-many", mostColumns)
			return who, nil
		}
		if err != nil {
			return nil, err
		}
		add(members...)
	default:
		add(found[0])
	}
	return who, nil
}

// named is the record of a GUID, an address or a short name, in that order.
func (r *request) named(word string) (*directory.Principal, error) {
	keys := []directory.Key{{By: directory.GUID, Value: word}}
	if strings.Contains(word, "@") {
		keys = append(keys, directory.Key{By: directory.Address, Value: "mailto:" + word})
	}
	for _, t := range []directory.Type{directory.User, directory.Location, directory.Resource, directory.Group} {
		keys = append(keys, directory.Key{By: directory.Name, Type: t, Value: word})
	}
	for _, key := range keys {
		p, err := r.Site.Directory.Lookup(r.Context(), key)
		if err == nil || !errors.Is(err, directory.ErrNotFound) && !errors.Is(err, directory.ErrAmbiguous) {
			return p, err
		}
	}
	return nil, directory.ErrNotFound
}

// search is who may be meant by what somebody typed.
func (r *request) search(word string) ([]*directory.Principal, error) {
	p, err := r.named(word)
	if err == nil {
		return []*directory.Principal{p}, nil
	}
	if !errors.Is(err, directory.ErrNotFound) {
		return nil, err
	}
	if len([]rune(word)) < shortestName {
		return nil, nil
	}
	found, err := r.Site.Directory.Search(r.Context(), directory.Query{
		Terms: []directory.Term{{Fields: []directory.Field{directory.FieldFullName}, Value: word, How: directory.StartsWord}}, Limit: mostFound,
	})
	if errors.Is(err, directory.ErrTooMany) {
		err = nil
	}
	return found, err
}

// about tells people of one name apart.
func (r *request) about(p *directory.Principal) string {
	if len(p.Emails) > 0 {
		return p.Emails[0]
	}
	return p.Name
}

// invitation is the query of the form for a new event with some people.
func (r *request) invitation(who []*directory.Principal, start, end string) url.Values {
	q := url.Values{"start": {start}, "end": {end}}
	for _, p := range who {
		if p.GUID != r.GUID() && len(p.Emails) > 0 {
			q.Add("invite", p.Emails[0])
		}
	}
	return q
}

// columns writes the day of each of the people, and when all of them are free.
func (r *request) columns(v *peopleView, d *diary, who []*directory.Principal) {
	var taken []view.Span
	var all []*view.Grid
	guids := guidsOf(who)
	rows := 0
	bands := 0
	diaries := make([]*diary, len(d.People))
	for i, p := range d.People {
		one := &diary{Agenda: &caldav.Agenda{Calendars: d.Calendars}, colours: d.colours}
		for n := range d.Events {
			if d.Events[n].Calendar.Owner.GUID == p.GUID {
				one.Events = append(one.Events, d.Events[n])
			}
		}
		one.Events = append(one.Events, r.busyEvents(p)...)
		for n := range one.Events {
			e := one.Events[n]
			one.items = append(one.items, item(&e.AgendaTime))
			if !e.Free && e.Status != "CANCELLED" && e.Answer != "DECLINED" {
				taken = append(taken, view.Span{Start: e.Start, End: e.End})
			}
		}
		laid := view.NewGrid([]view.Day{r.day}, one.items, r.zone, r.Time.Unix(), columnLanes)
		all, diaries[i] = append(all, laid), one
		rows, bands = laid.Rows, max(bands, laid.Bands)
		with := person{GUID: p.GUID, Name: p.FullName, About: r.about(p.Principal)}
		with.Path = peoplePath(r.day, slices.DeleteFunc(slices.Clone(guids), func(g string) bool { return g == p.GUID }))
		if p.Denied {
			with.State = r.Locale.T("cal.denied")
		}
		v.Who = append(v.Who, with)
	}
	if len(all) == 0 {
		return
	}
	whole := &view.Grid{Rows: rows, Bands: bands, Hours: all[0].Hours, Columns: make([]view.Column, len(all))}
	r.fill(&v.grid, whole)
	for i, laid := range all {
		c := &v.Columns[i]
		r.fillColumn(c, diaries[i], &laid.Columns[0])
		p := d.People[i]
		c.ID, c.Name, c.Heading, c.Sub = "p"+p.GUID, p.FullName, p.FullName, v.Who[i].State
		c.Path = ""
	}
	r.free(v, d, who, taken)
}

// busyEvents are when somebody is busy by what the reader may not read.
func (r *request) busyEvents(p *caldav.AgendaPerson) (list []*caldav.AgendaEvent) {
	for _, b := range p.Busy {
		status := map[ical.BusyType]string{ical.BusyTentative: "TENTATIVE"}[b.Type]
		title := r.Locale.T("cal.busy")
		if b.Type == ical.BusyUnavailable {
			title = r.Locale.T("cal.away")
		}
		list = append(list, &caldav.AgendaEvent{Title: title, AgendaTime: caldav.AgendaTime{Start: b.Start, End: b.End}, Status: status, Masked: true})
	}
	return list
}

// free lists when all are free, within the hours in which people work.
func (r *request) free(v *peopleView, d *diary, who []*directory.Principal, taken []view.Span) {
	from, to := r.zone.Unix(int64(r.day)*86400+firstHour*3600), r.zone.Unix(int64(r.day)*86400+lastHour*3600)
	const quarter = view.Quarter
	from = max(from, (r.Time.Unix()+quarter-1)/quarter*quarter)
	for _, gap := range view.Free(taken, from, to, shortest) {
		start, end := r.local(gap.Start), r.local(min(gap.End, gap.Start+3600))
		v.Free = append(v.Free, freeTime{
			Path:  newEvent(d, r.invitation(who, start.Format(localFormat), end.Format(localFormat))),
			Text:  r.clock(gap.Start) + "–" + r.clock(gap.End),
			Until: r.length(gap.End - gap.Start),
		})
	}
}

// length writes how long something is.
func (r *request) length(seconds int64) string {
	d := time.Duration(seconds) * time.Second
	h, m := int(d.Hours()), int(d.Minutes())%60
	parts := make([]string, 0, 2)
	if h > 0 {
		parts = append(parts, r.Locale.N("cal.hours", h))
	}
	if m > 0 || h == 0 {
		parts = append(parts, r.Locale.N("cal.minutes", m))
	}
	return cmp.Or(strings.Join(parts, " "), "–")
}
