package scheduling

import (
	"strings"

	"convene/internal/ical"
)

// agentOf returns who delivers what concerns a line: SERVER, CLIENT or NONE, which stands
// for every value that is not known (RFC 6638 §7.1).
func agentOf(p *ical.Property) string {
	switch agent := strings.ToUpper(p.Param("SCHEDULE-AGENT")); agent {
	case "":
		return "SERVER"
	case "SERVER", "CLIENT":
		return agent
	}
	return "NONE"
}

// disagreed returns of whom the components of an object do not say the same agent: the
// addresses of ATTENDEEs, and "ORGANIZER".
func disagreed(o *ical.Object) (differ map[string]bool) {
	if o == nil || len(o.Overrides) == 0 {
		return nil
	}
	known := map[string]string{}
	for c := range components(o) {
		for i := range c.Props {
			p := &c.Props[i]
			if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" {
				continue
			}
			key, agent := p.Name, agentOf(p)
			if p.Name == "ATTENDEE" {
				key = p.Address()
			}
			was, found := known[key]
			if !found {
				known[key] = agent
			} else if was != agent {
				if differ == nil {
					differ = map[string]bool{}
				}
				differ[key] = true
			}
		}
	}
	return differ
}

// oneAgent refuses an object whose components do not agree on who delivers to somebody
// (RFC 6638 §7.1). What is stored like that already, by an import, may be written again.
func (d *decision) oneAgent() error {
	if d.newRole != RoleOrganizer && d.newRole != RoleAttendee {
		return nil
	}
	differ := disagreed(d.New)
	if len(differ) == 0 {
		return nil
	}
	condition := ValidOrganizerChange
	if d.newRole == RoleAttendee {
		condition = ValidAttendeeChange
	}
	was := disagreed(d.Old)
	for key := range differ {
		if !was[key] {
			return refuse(condition, "SCHEDULE-AGENT of one ORGANIZER or ATTENDEE must be the same in all instances")
		}
	}
	return nil
}
