package caldav

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"convene/acl"
	"convene/audit"
	"convene/auth"
	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/freebusy"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/snapshot"
	"convene/store"
)

// An AgendaQuery asks what happens between two moments in the calendars of some people.
type AgendaQuery struct {
	From, To int64      // Unix seconds: from the one until before the other
	Zone     *ical.Zone // of the reader, in which days and floating times are read; nil: UTC

	// People are whose calendars: GUIDs, at most Limits.FreeBusyPeople and
	// Limits.FreeBusyRooms together. nil: those of the caller, and of all whom they act for
	// and whose groups they are in.
	People []string

	// Skip says, by their paths, which calendars are listed and not looked into; nil: none.
	Skip func(path string) bool

	// TimesOnly leaves out of events all but when they are, and in which calendar.
	TimesOnly bool

	// Choose, if there is one, is told when all events are, in the order of Agenda.Events, and says
	// of which more than that is wanted: in place of the others is nil. It may run more than once.
	Choose func([]AgendaTime) []bool

	// Away asks besides when the caller says to be away, as outside their working hours.
	Away bool

	// Busy asks besides when the people are busy by what the caller may not read.
	Busy bool

	By audit.By // who asks, for the record of what administrators and readers look at
}

// An Agenda is what happens, as the caller may know it, all of one moment.
type Agenda struct {
	Calendars []*AgendaCalendar // the caller's first
	Events    []*AgendaEvent    // by when they start, the longer ones first
	Times     []AgendaTime      // of Events, if the query has Choose
	People    []*AgendaPerson   // in the order of the query

	// Away is when the caller says by the availability of their inbox that they are away (RFC 7953
	// §7.2.4), where the query asked for it: in order, merged. nil: they say nothing.
	Away []ical.BusyPeriod

	// Partial says that an event happens too often to list: it is there once.
	Partial bool

	// State names the state of all that the calendars of the caller, and those of whom they act
	// for, hold: as long as it is the same nothing in them was changed. "": the query named people.
	State string
}

// An AgendaPerson is somebody whose calendars were asked for.
type AgendaPerson struct {
	*directory.Principal
	Busy   []ical.BusyPeriod // by calendars that the caller may not read
	Denied bool              // the caller may not ask when they are busy
}

// An AgendaCalendar is a calendar of events that the caller may read.
type AgendaCalendar struct {
	Path    string // of its URL, decoded, with the final slash
	Name    string // for display
	Color   string // #rrggbb in lower case; "": none was chosen
	Owner   *directory.Principal
	Write   bool // the caller may add events
	Default bool // invitations to its owner go here
	Skipped bool // its events are not there

	order int
}

// An AgendaEvent is an instance of an event.
type AgendaEvent struct {
	Calendar *AgendaCalendar
	Path     string // of the object's URL, decoded
	ETag     string // of the object
	UID      string

	// At is the RECURRENCE-ID of the instance of a series: in UTC, or a day or a floating
	// time if the series is of such. "": the event does not recur.
	At string

	Title, Place string // "" where there is none, and where Masked

	AgendaTime

	Status string // TENTATIVE, CONFIRMED, CANCELLED or "" (RFC 5545 §3.8.1.11)
	Answer string // PARTSTAT of the calendar's owner, "" if they are not invited
	Free   bool   // it takes no time (TRANSP)
	Others bool   // somebody is invited
	Masked bool   // of it the caller sees less than all
	Write  bool   // the caller may change it
}

// An AgendaTime is when an instance of an event is.
type AgendaTime struct {
	Start, End int64 // Unix seconds; of days, from midnight to midnight of the reader's zone
	AllDay     bool
	FirstDay   int // of an all-day event, in days since 1 January 1970
	LastDay    int // the last that it covers
}

// compare orders times as an agenda does.
func (t *AgendaTime) compare(o *AgendaTime) int {
	switch {
	case t.Start != o.Start:
		return cmp.Compare(t.Start, o.Start)
	case t.End != o.End:
		return cmp.Compare(o.End, t.End)
	case t.AllDay == o.AllDay:
		return 0
	case t.AllDay:
		return -1
	}
	return 1
}

// compareEvents is the order of an agenda.
func compareEvents(a, b *AgendaEvent) int {
	if c := a.compare(&b.AgendaTime); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.Path, b.Path), strings.Compare(a.At, b.At))
}

// Agenda answers a query. It looks at what REPORT calendar-query would find and expand, with
// the same rights, in one transaction for all calendars. Errors: those of the directory and
// the store; ical.ErrBudget. ErrorStatus tells them apart.
func (h *Handler) Agenda(ctx context.Context, caller *auth.Caller, q *AgendaQuery) (a *Agenda, err error) {
	if most := h.Limits.FreeBusyPeople + h.Limits.FreeBusyRooms; len(q.People) > most {
		return nil, webdav.BadRequest("more people than one may ask about at once")
	}
	err = h.asCaller(ctx, caller, http.MethodGet, "/", func(req *request) (action, error) {
		return func(s *scope) (*webdav.Response, error) {
			a, err = (&agendaRun{s: s, q: q}).run()
			return nil, err
		}, nil
	})
	if err != nil {
		return nil, err
	}
	return a, h.recordAgenda(caller, q, a)
}

// recordAgenda is record for an agenda: whose calendars an administrator or reader looked at.
func (h *Handler) recordAgenda(caller *auth.Caller, q *AgendaQuery, a *Agenda) error {
	if h.Audit == nil || !h.privileged(&request{caller: caller}) {
		return nil
	}
	for _, p := range a.People {
		if p.GUID == caller.Principal.GUID {
			continue
		}
		err := h.Audit.Record(audit.Access{
			By: q.By, Owner: audit.Who{GUID: p.GUID, Name: p.Name}, Method: http.MethodGet, Path: homePath(p.GUID), Status: http.StatusOK,
		})
		if err != nil {
			return &webdav.Error{Status: http.StatusServiceUnavailable, Description: "this request could not be recorded", Err: err}
		}
	}
	return nil
}

// ErrorStatus is the HTTP status that an error of a Handler stands for.
func ErrorStatus(err error) int { return davError(err).Code() }

// agendaRun is an agenda being made in a transaction.
type agendaRun struct {
	s    *scope
	q    *AgendaQuery
	a    Agenda
	self map[string]bool // whether an address is that of the owner of the calendar looked at
	all  []candidate     // if the query has Choose
}

// partsOfAgenda is which part of what the agenda may expand one series may take, so that
// one that somebody else has sent does not hide all others.
const partsOfAgenda = 16

// within runs f with a part of the budget that is left. Errors: ical.ErrBudget, of f or as
// nothing is left; f's.
func (x *agendaRun) within(f func(*ical.Budget) error) error {
	all := x.s.budget()
	part := ical.NewBudget(min(all.Left(), x.s.h.Limits.Instances*stepsPerInstance/partsOfAgenda))
	given := part.Left()
	err := f(part)
	return errors.Join(err, all.Spend(given-part.Left()))
}

func (x *agendaRun) run() (*Agenda, error) {
	people, err := x.people()
	if err != nil {
		return nil, err
	}
	if x.q.People == nil {
		if x.a.State, err = x.state(people); err != nil {
			return nil, err
		}
	}
	for _, p := range people {
		x.self = map[string]bool{}
		person := &AgendaPerson{Principal: p}
		x.a.People = append(x.a.People, person)
		if err := x.person(person); err != nil {
			return nil, err
		}
	}
	if x.q.Choose != nil {
		if err := x.choose(); err != nil {
			return nil, err
		}
		return &x.a, nil
	}
	slices.SortFunc(x.a.Events, compareEvents)
	return &x.a, nil
}

// people are whose calendars are looked at. Those who are gone are left out.
func (x *agendaRun) people() (list []*directory.Principal, err error) {
	self := x.s.req.caller.Principal
	guids := x.q.People
	if guids == nil {
		guids = []string{self.GUID}
		// While it is not known for whom they act, they see their own, as by DAV.
		acting, err := x.s.delegators(self.GUID)
		if unknown := (*unknownValue)(nil); err != nil && !errors.As(err, &unknown) {
			return nil, err
		}
		slices.SortFunc(acting, func(a, b delegation.Delegator) int { return strings.Compare(a.GUID, b.GUID) })
		for _, d := range acting {
			guids = append(guids, d.GUID)
		}
		for _, guid := range x.s.groups(self.GUID) {
			if g := x.s.recordByGUID(guid); g != nil && g.CalendarEnabled && membersMay[g.CalendarAccess] != acl.None {
				guids = append(guids, guid)
			}
		}
	}
	for i, guid := range guids {
		if slices.Contains(guids[:i], guid) {
			continue
		}
		if p := x.s.recordByGUID(guid); p != nil && p.CalendarEnabled {
			list = append(list, p)
		}
	}
	return list, nil
}

// person looks at the calendars of somebody.
func (x *agendaRun) person(p *AgendaPerson) error {
	home, err := x.s.tx.Home(p.GUID)
	if errors.Is(err, calendar.ErrNoHome) {
		if p.GUID == x.s.req.caller.Principal.GUID {
			return &lack{home: p.Principal}
		}
		if x.q.Busy {
			_, err := x.s.mayAskWhenBusy(x.s.req.caller.Principal.GUID, p.Principal)
			p.Denied = errors.Is(err, errDenied)
		}
		return nil
	}
	if err != nil {
		return err
	}
	main, err := x.s.tx.DefaultCalendar(home, store.VEVENT)
	if err != nil {
		return err
	}
	at := &resource{kind: kindHome, dir: homePath(p.GUID), owner: p.Principal, home: home}
	if x.q.Away && p.GUID == x.s.req.caller.Principal.GUID {
		if err := x.away(home); err != nil {
			return err
		}
	}
	first := len(x.a.Calendars)
	for in, err := range x.s.readableIn(at, acl.Read) {
		if err != nil {
			return err
		}
		if in.kind != kindCalendar || calendar.Components(in.col)&store.VEVENT == 0 {
			continue
		}
		c, err := x.describe(in)
		if err != nil {
			return err
		}
		c.Default = main != nil && main.ID == in.col.ID
		x.a.Calendars = append(x.a.Calendars, c)
		if c.Skipped {
			continue
		}
		if err := x.calendar(c, in); err != nil {
			return err
		}
	}
	slices.SortStableFunc(x.a.Calendars[first:], func(a, b *AgendaCalendar) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.Name, b.Name))
	})
	if !x.q.Busy {
		return nil
	}
	return x.busy(p, at)
}

// away finds out when the owner of a home says to be away. What cannot be made out of it is not
// told: the calendar is there without.
func (x *agendaRun) away(home *store.Home) error {
	times := &freebusy.Times{}
	var err error
	if times.Unavailable, err = x.s.tx.Availability(home); err != nil || len(times.Unavailable) == 0 {
		return err
	}
	err = x.within(func(b *ical.Budget) (err error) {
		x.a.Away, err = times.Merged(x.q.From, x.q.To, b)
		return err
	})
	if errors.Is(err, ical.ErrBudget) && x.s.budget().Left() > 0 {
		return nil
	}
	return err
}

// describe says what a calendar is.
func (x *agendaRun) describe(in *resource) (*AgendaCalendar, error) {
	c := &AgendaCalendar{Path: in.dir, Owner: in.owner, Write: in.privileges.Has(acl.Bind)}
	c.Skipped = x.q.Skip != nil && x.q.Skip(c.Path)
	var texts [3]string
	for i, name := range [...]string{"displayname", "calendar-color", "calendar-order"} {
		full := webdav.Apple(name)
		if i == 0 {
			full = webdav.DAV(name)
		}
		text, err := x.s.storedText(in, full)
		if err != nil {
			return nil, err
		}
		texts[i] = strings.TrimSpace(text)
	}
	c.Name = cmp.Or(texts[0], in.col.Name)
	c.Color = color(texts[1])
	c.order, _ = strconv.Atoi(texts[2]) // what is no number, or none, comes first
	return c, nil
}

// color is the colour of a calendar as clients write it, #RRGGBB or #RRGGBBAA, without how
// opaque it is; "" for whatever else they write.
func color(s string) string {
	if len(s) != 7 && len(s) != 9 || s[0] != '#' {
		return ""
	}
	if _, err := strconv.ParseUint(s[1:], 16, 32); err != nil {
		return ""
	}
	return strings.ToLower(s[:7])
}

// calendar adds the events of a calendar.
func (x *agendaRun) calendar(c *AgendaCalendar, in *resource) error {
	snap, err := x.s.tx.Snapshot(in.col)
	if err != nil {
		return err
	}
	matches, err := x.matches(snap)
	if err != nil {
		return err
	}
	member := *in
	var likes []AgendaEvent // at once, as there may be many
	if x.q.Choose != nil {
		x.all = slices.Grow(x.all, len(matches))
	} else {
		likes = make([]AgendaEvent, len(matches))
		x.a.Events = slices.Grow(x.a.Events, len(matches))
	}
	for i := range matches {
		e := matches[i].Entry
		if !x.s.member(&member, e) {
			continue
		}
		view := x.s.tx.View(in.col, e)
		if view == calendar.Nothing {
			continue
		}
		if x.q.TimesOnly && !matches[i].Inexact {
			for _, t := range matches[i].Instances {
				x.a.Events = append(x.a.Events, &AgendaEvent{Calendar: c, Path: in.dir + e.Name, UID: e.UID, AgendaTime: AgendaTime{Start: t.Start, End: t.End}})
			}
			continue
		}
		if err := x.s.req.Context().Err(); err != nil {
			return err
		}
		u := unread{c, in, &matches[i], view != calendar.Whole, view == calendar.Whole && member.privileges.Has(acl.WriteContent)}
		if x.q.Choose != nil {
			if err := x.consider(&u); err != nil {
				return err
			}
			continue
		}
		u.begin(&likes[i])
		if err := x.object(&likes[i], in, u.match); err != nil {
			return err
		}
	}
	return x.s.fits(len(x.a.Events)*eventSize/4 + len(x.all)*candidateSize)
}

// An unread event is one of which it is not known yet what it says.
type unread struct {
	cal           *AgendaCalendar
	in            *resource
	match         *snapshot.Match
	masked, write bool
}

// begin sets what the instances of the event have in common and is not in it.
func (u *unread) begin(ev *AgendaEvent) {
	e := u.match.Entry
	*ev = AgendaEvent{Calendar: u.cal, Path: u.in.dir + e.Name, UID: e.UID, ETag: etagOf(u.in.home.Epoch, u.in.col, e.Rev), Masked: u.masked, Write: u.write}
}

// matches are the events that have an instance in the range: with their times, unless there
// are too many.
func (x *agendaRun) matches(snap *snapshot.Snapshot) (matches []snapshot.Match, err error) {
	err = x.within(func(b *ical.Budget) (err error) {
		matches, err = snap.Overlapping(x.s.tx.Tx, store.VEVENT, x.q.From, x.q.To, x.q.Zone, b)
		return err
	})
	if !errors.Is(err, ical.ErrBudget) {
		return matches, err
	}
	matches, err = snap.Matching(x.s.tx.Tx, store.VEVENT, x.q.From, x.q.To, x.q.Zone, x.s.budget())
	for i := range matches {
		matches[i].Inexact = true
	}
	return matches, err
}

// object adds the instances of an event, of one that happens too often the first; like is what they have in common. Most events do not
// recur, and have a time: of them the index knows when they are.
func (x *agendaRun) object(like *AgendaEvent, in *resource, m *snapshot.Match) error {
	o, err := x.s.tx.Parsed(in.col, m.Entry)
	if err != nil {
		return err
	}
	if !m.Inexact && m.Entry.Flags&store.FlagRecurring == 0 && o.Master != nil && len(m.Instances) == 1 {
		if date := x.read(like, in.owner, o.Master); !date {
			like.Start, like.End, like.Free = m.Instances[0].Start, m.Instances[0].End, m.Instances[0].Busy == store.BusyFree
			x.a.Events = append(x.a.Events, like)
			return nil
		}
	}
	series, err := o.Series()
	if err != nil {
		return err
	}
	before := len(x.a.Events)
	err = x.within(func(b *ical.Budget) error { return x.instances(like, in, series, b) })
	if errors.Is(err, ical.ErrBudget) && x.s.budget().Left() > 0 {
		x.a.Events = x.a.Events[:min(before+1, len(x.a.Events))]
		x.a.Partial = true
		return nil
	}
	return err
}

// instances adds those of a series.
func (x *agendaRun) instances(like *AgendaEvent, in *resource, series *ical.Series, b *ical.Budget) error {
	var of *ical.Component
	for inst, err := range series.Instances(x.q.From, x.q.To, x.q.Zone, b) {
		if err != nil {
			return err
		}
		if of != inst.Component {
			of = inst.Component
			x.read(like, in.owner, of)
		}
		one := *like
		ev := &one
		ev.Start, ev.End, ev.Free = inst.StartUnix, inst.EndUnix, inst.Busy == ical.Free
		if ev.AllDay = inst.Start.Kind == ical.Date; ev.AllDay {
			ev.FirstDay = int(inst.Start.Wall / 86400)
			ev.LastDay = max(ev.FirstDay, int(inst.End.Wall/86400)-1)
		}
		if id := inst.RecurrenceID; !id.IsZero() {
			if id.Kind == ical.Zoned {
				id = ical.DateTime{Wall: id.Unix(nil), Kind: ical.UTC}
			}
			ev.At = id.String()
		}
		x.a.Events = append(x.a.Events, ev)
	}
	return nil
}

// read sets what a component says of an event, but for when it is. It reports whether that is
// a date.
func (x *agendaRun) read(ev *AgendaEvent, owner *directory.Principal, c *ical.Component) (date bool) {
	ev.Title, ev.Place, ev.Status, ev.Answer, ev.Others = "", "", "", "", false
	for i := range c.Props {
		switch p := &c.Props[i]; p.Name {
		case "DTSTART":
			date = !strings.ContainsRune(p.Value, 'T')
		case "SUMMARY":
			ev.Title = p.Text()
		case "LOCATION":
			ev.Place = p.Text()
		case "STATUS":
			ev.Status = strings.ToUpper(strings.TrimSpace(p.Value))
		case "ATTENDEE":
			ev.Others = true
			if x.isSelf(owner, p.Address()) {
				ev.Answer = cmp.Or(strings.ToUpper(p.Param("PARTSTAT")), "NEEDS-ACTION")
			}
		}
	}
	return date
}

// isSelf reports whether an address is that of the owner of the calendar.
func (x *agendaRun) isSelf(owner *directory.Principal, address string) bool {
	is, known := x.self[address]
	if !known {
		is = isNamed(owner, x.s.h.addressKey(x.s.req, address))
		x.self[address] = is
	}
	return is
}

// busy finds out when somebody is busy by those calendars that the caller may ask about and
// not read.
func (x *agendaRun) busy(p *AgendaPerson, at *resource) error {
	_, err := x.s.mayAskWhenBusy(x.s.req.caller.Principal.GUID, p.Principal)
	if p.Denied = errors.Is(err, errDenied); err != nil {
		if p.Denied {
			return nil
		}
		return err
	}
	times := &freebusy.Times{}
	if times.Unavailable, err = x.s.tx.Availability(at.home); err != nil {
		return err
	}
	for in, err := range x.s.readableIn(at, acl.ReadFreeBusy) {
		if err != nil {
			return err
		}
		if in.kind != kindCalendar || in.privileges.Has(acl.Read) {
			continue
		}
		transparent, err := x.s.tx.Transparent(in.col)
		if err != nil {
			return err
		}
		if transparent {
			continue
		}
		if err := x.s.calendarTimes(times, in, x.s.busyQuery(x.q.From, x.q.To)); err != nil {
			return err
		}
	}
	p.Busy, err = times.Merged(x.q.From, x.q.To, x.s.budget())
	return err
}
