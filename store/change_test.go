package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// changes prints Changes as "name name+ -name": changed, made, deleted.
func changes(t testing.TB, s *Store, c CollectionID, since Rev, limit int) (text string, next Rev, more bool) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		list, n, m, err := tx.Changes(c, since, limit)
		next, more, text = n, m, showChanges(t, list)
		return err
	})
	return text, next, more
}

func showChanges(t testing.TB, list []Change) string {
	t.Helper()
	var words []string
	last := Rev(0)
	for _, c := range list {
		if c.Rev <= last {
			t.Errorf("changes are not in order: %+v", list)
		}
		last = c.Rev
		switch {
		case c.Deleted:
			words = append(words, "-"+c.Name)
		case c.Created:
			words = append(words, c.Name+"+")
		default:
			words = append(words, c.Name)
		}
	}
	return strings.Join(words, " ")
}

func remove(t testing.TB, s *Store, h HomeID, collection string, names ...string) {
	t.Helper()
	for _, name := range names {
		err := try(s, h, collection, func(tx *Tx, c *Collection) error { return tx.DeleteObject(c, name, Match{}) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestChanges(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	work := mustCollection(t, s, h.ID, "work")
	for _, uid := range []string{"a", "b", "c"} {
		putEvent(t, s, h.ID, "work", uid, "1")
	}
	at3 := mustCollection(t, s, h.ID, "work").Rev
	putEvent(t, s, h.ID, "work", "a", "2")
	remove(t, s, h.ID, "work", "b.ics")
	putEvent(t, s, h.ID, "work", "d", "1")
	putEvent(t, s, h.ID, "rest", "elsewhere", "1")
	at6 := mustCollection(t, s, h.ID, "work").Rev
	remove(t, s, h.ID, "work", "d.ics")
	putEvent(t, s, h.ID, "work", "b", "again")
	putEvent(t, s, h.ID, "work", "e", "1")
	remove(t, s, h.ID, "work", "c.ics")
	now := mustCollection(t, s, h.ID, "work").Rev
	for _, tt := range []struct {
		since Rev
		limit int
		want  string
		next  Rev
		more  bool
	}{
		{0, 0, "a.ics+ b.ics+ e.ics+", now, false},
		{0, 2, "a.ics+ b.ics+", now - 2, true},
		{0, 3, "a.ics+ b.ics+ e.ics+", now, false},
		{work.Rev, 0, "a.ics+ -d.ics b.ics+ e.ics+ -c.ics", now, false},
		{at3, 0, "a.ics -d.ics b.ics+ e.ics+ -c.ics", now, false},
		{at6, 0, "-d.ics b.ics+ e.ics+ -c.ics", now, false},
		{at6, 1, "-d.ics", now - 3, true},
		{at6, 3, "-d.ics b.ics+ e.ics+", now - 1, true},
		{at6, 4, "-d.ics b.ics+ e.ics+ -c.ics", now, false},
		{now - 1, 1, "-c.ics", now, false},
		{now, 5, "", now, false},
	} {
		got, next, more := changes(t, s, work.ID, tt.since, tt.limit)
		if got != tt.want || next != tt.next || more != tt.more {
			t.Errorf("since %d limit %d: %q, %d, %t; want %q, %d, %t", tt.since, tt.limit, got, next, more, tt.want, tt.next, tt.more)
		}
	}
	view(t, s, func(tx *Tx) error {
		_, _, _, err := tx.Changes(work.ID, now+1, 0)
		wantErr(t, "position of the future", err, ErrTokenExpired)
		_, _, _, err = tx.Changes(9999, 0, 0)
		wantErr(t, "no such collection", err, ErrNotFound)
		return nil
	})
	var since []string
	view(t, s, func(tx *Tx) error {
		since = nil
		for e := range tx.EntriesSince(work.ID, at6) {
			since = append(since, e.Name)
		}
		return nil
	})
	wantString(t, "EntriesSince", strings.Join(since, " "), "b.ics e.ics")
}

// TestExpiry: deleted names are forgotten when their time is over, by deletions
// in the same collection or by Maintain; only positions before a forgotten one
// expire.
func TestExpiry(t *testing.T) {
	for _, by := range []string{"Maintain", "DeleteObject"} {
		t.Run(by, func(t *testing.T) {
			c := newClock()
			s := openTest(t, Options{Now: c.Now, ChangeLogAge: time.Hour, Step: 2})
			h := home(t, s, "ann")
			for i := range 7 {
				putEvent(t, s, h.ID, "work", fmt.Sprint(i), "")
			}
			start := mustCollection(t, s, h.ID, "work")
			remove(t, s, h.ID, "work", "0.ics", "1.ics", "2.ics")
			before := mustCollection(t, s, h.ID, "work").Rev
			c.pass(30 * time.Minute)
			remove(t, s, h.ID, "work", "3.ics")
			putEvent(t, s, h.ID, "work", "1", "made again") // its deletion is no news any more
			c.pass(31 * time.Minute)
			if got, _, _ := changes(t, s, start.ID, start.Rev, 0); got != "-0.ics -2.ics -3.ics 1.ics+" {
				t.Errorf("before: %q", got)
			}
			tail := "-3.ics 1.ics+"
			if by == "Maintain" {
				if r, err := s.Maintain(ctx); err != nil || r.Expired != 2 {
					t.Errorf("Maintain = %+v, %v", r, err)
				}
			} else {
				remove(t, s, h.ID, "work", "4.ics")
				tail += " -4.ics"
			}
			view(t, s, func(tx *Tx) error {
				for since := start.Rev; since < before; since++ {
					_, _, _, err := tx.Changes(start.ID, since, 0)
					wantErr(t, fmt.Sprintf("position %d of %d", since, before), err, ErrTokenExpired)
				}
				return nil
			})
			got, _, _ := changes(t, s, start.ID, before, 0)
			wantString(t, "after", got, tail)
			if all, _, _ := changes(t, s, start.ID, 0, 0); !strings.Contains(all, "6.ics+") || strings.Contains(all, "-") {
				t.Errorf("from the start: %q", all)
			}
			if r, err := s.Maintain(ctx); err != nil || r.Expired != 0 {
				t.Errorf("Maintain again = %+v, %v", r, err)
			}
		})
	}
}

func TestHomeChanges(t *testing.T) {
	c := newClock()
	s := openTest(t, Options{Now: c.Now, ChangeLogAge: time.Hour})
	h := home(t, s, "ann")
	other := home(t, s, "bob")
	got := func(since Rev) string {
		t.Helper()
		var text string
		view(t, s, func(tx *Tx) error {
			list, _, err := tx.HomeChanges(h.ID, since)
			if errors.Is(err, ErrTokenExpired) {
				text = "expired"
				return nil
			}
			text = showChanges(t, list)
			return err
		})
		return text
	}
	now := func() (r Rev) {
		t.Helper()
		view(t, s, func(tx *Tx) error { h, err := tx.HomeByID(h.ID); r = h.Rev; return err })
		return r
	}
	start := now()
	wantString(t, "from the start", got(0), "work+ rest+ inbox+")
	wantString(t, "nothing", got(start), "")
	wantString(t, "future", got(start+1), "expired")
	putEvent(t, s, h.ID, "rest", "a", "")
	putEvent(t, s, other.ID, "rest", "a", "")
	wantString(t, "an object", got(start), "rest")
	update(t, s, func(tx *Tx) error {
		_, err := tx.CreateCollection(h.ID, NewCollection{Name: "new", Kind: KindCalendar})
		return errors.Join(err, tx.DeleteCollection(h.ID, "work"))
	})
	wantString(t, "made and deleted", got(start), "rest new+ -work")
	middle := now()
	update(t, s, func(tx *Tx) error {
		_, err := tx.RenameCollection(h.ID, "rest", "work")
		return err
	})
	wantString(t, "renamed to a deleted name", got(start), "new+ -rest work+")
	update(t, s, func(tx *Tx) error {
		_, err := tx.MoveCollection(h.ID, "work", other.ID, "from ann")
		return err
	})
	wantString(t, "moved away", got(middle), "-rest -work")
	c.pass(2 * time.Hour)
	if r, err := s.Maintain(ctx); err != nil || r.Expired < 2 {
		t.Errorf("Maintain = %+v, %v", r, err)
	}
	wantString(t, "after expiry", got(middle), "expired")
	wantString(t, "now", got(now()), "")
	wantString(t, "from the start again", got(0), "inbox+ new+")
}

// TestRestored: a file that was restored from a copy begins a new epoch, at once
// and when it is opened again.
func TestRestored(t *testing.T) {
	path := tempPath(t)
	s := openFile(t, path, Options{NewEpoch: newEpoch})
	h := home(t, s, "ann")
	seen := map[Epoch]bool{h.Epoch: true}
	now := func() Epoch {
		t.Helper()
		var e Epoch
		view(t, s, func(tx *Tx) error {
			h, err := tx.Home("ann")
			if err == nil && h.Epoch != tx.Epoch() {
				t.Errorf("a home of epoch %x in epoch %x", h.Epoch, tx.Epoch())
			}
			e = tx.Epoch()
			return err
		})
		return e
	}
	if e := now(); e == 0 || !seen[e] {
		t.Errorf("epoch %x, the home was made in %x", e, h.Epoch)
	}
	for range 3 {
		if err := s.MarkRestored(ctx); err != nil {
			t.Fatal(err)
		}
		e := now()
		if e == 0 || seen[e] {
			t.Errorf("epoch %x again", e)
		}
		seen[e] = true
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s = openFile(t, path, Options{NewEpoch: newEpoch}); now() != e {
			t.Errorf("epoch %x became %x when the file was opened again", e, now())
		}
	}
	draws := []Epoch{7, 0, 7, 7, 9}
	drawn := openTest(t, Options{NewEpoch: func() Epoch {
		e := draws[0]
		if draws = draws[1:]; len(draws) == 0 { // the function that draws may run again
			draws = append(draws, e+1)
		}
		return e
	}})
	if err := drawn.MarkRestored(ctx); err != nil || drawn.epoch.Load() < 9 {
		t.Errorf("epoch %d, %v: not another one", drawn.epoch.Load(), err)
	}
}

// TestMovedCollectionIsAfterItself: in its new home nothing gets a revision that a
// collection had in the old one.
func TestMovedCollectionIsAfterItself(t *testing.T) {
	s := openTest(t, Options{})
	busy, quiet := home(t, s, "ann"), home(t, s, "bob")
	for i := range 50 {
		putEvent(t, s, busy.ID, "work", fmt.Sprint(i), "")
	}
	before := mustCollection(t, s, busy.ID, "work")
	update(t, s, func(tx *Tx) error {
		_, err := tx.MoveCollection(busy.ID, "work", quiet.ID, "from ann")
		return err
	})
	after := mustCollection(t, s, quiet.ID, "from ann")
	if after.Placed <= before.Rev || after.Rev != after.Placed {
		t.Errorf("%+v was %+v", after, before)
	}
	if e := putEvent(t, s, quiet.ID, "from ann", "new", ""); e.Rev <= after.Rev {
		t.Errorf("revision %d in a collection at %d", e.Rev, after.Rev)
	}
	got, _, _ := changes(t, s, after.ID, before.Rev, 0)
	wantString(t, "since before the move", got, "new.ics+")
	conflict := try(s, quiet.ID, "work", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "x.ics", body(event("7"), ""), event("7"), Match{}, UniqueInHome)
		return err
	})
	wantErr(t, "a UID that came with it", conflict, ErrUIDConflict)
	free := try(s, busy.ID, "rest", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "x.ics", body(event("7"), ""), event("7"), Match{}, UniqueInHome)
		return err
	})
	wantErr(t, "a UID that left with it", free, nil)
}
