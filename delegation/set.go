package delegation

import (
	"cmp"
	"slices"
	"time"

	"github.com/tidwall/btree"
)

// A Set is what the database holds at one moment. It does not change: questions
// to it never wait, and never fail. The zero value is not of use; Book.Read
// returns one.
type Set struct {
	items     *btree.Map[uint64, *item]
	delegator *btree.Map[string, []*Record]  // by delegator, ascending delegate
	delegate  *btree.Map[string, []*Record]  // by delegate, ascending delegator
	standsIn  *btree.Map[string, []*StandIn] // by who stands in, ascending id
	replaced  *btree.Map[string, []*StandIn] // by whose place it is
}

// Nobody returns a set in which nobody is a delegate.
func Nobody() *Set { return newSet() }

func newSet() *Set {
	return &Set{btree.NewMap[uint64, *item](0), btree.NewMap[string, []*Record](0), btree.NewMap[string, []*Record](0),
		btree.NewMap[string, []*StandIn](0), btree.NewMap[string, []*StandIn](0)}
}

// copy returns a set that can be changed, in constant time. s must be changed by
// nobody while it runs, and is as before for readers.
func (s *Set) copy() *Set {
	return &Set{s.items.Copy(), s.delegator.Copy(), s.delegate.Copy(), s.standsIn.Copy(), s.replaced.Copy()}
}

// apply replaces one item by another, of which either may be nil.
func (s *Set) apply(before, after *item) {
	if before != nil {
		s.items.Delete(before.id())
		if r := before.record; r != nil {
			drop(s.delegator, r.Delegator, r)
			drop(s.delegate, r.Delegate, r)
		} else {
			drop(s.standsIn, before.standIn.StandIn, before.standIn)
			drop(s.replaced, before.standIn.Delegate, before.standIn)
		}
	}
	if after != nil {
		s.items.Set(after.id(), after)
		if r := after.record; r != nil {
			insert(s.delegator, r.Delegator, r, compareRecords)
			insert(s.delegate, r.Delegate, r, compareRecords)
		} else {
			insert(s.standsIn, after.standIn.StandIn, after.standIn, compareStandIns)
			insert(s.replaced, after.standIn.Delegate, after.standIn, compareStandIns)
		}
	}
}

func compareStandIns(a, b *StandIn) int { return cmp.Compare(a.ID, b.ID) }

// drop and insert never change a list that a reader may have.
func drop[T any](m *btree.Map[string, []*T], key string, v *T) {
	list, _ := m.Get(key)
	list = slices.DeleteFunc(slices.Clone(list), func(x *T) bool { return x == v })
	if len(list) == 0 {
		m.Delete(key)
		return
	}
	m.Set(key, list)
}

func insert[T any](m *btree.Map[string, []*T], key string, v *T, compare func(a, b *T) int) {
	list, _ := m.Get(key)
	i, _ := slices.BinarySearchFunc(list, v, compare)
	m.Set(key, slices.Insert(slices.Clone(list), i, v))
}

// find returns the item of a delegator and delegate, nil if there is none.
func (s *Set) find(delegator, delegate string) *item {
	list, _ := s.delegator.Get(delegator)
	i, ok := slices.BinarySearchFunc(list, &Record{Delegator: delegator, Delegate: delegate}, compareRecords)
	if !ok {
		return nil
	}
	it, _ := s.items.Get(list[i].ID)
	return it
}

// Len returns the number of records and stand-ins.
func (s *Set) Len() int { return s.items.Len() }

// Records returns all records of a delegator, also those that are not in force,
// by delegate; of everybody if delegator is "".
func (s *Set) Records(delegator string) (list []Record) {
	if delegator != "" {
		of, _ := s.delegator.Get(delegator)
		return values(of)
	}
	s.delegator.Scan(func(_ string, of []*Record) bool {
		list = append(list, values(of)...)
		return true
	})
	return list
}

// RecordsFor returns all records that name a delegate, by delegator.
func (s *Set) RecordsFor(delegate string) []Record {
	of, _ := s.delegate.Get(delegate)
	return values(of)
}

// StandIns returns all stand-ins in whose place or by whom a principal acts, by
// id; everybody's if guid is "".
func (s *Set) StandIns(guid string) (list []StandIn) {
	s.items.Scan(func(_ uint64, it *item) bool {
		if x := it.standIn; x != nil && (guid == "" || x.Delegate == guid || x.StandIn == guid) {
			list = append(list, *x)
		}
		return true
	})
	return list
}

// Delegates returns the direct delegates of a delegator that are in force, of the
// database alone: what a calendar-proxy group has as members besides those of the
// directory.
func (s *Set) Delegates(delegator string, now time.Time) []Record {
	return slices.DeleteFunc(s.Records(delegator), func(r Record) bool { return !r.InForce(now) })
}

func values(list []*Record) []Record {
	var out []Record
	for _, r := range list {
		out = append(out, *r)
	}
	return out
}
