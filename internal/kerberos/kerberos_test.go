package kerberos_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"convene/internal/kerberos"
	"convene/testenv"
)

// entry is a key of a keytab.
type entry struct {
	principal string
	version   uint8
	etype     int32
}

func keytabOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	k := keytab.New()
	for _, e := range entries {
		if err := k.AddEntry(e.principal, "EXAMPLE.COM", "secret", time.Unix(0, 0), e.version, e.etype); err != nil {
			t.Fatal(err)
		}
	}
	b, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCredentialsOf(t *testing.T) {
	t.Parallel()
	b := keytabOf(t, entry{"convene", 3, 18}, entry{"convene", 2, 18}, entry{"HTTP/x", 7, 17}, entry{"old", 1, 23})
	for principal, want := range map[string]struct {
		name    string
		version int
		err     error
	}{
		"convene":               {"convene", 3, nil},
		"CONVENE@example.com":   {"convene", 3, nil},
		"HTTP/x@EXAMPLE.COM":    {"HTTP/x", 7, nil},
		"old@EXAMPLE.COM":       {"", 0, kerberos.ErrWeakKeys},
		"convene@ELSEWHERE.COM": {"", 0, kerberos.ErrNoPrincipal},
	} {
		c, err := kerberos.CredentialsOf(b, principal)
		if !errors.Is(err, want.err) || err == nil && (c.Name != want.name || c.Version != want.version || c.Realm != "EXAMPLE.COM") {
			t.Errorf("%s: %+v, %v", principal, c, err)
		}
	}
	if _, err := kerberos.CredentialsOf(b, "zoe"); err == nil || !strings.Contains(err.Error(), "HTTP/x@EXAMPLE.COM, old@EXAMPLE.COM") {
		t.Errorf("%v", err)
	}
	for i := range b {
		_, _ = kerberos.CredentialsOf(b[:i], "convene") // is refused, and does not panic
	}
	if _, err := kerberos.CredentialsOf(b[:20], "convene"); err == nil {
		t.Error("half a keytab is one")
	}
}

// A server that answers anything but what the protocol has is refused.
func TestInitiatorRefuses(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"convene": "pw"}, Services: []string{"ldap/localhost"}})
	t.Setenv("KRB5_CONFIG", realm.ConfPath)
	b, err := os.ReadFile(realm.Keytab("convene"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := kerberos.CredentialsOf(b, "convene")
	if err != nil {
		t.Fatal(err)
	}
	kdcs, err := kerberos.FindKDCs(t.Context(), nil, realm.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kdcs[0].Ticket(t.Context(), c, "ldap/elsewhere"); err == nil || kerberos.Refused(err) {
		t.Errorf("a service that is not there: %v", err)
	} else if code, ok := kerberos.Code(err); !ok || code != 7 {
		t.Errorf("code %d of %v", code, err)
	}
	ticket, err := kdcs[0].Ticket(t.Context(), c, "ldap/localhost")
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(ticket.Until); left < 9*time.Hour || left > 11*time.Hour {
		t.Errorf("the ticket is good for %v", left)
	}
	first, more, err := ticket.Initiator(make([]byte, 16)).InitSecContext("", nil)
	if err != nil || !more {
		t.Fatal(err)
	}
	for _, answer := range [][]byte{nil, {}, {0x60}, []byte("NTLMSSP\x00"), first, first[:len(first)/2], make([]byte, 200)} {
		i := ticket.Initiator(nil)
		if _, _, err := i.InitSecContext("", nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := i.InitSecContext("", answer); !errors.Is(err, kerberos.ErrServer) {
			t.Errorf("%x: %v", answer[:min(len(answer), 8)], err)
		}
		if _, err := i.NegotiateSaslAuth(answer, ""); !errors.Is(err, kerberos.ErrServer) {
			t.Errorf("as a message: %x: %v", answer[:min(len(answer), 8)], err)
		}
	}
	garbage := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "keytab"), "none")
	if _, err := kerberos.Keytab(garbage); err == nil || !strings.Contains(err.Error(), "malformed") {
		t.Errorf("%v", err)
	}
}
