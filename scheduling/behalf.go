package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// A SentBy says where somebody who acts for the owner of a home is named, as the
// SENT-BY of the ORGANIZER, or of the ATTENDEE that answers (RFC 5545 §3.2.18).
type SentBy uint8

const (
	// SentByAlways: in what is stored, in messages and in mail.
	SentByAlways SentBy = iota
	// SentByMessages: in messages and mail alone.
	SentByMessages
	// SentByNever: nowhere.
	SentByNever
)

const sentBy = "SENT-BY"

// forOther reports whether the caller is somebody else than the owner.
func (d *decision) forOther() bool { return d.Caller.Address != d.Owner.Address }

// onBehalf makes the owner the organizer of a meeting that somebody else writes for
// them. Clients that know nothing of delegates name who has signed in, or nobody. A
// meeting of a third person is the owner's if they are invited to it.
func (d *decision) onBehalf() error {
	if d.New == nil || !schedules(d.New.Kind) || !d.forOther() {
		return nil
	}
	organizer := organizerOf(d.New)
	switch {
	case organizer == nil:
		return d.withoutOrganizer()
	case sameAddress(organizer, d.self):
		return nil
	case sameAddress(organizer, d.Caller.Address) && slices.Contains(d.options.Organizers, d.Owner.Kind):
		return d.organizedByCaller()
	}
	return d.invited(organizer)
}

// withoutOrganizer is about attendees whom nobody invites: whom the object belongs to
// does.
func (d *decision) withoutOrganizer() error {
	switch {
	case !hasAttendees(d.New), !slices.Contains(d.options.Organizers, d.Owner.Kind):
		return nil
	case d.Old == nil:
		return d.organizeForOwner()
	case hasAttendees(d.Old): // as it was, or the organizer was taken out of a meeting
		return nil
	}
	return refuse(OrganizerAllowed, "attendees without an organizer")
}

// organizedByCaller is about a meeting whose ORGANIZER is who writes it, in the
// calendar of the owner. If it lies in the caller's own as well, it is theirs, and this
// is the copy of the owner.
func (d *decision) organizedByCaller() error {
	organizer := organizerOf(d.New)
	if d.Old != nil {
		if was := organizerOf(d.Old); was == nil || !sameAddress(was, d.Caller.Address) {
			return refuse(ValidOrganizerChange, "the organizer is the owner of the calendar, not who writes for them")
		}
		return nil
	}
	theirs, err := d.world.Copy(d.Caller.GUID, d.New.UID)
	if err != nil {
		return err
	}
	if RoleOf(theirs, d.Caller.GUID) == RoleOrganizer {
		return d.invited(organizer)
	}
	return d.organizeForOwner()
}

// invited refuses somebody else's meeting that the owner has no part in (RFC 6638
// §3.2.2). Where the client says that the server has nothing to do with it, or the
// owner has it already, they may have what they like; and so may rooms, which several
// people write to.
func (d *decision) invited(organizer *ical.Property) error {
	known := d.Old != nil && organizerOf(d.Old) != nil
	invites := slices.Contains(d.options.Organizers, d.Owner.Kind)
	if known || !invites || !byServer(organizer) || lists(d.New, d.self) {
		return nil
	}
	return refuse(AttendeeAllowed, "the owner of this calendar is not invited")
}

// organizeForOwner makes the owner the ORGANIZER of the new object.
func (d *decision) organizeForOwner() error {
	draft, err := d.New.Draft(d.budget)
	if err != nil {
		return err
	}
	line := ical.NewProperty("ORGANIZER", d.self)
	setOrRemove(&line, "CN", quotable(d.Owner.CN))
	if len(d.Owner.Emails) > 0 {
		line.SetParam("EMAIL", d.Owner.Emails[0])
	}
	for _, rid := range draft.RIDs() {
		c := draft.Edit(rid)
		c.Remove("ORGANIZER")
		c.Add(line.Clone())
	}
	d.New, err = draft.Object()
	return err
}

// signOrganizer says in the new meeting who wrote it, if that is not the owner. If it
// is, nobody else is named any more. What a client says of itself is not believed: it
// is what it read, or the address of who has signed in.
func (m *meeting) signOrganizer() {
	for _, rid := range m.new.RIDs() {
		line := m.new.At(rid).Prop("ORGANIZER")
		claimed := line.Param(sentBy)
		signature := m.signature(claimed)
		if claimed == signature {
			continue
		}
		if claimed != "" && m.forOther() && !m.stores(claimed) && !m.Caller.has(claimed) {
			m.plan.Claimed = claimed
		}
		setOrRemove(m.new.Edit(rid).Prop("ORGANIZER"), sentBy, signature)
	}
}

// signature returns the SENT-BY that is stored in place of what the client says.
func (d *decision) signature(claimed string) string {
	switch {
	case !d.forOther(), d.options.SentBy != SentByAlways:
		return ""
	case d.Caller.has(claimed):
		return claimed
	}
	return d.Caller.signs()
}

// stores reports whether the meeting has a SENT-BY already.
func (m *meeting) stores(claimed string) bool {
	return m.old != nil && slices.ContainsFunc(m.old.RIDs(), func(rid ical.DateTime) bool {
		p := m.old.At(rid).Prop("ORGANIZER")
		return p != nil && p.Param(sentBy) == claimed
	})
}

// has reports whether an address is one of the party's, as messages name them.
func (p *Party) has(address string) bool {
	address = Normalize(address)
	return address == p.Address || slices.ContainsFunc(p.Emails, func(e string) bool { return address == Normalize("mailto:"+e) })
}

// signs returns the address that SENT-BY names the party by.
func (p *Party) signs() string {
	if len(p.Emails) > 0 {
		return "mailto:" + p.Emails[0]
	}
	return p.Address
}

// sign notes in the messages of a plan who sends them in the name of the owner.
func (d *decision) sign(p *Plan) {
	if !d.forOther() || d.options.SentBy == SentByNever {
		return
	}
	for i := range p.Messages {
		p.Messages[i].SentBy = d.Caller
	}
}

// senderLine is where a component of the message names its sender: the index of a
// property; -1: nowhere.
func (m *Message) senderLine(c *ical.Component) int {
	return slices.IndexFunc(c.Props, func(p ical.Property) bool {
		switch m.Method {
		case Reply, Counter:
			return p.Name == "ATTENDEE" && sameAddress(&p, m.From.Address)
		}
		return p.Name == "ORGANIZER"
	})
}

// signed returns a component of a message that says in its i-th property by whom it is
// sent.
func signed(c *ical.Component, i int, by *Party) *ical.Component {
	if i < 0 || by.has(c.Props[i].Param(sentBy)) {
		return c
	}
	n := *c
	n.Props = slices.Clone(c.Props)
	n.Props[i].SetParam(sentBy, by.signs())
	return &n
}
