package testenv_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/testenv"
)

const alice = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
userPassword: alicepw

dn: cn=staff,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=com

`

func TestOpenLDAP(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: alice, MemberOf: true, Lockout: true})
	c := s.Dial("uid=alice,ou=people,dc=example,dc=com", "alicepw")
	res, err := c.Search(ldap.NewSearchRequest(s.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(uid=alice)", []string{"memberOf"}, nil))
	if err != nil || len(res.Entries) != 1 || !strings.HasPrefix(res.Entries[0].GetAttributeValue("memberOf"), "cn=staff,") {
		t.Fatalf("search = %+v, %v", res, err)
	}
	s.Stop()
	if _, err := ldap.DialURL(s.URL); err == nil {
		t.Error("stopped server accepts")
	}
	s.Start()
	start := time.Now()
	s.Pause()
	time.AfterFunc(100*time.Millisecond, s.Resume)
	s.Dial(s.ServiceDN, s.ServicePassword)
	if d := time.Since(start); d < 90*time.Millisecond {
		t.Errorf("paused server answered after %v", d)
	}
}

func TestAD(t *testing.T) {
	d := testenv.AD(t, testenv.ADOptions{})
	admin := d.Admin()
	d.Add(admin, "CN=Alice Adams,CN=Users,"+d.BaseDN, map[string][]string{
		"objectClass": {"user"}, "sAMAccountName": {"alice"}, "unicodePwd": {"Al1ce!pass"}, "userAccountControl": {"66048"},
	})
	if err := d.Admin().Bind("alice@"+d.DNS, "Al1ce!pass"); err != nil {
		t.Error(err)
	}
}
