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
// (RFC 4791 §7.10); all other components are Free.
func BusyOf(c *Component) BusyType {
	if c.Name != "VEVENT" {
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

// MergeBusy sorts periods by their start, and joins those of one type that overlap
// or follow one another (RFC 4791 §7.10); those of different types may overlap.
// Free and empty periods are dropped. It works in place.
func MergeBusy(periods []BusyPeriod) []BusyPeriod {
	periods = slices.DeleteFunc(periods, func(p BusyPeriod) bool { return p.Type == Free || p.End <= p.Start })
	slices.SortFunc(periods, func(a, b BusyPeriod) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Type, b.Type)) })
	var last [len(busyNames)]int // by type: 1 more than the index of the last one kept
	kept := periods[:0]
	for _, p := range periods {
		if i := last[p.Type]; i > 0 && p.Start <= kept[i-1].End {
			kept[i-1].End = max(kept[i-1].End, p.End)
			continue
		}
		kept = append(kept, p)
		last[p.Type] = len(kept)
	}
	return kept
}

// NewFreeBusy returns a VCALENDAR with one VFREEBUSY for a time range (RFC 4791
// §7.10): its periods merged, and cut to the range. stamp is its DTSTAMP. All are
// in Unix seconds. The caller adds PRODID, and what else a scheduling message has.
func NewFreeBusy(from, to, stamp int64, periods []BusyPeriod) *Component {
	fb := NewComponent("VFREEBUSY")
	fb.Add(NewProperty("DTSTAMP", utcText(stamp)), NewProperty("DTSTART", utcText(from)), NewProperty("DTEND", utcText(to)))
	for _, p := range MergeBusy(slices.Clone(periods)) {
		start, end := max(p.Start, from), min(p.End, to)
		if start < end {
			fb.Add(NewProperty("FREEBUSY", utcText(start)+"/"+utcText(end), NewParam("FBTYPE", p.Type.String())))
		}
	}
	cal := NewComponent("VCALENDAR")
	cal.Add(NewProperty("VERSION", "2.0"))
	cal.Children = []*Component{fb}
	return cal
}

// utcText returns a moment as a DATE-TIME in UTC.
func utcText(unix int64) string { return DateTime{Wall: unix, Kind: UTC}.String() }

// AppendBusy appends the busy times of o in a range to dst, cut to the range: the
// instances of an event (RFC 4791 §7.10), the periods of a VFREEBUSY, or when a
// VAVAILABILITY says that nobody is there (see Unavailable). Other objects have
// none. Errors: ErrBudget; those of Series.
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
		periods, err := Unavailable([]*Object{o}, from, to, floating, b)
		return append(dst, periods...), err
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

// Unavailable returns when nobody is there by the VAVAILABILITYs of objects, in a
// range (RFC 7953 §4): each takes all of its time, but for its AVAILABLE parts,
// and of two that overlap the one of the higher PRIORITY (1, then 2 … 9, then
// none) decides alone. The periods are in order of time and cut to the range.
// Errors: ErrBudget; a value that cannot be read.
func Unavailable(objects []*Object, from, to int64, floating *Zone, b *Budget) ([]BusyPeriod, error) {
	b = b.orDefault()
	type rule struct {
		o        *Object
		priority int
	}
	var rules []rule
	for _, o := range objects {
		if o.Kind == "VAVAILABILITY" && o.Master != nil {
			rules = append(rules, rule{o, availabilityPriority(o.Master)})
		}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return cmp.Compare(b.priority, a.priority) })
	var taken []BusyPeriod
	for _, r := range rules {
		var err error
		if taken, err = r.o.applyAvailability(taken, from, to, floating, b); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(taken, func(a, b BusyPeriod) int { return cmp.Compare(a.Start, b.Start) })
	return MergeBusy(taken), nil
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

// applyAvailability replaces what is taken in the time of o's VAVAILABILITY.
func (o *Object) applyAvailability(taken []BusyPeriod, from, to int64, floating *Zone, b *Budget) ([]BusyPeriod, error) {
	part, err := newPart(o.Master, o.Zones)
	if err != nil {
		return nil, err
	}
	start, end := part.unixSpan(floating)
	start, end = max(start, from), min(end, to)
	if start >= end {
		return taken, nil
	}
	typ := BusyUnavailable
	if p := o.Master.Prop("BUSYTYPE"); p != nil {
		typ = ParseBusyType(p.Value)
	}
	own := []BusyPeriod{{start, end, typ}}
	for _, s := range availableSeries(o.Master) {
		series, err := newSeries("AVAILABLE", s.master, s.overrides, o.Zones)
		if err != nil {
			return nil, err
		}
		var sc scan
		sc.init(series, start, end, floating, b)
		for {
			inst, err := sc.next()
			if err != nil {
				return nil, err
			}
			if inst == nil {
				break
			}
			if err := b.Spend(1 + len(own)/8); err != nil {
				return nil, err
			}
			own = carve(own, inst.StartUnix, inst.EndUnix)
		}
	}
	return append(carve(taken, start, end), own...), nil
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

// carve removes a time from periods.
func carve(periods []BusyPeriod, start, end int64) []BusyPeriod {
	var kept []BusyPeriod
	for _, p := range periods {
		if p.End <= start || p.Start >= end {
			kept = append(kept, p)
			continue
		}
		if p.Start < start {
			kept = append(kept, BusyPeriod{p.Start, start, p.Type})
		}
		if p.End > end {
			kept = append(kept, BusyPeriod{end, p.End, p.Type})
		}
	}
	return kept
}
