package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/auth"
	"convene/testenv"
)

// Tickets encrypted with RC4 are refused unless the configuration says otherwise, and the
// log says at the start what is wrong with the keytab.
func TestEnctypes(t *testing.T) {
	const aes256, aes128, rc4 = 18, 17, 23
	for _, tt := range []struct {
		name    string
		keytab  []int32
		ticket  int32
		allowed []string
		status  int
		log     string
	}{
		{"AES 256", []int32{aes256}, aes256, nil, 200, ""},
		{"AES 128", []int32{aes128}, aes128, nil, 200, ""},
		{"RC4 beside AES", []int32{aes256, rc4}, rc4, nil, 401, "tickets for them are refused"},
		{"AES beside RC4", []int32{aes256, rc4}, aes256, nil, 200, "tickets for them are refused"},
		{"RC4 alone", []int32{rc4}, rc4, nil, 401, "nobody can sign in with a ticket"},
		{"RC4 allowed", []int32{rc4}, rc4, []string{"rc4-hmac"}, 200, ""},
		{"AES not allowed", []int32{aes256, rc4}, aes256, []string{"rc4-hmac"}, 401, "tickets for them are refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var keys []byte
			for i, e := range tt.keytab {
				b := testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "service password", 1, e)
				if i > 0 {
					b = b[2:] // the version of the file
				}
				keys = append(keys, b...)
			}
			file := filepath.Join(t.TempDir(), "keytab")
			if err := os.WriteFile(file, keys, 0o600); err != nil {
				t.Fatal(err)
			}
			s := kerberosSite(t, func(o *auth.Options) { o.Negotiate.Keytab, o.Negotiate.Enctypes = file, tt.allowed })
			if got := s.log.String(); strings.Contains(got, "auth.negotiate.enctypes") != (tt.log != "") || !strings.Contains(got, tt.log) {
				t.Errorf("log: %s", got)
			}
			m := testenv.Mint(t, testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "service password", 1, tt.ticket), testenv.TicketOptions{Now: s.clock.now(), Etype: tt.ticket})
			status, _, out := s.try(negotiateField(m.Token))
			if status != tt.status || status == 401 && !strings.Contains(out.Err.Error(), "does not allow") {
				t.Errorf("%d %v", status, out.Err)
			}
		})
	}
	c := auth.DefaultConfig()
	for _, names := range [][]string{{"des-cbc-crc"}, {}} {
		c.Negotiate.Enctypes = names
		if key, err := c.Check(); key != "negotiate.enctypes" || err == nil {
			t.Errorf("%v: %q %v", names, key, err)
		}
	}
}
