package scheduling

import (
	"strings"
	"time"

	"convene/internal/ical"
)

// answeredDays is for how many days after its end a meeting is still answered by a
// policy.
const answeredDays = 2

// letAnswer lets the policy of a room or resource answer its new copy, and keeps the
// REPLY for the organizer.
func (c *conversation) letAnswer(m *Message, to *Party, receipt *Receipt) (*Receipt, error) {
	store := receipt.Store
	changed := *receipt // may be shared
	if c.over(store) {
		changed.Inbox = false
		return &changed, nil
	}
	busy := func(from, until int64) ([]ical.BusyPeriod, error) { return c.w.Busy(to.GUID, from, until, store.UID) }
	answers, err := to.Policy.Answer(store, m.From.Address, busy, c.p.Now)
	if err != nil {
		return nil, err
	}
	d, err := store.Draft(nil)
	if err != nil {
		return nil, err
	}
	a := autoAnswer{d: d, me: to.Address, now: c.p.Now}
	if err := a.apply(answers); err != nil {
		return nil, err
	}
	if changed.Store, err = d.Object(); err != nil {
		return nil, err
	}
	changed.Inbox = to.Kind == Person || waits(changed.Store, to.Address)
	if len(a.set) == 0 {
		return &changed, nil
	}
	r := replier{from: to, to: m.From, now: c.p.Now, o: c.o, rids: a.set}
	reply, err := r.message(changed.Store)
	if reply != nil {
		c.answers = append(c.answers, reply)
	}
	return &changed, err
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

// An autoAnswer writes the answers of a policy into a copy.
type autoAnswer struct {
	d   *ical.Draft
	me  string
	now time.Time
	set map[ical.DateTime]bool // components that have a new answer
}

// apply sets the answers: that of most instances for the whole series, and overrides
// for others.
func (a *autoAnswer) apply(answers []Answer) error {
	a.set = map[ical.DateTime]bool{}
	general := ""
	if master := a.d.Master(); declinesNot(master, a.me) {
		general = a.majority(answers)
	}
	if general != "" {
		a.answer(ical.DateTime{}, general)
	}
	for _, answer := range answers {
		c, err := a.d.Effective(answer.RID)
		if err != nil {
			return err
		}
		if c == nil || attendeeLine(c, a.me) == nil || partStatIn(c, a.me) == answer.PartStat {
			continue
		}
		if _, err := a.d.EditEffective(answer.RID); err != nil {
			return err
		}
		a.answer(answer.RID, answer.PartStat)
	}
	return nil
}

// declinesNot reports whether the party is in the master, and has not answered it.
func declinesNot(master *ical.Component, me string) bool {
	return master != nil && partStatIn(master, me) == needsAction
}

// majority returns what most instances without an override are answered; of as many,
// the first in the alphabet. If all have overrides, it is what most of these are.
func (a *autoAnswer) majority(answers []Answer) string {
	count := func(overrides bool) map[string]int {
		votes := map[string]int{}
		for _, answer := range answers {
			if overrides || answer.RID.IsZero() || a.d.At(answer.RID) == nil {
				votes[answer.PartStat]++
			}
		}
		return votes
	}
	votes := count(false)
	if len(votes) == 0 {
		votes = count(true)
	}
	best := ""
	for s, n := range votes {
		if best == "" || n > votes[best] || n == votes[best] && strings.Compare(s, best) < 0 {
			best = s
		}
	}
	return best
}

// answer writes one answer into a component.
func (a *autoAnswer) answer(rid ical.DateTime, partStat string) {
	c := a.d.Edit(rid)
	mine := attendeeLine(c, a.me)
	setPartStat(mine, partStat)
	mine.RemoveParam("RSVP")
	mine.RemoveParam(stampParam)
	mine.SetParam(autoParam, utc(a.now))
	if p := c.Prop("ORGANIZER"); p != nil {
		p.SetParam("SCHEDULE-STATUS", statusDelivered)
	}
	if c.Name == "VEVENT" {
		transp := "TRANSPARENT"
		if partStat == "ACCEPTED" {
			transp = "OPAQUE"
		}
		setValue(c, "TRANSP", transp)
	}
	a.set[rid] = true
}
