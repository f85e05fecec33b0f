package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestCheckFile: files as they come to be are right; one that was damaged is
// either refused or still read as it was, and never ends the process.
func TestCheckFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{NoSync: true})
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 { // so that pages become free
		err := e.Update(ctx, func(w Writer) error {
			for i := range 100 {
				if err := w.Put("a", fmt.Appendf(nil, "%04d", random.IntN(900)), make([]byte, random.IntN(300)+i/99*9000)); err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(err, e.Backup(ctx, io.Discard)); err != nil { // which writes the file
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &pageCheck{data: good}
	good = good[:order.Uint64(c.meta()[40:])*c.size] // the rest was never used
	bad := path + ".bad"
	refused := 0
	for range 300 {
		b := bytes.Clone(good)
		// Headers of pages and elements are where damage misleads.
		at := random.IntN(len(b)/int(c.size))*int(c.size) + random.IntN(200)
		b[at] ^= 1 << random.IntN(8)
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CheckFile(bad); err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			continue
		}
		e, err := OpenBolt(bad, BoltOptions{Tables: []Table{"a", "b"}, ReadOnly: true})
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrReadOnly) {
				t.Fatalf("byte %d: %v", at, err)
			}
			continue
		}
		err = e.View(ctx, func(r Reader) error {
			for range r.Scan("a", Range{}) {
			}
			return nil
		})
		if err := errors.Join(err, e.Close()); err != nil {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	if refused < 50 {
		t.Errorf("%d of 300 refused", refused)
	}
	if err := os.WriteFile(bad, good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckFile(bad); !errors.Is(err, ErrDamaged) {
		t.Error("half a file:", err)
	}
	if err := CheckFile(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
