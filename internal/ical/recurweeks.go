package ical

// keepWeeks applies BYWEEKNO. Of a week that is shared with another year only
// the days of this year are in it; they are found in both years.
func (p *pattern) keepWeeks(set *daySet, year, length int) {
	var keep daySet
	first, weeks := p.weekOne(year)
	next, _ := p.weekOne(year + 1)
	_, before := p.weekOne(year - 1)
	for _, n := range p.weekNos {
		no := int64(n)
		if n < 0 {
			no = weeks + 1 + int64(n)
		}
		if no >= 1 && no <= weeks {
			keep.week(first+7*(no-1)-set.base, length)
		}
		if n == 1 || int64(n) == -p.weeksOf(year+1) {
			keep.week(next-set.base, length)
		}
		if int64(n) == before || n == -1 {
			keep.week(first-7-set.base, length)
		}
	}
	set.and(&keep)
}

// week adds the seven days from at, as far as they are days of the year.
func (s *daySet) week(at int64, length int) {
	for d := max(at, 0); d < at+7 && d < int64(length); d++ {
		s.or(int(d), 1)
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

func (p *pattern) weeksOf(year int) int64 {
	_, weeks := p.weekOne(year)
	return weeks
}
