package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
)

const (
	day         = 86400 // seconds
	minutesADay = 24 * 60
	maxHourSets = 100
)

// Hours are the times of a week in which a room is open. The zero value is always.
type Hours struct {
	days [7][]minutes // from Monday; sorted, and joined where they touch
	text string
}

// minutes is a part of a day, from a minute until before another.
type minutes struct{ from, to int }

var dayNames = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// ParseHours reads opening hours such as "Mon-Fri 08:00-18:00; Sat 09:00-12:00".
// Days may be listed ("Mon,Wed"), a part of a day may end at 24:00, and "" is
// always. Errors wrap ErrValue.
func ParseHours(s string) (Hours, error) {
	h := Hours{text: strings.Join(strings.Fields(s), " ")}
	if h.text == "" {
		return h, nil
	}
	sets := strings.Split(h.text, ";")
	if len(sets) > maxHourSets {
		return Hours{}, fmt.Errorf("%w: more than %d parts", ErrValue, maxHourSets)
	}
	for _, set := range sets {
		if err := h.add(strings.TrimSpace(set)); err != nil {
			return Hours{}, fmt.Errorf("%w: hours %q: %s", ErrValue, s, err)
		}
	}
	for i := range h.days {
		h.days[i] = join(h.days[i])
	}
	return h, nil
}

// String returns the hours as they were written.
func (h Hours) String() string { return h.text }

// add reads "Mon-Fri 08:00-12:00 13:00-18:00".
func (h *Hours) add(set string) error {
	f := strings.Fields(set)
	if len(f) < 2 {
		return fmt.Errorf("%q is not days and times", set)
	}
	days, err := parseDays(f[0])
	if err != nil {
		return err
	}
	for _, part := range f[1:] {
		m, err := parseMinutes(part)
		if err != nil {
			return err
		}
		for _, d := range days {
			h.days[d] = append(h.days[d], m)
		}
	}
	return nil
}

func parseDays(s string) ([]int, error) {
	var days []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := dayNumber(first), dayNumber(last)
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("%q is not a day or a range of days; they are Mon, Tue, Wed, Thu, Fri, Sat, Sun", part)
		}
		for d := from; ; d = (d + 1) % 7 { // Sat-Mon goes over the end of the week
			days = append(days, d)
			if d == to {
				break
			}
		}
	}
	return days, nil
}

func dayNumber(s string) int {
	return slices.IndexFunc(dayNames[:], func(name string) bool { return strings.EqualFold(name, s) })
}

func parseMinutes(s string) (minutes, error) {
	from, to, ok := strings.Cut(s, "-")
	a, okFrom := parseClock(from)
	b, okTo := parseClock(to)
	if !ok || !okFrom || !okTo || a >= b {
		return minutes{}, fmt.Errorf("%q is not a time of a day such as 08:00-18:00", s)
	}
	return minutes{a, b}, nil
}

// parseClock reads "08:00", in minutes; 24:00 is the end of the day.
func parseClock(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	for _, i := range []int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	n := hour*60 + minute
	return n, minute < 60 && n <= minutesADay
}

func join(parts []minutes) []minutes {
	slices.SortFunc(parts, func(a, b minutes) int { return cmp.Compare(a.from, b.from) })
	var out []minutes
	for _, p := range parts {
		if n := len(out); n > 0 && p.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, p.to)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// wall returns what a clock in zone shows at a moment, in seconds from 1 January
// 1970 as if all days had 86,400 of them.
func wall(unix int64, zone *ical.Zone) int64 { return unix + int64(zone.Offset(unix)) }

// dayOf returns the number of the day of a wall time, from 1 January 1970.
func dayOf(wall int64) int64 { return floorDiv(wall, day) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// weekday returns the day of the week of a numbered day, from Monday; 1 January
// 1970 was a Thursday.
func weekday(n int64) int { return int(((n+3)%7 + 7) % 7) }

// Cover reports whether the whole time from start until before end is within the
// hours, by the clock on the wall in zone: over midnight, if both sides are.
func (h Hours) Cover(start, end int64, zone *ical.Zone) bool {
	if h.text == "" {
		return true
	}
	from, to := wall(start, zone), wall(max(start+1, end), zone)
	if to <= from { // the clocks went back meanwhile
		to = from + 1
	}
	last := dayOf(to - 1)
	if first := dayOf(from); last-first > 7 {
		last = first + 7 // each day of the week was seen
		to = (last + 1) * day
	}
	for n := dayOf(from); n <= last; n++ {
		if !h.covers(weekday(n), max(from-n*day, 0), min(to-n*day, day)) {
			return false
		}
	}
	return true
}

// covers reports whether one part of a day contains the seconds from until to.
func (h Hours) covers(weekday int, from, to int64) bool {
	return slices.ContainsFunc(h.days[weekday], func(m minutes) bool {
		return int64(m.from)*60 <= from && to <= int64(m.to)*60
	})
}

// openings calls fn with the moments at which a part of a day begins, in order,
// until it returns false.
func (h Hours) openings(from, to int64, zone *ical.Zone, fn func(at int64) bool) {
	for n := dayOf(wall(from, zone)); n*day <= wall(to, zone); n++ {
		for _, m := range h.days[weekday(n)] {
			at := zone.Unix(n*day + int64(m.from)*60)
			if at >= from && at < to && !fn(at) {
				return
			}
		}
	}
}

// Spans returns when the hours are open between two moments, in order and apart.
func (h Hours) Spans(from, to int64, zone *ical.Zone) []Span {
	if h.text == "" {
		return []Span{{from, to}}
	}
	var all []Span
	for n := dayOf(wall(from, zone)) - 1; n*day <= wall(to, zone); n++ {
		for _, m := range h.days[weekday(n)] {
			s := Span{max(zone.Unix(n*day+int64(m.from)*60), from), min(zone.Unix(n*day+int64(m.to)*60), to)}
			switch last := len(all) - 1; {
			case s.Start >= s.End:
			case last >= 0 && s.Start <= all[last].End:
				all[last].End = max(all[last].End, s.End)
			default:
				all = append(all, s)
			}
		}
	}
	return all
}
