package auth_test

import (
	"strings"
	"testing"

	"convene/testenv"
)

// A keytab with older keys than the KDC's is in the log, once for each version and a
// few at most, and not for what is older than the keytab.
func TestStaleKeytab(t *testing.T) {
	s := kerberosSite(t, nil)
	try := func(version uint8) {
		t.Helper()
		keys := testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "service password", version, 18)
		m := testenv.Mint(t, keys, testenv.TicketOptions{Now: s.clock.now(), Addresses: []string{"\xc0\x00\x02\x01"}}) // with the version of its key
		if status, _, out := s.try(negotiateField(m.Token)); status != 401 {
			t.Fatalf("version %d: %d %v", version, status, out.Err)
		}
	}
	warnings := func() int { return strings.Count(s.log.String(), "export it again") }
	for range 3 {
		try(3)
	}
	if n := warnings(); n != 1 || !strings.Contains(s.log.String(), "the KDC issues key version 3, the keytab has 1: export it again") {
		t.Errorf("%d warnings:\n%s", n, s.log)
	}
	for v := range uint8(20) {
		try(v + 4)
	}
	if n := warnings(); n != 4 {
		t.Errorf("%d warnings, want 4:\n%s", n, s.log)
	}
}
