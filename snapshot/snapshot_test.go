package snapshot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/internal/ical"
	"convene/store"
)

// memoryStore is a store that a reader may hold a view of while it is written.
func memoryStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.OpenEngine(enginetest.Wrap(t, engine.OpenMemory(store.Tables())), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// indexOf is the index of a body, as the server makes it.
func indexOf(body []byte) (store.Index, error) {
	cal, err := ical.Decode(body, ical.Limits{})
	if err != nil {
		return store.Index{}, err
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		return store.Index{}, err
	}
	series, err := o.Series()
	if err != nil {
		return store.Index{}, err
	}
	start, end, open := series.Span(nil)
	ix := store.Index{UID: o.UID, Component: store.VEVENT, Start: start, End: end}
	if open {
		ix.End = store.OpenEnded
	}
	if series.Recurring() {
		ix.Flags |= store.FlagRecurring
	}
	if series.Floating() {
		ix.Flags |= store.FlagFloating
	}
	if o.Kind != "VEVENT" {
		ix.Component, ix.Flags = store.VTODO, ix.Flags|store.FlagInexact
	}
	for in, err := range series.Instances(math.MinInt64, math.MaxInt64, nil, nil) {
		ix.Busy = Busy(in.Busy)
		return ix, err
	}
	return ix, nil
}

// check compares what a snapshot says with what the store's entries do.
func check(c *Cache, tx *store.Tx, col *store.Collection, p picker) error {
	snap, err := c.Get(tx, col)
	if err != nil {
		return err
	}
	want := map[string]store.Entry{}
	for e := range tx.Entries(col.ID) {
		want[e.Name] = e
	}
	names := slices.Sorted(maps.Keys(want))
	var listed []string
	for e := range snap.All() {
		listed = append(listed, e.Name)
		if diff := cmp.Diff(want[e.Name], *e); diff != "" {
			return fmt.Errorf("entry %s: %s", e.Name, diff)
		}
		if snap.Lookup(e.Name) != e {
			return fmt.Errorf("no entry %s", e.Name)
		}
	}
	if diff := cmp.Diff(names, listed); diff != "" || snap.Len() != len(names) || snap.Rev() != col.Rev {
		return fmt.Errorf("%d names, rev %d of %d: %s", snap.Len(), snap.Rev(), col.Rev, diff)
	}
	from, to, zone, err := randomRange(p)
	if err != nil {
		return err
	}
	comp := []store.Component{store.VEVENT, store.VTODO, store.VEVENT | store.VTODO}[p(3)]
	expected, err := bruteForce(tx, col, names, want, comp, from, to, zone)
	if err != nil {
		return err
	}
	got, err := snap.Overlapping(tx, comp, from, to, zone, nil)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(expected, plain(got)); diff != "" {
		return fmt.Errorf("%d to %d in %s (-want +got):\n%s", from, to, zone.Name(), diff)
	}
	if got, err = snap.Matching(tx, comp, from, to, zone, nil); err != nil {
		return err
	}
	for i := range expected {
		expected[i].Instances = nil
	}
	if diff := cmp.Diff(expected, plain(got)); diff != "" {
		return fmt.Errorf("matching %d to %d in %s (-want +got):\n%s", from, to, zone.Name(), diff)
	}
	return nil
}

// A plainMatch is a Match for comparison.
type plainMatch struct {
	Name      string
	Instances []Instance
	Inexact   bool
}

func plain(matches []Match) []plainMatch {
	all := make([]plainMatch, 0, len(matches))
	for _, m := range matches {
		all = append(all, plainMatch{m.Entry.Name, m.Instances, m.Inexact})
	}
	return all
}

// bruteForce expands every object.
func bruteForce(tx *store.Tx, col *store.Collection, names []string, entries map[string]store.Entry,
	comp store.Component, from, to int64, zone *ical.Zone) ([]plainMatch, error) {
	all := []plainMatch{}
	for _, name := range names {
		e := entries[name]
		if e.Component&comp == 0 {
			continue
		}
		if e.Flags&store.FlagInexact != 0 {
			if near(&e, from, to) {
				all = append(all, plainMatch{Name: name, Inexact: true})
			}
			continue
		}
		body, _, err := tx.Body(col.ID, name)
		if err != nil {
			return nil, err
		}
		cal, err := ical.Decode(body, ical.Limits{})
		if err != nil {
			return nil, err
		}
		o, err := ical.NewObject(cal)
		if err != nil {
			return nil, err
		}
		series, err := o.Series()
		if err != nil {
			return nil, err
		}
		m := plainMatch{Name: name}
		for in, err := range series.Instances(from, to, zone, nil) {
			if err != nil {
				return nil, err
			}
			m.Instances = append(m.Instances, Instance{in.StartUnix, in.EndUnix, Busy(in.Busy)})
			if to == math.MaxInt64 {
				break
			}
		}
		if len(m.Instances) > 0 {
			all = append(all, m)
		}
	}
	return all, nil
}

// Random edits, and after each some reads, one after the other.
func TestAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := picker(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "") })
		s := memoryStore(t, store.Options{})
		home := testCalendar(t, s)
		c := New(Options{MaxBytes: []int64{0, 100_000, 1}[p(3)]})
		for range 20 {
			for range 1 + p(5) {
				if err := randomEdit(s, home, p); err != nil {
					rt.Fatal(err)
				}
			}
			err := s.View(context.Background(), func(tx *store.Tx) error {
				col, err := tx.Collection(home, "work")
				if err != nil {
					return err
				}
				return errors.Join(check(c, tx, col, p), check(c, tx, col, p))
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
	})
}

// Readers that hold on to their revision while others write.
func TestConcurrentReaders(t *testing.T) {
	s := memoryStore(t, store.Options{})
	home := testCalendar(t, s)
	c := New(Options{MaxBytes: 4 << 20})
	var wg sync.WaitGroup
	for seed := range uint64(6) {
		wg.Go(func() {
			p := picker(rand.New(rand.NewPCG(seed, 1)).IntN)
			for range 40 {
				if err := randomEdit(s, home, p); err != nil {
					t.Error(err)
					return
				}
				err := s.View(context.Background(), func(tx *store.Tx) error {
					col, err := tx.Collection(home, "work")
					if err != nil {
						return err
					}
					for range 1 + p(4) { // others write meanwhile
						if err := check(c, tx, col, p); err != nil {
							return fmt.Errorf("revision %d: %w", col.Rev, err)
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%+v", c.Stats())
}

// What an Update sees of its own writes is exact, and is not kept.
func TestInsideUpdate(t *testing.T) {
	s := memoryStore(t, store.Options{})
	home := testCalendar(t, s)
	c := New(Options{})
	p := picker(rand.New(rand.NewPCG(1, 2)).IntN)
	undo := errors.New("undo")
	for i := range 50 {
		if err := randomEdit(s, home, p); err != nil {
			t.Fatal(err)
		}
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			col, err := tx.Collection(home, "work")
			if err != nil {
				return err
			}
			body := fmt.Appendf(nil, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u%d\nDTSTART:20260501T100000Z\nEND:VEVENT\nEND:VCALENDAR\n", i)
			ix, err := indexOf(body)
			if err != nil {
				return err
			}
			if _, _, err := tx.PutObject(col, fmt.Sprintf("u%d.ics", i), body, ix, store.Match{}); err != nil {
				return err
			}
			if col, err = tx.Collection(home, "work"); err != nil {
				return err
			}
			if err := check(c, tx, col, p); err != nil {
				return err
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		view(t, s, home, func(tx *store.Tx, col *store.Collection) error { return check(c, tx, col, p) })
	}
}

// When the change log does not reach back any more, the snapshot is made anew.
func TestExpiredLog(t *testing.T) {
	now := time.Unix(may, 0)
	s := memoryStore(t, store.Options{Now: func() time.Time { return now }, ChangeLogAge: time.Hour})
	home := testCalendar(t, s)
	fill(t, s, home, 100, 100)
	c := New(Options{})
	p := picker(rand.New(rand.NewPCG(3, 4)).IntN)
	for i := range 20 {
		if i%6 == 0 {
			view(t, s, home, func(tx *store.Tx, col *store.Collection) error { return check(c, tx, col, p) })
		}
		update(t, s, func(tx *store.Tx) error {
			col, err := tx.Collection(home, "work")
			if err != nil {
				return err
			}
			for j := range 3 {
				_, ix := benchEvent(3*i+j, 100, 100)
				if err := tx.DeleteObject(col, ix.UID+".ics", store.Match{}); err != nil {
					return err
				}
			}
			return nil
		})
		now = now.Add(40 * time.Minute)
	}
	if stats := c.Stats(); stats.Built < 2 {
		t.Errorf("never made anew: %+v", stats)
	}
}

// The cache stays within its bounds.
func TestEviction(t *testing.T) {
	s := memoryStore(t, store.Options{})
	c := New(Options{MaxBytes: 1 << 20})
	for i := range 40 {
		var home store.HomeID
		update(t, s, func(tx *store.Tx) error {
			h, err := tx.EnsureHome(store.GUID(fmt.Sprint(i)), nil)
			if err != nil {
				return err
			}
			home = h.ID
			_, err = tx.CreateCollection(h.ID, store.NewCollection{Name: "work", Kind: store.KindCalendar})
			return err
		})
		fill(t, s, home, 200, 100)
		view(t, s, home, func(tx *store.Tx, col *store.Collection) error {
			snap, err := c.Get(tx, col)
			if err != nil {
				return err
			}
			_, err = snap.Overlapping(tx, store.VEVENT, may, may+30*daySeconds, nil, nil)
			return err
		})
		if stats := c.Stats(); stats.Bytes > 1<<20 || stats.Collections == 0 {
			t.Fatalf("after %d collections: %+v", i+1, stats)
		}
	}
	c.clear()
	if stats := c.Stats(); stats.Bytes != 0 || stats.Collections != 0 || stats.Objects != 0 {
		t.Errorf("cleared: %+v", stats)
	}
}

// An object that cannot be read does not hide the others: its reader meets it.
func TestDamagedObject(t *testing.T) {
	s := memoryStore(t, store.Options{})
	home := testCalendar(t, s)
	update(t, s, func(tx *store.Tx) error {
		col, err := tx.Collection(home, "work")
		if err != nil {
			return err
		}
		ix := store.Index{UID: "a", Component: store.VEVENT, Start: may, End: store.OpenEnded, Flags: store.FlagRecurring}
		_, _, err = tx.PutObject(col, "a.ics", []byte("no calendar"), ix, store.Match{})
		if err != nil {
			return err
		}
		body, ix := benchEvent(0, 1, 1)
		_, _, err = tx.PutObject(col, "b.ics", body, ix, store.Match{})
		return err
	})
	c := New(Options{})
	view(t, s, home, func(tx *store.Tx, col *store.Collection) error {
		snap, err := c.Get(tx, col)
		if err != nil {
			return err
		}
		for _, days := range []int64{7, 3000} {
			got, err := snap.Overlapping(tx, store.VEVENT, may, may+days*daySeconds, nil, nil)
			if err != nil || len(got) != 2 || !got[0].Inexact || got[1].Inexact {
				t.Errorf("%d days: %+v, %v", days, got, err)
			}
		}
		if _, err := c.Parsed(tx, col, snap.Lookup("a.ics")); err == nil {
			t.Error("no error for the damaged object")
		}
		return nil
	})
}
