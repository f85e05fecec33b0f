package snapshot

import (
	"cmp"
	"iter"
	"slices"

	"convene/ical"
	"convene/store"
)

// Options bound what a Cache keeps.
type Options struct {
	MaxBytes int64 // 0: 64 MB
}

// A Cache keeps the snapshots of hot collections. It is safe for concurrent use.
type Cache struct{ opt Options }

// New returns an empty cache.
func New(o Options) *Cache { return &Cache{opt: o} }

// A Snapshot is a collection at one revision. It does not change.
type Snapshot struct {
	cache   *Cache
	col     *store.Collection
	entries []*store.Entry // by name
}

// Get returns the snapshot of col as tx sees it.
func (c *Cache) Get(tx *store.Tx, col *store.Collection) (*Snapshot, error) {
	s := &Snapshot{cache: c, col: col}
	for e := range tx.Entries(col.ID) {
		s.entries = append(s.entries, &e)
	}
	slices.SortFunc(s.entries, func(a, b *store.Entry) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

// Len is the number of objects.
func (s *Snapshot) Len() int { return len(s.entries) }

// All yields the entries in the order of their names. They are shared and must
// not be changed.
func (s *Snapshot) All() iter.Seq[*store.Entry] { return slices.Values(s.entries) }

// Parsed returns the parsed object of an entry, from the cache if it is there.
// It is shared and must not be changed.
func (c *Cache) Parsed(tx *store.Tx, col *store.Collection, e *store.Entry) (*ical.Object, error) {
	obj, err := tx.Object(col.ID, e.Name)
	if err != nil {
		return nil, err
	}
	cal, err := ical.Decode(obj.Clone().Body, ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return ical.NewObject(cal)
}

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

// Overlapping returns the objects of the component types in comp that have an
// instance overlapping from ≤ t < to (Unix seconds; math.MinInt64 and
// math.MaxInt64 are without limit), in the order of their names. Floating times
// are read in the zone floating, nil for UTC.
func (s *Snapshot) Overlapping(tx *store.Tx, comp store.Component, from, to int64, floating *ical.Zone, b *ical.Budget) ([]Match, error) {
	var matches []Match
	for _, e := range s.entries {
		if e.Component&comp == 0 {
			continue
		}
		if e.Flags&store.FlagInexact != 0 {
			matches = append(matches, Match{Entry: e, Inexact: true})
			continue
		}
		object, err := s.cache.Parsed(tx, s.col, e)
		if err != nil {
			return nil, err
		}
		series, err := object.Series()
		if err != nil {
			return nil, err
		}
		m := Match{Entry: e}
		for in, err := range series.Instances(from, to, floating, b) {
			if err != nil {
				return nil, err
			}
			m.Instances = append(m.Instances, Instance{Start: in.StartUnix, End: in.EndUnix, Busy: Busy(in.Busy)})
		}
		if len(m.Instances) > 0 {
			matches = append(matches, m)
		}
	}
	return matches, nil
}

// Busy maps the kinds of busy time of iCalendar to the store's.
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
