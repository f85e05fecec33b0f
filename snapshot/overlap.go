package snapshot

import (
	"errors"
	"math"
	"slices"
	"sort"

	"github.com/tidwall/btree"

	"convene/ical"
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

// look answers from the windows.
func (q *query) look() error {
	first, last := windowOf(q.from), windowOf(q.to-1)
	windows := make([]*window, 0, maxWindows)
	for n := first; n <= last; n++ {
		w, err := q.s.window(q.tx, n)
		if err != nil {
			return err
		}
		windows = append(windows, w)
		q.grow(w.tree.Len())
	}
	if len(windows) == 1 {
		var err error
		windows[0].tree.Scan(func(_ string, it item) bool {
			err = q.items([]item{it}, windows)
			return err == nil
		})
		return err
	}
	return q.merge(windows)
}

// grow makes room for n more matches, within reason.
func (q *query) grow(n int) {
	n = min(n, 256)
	q.matches = slices.Grow(q.matches, n)
	if q.listing > 0 {
		q.slab = slices.Grow(q.slab, n)
	}
}

// merge takes the items of several windows together, by name.
func (q *query) merge(windows []*window) error {
	iters := make([]btree.MapIter[string, item], len(windows))
	open := make([]bool, len(windows))
	for i, w := range windows {
		iters[i] = w.tree.Iter()
		open[i] = iters[i].First()
	}
	items := make([]item, 0, len(windows))
	in := make([]*window, 0, len(windows))
	for {
		name, any := "", false
		for i := range iters {
			if open[i] && (!any || iters[i].Key() < name) {
				name, any = iters[i].Key(), true
			}
		}
		if !any {
			return nil
		}
		items, in = items[:0], in[:0]
		for i := range iters {
			if open[i] && iters[i].Key() == name {
				items, in = append(items, iters[i].Value()), append(in, windows[i])
				open[i] = iters[i].Next()
			}
		}
		if err := q.items(items, in); err != nil {
			return err
		}
	}
}

// items judges one object by its items in the windows that it is in, which are in
// the order of time.
func (q *query) items(items []item, windows []*window) error {
	e := items[0].entry
	if e.Component&q.comp == 0 {
		return nil
	}
	at := len(q.slab)
	first, last := windowOf(q.from)*windowSeconds, windowOf(q.to-1)*windowSeconds
	found, sorted := false, true
	for i := range items {
		switch items[i].how {
		case inexact:
			q.slab = q.slab[:at]
			q.inexact(e)
			return nil
		case dense:
			q.slab = q.slab[:at]
			return q.expand(e)
		case single:
			if !found {
				found = q.single(e)
			}
		case listed:
			for _, t := range items[i].times {
				// One that stands in two windows counts where it begins.
				if w := windows[i]; (t.start < w.from && w.from > first) || (t.start >= w.to() && w.from < last) {
					continue
				}
				start, end := q.resolve(t)
				if !overlaps(start, end, q.from, q.to) {
					continue
				}
				found = true
				if n := len(q.slab); n > at && q.slab[n-1].Start > start {
					sorted = false
				}
				q.list(Instance{start, end, t.busy})
			}
		}
	}
	if found {
		q.add(e, at, sorted)
	}
	return nil
}

// single lists the one instance of an object that does not recur, and reports
// whether it is in the range.
func (q *query) single(e *store.Entry) bool {
	start, end := q.resolve(span{e.Start, e.End, e.Busy, e.Flags&store.FlagFloating != 0})
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

// add adds a match whose instances are those in the slab from at on.
func (q *query) add(e *store.Entry, at int, sorted bool) {
	m := Match{Entry: e}
	if len(q.slab) > at {
		m.Instances = q.slab[at:len(q.slab):len(q.slab)]
		if !sorted { // floating ones among others
			sort.SliceStable(m.Instances, func(i, j int) bool { return m.Instances[i].Start < m.Instances[j].Start })
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
				q.add(e, at, true)
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
		q.add(e, at, true)
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
