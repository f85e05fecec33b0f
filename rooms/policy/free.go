package policy

// near gives what is in the way of times that are asked about in order of their
// start. It asks the ledger for some weeks at once, since the next date of a series
// is seldom further away.
type near struct {
	ledger Ledger
	except []string
	loaded Span
	rows   []Booking
	own    Bookings // what the meeting itself takes, as far as it is decided
	kept   Bookings // what it takes by answers that stand
	spans  []Span
	ahead  int64 // how much is read at once, in seconds: what is asked about, if that is more
}

// ahead is how much of the ledger is read at once for a series, in seconds: what lies
// behind its last date is of no interest.
const ahead = 30 * day

// load reads what overlaps want and the weeks behind it.
func (n *near) load(want Span) {
	if want.Start >= n.loaded.Start && want.End <= n.loaded.End {
		return
	}
	n.loaded = Span{want.Start, max(want.End, want.Start+n.ahead)}
	n.rows = n.rows[:0]
	for b := range n.ledger.Overlaps(n.loaded.Start, n.loaded.End, n.except) {
		n.rows = append(n.rows, b)
	}
}

// forget drops what ended before a moment, which no later time meets.
func (n *near) forget(before int64) {
	kept := n.rows[:0]
	for _, b := range n.rows {
		if b.End > before {
			kept = append(kept, b)
		}
	}
	n.rows = kept
}

// occupied returns the time that a booking takes with its buffers. An instant takes
// none, but asks about the second it is in.
func (p *Policy) occupied(s Span) Span {
	if s.End <= s.Start {
		return Span{s.Start, s.Start + 1}
	}
	before, after := p.buffers()
	return Span{s.Start - before, s.End + after}
}

// Reach returns the time in which a booking begins or ends that could meet one at s:
// each brings its own buffers.
func (p *Policy) Reach(s Span) Span {
	before, after := p.buffers()
	own := p.occupied(s)
	return Span{own.Start - after, own.End + before}
}

// fits reports whether one more booking at s leaves the room with no more than its
// slots at any moment. If not, it returns one that is in the way: a block, if there
// is one, else the first.
func (n *near) fits(p *Policy, s Span) (ok bool, taker *Booking) {
	if !p.Exclusive || p.Slots == 0 {
		return true, nil
	}
	reach := p.Reach(s)
	n.load(reach)
	n.spans = n.spans[:0]
	meet := func(b *Booking) {
		n.spans = append(n.spans, p.occupied(b.Span))
		if taker == nil || b.State == Blocked && taker.State != Blocked {
			taker = b
		}
	}
	for i := range n.rows {
		b := &n.rows[i]
		if b.Start >= reach.End {
			break
		}
		if b.End > reach.Start {
			meet(b)
		}
	}
	for _, own := range []*Bookings{&n.kept, &n.own} {
		for b := range own.Overlaps(reach.Start, reach.End, nil) {
			meet(&b)
		}
	}
	if len(n.spans) < p.Slots || peak(n.spans, p.occupied(s)) < p.Slots {
		return true, nil
	}
	found := *taker // rows are used again
	return false, &found
}

// Fits reports whether a room has time for one more booking at s, and otherwise what
// is in the way. It is for bookings that people make themselves: an approval, a
// delegate's answer, an event in the room's own calendar.
func Fits(p *Policy, l Ledger, s Span, exceptUIDs []string) (ok bool, taker *Booking) {
	n := near{ledger: l, except: exceptUIDs}
	return n.fits(p, s)
}

// Limits of the search for the next free time.
const (
	searchAhead = 30 * day
	maxStarts   = 500
)

// nextFree returns the first moment at or after s.Start at which the room has time
// for as long as s, by its hours and its window too; 0 if there is none within 30
// days. Only the ends of bookings and the openings of the room are tried: at any
// other time it would have been free a little earlier.
func (d *decision) nextFree(s Span) int64 {
	n, length := &d.near, s.End-s.Start
	from := max(s.Start, d.now+int64(d.p.MinNotice)*60)
	until := from + searchAhead
	whole := d.p.Reach(Span{from, until + length})
	n.loaded = Span{} // earlier times than the last are asked about again
	n.load(whole)
	starts := d.starts(from, until)
	for i, at := range starts {
		if i == maxStarts {
			break
		}
		try := Span{at, at + length}
		if d.open(try) && !d.beyondWindow(at) && !d.outsideAvailability(try) {
			if ok, _ := n.fits(d.p, try); ok {
				return at
			}
		}
	}
	return 0
}

// FitAll reports whether a room has time for more dates of a meeting, in order of their
// start, besides those that stand: one after the other, so that they are in each
// other's way too. If not, it returns the first that has none, and what is in its way.
// exceptUIDs is that of the meeting.
func FitAll(p *Policy, l Ledger, stand, more []Booking, exceptUIDs []string) (without, taker *Booking) {
	n := near{ledger: l, except: exceptUIDs, kept: *NewBookings(stand...)}
	if len(more) > 0 {
		n.ahead = min(ahead, more[len(more)-1].End-more[0].Start)
	}
	for i := range more {
		b := &more[i]
		n.forget(b.Start - int64(p.BufferBefore+p.BufferAfter)*60)
		if ok, taker := n.fits(p, b.Span); !ok {
			return b, taker
		}
		n.own.insert(*b)
	}
	return nil, nil
}
