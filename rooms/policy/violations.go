package policy

// A Code names a reason.
type Code string

// The reasons. The later ones are of what happens to a booking afterwards.
const (
	CodeAccepted     Code = "accepted"
	CodePartly       Code = "accepted-partly"
	CodePending      Code = "pending"
	CodePendingFree  Code = "pending-not-held"
	CodeConflict     Code = "conflict"
	CodeTooMany      Code = "too-many-conflicts"
	CodeBlocked      Code = "blocked"
	CodeNotAllowed   Code = "not-allowed"
	CodeNoApprover   Code = "no-approver"
	CodeExternal     Code = "external"
	CodeRecurring    Code = "recurring"
	CodeMinDuration  Code = "min-duration"
	CodeMaxDuration  Code = "max-duration"
	CodeMinNotice    Code = "min-notice"
	CodeWindow       Code = "window"
	CodeHorizon      Code = "horizon"
	CodeHours        Code = "hours"
	CodeCapacity     Code = "capacity"
	CodeOverCapacity Code = "over-capacity"
	CodeMinAttendees Code = "min-attendees"
	CodeTooLong      Code = "too-long"
	CodeNotBookable  Code = "not-bookable"
	CodeMode         Code = "mode"

	CodeApproved      Code = "approved"
	CodeDenied        Code = "approval-denied"
	CodeExpired       Code = "approval-expired"
	CodeNoShow        Code = "no-show"
	CodeNoShows       Code = "no-shows"
	CodeNoShowsRest   Code = "no-shows-rest"
	CodeReleased      Code = "released-declined"
	CodeGivenBack     Code = "given-back"
	CodeEarlier       Code = "booked-earlier"
	CodeDisplaced     Code = "displaced"
	CodeClosedDown    Code = "closed-down"
	CodeOrganizerLeft Code = "organizer-left"
)

// A Reason says why a date got its answer.
type Reason struct {
	Code     Code
	Limit    int   // what the policy allows, in the unit of its knob
	Have     int   // what the meeting has of it
	From, To int64 // a time that is spoken of, in Unix seconds
}

// violations returns the rules that a date breaks, in the order in which they are
// told. current is how many dates the meeting has.
func (d *decision) violations(o *Occurrence, current int) []Reason {
	var all []Reason
	if current > 1 && !d.p.Recurring {
		all = append(all, Reason{Code: CodeRecurring})
	}
	for _, rule := range [...]func(*Occurrence) (Reason, bool){
		d.shortNotice, d.outOfWindow, d.wrongDuration, d.outOfHours, d.overCapacity, d.tooFew,
	} {
		if r, broken := rule(o); broken {
			all = append(all, r)
		}
	}
	return all
}

// shortNotice is no matter of a date that has begun and was there before.
func (d *decision) shortNotice(o *Occurrence) (Reason, bool) {
	begun := o.was.component != nil && o.Instance.StartUnix <= d.now
	return Reason{Code: CodeMinNotice, Limit: d.p.MinNotice},
		d.p.MinNotice > 0 && !begun && o.Instance.StartUnix < d.now+int64(d.p.MinNotice)*60
}

func (d *decision) outOfWindow(o *Occurrence) (Reason, bool) {
	return d.windowReason(), d.beyondWindow(o.Instance.StartUnix)
}

// windowReason names the last day that can be booked.
func (d *decision) windowReason() Reason {
	return Reason{Code: CodeWindow, Limit: d.p.Window, From: d.p.Zone.Unix((d.today + int64(d.p.Window)) * day)}
}

func (d *decision) horizonReason() Reason { return Reason{Code: CodeHorizon, Limit: d.p.Horizon} }

// beyondWindow compares days, not hours: at 23:30 today ends in half an hour.
func (d *decision) beyondWindow(start int64) bool {
	return d.p.Window >= 0 && dayOf(wall(start, d.p.Zone)) > d.today+int64(d.p.Window)
}

func (d *decision) wrongDuration(o *Occurrence) (Reason, bool) {
	length := o.Instance.EndUnix - o.Instance.StartUnix
	if length < int64(d.p.MinDuration)*60 {
		return Reason{Code: CodeMinDuration, Limit: d.p.MinDuration}, true
	}
	return Reason{Code: CodeMaxDuration, Limit: d.p.MaxDuration}, d.p.MaxDuration > 0 && length > int64(d.p.MaxDuration)*60
}

func (d *decision) outOfHours(o *Occurrence) (Reason, bool) {
	return Reason{Code: CodeHours}, !d.open(o.span()) || d.outsideAvailability(o.span())
}

// open reports whether the room's hours allow a time.
func (d *decision) open(s Span) bool {
	return !d.p.HoursOnly || d.f.HasAvailability || d.p.Hours.Cover(s.Start, s.End, d.p.Zone)
}

// outsideAvailability reports whether the room's VAVAILABILITY closes a time.
func (d *decision) outsideAvailability(s Span) bool {
	return meets(d.f.Unavailable, Span{s.Start, max(s.End, s.Start+1)})
}

func (d *decision) overCapacity(o *Occurrence) (Reason, bool) {
	if !d.p.EnforceCapacity || d.p.Capacity == 0 {
		return Reason{}, false
	}
	n := d.headsOf(o.Instance.Component)
	return Reason{Code: CodeCapacity, Limit: d.p.Capacity, Have: n}, n > d.p.Capacity
}

func (d *decision) tooFew(o *Occurrence) (Reason, bool) {
	if d.p.MinAttendees == 0 {
		return Reason{}, false
	}
	n := d.headsOf(o.Instance.Component)
	return Reason{Code: CodeMinAttendees, Limit: d.p.MinAttendees, Have: n}, n < d.p.MinAttendees
}
