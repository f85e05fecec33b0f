package store

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// Notes are kept, replaced, and go with a copy, as the file's identity does.
func TestNotes(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	open := func(name string) *Store {
		t.Helper()
		s, err := Open(filepath.Join(dir, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	s := open("one.db")
	if v, err := s.Note(ctx, "delegates"); v != nil || err != nil {
		t.Fatalf("%q, %v before anything was noted", v, err)
	}
	for _, text := range []string{"first", "", "last"} {
		if err := s.SetNote(ctx, "delegates", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Note(ctx, "delegates"); string(v) != text || err != nil {
			t.Fatalf("%q, %v, want %q", v, err, text)
		}
	}
	var file bytes.Buffer
	if err := s.Backup(ctx, &file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "copy.db"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, other := open("copy.db"), open("other.db")
	if v, err := c.Note(ctx, "delegates"); string(v) != "last" || err != nil {
		t.Errorf("%q, %v in the copy", v, err)
	}
	var ids []string
	for _, one := range []*Store{s, c, other} {
		id, err := one.FileID()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] || len(ids[0]) != 16 {
		t.Errorf("identities %q", ids)
	}
}
