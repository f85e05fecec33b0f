package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
)

// A Held is what Check reads of a home: the calendar objects of one owner, without
// the inbox.
type Held struct {
	GUID    string
	Objects []*ical.Object
}

// A Problem is something that must not be in the homes of a server.
type Problem struct {
	GUID string // in whose home
	UID  string
	RID  ical.DateTime // the instance; zero for the object
	Text string
}

// String returns the problem as a line.
func (p Problem) String() string {
	rid := ""
	if !p.RID.IsZero() {
		rid = " " + p.RID.String()
	}
	return fmt.Sprintf("%s in the home of %s%s: %s", p.UID, p.GUID, rid, p.Text)
}

// Check compares the calendar objects of all homes with each other. It returns what
// scheduling never leaves behind: copies that do not say what the organizer's object
// says, that nobody organizes, or that have what is another's own. What is in homes
// that are not given is not missed.
//
// people are whom addresses name, to find those that are not in their canonical
// form; nil: that is not looked for. Errors are those of recurrence.
func Check(homes []Held, people Parties, o *Options) ([]Problem, error) {
	if o == nil {
		o = DefaultOptions()
	}
	v := &verifier{people: people, o: o, meetings: map[string]*organized{}, local: map[string]bool{}}
	for _, home := range homes {
		v.local[home.GUID] = true
		for _, object := range home.Objects {
			if RoleOf(object, home.GUID) != RoleOrganizer {
				continue
			}
			m, err := organizersMeeting(object, &Party{Address: CanonicalAddress(home.GUID), GUID: home.GUID, Kind: Person}, time.Time{}, o, nil)
			if err != nil {
				return nil, err
			}
			v.meetings[home.GUID+"\x00"+object.UID] = &organized{meeting: m, seats: m.seats(m.new, nil)}
		}
	}
	for _, home := range homes {
		seen := map[string]bool{}
		for _, object := range home.Objects {
			if seen[object.UID] {
				v.found(home.GUID, object, master, "a second object with this UID")
			}
			seen[object.UID] = true
			if err := v.object(home.GUID, object); err != nil {
				return nil, err
			}
		}
	}
	return v.problems, nil
}

// A verifier is one run of Check.
type verifier struct {
	people   Parties
	o        *Options
	meetings map[string]*organized // by GUID of the organizer and UID
	local    map[string]bool       // GUIDs of the homes that are known
	problems []Problem
}

// An organized is an organizer's object.
type organized struct {
	*meeting
	seats seats
}

func (v *verifier) found(guid string, o *ical.Object, rid ical.DateTime, format string, args ...any) {
	v.problems = append(v.problems, Problem{guid, o.UID, rid, fmt.Sprintf(format, args...)})
}

// object checks one object.
func (v *verifier) object(guid string, o *ical.Object) error {
	role := RoleOf(o, guid)
	for c := range components(o) {
		v.lines(guid, o, c, role)
	}
	if role != RoleAttendee || !byServer(organizerOf(o)) {
		return nil
	}
	organizer := GUIDOf(organizerOf(o).Address())
	if !v.local[organizer] {
		return nil
	}
	me := CanonicalAddress(guid)
	meeting := v.meetings[organizer+"\x00"+o.UID]
	if meeting == nil || len(meeting.seats[me]) == 0 {
		if !allCancelled(o) {
			v.found(guid, o, master, "the organizer has no such meeting with them")
		}
		return nil
	}
	return v.compare(guid, o, meeting)
}

// lines checks what may stand in a component of an object, whatever others have.
func (v *verifier) lines(guid string, o *ical.Object, c *ical.Component, role Role) {
	rid := ridOf(o, c)
	comments := map[string]bool{}
	for i := range c.Props {
		p := &c.Props[i]
		switch {
		case p.Name == commentProperty && role == RoleAttendee:
			v.found(guid, o, rid, "a private comment for the organizer")
		case p.Name == commentProperty && comments[p.Param(attendeeRef)]:
			v.found(guid, o, rid, "two private comments of %s", p.Param(attendeeRef))
		case p.Name == commentProperty:
			comments[p.Param(attendeeRef)] = true
		case p.Name != "ATTENDEE" && p.Name != "ORGANIZER":
		case p.Has(forceSend):
			v.found(guid, o, rid, "SCHEDULE-FORCE-SEND is stored")
		case v.people != nil && role != RoleNone:
			if party := v.people[Normalize(p.Value)]; party != nil && party.Hosted() && party.Address != p.Value {
				v.found(guid, o, rid, "%s is not %s", p.Value, party.Address)
			}
		}
	}
}

// ridOf returns the name of a component of an object; zero if it has none that can
// be read.
func ridOf(o *ical.Object, c *ical.Component) ical.DateTime {
	p := c.Prop("RECURRENCE-ID")
	if p == nil {
		return master
	}
	t, err := p.DateTime(o.Zones)
	if err == nil && t.Kind == ical.Zoned {
		t = ical.DateTime{Wall: t.Unix(nil), Kind: ical.UTC}
	}
	return t
}

// compare compares an attendee's copy with what they see of the organizer's object.
func (v *verifier) compare(guid string, o *ical.Object, m *organized) error {
	me := CanonicalAddress(guid)
	seen, err := m.viewOf(me)
	if err != nil {
		return err
	}
	is, err := seen.Draft(nil)
	if err != nil {
		return err
	}
	has, err := o.Draft(nil)
	if err != nil {
		return err
	}
	rids := map[ical.DateTime]bool{}
	for _, d := range [2]*ical.Draft{is, has} {
		for _, rid := range d.RIDs() {
			rids[rid] = true
		}
		s, err := d.Series()
		if err != nil {
			return err
		}
		if d.Master() == nil {
			continue
		}
		for _, rid := range s.Excluded() {
			rids[rid] = true
		}
	}
	for _, rid := range sortedRIDs(rids) {
		if err := v.instance(guid, o, is, has, rid, m); err != nil {
			return err
		}
	}
	return nil
}

// instance compares one instance of a copy with what its attendee is to see.
func (v *verifier) instance(guid string, o *ical.Object, is, has *ical.Draft, rid ical.DateTime, m *organized) error {
	me := CanonicalAddress(guid)
	want, err := is.Effective(rid)
	if err != nil {
		return err
	}
	got, err := has.Effective(rid)
	if err != nil {
		return err
	}
	switch {
	case got != nil && isCancelled(got) && (want == nil || isCancelled(want) && !rid.IsZero()):
	case got == nil && (want == nil || isCancelled(want)):
	case got == nil && declines(want, me): // they have declined it before it came
	case got == nil && has.Master() == nil: // they have removed all, and were told of an instance
	case got == nil:
		v.found(guid, o, rid, "not there, but the organizer invites to it")
	case want == nil:
		v.found(guid, o, rid, "there, but the organizer does not invite to it")
	case has.At(rid) == nil && declines(want, me) && declines(got, me): // not told of it any more
	case sequenceOf(got) > sequenceOf(want):
		v.found(guid, o, rid, "SEQUENCE %d, but the organizer's is %d", sequenceOf(got), sequenceOf(want))
	default:
		for name, params := range v.differ(me, len(m.seats) > v.o.RefreshMost).Diff(want, is.Zones(), got, has.Zones()) {
			v.found(guid, o, rid, "%s %s: the organizer says %s", name, strings.Join(params, ","), lines(want, name))
		}
	}
	return nil
}

// lines returns the properties of a name, for a message.
func lines(c *ical.Component, name string) string {
	var all []string
	for _, p := range c.AllProps(name) {
		all = append(all, p.Value)
	}
	return strings.Join(all, " ")
}

// differ returns what makes a difference between a copy and what the organizer says:
// nothing that is the attendee's own. stale: others' answers are not told.
func (v *verifier) differ(me string, stale bool) *ical.Differ {
	own := append([]string{"DTSTAMP", "SEQUENCE", "CREATED", "LAST-MODIFIED", "EXDATE", hiddenInstance}, personalProps...)
	return &ical.Differ{
		IgnoreProperty: func(p *ical.Property) bool {
			return slices.Contains(own, p.Name) || slices.Contains(v.o.Personal, p.Name) || slices.Contains(v.o.ToOrganizer, p.Name)
		},
		IgnoreParam: func(property, param string) bool {
			switch {
			case strings.HasPrefix(param, "SCHEDULE-"), strings.HasPrefix(param, "X-"), param == "RSVP", param == sentBy, param == "EMAIL":
				return true
			}
			return property == "ATTENDEE" && param == "PARTSTAT" && stale
		},
		IgnoreComponent: func(string) bool { return true },
	}
}

// OrganizerOf returns the address of the organizer of an object; "" if it has none.
func OrganizerOf(o *ical.Object) string {
	if p := organizerOf(o); p != nil {
		return p.Address()
	}
	return ""
}

// Invited returns the GUIDs of the attendees of an object that are records of the
// directory, in order.
func Invited(o *ical.Object) []string {
	var all []string
	for c := range components(o) {
		for p := range attendees(c) {
			if guid := GUIDOf(p.Address()); guid != "" {
				all = append(all, guid)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
