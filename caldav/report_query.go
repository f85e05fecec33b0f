package caldav

import (
	"errors"
	"math"
	"net/http"
	"slices"

	"convene/acl"
	"convene/caldav/calquery"
	"convene/calendar"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// reportQuery serves calendar-query (RFC 4791 §7.8): the objects that the filter
// matches. The index decides what it can; only the rest is parsed.
func (h *Handler) reportQuery(r *request, body *webdav.Element) (action, error) {
	// First the time zone: a client that hears of a condition on it sends its own
	// definition and asks again (RFC 7809 §3.1.6), whatever else is wrong.
	zone, err := calquery.ParseTimezone(body)
	if err != nil {
		return nil, err
	}
	ask, err := webdav.ParseProps(body)
	if err != nil {
		return nil, err
	}
	filter, err := calquery.ParseFilter(body.Child(webdav.CalDAV("filter")))
	if err != nil {
		return nil, err
	}
	depth, err := webdav.ParseDepth(r.Header, webdav.Depth0)
	if err != nil {
		return nil, err
	}
	q := queryProperties(ask, r)
	if q.data, err = calendarDataOf(r, ask.Props); err != nil {
		return nil, err
	}
	if err := h.checkReach(r, slices.Concat(filter.TimeRanges(), q.data.timeRanges())); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		x := &query{s: s, q: q, filter: filter, plan: filter.Plan(), self: s.resource(), ms: h.multistatus()}
		if err := x.run(zone, depth); err != nil {
			return nil, err
		}
		return applied(x.ms.Response(), webdav.ParsePrefer(r.Header)), nil
	}, nil
}

// checkReach refuses time ranges beyond what the server was told to search
// (CALDAV:min-date-time, CALDAV:max-date-time).
func (h *Handler) checkReach(r *request, ranges []calquery.TimeRange) error {
	for _, tr := range ranges {
		if past := h.Limits.QueryPast; past > 0 {
			least := r.now.Add(-past).Unix()
			if tr.From != math.MinInt64 && tr.From < least || tr.To != math.MaxInt64 && tr.To < least {
				return precondition(webdav.CondMinDateTime)
			}
		}
		if future := h.Limits.QueryFuture; future > 0 {
			most := r.now.Add(future).Unix()
			if tr.From != math.MinInt64 && tr.From > most || tr.To != math.MaxInt64 && tr.To > most {
				return precondition(webdav.CondMaxDateTime)
			}
		}
	}
	return nil
}

// query is a calendar-query being served.
type query struct {
	s      *scope
	q      *propertyRequest
	filter *calquery.Filter
	plan   calquery.Plan
	zone   *ical.Zone
	self   *resource
	member resource // being written; used again for each
	ms     *webdav.Multistatus
	count  int
}

// errFull ends a query that has found as much as one response may hold.
var errFull = errors.New("as many results as a response may hold")

// run looks at the target: a calendar, an object of one, or a home, of which the
// calendars are asked unless the depth says to leave them out (RFC 4791 §7.2).
// Without a zone each calendar's own is that of floating times.
func (x *query) run(zone *ical.Zone, depth webdav.Depth) error {
	target := x.self
	err := x.within(zone, depth)
	if errors.Is(err, errFull) || errors.Is(err, errTooLong) {
		x.ms.ResponseStatus(target.dir+target.name, http.StatusInsufficientStorage, &webdav.Error{Condition: webdav.CondNumberOfMatches})
		return nil
	}
	return err
}

func (x *query) within(zone *ical.Zone, depth webdav.Depth) error {
	if x.self.kind != kindHome {
		return x.calendar(zone)
	}
	if depth == webdav.Depth0 {
		return nil
	}
	for r, err := range x.s.readable(acl.Read) {
		if err != nil {
			return err
		}
		if r.kind != kindCalendar {
			continue
		}
		x.self = r
		if err := x.calendar(zone); err != nil {
			return err
		}
	}
	return nil
}

// calendar looks at x.self.
func (x *query) calendar(zone *ical.Zone) (err error) {
	if x.zone = zone; zone == nil {
		if x.zone, err = x.s.tx.Zone(x.self.col); err != nil {
			return err
		}
	}
	x.q.data.in(x.zone)
	x.member = *x.self
	return x.candidates()
}

// candidates finds, in the cheapest way the filter allows, the objects that may
// match.
func (x *query) candidates() error {
	if x.plan.None {
		return nil
	}
	if x.self.object != nil {
		return x.consider(x.self.object, false)
	}
	snap, err := x.s.tx.Snapshot(x.self.col)
	if err != nil {
		return err
	}
	kinds := x.components()
	if x.plan.From == math.MinInt64 && x.plan.To == math.MaxInt64 {
		for e := range snap.All() {
			if e.Component&kinds == 0 {
				continue
			}
			if err := x.consider(e, true); err != nil {
				return err
			}
		}
		return nil
	}
	matches, err := x.s.tx.Matching(snap, kinds, x.plan.From, x.plan.To, x.zone, x.s.budget())
	if err != nil {
		return err
	}
	for _, m := range matches {
		if err := x.consider(m.Entry, !m.Inexact); err != nil {
			return err
		}
	}
	return nil
}

// components is the set of component types that can match.
func (x *query) components() store.Component {
	if x.plan.Components == nil {
		return math.MaxUint8
	}
	var set store.Component
	for _, name := range x.plan.Components {
		set |= calendar.ComponentNamed(name)
	}
	return set
}

// decided reports whether the index alone says that an object matches or not;
// timed: its time range was judged.
func (x *query) decided(e *store.Entry, timed bool) (match, decided bool) {
	if x.plan.Alarm && e.Flags&store.FlagAlarm == 0 || x.plan.UID != nil && !x.plan.UID(e.UID) {
		return false, true
	}
	return true, timed && (x.plan.Exact || x.plan.ExactUID)
}

// consider writes an object if it matches; timed says that its time range
// does.
func (x *query) consider(e *store.Entry, timed bool) error {
	if !x.s.member(&x.member, e) {
		return nil
	}
	match, decided := x.decided(e, timed)
	// What is hidden of an object matches nothing (calendarserver-private-events
	// §4.2.2.4); the index is of all of it.
	if !decided || match && x.s.tx.View(x.self.col, e) != calendar.Whole {
		if err := x.s.req.Context().Err(); err != nil {
			return err
		}
		object, err := x.s.tx.Parsed(x.self.col, e)
		if err != nil {
			return err
		}
		if match, err = x.filter.Match(object, x.zone, x.s.budget()); err != nil {
			return err
		}
	}
	if !match {
		return nil
	}
	if x.count++; x.count > x.s.h.Limits.Results {
		return errFull
	}
	return x.q.write(x.s, x.ms, &x.member)
}
