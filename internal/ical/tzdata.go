package ical

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // so that zones are known where the host has no database
)

// A zoneName is a row of the tables in zonenames.go.
type zoneName struct {
	name string
	iana string // the canonical zone it stands for; "" if name is one
}

// loaded caches what LoadZone made: string → *Zone. A zone is immutable, and its
// name is one of the tables in zonenames.go or of the host's database, so that
// the cache is bounded by those and no caller can see it but by its speed.
var loaded sync.Map

// utcZone is the zone UTC.
var utcZone = (&Zone{name: "UTC", iana: "Etc/UTC", types: []zoneType{{abbrev: "UTC"}}}).finish(0)

// UTCZone returns the zone UTC; a nil *Zone means the same.
func UTCZone() *Zone { return utcZone }

// TZDataVersion returns the release of the IANA time zone database that the
// names and the embedded data are of, "2025c". A newer database of the host
// takes precedence over the embedded data.
func TZDataVersion() string { return tzdataVersion }

// LoadZone returns a zone by name: an IANA name or alias in any case, a name of
// Windows ("W. Europe Standard Time") or of Outlook ("(UTC+01:00) Amsterdam,
// Berlin, …"), an IANA name behind a vendor's prefix
// ("/mozilla.org/20050126_1/Europe/Berlin"), or a fixed offset ("UTC+01:00").
// Blanks and quotes around it are passed over. The error wraps ErrUnknownZone.
func LoadZone(name string) (*Zone, error) {
	if z, ok := loaded.Load(name); ok {
		return z.(*Zone), nil
	}
	name = strings.Trim(name, " \t\"'\\")
	if row, ok := findZone(ianaNames[:], name); ok {
		return loadIANA(row.name, row.iana)
	}
	if z := loadWindows(name); z != nil {
		return z, nil
	}
	for rest := name; ; {
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			break
		}
		rest = after
		if row, ok := findZone(ianaNames[:], rest); ok && strings.Contains(rest, "/") {
			return loadIANA(row.name, row.iana)
		}
	}
	if off, ok := fixedOffset(name); ok {
		return fixedZone(off), nil
	}
	if plausibleName(name) {
		return loadIANA(name, "")
	}
	return nil, fmt.Errorf("zone %q: %w", clip(name), ErrUnknownZone)
}

// ZoneNames returns the canonical names of the IANA zones, sorted.
func ZoneNames() []string {
	var names []string
	for i := range ianaNames {
		if ianaNames[i].iana == "" {
			names = append(names, ianaNames[i].name)
		}
	}
	sort.Strings(names)
	return names
}

// ZoneAliases returns the other IANA names of a zone with that canonical name.
func ZoneAliases(iana string) []string {
	var names []string
	for i := range ianaNames {
		if ianaNames[i].iana == iana && iana != "" {
			names = append(names, ianaNames[i].name)
		}
	}
	return names
}

// CanonicalZone returns the canonical IANA name of an IANA name or alias in any
// case; false if it is none.
func CanonicalZone(name string) (string, bool) {
	row, ok := findZone(ianaNames[:], name)
	if !ok {
		return "", false
	}
	return cmp.Or(row.iana, row.name), true
}

// findZone looks up a name in a table that is sorted without regard to case.
func findZone(table []zoneName, name string) (zoneName, bool) {
	if len(name) > 100 {
		return zoneName{}, false
	}
	i, ok := slices.BinarySearchFunc(table, name, func(row zoneName, name string) int {
		return foldCompare(row.name, name)
	})
	if !ok {
		return zoneName{}, false
	}
	return table[i], true
}

// foldCompare compares two strings with the case of ASCII letters removed.
func foldCompare(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := foldByte(a[i]), foldByte(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func foldByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// plausibleName reports whether a name that is in no table may be that of a zone
// which is younger than the tables: "America/New_Place". Nothing else is looked
// up among the host's files.
func plausibleName(name string) bool {
	area, place, ok := strings.Cut(name, "/")
	if !ok || area == "" || place == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		c := foldByte(name[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '+' && c != '/' {
			return false
		}
	}
	return 'A' <= name[0] && name[0] <= 'Z'
}

// loadIANA returns the zone that the database has as name. iana is its canonical
// name, or "".
func loadIANA(name, iana string) (*Zone, error) {
	if z, ok := loaded.Load(name); ok {
		return z.(*Zone), nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil && iana != "" {
		loc, err = time.LoadLocation(iana) // a host without the aliases
	}
	if err != nil {
		return nil, fmt.Errorf("zone %q: %w", clip(name), ErrUnknownZone)
	}
	z := zoneOfLocation(loc)
	z.name, z.iana = name, cmp.Or(iana, name)
	first, _ := loaded.LoadOrStore(name, z)
	return first.(*Zone), nil
}

// sampleFrom and sampleTo are the years whose clock changes tell what a zone
// does each year from now on. The database has explicit changes until 2087.
const sampleFrom, sampleTo = 2100, 2139

// zoneOfLocation takes the clock settings out of a time.Location.
func zoneOfLocation(loc *time.Location) *Zone {
	z := &Zone{}
	t := time.Unix(math.MinInt32*4, 0).In(loc)
	z.typeOf(t)
	last, end := uint16(0), time.Date(sampleTo+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for t.Before(end) {
		_, next := t.ZoneBounds()
		if next.IsZero() {
			break
		}
		if !next.After(t) {
			// On the last day of a leap year after the last explicit change
			// ZoneBounds gives no end. No zone changes its clocks that day.
			next = t.Add(24 * time.Hour)
		}
		t = next
		if typ := z.typeOf(t); typ != last {
			z.trans = append(z.trans, transition{t.Unix(), typ})
			last = typ
		}
	}
	return z.findRules()
}

// typeOf returns the index of the clock setting at t, which may be a new one.
func (z *Zone) typeOf(t time.Time) uint16 {
	name, off := t.Zone()
	return z.addType(zoneType{int32(off), t.IsDST(), name})
}

func (z *Zone) addType(typ zoneType) uint16 {
	if i := slices.Index(z.types, typ); i >= 0 {
		return uint16(i)
	}
	z.types = append(z.types, typ)
	return uint16(len(z.types) - 1)
}

// findRules replaces the transitions that recur each year by rules.
func (z *Zone) findRules() *Zone {
	begin := daysOfCivil(sampleFrom, 1, 1) * secondsPerDay
	n := sort.Search(len(z.trans), func(i int) bool { return z.trans[i].at >= begin })
	sample := z.trans[n:]
	perYear := len(sample) / (sampleTo - sampleFrom + 1)
	if perYear == 0 || perYear > 4 || len(sample)%perYear != 0 {
		return z.finish(0)
	}
	rules := make([]yearRule, 0, perYear)
	for k := range perYear {
		rule, ok := z.inferRule(sample, k, perYear)
		if !ok {
			return z.finish(0)
		}
		rules = append(rules, rule)
	}
	// The rules hold back to the first year that they describe whole.
	year := sampleFrom
	for n >= perYear && z.matches(z.trans[n-perYear:n], rules, year-1) {
		n -= perYear
		year--
	}
	z.trans, z.rules = slices.Clip(z.trans[:n]), rules
	from := rules[0].at(year)
	for i := range rules {
		from = min(from, rules[i].at(year))
	}
	return z.finish(from)
}

// matches reports whether rules give exactly those transitions in a year.
func (z *Zone) matches(trans []transition, rules []yearRule, year int) bool {
	for i := range trans {
		if trans[i] != (transition{rules[i].at(year), rules[i].typ}) {
			return false
		}
	}
	return true
}

// inferRule finds what the kth of each year's transitions have in common.
func (z *Zone) inferRule(sample []transition, k, perYear int) (yearRule, bool) {
	before := sample[(k+perYear-1)%perYear].typ
	r := yearRule{typ: sample[k].typ, from: z.types[before].offset}
	for _, shift := range []int64{0, 1, -1} { // days that the time of day may be off by
		if z.fitRule(&r, sample, k, perYear, shift*secondsPerDay) {
			return r, true
		}
	}
	return r, false
}

// fitRule completes r, if the transitions are on one weekday within the same
// seven days of a month, or all on the same day of it. shift is added to the
// seconds of the day.
func (z *Zone) fitRule(r *yearRule, sample []transition, k, perYear int, shift int64) bool {
	least, most, same, wdays := 32, 0, 0, [7]int{}
	for i := k; i < len(sample); i += perYear {
		wall := sample[i].at + int64(r.from) - shift
		days := floorDiv(wall, secondsPerDay)
		secs := int32(wall - days*secondsPerDay + shift)
		year, month, day := civilOfDays(days)
		if i == k {
			r.secs, r.month = secs, int8(month)
		}
		if secs != r.secs || month != int(r.month) || year != sampleFrom+i/perYear || sample[i].typ != r.typ {
			return false
		}
		least, most, same = min(least, day), max(most, day), same+1
		r.wday = int8(weekday(days))
		wdays[r.wday]++
	}
	switch {
	case wdays[r.wday] == same && most-least == 6:
		r.day = int8(least)
	case least == most:
		r.day, r.wday = int8(least), -1
	default:
		return false
	}
	return true
}
