package schedulingtest

import (
	"time"

	"convene/internal/ical"
	"convene/scheduling"
)

// A FreePolicy accepts what does not overlap anything else, and declines the rest.
type FreePolicy struct {
	Me string // canonical address
}

// Answer implements scheduling.Policy.
func (p FreePolicy) Answer(copy *ical.Object, _ string, busy func(from, to int64) ([]ical.BusyPeriod, error), now time.Time) ([]scheduling.Answer, error) {
	s, err := copy.Series()
	if err != nil {
		return nil, err
	}
	var all []scheduling.Answer
	for inst, err := range s.Instances(now.Unix(), now.AddDate(3, 0, 0).Unix(), nil, nil) {
		if err != nil {
			return nil, err
		}
		if !waits(inst.Component, p.Me) {
			continue
		}
		answer := scheduling.Answer{PartStat: "ACCEPTED"}
		if s.Recurring() {
			answer.RID = s.RID(inst.RecurrenceID)
		}
		taken, err := busy(inst.StartUnix, inst.EndUnix)
		if err != nil {
			return nil, err
		}
		if len(taken) > 0 {
			answer.PartStat = "DECLINED"
		}
		all = append(all, answer)
	}
	return all, nil
}

// waits reports whether an attendee of a component has not answered.
func waits(c *ical.Component, me string) bool {
	for _, p := range c.AllProps("ATTENDEE") {
		if p.Value == me {
			return p.Param("PARTSTAT") == "" || p.Param("PARTSTAT") == "NEEDS-ACTION"
		}
	}
	return false
}
