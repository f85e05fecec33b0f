package scheduling

import (
	"slices"
	"strconv"

	"convene/internal/ical"
)

// A meeting is an object of the organizer while it is decided what its change means.
type meeting struct {
	*decision
	old    *ical.Draft // nil: there was no meeting
	new    *ical.Draft
	forced map[string]bool // addresses that the client wants told (SCHEDULE-FORCE-SEND)
	groups map[string]*Party
	pools  map[string]*Party // those that are asked, by address
	none   map[string]string // what pools say that have no room, by address

	diff difference
	off  cancels // what is off for whom

	allOff bool // the meeting is removed
	plan   Plan
}

// newMeeting takes the new object in work, and the old one if it was a meeting.
func (d *decision) newMeeting() (*meeting, error) {
	if d.New.Master == nil {
		return nil, refuse(OrganizerAllowed, "a meeting without its master: nobody invites to bare instances")
	}
	m := &meeting{decision: d, forced: map[string]bool{}}
	var err error
	if m.new, err = d.New.Draft(d.budget); err != nil {
		return nil, err
	}
	if d.oldRole == RoleOrganizer {
		m.old, err = d.Old.Draft(d.budget)
	}
	return m, err
}

// invite is for a new meeting of the owner (RFC 6638 §3.2.1.1).
func (d *decision) invite() (*Plan, error) {
	if !slices.Contains(d.options.Organizers, d.Owner.Kind) {
		return nil, refuse(OrganizerAllowed, "the owner of this calendar does not invite")
	}
	m, err := d.newMeeting()
	if err != nil {
		return nil, err
	}
	m.cleanOrganizer()
	m.signOrganizer()
	m.forgetAnswers()
	m.startSequence()
	if err := m.complete(); err != nil {
		return nil, err
	}
	m.takeForced()
	m.askForAnswers()
	if err := m.request(everybody); err != nil {
		return nil, err
	}
	return m.finishPlan()
}

// modify is for a meeting that the owner changes (RFC 6638 §3.2.1.2).
func (d *decision) modify() (*Plan, error) {
	m, err := d.newMeeting()
	if err != nil {
		return nil, err
	}
	m.cleanOrganizer()
	if !d.New.Calendar.Equal(d.Old.Calendar) { // who writes what they read has not written the meeting
		m.signOrganizer()
	}
	m.keepServerParams()
	if err := m.keepAnswers(); err != nil {
		return nil, err
	}
	m.keepSequence()
	if d.Merge {
		if err := m.merge(); err != nil {
			return nil, err
		}
	}
	if err := m.complete(); err != nil {
		return nil, err
	}
	m.takeForced()
	if err := m.compare(); err != nil {
		return nil, err
	}
	return m.tell()
}

// tell sends what the change of a meeting asks for.
func (m *meeting) tell() (*Plan, error) {
	switch {
	case m.diff.significant():
		m.diff.takeAsked()
	case m.diff.raised:
		return m.tellAll(everybody)
	case len(m.forced) > 0:
		return m.tellAll(forcedOnly)
	default:
		return m.finishPlan()
	}
	m.raiseSequence()
	if err := m.reset(); err != nil {
		return nil, err
	}
	if err := m.cancelRemoved(); err != nil {
		return nil, err
	}
	if !m.diff.onlyCancelled() || m.leavesLive() {
		m.askForAnswers()
		to := affected
		if m.diff.raised && len(m.diff.changes) == 0 {
			to = everybody
		}
		if err := m.request(to); err != nil {
			return nil, err
		}
	}
	return m.finishPlan()
}

// tellAll sends all of a meeting of which nothing is different that concerns others.
func (m *meeting) tellAll(a audience) (*Plan, error) {
	if m.diff.raised {
		m.raiseSequence()
	}
	m.askForAnswers()
	if err := m.request(a); err != nil {
		return nil, err
	}
	return m.finishPlan()
}

// leavesLive reports whether the CANCEL of a whole series takes instances with it that
// are not off.
func (m *meeting) leavesLive() bool {
	if _, whole := m.diff.cancelled[master]; !whole {
		return false
	}
	return slices.ContainsFunc(m.new.RIDs(), func(rid ical.DateTime) bool { return !isCancelled(m.new.At(rid)) })
}

// uninvite is for a meeting that becomes an object of the owner alone: its attendees
// are told that it is off. A task is one still: some clients lose what they do not
// know of it.
func (d *decision) uninvite() (*Plan, error) {
	if hasAttendees(d.New) {
		return nil, refuse(OrganizerAllowed, "attendees without an organizer")
	}
	repaired, err := d.repairTask()
	if err != nil {
		return nil, err
	}
	if repaired {
		return d.modify()
	}
	off, err := d.cancelAll()
	if err != nil {
		return nil, err
	}
	p, err := d.plain()
	if err != nil {
		return nil, err
	}
	p.Messages = off.Messages
	return p, nil
}

// cancelAll is for a meeting that is removed (RFC 6638 §3.2.1.3).
func (d *decision) cancelAll() (*Plan, error) {
	m := &meeting{decision: d, plan: Plan{Outcome: Deleted}}
	var err error
	if m.old, err = d.Old.Draft(d.budget); err != nil {
		return nil, err
	}
	m.off, m.allOff = cancels(m.seats(m.old, nil)), true
	if err := m.cancel(); err != nil {
		return nil, err
	}
	return &m.plan, nil
}

// finishPlan ends with the object as it is to be stored.
func (m *meeting) finishPlan() (*Plan, error) {
	if len(m.plan.Messages) > 0 {
		m.askForAnswers()
	}
	var err error
	if m.plan.Store, err = m.new.Object(); err != nil {
		return nil, err
	}
	return &m.plan, m.answerForPools()
}

// complete adds what the server knows better than the client: who is in groups, which rooms
// stand for pools, what
// attendees have said, and where rooms are.
func (m *meeting) complete() error {
	if err := m.expandGroups(); err != nil {
		return err
	}
	if err := m.choose(); err != nil {
		return err
	}
	if err := m.keepComments(); err != nil {
		return err
	}
	if err := m.locate(); err != nil {
		return err
	}
	return m.limitAttendees()
}

// limitAttendees refuses too many attendees, unless they become fewer (RFC 4791
// §5.2.9).
func (m *meeting) limitAttendees() error {
	most := m.options.MaxAttendees
	if most == 0 {
		return nil
	}
	n := countAttendees(m.new)
	if n <= most || m.old != nil && n < countAttendees(m.old) {
		return nil
	}
	return &Refusal{Condition: MaxAttendees, Value: strconv.Itoa(most), Reason: strconv.Itoa(n) + " attendees"}
}

func countAttendees(d *ical.Draft) int {
	all := map[string]bool{}
	for _, rid := range d.RIDs() {
		for p := range attendees(d.At(rid)) {
			all[p.Address()] = true
		}
	}
	return len(all)
}

// startSequence makes the SEQUENCE of a new meeting higher than any that attendees
// can have seen: it may have been there before.
func (m *meeting) startSequence() {
	highest := highestSequence(m.new)
	if highest == 0 {
		return
	}
	m.setSequences(highest + 1000)
}

func highestSequence(d *ical.Draft) int64 {
	highest := int64(0)
	for _, rid := range d.RIDs() {
		highest = max(highest, sequenceOf(d.At(rid)))
	}
	return highest
}

func (m *meeting) setSequences(n int64) {
	for _, rid := range m.new.RIDs() {
		if sequenceOf(m.new.At(rid)) != n {
			setSequence(m.new.Edit(rid), n)
		}
	}
}

// keepSequence lets no SEQUENCE fall.
func (m *meeting) keepSequence() {
	highest := highestSequence(m.old)
	for _, rid := range m.new.RIDs() {
		if sequenceOf(m.new.At(rid)) < highest {
			m.setSequences(highest)
			return
		}
	}
}

// raiseSequence counts a change that others are told of (RFC 5545 §3.8.7.4), unless
// the client has done so in all components.
func (m *meeting) raiseSequence() {
	raised := true
	for _, rid := range m.new.RIDs() {
		was := m.old.At(rid)
		if was == nil {
			was = m.old.Master()
		}
		raised = raised && (was == nil || sequenceOf(m.new.At(rid)) > sequenceOf(was))
	}
	if raised {
		return
	}
	n := max(highestSequence(m.old)+1, highestSequence(m.new))
	for _, rid := range m.new.RIDs() {
		c := m.new.Edit(rid)
		setSequence(c, n)
		c.SetValue("DTSTAMP", m.stamp())
	}
}
