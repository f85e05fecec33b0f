package scheduling

import "convene/internal/ical"

// A Roll is who of the directory takes part in an object, for who asks about many of
// them.
type Roll struct {
	object *ical.Object
	parts  map[string]*part // by GUID
}

// A part is the lines of one address.
type part struct {
	email   string
	differs bool            // the lines have different ones
	attends bool            // the first ATTENDEE of some component is served by us
	seen    *ical.Component // the last one with an ATTENDEE
}

// NewRoll reads an object.
func NewRoll(o *ical.Object) *Roll {
	r := &Roll{object: o}
	for c := range components(o) {
		if r.parts == nil {
			r.parts = make(map[string]*part, len(c.Props))
		}
		parts := make([]part, 0, len(c.Props)) // no more than that are new
		for i := range c.Props {
			line := &c.Props[i]
			if line.Name != "ATTENDEE" && line.Name != "ORGANIZER" {
				continue
			}
			guid := GUIDOf(line.Value)
			if guid == "" {
				continue
			}
			p, email := r.parts[guid], line.Param("EMAIL")
			if p == nil {
				parts = append(parts, part{email: email})
				p = &parts[len(parts)-1]
				r.parts[guid] = p
			}
			p.differs = p.differs || p.email != email
			if line.Name == "ATTENDEE" && p.seen != c {
				p.seen, p.attends = c, p.attends || byServer(line)
			}
		}
	}
	return r
}

// Role is RoleOf the object.
func (r *Roll) Role(guid string) Role {
	organizer := organizerOf(r.object)
	if organizer == nil || !schedules(r.object.Kind) {
		return RoleNone
	}
	if guid != "" && GUIDOf(organizer.Address()) == guid {
		return RoleOrganizer
	}
	if p := r.parts[guid]; p != nil && p.attends {
		return RoleAttendee
	}
	return RoleStranger
}

// Present is Present of the object for a party who preferred no other address.
func (r *Roll) Present(p *Party) *ical.Object {
	if has := r.parts[p.GUID]; has == nil || !has.differs && has.email == p.Email() {
		return r.object
	}
	return Present(r.object, p, "")
}
