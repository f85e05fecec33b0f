package calendar

import (
	"convene/internal/ical"
)

// repair mends what clients are known to get wrong and reports whether it
// changed anything: an alarm that stands in a component twice is there once.
func repair(cal *ical.Component) bool {
	changed := false
	for _, c := range cal.Children {
		var seen []*ical.Component
		dropped := c.RemoveChildren(func(child *ical.Component) bool {
			if child.Name != "VALARM" {
				return false
			}
			for _, other := range seen {
				if child.Equal(other) {
					return true
				}
			}
			seen = append(seen, child)
			return false
		})
		changed = changed || dropped
	}
	return changed
}
