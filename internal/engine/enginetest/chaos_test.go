package enginetest_test

import (
	"context"
	"errors"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

var ctx = context.Background()

// TestFailing: a failure that reaches the caller is an error, and never a key that
// seems not to be there.
func TestFailing(t *testing.T) {
	e := enginetest.NewFailing(engine.OpenMemory(enginetest.Tables()), 1)
	key := []byte("k")
	for errors.Is(e.Update(ctx, func(w engine.Writer) error { w.Get("a", key); return w.Put("a", key, key) }), engine.ErrUnavailable) {
		continue
	}
	failed, deferred := 0, 0
	for range 1000 {
		err := e.View(ctx, func(r engine.Reader) error {
			defer func() { deferred++ }()
			if string(r.Get("a", key)) != "k" || string(r.GetMany("a", [][]byte{key})[0]) != "k" {
				t.Error("a key is missing")
			}
			n := 0
			for range r.Scan("a", engine.Range{}) {
				n++
			}
			if n != 1 {
				t.Errorf("%d keys, want 1", n)
			}
			return nil
		})
		if err != nil && !errors.Is(err, engine.ErrUnavailable) {
			t.Fatal(err)
		}
		if err != nil {
			failed++
		}
	}
	if failed < 100 || failed > 900 || deferred < 1000 {
		t.Errorf("%d of 1000 views failed, %d deferred calls ran", failed, deferred)
	}
}

// TestChaosRepeats: what is not repeatable is found out.
func TestChaosRepeats(t *testing.T) {
	e := enginetest.NewChaos(engine.OpenMemory(enginetest.Tables()), 1)
	runs := 0
	var kept []byte
	if err := e.Update(ctx, func(w engine.Writer) error { return w.Put("a", []byte("k"), []byte("value")) }); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := e.View(ctx, func(r engine.Reader) error { runs++; kept = r.Get("a", []byte("k")); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if runs <= 20 || string(kept) == "value" {
		t.Errorf("%d runs of 10 views, the last read %q", runs, kept)
	}
}
