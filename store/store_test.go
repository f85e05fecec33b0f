package store

import (
	"context"
	"path/filepath"
	"testing"
)

func TestSmoke(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "calendars.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	err = s.Update(ctx, func(tx *Tx) error {
		h, err := tx.EnsureHome("guid-1", func(b *HomeBuilder) { b.Add(NewCollection{Name: "calendar", Kind: KindCalendar}) })
		if err != nil {
			return err
		}
		c, err := tx.Collection(h.ID, "calendar")
		if err != nil {
			return err
		}
		_, _, err = tx.PutObject(c, "a.ics", []byte("BODY"), Index{UID: "a", Component: VEVENT}, Match{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, func(tx *Tx) error {
		h, err := tx.Home("guid-1")
		if err != nil {
			return err
		}
		cs, err := tx.Collections(h.ID)
		if err != nil {
			return err
		}
		o, err := tx.Object(cs[0].ID, "a.ics")
		if err != nil {
			return err
		}
		ch, next, more, err := tx.Changes(cs[0].ID, 0, 0)
		t.Logf("%+v %+v %s %v %v %v", h, cs[0], o.Body, ch, next, more)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
