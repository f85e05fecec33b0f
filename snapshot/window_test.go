package snapshot

import (
	"fmt"
	"testing"

	"convene/internal/ical"
	"convene/store"
)

// A window is made within bounds, however many rules by the second there are:
// those that it leaves are expanded for the requests that meet them, from their
// budgets.
func TestWindowWorkIsBounded(t *testing.T) {
	s := memoryStore(t, store.Options{})
	home := testCalendar(t, s)
	update(t, s, func(tx *store.Tx) error {
		col, err := tx.Collection(home, "work")
		if err != nil {
			return err
		}
		for i, rule := range []string{"FREQ=SECONDLY", "FREQ=DAILY"} {
			body := fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:%d\r\nDTSTART:20260501T080000Z\r\nDURATION:PT1M\r\nRRULE:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i, rule)
			ix, err := indexOf(body)
			if err != nil {
				return err
			}
			if _, _, err := tx.PutObject(col, fmt.Sprint(i), body, ix, store.Match{}); err != nil {
				return err
			}
		}
		return nil
	})
	c := New(Options{})
	view(t, s, home, func(tx *store.Tx, col *store.Collection) error {
		snap, err := c.Get(tx, col)
		if err != nil {
			return err
		}
		w := &window{from: windowOf(may+10*daySeconds) * windowSeconds}
		for _, tt := range []struct {
			name  string
			steps int
			how   how
			most  int // steps that are taken
		}{
			{"0", windowSteps, dense, buildSteps + 1}, {"1", windowSteps, listed, 1000},
			{"0", 50, dense, 51}, {"1", 0, dense, 0},
		} {
			left := ical.NewBudget(tt.steps)
			it, ok := snap.itemIn(tx, w, snap.Lookup(tt.name), left)
			if took := tt.steps - left.Left(); !ok || it.how != tt.how || took > tt.most || tt.steps > 0 && took == 0 {
				t.Errorf("object %s with %d steps: %v, %v, took %d; want %v, at most %d", tt.name, tt.steps, it.how, ok, took, tt.how, tt.most)
			}
		}
		_, err = snap.Overlapping(tx, store.VEVENT, may, may+daySeconds, nil, ical.NewBudget(100))
		if err == nil {
			t.Error("a request took more steps than it has")
		}
		return nil
	})
}
