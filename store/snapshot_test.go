package store

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"convene/internal/engine"

	"github.com/google/go-cmp/cmp"
)

// TestSnapshot: a snapshot has the facts and the content of its moment.
func TestSnapshot(t *testing.T) {
	s := openFile(t, tempPath(t), Options{})
	fill(t, s)
	before := dump(t, s)
	snap, err := s.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	putEvent(t, s, 1, "work", "later", "")
	after, err := s.Facts(ctx)
	if err != nil || after.Objects != snap.Objects+1 || after.Changes <= snap.Changes || snap.ID == 0 || snap.Homes != 2 || snap.Schema != schemaVersion {
		t.Errorf("%+v, and after another write %+v, %v", snap.Facts, after, err)
	}
	var b bytes.Buffer
	if n, err := snap.WriteTo(&b); err != nil || n != snap.Size() {
		t.Errorf("%d of %d bytes, %v", n, snap.Size(), err)
	}
	path := tempPath(t)
	if err := errors.Join(snap.Close(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	c := openFile(t, path, Options{})
	if got := dump(t, c); got != before {
		t.Errorf("the copy differs:\n%s", cmp.Diff(before, got))
	}
	want := snap.Facts
	want.ID = 0
	if got, err := c.Facts(ctx); err != nil || got != want {
		t.Errorf("facts of the copy: %+v, %v; want %+v", got, err, want)
	}
	memory, err := OpenEngine(engine.OpenMemory(Tables()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if _, err := memory.Snapshot(ctx); err == nil {
		t.Error("a store in memory has a snapshot")
	}
}
