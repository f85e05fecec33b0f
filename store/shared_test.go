package store

import (
	"crypto/sha256"
	"errors"
	"testing"

	"convene/internal/engine"
)

// bodies counts what the bodies table has: bodies, and objects that share one.
func bodies(t *testing.T, s *Store) (n, sharers int) {
	t.Helper()
	err := s.engine.View(ctx, func(r engine.Reader) error {
		n, sharers = 0, 0
		for k := range r.Scan(tableBodies, engine.Range{KeysOnly: true}) {
			if len(k) == sha256.Size {
				n++
			} else {
				sharers++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, sharers
}

// A body that objects share is there once, and for as long as one of them has it.
func TestPutShared(t *testing.T) {
	s := openTest(t, Options{})
	text := body(event("a"), "shared")
	owners := []string{"ann", "bob", "cid"}
	homes := map[string]HomeID{}
	for _, owner := range owners {
		homes[owner] = home(t, s, owner).ID
	}
	share := func(b *Body) func(*Tx, *Collection) error {
		return func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutShared(c, "a.ics", b, event("a"), Match{}, UniqueInHome)
			return err
		}
	}
	for _, step := range []struct {
		name       string
		owner      string
		do         func(tx *Tx, c *Collection) error
		n, sharers int
	}{
		{"the first", "ann", share(NewBody(text)), 1, 1},
		{"the second", "bob", share(NewBody(text)), 1, 2},
		{"the third", "cid", share(NewBody(text)), 1, 3},
		{"the same again", "cid", share(NewBody(text)), 1, 3},
		{"another", "cid", share(NewBody(body(event("a"), "more"))), 2, 3},
		{"one of its own", "cid", func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, "a.ics", text, event("a"), Match{})
			return err
		}, 1, 2},
		{"undone", "cid", func(tx *Tx, c *Collection) error {
			if err := tx.Savepoint(func() error { return errors.Join(share(NewBody(text))(tx, c), errUndone) }); !errors.Is(err, errUndone) {
				return err
			}
			return nil
		}, 1, 2},
		{"moved", "bob", func(tx *Tx, c *Collection) error {
			_, _, err := tx.MoveObject(c, "a.ics", c, "b.ics", Match{})
			return err
		}, 1, 1},
		{"deleted with its calendar", "ann", func(tx *Tx, c *Collection) error { return tx.DeleteCollection(c.Home, c.Name) }, 0, 0},
	} {
		if err := try(s, homes[step.owner], "work", step.do); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if _, err := s.Maintain(ctx); err != nil {
			t.Fatal(err)
		}
		if n, sharers := bodies(t, s); n != step.n || sharers != step.sharers {
			t.Errorf("%s: %d bodies that %d share, want %d and %d", step.name, n, sharers, step.n, step.sharers)
		}
		if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
			t.Errorf("%s: Verify: %v, %v", step.name, found, err)
		}
	}
	for owner, name := range map[string]string{"bob": "b.ics", "cid": "a.ics"} {
		err := try(s, homes[owner], "work", func(tx *Tx, c *Collection) error {
			o, err := tx.Object(c.ID, name)
			if err == nil && string(o.Body) != string(text) {
				t.Errorf("%s has %q", owner, o.Body)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
