package scheduling

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"convene/internal/ical"
)

// stripProperty returns a property as others see it (RFC 6638 §3.2.1, §7): without
// what is between client and server, and without private parameters.
func (o *Options) stripProperty(p *ical.Property) ical.Property {
	hidden := func(name string) bool {
		switch name {
		case "SCHEDULE-AGENT", "SCHEDULE-STATUS", forceSend:
			return p.Name == "ATTENDEE" || p.Name == "ORGANIZER"
		}
		return !o.travelsParam(name)
	}
	n := *p
	for i := range p.Params {
		if hidden(p.Params[i].Name) {
			n.RemoveParam(p.Params[i].Name)
		}
	}
	return n
}

// commentProperty is where the organizer's object has the private comments of
// attendees.
const commentProperty = "X-CALENDARSERVER-ATTENDEE-COMMENT"

// stripComponent returns a component as its attendees see it, sent at a moment that
// stamp says.
func (o *Options) stripComponent(c *ical.Component, stamp string) *ical.Component {
	n := *c
	n.Props = make([]ical.Property, 0, len(c.Props)+1)
	for i := range c.Props {
		if p := &c.Props[i]; o.travels(p.Name) && p.Name != commentProperty {
			n.Props = append(n.Props, o.stripProperty(p))
		}
	}
	n.SetValue("DTSTAMP", stamp)
	n.Children = slices.DeleteFunc(slices.Clone(c.Children), func(child *ical.Component) bool {
		return child.Name == "VALARM" || strings.HasPrefix(child.Name, "X-")
	})
	return &n
}

// messageObject puts components into a message, with the zones that they use.
func (d *decision) messageObject(from *ical.Draft, list []*ical.Component) *ical.Object {
	was := from.Calendar()
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(ical.NewProperty("VERSION", "2.0"), ical.NewProperty("PRODID", d.options.ProdID))
	for i := range was.Props {
		switch p := &was.Props[i]; {
		case p.Name == "VERSION", p.Name == "PRODID", p.Name == "METHOD", strings.HasPrefix(p.Name, "X-"):
		default:
			cal.Add(*p)
		}
	}
	cal.Children = append(was.ZonesOf(list), list...)
	o := &ical.Object{Calendar: cal, Kind: from.Original().Kind, UID: from.Original().UID, Zones: from.Zones()}
	for _, c := range list {
		if c.Prop("RECURRENCE-ID") == nil {
			o.Master = c
		} else {
			o.Overrides = append(o.Overrides, c)
		}
	}
	return o
}

// A recipient is a party, and the address it was found by.
type recipient struct {
	*Party
	asked string
}

// recipients returns to whom messages can be sent, in the order of delivery, and
// notes the SCHEDULE-STATUS of all others (RFC 6638 §3.2.9).
func (m *meeting) recipients(addresses []string) ([]recipient, error) {
	var list []recipient
	var need []string
	for _, address := range addresses {
		party, err := m.world.Party(address)
		if missing, ok := errors.AsType[*NeedError](err); ok {
			need = append(need, missing.Addresses...)
			continue
		}
		if err != nil {
			return nil, err
		}
		switch {
		case party.Local() || party.Kind == External:
			list = append(list, recipient{party, address})
		case party.Kind == Group:
			m.setStatus(address, m.groupStatus())
		case party.isPool():
			m.setStatus(address, statusAnswered)
		default:
			m.setStatus(address, "3.7")
		}
	}
	if len(need) > 0 {
		slices.Sort(need)
		return nil, &NeedError{slices.Compact(need)}
	}
	slices.SortFunc(list, func(a, b recipient) int {
		return cmp.Or(strings.Compare(a.GUID, b.GUID), strings.Compare(a.asked, b.asked))
	})
	return list, nil
}

// groupStatus is what becomes of a message to a group: its members get one, or
// nobody.
func (m *meeting) groupStatus() string {
	if m.options.ExpandGroups {
		return "2.7"
	}
	return "5.3"
}

func (m *meeting) setStatus(address, status string) {
	if m.plan.Statuses == nil {
		m.plan.Statuses = map[string]string{}
	}
	m.plan.Statuses[address] = status
}

// An audience says who gets a REQUEST, and what of the meeting.
type audience uint8

const (
	everybody  audience = iota // all of it, each
	affected                   // what changed, those whom it concerns
	forcedOnly                 // all of it, whom the client wants told
)

// A class is attendees who are invited to the same instances, and so get the same
// message.
type class struct {
	rids  []ical.DateTime
	whole bool // the series as they see it, and not single instances
	to    []*Party
}

// request sends REQUESTs. What they say is computed once for all who see the same.
func (m *meeting) request(a audience) error {
	derived, err := m.derivedChanges(a)
	if err != nil {
		return err
	}
	is, was := m.seats(m.new, derived), seats{}
	if m.old != nil {
		was = m.seats(m.old, nil)
	}
	asked := m.asked(a, is, was, derived)
	list := make([]string, 0, len(asked))
	for address := range asked {
		list = append(list, address)
	}
	to, err := m.recipients(list)
	if err != nil {
		return err
	}
	v := m.newViews(derived)
	for _, cl := range classes(to, asked) {
		msg := Message{Method: Request, From: m.Owner, To: cl.to, Reset: m.diff.resets, about: cl}
		if msg.Data, err = v.data(cl); err != nil {
			return err
		}
		msg.Changed = m.diff.changes.of(cl.rids)
		if a == forcedOnly {
			msg.Cause = Forced
		}
		m.plan.Messages = append(m.plan.Messages, msg)
	}
	return nil
}

// of returns the changes that are of some instances.
func (c Changes) of(rids []ical.DateTime) Changes {
	if c == nil {
		return nil
	}
	some := Changes{}
	for _, rid := range rids {
		if props, ok := c[rid]; ok {
			some[rid] = props
		}
	}
	return some
}

// derivedChanges returns the instances that changed because their override is gone:
// the master describes them now, and so must the message.
func (m *meeting) derivedChanges(a audience) (map[ical.DateTime]*ical.Component, error) {
	if a != affected {
		return nil, nil
	}
	rids := slices.Collect(maps.Keys(m.diff.changes))
	for _, newly := range m.diff.seated {
		rids = append(rids, newly...)
	}
	derived := map[ical.DateTime]*ical.Component{}
	for _, rid := range rids {
		if m.new.At(rid) != nil || derived[rid] != nil {
			continue
		}
		c, err := m.new.Derive(rid)
		if err != nil {
			return nil, err
		}
		if c != nil {
			derived[rid] = c
		}
	}
	return derived, nil
}

// asked returns who gets a message, and about which instances.
func (m *meeting) asked(a audience, is, was seats, derived map[ical.DateTime]*ical.Component) map[string]class {
	all := make(map[string]class, len(is))
	for address, rids := range is {
		own := slices.DeleteFunc(slices.Clone(rids), func(rid ical.DateTime) bool { return derived[rid] != nil })
		whole := class{rids: own, whole: true}
		switch {
		case len(own) == 0:
		case a == forcedOnly && !m.forced[address]:
		case a != affected, len(was[address]) == 0, m.forced[address], slices.Contains(m.off[address], master):
			all[address] = whole
		default:
			some := slices.DeleteFunc(slices.Clone(rids), func(rid ical.DateTime) bool { return !m.concerns(address, rid) })
			switch {
			case slices.Contains(some, master):
				all[address] = whole
			case len(some) > 0:
				all[address] = class{rids: some}
			}
		}
	}
	return all
}

// concerns reports whether somebody who is invited to an instance is to know what
// became of it. One whom the move of a series has taken out of the old instance is
// invited to it anew.
func (m *meeting) concerns(address string, rid ical.DateTime) bool {
	_, changed := m.diff.changes[rid]
	return changed || slices.Contains(m.diff.seated[address], rid) || slices.Contains(m.off[address], rid)
}

// classes puts recipients together that get the same, in the order of the first of
// each.
func classes(to []recipient, asked map[string]class) []*class {
	var list []*class
	index := map[string]*class{}
	for _, r := range to {
		cl := asked[r.asked]
		sortRIDs(cl.rids)
		cl.whole = cl.whole && slices.Contains(cl.rids, master)
		key := cl.key()
		same := index[key]
		if same == nil {
			same = &cl
			index[key] = same
			list = append(list, same)
		}
		same.to = append(same.to, r.Party)
	}
	return list
}

func (c *class) key() string {
	var b []byte
	if c.whole {
		b = append(b, '*')
	}
	for _, rid := range c.rids {
		b = append(rid.Append(b), byte('0'+rid.Kind))
	}
	return string(b)
}

// views make the data of messages. A component is stripped once.
type views struct {
	*meeting
	derived  map[ical.DateTime]*ical.Component
	stripped map[ical.DateTime]*ical.Component
}

func (m *meeting) newViews(derived map[ical.DateTime]*ical.Component) *views {
	return &views{meeting: m, derived: derived, stripped: map[ical.DateTime]*ical.Component{}}
}

// component returns the component of an instance as attendees see it.
func (v *views) component(rid ical.DateTime) *ical.Component {
	c := v.stripped[rid]
	if c == nil {
		src := v.new.At(rid)
		if src == nil {
			src = v.derived[rid]
		}
		c = v.options.stripComponent(src, v.stamp())
		v.stripped[rid] = c
	}
	return c
}

// data returns what a class sees. In a whole series, the instances that they are not
// invited to are excluded.
func (v *views) data(cl *class) (*ical.Object, error) {
	list := make([]*ical.Component, 0, len(cl.rids))
	for _, rid := range cl.rids {
		c := v.component(rid)
		if rid.IsZero() && cl.whole {
			var err error
			if c, err = v.excluding(c, cl); err != nil {
				return nil, err
			}
		}
		list = append(list, c)
	}
	return v.messageObject(v.new, list), nil
}

// excluding returns the master without the instances whose overrides the class does
// not see.
func (v *views) excluding(c *ical.Component, cl *class) (*ical.Component, error) {
	out := c
	for _, rid := range v.new.RIDs() {
		if slices.Contains(cl.rids, rid) {
			continue
		}
		has, err := v.new.Has(rid)
		if err != nil {
			return nil, err
		}
		if !has {
			continue
		}
		if out == c {
			shallow := *c
			shallow.Props = slices.Clip(c.Props)
			out = &shallow
		}
		out.Add(ical.DateTimeProperty("EXDATE", rid))
	}
	return out, nil
}
