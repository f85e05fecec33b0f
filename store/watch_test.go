package store

import (
	"errors"
	"sync"
	"testing"
)

// Who watches is told after a commit that changed one of the homes, of others' changes and of
// what was undone not; changes that nobody has taken yet are one.
func TestWatch(t *testing.T) {
	s := openTest(t, Options{})
	ann := home(t, s, "ann")
	bob := home(t, s, "bob")
	changed, stop := s.Watch("ann", "new")
	told := func() bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	undone := errors.New("undone")
	for _, tt := range []struct {
		name string
		do   func()
		want bool
	}{
		{"nothing", func() {}, false},
		{"an object", func() { putEvent(t, s, ann.ID, "work", "1", "x") }, true},
		{"several", func() { putEvent(t, s, ann.ID, "work", "2", "x"); putEvent(t, s, ann.ID, "work", "3", "x") }, true},
		{"another's", func() { putEvent(t, s, bob.ID, "work", "1", "x") }, false},
		{"read to be changed", func() { update(t, s, func(tx *Tx) error { _, err := tx.HomeByID(ann.ID); return err }) }, false},
		{"undone", func() {
			wantErr(t, "Update", s.Update(ctx, func(tx *Tx) error { return errors.Join(tx.SetOwnerType(ann.ID, 2), undone) }), undone)
		}, false},
		{"a savepoint that was undone", func() {
			update(t, s, func(tx *Tx) error {
				wantErr(t, "Savepoint", tx.Savepoint(func() error { return errors.Join(tx.SetOwnerType(ann.ID, 2), undone) }), undone)
				return nil
			})
		}, false},
		{"a property", func() {
			update(t, s, func(tx *Tx) error { return tx.SetProperty(OfHome(ann.ID), "DAV: displayname", []byte("x")) })
		}, true},
		{"a home that was not there", func() { home(t, s, "new") }, true},
		{"a home that goes", func() { update(t, s, func(tx *Tx) error { return tx.DeleteHome(ann.ID) }) }, true},
	} {
		tt.do()
		if got := told(); got != tt.want {
			t.Errorf("%s: told %v", tt.name, got)
		}
		if told() {
			t.Errorf("%s: told twice", tt.name)
		}
	}
	stop()
	home(t, s, "ann")
	if told() {
		t.Error("told after the end")
	}
	if n := len(s.watches.all); n != 0 {
		t.Errorf("%d owners are still watched", n)
	}
}

// Who watches and then reads misses no change, whatever the two do at the same time.
func TestWatchMissesNothing(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	const writes = 50
	last := mustHome(t, s, "ann").Rev + writes
	changed, stop := s.Watch("ann")
	defer stop()
	var writing sync.WaitGroup
	writing.Go(func() {
		for range writes {
			if err := s.Update(ctx, func(tx *Tx) error { return tx.SetOwnerType(h.ID, 1) }); err != nil {
				t.Error(err)
			}
		}
	})
	for mustHome(t, s, "ann").Rev < last {
		<-changed
	}
	writing.Wait()
}

func mustHome(t testing.TB, s *Store, owner GUID) (h *Home) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) { h, err = tx.Home(owner); return err })
	return h
}
