package rscale

import "strings"

// A Calendar is a calendar system other than the Gregorian, as the days of its
// months. Its years are numbered as its users do, or in another way: rules count
// them from DTSTART on. Days are counted from 1 January 1970.
type Calendar interface {
	// Year returns a year. One for which there is no table has no months; its
	// first day is a guess.
	Year(n int) Year

	// MonthsBefore returns how many months there are before a year, counted from
	// a year that is the same for all n.
	MonthsBefore(n int) int64

	// YearNear returns a year that is not far from a day.
	YearNear(day int64) int
}

// A Year is a year of a Calendar.
type Year struct {
	First  int64     // its first day
	Days   int       // its length
	Count  int       // of Months that are in use
	Months [13]Month // in order
}

// A Month is a month of a Year. A leap month has the number of the month that it
// follows (RFC 7529 §4.2).
type Month struct {
	At     int16 // days from the first of the year to the first of the month
	Length int8
	Number int8 // from 1
	Leap   bool
}

// add appends a month to y.
func (y *Year) add(length int, number int8, leap bool) {
	y.Months[y.Count] = Month{int16(y.Days), int8(length), number, leap}
	y.Count++
	y.Days += length
}

// MonthAt returns the index of the month that a day of the year is in, counted
// from 0.
func (y *Year) MonthAt(day int) int {
	i := 0
	for i+1 < y.Count && day >= int(y.Months[i+1].At) {
		i++
	}
	return i
}

// YearOn returns the number of the year that a day is in, and the year.
func YearOn(c Calendar, day int64) (int, Year) {
	n := c.YearNear(day)
	y := c.Year(n)
	for day < y.First {
		n--
		y = c.Year(n)
	}
	for y.Count > 0 && day >= y.First+int64(y.Days) {
		n++
		y = c.Year(n)
	}
	return n, y
}

// A System is a value of RSCALE.
type System struct {
	// Name is the name in CLDR, in upper case.
	Name string

	// Calendar is nil for those with the days and months of the Gregorian.
	Calendar Calendar

	// Months is how many months a year has that are no leap months.
	Months int

	// LeapMonths has bit n set if a leap month can follow month n.
	LeapMonths uint16
}

// everyMonth has the bits 1 to 12.
const everyMonth = 0x1ffe

// systems are sorted by name, GREGORIAN first. Of those that CLDR has, ISLAMIC and
// ISLAMIC-RGSA are missing: they follow the sighting of the moon.
var systems = [...]System{
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

// aliases are other names of systems (RFC 7529 §5).
var aliases = map[string]string{"GREGORY": "GREGORIAN", "ISLAMICC": "ISLAMIC-CIVIL", "ETHIOAA": "ETHIOPIC-AMETE-ALEM"}

// Gregorian returns the system of a rule without RSCALE.
func Gregorian() *System { return &systems[0] }

// Find returns the system of a name in any case, or nil.
func Find(name string) *System {
	name = strings.ToUpper(name)
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	for i := range systems {
		if systems[i].Name == name {
			return &systems[i]
		}
	}
	return nil
}

// Names returns the names of the systems.
func Names() []string {
	names := make([]string, len(systems))
	for i := range systems {
		names[i] = systems[i].Name
	}
	return names
}
