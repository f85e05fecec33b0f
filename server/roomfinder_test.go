package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/rooms"
	"convene/testenv"
)

// Of 500 rooms in slapd the finder has those that slapd has by a filter that says the same.
func TestRoomFinderEqualsLDAP(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: uid=ann,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ann\ncn: Ann Example\nsn: Example\nmail: ann@example.com\nuserPassword: secret\n")
	features := []string{"projector", "whiteboard", "video"}
	for i := range 500 {
		fmt.Fprintf(&b, "\ndn: cn=room%03d,dc=example,dc=com\nobjectClass: device\nobjectClass: extensibleObject\ncn: room%03d\nmail: room%03d@example.com\nserialNumber: %d\nl: %c\nou: %d\n",
			i, i, i, 2+i%19, 'A'+i%5, i%7)
		for k, f := range features {
			if i%(k+2) == 0 {
				fmt.Fprintf(&b, "description: %s\n", f)
			}
		}
	}
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: b.String()})
	c := smallConfig(t)
	c.Directory = directory.DefaultConfig()
	c.Directory.LDAP.URLs, c.Directory.LDAP.CAFile = []string{slapd.TLSURL}, slapd.CA.File
	c.Directory.LDAP.BindDN, c.Directory.LDAP.BindPassword = slapd.ServiceDN, slapd.ServicePassword
	c.Directory.LDAP.Preset, c.Directory.LDAP.Base = "openldap", []string{slapd.BaseDN}
	l := &c.Directory.LDAP.Locations
	l.Filter, l.GUID, l.Name, l.FullName, l.Email = "(objectClass=device)", "entryUUID", []string{"cn"}, []string{"cn"}, []string{"mail"}
	l.Capacity, l.Building, l.Floor, l.Features = "serialNumber", "l", "ou", []string{"description"}
	s := serve(t, c)
	conn, err := ldap.DialURL(slapd.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Bind(slapd.ServiceDN, slapd.ServicePassword); err != nil {
		t.Fatal(err)
	}
	seats := func(least int) string { // serialNumber has no order in the schema
		filter := "(|"
		for n := least; n <= 20; n++ {
			filter += fmt.Sprintf("(serialNumber=%d)", n)
		}
		return filter + ")"
	}
	n := 0
	for _, building := range []string{"", "A", "d", "Z"} {
		for _, floor := range []string{"", "3"} {
			for _, heads := range []int{0, 8, 20, 21} {
				for _, want := range [][]string{nil, {"projector"}, {"Whiteboard", "video"}} {
					query, filter := url.Values{"limit": {"500"}}, "(objectClass=device)"
					if building != "" {
						query.Set("building", building)
						filter += "(l=" + building + ")"
					}
					if floor != "" {
						query.Set("floor", floor)
						filter += "(ou=" + floor + ")"
					}
					if heads > 0 {
						query.Set("heads", fmt.Sprint(heads))
						filter += seats(heads)
					}
					if want != nil {
						query.Set("features", strings.Join(want, ","))
						filter += "(description=" + strings.Join(want, ")(description=") + ")"
					}
					found, err := conn.Search(ldap.NewSearchRequest(slapd.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(&"+filter+")", []string{"cn"}, nil))
					if err != nil {
						t.Fatal(filter, err)
					}
					var theirs, ours []string
					for _, e := range found.Entries {
						theirs = append(theirs, e.GetAttributeValue("cn"))
					}
					var list rooms.Finding
					got := do(t, client(), "GET", s.HTTP+"/rooms?"+query.Encode(), "ann", "")
					if err := json.Unmarshal([]byte(got.Body), &list); err != nil {
						t.Fatal(got.Status, got.Body)
					}
					for _, r := range list.Rooms {
						ours = append(ours, strings.TrimPrefix(r.Name, "locations/"))
					}
					slices.Sort(theirs)
					slices.Sort(ours)
					if n += len(ours); !slices.Equal(ours, theirs) {
						t.Errorf("%v: %d rooms, and %d by %s", query, len(ours), len(theirs), filter)
					}
				}
			}
		}
	}
	if n < 2000 {
		t.Errorf("%d rooms in all answers", n)
	}
}
