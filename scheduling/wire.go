package scheduling

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// Wire returns a calendar as clients see it: in the form of addresses that is set,
// the canonical address of a record with a mail address is a mailto: again. What is not
// changed is shared with cal, which is returned if nothing is.
//
// It depends on what is stored and on nothing else, so that an entity tag, which is
// that of the stored object, never names two bodies: see Present.
func Wire(cal *ical.Component, form AddressForm) *ical.Component {
	out := cal
	for i, c := range cal.Children {
		n := withLines(c, func(p *ical.Property) (ical.Property, bool) { return wireLineOf(c, p, form) })
		n = withAuthors(n, func(author string) string { return wireAddress(c, author, form) })
		if n == c {
			continue
		}
		if out == cal {
			shallow := *cal
			shallow.Children = slices.Clone(cal.Children)
			out = &shallow
		}
		out.Children[i] = n
	}
	return out
}

// Author returns who has sent an answer, as clients see them in its ATTENDEE.
func (m *Message) Author(form AddressForm) string {
	for c := range components(m.Data) {
		return wireAddress(c, m.From.Address, form)
	}
	return m.From.Address
}

// wireAddress returns the canonical address of an attendee as clients see it in the
// ATTENDEE of a stored component: the same, if there is none.
func wireAddress(c *ical.Component, address string, form AddressForm) string {
	if line := attendeeLine(c, address); line != nil {
		seen, _ := wireLine(line, form)
		return seen.Value
	}
	return address
}

// withAuthors returns a component in which private comments name their authors otherwise,
// whom X-CALENDARSERVER-ATTENDEE-REF names as their ATTENDEE does (caldav-privatecomments
// §3.2): c itself, if none does.
func withAuthors(c *ical.Component, rename func(author string) string) *ical.Component {
	out := c
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != commentProperty || !p.Has(attendeeRef) {
			continue
		}
		was := p.Param(attendeeRef)
		author := rename(was)
		if author == was {
			continue
		}
		if out == c {
			shallow := *c
			shallow.Props = slices.Clone(c.Props)
			out = &shallow
		}
		out.Props[i].SetParam(attendeeRef, author)
	}
	return out
}

// withLines returns a component with other lines of records of the directory, where
// edit says so: c itself, if it never does.
func withLines(c *ical.Component, edit func(*ical.Property) (n ical.Property, changed bool)) *ical.Component {
	out := c
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" || GUIDOf(p.Value) == "" {
			continue // Canonical leaves no blanks before an address of ours
		}
		n, changed := edit(p)
		if !changed {
			continue
		}
		if out == c {
			shallow := *c
			shallow.Props = slices.Clone(c.Props)
			out = &shallow
		}
		out.Props[i] = n
	}
	return out
}

// wireLineOf is wireLine, and for whom or by whom a room is booked is named as in the line
// of that one in c.
func wireLineOf(c *ical.Component, p *ical.Property, form AddressForm) (ical.Property, bool) {
	n, changed := wireLine(p, form)
	if m, renamed := withDelegates(&n, func(address string) string { return wireAddress(c, address, form) }); renamed {
		return m, true
	}
	return n, changed
}

// withDelegates returns the line of a room, resource or pool in which DELEGATED-TO and
// DELEGATED-FROM (RFC 5545 §3.2.4, §3.2.5) name others otherwise, and whether it differs.
// Those of people are theirs.
func withDelegates(p *ical.Property, rename func(address string) string) (n ical.Property, changed bool) {
	n = *p // parameters are replaced, never changed
	if p.Name != "ATTENDEE" || !isThing(p) {
		return n, false
	}
	for _, name := range []string{delegatedTo, delegatedFrom} {
		for _, was := range p.ParamValues(name)[:min(1, len(p.ParamValues(name)))] { // a pool has one room
			if is := rename(was); is != was {
				n.SetParam(name, is)
				changed = true
			}
		}
	}
	return n, changed
}

// wireLine returns a stored line as clients see it, and whether it differs.
func wireLine(p *ical.Property, form AddressForm) (n ical.Property, changed bool) {
	n = *p // parameters are replaced, never changed
	written, email := p.Has(emailWritten), p.Param("EMAIL")
	if written {
		n.RemoveParam(emailWritten)
	}
	if form == CanonicalAddresses || email == "" {
		return n, written
	}
	n.Value = "mailto:" + email
	if !written {
		n.RemoveParam("EMAIL")
	}
	return n, true
}

// Present returns a stored object, or a message, with another mail address in the
// lines of p, which have the one that p prefers: o itself if all have. It is for what is
// written into the home of p, whose own clients are to find themselves in it.
//
// But what p themselves have written as the organizer keeps the address that they
// chose there, as long as it is one of theirs; was is the one that they preferred
// before, and did not choose.
func Present(o *ical.Object, p *Party, was string) *ical.Object {
	now := p.Email()
	if now == "" {
		return o
	}
	own := CanonicalAddress(p.GUID)
	changed := map[*ical.Component]*ical.Component{}
	for c := range components(o) {
		n := withLines(c, func(line *ical.Property) (ical.Property, bool) {
			if line.Value != own || line.Param("EMAIL") == now || chose(o, p, line.Param("EMAIL"), was) {
				return ical.Property{}, false
			}
			n := *line // parameters are replaced, never changed
			n.SetParam("EMAIL", now)
			return n, true
		})
		if n != c {
			changed[c] = n
		}
	}
	return replaced(o, changed)
}

// chose reports whether a mail address of p in an object is one that they chose there.
func chose(o *ical.Object, p *Party, email, was string) bool {
	return p.hasEmail(email) && !strings.EqualFold(email, was) && RoleOf(o, p.GUID) == RoleOrganizer
}

// Email returns the mail address that a party prefers; "" if it has none.
func (p *Party) Email() string {
	if len(p.Emails) == 0 {
		return ""
	}
	return p.Emails[0]
}

// hasEmail reports whether a mail address is one of a party's.
func (p *Party) hasEmail(email string) bool {
	return slices.ContainsFunc(p.Emails, func(e string) bool { return strings.EqualFold(e, email) })
}
