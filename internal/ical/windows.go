package ical

import (
	"fmt"
	"slices"
	"strings"
)

// olderWindowsNames are names of Windows that CLDR has dropped, and those of
// Exchange and Notes that no rule makes out of one of Windows, sorted without
// regard to case. Their calendars live on.
var olderWindowsNames = [...]zoneName{
	{"Armenian Standard Time", "Asia/Yerevan"},
	{"Kamchatka Standard Time", "Asia/Kamchatka"},
	{"Mexico Standard Time", "America/Mexico_City"},
	{"Mexico Standard Time 2", "America/Chihuahua"},
	{"Mid-Atlantic Standard Time", "Etc/GMT+2"},
	{"tzone://Microsoft/Utc", "Etc/UTC"},
	{"Western/Central Europe", "Europe/Berlin"},
}

// findWindows finds the row of a name that Windows, Outlook, Exchange or Notes has
// for a zone.
func findWindows(name string) (zoneName, bool) {
	if row, ok := findZone(windowsNames[:], name); ok {
		return row, true
	}
	if row, ok := findZone(olderWindowsNames[:], name); ok {
		return row, true
	}
	// Outlook numbers the definitions that it has more than one of.
	if n := len(name) - 2; n > 0 && name[n] == ' ' && '0' <= name[n+1] && name[n+1] <= '9' {
		name = name[:n]
	}
	registry := name // which Notes shortens
	if base, ok := strings.CutSuffix(name, " Daylight Time"); ok {
		registry = base
	}
	if !strings.HasSuffix(registry, " Standard Time") {
		registry += " Standard Time"
	}
	if row, ok := findZone(windowsNames[:], registry); ok {
		return row, true
	}
	return findCities(name)
}

// findCities finds the zone that Outlook has for cities, also if some of them are
// missing: older versions wrote "Sarajevo/Warsaw/Zagreb" for "Sarajevo, Skopje,
// Warsaw, Zagreb".
func findCities(name string) (zoneName, bool) {
	cities := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == ',' || r == ';' })
	if len(cities) < 2 || len(cities) > 10 || name[0] == '/' { // that is a vendor's prefix
		return zoneName{}, false
	}
	for i := range cities {
		cities[i] = strings.TrimSpace(cities[i])
	}
	for _, row := range windowsNames {
		if strings.Contains(row.name, cities[0]) && containsAll(strings.Split(row.name, ", "), cities) {
			return row, true
		}
	}
	return zoneName{}, false
}

// containsAll reports whether all of want are in have.
func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
}

// loadWindows returns the zone that Windows or Outlook has under a name, or nil.
// A display name may come with its offset, "(UTC+01:00) Brussels, Copenhagen,
// Madrid, Paris", and a registry name without "Standard".
func loadWindows(name string) *Zone {
	if strings.HasPrefix(name, "(") {
		if _, rest, ok := strings.Cut(name, ")"); ok {
			name = strings.TrimSpace(rest)
		}
	}
	row, ok := findWindows(name)
	if !ok {
		return nil
	}
	if z, ok := loaded.Load(row.name); ok {
		return z.(*Zone)
	}
	iana, ok := CanonicalZone(row.iana)
	if !ok {
		return nil
	}
	of, err := loadIANA(iana, "")
	if err != nil {
		return nil
	}
	z := *of
	z.name = row.name
	first, _ := loaded.LoadOrStore(row.name, &z)
	return first.(*Zone)
}

// fixedOffset reads "UTC+01:00", "GMT-5", "+0530" and the like, in seconds.
func fixedOffset(name string) (int, bool) {
	if len(name) >= 3 && (strings.EqualFold(name[:3], "UTC") || strings.EqualFold(name[:3], "GMT")) {
		name = name[3:]
	}
	if name == "Z" || name == "z" {
		return 0, true
	}
	if len(name) < 2 || name[0] != '+' && name[0] != '-' {
		return 0, false
	}
	h, m, colon := strings.Cut(name[1:], ":")
	if !colon && len(h) == 4 {
		h, m = h[:2], h[2:]
	}
	hours, ok := digits(h)
	minutes, ok2 := 0, true
	if m != "" {
		minutes, ok2 = digits(m)
	}
	if !ok || !ok2 || len(h) > 2 || len(m) > 2 || hours > 14 || minutes > 59 {
		return 0, false
	}
	off := hours*3600 + minutes*60
	if name[0] == '-' {
		off = -off
	}
	return off, true
}

// fixedZone returns the zone of an offset in seconds, named "UTC+01:00".
func fixedZone(off int) *Zone {
	if off == 0 {
		return utcZone
	}
	sign, abs := '+', off
	if off < 0 {
		sign, abs = '-', -off
	}
	name := fmt.Sprintf("UTC%c%02d:%02d", sign, abs/3600, abs/60%60)
	z := (&Zone{name: name, types: []zoneType{{offset: int32(off), abbrev: name}}}).finish(0)
	first, _ := loaded.LoadOrStore(name, z)
	return first.(*Zone)
}
