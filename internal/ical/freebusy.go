package ical

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A BusyType is the kind of a busy time (FBTYPE, RFC 5545 §3.2.9).
type BusyType uint8

const (
	Free BusyType = iota
	BusyTentative
	BusyUnavailable
	Busy
)

var busyNames = [...]string{"FREE", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE", "BUSY"}

// String returns the FBTYPE: "BUSY-TENTATIVE".
func (t BusyType) String() string { return busyNames[t] }

// ParseBusyType reads an FBTYPE or BUSYTYPE; what nobody knows is Busy (RFC 5545
// §3.2.9).
func ParseBusyType(s string) BusyType {
	if i := indexFold(busyNames[:], strings.TrimSpace(s)); i >= 0 {
		return BusyType(i)
	}
	return Busy
}

// A BusyPeriod is a time that is taken, from Start until before End, in Unix
// seconds.
type BusyPeriod struct {
	Start, End int64
	Type       BusyType
}

// BusyOf returns what a VEVENT is in free-busy time by its TRANSP and STATUS
// (RFC 4791 §7.10); all other components are Free. So is an instance that its
// attendee has declined and removed, and that is kept for the organizer alone.
func BusyOf(c *Component) BusyType {
	if c.Name != "VEVENT" {
		return Free
	}
	if p := c.Prop(hiddenInstance); p != nil && isHidden(p) {
		return Free
	}
	if p := c.Prop("TRANSP"); p != nil && equalFoldTrim(p.Value, "TRANSPARENT") {
		return Free
	}
	if p := c.Prop("STATUS"); p != nil {
		return busyOfStatus(p.Value)
	}
	return Busy
}

// MaxTravel is how long a way can be, in seconds: of a longer one the end that is nearer
// to the event counts.
const MaxTravel = secondsPerDay

// TravelOf returns how long before and after a VEVENT its owner is on the way, in
// seconds: Apple's X-APPLE-TRAVEL-DURATION and X-APPLE-TRAVEL-RETURN-DURATION. What
// is no DURATION is no time at all.
func TravelOf(c *Component) (before, after int64) {
	if c.Name != "VEVENT" {
		return 0, 0
	}
	return travel(c.Prop("X-APPLE-TRAVEL-DURATION")), travel(c.Prop("X-APPLE-TRAVEL-RETURN-DURATION"))
}

func travel(p *Property) int64 {
	if p == nil {
		return 0
	}
	d, err := ParseDuration(p.Value)
	if err != nil {
		return 0
	}
	return min(max(d.Exact(), 0), MaxTravel)
}

// hiddenInstance marks an instance that its attendee has declined and removed.
const hiddenInstance = "X-CALENDARSERVER-HIDDEN-INSTANCE"

func isHidden(p *Property) bool { return equalFoldTrim(p.Value, "T") }

// busyOfStatus is the type of an opaque VEVENT with a STATUS.
func busyOfStatus(status string) BusyType {
	switch {
	case equalFoldTrim(status, "CANCELLED"):
		return Free
	case equalFoldTrim(status, "TENTATIVE"):
		return BusyTentative
	}
	return Busy
}

// equalFoldTrim compares without regard to case and to blanks around s.
func equalFoldTrim(s, want string) bool { return strings.EqualFold(strings.TrimSpace(s), want) }

// AppendBusy appends the busy times of o in a range to dst, cut to the range: the
// instances of an event (RFC 4791 §7.10), the periods of a VFREEBUSY, or when a
// VAVAILABILITY, looked at alone, says that nobody is there (see Availability). Other objects have
// none. Errors: ErrBudget; those of Series and Availability.
func (o *Object) AppendBusy(dst []BusyPeriod, from, to int64, floating *Zone, b *Budget) ([]BusyPeriod, error) {
	switch o.Kind {
	case "VEVENT":
		s, err := o.Series()
		if err != nil {
			return dst, err
		}
		return s.AppendBusy(dst, from, to, floating, b)
	case "VFREEBUSY":
		return o.appendPeriods(dst, from, to)
	case "VAVAILABILITY":
		a, err := o.Availability(from, to, floating, b)
		return append(dst, a.Taken...), err
	}
	return dst, nil
}

// AppendBusy appends the busy times of the instances of s in a range to dst, cut
// to the range. Errors: ErrBudget.
func (s *Series) AppendBusy(dst []BusyPeriod, from, to int64, floating *Zone, b *Budget) ([]BusyPeriod, error) {
	var sc scan
	sc.init(s, from, to, floating, b.orDefault())
	for {
		inst, err := sc.next()
		if err != nil || inst == nil {
			return dst, err
		}
		if inst.Busy != Free && inst.EndUnix > inst.StartUnix {
			dst = append(dst, BusyPeriod{max(inst.StartUnix, from), min(inst.EndUnix, to), inst.Busy})
		}
	}
}

// appendPeriods is AppendBusy for a VFREEBUSY.
func (o *Object) appendPeriods(dst []BusyPeriod, from, to int64) ([]BusyPeriod, error) {
	if o.Master == nil {
		return dst, nil
	}
	for i := range o.Master.Props {
		p := &o.Master.Props[i]
		if p.Name != "FREEBUSY" {
			continue
		}
		typ := Busy
		if name := p.Param("FBTYPE"); name != "" {
			typ = ParseBusyType(name)
		}
		if typ == Free {
			continue
		}
		periods, err := p.Periods(o.Zones)
		if err != nil {
			return dst, seriesError(p, err)
		}
		for _, period := range periods {
			start, end := max(period.Start.Unix(nil), from), min(period.End.Unix(nil), to)
			if start < end {
				dst = append(dst, BusyPeriod{start, end, typ})
			}
		}
	}
	return dst, nil
}

// An Availability is what a VAVAILABILITY says of a range of time (RFC 7953 §3.1).
type Availability struct {
	// Start and End are the time that it is about, in Unix seconds, cut to the
	// range; none if End is not after Start.
	Start, End int64

	// Priority is 1, the highest, to 9, and 10 for none.
	Priority int

	// Taken is when nobody is there: all of the time but for its AVAILABLE parts,
	// in order.
	Taken []BusyPeriod
}

// Availability is what o, a VAVAILABILITY, says of the time from until before to.
// Times of no zone are of floating, nil for UTC. Errors: ErrBudget; a value that
// cannot be read.
func (o *Object) Availability(from, to int64, floating *Zone, b *Budget) (Availability, error) {
	if o.Kind != "VAVAILABILITY" || o.Master == nil {
		return Availability{}, nil
	}
	part, err := newPart(o.Master, o.Zones)
	if err != nil {
		return Availability{}, err
	}
	start, end := part.unixSpan(floating)
	a := Availability{Start: max(start, from), End: min(end, to), Priority: availabilityPriority(o.Master)}
	if a.Start >= a.End {
		return a, nil
	}
	typ := BusyUnavailable
	if p := o.Master.Prop("BUSYTYPE"); p != nil {
		typ = ParseBusyType(p.Value)
	}
	available, err := o.available(a.Start, a.End, floating, b.orDefault())
	if err != nil {
		return Availability{}, err
	}
	at := a.Start
	for _, p := range available {
		if p.Start > at {
			a.Taken = append(a.Taken, BusyPeriod{at, p.Start, typ})
		}
		at = max(at, p.End)
	}
	if at < a.End {
		a.Taken = append(a.Taken, BusyPeriod{at, a.End, typ})
	}
	return a, nil
}

// CheckAvailability reports what of a VAVAILABILITY's AVAILABLE parts cannot be
// read.
func (o *Object) CheckAvailability() error {
	for _, set := range availableSeries(o.Master) {
		if _, err := newSeries("AVAILABLE", set.master, set.overrides, o.Zones); err != nil {
			return err
		}
	}
	return nil
}

// available returns the instances of the AVAILABLE parts of o in a range, by
// start.
func (o *Object) available(from, to int64, floating *Zone, b *Budget) ([]BusyPeriod, error) {
	var periods []BusyPeriod
	for _, set := range availableSeries(o.Master) {
		series, err := newSeries("AVAILABLE", set.master, set.overrides, o.Zones)
		if err != nil {
			return nil, err
		}
		for in, err := range series.Instances(from, to, floating, b) {
			if err != nil {
				return nil, err
			}
			periods = append(periods, BusyPeriod{in.StartUnix, in.EndUnix, Free})
		}
	}
	slices.SortFunc(periods, func(a, b BusyPeriod) int { return cmp.Compare(a.Start, b.Start) })
	return periods, nil
}

// availabilityPriority returns 1 to 9, or 10 for none.
func availabilityPriority(c *Component) int {
	if p := c.Prop("PRIORITY"); p != nil {
		if n, err := strconv.Atoi(strings.TrimSpace(p.Value)); err == nil && n >= 1 && n <= 9 {
			return n
		}
	}
	return 10
}

// availableSet is an AVAILABLE component with its overrides.
type availableSet struct {
	uid       string
	master    *Component
	overrides []*Component
}

// availableSeries groups the AVAILABLE components of c by their UID.
func availableSeries(c *Component) []availableSet {
	var sets []availableSet
	for _, child := range c.Children {
		if child.Name != "AVAILABLE" {
			continue
		}
		uid := ""
		if p := child.Prop("UID"); p != nil {
			uid = p.Value
		}
		i := slices.IndexFunc(sets, func(s availableSet) bool { return s.uid == uid })
		over := child.Prop("RECURRENCE-ID") != nil
		if i < 0 || uid == "" || !over && sets[i].master != nil {
			sets = append(sets, availableSet{uid: uid})
			i = len(sets) - 1
		}
		if over {
			sets[i].overrides = append(sets[i].overrides, child)
		} else {
			sets[i].master = child
		}
	}
	return sets
}
