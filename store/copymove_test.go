package store

import (
	"errors"
	"testing"
	"time"
)

func TestCopyMoveObject(t *testing.T) {
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	h, other := home(t, s, "ann"), home(t, s, "bob")
	first := putEvent(t, s, h.ID, "work", "a", "body of a")
	putEvent(t, s, h.ID, "work", "b", "body of b")
	putEvent(t, s, h.ID, "rest", "a", "another a")
	putEvent(t, s, other.ID, "work", "x", "in the way")
	err := try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
		return tx.SetProperty(OfObject(c, "a.ics"), "{x}p", []byte("of a"))
	})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	type place struct {
		home             HomeID
		collection, name string
	}
	for _, tt := range []struct { // in order
		what     string
		move     bool
		from, to place
		m        Match
		opts     []PutOption
		created  bool
		err      error
	}{
		{"copy within, same UID", false, place{h.ID, "work", "a.ics"}, place{h.ID, "work", "a2.ics"}, Match{}, nil, false, ErrUIDConflict},
		{"move onto itself", true, place{h.ID, "work", "a.ics"}, place{h.ID, "work", "a.ics"}, Match{}, nil, false, ErrExists},
		{"move nothing", true, place{h.ID, "work", "none"}, place{h.ID, "work", "x"}, Match{}, nil, false, ErrNotFound},
		{"move to a bad name", true, place{h.ID, "work", "a.ics"}, place{h.ID, "work", ""}, Match{}, nil, false, ErrLimit},
		{"rename", true, place{h.ID, "work", "a.ics"}, place{h.ID, "work", "a2.ics"}, Match{IfNoneMatchAny: true}, nil, true, nil},
		{"rename back over nothing", true, place{h.ID, "work", "a2.ics"}, place{h.ID, "work", "a.ics"}, Match{IfMatchAny: true}, nil, false, ErrChanged},
		{"onto the same UID, no overwriting", true, place{h.ID, "work", "a2.ics"}, place{h.ID, "rest", "a.ics"}, Match{IfNoneMatchAny: true}, nil, false, ErrChanged},
		{"beside the same UID", true, place{h.ID, "work", "a2.ics"}, place{h.ID, "rest", "new.ics"}, Match{}, nil, false, ErrUIDConflict},
		{"onto the same UID", true, place{h.ID, "work", "a2.ics"}, place{h.ID, "rest", "a.ics"}, Match{}, []PutOption{UniqueInHome}, false, nil},
		{"to another home", false, place{h.ID, "rest", "a.ics"}, place{other.ID, "rest", "a.ics"}, Match{}, nil, true, nil},
		{"onto another UID", true, place{h.ID, "rest", "a.ics"}, place{other.ID, "work", "x.ics"}, Match{}, nil, false, nil},
		{"to a home that has the UID", false, place{other.ID, "work", "x.ics"}, place{h.ID, "rest", "a.ics"}, Match{}, nil, true, nil},
		{"the same, where UIDs are unique", false, place{h.ID, "rest", "a.ics"}, place{h.ID, "work", "z.ics"}, Match{}, []PutOption{UniqueInHome}, false, ErrUIDConflict},
	} {
		var e *Entry
		created := false
		err := s.Update(ctx, func(tx *Tx) error {
			from, err := tx.Collection(tt.from.home, tt.from.collection)
			if err != nil {
				return err
			}
			to, err := tx.Collection(tt.to.home, tt.to.collection)
			if err != nil {
				return err
			}
			do := tx.CopyObject
			if tt.move {
				do = tx.MoveObject
			}
			e, created, err = do(from, tt.from.name, to, tt.to.name, tt.m, tt.opts...)
			if err != nil {
				return err
			}
			_, err = tx.Entry(from.ID, tt.from.name)
			if tt.move != errors.Is(err, ErrNotFound) {
				t.Errorf("%s: the source: %v", tt.what, err)
			}
			o, err := tx.Object(to.ID, tt.to.name)
			if err != nil {
				return err
			}
			wantString(t, tt.what+": body", string(o.Body), string(body(event("a"), "body of a")))
			wantString(t, tt.what+": property", string(tx.Property(OfObject(to, tt.to.name), "{x}p")), "of a")
			if e.CreatedRev != e.Rev || tt.move && (e.Created != first.Created && e.Created != c.Now().Unix()) {
				t.Errorf("%s: %+v", tt.what, e)
			}
			return nil
		})
		if !errors.Is(err, tt.err) || created != tt.created {
			t.Errorf("%s: %v, created %t; want %v, %t", tt.what, err, created, tt.err, tt.created)
		}
	}
	wantString(t, "ann's work", names(t, s, h.ID, "work"), "b.ics")
	wantString(t, "ann's rest", names(t, s, h.ID, "rest"), "a.ics")
	wantString(t, "bob's work", names(t, s, other.ID, "work"), "x.ics")
	wantString(t, "bob's rest", names(t, s, other.ID, "rest"), "a.ics")
}

// TestMoveKeepsTimes: MOVE keeps the creation date, COPY makes a new one.
func TestMoveKeepsTimes(t *testing.T) {
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	h := home(t, s, "ann")
	e := putEvent(t, s, h.ID, "work", "a", "")
	c.pass(time.Hour)
	update(t, s, func(tx *Tx) error {
		work, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		rest, err := tx.Collection(h.ID, "rest")
		if err != nil {
			return err
		}
		copied, _, err := tx.CopyObject(work, "a.ics", rest, "a.ics", Match{})
		if err != nil {
			return err
		}
		moved, _, err := tx.MoveObject(work, "a.ics", work, "b.ics", Match{})
		if err != nil {
			return err
		}
		if copied.Created != c.Now().Unix() || moved.Created != e.Created || moved.Modified != e.Modified {
			t.Errorf("copied %+v, moved %+v", copied, moved)
		}
		return nil
	})
}

func TestCopyMoveCollection(t *testing.T) {
	s := openTest(t, Options{})
	h, other := home(t, s, "ann"), home(t, s, "bob")
	putEvent(t, s, h.ID, "work", "a", "1")
	putEvent(t, s, h.ID, "work", "b", "2")
	putEvent(t, s, other.ID, "rest", "c", "to be overwritten")
	work := mustCollection(t, s, h.ID, "work")
	update(t, s, func(tx *Tx) error {
		return errors.Join(
			tx.SetProperty(OfCollection(work), "{x}p", []byte("of work")),
			tx.SetProperty(OfObject(work, "a.ics"), "{x}p", []byte("of a")))
	})
	var copied, moved *Collection
	update(t, s, func(tx *Tx) (err error) {
		if err := tx.DeleteCollection(other.ID, "rest"); err != nil {
			return err
		}
		if copied, err = tx.CopyCollection(h.ID, "work", other.ID, "rest"); err != nil {
			return err
		}
		_, err = tx.MoveCollection(h.ID, "work", other.ID, "work")
		wantErr(t, "move onto what is there", err, ErrExists)
		moved, err = tx.MoveCollection(h.ID, "work", other.ID, "from ann")
		return err
	})
	if copied.ID == work.ID || copied.ResourceID == work.ResourceID || copied.Objects != 2 {
		t.Errorf("copied %+v", copied)
	}
	if moved.ID != work.ID || moved.ResourceID != work.ResourceID || moved.Objects != 2 || moved.Home != other.ID {
		t.Errorf("moved %+v", moved)
	}
	for _, name := range []string{"rest", "from ann"} {
		wantString(t, name, names(t, s, other.ID, name), "a.ics b.ics")
		c := mustCollection(t, s, other.ID, name)
		view(t, s, func(tx *Tx) error {
			wantString(t, name+"'s property", string(tx.Property(OfCollection(c), "{x}p")), "of work")
			wantString(t, name+"'s object's", string(tx.Property(OfObject(c, "a.ics"), "{x}p")), "of a")
			return nil
		})
	}
	view(t, s, func(tx *Tx) error {
		a, err := tx.HomeByID(h.ID)
		b, err2 := tx.HomeByID(other.ID)
		// A property of the calendar, of 4 + 7 bytes, and one of an object, of 4 + 4.
		if a.Objects != 0 || b.Objects != 4 || a.UsedBytes != 0 || b.UsedBytes != 2*(work.Bytes+19) {
			t.Errorf("homes %+v, %+v", a, b)
		}
		return errors.Join(err, err2)
	})
}
