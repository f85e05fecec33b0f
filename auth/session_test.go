package auth_test

import (
	"errors"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

// Sessions open by their token alone, end one by one, all at once, and by a restored file;
// one person has no more than so many.
func TestSessions(t *testing.T) {
	ctx := t.Context()
	e := engine.OpenMemory(auth.Tables())
	defer e.Close()
	wrapped := e
	if w := enginetest.Wrapper(t); w != nil {
		wrapped = w(e)
	}
	now := time.Date(2026, 12, 2, 8, 0, 0, 0, time.UTC)
	s := &auth.Sessions{Engine: wrapped, Now: func() time.Time { return now }}
	limits := auth.SessionLimits{Idle: time.Hour, Life: 3 * time.Hour}
	begin := func(guid, replaced string) (string, auth.Session) {
		t.Helper()
		token, one, err := s.Begin(ctx, &auth.Caller{Principal: &directory.Principal{GUID: guid}, Login: guid}, auth.Visit{Agent: "a\x1b[2Jb"}, replaced)
		if err != nil {
			t.Fatal(err)
		}
		return token, one
	}
	use := func(token string) error { _, err := s.Use(ctx, token, auth.Visit{}, limits); return err }
	ann, session := begin("ann", "")
	other, _ := begin("ann", "")
	bob, _ := begin("bob", "")
	if session.Agent != "a[2Jb" {
		t.Errorf("agent %q", session.Agent)
	}
	for _, none := range []string{"", "x", session.ID, ann[1:]} {
		if err := use(none); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("%q: %v", none, err)
		}
	}
	if err := s.End(ctx, "bob", session.ID); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("another's session: %v", err)
	}
	again, _ := begin("ann", ann)
	if err := use(ann); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("replaced: %v", err)
	}
	if n, err := s.EndAll(ctx, "ann"); n != 2 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	for _, token := range []string{again, other} {
		if err := use(token); !errors.Is(err, auth.ErrNoSession) {
			t.Errorf("after all were ended: %v", err)
		}
	}
	if err := use(bob); err != nil {
		t.Errorf("bob: %v", err)
	}
	for range 40 {
		now = now.Add(time.Second)
		begin("ann", "")
	}
	if list, err := s.List(ctx, "ann", limits); len(list) != 32 || err != nil {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	now = now.Add(2 * time.Hour)
	if err := use(bob); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("idle: %v", err)
	}
	if err := s.Sweep(ctx, limits); err != nil {
		t.Error(err)
	}
	if n, err := s.Count(ctx); n != 0 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
	eve, _ := begin("eve", "")
	if err := auth.MarkRestored(ctx, e, zeros{}, now); err != nil {
		t.Fatal(err)
	}
	if err := use(eve); !errors.Is(err, auth.ErrNoSession) {
		t.Errorf("after a restore: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
