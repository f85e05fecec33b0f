package server_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/config"
	"convene/testenv"
)

// attacks says how many attacks of a kind were tried, as "make attack" sums them up.
func attacks(t *testing.T, n int, kind string) {
	t.Helper()
	if n == 0 {
		t.Errorf("nothing was tried: %s", kind)
	}
	t.Logf("%d attacks: %s", n, kind)
}

// tried reports whether the i-th attack of a kind is tried: each is where
// CONVENE_TEST_ATTACKS is "all", as "make attack" has it, and else one of eight.
func tried(i int) bool { return i%8 == 0 || os.Getenv("CONVENE_TEST_ATTACKS") == "all" }

// openHanded is a server that counts no wrong password, so that each is looked at.
func openHanded(c config.Config) config.Config {
	const many = 1 << 30
	c.Auth.Throttle.AccountFailures, c.Auth.Throttle.LocalFailures, c.Auth.Throttle.AddressFailures = many, many, many
	c.Auth.Throttle.RefuseAfter = time.Nanosecond
	return c
}

// loginsThatMeanMore are log-ins with what is more than text to a directory: of search
// filters (RFC 4515), of names (RFC 4514), of the protocol, and of what encodes them.
func loginsThatMeanMore() (list []string) {
	for _, before := range []string{"", "a", "ann", "uid=ann"} {
		for _, more := range []string{
			"*", "**", "*)(uid=*", ")(uid=*", ")(&)", ")(|(uid=*", "*))(|(uid=*", ")(!(uid=x))", ")(objectClass=*", ")(userPassword=*", ")(userPassword=s*",
			"))(uid=ann", ")\x28uid=*", `\2a`, `\2A`, `\28`, `\29`, `\5c`, `\`, `\\`, "\x00", "\x00)", `\00`, "%2a", "&#42;", "&", "|", "!", "=*", ">=", "<=", "~=",
			":dn:=ann", ":2.5.13.2:=ann", ":1.2.840.113556.1.4.1941:=", ",dc=example,dc=com", ",ou=people,dc=example,dc=com", ",,", ",", "+uid=ann", ";", `"`, "#0403616e6e",
			"<ann>", "//", "\x7f", "\u2217", "\uff0a", "\u202e", "\ufeff", "*@example.com", "@*", "@example.com)(mail=*", strings.Repeat("*", 60), strings.Repeat("(", 60),
		} {
			for _, after := range []string{"", ")", "n", "*"} {
				list = append(list, before+more+after)
			}
		}
	}
	return list
}

// A name that a directory would take for more than text finds nobody, in whichever way it
// comes: by Basic, from the form, in a path, in a search of people.
func TestAttackFilters(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("ann", "bob")})
	s := serve(t, openHanded(ldapConfig(t, slapd)))
	if a := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); a.StatusCode != 207 {
		t.Fatalf("ann herself: %s", a.Status)
	}
	b, c, n := open(t, s.HTTPS), client(), 0
	for i, login := range loginsThatMeanMore() {
		if !tried(i) {
			continue
		}
		for how, a := range map[string]answer{
			"Basic":                 do(t, c, "PROPFIND", s.HTTP+annHome, login, "", "Depth: 0"),
			"the form":              b.signIn(t, login, "secret"),
			"Basic, a domain":       do(t, c, "PROPFIND", s.HTTP+annHome, `EXAMPLE\`+login, "", "Depth: 0"),
			"the form, for an hour": b.post(t, "/signin", url.Values{"login": {login}, "password": {"secret"}, "next": {"/my/account"}}),
		} {
			n++
			if a.StatusCode != 401 || a.Header.Get("Set-Cookie") != "" && b.cookie(t) != "" {
				t.Errorf("%q by %s: %s", login, how, a.Status)
			}
		}
		path := s.HTTP + "/principals/users/" + url.PathEscape(login) + "/"
		n++
		if a := do(t, c, "PROPFIND", path, "ann", "", "Depth: 0"); a.StatusCode/100 == 2 || a.StatusCode >= 500 {
			t.Errorf("%s: %s", path, a.Status)
		}
		if strings.ContainsAny(login, "\x00\x7f\ufeff\u202e") {
			continue // XML does not have it, or it is nothing
		}
		n++
		search := `<D:principal-property-search xmlns:D="DAV:" test="allof"><D:property-search><D:prop><D:displayname/></D:prop><D:match>` +
			strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(login) + `</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`
		if a := do(t, c, "REPORT", s.HTTP+"/principals/", "ann", search, "Depth: 0"); a.StatusCode >= 500 || strings.Contains(a.Body, "Example") {
			t.Errorf("search of %q: %s %.300s", login, a.Status, a.Body)
		}
	}
	attacks(t, n, "names that mean more to a directory than they say")
}

// A directory that takes a bind without a password for one of nobody (RFC 4513 §5.1.2) lets
// nobody in here.
func TestAttackEmptyPasswords(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("ann"), Extra: "allow bind_anon_cred bind_anon_dn"})
	if _, err := slapd.Admin().SimpleBind(&ldap.SimpleBindRequest{Username: "uid=ann,ou=people,dc=example,dc=com", AllowEmptyPassword: true}); err != nil {
		t.Fatalf("the directory is not one of these: %v", err)
	}
	s := serve(t, openHanded(ldapConfig(t, slapd)))
	b, n := open(t, s.HTTPS), 0
	for _, login := range []string{"ann", "ANN", "ann@example.com", " ann", "ann ", "uid=ann,ou=people,dc=example,dc=com", ""} {
		for _, password := range []string{"", " ", "\t", "\x00", "\x00secret", "secret\x00", "\u200b", "\u00a0", "\r\n"} {
			field := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
			for how, a := range map[string]answer{
				"Basic": do(t, client(), "PROPFIND", s.HTTP+"/", "", "", "Depth: 0", field), "the form": b.signIn(t, login, password),
			} {
				n++
				if a.StatusCode != 401 {
					t.Errorf("%q with %q by %s: %s", login, password, how, a.Status)
				}
			}
		}
	}
	attacks(t, n, "passwords that are none")
}

// Whatever is changed in a token opens nothing of somebody else, and breaks nothing.
func TestAttackMutatedTickets(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob")})
	c := openHanded(ldapConfig(t, slapd))
	keys := testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "key", 1, 18)
	c.Auth.Schemes = []string{"negotiate"}
	c.Auth.Negotiate.Keytab = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "keytab"), string(keys))
	s := serve(t, c)
	as := func(path string, token []byte) int {
		t.Helper()
		return do(t, client(), "PROPFIND", s.HTTP+path, "", "", "Depth: 0", "Authorization: Negotiate "+base64.StdEncoding.EncodeToString(token)).StatusCode
	}
	if got := as("/calendars/users/alice/", testenv.Mint(t, keys, testenv.TicketOptions{}).Token); got != 207 {
		t.Fatalf("a token as it is: %d", got)
	}
	if got := as("/calendars/users/bob/", testenv.Mint(t, keys, testenv.TicketOptions{}).Token); got != 403 {
		t.Fatalf("a token as it is, for another: %d", got)
	}
	token, random := testenv.Mint(t, keys, testenv.TicketOptions{}).Token, rand.New(rand.NewPCG(1, 2))
	n, unharmed := 0, 0
	made := 0
	try := func(how string, at int, mutated []byte) {
		if made++; !tried(made) {
			return
		}
		n++
		switch got := as("/calendars/users/bob/", mutated); got {
		case http.StatusUnauthorized:
		case http.StatusForbidden: // it is alice still: the change was where nothing depends on it
			unharmed++
		default:
			t.Errorf("%s at %d: %d", how, at, got)
		}
	}
	for i := range token {
		try("cut off", i, token[:i])
		for _, b := range []byte{token[i] ^ 1<<random.IntN(8), 0, token[i] + byte(1+random.IntN(255))} {
			if b != token[i] {
				mutated := slices.Clone(token)
				mutated[i] = b
				try("another byte", i, mutated)
			}
		}
		if i%3 == 0 {
			try("left out", i, slices.Concat(token[:i], token[i+1:]))
			try("doubled", i, slices.Concat(token[:i+1], token[i:]))
		}
	}
	t.Logf("%d of them were as good as without the change", unharmed)
	if unharmed > n/10 {
		t.Errorf("%d of %d changes made no difference", unharmed, n)
	}
	attacks(t, n, "Kerberos tokens with a change")
}

// Old versions of TLS and weak ciphers are refused, also by who offers nothing else; and
// without TLS nothing is said on an address that has it.
func TestAttackDowngrade(t *testing.T) {
	weak := []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384}
	for _, suite := range tls.InsecureCipherSuites() {
		weak = append(weak, suite.ID)
	}
	n := 0
	for _, least := range []string{"1.2", "1.3"} {
		c := smallConfig(t)
		c.TLS.MinVersion = least
		s := serve(t, c)
		address := strings.TrimPrefix(s.HTTPS, "https://")
		tries := map[string]*tls.Config{
			"TLS 1.0": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, "TLS 1.1": {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		}
		for _, suite := range weak {
			tries[tls.CipherSuiteName(suite)] = &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
		}
		if least == "1.3" {
			tries["TLS 1.2"] = &tls.Config{MaxVersion: tls.VersionTLS12}
		}
		for name, config := range tries {
			n++
			config.InsecureSkipVerify = true
			if conn, err := tls.Dial("tcp", address, config); err == nil {
				t.Errorf("at least %s: %s is accepted: %+v", least, name, conn.ConnectionState())
				_ = conn.Close()
			} else if !strings.Contains(err.Error(), "tls: ") && !strings.Contains(err.Error(), "protocol version") {
				t.Errorf("%s: %v", name, err)
			}
		}
		n++
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(conn.SetDeadline(time.Now().Add(10*time.Second)), second(fmt.Fprint(conn, "GET /signin HTTP/1.1\r\nHost: localhost\r\n\r\n"))); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		if got, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf[:got]), "HTTP/1.0 400 ") {
			t.Errorf("without TLS: %v %q", err, buf[:got])
		}
		_ = conn.Close()
	}
	attacks(t, n, "TLS that is too old or too weak")
}

// What the server writes is for its account alone, but for what others are to have.
func TestAttackFileModes(t *testing.T) {
	c := smallConfig(t)
	c.Auth.Schemes = []string{"digest", "basic"}
	s := serve(t, c)
	eventually(t, "the socket", func() bool { _, err := os.Stat(filepath.Join(c.Server.Data, "control.sock")); return err == nil })
	deviceSecret(t, c, "ann")
	calendarOf(t, s.HTTP, "ann", map[string]string{"a": "DTSTART:20260504T120000Z"})
	open(t, s.HTTPS).signIn(t, "ann", "secret")
	n := 0
	look := func() {
		err := filepath.WalkDir(c.Server.Data, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			n++
			most := fs.FileMode(0)
			switch filepath.Base(path) {
			case "self-signed.pem": // is for clients
				most = 0o044
			case "access.log": // is for who looks after logs
				most = 0o040
			}
			if info.Mode().Perm()&0o077&^most != 0 {
				t.Errorf("%s is %s", path, info.Mode())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	look()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	look()
	attacks(t, n, "files that other accounts of the machine might read")
}
