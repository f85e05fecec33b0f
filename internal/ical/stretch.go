package ical

import (
	"cmp"
	"math"
	"slices"
)

// seek goes to the first instance that may be in the range.
func (st *stretch) seek() {
	sc, s := st.sc, st.sc.s
	from := &s.master.start
	zone := zoneIn(from, sc.floating)
	st.start, st.end = zoneCursor{zone: zoneIn(&st.part.start, sc.floating)}, zoneCursor{}
	st.end = st.start
	if st.part.span.other {
		st.end = zoneCursor{zone: st.part.span.zone}
	}

	reach := max(st.part.span.reach(), s.rdateReach) + 1
	shift := st.shift
	if shift != 0 {
		reach += secondsPerDay // a shift on the wall may be an hour off in time
	}
	lowUnix, lowWall := satSub(sc.from, reach+shift), int64(math.MinInt64)
	if lowUnix != math.MinInt64 {
		lowWall = lowUnix
		if zone != nil {
			seg := zone.segment(lowUnix)
			lowWall += min(seg.off, seg.prev)
		}
	}
	stop := int64(math.MaxInt64)
	if sc.to != math.MaxInt64 {
		stop = sc.to - shift + 2*secondsPerDay
	}
	lowKey := lowUnix
	if s.floating {
		lowKey = lowWall
	}
	if st.low != math.MinInt64 && st.low > lowKey {
		lowKey = st.low
		lowWall = max(lowWall, st.low-2*secondsPerDay)
	}
	scan := ruleScan{cur: zoneCursor{zone: zone}, floating: s.floating}
	st.rules = scan.each(st.first[:0], s.rules, lowWall, stop, sc.budget)
	st.except = scan.each(nil, s.exrules, lowWall, stop, sc.budget)
	st.rdate, _ = slices.BinarySearchFunc(s.rdates, lowKey, func(r rdate, key int64) int { return cmp.Compare(r.key, key) })
	st.exkey, _ = slices.BinarySearch(s.exkeys, lowKey)
	st.over, _ = slices.BinarySearchFunc(s.overrides, lowKey, func(o override, key int64) int { return cmp.Compare(o.key, key) })
	st.lastKey = math.MinInt64
}

// zoneIn returns the zone that the walls of t are in, nil for UTC.
func zoneIn(t *DateTime, floating *Zone) *Zone {
	switch t.Kind {
	case Zoned:
		return t.Zone
	case UTC:
		return nil
	}
	return floating
}

// satSub subtracts from a bound that may be infinite.
func satSub(bound, n int64) int64 {
	if bound == math.MinInt64 || bound == math.MaxInt64 {
		return bound
	}
	return max(bound, -farFuture) - n
}

// each begins a scan like r for each of rules, in scans if that has room.
func (r ruleScan) each(scans []ruleScan, rules []*recurrence, from, stop int64, b *Budget) []ruleScan {
	for _, c := range rules {
		r.it = c.walls(from, stop, b)
		scans = append(scans, r)
		scans[len(scans)-1].advance()
	}
	return scans
}

// advance makes head the next instance of st that is in the range.
func (st *stretch) advance() {
	for {
		m, period, ok := st.take()
		if !ok {
			st.ok = false
			return
		}
		key := m.key
		switch {
		case key <= st.low && st.low != math.MinInt64:
			continue
		case key >= st.high && st.high != math.MaxInt64:
			st.ok = false
			return
		case key == st.lastKey || st.isExcluded(m):
			continue
		}
		st.lastKey = key
		if st.ok = st.place(m.wall, m.unix, period); st.ok {
			return
		}
		if st.past {
			return
		}
	}
}

// take takes the next of what the rules and RDATEs give. period is the span of an
// RDATE that has its own.
func (st *stretch) take() (m moment, period *span, ok bool) {
	best := -1
	for i := range st.rules {
		if r := &st.rules[i]; r.ok && (best < 0 || r.head.compare(m) < 0) {
			best, m = i, r.head
		}
	}
	s := st.sc.s
	if st.rdate < len(s.rdates) {
		r := &s.rdates[st.rdate]
		c := zoneCursor{zone: zoneIn(&s.master.start, st.sc.floating)}
		u, _ := c.unix(r.wall)
		if at := (moment{r.wall, u, r.key}); best < 0 || at.compare(m) <= 0 {
			st.rdate++
			if r.span.kind != spanInherit {
				period = &r.span
			}
			if err := st.sc.budget.Spend(1); err != nil {
				return moment{}, nil, false
			}
			return at, period, true
		}
	}
	if best < 0 {
		return moment{}, nil, false
	}
	st.rules[best].advance()
	return m, nil, true
}

// isExcluded reports whether an EXDATE or EXRULE removes an instance, or an
// override stands in its place.
func (st *stretch) isExcluded(m moment) bool {
	s, key := st.sc.s, m.key
	// Keys that are local times go back where one in a gap of the clocks comes.
	for st.exkey > 0 && s.exkeys[st.exkey-1] >= key {
		st.exkey--
	}
	for st.over > 0 && s.overrides[st.over-1].key >= key {
		st.over--
	}
	for st.exkey < len(s.exkeys) && s.exkeys[st.exkey] < key {
		st.exkey++
	}
	if st.exkey < len(s.exkeys) && s.exkeys[st.exkey] == key {
		return true
	}
	for st.over < len(s.overrides) && s.overrides[st.over].key < key {
		st.over++
	}
	if st.over < len(s.overrides) && s.overrides[st.over].key == key {
		return true
	}
	if len(s.exdays)+len(s.ovdays) > 0 {
		day := floorDiv(m.wall, secondsPerDay)
		if _, found := slices.BinarySearch(s.exdays, day); found {
			return true
		}
		for _, i := range s.ovdays {
			if s.overrides[i].id.Wall/secondsPerDay == day {
				return true
			}
		}
	}
	for i := range st.except {
		r := &st.except[i]
		for r.ok && r.head.compare(m) < 0 {
			r.advance()
		}
		if r.ok && r.head.compare(m) == 0 {
			return true
		}
	}
	return false
}

// place makes head the instance with an original start, and reports whether it
// is in the range. past: it and all later ones are behind the range.
func (st *stretch) place(wall, unix int64, period *span) bool {
	sc, s := st.sc, st.sc.s
	start := &s.master.start
	h := &st.head
	if s.recurring {
		h.RecurrenceID, h.idUnix = DateTime{Wall: wall, Kind: start.Kind, Zone: start.Zone}, unix
	}
	if st.part != &s.master {
		switch {
		case !st.onWall:
			unix += st.shift
			wall = st.start.wall(unix)
		case st.shift != 0:
			wall += st.shift
			unix, _ = st.start.unix(wall)
		}
		start = &st.part.start
	}
	if unix > sc.to {
		st.past = true
		return false
	}
	if period == nil {
		period = &st.part.span
	}
	h.Start = DateTime{Wall: wall, Kind: start.Kind, Zone: start.Zone}
	h.End = h.Start
	if period.other {
		h.End.Zone = period.zone
		if h.End.Kind = Zoned; period.utc {
			h.End.Kind = UTC
		}
	}
	h.StartUnix = unix
	h.End.Wall, h.EndUnix = period.end(wall, unix, &st.start, &st.end)
	if !st.part.form.overlaps(unix, h.EndUnix, sc.from, sc.to) {
		return false
	}
	h.Component, h.Busy, h.form = st.part.comp, st.part.busy, st.part.form
	return true
}

// A ruleScan gives the moments of a rule in order, each once.
type ruleScan struct {
	it       wallIter
	cur      zoneCursor
	floating bool // keys are local times
	head     moment
	begun    bool // there was a head
	ok       bool // head is the current one

	// Local times in a gap of the clocks fall on moments after it, among those
	// of later local times. They are held back until it is their turn.
	held    []moment
	pending bool
	ahead   moment // taken but not given, if pending
}

// A moment is a local time, what it is resolved to, and the key of the instance
// that starts there.
type moment struct {
	wall, unix, key int64
}

// compare orders moments by time. Of the same time can be two, if they are floating
// and one of them is in a gap of the clocks of the reader: they are two instances
// for him too, as they are elsewhere.
func (m moment) compare(n moment) int {
	return cmp.Or(cmp.Compare(m.unix, n.unix), cmp.Compare(m.key, n.key))
}

// advance goes to the next moment.
func (r *ruleScan) advance() {
	for {
		if err := r.it.budget.Spend(1); err != nil {
			r.ok = false // the scan finds that the budget is spent
			return
		}
		m, ok := r.pull()
		if !ok {
			r.ok = false
			return
		}
		if r.begun && m.compare(r.head) <= 0 {
			continue // in a zone, the time after the gap that one within it has become
		}
		if r.it.c.untilUTC && m.unix > r.it.c.until {
			r.ok, r.it.done = false, true
			r.held, r.pending = nil, false
			return
		}
		r.head, r.begun, r.ok = m, true, true
		return
	}
}

// pull takes the next moment in order.
func (r *ruleScan) pull() (moment, bool) {
	for !r.pending {
		wall, ok := r.it.next()
		if !ok {
			break
		}
		unix, gap := r.cur.unix(wall)
		m := moment{wall, unix, unix}
		if r.floating {
			m.key = wall
		}
		if gap {
			if err := r.it.budget.Spend(1); err != nil {
				return moment{}, false
			}
			r.held = append(r.held, m)
			continue
		}
		if len(r.held) == 0 {
			return m, true
		}
		r.ahead, r.pending = m, true
	}
	if len(r.held) > 0 && (!r.pending || r.held[0].compare(r.ahead) < 0) {
		m := r.held[0]
		r.held = r.held[1:]
		return m, true
	}
	if !r.pending {
		return moment{}, false
	}
	for len(r.held) > 0 && r.held[0].compare(r.ahead) == 0 {
		r.held = r.held[1:]
	}
	r.pending = false
	return r.ahead, true
}
