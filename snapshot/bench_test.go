package snapshot

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"convene/internal/engine/enginetest"
	"convene/internal/ical"
	"convene/store"
)

// testStore is a store in a file of its own.
func testStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "calendars.db"), store.Options{NoSync: true, Wrap: enginetest.Wrapper(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testCalendar makes a home with a calendar.
func testCalendar(t testing.TB, s *store.Store) (home store.HomeID) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		h, err := tx.EnsureHome("alice", nil)
		if err != nil {
			return err
		}
		home = h.ID
		_, err = tx.CreateCollection(h.ID, store.NewCollection{Name: "work", Kind: store.KindCalendar})
		return err
	})
	return home
}

func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

// view runs fn with the calendar as a view sees it.
func view(t testing.TB, s *store.Store, home store.HomeID, fn func(*store.Tx, *store.Collection) error) {
	t.Helper()
	err := s.View(context.Background(), func(tx *store.Tx) error {
		col, err := tx.Collection(home, "work")
		if err != nil {
			return err
		}
		return fn(tx, col)
	})
	if err != nil {
		t.Fatal(err)
	}
}

const may = 1777593600 // 1 May 2026

// fill puts n events into the calendar: inMonth in May 2026, the others over the
// years around it. One of 20 in May recurs every week, one is of a day.
func fill(t testing.TB, s *store.Store, home store.HomeID, n, inMonth int) {
	t.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		update(t, s, func(tx *store.Tx) error {
			col, err := tx.Collection(home, "work")
			if err != nil {
				return err
			}
			for i := from; i < min(from+batch, n); i++ {
				body, ix := benchEvent(i, n, inMonth)
				if _, _, err := tx.PutObject(col, ix.UID+".ics", body, ix, store.Match{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func benchEvent(i, n, inMonth int) ([]byte, store.Index) {
	start := int64(may + i*30*daySeconds/inMonth)
	if i >= inMonth {
		start = may - 1000*daySeconds + int64(i)*900*daySeconds/int64(n)
	}
	ix := store.Index{UID: fmt.Sprintf("%08X-93A4-4E45-8F21-7F3C7A562C0B", i*7919), Component: store.VEVENT, Start: start, End: start + 3600, Busy: store.BusyBusy}
	value, rule := ":"+ical.DateTime{Wall: start, Kind: ical.UTC}.String(), ""
	switch {
	case i >= inMonth:
	case i%20 == 1:
		rule, ix.End, ix.Flags = "RRULE:FREQ=WEEKLY\r\n", store.OpenEnded, store.FlagRecurring
	case i%20 == 2:
		start -= start % daySeconds
		ix.Start, ix.End, ix.Flags = start, start+daySeconds, store.FlagFloating
		value = ";VALUE=DATE:" + ical.DateTime{Wall: start, Kind: ical.Date}.String()
	}
	duration := "PT1H"
	if ix.Flags == store.FlagFloating {
		duration = "P1D"
	}
	body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:" + ix.UID +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART" + value + "\r\nDURATION:" + duration + "\r\n" + rule +
		"SUMMARY:Event\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	return []byte(body), ix
}

var sizes = []int{1000, 10_000, 50_000}

func BenchmarkMonth(b *testing.B) {
	berlin, err := ical.LoadZone("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range sizes {
		s := testStore(b)
		home := testCalendar(b, s)
		fill(b, s, home, n, 100)
		c := New(Options{})
		for _, bench := range []struct {
			name string
			find func(*Snapshot, *store.Tx) ([]Match, error)
		}{
			{"Overlapping", func(snap *Snapshot, tx *store.Tx) ([]Match, error) {
				return snap.Overlapping(tx, store.VEVENT, may, may+30*daySeconds, berlin, nil)
			}},
			{"Matching", func(snap *Snapshot, tx *store.Tx) ([]Match, error) {
				return snap.Matching(tx, store.VEVENT, may, may+30*daySeconds, berlin, nil)
			}},
			{"freebusy2weeks", func(snap *Snapshot, tx *store.Tx) ([]Match, error) {
				return snap.Overlapping(tx, store.VEVENT, may, may+14*daySeconds, berlin, nil)
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, n), func(b *testing.B) {
				b.ReportAllocs()
				var found int
				view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
					snap, err := c.Get(tx, col)
					if err == nil {
						_, err = bench.find(snap, tx) // builds what is missing
					}
					for b.Loop() && err == nil {
						snap, err := c.Get(tx, col)
						if err != nil {
							return err
						}
						matches, err := bench.find(snap, tx)
						if err != nil {
							return err
						}
						found = len(matches)
					}
					return err
				})
				b.ReportMetric(float64(found), "matches")
			})
		}
	}
}

// One write, then a listing and a query of the month: what a client in use does.
func BenchmarkCatchUp(b *testing.B) {
	for _, n := range sizes {
		s := testStore(b)
		home := testCalendar(b, s)
		fill(b, s, home, n, 100)
		c := New(Options{})
		i := 0
		write := func() {
			update(b, s, func(tx *store.Tx) error {
				col, err := tx.Collection(home, "work")
				if err != nil {
					return err
				}
				i++
				body, ix := benchEvent(i%100, n, 100)
				_, _, err = tx.PutObject(col, ix.UID+".ics", body, ix, store.Match{})
				return err
			})
		}
		for _, bench := range []struct {
			name  string
			query func(*Snapshot, *store.Tx) error
		}{
			{"Get", func(*Snapshot, *store.Tx) error { return nil }},
			{"GetAndMonth", func(snap *Snapshot, tx *store.Tx) error {
				_, err := snap.Overlapping(tx, store.VEVENT, may, may+30*daySeconds, nil, nil)
				return err
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, n), func(b *testing.B) {
				view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
					snap, err := c.Get(tx, col)
					if err != nil {
						return err
					}
					return bench.query(snap, tx)
				})
				b.ReportAllocs()
				var spent time.Duration
				for b.Loop() {
					write()
					view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
						began := time.Now()
						snap, err := c.Get(tx, col)
						if err == nil {
							err = bench.query(snap, tx)
						}
						spent += time.Since(began)
						return err
					})
				}
				b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "read-ns/op")
			})
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := testStore(b)
	home := testCalendar(b, s)
	fill(b, s, home, 10_000, 100)
	c := New(Options{})
	view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
		b.Run("hit", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Get(tx, col); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("hit and list 10000", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				snap, err := c.Get(tx, col)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for e := range snap.All() {
					n += e.Size
				}
			}
		})
		b.Run("build 10000", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.clear()
				if _, err := c.Get(tx, col); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("build window of 10000", func(b *testing.B) {
			snap, err := c.Get(tx, col)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := snap.deriveWindow(tx, windowOf(may)+1000); err != nil {
					b.Fatal(err)
				}
			}
		})
		return nil
	})
}

// Open-ended ranges are walked: the cost is that of the answer, which is all.
func BenchmarkFromNowOn(b *testing.B) {
	s := testStore(b)
	home := testCalendar(b, s)
	fill(b, s, home, 10_000, 100)
	c := New(Options{})
	view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
		b.ReportAllocs()
		for b.Loop() {
			snap, err := c.Get(tx, col)
			if err != nil {
				return err
			}
			if _, err := snap.Matching(tx, store.VEVENT, may-500*daySeconds, 1<<63-1, nil, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkMemory reports what an entry takes, and what the cache thinks it does.
func BenchmarkMemory(b *testing.B) {
	s := testStore(b)
	home := testCalendar(b, s)
	const n = 50_000
	fill(b, s, home, n, 100)
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := New(Options{})
		view(b, s, home, func(tx *store.Tx, col *store.Collection) error {
			_, err := c.Get(tx, col)
			return err
		})
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/entry")
		b.ReportMetric(float64(c.Stats().Bytes)/n, "counted-B/entry")
		runtime.KeepAlive(c)
	}
}
