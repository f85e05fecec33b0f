package ical

import (
	"fmt"
	"strings"
)

// olderWindowsNames are names of Windows that CLDR has dropped, sorted without
// regard to case. Outlook goes on sending them.
var olderWindowsNames = [...]zoneName{
	{"Armenian Standard Time", "Asia/Yerevan"},
	{"Kamchatka Standard Time", "Asia/Kamchatka"},
	{"Mexico Standard Time", "America/Mexico_City"},
	{"Mexico Standard Time 2", "America/Chihuahua"},
	{"Mid-Atlantic Standard Time", "Etc/GMT+2"},
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
	row, ok := findZone(windowsNames[:], name)
	if !ok {
		row, ok = findZone(olderWindowsNames[:], name)
	}
	if !ok {
		name = strings.Replace(name, " Daylight Time", " Standard Time", 1)
		if row, ok = findZone(windowsNames[:], name); !ok {
			return nil
		}
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
