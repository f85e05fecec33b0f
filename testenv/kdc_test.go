package testenv_test

import (
	"strings"
	"testing"
	"time"

	"convene/testenv"
)

func TestKDC(t *testing.T) {
	r := testenv.KDC(t, testenv.RealmOptions{
		Realm: "TEST.EXAMPLE", Principals: map[string]string{"alice": "alicepw"}, Services: []string{"HTTP/localhost"},
	})
	if _, _, err := r.Login("alice").GetServiceTicket("HTTP/localhost"); err != nil {
		t.Errorf("service ticket: %v", err)
	}
	klist := testenv.Require(t, "kdc", "klist")[0]
	if out := testenv.Run(t, r.Kinit("alice"), "", klist); !strings.Contains(out, "alice@TEST.EXAMPLE") {
		t.Errorf("tickets of alice:\n%s", out)
	}
	file := r.Keytab("HTTP/localhost")
	r.Rotate(file, "HTTP/localhost")
	out := testenv.Run(t, r.Env(), "", klist, "-k", file)
	for _, want := range []string{"   1 HTTP/localhost@TEST.EXAMPLE", "   2 HTTP/localhost@TEST.EXAMPLE"} {
		if !strings.Contains(out, want) {
			t.Errorf("keytab lacks %q:\n%s", want, out)
		}
	}
}

// A KDC whose clock is ahead gives tickets that say so.
func TestKDCSkew(t *testing.T) {
	r := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"alice": "alicepw"}, Skew: 24 * time.Hour})
	date := testenv.Require(t, "kdc", "klist")[0]
	out := testenv.Run(t, append(r.Kinit("alice"), "LC_ALL=C"), "", date)
	if tomorrow := time.Now().Add(24 * time.Hour).Format("01/02/06"); !strings.Contains(out, tomorrow) {
		t.Errorf("no ticket starts on %s:\n%s", tomorrow, out)
	}
}
