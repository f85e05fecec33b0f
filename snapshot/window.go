package snapshot

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"sort"

	"github.com/tidwall/btree"

	"convene/internal/ical"
	"convene/store"
)

const (
	daySeconds = 24 * 60 * 60

	// slack is more than any zone is ahead of UTC or behind it: a floating time
	// that is counted as UTC is within it of the moment that it is anywhere.
	slack = daySeconds

	// windowSeconds: windows begin at its multiples.
	windowSeconds = 32 * daySeconds

	// keptWindows is how many windows of a collection are kept: three years.
	keptWindows = 36

	// keptWindowVersions is how many revisions of each are.
	keptWindowVersions = 2

	// maxInstances is how many instances are listed of one object in one window:
	// those of a rule by the hour. buildSteps is what finding them may take;
	// windowSteps, what finding those of all objects in a window may: no single
	// request makes a window of a calendar full of rules by the second.
	maxInstances = windowSeconds/3600 + 2*24
	buildSteps   = 20_000
	windowSteps  = 4_000_000
)

// A window is what happens in one span of time, at one revision.
type window struct {
	rev   store.Rev
	from  int64 // Unix seconds
	tree  *btree.Map[string, item]
	bytes int64 // about what tree takes
	used  int64 // the collection's tick when it was
}

func (w *window) to() int64 { return w.from + windowSeconds }

// An item is an object in a window.
type item struct {
	entry *store.Entry
	times []span // of a listed one, by start
	one   span   // of a single one
	how   how
	kind  store.Component
}

// how says where the instances of an item are.
type how uint8

const (
	single  how = iota // one, that of the index
	listed             // in times
	dense              // too many: expand the object
	inexact            // not known: the object must be looked at
)

// A span is one instance. Its ends are in Unix seconds, those of a floating one
// counted as UTC.
type span struct {
	start, end int64
	busy       store.BusyType
	floats     bool
}

// spanOf is the one instance of an object that does not recur.
func spanOf(e *store.Entry) span {
	return span{e.Start, e.End, e.Busy, e.Flags&store.FlagFloating != 0}
}

const (
	itemBytes = 88
	spanBytes = 24
)

func (it *item) size() int64 { return int64(itemBytes + spanBytes*cap(it.times)) }

// overlaps reports whether an instance overlaps a time range (RFC 4791 §9.9): one
// that takes no time does if it begins in it.
func overlaps(start, end, from, to int64) bool {
	return start < to && (end > from || (start >= from && end <= start))
}

// near reports whether an entry can have to do with a time range in any zone.
// Tasks count at both ends of theirs (RFC 4791 §9.9), so this does too.
func near(e *store.Entry, from, to int64) bool {
	return e.Start <= satAdd(to, slack) && e.End >= satAdd(from, -slack)
}

// satAdd adds n to a moment, unless that is without limit.
func satAdd(t, n int64) int64 {
	if t <= math.MinInt64+slack || t >= math.MaxInt64-slack {
		return t
	}
	return t + n
}

// windowOf returns the number of the window that a moment is in.
func windowOf(t int64) int64 {
	n := t / windowSeconds
	if t%windowSeconds < 0 {
		n--
	}
	return n
}

// window returns window n as of s.
func (s *Snapshot) window(tx *store.Tx, n int64) (*window, error) {
	stats := &s.cache.stats
	if w := s.kept.window(n, s.rev); w != nil {
		stats.windowHits.Add(1)
		return w, nil
	}
	if !s.shared {
		return s.deriveWindow(tx, n)
	}
	s.kept.build.Lock()
	defer s.kept.build.Unlock()
	if w := s.kept.window(n, s.rev); w != nil {
		stats.windowHits.Add(1)
		return w, nil
	}
	w, err := s.deriveWindow(tx, n)
	if err != nil {
		return nil, err
	}
	s.kept.keepWindow(n, w)
	s.cache.measure(s.kept)
	return w, nil
}

// window returns window n as of rev, or nil.
func (k *collection) window(n int64, rev store.Rev) *window {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.windows[n] {
		if w.rev == rev {
			k.tick++
			w.used = k.tick
			return w
		}
	}
	return nil
}

// windowBefore returns a copy of the newest window n that is not newer than rev,
// for its tree to be changed; or nil.
func (k *collection) windowBefore(n int64, rev store.Rev) *window {
	k.mu.Lock()
	defer k.mu.Unlock()
	versions := k.windows[n]
	for i := len(versions) - 1; i >= 0; i-- {
		if old := versions[i]; old.rev <= rev {
			return &window{rev: old.rev, from: old.from, tree: old.tree.Copy(), bytes: old.bytes}
		}
	}
	return nil
}

// keepWindow adds w, and forgets windows that were not used for the longest time
// if they are too many.
func (k *collection) keepWindow(n int64, w *window) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tick++
	w.used = k.tick
	versions := append(k.windows[n], w)
	slices.SortFunc(versions, func(a, b *window) int { return cmp.Compare(a.rev, b.rev) })
	if len(versions) > keptWindowVersions {
		versions = slices.Delete(versions, 0, len(versions)-keptWindowVersions)
	}
	k.windows[n] = versions
	for len(k.windows) > keptWindows {
		oldest, used := int64(0), int64(math.MaxInt64)
		for m, versions := range k.windows {
			if last := versions[len(versions)-1].used; last < used {
				oldest, used = m, last
			}
		}
		delete(k.windows, oldest)
	}
}

// deriveWindow makes window n from an older one, or else from all entries.
func (s *Snapshot) deriveWindow(tx *store.Tx, n int64) (*window, error) {
	stats, left := &s.cache.stats, ical.NewBudget(windowSteps)
	if w := s.kept.windowBefore(n, s.rev); w != nil {
		list, ok, err := changes(tx, s.col.ID, w.rev, s.tree.Len())
		if err != nil {
			return nil, err
		}
		if ok {
			for _, change := range list {
				it, ok := s.itemIn(tx, w, s.Lookup(change.Name), left)
				w.replace(change.Name, it, ok)
			}
			w.rev = s.rev
			stats.windowCaughtUp.Add(1)
			return w, nil
		}
	}
	stats.windowBuilt.Add(1)
	w := &window{rev: s.rev, from: n * windowSeconds, tree: btree.NewMap[string, item](0)}
	s.tree.Scan(func(name string, e *store.Entry) bool {
		if it, ok := s.itemIn(tx, w, e, left); ok {
			w.tree.Load(name, it)
			w.bytes += it.size()
		}
		return true
	})
	return w, nil
}

// replace puts an item in the place of the one with that name; if it is not ok it
// only takes that out.
func (w *window) replace(name string, it item, ok bool) {
	var old item
	var had bool
	if ok {
		old, had = w.tree.Set(name, it)
		w.bytes += it.size()
	} else {
		old, had = w.tree.Delete(name)
	}
	if had {
		w.bytes -= old.size()
	}
}

// itemIn returns what of an object is in w; ok is false if nothing is. An object
// that cannot be read is inexact: the reader meets the error. The work is taken
// from left.
func (s *Snapshot) itemIn(tx *store.Tx, w *window, e *store.Entry, left *ical.Budget) (it item, ok bool) {
	if e == nil || e.Component == 0 || !near(e, w.from, w.to()) {
		return item{}, false
	}
	it = item{entry: e, kind: e.Component}
	if e.Flags&store.FlagInexact != 0 {
		it.how = inexact
		return it, true
	}
	if e.Flags&store.FlagRecurring == 0 {
		it.one = spanOf(e)
		return it, it.one.floats || overlaps(e.Start, e.End, w.from, w.to())
	}
	it.how = dense
	most := min(buildSteps, left.Left())
	if most == 0 {
		return it, true
	}
	steps := ical.NewBudget(most)
	times, err := s.listTimes(tx, w, e, steps)
	err = errors.Join(err, left.Spend(most-steps.Left()))
	switch {
	case errors.Is(err, ical.ErrBudget):
		return it, true
	case err != nil:
		it.how = inexact
		return it, true
	}
	it.how, it.times = listed, times
	return it, len(times) > 0
}

// listTimes returns the instances of an object in w, ErrBudget if they are too
// many.
func (s *Snapshot) listTimes(tx *store.Tx, w *window, e *store.Entry, steps *ical.Budget) ([]span, error) {
	series, err := s.cache.series(tx, s.col, e)
	if err != nil {
		return nil, err
	}
	var times []span
	for in, err := range series.Instances(w.from-slack, w.to()+slack, nil, steps) {
		if err != nil {
			return nil, err
		}
		t := span{in.StartUnix, in.EndUnix, Busy(in.Busy), in.Start.Kind == ical.Date || in.Start.Kind == ical.Floating}
		if !t.floats && !overlaps(t.start, t.end, w.from, w.to()) {
			continue
		}
		if len(times) == maxInstances {
			return nil, ical.ErrBudget
		}
		times = append(times, t)
	}
	byStart := func(i, j int) bool { return times[i].start < times[j].start }
	if !sort.SliceIsSorted(times, byStart) {
		sort.SliceStable(times, byStart)
	}
	return slices.Clip(times), nil
}
