package ical

import "strings"

// A scale is a calendar system other than the Gregorian, as the days of its
// months (RFC 7529 §4). Its years are numbered as its users do, or in another way:
// rules count them from DTSTART on.
type scale interface {
	// year returns a year. One that the scale does not know, for want of a
	// table, has no months; its first day is a guess.
	year(n int) scaleYear

	// monthsBefore returns how many months there are before a year, counted from
	// some year on.
	monthsBefore(year int) int64

	// yearNear returns a year that is not far from a day.
	yearNear(day int64) int
}

// A scaleYear is a year of a scale: first is its day counted from 1 January 1970.
type scaleYear struct {
	first  int64
	days   int
	count  int // of months
	months [13]scaleMonth
}

// A scaleMonth is a month of a year. A leap month has the number of the one it
// follows (RFC 7529 §4.2).
type scaleMonth struct {
	at     int16 // days from the first of the year to its own
	length int8
	number int8
	leap   bool
}

// add appends a month to y.
func (y *scaleYear) add(length int, number int8, leap bool) {
	y.months[y.count] = scaleMonth{int16(y.days), int8(length), number, leap}
	y.count++
	y.days += length
}

// monthAt returns the index of the month that a day of the year is in, counted
// from 0.
func (y *scaleYear) monthAt(day int) int {
	i := 0
	for i+1 < y.count && day >= int(y.months[i+1].at) {
		i++
	}
	return i
}

// yearOn returns the number of the year that a day is in, and the year.
func yearOn(s scale, day int64) (int, scaleYear) {
	n := s.yearNear(day)
	y := s.year(n)
	for day < y.first {
		n--
		y = s.year(n)
	}
	for y.count > 0 && day >= y.first+int64(y.days) {
		n++
		y = s.year(n)
	}
	return n, y
}

// A scaleInfo is a calendar system that rules may be of.
type scaleInfo struct {
	name  string
	scale scale // nil: has the days and months of the Gregorian
	most  int   // numbers of months that are no leap months
	leaps uint16
}

// everyMonth has the bits 1 to 12.
const everyMonth = 0x1ffe

// scales are the calendar systems, by their names in CLDR. Of those that CLDR has,
// ISLAMIC and ISLAMIC-RGSA are missing: they follow the sighting of the moon.
var scales = [...]scaleInfo{
	{"GREGORIAN", nil, 12, 0},
	{"BUDDHIST", nil, 12, 0},
	{"CHINESE", lunar{&chineseYears}, 12, everyMonth},
	{"COPTIC", ethiopic{}, 13, 0},
	{"DANGI", lunar{&dangiYears}, 12, everyMonth},
	{"ETHIOPIC", ethiopic{}, 13, 0},
	{"ETHIOPIC-AMETE-ALEM", ethiopic{}, 13, 0},
	{"HEBREW", hebrew{}, 12, 1 << 5},
	{"INDIAN", indian{}, 12, 0},
	{"ISLAMIC-CIVIL", islamic{islamicCivil}, 12, 0},
	{"ISLAMIC-TBLA", islamic{islamicTBLA}, 12, 0},
	{"ISLAMIC-UMALQURA", ummAlQura{}, 12, 0},
	{"JAPANESE", nil, 12, 0},
	{"PERSIAN", persian{}, 12, 0},
	{"ROC", nil, 12, 0},
}

// scaleAliases are other names of scales (RFC 7529 §5).
var scaleAliases = map[string]string{"GREGORY": "GREGORIAN", "ISLAMICC": "ISLAMIC-CIVIL", "ETHIOAA": "ETHIOPIC-AMETE-ALEM"}

// findScale returns the calendar system of a name in any case, or nil.
func findScale(name string) *scaleInfo {
	name = strings.ToUpper(name)
	if alias, ok := scaleAliases[name]; ok {
		name = alias
	}
	for i := range scales {
		if scales[i].name == name {
			return &scales[i]
		}
	}
	return nil
}

// RScales returns the calendars that rules may be of (RFC 7529 §10, the property
// supported-rscale-set).
func RScales() []string {
	names := make([]string, len(scales))
	for i := range scales {
		names[i] = scales[i].name
	}
	return names
}
