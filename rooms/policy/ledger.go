package policy

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// A State says how a booking takes a room.
type State uint8

// The states.
const (
	Booked  State = 1 + iota
	Waiting       // for approval; holds its time
	Blocked       // an event without organizer in the room's own calendar
)

// A Span is a time from a moment until before another, in Unix seconds.
type Span struct{ Start, End int64 }

// A Booking is one occurrence that takes a room, without the buffers around it.
type Booking struct {
	Span
	State State
	UID   string // of the meeting; "" if the ledger does not say
	ID    int64  // the start that the date had in its series, in Unix seconds

	// Where the copy is that the booking is of, if the ledger says.
	Collection uint32
	Object     string
}

// A Ledger knows when one room is taken.
type Ledger interface {
	// Overlaps yields the bookings that overlap the time from a moment until
	// before another, in order of their start, without those of some UIDs. One
	// that takes no time overlaps nothing.
	Overlaps(from, to int64, exceptUIDs []string) iter.Seq[Booking]
}

// Bookings is a Ledger in memory: in order of start. NewBookings makes one.
type Bookings struct {
	list    []Booking
	longest int64
}

// NewBookings returns a ledger that holds list, in any order.
func NewBookings(list ...Booking) *Bookings {
	b := &Bookings{list: slices.Clone(list)}
	slices.SortStableFunc(b.list, func(x, y Booking) int { return cmp.Compare(x.Start, y.Start) })
	for i := range b.list {
		b.longest = max(b.longest, b.list[i].End-b.list[i].Start)
	}
	return b
}

// All returns the bookings in order of start. The result must not be changed.
func (b *Bookings) All() []Booking { return b.list }

// Overlaps is as Ledger says. It looks at what starts since the longest booking
// could still last, and at no other.
func (b *Bookings) Overlaps(from, to int64, exceptUIDs []string) iter.Seq[Booking] {
	return func(yield func(Booking) bool) {
		i, _ := slices.BinarySearchFunc(b.list, from-b.longest, func(x Booking, at int64) int { return cmp.Compare(x.Start, at) })
		for ; i < len(b.list) && b.list[i].Start < to; i++ {
			x := &b.list[i]
			if x.End > from && x.End > x.Start && !slices.Contains(exceptUIDs, x.UID) && !yield(*x) {
				return
			}
		}
	}
}

// HoldsLess reports whether there are bookings for which a room has time as it is set in
// was, and none as p has it.
func (p *Policy) HoldsLess(was *Policy) bool {
	slots := func(p *Policy) int {
		if !p.Exclusive || p.Slots == 0 {
			return math.MaxInt
		}
		return p.Slots
	}
	return slots(p) < slots(was) || p.BufferBefore > was.BufferBefore || p.BufferAfter > was.BufferAfter
}

// Overbooked returns those of some bookings, in order of start, that begin when the room
// has no slot left. That it is closed twice at one time is no more than closed.
func (p *Policy) Overbooked(all []Booking) (over []Booking) {
	if !p.Exclusive || p.Slots == 0 {
		return nil
	}
	var there []Booking // when the next one begins
	for _, b := range all {
		start := p.occupied(b.Span).Start
		there = slices.DeleteFunc(there, func(o Booking) bool { return p.occupied(o.Span).End <= start })
		if p.slotsOf(there, b.State) >= p.Slots {
			over = append(over, b)
		}
		there = append(there, b)
	}
	return over
}

// slotsOf is how many slots some bookings take beside one of a state.
func (p *Policy) slotsOf(there []Booking, beside State) (n int) {
	closed := beside == Blocked
	for _, b := range there {
		if b.State != Blocked || !closed {
			n++
		}
		closed = closed || b.State == Blocked
	}
	return n
}

// insert adds a booking, which is later than most.
func (b *Bookings) insert(x Booking) {
	i := len(b.list)
	for i > 0 && b.list[i-1].Start > x.Start {
		i--
	}
	b.list = slices.Insert(b.list, i, x)
	b.longest = max(b.longest, x.End-x.Start)
}

// peak returns how many of spans are there at once, at most, within a time. It
// changes their order.
func peak(spans []Span, within Span) int {
	if len(spans) < 2 {
		return len(spans)
	}
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	most := 0
	var ends []int64 // of those that are there, in order
	for _, s := range spans {
		at := max(s.Start, within.Start)
		gone, _ := slices.BinarySearch(ends, at+1) // until before their end
		ends = ends[gone:]
		i, _ := slices.BinarySearch(ends, s.End)
		ends = slices.Insert(ends, i, s.End)
		most = max(most, len(ends))
	}
	return most
}
