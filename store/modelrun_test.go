package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"convene/engine"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func (x *machine) openOn(t *rapid.T, e engine.Engine) *Store {
	s, err := OpenEngine(e, Options{Indexer: testIndexer, Now: x.clock.Now, ChangeLogAge: modelAge, Step: 3, CachedHomes: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// runModel runs random operations on stores and models, compares them after
// each, and at the end has the disposable tables rebuilt from nothing.
func runModel(t *testing.T, open func(*rapid.T, *machine)) {
	rapid.Check(t, func(t *rapid.T) {
		x := &machine{clock: newClock(), m: model{homes: map[string]*modelHome{}}}
		open(t, x)
		defer func() {
			if err := x.s.Close(); err != nil {
				t.Error(err)
			}
		}()
		for _, owner := range modelOwners {
			x.m.homes[owner] = &modelHome{collections: map[string]*modelCollection{}}
			err := x.s.Update(ctx, func(tx *Tx) error { _, err := tx.EnsureHome(owner, nil); return err })
			if err != nil {
				t.Fatal(err)
			}
			x.create(t, owner, "a")
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            x.compare,
			"put":         x.Put,
			"put more":    x.Put,
			"delete":      x.Delete,
			"copy move":   x.CopyOrMove,
			"property":    x.SetProperty,
			"create":      x.Create,
			"drop":        x.Drop,
			"rename":      x.Rename,
			"quota":       x.SetQuota,
			"token":       x.TakeToken,
			"time passes": x.PassTime,
			"maintain":    x.Maintain,
			"reopen":      x.Reopen,
			"undone":      x.Undone,
		})
		x.rebuild(t)
	})
}

func (x *machine) create(t *rapid.T, owner, name string) {
	h := x.m.homes[owner]
	kind := KindCalendar
	if name == "inbox" {
		kind = KindInbox
	}
	var want error
	if h.collections[name] != nil {
		want = ErrExists
	}
	var c *Collection
	err := x.s.Update(ctx, func(tx *Tx) error {
		sh, err := tx.Home(owner)
		if err != nil {
			return err
		}
		c, err = tx.CreateCollection(sh.ID, NewCollection{Name: name, Kind: kind})
		return err
	})
	if agree(t, "create", err, want) {
		h.collections[name] = &modelCollection{id: c.ID, kind: kind, rev: x.next(t, c.Rev), objects: map[string]*modelObject{}, props: map[string]string{}}
	}
}

func (x *machine) Create(t *rapid.T) {
	x.create(t, pick(t, "owner", modelOwners), pick(t, "name", modelCols))
}

func (x *machine) Drop(t *rapid.T) {
	owner, name, _ := x.place(t, "which")
	err := x.do(owner, name, func(tx *Tx, h *Home, _ *Collection) error { return tx.DeleteCollection(h.ID, name) })
	if agree(t, "drop", err, nil) {
		delete(x.m.homes[owner].collections, name)
		x.last++
		x.m.homes[owner].history = append(x.m.homes[owner].history, modelChange{name, x.last, x.clock.Now()})
	}
}

func (x *machine) Rename(t *rapid.T) {
	owner, name, c := x.place(t, "which")
	toOwner, toName := pick(t, "to owner", modelOwners), pick(t, "to name", modelCols)
	to := x.m.homes[toOwner]
	var want error
	if to.collections[toName] != nil {
		want = ErrExists
	} else if owner != toOwner {
		want = x.checkQuota(toOwner, c.bytes())
	}
	err := x.do(owner, name, func(tx *Tx, h *Home, _ *Collection) error {
		th, err := tx.Home(toOwner)
		if err != nil {
			return err
		}
		_, err = tx.MoveCollection(h.ID, name, th.ID, toName)
		return err
	})
	if agree(t, "rename", err, want) {
		delete(x.m.homes[owner].collections, name)
		to.collections[toName] = c
		x.last += 2
		x.m.homes[owner].history = append(x.m.homes[owner].history, modelChange{name, x.last - 1, x.clock.Now()})
		c.rev = x.last
	}
}

func (x *machine) SetQuota(t *rapid.T) {
	owner := pick(t, "owner", modelOwners)
	q := rapid.SampledFrom([]int64{0, 100, 300, -1}).Draw(t, "bytes")
	err := x.s.Update(ctx, func(tx *Tx) error {
		h, err := tx.Home(owner)
		if err != nil {
			return err
		}
		return tx.SetQuota(h.ID, q)
	})
	if agree(t, "quota", err, nil) {
		x.m.homes[owner].quota = q
		x.last++
	}
}

func (x *machine) TakeToken(t *rapid.T) {
	_, _, c := x.place(t, "of")
	c.tokens = append(c.tokens, c.rev)
}

func (x *machine) PassTime(t *rapid.T) {
	x.clock.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
}

func (x *machine) Maintain(t *rapid.T) {
	if _, err := x.s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	for _, h := range x.m.homes {
		for _, c := range h.collections {
			for _, d := range c.history {
				if _, tomb := x.stored(t, c.id, d.name); tomb != nil && tomb.Rev == d.rev && x.old(d) {
					t.Fatalf("%q, deleted at %v, is remembered", d.name, d.at)
				}
			}
		}
	}
}

func (x *machine) old(d modelChange) bool { return d.at.Before(x.clock.Now().Add(-modelAge)) }

func (x *machine) stored(t *rapid.T, c CollectionID, name string) (h *header, tomb *tombstone) {
	err := x.s.View(ctx, func(tx *Tx) (err error) { h, _, tomb, err = tx.readObject(c, name); return err })
	if err != nil {
		t.Fatal(err)
	}
	return h, tomb
}

func (x *machine) Reopen(t *rapid.T) {
	if x.open == nil {
		t.Skip("lives in memory")
	}
	if err := x.s.Close(); err != nil {
		t.Fatal(err)
	}
	x.s = x.open(t)
}

// Undone changes much in a transaction that fails.
func (x *machine) Undone(t *rapid.T) {
	owner, name, _ := x.place(t, "which")
	boom := errors.New("boom")
	err := x.do(owner, name, func(tx *Tx, h *Home, c *Collection) error {
		_, _, err := tx.PutObject(c, "undone", nil, Index{}, Match{})
		return errors.Join(boom, err, tx.SetProperty(OfHome(h.ID), "{n}undone", nil), tx.DeleteCollection(h.ID, name))
	})
	agree(t, "undone", err, boom)
}

// compare holds all that can be read against the model.
func (x *machine) compare(t *rapid.T) {
	err := x.s.View(ctx, func(tx *Tx) error {
		for owner, h := range x.m.homes {
			if err := x.compareHome(t, tx, owner, h); err != nil {
				return fmt.Errorf("home of %s: %w", owner, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (x *machine) compareHome(t *rapid.T, tx *Tx, owner string, h *modelHome) error {
	sh, err := tx.Home(owner)
	if err != nil {
		return err
	}
	all, err := tx.Collections(sh.ID)
	if err != nil {
		return err
	}
	var objects int64
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
		objects += int64(len(h.collections[c.Name].objects))
		if err := x.compareCollection(t, tx, c, h.collections[c.Name]); err != nil {
			return fmt.Errorf("collection %q: %w", c.Name, err)
		}
	}
	if want := slices.Sorted(maps.Keys(h.collections)); !slices.Equal(names, want) {
		return fmt.Errorf("collections %q, want %q", names, want)
	}
	if sh.UsedBytes != h.used() || sh.Objects != objects || sh.Collections != len(all) {
		return fmt.Errorf("%+v, want %d bytes, %d objects", sh, h.used(), objects)
	}
	return x.compareHomeChanges(tx, sh, h)
}

func (x *machine) compareHomeChanges(tx *Tx, sh *Home, h *modelHome) error {
	since := max(sh.floor, 1)
	list, _, err := tx.HomeChanges(sh.ID, since)
	if err != nil {
		return err
	}
	want := map[string]Rev{}
	for _, d := range h.history {
		if d.rev > since {
			want["-"+d.name] = d.rev
		} else if !x.old(d) && since > 1 && d.rev > sh.floor {
			return fmt.Errorf("%q is forgotten too early", d.name)
		}
	}
	for name, c := range h.collections {
		delete(want, "-"+name)
		if c.rev > since {
			want[name] = c.rev
		}
	}
	got := map[string]Rev{}
	for _, c := range list {
		if c.Deleted {
			c.Name = "-" + c.Name
		}
		got[c.Name] = c.Rev
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("changes since %d: %v, want %v", since, got, want)
	}
	return nil
}

func (x *machine) compareCollection(t *rapid.T, tx *Tx, c *Collection, m *modelCollection) error {
	if c.ID != m.id || c.Rev != m.rev || c.Objects != len(m.objects) || c.Bytes != m.bytes() || c.Count(VEVENT) != len(m.objects) {
		return fmt.Errorf("%+v, want id %d rev %d, %d objects, %d bytes", c, m.id, m.rev, len(m.objects), m.bytes())
	}
	if got := propertyMap(tx, OfCollection(c)); !maps.Equal(got, m.props) {
		return fmt.Errorf("properties %v, want %v", got, m.props)
	}
	n := 0
	for e := range tx.Entries(c.ID) {
		n++
		o := m.objects[e.Name]
		if o == nil || e.Rev != o.rev || e.CreatedRev != o.created || e.Index != event(o.uid) {
			return fmt.Errorf("entry %+v, want %+v", e, o)
		}
		stored, err := tx.Object(c.ID, e.Name)
		if err != nil || string(stored.Body) != string(o.body()) {
			return fmt.Errorf("object %q is %q, %v; want %q", e.Name, stored.Body, err, o.body())
		}
		if got := propertyMap(tx, OfObject(c, e.Name)); !maps.Equal(got, o.props) {
			return fmt.Errorf("properties of %q: %v, want %v", e.Name, got, o.props)
		}
	}
	if n != len(m.objects) {
		return fmt.Errorf("%d entries, want %d", n, len(m.objects))
	}
	for _, uid := range modelUIDs {
		if name, _ := tx.ObjectByUID(c.ID, uid); c.Kind == KindCalendar && name != m.holder(uid) {
			return fmt.Errorf("UID %q leads to %q, want %q", uid, name, m.holder(uid))
		}
	}
	return x.compareChanges(t, tx, c, m)
}

// compareChanges asks from every position that was taken, and reads the answer
// in one piece and in pieces of two.
func (x *machine) compareChanges(t *rapid.T, tx *Tx, c *Collection, m *modelCollection) error {
	c, err := tx.CollectionByID(c.ID) // Collections may have an older floor, which it does not show
	if err != nil {
		return err
	}
	for _, d := range m.history {
		if d.rev <= c.floor && !x.old(d) {
			return fmt.Errorf("positions below %d have expired, %q was deleted at %d, %v", c.floor, d.name, d.rev, d.at)
		}
	}
	for _, since := range append(m.tokens, 0) {
		list, next, _, err := tx.Changes(c.ID, since, 0)
		if since != 0 && since < c.floor {
			if !errors.Is(err, ErrTokenExpired) {
				return fmt.Errorf("position %d, expired to %d: %v", since, c.floor, err)
			}
			continue
		}
		if want := m.changes(since); err != nil || next != c.Rev || !slices.EqualFunc(list, want, sameChange) {
			return fmt.Errorf("changes since %d: %+v %d %v, want %+v", since, list, next, err, want)
		}
		var pieces []Change
		for at, more := since, true; more && since != 0; {
			var part []Change
			if part, at, more, err = tx.Changes(c.ID, at, 2); err != nil {
				return err
			}
			pieces = append(pieces, part...)
		}
		if since != 0 && !slices.EqualFunc(pieces, list, func(a, b Change) bool { return a.Name == b.Name && a.Rev == b.Rev }) { // Created differs: each piece has its own position
			return fmt.Errorf("changes since %d in pieces: %+v, want %+v", since, pieces, list)
		}
	}
	return nil
}

// sameChange compares with a change of the model, which has no entry.
func sameChange(got, want Change) bool {
	ok := got.Deleted == (got.Entry == nil) && (got.Deleted || got.Entry.Name == got.Name && got.Entry.Rev == got.Rev)
	got.Entry = nil
	return ok && got == want
}

func propertyMap(tx *Tx, r Resource) map[string]string {
	m := map[string]string{}
	list, err := tx.Properties(r)
	if err != nil {
		m["error"] = err.Error()
	}
	for _, p := range list {
		m[p.Name] = string(p.Value)
	}
	return m
}

// rebuild verifies the store, throws all that is disposable away and compares
// what Reindex makes with what was there.
func (x *machine) rebuild(t *rapid.T) {
	if found, err := x.s.Verify(ctx); err != nil || len(found) > 0 {
		t.Fatalf("Verify: %v, %v", found, err)
	}
	if _, err := x.s.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	before := dumpAll(t, x.s)
	err := x.s.engine.Update(ctx, func(w engine.Writer) error {
		err := errors.Join(wipe(w, tableIndex), wipe(w, tableLookup))
		for k, v := range w.Scan(tableHomes, nil, nil) {
			if id, kind, name := splitHomeKey(k); kind == homeMember {
				c, bad := decodeCollection(id, string(name), v)
				c.Objects, c.Bytes, c.counts = 0, 1<<40, [componentTypes]int{}
				err = errors.Join(err, bad, w.Put(tableHomes, k, c.encode()))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.s.Reindex(ctx); err != nil {
		t.Fatal(err)
	}
	if after := dumpAll(t, x.s); after != before {
		t.Fatalf("after Reindex:\n%s", cmp.Diff(before, after))
	}
}

func dumpAll(t *rapid.T, s *Store) (text string) {
	err := s.engine.View(ctx, func(r engine.Reader) error {
		for _, table := range Tables() {
			for k, v := range r.Scan(table, nil, nil) {
				text += fmt.Sprintf("%s %q: %q\n", table, k, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
