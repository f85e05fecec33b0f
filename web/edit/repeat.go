package edit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
)

// A Repeat is a repetition in simple words. Two are the same if their strings are.
type Repeat struct {
	// Every is "", "daily", "weekly", "monthly" or "yearly"; Kept: a rule that cannot be
	// said so, which is in Rule.
	Every    string
	Interval int     // 1: each
	Days     [7]bool // of the week, Sunday first, if weekly
	Nth      bool    // monthly on the nth weekday, as the start is: "every second Tuesday"
	Until    string  // the last day, "2026-12-31"; "": none
	Count    int     // how often in all; 0: see Until
	Rule     string  // of Kept: RRULE in its normal form
}

var frequencies = map[string]string{"DAILY": "daily", "WEEKLY": "weekly", "MONTHLY": "monthly", "YEARLY": "yearly"}

var dayNames = [7]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// repeatOf reads how a component repeats.
func repeatOf(c *ical.Component, zones *ical.Zones) Repeat {
	rules := c.AllProps("RRULE")
	others := c.Prop("RDATE") != nil || c.Prop("EXRULE") != nil
	switch {
	case len(rules) == 0 && !others:
		return Repeat{}
	case len(rules) != 1 || others:
		return Repeat{Every: Kept}
	}
	start, _, err := span(c, zones)
	rule, bad := ical.ParseRule(rules[0].Value)
	if err != nil || bad != nil {
		return Repeat{Every: Kept, Rule: rules[0].Value}
	}
	kept := Repeat{Every: Kept, Rule: rule.String()}
	r := Repeat{Every: frequencies[rule.Freq().String()], Interval: int(rule.Interval()), Count: int(rule.Count())}
	if until, ok := rule.Until(); ok {
		if until.Kind == ical.UTC && start.Kind == ical.Zoned {
			until.Wall = start.Zone.Wall(until.Wall)
		}
		r.Until = time.Unix(until.Wall, 0).UTC().Format(dayForm)
	}
	day := dayOf(start)
	for part := range strings.SplitSeq(rule.String(), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "FREQ", "INTERVAL", "UNTIL", "COUNT", "WKST":
		case "BYDAY":
			if r.Every == "monthly" && value == nth(day) {
				r.Nth = true
				continue
			}
			for d := range strings.SplitSeq(value, ",") {
				i := slices.Index(dayNames[:], d)
				if i < 0 || r.Every != "weekly" {
					return kept
				}
				r.Days[i] = true
			}
		case "BYMONTHDAY":
			if r.Every != "monthly" && r.Every != "yearly" || value != strconv.Itoa(day.Day()) {
				return kept
			}
		case "BYMONTH":
			if r.Every != "yearly" || value != strconv.Itoa(int(day.Month())) {
				return kept
			}
		default:
			return kept
		}
	}
	if r.Every == "" {
		return kept
	}
	if r.Every == "weekly" && r.Days == [7]bool{} {
		r.Days[day.Weekday()] = true
	}
	if r.Every == "weekly" && !r.Days[day.Weekday()] {
		return kept // DTSTART is outside of its rule (RFC 5545 §3.8.5.3)
	}
	return r
}

func dayOf(t ical.DateTime) time.Time { return time.Unix(t.Wall, 0).UTC() }

// nth is which weekday of its month a day is: "2TU"; the fifth is the last.
func nth(day time.Time) string {
	n := (day.Day()-1)/7 + 1
	if n == 5 {
		n = -1
	}
	return strconv.Itoa(n) + dayNames[day.Weekday()]
}

// rule writes a repetition of what begins at start. Errors: *FieldError.
func (r Repeat) rule(start ical.DateTime) (string, error) {
	var b strings.Builder
	b.WriteString("FREQ=" + strings.ToUpper(r.Every))
	if _, ok := frequencies[strings.ToUpper(r.Every)]; !ok {
		return "", wrong("repeat", "unknown")
	}
	if r.Interval < 0 || r.Interval > 999 {
		return "", wrong("interval", "range")
	}
	if r.Interval > 1 {
		b.WriteString(";INTERVAL=" + strconv.Itoa(r.Interval))
	}
	day := dayOf(start)
	switch {
	case r.Count < 0 || r.Count > 10_000:
		return "", wrong("count", "range")
	case r.Count > 0:
		b.WriteString(";COUNT=" + strconv.Itoa(r.Count))
	case r.Until != "":
		last, err := time.Parse(dayForm, r.Until)
		if err != nil {
			return "", wrong("until", "missing")
		}
		if r.Until < day.Format(dayForm) {
			return "", wrong("until", "order")
		}
		b.WriteString(";UNTIL=" + endOfDay(last.Unix(), start).String())
	}
	switch r.Every {
	case "weekly":
		days := r.Days
		days[day.Weekday()] = true
		var names []string
		for i := range dayNames {
			if d := (i + 1) % 7; days[d] {
				names = append(names, dayNames[d])
			}
		}
		if len(names) > 1 {
			b.WriteString(";BYDAY=" + strings.Join(names, ","))
		}
	case "monthly":
		if r.Nth {
			b.WriteString(";BYDAY=" + nth(day))
		}
	}
	return b.String(), nil
}

// endOfDay is the last moment of a day on the wall, in the form that UNTIL has for what
// begins at start (RFC 5545 §3.3.10).
func endOfDay(day int64, start ical.DateTime) ical.DateTime {
	switch start.Kind {
	case ical.Date:
		return ical.DateTime{Wall: day, Kind: ical.Date}
	case ical.Zoned:
		return ical.DateTime{Wall: start.Zone.Unix(day + daySeconds - 1), Kind: ical.UTC}
	}
	return ical.DateTime{Wall: day + daySeconds - 1, Kind: start.Kind}
}

// moved is a repetition after its start has gone to another day: the days of the week go
// with it.
func (r Repeat) moved(from, to ical.DateTime) Repeat {
	if r.Every != "weekly" {
		return r
	}
	by := int(dayOf(to).Weekday()-dayOf(from).Weekday()+7) % 7
	days := r.Days
	for i := range days {
		r.Days[(i+by)%7] = days[i]
	}
	return r
}

// Rule is the RRULE of an event as its form says it; "": none. Errors: *FieldError.
func (e *Event) Rule() (string, error) {
	switch e.Repeat.Every {
	case "":
		return "", nil
	case Kept:
		return e.Repeat.Rule, nil
	}
	start, _, err := e.Times(nil)
	if err != nil {
		return "", err
	}
	return e.Repeat.rule(start)
}
