package schedulingtest

import (
	"strings"
	"time"

	"convene/internal/ical"
	"convene/scheduling"
)

// A FreePolicy accepts what does not overlap anything else, and declines the rest.
type FreePolicy struct {
	Me string // canonical address
}

// Answer implements scheduling.Policy.
func (p FreePolicy) Answer(i *scheduling.Invitation) (*scheduling.Answered, error) {
	answers, err := p.answers(i)
	if err != nil {
		return nil, err
	}
	d, err := i.Copy.Draft(nil)
	if err != nil {
		return nil, err
	}
	a := autoAnswer{d: d, me: p.Me, now: i.Now, set: map[ical.DateTime]bool{}}
	if err := a.apply(answers); err != nil {
		return nil, err
	}
	answered := &scheduling.Answered{RIDs: a.set}
	if answered.Copy, err = d.Object(); err != nil {
		return nil, err
	}
	for _, c := range answered.Copy.Calendar.Children {
		answered.Inbox = answered.Inbox || waits(c, p.Me)
	}
	return answered, nil
}

// Manual implements scheduling.Policy.
func (p FreePolicy) Manual(*scheduling.Party) (bool, error) { return false, nil }

// An answer is the PARTSTAT of one instance.
type answer struct {
	rid      ical.DateTime
	partStat string
}

// answers returns those of the instances that wait for one, some years ahead.
func (p FreePolicy) answers(i *scheduling.Invitation) (all []answer, err error) {
	s, err := i.Copy.Series()
	if err != nil {
		return nil, err
	}
	for inst, err := range s.Instances(i.Now.Unix(), i.Now.AddDate(3, 0, 0).Unix(), nil, nil) {
		if err != nil {
			return nil, err
		}
		if !waits(inst.Component, p.Me) {
			continue
		}
		one := answer{partStat: "ACCEPTED"}
		if s.Recurring() {
			one.rid = s.RID(inst.RecurrenceID)
		}
		taken, err := i.Busy(inst.StartUnix, inst.EndUnix)
		if err != nil {
			return nil, err
		}
		if len(taken) > 0 {
			one.partStat = "DECLINED"
		}
		all = append(all, one)
	}
	return all, nil
}

// waits reports whether an attendee of a component has not answered.
func waits(c *ical.Component, me string) bool {
	line := lineOf(c, me)
	return line != nil && partStatOf(line) == "NEEDS-ACTION"
}

func lineOf(c *ical.Component, me string) *ical.Property {
	for i := range c.Props {
		if p := &c.Props[i]; p.Name == "ATTENDEE" && p.Value == me {
			return p
		}
	}
	return nil
}

func partStatOf(line *ical.Property) string {
	if s := line.Param("PARTSTAT"); s != "" {
		return s
	}
	return "NEEDS-ACTION"
}

// An autoAnswer writes answers into a copy.
type autoAnswer struct {
	d   *ical.Draft
	me  string
	now time.Time
	set map[ical.DateTime]bool // components that have a new answer
}

// apply sets the answers: that of most instances for the whole series, and overrides
// for others.
func (a *autoAnswer) apply(answers []answer) error {
	if master := a.d.Master(); master != nil && waits(master, a.me) {
		if general := a.majority(answers); general != "" {
			a.answer(ical.DateTime{}, general)
		}
	}
	for _, one := range answers {
		c, err := a.d.Effective(one.rid)
		if err != nil {
			return err
		}
		if c == nil || lineOf(c, a.me) == nil || partStatOf(lineOf(c, a.me)) == one.partStat {
			continue
		}
		if _, err := a.d.EditEffective(one.rid); err != nil {
			return err
		}
		a.answer(one.rid, one.partStat)
	}
	return nil
}

// majority returns what most instances without an override are answered; of as many,
// the first in the alphabet. If all have overrides, it is what most of these are.
func (a *autoAnswer) majority(answers []answer) string {
	count := func(overrides bool) map[string]int {
		votes := map[string]int{}
		for _, one := range answers {
			if overrides || one.rid.IsZero() || a.d.At(one.rid) == nil {
				votes[one.partStat]++
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
	line := lineOf(c, a.me)
	line.SetParam("PARTSTAT", partStat)
	line.RemoveParam("RSVP")
	line.RemoveParam("X-CALENDARSERVER-DTSTAMP")
	line.SetParam("X-CALENDARSERVER-AUTO", a.now.UTC().Format("20060102T150405Z"))
	if p := c.Prop("ORGANIZER"); p != nil {
		p.SetParam("SCHEDULE-STATUS", "1.2")
	}
	transp := "TRANSPARENT"
	if partStat == "ACCEPTED" {
		transp = "OPAQUE"
	}
	if c.Name == "VEVENT" {
		c.SetValue("TRANSP", transp)
	}
	a.set[rid] = true
}
