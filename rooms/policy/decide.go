package policy

import (
	"cmp"
	"slices"

	"convene/internal/ical"
)

// A Verdict says what an invitation asks the room to do.
type Verdict uint8

// The verdicts.
const (
	// Answered: at least one date was judged.
	Answered Verdict = iota
	// Kept: all dates keep the answers they have; nobody is told anything.
	Kept
	// StoreOnly: nothing is left to be answered, as of a meeting long over, or
	// one without the room; the copy is stored, and that is all.
	StoreOnly
	// NotAsked: the organizer asks for the room by other means
	// (SCHEDULE-AGENT=NONE); there is neither copy nor booking.
	NotAsked
)

// An Answer is what a room says to an invitation.
type Answer struct {
	Verdict     Verdict
	Mode        Mode         // that was used
	Occurrences []Occurrence // in order of start, those that are over too
	Master      PartStat     // of all dates that have no override
	Reply       bool         // the organizer is told
	Inbox       bool         // somebody has to answer: there is an item in the room's inbox
	Pending     bool         // somebody has to approve
	Violations  bool         // what is to be approved is against the rules

	// VerifiedUntil is the moment until which the dates were looked at, in Unix
	// seconds: what the series has behind it takes no time yet.
	VerifiedUntil int64

	Next         int64    // the first time that would be free; 0: not known
	Alternatives []string // the GUIDs of rooms that would be free, the best first

	held bool // what is pending holds its time
}

// decision is the work on one answer.
type decision struct {
	p      *Policy
	f      *Facts
	in     Invite
	now    int64
	near   near
	series *ical.Series
	class  class
	mode   Mode
	today  int64 // number of the day, in the room's zone
	occ    []Occurrence
	judged []*Occurrence
	heads  map[*ical.Component]int
	pool   bool // the candidates are rooms of one pool
}

// Decide returns the room's answer to an invitation. now is in Unix seconds. It is
// pure. Errors are those of the recurrence of the copies: a budget that is spent, a
// value that cannot be read.
func Decide(p *Policy, in Invite, f *Facts, ledger Ledger, now int64) (*Answer, error) {
	a := &Answer{Verdict: StoreOnly, Master: NeedsAction, VerifiedUntil: now + int64(p.Horizon)*day, held: p.Pending == Tentative}
	if in.Object.Kind != "VEVENT" {
		return a.ofTask(in, f), nil
	}
	d := &decision{p: p, f: f, in: in, now: now, today: dayOf(wall(now, p.Zone)), heads: map[*ical.Component]int{}}
	d.near = near{ledger: ledger, except: append([]string{in.Object.UID}, in.Group...)}
	ls := &lines{f.Addresses, map[*ical.Component]line{}}
	var err error
	if d.series, err = in.Object.Series(); err != nil {
		return nil, err
	}
	if p.ScheduleAgent == HonourNone && unasked(in.Object, ls) {
		a.Verdict = NotAsked
		return a, nil
	}
	occ, tooMany, err := occurrences(d.series, ls, p, now)
	if err != nil {
		return nil, err
	}
	known, err := answers(in.Old, ls, p, now)
	if err != nil {
		return nil, err
	}
	d.occ, d.mode, d.class = occ, f.ModeOf(p), f.bookerClass(p)
	d.stand(known)
	d.answer(a, tooMany)
	a.Occurrences = d.occ
	return a, nil
}

// ofTask is the answer to a VTODO, which books nothing: a person has to look at it.
func (a *Answer) ofTask(in Invite, f *Facts) *Answer {
	ls := &lines{f.Addresses, map[*ical.Component]line{}}
	if in.Object.Kind == "VTODO" && slices.ContainsFunc(components(in.Object), func(c *ical.Component) bool { return ls.of(c).here }) {
		a.Inbox = in.Old == nil
	}
	return a
}

func components(o *ical.Object) []*ical.Component {
	if o.Master == nil {
		return o.Overrides
	}
	return append([]*ical.Component{o.Master}, o.Overrides...)
}

// unasked reports whether the room is invited only with SCHEDULE-AGENT=NONE.
func unasked(o *ical.Object, ls *lines) bool {
	some := false
	for _, c := range components(o) {
		if l := ls.of(c); l.here {
			if !l.none {
				return false
			}
			some = true
		}
	}
	return some
}

// stand gives each date the answer that the room gave for the same time, and notes
// which have to be judged. What the organizer's copy says in place of the room counts
// for nothing but "ask again".
func (d *decision) stand(known map[int64]earlier) {
	for i := range d.occ {
		o := &d.occ[i]
		was, same := known[key(&o.Instance, d.p.Zone)]
		same = same && was.start == o.Instance.StartUnix && was.end == o.Instance.EndUnix
		stated := o.PartStat
		if same && d.unseen(o) && d.mode != ModeNone && (was.stat == Accepted || was.stat == Held) {
			o.implied, o.was = was.stat, was
		} else if same {
			o.Was, o.was = was.stat, was
		}
		if o.past {
			if same && was.stat != NeedsAction {
				o.PartStat = was.stat
			}
			continue
		}
		o.PartStat = o.Was
		o.ask = o.line.again || stated == NeedsAction || o.Was == NeedsAction || o.Was == Held && d.grew(o)
		if !o.ask && d.grew(o) {
			d.recount(o)
		}
	}
}

// unseen reports whether a date was behind the horizon when the room answered, and is not
// any more.
func (d *decision) unseen(o *Occurrence) bool {
	return !o.far && d.in.Verified != 0 && o.Instance.StartUnix >= d.in.Verified
}

// headsOf remembers how many people a component brings.
func (d *decision) headsOf(c *ical.Component) int {
	n, ok := d.heads[c]
	if !ok {
		n = d.f.heads(c)
		d.heads[c] = n
	}
	return n
}

// grew reports whether more people come to a date than when it was answered, and that
// matters.
func (d *decision) grew(o *Occurrence) bool {
	return d.p.EnforceCapacity && o.was.component != nil && d.headsOf(o.Instance.Component) > d.headsOf(o.was.component)
}

// recount looks again at a booking to which more people come. Its time is not at
// stake, only its seats.
func (d *decision) recount(o *Occurrence) {
	r, over := d.overCapacity(o)
	switch {
	case !over || o.PartStat != Accepted || d.mode == ModeNone:
	case d.p.CapacityGrace == Decline:
		o.Judged, o.PartStat, o.Reasons = true, Declined, []Reason{r}
	default:
		r.Code = CodeOverCapacity
		o.Reasons = []Reason{r}
	}
}

// answer judges what has to be judged, and says what follows for the whole.
func (d *decision) answer(a *Answer, tooMany bool) {
	a.Mode = d.mode
	current, judged := 0, false
	for i := range d.occ {
		o := &d.occ[i]
		if o.past {
			continue
		}
		current++
		if o.ask || tooMany && d.mode != ModeNone {
			o.Judged = true
			d.judged = append(d.judged, o)
		}
		judged = judged || o.Judged
	}
	switch {
	case current == 0:
		a.Verdict = StoreOnly
	case !judged:
		a.Verdict = Kept
	default:
		a.Verdict = Answered
		if !d.outright(tooMany) {
			d.judge(current)
			d.wholeSeries()
		}
	}
	d.finish(a)
	d.tell(a)
}

// outright gives one answer to all dates, if the policy has one whatever the time is.
func (d *decision) outright(tooMany bool) bool {
	switch {
	case d.mode == ModeNone:
		d.all(NeedsAction)
	case tooMany:
		d.all(Declined, Reason{Code: CodeTooLong, Limit: d.p.MaxOccurrences})
	case d.f.turnedAway(d.p):
		d.all(Declined, Reason{Code: CodeExternal})
	case !d.p.Bookable:
		d.all(Declined, Reason{Code: CodeNotBookable})
	case d.mode == ModeDeclineAlways:
		d.all(Declined, Reason{Code: CodeMode})
	case d.occ[0].far && d.class <= unlisted:
		d.all(Declined, Reason{Code: CodeNotAllowed})
	case d.occ[0].far: // nobody may ask for it either: such a time cannot be held
		d.all(Declined, d.horizonReason())
	default:
		return false
	}
	return true
}

func (d *decision) all(s PartStat, why ...Reason) {
	for _, o := range d.judged {
		o.PartStat, o.Reasons, o.Taker = s, why, nil
	}
}

// judge answers the dates one by one, in order: those that come first get the room,
// and those whose answers stand have it already.
func (d *decision) judge(current int) {
	for i := range d.occ {
		if o := &d.occ[i]; !o.ask && !o.past && o.takes() {
			d.near.kept.insert(booking(o, Booked))
		}
	}
	slices.SortStableFunc(d.judged, func(a, b *Occurrence) int { return cmp.Compare(a.Instance.StartUnix, b.Instance.StartUnix) })
	if n := len(d.judged); n > 0 {
		d.near.ahead = min(ahead, d.judged[n-1].Instance.EndUnix-d.judged[0].Instance.StartUnix)
	}
	for _, o := range d.judged {
		d.near.forget(o.Instance.StartUnix - int64(d.p.BufferBefore+d.p.BufferAfter)*60)
		o.free, o.Taker = d.near.fits(d.p, o.span())
		d.one(o, d.violations(o, current))
		if o.PartStat == Accepted || o.PartStat == Held && d.p.Pending == Tentative {
			d.near.own.insert(booking(o, Booked))
		}
	}
}

// Gave reports whether a date at s was judged, and got its time: the room has that for it
// by the same ledger.
func (a *Answer) Gave(s Span) bool {
	i, _ := slices.BinarySearchFunc(a.Occurrences, s.Start, func(o Occurrence, at int64) int { return cmp.Compare(o.Instance.StartUnix, at) })
	for ; i < len(a.Occurrences) && a.Occurrences[i].Instance.StartUnix == s.Start; i++ {
		if o := &a.Occurrences[i]; o.span() == s && o.Judged && (o.PartStat == Accepted || o.PartStat == Held) {
			return true
		}
	}
	return false
}

// takes reports whether the answer that stands for a date takes its time.
func (o *Occurrence) takes() bool {
	return o.PartStat == Accepted || o.PartStat == Held && o.was.opaque
}

func (o *Occurrence) span() Span { return Span{o.Instance.StartUnix, o.Instance.EndUnix} }

func booking(o *Occurrence, s State) Booking { return Booking{Span: o.span(), State: s} }

// one answers one date.
func (d *decision) one(o *Occurrence, violations []Reason) {
	taken := takenBy(o.Taker)
	switch {
	case d.class <= unlisted && !d.mayAskOut():
		o.settle(Declined, Reason{Code: CodeNotAllowed})
	case len(violations) > 0 && !d.mayAskOut():
		o.settle(Declined, violations...)
	case len(violations) > 0 || d.class <= requests:
		d.pend(o, taken, violations)
	case d.mode == ModeAcceptIfFree && !o.free:
		o.settle(NeedsAction, taken)
	case !o.free:
		o.settle(Declined, taken)
	case d.mode == ModeDeclineIfBusy:
		o.settle(NeedsAction)
	default:
		o.settle(Accepted)
	}
}

// takenBy is the reason that a booking is in the way; nil: it is not known which.
func takenBy(b *Booking) Reason {
	r := Reason{Code: CodeConflict}
	if b != nil {
		r.From, r.To = b.Start, b.End
		if b.State == Blocked {
			r.Code = CodeBlocked
		}
	}
	return r
}

// mayAskOut reports whether the booker may ask for what is against the rules.
func (d *decision) mayAskOut() bool {
	return d.class != denied && d.f.is(d.f.Booker, d.p.RequestOut)
}

// pend leaves a date to somebody who may approve it, if it is free and there is
// anybody.
func (d *decision) pend(o *Occurrence, taken Reason, violations []Reason) {
	switch {
	case d.class == unlisted && len(violations) == 0:
		o.settle(Declined, Reason{Code: CodeNotAllowed}) // may ask only for what breaks the rules
	case !o.free:
		o.settle(Declined, taken)
	case d.f.approves(d.f.Booker):
		o.settle(Accepted, violations...)
	case len(d.f.Approvers) == 0:
		o.settle(Declined, Reason{Code: CodeNoApprover})
	default:
		o.settle(Held, append([]Reason{{Code: CodePending}}, violations...)...)
	}
}

func (o *Occurrence) settle(s PartStat, why ...Reason) { o.PartStat, o.Reasons = s, why }
