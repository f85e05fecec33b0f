package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"convene/internal/engine"
)

func TestProperties(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "")
	putEvent(t, s, h.ID, "work", "b", "")
	work := mustCollection(t, s, h.ID, "work")
	all := map[string]Resource{
		"home": OfHome(h.ID), "work": OfCollection(work), "rest": OfCollection(mustCollection(t, s, h.ID, "rest")),
		"a": OfObject(work, "a.ics"), "b": OfObject(work, "b.ics"),
	}
	show := func(tx *Tx, r Resource) string {
		list, err := tx.Properties(r)
		if err != nil {
			t.Error(err)
		}
		var b strings.Builder
		for _, p := range list {
			fmt.Fprintf(&b, "%s=%s ", p.Name, p.Value)
			wantString(t, p.Name, string(tx.Property(r, p.Name)), string(p.Value))
		}
		return strings.TrimSpace(b.String())
	}
	check := func(want map[string]string) {
		t.Helper()
		for range 2 { // the second time from the cache
			view(t, s, func(tx *Tx) error {
				for what, r := range all {
					wantString(t, what, show(tx, r), want[what])
				}
				return nil
			})
		}
	}
	check(nil)
	for what, r := range all {
		if what != "rest" {
			update(t, s, func(tx *Tx) error { // sees its own
				err := errors.Join(tx.SetProperty(r, "{n}two", []byte(what)), tx.SetProperty(r, "{n}one", []byte("1")), tx.SetProperty(r, "{n}empty", nil))
				wantString(t, what, show(tx, r), "{n}empty= {n}one=1 {n}two="+what)
				return err
			})
		}
	}
	if now := mustCollection(t, s, h.ID, "work"); now.Rev <= work.Rev {
		t.Error("properties did not change their collection")
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.SetProperty(all["a"], "{n}one", []byte("I")), tx.RemoveProperty(all["a"], "{n}two"),
			tx.RemoveProperty(all["home"], "{n}empty"), tx.RemoveProperty(all["home"], "{n}never"))
	})
	check(map[string]string{
		"home": "{n}one=1 {n}two=home", "work": "{n}empty= {n}one=1 {n}two=work",
		"a": "{n}empty= {n}one=I", "b": "{n}empty= {n}one=1 {n}two=b",
	})
	var list []string
	view(t, s, func(tx *Tx) error {
		list = nil
		for object, p := range tx.ObjectProperties(work.ID) {
			list = append(list, object+p.Name)
		}
		return nil
	})
	wantString(t, "ObjectProperties", strings.Join(list, " "), "a.ics{n}empty a.ics{n}one b.ics{n}empty b.ics{n}one b.ics{n}two")
	// They go with their object, and do not come back with its name.
	remove(t, s, h.ID, "work", "a.ics")
	putEvent(t, s, h.ID, "work", "a", "new")
	delete(all, "b")
	check(map[string]string{"home": "{n}one=1 {n}two=home", "work": "{n}empty= {n}one=1 {n}two=work"})

	update(t, s, func(tx *Tx) error {
		wantErr(t, "of no object", tx.SetProperty(OfObject(work, "none"), "{n}x", nil), ErrNotFound)
		wantErr(t, "of no home", tx.SetProperty(OfHome(99), "{n}x", nil), ErrNotFound)
		wantErr(t, "of no collection", tx.SetProperty(OfCollection(&Collection{ID: 99, Home: h.ID}), "{n}x", nil), ErrNotFound)
		return nil
	})
	view(t, s, func(tx *Tx) error {
		wantErr(t, "in a view", tx.SetProperty(all["work"], "{n}x", nil), engine.ErrReadOnly)
		wantErr(t, "in a view", tx.RemoveProperty(all["work"], "{n}one"), engine.ErrReadOnly)
		return nil
	})
}

// TestViewCannotWrite: every method that writes refuses to in a view.
func TestViewCannotWrite(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	putEvent(t, s, h.ID, "work", "a", "")
	view(t, s, func(tx *Tx) error {
		c, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		_, _, err1 := tx.PutObject(c, "b.ics", nil, Index{}, Match{})
		_, _, err2 := tx.CopyObject(c, "a.ics", c, "b.ics", Match{})
		_, _, err3 := tx.MoveObject(c, "a.ics", c, "b.ics", Match{})
		_, err4 := tx.EnsureHome("bob", nil)
		_, err5 := tx.CreateCollection(h.ID, NewCollection{Name: "x"})
		_, err6 := tx.CopyCollection(h.ID, "work", h.ID, "x")
		_, err7 := tx.MoveCollection(h.ID, "work", h.ID, "x")
		for i, err := range []error{
			err1, err2, err3, err4, err5, err6, err7,
			tx.DeleteObject(c, "a.ics", Match{}), tx.DeleteCollection(h.ID, "work"), tx.DeleteHome(h.ID),
			tx.SetQuota(h.ID, 1), tx.SetOwnerType(h.ID, 1),
		} {
			wantErr(t, fmt.Sprint("write ", i), err, engine.ErrReadOnly)
		}
		return nil
	})
}

// What users keep of a collection for themselves is counted with its properties, goes
// where it goes and ends with it.
func TestPropertiesOfUsers(t *testing.T) {
	s := openTest(t, Options{})
	h, other := home(t, s, "ann"), home(t, s, "cy")
	work := mustCollection(t, s, h.ID, "work")
	get := func(c *Collection, user string) (value string) {
		view(t, s, func(tx *Tx) error {
			value = string(tx.Property(OfUser(c, user), "{n}color"))
			return nil
		})
		return value
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.SetProperty(OfUser(work, "bob"), "{n}color", []byte("red")), tx.SetProperty(OfUser(work, "bobby"), "{n}color", []byte("blue")),
			tx.SetProperty(OfCollection(work), "{n}color", []byte("grey")))
	})
	now := mustCollection(t, s, h.ID, "work")
	if now.Rev <= work.Rev || now.PropertyBytes != propertyCost("{n}color", []byte("red"))+2*propertyCost("{n}color", []byte("blue")) {
		t.Errorf("revision %d after %d, %d bytes", now.Rev, work.Rev, now.PropertyBytes)
	}
	for user, want := range map[string]string{"bob": "red", "bobby": "blue", "bo": "", "dan": ""} {
		wantString(t, user, get(now, user), want)
	}
	view(t, s, func(tx *Tx) error {
		for range 2 { // the second time what is cached
			list, err := tx.Properties(OfUser(now, "bob"))
			if err != nil || len(list) != 1 || string(list[0].Value) != "red" {
				t.Errorf("%v %v", list, err)
			}
			if list, err = tx.Properties(OfCollection(now)); err != nil || len(list) != 1 || string(list[0].Value) != "grey" {
				t.Errorf("%v %v", list, err)
			}
		}
		return nil
	})
	update(t, s, func(tx *Tx) error {
		wantErr(t, "a long GUID", tx.SetProperty(OfUser(now, strings.Repeat("g", 256)), "{n}color", nil), ErrLimit)
		return tx.RemoveProperty(OfUser(now, "bob"), "{n}color")
	})
	wantString(t, "removed", get(now, "bob"), "")
	sound(t, s)

	update(t, s, func(tx *Tx) error {
		_, err := tx.MoveCollection(h.ID, "work", other.ID, "taken")
		return err
	})
	moved := mustCollection(t, s, other.ID, "taken")
	wantString(t, "moved", get(moved, "bobby"), "blue")
	sound(t, s)
	update(t, s, func(tx *Tx) error { return tx.DeleteCollection(other.ID, "taken") })
	if _, err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	view(t, s, func(tx *Tx) error {
		for k := range tx.r.Scan(tableProperties, keysWithin([]byte{ofUser})) {
			t.Errorf("%q is left", k)
		}
		return nil
	})
	sound(t, s)
}
