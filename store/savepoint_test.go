package store

import (
	"errors"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/quota"
)

// TestSavepoint: a part of an update that fails leaves nothing, neither records
// nor counters nor revisions; the other parts are kept.
func TestSavepoint(t *testing.T) {
	boom := errors.New("boom")
	parts := func(tx *Tx, h HomeID, with bool) error {
		c, err := tx.Collection(h, "work")
		if err != nil {
			return err
		}
		put := func(c *Collection, uid string) error {
			_, _, err := tx.PutObject(c, uid+".ics", body(event(uid), uid), event(uid), Match{})
			return err
		}
		if err := put(c, "first"); err != nil {
			return err
		}
		failing := func() error {
			made, err := tx.CreateCollection(h, NewCollection{Name: "made", Kind: KindCalendar})
			if err != nil {
				return err
			}
			rest, err := tx.Collection(h, "rest")
			if err != nil {
				return err
			}
			return errors.Join(put(c, "lost"), put(made, "made"), put(rest, "rest"), tx.DeleteObject(c, "first.ics", Match{}),
				tx.SetQuota(h, 1), tx.DeleteCollection(h, "inbox"), boom)
		}
		if with {
			if err := tx.Savepoint(failing); !errors.Is(err, boom) {
				t.Errorf("Savepoint = %v, want %v", err, boom)
			}
		}
		return tx.Savepoint(func() error { return put(c, "second") })
	}
	var dumps []string
	for _, with := range []bool{false, true} {
		s := openOn(t, engine.OpenMemory(Tables()), Options{NewUUID: steadyUUIDs()})
		h := home(t, s, "ann")
		s.engine = enginetest.Wrap(t, s.engine)
		update(t, s, func(tx *Tx) error { return parts(tx, h.ID, with) })
		wantString(t, "work", names(t, s, h.ID, "work"), "first.ics second.ics")
		dumps = append(dumps, dump(t, s))
		wantErr(t, "Savepoint in a view", s.View(ctx, func(tx *Tx) error { return tx.Savepoint(func() error { return nil }) }), ErrReadOnly)
	}
	wantString(t, "records with a part that failed", dumps[1], dumps[0])
}

// TestUnusedUIDs: that no object of a home has a UID holds until one is put there, on
// whatever way, and is asked anew after a part that was undone.
func TestUnusedUIDs(t *testing.T) {
	boom := errors.New("boom")
	s := openOn(t, enginetest.Wrap(t, engine.OpenMemory(Tables())), Options{})
	ann, bob := home(t, s, "ann"), home(t, s, "bob")
	putEvent(t, s, bob.ID, "work", "theirs", "")
	update(t, s, func(tx *Tx) error {
		has := func(when, uid string, want bool) {
			t.Helper()
			_, _, err := tx.ObjectByUIDInHome(ann.ID, uid)
			if got := err == nil; got != want || err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: ann has %q = %v (%v), want %v", when, uid, got, err, want)
			}
		}
		c, err := tx.Collection(ann.ID, "work")
		if err != nil {
			return err
		}
		put := func() error {
			_, _, err := tx.PutObject(c, "mine.ics", body(event("mine"), "mine"), event("mine"), Match{}, UniqueInHome)
			return err
		}
		has("at first", "mine", false)
		if err := tx.Savepoint(func() error { return errors.Join(put(), boom) }); !errors.Is(err, boom) {
			return err
		}
		has("after a put that was undone", "mine", false)
		if err := put(); err != nil {
			return err
		}
		has("after a put", "mine", true)
		err = tx.Savepoint(func() error {
			err := tx.DeleteObject(c, "mine.ics", Match{})
			has("after it was removed", "mine", false)
			return errors.Join(err, boom)
		})
		if !errors.Is(err, boom) {
			return err
		}
		has("after a removal that was undone", "mine", true)
		if err := tx.DeleteObject(c, "mine.ics", Match{}); err != nil {
			return err
		}
		has("after it was removed", "mine", false)
		has("before another's calendar comes", "theirs", false)
		if _, err = tx.MoveCollection(bob.ID, "work", ann.ID, "theirs"); err != nil {
			return err
		}
		has("after another's calendar came", "theirs", true)
		return nil
	})
}

// TestCopyFailsWhole: of a collection that cannot be copied nothing is left,
// although the transaction goes on.
func TestCopyFailsWhole(t *testing.T) {
	e := engine.OpenMemory(Tables())
	s := openOn(t, enginetest.Wrap(t, e), Options{Quota: limited(quota.Limits{Objects: 1})})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "")
	before := dump(t, s)
	err := s.Update(ctx, func(tx *Tx) error {
		_, err := tx.CopyCollection(h.ID, "work", h.ID, "copy")
		wantErr(t, "copy to a full home", err, quota.ErrExceeded)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantString(t, "records", dump(t, s), before)
}

// TestReindexForgetsHomes: what was kept decoded of wrong records ends with the
// reindex that mends them, though it keeps their revisions.
func TestReindexForgetsHomes(t *testing.T) {
	e := engine.OpenMemory(Tables())
	s := openOn(t, enginetest.Wrap(t, e), Options{})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "")
	wrong := *mustCollection(t, s, h.ID, "work")
	wrong.Objects = 7
	err := e.Update(ctx, func(w engine.Writer) error {
		return (&sealed{w: w}).Put(tableHomes, memberKey(h.ID, "work"), wrong.encode())
	})
	if err != nil {
		t.Fatal(err)
	}
	objects := func() (n int) {
		view(t, s, func(tx *Tx) error {
			all, err := tx.Collections(h.ID)
			n = 0
			for _, c := range all {
				n += c.Objects
			}
			return err
		})
		return n
	}
	if n := objects(); n != 7 {
		t.Errorf("%d objects of a wrong record, want 7", n)
	}
	if _, err := s.Reindex(ctx); err != nil {
		t.Fatal(err)
	}
	if n := objects(); n != 1 {
		t.Errorf("%d objects after reindex, want 1", n)
	}
}
