package discover_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/directory"
	"convene/discover"
	"convene/testenv"
)

// script answers questions by their flags, and remembers them.
type script struct {
	answers map[string]string
	asked   []string
}

func (s *script) Ask(q discover.Question) (string, error) {
	s.asked = append(s.asked, q.Flag)
	if a, ok := s.answers[q.Flag]; ok {
		return a, nil
	}
	return q.Default, nil
}

// Wrong passwords stop after two, before the account is locked; a right second one goes on.
func TestJoinBindsTwice(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Lockout: true, LDIF: `dn: uid=alice,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: A
mail: alice@example.com
userPassword: alicepw

`})
	o := discover.Options{URLs: []string{srv.TLSURL}, CAFile: srv.CA.File, BindUser: "uid=alice,dc=example,dc=com", BindPassword: "wrong",
		HostName: "localhost", Output: filepath.Join(t.TempDir(), "convene.toml")}
	none := func(discover.Finding) {}
	asks := &script{answers: map[string]string{"--password-file": "wrong too"}}
	r, err := discover.Join(t.Context(), o, asks, none)
	if err == nil || len(asks.asked) != 1 || r.Findings[len(r.Findings)-1].Symptom == "" {
		t.Fatalf("%v, asked %q, %+v", err, asks.asked, r.Findings)
	}
	if _, err := os.Stat(o.Output); err == nil {
		t.Fatal("a configuration was written")
	}
	asks.answers["--password-file"] = "alicepw" // the account is not locked: two is less than three
	o.BindPassword = "alicepw"
	o.TestUser, o.TestPassword = "alice@example.com", "alicepw"
	if r, err = discover.Join(t.Context(), o, asks, none); err != nil {
		t.Fatalf("%v, %+v", err, r.Findings)
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(o.Output), "ldap-password"))
	if err != nil || string(b) != "alicepw\n" {
		t.Errorf("password file: %q, %v", b, err)
	}
	if text, err := os.ReadFile(o.Output); err != nil || strings.Contains(string(text), "alicepw") {
		t.Errorf("%v\n%s", err, text)
	}
}

// A certificate is trusted by its sum, or that of its key; another one is not.
func TestPins(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{})
	chain, err := directory.Certificates(t.Context(), directory.LDAPConfig{}, srv.TLSURL)
	if err != nil {
		t.Fatal(err)
	}
	right := discover.Pin(chain[0])
	for pin, want := range map[string]bool{right: true, strings.ToUpper(right): true, "sha256:" + strings.Repeat("00", 32): false} {
		p, err := directory.OpenProbe(t.Context(), directory.LDAPConfig{Fingerprints: []string{pin}}, srv.TLSURL)
		if (err == nil) != want {
			t.Errorf("%s: %v", pin, err)
		}
		if err == nil {
			p.Close()
		}
	}
	if _, err := directory.OpenProbe(t.Context(), directory.LDAPConfig{Fingerprints: []string{"md5:00"}}, srv.TLSURL); err == nil {
		t.Error("no fingerprint is taken for one")
	}
}
