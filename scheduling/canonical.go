package scheduling

import (
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
)

// Canonical returns an object that a client wrote as it is stored: each ORGANIZER
// and ATTENDEE that is a record of the directory has its canonical address, and its
// name and kind from there; others stay as they are. Two lines of one record become
// one. It is o if nothing is to be changed.
//
// An address that the client got from old, the object that is stored, means who it
// was then, whoever has the mail address now; the directory is not asked about it.
// old may be nil. owner is that of the home.
//
// Errors: a *NeedError names all addresses that the world does not know yet.
func Canonical(o, old *ical.Object, owner *Party, opts *Options, w World) (*ical.Object, error) {
	if opts == nil {
		opts = DefaultOptions()
	}
	k := canonicaliser{owner: owner, options: opts, world: w, old: old}
	changed := map[*ical.Component]*ical.Component{}
	for c := range components(o) {
		n, err := k.component(c, counterpart(c, old))
		if err != nil {
			return nil, err
		}
		if n != c {
			changed[c] = n
		}
	}
	if len(k.need) > 0 {
		return nil, &NeedError{k.need}
	}
	return replaced(o, changed), nil
}

// replaced returns o with other components in the place of its own.
func replaced(o *ical.Object, changed map[*ical.Component]*ical.Component) *ical.Object {
	if len(changed) == 0 {
		return o
	}
	n, cal := *o, *o.Calendar
	cal.Children = replacedList(cal.Children, changed)
	n.Calendar, n.Overrides = &cal, replacedList(o.Overrides, changed)
	if c := changed[o.Master]; c != nil {
		n.Master = c
	}
	return &n
}

func replacedList(list []*ical.Component, changed map[*ical.Component]*ical.Component) []*ical.Component {
	list = slices.Clone(list)
	for i, c := range list {
		if n := changed[c]; n != nil {
			list[i] = n
		}
	}
	return list
}

// counterpart returns the component of old that a client had before it wrote c: with
// the same RECURRENCE-ID, or the master. nil: there is none.
func counterpart(c *ical.Component, old *ical.Object) *ical.Component {
	if old == nil {
		return nil
	}
	if id := c.Prop("RECURRENCE-ID"); id != nil {
		for _, o := range old.Overrides {
			if was := o.Prop("RECURRENCE-ID"); was.Value == id.Value && was.Param("TZID") == id.Param("TZID") {
				return o
			}
		}
	}
	if old.Master == nil && len(old.Overrides) > 0 {
		return old.Overrides[0]
	}
	return old.Master
}

// A canonicaliser puts addresses into canonical form.
type canonicaliser struct {
	owner   *Party
	options *Options
	world   World
	old     *ical.Object
	all     map[string][]*knownLine // of all of old; nil as long as it is not needed
	need    []string                // what the world does not know
}

// component returns c with canonical addresses: c itself, if it has them.
func (k *canonicaliser) component(c, old *ical.Component) (*ical.Component, error) {
	known := map[string][]*knownLine{}
	k.know(known, old)
	var props []ical.Property
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" {
			continue
		}
		n, err := k.line(p, known)
		if err != nil {
			return nil, err
		}
		if n.Equal(p) {
			continue
		}
		if props == nil {
			props = slices.Clone(c.Props)
		}
		props[i] = n
	}
	if merged := mergeLines(c.Props, props); merged != nil {
		props = merged
	}
	if props == nil {
		return c, nil
	}
	n := *c
	n.Props = props
	return &n, nil
}

// A knownLine is a line of stored data, and how the client saw it.
type knownLine struct {
	stored, seen *ical.Property
	taken        bool
}

// know adds the lines of c that are of records, by the addresses that a client may
// write for them: the one that it has read, which may be of somebody else by now, the
// present one of the owner, and the canonical one.
func (k *canonicaliser) know(known map[string][]*knownLine, c *ical.Component) {
	if c == nil {
		return
	}
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" || GUIDOf(p.Address()) == "" {
			continue
		}
		seen, present := wireLine(p, nil, k.options.Addresses), wireLine(p, k.owner, k.options.Addresses)
		line := &knownLine{stored: p, seen: &seen}
		keys := []string{p.Name + Normalize(seen.Value), p.Name + Normalize(present.Value), p.Name + Normalize(p.Value)}
		slices.Sort(keys)
		for _, key := range slices.Compact(keys) {
			known[key] = append(known[key], line)
		}
	}
}

// line returns a line in canonical form.
func (k *canonicaliser) line(p *ical.Property, known map[string][]*knownLine) (ical.Property, error) {
	n := *p // parameters are replaced, never changed
	key := p.Name + Normalize(p.Value)
	line := pick(known[key], p)
	if line == nil && len(known[key]) == 0 {
		line = k.elsewhere(key)
	}
	if line != nil {
		line.taken = true
		if p.Equal(line.seen) {
			n.Take(line.stored)
		} else {
			n.Value = line.stored.Value
			for _, name := range []string{"CN", "EMAIL", "CUTYPE"} {
				setOrRemove(&n, name, line.stored.Param(name))
			}
		}
		dropClientAgent(&n)
		return n, nil
	}
	party, err := k.world.Party(p.Value)
	if need, ok := errors.AsType[*NeedError](err); ok {
		k.need = append(k.need, need.Addresses...)
		return n, nil
	}
	if err != nil || !party.Hosted() {
		return n, err
	}
	n.Value = party.Address
	setOrRemove(&n, "CN", quotable(party.CN))
	setOrRemove(&n, "EMAIL", emailFor(p, party))
	setOrRemove(&n, "CUTYPE", k.userType(party.Kind))
	dropClientAgent(&n)
	return n, nil
}

// elsewhere returns the first line of an address in any component that is stored; nil
// if there is none.
func (k *canonicaliser) elsewhere(key string) *knownLine {
	if k.old == nil || len(k.old.Overrides) == 0 {
		return nil
	}
	if k.all == nil {
		k.all = map[string][]*knownLine{}
		for c := range components(k.old) {
			k.know(k.all, c)
		}
	}
	if lines := k.all[key]; len(lines) > 0 {
		return lines[0]
	}
	return nil
}

// pick returns which of some stored lines with one address a line is: one with its
// name, else the first, of those that no line was before.
func pick(lines []*knownLine, p *ical.Property) *knownLine {
	var first *knownLine
	for _, line := range lines {
		switch {
		case line.taken:
		case line.seen.Param("CN") == p.Param("CN"):
			return line
		case first == nil:
			first = line
		}
	}
	return first
}

// dropClientAgent takes away that the client delivers to a user of this server:
// nobody can do that better than the server.
func dropClientAgent(p *ical.Property) {
	if p.Name == "ATTENDEE" && strings.EqualFold(p.Param("SCHEDULE-AGENT"), "CLIENT") {
		p.RemoveParam("SCHEDULE-AGENT")
	}
}

// emailFor returns the mail address of a line: what the client says, in a parameter
// or as the value, if it is one of the record's.
func emailFor(p *ical.Property, party *Party) string {
	value := strings.TrimSpace(p.Value)
	if len(value) > len("mailto:") && strings.EqualFold(value[:len("mailto:")], "mailto:") {
		value = value[len("mailto:"):]
	}
	for _, email := range []string{p.Param("EMAIL"), value} {
		if slices.ContainsFunc(party.Emails, func(e string) bool { return strings.EqualFold(e, email) }) {
			return email
		}
	}
	if len(party.Emails) > 0 {
		return party.Emails[0]
	}
	return ""
}

// userType returns the CUTYPE of a line of a record; "" for people.
func (k *canonicaliser) userType(kind PartyKind) string {
	switch kind {
	case Room:
		return "ROOM"
	case Resource:
		return "RESOURCE"
	case Group:
		if k.options.ExpandGroups {
			return expandedGroup
		}
		return "GROUP"
	}
	return ""
}

// expandedGroup is the CUTYPE of a group whose members are invited. Clients drop
// GROUP.
const expandedGroup = "X-SERVER-GROUP"

// quotable returns text that a parameter can have in quotes without an encoding that
// few clients know (RFC 6868).
func quotable(text string) string { return strings.ReplaceAll(text, `"`, "'") }

// mergeLines returns the properties with one ATTENDEE for each record, or nil if that
// is so. props are changed ones, nil if none of old was changed. The first line
// stays, with the answer of a later one if it has none itself.
func mergeLines(old, props []ical.Property) []ical.Property {
	list := props
	if list == nil {
		list = old
	}
	first := map[string]int{}
	var merged []ical.Property
	for i := range list {
		p := &list[i]
		if p.Name == "ATTENDEE" && GUIDOf(p.Address()) != "" {
			if at, second := first[p.Value]; second {
				if merged == nil {
					merged = slices.Clone(list[:i])
				}
				if partStat(&merged[at]) == needsAction && partStat(p) != needsAction {
					merged[at].SetParam("PARTSTAT", p.Param("PARTSTAT"))
				}
				continue
			}
			first[p.Value] = i
			if merged != nil {
				first[p.Value] = len(merged)
			}
		}
		if merged != nil {
			merged = append(merged, *p)
		}
	}
	return merged
}

// Wire returns a calendar as clients see it: in the form of addresses that is set,
// the canonical address of a record with a mail address is a mailto: again. owner is
// that of the home, whose lines have their present address; nil: nobody. What is not
// changed is shared with cal, which is returned if nothing is.
func Wire(cal *ical.Component, owner *Party, form AddressForm) *ical.Component {
	if form == CanonicalAddresses {
		return cal
	}
	out := cal
	for i, c := range cal.Children {
		n := wireComponent(c, owner, form)
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

func wireComponent(c *ical.Component, owner *Party, form AddressForm) *ical.Component {
	out := c
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" || GUIDOf(p.Address()) == "" {
			continue
		}
		n := wireLine(p, owner, form)
		if n.Value == p.Value {
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

// wireLine returns a stored line as clients see it.
func wireLine(p *ical.Property, owner *Party, form AddressForm) ical.Property {
	n := *p // parameters are replaced, never changed
	email := p.Param("EMAIL")
	if owner != nil && owner.Hosted() && GUIDOf(p.Address()) == owner.GUID && len(owner.Emails) > 0 {
		email = owner.Emails[0]
	}
	if form == CanonicalAddresses || email == "" {
		return n
	}
	n.Value = "mailto:" + email
	n.RemoveParam("EMAIL")
	return n
}
