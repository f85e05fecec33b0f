package ical

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"
)

// A Series is the compiled recurrence set of a calendar object (RFC 5545
// §3.8.5): the instances of its DTSTART, RRULEs and RDATEs without those of its
// EXDATEs and EXRULEs, and with its overrides in their place. An object without
// recurrence is a series of one instance. A Series is immutable and safe for
// concurrent use; what COUNTs add up to is remembered.
//
// Instances are told apart by key: for series with a zone or in UTC, the moment
// of their original start; for all-day and floating ones, its wall time.
type Series struct {
	kind      string // of the components: VEVENT
	hasMaster bool
	master    part
	floating  bool // keys are wall times
	recurring bool
	detached  bool // its parts have no components

	rules   []*recurrence
	exrules []*recurrence
	rdates  []rdate // in order of key; with DTSTART, if no rule gives it
	exkeys  []int64 // EXDATEs, in order
	exdays  []int64 // EXDATEs that are a whole day of a timed series, in order

	overrides []override // in order of key
	ovdays    []int      // those whose RECURRENCE-ID is a whole day of a timed series
	ranges    []int      // those with RANGE=THISANDFUTURE, in order of key

	rdateReach int64 // what no span of an RDATE is longer than, in seconds
}

// An rdate is an instance on its own.
type rdate struct {
	key  int64
	wall int64
	span span // of a PERIOD; else kind is spanInherit
}

// An override is a component with a RECURRENCE-ID.
type override struct {
	part
	key   int64
	id    DateTime
	shift int64 // THISANDFUTURE: how much later, on the wall or in time, it starts
	wall  bool  // shift is on the wall
}

// Series compiles the recurrence set of o. It fails if a value that the set
// depends on cannot be read; NewObject has refused such objects.
func (o *Object) Series() (*Series, error) {
	return newSeries(o.Kind, o.Master, o.Overrides, o.Zones)
}

// newSeries compiles the set of a master, which may be nil, and its overrides.
func newSeries(kind string, master *Component, overrides []*Component, zones *Zones) (*Series, error) {
	s := &Series{kind: kind}
	if master != nil {
		if err := s.addMaster(master, zones); err != nil {
			return nil, err
		}
	} else if len(overrides) > 0 {
		// The form of the first RECURRENCE-ID tells what kind of series it was.
		if p := overrides[0].Prop("RECURRENCE-ID"); p != nil {
			id, err := p.DateTime(zones)
			if err != nil {
				return nil, seriesError(p, err)
			}
			s.master.start, s.floating = id, id.Kind == Date || id.Kind == Floating
		}
	}
	for _, c := range overrides {
		if err := s.addOverride(c, zones); err != nil {
			return nil, err
		}
	}
	s.sortOverrides()
	s.recurring = len(s.rules) > 0 || len(s.rdates) > 1 || len(s.overrides) > 0
	return s, nil
}

// addMaster compiles the master component.
func (s *Series) addMaster(c *Component, zones *Zones) error {
	part, err := newPart(c, zones)
	if err != nil {
		return err
	}
	s.hasMaster, s.master = true, part
	start := part.start
	s.floating = start.Kind == Date || start.Kind == Floating
	if !part.form.recurs() {
		return nil
	}
	given := false // by a rule
	for i := range c.Props {
		p := &c.Props[i]
		switch p.Name {
		case "RRULE", "EXRULE":
			rule, err := ParseRule(p.Value)
			if err != nil {
				return seriesError(p, err)
			}
			if p.Name == "EXRULE" {
				s.exrules = append(s.exrules, newRecurrence(rule, start, false))
				continue
			}
			r := newRecurrence(rule, start, true)
			given = given || r.synced && r.limit > 0 && !r.isOver(start)
			s.rules = append(s.rules, r)
		case "RDATE":
			err = s.addRDates(p, zones)
		case "EXDATE":
			err = s.addExDates(p, zones)
		}
		if err != nil {
			return seriesError(p, err)
		}
	}
	if !given {
		key, _ := s.key(start)
		s.rdates = append(s.rdates, rdate{key: key, wall: start.Wall})
	}
	slices.SortStableFunc(s.rdates, func(a, b rdate) int { return cmp.Compare(a.key, b.key) })
	s.rdates = slices.CompactFunc(s.rdates, func(a, b rdate) bool { return a.key == b.key })
	slices.Sort(s.exkeys)
	slices.Sort(s.exdays)
	return nil
}

// isOver reports whether UNTIL is before DTSTART.
func (c *recurrence) isOver(start DateTime) bool {
	if c.untilUTC {
		return start.Unix(nil) > c.until
	}
	return start.Wall > c.until
}

// seriesError names the property that a series failed at.
func seriesError(p *Property, err error) error { return fmt.Errorf("%s: %w", p.Name, err) }

func (s *Series) addRDates(p *Property, zones *Zones) error {
	if strings.EqualFold(p.Param("VALUE"), "PERIOD") {
		periods, err := p.Periods(zones)
		for _, period := range periods {
			t := s.inSeries(period.Start)
			key, _ := s.key(t)
			length := newSpan(t, s.inSeries(period.End))
			s.rdateReach = max(s.rdateReach, length.reach())
			s.rdates = append(s.rdates, rdate{key, t.Wall, length})
		}
		return err
	}
	times, err := p.DateTimes(zones)
	for _, t := range times {
		t = s.inSeries(t)
		key, _ := s.key(t)
		s.rdates = append(s.rdates, rdate{key: key, wall: t.Wall})
	}
	return err
}

func (s *Series) addExDates(p *Property, zones *Zones) error {
	times, err := p.DateTimes(zones)
	for _, t := range times {
		if key, day := s.key(t); day {
			s.exdays = append(s.exdays, key)
		} else {
			s.exkeys = append(s.exkeys, key)
		}
	}
	return err
}

// key returns what tells an instance apart that is named by its original start
// in any form. day: t is a DATE but the series is timed; then key is the number
// of the day, and means the instances of that day.
func (s *Series) key(t DateTime) (key int64, day bool) {
	start := &s.master.start
	switch {
	case start.Kind == Date:
		return floorDiv(t.Wall, secondsPerDay) * secondsPerDay, false
	case t.Kind == Date:
		return t.Wall / secondsPerDay, true
	case s.floating:
		return t.Wall, false
	case t.Kind == Floating:
		return start.Zone.Unix(t.Wall), false
	}
	return t.Unix(nil), false
}

// inSeries turns a time into the form of DTSTART: so that the instance at it can
// be written like the others.
func (s *Series) inSeries(t DateTime) DateTime {
	start := &s.master.start
	if t.Kind == start.Kind && t.Zone == start.Zone {
		return t
	}
	out := DateTime{Wall: t.Wall, Kind: start.Kind, Zone: start.Zone}
	switch {
	case start.Kind == Date:
		out.Wall = floorDiv(t.Wall, secondsPerDay) * secondsPerDay
	case t.Kind == Date:
		out.Wall += floorMod(start.Wall, secondsPerDay) // the usual time of that day
	case start.Kind != Floating && t.Kind != Floating:
		out.Wall = start.Zone.Wall(t.Unix(nil))
	}
	return out
}

// addOverride compiles a component with a RECURRENCE-ID.
func (s *Series) addOverride(c *Component, zones *Zones) error {
	p := c.Prop("RECURRENCE-ID")
	if p == nil {
		return fmt.Errorf("override: no RECURRENCE-ID: %w", ErrValue)
	}
	id, err := p.DateTime(zones)
	if err != nil {
		return seriesError(p, err)
	}
	o := override{id: id}
	if o.part, err = newPart(c, zones); err != nil {
		return err
	}
	key, day := s.key(id)
	o.key = key
	if day {
		// Its place among the keys is that of the usual time of the day.
		t := s.inSeries(id)
		o.key, _ = s.key(t)
	}
	if strings.EqualFold(p.Param("RANGE"), "THISANDFUTURE") && s.hasMaster && o.form.recurs() {
		o.rangeShift(s)
	} else {
		o.shift = noShift
	}
	s.overrides = append(s.overrides, o)
	return nil
}

// noShift marks an override that is of one instance only.
const noShift = math.MinInt64

// rangeShift computes by how much a THISANDFUTURE override moves the instances
// after it: on the wall if it stays in the zone of the series, else in time.
func (o *override) rangeShift(s *Series) {
	was := s.inSeries(o.id)
	if o.start.Kind == was.Kind && o.start.Zone == was.Zone {
		o.wall, o.shift = true, o.start.Wall-was.Wall
	} else {
		o.shift = o.start.Unix(nil) - was.Unix(nil)
	}
}

// sortOverrides orders the overrides, and finds those of a kind.
func (s *Series) sortOverrides() {
	slices.SortStableFunc(s.overrides, func(a, b override) int { return cmp.Compare(a.key, b.key) })
	for i := range s.overrides {
		o := &s.overrides[i]
		if o.id.Kind == Date && s.master.start.Kind != Date {
			s.ovdays = append(s.ovdays, i)
		}
		if o.shift != noShift {
			s.ranges = append(s.ranges, i)
		}
	}
}

// Recurring reports whether s can have more than one instance.
func (s *Series) Recurring() bool {
	return s.recurring
}

// Floating reports whether some instance depends on the zone of the reader: it
// is all-day, or at a floating time.
func (s *Series) Floating() bool {
	if s.hasMaster && s.floating {
		return true
	}
	return slices.ContainsFunc(s.overrides, func(o override) bool { return o.start.Kind == Date || o.start.Kind == Floating })
}

// Detached returns a copy of s that does not hold on to the components it was
// made from: the Component of its Instances is nil. It is for caches.
func (s *Series) Detached() *Series {
	d := *s
	d.master.comp, d.detached = nil, true
	d.overrides = slices.Clone(s.overrides)
	for i := range d.overrides {
		d.overrides[i].comp = nil
	}
	return &d
}

// Size returns about how many bytes of memory s takes, without its components.
func (s *Series) Size() int {
	size := int(unsafe.Sizeof(*s)) + 8*(cap(s.exkeys)+cap(s.exdays)+cap(s.ovdays)+cap(s.ranges)+cap(s.rules)+cap(s.exrules))
	size += cap(s.rdates)*int(unsafe.Sizeof(rdate{})) + cap(s.overrides)*int(unsafe.Sizeof(override{}))
	for _, rules := range [2][]*recurrence{s.rules, s.exrules} {
		for _, r := range rules {
			size += int(unsafe.Sizeof(*r)) + 2*(cap(r.nthDays)+cap(r.yearDays)+cap(r.setPos)) + cap(r.weekNos)
		}
	}
	return size
}

// Span returns the first start and the last end of all instances, in Unix
// seconds; between them there may be none. open: there is no last end, or it
// takes too long to find. floating is the zone of the reader, nil is UTC. A
// component that has no time is everywhere: math.MinInt64 and open.
func (s *Series) Span(floating *Zone) (start, end int64, open bool) {
	start, end = math.MaxInt64, math.MinInt64
	if s.hasMaster {
		start, end, open = s.masterSpan(floating)
	}
	for i := range s.overrides {
		from, to := s.overrides[i].unixSpan(floating)
		start, end = min(start, from), max(end, to)
		open = open || to == math.MaxInt64
	}
	if open {
		end = math.MaxInt64
	}
	return start, end, open
}

// masterSpan is Span without the overrides, but with what those for the future
// do to the others.
func (s *Series) masterSpan(floating *Zone) (start, end int64, open bool) {
	start, end = s.master.unixSpan(floating)
	if !s.master.form.recurs() {
		return start, end, end == math.MaxInt64
	}
	longest, least, most := end-start, int64(0), int64(0)
	for _, i := range s.ranges {
		o := &s.overrides[i]
		from, to := o.unixSpan(floating)
		longest, least, most = max(longest, to-from), min(least, o.shift), max(most, o.shift)
	}
	at := DateTime{Kind: s.master.start.Kind, Zone: s.master.start.Zone}
	for i := range s.rdates {
		at.Wall = s.rdates[i].wall
		u := at.Unix(floating)
		start, end = min(start, u), max(end, u+max(longest, s.rdates[i].span.most()))
	}
	for _, r := range s.rules {
		last, ok := r.lastUnix(at, floating)
		if !ok {
			return start + least, math.MaxInt64, true
		}
		end = max(end, last+longest)
	}
	return start + least, end + most, false
}

// spanBudget is how many steps Span may take to add up a COUNT.
const spanBudget = 100_000

// lastUnix returns a moment that the last start of c is not after; false if
// there is none or it takes too long to find.
func (c *recurrence) lastUnix(at DateTime, floating *Zone) (int64, bool) {
	last := int64(math.MaxInt64)
	if c.limit != math.MaxInt64 {
		wall, ok, err := c.last(NewBudget(spanBudget))
		if err == nil && !ok {
			return math.MinInt64 / 2, true
		}
		if err == nil {
			at.Wall = wall
			last = at.Unix(floating)
		}
	}
	if c.until != math.MaxInt64 {
		until := c.until
		if !c.untilUTC {
			at.Wall = until
			until = at.Unix(floating)
		}
		last = min(last, until)
	}
	return last, last < lastWall-2*secondsPerDay
}
