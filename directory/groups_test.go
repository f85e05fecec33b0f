package directory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"convene/directory"
	"convene/directory/memldap"
	"convene/testenv"
)

// TestBigGroup reads a group of 4,000 members from a server that gives 1,500
// values and 1,000 entries at a time, as Active Directory does.
func TestBigGroup(t *testing.T) {
	const n = 4000
	var b strings.Builder
	b.WriteString(rootEntry)
	for i := range n {
		fmt.Fprintf(&b, "\ndn: CN=u%d,%s\nobjectClass: user\nsAMAccountName: u%d\n", i, base, i)
	}
	fmt.Fprintf(&b, "\ndn: CN=big,%s\nobjectClass: group\nsAMAccountName: big\n", base)
	for i := range n {
		fmt.Fprintf(&b, "member: CN=u%d,%s\n", i, base)
	}
	s, url := serveMem(t, b.String(), memldap.Options{Quirks: memldap.Quirks{ActiveDirectory: true, MaxPage: 1000, MaxValues: 1500}})
	for _, memberOf := range []string{"", "-"} {
		c := directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, Preset: "ad"}
		c.Users.MemberOf, c.Groups.MemberOf = memberOf, memberOf
		d := open(t, c)
		big := find(t, d, key("big")).GUID
		before, _ := s.Requests()
		list, err := d.Members(t.Context(), big, directory.Nested)
		after, _ := s.Requests()
		if err != nil || len(list) != n {
			t.Errorf("member-of %q: %d members, %v", memberOf, len(list), err)
		}
		t.Logf("member-of %q: %d searches", memberOf, after-before)
		c.MemberCap = 1000
		if list, err := open(t, c).Members(t.Context(), big, directory.Nested); err == nil || errors.Is(err, directory.ErrNotFound) || list != nil {
			t.Errorf("above the cap: %d, %v", len(list), err)
		}
	}
}

// more has the kinds of group that the company lacks.
const more = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: ou=outside,dc=example,dc=com
objectClass: organizationalUnit
ou: outside

dn: cn=Smith\, John,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: Smith, John
sn: Smith
uid: john
uid: jsmith

dn: cn=posix,ou=groups,dc=example,dc=com
objectClass: posixGroup
cn: posix
gidNumber: 1
memberUid: jsmith
memberUid: nobody

dn: cn=unique,ou=groups,dc=example,dc=com
objectClass: groupOfUniqueNames
cn: unique
uniqueMember: cn=smith\2c john,ou=people,dc=example,dc=com
uniqueMember: cn=posix,ou=groups,dc=example,dc=com

dn: cn=hidden,ou=outside,dc=example,dc=com
objectClass: groupOfNames
cn: hidden
member: cn=Smith\, John,ou=people,dc=example,dc=com

dn: cn=above,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: above
member: cn=hidden,ou=outside,dc=example,dc=com

`

func groupNames(t *testing.T, d directory.Directory, name string) []string {
	t.Helper()
	list, err := d.Groups(t.Context(), find(t, d, key(name)).GUID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, g := range list {
		out = append(out, find(t, d, directory.Key{By: directory.GUID, Value: g}).Name)
	}
	slices.Sort(out)
	return out
}

func TestKindsOfGroup(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: more, MemberOf: true})
	c := openLDAP(s)
	c.Users, c.Groups = directory.RecordConfig{}, directory.RecordConfig{}
	d := open(t, c)
	if got := groupNames(t, d, "jsmith"); !slices.Equal(got, []string{"above", "hidden", "posix", "unique"}) {
		t.Errorf("groups: %q", got)
	}
	for name, want := range map[string]int{"posix": 1, "unique": 1, "above": 1} {
		list, err := d.Members(t.Context(), find(t, d, key(name)).GUID, directory.Nested)
		if err != nil || len(list) != want || list[0].Name != "john" {
			t.Errorf("members of %s: %v, %v", name, list, err)
		}
	}
	// A group outside of the search bases is none of ours, but memberOf leads
	// through it.
	c.Groups = directory.RecordConfig{Base: []string{"ou=groups," + base}, MemberOf: "memberOf"}
	c.Users.MemberOf = "memberOf"
	if got := groupNames(t, open(t, c), "john"); !slices.Equal(got, []string{"above"}) {
		t.Errorf("groups by memberOf: %q", got)
	}
	c.Nesting = "direct"
	if got := groupNames(t, open(t, c), "john"); len(got) != 0 {
		t.Errorf("direct groups by memberOf: %q", got)
	}
}

// TestTooDeep: groups nested deeper than configured are an error, as part of
// them would be no answer.
func TestTooDeep(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: more})
	c := openLDAP(s)
	c.Users, c.Groups = directory.RecordConfig{}, directory.RecordConfig{}
	c.MaxDepth = 1
	d := open(t, c)
	john := find(t, d, key("john")).GUID
	if list, err := d.Groups(t.Context(), john); !errors.Is(err, directory.ErrUnavailable) || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	c.Nesting = "direct"
	if got := groupNames(t, open(t, c), "john"); !slices.Equal(got, []string{"hidden", "posix", "unique"}) {
		t.Errorf("%q", got)
	}
}

// TestCutOff: what a size limit has cut off is never taken for everything.
func TestCutOff(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: more, SizeLimit: 2})
	c := openLDAP(s)
	c.BindDN, c.BindPassword = "", "" // not the service account: the limit holds
	c.Users, c.Groups = directory.RecordConfig{}, directory.RecordConfig{}
	d := open(t, c)
	john := find(t, d, key("john"))
	if list, err := d.Groups(t.Context(), john.GUID); !errors.Is(err, directory.ErrUnavailable) || list != nil {
		t.Errorf("groups: %v, %v", list, err)
	}
	if list, err := d.Search(t.Context(), directory.Query{}); !errors.Is(err, directory.ErrTooMany) || len(list) == 0 {
		t.Errorf("search: %v, %v", list, err)
	}
}
