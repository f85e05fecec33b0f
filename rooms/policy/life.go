package policy

import (
	"maps"
	"slices"
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

// A Date is one date of a room's copy, with the answer that stands there.
type Date struct {
	Span
	ID        int64         // as Booking.ID
	RID       ical.DateTime // of its component, as ical.Series.RID has it; zero if the event does not recur
	Stat      PartStat
	AllDay    bool
	Component *ical.Component
}

// DatesOf returns the dates of a copy to which the room is invited, in order of start,
// as far as they begin before until, in Unix seconds. Errors: as BookingsOf.
func DatesOf(o *ical.Object, addresses []string, zone *ical.Zone, until int64) ([]Date, error) {
	if o.Kind != "VEVENT" {
		return nil, nil
	}
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	ls := &lines{addresses, map[*ical.Component]line{}}
	var all []Date
	for inst, err := range series.Instances(minTime, until, zone, nil) {
		if err != nil {
			return nil, err
		}
		if len(all) == maxBookings {
			return nil, ErrTooMany
		}
		l := ls.of(inst.Component)
		if !l.here {
			continue
		}
		d := Date{Span: Span{inst.StartUnix, inst.EndUnix}, ID: key(&inst, zone), Stat: l.stat, Component: inst.Component}
		d.AllDay = inst.Start.Kind == ical.Date
		if !inst.RecurrenceID.IsZero() {
			d.RID = series.RID(inst.RecurrenceID)
		}
		all = append(all, d)
	}
	return all, nil
}

// Asks reports whether a copy has a date that waits for approval.
func Asks(o *ical.Object, addresses []string) bool {
	return slices.ContainsFunc(components(o), func(c *ical.Component) bool {
		l := lineOf(c, addresses)
		return l.here && l.stat == Held
	})
}

// Against returns the codes of the rules that what waits for approval breaks, each
// once.
func (a *Answer) Against() (codes []Code) {
	for i := range a.Occurrences {
		o := &a.Occurrences[i]
		if o.PartStat != Held || len(o.Reasons) == 0 {
			continue
		}
		for _, r := range o.Reasons[1:] {
			if !slices.Contains(codes, r.Code) {
				codes = append(codes, r.Code)
			}
		}
	}
	return codes
}

// Holds reports whether what waits for approval takes its time meanwhile.
func (a *Answer) Holds() bool { return a.held }
