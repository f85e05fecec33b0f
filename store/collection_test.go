package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestEnsureHome(t *testing.T) {
	s := openFile(t, tempPath(t), Options{})
	var wg sync.WaitGroup
	ids := make([]HomeID, 20)
	for i := range ids {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := s.Update(ctx, func(tx *Tx) error {
				h, err := tx.EnsureHome("ann", func(b *HomeBuilder) {
					b.SetOwnerType(3)
					b.SetProperty("{x}p", []byte("v"))
					b.Add(NewCollection{Name: "calendar", Kind: KindCalendar, Components: VEVENT, Properties: []Property{{"{x}q", []byte("w")}}})
					b.Add(NewCollection{Name: "inbox", Kind: KindInbox})
				})
				ids[i] = h.ID
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	view(t, s, func(tx *Tx) error {
		h, err := tx.Home("ann")
		if err != nil {
			return err
		}
		for _, id := range ids {
			if id != h.ID {
				t.Errorf("homes %v, want all %d", ids, h.ID)
			}
		}
		if h.Collections != 2 || h.OwnerType != 3 {
			t.Errorf("home %+v", h)
		}
		wantString(t, "property", string(tx.Property(OfHome(h.ID), "{x}p")), "v")
		c, err := tx.Collection(h.ID, "calendar")
		if err != nil {
			return err
		}
		wantString(t, "collection's property", string(tx.Property(OfCollection(c), "{x}q")), "w")
		if len(c.ResourceID) != 36 || c.Components != VEVENT {
			t.Errorf("collection %+v", c)
		}
		_, err = tx.Home("bob")
		wantErr(t, "no home", err, ErrNotFound)
		return nil
	})
	boom := errors.New("boom")
	err := s.Update(ctx, func(tx *Tx) error {
		_, err := tx.EnsureHome("bob", func(b *HomeBuilder) { b.Add(NewCollection{Name: ""}) })
		return errors.Join(err, boom)
	})
	wantErr(t, "a builder that fails", err, ErrLimit)
}

func TestCollections(t *testing.T) {
	c := newClock()
	s := openTest(t, Options{Now: c.Now, NewUUID: func() string { return "uuid" }})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "text")
	before := mustCollection(t, s, h.ID, "work")
	c.pass(time.Minute)
	update(t, s, func(tx *Tx) error {
		_, err := tx.CreateCollection(h.ID, NewCollection{Name: "work"})
		wantErr(t, "create what is there", err, ErrExists)
		_, err = tx.RenameCollection(h.ID, "work", "rest")
		wantErr(t, "rename to what is there", err, ErrExists)
		_, err = tx.RenameCollection(h.ID, "none", "x")
		wantErr(t, "rename what is not there", err, ErrNotFound)
		_, err = tx.CreateCollection(77, NewCollection{Name: "x"})
		wantErr(t, "create in no home", err, ErrNotFound)
		return nil
	})
	update(t, s, func(tx *Tx) error {
		_, err := tx.RenameCollection(h.ID, "work", "büro")
		if err != nil {
			return err
		}
		// An old value still means the same collection, in this transaction…
		_, _, err = tx.PutObject(before, "b.ics", body(event("b"), ""), event("b"), Match{})
		return err
	})
	// …and later.
	update(t, s, func(tx *Tx) error {
		_, _, err := tx.PutObject(before, "c.ics", body(event("c"), ""), event("c"), Match{})
		return err
	})
	wantString(t, "names", names(t, s, h.ID, "büro"), "a.ics b.ics c.ics")
	after := mustCollection(t, s, h.ID, "büro")
	if after.ID != before.ID || after.ResourceID != "uuid" || !after.ModifiedAt.Equal(c.Now()) || !after.CreatedAt.Equal(c.Now().Add(-time.Minute)) {
		t.Errorf("renamed: %+v, before %+v", after, before)
	}
	view(t, s, func(tx *Tx) error {
		all, err := tx.Collections(h.ID)
		var list []string
		for _, c := range all {
			list = append(list, fmt.Sprintf("%s %d %d", c.Name, c.Kind, c.Objects))
		}
		wantString(t, "collections", strings.Join(list, ", "), "büro 1 3, inbox 3 0, rest 1 0")
		_, err2 := tx.Collection(h.ID, "work")
		wantErr(t, "old name", err2, ErrNotFound)
		again, err3 := tx.Collections(h.ID)
		if &again[0] != &all[0] {
			t.Error("collections are decoded again")
		}
		return errors.Join(err, err3)
	})
}

// TestDeleteCollection: what is deleted is gone at once; its records go later,
// in small steps, and its number is never used again.
func TestDeleteCollection(t *testing.T) {
	s := openTest(t, Options{Step: 7})
	h := home(t, s, "ann")
	for i := range 20 {
		putEvent(t, s, h.ID, "work", fmt.Sprint(i), "text")
	}
	remove(t, s, h.ID, "work", "3.ics")
	old := mustCollection(t, s, h.ID, "work")
	update(t, s, func(tx *Tx) error {
		return errors.Join(
			tx.SetProperty(OfCollection(old), "{x}p", []byte("v")),
			tx.SetProperty(OfObject(old, "1.ics"), "{x}p", []byte("v")),
			tx.DeleteCollection(h.ID, "work"))
	})
	gone := func() {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			_, err := tx.Collection(h.ID, "work")
			wantErr(t, "collection", err, ErrNotFound)
			_, err = tx.CollectionByID(old.ID)
			wantErr(t, "its number", err, ErrNotFound)
			h, err := tx.Home("ann")
			if h.UsedBytes != 0 || h.Objects != 0 || h.Collections != 2 {
				t.Errorf("home %+v", h)
			}
			return err
		})
	}
	gone()
	err := s.Update(ctx, func(tx *Tx) error {
		_, _, err := tx.PutObject(old, "x.ics", nil, Index{}, Match{})
		return err
	})
	wantErr(t, "put into it", err, ErrNotFound)
	var fresh *Collection
	update(t, s, func(tx *Tx) (err error) {
		fresh, err = tx.CreateCollection(h.ID, NewCollection{Name: "work", Kind: KindCalendar})
		return err
	})
	if fresh.ID == old.ID || fresh.ResourceID == old.ResourceID {
		t.Errorf("%+v took over from %+v", fresh, old)
	}
	wantString(t, "the new one", names(t, s, h.ID, "work"), "")
	if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
		t.Errorf("before the purge: %v, %v", found, err)
	}
	r, err := s.Maintain(ctx)
	if err != nil || r.Purged != 20+20+2+1 {
		t.Errorf("Maintain = %+v, %v", r, err)
	}
	if d := dump(t, s, tableObjects, tableIndex, tableProperties); d != "" {
		t.Errorf("left over: %s", d)
	}
	if r, err := s.Maintain(ctx); err != nil || r.Purged != 0 {
		t.Errorf("Maintain again = %+v, %v", r, err)
	}
}

func TestDeleteHome(t *testing.T) {
	s := openTest(t, Options{})
	h, other := home(t, s, "ann"), home(t, s, "bob")
	putEvent(t, s, h.ID, "work", "a", "")
	putEvent(t, s, other.ID, "work", "b", "")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.SetProperty(OfHome(h.ID), "{x}p", nil), tx.DeleteCollection(h.ID, "rest"))
	})
	update(t, s, func(tx *Tx) error { return tx.DeleteHome(h.ID) })
	if _, err := s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(tx *Tx) error {
		_, err := tx.Home("ann")
		wantErr(t, "home", err, ErrNotFound)
		_, err = tx.HomeByID(h.ID)
		wantErr(t, "its number", err, ErrNotFound)
		n := 0
		for h := range tx.Homes() {
			n++
			wantString(t, "who is left", h.Owner, "bob")
		}
		if n != 1 {
			t.Errorf("%d homes", n)
		}
		return nil
	})
	if d := dump(t, s); strings.Contains(d, "ann") || strings.Contains(d, "a.ics") {
		t.Errorf("left over: %s", d)
	}
	if again := home(t, s, "ann"); again.ID == h.ID {
		t.Error("a home's number was used again")
	}
	wantErr(t, "again", s.Update(ctx, func(tx *Tx) error { return tx.DeleteHome(h.ID) }), ErrNotFound)
}

func TestStats(t *testing.T) {
	s := openFile(t, tempPath(t), Options{})
	h := home(t, s, "ann")
	other := home(t, s, "room")
	update(t, s, func(tx *Tx) error { return tx.SetOwnerType(other.ID, 2) })
	putEvent(t, s, h.ID, "work", "a", "")
	putEvent(t, s, h.ID, "inbox", "a", "")
	todo := Index{UID: "t", Component: VTODO}
	err := try(s, other.ID, "rest", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "t.ics", body(todo, ""), todo, Match{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(st.Homes, st.HomesByType, st.Collections, st.Calendars, st.CalendarsByType, st.Objects, st.ObjectsByComponent)
	wantString(t, "stats", got, "2 map[0:1 2:1] 6 4 map[0:2 2:2] 3 map[1:1 2:1]")
	if st.Bytes == 0 || st.FileBytes < 4096*4 {
		t.Errorf("stats %+v", st)
	}
}
