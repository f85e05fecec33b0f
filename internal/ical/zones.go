package ical

import "strings"

// Zones resolves the TZIDs of one calendar object: first by the object's own
// VTIMEZONE components, then by name (see LoadZone). It is immutable. A nil
// Zones knows names only.
type Zones struct {
	own []ownZone
}

// An ownZone is a VTIMEZONE that could be read.
type ownZone struct {
	tzid string
	zone *Zone
}

// NewZones reads the VTIMEZONE components of cal. One that cannot be read, or
// that has no TZID, is passed over: its name may still be known.
func NewZones(cal *Component) *Zones {
	z := &Zones{}
	for _, c := range cal.Children {
		if c.Name != "VTIMEZONE" {
			continue
		}
		zone, err := ZoneOf(c)
		if err != nil {
			continue
		}
		z.own = append(z.own, ownZone{zone.name, zone})
	}
	return z
}

// Lookup returns the zone of a TZID parameter. If it is not spelled quite like
// that of a VTIMEZONE, but for case and for blanks around it, that one is still
// meant. The error wraps ErrUnknownZone.
func (z *Zones) Lookup(tzid string) (*Zone, error) {
	if own := z.Own(tzid); own != nil {
		return own, nil
	}
	return LoadZone(tzid)
}

// Own returns the zone that the object defines itself as tzid, or nil.
func (z *Zones) Own(tzid string) *Zone {
	if z == nil {
		return nil
	}
	for i := range z.own {
		if z.own[i].tzid == tzid {
			return z.own[i].zone
		}
	}
	for i := range z.own {
		if strings.EqualFold(strings.TrimSpace(z.own[i].tzid), strings.TrimSpace(tzid)) {
			return z.own[i].zone
		}
	}
	return nil
}
