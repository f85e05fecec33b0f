package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"convene/testenv"
)

// pageCommands are the commands on a page of docs that begin with one of some programs.
func pageCommands(t *testing.T, page string, programs ...string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		cmd, ok := strings.CutPrefix(line, "    ")
		for _, p := range programs {
			if ok && strings.HasPrefix(cmd, p+" ") {
				out = append(out, strings.TrimSpace(cmd))
			}
		}
	}
	return out
}

// shell runs commands of a page, with its names replaced by those here.
func shell(t *testing.T, env, commands []string, places ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", strings.NewReplacer(places...).Replace(strings.Join(commands, "\n")))
	cmd.Env = append(os.Environ(), env...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return string(b)
}

// The server-side commands of docs/kerberos.md, with MIT Kerberos and slapd: doctor comes
// last, when there is a configuration.
func TestKerberosPage(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Services: []string{"ldap/localhost"}})
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: joinPeople, Keytab: realm.Keytab("ldap/localhost"), Env: realm.Env(), Extra: "sasl-cbinding tls-endpoint"})
	testenv.Require(t, "kdc", "kadmin.local", "klist")
	dir := testenv.Dir(t)
	commands := pageCommands(t, "kerberos.md", "kadmin.local", "klist", "convene join")
	commands = append(commands, pageCommands(t, "kerberos.md", "convene doctor")...)
	if len(commands) != 8 {
		t.Fatalf("%q", commands)
	}
	out := shell(t, append(realm.Env(), "CONVENE_SERVER_DATA="+dir, "CONVENE_SERVER_ALLOW_ROOT=true"), commands, "ldaps://ldap.example.com", onLocalhost(s.TLSURL),
		"/etc/ssl/certs/example-ca.pem", s.CA.File, "/etc/convene", dir, "calendar.example.com", "localhost")
	for _, want := range []string{"HTTP/balancer.example.com@EXAMPLE.COM (aes256", "+ directory.ldap.bind-keytab = ", "OK    ticket  one for HTTP/localhost opens with the keytab"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "convene.toml")); err != nil || strings.Contains(string(b), "password") {
		t.Errorf("%v\n%s", err, b)
	}
}

// The same with Samba: several names of one account in one keytab.
func TestKerberosPageActiveDirectory(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{})
	d.Add(d.Admin(), "CN=convene-calendar,CN=Users,"+d.BaseDN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"convene-calendar"}, "userAccountControl": {"66048"},
		"unicodePwd": {"Convene-pw1"}, "msDS-SupportedEncryptionTypes": {"24"}, "servicePrincipalName": {"HTTP/calendar.ad.example.com"}})
	dir := testenv.Dir(t)
	commands := append(pageCommands(t, "kerberos.md", "samba-tool"), "klist -kt /etc/convene/http.keytab")
	out := shell(t, append(d.Env(), "SMB_CONF_PATH="+d.ConfPath()), commands, "/etc/convene", dir)
	for _, want := range []string{"HTTP/calendar.ad.example.com@AD.EXAMPLE.COM", "HTTP/balancer.ad.example.com@AD.EXAMPLE.COM"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in the keytab:\n%s", want, out)
		}
	}
}
