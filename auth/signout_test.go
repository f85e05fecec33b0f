package auth_test

import (
	"testing"

	"convene/auth"
)

// Who is signed out proves again who they are: neither a remembered password nor a
// Digest session spares them that, and no replay gets through for it. Others notice
// nothing, and device passwords stay.
func TestSignOut(t *testing.T) {
	for _, shared := range []bool{false, true} {
		s := openSite(t, func(o *auth.Options) {
			o.Schemes, o.State, o.Digest.Shared = []string{"digest", "basic"}, newState(t), shared
		})
		session := func(user string) (c *digestClient, replay string) {
			c = s.digestSession(t, user, user+"'s password", false)
			replay = c.field("PROPFIND", "/calendars/")
			if status, _, out := s.try(replay); status != 200 {
				t.Fatalf("%s: %d %v", user, status, out.Err)
			}
			return c, replay
		}
		_, device, err := s.Devices().Add(t.Context(), "ALICE-GUID", "phone")
		if err != nil {
			t.Fatal(err)
		}
		alice, replay := session("alice")
		bob, _ := session("bob")
		unused := s.digestSession(t, "alice", "alice's password", false) // issued, not used yet
		basic := basicField("alice", "alice's password")
		s.try(basic)
		s.try(basicField("bob", "bob's password"))
		binds := s.people.binds.Load()
		if err := s.SignOut(t.Context(), "ALICE-GUID"); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := s.try(replay); status != 401 {
			t.Errorf("shared %v: a replay after it: %d", shared, status)
		}
		if status, _ := s.next(alice); status != 401 {
			t.Errorf("shared %v: the Digest session goes on: %d", shared, status)
		}
		if status, _ := s.next(unused); status != 401 && !shared {
			t.Errorf("a nonce issued before: %d", status)
		}
		if status, _ := s.next(bob); status != 200 {
			t.Errorf("shared %v: bob: %d", shared, status)
		}
		s.try(basicField("bob", "bob's password"))
		if n := s.people.binds.Load(); n != binds {
			t.Errorf("bob is asked again: %d binds, were %d", n, binds)
		}
		if status, _, _ := s.try(basic); status != 200 || s.people.binds.Load() != binds+1 {
			t.Errorf("the directory is not asked for alice: %d, %d binds", status, s.people.binds.Load()-binds)
		}
		if status, _, _ := s.try(basicField("alice", device)); status != 200 {
			t.Errorf("device password: %d", status)
		}
		session("alice") // by a new nonce
		if err := s.SignOut(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if status, _ := s.next(bob); status != 401 {
			t.Errorf("shared %v: everybody was signed out, and bob's session goes on: %d", shared, status)
		}
		binds = s.people.binds.Load()
		if s.try(basicField("bob", "bob's password")); s.people.binds.Load() != binds+1 {
			t.Error("the directory is not asked for bob")
		}
	}
}
