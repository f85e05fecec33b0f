package delegates

import (
	"strings"
	"time"

	"convene/delegation"
	"convene/web/page"
)

// A right is what a sentence says of somebody.
type right struct {
	level              delegation.Level
	all                bool
	calendars          []string
	schedule, private  bool
	manage, substitute bool
	from, until        time.Time
}

// sentence says what somebody may do.
func sentence(r *page.Request, x right) string {
	t := r.Locale
	var b strings.Builder
	key := map[bool]string{true: "delegates.say-read-all", false: "delegates.say-read-some"}[x.all]
	if x.level == delegation.LevelWrite {
		switch {
		case x.schedule && x.all:
			key = "delegates.say-write-all"
		case x.schedule:
			key = "delegates.say-write-some"
		case x.all:
			key = "delegates.say-change-all"
		default:
			key = "delegates.say-change-some"
		}
	}
	b.WriteString(t.T(key, "calendars", strings.Join(x.calendars, ", ")))
	if x.private {
		b.WriteString(t.T("delegates.say-private"))
	} else {
		b.WriteString(t.T("delegates.say-no-private"))
	}
	if x.manage {
		b.WriteString(t.T("delegates.say-manage"))
	}
	if x.substitute {
		b.WriteString(t.T("delegates.say-substitute"))
	}
	if !x.from.IsZero() && x.from.After(r.Time) {
		b.WriteString(t.T("delegates.say-from", "when", begin(r, x.from)))
	}
	if !x.until.IsZero() {
		b.WriteString(t.T("delegates.say-until", "when", end(r, x.until)))
	}
	b.WriteString(t.T("delegates.say-end"))
	return b.String()
}

// begin and end write the moments at which rights begin and end: days, where they are
// midnights.
func begin(r *page.Request, at time.Time) string {
	if local := r.Local(at); isMidnight(local) {
		return r.Locale.DayDate(local)
	}
	return r.Locale.Moment(r.Local(at))
}

// end writes the last day, where the end is its midnight.
func end(r *page.Request, at time.Time) string {
	if local := r.Local(at); isMidnight(local) {
		return r.Locale.DayDate(local.AddDate(0, 0, -1))
	}
	return r.Locale.Moment(r.Local(at))
}

func isMidnight(t time.Time) bool { return t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 }

// firstDay and lastDay are the values of the fields of a form for them.
func firstDay(r *page.Request, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return r.Local(at).Format(time.DateOnly)
}

func lastDay(r *page.Request, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return r.Local(at).Add(-time.Second).Format(time.DateOnly)
}

// dayFrom and dayUntil read such fields: the first moment of a day, or of the next. A
// field that was not changed keeps the moment that there was.
func dayFrom(r *page.Request, field string, was time.Time) (time.Time, error) {
	if field == firstDay(r, was) {
		return was, nil
	}
	return day(r, field, 0)
}

func dayUntil(r *page.Request, field string, was time.Time) (time.Time, error) {
	if field == lastDay(r, was) {
		return was, nil
	}
	return day(r, field, 1)
}

func day(r *page.Request, field string, add int) (time.Time, error) {
	if field == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, field)
	if err != nil {
		return t, err
	}
	return time.Date(t.Year(), t.Month(), t.Day()+add, 0, 0, 0, 0, r.Zone), nil
}
