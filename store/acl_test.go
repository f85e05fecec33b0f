package store

import (
	"errors"
	"testing"

	"convene/internal/engine"
)

// A list goes with its collection wherever that moves, and neither with a copy nor
// with an object; it counts against no quota.
func TestACLTravels(t *testing.T) {
	s := openOn(t, engine.OpenMemory(Tables()), Options{})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "1", "text")
	update(t, s, func(tx *Tx) error {
		c, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		return errors.Join(tx.SetQuota(h.ID, 1), tx.SetACL(c, "", []byte("list")), tx.SetACL(c, "1.ics", []byte("object's")), tx.SetQuota(h.ID, 0))
	})
	update(t, s, func(tx *Tx) error {
		_, err := tx.CopyCollection(h.ID, "work", h.ID, "copy")
		_, err2 := tx.MoveCollection(h.ID, "work", h.ID, "moved")
		return errors.Join(err, err2)
	})
	list := func(collection, object string) (got string) {
		view(t, s, func(tx *Tx) error {
			c, err := tx.Collection(h.ID, collection)
			if err == nil {
				got = string(tx.ACL(c, object))
			}
			return err
		})
		return got
	}
	for _, tt := range []struct{ collection, object, want string }{
		{"moved", "", "list"}, {"moved", "1.ics", "object's"}, {"copy", "", ""}, {"copy", "1.ics", ""},
	} {
		if got := list(tt.collection, tt.object); got != tt.want {
			t.Errorf("%s/%s has %q, want %q", tt.collection, tt.object, got, tt.want)
		}
	}
	update(t, s, func(tx *Tx) error {
		c, err := tx.Collection(h.ID, "moved")
		if err != nil {
			return err
		}
		_, _, err = tx.MoveObject(c, "1.ics", c, "2.ics", Match{})
		return err
	})
	remove(t, s, h.ID, "moved", "2.ics")
	putEvent(t, s, h.ID, "moved", "1", "another")
	for _, name := range []string{"1.ics", "2.ics"} {
		if got := list("moved", name); got != "" {
			t.Errorf("%s, which has moved or come anew, has %q", name, got)
		}
	}
	err := try(s, h.ID, "moved", func(tx *Tx, c *Collection) error { return tx.SetACL(c, "", make([]byte, MaxACL+1)) })
	if !errors.Is(err, ErrLimit) {
		t.Errorf("a list that is too long: %v", err)
	}
	if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
		t.Errorf("Verify: %v, %v", found, err)
	}
}

// What a collection without lists is written as is what it was before there were
// any.
func TestRightsRecord(t *testing.T) {
	for _, r := range []Rights{{}, {Rev: 3}, {Own: true, Rev: 1 << 40}, {Objects: 1000, Rev: 5}, {Own: true, Objects: 1, Rev: 1}} {
		c := &Collection{ID: 1, Kind: KindCalendar, Rights: r}
		with := c.encode()
		got, err := decodeCollection(0, "", with)
		if err != nil || got.Rights != r {
			t.Errorf("%+v comes back as %+v, %v", r, got.Rights, err)
		}
		c.Rights = Rights{}
		if without := c.encode(); (len(with) == len(without)) != (r == Rights{}) {
			t.Errorf("%+v takes %d bytes", r, len(with)-len(without))
		}
	}
}
