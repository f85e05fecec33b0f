package server

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"convene/admin"
	"convene/calendar"
	"convene/config"
	"convene/store"
	"convene/testenv"
)

// A drill compares what is served with what is to be there: it sees an object that is
// missing, one that is another, one too many and a calendar that is gone.
func TestDrillSees(t *testing.T) {
	const owner = "11111111-0000-0000-0000-000000000001"
	c := config.Default()
	c.Server.AllowRoot = true
	for _, test := range []struct {
		name  string
		fault func(l *homeListing)
		want  int // differences
	}{
		{"nothing", func(*homeListing) {}, 0},
		{"missing", func(l *homeListing) { l.collections["work"]["none.ics"] = "1-1" }, 1},
		{"another", func(l *homeListing) { l.collections["work"]["1 ä%.ics"] = "1-1" }, 1},
		{"too many", func(l *homeListing) { delete(l.collections["work"], "1 ä%.ics") }, 1},
		{"a calendar", func(l *homeListing) { l.collections["gone"] = map[string]string{} }, 1},
		{"all objects", func(l *homeListing) { clear(l.collections["work"]) }, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := filepath.Join(testenv.Dir(t), "data")
			want := drillData(t, data, owner)
			live := []admin.HomeListing{{Owner: owner, Rev: uint64(want[owner].rev), Digest: want[owner].digest()}}
			test.fault(want[owner])
			r := &DrillReport{}
			if err := r.serve(t.Context(), c, data, want); err != nil {
				t.Fatal(err)
			}
			if len(r.Differences) != test.want {
				t.Errorf("%d differences: %q, want %d", len(r.Differences), r.Differences, test.want)
			}
			if test.want == 0 && r.Objects != 2 {
				t.Errorf("%d objects", r.Objects)
			}
			r = &DrillReport{}
			r.compareLive(want, live)
			if r.Unchanged != 1 || len(r.Differences) != min(test.want, 1) {
				t.Errorf("with the home in use: %+v", r)
			}
		})
	}
}

// drillData makes a data folder, and says what it lists.
func drillData(t *testing.T, data, owner string) map[string]*homeListing {
	t.Helper()
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(data, "calendars.db"), store.Options{Indexer: calendar.Index})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx *store.Tx) error {
		home, err := tx.EnsureHome(owner, func(b *store.HomeBuilder) { b.Add(store.NewCollection{Name: "work", Kind: store.KindCalendar}) })
		if err != nil {
			return err
		}
		col, err := tx.Collection(home.ID, "work")
		if err != nil {
			return err
		}
		for name, uid := range map[string]string{"1 ä%.ics": "1", "2.ics": "2"} {
			body := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
			ix, err := calendar.Index(body)
			if err != nil {
				return err
			}
			if _, _, err := tx.PutObject(col, name, body, ix, store.Match{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := readListings(t.Context(), s)
	if err != nil || !slices.Equal(slices.Collect(maps.Keys(want)), []string{owner}) {
		t.Fatalf("%v %v", want, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}
