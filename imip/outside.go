package imip

import (
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/scheduling"
)

// outside returns the iCalendar of a message as it leaves the server: with its
// METHOD and all time zones, with mail addresses, and without what concerns this
// server alone.
func outside(m *scheduling.Message, from Mailbox) *ical.Component {
	cal := scheduling.Wire(m.Body(), scheduling.MailAddresses).Clone()
	for _, c := range cal.Children {
		if own := ownLine(c, m.From, m.Method); own != nil {
			own.Value = "mailto:" + from.Address
			own.RemoveParam("EMAIL")
		}
		cleanse(c)
	}
	cal.RemoveFunc(private)
	return ical.AddZones(cal)
}

// ownLine is the line of the sender of a message in one of its components: of the
// organizer, or of the attendee who answers. nil: there is none, as in a VTIMEZONE.
func ownLine(c *ical.Component, from *scheduling.Party, m scheduling.Method) *ical.Property {
	if m != scheduling.Reply {
		return c.Prop("ORGANIZER")
	}
	lines := c.AllProps("ATTENDEE")
	if len(lines) == 1 {
		return lines[0]
	}
	for _, p := range lines {
		if p.Address() == from.Address {
			return p
		}
	}
	return nil
}

// cleanse takes out of a component what nobody outside can use: all addresses are of mail
// (RFC 6047 §2.3). What has a canonical address still has no mail address.
func cleanse(c *ical.Component) {
	c.RemoveFunc(func(p *ical.Property) bool {
		return private(p) || p.Name == "ATTENDEE" && (!isMail(p.Value) || p.Param("CUTYPE") == "X-SERVER-GROUP")
	})
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name == "ATTENDEE" || p.Name == "ORGANIZER" {
			p.Params = slices.DeleteFunc(p.Params, func(q ical.Param) bool { return privateParam(q.Name) })
			for _, name := range []string{"SENT-BY", "DELEGATED-TO", "DELEGATED-FROM"} {
				if slices.ContainsFunc(p.ParamValues(name), func(address string) bool { return !isMail(address) }) {
					p.RemoveParam(name)
				}
			}
		}
	}
	// Nobody's alarm is anybody else's.
	c.RemoveChildren(func(child *ical.Component) bool {
		return child.Name == "VALARM" || strings.HasPrefix(child.Name, "X-")
	})
}

func isMail(address string) bool { return strings.HasPrefix(strings.ToLower(address), "mailto:") }

// private reports whether a property is of this server alone.
func private(p *ical.Property) bool { return strings.HasPrefix(p.Name, "X-CALENDARSERVER-") }

// privateParam reports whether a parameter is: those of RFC 6638 §7 are between a
// client and its server, and the groups of MEMBER are of this directory.
func privateParam(name string) bool {
	return strings.HasPrefix(name, "X-CALENDARSERVER-") ||
		slices.Contains([]string{"SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND", "MEMBER", "X-APPLE-HOSTED-STATUS"}, name)
}
