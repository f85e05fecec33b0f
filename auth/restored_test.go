package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"convene/auth"
	"convene/internal/engine"
)

// A state that was restored accepts nothing that was signed in the lost time, with the
// restart in between that would otherwise repeat the count of starts; a state of a
// later version is refused.
func TestRestoredState(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.db")
	e := openState(t, path)
	s := digestSite(t, func(o *auth.Options) { o.State = e }) // makes the keys
	var copied bytes.Buffer
	if err := errors.Join(s.Close(context.Background()), e.Backup(context.Background(), &copied), e.Close()); err != nil {
		t.Fatal(err)
	}
	// The lost time: one start and one session.
	e = openState(t, path)
	s = digestSite(t, func(o *auth.Options) { o.State = e })
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	old := c.field("PROPFIND", "/calendars/")
	if status, _, out := s.try(old); status != 200 {
		t.Fatal(out.Err)
	}
	if err := errors.Join(e.Close(), os.WriteFile(path+"2", copied.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	e = openState(t, path+"2")
	if err := auth.MarkRestored(context.Background(), e, rand.Reader, s.clock.now()); err != nil {
		t.Fatal(err)
	}
	if version, err := auth.CheckState(context.Background(), e); err != nil || version > 1 {
		t.Errorf("version %d, %v", version, err)
	}
	s = digestSite(t, func(o *auth.Options) { o.State = e })
	if status, _, _ := s.try(old); status != 401 {
		t.Errorf("a request of the lost time: %d, want 401", status)
	}
	if err := e.Update(context.Background(), func(w engine.Writer) error {
		return w.Put("meta", []byte("schema"), []byte{0, 0, 0, 99})
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.CheckState(context.Background(), e); !errors.Is(err, auth.ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}
