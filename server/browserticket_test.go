package server_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"convene/testenv"
)

// Who has a ticket is signed in by Chromium without typing anything: the first question it
// may miss, since it loads its Kerberos library late, and the form asks once more. Without a
// ticket there is the form, and no dialog.
func TestPageTicketInChromium(t *testing.T) {
	chromium := testenv.Require(t, "browser", "chromium")[0]
	realm := testenv.KDC(t, testenv.RealmOptions{Services: []string{"HTTP/localhost"}, Principals: map[string]string{"ann": "secret"}})
	c := smallConfig(t)
	c.Auth.Schemes = []string{"negotiate", "basic"}
	c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost")
	s := serve(t, c)
	shown := func(env []string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--user-data-dir="+testenv.Dir(t), "--auth-server-allowlist=localhost", "--lang=en-US",
			"--dump-dom", strings.Replace(s.HTTP, "127.0.0.1", "localhost", 1)+"/my/")
		cmd.Env = append(cmd.Environ(), env...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("chromium: %v\n%s", err, out)
		}
		return string(out)
	}
	if dom := shown(realm.Kinit("ann")); !strings.Contains(dom, `action="/signout"`) || strings.Contains(dom, `action="/signin"`) {
		t.Errorf("with a ticket:\n%s", dom)
	}
	if dom := shown(realm.Env()); !strings.Contains(dom, `action="/signin"`) || strings.Contains(dom, `action="/signout"`) {
		t.Errorf("without:\n%s", dom)
	}
}
