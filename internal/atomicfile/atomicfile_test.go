package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"convene/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rules.json")
	content := func() string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	if err := atomicfile.Write(path, 0o600, text("one")); err != nil || content() != "one" {
		t.Fatal(err, content())
	}
	// What a killed process has left goes; what one is writing now stays, and
	// so do other files.
	old, now, other := path+".123.tmp", path+".456.tmp", path+".bak"
	for _, f := range []string{old, now, other} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.Chtimes(old, long, long), os.Chtimes(other, long, long)); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, 0o644, text("two")); err != nil || content() != "two" {
		t.Fatal(err, content())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Error(info.Mode(), err)
	}
	failed := errors.New("failed")
	half := func(w io.Writer) error { _, err := io.WriteString(w, "thr"); return errors.Join(err, failed) }
	if err := atomicfile.Write(path, 0o600, half); !errors.Is(err, failed) || content() != "two" {
		t.Error(err, content())
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 3 {
		t.Error(left, err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "none", "x"), 0o600, text("x")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
