package policy

import (
	"cmp"
	"slices"
	"strings"
)

// A Candidate is a room that could be booked in place of another.
type Candidate struct {
	GUID   string
	Name   string
	Policy *Policy
	Ledger Ledger
	Facts  *Facts // of that room; the Booker may be left out, it is that of the meeting

	// Opens adds to Facts when the room is closed within some time, and reports whether
	// that could be found out; nil: Facts says it. It is called of few rooms.
	Opens func(within Span) bool
}

// Limits of the search for other rooms, so that it costs a write little.
const (
	maxCandidates = 50
	maxTries      = 2000 // dates, of all rooms together
)

// alternatives returns the rooms that the booker may have for all dates that were
// asked for: in the same building, with what is wanted, with enough seats.
func (d *decision) alternatives() []string {
	if d.p.Alternatives == 0 {
		return nil
	}
	var out []string
	tries := 0
	for _, c := range d.ranked() {
		if len(out) == d.p.Alternatives || tries+len(d.judged) > maxTries {
			break
		}
		tries += len(d.judged)
		if d.freeIn(c) {
			out = append(out, c.GUID)
		}
	}
	return out
}

// ranked returns the candidates that would do, the best first: of the same floor,
// with the fewest empty seats.
func (d *decision) ranked() []*Candidate {
	if d.f.Candidates == nil {
		return nil
	}
	heads := d.most()
	var fit []*Candidate
	all := d.f.Candidates()
	for i := range all {
		if c := &all[i]; d.suits(c, heads) {
			fit = append(fit, c)
		}
	}
	floor := d.p.Place.Floor
	slices.SortStableFunc(fit, func(a, b *Candidate) int {
		return cmp.Or(byFloor(a, floor)-byFloor(b, floor), a.Policy.Capacity-b.Policy.Capacity, strings.Compare(a.Name, b.Name), strings.Compare(a.GUID, b.GUID))
	})
	return fit[:min(len(fit), maxCandidates)]
}

// most is how many people come to one date at most.
func (d *decision) most() (heads int) {
	for _, o := range d.judged {
		heads = max(heads, d.headsOf(o.Instance.Component))
	}
	return heads
}

// within is the time from the first of the dates that are judged until the last.
func (d *decision) within() (s Span) {
	for i, o := range d.judged {
		if i == 0 {
			s = o.span()
		}
		s = Span{min(s.Start, o.Instance.StartUnix), max(s.End, o.Instance.EndUnix)}
	}
	return s
}

func byFloor(c *Candidate, floor string) int {
	if c.Policy.Place.Floor == floor {
		return 0
	}
	return 1
}

// suits reports whether a room would do, whatever the time.
func (d *decision) suits(c *Candidate, heads int) bool {
	wanted := d.f.Wanted
	if wanted == nil {
		wanted = d.p.Place.Features
	}
	for _, w := range wanted {
		if !c.Policy.Place.Features.HasFold(w) {
			return false
		}
	}
	here := c.Policy.Capacity >= heads && c.Policy.Place.Building == d.p.Place.Building
	if d.pool { // its rooms are alternatives by being in it
		here = c.Policy.SeatsInPool(heads)
	}
	return here && d.offered(c)
}

// offered reports whether the booker may have a room without anybody's approval.
func (d *decision) offered(c *Candidate) bool {
	facts := *c.Facts
	if facts.Booker.GUID == "" {
		facts.Booker, facts.Assistant = d.f.Booker, d.f.Assistant
	}
	return c.GUID != d.f.GUID && facts.Offers(c.Policy)
}

// Offers reports whether the booker of f may have a room without anybody's approval, by
// inviting it or a pool that it is in.
func (f *Facts) Offers(p *Policy) bool {
	mode := f.ModeOf(p)
	return p.Bookable && !f.turnedAway(p) && f.bookerClass(p) == books &&
		(mode == ModeAutomatic || mode == ModeAcceptIfFree || mode == ModeAcceptAlways)
}

// SeatsInPool reports whether a pool gives a room to so many people: if nobody has said how
// many seats it has, to any number.
func (p *Policy) SeatsInPool(heads int) bool { return p.Capacity >= heads || p.Capacity == 0 }

// freeIn reports whether a room has time for all dates, by its own rules.
func (d *decision) freeIn(c *Candidate) bool {
	date, _ := d.hindered(c)
	return date == nil
}

// hindered is the first date for which a room has no time by its own rules, and why; nil:
// it has time for all.
func (d *decision) hindered(c *Candidate) (*Occurrence, Reason) {
	if c.Opens != nil && !c.Opens(d.within()) {
		return d.judged[0], Reason{Code: CodeHours}
	}
	there := outlook(c.Policy, c.Facts, c.Ledger, d.now, len(d.judged))
	there.heads, there.near.except = d.heads, d.near.except
	for _, o := range d.judged {
		if why, hindered := there.hindrance(o, len(d.judged)); hindered {
			return o, why
		}
		there.near.own.insert(booking(o, Booked)) // dates of one series may meet each other
	}
	return nil, Reason{}
}

// starts returns the moments worth trying for a booking: from itself, the ends of
// what is in the way, and the times at which the room opens.
func (d *decision) starts(from, until int64) []int64 {
	before, after := d.p.buffers()
	all := []int64{from}
	add := func(at int64) bool {
		if at > from && at < until {
			all = append(all, at)
		}
		return len(all) < 2*maxStarts
	}
	for _, list := range [][]Booking{d.near.rows, d.near.kept.list, d.near.own.list} {
		for _, b := range list {
			add(b.End + before + after)
		}
	}
	if d.p.HoursOnly {
		d.p.Hours.openings(from, until, d.p.Zone, add)
	}
	for _, u := range d.f.Unavailable {
		add(u.End)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
