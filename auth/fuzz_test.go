package auth_test

import (
	"encoding/base64"
	"log/slog"
	"testing"

	"convene/auth"
	"convene/testenv"
)

// FuzzSPNEGO feeds tokens to the acceptor. Only a ticket made with the service's
// key may be accepted, and one of alice; nothing may panic.
func FuzzSPNEGO(f *testing.F) {
	s := kerberosSite(f, func(o *auth.Options) { o.Log = slog.New(slog.DiscardHandler) })
	keys := keytab(f)
	for _, o := range []testenv.TicketOptions{
		{}, {Bare: true}, {MIC: true, Flags: testenv.FlagMutual}, {Further: true}, {NoToken: true}, {Mechs: [][]int{}},
		{Mechs: [][]int{testenv.MechNTLM, testenv.MechKerberos}}, {Mechs: [][]int{testenv.MechMSKerberos, testenv.MechKerberos}},
		{AuthData: pacFixture(f)},
	} {
		f.Add(testenv.Mint(f, keys, o).Token)
	}
	f.Add([]byte("NTLMSSP\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, token []byte) {
		status, c, out := s.try("Negotiate " + base64.StdEncoding.EncodeToString(token))
		if status == 200 && c.Login != "alice@EXAMPLE.COM" {
			t.Errorf("accepted %q", c.Login)
		}
		if status != 200 && status != 401 {
			t.Errorf("%d: %v", status, out.Err)
		}
	})
}

// FuzzDigestHeader feeds credentials that were made without the password.
func FuzzDigestHeader(f *testing.F) {
	s := digestSite(f, func(o *auth.Options) {
		o.Throttle.AddressFailures, o.Throttle.LocalFailures = 1<<30, 1<<20
		o.Log = slog.New(slog.DiscardHandler)
	})
	_, _, out := s.try("")
	for _, sha := range []bool{false, true} {
		c := &digestClient{user: "alice", password: "guess", sha256: sha}
		c.learn(out)
		f.Add(c.field("PROPFIND", "/calendars/")[len("Digest "):])
	}
	f.Add(`username*=UTF-8''%61lice, realm="test", nonce="", uri="/", qop="auth", nc=00000001, cnonce="\"\\", response="00"`)
	f.Add(`a=b, ,c="d`)
	f.Fuzz(func(t *testing.T, field string) {
		if status, _, out := s.try("Digest " + field); status != 401 {
			t.Errorf("%d: %v", status, out.Err)
		}
	})
}
