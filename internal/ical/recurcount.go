package ical

import (
	"math"
	"math/bits"
)

// count counts the walls of the periods before target. ended: the last wall of
// the COUNT is before, in the period of the checkpoint; or if that has none, the
// rule gives no more.
func (it *wallIter) count(target int64) (at checkpoint, ended bool) {
	c := it.c
	at.last = math.MinInt64
	if p := c.counted.Load(); p != nil && p.index <= target {
		at = *p
	}
	it.done = false
	for empty := 0; at.index < target; {
		if it.load(at.index); it.done {
			break
		}
		if it.index >= target {
			at.index = it.index // a filter took it beyond
			break
		}
		n := it.lenAfter(at.last)
		if empty++; n > 0 {
			empty = 0
		}
		if at.seen+n >= c.limit || c.freq >= Daily && empty > cycles[c.freq-Daily] {
			at.index, ended = it.index, true
			break
		}
		at.seen += n
		at.index = it.index + 1
		if n > 0 && c.skip != skipOmit {
			at.last = it.lastWall()
		}
	}
	if p := c.counted.Load(); p == nil || p.index < at.index {
		c.counted.Store(&at)
	}
	return at, ended
}

// mayPrecede reports whether walls of the loaded period may be before DTSTART: it is
// the first, or SKIP has moved a day into that.
func (it *wallIter) mayPrecede() bool {
	return it.index == 0 || it.c.lead > 0 && it.set.base <= it.c.startDay
}

// lenAfter is len without the walls before DTSTART, and without those that the
// periods before, of which last is the last wall, have given already.
func (it *wallIter) lenAfter(last int64) int64 {
	if it.mayPrecede() || last >= it.origin {
		return it.lenFrom(max(it.c.start, last+1))
	}
	return it.len()
}

// lastWall returns the last wall of the loaded period, which has one.
func (it *wallIter) lastWall() int64 {
	n := int(it.len()) - 1
	if len(it.c.setPos) > 0 {
		n = int(it.pos[n])
	}
	return it.wallAt(n)
}

// lenFrom is len for the walls from one on, which is not before the period.
func (it *wallIter) lenFrom(wall int64) int64 {
	if len(it.c.setPos) > 0 {
		n := int64(0)
		for _, pos := range it.pos {
			if it.wallAt(int(pos)) >= wall {
				n++
			}
		}
		return n
	}
	day := floorDiv(wall, secondsPerDay)
	rank, _ := it.c.each.rank(wall - max(it.origin, day*secondsPerDay))
	set := it.set
	if it.c.freq >= Daily {
		set.dropBefore(day)
		if at := day - set.base; set.bits[at>>6]&(1<<(at&63)) == 0 {
			rank = 0
		}
	}
	return int64(set.len(it.words))*int64(it.c.perDay) - int64(rank)
}

// last returns the last wall of a recurrence that has a COUNT; lastWall if the
// calendar ends before it. ok is false if it has none. It fails if b does not
// suffice to count, and then a later call goes on where it stopped.
func (c *recurrence) last(b *Budget) (wall int64, ok bool, err error) {
	if c.limit <= 0 || c.never {
		return 0, false, nil
	}
	it := wallIter{c: c, budget: b, last: math.MinInt64, from: c.start, stop: lastWall, words: c.words()}
	at := checkpoint{last: math.MinInt64}
	if c.perFull > 0 {
		it.load(0)
		if first := it.lenFrom(c.start); c.limit > first {
			at.index = 1 + (c.limit-first-1)/c.perFull
			at.seen = first + (at.index-1)*c.perFull
		}
	} else {
		ended := false
		at, ended = it.count(math.MaxInt64)
		if it.err != nil {
			return 0, false, it.err
		}
		if !ended {
			return lastWall, true, nil
		}
	}
	if at.index > lastWall/c.interval {
		return lastWall, true, nil
	}
	it.done = false
	if it.load(at.index); it.err != nil || it.done {
		return lastWall, it.err == nil && it.len() > 0, it.err
	}
	n := c.limit - at.seen - 1 + it.len() - it.lenAfter(at.last)
	if n >= it.len() {
		return lastWall, it.len() > 0, nil
	}
	if len(c.setPos) > 0 {
		n = int64(it.pos[n])
	}
	return min(it.wallAt(int(n)), lastWall), true, nil
}

// contains reports whether the wall of DTSTART is one that the rule gives.
func (p *pattern) contains(start int64) bool {
	c := &recurrence{pattern: *p, limit: math.MaxInt64, until: math.MaxInt64}
	it := c.walls(start, start, NewBudget(1000))
	wall, ok := it.next()
	return ok && wall == start
}

// constant returns how many walls each period has, if they are as many in each;
// 0 if that is not plain to see.
func (p *pattern) constant() int64 {
	days := int64(1)
	switch {
	case len(p.setPos) > 0 || p.skip != skipOmit || p.cal != nil && p.freq >= Monthly:
		return 0
	case p.freq < Daily:
		if p.limited || p.hours != 0 || p.freq <= Minutely && p.minutes != 0 || p.freq == Secondly && p.seconds != 0 {
			return 0
		}
	case p.freq == Daily:
		if p.limited {
			return 0
		}
	case p.freq == Weekly:
		if p.hasMonths() {
			return 0
		}
		days = int64(bits.OnesCount8(p.weekdays))
	default:
		if days = p.constantDays(); p.freq == Yearly {
			days *= int64(bits.OnesCount16(p.months))
		} else if p.months != 0 {
			return 0
		}
	}
	return days * int64(p.perDay)
}

// constantDays returns how many days each month of the rule has, or 0: if only
// days of the month that all months have are asked for, or only weekdays with
// numbers that all months have, and either all counted from the beginning or all
// from the end.
func (p *pattern) constantDays() int64 {
	const upTo28 = 1<<29 - 2
	byDay := len(p.nthDays) > 0
	switch {
	case p.byYear || p.weekdays != 0 || byDay == (p.monthDays|p.lastDays != 0):
		return 0
	case byDay:
		var seen [2]uint64 // by sign: the bits n*7+weekday
		for _, nth := range p.nthDays {
			n, sign := int(nth.n), 0
			if n < 0 {
				n, sign = -n, 1
			}
			if n > 4 {
				return 0
			}
			seen[sign] |= 1 << (n*7 + int(nth.wday))
		}
		if seen[0] != 0 && seen[1] != 0 {
			return 0
		}
		return int64(bits.OnesCount64(seen[0] | seen[1]))
	case (p.monthDays|p.lastDays)&^upTo28 != 0 || p.monthDays != 0 && p.lastDays != 0:
		return 0
	}
	return int64(bits.OnesCount32(p.monthDays | p.lastDays))
}

// meetsTime reports whether a rule of less than a day comes to a time of the day
// that its filters leave. Its steps come back to the same times after a while.
func (p *pattern) meetsTime() bool {
	unit := p.unit()
	step := gcd(p.interval*unit, secondsPerDay)
	for clock := floorMod(floorDiv(p.start, unit)*unit, step); clock < secondsPerDay; clock += step {
		if (p.hours == 0 || p.hours&(1<<(clock/3600)) != 0) &&
			(p.freq > Minutely || p.minutes == 0 || p.minutes&(1<<(clock/60%60)) != 0) &&
			(p.freq > Secondly || p.seconds == 0 || p.seconds&(1<<(clock%60)) != 0) {
			return true
		}
	}
	return false
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
