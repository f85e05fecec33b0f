package held_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"convene/internal/engine"
	"convene/internal/held"
)

const table engine.Table = "secrets"

func secret(kind, name string) held.Secret {
	return held.Secret{Kind: kind, GUID: "ann", Label: name, Created: time.Unix(1, 0).UTC(), Rows: []held.Row{
		{Table: table, Key: []byte(kind + " hash of " + name), Value: []byte("ann")},
		{Table: table, Key: []byte(kind + " more of " + name), Value: []byte{}},
	}}
}

// What nobody vouches for is taken out with all of its rows, and comes back with all of
// them, or not at all; the other kinds stay where they are.
func TestHold(t *testing.T) {
	e := engine.OpenMemory(append(held.Tables(), table))
	defer e.Close()
	ctx := context.Background()
	all := []held.Secret{secret("a", "one"), secret("a", "two"), secret("ab", "one"), secret("b", "one")}
	err := e.Update(ctx, func(w engine.Writer) error {
		for _, s := range all {
			for _, r := range s.Rows {
				if err := w.Put(r.Table, r.Key, r.Value); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := func() (keys []string) {
		err := e.View(ctx, func(r engine.Reader) error {
			keys = nil
			for k := range r.Scan(table, engine.Range{}) {
				keys = append(keys, string(k))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	want := func(when string, list []held.Secret, err error, kinds ...string) {
		t.Helper()
		var got []string
		for _, s := range list {
			got = append(got, s.Kind+" "+s.Label)
		}
		if err != nil || !slices.Equal(got, kinds) {
			t.Errorf("%s: %q, %v; want %q", when, got, err, kinds)
		}
	}
	before := rows()
	// A secret of another kind with the same hash vouches for nothing.
	other := secret("b", "one")
	other.Kind = "c"
	if n, err := held.Hold(ctx, e, all, []held.Secret{secret("a", "one"), other, secret("a", "of later")}); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if got := rows(); !slices.Equal(got, []string{"a hash of one", "a more of one"}) {
		t.Errorf("in service: %q", got)
	}
	list, err := held.List(ctx, e)
	want("held", list, err, "a two", "ab one", "b one")
	list, err = held.Release(ctx, e, "a")
	want("released", list, err, "a two")
	list, err = held.Drop(ctx, e, "b")
	want("dropped", list, err, "b one")
	list, err = held.Release(ctx, e, "")
	want("the rest", list, err, "ab one")
	if got := rows(); !slices.Equal(got, before[:6]) {
		t.Errorf("in service: %q, want %q", got, before[:6])
	}
	list, err = held.List(ctx, e)
	want("at last", list, err)
}
