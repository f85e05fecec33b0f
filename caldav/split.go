package caldav

import "convene/internal/ical"

// splitByUID makes of one iCalendar object one for each UID in it: the
// components with that UID, and the time zones that they use (RFC 4791 §4.1).
// Components without UID come first, each alone, and fail later.
func splitByUID(cal *ical.Component) []*ical.Component {
	var zones []*ical.Component
	var order []string
	parts := map[string][]*ical.Component{}
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
			zones = append(zones, c)
			continue
		}
		uid := ""
		if p := c.Prop("UID"); p != nil {
			uid = p.Value
		}
		if _, ok := parts[uid]; !ok {
			order = append(order, uid)
		}
		parts[uid] = append(parts[uid], c)
	}
	out := make([]*ical.Component, 0, len(order))
	for _, uid := range order {
		part := ical.NewComponent("VCALENDAR")
		part.Add(cal.Props...)
		used := map[string]bool{}
		for _, c := range parts[uid] {
			usedZones(c, used)
		}
		for _, zone := range zones {
			if tzid := zone.Prop("TZID"); tzid != nil && used[tzid.Value] {
				part.Children = append(part.Children, zone)
			}
		}
		part.Children = append(part.Children, parts[uid]...)
		out = append(out, part)
	}
	return out
}

// usedZones adds the TZIDs that a component names.
func usedZones(c *ical.Component, used map[string]bool) {
	for i := range c.Props {
		if tzid := c.Props[i].Param("TZID"); tzid != "" {
			used[tzid] = true
		}
	}
	for _, child := range c.Children {
		usedZones(child, used)
	}
}
