package ical

import (
	"errors"
	"math"
	"slices"
)

// ErrUnknownZone is the error of LoadZone and Zones.Lookup for a name that no
// source knows. What they return wraps it.
var ErrUnknownZone = errors.New("unknown time zone")

// A Zone turns local time into moments and back. It is immutable and safe for
// concurrent use. A nil Zone is UTC.
//
// It differs from time.Location in two ways: it resolves local times that occur
// twice or not at all as RFC 5545 §3.3.5 says (time.Date does not, and not even
// the same way in all zones), and it can stand for the VTIMEZONE of an object.
type Zone struct {
	name string
	iana string // the IANA name of the same zone; "" if there is none

	types  []zoneType // types[0] is in force before the first transition
	trans  []transition
	rules  []yearRule // what happens each year from ruled on
	ruled  int64      // the first transition of the rules; math.MaxInt64 if none
	tabled int        // how many of trans are not of the rules
	tail   int64      // the first transition of the rules that is not in trans
	maxOff int64      // the largest offset of all types, seconds
}

// farFuture is later than any time that can be written, and early enough that
// no arithmetic on it overflows.
const farFuture = 1 << 42

// A zoneType is one clock setting: seconds east of UTC, and what it is called.
type zoneType struct {
	offset int32
	dst    bool
	abbrev string
}

// A transition changes the clocks to a type at a moment, in Unix seconds.
type transition struct {
	at  int64
	typ uint16
}

// A yearRule is a transition that comes back each year: on the first weekday
// on or after a day of a month.
type yearRule struct {
	month int8
	wday  int8 // 0 is Sunday; -1: on that day whatever weekday it is
	day   int8 // of the month, from 1; negative: from its end, -1 is the last
	typ   uint16
	secs  int32 // from the local midnight that begins the day; may be below 0 or above 86400
	from  int32 // offset in force until then, to which secs refers
}

// at returns the moment of r in a year, in Unix seconds.
func (r *yearRule) at(year int) int64 {
	day := int(r.day)
	if day < 0 {
		day = daysInMonth(year, int(r.month)) + 1 + day
	}
	days := daysOfCivil(year, int(r.month), day)
	if r.wday >= 0 {
		days += floorMod(int64(r.wday)-weekday(days), 7)
	}
	return days*secondsPerDay + int64(r.secs) - int64(r.from)
}

// A segment is a time without a transition: from start until before end, in
// Unix seconds.
type segment struct {
	start, end int64
	off, prev  int64 // seconds east of UTC: in it, and before it
	typ        uint16
}

// segment returns the one that unix is in.
func (z *Zone) segment(unix int64) segment {
	n := len(z.trans)
	if unix >= z.tail {
		return z.tailSegment(unix)
	}
	lo, hi := 0, n // the first transition after unix
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if z.trans[m].at <= unix {
			lo = m + 1
		} else {
			hi = m
		}
	}
	s := segment{start: math.MinInt64, end: math.MaxInt64}
	if lo > 0 {
		s.start, s.typ = z.trans[lo-1].at, z.trans[lo-1].typ
		if lo > 1 {
			s.prev = int64(z.types[z.trans[lo-2].typ].offset)
		} else {
			s.prev = int64(z.types[0].offset)
		}
	}
	s.off = int64(z.types[s.typ].offset)
	if lo == 0 {
		s.prev = s.off
	}
	switch {
	case lo < n:
		s.end = z.trans[lo].at
	default:
		s.end = z.tail
	}
	return s
}

// tailSegment is segment among the yearly rules: unix is z.tail or later.
func (z *Zone) tailSegment(unix int64) segment {
	unix = min(unix, farFuture)
	s := segment{start: math.MinInt64, end: math.MaxInt64}
	before := int64(math.MinInt64) // the transition before s.start
	var beforeTyp uint16
	if n := len(z.trans); n > 0 {
		beforeTyp = z.trans[n-1].typ
	}
	year := yearOf(unix)
	for y := year - 1; y <= year+1; y++ {
		for i := range z.rules {
			at, typ := z.rules[i].at(y), z.rules[i].typ
			switch {
			case at < z.tail:
			case at > unix:
				s.end = min(s.end, at)
			case at >= s.start:
				if s.start != math.MinInt64 {
					before, beforeTyp = s.start, s.typ
				}
				s.start, s.typ = at, typ
			case at >= before:
				before, beforeTyp = at, typ
			}
		}
	}
	if before == math.MinInt64 && s.start > z.tail {
		for i := range z.rules {
			if at := z.rules[i].at(year - 2); at >= before && at >= z.tail {
				before, beforeTyp = at, z.rules[i].typ
			}
		}
	}
	s.off, s.prev = int64(z.types[s.typ].offset), int64(z.types[beforeTyp].offset)
	return s
}

// tabledUntil is the year until which the yearly rules are written out as
// transitions, because those are faster to search; tabledFrom the first year that
// makes that worth it.
const tabledFrom, tabledUntil = 1900, 2050

// finish computes what segment relies on. from is when the yearly rules begin to
// hold; they take effect with their first transition from then on.
func (z *Zone) finish(from int64) *Zone {
	z.ruled, z.tabled, z.maxOff = z.firstOnset(from), len(z.trans), math.MinInt64
	for i := range z.types {
		z.maxOff = max(z.maxOff, int64(z.types[i].offset))
	}
	z.tail = z.ruled
	if len(z.rules) == 0 || yearOf(z.ruled) < tabledFrom {
		return z
	}
	for s := z.tailSegment(z.ruled); s.end != math.MaxInt64 && yearOf(s.start) < tabledUntil; s = z.tailSegment(s.end) {
		z.trans = append(z.trans, transition{s.start, s.typ})
		z.tail = s.end
	}
	z.trans = slices.Clip(z.trans)
	return z
}

// firstOnset returns the first moment from which on a yearly rule changes the
// clocks; math.MaxInt64 if there are no rules.
func (z *Zone) firstOnset(from int64) int64 {
	first := int64(math.MaxInt64)
	year := yearOf(from)
	for i := range z.rules {
		for y := year - 1; y <= year+1; y++ {
			if at := z.rules[i].at(y); at >= from {
				first = min(first, at)
			}
		}
	}
	return first
}

// Name returns what the zone was asked for by: an IANA name, or the TZID of its
// VTIMEZONE. It is "UTC" for nil.
func (z *Zone) Name() string {
	if z == nil {
		return "UTC"
	}
	return z.name
}

// IANA returns the canonical IANA name of the zone, or "" if it is defined by a
// VTIMEZONE that is like none.
func (z *Zone) IANA() string {
	if z == nil {
		return "UTC"
	}
	return z.iana
}

// Offset returns what local time is ahead of UTC at a moment, in seconds; west
// of Greenwich it is negative.
func (z *Zone) Offset(unix int64) int {
	if z == nil {
		return 0
	}
	return int(z.segment(unix).off)
}

// Abbreviation returns what the clock setting at a moment is called, "CEST",
// and whether it is daylight saving time.
func (z *Zone) Abbreviation(unix int64) (name string, daylight bool) {
	if z == nil {
		return "UTC", false
	}
	t := &z.types[z.segment(unix).typ]
	return t.abbrev, t.dst
}

// Wall returns the local time of a moment, in civil seconds (see DateTime.Wall).
func (z *Zone) Wall(unix int64) int64 { return unix + int64(z.Offset(unix)) }

// Unix returns the moment of a local time, in Unix seconds. If the local time
// occurs twice it is the first; if it does not occur, it has the
// offset before the gap (RFC 5545 §3.3.5).
func (z *Zone) Unix(wall int64) int64 {
	if z == nil {
		return wall
	}
	c := zoneCursor{zone: z}
	u, _ := c.unix(wall)
	return u
}

// A Transition is a change of the clocks of a Zone.
type Transition struct {
	At         int64 // Unix seconds
	From, To   int   // seconds east of UTC, before and after
	Name       string
	IsDaylight bool
}

// Transitions returns the changes of the clocks from a moment until before
// another, in Unix seconds, in order, and not more than most.
func (z *Zone) Transitions(from, to int64, most int) []Transition {
	if z == nil {
		return nil
	}
	var all []Transition
	s := z.segment(max(from, -farFuture) - 1)
	for len(all) < most && s.end < to && s.end != math.MaxInt64 {
		s = z.segment(s.end)
		t := &z.types[s.typ]
		all = append(all, Transition{At: s.start, From: int(s.prev), To: int(s.off), Name: t.abbrev, IsDaylight: t.dst})
	}
	return all
}

// A zoneCursor resolves times that lie near each other: within one segment of
// the zone it costs two comparisons. The zero cursor is of UTC; set zone first.
type zoneCursor struct {
	zone   *Zone
	lo, hi int64 // walls that occur once, all with offset off; lo == hi: none yet
	ulo    int64 // moments of the segment: from ulo
	uhi    int64 // until before uhi
	off    int64
}

// set makes s the segment of c.
func (c *zoneCursor) set(s segment) {
	c.ulo, c.uhi, c.off = s.start, s.end, s.off
	c.lo, c.hi = satAdd(s.start, max(s.off, s.prev)), satAdd(s.end, s.off)
}

// unix is Zone.Unix. gap reports that the local time does not occur.
func (c *zoneCursor) unix(wall int64) (unix int64, gap bool) {
	if wall >= c.lo && wall < c.hi {
		return wall - c.off, false
	}
	if c.zone == nil {
		return wall, false
	}
	wall = min(max(wall, -farFuture), farFuture)
	s := c.zone.segment(wall - c.zone.maxOff)
	for s.end != math.MaxInt64 && wall >= s.end+s.off {
		s = c.zone.segment(s.end)
	}
	c.set(s)
	if s.start != math.MinInt64 && wall < s.start+s.off {
		return wall - s.prev, true
	}
	return wall - s.off, false
}

// wall is Zone.Wall.
func (c *zoneCursor) wall(unix int64) int64 {
	if c.zone == nil {
		return unix
	}
	if unix < c.ulo || unix >= c.uhi {
		c.set(c.zone.segment(unix))
	}
	return unix + c.off
}

// satAdd adds an offset to a bound that may be infinite.
func satAdd(bound, off int64) int64 {
	if bound == math.MinInt64 || bound == math.MaxInt64 {
		return bound
	}
	return bound + off
}

// floorMod returns a modulo b, from 0 to b-1; b is above 0.
func floorMod(a, b int64) int64 {
	if a %= b; a < 0 {
		a += b
	}
	return a
}

// weekday returns 0 for Sunday to 6, of days from 1 January 1970, a Thursday.
func weekday(days int64) int64 { return floorMod(days+4, 7) }

// yearOf returns the year of civil seconds.
func yearOf(wall int64) int {
	y, _, _ := civilOfDays(floorDiv(wall, secondsPerDay))
	return y
}
