package freebusy

import (
	"cmp"
	"errors"
	"slices"

	"convene/internal/ical"
)

// maxAvailabilities and maxAvailable are how many VAVAILABILITYs somebody may have
// on their inbox, and how many AVAILABLE parts these may have together: all are
// looked at for every question.
const (
	maxAvailabilities = 100
	maxAvailable      = 1000
)

// ParseAvailability takes apart the value of CALDAV:calendar-availability: a
// VCALENDAR of VAVAILABILITYs (RFC 7953 §7.2.4). Errors say what is wrong with it.
func ParseAvailability(text []byte) ([]*ical.Object, error) {
	cal, err := ical.Decode(text, ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	zones, parts := ical.NewZones(cal), 0
	var objects []*ical.Object
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		if c.Name != "VAVAILABILITY" {
			return nil, errors.New("a " + c.Name + " among VAVAILABILITYs")
		}
		o, err := availability(cal, c, zones)
		if err != nil {
			return nil, err
		}
		objects, parts = append(objects, o), parts+len(c.Children)
	}
	switch {
	case len(objects) == 0:
		return nil, errors.New("no VAVAILABILITY")
	case len(objects) > maxAvailabilities || parts > maxAvailable:
		return nil, errors.New("too many VAVAILABILITYs or AVAILABLE parts")
	}
	return objects, nil
}

// availability makes an object of one VAVAILABILITY of a calendar, by the rules for
// one that is stored by itself.
func availability(cal, c *ical.Component, zones *ical.Zones) (*ical.Object, error) {
	alone := ical.NewComponent("VCALENDAR")
	alone.Props, alone.Children = cal.Props, []*ical.Component{c}
	o, err := ical.NewObjectIn(alone, zones)
	if err != nil {
		return nil, err
	}
	return o, o.CheckAvailability()
}

// An Unavailable is a VAVAILABILITY with the zone of its times that have none.
type Unavailable struct {
	Object   *ical.Object
	Floating *ical.Zone
}

// appendUnavailable appends when nobody is there by all of them, between from and
// to (RFC 7953 §4): of those that are about a moment, the one of the highest
// priority decides alone; among equals, whoever says that nobody is there. Errors:
// those of [ical.Object.Availability].
func appendUnavailable(dst []ical.BusyPeriod, all []Unavailable, from, to int64, b *ical.Budget) ([]ical.BusyPeriod, error) {
	said := make([]ical.Availability, 0, len(all))
	for _, u := range all {
		a, err := u.Object.Availability(from, to, u.Floating, b)
		if err != nil {
			return nil, err
		}
		if a.Start < a.End {
			said = append(said, a)
		}
	}
	slices.SortStableFunc(said, func(a, b ical.Availability) int { return cmp.Compare(a.Priority, b.Priority) })
	var decided []ical.BusyPeriod // by higher priorities, joined
	for len(said) > 0 {
		n := 1
		for n < len(said) && said[n].Priority == said[0].Priority {
			n++
		}
		own := slices.Clone(decided)
		for _, a := range said[:n] {
			dst = append(dst, subtract(a.Taken, decided)...)
			own = append(own, ical.BusyPeriod{Start: a.Start, End: a.End})
		}
		decided, said = join(own), said[n:]
	}
	return dst, nil
}
