package auth_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/held"
)

// aliased knows a record by one more login.
type aliased struct {
	*people
	alias, name string
}

func (a aliased) Lookup(ctx context.Context, k directory.Key) (*directory.Principal, error) {
	if k.By == directory.Login && k.Value == a.alias {
		k.Value = a.name
	}
	return a.people.Lookup(ctx, k)
}

func deviceSite(t testing.TB) *site {
	p := newPeople(t)
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Directory, o.State = []string{"digest", "basic"}, bindsOnly{p}, newState(t)
		o.Digest.DevicePasswords = true
	})
	s.people = p
	return s
}

func TestDevicePasswords(t *testing.T) {
	s, ctx := deviceSite(t), t.Context()
	dev, secret, err := s.Devices().Add(ctx, "ALICE-GUID", " My\nphone ")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^([0-9a-z]{5}-){3}[0-9a-z]{5}$`).MatchString(secret) || dev.Label != "My phone" || len(dev.ID) != 16 {
		t.Errorf("device %+v with secret of %d characters", dev, len(secret))
	}
	// Basic, typed in several ways; no bind.
	for _, typed := range []string{secret, strings.ReplaceAll(secret, "-", ""), strings.ToUpper(secret), strings.ReplaceAll(secret, "-", " ")} {
		status, c, out := s.try(basicField("alice", typed))
		if status != 200 || c.Device != dev.ID {
			t.Errorf("Basic: %d %+v: %v", status, c, out.Err)
		}
	}
	// Digest with each algorithm and login, beside a directory of binds only.
	for _, user := range []string{"alice", "alice@example.com", "alice@EXAMPLE.COM"} {
		for _, alg := range []bool{false, true} {
			c := &digestClient{user: user, password: secret, sha256: alg}
			_, _, out := s.try("")
			c.learn(out)
			status, caller, out := s.try(c.field("PROPFIND", "/calendars/"))
			if user == "alice@EXAMPLE.COM" && status == 401 {
				continue // this directory has no such login
			}
			if status != 200 || caller.Device != dev.ID {
				t.Errorf("Digest as %s: %d: %v", user, status, out.Err)
			}
		}
	}
	if n := s.people.binds.Load(); n != 0 {
		t.Errorf("%d binds, want 0", n)
	}
	if status, _, _ := s.try(basicField("bob", secret)); status != 401 {
		t.Error("somebody else's device password accepted")
	}
	if status, _, _ := s.try(alice); status != 200 {
		t.Error("directory password refused")
	}
	list, err := s.Devices().List(ctx, "ALICE-GUID")
	if err != nil || len(list) != 1 || list[0].LastUsed.IsZero() || list[0].Label != "My phone" {
		t.Errorf("list %+v: %v", list, err)
	}
}

func TestDeviceRevoke(t *testing.T) {
	s, ctx := deviceSite(t), t.Context()
	dev, secret, err := s.Devices().Add(ctx, "ALICE-GUID", "phone")
	if err != nil {
		t.Fatal(err)
	}
	c := &digestClient{user: "alice", password: secret}
	_, _, out := s.try("")
	c.learn(out)
	s.next(c)
	s.try(basicField("alice", secret))
	if err := s.Devices().Revoke(ctx, "ALICE-GUID", dev.ID); err != nil {
		t.Fatal(err)
	}
	if status, _ := s.next(c); status != 401 {
		t.Errorf("Digest after Revoke: %d", status)
	}
	for range 10 {
		if status, _, _ := s.try(basicField("alice", secret)); status != 401 {
			t.Errorf("Basic after Revoke: %d", status)
		}
	}
	if n := s.people.binds.Load(); n != 0 {
		t.Errorf("a revoked device password went to the directory %d times", n)
	}
	if err := s.Devices().Revoke(ctx, "ALICE-GUID", dev.ID); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("second Revoke: %v", err)
	}
	list, err := s.Devices().List(ctx, "ALICE-GUID")
	if err != nil || len(list) != 0 {
		t.Errorf("list %+v: %v", list, err)
	}
}

func TestDeviceLimits(t *testing.T) {
	s, ctx := deviceSite(t), t.Context()
	for range 32 {
		if _, _, err := s.Devices().Add(ctx, "BOB-GUID", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Devices().Add(ctx, "BOB-GUID", "x"); !errors.Is(err, auth.ErrTooManyDevices) {
		t.Errorf("the 33rd: %v", err)
	}
	if n, err := s.Devices().RevokeAll(ctx, "BOB-GUID"); n != 32 || err != nil {
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	if _, _, err := s.Devices().Add(ctx, "CAROL-GUID", "x"); !errors.Is(err, auth.ErrNotEnabled) {
		t.Errorf("of a record that may not sign in: %v", err)
	}
	if _, _, err := s.Devices().Add(ctx, "NOBODY", "x"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// Device passwords and the time of their last use outlive a restart.
func TestDeviceRestart(t *testing.T) {
	path := t.TempDir() + "/auth.db"
	var secret string
	var used time.Time
	for i := range 2 {
		e := openState(t, path)
		s := openSite(t, func(o *auth.Options) { o.State = e })
		if i == 0 {
			var err error
			if _, secret, err = s.Devices().Add(t.Context(), "ALICE-GUID", "phone"); err != nil {
				t.Fatal(err)
			}
		} else {
			list, err := s.Devices().List(t.Context(), "ALICE-GUID")
			if err != nil || len(list) != 1 || !list[0].LastUsed.Equal(used) {
				t.Errorf("list %+v, %v; want last use %v", list, err, used)
			}
		}
		if status, _, out := s.try(basicField("alice", secret)); status != 200 {
			t.Errorf("start %d: %d: %v", i, status, out.Err)
		}
		used = s.clock.now().UTC().Truncate(time.Second)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A disabled person's device passwords do not work either.
func TestDeviceOfDisabled(t *testing.T) {
	s := deviceSite(t)
	_, secret, err := s.Devices().Add(t.Context(), "ALICE-GUID", "phone")
	if err != nil {
		t.Fatal(err)
	}
	s.people.mu.Lock()
	s.people.disabled["ALICE-GUID"] = true
	s.people.mu.Unlock()
	if status, _, out := s.try(basicField("alice", secret)); status != 403 {
		t.Errorf("%d, want 403: %v", status, out.Err)
	}
}

// A device password that is held opens nothing, in Basic and in Digest, and is not listed;
// released it is what it was.
func TestHeldDevicePassword(t *testing.T) {
	var e engine.Engine
	p := newPeople(t)
	s := openSite(t, func(o *auth.Options) {
		e = newHeldState(t)
		o.Schemes, o.Directory, o.State = []string{"digest", "basic"}, bindsOnly{p}, e
		o.Digest.DevicePasswords = true
	})
	ctx := t.Context()
	_, secret, err := s.Devices().Add(ctx, "ALICE-GUID", "phone")
	if err != nil {
		t.Fatal(err)
	}
	want := func(when string, status, listed int) {
		t.Helper()
		s.SignOut(ctx, "")
		if got, _, _ := s.try(basicField("alice", secret)); got != status {
			t.Errorf("%s: Basic: %d, want %d", when, got, status)
		}
		for _, user := range []string{"alice", "alice@example.com"} {
			for _, alg := range []bool{false, true} {
				c := &digestClient{user: user, password: secret, sha256: alg}
				_, _, out := s.try("")
				c.learn(out)
				if got, _, _ := s.try(c.field("PROPFIND", "/calendars/")); got != status {
					t.Errorf("%s: Digest as %s: %d, want %d", when, user, got, status)
				}
			}
		}
		if list, err := s.Devices().List(ctx, "ALICE-GUID"); err != nil || len(list) != listed {
			t.Errorf("%s: listed %+v, %v", when, list, err)
		}
	}
	want("made", 200, 1)
	var all []held.Secret
	err = e.View(ctx, func(r engine.Reader) (err error) {
		all, err = auth.DeviceSecrets(r)
		return err
	})
	if err != nil || len(all) != 1 || all[0].GUID != "ALICE-GUID" || all[0].Label != "phone" {
		t.Fatalf("%+v %v", all, err)
	}
	if n, err := held.Hold(ctx, e, all, nil); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	want("held", 401, 0)
	if list, err := held.Release(ctx, e, auth.HeldDevice); len(list) != 1 || err != nil {
		t.Fatal(list, err)
	}
	want("released", 200, 1)
}

// newHeldState is a state in memory in which secrets can be held.
func newHeldState(t testing.TB) engine.Engine {
	e := engine.OpenMemory(append(auth.Tables(), held.Tables()...))
	t.Cleanup(func() { _ = e.Close() })
	return e
}
