package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"convene/quota"
)

// usedByAll returns what all homes say that they hold, at one moment.
func usedByAll(t testing.TB, s *Store) (n int64) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) { n, err = tx.usedByAll(); return err })
	return n
}

// Writers in different homes, some of whose updates are undone, never exceed the
// limit of the whole store, which a reload sets while they write; what they leave is
// filled to the last byte and no further, also after another start.
func TestConcurrentWritersStayWithinStore(t *testing.T) {
	const limit, writers = 20_000, 8
	var policy atomic.Pointer[quota.Policy]
	policy.Store(new(quota.Policy))
	path := tempPath(t)
	s := openFile(t, path, Options{Quota: policy.Load})
	var refused, undone atomic.Int64
	var all, ready sync.WaitGroup
	ready.Add(writers)
	for w := range writers {
		h := home(t, s, fmt.Sprint("owner", w))
		all.Go(func() {
			for i := range 20 { // no limit is set yet, or only just: this takes at most 200 bytes in each home
				if w == 0 && i == 10 {
					policy.Store(&quota.Policy{Store: quota.Store{MaxBytes: limit}})
				}
				update(t, s, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), "{n}p", make([]byte, 10*i)) })
			}
			ready.Done()
			ready.Wait()
			for i := range 60 {
				switch err := s.Update(ctx, func(tx *Tx) error { return writeInHome(tx, h, i) }); {
				case errors.Is(err, ErrFull):
					refused.Add(1)
				case errors.Is(err, errUndone):
					undone.Add(1)
				case err != nil:
					t.Error(err)
				}
				if n := usedByAll(t, s); n > limit {
					t.Errorf("%d bytes are used of %d", n, limit)
				}
			}
		})
	}
	all.Wait()
	if refused.Load() == 0 || undone.Load() == 0 {
		t.Errorf("%d updates were refused, %d undone", refused.Load(), undone.Load())
	}
	fillStore(t, s, limit)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, path, Options{Quota: policy.Load}) // which adds up the homes anew
	h := home(t, s, "late")
	wantErr(t, "one byte after another start", s.Update(ctx, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), "{n}", nil) }), ErrFull)
	update(t, s, func(tx *Tx) error {
		filled, err := tx.Home("owner0")
		if err != nil {
			return err
		}
		return tx.RemoveProperty(OfHome(filled.ID), fillName)
	})
	fillStore(t, s, limit)
}

var errUndone = errors.New("undone")

// writeInHome makes one of the changes that take or free space in a home.
func writeInHome(tx *Tx, h *Home, i int) error {
	work, err := tx.Collection(h.ID, "work")
	if err != nil {
		return err
	}
	uid := fmt.Sprint(i)
	switch i % 4 {
	case 0, 1:
		_, _, err = tx.PutObject(work, uid+".ics", body(event(uid), strings.Repeat("y", 20*i)), event(uid), Match{})
	case 2:
		if err = tx.SetProperty(OfCollection(work), "{n}"+uid, make([]byte, 10*i)); err == nil {
			err = errUndone
		}
	case 3:
		err = tx.DeleteObject(work, fmt.Sprint(i-3)+".ics", Match{})
		if errors.Is(err, ErrNotFound) { // there was no space for it
			err = nil
		}
	}
	return err
}

const fillName = "{n}f"

// fillStore fills what is left of limit.
func fillStore(t *testing.T, s *Store, limit int64) {
	t.Helper()
	h := home(t, s, "owner0")
	update(t, s, func(tx *Tx) error { // so that there is something left
		return errors.Join(tx.RemoveProperty(OfHome(h.ID), "{n}p"), tx.SetQuota(h.ID, quota.Unlimited))
	})
	left := int(limit-usedByAll(t, s)) - len(fillName)
	fill := func(n int) error {
		return s.Update(ctx, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), fillName, make([]byte, n)) })
	}
	wantErr(t, "one byte too many", fill(left+1), ErrFull)
	if err := fill(left); err != nil {
		t.Error(err)
	}
	if n := usedByAll(t, s); n != limit {
		t.Errorf("%d bytes are used, want %d", n, limit)
	}
}
