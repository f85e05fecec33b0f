package ical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"convene/internal/ical/rscale"
)

// A Freq is the FREQ of a rule.
type Freq uint8

// The order is that of their length.
const (
	Secondly Freq = iota
	Minutely
	Hourly
	Daily
	Weekly
	Monthly
	Yearly
)

var freqNames = [...]string{"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}

// String returns the name as in a rule: "WEEKLY".
func (f Freq) String() string { return freqNames[f] }

// A skipMode is the SKIP of a rule (RFC 7529 §4.1).
type skipMode uint8

const (
	skipOmit skipMode = iota
	skipBackward
	skipForward
)

var skipNames = [...]string{"OMIT", "BACKWARD", "FORWARD"}

// A Rule is a recurrence rule (RFC 5545 §3.3.10), with the RSCALE and SKIP of RFC
// 7529. It is immutable.
type Rule struct {
	freq     Freq
	skip     skipMode
	rscale   *rscale.System // nil: had no RSCALE
	hasUntil bool
	wkst     int8 // 0 is Sunday
	interval int64
	count    int64 // 0: none
	until    DateTime

	seconds, minutes uint64 // bit n: BYSECOND, BYMINUTE has n; 0: has none
	hours            uint32
	months           uint16 // bit 1 is January
	leapMonths       uint16 // bit n: BYMONTH has nL
	monthDays        uint32 // bit n: BYMONTHDAY has n
	lastDays         uint32 // bit n: BYMONTHDAY has -n
	weekdays         uint8  // bit n: BYDAY has the day n without a number
	nthDays          []nthDay
	yearDays         []int16
	weekNos          []int8
	setPos           []int16
}

// An nthDay is a BYDAY with a number: the nth such weekday, from the end if n is
// negative.
type nthDay struct {
	n    int8
	wday int8
}

// A RuleError says what is wrong with a recurrence rule. It wraps ErrValue.
type RuleError struct {
	Rule   string
	Reason string
}

// Error returns the rule and the reason.
func (e *RuleError) Error() string { return fmt.Sprintf("rule %q: %s", clip(e.Rule), e.Reason) }

// Unwrap returns ErrValue.
func (e *RuleError) Unwrap() error { return ErrValue }

// An UnsupportedScaleError is the error for a rule of a calendar that RScales does
// not have (RFC 7529 §4). In CalDAV it is the precondition supported-rscale.
type UnsupportedScaleError struct {
	Scale string // upper case
}

// Error names the calendar.
func (e *UnsupportedScaleError) Error() string { return "unsupported RSCALE " + clip(e.Scale) }

// Unwrap returns ErrRScale.
func (e *UnsupportedScaleError) Unwrap() error { return ErrRScale }

// ParseRule reads the value of an RRULE or EXRULE property. Beyond the RFC it
// takes any case, blanks, empty parts ("…;") and parts it does not know; BYSECOND
// 60 is 59. It refuses what has no meaning: a part twice, INTERVAL=0, a number
// out of its range, and the combinations with FREQ that RFC 5545 rules out.
//
// Errors: *RuleError, or *UnsupportedScaleError.
func ParseRule(s string) (*Rule, error) {
	r := &Rule{interval: 1, wkst: 1}
	if err := r.setScale(s); err != nil {
		return nil, err
	}
	seen := uint32(0)
	for rest := s; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, ";")
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if name == "" && !ok {
			continue
		}
		i := indexFold(ruleParts[:], name)
		if i < 0 {
			continue
		}
		if seen&(1<<i) != 0 {
			return nil, &RuleError{s, ruleParts[i] + " twice"}
		}
		seen |= 1 << i
		if err := r.set(ruleParts[i], value); err != nil {
			return nil, ruleError(s, err)
		}
	}
	if seen&1 == 0 {
		return nil, &RuleError{s, "no FREQ"}
	}
	if reason := r.check(); reason != "" {
		return nil, &RuleError{s, reason}
	}
	return r, nil
}

// ruleError makes the error of ParseRule of the one that set returned.
func ruleError(rule string, err error) error {
	if reason, ok := errors.AsType[ruleReason](err); ok {
		return &RuleError{rule, string(reason)}
	}
	return err
}

// ruleParts are the parts of a rule, in the order that String writes them.
var ruleParts = [...]string{"FREQ", "RSCALE", "SKIP", "UNTIL", "COUNT", "INTERVAL", "BYMONTH", "BYWEEKNO", "BYYEARDAY",
	"BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS", "WKST"}

// A ruleReason is the Reason of a RuleError to be.
type ruleReason string

func (r ruleReason) Error() string { return string(r) }

// set takes one part of a rule.
func (r *Rule) set(name, value string) (err error) {
	switch name {
	case "FREQ":
		i := indexFold(freqNames[:], value)
		if i < 0 {
			return ruleReason("FREQ " + clip(value))
		}
		r.freq = Freq(i)
	case "RSCALE": // setScale has taken it
	case "SKIP":
		i := indexFold(skipNames[:], value)
		if i < 0 {
			return ruleReason("SKIP " + clip(value))
		}
		r.skip = skipMode(i)
	case "UNTIL":
		wall, hasTime, utc, err := parseWall(value)
		if err != nil {
			return ruleReason("UNTIL " + clip(value))
		}
		r.hasUntil, r.until = true, DateTime{Wall: wall, Kind: untilKind(hasTime, utc)}
	case "COUNT":
		r.count, err = ruleNumber(name, value, 1, 1<<31-1)
	case "INTERVAL":
		r.interval, err = ruleNumber(name, value, 1, 1<<31-1)
	case "BYMONTH":
		return r.setMonths(value)
	case "BYDAY":
		return r.setDays(value)
	case "WKST":
		i := indexFold(weekdayNames[:], value)
		if i < 0 {
			return ruleReason("WKST " + clip(value))
		}
		r.wkst = int8(i)
	default:
		return r.setList(name, value)
	}
	return err
}

// setList takes the parts that are lists of plain numbers.
func (r *Rule) setList(name, value string) error {
	switch name {
	case "BYWEEKNO":
		return eachNumber(name, value, -r.weeksMost(), r.weeksMost(), func(n int) { r.weekNos = append(r.weekNos, int8(n)) })
	case "BYYEARDAY":
		return eachNumber(name, value, -r.daysMost(), r.daysMost(), func(n int) { r.yearDays = append(r.yearDays, int16(n)) })
	case "BYMONTHDAY":
		return eachNumber(name, value, -31, 31, func(n int) {
			if n > 0 {
				r.monthDays |= 1 << n
			} else {
				r.lastDays |= 1 << -n
			}
		})
	case "BYHOUR":
		return eachNumber(name, value, 0, 23, func(n int) { r.hours |= 1 << n })
	case "BYMINUTE":
		return eachNumber(name, value, 0, 59, func(n int) { r.minutes |= 1 << n })
	case "BYSECOND":
		return eachNumber(name, value, 0, 60, func(n int) { r.seconds |= 1 << min(n, 59) })
	}
	return eachNumber(name, value, -r.daysMost(), r.daysMost(), func(n int) { r.setPos = append(r.setPos, int16(n)) })
}

// setDays takes BYDAY.
func (r *Rule) setDays(value string) error {
	for rest := value; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		item = strings.TrimSpace(item)
		if len(item) < 2 {
			return ruleReason("BYDAY " + clip(value))
		}
		day := indexFold(weekdayNames[:], item[len(item)-2:])
		if day < 0 {
			return ruleReason("BYDAY " + clip(value))
		}
		number := item[:len(item)-2]
		if number == "" {
			r.weekdays |= 1 << day
			continue
		}
		n, err := ruleNumber("BYDAY", number, -53, 53)
		if err != nil || n == 0 {
			return ruleReason("BYDAY " + clip(value))
		}
		if len(r.nthDays) > 7*53*2 {
			return ruleReason("BYDAY too long")
		}
		r.nthDays = append(r.nthDays, nthDay{int8(n), int8(day)})
	}
	if r.weekdays == 0 && r.nthDays == nil {
		return ruleReason("BYDAY is empty")
	}
	return nil
}

// check returns what RFC 5545 rules out about the combination of parts, or "".
func (r *Rule) check() string {
	switch {
	case len(r.nthDays) > 0 && r.freq != Monthly && r.freq != Yearly:
		return "BYDAY with a number in a " + r.freq.String() + " rule"
	case len(r.nthDays) > 0 && len(r.weekNos) > 0:
		return "BYDAY with a number beside BYWEEKNO"
	case r.monthDays|r.lastDays != 0 && r.freq == Weekly:
		return "BYMONTHDAY in a WEEKLY rule"
	case len(r.yearDays) > 0 && (r.freq == Daily || r.freq == Weekly || r.freq == Monthly):
		return "BYYEARDAY in a " + r.freq.String() + " rule"
	case len(r.weekNos) > 0 && r.freq != Yearly:
		return "BYWEEKNO in a " + r.freq.String() + " rule"
	}
	return ""
}

var weekdayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// untilKind returns the kind of an UNTIL by how it was written.
func untilKind(hasTime, utc bool) Kind {
	switch {
	case !hasTime:
		return Date
	case utc:
		return UTC
	}
	return Floating
}

// indexFold returns the index of name in names, without regard to case, or -1.
func indexFold(names []string, name string) int {
	for i := range names {
		if len(names[i]) == len(name) && strings.EqualFold(names[i], name) {
			return i
		}
	}
	return -1
}

// ruleNumber reads a whole number with or without a sign.
func ruleNumber(name, value string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most {
		return 0, ruleReason(name + " " + clip(value))
	}
	return n, nil
}

// eachNumber reads a list of numbers. If least is negative, 0 is refused.
func eachNumber(name, value string, least, most int, take func(int)) error {
	items := 0
	for rest, more := value, true; more; items++ {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		n, err := ruleNumber(name, strings.TrimSpace(item), int64(least), int64(most))
		if err != nil || n == 0 && least < 0 || items > 2*366 {
			return ruleReason(name + " " + clip(value))
		}
		take(int(n))
	}
	return nil
}

// Freq returns how often the rule repeats.
func (r *Rule) Freq() Freq { return r.freq }

// Interval returns the INTERVAL, 1 or more.
func (r *Rule) Interval() int64 { return r.interval }

// Count returns the COUNT; 0 if there is none.
func (r *Rule) Count() int64 { return r.count }

// Until returns the UNTIL, of Kind Date, Floating or UTC.
func (r *Rule) Until() (until DateTime, ok bool) { return r.until, r.hasUntil }

// WithUntil returns r with that end in place of its own. A Zoned time is put
// into UTC.
func (r *Rule) WithUntil(t DateTime) *Rule {
	n := *r
	if t.Kind == Zoned {
		t = DateTime{Wall: t.Unix(nil), Kind: UTC}
	}
	n.count, n.hasUntil, n.until = 0, true, t
	return &n
}

// WithCount returns r with that COUNT in place of its own end; 0: without end.
func (r *Rule) WithCount(count int64) *Rule {
	n := *r
	n.count, n.hasUntil, n.until = max(count, 0), false, DateTime{}
	return &n
}
