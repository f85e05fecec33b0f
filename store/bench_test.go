package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// benchBody is as long as the objects of the load driver.
var benchBody = bytes.Repeat([]byte("0123456789abcdef"), 1108/16)

// rawBolt writes what a PUT has to write at least, an object and an index
// entry, straight into bbolt: the limit that the store is measured against.
type rawBolt struct {
	db *bbolt.DB
	n  int64
	mu sync.Mutex
}

func openRaw(tb testing.TB) *rawBolt {
	db, err := bbolt.Open(filepath.Join(tb.TempDir(), "raw.db"), 0o600, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"a", "b"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &rawBolt{db: db}
}

func (r *rawBolt) put(tx *bbolt.Tx, i int64) error {
	k := []byte(fmt.Sprintf("user%02d/ev-%08d.ics", i%8, i))
	if err := tx.Bucket([]byte("a")).Put(k, benchBody); err != nil {
		return err
	}
	return tx.Bucket([]byte("b")).Put(k, k)
}

func (r *rawBolt) next() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	return r.n
}

// one writes n events, a transaction each.
func (r *rawBolt) one(tb testing.TB, n int) {
	for range n {
		i := r.next()
		if err := r.db.Update(func(tx *bbolt.Tx) error { return r.put(tx, i) }); err != nil {
			tb.Fatal(err)
		}
	}
}

// eight writes n events from 8 goroutines gathered by one committer.
func (r *rawBolt) eight(tb testing.TB, n int) {
	type req struct {
		i    int64
		done chan error
	}
	ch := make(chan req)
	go func() {
		for r0 := range ch {
			group := []req{r0}
			runtime.Gosched()
		more:
			for len(group) < 64 {
				select {
				case r1, ok := <-ch:
					if !ok {
						break more
					}
					group = append(group, r1)
				default:
					break more
				}
			}
			err := r.db.Update(func(tx *bbolt.Tx) error {
				for _, g := range group {
					if err := r.put(tx, g.i); err != nil {
						return err
					}
				}
				return nil
			})
			for _, g := range group {
				g.done <- err
			}
		}
	}()
	fanOut(n, func(int, int) {
		done := make(chan error, 1)
		ch <- req{r.next(), done}
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	close(ch)
}

// fanOut calls f n times from 8 goroutines.
func fanOut(n int, f func(writer, i int)) {
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < n; i += 8 {
				f(w, i)
			}
		}()
	}
	wg.Wait()
}

// benchStore is a store with 20 homes of a calendar, a task list and an inbox.
type benchStore struct {
	*Store
	calendars []*Collection
	n         int64
	mu        sync.Mutex
}

func openBench(tb testing.TB, o Options) *benchStore {
	s, err := Open(filepath.Join(tb.TempDir(), "calendars.db"), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	bs := &benchStore{Store: s}
	err = s.Update(ctx, func(tx *Tx) error {
		for i := range 20 {
			h, err := tx.EnsureHome(benchOwner(i), func(b *HomeBuilder) {
				b.Add(NewCollection{Name: "calendar", Kind: KindCalendar, Components: VEVENT})
				b.Add(NewCollection{Name: "inbox", Kind: KindInbox})
				b.Add(NewCollection{Name: "tasks", Kind: KindCalendar, Components: VTODO})
			})
			if err != nil {
				return err
			}
			c, err := tx.Collection(h.ID, "calendar")
			if err != nil {
				return err
			}
			bs.calendars = append(bs.calendars, c)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return bs
}

func benchOwner(i int) GUID { return fmt.Sprintf("6ba7b810-9dad-11d1-80b4-%012d", i) }

func benchUID(i int64) string { return fmt.Sprintf("s-%06d-%016x", i, uint64(i)*0x9e3779b97f4a7c15) }

// putBench writes event i as a PUT of a new event does.
func putBench(tx *Tx, c *Collection, i int64) error {
	uid := benchUID(i)
	ix := Index{UID: uid, Component: VEVENT, Start: 1.7e9 + i*900, End: 1.7e9 + i*900 + 3600, Busy: BusyBusy}
	_, _, err := tx.PutObject(c, uid+".ics", benchBody, ix, Match{IfNoneMatchAny: true})
	return err
}

func (s *benchStore) put(tb testing.TB, c *Collection, i int64) {
	if err := s.Update(ctx, func(tx *Tx) error { return putBench(tx, c, i) }); err != nil {
		tb.Error(err)
	}
}

func (s *benchStore) next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.n
}

func (s *benchStore) one(tb testing.TB, n int) {
	for range n {
		i := s.next()
		s.put(tb, s.calendars[i%8], i)
	}
}

func (s *benchStore) eight(tb testing.TB, n int) {
	fanOut(n, func(w, _ int) { s.put(tb, s.calendars[w], s.next()) })
}

// against runs about b.N operations of each, turn by turn, and reports the
// medians of the turns: how fast the store is relative to the limit, and both
// rates. Short turns and medians keep other work on the machine out of it.
func against(b *testing.B, turn int, limit, store func(tb testing.TB, n int)) {
	limit(b, 50*turn)
	store(b, 50*turn)
	var tl, ts []float64
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		t0 := time.Now()
		limit(b, turn)
		t1 := time.Now()
		store(b, turn)
		tl = append(tl, t1.Sub(t0).Seconds())
		ts = append(ts, time.Since(t1).Seconds())
	}
	slices.Sort(tl)
	slices.Sort(ts)
	l, s := tl[len(tl)/2], ts[len(ts)/2]
	b.ReportMetric(l/s, "of-bbolt")
	b.ReportMetric(float64(turn)/l, "bbolt/s")
	b.ReportMetric(float64(turn)/s, "store/s")
}

// BenchmarkUpdateOne: a lone writer, against bbolt with a lone writer.
func BenchmarkUpdateOne(b *testing.B) {
	against(b, 1, openRaw(b).one, openBench(b, Options{}).one)
}

// BenchmarkUpdateEight: 8 writers, against bbolt with one committer.
func BenchmarkUpdateEight(b *testing.B) {
	against(b, 80, openRaw(b).eight, openBench(b, Options{}).eight)
}

// BenchmarkUpdateExisting: a lone writer replaces events, on a store of 10,000.
func BenchmarkUpdateExisting(b *testing.B) {
	s := openFilled(b, 10_000)
	b.ResetTimer()
	for i := range b.N {
		uid := benchUID(int64(i*7919%10_000 + 1))
		ix := Index{UID: uid, Component: VEVENT, Start: int64(i), End: int64(i) + 3600}
		err := s.Update(ctx, func(tx *Tx) error {
			_, _, err := tx.PutObject(s.calendars[0], uid+".ics", benchBody, ix, Match{IfMatchAny: true})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// openFilled has n events in one calendar.
func openFilled(b *testing.B, n int) *benchStore {
	b.Helper()
	s := openBench(b, Options{NoSync: true})
	for i := 0; i < n; {
		err := s.Update(ctx, func(tx *Tx) error {
			for range min(1000, n-i) {
				i++
				if err := putBench(tx, s.calendars[0], int64(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkEntries walks the index of 50,000 events.
func BenchmarkEntries(b *testing.B) {
	s := openFilled(b, 50_000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		view(b, s.Store, func(tx *Tx) error {
			for e := range tx.Entries(s.calendars[0].ID) {
				n += min(1, e.Size)
			}
			return nil
		})
		if n != 50_000 {
			b.Fatalf("%d entries", n)
		}
	}
}

// BenchmarkReads: what requests read most.
func BenchmarkReads(b *testing.B) {
	s := openFilled(b, 10_000)
	var now Rev
	view(b, s.Store, func(tx *Tx) error {
		c, err := tx.CollectionByID(s.calendars[0].ID)
		now = c.Rev
		return err
	})
	c := s.calendars[0]
	for _, bm := range []struct {
		name string
		read func(tx *Tx, i int) error
	}{
		{"Home", func(tx *Tx, _ int) error { _, err := tx.Home(benchOwner(7)); return err }},
		{"Collections", func(tx *Tx, _ int) error { _, err := tx.Collections(c.Home); return err }},
		{"Collection", func(tx *Tx, _ int) error { _, err := tx.Collection(c.Home, "calendar"); return err }},
		{"Properties", func(tx *Tx, _ int) error { _, err := tx.Properties(OfCollection(c)); return err }},
		{"Object", func(tx *Tx, i int) error { _, err := tx.Object(c.ID, benchUID(int64(i%9999+1))+".ics"); return err }},
		{"Body", func(tx *Tx, i int) error { _, _, err := tx.Body(c.ID, benchUID(int64(i%9999+1))+".ics"); return err }},
		{"Changes10", func(tx *Tx, _ int) error { _, _, _, err := tx.Changes(c.ID, now-10, 0); return err }},
		{"ByUID", func(tx *Tx, i int) error { _, err := tx.ObjectByUID(c, benchUID(int64(i%9999+1))); return err }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				view(b, s.Store, func(tx *Tx) error { return bm.read(tx, i) })
			}
		})
	}
}
