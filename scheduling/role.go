package scheduling

import (
	"convene/internal/ical"
)

// schedules reports whether components of a kind are the business of others
// (RFC 6638 §3.1).
func schedules(kind string) bool { return kind == "VEVENT" || kind == "VTODO" }

// RoleOf returns what an object with canonical addresses is in the home of a GUID.
func RoleOf(o *ical.Object, guid string) Role {
	if o == nil || !schedules(o.Kind) {
		return RoleNone
	}
	organizer := organizerOf(o)
	if organizer == nil {
		return RoleNone
	}
	own := CanonicalAddress(guid)
	if organizer.Address() == own {
		return RoleOrganizer
	}
	for c := range components(o) {
		if serverAttendee(c, own) != nil {
			return RoleAttendee
		}
	}
	return RoleStranger
}

// oneOrganizer sees to it that all components have the same ORGANIZER (RFC 6638
// §3.2.4.2): those without one get it.
func oneOrganizer(o *ical.Object, b *ical.Budget) (*ical.Object, error) {
	organizer := organizerOf(o)
	if organizer == nil || !schedules(o.Kind) {
		return o, nil
	}
	missing := false
	for c := range components(o) {
		list := c.AllProps("ORGANIZER")
		missing = missing || len(list) == 0
		for _, p := range list {
			if p.Address() != organizer.Address() {
				return nil, refuse(SingleOrganizer, "there are different organizers")
			}
		}
	}
	if !missing {
		return o, nil
	}
	d, err := o.Draft(b)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		if d.At(rid).Prop("ORGANIZER") == nil {
			var p ical.Property
			p.Take(organizer)
			d.Edit(rid).Add(p)
		}
	}
	return d.Object()
}

// A step decides what is to be done for one old role and a new one.
type step func(*decision) (*Plan, error)

// steps are by what was there, and by what is to be there. The row behind those of
// the roles is that of a home without the object, the column behind them that of its
// removal.
var steps = [5][5]step{
	RoleNone:      {RoleNone: (*decision).plain, RoleOrganizer: (*decision).invite, RoleAttendee: refuseAttendee, RoleStranger: (*decision).stranger, absent: (*decision).remove},
	RoleOrganizer: {RoleNone: (*decision).uninvite, RoleOrganizer: (*decision).modify, RoleAttendee: refuseOrganizer, RoleStranger: refuseOrganizer, absent: (*decision).cancelAll},
	RoleAttendee:  {RoleNone: (*decision).dropOrganizer, RoleOrganizer: refuseOrganizer, RoleAttendee: (*decision).attendee, RoleStranger: (*decision).stranger, absent: (*decision).attendee},
	RoleStranger:  {RoleNone: (*decision).forget, RoleOrganizer: refuseOrganizer, RoleAttendee: (*decision).attendee, RoleStranger: (*decision).stranger, absent: (*decision).remove},
	absent:        {RoleNone: (*decision).plain, RoleOrganizer: (*decision).invite, RoleAttendee: (*decision).attendee, RoleStranger: (*decision).stranger, absent: (*decision).remove},
}

// absent is the role of no object.
const absent = RoleStranger + 1

func refuseAttendee(*decision) (*Plan, error) {
	return nil, refuse(ValidAttendeeChange, "an object of one's own does not become somebody else's meeting")
}

func refuseOrganizer(*decision) (*Plan, error) {
	return nil, refuse(ValidOrganizerChange, "the organizer of a meeting does not change")
}

// stateOf returns the role of an object that may be nil.
func stateOf(o *ical.Object, guid string) Role {
	if o == nil {
		return absent
	}
	return RoleOf(o, guid)
}
