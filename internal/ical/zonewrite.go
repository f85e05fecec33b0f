package ical

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// productID is the PRODID of calendars that are made here.
const productID = "-//convene//ical//EN"

// VTimezone returns a VTIMEZONE component for a zone known by name, with that
// name as its TZID: see Zone.VTimezone. The error wraps ErrUnknownZone.
func VTimezone(name string, from, to int64) (*Component, error) {
	z, err := LoadZone(name)
	if err != nil {
		return nil, err
	}
	c := z.VTimezone(from, to)
	c.SetValue("TZID", EscapeText(name))
	return c, nil
}

// VTimezone returns a VTIMEZONE component that defines z from a moment until
// before another, in Unix seconds. math.MinInt64 and math.MaxInt64 are the whole
// of its data; what recurs each year is then written as an RRULE without end.
//
// If from is given, the first observance begins just then (RFC 7808 §3.9); if to
// is given, TZUNTIL says so (RFC 7808 §7.1).
func (z *Zone) VTimezone(from, to int64) *Component {
	c := NewComponent("VTIMEZONE")
	c.SetValue("TZID", EscapeText(z.Name()))
	if iana := z.IANA(); iana != "" {
		c.SetValue("X-LIC-LOCATION", iana)
	}
	if z == nil {
		z = utcZone
	}
	if to != math.MaxInt64 {
		c.SetValue("TZUNTIL", DateTime{Wall: to, Kind: UTC}.String())
	}
	w := zoneWriter{zone: z, c: c}
	begin := from
	if from == math.MinInt64 {
		begin = -farFuture
		if first := z.segment(begin); first.end == math.MaxInt64 || first.end >= to {
			w.observe(0, first.off, first.off, first.typ, nil)
		}
	} else {
		s := z.segment(from)
		prev := s.off
		if s.start == from {
			prev = s.prev
		}
		w.observe(from+prev, prev, s.off, s.typ, nil)
	}
	w.table(begin+1, min(to, z.ruled))
	if to > z.ruled {
		w.tail(max(begin+1, z.ruled), to)
	}
	return c
}

// A zoneWriter adds STANDARD and DAYLIGHT components to a VTIMEZONE.
type zoneWriter struct {
	zone *Zone
	c    *Component
}

// observe adds a component for clocks that are changed at a local time. more are
// its properties besides.
func (w *zoneWriter) observe(wall, from, to int64, typ uint16, more []Property) {
	t := &w.zone.types[typ]
	c := NewComponent("STANDARD")
	if t.dst {
		c.Name = "DAYLIGHT"
	}
	c.Add(NewProperty("DTSTART", DateTime{Wall: wall, Kind: Floating}.String()))
	c.Add(more...)
	if t.abbrev != "" {
		c.Add(NewProperty("TZNAME", EscapeText(t.abbrev)))
	}
	c.Add(NewProperty("TZOFFSETFROM", FormatOffset(int(from))), NewProperty("TZOFFSETTO", FormatOffset(int(to))))
	w.c.Children = append(w.c.Children, c)
}

// A change is a transition as a VTIMEZONE has it.
type change struct {
	wall     int64 // local, by the offset before
	from, to int64
	typ      uint16
}

// table writes the transitions of the table in a range. Those that follow a rule
// for three years or more become an RRULE with UNTIL, the others RDATEs.
func (w *zoneWriter) table(from, to int64) {
	z := w.zone
	var groups [][]change
	for i, t := range z.trans[:z.tabled] {
		if t.at < from || t.at >= to {
			continue
		}
		prev := int64(z.types[0].offset)
		if i > 0 {
			prev = int64(z.types[z.trans[i-1].typ].offset)
		}
		ch := change{t.at + prev, prev, int64(z.types[t.typ].offset), t.typ}
		g := slices.IndexFunc(groups, func(g []change) bool { return g[0].from == ch.from && g[0].typ == ch.typ })
		if g < 0 {
			groups = append(groups, []change{ch})
		} else {
			groups[g] = append(groups[g], ch)
		}
	}
	for _, g := range groups {
		w.group(g)
	}
}

// group writes changes of the same kind.
func (w *zoneWriter) group(g []change) {
	var single []change
	for len(g) > 0 {
		rule, n := longestRule(g)
		if n < 3 {
			single, g = append(single, g[0]), g[1:]
			continue
		}
		until := DateTime{Wall: g[n-1].wall - g[0].from, Kind: UTC}
		w.observe(g[0].wall, g[0].from, g[0].to, g[0].typ, []Property{NewProperty("RRULE", rule.text(&until))})
		g = g[n:]
	}
	if len(single) == 0 {
		return
	}
	var dates []Property
	for _, ch := range single {
		dates = append(dates, NewProperty("RDATE", DateTime{Wall: ch.wall, Kind: Floating}.String()))
	}
	w.observe(single[0].wall, single[0].from, single[0].to, single[0].typ, dates)
}

// longestRule finds the rule by which the most of the first changes of g come,
// one each year.
func longestRule(g []change) (best yearRule, n int) {
	days := floorDiv(g[0].wall, secondsPerDay)
	year, month, day := civilOfDays(days)
	rule := yearRule{month: int8(month), wday: int8(weekday(days)), secs: int32(g[0].wall - days*secondsPerDay)}
	length := daysInMonth(year, month)
	for _, first := range [...]int{length - 6, (day-1)/7*7 + 1, day, day - 1, day - 2, day - 3, day - 4, day - 5, day - 6} {
		if first > day || first < 1 || first > daysInMonth(2001, month)-6 {
			continue
		}
		rule.day = int8(first)
		k := 1
		for k < len(g) && rule.at(year+k) == g[k].wall {
			k++
		}
		if k > n {
			best, n = rule, k
		}
	}
	return best, n
}

// tail writes the changes of the yearly rules in a range.
func (w *zoneWriter) tail(from, to int64) {
	z := w.zone
	for i := range z.rules {
		r := &z.rules[i]
		if to != math.MaxInt64 && to-from > 400*366*secondsPerDay {
			to = math.MaxInt64
		}
		year := yearOf(from) - 1
		for r.at(year) < from {
			year++
		}
		first := r.at(year)
		if first >= to {
			continue
		}
		var until *DateTime
		if to != math.MaxInt64 {
			last := first
			for r.at(year+1) < to {
				year++
				last = r.at(year)
			}
			until = &DateTime{Wall: last, Kind: UTC}
		}
		w.observe(first+int64(r.from), int64(r.from), int64(z.types[r.typ].offset), r.typ,
			[]Property{NewProperty("RRULE", r.text(until))})
	}
}

// text returns r as an RRULE. Its time of the day may lie on another day than its
// weekday is of: then the weekday of the other day is meant.
func (r *yearRule) text(until *DateTime) string {
	shift := int(floorDiv(int64(r.secs), secondsPerDay))
	day, wday := int(r.day)+shift, int(floorMod(int64(r.wday)+int64(shift), 7))
	length := daysInMonth(2001, int(r.month)) // the tables have no rules in February
	var b strings.Builder
	b.WriteString("FREQ=YEARLY")
	if until != nil {
		b.WriteString(";UNTIL=" + until.String())
	}
	switch {
	case r.wday < 0:
		fmt.Fprintf(&b, ";BYMONTH=%d;BYMONTHDAY=%d", r.month, day)
	case r.day < 0:
		fmt.Fprintf(&b, ";BYMONTH=%d;BYDAY=%d%s", r.month, r.day/7, weekdayNames[wday])
	case day == length-6 && r.month != 2:
		fmt.Fprintf(&b, ";BYMONTH=%d;BYDAY=-1%s", r.month, weekdayNames[wday])
	case day >= 1 && day <= length-6 && (day-1)%7 == 0:
		fmt.Fprintf(&b, ";BYMONTH=%d;BYDAY=%d%s", r.month, (day-1)/7+1, weekdayNames[wday])
	case day >= 1 && day <= length-6:
		fmt.Fprintf(&b, ";BYMONTH=%d;BYMONTHDAY=%s;BYDAY=%s", r.month, countUp(day), weekdayNames[wday])
	default:
		// The seven days lie in two months: they are counted from the end of the
		// year, which leap years do not change.
		last := int(daysOfCivil(2002, 1, 1) - daysOfCivil(2001, int(r.month), 1))
		fmt.Fprintf(&b, ";BYYEARDAY=%s;BYDAY=%s", countUp(-last+day-1), weekdayNames[wday])
	}
	return b.String()
}

// countUp returns seven numbers, separated by commas.
func countUp(first int) string {
	b := strconv.AppendInt(nil, int64(first), 10)
	for i := 1; i < 7; i++ {
		b = strconv.AppendInt(append(b, ','), int64(first+i), 10)
	}
	return string(b)
}

// TimezoneCalendar returns a VCALENDAR with the VTIMEZONE of a zone known by
// name, with that name as its TZID: all of its data. The error wraps
// ErrUnknownZone.
func TimezoneCalendar(name string) (*Component, error) {
	zone, err := VTimezone(name, math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	cal := NewComponent("VCALENDAR")
	cal.Add(NewProperty("VERSION", "2.0"), NewProperty("PRODID", productID))
	cal.Children = []*Component{zone}
	return cal, nil
}
