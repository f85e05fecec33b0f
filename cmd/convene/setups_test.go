package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/jcmturner/gokrb5/v8/keytab"

	"convene/directory/memldap"
	"convene/testenv"
)

// setup is one that does not work: what is wrong is one setting, or something outside.
// Each of doctor, config check --live and join must name the setting and what to do.
type setup struct {
	name    string
	wrong   map[string]string // settings in place of those that are right, as TOML
	setting string            // "": outside of the configuration
	text    string            // a part of what is said about it

	join     string   // what join says instead: it finds something out by itself
	args     []string // further ones of join
	notJoin  string   // why join has nothing to say
	notCheck string   // why config check --live has not
}

// toml writes settings as administrators do, in tables.
func toml(settings map[string]string) string {
	tables := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		dot := strings.LastIndexByte(key, '.')
		tables[key[:dot]] += fmt.Sprintf("%s = %s\n", key[dot+1:], settings[key])
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		fmt.Fprintf(&b, "[%s]\n%s", name, tables[name])
	}
	return b.String()
}

func list(values ...string) string {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, strconv.Quote(v))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// try runs the three commands. refused counts the binds that the directory has refused:
// no command makes more than one of them.
func (s setup) try(t *testing.T, right map[string]string, refused func() int) {
	settings := maps.Clone(right)
	maps.Copy(settings, s.wrong)
	file := filepath.Join(testenv.Dir(t), "convene.toml")
	before, made := refused(), 0 // a directory may log a bind after its response
	for _, c := range []struct {
		name, not string
		args      []string
	}{
		{"doctor", "", []string{"doctor", "-c", file}},
		{"config check --live", s.notCheck, []string{"config", "check", "--live", file}},
		{"join", s.notJoin, append([]string{"join", "-o", file, "--yes", "--dry-run"}, s.args...)},
	} {
		if c.not != "" {
			continue
		}
		made++
		testenv.WriteFile(t, file, toml(settings))
		_, out := convene(t, c.args...)
		setting, text := s.setting, s.text
		if c.name == "join" && s.join != "" {
			setting, text = "", s.join
		}
		if !strings.Contains(out, setting) || !strings.Contains(out, text) {
			t.Errorf("%s: nothing says %q and %q:\n%s", c.name, setting, text, out)
		}
	}
	if n := refused() - before; n > made {
		t.Errorf("%d binds were refused to %d commands", n, made)
	}
}

const setupPeople = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=rooms,dc=example,dc=com
objectClass: organizationalUnit
ou: rooms

dn: ou=empty,dc=example,dc=com
objectClass: organizationalUnit
ou: empty

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
mail: alice@example.com
title: Engineer
employeeNumber: 7
userPassword: alice-pw

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob Brown
sn: Brown
mail: bob@example.com
mail: office@example.com
title: Engineer

dn: uid=carol,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: carol
cn: Carol Clark
sn: Clark
mail: office@example.com

dn: cn=Lab,ou=rooms,dc=example,dc=com
objectClass: room
cn: Lab

dn: cn=staff,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=com

`

// rightFor is a configuration for slapd that has no fault.
func rightFor(t *testing.T, s *testenv.LDAP) map[string]string {
	t.Helper()
	dir := testenv.Dir(t)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"server.data": strconv.Quote(data), "server.allow-root": "true", "server.host-name": `"localhost"`,
		"directory.ldap.urls": list(onLocalhost(s.TLSURL)), "directory.ldap.ca-file": strconv.Quote(s.CA.File),
		"directory.ldap.base": list(s.BaseDN), "directory.ldap.bind-dn": strconv.Quote(s.ServiceDN),
		"directory.ldap.bind-password-file": strconv.Quote(testenv.WriteFile(t, filepath.Join(dir, "secret"), s.ServicePassword+"\n")),
		"directory.ldap.dial-timeout":       `"2s"`,
	}
}

func onLocalhost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }

const (
	urlsKey   = "directory.ldap.urls"
	caKey     = "directory.ldap.ca-file"
	bindKey   = "directory.ldap.bind-dn"
	secretKey = "directory.ldap.bind-password-file"
	baseKey   = "directory.ldap.base"
	presetKey = "directory.ldap.preset"
	keytabKey = "auth.negotiate.keytab"
)

func TestWrongSetupsOfOpenLDAP(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: setupPeople, Stats: true})
	other, http := testenv.NewCA(t), testenv.Listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 100)) // whatever it is
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	})
	port := func(u string) string { return u[strings.LastIndexByte(u, ':'):] }
	file := func(text string, mode os.FileMode) string {
		name := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "file"), text)
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return strconv.Quote(name)
	}
	byAddress, addressCA := handshakes(t, time.Hour, "dc1.example.com")
	unnamed, unnamedCA := handshakes(t, time.Hour)
	expired, expiredCA := handshakes(t, -time.Hour, "localhost")
	own, ownKey := s.CA.Issue("calendar.example.com")
	past, pastKey := certificate(t, -time.Hour, "localhost")
	right := rightFor(t, s)
	refused := func() int { return s.Logged(" RESULT tag=97 err=49") }
	type toml = map[string]string
	for _, row := range []setup{
		{name: "1 LDAP port of another service", wrong: toml{urlsKey: list("ldap://" + http)}, setting: urlsKey, text: "another service"},
		{name: "2 plain port with ldaps", wrong: toml{urlsKey: list("ldaps://localhost" + port(s.URL))}, setting: urlsKey, text: "636"},
		{name: "3 port of ldaps with starttls", wrong: toml{urlsKey: list("ldap://localhost" + port(s.TLSURL)), "directory.ldap.starttls": "true"}, setting: urlsKey, text: "without starttls"},
		{name: "4 host that does not resolve", wrong: toml{urlsKey: list("ldaps://dc9.invalid")}, setting: urlsKey, text: "dc9.invalid"},
		{name: "5 host by address, certificate by name", wrong: toml{urlsKey: list("ldaps://127.0.0.1:" + byAddress), caKey: addressCA}, setting: urlsKey, text: "dc1.example.com"},
		{name: "6 authority missing", wrong: toml{caKey: `""`}, setting: caKey, text: "convene test CA"},
		{name: "7 another authority", wrong: toml{caKey: strconv.Quote(other.File)}, setting: caKey, text: "convene test CA"},
		{name: "8 certificate without name", wrong: toml{urlsKey: list("ldaps://localhost:" + unnamed), caKey: unnamedCA}, setting: "directory.ldap.certificate-fingerprints", text: "sha256:"},
		{name: "9 certificate expired", wrong: toml{urlsKey: list("ldaps://localhost:" + expired), caKey: expiredCA}, text: "renew it on the directory server"},
		{name: "10 bare bind name", wrong: toml{bindKey: `"svc"`}, setting: bindKey, text: "whole DN"},
		{name: "11 wrong bind password", wrong: toml{secretKey: file("wrong\n", 0o600)}, setting: secretKey, text: "not tried again"},
		{name: "12 password file missing", wrong: toml{secretKey: `"/nonexistent/secret"`}, setting: secretKey, text: "/nonexistent/secret"},
		{name: "12 password file readable by all", wrong: toml{secretKey: file(s.ServicePassword+"\n", 0o644)}, setting: secretKey, text: "chmod 600"},
		{name: "17 base does not exist", wrong: toml{baseKey: list("ou=none,dc=example,dc=com")}, setting: baseKey, text: `"dc=example,dc=com"`},
		{name: "18 base that is no DN", wrong: toml{baseKey: list("people")}, setting: baseKey, text: "not a DN"},
		{name: "19 base of the wrong unit", wrong: toml{"directory.ldap.users.base": list("ou=empty,dc=example,dc=com")}, setting: "directory.ldap.users.base", text: `"dc=example,dc=com"`},
		{name: "21 preset of another vendor", wrong: toml{presetKey: `"ad"`}, setting: presetKey, text: `preset = "openldap"`, join: `- directory.ldap.preset = "ad"`},
		{name: "22 filter with a mistake", wrong: toml{"directory.ldap.users.filter": `"(uid=*"`}, setting: "directory.ldap.users.filter"},
		{name: "23 filter that finds nobody", wrong: toml{"directory.ldap.users.filter": `"(employeeType=none)"`}, setting: "directory.ldap.users.filter", text: "(employeeType=none)"},
		{name: "24 identity that nobody has", wrong: toml{"directory.ldap.users.guid": `"roomNumber"`}, setting: "directory.ldap.users.guid", text: "roomNumber"},
		{name: "25 login that several have", wrong: toml{"directory.ldap.users.login": list("uid", "title")}, setting: "directory.ldap.users.login", text: "uid=bob"},
		{name: "26 two people with one mail", setting: "directory.ldap.users.email", text: "uid=carol"},
		{name: "31 keytab missing", wrong: toml{keytabKey: `"/nonexistent/keytab"`}, setting: keytabKey, text: "/nonexistent/keytab"},
		{name: "31 keytab that is none", wrong: toml{keytabKey: file("no keytab", 0o600)}, setting: keytabKey, text: "not a keytab"},
		{name: "32 keytab of another host", wrong: toml{keytabKey: keysOf(t, "HTTP/other.example.com", "EXAMPLE.COM", 18)}, setting: keytabKey, text: "HTTP/other.example.com"},
		{name: "34 RC4 only", wrong: toml{keytabKey: keysOf(t, "HTTP/localhost", "EXAMPLE.COM", 23)}, setting: "auth.negotiate.enctypes", text: "AES"},
		{name: "38 own certificate of another name", wrong: toml{"server.host-name": `"other.example.com"`, "tls.certificate": strconv.Quote(own), "tls.key": strconv.Quote(ownKey)}, setting: "tls.certificate", text: "calendar.example.com"},
		{name: "38 own certificate expired", wrong: toml{"tls.certificate": strconv.Quote(past), "tls.key": strconv.Quote(pastKey)}, setting: "tls.certificate", text: "expired"},
		{name: "38 own certificate without key", wrong: toml{"tls.certificate": strconv.Quote(own), "tls.key": `"/nonexistent/key.pem"`}, setting: "tls.certificate", text: "PEM files"},
		{name: "39 administrators that are not there", wrong: toml{"access.administrators": list("group:nobody")}, setting: "access.administrators", text: "group:nobody"},
		{name: "39 list of access with a stranger", wrong: toml{"sacl.calendar.allow": list("user:zoe")}, setting: "sacl.calendar.allow", text: "user:zoe"},
		{name: "40 rooms without mail", setting: "directory.ldap.locations.email", text: "mail"},
		{name: "40 rooms in a base that is not searched", wrong: toml{"directory.ldap.locations.base": list("ou=people,dc=example,dc=com")}, setting: "directory.ldap.locations.base", text: "cn=Lab,ou=rooms"},
	} {
		t.Run(row.name, func(t *testing.T) { row.try(t, right, refused) })
	}
}

// keysOf is the quoted name of a keytab with a key made of a password.
func keysOf(t *testing.T, principal, realm string, etype int32) string {
	t.Helper()
	kt := keytab.New()
	if err := kt.AddEntry(principal, realm, "secret", time.Now(), 1, etype); err != nil {
		t.Fatal(err)
	}
	b, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Quote(testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "keytab"), string(b)))
}

// What is wrong with rights and limits of the directory itself.
func TestWrongRights(t *testing.T) {
	for _, c := range []struct {
		setup
		o testenv.LDAPOptions
	}{
		{setup{name: "15 anonymous bind refused", wrong: map[string]string{bindKey: `""`, secretKey: `""`}, args: []string{"--anonymous"}, setting: bindKey, text: "may read"},
			testenv.LDAPOptions{Extra: "disallow bind_anon\nrequire authc"}},
		{setup{name: "16 no right to read the identity", setting: bindKey, text: "attrs=entryUUID"},
			testenv.LDAPOptions{Access: "access to attrs=entryUUID by dn.exact=\"cn=admin,dc=example,dc=com\" read by * none"}},
		{setup{name: "28 size limit below the number of people", wrong: map[string]string{bindKey: `"uid=alice,ou=people,dc=example,dc=com"`, secretKey: `""`, "directory.ldap.bind-password": `"alice-pw"`},
			setting: "directory.ldap.page-size", text: "limits dn.exact"}, testenv.LDAPOptions{SizeLimit: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.LDIF, c.o.Stats = setupPeople, true
			s := testenv.OpenLDAP(t, c.o)
			c.try(t, rightFor(t, s), func() int { return s.Logged(" RESULT tag=97 err=49") })
		})
	}
}

// A clock six minutes off, and a bind by ticket in which something is wrong. The KDC
// counts what it refuses.
func TestWrongTickets(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"convene": "pw", "gone": "pw"}, Services: []string{"ldap/localhost", "HTTP/localhost"}})
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: setupPeople, Keytab: realm.Keytab("ldap/localhost"), Env: realm.Env(), Stats: true})
	t.Setenv("KRB5_CONFIG", realm.ConfPath)
	right := rightFor(t, s)
	delete(right, secretKey)
	const key = "directory.ldap.bind-keytab"
	right[bindKey], right[key] = `"convene@EXAMPLE.COM"`, strconv.Quote(realm.Keytab("convene"))
	stale := strconv.Quote(realm.Keytab("gone"))
	realm.Rotate(filepath.Join(testenv.Dir(t), "newer"), "gone")
	refused := func() int {
		return s.Logged(" RESULT tag=97 err=49") + strings.Count(realm.Log(), "PREAUTH_FAILED: ")
	}
	if _, out := convene(t, "join", onLocalhost(s.TLSURL), "-o", filepath.Join(testenv.Dir(t), "new.toml"), "--yes", "--ca", s.CA.File, "--host-name", "localhost",
		"--bind-user", "convene@EXAMPLE.COM", "--bind-keytab", realm.Keytab("convene")); !strings.Contains(out, "+ directory.ldap.bind-keytab = ") {
		t.Errorf("%s", out)
	}
	type toml = map[string]string
	for _, row := range []setup{
		{name: "keytab missing", wrong: toml{key: `"/nonexistent/keytab"`}, setting: key, text: "/nonexistent/keytab"},
		{name: "keytab that is none", wrong: toml{key: strconv.Quote(testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "none"), "none"))}, setting: key, text: "not a keytab"},
		{name: "keytab of another account", wrong: toml{key: stale}, setting: bindKey, text: "gone@EXAMPLE.COM"},
		{name: "keytab with old keys", wrong: toml{bindKey: `"gone@EXAMPLE.COM"`, key: stale}, setting: key, text: "newest keys"},
		{name: "password besides", wrong: toml{"directory.ldap.bind-password": `"pw"`}, setting: key, text: "password"},
		{name: "address", wrong: toml{urlsKey: list(s.TLSURL)}, setting: urlsKey, text: "DNS name"},
		{name: "realm without KDC", wrong: toml{bindKey: `"convene@NOWHERE.INVALID"`, key: keysOf(t, "convene", "NOWHERE.INVALID", 18)}, text: "_kerberos._tcp"},
		{name: "RC4 only", wrong: toml{key: keysOf(t, "convene", "EXAMPLE.COM", 23)}, setting: key, text: "AES"},
		{name: "unknown account", wrong: toml{bindKey: `"nobody@EXAMPLE.COM"`, key: keysOf(t, "nobody", "EXAMPLE.COM", 18)}, setting: bindKey, text: "does not know"},
		{name: "no such service", setting: urlsKey, text: "ldap/NAME"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.name == "no such service" {
				realm.Admin("delprinc -force ldap/localhost")
			}
			row.try(t, right, refused)
		})
	}
}

func TestWrongClock(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Services: []string{"HTTP/localhost"}, Skew: 6 * time.Minute})
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: setupPeople})
	t.Setenv("KRB5_CONFIG", realm.ConfPath)
	setup{wrong: map[string]string{keytabKey: strconv.Quote(realm.Keytab("HTTP/localhost"))}, text: "by NTP"}.try(t, rightFor(t, s), func() int { return 0 })
}

// A name that DNS calls otherwise, where people sign in by ticket.
func TestWrongNames(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: setupPeople})
	const host = "calendar.example.com"
	right := rightFor(t, s)
	right["server.host-name"], right[keytabKey] = strconv.Quote(host), keysOf(t, "HTTP/"+host, "EXAMPLE.COM", 18)
	address := testenv.Record{Name: host, Type: testenv.TypeA, Data: "192.0.2.7"}
	for _, c := range []struct {
		setup
		records []testenv.Record
	}{
		{setup{name: "36 reverse DNS to another name", setting: "server.host-name", text: "web.example.com"},
			[]testenv.Record{address, {Name: "7.2.0.192.in-addr.arpa", Type: testenv.TypePTR, Data: "web.example.com"}}},
		{setup{name: "36 alias", setting: "server.host-name", text: "web.example.com"},
			[]testenv.Record{{Name: host, Type: testenv.TypeCNAME, Data: "web.example.com"}, {Name: "web.example.com", Type: testenv.TypeA, Data: "192.0.2.7"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := net.DefaultResolver
			net.DefaultResolver = testenv.Resolver(t, c.records...)
			defer func() { net.DefaultResolver = was }()
			c.try(t, right, func() int { return 0 })
		})
	}
}

// twiceHeld is a domain in which two accounts have one service's name, as controllers let
// them before 2022; Samba does not.
const twiceHeld = `dn: dc=example,dc=com
objectClass: domain
dc: example

dn: cn=convene,dc=example,dc=com
objectClass: user
sAMAccountName: convene
userPrincipalName: convene@example.com
userPassword: right

dn: cn=alice,dc=example,dc=com
objectClass: user
sAMAccountName: alice
userPrincipalName: alice@example.com
mail: alice@example.com

dn: cn=web1,dc=example,dc=com
objectClass: user
sAMAccountName: web1
servicePrincipalName: HTTP/calendar.example.com

dn: cn=web2,dc=example,dc=com
objectClass: user
sAMAccountName: web2
servicePrincipalName: HTTP/calendar.example.com
`

// quirky serves entries from memory as a directory would that misbehaves, and returns a
// configuration for it.
func quirky(t *testing.T, text, account string, q memldap.Quirks) map[string]string {
	t.Helper()
	s, err := memldap.NewLDIF(strings.NewReader(text), memldap.Options{Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	dir := testenv.Dir(t)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return map[string]string{
		"server.data": strconv.Quote(data), "server.allow-root": "true", "server.host-name": `"calendar.example.com"`,
		urlsKey: list("ldap://localhost:" + port), "directory.ldap.allow-plain": "true", baseKey: list("dc=example,dc=com"), bindKey: strconv.Quote(account),
		secretKey: strconv.Quote(testenv.WriteFile(t, filepath.Join(dir, "secret"), "right\n")),
	}
}

func TestWrongHolders(t *testing.T) {
	right := quirky(t, twiceHeld, "convene@example.com", memldap.Quirks{ActiveDirectory: true,
		Root: map[string]string{"supportedCapabilities": "1.2.840.113556.1.4.800", "defaultNamingContext": "dc=example,dc=com"}})
	setup{name: "35 service name of two accounts", wrong: map[string]string{presetKey: `"ad"`, keytabKey: keysOf(t, "HTTP/calendar.example.com", "EXAMPLE.COM", 18)},
		setting: keytabKey, text: "setspn -D"}.try(t, right, func() int { return 0 })
}

// Thousands of groups whose members are not indexed: each log-in would read them all.
func TestWrongIndex(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n\ndn: cn=svc,dc=example,dc=com\nobjectClass: person\ncn: svc\nuserPassword: right\n\n" +
		"dn: uid=bob,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: bob\ncn: Bob\nmail: bob@example.com\nentryUUID: 00000000-0000-4000-8000-000000000000\n\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "dn: cn=g%d,dc=example,dc=com\nobjectClass: groupOfNames\ncn: g%d\nmember: uid=bob,dc=example,dc=com\nentryUUID: 00000000-0000-4000-8000-%012d\n\n", i, i, i+1)
	}
	// A search that is thousands of times as slow as another, on any machine.
	right := quirky(t, b.String(), "cn=svc,dc=example,dc=com", memldap.Quirks{Unindexed: "member", Scan: 400 * time.Millisecond, Root: map[string]string{"objectClass": "OpenLDAProotDSE"}})
	setup{name: "27 group attribute not indexed", setting: "directory.ldap.groups.member", text: "a search by member takes"}.try(t, right, func() int { return 0 })
}

// What Active Directory has of its own.
func TestWrongSetupsOfActiveDirectory(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{})
	admin := d.Admin()
	add := func(name, uac string, more map[string][]string) {
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "userPrincipalName": {name + "@" + d.DNS},
			"userAccountControl": {uac}, "unicodePwd": {"Convene-pw1"}}
		maps.Copy(attrs, more)
		d.Add(admin, "CN="+name+",CN=Users,"+d.BaseDN, attrs)
	}
	const host = "calendar.ad.example.com"
	add("convene", "66048", nil)
	add("ended", "66048", map[string][]string{"accountExpires": {"129000000000000000"}})
	add("locked", "66048", nil)
	add("mistyped", "66048", nil)
	add("svc-http", "66048", map[string][]string{"servicePrincipalName": {"HTTP/" + host}, "msDS-SupportedEncryptionTypes": {"24"}})
	stale := d.Keytab("HTTP/" + host)
	change := ldap.NewModifyRequest("CN=svc-http,CN=Users,"+d.BaseDN, nil)
	change.Replace("unicodePwd", []string{testenv.UnicodePwd("Another-pw2")})
	if err := admin.Modify(change); err != nil {
		t.Fatal(err)
	}
	dir := testenv.Dir(t)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	right := map[string]string{
		"server.data": strconv.Quote(data), "server.allow-root": "true", "server.host-name": strconv.Quote(host),
		urlsKey: list(d.TLSURL), caKey: strconv.Quote(d.CA.File), baseKey: list(d.BaseDN), presetKey: `"ad"`, bindKey: `"convene@ad.example.com"`,
		secretKey: strconv.Quote(testenv.WriteFile(t, filepath.Join(dir, "secret"), "Convene-pw1\n")),
	}
	counted := func() (n int) {
		res, err := admin.Search(ldap.NewSearchRequest("CN=Users,"+d.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(badPwdCount>=1)", []string{"badPwdCount"}, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range res.Entries {
			bad, err := strconv.Atoi(e.GetAttributeValue("badPwdCount"))
			if err != nil {
				t.Fatal(err)
			}
			n += bad
		}
		return n
	}
	type toml = map[string]string
	for _, row := range []setup{
		{name: "10 bare bind name", wrong: toml{bindKey: `"convene"`}, setting: bindKey, text: "convene@ad.example.com"},
		{name: "11 wrong bind password", wrong: toml{bindKey: `"mistyped@ad.example.com"`, secretKey: strconv.Quote(testenv.WriteFile(t, filepath.Join(dir, "wrong"), "wrong\n"))}, setting: secretKey, text: "not tried again"},
		{name: "13 expired service account", wrong: toml{bindKey: `"ended@ad.example.com"`}, setting: bindKey, text: "accountExpires"},
		{name: "15 anonymous", wrong: toml{bindKey: `""`, secretKey: `""`}, args: []string{"--anonymous"}, setting: bindKey, text: "bind-password-file"},
		{name: "20 preset forgotten", wrong: toml{presetKey: `""`}, setting: presetKey, text: `preset = "ad"`, join: `+ directory.ldap.preset = "ad"`},
		{name: "30 global catalog", wrong: toml{urlsKey: list(d.TLSURL + ":3269")}, setting: urlsKey, text: "global catalog"},
		{name: "33 stale key version", wrong: toml{keytabKey: strconv.Quote(stale)}, setting: keytabKey, text: "key version"},
		{name: "14 locked service account", wrong: toml{bindKey: `"locked@ad.example.com"`}, setting: bindKey, text: "unlock"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if strings.HasPrefix(row.name, "14") {
				lock(t, d, "locked")
			}
			row.try(t, right, counted)
		})
	}
}

// lock makes the domain lock an account.
func lock(t *testing.T, d *testenv.Domain, name string) {
	t.Helper()
	for range 3 {
		c, err := ldap.DialURL(d.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.CA.Pool}))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Bind(name+"@"+d.DNS, "wrong") // is refused, which counts
		_ = c.Close()
	}
}

// certificate is one of its own authority, for names, that is valid until some time from
// now, and its key: two files.
func certificate(t *testing.T, valid time.Duration, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dc1.example.com"}, DNSNames: names,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(valid), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, b []byte) string {
		return testenv.WriteFile(t, filepath.Join(testenv.Dir(t), name), string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})))
	}
	return file("ca.pem", "CERTIFICATE", der), file("key.pem", "PRIVATE KEY", pkcs8)
}

// handshakes is a server with such a certificate. It returns its port and the file for
// ca-file, quoted.
func handshakes(t *testing.T, valid time.Duration, names ...string) (port, ca string) {
	t.Helper()
	cert, key := certificate(t, valid, names...)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	address := testenv.Listen(t, func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() // the client breaks it off
	})
	_, port, _ = net.SplitHostPort(address)
	return port, strconv.Quote(cert)
}
