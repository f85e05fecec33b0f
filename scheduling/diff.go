package scheduling

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// A difference is what a change does to a meeting.
type difference struct {
	changes Changes
	removed []ical.DateTime // instances that had a component and are there no more
	left    bool            // somebody is no longer invited to an instance
	seated  seats           // who is newly invited, and to which instances
	resets  Resets

	// asked are the instances of which nothing else is different than who is asked for
	// an answer.
	asked []ical.DateTime

	// raised: the client has raised SEQUENCE, and so says that others are to know of what
	// it has written (RFC 5545 §3.8.7.4).
	raised bool

	// rescheduled: the pattern of the series is another, and old instances have no
	// successors.
	rescheduled bool

	// cancelled are the instances whose STATUS became so, and who is invited to them.
	cancelled map[ical.DateTime][]string
}

// significant reports whether others are to know.
func (d *difference) significant() bool {
	return len(d.changes) > 0 || len(d.removed) > 0 || d.left || len(d.seated) > 0
}

// onlyCancelled reports whether nothing happened but that components were cancelled:
// CANCEL says all of it.
func (d *difference) onlyCancelled() bool {
	if len(d.cancelled) == 0 || len(d.removed) > 0 || d.left || len(d.seated) > 0 {
		return false
	}
	for rid, props := range d.changes {
		_, cancelled := d.cancelled[rid]
		_, status := props["STATUS"]
		if !cancelled || !status || len(props) != 1 {
			return false
		}
	}
	return true
}

// instances returns the names of the instances that are listed, in order of time.
func (r *Resets) instances() []ical.DateTime {
	all := make([]ical.DateTime, 0, len(r.rids))
	for rid := range r.rids {
		all = append(all, rid)
	}
	sortRIDs(all)
	return all
}

func sortRIDs(list []ical.DateTime) {
	slices.SortFunc(list, func(a, b ical.DateTime) int { return strings.Compare(ridKey(a), ridKey(b)) })
}

// ridKey orders names of instances, the master first.
func ridKey(rid ical.DateTime) string {
	if rid.IsZero() {
		return ""
	}
	return rid.String()
}

// differ compares what organizer and attendees see of each other (RFC 5546 §2.1.4):
// not alarms, not private properties, not what the server writes.
func (o *Options) differ() *ical.Differ {
	return &ical.Differ{
		IgnoreProperty: func(p *ical.Property) bool {
			switch p.Name {
			case "CREATED", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "PRODID", "CALSCALE", "METHOD", "VERSION":
				return true
			}
			return !o.travels(p.Name)
		},
		IgnoreParam: func(property, param string) bool {
			switch {
			case property != "ATTENDEE" && property != "ORGANIZER":
			case param == "RSVP", param == sentBy, param == "EMAIL", strings.HasPrefix(param, "SCHEDULE-"):
				return true // with which address somebody stands there is a matter of each home
			}
			return !o.travelsParam(param)
		},
		IgnoreComponent: func(name string) bool { return name == "VALARM" || strings.HasPrefix(name, "X-") },
	}
}

// compare finds what is different between the old meeting and the new one, instance
// by instance: where one side has no override, the instance of its master counts.
func (m *meeting) compare() error {
	differ := m.options.differ()
	m.diff.changes, m.diff.seated, m.diff.cancelled = Changes{}, seats{}, map[ical.DateTime][]string{}
	m.diff.raised = highestSequence(m.new) > highestSequence(m.old)
	for _, rid := range union(m.old.RIDs(), m.new.RIDs()) {
		was, err := m.old.Effective(rid)
		if err != nil {
			return err
		}
		is, err := m.new.Effective(rid)
		if err != nil {
			return err
		}
		switch {
		case is == nil:
			m.diff.removed = append(m.diff.removed, rid)
		case was == nil:
			m.diff.changes[rid] = map[string][]string{}
			m.diff.resets.Add(rid)
		default:
			changed := differ.Diff(was, m.old.Zones(), is, m.new.Zones())
			m.compareTimes(rid, changed, was, is)
			m.compareLines(rid, was, is)
			m.diff.take(rid, changed, asksOthers(was, is))
			if isCancelled(is) && !isCancelled(was) {
				m.diff.cancelled[rid] = m.invitedTo(is)
			}
		}
	}
	return nil
}

// take notes what is different in an instance; asked: others than before are asked for
// an answer. That is no reason to send a message, but part of one that is sent.
func (d *difference) take(rid ical.DateTime, changed ical.Difference, asked bool) {
	switch {
	case changed == nil && asked:
		d.asked = append(d.asked, rid)
	case changed != nil:
		if _, told := changed["ATTENDEE"]; asked && !told {
			changed["ATTENDEE"] = nil
		}
		d.changes[rid] = changed
	}
}

// takeAsked makes a change of the instances in which others are asked for an answer,
// now that a message is sent.
func (d *difference) takeAsked() {
	for _, rid := range d.asked {
		d.changes[rid] = map[string][]string{"ATTENDEE": nil}
	}
}

// asksOthers reports whether one who has answered is asked for an answer, or is no more.
func asksOthers(was, is *ical.Component) bool {
	old := lineupOf(was)
	asked := func(p *ical.Property) bool { return strings.EqualFold(p.Param("RSVP"), "TRUE") }
	for address, p := range lineupOf(is) {
		if q := old[address]; q != nil && partStat(p) != needsAction && asked(p) != asked(q) {
			return true
		}
	}
	return false
}

// union returns what is in a or b, a first.
func union(a, b []ical.DateTime) []ical.DateTime {
	all := slices.Clone(a)
	seen := make(map[ical.DateTime]bool, len(a))
	for _, rid := range a {
		seen[rid] = true
	}
	for _, rid := range b {
		if !seen[rid] {
			all = append(all, rid)
		}
	}
	return all
}

// compareTimes finds whose answers are void because an instance is at another time
// (RFC 5546 §3.2.2.1).
func (m *meeting) compareTimes(rid ical.DateTime, changed ical.Difference, was, is *ical.Component) {
	has := func(name string) bool { _, ok := changed[name]; return ok }
	if has("DTSTART") || has("DTEND") || has("DURATION") || has("DUE") || has("RECURRENCE-ID") {
		m.diff.resets.Add(rid)
	}
	if !rid.IsZero() {
		return
	}
	old, new := patterns(was), patterns(is)
	switch {
	case !has("RRULE"):
	case len(old) == 0:
		m.diff.resets.All = true
	case len(new) == 0:
		m.diff.resets.Add(rid)
	case !slices.Equal(old, new): // a longer or shorter series has the instances it had
		m.diff.resets.All, m.diff.rescheduled = true, true
	}
	if has("DTSTART") && len(new) > 0 {
		m.diff.rescheduled = true
	}
}

// patterns returns the rules of a component without their ends.
func patterns(c *ical.Component) []string {
	var all []string
	for _, p := range c.AllProps("RRULE") {
		if r, err := ical.ParseRule(p.Value); err == nil {
			all = append(all, r.WithCount(0).String())
		}
	}
	slices.Sort(all)
	return all
}

// compareLines finds who is asked anew in one instance: the newly invited, and those
// whose answer the organizer has taken back. It also sees who is no longer invited.
func (m *meeting) compareLines(rid ical.DateTime, was, is *ical.Component) {
	old, new := lineupOf(was), lineupOf(is)
	for address, p := range new {
		if address == m.self || !byServer(p) {
			continue
		}
		q := old.server(address)
		if q == nil {
			m.diff.seated[address] = append(m.diff.seated[address], rid)
		}
		if q == nil || partStat(p) == needsAction && partStat(q) != needsAction {
			m.diff.resets.Add(rid, address)
		}
	}
	for address, q := range old {
		m.diff.left = m.diff.left || address != m.self && byServer(q) && new.server(address) == nil
	}
}

// invitedTo returns the addresses of those in a component to whom messages go.
func (m *meeting) invitedTo(c *ical.Component) []string {
	var all []string
	for p := range attendees(c) {
		if address := p.Address(); address != m.self && byServer(p) {
			all = append(all, address)
		}
	}
	return all
}

// Seats are the instances that somebody is invited to, by canonical address: those
// with a component of their own.
type seats map[string][]ical.DateTime

// seats returns who sits where, but for the organizer. more are instances without a
// component, which the master describes. The lists must not be changed.
func (m *meeting) seats(d *ical.Draft, more map[ical.DateTime]*ical.Component) seats {
	var all seats
	take := func(rid ical.DateTime, c *ical.Component) {
		if all == nil {
			all = make(seats, len(c.Props)) // no more than that in most
		}
		first := []ical.DateTime{rid} // most sit in one alone: it is shared, and nothing can be added in place
		for p := range attendees(c) {
			address := p.Address()
			if address == m.self || !byServer(p) {
				continue
			}
			switch list := all[address]; {
			case list == nil:
				all[address] = first
			case list[len(list)-1] != rid:
				all[address] = append(list, rid)
			}
		}
	}
	for _, rid := range d.RIDs() {
		take(rid, d.At(rid))
	}
	for rid, c := range more {
		take(rid, c)
	}
	return all
}

// isGroup reports whether a line is of a group whose members are invited.
func isGroup(p *ical.Property) bool {
	kind := p.Param("CUTYPE")
	return strings.EqualFold(kind, expandedGroup) || strings.EqualFold(kind, "GROUP")
}
