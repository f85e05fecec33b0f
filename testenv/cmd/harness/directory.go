package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"convene/testenv"
)

// slapd starts an LDAP server with the entries of an LDIF file, of which the
// first is base, and makes it the server's directory.
func (h *harness) slapd(ldif, base string) {
	paths := testenv.Require(h.t, "ldap", "slapd", "slapadd")
	if err := os.Mkdir(h.path("ldap"), 0o700); err != nil {
		h.t.Fatal(err)
	}
	var conf strings.Builder
	for _, name := range []string{"core", "cosine", "inetorgperson", "nis"} {
		fmt.Fprintf(&conf, "include /etc/ldap/schema/%s.schema\n", name)
	}
	fmt.Fprintf(&conf, `modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/slapd.pid
argsfile %[1]s/slapd.args
sizelimit 5000
threads 4
database mdb
suffix "%[2]s"
directory %[1]s/ldap
maxsize 1073741824
dbnosync
index objectClass,entryUUID,member,employeeNumber,serialNumber eq
index cn,sn,givenName,displayName,uid,mail eq,sub
access to attrs=userPassword by anonymous auth by * none
access to * by * read
`, h.dir, base)
	file := testenv.WriteFile(h.t, h.path("slapd.conf"), conf.String())
	testenv.Run(h.t, nil, "", paths[1], "-q", "-f", file, "-l", ldif)
	port := testenv.FreePort(h.t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	testenv.Start(h.t, testenv.Command{
		Path: paths[0], Args: []string{"-d", "0", "-f", file, "-h", "ldap://" + address + "/"}, Log: h.path("slapd.log"), Ready: []string{address},
	})
	l := &h.config.Directory.LDAP
	l.URLs, l.Base, l.Preset = []string{"ldap://" + address}, []string{base}, "openldap"
}

// writeUsers writes an LDIF file with users whose password is their name.
func (h *harness) writeUsers(base string, users []string) string {
	var b strings.Builder
	first, _, _ := strings.Cut(strings.TrimPrefix(base, "dc="), ",")
	fmt.Fprintf(&b, "dn: %s\nobjectClass: domain\ndc: %s\n\ndn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\n\n", base, first, base)
	for i, u := range users {
		fmt.Fprintf(&b, "dn: uid=%[1]s,ou=people,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: User %[1]s\nsn: %[1]s\nmail: %[1]s@example.com\n"+
			"userPassword: %[1]s\nemployeeNumber: 10000000-0000-0000-0000-%012[3]d\n\n", u, base, i+1)
	}
	return testenv.WriteFile(h.t, filepath.Join(h.dir, "users.ldif"), b.String())
}

// stableGUIDs makes the attributes that the accounts' files keep GUIDs in the
// identities of the records: entryUUID cannot be set in an LDIF that is added.
func (h *harness) stableGUIDs() {
	l := &h.config.Directory.LDAP
	l.Users.GUID, l.Groups.GUID, l.Locations.GUID, l.Resources.GUID = "employeeNumber", "serialNumber", "serialNumber", "serialNumber"
}
