package auth_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"convene/auth"
	"convene/testenv"
)

// Whatever happens, no secret is in the log, nor in what the client is told.
func TestSecretsNotLogged(t *testing.T) {
	htpasswd := write(t, "bob:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\nrené:$nonsense$hash$\n")
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.State, o.Digest.DevicePasswords = []string{"negotiate", "digest", "basic"}, newState(t), true
		o.Negotiate.Keytab, o.Basic.Files = keytabFile(t), []string{htpasswd}
		o.Throttle.AddressFailures = 1000
	})
	dev, secret, err := s.Devices().Add(t.Context(), "ALICE-GUID", "phone")
	if err != nil {
		t.Fatal(err)
	}
	token := testenv.Mint(t, keytab(t), testenv.TicketOptions{}).Token
	other := testenv.Mint(t, testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "other key", 1, 18), testenv.TicketOptions{}).Token
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	digest := c.field("PROPFIND", "/calendars/")
	evil := &digestClient{user: "alice", password: "hunter2-guess", realm: c.realm, nonce: c.nonce, opaque: c.opaque}
	fields := []string{
		alice, aliceWrong, basicField("alice", "hunter2-guess"), basicField("alice", secret), basicField("bob", "hunter2-guess"),
		basicField("bob", "secret"), basicField("rené", "hunter2-guess"), basicField("nobody", "hunter2-guess"), basicField("carol", "carol's password"),
		"Basic " + base64.StdEncoding.EncodeToString([]byte("hunter2-guess")), "Basic hunter2-guess",
		negotiateField(token), negotiateField(token), negotiateField(other), negotiateField(token[:len(token)/2]), "Negotiate hunter2-guess",
		digest, digest, evil.field("PROPFIND", "/calendars/"), "Digest hunter2-guess", "Bearer hunter2-guess", "hunter2-guess",
	}
	var told strings.Builder
	send := func() {
		for _, f := range fields {
			for range 5 {
				_, _, out := s.try(f)
				told.WriteString(out.Body)
				if out.Err != nil {
					told.WriteString(out.Err.Error())
				}
			}
		}
	}
	send()
	s.people.down.Store(true)
	send()
	s.people.down.Store(false)
	boom := errors.New("boom")
	s.people.deny.Store(&boom)
	s.Forget("ALICE-GUID")
	send()
	if err := s.Devices().Revoke(t.Context(), "ALICE-GUID", dev.ID); err != nil {
		t.Fatal(err)
	}
	send()
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	secrets := []string{
		"alice's password", "carol's password", "hunter2", secret, strings.ReplaceAll(secret, "-", ""), "LrttParr", "$nonsense", "service password",
		c.nonce, c.response("PROPFIND", "/calendars/", 1, "c0ffee"), c.hash("alice:test:alice's password"), "c0ffee",
		base64.StdEncoding.EncodeToString(token)[:40], hex.EncodeToString(token[:20]),
		strings.TrimPrefix(alice, "Basic "), strings.TrimPrefix(aliceWrong, "Basic ")[10:],
	}
	for _, where := range []struct{ name, text string }{{"log", s.log.String()}, {"answers", told.String()}} {
		if len(where.text) < 1000 {
			t.Errorf("%s has %d bytes only", where.name, len(where.text))
		}
		for _, x := range secrets {
			if i := strings.Index(where.text, x); i >= 0 {
				t.Errorf("%s has the secret %q: …%s", where.name, x, where.text[max(0, i-100):min(len(where.text), i+50)])
			}
		}
	}
}

// Files with secrets that every account can read are warned of, once.
func TestReadableSecrets(t *testing.T) {
	file := write(t, "bob:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n")
	s := openSite(t, func(o *auth.Options) { o.Basic.Files = []string{file} })
	const warning = "can be read by every account"
	if strings.Contains(s.log.String(), warning) {
		t.Errorf("warned of a file for its owner only:\n%s", s.log)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(s.log.String(), warning); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, s.log)
	}
}
