package server_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
	"convene/sacl"
	"convene/server"
	"convene/testenv"
)

// companyLDIF returns users u0 … and the groups team ⊃ them and staff ⊃ team,
// in a base that exists. Passwords are "secret".
func companyLDIF(users ...string) string {
	var b, members strings.Builder
	b.WriteString("dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n")
	for _, u := range users {
		fmt.Fprintf(&b, "dn: uid=%[1]s,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s Example\nsn: Example\nmail: %[1]s@example.com\nuserPassword: secret\n\n", u)
		fmt.Fprintf(&members, "member: uid=%s,ou=people,dc=example,dc=com\n", u)
	}
	b.WriteString("dn: cn=team,dc=example,dc=com\nobjectClass: groupOfNames\ncn: team\n" + members.String() + "\n")
	b.WriteString("dn: cn=staff,dc=example,dc=com\nobjectClass: groupOfNames\ncn: staff\nmember: cn=team,dc=example,dc=com\n\n")
	return b.String()
}

// ldapConfig is the configuration of a server in front of some slapds.
func ldapConfig(t *testing.T, servers ...*testenv.LDAP) config.Config {
	t.Helper()
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	l := &c.Directory.LDAP
	for _, s := range servers {
		l.URLs = append(l.URLs, s.URL)
	}
	l.BindDN, l.BindPassword, l.Base, l.Preset = servers[0].ServiceDN, servers[0].ServicePassword, []string{servers[0].BaseDN}, "openldap"
	return c
}

// A person with Kerberos, Digest or Basic gets at the calendar home, and
// nobody with a token that is not right.
func TestSignIn(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob")})
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"alice": "secret"}, Services: []string{"HTTP/localhost", "HTTP/other"}})
	c := ldapConfig(t, slapd)
	c.Auth.Schemes = []string{"negotiate", "digest", "basic"}
	c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost")
	c.SACL.Calendar.Allow = []string{"group:staff"}
	s := serve(t, c)
	port := s.HTTPS[strings.LastIndexByte(s.HTTPS, ':'):]
	home := "https://localhost" + port + "/calendars/users/alice/"
	certificate := filepath.Join(c.Server.Data, "tls", "self-signed.pem")
	list := []string{"--cacert", certificate, "-X", "PROPFIND", "-H", "Depth: 1", home}
	curl := testenv.Require(t, "curl", "curl")[0]
	listed := func(how, out string) {
		t.Helper()
		if !strings.Contains(out, " 207") || !strings.Contains(out, "<") || !strings.Contains(out, "/calendar/") {
			t.Errorf("%s:\n%s", how, out)
		}
	}

	listed("curl --negotiate", realm.Curl(realm.Kinit("alice"), list...))
	listed("curl --basic", testenv.Run(t, nil, "", curl, append([]string{"-sSi", "--basic", "-u", "alice:secret"}, list...)...))
	device := deviceSecret(t, c, "alice")
	listed("curl --digest", testenv.Run(t, nil, "", curl, append([]string{"-sSi", "--digest", "-u", "alice:" + device}, list...)...))

	keys := readFile(t, c.Auth.Negotiate.Keytab)
	status := func(token []byte) int {
		t.Helper()
		a, err := try(client(), "PROPFIND", home, "", "", "Depth: 0", "Authorization: Negotiate "+base64.StdEncoding.EncodeToString(token))
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode
	}
	good := testenv.Mint(t, keys, testenv.TicketOptions{}).Token
	if got := status(good); got != http.StatusMultiStatus {
		t.Errorf("a good token: %d", got)
	}
	for name, token := range map[string][]byte{
		"replayed":      good,
		"spoofed realm": testenv.Mint(t, keys, testenv.TicketOptions{Realm: "EVIL.COM", Claim: "EXAMPLE.COM"}).Token,
		"other realm":   testenv.Mint(t, keys, testenv.TicketOptions{Realm: "EVIL.COM"}).Token,
		"wrong service": testenv.Mint(t, readFile(t, realm.Keytab("HTTP/other")), testenv.TicketOptions{Service: "HTTP/other"}).Token,
		"expired":       testenv.Mint(t, keys, testenv.TicketOptions{End: -3600e9}).Token,
		"no mechanisms": {0x60, 0x30, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02, 0x20, 0x12, 0x30, 0x10, 0xa0, 0x30},
		"empty":         {},
	} {
		if got := status(token); got != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", name, got)
		}
	}
}

// Digest with hashes that the directory keeps: curl gets at the calendar home, goes
// on while slapd is away, and nothing that the server writes has a secret in it.
func TestDigestOfDirectory(t *testing.T) {
	t.Parallel()
	ha1 := func(user, password string) string {
		sum := md5.Sum([]byte(user + ":Calendar:" + password))
		return hex.EncodeToString(sum[:])
	}
	person := func(user string) string {
		return fmt.Sprintf("dn: uid=%[1]s,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: digestUser\nuid: %[1]s\ncn: %[1]s\nsn: Example\nuserPassword: %[2]s\ndigestHA1: %[1]s:Calendar:%[3]s\n\n",
			user, testenv.SSHA("hunter2"), ha1(user, "hunter2"))
	}
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{
		LDIF: person("ann") + person("bob"),
		Extra: "attributetype ( 2.25.99001 NAME 'digestHA1' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n" +
			"objectclass ( 2.25.99003 NAME 'digestUser' SUP top AUXILIARY MAY digestHA1 )",
		Access: `access to attrs=digestHA1 by dn.exact="cn=svc,dc=example,dc=com" read by * none`,
	})
	c := ldapConfig(t, slapd)
	c.Auth.Schemes, c.Auth.Digest.DevicePasswords = []string{"digest", "basic"}, false
	c.Auth.Basic.CacheFor, c.Directory.Cache.TTL = 200*time.Millisecond, 200*time.Millisecond
	c.Directory.LDAP.Users.DigestHA1 = "digestHA1"
	c.Log.Level = "debug"
	s := serve(t, c)
	curl := testenv.Require(t, "curl", "curl")[0]
	listed := func(user, password, want string) {
		t.Helper()
		out := testenv.Run(t, nil, "", curl, "-sSi", "--digest", "-u", user+":"+password, "-X", "PROPFIND", "-H", "Depth: 1", s.HTTP+"/calendars/users/"+user+"/")
		_, last, _ := strings.Cut(out, "\r\n\r\n") // after the answer with the challenge
		if !strings.HasPrefix(last, "HTTP/1.1 "+want) {
			t.Errorf("%s with %s, want %s:\n%s", user, password, want, out)
		}
		if strings.Contains(out, "SHA-256") {
			t.Errorf("SHA-256 is offered:\n%s", out)
		}
	}
	listed("ann", "hunter2", "207")
	listed("ann", "hunter3", "401")

	conn, err := admin.Dial(t.Context(), c.Server.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e, err := admin.ExplainSACL(t.Context(), conn, sacl.Calendar, "ann")
	if err != nil {
		t.Fatal(err)
	}
	for _, away := range [][2]func(){{slapd.Pause, slapd.Resume}, {slapd.Stop, slapd.Start}} {
		time.Sleep(300 * time.Millisecond) // what is remembered is old
		away[0]()
		listed("ann", "hunter2", "207")
		listed("ann", "hunter3", "503")
		listed("bob", "hunter2", "503")
		away[1]()
		eventually(t, "recovery", func() bool {
			a, err := try(client(), "PROPFIND", s.HTTP+"/", "", "", "Depth: 0", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ann:hunter2")))
			return err == nil && a.StatusCode == 207
		})
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	written := []string{e.Text, s.Log.String()}
	err = filepath.WalkDir(c.Server.Data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			written = append(written, string(readFile(t, path)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range written {
		for _, secret := range []string{ha1("ann", "hunter2"), "ann:Calendar", "hunter2"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is written:\n%.2000s", secret, text)
			}
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// deviceSecret enrols a device password through the running server's socket.
func deviceSecret(t *testing.T, c config.Config, who string) string {
	t.Helper()
	conn, err := admin.Dial(t.Context(), c.Server.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d, err := admin.AddDevice(t.Context(), conn, admin.DeviceRequest{Who: who, Label: "test", By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return d.Secret
}

// A client that knows nothing but the host finds the calendars, makes one, and
// keeps an event in it; by the name and by the GUID they are the same.
func TestDiscovery(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob")})
	s := serve(t, ldapConfig(t, slapd))
	c := client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request := func(method, path, body string, want int, header ...string) answer {
		t.Helper()
		a := do(t, c, method, s.HTTPS+path, "alice", body, header...)
		if a.StatusCode != want {
			t.Fatalf("%s %s: %s, want %d\n%s", method, path, a.Status, want, a.Body)
		}
		return a
	}
	hrefIn := func(text, element string) string {
		t.Helper()
		m := regexp.MustCompile(`<(?:\w+:)?` + element + `[^>]*>\s*<(?:\w+:)?href>([^<]+)</`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no href in %s:\n%s", element, text)
		}
		return m[1]
	}
	for _, url := range []string{s.HTTP, s.HTTPS} { // without signing in
		a := do(t, c, "PROPFIND", url+"/.well-known/caldav", "", "", "Depth: 0")
		if where := a.Header.Get("Location"); a.StatusCode != http.StatusMovedPermanently || where != "/" {
			t.Fatalf("%s: well-known: %s to %q", url, a.Status, where)
		}
	}
	const ask = `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><current-user-principal/><C:calendar-home-set/><resourcetype/></prop></propfind>`
	principal := hrefIn(request("PROPFIND", "/", ask, 207, "Depth: 0").Body, "current-user-principal")
	home := hrefIn(request("PROPFIND", principal, ask, 207, "Depth: 0").Body, "calendar-home-set")
	if !strings.HasPrefix(principal, "/principals/__uids__/") || !strings.HasPrefix(home, "/calendars/__uids__/") {
		t.Errorf("principal %s, home %s", principal, home)
	}
	if list := request("PROPFIND", home, ask, 207, "Depth: 1").Body; !strings.Contains(list, home+"calendar/</") {
		t.Errorf("no default calendar in\n%s", list)
	}
	request("MKCALENDAR", home+"work/", "", 201)
	const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nSUMMARY:Tea\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	tag := request("PUT", home+"work/1.ics", event, 201, "Content-Type: text/calendar", "If-None-Match: *").Header.Get("ETag")
	byName := request("GET", "/calendars/users/alice/work/1.ics", "", 200)
	if byName.Body != event || byName.Header.Get("ETag") != tag {
		t.Errorf("by name: %q %q", byName.Header.Get("ETag"), byName.Body)
	}
	const query = `<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260102T000000Z" end="20260103T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	if found := request("REPORT", home+"work/", query, 207, "Depth: 1").Body; !strings.Contains(found, "SUMMARY:Tea") {
		t.Errorf("query:\n%s", found)
	}
	request("DELETE", home+"work/1.ics", "", 204, "If-Match: "+tag)
	request("GET", home+"work/1.ics", "", 404)

	// Somebody else sees neither, and the access log tells the report apart.
	if a := do(t, c, "GET", s.HTTPS+home+"work/", "bob", ""); a.StatusCode != 403 {
		t.Errorf("bob: %s", a.Status)
	}
	eventually(t, "access log", func() bool {
		text, err := os.ReadFile(filepath.Join(s.Config.Server.Data, "access.log"))
		return err == nil && strings.Contains(string(text), `"REPORT(calendar-query) `+home+`work/ HTTP/2.0" 207 `)
	})
}

// verified checks the store of a stopped server.
func verified(t *testing.T, c config.Config) {
	t.Helper()
	o, err := server.OpenOffline(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := admin.Verify(context.Background(), o.Admin)
	if err != nil || len(r.Problems) > 0 {
		t.Errorf("verify: %v\n%v", err, r.Problems)
	}
}
