package policy

import (
	"maps"
	"strings"

	"convene/internal/ical"
)

// Fixed times of what happens to a booking, in seconds.
const (
	hour             = 3600
	leastApproval    = 15 * 60 // to answer a request
	beforeStart      = hour    // before its start a request is settled
	longerThanClose  = 5 * 60  // a booking is, if it is released for nobody coming
	upInWindow       = 5 * 60  // the server was, or nobody could have checked in
	releaseBefore    = 10 * 60 // its start
	releaseAfterMade = 30 * 60
	releaseLongest   = 4 * hour
	releasePeople    = 20
)

// Expires returns when a request that is made now is settled without an answer: after
// the time that the policy gives, an hour before it would begin, but not before
// anybody could answer.
func (p *Policy) Expires(now, firstStart int64) int64 {
	return max(min(now+int64(p.ApprovalExpires)*hour, firstStart-beforeStart), now+leastApproval)
}

// RemindAt returns when the approvers of a request are reminded, 0 for never.
func (p *Policy) RemindAt(created, expires int64) int64 {
	if p.RemindAfter == 0 {
		return 0
	}
	return created + (expires-created)*int64(p.RemindAfter)/100
}

// CheckInWindow returns from when until when somebody may check in for a date. ok is
// false if there is no check-in for it: the policy has none, it lasts all day, or is
// so short that it is over when somebody could be missed.
func (p *Policy) CheckInWindow(s Span, allDay bool) (window Span, ok bool) {
	closes := int64(p.Closes) * 60
	if p.CheckIn == Off || allDay || s.End-s.Start < closes+longerThanClose {
		return Span{}, false
	}
	return Span{s.Start - int64(p.Opens)*60, s.Start + closes}, true
}

// NoShow reports whether a booking for which nobody has checked in is released now. up
// is for how long of the window the server could have been told, in seconds.
func (p *Policy) NoShow(b Booking, allDay bool, up, now int64) bool {
	window, ok := p.CheckInWindow(b.Span, allDay)
	return ok && p.CheckIn == Required && p.ReleaseNoShow && b.State == Booked && up >= upInWindow && now > window.End
}

// Deserted reports whether a date is released because everybody else has declined. c is
// the component of the date in the organizer's copy, made is when the meeting was.
func (f *Facts) Deserted(p *Policy, c *ical.Component, s Span, made, now int64) bool {
	if !p.ReleaseDeclined || now > s.Start-releaseBefore || now < made+releaseAfterMade || s.End-s.Start > releaseLongest {
		return false
	}
	people, declined, organizer := map[string]bool{}, map[string]bool{}, map[string]bool{}
	if o := c.Prop("ORGANIZER"); o != nil {
		f.count(organizer, o.Address())
	}
	for _, a := range c.AllProps("ATTENDEE") {
		switch {
		case f.isRoom(a):
		case strings.EqualFold(a.Param("PARTSTAT"), "DECLINED"):
			f.count(declined, a.Address())
			f.count(people, a.Address())
		default:
			f.count(people, a.Address())
		}
	}
	maps.Copy(people, organizer)
	n := len(people)
	maps.DeleteFunc(people, func(who string, _ bool) bool { return declined[who] })
	return n > len(organizer) && n < releasePeople && len(people) <= 1
}
