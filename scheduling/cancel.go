package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// cancels are the instances that are off for somebody, by canonical address.
type cancels map[string][]ical.DateTime

func (c cancels) add(address string, rids ...ical.DateTime) {
	for _, rid := range rids {
		if !slices.Contains(c[address], rid) {
			c[address] = append(c[address], rid)
		}
	}
}

// cancelRemoved sends CANCEL to all who are no longer invited to what they were
// invited to (RFC 6638 §3.2.1.2, RFC 5546 §3.2.5).
func (m *meeting) cancelRemoved() error {
	m.off = cancels{}
	was, is := m.seats(m.old, nil), m.seats(m.new, nil)
	excluded, err := m.newlyExcluded()
	if err != nil {
		return err
	}
	for address, rids := range was {
		for _, rid := range rids {
			if m.isOff(address, rid, is[address], excluded) {
				m.off.add(address, rid)
			}
		}
	}
	if !m.diff.rescheduled {
		m.cancelSingle(excluded)
	}
	for rid, invited := range m.diff.cancelled {
		for _, address := range invited {
			if len(was[address]) > 0 {
				m.off.add(address, rid)
			}
		}
	}
	delete(m.off, m.self)
	return m.cancel()
}

// newlyExcluded returns the instances that EXDATEs take out of the new series and
// not out of the old one, and the strays.
func (m *meeting) newlyExcluded() ([]ical.DateTime, error) {
	old, err := m.old.Series()
	if err != nil {
		return nil, err
	}
	new, err := m.new.Series()
	if err != nil {
		return nil, err
	}
	before := old.Excluded()
	excluded := slices.DeleteFunc(new.Excluded(), func(rid ical.DateTime) bool { return slices.Contains(before, rid) })
	strays, err := m.strays()
	return append(excluded, strays...), err
}

// strays returns the old overrides that are gone and have been of no instance of the
// series: it was moved and they were left behind. Nothing of the new series takes their
// place.
func (m *meeting) strays() ([]ical.DateTime, error) {
	var all []ical.DateTime
	for _, rid := range m.old.RIDs() {
		if rid.IsZero() || m.new.At(rid) != nil {
			continue
		}
		had, err := m.old.Has(rid)
		if err != nil {
			return nil, err
		}
		has, err := m.new.Has(rid)
		if err != nil {
			return nil, err
		}
		if !had && !has {
			all = append(all, rid)
		}
	}
	return all, nil
}

// isOff reports whether somebody is to be told that an instance of the old meeting,
// which they were invited to, is off for them. is are their seats in the new one.
func (m *meeting) isOff(address string, rid ical.DateTime, is, excluded []ical.DateTime) bool {
	inMaster := slices.Contains(is, master)
	switch {
	case slices.Contains(is, rid):
		return false
	case m.diff.rescheduled:
		return !inMaster
	case rid.IsZero() || m.new.At(rid) != nil:
		return true
	}
	return !inMaster || slices.Contains(excluded, rid)
}

// cancelSingle adds the instances of the old series that have no place in the new
// one: they are excluded, or have an override that somebody is not invited to.
func (m *meeting) cancelSingle(excluded []ical.DateTime) {
	if m.old.Master() == nil {
		return
	}
	invited := lineupOf(m.old.Master())
	all := func(rid ical.DateTime, but lineup) {
		if m.old.At(rid) != nil {
			return
		}
		for address, p := range invited {
			if byServer(p) && but.server(address) == nil {
				m.off.add(address, rid)
			}
		}
	}
	for _, rid := range excluded {
		if m.new.At(rid) == nil {
			all(rid, nil)
		}
	}
	for _, rid := range m.new.RIDs() {
		if !rid.IsZero() {
			all(rid, lineupOf(m.new.At(rid)))
		}
	}
}

// cancel sends CANCELs from the old meeting. An attendee gets one message.
func (m *meeting) cancel() error {
	list := make([]string, 0, len(m.off))
	for address := range m.off {
		list = append(list, address)
	}
	to, err := m.recipients(list)
	if err != nil {
		return err
	}
	parts := map[ical.DateTime]cancelledPart{}
	for _, party := range to {
		rids := m.off[party.asked]
		if slices.Contains(rids, master) {
			rids = []ical.DateTime{master}
		}
		sortRIDs(rids)
		cancelled := m.cancelData
		if m.allOff && rids[0] != master {
			cancelled = m.cancelRest
		}
		data, err := cancelled(party, rids, parts)
		if err != nil {
			return err
		}
		if data != nil {
			m.plan.Messages = append(m.plan.Messages, Message{Method: Cancel, From: m.Owner, To: []*Party{party.Party}, Data: data})
		}
	}
	return nil
}

// A cancelledPart is what a CANCEL says of one instance to all, and the ATTENDEEs of
// which it says one to each. comp is nil if the instance never was.
type cancelledPart struct {
	comp   *ical.Component
	lines  lineup
	forAll bool // it is off for all
}

// isOffForAll reports whether what is off takes place for nobody any more.
func (m *meeting) isOffForAll(rid ical.DateTime) (bool, error) {
	if m.allOff {
		return true, nil
	}
	is, err := m.new.Effective(rid)
	return is == nil || isCancelled(is), err
}

// sayCancelled gives a CANCEL the STATUS of what is off for all. Who is uninvited alone must
// not read it (RFC 5546 §3.2.5). It is for mail: here the copy gets it when it is cancelled.
func sayCancelled(c *ical.Component, to recipient) {
	if to.Kind == External {
		c.Add(ical.NewProperty("STATUS", "CANCELLED"))
	}
}

// cancelData returns what a CANCEL says to one attendee; nil if none of the instances
// ever was. parts are filled in as need be.
func (m *meeting) cancelData(to recipient, rids []ical.DateTime, parts map[ical.DateTime]cancelledPart) (*ical.Object, error) {
	var list []*ical.Component
	for _, rid := range rids {
		part, done := parts[rid]
		if !done {
			c, err := m.old.Effective(rid)
			if err != nil {
				return nil, err
			}
			if c != nil {
				part = cancelledPart{comp: m.cancelPart(rid, c), lines: lineupOf(c)}
				if part.forAll, err = m.isOffForAll(rid); err != nil {
					return nil, err
				}
			}
			parts[rid] = part
		}
		line := part.lines[to.asked]
		if part.comp == nil || line == nil {
			continue
		}
		c := *part.comp
		c.Props = slices.Clip(c.Props)
		c.Add(m.options.stripProperty(line))
		if part.forAll {
			sayCancelled(&c, to)
		}
		list = append(list, &c)
	}
	if len(list) == 0 {
		return nil, nil
	}
	return m.messageObject(m.old, list), nil
}

// cancelRest is cancelData for somebody who was invited to instances alone, when all
// of the meeting is off. It has no RECURRENCE-ID, so it is about all that they have
// (RFC 5546 §3.2.5), and says of the meeting what they knew of the first of these.
func (m *meeting) cancelRest(to recipient, rids []ical.DateTime, _ map[ical.DateTime]cancelledPart) (*ical.Object, error) {
	first, err := m.old.Effective(rids[0])
	if err != nil || first == nil {
		return nil, err
	}
	c := m.cancelPart(master, first)
	for _, rid := range rids {
		if next, err := m.old.Effective(rid); err != nil {
			return nil, err
		} else if next != nil && sequenceOf(next)+m.raisedBy() > sequenceOf(c) {
			setSequence(c, sequenceOf(next)+m.raisedBy())
		}
	}
	c.Add(m.options.stripProperty(lineupOf(first)[to.asked]))
	sayCancelled(c, to)
	return m.messageObject(m.old, []*ical.Component{c}), nil
}

// The properties of a component that a CANCEL has (RFC 5546 §3.2.5), and
// those that the master has besides.
var (
	cancelProperties = []string{"SUMMARY", "DTSTART", "DTEND", "DURATION", "DUE"}
	seriesProperties = []string{"RRULE", "RDATE", "EXDATE"}
)

// raisedBy is by how much the SEQUENCE of a CANCEL is above that of what it cancels (RFC
// 5546 §2.1.4). That of a whole meeting is two above it, as Apple's server has it: the
// removal is a revision, and the CANCEL one of that.
func (m *meeting) raisedBy() int64 {
	if m.allOff {
		return 2
	}
	return 1
}

// cancelPart returns what a CANCEL says of an instance, without the ATTENDEE.
func (m *meeting) cancelPart(rid ical.DateTime, c *ical.Component) *ical.Component {
	n := ical.NewComponent(c.Name)
	n.Add(*c.Prop("UID"), ical.NewProperty("DTSTAMP", m.stamp()))
	setSequence(n, sequenceOf(c)+m.raisedBy())
	if !rid.IsZero() {
		id := ical.DateTimeProperty("RECURRENCE-ID", rid)
		setOrRemove(&id, "RANGE", c.Prop("RECURRENCE-ID").Param("RANGE"))
		n.Add(id)
	}
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name == "ORGANIZER" || slices.Contains(cancelProperties, p.Name) || rid.IsZero() && slices.Contains(seriesProperties, p.Name) {
			q := m.options.stripProperty(p)
			q.RemoveParam(sentBy) // of who wrote the meeting, which is not who cancels it
			n.Add(q)
		}
	}
	return n
}
