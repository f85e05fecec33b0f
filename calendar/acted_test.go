package calendar_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/calendar"
	"convene/internal/engine/enginetest"
	"convene/snapshot"
	"convene/store"
)

const bobGUID = "11111111-0000-0000-0000-000000000002"

// What somebody does with objects of another is known, the last of each, until it is
// forgotten by time or by number; what the owner does is not.
func TestActs(t *testing.T) {
	now := time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC)
	s, err := store.Open(filepath.Join(t.TempDir(), "calendars.db"), store.Options{Indexer: calendar.Index, Wrap: enginetest.Wrapper(t), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if problems, err := s.Verify(context.Background()); err != nil || len(problems) > 0 {
			t.Errorf("verify: %v, %v", problems, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &calendar.Calendars{Store: s, Snapshots: snapshot.New(snapshot.Options{})}
	if err := c.Provision(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	by := func(who string, fn func(*calendar.Tx, *store.Home, *store.Collection) error) {
		t.Helper()
		now = now.Add(time.Minute)
		err := c.Update(t.Context(), calendar.Actor{Who: who, As: who}, func(tx *calendar.Tx) error {
			home, err := tx.Home(ann.GUID)
			if err != nil {
				return err
			}
			return fn(tx, home, in(t, tx, home, "calendar"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, title string) func(*calendar.Tx, *store.Home, *store.Collection) error {
		return func(tx *calendar.Tx, _ *store.Home, col *store.Collection) error {
			body := strings.Replace(string(component("VEVENT", name)), "DTSTAMP", "SUMMARY:"+title+"\r\nDTSTAMP", 1)
			d, err := c.Rules.Parse([]byte(body), calendar.ICalendar)
			if err == nil {
				_, err = tx.Put(col, name+".ics", d)
			}
			return err
		}
	}
	remove := func(tx *calendar.Tx, _ *store.Home, col *store.Collection) error {
		e, err := tx.Entry(col, "b.ics")
		if err == nil {
			err = tx.Delete(col, e)
		}
		return err
	}
	known := func() (list []string) {
		by("", func(tx *calendar.Tx, home *store.Home, _ *store.Collection) error {
			list = nil
			acts, err := tx.Acts(home)
			for _, a := range acts {
				list = append(list, fmt.Sprint(a.Object, " ", a.Title, " ", a.Did, " ", a.By == bobGUID, " ", a.Maker == bobGUID))
			}
			return err
		})
		return list
	}
	by(ann.GUID, write("a", "Hers"))
	by("", write("server", "Nobody's"))
	if got := known(); len(got) != 0 {
		t.Errorf("by the owner and the server: %q", got)
	}
	by(bobGUID, write("a", "His"))
	by(bobGUID, write("b", "New"))
	by(bobGUID, write("b", "Newer"))
	if got, want := known(), []string{"b.ics Newer changed true true", "a.ics His changed true false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	by(bobGUID, remove)
	by(ann.GUID, write("a", "Hers again"))
	if got, want := known(), []string{"b.ics Newer deleted true true", "a.ics His changed true false"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	by(bobGUID, func(tx *calendar.Tx, home *store.Home, col *store.Collection) error {
		for i := range 500 {
			if err := write(fmt.Sprintf("n%03d", i), "Many")(tx, home, col); err != nil {
				return err
			}
		}
		return nil
	})
	if got := known(); len(got) != 500 || !strings.HasPrefix(got[0], "n000.ics") || !strings.HasPrefix(got[499], "n499.ics") {
		t.Errorf("%d, from %q to %q, want the last 500", len(got), got[0], got[len(got)-1])
	}
	now = now.Add(91 * 24 * time.Hour)
	by("", func(tx *calendar.Tx, _ *store.Home, _ *store.Collection) error {
		var due []*store.Matter
		for m, err := range tx.DueMatters(tx.Now()) {
			if err != nil {
				return err
			}
			due = append(due, m)
		}
		for _, m := range due {
			if err := tx.SettleMatter(m); err != nil {
				return err
			}
		}
		return nil
	})
	if got := known(); len(got) != 0 {
		t.Errorf("after 91 days: %d", len(got))
	}
}
