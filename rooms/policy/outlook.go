package policy

import (
	"slices"

	"convene/internal/ical"
)

// A Permission is what somebody may do with a room.
type Permission string

// The permissions: the room answers by itself, a person does, or it is not theirs to
// have.
const (
	MayBook    Permission = "book"
	MayRequest Permission = "request"
	MayNot     Permission = "no"
)

// Permission is what the booker of f may do with a room.
func (f *Facts) Permission(p *Policy) Permission {
	mode, class := f.ModeOf(p), f.bookerClass(p)
	switch {
	case !p.Bookable || f.turnedAway(p) || mode == ModeDeclineAlways || class <= unlisted:
		return MayNot
	case class == requests || mode == ModeNone || mode == ModeDeclineIfBusy:
		return MayRequest
	}
	return MayBook
}

// Class says how a room takes the booker of f: "book", "request", "unlisted" (they may not),
// or "denied".
func (f *Facts) Class(p *Policy) string {
	return [...]string{denied: "denied", unlisted: "unlisted", requests: "request", books: "book"}[f.bookerClass(p)]
}

// A Wish is a meeting that somebody would have, without an invitation.
type Wish struct {
	Dates []Span // in order of their start
	Heads int    // how many people come
}

// An Outlook is what a room has to say to a Wish.
type Outlook struct {
	Free   int    // of how many dates it could be had
	Reason Reason // against the first of the others; Code "": there is none
}

// Foresee says how a room stands to a meeting, by its rules and by when it is taken.
// Whether the booker may have it at all is left to Facts.Permission.
func Foresee(p *Policy, f *Facts, l Ledger, w Wish, now int64) Outlook {
	d := outlook(p, f, l, now, len(w.Dates))
	d.heads[nil] = w.Heads
	var out Outlook
	for _, s := range w.Dates {
		switch r, hindered := d.against(s, len(w.Dates)); {
		case !hindered:
			out.Free++
		case out.Reason.Code == "":
			out.Reason = r
		}
	}
	return out
}

// against is what keeps one of so many dates from being booked, if anything does. No room
// answers to what is behind its horizon.
func (d *decision) against(s Span, dates int) (Reason, bool) {
	if s.Start >= d.until() {
		return d.horizonReason(), true
	}
	o := Occurrence{Instance: ical.Instance{StartUnix: s.Start, EndUnix: s.End}}
	return d.hindrance(&o, dates)
}

// outlook prepares to look at some dates of a room, of which it reads no more than it
// takes.
func outlook(p *Policy, f *Facts, l Ledger, now int64, dates int) *decision {
	d := &decision{p: p, f: f, now: now, today: dayOf(wall(now, p.Zone)), heads: map[*ical.Component]int{}, near: near{ledger: l}}
	if dates > 1 {
		d.near.ahead = ahead
	}
	return d
}

// hindrance is what keeps a date of so many from being booked, if anything does: a rule,
// or what takes the time.
func (d *decision) hindrance(o *Occurrence, dates int) (Reason, bool) {
	if broken := d.violations(o, dates); len(broken) > 0 {
		return broken[0], true
	}
	ok, taker := d.near.fits(d.p, o.span())
	return takenBy(taker), !ok
}

// A Search asks for the first time that is free.
type Search struct {
	From, Until int64 // when it may begin: from a moment until before another
	Length      int64
	Heads       int
	Busy        []Span // when the people have no time; sorted, and joined where they touch
}

// FirstFree returns the first moment at which a room and the people have time; ok is
// false if there is none. Where the room has opening hours it looks within them, whether
// the room insists on them or not: nobody wants to meet at night because it is free then.
func FirstFree(p *Policy, f *Facts, l Ledger, s Search, now int64) (at int64, ok bool) {
	d := outlook(p, f, l, now, 1)
	d.heads[nil] = s.Heads
	d.near.load(p.Reach(Span{s.From, s.Until + s.Length}))
	for i, at := range d.startsOf(&s) {
		if i == maxStarts {
			break
		}
		try := Span{at, at + s.Length}
		d.near.forget(p.Reach(try).Start)
		if meets(s.Busy, try) || !f.HasAvailability && !p.Hours.Cover(try.Start, try.End, p.Zone) {
			continue
		}
		if _, hindered := d.against(try, 1); !hindered {
			return at, true
		}
	}
	return 0, false
}

// startsOf returns the moments worth trying: at any other the meeting could begin a
// little earlier.
func (d *decision) startsOf(s *Search) []int64 {
	all := d.starts(s.From, s.Until)
	add := func(at int64) bool {
		if at > s.From && at < s.Until {
			all = append(all, at)
		}
		return len(all) < 4*maxStarts
	}
	for _, b := range s.Busy {
		add(b.End)
	}
	if !d.p.HoursOnly {
		d.p.Hours.openings(s.From, s.Until, d.p.Zone, add)
	}
	if notice := d.now + int64(d.p.MinNotice)*60; d.p.MinNotice > 0 {
		add(notice)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// meets reports whether one of some times, which are sorted and apart, overlaps s.
func meets(busy []Span, s Span) bool {
	i, _ := slices.BinarySearchFunc(busy, s.Start, func(b Span, at int64) int {
		if b.End <= at {
			return -1
		}
		return 1
	})
	return i < len(busy) && busy[i].Start < s.End
}
