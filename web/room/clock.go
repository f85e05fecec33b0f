package room

import (
	"fmt"
	"time"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/web/page"
)

// A clock is that of the reader, by the rules of iCalendar.
type clock struct {
	zone *ical.Zone // nil: it has no name that everybody knows
	loc  *time.Location
}

func clockOf(r *page.Request) clock {
	zone, err := ical.LoadZone(r.Zone.String())
	if err != nil {
		return clock{loc: r.Zone}
	}
	return clock{zone, r.Zone}
}

// at is the moment at which the clock shows a time of a day, in Unix seconds.
func (c clock) at(day time.Time, minute int) int64 {
	wall := time.Date(day.Year(), day.Month(), day.Day(), 0, minute, 0, 0, time.UTC)
	if c.zone == nil {
		return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, c.loc).Unix()
	}
	return c.zone.Unix(wall.Unix())
}

// name is the name of the zone, "" if everybody knows none.
func (c clock) name() string {
	if c.zone == nil {
		return ""
	}
	return c.loc.String()
}

// today is the day that the clock shows, as midnight of UTC.
func (c clock) today(now time.Time) time.Time {
	t := now.In(c.loc)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// day reads a day; what is none is today.
func (c clock) day(text string, now time.Time) time.Time {
	if d, err := time.Parse(time.DateOnly, text); err == nil {
		return d
	}
	return c.today(now)
}

// minuteOf reads a time of day such as 09:30, in minutes.
func minuteOf(text string) (int, bool) {
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}

func unix(at int64) time.Time { return time.Unix(at, 0).UTC() }

// times writes from when until when something is, on the reader's clock.
func times(r *page.Request, s policy.Span) string {
	from, to := r.Local(unix(s.Start)), r.Local(unix(s.End))
	return r.Locale.T("room.from-to", "from", r.Locale.Clock(from), "to", r.Locale.Clock(to))
}

// moment writes the day and the times of something.
func moment(r *page.Request, s policy.Span) string {
	from, to := r.Local(unix(s.Start)), r.Local(unix(s.End))
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		return r.Locale.DayDate(from) + ", " + times(r, s)
	}
	return r.Locale.T("room.from-to", "from", r.Locale.Moment(from), "to", r.Locale.Moment(to))
}

// An option is one of a list to choose from.
type option struct {
	Value, Text string
	Chosen      bool
}

// clockTimes are the quarters of an hour of a day, with one that is none of them.
func clockTimes(r *page.Request, chosen string) (list []option) {
	seen := false
	for m := 0; m < 24*60; m += 15 {
		v := fmt.Sprintf("%02d:%02d", m/60, m%60)
		list = append(list, option{v, r.Locale.Clock(time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC)), v == chosen})
		seen = seen || v == chosen
	}
	if m, ok := minuteOf(chosen); ok && !seen {
		list = append([]option{{chosen, r.Locale.Clock(time.Date(2000, 1, 1, 0, m, 0, 0, time.UTC)), true}}, list...)
	}
	return list
}

// length writes a number of minutes.
func length(r *page.Request, minutes int) string {
	h, m := minutes/60, minutes%60
	switch {
	case h == 0:
		return r.Locale.N("room.minutes", m)
	case m == 0:
		return r.Locale.N("room.hours", h)
	}
	return r.Locale.N("room.hours", h) + " " + r.Locale.N("room.minutes", m)
}
