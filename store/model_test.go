package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"convene/internal/engine"

	"pgregory.net/rapid"
)

// A model is what a store must be like, written for clarity: plain maps, and
// every rule a search.
type model struct {
	homes map[string]*modelHome
}

type modelHome struct {
	rev         Rev // the last that was given out
	quota       int64
	collections map[string]*modelCollection
	history     []modelChange // of collections
}

type modelCollection struct {
	id      CollectionID
	kind    Kind
	rev     Rev
	objects map[string]*modelObject
	history []modelChange // of objects
	props   map[string]string
	acl     string
	rights  Rev   // the last change of a list
	tokens  []Rev // positions to ask from, with all that was there
}

type modelObject struct {
	uid, text    string
	rev, created Rev
	props        map[string]string
	acl          string
}

// A modelChange is a deletion.
type modelChange struct {
	name string
	rev  Rev
	at   time.Time
}

func (h *modelHome) used() (n int64) {
	for _, c := range h.collections {
		n += c.bytes()
	}
	return n
}

func (c *modelCollection) bytes() (n int64) {
	n = propBytes(c.props)
	for _, o := range c.objects {
		n += o.bytes()
	}
	return n
}

func (c *modelCollection) propertyBytes() (n int64) {
	n = propBytes(c.props)
	for _, o := range c.objects {
		n += propBytes(o.props)
	}
	return n
}

// bytes is what an object counts, its properties included.
func (o *modelObject) bytes() int64 { return int64(len(o.body())) + propBytes(o.props) }

func propBytes(props map[string]string) (n int64) {
	for name, value := range props {
		n += int64(len(name) + len(value))
	}
	return n
}

func (o *modelObject) body() []byte { return body(event(o.uid), o.text) }

// holder returns who has uid in the calendar.
func (c *modelCollection) holder(uid string) string {
	for name, o := range c.objects {
		if o.uid == uid && c.kind == KindCalendar {
			return name
		}
	}
	return ""
}

func (c *modelCollection) remove(name string, rev Rev, at time.Time) {
	if c.objects[name].acl != "" {
		c.rights = rev
	}
	delete(c.objects, name)
	c.history = append(c.history, modelChange{name, rev, at})
}

// changes answers Changes from the whole history.
func (c *modelCollection) changes(since Rev) []Change {
	var list []Change
	for name, o := range c.objects {
		if o.rev > since {
			list = append(list, Change{Rev: o.rev, Name: name, Created: o.created > since})
		}
	}
	newest := map[string]Rev{}
	for _, d := range c.history {
		newest[d.name] = max(newest[d.name], d.rev)
	}
	for name, rev := range newest {
		if c.objects[name] == nil && rev > since && since != 0 {
			list = append(list, Change{Rev: rev, Name: name, Deleted: true})
		}
	}
	slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(a.Rev, b.Rev) })
	return list
}

const modelAge = time.Hour

// A machine runs random operations on a store and on its model.
type machine struct {
	s     *Store
	m     model
	clock *clock
	open  func(*rapid.T) *Store // again, after a close; nil if it cannot
}

var (
	modelOwners = []string{"ann", "bob"}
	modelCols   = []string{"a", "b", "inbox"}
	modelNames  = []string{"1.ics", "2.ics", "3.ics", "x"}
	modelUIDs   = []string{"1", "2", "3"}
	modelProps  = []string{"{n}p", "{n}q"}
)

func pick(t *rapid.T, what string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, what)
}

// place draws a home and a collection of it that exists. Where there is none it
// skips this one action, which makes rapid draw another: the test goes on.
func (x *machine) place(t *rapid.T, what string) (owner, name string, c *modelCollection) {
	owner = pick(t, what+" owner", modelOwners)
	all := slices.Sorted(maps.Keys(x.m.homes[owner].collections))
	if len(all) == 0 {
		t.Skip("no collection")
	}
	name = pick(t, what+" collection", all)
	return owner, name, x.m.homes[owner].collections[name]
}

// do runs fn on the store's idea of a collection.
func (x *machine) do(owner, name string, fn func(*Tx, *Home, *Collection) error) error {
	return x.s.Update(ctx, func(tx *Tx) error {
		h, err := tx.Home(owner)
		if err != nil {
			return err
		}
		c, err := tx.Collection(h.ID, name)
		if err != nil {
			return err
		}
		return fn(tx, h, c)
	})
}

// agree fails the test if the store's error is not the one that the model asks for.
func agree(t *rapid.T, what string, err, want error) bool {
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Fatalf("%s: %v, the model says %v", what, err, want)
	}
	return err == nil
}

// checkPut is what the model says to an object with uid at name of c; leaving
// names an object of c that leaves at the same time.
func (x *machine) checkPut(owner string, c *modelCollection, name, uid, leaving string, unique bool) error {
	if other := c.holder(uid); other != "" && other != name && other != leaving {
		return ErrUIDConflict
	}
	if unique && c.kind == KindCalendar && c.holder(uid) == "" {
		for _, other := range x.m.homes[owner].collections {
			if other != c && other.holder(uid) != "" {
				return ErrUIDConflict
			}
		}
	}
	return nil
}

// SetACL sets or removes the list of a collection or of what may be an object in it.
func (x *machine) SetACL(t *rapid.T) {
	owner, cname, c := x.place(t, "of")
	name := pick(t, "object", append([]string{""}, modelNames...))
	list := rapid.SampledFrom([]string{"", "list", "longer list"}).Draw(t, "list")
	o := c.objects[name]
	have, want := &c.acl, error(nil)
	switch {
	case name != "" && o == nil:
		want = ErrNotFound
	case name != "":
		have = &o.acl
	}
	err := x.do(owner, cname, func(tx *Tx, _ *Home, sc *Collection) error {
		if list == "" {
			return tx.SetACL(sc, name, nil)
		}
		return tx.SetACL(sc, name, []byte(list))
	})
	if agree(t, "acl", err, want) && (*have != "" || list != "") {
		*have, c.rev = list, x.step(owner)
		c.rights = c.rev
	}
}

// wantRights is what the store must know of a collection's lists.
func (c *modelCollection) wantRights() Rights {
	r := Rights{Own: c.acl != "", Rev: c.rights}
	for _, o := range c.objects {
		if o.acl != "" {
			r.Objects++
		}
	}
	return r
}

func (x *machine) checkQuota(owner string, grow int64) error {
	h := x.m.homes[owner]
	if grow > 0 && h.quota > 0 && h.used()+grow > h.quota {
		return ErrQuota
	}
	return nil
}

// next notes that rev is what the store gave out for the next change in a home.
func (x *machine) next(t *rapid.T, owner string, rev Rev) Rev {
	if want := x.step(owner); rev != want {
		t.Fatalf("revision %d, want %d", rev, want)
	}
	return rev
}

// step is the revision of the next change in a home.
func (x *machine) step(owner string) Rev {
	h := x.m.homes[owner]
	h.rev++
	return h.rev
}

func (x *machine) Put(t *rapid.T) {
	owner, cname, c := x.place(t, "into")
	name, uid := pick(t, "name", modelNames), pick(t, "uid", modelUIDs)
	text := rapid.StringN(0, 30, 40).Draw(t, "text")
	unique := rapid.Bool().Draw(t, "unique")
	create := rapid.IntRange(0, 4).Draw(t, "If-None-Match") == 0
	shared := rapid.Bool().Draw(t, "shared")
	if shared { // then others have it as well
		text = pick(t, "shared text", []string{"one", "other"})
	}
	old := c.objects[name]
	o := &modelObject{uid: uid, text: text, props: map[string]string{}}
	grow := int64(len(o.body()))
	if old != nil {
		grow -= int64(len(old.body()))
	}
	var want error
	switch {
	case create && old != nil:
		want = ErrChanged
	case old != nil && c.kind == KindCalendar && old.uid != uid:
		want = ErrUIDChanged
	default:
		want = cmp.Or(x.checkQuota(owner, grow), x.checkPut(owner, c, name, uid, "", unique))
	}
	var opts []PutOption
	if unique {
		opts = append(opts, UniqueInHome)
	}
	var e *Entry
	err := x.do(owner, cname, func(tx *Tx, _ *Home, sc *Collection) (err error) {
		if m := (Match{IfNoneMatchAny: create}); shared {
			e, _, err = tx.PutShared(sc, name, NewBody(o.body()), event(uid), m, opts...)
		} else {
			e, _, err = tx.PutObject(sc, name, o.body(), event(uid), m, opts...)
		}
		return err
	})
	if !agree(t, "put", err, want) {
		return
	}
	o.rev = x.next(t, owner, e.Rev)
	o.created = o.rev
	if old != nil {
		o.created, o.props, o.acl = old.created, old.props, old.acl
	}
	c.objects[name], c.rev = o, o.rev
}

func (x *machine) Delete(t *rapid.T) {
	owner, cname, c := x.place(t, "from")
	name := pick(t, "name", modelNames)
	var want error
	if c.objects[name] == nil {
		want = ErrNotFound
	}
	err := x.do(owner, cname, func(tx *Tx, _ *Home, sc *Collection) error { return tx.DeleteObject(sc, name, Match{}) })
	if agree(t, "delete", err, want) {
		c.rev = x.next(t, owner, x.revOf(owner, cname))
		c.remove(name, c.rev, x.clock.Now())
	}
}

func (x *machine) revOf(owner, name string) (rev Rev) {
	if err := x.do(owner, name, func(_ *Tx, _ *Home, c *Collection) error { rev = c.Rev; return nil }); err != nil {
		panic(err)
	}
	return rev
}

// CopyOrMove copies or moves an object, within a collection, a home or between
// homes, over what is there.
func (x *machine) CopyOrMove(t *rapid.T) {
	move := rapid.Bool().Draw(t, "move")
	owner, cname, c := x.place(t, "from")
	toOwner, toCname, to := x.place(t, "to")
	name, toName := pick(t, "name", modelNames), pick(t, "to name", modelNames)
	o := c.objects[name]
	var want error
	switch {
	case c == to && name == toName:
		want = ErrExists
	case o == nil:
		want = ErrNotFound
	default:
		leaving := ""
		grow := o.bytes()
		if old := to.objects[toName]; old != nil {
			grow -= old.bytes()
		}
		if move && c == to {
			leaving = name
		}
		if move && owner == toOwner {
			grow -= o.bytes()
		}
		want = cmp.Or(x.checkQuota(toOwner, grow), x.checkPut(toOwner, to, toName, o.uid, leaving, false))
	}
	var e *Entry
	err := x.do(owner, cname, func(tx *Tx, _ *Home, sc *Collection) error {
		h, err := tx.Home(toOwner)
		if err != nil {
			return err
		}
		dst, err := tx.Collection(h.ID, toCname)
		if err != nil {
			return err
		}
		if move {
			e, _, err = tx.MoveObject(sc, name, dst, toName, Match{})
		} else {
			e, _, err = tx.CopyObject(sc, name, dst, toName, Match{})
		}
		return err
	})
	if !agree(t, fmt.Sprintf("move %t", move), err, want) {
		return
	}
	if move {
		c.rev = x.step(owner)
		c.remove(name, c.rev, x.clock.Now())
	}
	to.rev = x.next(t, toOwner, e.Rev)
	placed := &modelObject{uid: o.uid, text: o.text, rev: e.Rev, created: e.Rev, props: maps.Clone(o.props)}
	old := to.objects[toName]
	if old != nil { // the place keeps its list
		placed.acl = old.acl
	}
	if changes := placed.acl != "" || o.acl != ""; move { // but with what is moved comes that one's
		if placed.acl = o.acl; changes {
			to.rev = x.step(toOwner)
			to.rights = to.rev
		}
	}
	to.objects[toName] = placed
}

func (x *machine) SetProperty(t *rapid.T) {
	owner, cname, c := x.place(t, "of")
	name := pick(t, "name", append([]string{""}, modelNames...))
	prop, value := pick(t, "property", modelProps), pick(t, "value", []string{"", "1", "2"})
	unset := rapid.IntRange(0, 3).Draw(t, "unset") == 0
	props := c.props
	var want error
	if name != "" {
		if c.objects[name] == nil {
			props, want = map[string]string{}, ErrNotFound
		} else {
			props = c.objects[name].props
		}
	}
	old, had := props[prop]
	switch {
	case unset && !had:
		want = nil
	case want == nil && !unset && had:
		want = x.checkQuota(owner, int64(len(value)-len(old)))
	case want == nil && !unset:
		want = x.checkQuota(owner, int64(len(prop)+len(value)))
	}
	err := x.do(owner, cname, func(tx *Tx, _ *Home, sc *Collection) error {
		r := OfCollection(sc)
		if name != "" {
			r = OfObject(sc, name)
		}
		if unset {
			return tx.RemoveProperty(r, prop)
		}
		return tx.SetProperty(r, prop, []byte(value))
	})
	if !agree(t, "property", err, want) || unset && !had {
		return
	}
	if unset {
		delete(props, prop)
	} else {
		props[prop] = value
	}
	c.rev = x.next(t, owner, x.revOf(owner, cname))
}

func TestModel(t *testing.T) {
	wrap := wrapper(t)
	runModel(t, func(t *rapid.T, x *machine) {
		x.s = x.openOn(t, wrap(engine.OpenMemory(Tables())))
	})
}

// TestModelFile does the same on a file, which is closed and opened in between.
func TestModelFile(t *testing.T) {
	dir, wrap := t.TempDir(), wrapper(t)
	n := 0
	runModel(t, func(t *rapid.T, x *machine) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		x.open = func(t *rapid.T) *Store {
			e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			return x.openOn(t, wrap(e))
		}
		x.s = x.open(t)
	})
}
