package delegates

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/caldav"
	"convene/directory"
	"convene/web/page"
)

// boardView is everybody for whom the reader acts.
type boardView struct {
	Today   string
	People  []person
	Outage  bool // what happens in the calendars cannot be read now
	StandIn bool // the reader may name one
	Mine    []standInView
}

// A person is one of them, with what happens in their calendars.
type person struct {
	GUID, Name, Says string
	Link             string
	How              string // through whom it is had, "" directly
	Ends             string // when the right ends, if that is soon
	Next             *event // the first after today, where today has none; nil: none that is known
	Soon             bool
	Events           []event // today, from now on
	MoreEvents       int
	Invitations      []event // that wait for an answer
	MoreInvitations  int
	Conflicts        []conflict
	MoreConflicts    int
}

// An event is an instance, in the words of the page.
type event struct {
	Start, End time.Time
	When       string
	Title      string
	Place      string
	Waits      bool // for an answer
}

// A conflict is two events at one time.
type conflict struct {
	Day  string
	A, B event
}

// How far the board looks ahead, and how many of a kind it lists.
const (
	ahead     = 14 * 24 * time.Hour
	mostShown = 5
)

func board(r *page.Request) (*page.Answer, error) {
	list, err := admin.ListDelegators(r.Context(), r.Site.Admin, r.GUID())
	if err != nil {
		return nil, failed(err)
	}
	v := boardView{Today: r.Locale.FullDate(r.Local(r.Time))}
	happens, err := agendas(r, list, midnight(r.Local(r.Time)), r.Time.Add(ahead))
	if err != nil {
		if caldav.ErrorStatus(err) < http.StatusInternalServerError {
			return nil, err
		}
		r.Log.Error("what happens in the calendars of others cannot be read", "id", r.ID, "user", r.Caller.Login, "err", err)
		v.Outage = true
	}
	for _, d := range list {
		v.People = append(v.People, personOf(r, d, happens[d.GUID]))
		v.StandIn = v.StandIn || d.Grant.Substitute
	}
	slices.SortStableFunc(v.People, func(a, b person) int { return strings.Compare(a.Name, b.Name) })
	mine, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: r.GUID()})
	if err != nil {
		return nil, failed(err)
	}
	names := r.Names()
	for _, x := range mine.StandIns {
		v.Mine = append(v.Mine, standInShown(r, names, x))
	}
	return r.Show("delegates/board", "delegates.board", v), nil
}

// agendas are what happens between two moments in the calendars of some people, by GUID.
func agendas(r *page.Request, list []admin.Delegator, from, to time.Time) (map[string][]caldav.AgendaEvent, error) {
	out := map[string][]caldav.AgendaEvent{}
	guids := make([]string, len(list))
	for i, d := range list {
		guids[i] = d.GUID
	}
	for some := range slices.Chunk(guids, r.Site.Calendars.Limits.FreeBusyPeople) {
		a, err := r.Site.Calendars.Agenda(r.Context(), r.Caller, &caldav.AgendaQuery{From: from.Unix(), To: to.Unix(), People: some, By: r.By()})
		if err != nil {
			return nil, fmt.Errorf("what happens for those whom somebody acts for: %w", err)
		}
		for _, e := range a.Events {
			if e.Status != "CANCELLED" {
				guid := e.Calendar.Owner.GUID
				out[guid] = append(out[guid], *e)
			}
		}
	}
	return out, nil
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

func personOf(r *page.Request, d admin.Delegator, happens []caldav.AgendaEvent) person {
	p := person{
		GUID: d.GUID, Name: d.FullName, Link: "/my/for/" + d.GUID + "/", Says: sentence(r, grantedTo(d)),
	}
	if p.Soon = !d.Until.IsZero() && d.Until.Sub(r.Time) < soon; p.Soon {
		p.Ends = end(r, d.Until)
	}
	switch {
	case len(d.InPlaceOf) > 0:
		p.How = r.Locale.T("delegates.in-place-of", "name", plainNames(r, d.InPlaceOf))
	case len(d.Through) > 0:
		p.How = r.Locale.T("delegates.through", "name", plainNames(r, d.Through))
	}
	tomorrow := midnight(r.Local(r.Time)).AddDate(0, 0, 1)
	var busy *caldav.AgendaEvent
	for i := range happens {
		e := &happens[i]
		start, end := time.Unix(e.Start, 0), time.Unix(e.End, 0)
		if end.Before(r.Time) {
			continue
		}
		if start.Before(tomorrow) {
			p.Events = append(p.Events, shownEvent(r, e))
		}
		if p.Next == nil && len(p.Events) == 0 {
			next := shownEvent(r, e)
			p.Next = &next
		}
		if e.Answer == "NEEDS-ACTION" {
			p.Invitations = append(p.Invitations, shownEvent(r, e))
		}
		if e.Free || e.AllDay {
			continue
		}
		if busy != nil && e.Start < busy.End && e.UID != busy.UID {
			p.Conflicts = append(p.Conflicts, conflict{r.Locale.DayDate(r.Local(start)), shownEvent(r, busy), shownEvent(r, e)})
		}
		if busy == nil || e.End > busy.End {
			busy = e
		}
	}
	p.Events, p.MoreEvents = first(p.Events)
	p.Invitations, p.MoreInvitations = first(p.Invitations)
	p.Conflicts, p.MoreConflicts = first(p.Conflicts)
	return p
}

// grantedTo is what somebody may do for a delegator.
func grantedTo(d admin.Delegator) right {
	return right{
		level: d.Grant.Level, all: d.All, calendars: d.Calendars, schedule: d.Grant.Schedule, private: d.Grant.SeePrivate, manage: d.Grant.Manage,
		substitute: d.Grant.Substitute, until: d.Until,
	}
}

// first are as many of a list as are shown, and how many are not.
func first[T any](list []T) ([]T, int) {
	if len(list) <= mostShown {
		return list, 0
	}
	return list[:mostShown], len(list) - mostShown
}

// plainNames are full names of principals that verbs name as operators do.
func plainNames(r *page.Request, list []string) string {
	var out []string
	for _, name := range list {
		if p, err := directory.Find(r.Context(), r.Site.Directory, name); err == nil {
			name = p.FullName
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func shownEvent(r *page.Request, e *caldav.AgendaEvent) event {
	t := r.Locale
	out := event{Start: r.Local(time.Unix(e.Start, 0)), End: r.Local(time.Unix(e.End, 0)), Title: e.Title, Place: e.Place, Waits: e.Answer == "NEEDS-ACTION"}
	if out.When = t.Clock(out.Start) + "–" + t.Clock(out.End); e.AllDay {
		out.When = t.T("delegates.all-day")
	}
	switch {
	case e.Masked && e.Title == "":
		out.Title = t.T("delegates.busy")
	case e.Title == "":
		out.Title = t.T("delegates.untitled")
	}
	return out
}

// overviewView is one of them: the days to come.
type overviewView struct {
	Name, Says string
	Person     person
	Days       []dayView
	Outage     bool
	Delegates  string // path of their delegates, "" if the reader may not change them
}

type dayView struct {
	Date   string
	Events []event
}

func overview(r *page.Request) (*page.Answer, error) {
	list, err := admin.ListDelegators(r.Context(), r.Site.Admin, r.GUID())
	if err != nil {
		return nil, failed(err)
	}
	at := slices.IndexFunc(list, func(d admin.Delegator) bool { return d.GUID == r.For.Principal.GUID })
	if at < 0 {
		return nil, page.Fail(http.StatusForbidden, "shell.not-for-them") // it ended this moment
	}
	d := list[at]
	today := midnight(r.Local(r.Time))
	happens, err := agendas(r, []admin.Delegator{d}, today, r.Time.Add(ahead))
	v := overviewView{Name: d.FullName}
	if err != nil {
		if caldav.ErrorStatus(err) < http.StatusInternalServerError {
			return nil, err
		}
		v.Outage = true
	}
	v.Person = personOf(r, d, happens[d.GUID])
	v.Says = v.Person.Says
	if d.Grant.Manage {
		v.Delegates = r.Link("/my/delegates")
	}
	for i := range 7 {
		from, to := today.AddDate(0, 0, i).Unix(), today.AddDate(0, 0, i+1).Unix()
		one := dayView{Date: r.Locale.FullDate(today.AddDate(0, 0, i))}
		for j := range happens[d.GUID] {
			if e := &happens[d.GUID][j]; e.Start < to && (e.End > from || e.Start == from) {
				one.Events = append(one.Events, shownEvent(r, e))
			}
		}
		v.Days = append(v.Days, one)
	}
	a := r.Show("delegates/overview", "delegates.overview", v)
	a.Title = r.Locale.T("delegates.overview", "name", d.FullName)
	return a, nil
}
