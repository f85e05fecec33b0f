package ical

import (
	"math"
	"slices"
	"strings"
)

// StripStandardZones returns cal without the VTIMEZONEs of zones that the server
// and all its clients know by their name, for clients that send CalDAV-Timezones:
// F (RFC 7809 §3.1.2). The TZID must be an IANA name as such, alias or not, and the
// definition must give all times of cal the offsets that the IANA zone gives them:
// one that says otherwise stays. The result shares its other components with cal,
// and is cal if nothing is left out.
func StripStandardZones(cal *Component) *Component {
	tzids := standardZones(cal)
	if len(tzids) == 0 {
		return cal
	}
	c := *cal
	c.Children = slices.DeleteFunc(slices.Clone(cal.Children), func(c *Component) bool {
		return c.Name == "VTIMEZONE" && slices.Contains(tzids, tzidOf(c))
	})
	return &c
}

// standardZones returns the TZIDs of the VTIMEZONEs that may be left out of cal.
func standardZones(cal *Component) []string {
	var tzids []string
	zones := NewZones(cal)
	for _, c := range cal.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		tzid := tzidOf(c)
		if !StandardZone(tzid) {
			continue
		}
		// nil: none that can be read. Without it the name means the same.
		if own := zones.Own(tzid); own == nil || own.equalsStandard(tzid, cal) {
			tzids = append(tzids, tzid)
		}
	}
	return tzids
}

// equalsStandard reports whether z has the offsets of the IANA zone of that name,
// in the years for which IANA compares them and at all times in cal.
func (z *Zone) equalsStandard(tzid string, cal *Component) bool {
	standard, err := LoadZone(tzid)
	if err != nil || z.iana != standard.iana {
		return false
	}
	first, last := int64(sameFrom), int64(sameTo)
	for _, c := range cal.Children {
		if c.Name != "VTIMEZONE" {
			first, last = c.reach(tzid, first, last)
		}
	}
	return first == sameFrom && last == sameTo || z.sameBetween(standard, first, last)
}

// reach widens a range of time, in Unix seconds, to all times of c with a TZID.
func (c *Component) reach(tzid string, first, last int64) (int64, int64) {
	for i := range c.Props {
		p := &c.Props[i]
		if name := p.Param("TZID"); name == "" || !strings.EqualFold(strings.TrimSpace(name), tzid) {
			continue
		}
		for item := range strings.FieldsFuncSeq(p.Value, func(r rune) bool { return r == ',' || r == '/' }) {
			if wall, _, _, err := parseWall(item); err == nil {
				first, last = min(first, wall-secondsPerDay), max(last, wall+secondsPerDay)
			}
		}
	}
	for _, child := range c.Children {
		first, last = child.reach(tzid, first, last)
	}
	return first, last
}

// tzidOf returns the TZID of a VTIMEZONE, "" if it has none. It is a text, in which a comma
// is escaped (RFC 5545 §3.8.3.1); in the parameters that name it, it is quoted.
func tzidOf(c *Component) string {
	if p := c.Prop("TZID"); p != nil {
		return p.Text()
	}
	return ""
}

// StandardZone reports whether a TZID is the name of an IANA zone, spelled as the
// database does (RFC 7809 §3.1.1).
func StandardZone(tzid string) bool {
	row, ok := findZone(ianaNames[:], tzid)
	return ok && row.name == tzid
}

// AddZones returns cal with a VTIMEZONE for each TZID that is used in it without
// being defined, for clients that do not send CalDAV-Timezones: F. TZIDs that
// nobody knows are passed over. The definitions reach back to 1970, or all the way
// if an earlier time is used. They come before the other components, which the
// result shares with cal; it is cal if nothing is missing.
func AddZones(cal *Component) *Component {
	u := zoneUse{early: map[string]bool{}}
	for _, child := range cal.Children {
		if child.Name != "VTIMEZONE" {
			u.add(child)
			continue
		}
		if tzid := tzidOf(child); tzid != "" {
			u.defined = append(u.defined, tzid)
		}
	}
	var zones []*Component
	for _, tzid := range u.used {
		if slices.Contains(u.defined, tzid) {
			continue
		}
		from := int64(0)
		if u.early[tzid] {
			from = math.MinInt64
		}
		if c, err := VTimezone(tzid, from, math.MaxInt64); err == nil {
			zones = append(zones, c)
		}
	}
	if len(zones) == 0 {
		return cal
	}
	c := *cal
	c.Children = append(zones, cal.Children...)
	return &c
}

// A zoneUse collects the TZIDs of a calendar.
type zoneUse struct {
	used, defined []string
	early         map[string]bool // used for a time before 1970
}

func (u *zoneUse) add(c *Component) {
	for i := range c.Props {
		p := &c.Props[i]
		tzid := p.Param("TZID")
		if tzid == "" {
			continue
		}
		if !slices.Contains(u.used, tzid) {
			u.used = append(u.used, tzid)
		}
		for value := range strings.SplitSeq(p.Value, ",") {
			if value < "1970" && value != "" {
				u.early[tzid] = true
			}
		}
	}
	for _, child := range c.Children {
		u.add(child)
	}
}

// sameTZID reports whether a TZID parameter means the VTIMEZONE of that TZID: as
// Zones.Own sees it.
func sameTZID(param, defined string) bool {
	return strings.EqualFold(strings.TrimSpace(param), strings.TrimSpace(defined))
}

// ZonesOf returns the VTIMEZONEs of c that components use.
func (c *Component) ZonesOf(components []*Component) []*Component {
	used := zoneUse{early: map[string]bool{}}
	for _, child := range components {
		used.add(child)
	}
	var zones []*Component
	for _, zone := range c.Children {
		if zone.Name == "VTIMEZONE" && slices.ContainsFunc(used.used, func(tzid string) bool { return sameTZID(tzid, tzidOf(zone)) }) {
			zones = append(zones, zone)
		}
	}
	return zones
}
