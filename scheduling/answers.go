package scheduling

import (
	"slices"
	"strconv"
	"strings"

	"convene/internal/ical"
)

// A lineup is the ATTENDEE lines of a component by address.
type lineup map[string]*ical.Property

func lineupOf(c *ical.Component) lineup {
	all := lineup{}
	if c == nil {
		return all
	}
	for p := range attendees(c) {
		if address := p.Address(); all[address] == nil {
			all[address] = p
		}
	}
	return all
}

// server returns the line of an address if the server delivers to it; else nil.
func (l lineup) server(address string) *ical.Property {
	if p := l[address]; p != nil && byServer(p) {
		return p
	}
	return nil
}

// eachLine lets change work on copies of the lines of a component, and edits the
// component if one has become another.
func eachLine(d *ical.Draft, rid ical.DateTime, change func(address string, p *ical.Property)) {
	c := d.At(rid)
	var p ical.Property
	for i := range c.Props {
		if c.Props[i].Name != "ATTENDEE" {
			continue
		}
		p = c.Props[i] // parameters are replaced, never changed
		change(p.Address(), &p)
		if !p.Equal(&c.Props[i]) {
			d.Edit(rid).Props[i] = p
		}
	}
}

// changeDerived is eachLine for a component that is not in a draft yet. It reports
// whether something was changed.
func changeDerived(c *ical.Component, change func(address string, p *ical.Property)) bool {
	changed := false
	for p := range attendees(c) {
		was := *p
		change(p.Address(), p)
		changed = changed || !p.Equal(&was)
	}
	return changed
}

// before returns the component that one of the new object was before: that of its
// name, or the master.
func (m *meeting) before(rid ical.DateTime) *ical.Component {
	if c := m.old.At(rid); c != nil {
		return c
	}
	return m.old.Master()
}

// cleanOrganizer takes from the ORGANIZER what is not for organizers: here the server
// schedules.
func (m *meeting) cleanOrganizer() {
	for _, rid := range m.new.RIDs() {
		p := m.new.At(rid).Prop("ORGANIZER")
		if p.Has("SCHEDULE-AGENT") || p.Has(forceSend) || p.Has("SCHEDULE-STATUS") {
			p = m.new.Edit(rid).Prop("ORGANIZER")
			p.RemoveParam("SCHEDULE-AGENT")
			p.RemoveParam(forceSend)
			p.RemoveParam("SCHEDULE-STATUS")
		}
	}
}

// forgetAnswers begins a meeting: nobody accepts for others (RFC 6638 §3.2.1.1).
func (m *meeting) forgetAnswers() {
	for _, rid := range m.new.RIDs() {
		eachLine(m.new, rid, func(address string, p *ical.Property) {
			if !byServer(p) {
				return
			}
			p.RemoveParam("SCHEDULE-STATUS")
			if address != m.self && p.Has("PARTSTAT") {
				setOrRemove(p, "PARTSTAT", needsAction)
			}
		})
	}
}

// serverParams are parameters of an ATTENDEE that are the server's to write.
var serverParams = []string{"SCHEDULE-STATUS", resetParam}

// resetParam says up to which SEQUENCE a mailed reply comes too late to count.
const resetParam = "X-CALENDARSERVER-RESET-PARTSTAT"

// keepServerParams puts back what the server has written to the ATTENDEEs, whatever
// the client makes of it. The SCHEDULE-STATUS of those to whom the server does not send
// is the client's (RFC 6638 §7.3).
func (m *meeting) keepServerParams() {
	for _, rid := range m.new.RIDs() {
		was := lineupOf(m.before(rid))
		eachLine(m.new, rid, func(address string, p *ical.Property) {
			for _, name := range serverParams {
				if name == "SCHEDULE-STATUS" && !byServer(p) {
					continue
				}
				value := ""
				if q := was[address]; q != nil {
					value = q.Param(name)
				}
				setOrRemove(p, name, value)
			}
			q := was[address]
			if q == nil {
				return
			}
			if q.Has("MEMBER") && !p.Has("MEMBER") {
				p.SetParam("MEMBER", q.ParamValues("MEMBER")...)
			}
			if pool := q.Param(delegatedFrom); pool != "" && !p.Has(delegatedFrom) && isThing(q) && attendeeOf(m.new.At(rid), pool) != nil {
				p.SetParam(delegatedFrom, pool)
			}
		})
	}
}

// keepAnswers puts back the PARTSTATs that are stored: the organizer may ask again,
// but not answer for others (RFC 6638 §3.2.1). Where a stored override goes and the
// instance stays, the override comes back for the answers in it.
func (m *meeting) keepAnswers() error {
	for _, rid := range m.new.RIDs() {
		eachLine(m.new, rid, m.keepAnswer(lineupOf(m.before(rid))))
	}
	for _, rid := range m.old.RIDs() {
		if m.new.At(rid) != nil {
			continue
		}
		c, err := m.new.Derive(rid)
		if err != nil {
			return err
		}
		if c != nil && changeDerived(c, m.keepAnswer(lineupOf(m.old.At(rid)))) {
			m.new.Put(rid, c)
		}
	}
	return nil
}

func (m *meeting) keepAnswer(was lineup) func(string, *ical.Property) {
	return func(address string, p *ical.Property) {
		if address == m.self || !byServer(p) || partStat(p) == needsAction {
			return
		}
		kept := needsAction
		if q := was[address]; q != nil {
			kept = partStat(q)
		}
		if kept != partStat(p) {
			p.SetParam("PARTSTAT", kept)
		}
	}
}

// merge takes over what others answered since the client read the object (RFC 6638
// §3.2.10). Stored overrides that the client does not know come back for the answers
// in them.
func (m *meeting) merge() error {
	for _, rid := range m.new.RIDs() {
		was, err := m.old.Effective(rid)
		if err != nil {
			return err
		}
		if was != nil && !m.rescheduled(was, m.new.At(rid)) {
			eachLine(m.new, rid, m.takeAnswer(lineupOf(was)))
		}
	}
	for _, rid := range m.old.RIDs() {
		if m.new.At(rid) != nil {
			continue
		}
		c, err := m.new.Derive(rid)
		if err != nil {
			return err
		}
		was := m.old.At(rid)
		if c != nil && !m.rescheduled(was, c) && changeDerived(c, m.takeAnswer(lineupOf(was))) {
			m.new.Put(rid, c)
		}
	}
	return nil
}

func (m *meeting) takeAnswer(was lineup) func(string, *ical.Property) {
	return func(address string, p *ical.Property) {
		q := was[address]
		// Who answers to the client alone has said nothing here since.
		if q == nil || address == m.self || isForced(p) || !byServer(p) {
			return
		}
		for _, name := range []string{"PARTSTAT", "RSVP", "SCHEDULE-STATUS"} {
			setOrRemove(p, name, q.Param(name))
		}
	}
}

// timing are the properties that make old answers void if they lose a value.
var timing = []string{"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}

// rescheduled reports whether a component was at times at which it is no more.
func (m *meeting) rescheduled(was, is *ical.Component) bool {
	differ := ical.Differ{
		IgnoreProperty:  func(p *ical.Property) bool { return !slices.Contains(timing, p.Name) },
		IgnoreComponent: func(string) bool { return true },
	}
	// What is the same with the old values of lists in it has lost none.
	both := ical.Component{Name: is.Name, Props: slices.Clip(is.Props)}
	for i := range was.Props {
		if p := &was.Props[i]; p.Name == "RDATE" || p.Name == "EXDATE" {
			both.Props = append(both.Props, *p)
		}
	}
	for name := range differ.Diff(&both, m.new.Zones(), is, m.new.Zones()) {
		if name == "RDATE" || name == "EXDATE" {
			return true
		}
	}
	for name := range differ.Diff(was, m.old.Zones(), is, m.new.Zones()) {
		if name != "RDATE" && name != "EXDATE" && was.Prop(name) != nil {
			return true
		}
	}
	return false
}

// isForced reports whether the client wants a message sent to an attendee whatever
// changed (RFC 6638 §7.2).
func isForced(p *ical.Property) bool {
	return strings.EqualFold(p.Param(forceSend), string(Request))
}

// takeForced notes to whom messages are forced, and takes the parameter off: it is an
// order and not data.
func (m *meeting) takeForced() {
	for _, rid := range m.new.RIDs() {
		eachLine(m.new, rid, func(address string, p *ical.Property) {
			if !p.Has(forceSend) {
				return
			}
			switch {
			case !byServer(p) || address == m.self: // nothing is sent to them
			case isForced(p):
				m.forced[address] = true
			default:
				m.setStatus(address, statusIgnored)
			}
			p.RemoveParam(forceSend)
		})
	}
}

// askForAnswers marks whose answer is waited for. Groups do not answer, their
// members do.
func (m *meeting) askForAnswers() {
	for _, rid := range m.new.RIDs() {
		eachLine(m.new, rid, func(_ string, p *ical.Property) {
			switch {
			case isGroup(p):
				p.RemoveParam("RSVP")
				p.RemoveParam("PARTSTAT")
			case byServer(p) && partStat(p) == needsAction:
				setOrRemove(p, "RSVP", "TRUE")
			}
		})
	}
}

// reset lets the answers begin anew that a change has made void.
func (m *meeting) reset() error {
	resets := &m.diff.resets
	for _, rid := range m.new.RIDs() {
		eachLine(m.new, rid, m.resetLine(rid, m.new.At(rid)))
	}
	for _, rid := range resets.instances() {
		if m.new.At(rid) != nil {
			continue
		}
		c, err := m.new.Derive(rid)
		if err != nil {
			return err
		}
		if c != nil && changeDerived(c, m.resetLine(rid, c)) {
			m.new.Put(rid, c)
		}
	}
	return nil
}

func (m *meeting) resetLine(rid ical.DateTime, c *ical.Component) func(string, *ical.Property) {
	sequence := sequenceOf(c)
	return func(address string, p *ical.Property) {
		if address == m.self || !byServer(p) || isGroup(p) || m.pools[address] != nil || !m.diff.resets.Has(rid, address) {
			return
		}
		if p.Has("PARTSTAT") {
			m.diff.noteReset(rid, p)
			setOrRemove(p, "PARTSTAT", needsAction)
		}
		if GUIDOf(address) == "" {
			p.SetParam(resetParam, strconv.FormatInt(sequence, 10))
		}
	}
}

// noteReset says that an instance has other ATTENDEEs: an answer is about to be taken back.
// Who is invited to that instance alone would not learn it otherwise.
func (d *difference) noteReset(rid ical.DateTime, p *ical.Property) {
	if partStat(p) == needsAction {
		return
	}
	changed := d.changes[rid]
	if changed == nil {
		changed = map[string][]string{}
		d.changes[rid] = changed
	}
	if _, told := changed[p.Name]; !told {
		changed[p.Name] = nil
	}
}
