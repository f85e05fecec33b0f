package store

import (
	"bytes"
	"testing"

	"convene/internal/engine"
)

// What format 3 did not know of an object's access is found in its body, in however
// small steps; all else stays as it was.
func TestMigrationFindsAccess(t *testing.T) {
	for _, step := range []int{1, 2, 100} {
		path := tempPath(t)
		s := openFile(t, path, Options{})
		h := home(t, s, "ann")
		putEvent(t, s, h.ID, "work", "plain", "SUMMARY:x")
		putEvent(t, s, h.ID, "work", "private", "X-CalendarServer-Access:PRIVATE")
		before := putEvent(t, s, h.ID, "work", "other", "X-CALENDARSERVER-ACCESS:PUBLIC")
		putEvent(t, s, h.ID, "work", "gone", "X-CALENDARSERVER-ACCESS:PRIVATE")
		remove(t, s, h.ID, "work", "gone.ics")
		err := s.engine.Update(ctx, func(w engine.Writer) error {
			st, err := readState(w)
			st.Version = 3
			if err == nil {
				err = writeState(w, &st)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openFile(t, path, Options{Step: step, Indexer: func(b []byte) (Index, error) {
			ix, err := testIndexer(b)
			if bytes.Contains(b, []byte("PRIVATE")) {
				ix.Flags = ix.Flags.WithAccess(AccessPrivate)
			}
			return ix, err
		}})
		view(t, s, func(tx *Tx) error {
			col, err := tx.Collection(h.ID, "work")
			if err != nil {
				return err
			}
			for name, want := range map[string]Access{"plain.ics": AccessPublic, "private.ics": AccessPrivate, "other.ics": AccessPublic} {
				e, err := tx.Entry(col.ID, name)
				if err != nil || e.Flags.Access() != want {
					t.Errorf("step %d: %s: %+v, %v; want %d", step, name, e, err, want)
				}
				if name == "other.ics" && e.Rev != before.Rev {
					t.Errorf("its revision is %d, and was %d", e.Rev, before.Rev)
				}
			}
			return nil
		})
	}
}

// The two bits hold each access, and touch no flag.
func TestAccessInFlags(t *testing.T) {
	for a := AccessPublic; a <= AccessPrivate; a++ {
		for _, f := range []IndexFlags{0, FlagPrivate | FlagAlarm | FlagScheduled, FlagRecurring.WithAccess(AccessConfidential)} {
			got := f.WithAccess(a)
			if got.Access() != a || got.WithAccess(AccessPublic) != f.WithAccess(AccessPublic) {
				t.Errorf("%b with %d is %b", f, a, got)
			}
		}
	}
}
