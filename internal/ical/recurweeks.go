package ical

// keepWeeks applies BYWEEKNO. Of a week that is shared with another year only
// the days of this year are in it; they are found in both years.
func (p *pattern) keepWeeks(set *daySet, year, length int) {
	var keep daySet
	newYear := set.base + int64(p.lead)
	for of := year - 1; of <= year+1; of++ {
		first, weeks := p.weekOne(of)
		for _, n := range p.weekNos {
			no, moved := p.weekOf(n, weeks)
			if no == noWeek {
				continue
			}
			at := int(first + 7*no - newYear)
			switch {
			case !moved || p.interval == 1:
				keep.week(at, p.lead, length)
			case of == year: // the other year may be none of the rule's
				for d := at; d < at+7; d++ {
					p.keep(set, &keep, d, length)
				}
			}
		}
	}
	set.and(&keep)
}

// weekReach is how many days a week may begin before the year that comes after it.
const weekReach = 10

// weekOf returns the number of a week, from 0, in a year of so many. If the year has no
// such week, it is the one that SKIP moves it to, as a month that is not there is
// moved whole: the weekday stays. That may be the last week of the year before or the
// first of the next; then the number counts in this year all the same. It is
// noWeek without SKIP.
func (p *pattern) weekOf(n int8, weeks int64) (no int64, moved bool) {
	no = int64(n) - 1
	if n < 0 {
		no = weeks + int64(n)
	}
	switch {
	case no >= 0 && no < weeks:
		return no, false
	case p.skip == skipOmit:
		return noWeek, false
	case no < 0 && p.skip == skipBackward:
		return -1, true
	case no < 0:
		return 0, true
	case p.skip == skipBackward:
		return weeks - 1, true
	}
	return weeks, true
}

const noWeek = -2

// week adds the seven days from at, as far as they are days of the year, which begins
// lead days after the set.
func (s *daySet) week(at, lead, length int) {
	for d := max(at, 0); d < at+7 && d < length; d++ {
		s.or(d+lead, 1)
	}
}

// weekOne returns the day on which the week 1 of a year begins, and how many
// weeks the year has (ISO 8601, with the week start of the rule).
func (p *pattern) weekOne(year int) (first, weeks int64) {
	start := func(year int) int64 {
		fourth := p.newYear(year) + 3 // is always in week 1
		return fourth - floorMod(weekday(fourth)-int64(p.wkst), 7)
	}
	first = start(year)
	return first, (start(year+1) - first) / 7
}
