package view

import (
	"time"

	"convene/internal/ical"
)

const daySeconds = 86400

// A Day is a date, in days since 1 January 1970.
type Day int

// DayOf is the date that a clock shows at a moment, in Unix seconds.
func DayOf(unix int64, zone *ical.Zone) Day { return Day(floorDiv(zone.Wall(unix), daySeconds)) }

// DateOf is the Day of a date.
func DateOf(year int, month time.Month, day int) Day {
	return Day(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}

// ParseDay reads a date such as 2026-11-30, of the years 1 to 9999.
func ParseDay(s string) (Day, bool) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return 0, false
	}
	return Day(floorDiv(t.Unix(), daySeconds)), true
}

// Time is midnight of the day in UTC, for whoever writes dates.
func (d Day) Time() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday { return d.Time().Weekday() }

// Start is the moment at which the day begins in a zone, in Unix seconds. What begins with
// a leap of the clock begins there.
func (d Day) Start(zone *ical.Zone) int64 { return zone.Unix(int64(d) * daySeconds) }

// WeekStart is the first day of the week that d is in.
func (d Day) WeekStart(first time.Weekday) Day {
	return d - Day((int(d.Weekday())-int(first)+7)%7)
}

// MonthStart is the first day of the month that d is in, or of one that is some months later.
func (d Day) MonthStart(later int) Day {
	t := d.Time()
	return DateOf(t.Year(), t.Month()+time.Month(later), 1)
}

// AddMonths is the same day of a month some months later, or its last day.
func (d Day) AddMonths(n int) Day {
	first := d.MonthStart(n)
	return min(first+Day(d.Time().Day()-1), first.MonthStart(1)-1)
}

// Week is the number of the week that begins with d: that of ISO 8601 of most of its days.
func (d Day) Week() int {
	_, week := (d + 3).Time().ISOWeek()
	return week
}

// An Item is something to lay out.
type Item struct {
	Start, End  int64 // Unix seconds
	AllDay      bool
	First, Last Day // of what is all-day
}

// days are the first and the last day that some of an item is on.
func (it *Item) days(zone *ical.Zone) (first, last Day) {
	if it.AllDay {
		return it.First, max(it.First, it.Last)
	}
	first = DayOf(it.Start, zone)
	return first, max(first, DayOf(max(it.Start, it.End-1), zone))
}

// isBar reports whether an item is drawn across days and not at its hours.
func (it *Item) isBar() bool { return it.AllDay || it.End-it.Start >= daySeconds }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
