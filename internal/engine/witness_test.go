package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// behind opens the file at path and closes it again.
func behind(t *testing.T, path string, caughtUp bool) bool {
	t.Helper()
	e, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, Mark: true})
	if err != nil {
		t.Fatal(err)
	}
	w := e.(Witness)
	was := w.Behind()
	if err := putOne(e, "opened", nil); err != nil {
		t.Error(err)
	}
	if caughtUp {
		w.CaughtUp()
		if w.Behind() {
			t.Error("behind after CaughtUp")
		}
		if err := putOne(e, "caught up", nil); err != nil {
			t.Error(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return was
}

// TestBehind: a copy in the place of its file is seen, at each start until somebody
// has seen to it, and then not again. Without the mark nothing is seen; nor is the
// file that was there all the time, a killed one, or another file.
func TestBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	put := func(n int) {
		e := openBolt(t, path, BoltOptions{Mark: true})
		for i := range n {
			if err := putOne(e, fmt.Sprint(i), make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	put(10)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(10)
	if behind(t, path, false) {
		t.Error("the file itself is behind")
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !behind(t, path, false) {
			t.Error("the copy is not behind")
		}
	}
	if !behind(t, path, true) || behind(t, path, false) {
		t.Error("CaughtUp does not count at the next start")
	}
	mark, err := os.ReadFile(markPath(path))
	mark[3] ^= 1
	if err := errors.Join(err, os.WriteFile(path, old, 0o600), os.WriteFile(markPath(path), mark, 0o600)); err != nil {
		t.Fatal(err)
	}
	if behind(t, path, false) {
		t.Error("a damaged mark is believed")
	}
	if err := errors.Join(os.WriteFile(path, old, 0o600), os.Remove(markPath(path))); err != nil {
		t.Fatal(err)
	}
	if behind(t, path, false) {
		t.Error("behind what nobody has noted")
	}
	other := filepath.Join(t.TempDir(), "test.db")
	behind(t, other, false)
	content, err := os.ReadFile(other)
	if err := errors.Join(err, os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	if behind(t, path, false) {
		t.Error("another file is behind")
	}
}

// TestBehindLarge: an update that goes past the log counts too.
func TestBehindLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	big := func() {
		e := openBolt(t, path, BoltOptions{Mark: true})
		err := putOne(e, "big", make([]byte, 5<<20))
		if err := errors.Join(err, e.Close()); err != nil {
			t.Fatal(err)
		}
	}
	big()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	big()
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if !behind(t, path, true) {
		t.Error("the copy is not behind")
	}
}

// TestKilledIsNotBehind: what a kill leaves has all that was noted.
func TestKilledIsNotBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{logHalf: 64 << 10, Mark: true})
	for i := range 300 {
		if err := putOne(e, fmt.Sprint(i), make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if i%30 != 29 {
			continue
		}
		mark, err := os.ReadFile(markPath(path))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		killed := filepath.Join(t.TempDir(), "test.db")
		copyAt(t, e, killed)
		if err := errors.Join(err, os.WriteFile(markPath(killed), mark, 0o600)); err != nil {
			t.Fatal(err)
		}
		if behind(t, killed, false) {
			t.Errorf("killed after %d updates: behind", i)
		}
	}
}
