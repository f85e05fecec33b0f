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
// either refused or can be used, and never ends the process, also if it is opened
// without a check before.
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
	if err := CheckFile(ctx, path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := &pageCheck{ctx: ctx, file: bytes.NewReader(good), length: uint64(len(good))}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	good = good[:c.high*c.size] // the rest was never used
	bad := path + ".bad"
	refused := 0
	for range 300 {
		b := bytes.Clone(good)
		// Headers of pages and elements are where damage misleads.
		at := random.IntN(int(c.high))*int(c.size) + random.IntN(200)
		b[at] ^= 1 << random.IntN(8)
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := CheckFile(ctx, bad)
		if err != nil {
			refused++
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		switch opened := openUnchecked(t, bad); {
		case err != nil && opened == nil:
			t.Errorf("byte %d: opened, and found to be right: %v", at, err)
		case err == nil && opened != nil && !errors.Is(opened, ErrDamaged):
			t.Errorf("byte %d: %v", at, opened)
		}
	}
	if refused < 50 {
		t.Errorf("%d of 300 refused", refused)
	}
}
