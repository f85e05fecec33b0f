package policy

import (
	"errors"
	"slices"
	"time"

	"convene/internal/ical"
)

// Copy returns what the room stores: its copy of the meeting with its answers in it.
// Dates that have another answer than their series get a component of their own. The
// result shares nothing with the invitation that can be changed. now is in Unix
// seconds.
func (a *Answer) Copy(p *Policy, in Invite, f *Facts, now int64) *ical.Component {
	cal := in.Object.Calendar.Clone()
	if a.Verdict == NotAsked || in.Object.Kind != "VEVENT" {
		return cal
	}
	defer strip(cal, p.Strip)
	w := writer{answer: a, addresses: f.Addresses, stamp: time.Unix(now, 0).UTC().Format("20060102T150405Z")}
	copies := map[*ical.Component]*ical.Component{}
	for i, c := range in.Object.Calendar.Children {
		copies[c] = cal.Children[i]
	}
	if in.Object.Master != nil && a.hasOwn() { // else it stays as the organizer has it
		w.write(copies[in.Object.Master], a.Master, a.master())
	}
	for _, c := range in.Object.Overrides {
		s, o := a.ofOverride(c)
		w.write(copies[c], s, o)
	}
	for i := range a.Occurrences {
		if o := &a.Occurrences[i]; a.derives(o) {
			c := derive(o)
			w.write(c, o.PartStat, o)
			if o.PartStat == NeedsAction {
				w.ask(c)
			}
			cal.Children = append(cal.Children, c)
		}
	}
	return cal
}

// stripped has the properties of each word of Policy.Strip.
var stripped = map[string][]string{
	"subject":     {"SUMMARY"},
	"description": {"DESCRIPTION", "STYLED-DESCRIPTION", "X-ALT-DESC", "COMMENT"},
	"attachments": {"ATTACH"},
}

// strip takes out of a room's copy what it is not to keep.
func strip(cal *ical.Component, words List) {
	for _, w := range words {
		for _, c := range cal.Children {
			c.RemoveFunc(func(p *ical.Property) bool { return slices.Contains(stripped[w], p.Name) })
		}
	}
}

// derives reports whether a date needs a component of its own that it does not have.
func (a *Answer) derives(o *Occurrence) bool {
	if o.Instance.Override || o.Instance.RecurrenceID.IsZero() {
		return false
	}
	if c := o.Instance.Component; c.Prop("RECURRENCE-ID") != nil { // RANGE=THISANDFUTURE
		s, _ := a.ofOverride(c)
		return o.PartStat != s
	}
	return o.PartStat != a.Master
}

// ofOverride returns the answer for a component with a RECURRENCE-ID: that of its
// own date, or of the master if nobody looked at it.
func (a *Answer) ofOverride(c *ical.Component) (PartStat, *Occurrence) {
	for i := range a.Occurrences {
		if o := &a.Occurrences[i]; o.Instance.Component == c && o.Instance.Override {
			return o.PartStat, o
		}
	}
	return a.Master, nil
}

// hasOwn reports whether the master describes any date: all may have components of their
// own, or be left out.
func (a *Answer) hasOwn() bool {
	return slices.ContainsFunc(a.Occurrences, func(o Occurrence) bool { return !o.Instance.Override })
}

// master returns a date that the master stands for, of those that were judged the
// first.
func (a *Answer) master() *Occurrence {
	i := slices.IndexFunc(a.Occurrences, func(o Occurrence) bool {
		return o.Judged && !o.Instance.Override && o.PartStat == a.Master
	})
	if i < 0 {
		return nil
	}
	return &a.Occurrences[i]
}

// recurrence are the properties that a component of one date does not have.
var recurrence = []string{"RRULE", "RDATE", "EXDATE", "EXRULE", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID"}

// derive returns the component of one date of a series.
func derive(o *Occurrence) *ical.Component {
	from := o.Instance.Component
	c := from.Clone()
	c.RemoveFunc(func(p *ical.Property) bool { return slices.Contains(recurrence, p.Name) })
	c.Add(ical.DateTimeProperty("RECURRENCE-ID", o.Instance.RecurrenceID), ical.DateTimeProperty("DTSTART", o.Instance.Start))
	switch {
	case from.Prop("DTEND") != nil:
		c.Add(ical.DateTimeProperty("DTEND", o.Instance.End))
	case from.Prop("DURATION") != nil:
		c.Add(from.Prop("DURATION").Clone())
	}
	return c
}

// writer puts answers into components.
type writer struct {
	answer    *Answer
	addresses []string
	stamp     string
}

// write sets the room's answer in a component. o is the date that it is for, nil if
// it was not looked at. What is cancelled is not answered, and stays as the organizer
// has it.
func (w *writer) write(c *ical.Component, s PartStat, o *Occurrence) {
	if !lineOf(c, w.addresses).here {
		return
	}
	judged := o != nil && o.Judged
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name == "ATTENDEE" && slices.Contains(w.addresses, p.Address()) {
			w.attendee(p, s, judged)
		}
	}
	if w.takes(s, o) {
		c.SetValue("TRANSP", "OPAQUE")
	} else {
		c.SetValue("TRANSP", "TRANSPARENT")
	}
	switch org := c.Prop("ORGANIZER"); {
	case org == nil:
	case w.answer.Reply: // which is about the whole meeting
		org.SetParam("SCHEDULE-STATUS", "1.2") // RFC 6638 §3.2.9: sent
	case judged:
		org.RemoveParam("SCHEDULE-STATUS")
	}
}

// attendee sets the answer on the room's line; one that waits for an answer without
// saying so does not have to. It loses the parameters with which an organizer asks
// (RFC 6638 §7), and RSVP unless a person still has to answer.
func (w *writer) attendee(p *ical.Property, s PartStat, judged bool) {
	if s != NeedsAction || p.Has("PARTSTAT") {
		p.SetParam("PARTSTAT", string(s))
	}
	p.RemoveParam("SCHEDULE-FORCE-SEND")
	if s != NeedsAction {
		p.RemoveParam("RSVP")
	}
	if judged && w.answer.Mode != ModeNone {
		p.RemoveParam("X-CALENDARSERVER-DTSTAMP")
		p.SetParam("X-CALENDARSERVER-AUTO", w.stamp)
	}
}

// ask says that somebody has to answer, which is not so of the whole series.
func (w *writer) ask(c *ical.Component) {
	for i := range c.Props {
		if p := &c.Props[i]; p.Name == "ATTENDEE" && slices.Contains(w.addresses, p.Address()) {
			p.SetParam("PARTSTAT", string(NeedsAction))
			p.SetParam("RSVP", "TRUE")
		}
	}
}

// takes reports whether an answer takes the room's time. What waits for approval
// does as the policy says, or as it did.
func (w *writer) takes(s PartStat, o *Occurrence) bool {
	switch {
	case s != Held:
		return s == Accepted
	case o == nil || o.Judged:
		return w.answer.held
	}
	return o.was.opaque
}

// ErrTooMany says that one object would book a room more often than a ledger holds.
var ErrTooMany = errors.New("too many dates")

// maxBookings is how many dates of one object a ledger holds: 50 years of days.
const maxBookings = 20000

// BookingsOf returns what a copy in a room's calendar takes of the room, in order of
// start: what the room accepted, what waits for approval and holds its time, and
// events without organizer, which are blocks. It looks at all that is before until,
// in Unix seconds; days and floating times are of the room's zone. So the ledger of a
// room can always be made again from its calendars. Errors: ErrTooMany, and those of
// the recurrence.
func BookingsOf(o *ical.Object, addresses []string, zone *ical.Zone, until int64) ([]Booking, error) {
	if o.Kind != "VEVENT" {
		return nil, nil
	}
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	states := map[*ical.Component]State{}
	var all []Booking
	for inst, err := range series.Instances(minTime, until, zone, nil) {
		if err != nil {
			return nil, err
		}
		state, known := states[inst.Component]
		if !known {
			state = stateOf(inst.Component, addresses)
			states[inst.Component] = state
		}
		if len(all) == maxBookings {
			return nil, ErrTooMany
		}
		if state != 0 {
			all = append(all, Booking{Span: Span{inst.StartUnix, inst.EndUnix}, State: state, UID: o.UID, ID: key(&inst, zone)})
		}
	}
	return all, nil
}

// stateOf returns how a component takes the room, 0 if it does not.
func stateOf(c *ical.Component, addresses []string) State {
	l := lineOf(c, addresses)
	switch {
	case c.Prop("ORGANIZER") == nil:
		if ical.BusyOf(c) == ical.Free {
			return 0
		}
		return Blocked
	case !l.here:
		return 0
	case l.stat == Accepted:
		return Booked
	case l.stat == Held && l.opaque:
		return Waiting
	}
	return 0
}
