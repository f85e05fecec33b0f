package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"convene/internal/engine"

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
			x.m.homes[owner].rev = 1
			x.create(t, owner, "a")
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            x.compare,
			"put":         x.Put,
			"put more":    x.Put,
			"delete":      x.Delete,
			"copy move":   x.CopyOrMove,
			"property":    x.SetProperty,
			"acl":         x.SetACL,
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
		h.collections[name] = &modelCollection{id: c.ID, kind: kind, rev: x.next(t, owner, c.Rev), objects: map[string]*modelObject{}, props: map[string]string{}}
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
		gone := x.step(owner)
		x.m.homes[owner].history = append(x.m.homes[owner].history, modelChange{name, gone, x.clock.Now()})
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
		gone := x.step(owner)
		x.m.homes[owner].history = append(x.m.homes[owner].history, modelChange{name, gone, x.clock.Now()})
		to.rev = max(to.rev, c.rev)
		c.rev = x.step(toOwner)
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
		x.step(owner)
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
				if tomb := x.grave(t, c.id, d.name); tomb != nil && tomb.Rev == d.rev && x.old(d) {
					t.Fatalf("%q, deleted at %v, is remembered", d.name, d.at)
				}
			}
		}
	}
}

func (x *machine) old(d modelChange) bool { return d.at.Before(x.clock.Now().Add(-modelAge)) }

func (x *machine) grave(t *rapid.T, c CollectionID, name string) (tomb *tombstone) {
	err := x.s.View(ctx, func(tx *Tx) (err error) { _, tomb, err = tx.find(c, name); return err })
	if err != nil {
		t.Fatal(err)
	}
	return tomb
}

// Reopen closes the store and opens it again. An engine in memory has nothing to
// reopen: rapid draws another action, the test goes on.
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
		err := errors.Join(wipe(w, tableIndex), wipe(w, tableLookup), wipe(w, tableUIDs))
		in := &sealed{r: w, w: w}
		for k := range in.Scan(tableBodies, engine.Range{KeysOnly: true}) {
			if len(k) > sha256.Size { // what is noted of who shares a body
				err = errors.Join(err, w.Delete(tableBodies, k))
			}
		}
		err = errors.Join(err, in.Put(tableBodies, make([]byte, sha256.Size), nil), in.Put(tableBodies, make([]byte, sha256.Size+5), nil))
		for k, v := range in.Scan(tableHomes, engine.Range{}) {
			if id, kind, name := splitHomeKey(k); kind == homeMember {
				c, bad := decodeCollection(id, string(name), v)
				c.Objects, c.Bytes, c.counts = 0, 1<<40, [componentTypes]int{}
				c.Rights.Own, c.Rights.Objects = !c.Rights.Own, 17
				err = errors.Join(err, bad, in.Put(tableHomes, k, c.encode()))
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
		text = ""
		for _, table := range Tables() {
			for k, v := range r.Scan(table, engine.Range{}) {
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
