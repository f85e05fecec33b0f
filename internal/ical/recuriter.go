package ical

import (
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
)

// lastWall is the last second of the year 9999, the last that can be written.
const lastWall = 253402300799

// A recurrence is a pattern with its end and the memory of how far its COUNT was
// counted. It is safe for concurrent use.
type recurrence struct {
	pattern
	limit    int64 // walls that the pattern gives at most; math.MaxInt64 without COUNT
	until    int64 // last wall or moment; math.MaxInt64 without UNTIL
	untilUTC bool  // until is a moment

	// counted is how far the walls of a COUNT were counted, for patterns where
	// that takes counting. It only ever saves work.
	counted atomic.Pointer[checkpoint]
}

// A checkpoint says how many walls there are in the periods before index, and which
// is the last of them; math.MinInt64 if that can be none of a later period's.
type checkpoint struct {
	index, seen, last int64
}

// newRecurrence compiles a rule. implied: DTSTART is an instance, and counts,
// even if the rule does not give it (RFC 5545 §3.8.5.3; an EXRULE does not).
func newRecurrence(r *Rule, start DateTime, implied bool) *recurrence {
	c := &recurrence{pattern: newPattern(r, start.Wall, start.Kind == Date), limit: math.MaxInt64, until: math.MaxInt64}
	if c.count > 0 {
		c.limit = c.count
		if implied && !c.synced {
			c.limit--
		}
	}
	if c.hasUntil {
		c.until = c.Rule.until.Wall
		switch {
		case c.Rule.until.Kind == Date:
			c.until += secondsPerDay - 1 // the whole day counts
		case c.Rule.until.Kind == UTC:
			c.untilUTC = start.Kind == Zoned || start.Kind == UTC
		}
	}
	return c
}

// A wallIter gives the walls of a recurrence in order, each once: what SKIP moved
// onto a wall of another period is that one.
type wallIter struct {
	c      *recurrence
	budget *Budget
	err    error // ErrBudget

	index  int64 // the period that is loaded
	origin int64 // the wall of bit 0 of the set
	set    daySet
	word   int
	words  int
	day    int64    // the midnight that the times in left are of, if any
	left   clockSet // times that are left of the day; hours 0: none
	pos    []int32  // BYSETPOS: which walls of the set
	taken  int      // how many of pos are taken
	empty  int      // periods without a wall, one after the other

	seen int64 // walls of the recurrence so far, with those before from
	last int64 // the latest wall so far
	from int64 // walls before are not given
	stop int64 // walls after are not given
	done bool
}

// walls returns the iterator for the walls from one until another, inclusive.
func (c *recurrence) walls(from, stop int64, b *Budget) wallIter {
	it := wallIter{c: c, budget: b, last: math.MinInt64, from: max(from, c.start), stop: min(stop, lastWall), words: c.words()}
	if c.until != math.MaxInt64 {
		last := c.until
		if c.untilUTC {
			last += 2 * secondsPerDay // the caller knows the offset
		}
		it.stop = min(it.stop, last)
	}
	if it.from > it.stop || c.limit <= 0 || c.never {
		it.done = true
		return it
	}
	it.seek(c.periodOf(it.from))
	return it
}

// periodOf returns the index of a period that has no wall at or after wall
// before it.
func (c *recurrence) periodOf(wall int64) int64 {
	var n int64
	switch {
	case c.cal != nil && c.freq >= Monthly:
		n = c.scaledPeriods(floorDiv(wall, secondsPerDay))
	case c.freq == Weekly:
		week := c.startDay - floorMod(weekday(c.startDay)-int64(c.wkst), 7)
		n = (floorDiv(wall, secondsPerDay) - week) / 7
	case c.freq == Monthly:
		y0, m0, _ := civilOfDays(c.startDay)
		y, m, _ := civilOfDays(floorDiv(wall, secondsPerDay))
		n = int64(y-y0)*12 + int64(m-m0)
	case c.freq == Yearly:
		y0, _, _ := civilOfDays(c.startDay)
		n = int64(yearOf(wall) - y0)
	default:
		n = (wall - c.periodStart(0)) / c.unit()
	}
	n /= c.interval
	if c.skip == skipForward && n > 0 {
		n-- // its last day may have moved on
	}
	return n
}

// periodStart returns the wall at which a period of a rule of days or less
// begins.
func (c *recurrence) periodStart(index int64) int64 {
	unit := c.unit()
	return floorDiv(c.start, unit)*unit + index*c.interval*unit
}

// seek loads the period of an index, and counts the walls before it if need be.
func (it *wallIter) seek(target int64) {
	c := it.c
	switch {
	case c.limit == math.MaxInt64 || target == 0:
	case c.perFull > 0:
		it.load(0)
		it.seen = it.lenFrom(c.start) + (target-1)*c.perFull
	default:
		if at, ended := it.count(target); ended || it.err != nil {
			it.done = true
			return
		} else if it.seen, it.last = at.seen, at.last; at.index > target {
			target = at.index // there is nothing between
		}
	}
	if it.seen >= c.limit || it.err != nil {
		it.done = true
		return
	}
	it.done = false
	it.load(target)
	if c.limit == math.MaxInt64 {
		it.skipDays()
	}
}

// skipDays drops the days before from, which nobody counts.
func (it *wallIter) skipDays() {
	if len(it.c.setPos) == 0 && it.c.freq >= Daily && it.from > it.origin {
		it.set.dropBefore(floorDiv(it.from, secondsPerDay))
	}
}

// len returns the number of walls of the loaded period, before any is taken.
func (it *wallIter) len() int64 {
	if len(it.c.setPos) > 0 {
		return int64(len(it.pos))
	}
	return int64(it.set.len(it.words)) * int64(it.c.perDay)
}

// load finds the walls of a period; of a rule of less than a day, of the first
// one from index on that its filters leave.
func (it *wallIter) load(index int64) {
	it.index, it.word, it.left.hours = index, 0, 0
	if it.err = it.budget.Spend(1); it.err != nil {
		it.done = true
		return
	}
	if it.c.freq < Daily {
		it.loadShort()
	} else {
		it.c.days(index, &it.set)
		it.origin = it.set.base * secondsPerDay
	}
	if it.origin > it.stop {
		it.done = true
		return
	}
	if len(it.c.setPos) > 0 {
		it.loadPositions()
	}
}

// loadShort is load for rules of less than a day.
func (it *wallIter) loadShort() {
	c := it.c
	it.set.bits[0] = 1
	for {
		wall := c.periodStart(it.index)
		it.origin = wall
		if wall > it.stop {
			it.done = true
			return
		}
		next := c.nextAllowed(wall)
		if next == wall {
			return
		}
		step := c.interval * c.unit()
		it.index += (next - wall + step - 1) / step
		if it.err = it.budget.Spend(1); it.err != nil {
			it.done = true
			return
		}
	}
}

// nextAllowed returns wall if the filters of a rule of less than a day leave it;
// else a later wall before which they leave none.
func (p *pattern) nextAllowed(wall int64) int64 {
	day := floorDiv(wall, secondsPerDay)
	if p.limited && !p.dayMatches(day) {
		year, month, dom := civilOfDays(day)
		if p.cal == nil && p.months != 0 && p.months&(1<<month) == 0 {
			day += int64(daysInMonth(year, month) - dom)
		}
		return (day + 1) * secondsPerDay
	}
	clock := wall - day*secondsPerDay
	switch {
	case p.hours != 0 && p.hours&(1<<(clock/3600)) == 0:
		return wall - clock%3600 + 3600
	case p.freq <= Minutely && p.minutes != 0 && p.minutes&(1<<(clock/60%60)) == 0:
		return wall - clock%60 + 60
	case p.freq == Secondly && p.seconds != 0 && p.seconds&(1<<(clock%60)) == 0:
		return wall + 1
	}
	return wall
}

// loadPositions applies BYSETPOS to the loaded period.
func (it *wallIter) loadPositions() {
	total := it.set.len(it.words) * it.c.perDay
	it.pos, it.taken = it.pos[:0], 0
	if it.err = it.budget.Spend(len(it.c.setPos)); it.err != nil {
		it.done = true
		return
	}
	for _, n := range it.c.setPos {
		at := int(n) - 1
		if n < 0 {
			at = total + int(n)
		}
		if at >= 0 && at < total {
			it.pos = append(it.pos, int32(at))
		}
	}
	slices.Sort(it.pos)
	it.pos = slices.Compact(it.pos)
}

// wallAt returns the nth wall of the loaded period.
func (it *wallIter) wallAt(n int) int64 {
	perDay := it.c.perDay
	return it.origin + it.set.nth(n/perDay)*secondsPerDay + it.c.each.at(n%perDay)
}

// next returns the next wall; false at the end, or if err is set.
func (it *wallIter) next() (int64, bool) {
	for !it.done {
		wall, ok := it.pull()
		if !ok {
			it.nextPeriod()
			continue
		}
		it.empty = 0
		if wall <= it.last {
			continue // RFC 5545 §3.8.5.3: a duplicate is no instance, and COUNT counts none
		}
		it.last = wall
		if wall < it.c.start {
			continue
		}
		if wall > it.stop || it.seen >= it.c.limit {
			it.done = true
			break
		}
		it.seen++
		if wall >= it.from {
			return wall, true
		}
		if it.err = it.budget.Spend(1); it.err != nil {
			it.done = true
		}
	}
	return 0, false
}

// nextPeriod loads the next period, or ends a rule that has come full circle
// without a wall.
func (it *wallIter) nextPeriod() {
	it.empty++
	if it.c.freq >= Daily && it.empty > cycles[it.c.freq-Daily] {
		it.done = true
		return
	}
	it.load(it.index + 1)
}

// cycles says after how many periods in a row the Gregorian calendar, which
// repeats itself after 400 years, must have shown all that a rule will ever meet:
// for DAILY to YEARLY.
var cycles = [...]int{146097, 20871, 4800, 400}

// pull takes the next wall out of the loaded period.
func (it *wallIter) pull() (int64, bool) {
	if len(it.c.setPos) > 0 {
		if it.taken >= len(it.pos) {
			return 0, false
		}
		it.taken++
		return it.wallAt(int(it.pos[it.taken-1])), true
	}
	if it.left.hours == 0 {
		for it.set.bits[it.word] == 0 {
			if it.word++; it.word >= it.words {
				it.word = 0
				return 0, false
			}
		}
		n := bits.TrailingZeros64(it.set.bits[it.word])
		it.set.bits[it.word] &= it.set.bits[it.word] - 1
		it.day = it.origin + int64(it.word*64+n)*secondsPerDay
		if it.c.perDay == 1 {
			return it.day + it.c.each.first(), true
		}
		it.left = it.c.each
	}
	wall := it.day + it.left.first()
	l := &it.left
	if l.seconds &= l.seconds - 1; l.seconds == 0 {
		l.seconds = it.c.each.seconds
		if l.minutes &= l.minutes - 1; l.minutes == 0 {
			l.minutes = it.c.each.minutes
			l.hours &= l.hours - 1
		}
	}
	return wall, true
}
