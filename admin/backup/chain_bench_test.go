package backup

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"convene/store"
)

// The store that BenchmarkSince changes: homes of one calendar each.
const (
	benchHomes  = 250
	benchEvents = 400
)

// countWriter counts what goes by.
type countWriter struct{ n int64 }

func (c *countWriter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// putIn stores events of one person, by number, of about 1.1 kB.
func putIn(b *testing.B, s *store.Store, r *rand.Rand, owner int, events ...int) {
	b.Helper()
	err := s.Update(b.Context(), func(tx *store.Tx) error {
		home, err := tx.EnsureHome(fmt.Sprint("user", owner), func(h *store.HomeBuilder) {
			h.Add(store.NewCollection{Name: "work", Kind: store.KindCalendar})
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			// Each change has a collection as the one before has left it.
			c, err := tx.Collection(home.ID, "work")
			if err != nil {
				return err
			}
			body := []byte(fmt.Sprint(owner, "-", e, "\n") + noise(r, 1100))
			i, err := index(body)
			if err != nil {
				return err
			}
			if _, _, err := tx.PutObject(c, fmt.Sprint(e, ".ics"), body, i, store.Match{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSince: what a backup with --since has for each event that was changed, anywhere
// in 100,000.
func BenchmarkSince(b *testing.B) {
	l := openLive(b, b.TempDir())
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]int, benchEvents)
	for i := range all {
		all[i] = i
	}
	for owner := range benchHomes {
		putIn(b, l.store, r, owner, all...)
	}
	whole := func(w io.Writer) error {
		_, err := Write(b.Context(), w, l.members(), testOrigin)
		return err
	}
	x := NewIndexer()
	if err := whole(x); err != nil {
		b.Fatal(errors.Join(err, x.Abandon()))
	}
	base, err := x.Index()
	if err != nil {
		b.Fatal(err)
	}
	for _, changes := range []int{1, 10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(changes), func(b *testing.B) {
			var changed, packed, size int64
			for b.Loop() {
				for range changes {
					putIn(b, l.store, r, r.IntN(benchHomes), r.IntN(benchEvents))
				}
				var out countWriter
				err := Pack(&out, nil, func(w io.Writer) error {
					m, next, err := WriteSince(b.Context(), w, base, whole, b.TempDir())
					if err == nil {
						base, changed, size = next, changed+*m.entry(calendarsName).Changed, m.entry(calendarsName).Size
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				packed += out.n
			}
			n := float64(b.N)
			b.ReportMetric(float64(changed)/n/float64(changes)/1024, "KiB/change")
			b.ReportMetric(float64(packed)/n/1e6, "MB/backup")
			b.ReportMetric(float64(size)/1e6, "MB/data")
		})
	}
}
