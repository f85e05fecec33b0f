package scheduling

import (
	"convene/internal/ical"
)

// answeredDays is for how many days after its end a meeting is still answered by a
// policy.
const answeredDays = 2

// letAnswer lets the policy of a room or resource answer its new copy, and keeps the
// REPLY for the organizer. old is the copy that the room had.
func (c *conversation) letAnswer(m *Message, to *Party, old *ical.Object, receipt *Receipt) (*Receipt, error) {
	changed := *receipt // may be shared
	if c.over(receipt.Store) {
		changed.Inbox = false
		return &changed, nil
	}
	answered, err := to.Policy.Answer(&Invitation{
		Copy: receipt.Store, Old: old, Organizer: m.From, Again: m.Cause == Forced, Now: c.p.Now,
		Busy: func(from, until int64) ([]ical.BusyPeriod, error) {
			return c.w.Busy(to.GUID, from, until, receipt.Store.UID)
		},
	})
	if err != nil {
		return nil, err
	}
	changed.Store = answered.Copy
	changed.Inbox = to.Kind == Person || answered.Inbox
	if len(answered.RIDs) == 0 {
		return &changed, nil
	}
	r := replier{from: to, to: m.From, now: c.p.Now, o: c.o, rids: answered.RIDs, comment: answered.Comment}
	reply, err := r.message(changed.Store)
	if reply != nil {
		c.answers = append(c.answers, reply)
	}
	return &changed, err
}

// letKnow tells a human who answers for a room or resource of a cancellation.
func (c *conversation) letKnow(m *Message, to *Party, receipt *Receipt) (*Receipt, error) {
	manual, err := to.Policy.Manual(m.From)
	if err != nil {
		return nil, err
	}
	changed := *receipt // may be shared
	changed.Inbox = manual
	return &changed, nil
}

// over reports whether a meeting has ended so long ago that nobody answers it.
func (c *conversation) over(o *ical.Object) bool {
	s, err := o.Series()
	if err != nil {
		return false
	}
	_, end, open := s.Span(nil)
	return !open && end < c.p.Now.AddDate(0, 0, -answeredDays).Unix()
}
