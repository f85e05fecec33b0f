package ical

import (
	"math/bits"
	"strings"

	"convene/internal/ical/rscale"
)

// RScales returns the calendar systems that rules may be in (RFC 7529 §10, the
// property supported-rscale-set).
func RScales() []string { return rscale.Names() }

// setScale takes the RSCALE of a rule, wherever it stands in it: what the other
// parts may say depends on it (RFC 7529 §4).
func (r *Rule) setScale(s string) error {
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "RSCALE") {
			continue
		}
		value = strings.TrimSpace(value)
		if r.rscale = rscale.Find(value); r.rscale == nil {
			return &UnsupportedScaleError{strings.ToUpper(value)}
		}
		break
	}
	return nil
}

// scale returns the calendar that r counts in, nil for the Gregorian and those
// that differ from it by their years alone.
func (r *Rule) scale() rscale.Calendar {
	if r.rscale == nil {
		return nil
	}
	return r.rscale.Calendar
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
	system := rscale.Gregorian()
	if r.rscale != nil {
		system = r.rscale
	}
	for item := range strings.SplitSeq(value, ",") {
		number := strings.TrimSpace(item)
		leap := len(number) > 0 && number[len(number)-1]|0x20 == 'l'
		if leap {
			number = number[:len(number)-1]
		}
		n, err := ruleNumber("BYMONTH", number, 1, int64(system.Months))
		switch {
		case err != nil:
			return ruleReason("BYMONTH " + clip(value))
		case !leap:
			r.months |= 1 << n
		case system.LeapMonths&(1<<n) == 0:
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
func (r *Rule) takes(m *rscale.Month) bool {
	if m.Leap {
		return r.leapMonths&(1<<m.Number) != 0
	}
	return r.months&(1<<m.Number) != 0
}

// inMonths reports whether a day is in a month of BYMONTH.
func (p *pattern) inMonths(day int64) bool {
	if p.cal == nil {
		_, month, _ := civilOfDays(day)
		return p.months&(1<<month) != 0
	}
	_, y := rscale.YearOn(p.cal, day)
	return y.Count > 0 && p.takes(&y.Months[y.MonthAt(int(day-y.First))])
}

// startMonth returns the month of DTSTART and its day in it.
func (p *pattern) startMonth() (month int, leap bool, day int) {
	if p.cal == nil {
		_, month, day = civilOfDays(p.startDay)
		return month, false, day
	}
	y := p.startYear()
	if y.Count == 0 {
		return 1, false, 1 // before its table: the rule gives nothing
	}
	at := int(p.startDay - y.First)
	m := &y.Months[y.MonthAt(at)]
	return int(m.Number), m.Leap, at - int(m.At) + 1
}

func (p *pattern) startYear() rscale.Year {
	_, y := rscale.YearOn(p.cal, p.startDay)
	return y
}

// newYear returns the first day of a year.
func (p *pattern) newYear(year int) int64 {
	if p.cal == nil {
		return daysOfCivil(year, 1, 1)
	}
	return p.cal.Year(year).First
}

// scaledPeriods is periodOf for rules of months and years, without INTERVAL.
func (p *pattern) scaledPeriods(day int64) int64 {
	n0, y0 := rscale.YearOn(p.cal, p.startDay)
	n, y := rscale.YearOn(p.cal, day)
	if p.freq == Yearly {
		return int64(n - n0)
	}
	return p.cal.MonthsBefore(n) + int64(y.MonthAt(int(day-y.First))) - p.cal.MonthsBefore(n0) - int64(y0.MonthAt(int(p.startDay-y0.First)))
}

// scaledMonth is days for a MONTHLY rule: each month counts, leap or not.
func (p *pattern) scaledMonth(index int64, set *daySet) {
	n, y := rscale.YearOn(p.cal, p.startDay)
	month := p.cal.MonthsBefore(n) + int64(y.MonthAt(int(p.startDay-y.First))) + index*p.interval
	n += int(index * p.interval / 13) // no year has more months
	for p.cal.MonthsBefore(n+1) <= month {
		// Most of the way is left to years of twelve months.
		n += max(1, int((month-p.cal.MonthsBefore(n))/13))
	}
	y = p.cal.Year(n)
	set.base, set.bits[0] = y.First-int64(p.lead), 0
	at := int(month - p.cal.MonthsBefore(n))
	if at >= y.Count {
		return // beyond the table
	}
	m := &y.Months[at]
	set.base += int64(m.At)
	if !p.hasMonths() || p.takes(m) {
		set.bits[0] = p.monthSet(y.First+int64(m.At), int(m.Length))
	}
}

// scaledYear is days for a YEARLY rule.
func (p *pattern) scaledYear(index int64, set *daySet) {
	n, _ := rscale.YearOn(p.cal, p.startDay)
	n += int(index * p.interval)
	y := p.cal.Year(n)
	*set = daySet{base: y.First - int64(p.lead)}
	var leaps uint16 // that the year has
	for i := range y.Count {
		m := &y.Months[i]
		if m.Leap {
			leaps |= 1 << m.Number
		}
		if !p.hasMonths() || p.takes(m) {
			set.or(int(m.At), p.monthSet(y.First+int64(m.At), int(m.Length)))
		}
	}
	if y.Count == 0 {
		return
	}
	if missing := p.leapMonths &^ leaps; missing != 0 && p.skip != skipOmit {
		p.skipMonths(n, &y, missing, set)
	}
	if p.byYear {
		p.keepDays(set, n, y.Days)
	}
}

// skipMonths applies SKIP to leap months that a year has not (RFC 7529 §4.1): the
// month before is the regular one of that number, the month after the next.
func (p *pattern) skipMonths(n int, y *rscale.Year, missing uint16, set *daySet) {
	for ; missing != 0; missing &= missing - 1 {
		number := int8(bits.TrailingZeros16(missing))
		if p.skip == skipForward {
			number++
		}
		from, at := y, 0
		if number > 12 { // only lunar calendars have leap months, and they have twelve
			next := p.cal.Year(n + 1)
			from, number, at = &next, 1, y.Days
		}
		for i := range from.Count {
			if m := &from.Months[i]; m.Number == number && !m.Leap {
				set.or(at+int(m.At), p.monthSet(y.First+int64(at)+int64(m.At), int(m.Length)))
			}
		}
	}
}

// scaledDayMatches is dayMatches but for the weekday.
func (p *pattern) scaledDayMatches(day int64) bool {
	_, y := rscale.YearOn(p.cal, day)
	if y.Count == 0 {
		return false
	}
	at := int(day - y.First)
	m := &y.Months[y.MonthAt(at)]
	if p.hasMonths() && !p.takes(m) {
		return false
	}
	if p.monthDays|p.lastDays != 0 {
		dom := at - int(m.At) + 1
		left := int(m.Length) + 1 - dom
		if p.monthDays&(1<<dom) == 0 && p.lastDays&(1<<left) == 0 {
			return false
		}
	}
	if len(p.yearDays) == 0 {
		return true
	}
	for _, n := range p.yearDays {
		if int(n) == at+1 || int(n) == at-y.Days {
			return true
		}
	}
	return false
}
