package ical

import (
	"fmt"
	"strconv"
	"strings"
)

// maxUnits bounds each number of a duration: in any unit it is more than the years
// that a date can be.
const maxUnits = 400_000_000_000

// ParseDuration reads a DURATION (RFC 5545 §3.3.6). More than its grammar is taken:
// "P1DT", weeks with other units, lower case. Errors wrap ErrValue.
func ParseDuration(value string) (Duration, error) {
	s := strings.ToUpper(strings.TrimSpace(value))
	bad := func() error { return fmt.Errorf("duration %q: %w", clip(value), ErrValue) }
	sign := int64(1)
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if s == "" || s[0] != 'P' {
		return Duration{}, bad()
	}
	var d Duration
	units, time := 0, false
	for s = s[1:]; s != ""; units++ {
		if s[0] == 'T' && !time {
			if time, s = true, s[1:]; s == "" {
				break
			}
		}
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		count, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil || count > maxUnits || n == len(s) {
			return Duration{}, bad()
		}
		if !d.add(s[n], time, sign*count) {
			return Duration{}, bad()
		}
		s = s[n+1:]
	}
	if units == 0 {
		return Duration{}, bad()
	}
	return d, nil
}

// add adds count of a unit, and reports whether there is such a unit and the sum
// is not absurd.
func (d *Duration) add(unit byte, time bool, count int64) bool {
	switch {
	case unit == 'W' && !time:
		d.Days += 7 * count
	case unit == 'D' && !time:
		d.Days += count
	case unit == 'H' && time:
		d.Seconds += 3600 * count
	case unit == 'M' && time:
		d.Seconds += 60 * count
	case unit == 'S' && time:
		d.Seconds += count
	default:
		return false
	}
	return max(d.Days, -d.Days) <= maxUnits/secondsPerDay && max(d.Seconds, -d.Seconds) <= maxUnits
}

// Exact returns d in seconds, with days of 24 hours.
func (d Duration) Exact() int64 { return d.Days*secondsPerDay + d.Seconds }

// String returns d as a value: -P1DT2H, PT15M, P2W, PT0S. Days and seconds of
// opposite signs, which no value has, are joined with days of 24 hours.
func (d Duration) String() string {
	days, seconds := d.Days, d.Seconds
	if (days < 0) != (seconds < 0) && days != 0 && seconds != 0 {
		days, seconds = 0, d.Exact()
	}
	b := make([]byte, 0, 24)
	if days < 0 || seconds < 0 {
		b = append(b, '-')
		days, seconds = -days, -seconds
	}
	b = append(b, 'P')
	if days != 0 && days%7 == 0 && seconds == 0 {
		return string(append(strconv.AppendInt(b, days/7, 10), 'W'))
	}
	if days != 0 {
		b = append(strconv.AppendInt(b, days, 10), 'D')
	}
	if seconds != 0 || days == 0 {
		b = append(b, 'T')
	}
	for _, unit := range []struct {
		seconds int64
		letter  byte
	}{{3600, 'H'}, {60, 'M'}, {1, 'S'}} {
		if n := seconds / unit.seconds; n != 0 || (unit.seconds == 1 && b[len(b)-1] == 'T') {
			b = append(strconv.AppendInt(b, n, 10), unit.letter)
			seconds -= n * unit.seconds
		}
	}
	return string(b)
}

// Add returns t moved by d: the days on the wall, then the seconds in time
// (RFC 5545 §3.3.6). A DATE moves by whole days, and by its seconds rounded up to
// them: an hour of a day is that day.
func (t DateTime) Add(d Duration) DateTime {
	t.Wall += d.Days * secondsPerDay
	switch {
	case d.Seconds == 0:
	case t.Kind == Date:
		t.Wall -= floorDiv(-d.Seconds, secondsPerDay) * secondsPerDay
	case t.Kind == Zoned && t.Zone != nil:
		t.Wall = t.Zone.Wall(t.Zone.Unix(t.Wall) + d.Seconds)
	default:
		t.Wall += d.Seconds
	}
	return t
}

// ParsePeriod reads a PERIOD (RFC 5545 §3.3.9), with tzid and zones as for
// ParseDateTime. Errors wrap ErrValue.
func ParsePeriod(value, tzid string, zones *Zones) (Period, error) {
	first, second, ok := strings.Cut(value, "/")
	if !ok {
		return Period{}, fmt.Errorf("period %q: %w", clip(value), ErrValue)
	}
	start, err := ParseDateTime(first, tzid, false, zones)
	if err != nil {
		return Period{}, err
	}
	if trimmed := strings.TrimLeft(second, " +-"); trimmed != "" && trimmed[0]|0x20 == 'p' {
		d, err := ParseDuration(second)
		if err != nil {
			return Period{}, err
		}
		return Period{start, start.Add(d)}, nil
	}
	end, err := ParseDateTime(second, tzid, false, zones)
	if err != nil {
		return Period{}, err
	}
	return Period{start, end}, nil
}

// Periods reads the list of periods of p, as FREEBUSY has it. Empty items are
// passed over.
func (p *Property) Periods(zones *Zones) ([]Period, error) {
	tzid := p.Param("TZID")
	var all []Period
	for value := range strings.SplitSeq(p.Value, ",") {
		if strings.TrimSpace(value) == "" {
			continue
		}
		period, err := ParsePeriod(value, tzid, zones)
		if err != nil {
			return nil, err
		}
		all = append(all, period)
	}
	return all, nil
}

// ParseOffset reads a UTC-OFFSET (RFC 5545 §3.3.14): +0100, -053020; also +01:00
// and +01. The result is in seconds east of UTC. Errors wrap ErrValue.
func ParseOffset(value string) (seconds int, err error) {
	s := strings.ReplaceAll(strings.TrimSpace(value), ":", "")
	sign := 1
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	n, ok := digits(s)
	switch {
	case !ok:
	case len(s) == 2:
		n *= 10000
	case len(s) == 4:
		n *= 100
	case len(s) != 6:
		ok = false
	}
	if !ok || n/10000 > 23 || n/100%100 > 59 || n%100 > 59 {
		return 0, fmt.Errorf("offset from UTC %q: %w", clip(value), ErrValue)
	}
	return sign * (n/10000*3600 + n/100%100*60 + n%100), nil
}

// FormatOffset is the UTC-OFFSET value for seconds east of UTC: +0100.
func FormatOffset(seconds int) string {
	b := []byte{'+'}
	if seconds < 0 {
		b[0], seconds = '-', -seconds
	}
	b = append2(append2(b, seconds/3600), seconds/60%60)
	if seconds%60 != 0 {
		b = append2(b, seconds%60)
	}
	return string(b)
}
