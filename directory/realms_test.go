package directory_test

import (
	"errors"
	"testing"

	"convene/directory"
	"convene/directory/memldap"
)

// Two realms in one directory have people of the same name.
func TestKerberosBases(t *testing.T) {
	const text = `dn: dc=example,dc=com
objectClass: domain
dc: example

dn: ou=a,dc=example,dc=com
objectClass: organizationalUnit
ou: a

dn: ou=b,dc=example,dc=com
objectClass: organizationalUnit
ou: b

dn: uid=alice,ou=a,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
entryUUID: 00000000-0000-0000-0000-00000000000A

dn: uid=alice,ou=b,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
entryUUID: 00000000-0000-0000-0000-00000000000B
`
	_, url := serveMem(t, text, memldap.Options{})
	d := open(t, directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, KerberosRealms: []string{"A.COM"},
		KerberosBases: map[string]string{"A.COM": "ou=a," + base, "B.COM": "ou=b," + base}})
	for name, guid := range map[string]string{
		"alice@A.COM": "00000000-0000-0000-0000-00000000000A", "alice@B.COM": "00000000-0000-0000-0000-00000000000B",
		"Alice@A.COM": "", "alice@C.COM": "", "alice@a.com": "",
	} {
		p, err := d.Lookup(t.Context(), directory.Key{By: directory.KerberosName, Value: name})
		switch {
		case guid == "" && !errors.Is(err, directory.ErrNotFound):
			t.Errorf("%s: %v, %v", name, p, err)
		case guid != "" && (err != nil || p.GUID != guid):
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}
