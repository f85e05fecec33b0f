package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// slowCopy copies a file in small pieces, while it is written to.
func slowCopy(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for {
		n, err := io.CopyN(out, in, 64<<10)
		if n == 0 {
			return
		}
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// openAndCheck opens a copy and checks it, and says what is wrong. What CheckFile
// refuses must not get through.
func openAndCheck(t *testing.T, path string) error {
	t.Helper()
	refused := CheckFile(ctx, path)
	err := openUnchecked(t, path)
	if refused != nil && err == nil {
		t.Errorf("opened, and found to be right: %v", refused)
	}
	return err
}

func openUnchecked(t *testing.T, path string) error {
	t.Helper()
	e, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, NoSync: true})
	if err != nil {
		return err
	}
	err = errors.Join(e.(Checker).Check(ctx)...)
	if err == nil {
		err = e.View(ctx, func(r Reader) error {
			for _, table := range []Table{"a", "b"} {
				for range r.Scan(table, Range{}) {
				}
			}
			return nil
		})
	}
	if cerr := e.Close(); cerr != nil {
		t.Error(cerr)
	}
	return err
}

// TestSlowCopies: copies made with cp of a file that is written to are opened, or
// refused; none ends the process, also without a check before.
func TestSlowCopies(t *testing.T) {
	dir := t.TempDir()
	e := openBolt(t, filepath.Join(dir, "test.db"), BoltOptions{NoSync: true, logHalf: 64 << 10})
	acked := make([]atomic.Uint64, 4)
	stop := writing(t, e, acked)
	defer stop()
	for acked[0].Load() < 300 {
		time.Sleep(time.Millisecond)
	}
	refused := 0
	for i := range 10 {
		path := filepath.Join(dir, fmt.Sprint(i))
		slowCopy(t, e.path, path)
		if err := openAndCheck(t, path); err != nil {
			refused++
			t.Logf("copy %d: %v", i, err)
		}
	}
	t.Logf("%d of 10 were refused", refused)
}

// damagedFile makes a file of some levels, closed.
func damagedFile(t *testing.T) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{NoSync: true})
	for i := range 1500 {
		if err := putOne(e, fmt.Sprintf("%04d", i), make([]byte, 200+i%7000*(i%50/49))); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestCutShort: a file that ends too early is refused wherever it ends.
func TestCutShort(t *testing.T) {
	path, content := damagedFile(t)
	if err := openAndCheck(t, path); err != nil {
		t.Fatal(err)
	}
	used := usedBytes(t, path)
	for n := int64(1); n < used; n += 1 + used/37 {
		if err := os.WriteFile(path, content[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CheckFile(ctx, path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d of %d bytes: %v", n, used, err)
		}
		if e, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d of %d bytes: opened: %v", n, used, err)
			if err == nil {
				_ = e.Close()
			}
		}
	}
}

func usedBytes(t *testing.T, path string) int64 {
	t.Helper()
	e := openBolt(t, path, BoltOptions{ReadOnly: true})
	s, err := e.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n := s.Size()
	if err := errors.Join(s.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCircle: pages that lead back to themselves are refused.
func TestCircle(t *testing.T) {
	path, content := damagedFile(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := os.Getpagesize()
	circles := 0
	for page := 2; (page+1)*size <= len(content); page++ {
		p := content[page*size : (page+1)*size]
		if p[8] != pageBranch {
			continue
		}
		child := int64(page*size + pageHeader + 8)
		if _, err := f.WriteAt(p[:8], child); err != nil { // its first child is itself
			t.Fatal(err)
		}
		if errors.Is(CheckFile(ctx, path), ErrDamaged) { // not one that is free
			circles++
		}
		if _, err := f.WriteAt(p[pageHeader+8:pageHeader+16], child); err != nil {
			t.Fatal(err)
		}
	}
	if circles == 0 {
		t.Error("no circle was found")
	}
}

// TestForeignFile: other files are refused.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	for _, content := range []string{"", "x", string(make([]byte, 100_000))} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CheckFile(ctx, path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: %v, want ErrDamaged", len(content), err)
		}
	}
	if err := CheckFile(ctx, path+".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestMissingFile: a log without its file is not the log of a new file.
func TestMissingFile(t *testing.T) {
	path := crashed(t, 5, 100)
	log, err := os.ReadFile(logPath(path))
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err := errors.Join(err, os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	for _, empty := range []bool{false, true} {
		if empty { // as a crash may leave a file that was just made
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}}); !errors.Is(err, ErrNoFile) {
			t.Errorf("opened: %v, want ErrNoFile", err)
		}
		if _, err := Recover(path, BoltOptions{Tables: []Table{"a", "b"}}, time.Now()); !errors.Is(err, ErrNoFile) {
			t.Errorf("recovered: %v, want ErrNoFile", err)
		}
		if left, err := os.ReadFile(logPath(path)); err != nil || !bytes.Equal(left, log) {
			t.Errorf("the log was changed: %v", err)
		}
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := count(t, openBolt(t, path, BoltOptions{}), "a"); n != 5 {
		t.Errorf("%d records with both put back", n)
	}
}
