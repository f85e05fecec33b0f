package policy

import "slices"

// maxNamed is how many dates a text names one by one.
const maxNamed = 10

// wholeSeries applies what the policy says of series as a whole.
func (d *decision) wholeSeries() {
	n, taken, refused := len(d.judged), 0, 0
	for _, o := range d.judged {
		if !o.free {
			taken++
		}
		if o.PartStat == Declined && o.free {
			refused++
		}
	}
	if d.class <= unlisted && !d.mayAskOut() || refused == n {
		return // declined for better reasons
	}
	if n > 1 && d.tooManyTaken(taken, n) {
		d.all(Declined, Reason{Code: CodeTooMany, Limit: d.allowed(n), Have: taken})
		return
	}
	if d.crossesWindow() && d.p.BeyondWindow == DeclineSeries && !d.mayAskOut() {
		d.all(Declined, d.windowReason())
		return
	}
	if !slices.ContainsFunc(d.judged, func(o *Occurrence) bool { return o.PartStat == Held }) {
		return
	}
	// One question for the whole series: its other dates wait with those that
	// have to be approved.
	for _, o := range d.judged {
		if o.PartStat == Accepted {
			o.settle(Held, Reason{Code: CodePending})
		}
	}
}

func (d *decision) tooManyTaken(taken, n int) bool {
	return d.p.MaxConflicts >= 0 && taken > d.p.MaxConflicts || taken*100 > d.p.MaxConflictPercent*n
}

// allowed returns how many of n dates may be taken.
func (d *decision) allowed(n int) int {
	most := d.p.MaxConflictPercent * n / 100
	if d.p.MaxConflicts >= 0 {
		most = min(most, d.p.MaxConflicts)
	}
	return most
}

// crossesWindow reports whether some date is behind the window, or the series has no
// end before it is.
func (d *decision) crossesWindow() bool {
	if d.p.Window < 0 || !d.series.Recurring() {
		return false
	}
	for _, o := range d.judged {
		if d.beyondWindow(o.Instance.StartUnix) {
			return true
		}
	}
	_, end, open := d.series.Span(d.p.Zone)
	return open || d.beyondWindow(end-1) && end > d.until()
}

// until is where the dates that are looked at end.
func (d *decision) until() int64 { return d.now + int64(d.p.Horizon)*day }

// goesOn reports whether the series has dates that were not looked at.
func (d *decision) goesOn() bool {
	_, end, open := d.series.Span(d.p.Zone)
	return d.series.Recurring() && d.in.Object.Master != nil && (open || end > d.until())
}

// order is that in which answers win when as many dates have one as the other.
var order = [...]PartStat{Accepted, Declined, NeedsAction, Held}

// finish finds the answer of the master, and what is told to whom.
func (d *decision) finish(a *Answer) {
	a.Master = d.majority()
	if d.endsInWindow() {
		a.Master = Declined
	}
	if a.Verdict == Kept && d.in.Old.Master != nil {
		a.Master = lineOf(d.in.Old.Master, d.f.Addresses).stat
	}
	if len(d.judged) > 0 && d.overrides(a.Master) > d.p.MaxOverrides {
		for i := range d.occ {
			if o := &d.occ[i]; !o.past {
				o.Judged, o.Taker = true, nil
				o.settle(Declined, Reason{Code: CodeTooLong, Limit: d.p.MaxOverrides})
			}
		}
		a.Master = Declined
	}
	for i := range d.occ {
		o := &d.occ[i]
		if o.past && o.PartStat == NeedsAction {
			o.PartStat = a.Master // nobody will ask any more
		}
		if o.Judged {
			a.Reply = a.Reply || d.mode != ModeNone && o.changed(d.mode)
			a.Inbox = a.Inbox || o.PartStat == NeedsAction || o.PartStat == Held
			a.Pending = a.Pending || o.PartStat == Held
			a.Violations = a.Violations || o.PartStat == Held && len(o.Reasons) > 1
		}
	}
}

// changed reports whether a date has something to be told: in the modes that leave
// some of them open only what was decided.
func (o *Occurrence) changed(m Mode) bool {
	return o.PartStat != o.implied && (m != ModeAcceptIfFree && m != ModeDeclineIfBusy || o.PartStat != NeedsAction)
}

// majority returns the answer that most dates have. Dates long over count if they
// were answered.
func (d *decision) majority() PartStat {
	count := map[PartStat]int{}
	for i := range d.occ {
		if o := &d.occ[i]; !o.past || o.PartStat != NeedsAction {
			count[o.PartStat]++
		}
	}
	best := NeedsAction
	for _, s := range order {
		if count[s] > count[best] || count[s] == count[best] && count[s] > 0 && slices.Index(order[:], s) < slices.Index(order[:], best) {
			best = s
		}
	}
	return best
}

// endsInWindow reports whether the series goes on behind a window, where all is
// declined though nobody looked at it.
func (d *decision) endsInWindow() bool {
	return d.p.Window >= 0 && len(d.judged) > 0 && d.goesOn() && d.mode != ModeNone && !d.mayAskOut()
}

// overrides counts the dates that would need a component of their own.
func (d *decision) overrides(master PartStat) int {
	n := 0
	for i := range d.occ {
		o := &d.occ[i]
		if !o.Instance.Override && o.PartStat != master && !(o.past && o.PartStat == NeedsAction) {
			n++
		}
	}
	return n
}

// tell adds what would help an organizer whose booking was declined.
func (d *decision) tell(a *Answer) {
	i := slices.IndexFunc(d.judged, func(o *Occurrence) bool { return o.PartStat == Declined && len(o.Reasons) > 0 })
	if i < 0 || !d.p.Reasons {
		return
	}
	first := d.judged[i]
	switch first.Reasons[0].Code {
	case CodeConflict, CodeTooMany, CodeBlocked, CodeHours, CodeCapacity:
	default:
		return
	}
	if len(d.judged) == 1 && first.Reasons[0].Code != CodeCapacity {
		a.Next = d.nextFree(first.span())
	}
	a.Alternatives = d.alternatives()
}
