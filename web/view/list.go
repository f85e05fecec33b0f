package view

import (
	"time"

	"convene/internal/ical"
)

// A DayList is what is on a day.
type DayList struct {
	Day   Day
	Items []int // all-day ones first, in the order in which they were given
}

// NewList lists the days from one until before another on which something is; what is on
// several days is on each.
func NewList(from, to Day, items []Item, zone *ical.Zone) (list []DayList) {
	whole := make([][]int, to-from)
	timed := make([][]int, to-from)
	for i := range items {
		first, last := items[i].days(zone)
		on := timed
		if items[i].AllDay {
			on = whole
		}
		for d := max(first, from); d <= min(last, to-1); d++ {
			on[d-from] = append(on[d-from], i)
		}
	}
	for i := range whole {
		if all := append(whole[i], timed[i]...); len(all) > 0 {
			list = append(list, DayList{from + Day(i), all})
		}
	}
	return list
}

// A YearMonth is a month of a year with how much is on its days.
type YearMonth struct {
	First Day
	Weeks [][7]YearDay
}

// A YearDay is a day of a YearMonth; Day is that of the month, 0 outside.
type YearDay struct {
	Date  Day
	Day   int
	Count int
	Level int // 0: nothing, to 4
}

// NewYear counts what is on each day of a year.
func NewYear(year int, first time.Weekday, items []Item, zone *ical.Zone) []YearMonth {
	from, to := DateOf(year, time.January, 1), DateOf(year+1, time.January, 1)
	count := make([]int, to-from)
	for i := range items {
		begins, ends := items[i].days(zone)
		for d := max(begins, from); d <= min(ends, to-1); d++ {
			count[d-from]++
		}
	}
	months := make([]YearMonth, 12)
	for m := range months {
		start := DateOf(year, time.Month(m+1), 1)
		months[m].First = start
		a, b := SheetDays(start, first)
		for w := a; w < b; w += 7 {
			var week [7]YearDay
			for i := range week {
				if d := w + Day(i); d >= start && d < start.MonthStart(1) {
					n := count[d-from]
					week[i] = YearDay{d, d.Time().Day(), n, level(n)}
				}
			}
			months[m].Weeks = append(months[m].Weeks, week)
		}
	}
	return months
}

// level is how much n items of a day are.
func level(n int) int {
	switch {
	case n == 0:
		return 0
	case n <= 2:
		return 1
	case n <= 4:
		return 2
	case n <= 7:
		return 3
	}
	return 4
}

// A Span is some time, in Unix seconds.
type Span struct{ Start, End int64 }

// Free returns what of the time between from and to is in none of some spans, which need no
// order, where it is at least as long.
func Free(busy []Span, from, to, least int64) (free []Span) {
	at := from
	for at < to {
		next, until := to, int64(0)
		for _, b := range busy {
			if b.Start <= at && b.End > at {
				until = max(until, b.End)
			} else if b.Start > at {
				next = min(next, b.Start)
			}
		}
		if until > 0 {
			at = until
			continue
		}
		if next-at >= least {
			free = append(free, Span{at, next})
		}
		at = next
	}
	return free
}
