package caldav

import "convene/internal/ical"

// splitByUID makes of one iCalendar object one for each UID in it: the
// components with that UID, and the time zones that they use (RFC 4791 §4.1).
// Components without UID come first, each alone, and fail later.
func splitByUID(cal *ical.Component) []*ical.Component {
	var order []string
	parts := map[string][]*ical.Component{}
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
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
		part.Children = append(part.Children, cal.ZonesOf(parts[uid])...)
		part.Children = append(part.Children, parts[uid]...)
		out = append(out, part)
	}
	return out
}
