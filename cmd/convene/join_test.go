package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"convene/testenv"
)

// commands returns the first block of commands on a page of docs.
func commands(t *testing.T, page string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if cmd, ok := strings.CutPrefix(line, "    "); ok {
			out = append(out, strings.TrimSpace(cmd))
		} else if len(out) > 0 {
			break
		}
	}
	if len(out) == 0 || len(out) > 5 {
		t.Fatalf("%s: %d commands", page, len(out))
	}
	return out
}

// A tour runs the commands of a page as an administrator would.
type tour struct {
	page   string
	env    []string
	files  map[string]string // in the folder of the shell: passwords
	places []string          // the page's names, and what they are here
	before string            // commands of the test itself
}

// run returns the folder with the configuration, and what the commands have printed.
func (o tour) run(t *testing.T) (dir, out string) {
	t.Helper()
	dir = testenv.Dir(t)
	for name, text := range o.files {
		testenv.WriteFile(t, filepath.Join(dir, name), text)
	}
	port := strconv.Itoa(testenv.FreePort(t))
	places := append(o.places, "/etc/convene", dir, ":8443", ":"+port)
	script := o.before + "\ntrap 'kill %1 && wait' EXIT\nset -e\n"
	for _, c := range commands(t, o.page) {
		if strings.HasPrefix(c, "convene join") {
			c = "time " + c
		}
		script += strings.NewReplacer(places...).Replace(c) + "\n"
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-m", "bash", "-c", "TIMEFORMAT='join took %R s'\n"+script)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), o.env...), "CONVENE_SERVER_DATA="+dir+"/data", "CONVENE_SERVER_ALLOW_ROOT=true",
		"CONVENE_SERVER_HTTP=", "CONVENE_SERVER_HTTPS=127.0.0.1:"+port)
	b, err := cmd.CombinedOutput()
	t.Logf("%s", b)
	if err != nil {
		t.Fatalf("%v\n%s", err, script)
	}
	if !strings.Contains(string(b), "HTTP/2 201") && !strings.Contains(string(b), "HTTP/1.1 201") {
		t.Error("no calendar was made")
	}
	return dir, string(b)
}

// mode wants permissions of a file in a folder.
func mode(t *testing.T, dir, name string, want os.FileMode) {
	t.Helper()
	if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
		t.Errorf("%s: %v, %v; want %v", name, info, err, want)
	}
}

// convene runs one command and returns its exit status and output.
func convene(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out strings.Builder
	return run(t.Context(), args, &out, &out), out.String()
}

// From a Samba domain with the certificate that Samba makes, to a calendar.
func TestJoinActiveDirectory(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{OwnCertificate: true})
	update := testenv.Require(t, "ad", "nsupdate", "unshare")[0]
	const host = "calendar.ad.example.com"
	testenv.Run(t, nil, fmt.Sprintf("server %s\nupdate add %s 900 A 127.0.0.1\nsend\n", d.IP, host), update)
	resolv := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "resolv.conf"), "nameserver "+d.IP+"\n")
	dir, out := tour{
		page: "active-directory.md", env: append(d.Env(), "SMB_CONF_PATH="+d.ConfPath()),
		files:  map[string]string{"admin-password": d.AdminPassword + "\n"},
		before: "mount --bind " + resolv + " /etc/resolv.conf",
	}.run(t)
	for _, want := range []string{"Samba", "alice → Alice Adams <alice@ad.example.com>", "convene-calendar@ad.example.com", "locks after 3 wrong passwords", "_caldavs._tcp.ad.example.com"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	mode(t, dir, "convene.toml", 0o640)
	mode(t, dir, "ldap-password", 0o600)
	mode(t, dir, "http.keytab", 0o600)
	file := filepath.Join(dir, "convene.toml")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(before), d.AdminPassword) || strings.Contains(string(before), "Administrator") {
		t.Errorf("the administrator is kept:\n%s", before)
	}
	// Again, by address, with somebody who signs in with password and ticket: nothing is to change but that.
	pw := testenv.WriteFile(t, filepath.Join(dir, "alice"), "Pw!secret1\n")
	status, out := convene(t, "join", d.TLSURL, "-o", file, "--yes", "--test-user", "alice", "--test-password-file", pw, "--dry-run")
	if status != 0 || !strings.Contains(out, "signs in without password") || !strings.Contains(out, "+ directory.ldap.urls = ["+strconv.Quote(d.TLSURL)+"]") || strings.Count(out, "    + ") != 1 {
		t.Errorf("again: %d\n%s", status, out)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("a dry run has written: %v", err)
	}
	// A wrong password is one bind, and writes nothing.
	wrong := testenv.WriteFile(t, filepath.Join(dir, "wrong"), "no\n")
	other := filepath.Join(dir, "other.toml")
	status, out = convene(t, "join", d.TLSURL, "-o", other, "--yes", "--trust-first", "--bind-user", "alice", "--password-file", wrong)
	if _, err := os.Stat(other); status != 1 || err == nil || !strings.Contains(out, "[directory.ldap.bind-password-file]") {
		t.Errorf("wrong password: %d\n%s", status, out)
	}
	if status, out = convene(t, "join", d.TLSURL, "-o", other, "--yes", "--bind-user", "alice", "--password-file", pw); status != 1 || !strings.Contains(out, "sha256:") || !strings.Contains(out, "[directory.ldap.certificate-fingerprints]") {
		t.Errorf("unknown certificate: %d\n%s", status, out)
	}
}

const joinPeople = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
mail: alice@example.com

dn: cn=staff,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=com

`

// joinRealm is a KDC where alice has a ticket.
func joinRealm(t *testing.T) []string {
	t.Helper()
	testenv.Require(t, "kdc", "kadmin.local", "unshare")
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"alice": "alicepw"}})
	return append(realm.Env(), realm.Kinit("alice")...)
}

func TestJoinOpenLDAP(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: joinPeople, Lockout: true})
	dir, out := tour{
		page: "openldap.md", env: joinRealm(t), files: map[string]string{"bind-password": srv.ServicePassword + "\n"},
		places: []string{"ldaps://ldap.example.com", srv.TLSURL, "/etc/ssl/certs/example-ca.pem", srv.CA.File, "calendar.example.com", "localhost"},
	}.run(t)
	for _, want := range []string{`preset "openldap"`, "alice → Alice Adams <alice@example.com>", `+ directory.ldap.groups.member = ["member"]`, "HTTP/localhost@EXAMPLE.COM"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	file, pw := filepath.Join(dir, "convene.toml"), filepath.Join(dir, "bind-password")
	if status, out := convene(t, "join", "-o", file, "--host-name", "localhost", "--yes"); status != 0 || !strings.Contains(out, "is right as it is") {
		t.Errorf("again: %d\n%s", status, out)
	}
	for what, tt := range map[string]struct {
		args []string
		want string
	}{
		"authority":    {[]string{"join", srv.TLSURL, "--anonymous"}, "[directory.ldap.ca-file]"},
		"no base":      {[]string{"join", srv.TLSURL, "--ca", srv.CA.File, "--anonymous", "--base", "dc=example,dc=net"}, "[directory.ldap.base]"},
		"wrong unit":   {[]string{"join", srv.TLSURL, "--ca", srv.CA.File, "--anonymous", "--users-base", "cn=staff,dc=example,dc=com"}, "base]"},
		"wrong preset": {[]string{"join", srv.TLSURL, "--ca", srv.CA.File, "--bind-user", srv.ServiceDN, "--password-file", pw, "--preset", "ad"}, "[directory.ldap.preset]"},
		"wrong name":   {[]string{"join", srv.TLSURL, "--ca", srv.CA.File, "--bind-user", "svc", "--password-file", pw}, "[directory.ldap.bind-dn]"},
		"plain port":   {[]string{"join", strings.Replace(srv.URL, "ldap:", "ldaps:", 1), "--anonymous"}, "[directory.ldap.urls]"},
	} {
		none := filepath.Join(testenv.Dir(t), "none.toml")
		status, out := convene(t, append(tt.args, "-o", none, "--yes")...)
		if _, err := os.Stat(none); status != 1 || err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %d\n%s", what, status, out)
		}
	}
}

// TestJoinJSON is what a program that sets up servers gets of a join that succeeded.
func TestJoinJSON(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: joinPeople})
	dir := testenv.Dir(t)
	pw := testenv.WriteFile(t, filepath.Join(dir, "bind-password"), srv.ServicePassword+"\n")
	var out, errs strings.Builder
	status := run(t.Context(), []string{"join", onLocalhost(srv.TLSURL), "-o", filepath.Join(dir, "convene.toml"), "--yes", "--json", "--ca", srv.CA.File,
		"--bind-user", srv.ServiceDN, "--password-file", pw, "--host-name", "localhost"}, &out, &errs)
	if status != 0 || errs.Len() > 0 || !json.Valid([]byte(out.String())) {
		t.Fatalf("%d\n%s\n%s", status, out.String(), errs.String())
	}
	got := strings.NewReplacer(srv.CA.File, "CA", dir, "DIR", onLocalhost(srv.TLSURL), "ldaps://localhost").Replace(out.String())
	got = regexp.MustCompile(`\b[0-9.]+ ?(ns|µs|ms|s)\b`).ReplaceAllString(got, "TIME")
	got = regexp.MustCompile(`"guid": "[0-9A-F-]{36}"`).ReplaceAllString(got, `"guid": "GUID"`)
	const golden = "testdata/join.json"
	if os.Getenv("UPDATE") != "" {
		testenv.WriteFile(t, golden, got)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s says otherwise; got\n%s", golden, got)
	}
}

func TestJoinDS389(t *testing.T) {
	t.Parallel()
	srv := testenv.OpenDS389(t)
	people := strings.Replace(joinPeople, "objectClass: groupOfNames", "objectClass: groupOfNames\nobjectClass: top", 1) +
		"dn: uid=svc,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: svc\ncn: svc\nsn: svc\nuserPassword: svc-password\n" +
		"\ndn: dc=example,dc=com\nchangetype: modify\nadd: aci\naci: (targetattr=\"*\")(version 3.0; acl \"svc\"; allow (read,search,compare) userdn=\"ldap:///uid=svc,dc=example,dc=com\";)\n"
	add := testenv.Require(t, "ldap", "ldapmodify")[0]
	testenv.Run(t, nil, people, add, "-a", "-x", "-H", srv.URL, "-D", srv.AdminDN, "-w", srv.AdminPassword)
	_, out := tour{
		page: "freeipa-389.md", env: joinRealm(t), files: map[string]string{"bind-password": "svc-password\n"},
		places: []string{"ldaps://ldap.example.com", srv.URL, "calendar.example.com", "localhost"},
	}.run(t)
	for _, want := range []string{`preset "389ds"`, "alice → Alice Adams <alice@example.com>"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q", want)
		}
	}
}
