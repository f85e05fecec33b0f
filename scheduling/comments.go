package scheduling

import (
	"convene/internal/ical"
)

// keepComments keeps what attendees have told the organizer alone
// (caldav-privatecomments §3.2, §4.2.2): a client that does not know such properties
// loses all of them, and they come back. Those of whom is no longer invited go.
func (m *meeting) keepComments() error {
	if err := m.oneCommentEach(); err != nil {
		return err
	}
	if m.old != nil && !commented(m.new) {
		for _, rid := range m.new.RIDs() {
			if was := m.old.At(rid); was != nil {
				restoreComments(m.new, rid, was)
			}
		}
	}
	for _, rid := range m.new.RIDs() {
		c := m.new.At(rid)
		stray := func(p *ical.Property) bool {
			return p.Name == commentProperty && p.Has(attendeeRef) && attendeeOf(c, canonicalOf(p.Param(attendeeRef))) == nil
		}
		for i := range c.Props {
			if stray(&c.Props[i]) {
				m.new.Edit(rid).RemoveFunc(stray)
				break
			}
		}
	}
	return nil
}

// oneCommentEach refuses a component that has two comments of one attendee: nobody
// could tell which of them holds.
func (m *meeting) oneCommentEach() error {
	for _, rid := range m.new.RIDs() {
		seen := map[string]bool{}
		for _, p := range m.new.At(rid).AllProps(commentProperty) {
			author := p.Param(attendeeRef)
			if author != "" && seen[author] {
				return refuse(NoDuplicateComments, "two private comments of "+author)
			}
			seen[author] = true
		}
	}
	return nil
}

// commented reports whether any component has a private comment.
func commented(d *ical.Draft) bool {
	for _, rid := range d.RIDs() {
		if d.At(rid).Prop(commentProperty) != nil {
			return true
		}
	}
	return false
}

// restoreComments gives a component the comments that it had.
func restoreComments(d *ical.Draft, rid ical.DateTime, was *ical.Component) {
	for _, p := range was.AllProps(commentProperty) {
		d.Edit(rid).Add(p.Moved())
	}
}
