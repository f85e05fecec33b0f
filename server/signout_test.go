package server_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"convene/admin"
	"convene/directory"
	"convene/sacl"
)

// control connects to the control socket of a server.
func control(t *testing.T, dataDir string) *admin.Client {
	t.Helper()
	var c *admin.Client
	eventually(t, "control socket", func() bool {
		var err error
		c, err = admin.Dial(t.Context(), dataDir)
		return err == nil
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// propfind asks for the root as somebody and returns the status.
func propfind(t *testing.T, base, user, password string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", base+"/calendars/users/"+user+"/", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	r.Header.Set("Depth", "0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// leave takes somebody out of the people file. The server reads it by itself, seconds
// later; here it reads it at once, but what it remembers of the directory stays.
func leave(t *testing.T, file, user string) {
	t.Helper()
	var kept []string
	for entry := range strings.SplitSeq(smallLDIF, "\n\n") {
		if !strings.HasPrefix(strings.TrimSpace(entry), "dn: uid="+user+",") {
			kept = append(kept, entry)
		}
	}
	if err := os.WriteFile(file+".new", []byte(strings.Join(kept, "\n\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// Sessions of browsers end by command, somebody's or everybody's.
func TestSignOutSessions(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	ann, bob := open(t, s.HTTPS), open(t, s.HTTPS)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	conn := control(t, c.Server.Data)
	out, err := admin.SignOut(t.Context(), conn, admin.SignOutRequest{Who: "ann"})
	if err != nil || out.Sessions != 1 || out.Name != "ann" {
		t.Fatalf("%+v %v", out, err)
	}
	if a, b := ann.get(t, "/my/").StatusCode, bob.get(t, "/my/").StatusCode; a != 401 || b != 200 {
		t.Errorf("ann %d, bob %d", a, b)
	}
	if out, err = admin.SignOut(t.Context(), conn, admin.SignOutRequest{All: true}); err != nil || out.Sessions != 1 {
		t.Fatalf("%+v %v", out, err)
	}
	if b := bob.get(t, "/my/").StatusCode; b != 401 {
		t.Errorf("bob %d", b)
	}
	for _, r := range []admin.SignOutRequest{{}, {Who: "ann", All: true}, {All: true, Devices: true}} {
		if _, err := admin.SignOut(t.Context(), conn, r); !errors.Is(err, admin.ErrRequest) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := admin.SignOut(t.Context(), conn, admin.SignOutRequest{Who: "zoe"}); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
	if _, err := admin.AddDevice(t.Context(), conn, admin.DeviceRequest{Who: "ann", Label: "phone"}); err != nil {
		t.Fatal(err)
	}
	if out, err = admin.SignOut(t.Context(), conn, admin.SignOutRequest{Who: "ann"}); err != nil || out.Devices != 0 {
		t.Errorf("device passwords are to stay: %+v %v", out, err)
	}
	if out, err = admin.SignOut(t.Context(), conn, admin.SignOutRequest{Who: "ann", Devices: true}); err != nil || out.Devices != 1 {
		t.Errorf("%+v %v", out, err)
	}
}

// Who has left the directory is out at once, by signout, by a flush, or by a reload; and
// can be denied afterwards, by name or by GUID, in case they come back.
func TestWhoHasLeftIsOut(t *testing.T) {
	for name, act := range map[string]func(*testing.T, *admin.Client) error{
		"signout": func(t *testing.T, c *admin.Client) error {
			_, err := admin.SignOut(t.Context(), c, admin.SignOutRequest{Who: "ann"})
			return err
		},
		"signout by GUID": func(t *testing.T, c *admin.Client) error {
			_, err := admin.SignOut(t.Context(), c, admin.SignOutRequest{Who: "11111111-0000-0000-0000-000000000001"})
			return err
		},
		"signout of all": func(t *testing.T, c *admin.Client) error {
			_, err := admin.SignOut(t.Context(), c, admin.SignOutRequest{All: true})
			return err
		},
		"flush": func(t *testing.T, c *admin.Client) error {
			_, err := admin.FlushDirectory(t.Context(), c, admin.FlushRequest{Who: "ann"})
			return err
		},
		"flush of all": func(t *testing.T, c *admin.Client) error {
			_, err := admin.FlushDirectory(t.Context(), c, admin.FlushRequest{})
			return err
		},
		"reload": func(t *testing.T, c *admin.Client) error { return admin.Reload(t.Context(), c, admin.Request{}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := smallConfig(t)
			c.Directory.File.CheckEvery = 1 // at every question
			s := serve(t, c)
			conn := control(t, c.Server.Data)
			if got := propfind(t, s.HTTP, "ann", "secret"); got != 207 {
				t.Fatalf("before: %d", got)
			}
			leave(t, c.Directory.File.File, "ann")
			if got := propfind(t, s.HTTP, "ann", "secret"); got != 207 {
				t.Fatalf("what is remembered for %v is not used: %d", c.Directory.Cache.TTL, got)
			}
			if err := act(t, conn); err != nil {
				t.Fatal(err)
			}
			if got := propfind(t, s.HTTP, "ann", "secret"); got != 401 {
				t.Errorf("after: %d", got)
			}
			if got := propfind(t, s.HTTP, "bob", "secret"); got != 207 {
				t.Errorf("bob: %d", got)
			}
			for _, who := range []string{"ann", "user:ann", "11111111-0000-0000-0000-000000000001"} {
				r, err := admin.ChangeSACL(t.Context(), conn, admin.SACLChange{Service: sacl.Calendar, Effect: sacl.Deny, Who: who})
				if err != nil || len(r.Rules) != 1 || r.Rules[0].GUID != "11111111-0000-0000-0000-000000000001" {
					t.Errorf("deny %s: %+v %v", who, r, err)
				}
			}
			if err := os.WriteFile(c.Directory.File.File, []byte(smallLDIF), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := admin.Reload(t.Context(), conn, admin.Request{}); err != nil {
				t.Fatal(err)
			}
			if got := propfind(t, s.HTTP, "ann", "secret"); got != 403 {
				t.Errorf("denied, and back: %d", got)
			}
			if _, err := admin.ChangeSACL(t.Context(), conn, admin.SACLChange{Service: sacl.Calendar, Effect: sacl.Allow, Who: "zoe"}); !errors.Is(err, directory.ErrNotFound) {
				t.Errorf("allowing somebody who never was: %v", err)
			}
		})
	}
}
