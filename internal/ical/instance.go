package ical

import (
	"iter"
	"math"
	"slices"
)

// An Instance is one occurrence of a calendar object.
type Instance struct {
	// RecurrenceID is the original start, in the form of DTSTART; the zero time
	// if the object does not recur.
	RecurrenceID DateTime

	// Start and End are as they would be written in a component of its own; of a
	// VTODO with DUE alone both are DUE. They are zero where there is no time.
	Start, End DateTime

	// StartUnix and EndUnix are the moments, in Unix seconds.
	StartUnix, EndUnix int64

	// Component is the master or the override that the instance is described by;
	// nil in a detached series.
	Component *Component

	// Override: Component has the RECURRENCE-ID of this instance, and its times.
	// An instance after a RANGE=THISANDFUTURE override has its component, but
	// not its times.
	Override bool

	// Busy is what the instance is in free-busy time (RFC 4791 §7.10).
	Busy BusyType

	form   form
	idUnix int64 // the moment of RecurrenceID
}

// Instances returns the instances that overlap a time range by the rules of
// RFC 4791 §9.9, in order of their start. The range is from a moment until
// before another, in Unix seconds; math.MinInt64 and math.MaxInt64 leave it open.
// floating is the zone of the reader, nil is UTC.
//
// The cost follows the number of instances in the range and not how far it is
// from DTSTART. An error comes last: ErrBudget, if b was spent.
func (s *Series) Instances(from, to int64, floating *Zone, b *Budget) iter.Seq2[Instance, error] {
	return func(yield func(Instance, error) bool) {
		var sc scan
		sc.init(s, from, to, floating, b.orDefault())
		for {
			inst, err := sc.next()
			if err != nil {
				yield(Instance{}, err)
				return
			}
			if inst == nil || !yield(*inst, nil) {
				return
			}
		}
	}
}

// A scan gives the instances in a range one by one.
type scan struct {
	s        *Series
	floating *Zone
	from, to int64
	budget   *Budget

	one   [1]stretch
	parts []stretch  // of the master, cut where a THISANDFUTURE begins
	moved []Instance // the overrides in the range, in order of start
	last  *stretch   // whose head was given, and is to be moved on
}

// A stretch is the instances of the master, or after a THISANDFUTURE override,
// until the next such override.
type stretch struct {
	sc     *scan
	part   *part
	shift  int64
	onWall bool // shift is on the wall
	low    int64
	high   int64 // keys are above low and below high, but math.MinInt64 is no bound
	first  [1]ruleScan
	rules  []ruleScan
	except []ruleScan
	rdate  int // the next of Series.rdates
	exkey  int // the next of Series.exkeys
	over   int // the next of Series.overrides
	start  zoneCursor
	end    zoneCursor
	head   Instance
	ok     bool // head is the next instance
	past   bool // what comes is behind the range

	lastKey int64
}

// init prepares for a range.
func (sc *scan) init(s *Series, from, to int64, floating *Zone, b *Budget) {
	sc.s, sc.floating, sc.from, sc.to, sc.budget = s, floating, from, to, b
	sc.parts = sc.one[:0]
	if err := b.Spend(len(s.overrides) / 8); err != nil {
		return // next finds that the budget is spent
	}
	if len(s.overrides) > 0 {
		sc.collectMoved()
	}
	if !s.hasMaster {
		return
	}
	if !s.master.form.recurs() {
		sc.fixedMaster()
		return
	}
	if len(s.ranges) > 0 {
		sc.parts = make([]stretch, 0, len(s.ranges)+1)
	}
	sc.add(&s.master, 0, true, math.MinInt64, sc.nextRange(0))
	for i, at := range s.ranges {
		o := &s.overrides[at]
		sc.add(&o.part, o.shift, o.wall, o.key, sc.nextRange(i+1))
	}
	for i := range sc.parts {
		st := &sc.parts[i]
		st.sc = sc
		st.seek()
		st.advance()
	}
}

// nextRange returns the key of the ith THISANDFUTURE override.
func (sc *scan) nextRange(i int) int64 {
	if i < len(sc.s.ranges) {
		return sc.s.overrides[sc.s.ranges[i]].key
	}
	return math.MaxInt64
}

func (sc *scan) add(p *part, shift int64, onWall bool, low, high int64) {
	sc.parts = append(sc.parts, stretch{part: p, shift: shift, onWall: onWall, low: low, high: high})
}

// fixedMaster gives the one instance of a master that has no start to recur.
func (sc *scan) fixedMaster() {
	if inst, ok := sc.fixed(&sc.s.master); ok {
		sc.moved = append(sc.moved, inst)
	}
}

// fixed returns the instance of a part at its own place, if it is in the range.
func (sc *scan) fixed(p *part) (Instance, bool) {
	from, to := p.unixSpan(sc.floating)
	start, end := from, to
	if p.form == formStamps {
		from, to = p.begin, p.end
	}
	if !p.form.overlaps(from, to, sc.from, sc.to) || p.form == formPeriods && !sc.periodOverlaps(p) {
		return Instance{}, false
	}
	inst := Instance{Start: p.start, StartUnix: start, EndUnix: end, Component: p.comp, Busy: p.busy, form: p.form}
	if p.form.recurs() || p.form == formFreeBusy {
		inst.End = p.endTime(end, sc.floating)
	}
	return inst, true
}

// endTime returns the end of a part at its own place in written form.
func (p *part) endTime(unix int64, floating *Zone) DateTime {
	t := DateTime{Kind: p.start.Kind, Zone: p.start.Zone}
	if p.span.other {
		t.Kind, t.Zone = Zoned, p.span.zone
		if p.span.utc {
			t.Kind = UTC
		}
	}
	switch t.Kind {
	case Date, Floating:
		t.Wall = p.start.Wall + p.span.most()
	case UTC:
		t.Wall = unix
	default:
		t.Wall = t.Zone.Wall(unix)
	}
	return t
}

// collectMoved finds the overrides that are in the range.
func (sc *scan) collectMoved() {
	for i := range sc.s.overrides {
		o := &sc.s.overrides[i]
		inst, ok := sc.fixed(&o.part)
		if !ok {
			continue
		}
		inst.RecurrenceID = sc.s.inSeries(o.id)
		inst.idUnix, inst.Override = inst.RecurrenceID.Unix(sc.floating), true
		sc.moved = append(sc.moved, inst)
	}
	slices.SortStableFunc(sc.moved, func(a, b Instance) int {
		if a.StartUnix != b.StartUnix {
			return int(min(max(a.StartUnix-b.StartUnix, -1), 1))
		}
		return int(min(max(a.RecurrenceID.Wall-b.RecurrenceID.Wall, -1), 1))
	})
}

// next returns the next instance; nil at the end. It is good until the next call.
func (sc *scan) next() (*Instance, error) {
	if sc.last != nil {
		sc.last.advance()
		sc.last = nil
	}
	if sc.budget.left < 0 {
		return nil, ErrBudget
	}
	var best *stretch
	for i := range sc.parts {
		if st := &sc.parts[i]; st.ok && (best == nil || st.head.StartUnix < best.head.StartUnix) {
			best = st
		}
	}
	if len(sc.moved) > 0 && (best == nil || sc.moved[0].StartUnix <= best.head.StartUnix) {
		inst := &sc.moved[0]
		sc.moved = sc.moved[1:]
		return inst, nil
	}
	if best == nil {
		return nil, nil
	}
	sc.last = best
	return &best.head, nil
}
