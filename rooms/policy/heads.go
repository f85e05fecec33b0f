package policy

import (
	"strings"

	"convene/internal/ical"
)

// heads returns how many people a component brings: each once, by whatever
// addresses and groups, the organizer too. Rooms, who has declined and who only
// gets the meeting to know take no seat.
func (f *Facts) heads(c *ical.Component) int {
	people := map[string]bool{}
	for i := range c.Props {
		p := &c.Props[i]
		switch p.Name {
		case "ORGANIZER":
			f.count(people, p.Address())
		case "ATTENDEE":
			if f.sits(p) {
				f.count(people, p.Address())
			}
		}
	}
	return len(people)
}

// sits reports whether an attendee needs a seat.
func (f *Facts) sits(p *ical.Property) bool {
	if strings.EqualFold(p.Param("PARTSTAT"), "DECLINED") || strings.EqualFold(p.Param("ROLE"), "NON-PARTICIPANT") {
		return false
	}
	return !f.isRoom(p)
}

// isRoom reports whether an attendee is a room or a resource. That is a fact of the
// directory; CUTYPE counts for those it does not know.
func (f *Facts) isRoom(p *ical.Property) bool {
	if party, ok := f.Parties[p.Address()]; ok {
		return party.Room
	}
	t := p.Param("CUTYPE")
	return strings.EqualFold(t, "ROOM") || strings.EqualFold(t, "RESOURCE")
}

// count adds whom an address stands for.
func (f *Facts) count(people map[string]bool, address string) {
	party, ok := f.Parties[address]
	switch {
	case !ok || party.GUID == "":
		people[address] = true
	case party.Members != nil:
		for _, m := range party.Members {
			people[m] = true
		}
	default:
		people[party.GUID] = true
	}
}
