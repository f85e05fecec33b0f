package scheduling

import (
	"encoding/xml"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
)

// ValidMessage is the precondition of what is put into an outbox (RFC 6638 §10.3).
var ValidMessage = xml.Name{Space: caldavSpace, Local: "valid-scheduling-message"}

// A Forward is a message that no change of a calendar says, and that a client puts into
// the outbox for others: an attendee's COUNTER, or the DECLINECOUNTER of an organizer
// (RFC 5546 §3.2.7, §3.2.8, §3.4.7, §3.4.8).
type Forward struct {
	Method Method
	Owner  *Party       // of the outbox
	Caller *Party       // who signed in
	Data   *ical.Object // without METHOD; its addresses are canonical
	MayNot error        // nil: it may be sent

	// Concealed: the caller sees a part of the owner's copy, or nothing of it. To them
	// there is none that they could speak about.
	Concealed bool

	Now     time.Time
	Options *Options // nil: DefaultOptions
}

// Plan says whom the message is brought to. An attendee who is not sure any more is so
// in their own copy, too.
//
// Errors: a *Refusal if the message is not what RFC 5546 wants, or of no meeting that
// the owner of the outbox has; a *NeedError.
func (f *Forward) Plan(w World) (*Plan, error) {
	if f.Options == nil {
		f.Options = DefaultOptions()
	}
	own, err := w.Copy(f.Owner.GUID, f.Data.UID)
	if err != nil {
		return nil, err
	}
	if err := f.check(own); err != nil {
		return nil, err
	}
	if f.MayNot != nil {
		return nil, f.MayNot
	}
	data, err := f.message(own)
	if err != nil {
		return nil, err
	}
	to, err := f.recipients(w, own)
	if err != nil {
		return nil, err
	}
	m := Message{Method: f.Method, From: f.Owner, Data: data}
	statuses := map[string]string{}
	for _, p := range to {
		if p.Local() {
			m.To = append(m.To, p)
		} else { // there are no letters of this kind
			statuses[addressOf(p)] = statusRejected
		}
	}
	if f.Caller.Address != f.Owner.Address && f.Options.SentBy != SentByNever {
		m.SentBy = f.Caller
	}
	p := &Plan{Role: RoleOf(own, f.Owner.GUID), Owner: f.Owner, UID: own.UID, Outcome: Discarded, Messages: []Message{m}, Statuses: statuses, Now: f.Now}
	if f.Method == Counter && len(m.To) > 0 {
		if p.Store, err = f.unsure(&m, own); p.Store != nil {
			p.Outcome, p.Tag = Stored, TagKeep
		}
	}
	return p, err
}

// check refuses what the method's table in RFC 5546 does not allow. own is the owner's
// copy of the meeting.
func (f *Forward) check(own *ical.Object) error {
	role := map[Method]Role{Counter: RoleAttendee, DeclineCounter: RoleOrganizer}[f.Method]
	switch {
	case !schedules(f.Data.Kind):
		return refuse(ValidMessage, string(f.Method)+" is of events and tasks")
	case own == nil || f.Concealed || RoleOf(own, f.Owner.GUID) != role:
		return refuse(ValidMessage, "the owner of this outbox has no such part in a meeting of this UID")
	case own.Kind != f.Data.Kind:
		return refuse(ValidMessage, "the meeting is a "+own.Kind)
	case f.Method == Counter && len(slices.Collect(components(f.Data))) != 1:
		return refuse(ValidMessage, "COUNTER has one "+f.Data.Kind)
	}
	mine, err := own.Draft(nil)
	if err != nil {
		return err
	}
	theirs, err := f.Data.Draft(nil)
	if err != nil {
		return err
	}
	for _, rid := range theirs.RIDs() {
		c := theirs.At(rid)
		was, err := mine.Effective(rid)
		switch organizer := c.Prop("ORGANIZER"); {
		case err != nil:
			return err
		case was == nil:
			return refuse(ValidMessage, "the meeting has no such instance")
		case organizer == nil || organizer.Address() != organizerOf(own).Address():
			return refuse(ValidMessage, "ORGANIZER is not that of the meeting")
		case sequenceOf(c) != sequenceOf(was):
			return refuse(ValidMessage, "SEQUENCE is not that of the meeting: it has changed since")
		case f.Method == Counter && attendeeLine(was, f.Owner.Address) == nil:
			return refuse(ValidMessage, "the owner of this outbox is not invited to this instance")
		}
	}
	return nil
}

// message is what the recipients get: without what is between a client and its server,
// and with the line of the attendee who writes.
func (f *Forward) message(own *ical.Object) (*ical.Object, error) {
	d, err := f.Data.Draft(nil)
	if err != nil {
		return nil, err
	}
	mine, err := own.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		was, err := mine.Effective(rid)
		if err != nil {
			return nil, err
		}
		c := f.Options.stripComponent(d.At(rid), utc(f.Now))
		f.forOthers(c, lineupOf(was))
		if f.Method == Counter && attendeeLine(c, f.Owner.Address) == nil {
			c.Add(f.Options.stripProperty(attendeeLine(was, f.Owner.Address)))
		}
		d.Put(rid, c)
	}
	bareCalendar(d.EditCalendar(), f.Options)
	d.DropZones()
	return d.Object()
}

// forOthers takes back what the message says in the name of others: they have answered
// what the owner's copy says, and who acts for the owner is said by Message.Body.
func (f *Forward) forOthers(c *ical.Component, known lineup) {
	for i := range c.Props {
		p := &c.Props[i]
		switch {
		case p.Name == "ORGANIZER", p.Name == "ATTENDEE" && sameAddress(p, f.Owner.Address):
			p.RemoveParam(sentBy)
		case p.Name == "ATTENDEE":
			p.RemoveParam(sentBy)
			said := ""
			if q := known[p.Address()]; q != nil {
				said = q.Param("PARTSTAT")
			}
			setOrRemove(p, "PARTSTAT", said)
		}
	}
}

// recipients are the organizer of a COUNTER, and of a DECLINECOUNTER the attendees whom
// it names and who are invited.
func (f *Forward) recipients(w World, own *ical.Object) ([]*Party, error) {
	if f.Method == Counter {
		p, err := w.Party(organizerOf(own).Value)
		return []*Party{p}, err
	}
	var list []*Party
	seen := map[string]bool{f.Owner.Address: true}
	for c := range components(f.Data) {
		for _, line := range c.AllProps("ATTENDEE") {
			if address := line.Address(); !seen[address] && lists(own, address) {
				seen[address] = true
				p, err := w.Party(line.Value)
				if err != nil {
					return nil, err
				}
				list = append(list, p)
			}
		}
	}
	if len(list) == 0 {
		return nil, refuse(ValidMessage, "no ATTENDEE is one of the meeting's")
	}
	slices.SortFunc(list, func(a, b *Party) int { return strings.Compare(a.GUID, b.GUID) })
	return list, nil
}

// unsure is the attendee's own copy after their COUNTER, nil if that is as it was: it
// says what the organizer's says.
func (f *Forward) unsure(m *Message, own *ical.Object) (*ical.Object, error) {
	r := &receiver{m: m, to: f.Owner, me: f.Owner.Address, stored: own, o: f.Options}
	message, stored, err := r.drafts()
	if err != nil {
		return nil, err
	}
	changes, err := r.fold(message, stored, r.takeCounter)
	if len(changes.answersChanged()) == 0 || err != nil {
		return nil, err
	}
	return stored.Object()
}
