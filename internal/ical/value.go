package ical

import (
	"errors"
	"fmt"
	"strings"
)

// ErrValue is the reason of every error about the value of a property: a date
// that is none, a duration without a number. Errors wrap it.
var ErrValue = errors.New("wrong value")

// A Kind says what a DateTime means (RFC 5545 §3.3.4, §3.3.5).
type Kind uint8

const (
	// Date is a day without a time (VALUE=DATE).
	Date Kind = iota
	// Floating is a local time wherever the reader is.
	Floating
	// UTC is a time that ends in Z.
	UTC
	// Zoned is a local time of a zone (TZID).
	Zoned
)

// String returns "date", "floating", "utc" or "zoned".
func (k Kind) String() string {
	switch k {
	case Date:
		return "date"
	case Floating:
		return "floating"
	case UTC:
		return "utc"
	}
	return "zoned"
}

// A DateTime is a DATE or DATE-TIME as it was written. Two are the same moment
// of the same kind if they are ==.
type DateTime struct {
	// Wall is what the clock on the wall shows: seconds from 1 January 1970
	// 00:00, counted as if every day had 86,400 seconds and no zone an offset.
	Wall int64
	Kind Kind
	Zone *Zone // if Kind is Zoned; else nil
}

// IsZero reports whether t is no time at all: the zero DateTime. (The DATE
// 1 January 1970 is taken for it, which no calendar will notice.)
func (t DateTime) IsZero() bool { return t == DateTime{} }

// Unix returns the moment of t in seconds from 1 January 1970 UTC. floating is
// the zone of the reader, for DATE and floating times (RFC 4791 §7.3); nil is
// UTC. A local time that occurs twice is the first; one that does not occur has
// the offset from before the gap (RFC 5545 §3.3.5).
func (t DateTime) Unix(floating *Zone) int64 {
	switch t.Kind {
	case UTC:
		return t.Wall
	case Zoned:
		return t.Zone.Unix(t.Wall)
	}
	return floating.Unix(t.Wall)
}

// A Duration is a DURATION value (RFC 5545 §3.3.6). Days are nominal: a day is
// the same wall time tomorrow, whether 23, 24 or 25 hours away. Seconds are
// exact. Both have the sign of the value.
type Duration struct {
	Days, Seconds int64
}

// A Period is a PERIOD value (RFC 5545 §3.3.9). End is computed if the source
// had a duration.
type Period struct {
	Start, End DateTime
}

const secondsPerDay = 24 * 60 * 60

// daysOfCivil returns the days from 1 January 1970 to the date, of the Gregorian
// calendar extended to all years.
func daysOfCivil(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	mp := (m + 9) % 12
	doy := (153*mp+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// civilOfDays is the inverse of daysOfCivil.
func civilOfDays(days int64) (year, month, day int) {
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m := mp + 3
	if m > 12 {
		m -= 12
	}
	y := yoe + era*400
	if m <= 2 {
		y++
	}
	return int(y), int(m), int(d)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// daysInMonth returns 28 to 31; month is from 1 to 12.
func daysInMonth(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// parseWall reads YYYYMMDD and, if there is more, THHMMSS[Z]. A leap second, 60,
// is taken as 59 (RFC 5545 §3.3.12 lets readers do so). YYYYMMDDZ, which Google has
// for birthdays, is a day.
func parseWall(s string) (wall int64, hasTime, utc bool, err error) {
	s = strings.TrimSpace(s)
	text := s
	bad := func() error { return fmt.Errorf("date %q: %w", clip(text), ErrValue) }
	if len(s) == 9 && s[8]|0x20 == 'z' {
		s = s[:8]
	}
	if len(s) != 8 && len(s) != 15 && len(s) != 16 {
		return 0, false, false, bad()
	}
	year, ok1 := digits(s[:4])
	month, ok2 := digits(s[4:6])
	day, ok3 := digits(s[6:8])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) {
		return 0, false, false, bad()
	}
	wall = daysOfCivil(year, month, day) * secondsPerDay
	if len(s) == 8 {
		return wall, false, false, nil
	}
	hour, ok1 := digits(s[9:11])
	minute, ok2 := digits(s[11:13])
	second, ok3 := digits(s[13:15])
	if s[8]|0x20 != 't' || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return 0, false, false, bad()
	}
	if len(s) == 16 {
		if s[15]|0x20 != 'z' {
			return 0, false, false, bad()
		}
		utc = true
	}
	return wall + int64(hour*3600+minute*60+min(second, 59)), true, utc, nil
}

// ParseDateTime reads a DATE or DATE-TIME (RFC 5545 §3.3.4, §3.3.5). tzid is the
// TZID parameter or "", zones resolves it. isDate: the property has VALUE=DATE;
// then a time in value, which some clients write, is dropped. A value without a
// time is a DATE whatever isDate says. A value that ends in Z is in UTC, whatever
// tzid says.
//
// Errors wrap ErrValue, or are those of zones for a TZID that nobody knows.
func ParseDateTime(value, tzid string, isDate bool, zones *Zones) (DateTime, error) {
	wall, hasTime, utc, err := parseWall(value)
	switch {
	case err != nil:
		return DateTime{}, err
	case !hasTime:
		return DateTime{Wall: wall, Kind: Date}, nil
	case isDate:
		return DateTime{Wall: floorDiv(wall, secondsPerDay) * secondsPerDay, Kind: Date}, nil
	case utc:
		return DateTime{Wall: wall, Kind: UTC}, nil
	case tzid == "":
		return DateTime{Wall: wall, Kind: Floating}, nil
	}
	zone, err := zones.Lookup(tzid)
	if err != nil {
		return DateTime{}, err
	}
	return DateTime{Wall: wall, Kind: Zoned, Zone: zone}, nil
}

// String returns t as a value: 20240229, 20240229T120000 or 20240229T120000Z.
func (t DateTime) String() string { return string(t.Append(nil)) }

// Append appends t as String returns it. Years are those from 0 to 9999.
func (t DateTime) Append(dst []byte) []byte {
	days := floorDiv(t.Wall, secondsPerDay)
	year, month, day := civilOfDays(days)
	year = min(max(year, 0), 9999)
	dst = append(dst, byte('0'+year/1000), byte('0'+year/100%10))
	dst = append2(append2(append2(dst, year%100), month), day)
	if t.Kind == Date {
		return dst
	}
	second := int(t.Wall - days*secondsPerDay)
	dst = append(dst, 'T')
	dst = append2(append2(append2(dst, second/3600), second/60%60), second%60)
	if t.Kind == UTC {
		dst = append(dst, 'Z')
	}
	return dst
}

// append2 appends n as two digits.
func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// Civil returns the date and the second of the day, 0 to 86,399, that t's wall
// shows.
func (t DateTime) Civil() (year, month, day, second int) {
	days := floorDiv(t.Wall, secondsPerDay)
	year, month, day = civilOfDays(days)
	return year, month, day, int(t.Wall - days*secondsPerDay)
}

// DateTime reads the value of p, with its TZID and VALUE, as ParseDateTime does.
func (p *Property) DateTime(zones *Zones) (DateTime, error) {
	return ParseDateTime(p.Value, p.Param("TZID"), p.isDate(), zones)
}

// DateTimes reads the list of values of p, as EXDATE has it, as ParseDateTime
// does. Empty items are passed over. Periods are not read: see Periods.
func (p *Property) DateTimes(zones *Zones) ([]DateTime, error) {
	tzid, isDate := p.Param("TZID"), p.isDate()
	var all []DateTime
	for value := range strings.SplitSeq(p.Value, ",") {
		if strings.TrimSpace(value) == "" {
			continue
		}
		t, err := ParseDateTime(value, tzid, isDate, zones)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func (p *Property) isDate() bool { return strings.EqualFold(p.Param("VALUE"), "DATE") }

// digits reads a number of ASCII digits alone.
func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, len(s) > 0
}

// clip shortens what an error message quotes from a client's data.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
