package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"convene/testenv"
)

// What is wrong with the directory is in the log before anybody has signed in, with its
// cure; and once the password was refused, nobody tries it a second time.
func TestDirectoryIsLookedAtFirst(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{Lockout: true, LDIF: `dn: uid=ann,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann Example
sn: Example
mail: ann@example.com

dn: cn=Lab,dc=example,dc=com
objectClass: room
cn: Lab
`})
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	c.Directory.LDAP.URLs, c.Directory.LDAP.CAFile = []string{s.TLSURL}, s.CA.File
	c.Directory.LDAP.Base, c.Directory.LDAP.BindDN = []string{s.BaseDN}, s.ServiceDN
	c.Directory.LDAP.BindPasswordFile = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "secret"), "wrong\n")
	r := serve(t, c)
	eventually(t, "a warning with the cure", func() bool {
		return strings.Contains(r.Log.String(), "setting=directory.ldap.bind-password-file") && strings.Contains(r.Log.String(), "cure=\"put the account's password into ")
	})
	res, err := s.Admin().Search(ldap.NewSearchRequest(s.ServiceDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"pwdFailureTime"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(res.Entries[0].GetAttributeValues("pwdFailureTime")); n != 1 {
		t.Errorf("slapd counts %d refused binds", n)
	}
	if err := os.WriteFile(c.Directory.LDAP.BindPasswordFile, []byte(s.ServicePassword), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "how many there are", func() bool { return strings.Contains(r.Log.String(), "found 1 people, 1 rooms") })
}
