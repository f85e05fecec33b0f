package delegation

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A copy that was marked takes the place of a database that went on, and says so in its
// journal; one that was not is an old one.
func TestMarkRestored(t *testing.T) {
	e, ctx := newEnv(t), context.Background()
	e.put("ann", "bob", LevelWrite)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := e.Backup(ctx, copied); err != nil {
		t.Fatal(err)
	}
	at := e.State()
	e.put("ann", "cy", LevelRead)
	e.put("ann", "dan", LevelRead)
	if s, err := Inspect(ctx, copied); err != nil || s.Records != 1 || s.Mark != at.Mark {
		t.Fatalf("%+v, %v", s, err)
	}
	old := e.State().Mark
	e.restart(func() { copyTo(t, copied, e.path(fileName)) })
	e.wantState(RolledBack)
	if err := MarkRestored(ctx, copied, e.dir, e.now); err != nil {
		t.Fatal(err)
	}
	e.restart(func() {
		remove(t, e.path(fileName)+"-log")
		copyTo(t, copied, e.path(fileName))
	})
	e.wantState(Good)
	if got := e.read().Records("ann"); len(got) != 1 || got[0].Delegate != "bob" {
		t.Errorf("%+v", got)
	}
	list, err := e.History(ctx, "", e.now)
	if err != nil {
		t.Fatal(err)
	}
	if last := list[len(list)-1]; last.Verb != "restored" || last.Replaced == nil || *last.Replaced != old {
		t.Errorf("%+v", last)
	}
	e.put("ann", "cy", LevelRead)
	if err := e.Verify(ctx); err != nil {
		t.Error(err)
	}

	damaged := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(damaged, []byte("nothing of the kind"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MarkRestored(ctx, damaged, e.dir, e.now); !errors.Is(err, ErrCopy) {
		t.Errorf("%v, want ErrCopy", err)
	}
}
