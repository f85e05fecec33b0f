package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/internal/engine"
	"convene/quota"
)

// usedBy returns what a home says that it holds.
func usedBy(t testing.TB, s *Store, owner GUID) (n int64) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		h, err := tx.Home(owner)
		if err == nil {
			n = h.UsedBytes
		}
		return err
	})
	return n
}

// Writers of all kinds at once never exceed the quota, and what they leave is
// filled to the last byte and no further.
func TestConcurrentWritersStayWithinQuota(t *testing.T) {
	const limit = 20_000
	s := openFile(t, tempPath(t), Options{Quota: limited(quota.Limits{Bytes: limit})})
	h := home(t, s, "ann")
	home(t, s, "bob")
	putEvent(t, s, h.ID, "rest", "source", strings.Repeat("x", 700))
	var writers sync.WaitGroup
	var refused atomic.Int64
	for w := range 8 {
		writers.Go(func() {
			for i := range 60 {
				err := s.Update(ctx, func(tx *Tx) error { return writeSomething(tx, w, i) })
				if errors.Is(err, ErrQuota) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
				if n := usedBy(t, s, "ann"); n > limit {
					t.Errorf("%d bytes are used of %d", n, limit)
				}
			}
		})
	}
	writers.Wait()
	if refused.Load() == 0 {
		t.Error("the quota was never met")
	}
	left := int(limit - usedBy(t, s, "ann"))
	const name = "{n}fill"
	fill := func(n int) error {
		return s.Update(ctx, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), name, make([]byte, n)) })
	}
	if left < len(name) {
		return // the writers have met the last bytes themselves: no property fits into what is left
	}
	wantErr(t, "one byte too many", fill(left-len(name)+1), ErrQuota)
	if err := fill(left - len(name)); err != nil {
		t.Error(err)
	}
	if n := usedBy(t, s, "ann"); n != limit {
		t.Errorf("%d bytes are used, want %d", n, limit)
	}
}

// writeSomething makes one of the changes that take space in ann's home.
func writeSomething(tx *Tx, w, i int) error {
	h, err := tx.Home("ann")
	if err != nil {
		return err
	}
	work, err := tx.Collection(h.ID, "work")
	if err != nil {
		return err
	}
	rest, err := tx.Collection(h.ID, "rest")
	if err != nil {
		return err
	}
	uid := fmt.Sprintf("%d-%d", w, i)
	switch i % 4 {
	case 0:
		_, _, err = tx.PutObject(work, uid+".ics", body(event(uid), strings.Repeat("y", 50*i)), event(uid), Match{})
	case 1:
		_, _, err = tx.CopyObject(rest, "source.ics", work, "copy.ics", Match{})
		if errors.Is(err, ErrUIDConflict) {
			return nil
		}
	case 2:
		err = tx.SetProperty(OfCollection(work), fmt.Sprintf("{n}%d", w), make([]byte, 10*i))
	case 3:
		_, err = tx.CopyCollection(h.ID, "rest", h.ID, "copy "+uid)
	}
	return err
}

// Whatever the way, a home holds no more than its quota, and all of it counts.
func TestEverythingCounts(t *testing.T) {
	const limit = 5_000
	const value = 400
	s := openTest(t, Options{Quota: limited(quota.Limits{Bytes: limit})})
	h := home(t, s, "ann")
	other := home(t, s, "bob")
	update(t, s, func(tx *Tx) error { return tx.SetQuota(other.ID, quota.Unlimited) })
	putEvent(t, s, h.ID, "work", "a", "")
	for _, tt := range []struct {
		name string
		grow func(tx *Tx, work *Collection, i int) error
	}{
		{"properties of an object", func(tx *Tx, work *Collection, i int) error {
			return tx.SetProperty(OfObject(work, "a.ics"), fmt.Sprintf("{n}%d", i), make([]byte, value))
		}},
		{"properties of a collection", func(tx *Tx, work *Collection, i int) error {
			return tx.SetProperty(OfCollection(work), fmt.Sprintf("{n}%d", i), make([]byte, value))
		}},
		{"properties of the home", func(tx *Tx, _ *Collection, i int) error {
			return tx.SetProperty(OfHome(h.ID), fmt.Sprintf("{n}%d", i), make([]byte, value))
		}},
		{"long names of empty properties", func(tx *Tx, work *Collection, i int) error {
			return tx.SetProperty(OfCollection(work), fmt.Sprintf("{%s}%d", strings.Repeat("n", value), i), nil)
		}},
		{"collections made with properties", func(tx *Tx, _ *Collection, i int) error {
			_, err := tx.CreateCollection(h.ID, NewCollection{Name: fmt.Sprint(i), Kind: KindCalendar, Properties: []Property{{"{n}p", make([]byte, value)}}})
			return err
		}},
		{"copies of an object with properties", func(tx *Tx, _ *Collection, i int) error {
			from, err := bobsObject(tx, "{n}p", value)
			if err != nil {
				return err
			}
			to, err := tx.CreateCollection(h.ID, NewCollection{Name: fmt.Sprint(i), Kind: KindCalendar})
			if err == nil {
				_, _, err = tx.CopyObject(from, "b.ics", to, "b.ics", Match{})
			}
			return err
		}},
		{"an object with properties moved here", func(tx *Tx, _ *Collection, i int) error {
			from, err := bobsObject(tx, "{n}p", value)
			if err != nil {
				return err
			}
			to, err := tx.CreateCollection(h.ID, NewCollection{Name: fmt.Sprint(i), Kind: KindCalendar})
			if err == nil {
				_, _, err = tx.MoveObject(from, "b.ics", to, "b.ics", Match{})
			}
			return err
		}},
		{"copies of a collection with properties", func(tx *Tx, _ *Collection, i int) error {
			if _, err := bobsObject(tx, "{n}p", value); err != nil {
				return err
			}
			_, err := tx.CopyCollection(other.ID, "work", h.ID, fmt.Sprint(i))
			return err
		}},
		{"a collection with properties moved here", func(tx *Tx, _ *Collection, i int) error {
			c, err := tx.CreateCollection(other.ID, NewCollection{Name: "move", Kind: KindCalendar, Properties: []Property{{"{n}p", make([]byte, value)}}})
			if err == nil {
				_, err = tx.MoveCollection(other.ID, c.Name, h.ID, fmt.Sprint(i))
			}
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := usedBy(t, s, "ann")
			n := 0
			err := s.Update(ctx, func(tx *Tx) error {
				for n = range 100 {
					work, err := tx.Collection(h.ID, "work")
					if err != nil {
						return err
					}
					if err := tt.grow(tx, work, n); err != nil {
						return err
					}
				}
				return nil
			})
			wantErr(t, "after all", err, ErrQuota)
			if most := int((limit - before) / value); n > most || n < most/2 {
				t.Errorf("%d times %d bytes fit into %d", n, value, limit-before)
			}
			if now := usedBy(t, s, "ann"); now != before {
				t.Errorf("%d bytes are used after what was undone, %d before", now, before)
			}
		})
	}
}

// bobsObject is a collection of bob's with an object b.ics that has a property.
func bobsObject(tx *Tx, name string, n int) (*Collection, error) {
	h, err := tx.Home("bob")
	if err != nil {
		return nil, err
	}
	c, err := tx.Collection(h.ID, "work")
	if err == nil {
		_, _, err = tx.PutObject(c, "b.ics", body(event("b"), ""), event("b"), Match{})
	}
	if err == nil {
		err = tx.SetProperty(OfObject(c, "b.ics"), name, make([]byte, n))
	}
	return c, err
}

// What is removed is free again: properties one by one, and with what has them.
func TestPropertiesAreFreed(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "")
	bare := usedBy(t, s, "ann")
	set := func(tx *Tx, r Resource) error { return tx.SetProperty(r, "{n}p", make([]byte, 90)) }
	with := func(want int64) {
		t.Helper()
		if got := usedBy(t, s, "ann"); got != want {
			t.Errorf("%d bytes are used, want %d", got, want)
		}
	}
	work := mustCollection(t, s, h.ID, "work")
	update(t, s, func(tx *Tx) error {
		return errors.Join(set(tx, OfHome(h.ID)), set(tx, OfCollection(work)), set(tx, OfObject(work, "a.ics")))
	})
	with(bare + 3*94)
	update(t, s, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), "{n}p", make([]byte, 10)) })
	with(bare + 2*94 + 14)
	update(t, s, func(tx *Tx) error { return tx.RemoveProperty(OfHome(h.ID), "{n}p") })
	with(bare + 2*94)
	remove(t, s, h.ID, "work", "a.ics")
	with(94)
	update(t, s, func(tx *Tx) error { return tx.DeleteCollection(h.ID, "work") })
	with(0)
	update(t, s, func(tx *Tx) error { return errors.Join(set(tx, OfHome(h.ID)), tx.DeleteHome(h.ID)) })
	view(t, s, func(tx *Tx) error {
		n, err := tx.total()
		if n != 0 {
			t.Errorf("%d bytes are left of nobody", n)
		}
		return err
	})
}

// What the server writes anew counts for the home, which need not have room for it; the
// store must.
func TestUpkeep(t *testing.T) {
	var policy quota.Policy
	s := openFile(t, tempPath(t), Options{Quota: func() *quota.Policy { return &policy }})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "1")
	write := func(uid string, opts ...PutOption) error {
		return try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, uid+".ics", body(event(uid), "longer than before"), event(uid), Match{}, opts...)
			return err
		})
	}
	policy = quota.Policy{Default: quota.Limits{Bytes: 1}}
	if err := write("a"); !errors.Is(err, ErrQuota) {
		t.Errorf("a client's write: %v", err)
	}
	if err := write("b", Upkeep); !errors.Is(err, ErrQuota) {
		t.Errorf("a new object: %v", err)
	}
	if err := write("a", Upkeep); err != nil {
		t.Errorf("the server's: %v", err)
	}
	policy.Store.MaxBytes = 1
	if err := write("a", Upkeep); err != nil { // no larger than it is
		t.Errorf("once more: %v", err)
	}
	update(t, s, func(tx *Tx) error { return tx.SetAddresses(h.ID, "ann@example.com") })
	view(t, s, func(tx *Tx) error {
		now, err := tx.HomeByID(h.ID)
		if err == nil && now.Addresses != "ann@example.com" {
			t.Errorf("addresses %q", now.Addresses)
		}
		return err
	})
}

// An object above a limit that was lowered may be replaced by a smaller one,
// moved within its home and deleted.
func TestShrinkingIsAlwaysPossible(t *testing.T) {
	var policy atomic.Pointer[quota.Policy]
	policy.Store(new(quota.Policy))
	s := openTest(t, Options{Quota: policy.Load})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", strings.Repeat("x", 500))
	putEvent(t, s, h.ID, "work", "b", strings.Repeat("x", 500))
	policy.Store(&quota.Policy{Default: quota.Limits{Bytes: 10, Objects: 1, CollectionObjects: 1, Collections: 1, ObjectBytes: 10}, Store: quota.Store{MaxBytes: 1}})
	wantErr(t, "after the change", try(s, h.ID, "rest", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "c.ics", body(event("c"), ""), event("c"), Match{})
		return err
	}), ErrQuota)
	putEvent(t, s, h.ID, "work", "a", strings.Repeat("x", 400))
	update(t, s, func(tx *Tx) error {
		work, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		_, _, err = tx.MoveObject(work, "a.ics", work, "moved.ics", Match{})
		_, err2 := tx.MoveCollection(h.ID, "rest", h.ID, "renamed")
		return errors.Join(err, err2)
	})
	remove(t, s, h.ID, "work", "b.ics", "moved.ics")
	if n := usedBy(t, s, "ann"); n != 0 {
		t.Errorf("%d bytes are used", n)
	}
}

// The store as a whole has a limit, across homes, and the disk a reserve.
func TestStoreLimits(t *testing.T) {
	c := newClock()
	var policy atomic.Pointer[quota.Policy]
	policy.Store(&quota.Policy{Store: quota.Store{MaxBytes: 1000}})
	free := int64(5000)
	// What the disk has is counted with every run of a function.
	s := openOn(t, engine.OpenMemory(Tables()), Options{Quota: policy.Load, Now: c.Now, FreeDisk: func() (int64, error) { return free, nil }})
	ann, bob := home(t, s, "ann"), home(t, s, "bob")
	set := func(h *Home, n int) error {
		return s.Update(ctx, func(tx *Tx) error { return tx.SetProperty(OfHome(h.ID), "{n}p", make([]byte, n-4)) })
	}
	available := func(want int64) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			n, limited, err := tx.Available(ann)
			if n != want || !limited {
				t.Errorf("%d bytes are available (%t), want %d", n, limited, want)
			}
			return err
		})
	}
	if err := errors.Join(set(ann, 600), set(bob, 400)); err != nil {
		t.Fatal(err)
	}
	available(0)
	wantErr(t, "one more", set(bob, 401), ErrFull)
	if err := set(ann, 500); err != nil {
		t.Error(err)
	}
	available(100)
	if err := set(bob, 500); err != nil {
		t.Error(err)
	}
	home(t, s, "late") // reading goes on, also for those who come late

	policy.Store(&quota.Policy{Store: quota.Store{Reserve: 4000}})
	available(1000)
	if err := set(ann, 1400); err != nil {
		t.Error(err)
	}
	wantErr(t, "into the reserve", set(bob, 700), ErrFull)
	if err := set(bob, 100); err != nil {
		t.Error(err)
	}
	free = 10_000
	wantErr(t, "as last asked", set(bob, 700), ErrFull)
	c.pass(time.Second)
	if err := set(bob, 700); err != nil {
		t.Error(err)
	}
}
