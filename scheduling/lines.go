package scheduling

import (
	"iter"
	"strconv"
	"strings"

	"convene/internal/ical"
)

// needsAction is the PARTSTAT of who has not answered.
const needsAction = "NEEDS-ACTION"

// master is the name of the component without a RECURRENCE-ID.
var master = ical.DateTime{}

// attendees gives the ATTENDEE lines of c, to be changed if c is.
func attendees(c *ical.Component) iter.Seq[*ical.Property] {
	return func(yield func(*ical.Property) bool) {
		for i := range c.Props {
			if c.Props[i].Name == "ATTENDEE" && !yield(&c.Props[i]) {
				return
			}
		}
	}
}

// attendeeOf returns the first ATTENDEE line of an address in c; nil if there is
// none, or no c.
func attendeeOf(c *ical.Component, address string) *ical.Property {
	if c == nil {
		return nil
	}
	for p := range attendees(c) {
		if p.Address() == address {
			return p
		}
	}
	return nil
}

// byServer reports whether the server delivers what concerns a line: an ATTENDEE, or
// an ORGANIZER (RFC 6638 §7.1).
func byServer(p *ical.Property) bool {
	agent := p.Param("SCHEDULE-AGENT")
	return agent == "" || strings.EqualFold(agent, "SERVER")
}

// serverAttendee returns the line of an address in c if the server delivers to it;
// else nil.
func serverAttendee(c *ical.Component, address string) *ical.Property {
	if p := attendeeOf(c, address); p != nil && byServer(p) {
		return p
	}
	return nil
}

// partStat returns the PARTSTAT of a line in upper case.
func partStat(p *ical.Property) string {
	if value := p.Param("PARTSTAT"); value != "" {
		return strings.ToUpper(value)
	}
	return needsAction
}

// setOrRemove sets a parameter; to "", it is removed.
func setOrRemove(p *ical.Property, name, value string) {
	if value == "" {
		p.RemoveParam(name)
	} else if p.Param(name) != value {
		p.SetParam(name, value)
	}
}

// sequenceOf returns the SEQUENCE of c; 0 if it has none that can be read.
func sequenceOf(c *ical.Component) int64 {
	p := c.Prop("SEQUENCE")
	if p == nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(p.Value), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func setSequence(c *ical.Component, n int64) { c.SetValue("SEQUENCE", strconv.FormatInt(n, 10)) }

// isCancelled reports whether the STATUS of c says so.
func isCancelled(c *ical.Component) bool {
	p := c.Prop("STATUS")
	return p != nil && strings.EqualFold(strings.TrimSpace(p.Value), "CANCELLED")
}

// components returns the components of an object that are for instances.
func components(o *ical.Object) iter.Seq[*ical.Component] {
	return func(yield func(*ical.Component) bool) {
		if o.Master != nil && !yield(o.Master) {
			return
		}
		for _, c := range o.Overrides {
			if !yield(c) {
				return
			}
		}
	}
}

// organizerOf returns the first ORGANIZER of an object; nil if there is none.
func organizerOf(o *ical.Object) *ical.Property {
	for c := range components(o) {
		if p := c.Prop("ORGANIZER"); p != nil {
			return p
		}
	}
	return nil
}

// hasAttendees reports whether somebody is invited to something in o.
func hasAttendees(o *ical.Object) bool {
	for c := range components(o) {
		if c.Prop("ATTENDEE") != nil {
			return true
		}
	}
	return false
}

// stamp returns a moment as it stands in DTSTAMP.
func (d *decision) stamp() string {
	return ical.DateTime{Wall: d.Now.Unix(), Kind: ical.UTC}.String()
}
