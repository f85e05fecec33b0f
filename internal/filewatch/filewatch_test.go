package filewatch_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/internal/filewatch"
)

// write replaces a file in one step, as administrators' tools do.
func write(t *testing.T, path, text string, perm os.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(text), perm), os.Chmod(path+".new", perm), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

func TestVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	none, err := filewatch.Look(path)
	if !errors.Is(err, os.ErrNotExist) || !none.None() || !none.Same(filewatch.Version{}) {
		t.Errorf("no file: %v, %v", none, err)
	}
	look := func() filewatch.Version {
		t.Helper()
		v, err := filewatch.Look(path)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	write(t, path, "one", 0o600)
	one := look()
	if !one.Same(look()) || one.Same(none) || one.Size() != 3 || one.Readable() {
		t.Errorf("%+v", one)
	}
	write(t, path, "two", 0o644) // of the same size, and perhaps in the same moment
	two := look()
	if two.Same(one) || !two.Readable() {
		t.Errorf("another file is the same: %+v", two)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if look().Same(two) {
		t.Error("changed at another time, and the same")
	}
}

// A value follows its file a second later, and stays what it was while the file
// cannot be read.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	now := time.Unix(1000, 0)
	var log bytes.Buffer
	parse := func(b []byte) (string, error) {
		if string(b) == "bad" {
			return "", errors.New("no such value")
		}
		return string(b), nil
	}
	open := func() (*filewatch.File[string], error) {
		return filewatch.Open(path, parse, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	}
	if _, err := open(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, "bad", 0o600)
	if _, err := open(); err == nil {
		t.Error("a bad file is opened")
	}
	write(t, path, "one", 0o600)
	f, err := open()
	if err != nil {
		t.Fatal(err)
	}
	want := func(value string) {
		t.Helper()
		if got := f.Get(); got != value {
			t.Errorf("%q, want %q", got, value)
		}
	}
	want("one")
	write(t, path, "two", 0o644)
	want("one")
	now = now.Add(time.Second)
	want("two")
	write(t, path, "bad", 0o600)
	for range 3 {
		now = now.Add(time.Second)
		want("two")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		now = now.Add(time.Second)
		want("two")
	}
	if err := f.Reload(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Reload without a file: %v", err)
	}
	write(t, path, "three", 0o600)
	if err := f.Reload(); err != nil {
		t.Error(err)
	}
	want("three")
	for text, n := range map[string]int{"no such value": 1, "no such file": 1, "file read again": 1, "can be read by every account": 1} {
		if got := strings.Count(log.String(), text); got != n {
			t.Errorf("the log says %d times %q:\n%s", got, text, log.String())
		}
	}
}
