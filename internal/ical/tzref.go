package ical

import (
	"math"
	"slices"
	"strings"
)

// StripStandardZones returns cal without the VTIMEZONEs of zones that the server
// and all its clients know by their name, for clients that send CalDAV-Timezones:
// F (RFC 7809 §3.1.2). The TZID must be an IANA name as such, alias or not. The
// result shares its other components with cal, and is cal if nothing is left out.
func StripStandardZones(cal *Component) *Component {
	if !slices.ContainsFunc(cal.Children, isStandardZone) {
		return cal
	}
	c := *cal
	c.Children = slices.DeleteFunc(slices.Clone(cal.Children), isStandardZone)
	return &c
}

// isStandardZone reports whether c is a VTIMEZONE with the name of an IANA zone.
func isStandardZone(c *Component) bool {
	if c.Name != "VTIMEZONE" {
		return false
	}
	p := c.Prop("TZID")
	return p != nil && StandardZone(p.Value)
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
		if p := child.Prop("TZID"); p != nil {
			u.defined = append(u.defined, p.Text())
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
