package ical

import (
	"math/bits"
	"strings"
)

// setScale takes the RSCALE of a rule, wherever it stands in it: what the other
// parts may say depends on it (RFC 7529 §4).
func (r *Rule) setScale(s string) error {
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "RSCALE") {
			continue
		}
		value = strings.TrimSpace(value)
		if r.rscale = findScale(value); r.rscale == nil {
			return &UnsupportedScaleError{strings.ToUpper(value)}
		}
		break
	}
	return nil
}

// scale returns the calendar that r counts in, nil for the Gregorian and those
// that differ from it by their years alone.
func (r *Rule) scale() scale {
	if r.rscale == nil {
		return nil
	}
	return r.rscale.scale
}

// daysMost and weeksMost bound the numbers of days and weeks in a year.
func (r *Rule) daysMost() int {
	if r.scale() == nil {
		return 366
	}
	return 385
}

func (r *Rule) weeksMost() int {
	if r.scale() == nil {
		return 53
	}
	return 56
}

// setMonths takes BYMONTH. A number with an L is a leap month (RFC 7529 §4.2).
func (r *Rule) setMonths(value string) error {
	info := &scales[0]
	if r.rscale != nil {
		info = r.rscale
	}
	for item := range strings.SplitSeq(value, ",") {
		number := strings.TrimSpace(item)
		leap := len(number) > 0 && number[len(number)-1]|0x20 == 'l'
		if leap {
			number = number[:len(number)-1]
		}
		n, err := ruleNumber("BYMONTH", number, 1, int64(info.most))
		switch {
		case err != nil:
			return ruleReason("BYMONTH " + clip(value))
		case !leap:
			r.months |= 1 << n
		case info.leaps&(1<<n) == 0:
			return ruleReason("BYMONTH with a leap month that the calendar has not: " + clip(value))
		default:
			r.leapMonths |= 1 << n
		}
	}
	return nil
}

// hasMonths reports whether r has a BYMONTH.
func (r *Rule) hasMonths() bool { return r.months|r.leapMonths != 0 }

// takes reports whether BYMONTH has a month.
func (r *Rule) takes(m *scaleMonth) bool {
	if m.leap {
		return r.leapMonths&(1<<m.number) != 0
	}
	return r.months&(1<<m.number) != 0
}

// inMonths reports whether a day is in a month of BYMONTH.
func (p *pattern) inMonths(day int64) bool {
	if p.cal == nil {
		_, month, _ := civilOfDays(day)
		return p.months&(1<<month) != 0
	}
	_, y := yearOn(p.cal, day)
	return y.count > 0 && p.takes(&y.months[y.monthAt(int(day-y.first))])
}

// startMonth returns the month of DTSTART and its day in it.
func (p *pattern) startMonth() (month int, leap bool, day int) {
	if p.cal == nil {
		_, month, day = civilOfDays(p.startDay)
		return month, false, day
	}
	y := p.startYear()
	if y.count == 0 {
		return 1, false, 1 // before its table: the rule gives nothing
	}
	at := int(p.startDay - y.first)
	m := &y.months[y.monthAt(at)]
	return int(m.number), m.leap, at - int(m.at) + 1
}

func (p *pattern) startYear() scaleYear {
	_, y := yearOn(p.cal, p.startDay)
	return y
}

// newYear returns the first day of a year.
func (p *pattern) newYear(year int) int64 {
	if p.cal == nil {
		return daysOfCivil(year, 1, 1)
	}
	return p.cal.year(year).first
}

// scaledPeriods is periodOf for rules of months and years, without INTERVAL.
func (p *pattern) scaledPeriods(day int64) int64 {
	n0, y0 := yearOn(p.cal, p.startDay)
	n, y := yearOn(p.cal, day)
	if p.freq == Yearly {
		return int64(n - n0)
	}
	return p.cal.monthsBefore(n) + int64(y.monthAt(int(day-y.first))) - p.cal.monthsBefore(n0) - int64(y0.monthAt(int(p.startDay-y0.first)))
}

// scaledMonth is days for a MONTHLY rule: each month counts, leap or not.
func (p *pattern) scaledMonth(index int64, set *daySet) {
	n, y := yearOn(p.cal, p.startDay)
	month := p.cal.monthsBefore(n) + int64(y.monthAt(int(p.startDay-y.first))) + index*p.interval
	n += int(index * p.interval / 13) // no year has more months
	for p.cal.monthsBefore(n+1) <= month {
		// Most of the way is left to years of twelve months.
		n += max(1, int((month-p.cal.monthsBefore(n))/13))
	}
	y = p.cal.year(n)
	set.base, set.bits[0] = y.first, 0
	at := int(month - p.cal.monthsBefore(n))
	if at >= y.count {
		return // beyond the table
	}
	m := &y.months[at]
	set.base += int64(m.at)
	if !p.hasMonths() || p.takes(m) {
		set.bits[0] = p.monthSet(set.base, int(m.length))
	}
}

// scaledYear is days for a YEARLY rule.
func (p *pattern) scaledYear(index int64, set *daySet) {
	n, _ := yearOn(p.cal, p.startDay)
	n += int(index * p.interval)
	y := p.cal.year(n)
	*set = daySet{base: y.first}
	var leaps uint16 // that the year has
	for i := range y.count {
		m := &y.months[i]
		if m.leap {
			leaps |= 1 << m.number
		}
		if !p.hasMonths() || p.takes(m) {
			set.or(int(m.at), p.monthSet(y.first+int64(m.at), int(m.length)))
		}
	}
	if y.count == 0 {
		return
	}
	if missing := p.leapMonths &^ leaps; missing != 0 && p.skip != skipOmit {
		p.skipMonths(n, &y, missing, set)
	}
	if p.byYear {
		p.keepDays(set, n, y.days)
	}
}

// skipMonths applies SKIP to leap months that a year has not (RFC 7529 §4.1): the
// month before is the regular one of that number, the month after the next.
func (p *pattern) skipMonths(n int, y *scaleYear, missing uint16, set *daySet) {
	for ; missing != 0; missing &= missing - 1 {
		number := int8(bits.TrailingZeros16(missing))
		if p.skip == skipForward {
			number++
		}
		from, at := y, 0
		if number > 12 { // only lunar calendars have leap months, and they have twelve
			next := p.cal.year(n + 1)
			from, number, at = &next, 1, y.days
		}
		for i := range from.count {
			if m := &from.months[i]; m.number == number && !m.leap {
				set.or(at+int(m.at), p.monthSet(y.first+int64(at)+int64(m.at), int(m.length)))
			}
		}
	}
}

// scaledDayMatches is dayMatches but for the weekday.
func (p *pattern) scaledDayMatches(day int64) bool {
	_, y := yearOn(p.cal, day)
	if y.count == 0 {
		return false
	}
	at := int(day - y.first)
	m := &y.months[y.monthAt(at)]
	if p.hasMonths() && !p.takes(m) {
		return false
	}
	if p.monthDays|p.lastDays != 0 {
		dom := at - int(m.at) + 1
		left := int(m.length) + 1 - dom
		if p.monthDays&(1<<dom) == 0 && p.lastDays&(1<<left) == 0 {
			return false
		}
	}
	if len(p.yearDays) == 0 {
		return true
	}
	for _, n := range p.yearDays {
		if int(n) == at+1 || int(n) == at-y.days {
			return true
		}
	}
	return false
}
