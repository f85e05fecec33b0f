package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"
)

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
	if sh.Rev != h.rev || sh.UsedBytes != h.used() || sh.Objects != objects || sh.Collections != len(all) {
		return fmt.Errorf("%+v, want revision %d, %d bytes, %d objects", sh, h.rev, h.used(), objects)
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
	if c.ID != m.id || c.Rev != m.rev || c.Objects != len(m.objects) || c.Bytes+c.PropertyBytes != m.bytes() || c.PropertyBytes != m.propertyBytes() || c.Count(VEVENT) != len(m.objects) {
		return fmt.Errorf("%+v, want id %d rev %d, %d objects, %d bytes", c, m.id, m.rev, len(m.objects), m.bytes())
	}
	if got := propertyMap(tx, OfCollection(c)); !maps.Equal(got, m.props) {
		return fmt.Errorf("properties %v, want %v", got, m.props)
	}
	if c.Rights != m.wantRights() || string(tx.ACL(c, "")) != m.acl {
		return fmt.Errorf("lists %+v %q, want %+v %q", c.Rights, tx.ACL(c, ""), m.wantRights(), m.acl)
	}
	lists := maps.Collect(tx.ObjectACLs(c))
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
		if got := string(tx.ACL(c, e.Name)); got != o.acl || got != string(lists[e.Name]) {
			return fmt.Errorf("the list of %q is %q, %q; want %q", e.Name, got, lists[e.Name], o.acl)
		}
		if got := propertyMap(tx, OfObject(c, e.Name)); !maps.Equal(got, o.props) {
			return fmt.Errorf("properties of %q: %v, want %v", e.Name, got, o.props)
		}
	}
	if n != len(m.objects) {
		return fmt.Errorf("%d entries, want %d", n, len(m.objects))
	}
	for _, uid := range modelUIDs {
		if name, _ := tx.ObjectByUID(c, uid); c.Kind == KindCalendar && name != m.holder(uid) {
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
