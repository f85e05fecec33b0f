package scheduling

import "convene/internal/ical"

// WithStatuses returns an object with SCHEDULE-STATUS parameters (RFC 6638 §7.3) by
// canonical address: of its ATTENDEEs if it is the organizer's, else of its
// ORGANIZER. Lines that are not mentioned keep theirs. It is o if nothing is to be
// changed.
func WithStatuses(o *ical.Object, role Role, statuses map[string]string) *ical.Object {
	name := "ORGANIZER"
	if role == RoleOrganizer {
		name = "ATTENDEE"
	}
	changed := map[*ical.Component]*ical.Component{}
	for c := range components(o) {
		if n := withStatuses(c, name, statuses); n != c {
			changed[c] = n
		}
	}
	return replaced(o, changed)
}

func withStatuses(c *ical.Component, name string, statuses map[string]string) *ical.Component {
	out := c
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != name {
			continue
		}
		status, ok := statuses[p.Address()]
		if !ok || p.Param("SCHEDULE-STATUS") == status {
			continue
		}
		if out == c {
			shallow := *c
			shallow.Props = append([]ical.Property(nil), c.Props...)
			out = &shallow
		}
		setOrRemove(&out.Props[i], "SCHEDULE-STATUS", status)
	}
	return out
}
