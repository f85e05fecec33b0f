package scheduling

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// HiddenInstance is the property that marks an instance which an attendee has removed
// from their copy, with the value T. See Shown.
const HiddenInstance = "X-CALENDARSERVER-HIDDEN-INSTANCE"

// What this server writes into the data of attendees and organizers.
const (
	privateComment = "X-CALENDARSERVER-PRIVATE-COMMENT"
	attendeeRef    = "X-CALENDARSERVER-ATTENDEE-REF"
	hiddenInstance = HiddenInstance
	stampParam     = "X-CALENDARSERVER-DTSTAMP"
	autoParam      = "X-CALENDARSERVER-AUTO"
	needsReply     = "X-APPLE-NEEDS-REPLY"
)

// personalProps are what each attendee has of their own in their copy, besides
// alarms and Options.Personal.
var personalProps = []string{"TRANSP", "COMPLETED", "PERCENT-COMPLETE", privateComment}

// attendeeLine returns the line of an address in c; nil if there is none. If there
// are several, the first counts.
func attendeeLine(c *ical.Component, address string) *ical.Property {
	for i := range c.Props {
		if p := &c.Props[i]; p.Name == "ATTENDEE" && sameAddress(p, address) {
			return p
		}
	}
	return nil
}

// sameAddress compares the value of p, canonical if it is hosted, with an address
// of a Party.
func sameAddress(p *ical.Property, address string) bool {
	if p.Value == address {
		return true
	}
	return GUIDOf(address) == "" && p.Address() == Normalize(address)
}

// partStatIn is partStat of an address in c; "" if it is not in it.
func partStatIn(c *ical.Component, address string) string {
	if p := attendeeLine(c, address); p != nil {
		return partStat(p)
	}
	return ""
}

// setPartStat sets the PARTSTAT of p. One who has answered is not asked any more.
func setPartStat(p *ical.Property, value string) {
	if partStat(p) == value {
		return
	}
	p.SetParam("PARTSTAT", value)
	if value != needsAction {
		p.RemoveParam("RSVP")
	}
}

// hidden reports whether c is of an instance that its attendee has removed. It
// keeps their answer, and is not shown to them.
func hidden(c *ical.Component) bool { return strings.EqualFold(value(c, hiddenInstance), "T") }

// value returns the value of the first property of a name, without blanks around
// it; "" if there is none.
func value(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return strings.TrimSpace(p.Value)
	}
	return ""
}

// setValue is Component.SetValue, but leaves alone what has that value.
func setValue(c *ical.Component, name, v string) {
	if value(c, name) != v || c.Prop(name) == nil {
		c.SetValue(name, v)
	}
}

// copyProps gives to the properties of from that have those names, in place of its
// own.
func copyProps(to, from *ical.Component, names ...string) {
	for _, name := range names {
		theirs, ours := from.AllProps(name), to.AllProps(name)
		if !slices.EqualFunc(ours, theirs, (*ical.Property).Equal) {
			to.SetAll(name, theirs)
		}
	}
}

// copyAlarms gives to the alarms of from in place of its own.
func copyAlarms(to, from *ical.Component) {
	ours, theirs := to.AllChildren("VALARM"), from.AllChildren("VALARM")
	if slices.EqualFunc(ours, theirs, (*ical.Component).Equal) {
		return
	}
	to.RemoveChildren(func(c *ical.Component) bool { return c.Name == "VALARM" })
	for _, alarm := range theirs {
		to.Children = append(to.Children, alarm.Moved())
	}
}

// copyParam gives p the values of a parameter of q, or none as q.
func copyParam(p, q *ical.Property, name string) {
	if !q.Has(name) {
		p.RemoveParam(name)
		return
	}
	if values := q.ParamValues(name); !slices.Equal(values, p.ParamValues(name)) {
		p.SetParam(name, values...)
	}
}

// keepPersonal gives to what its attendee has of their own in from: alarms, whether
// it makes them busy, what they have done of it. reset: the answer of from is void.
func keepPersonal(to, from *ical.Component, me string, reset bool, o *Options) {
	copyAlarms(to, from)
	copyProps(to, from, personalProps...)
	copyProps(to, from, o.Personal...)
	if p, q := to.Prop("ORGANIZER"), from.Prop("ORGANIZER"); p != nil && q != nil {
		copyParam(p, q, "SCHEDULE-STATUS")
	}
	mine, was := attendeeLine(to, me), attendeeLine(from, me)
	if mine == nil || was == nil {
		return
	}
	if !reset {
		setPartStat(mine, partStat(was))
	}
	if partStat(mine) == partStat(was) {
		copyParam(mine, was, stampParam)
		copyParam(mine, was, autoParam)
	}
	if hidden(from) && partStat(mine) == "DECLINED" {
		copyProps(to, from, hiddenInstance)
	}
}

// hide marks an override as removed by its attendee, who thereby declines it.
func hide(c *ical.Component) { setValue(c, hiddenInstance, "T") }
