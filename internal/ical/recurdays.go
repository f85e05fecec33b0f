package ical

import (
	"math/bits"
	"slices"

	"convene/internal/ical/rscale"
)

// A pattern is a rule together with the DTSTART that fills in what the rule
// leaves open (RFC 5545 §3.3.10). It knows wall times only. It is immutable.
type pattern struct {
	Rule
	cal      rscale.Calendar // nil: the Gregorian calendar
	start    int64           // DTSTART, wall
	startDay int64           // days from 1 January 1970
	each     clockSet        // times of a day; of a period, if that is less than a day
	perDay   int             // the length of each
	perFull  int64           // walls of each period but the first, if always as many; else 0
	synced   bool            // start is one of the walls

	// lead is how many days before a month or year its set begins: SKIP=BACKWARD
	// moves a day that is counted from the end, and that it has not, to before it.
	lead int

	byYear    bool // the days of a year cannot be found month by month
	nthOfYear bool // the numbers of BYDAY count in the year
	limited   bool // a rule of days or less passes over some days
	never     bool // a rule of less than a day meets none of the times it asks for
}

// newPattern fills in a rule. timeless: DTSTART is a DATE, and times in the rule
// are ignored.
func newPattern(r *Rule, start int64, timeless bool) pattern {
	p := pattern{Rule: *r, cal: r.scale(), start: start, startDay: floorDiv(start, secondsPerDay)}
	clock := start - p.startDay*secondsPerDay
	if timeless {
		p.hours, p.minutes, p.seconds = 0, 0, 0
		if p.freq < Daily {
			// There are no hours in a day: such a rule makes each day once.
			p.freq, p.interval = Daily, max(1, p.interval*p.unit()/secondsPerDay)
		}
	}
	if p.hours == 0 && p.freq > Hourly {
		p.hours = 1 << (clock / 3600)
	}
	if p.minutes == 0 && p.freq > Minutely {
		p.minutes = 1 << (clock / 60 % 60)
	}
	if p.seconds == 0 && p.freq > Secondly {
		p.seconds = 1 << (clock % 60)
	}
	p.fillDays()
	p.nthOfYear = p.freq == Yearly && len(p.nthDays) > 0 && !p.hasMonths()
	p.byYear = len(p.yearDays) > 0 || len(p.weekNos) > 0 || p.nthOfYear
	p.lead = p.leadDays()
	p.limited = p.hasMonths() || p.monthDays|p.lastDays != 0 || p.weekdays != 0 || len(p.yearDays) > 0
	p.each = clockSet{1, 1, 1}
	if p.freq >= Daily {
		p.each.hours = p.hours
	}
	if p.freq >= Hourly {
		p.each.minutes = p.minutes
	}
	if p.freq >= Minutely {
		p.each.seconds = p.seconds
	}
	p.perDay = p.each.len()
	p.perFull = p.constant()
	p.never = p.freq < Daily && !p.meetsTime() || p.cal != nil && p.startYear().Count == 0
	p.synced = p.contains(start)
	return p
}

// leadDays computes lead.
func (p *pattern) leadDays() int {
	negative := func(n int16) bool { return n < 0 }
	switch {
	case p.skip != skipBackward || p.freq < Monthly:
		return 0
	case p.interval > 1 && slices.ContainsFunc(p.weekNos, func(n int8) bool { return n < 0 }):
		return weekReach
	case p.lastDays != 0 || slices.ContainsFunc(p.yearDays, negative):
		return 1
	}
	return 0
}

// fillDays takes the day from DTSTART if the rule has none, and the month of a
// YEARLY rule that has none.
func (p *pattern) fillDays() {
	month, leap, day := p.startMonth()
	hasDays := p.monthDays|p.lastDays != 0 || p.weekdays != 0 || len(p.nthDays) > 0 || len(p.yearDays) > 0
	switch p.freq {
	case Weekly:
		if p.weekdays == 0 {
			p.weekdays = 1 << weekday(p.startDay)
		}
	case Monthly:
		if !hasDays {
			p.monthDays = 1 << day
		}
	case Yearly:
		switch {
		case len(p.weekNos) > 0 && !hasDays:
			p.weekdays = 1 << weekday(p.startDay)
			return
		case !hasDays:
			p.monthDays = 1 << day
		case len(p.weekNos) > 0 || p.weekdays != 0 || len(p.nthDays) > 0 || len(p.yearDays) > 0:
			return
		}
		// Days of the month alone are those of the month of DTSTART.
		switch {
		case p.hasMonths():
		case leap:
			p.leapMonths = 1 << month
		default:
			p.months = 1 << month
		}
	}
}

// unit returns the length of the period of a rule of days or less, in seconds.
func (p *pattern) unit() int64 {
	switch p.freq {
	case Secondly:
		return 1
	case Minutely:
		return 60
	case Hourly:
		return 3600
	}
	return secondsPerDay
}

// A daySet is a set of days: bit n of it is the day base+n.
type daySet struct {
	base int64
	bits [7]uint64
}

// words returns the number of elements of bits that may be in use.
func (p *pattern) words() int {
	switch {
	case p.freq != Yearly:
		return 1
	case p.cal != nil:
		return 7 // 385 days, and those that SKIP=FORWARD moves into the next year
	}
	return 6
}

// len returns the number of days in the first words of s.
func (s *daySet) len(words int) int {
	n := 0
	for _, w := range s.bits[:words] {
		n += bits.OnesCount64(w)
	}
	return n
}

// nth returns the nth day of s, counted from its base; n counts from 0.
func (s *daySet) nth(n int) int64 {
	for i, w := range s.bits {
		if c := bits.OnesCount64(w); n >= c {
			n -= c
			continue
		}
		return int64(i*64 + nthBit(w, n))
	}
	return -1
}

// dropBefore removes the days before a day.
func (s *daySet) dropBefore(day int64) {
	for i := range s.bits {
		switch n := day - s.base - int64(i*64); {
		case n <= 0:
			return
		case n >= 64:
			s.bits[i] = 0
		default:
			s.bits[i] &= ^uint64(0) << n
		}
	}
}

// days finds the days of a period of a rule of days or more. index counts
// intervals from the period that DTSTART is in.
func (p *pattern) days(index int64, set *daySet) {
	switch p.freq {
	case Daily:
		set.base = p.startDay + index*p.interval
		set.bits[0] = 0
		if p.dayMatches(set.base) {
			set.bits[0] = 1
		}
	case Weekly:
		set.base = p.startDay - floorMod(weekday(p.startDay)-int64(p.wkst), 7) + index*p.interval*7
		week := uint64(p.weekdays)
		week = (week>>p.wkst | week<<(7-p.wkst)) & 0x7f
		if p.hasMonths() {
			for w := week; w != 0; w &= w - 1 {
				n := bits.TrailingZeros64(w)
				if !p.inMonths(set.base + int64(n)) {
					week &^= 1 << n
				}
			}
		}
		set.bits[0] = week
	case Monthly:
		if p.cal != nil {
			p.scaledMonth(index, set)
			return
		}
		year, month := p.monthOf(index)
		first := daysOfCivil(year, month, 1)
		set.base, set.bits[0] = first-int64(p.lead), 0
		if p.months == 0 || p.months&(1<<month) != 0 {
			set.bits[0] = p.monthSet(first, daysInMonth(year, month))
		}
	default:
		if p.cal != nil {
			p.scaledYear(index, set)
			return
		}
		year, _, _ := civilOfDays(p.startDay)
		p.yearSet(year+int(index*p.interval), set)
	}
}

// monthOf returns the month of a period of a MONTHLY rule.
func (p *pattern) monthOf(index int64) (year, month int) {
	year, month, _ = civilOfDays(p.startDay)
	n := int64(year)*12 + int64(month-1) + index*p.interval
	return int(floorDiv(n, 12)), int(floorMod(n, 12)) + 1
}

// everySeventh has the bits 0, 7, 14, … up to 35.
const everySeventh = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28 | 1<<35

// monthSet returns the days of a month that BYMONTHDAY, SKIP and BYDAY leave: bit
// lead is the first, of the day number first. SKIP may set the bit before the first
// or after the last.
func (p *pattern) monthSet(first int64, length int) uint64 {
	set := (uint64(1)<<length - 1) << p.lead
	if p.monthDays|p.lastDays != 0 {
		set = p.daysOfMonth(length)
	}
	if p.weekdays == 0 && len(p.nthDays) == 0 || p.nthOfYear {
		return set
	}
	wday := weekday(first)
	var days uint64
	for w := p.weekdays; w != 0; w &= w - 1 {
		days |= everySeventh << floorMod(int64(bits.TrailingZeros8(w))-wday+int64(p.lead), 7)
	}
	for _, nth := range p.nthDays {
		at := int(floorMod(int64(nth.wday)-wday, 7)) + 7*(int(nth.n)-1)
		if nth.n < 0 {
			at = length - 1 - int(floorMod(wday+int64(length)-1-int64(nth.wday), 7)) + 7*(int(nth.n)+1)
		}
		if at >= 0 && at < length {
			days |= 1 << (at + p.lead)
		}
	}
	return set & days
}

// daysOfMonth returns the days of a month by BYMONTHDAY and SKIP.
func (p *pattern) daysOfMonth(length int) uint64 {
	all := uint64(1)<<length - 1
	set := uint64(p.monthDays) >> 1
	beyond := set &^ all
	set = set & all << p.lead
	for neg := p.lastDays; neg != 0; neg &= neg - 1 {
		switch n := bits.TrailingZeros32(neg); {
		case n <= length:
			set |= 1 << (length - n + p.lead)
		case p.skip == skipBackward:
			set |= 1 << (p.lead - 1)
		case p.skip == skipForward:
			set |= 1 << p.lead
		}
	}
	switch {
	case beyond == 0:
	case p.skip == skipBackward:
		set |= 1 << (length - 1 + p.lead)
	case p.skip == skipForward:
		set |= 1 << (length + p.lead)
	}
	return set
}

// yearSet finds the days of a year.
func (p *pattern) yearSet(year int, set *daySet) {
	newYear := daysOfCivil(year, 1, 1)
	*set = daySet{base: newYear - int64(p.lead)}
	months := p.months
	if months == 0 {
		months = 0x1ffe
	}
	for m := months; m != 0; m &= m - 1 {
		month := bits.TrailingZeros16(m)
		first := daysOfCivil(year, month, 1)
		set.or(int(first-newYear), p.monthSet(first, daysInMonth(year, month)))
	}
	if !p.byYear {
		return
	}
	length := 365
	if daysInMonth(year, 2) == 29 {
		length = 366
	}
	p.keepDays(set, year, length)
}

// keepDays applies what counts in the whole of a year.
func (p *pattern) keepDays(set *daySet, year, length int) {
	if len(p.yearDays) > 0 {
		p.keepYearDays(set, length)
	}
	if len(p.weekNos) > 0 {
		p.keepWeeks(set, year, length)
	}
	if p.nthOfYear {
		p.keepNthDays(set, length)
	}
}

// or adds the days at..at+63 that are in bits.
func (s *daySet) or(at int, days uint64) {
	w, b := at>>6, at&63
	s.bits[w] |= days << b
	if b > 0 && w+1 < len(s.bits) {
		s.bits[w+1] |= days >> (64 - b)
	}
}

// and keeps the days that are in keep too.
func (s *daySet) and(keep *daySet) {
	for i := range s.bits {
		s.bits[i] &= keep.bits[i]
	}
}

// keepYearDays applies BYYEARDAY, with SKIP for a day that the year has not.
func (p *pattern) keepYearDays(set *daySet, length int) {
	var keep daySet
	for _, n := range p.yearDays {
		at := int(n) - 1
		if n < 0 {
			at = length + int(n)
		}
		if at < 0 || at >= length {
			moved, ok := p.moved(at, length)
			if !ok {
				continue
			}
			at = moved
		}
		p.keep(set, &keep, at, length)
	}
	set.and(&keep)
}

// moved returns where SKIP moves a day to that is before or after the days of a
// year.
func (p *pattern) moved(at, length int) (to int, ok bool) {
	switch {
	case p.skip == skipOmit:
		return 0, false
	case at < 0 && p.skip == skipBackward:
		return -1, true
	case at < 0:
		return 0, true
	case p.skip == skipBackward:
		return length - 1, true
	}
	return length, true
}

// keep adds the day at of a year to kept. If it is of another year, set has it not yet.
func (p *pattern) keep(set, kept *daySet, at, length int) {
	if at < 0 || at >= length {
		if p.hasMonths() || !p.isWeekday(set.base+int64(at+p.lead)) {
			return
		}
		set.or(at+p.lead, 1)
	}
	kept.or(at+p.lead, 1)
}

// isWeekday reports whether a day that SKIP moved into another year is one of
// BYDAY, which comes after SKIP (RFC 7529 §4.1).
func (p *pattern) isWeekday(day int64) bool {
	return p.weekdays&(1<<weekday(day)) != 0 || p.weekdays == 0 && len(p.nthDays) == 0
}

// keepNthDays applies a BYDAY with numbers that count in the year.
func (p *pattern) keepNthDays(set *daySet, length int) {
	var keep daySet
	wday := weekday(set.base + int64(p.lead))
	for _, nth := range p.nthDays {
		at := int(floorMod(int64(nth.wday)-wday, 7)) + 7*(int(nth.n)-1)
		if nth.n < 0 {
			at = length - 1 - int(floorMod(wday+int64(length)-1-int64(nth.wday), 7)) + 7*(int(nth.n)+1)
		}
		if at >= 0 && at < length {
			keep.or(at+p.lead, 1)
		}
	}
	for w := p.weekdays; w != 0; w &= w - 1 {
		for at := int(floorMod(int64(bits.TrailingZeros8(w))-wday, 7)); at < length; at += 7 {
			keep.or(at+p.lead, 1)
		}
	}
	set.and(&keep)
}

// dayMatches reports whether a rule of days or less leaves a day.
func (p *pattern) dayMatches(day int64) bool {
	if p.weekdays != 0 && p.weekdays&(1<<weekday(day)) == 0 {
		return false
	}
	if !p.hasMonths() && p.monthDays|p.lastDays == 0 && len(p.yearDays) == 0 {
		return true
	}
	if p.cal != nil {
		return p.scaledDayMatches(day)
	}
	year, month, dom := civilOfDays(day)
	if p.months != 0 && p.months&(1<<month) == 0 {
		return false
	}
	if p.monthDays|p.lastDays != 0 {
		left := daysInMonth(year, month) + 1 - dom
		if p.monthDays&(1<<dom) == 0 && p.lastDays&(1<<left) == 0 {
			return false
		}
	}
	if len(p.yearDays) == 0 {
		return true
	}
	no := int(day-daysOfCivil(year, 1, 1)) + 1
	left := int(daysOfCivil(year+1, 1, 1) - day)
	for _, n := range p.yearDays {
		if int(n) == no || int(n) == -left {
			return true
		}
	}
	return false
}
