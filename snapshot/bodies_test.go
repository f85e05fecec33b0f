package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"convene/internal/ical"
	"convene/store"
)

// keyOf is where the body of revision rev is kept: those of two collections in
// turn, under the same revisions.
func keyOf(rev store.Rev) bodyKey { return bodyKey{uint64(rev % 2), rev / 2} }

// textOf is the body of revision rev in these tests.
func textOf(rev store.Rev) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d;", rev), 1+int(rev)*7919%3000)
}

func TestBodiesAreThoseOfTheirRevision(t *testing.T) {
	c := newBodyCache(2 * shelfBytes)
	const revs = 3000 // of some 8 kB
	for rev := range store.Rev(revs) {
		c.put(keyOf(rev), textOf(rev))
		c.put(keyOf(rev), textOf(rev)) // of a second reader
		if !c.read(keyOf(rev), func(body []byte) {
			if !bytes.Equal(body, textOf(rev)) {
				t.Errorf("revision %d: other bytes", rev)
			}
		}) {
			t.Fatalf("revision %d is gone at once", rev)
		}
	}
	kept := 0
	for rev := range store.Rev(revs) {
		if c.read(keyOf(rev), func(body []byte) {
			if !bytes.Equal(body, textOf(rev)) {
				t.Errorf("revision %d: other bytes", rev)
			}
		}) {
			kept++
		}
	}
	bodies, size := c.size()
	if kept != bodies || kept == 0 || kept == revs || size != 2*shelfBytes {
		t.Errorf("%d of %d kept, %d counted, in %d bytes", kept, revs, bodies, size)
	}
	c.clear()
	if c.read(keyOf(revs-1), func([]byte) {}) {
		t.Error("still there after clear")
	}
}

func TestBodiesHaveRoom(t *testing.T) {
	small, large := make([]byte, shelfBytes/4), make([]byte, shelfBytes/4+1)
	for _, tt := range []struct {
		name string
		max  int64
		body []byte
		want bool
	}{
		{"fits", shelfBytes, small, true},
		{"too large", shelfBytes, large, false},
		{"no shelf", shelfBytes - 1, small, false},
		{"empty", shelfBytes, nil, true},
	} {
		c := newBodyCache(tt.max)
		c.put(keyOf(1), tt.body)
		if got := c.read(keyOf(1), func([]byte) {}); got != tt.want {
			t.Errorf("%s: kept: %t", tt.name, got)
		}
	}
}

func TestBodiesWhileOthersWrite(t *testing.T) {
	c := newBodyCache(shelfBytes)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(w)))
			for range 2000 {
				rev := store.Rev(rng.IntN(500))
				if !c.read(keyOf(rev), func(body []byte) {
					if !bytes.Equal(body, textOf(rev)) {
						t.Errorf("revision %d: other bytes", rev)
					}
				}) {
					c.put(keyOf(rev), textOf(rev))
				}
			}
		})
	}
	wg.Wait()
}

// An update that fails gives its revisions back: what it read must not be kept.
func TestBodyOfAnUpdateIsNotKept(t *testing.T) {
	s := testStore(t)
	home := testCalendar(t, s)
	fill(t, s, home, 1, 1)
	cache := New(Options{})
	read := func(tx *store.Tx) (body string) {
		col, err := tx.Collection(home, "work")
		if err != nil {
			t.Fatal(err)
		}
		for e := range tx.Entries(col.ID) {
			if err := cache.Body(tx, col, &e, func(b []byte) { body = string(b) }); err != nil {
				t.Fatal(err)
			}
		}
		return body
	}
	change := func(tx *store.Tx, summary string) {
		col, err := tx.Collection(home, "work")
		if err != nil {
			t.Fatal(err)
		}
		body, ix := benchEvent(0, 1, 1)
		body = bytes.Replace(body, []byte("SUMMARY:Event"), []byte("SUMMARY:"+summary), 1)
		if _, err := ical.Decode(body, ical.Limits{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := tx.PutObject(col, ix.UID+".ics", body, ix, store.Match{}); err != nil {
			t.Fatal(err)
		}
	}
	undo := errors.New("undone")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		change(tx, "never")
		if !bytes.Contains([]byte(read(tx)), []byte("SUMMARY:never")) {
			t.Error("an update does not see what it wrote")
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { change(tx, "stored"); return nil })
	for range 2 { // from the store, then from memory
		if err := s.View(t.Context(), func(tx *store.Tx) error {
			if got := read(tx); !bytes.Contains([]byte(got), []byte("SUMMARY:stored")) {
				t.Errorf("read %q", got)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := cache.Stats().Bodies; n != 1 {
		t.Errorf("%d bodies kept", n)
	}
}
