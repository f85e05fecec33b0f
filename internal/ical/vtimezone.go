package ical

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// compiled caches what ZoneOf made: the encoded VTIMEZONE → *Zone. Clients send
// the same few definitions with all their objects. A zone is immutable and
// follows from the key alone, so that no caller can see the cache but by its
// speed; it is emptied when it has compiledMost entries.
var (
	compiled     sync.Map
	compiledSize atomic.Int32
)

const (
	compiledMost  = 1024
	compiledBytes = 16 << 10 // longer definitions are not cached
)

// mostOnsets bounds the changes of the clocks that are taken from a VTIMEZONE
// one by one, without those that go on forever.
const mostOnsets = 5000

// lastOnset is the last moment, in 2139, of which changes of the clocks that do not
// recur each year are taken. It keeps the tables short.
const lastOnset = 5364662400

// ZoneOf reads a VTIMEZONE component (RFC 5545 §3.6.5). It has the name of the
// TZID. If the component has no STANDARD or DAYLIGHT that can be read, the zone
// is the one that X-LIC-LOCATION names. Errors wrap ErrValue or ErrUnknownZone.
func ZoneOf(c *Component) (*Zone, error) {
	var stack [4096]byte
	key := c.Append(stack[:0])
	if z, ok := compiled.Load(string(key)); ok {
		return z.(*Zone), nil
	}
	z, err := compileZone(c)
	if err != nil {
		return nil, err
	}
	if len(key) <= compiledBytes {
		if compiledSize.Add(1) > compiledMost {
			compiled.Clear()
			compiledSize.Store(1)
		}
		first, _ := compiled.LoadOrStore(string(key), z)
		return first.(*Zone), nil
	}
	return z, nil
}

// compileZone is ZoneOf without the cache.
func compileZone(c *Component) (*Zone, error) {
	tzid := c.Prop("TZID")
	if tzid == nil || strings.TrimSpace(tzid.Value) == "" {
		return nil, fmt.Errorf("VTIMEZONE: no TZID: %w", ErrValue)
	}
	name := tzid.Text()
	known := knownZone(c, name)
	var zb zoneBuilder
	for _, child := range c.Children {
		if child.Name == "STANDARD" || child.Name == "DAYLIGHT" {
			if err := zb.add(child); err != nil {
				return nil, fmt.Errorf("VTIMEZONE %q: %w", clip(name), err)
			}
		}
	}
	if len(zb.onsets) == 0 {
		if known == nil {
			return nil, fmt.Errorf("VTIMEZONE %q: no STANDARD or DAYLIGHT: %w", clip(name), ErrUnknownZone)
		}
		z := *known
		z.name = name
		return &z, nil
	}
	z := zb.build()
	z.name = name
	if known != nil && z.sameBetween(known, sameFrom, sameTo) {
		z.iana = known.iana
	}
	return z, nil
}

// knownZone returns the zone that a VTIMEZONE may be a copy of, or nil.
func knownZone(c *Component, name string) *Zone {
	if z, err := LoadZone(name); err == nil {
		return z
	}
	if p := c.Prop("X-LIC-LOCATION"); p != nil {
		if z, err := LoadZone(p.Text()); err == nil {
			return z
		}
	}
	return nil
}

// sameFrom and sameTo are the moments between which two zones have to agree to
// be taken for the same one: 2010 to 2037.
const sameFrom, sameTo = 1262304000, 2145916800

// sameBetween reports whether two zones have the same offsets from a moment until
// before another, in Unix seconds.
func (z *Zone) sameBetween(other *Zone, from, to int64) bool {
	for at := from; at < to; {
		a, b := z.segment(at), other.segment(at)
		if a.off != b.off {
			return false
		}
		// A definition may repeat a change that changes nothing.
		at = min(a.end, b.end)
	}
	return true
}

// A zoneBuilder collects the observances of a VTIMEZONE.
type zoneBuilder struct {
	types  []zoneType
	onsets []onset
	rules  []openRule
}

// An onset is one beginning of an observance.
type onset struct {
	transition
	from int32
}

// An openRule is an observance that recurs forever.
type openRule struct {
	yearRule
	since int64 // its DTSTART, a moment
}

// add reads a STANDARD or DAYLIGHT component.
func (zb *zoneBuilder) add(c *Component) error {
	start, from, to, err := observance(c)
	if err != nil {
		return err
	}
	typ := zoneType{offset: int32(to), dst: c.Name == "DAYLIGHT"}
	if p := c.Prop("TZNAME"); p != nil {
		typ.abbrev = p.Text()
	}
	i := slices.Index(zb.types, typ)
	if i < 0 {
		i = len(zb.types)
		zb.types = append(zb.types, typ)
	}
	put := func(wall int64) {
		zb.onsets = append(zb.onsets, onset{transition{wall - int64(from), uint16(i)}, int32(from)})
	}
	put(start)
	for j := range c.Props {
		p := &c.Props[j]
		switch p.Name {
		case "RDATE":
			for item := range strings.SplitSeq(p.Value, ",") {
				item, _, _ = strings.Cut(item, "/")
				wall, _, utc, err := parseWall(item)
				if err != nil {
					return err
				}
				if utc {
					wall += int64(from)
				}
				put(wall)
			}
		case "RRULE":
			if strings.TrimSpace(p.Value) == "" {
				continue // the observance begins once
			}
			if err := zb.addRule(p, start, from, uint16(i), put); err != nil {
				return err
			}
		}
		if len(zb.onsets) > mostOnsets {
			return fmt.Errorf("%s: too many onsets: %w", c.Name, ErrValue)
		}
	}
	return nil
}

// observance reads what a STANDARD or DAYLIGHT must have: the local time of its
// first onset, and the offsets before and after.
func observance(c *Component) (start int64, from, to int, err error) {
	dtstart, tzfrom, tzto := c.Prop("DTSTART"), c.Prop("TZOFFSETFROM"), c.Prop("TZOFFSETTO")
	if dtstart == nil || tzto == nil {
		return 0, 0, 0, fmt.Errorf("%s: no DTSTART or TZOFFSETTO: %w", c.Name, ErrValue)
	}
	var utc bool
	if start, _, utc, err = parseWall(dtstart.Value); err != nil {
		return 0, 0, 0, err
	}
	if to, err = ParseOffset(tzto.Value); err != nil {
		return 0, 0, 0, err
	}
	from = to
	if tzfrom != nil {
		if from, err = ParseOffset(tzfrom.Value); err != nil {
			return 0, 0, 0, err
		}
	}
	if utc {
		start += int64(from)
	}
	return start, from, to, nil
}

// addRule reads an RRULE of an observance.
func (zb *zoneBuilder) addRule(p *Property, start int64, from int, typ uint16, put func(int64)) error {
	rule, err := ParseRule(p.Value)
	if err != nil {
		return err
	}
	if rule.count == 0 && (!rule.hasUntil || rule.until.Wall > lastOnset) {
		if year, ok := yearRuleOf(rule, start); ok && len(zb.rules) < 8 {
			year.typ, year.from = typ, int32(from)
			zb.rules = append(zb.rules, openRule{year, start - int64(from)})
			return nil
		}
	}
	// UNTIL is in UTC, also where DTSTART is local.
	last := int64(lastOnset)
	if rule.hasUntil && rule.until.Kind == UTC {
		last = min(last, rule.until.Wall+int64(from))
		rule = rule.WithCount(rule.count)
	}
	it := newRecurrence(rule, DateTime{Wall: start, Kind: Floating}, true).walls(start, last, NewBudget(20*mostOnsets))
	for n := 0; n <= mostOnsets; n++ {
		wall, ok := it.next()
		if !ok {
			break
		}
		put(wall)
	}
	if it.err != nil {
		return it.err
	}
	return nil
}

// yearRuleOf turns a rule into one that gives one day a year, if it is such.
func yearRuleOf(r *Rule, start int64) (yearRule, bool) {
	days := floorDiv(start, secondsPerDay)
	_, month, day := civilOfDays(days)
	y := yearRule{month: int8(month), day: int8(day), wday: -1, secs: int32(start - days*secondsPerDay)}
	if r.freq != Yearly || r.interval != 1 || r.scale() != nil || r.skip != skipOmit || len(r.setPos)+len(r.weekNos) > 0 ||
		r.hours != 0 || r.minutes|r.seconds != 0 || bits.OnesCount16(r.months) > 1 {
		return y, false
	}
	if len(r.yearDays) > 0 {
		return yearRuleOfDays(r, y)
	}
	if r.months != 0 {
		y.month = int8(bits.TrailingZeros16(r.months))
	}
	run := bits.OnesCount32(r.monthDays)
	first := bits.TrailingZeros32(r.monthDays)
	switch {
	case r.lastDays != 0:
		return y, false
	case len(r.nthDays) == 1 && r.weekdays == 0 && run == 0 && r.months != 0:
		n := r.nthDays[0]
		if y.wday = n.wday; n.n > 0 && n.n <= 4 {
			y.day = 7*(n.n-1) + 1
		} else if n.n < 0 && n.n >= -4 {
			y.day = 7 * n.n
		} else {
			return y, false
		}
	case len(r.nthDays) > 0:
		return y, false
	case r.weekdays == 0 && run == 0:
	case r.weekdays == 0 && run == 1 && first <= 28:
		y.day = int8(first)
	case bits.OnesCount8(r.weekdays) == 1 && run == 7 && r.monthDays>>first == 0x7f && first+6 <= daysInMonth(2001, int(y.month)):
		y.wday, y.day = int8(bits.TrailingZeros8(r.weekdays)), int8(first)
	default:
		return y, false
	}
	return y, y.wday >= 0 || y.day <= 28 || int(y.day) <= daysInMonth(2001, int(y.month))
}

// yearRuleOfDays is yearRuleOf for a weekday among seven days that are counted
// from the end of the year: so are seven days of two months written.
func yearRuleOfDays(r *Rule, y yearRule) (yearRule, bool) {
	first := slices.Min(r.yearDays)
	if len(r.yearDays) != 7 || slices.Max(r.yearDays) != first+6 || bits.OnesCount8(r.weekdays) != 1 ||
		len(r.nthDays) > 0 || r.months != 0 || r.monthDays|r.lastDays != 0 || first < -306 || first > -7 {
		return y, false
	}
	for i := range int16(7) {
		if !slices.Contains(r.yearDays, first+i) {
			return y, false
		}
	}
	_, month, day := civilOfDays(daysOfCivil(2002, 1, 1) + int64(first))
	y.month, y.day, y.wday = int8(month), int8(day), int8(bits.TrailingZeros8(r.weekdays))
	return y, true
}

// build makes the zone.
func (zb *zoneBuilder) build() *Zone {
	z := &Zone{}
	slices.SortStableFunc(zb.onsets, func(a, b onset) int { return cmp.Compare(a.at, b.at) })
	for n := len(zb.onsets); n > 1 && zb.onsets[n-1].at > lastOnset; n-- {
		zb.onsets = zb.onsets[:n-1]
	}
	last := zb.onsets[len(zb.onsets)-1].at // that is not of an open rule
	zb.rules = slices.DeleteFunc(zb.rules, func(r openRule) bool { return r.since > last })
	for i := range zb.rules {
		r := &zb.rules[i]
		z.rules = append(z.rules, r.yearRule)
		// Until then the rule is in the table, after that in the tail.
		for year := yearOf(r.since); ; year++ {
			at := r.at(year)
			if at > last {
				break
			}
			if at >= r.since {
				zb.onsets = append(zb.onsets, onset{transition{at, r.typ}, r.from})
			}
		}
	}
	slices.SortStableFunc(zb.onsets, func(a, b onset) int { return cmp.Compare(a.at, b.at) })
	z.types = append(z.types, zoneType{offset: zb.onsets[0].from})
	z.trans = make([]transition, 0, len(zb.onsets))
	for _, o := range zb.onsets {
		typ := z.addType(zb.types[o.typ])
		if n := len(z.trans); n > 0 && z.trans[n-1].at == o.at {
			z.trans[n-1].typ = typ
		} else if n == 0 || z.trans[n-1].typ != typ {
			z.trans = append(z.trans, transition{o.at, typ})
		}
	}
	for i := range z.rules {
		z.rules[i].typ = z.addType(zb.types[z.rules[i].typ])
	}
	if len(z.rules) > 0 && !slices.ContainsFunc(z.rules, func(r yearRule) bool { return r.typ != z.rules[0].typ }) {
		// All go to the same setting: the first is the last change there is.
		if n := len(z.trans); n == 0 || z.trans[n-1].typ != z.rules[0].typ {
			z.trans = append(z.trans, transition{z.firstOnset(last + 1), z.rules[0].typ})
		}
		z.rules = nil
	}
	z.trans = slices.Clip(z.trans)
	return z.finish(last + 1)
}
