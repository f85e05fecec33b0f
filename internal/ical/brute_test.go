package ical

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bruteWalls enumerates a rule of days or more in the plainest way: it looks at
// each day of each period, with package time.
func bruteWalls(r *Rule, start time.Time, until time.Time) []int64 {
	var all []int64
	var set []time.Time
	inSet, clocks := math.MinInt, bruteClocks(r, start)
	flush := func() {
		for i := range set {
			keep := len(r.setPos) == 0
			for _, n := range r.setPos {
				keep = keep || int(n) == i+1 || int(n) == i-len(set)
			}
			if keep && !set[i].Before(start) && (r.count == 0 || len(all) < int(r.count)) {
				all = append(all, set[i].Unix())
			}
		}
		set = set[:0]
	}
	first := start.AddDate(-1, 0, 0)
	for day := time.Date(first.Year(), 1, 1, 0, 0, 0, 0, time.UTC); !day.After(until.AddDate(1, 1, 0)); day = day.AddDate(0, 0, 1) {
		period := brutePeriod(r, start, day)
		if period < 0 || period%int(r.interval) != 0 {
			continue
		}
		if period != inSet {
			flush()
			inSet = period
		}
		if bruteDay(r, start, day) {
			for _, clock := range clocks {
				set = append(set, day.Add(clock))
			}
		}
	}
	flush()
	return slices.DeleteFunc(all, func(wall int64) bool { return wall > until.Unix() })
}

// brutePeriod counts the periods from that of start to that of day.
func brutePeriod(r *Rule, start, day time.Time) int {
	begin := time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC)
	switch r.freq {
	case Yearly:
		return day.Year() - start.Year()
	case Monthly:
		return (day.Year()-start.Year())*12 + int(day.Month()-start.Month())
	case Weekly:
		for begin.Weekday() != time.Weekday(r.wkst) {
			begin = begin.AddDate(0, 0, -1)
		}
		if day.Before(begin) {
			return -1
		}
		return int(day.Sub(begin).Hours()) / 24 / 7
	}
	return int(day.Sub(begin).Hours()) / 24
}

// bruteDay reports whether the rule leaves a day.
func bruteDay(r *Rule, start, day time.Time) bool {
	month, dom, wday := day.Month(), day.Day(), day.Weekday()
	last := time.Date(day.Year(), month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	days := time.Date(day.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay()
	hasDay := r.weekdays != 0 || len(r.nthDays) > 0 || r.monthDays|r.lastDays != 0 || len(r.yearDays) > 0
	if r.months != 0 && r.months&(1<<month) == 0 {
		return false
	}
	hasOther := r.weekdays != 0 || len(r.nthDays) > 0 || len(r.yearDays) > 0 || len(r.weekNos) > 0
	if r.months == 0 && !hasOther && r.freq == Yearly && month != start.Month() {
		return false
	}
	if !hasDay {
		switch {
		case r.freq == Weekly || len(r.weekNos) > 0:
			if wday != start.Weekday() {
				return false
			}
		case r.freq >= Monthly:
			if dom != start.Day() {
				return false
			}
		}
	}
	if r.monthDays|r.lastDays != 0 && r.monthDays&(1<<dom) == 0 && r.lastDays&(1<<(last+1-dom)) == 0 {
		return false
	}
	if len(r.yearDays) > 0 && !slices.Contains(r.yearDays, int16(day.YearDay())) && !slices.Contains(r.yearDays, int16(day.YearDay()-days-1)) {
		return false
	}
	if r.weekdays != 0 || len(r.nthDays) > 0 {
		at, of := dom, last
		if r.freq == Yearly && r.months == 0 {
			at, of = day.YearDay(), days
		}
		in := r.weekdays&(1<<wday) != 0
		for _, nth := range r.nthDays {
			in = in || int(nth.wday) == int(wday) && (int(nth.n) == (at-1)/7+1 || int(nth.n) == -((of-at)/7+1))
		}
		if !in {
			return false
		}
	}
	return len(r.weekNos) == 0 || bruteWeek(r, day)
}

// bruteWeek applies BYWEEKNO for weeks that begin on Monday.
func bruteWeek(r *Rule, day time.Time) bool {
	year, week := day.ISOWeek()
	_, weeks := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
	return slices.Contains(r.weekNos, int8(week)) || slices.Contains(r.weekNos, int8(week-weeks-1))
}

// bruteClocks returns the times of each day, from its midnight.
func bruteClocks(r *Rule, start time.Time) []time.Duration {
	var all []time.Duration
	for clock := range secondsPerDay {
		h, m, s := clock/3600, clock/60%60, clock%60
		if (r.hours == 0 && h == start.Hour() || r.hours&(1<<h) != 0) &&
			(r.minutes == 0 && m == start.Minute() || r.minutes&(1<<m) != 0) &&
			(r.seconds == 0 && s == start.Second() || r.seconds&(1<<s) != 0) {
			all = append(all, time.Duration(clock)*time.Second)
		}
	}
	return all
}

func TestRuleBruteForce(t *testing.T) {
	list := func(t *rapid.T, name string, least, most, length int, signed bool) string {
		if !rapid.Bool().Draw(t, name) {
			return ""
		}
		var items []string
		for _, n := range rapid.SliceOfN(rapid.IntRange(least, most), 1, length).Draw(t, name+" list") {
			if signed && rapid.Bool().Draw(t, "negative") {
				n = -n
			}
			items = append(items, fmt.Sprint(n))
		}
		return ";" + name + "=" + strings.Join(items, ",")
	}
	rapid.Check(t, func(t *rapid.T) {
		freq := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "freq")
		text := "FREQ=" + freq + list(t, "BYMONTH", 1, 12, 4, false)
		if rapid.Bool().Draw(t, "interval") {
			text += fmt.Sprintf(";INTERVAL=%d", rapid.IntRange(2, 5).Draw(t, "interval is"))
		}
		weeks := ""
		if freq == "YEARLY" {
			text += list(t, "BYYEARDAY", 1, 366, 9, true)
			weeks = list(t, "BYWEEKNO", 1, 53, 4, true)
		}
		if freq != "WEEKLY" {
			text += list(t, "BYMONTHDAY", 1, 31, 6, true)
		}
		if rapid.Bool().Draw(t, "BYDAY") {
			var days []string
			for _, d := range rapid.SliceOfN(rapid.SampledFrom(weekdayNames[:]), 1, 4).Draw(t, "days") {
				if n := rapid.IntRange(-5, 5).Draw(t, "nth"); n != 0 && freq >= "MONTHLY" && freq != "WEEKLY" && weeks == "" {
					d = fmt.Sprint(n) + d
				}
				days = append(days, d)
			}
			text += ";BYDAY=" + strings.Join(days, ",")
		}
		text += weeks + list(t, "BYHOUR", 0, 23, 2, false)
		if rapid.IntRange(0, 3).Draw(t, "set positions") == 0 {
			text += list(t, "BYSETPOS", 1, 6, 2, true)
		}
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Date(2024, 1, 1, 9, 30, 15, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 1500).Draw(t, "start"))
		until := start.AddDate(5, 0, 0)
		want := bruteWalls(r, start, until)
		it := newRecurrence(r, DateTime{Wall: start.Unix(), Kind: Floating}, true).walls(math.MinInt64, until.Unix(), NewBudget(1_000_000))
		var got []int64
		for {
			wall, ok := it.next()
			if !ok {
				break
			}
			got = append(got, wall)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v %s\n got %d\nwant %d", start, text, got, want)
		}
	})
}
