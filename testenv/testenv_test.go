package testenv_test

import (
	"fmt"
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

// What changes on one controller of a pair is soon on the other.
func TestADPair(t *testing.T) {
	one, two := testenv.ADPair(t, testenv.ADOptions{})
	admins := map[*testenv.Domain]*ldap.Conn{one: one.Admin(), two: two.Admin()}
	for i, from := range []*testenv.Domain{one, two, one, two} {
		to := one
		if from == one {
			to = two
		}
		dn := fmt.Sprintf("CN=user%d,CN=Users,%s", i, from.BaseDN)
		from.Add(admins[from], dn, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {fmt.Sprintf("user%d", i)}})
		begun := time.Now()
		for {
			res, err := admins[to].Search(ldap.NewSearchRequest(from.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, fmt.Sprintf("(sAMAccountName=user%d)", i), []string{"1.1"}, nil))
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Entries) == 1 {
				break
			}
			if time.Since(begun) > 30*time.Second {
				t.Fatalf("%s is not on %s", dn, to.Host)
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Logf("on %s after %v", to.Host, time.Since(begun).Round(time.Millisecond))
	}
}
