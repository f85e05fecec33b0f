package snapshot

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/store"
)

// A Match is an object with an instance in the time range asked for.
type Match struct {
	Entry     *store.Entry
	Instances []Instance // those that overlap the range, by start; nil if Inexact
	Inexact   bool       // the index cannot decide: the object must be looked at
}

// An Instance is one occurrence, in Unix seconds.
type Instance struct {
	Start, End int64
	Busy       store.BusyType
}

// maxWindows is how many windows a range may touch to be answered from them.
const maxWindows = 8

// Overlapping returns the objects of the component types in comp that have an
// instance overlapping from ≤ t < to (Unix seconds; math.MinInt64 and
// math.MaxInt64 are without limit), in the order of their names. Floating times
// are read in the zone floating, nil for UTC. A range without an end has no end
// to list: there Instances is the first one alone.
//
// tx is the transaction that s is from. b is spent on what must be expanded.
// Errors: ical.ErrBudget; those of tx.
func (s *Snapshot) Overlapping(tx *store.Tx, comp store.Component, from, to int64, floating *ical.Zone, b *ical.Budget) ([]Match, error) {
	q := query{s: s, tx: tx, comp: comp, from: from, to: to, floating: floating, budget: b, listing: math.MaxInt}
	if to == math.MaxInt64 {
		q.listing = 1
	}
	return q.run()
}

// Matching is Overlapping without the instances, for a reader who only wants to
// know which objects there are: of each it looks for one instance alone.
func (s *Snapshot) Matching(tx *store.Tx, comp store.Component, from, to int64, floating *ical.Zone, b *ical.Budget) ([]Match, error) {
	q := query{s: s, tx: tx, comp: comp, from: from, to: to, floating: floating, budget: b}
	return q.run()
}

// A query gathers the matches of one range.
type query struct {
	s        *Snapshot
	tx       *store.Tx
	comp     store.Component
	from, to int64
	floating *ical.Zone
	budget   *ical.Budget
	listing  int // instances to list of an object; 0: one is enough to know of

	matches []Match
	slab    []Instance // room for the lists
}

func (q *query) run() ([]Match, error) {
	if q.from >= q.to {
		return nil, nil
	}
	if q.budget == nil {
		q.budget = ical.NewBudget(ical.DefaultBudget)
	}
	var err error
	if q.from < math.MinInt64/4 || q.to > math.MaxInt64/4 || windowOf(q.to-1)-windowOf(q.from) >= maxWindows {
		err = q.walk()
	} else {
		err = q.look()
	}
	return q.matches, err
}

// A hit is an object that matches by what one window says of it.
type hit struct {
	entry *store.Entry
	how   how
	at, n int // its instances are slab[at:at+n]
}

// keptHits is the room for hits that one query leaves to the next, at most.
const keptHits = 16 << 10

// look answers from the windows. Of each it takes what matches first: an entry
// that does not is never touched, and most are somewhere else in memory.
func (q *query) look() error {
	first, last := windowOf(q.from), windowOf(q.to-1)
	scratch := q.s.cache.hits.Get().(*[]hit)
	hits := (*scratch)[:0]
	defer func() {
		if cap(hits) <= keptHits {
			clear(hits)
			*scratch = hits
			q.s.cache.hits.Put(scratch)
		}
	}()
	var ends [maxWindows]int // of the windows' hits
	for n := first; n <= last; n++ {
		w, err := q.s.window(q.tx, n)
		if err != nil {
			return err
		}
		w.tree.Scan(func(_ string, it item) bool {
			if it.kind&q.comp != 0 {
				hits = q.judge(hits, &it, w, n == first, n == last)
			}
			return true
		})
		ends[n-first] = len(hits)
	}
	q.matches = make([]Match, 0, len(hits))
	if first == last {
		for i := range hits {
			if err := q.take(hits[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	return q.merge(hits, ends[:last-first+1])
}

// judge appends what an item is a hit for. first and last say that w is the first
// or last window of the range. An instance that stands in two windows counts in
// the one it begins in.
func (q *query) judge(hits []hit, it *item, w *window, first, last bool) []hit {
	h := hit{entry: it.entry, how: it.how, at: len(q.slab)}
	found := it.how == dense || it.how == inexact
	times := it.times
	if it.how == single {
		times = []span{it.one}
	}
	for _, t := range times {
		if !first && t.start < w.from || !last && t.start >= w.to() {
			continue
		}
		start, end := q.resolve(t)
		if !overlaps(start, end, q.from, q.to) {
			continue
		}
		found = true
		if q.listing == 0 {
			break
		}
		q.slab = append(q.slab, Instance{start, end, t.busy})
	}
	if !found {
		return hits
	}
	h.n = len(q.slab) - h.at
	return append(hits, h)
}

// merge takes the hits of several windows together, by name. ends are where those
// of each window end.
func (q *query) merge(hits []hit, ends []int) error {
	var next [maxWindows]int
	copy(next[1:], ends)
	same := make([]hit, 0, maxWindows)
	for {
		same = same[:0]
		for i, end := range ends {
			if next[i] == end {
				continue
			}
			h := hits[next[i]]
			order := -1
			if len(same) > 0 {
				order = strings.Compare(h.entry.Name, same[0].entry.Name)
			}
			if order < 0 {
				same = same[:0]
			}
			if order <= 0 {
				same = append(same, h)
			}
		}
		if len(same) == 0 {
			return nil
		}
		name := same[0].entry.Name
		for i, end := range ends {
			if next[i] < end && hits[next[i]].entry.Name == name {
				next[i]++
			}
		}
		if err := q.take(same); err != nil {
			return err
		}
	}
}

// take adds one object by its hits, which are in the order of time.
func (q *query) take(hits []hit) error {
	e, at, n := hits[0].entry, hits[0].at, 0
	for i := range hits {
		switch hits[i].how {
		case inexact:
			q.inexact(e)
			return nil
		case dense:
			return q.expand(e)
		}
		n += hits[i].n
	}
	if len(hits) > 1 && n > 0 {
		at = len(q.slab)
		for _, h := range hits {
			q.slab = append(q.slab, q.slab[h.at:h.at+h.n]...)
		}
	}
	q.add(e, q.slab[at:at+n])
	return nil
}

// single lists the one instance of an object that does not recur, and reports
// whether it is in the range.
func (q *query) single(e *store.Entry) bool {
	start, end := q.resolve(spanOf(e))
	if !overlaps(start, end, q.from, q.to) {
		return false
	}
	q.list(Instance{start, end, e.Busy})
	return true
}

// resolve returns when an instance is, for the reader's zone.
func (q *query) resolve(t span) (start, end int64) {
	if t.floats {
		return q.floating.Unix(t.start), q.floating.Unix(t.end)
	}
	return t.start, t.end
}

func (q *query) list(in Instance) {
	if q.listing > 0 {
		q.slab = append(q.slab, in)
	}
}

// add adds a match with its instances, which lie in the slab.
func (q *query) add(e *store.Entry, in []Instance) {
	m := Match{Entry: e}
	if len(in) > 0 {
		m.Instances = in[:len(in):len(in)]
		byStart := func(a, b Instance) int { return cmp.Compare(a.Start, b.Start) }
		if !slices.IsSortedFunc(in, byStart) { // floating ones among others
			slices.SortStableFunc(in, byStart)
		}
	}
	q.matches = append(q.matches, m)
}

// inexact adds an object that must be looked at, if it is near the range.
func (q *query) inexact(e *store.Entry) {
	if near(e, q.from, q.to) {
		q.matches = append(q.matches, Match{Entry: e, Inexact: true})
	}
}

// walk answers from the index entries, and expands what they cannot decide.
func (q *query) walk() error {
	var err error
	q.s.tree.Scan(func(_ string, e *store.Entry) bool {
		switch {
		case e.Component&q.comp == 0 || !near(e, q.from, q.to):
		case e.Flags&store.FlagInexact != 0:
			q.inexact(e)
		case e.Flags&store.FlagRecurring == 0:
			if at := len(q.slab); q.single(e) {
				q.add(e, q.slab[at:])
			}
		default:
			err = q.expand(e)
		}
		return err == nil
	})
	return err
}

// expand adds an object if it has instances in the range by its series.
func (q *query) expand(e *store.Entry) error {
	at := len(q.slab)
	found, err := q.expandInto(e)
	switch {
	case errors.Is(err, ical.ErrBudget):
		return err
	case err != nil: // the reader meets it when he looks at the object
		q.slab = q.slab[:at]
		q.inexact(e)
	case found:
		q.add(e, q.slab[at:])
	}
	return nil
}

func (q *query) expandInto(e *store.Entry) (found bool, err error) {
	series, err := q.s.cache.series(q.tx, q.s.col, e)
	if err != nil {
		return false, err
	}
	if q.listing == 0 {
		return series.Overlaps(q.from, q.to, q.floating, q.budget)
	}
	at := len(q.slab)
	for in, err := range series.Instances(q.from, q.to, q.floating, q.budget) {
		if err != nil {
			return found, err
		}
		found = true
		q.list(Instance{in.StartUnix, in.EndUnix, Busy(in.Busy)})
		if len(q.slab)-at >= q.listing {
			break
		}
	}
	return found, nil
}

// Busy maps the kinds of busy time of iCalendar to the store's, and ICal those of
// the store to iCalendar's.
func Busy(t ical.BusyType) store.BusyType {
	switch t {
	case ical.Busy:
		return store.BusyBusy
	case ical.BusyTentative:
		return store.BusyTentative
	case ical.BusyUnavailable:
		return store.BusyUnavailable
	}
	return store.BusyFree
}

// ICal is the inverse of Busy.
func ICal(t store.BusyType) ical.BusyType {
	switch t {
	case store.BusyBusy:
		return ical.Busy
	case store.BusyTentative:
		return ical.BusyTentative
	case store.BusyUnavailable:
		return ical.BusyUnavailable
	}
	return ical.Free
}
