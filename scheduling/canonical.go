package scheduling

import (
	"cmp"
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
// So does one that the owner of the home had before: a client may still have what
// it read then. old may be nil. owner is that of the home.
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
	k.knowFormer(known, c)
	written := map[string]string{} // canonical addresses of attendees, by what the client wrote
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
		once(&n)
		if p.Name == "ATTENDEE" {
			written[Normalize(p.Value)] = n.Value
		}
		if n.Equal(p) {
			continue
		}
		if props == nil {
			props = slices.Clone(c.Props)
		}
		props[i] = n
	}
	for i := range c.Props {
		line := &c.Props[i]
		if props != nil {
			line = &props[i]
		}
		if n, changed := withDelegates(line, func(address string) string { return cmp.Or(written[Normalize(address)], address) }); changed {
			if props == nil {
				props = slices.Clone(c.Props)
			}
			props[i] = n
		}
	}
	if merged := mergeLines(c.Props, props); merged != nil {
		props = merged
	}
	if props == nil {
		return c, nil
	}
	n := *c
	n.Props = props
	return withAuthors(&n, func(author string) string {
		if canonical, ok := written[Normalize(author)]; ok {
			return canonical
		}
		return author
	}), nil
}

// once leaves the first of each parameter: a second one may not be there (RFC 5545
// §3.8.4.1, §3.8.4.3), and is read by clients that take the last, though nobody judged it.
func once(p *ical.Property) {
	for i := range p.Params {
		if isAmong(p.Params[:i], p.Params[i].Name) { // few lines have such
			first := slices.Clone(p.Params[:i])
			for _, q := range p.Params[i+1:] {
				if !isAmong(first, q.Name) {
					first = append(first, q)
				}
			}
			p.Params = first
			return
		}
	}
}

func isAmong(params []ical.Param, name string) bool {
	return slices.ContainsFunc(params, func(p ical.Param) bool { return p.Name == name })
}

// A knownLine is a line of stored data, and how the client saw it.
type knownLine struct {
	stored, seen *ical.Property
	taken        bool
}

// know adds the lines of c that are of records, by the addresses that a client may
// write for them: the one that it has read, which may be of somebody else by now, and
// the canonical one.
func (k *canonicaliser) know(known map[string][]*knownLine, c *ical.Component) {
	if c == nil {
		return
	}
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != "ATTENDEE" && p.Name != "ORGANIZER" || GUIDOf(p.Address()) == "" {
			continue
		}
		seen, _ := wireLineOf(c, p, k.options.Addresses)
		line := &knownLine{stored: p, seen: &seen}
		key := p.Name + Normalize(seen.Value)
		known[key] = append(known[key], line)
		if own := p.Name + Normalize(p.Value); own != key {
			known[own] = append(known[own], line)
		}
	}
}

// knowFormer adds the owner's lines by the addresses that they had before, unless c
// has a line of theirs as it is now: then a former address is somebody else's, or
// nobody's.
func (k *canonicaliser) knowFormer(known map[string][]*knownLine, c *ical.Component) {
	if k.owner == nil || len(k.owner.Former) == 0 {
		return
	}
	for _, name := range []string{"ORGANIZER", "ATTENDEE"} {
		own := known[name+Normalize(k.owner.Address)]
		isOwn := func(p ical.Property) bool {
			return p.Name == name && slices.ContainsFunc(known[name+Normalize(p.Value)],
				func(line *knownLine) bool { return slices.Contains(own, line) })
		}
		if len(own) == 0 || slices.ContainsFunc(c.Props, isOwn) {
			continue
		}
		for _, email := range k.owner.Former {
			if key := name + Normalize("mailto:"+email); len(known[key]) == 0 {
				known[key] = own
			}
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
			setWritten(&n, k.written(p, line))
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
	email := emailFor(p, party)
	setOrRemove(&n, "CN", quotable(party.CN))
	setOrRemove(&n, "EMAIL", email)
	if GUIDOf(p.Address()) == "" { // else it comes from stored data, or is read as it is stored
		setWritten(&n, email != "" && p.Param("EMAIL") == email)
	}
	setOrRemove(&n, "CUTYPE", k.userType(party.Kind))
	dropClientAgent(&n)
	return n, nil
}

// written reports whether a line has EMAIL because the client wants it. Where clients see
// the stored form they all see one, and say nothing by sending it back.
func (k *canonicaliser) written(p *ical.Property, was *knownLine) bool {
	switch {
	case GUIDOf(p.Address()) == "":
		return p.Has("EMAIL")
	case k.options.Addresses == CanonicalAddresses:
		return was.stored.Has(emailWritten)
	}
	return p.Has(emailWritten)
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

// emailWritten is the parameter of a stored line whose EMAIL is there because a client
// wrote one. All others have it from the server, and clients that read mailto: do not
// see it. It goes to nobody.
const emailWritten = "X-CONVENE-EMAIL-WRITTEN"

func setWritten(p *ical.Property, written bool) {
	value := ""
	if written && p.Has("EMAIL") {
		value = "TRUE"
	}
	setOrRemove(p, emailWritten, value)
}

// emailFor returns the mail address of a line: what the client says, in a parameter
// or as the value, if it is one of the record's.
func emailFor(p *ical.Property, party *Party) string {
	value := strings.TrimSpace(p.Value)
	if len(value) > len("mailto:") && strings.EqualFold(value[:len("mailto:")], "mailto:") {
		value = value[len("mailto:"):]
	}
	for _, email := range []string{p.Param("EMAIL"), value} {
		if party.hasEmail(email) {
			return email
		}
	}
	return party.Email()
}

// userType returns the CUTYPE of a line of a record; "" for people.
func (k *canonicaliser) userType(kind PartyKind) string {
	switch kind {
	case Room, RoomPool:
		return "ROOM"
	case Resource, ResourcePool:
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
