package directorytest

import (
	"fmt"
	"strings"
)

// A Crowd is a large company: people u000000, u000001 … below ou=people, teams of a
// hundred below ou=groups, and the group all of the teams. Whoever has a number below
// Teamed is in a team. Names repeat: "Given7 Surname18".
type Crowd struct {
	People, Groups, Teamed int
	Large                  int // members of the group large; 0: there is none
}

// InNearlyAll is a person in nine of ten teams.
const InNearlyAll = "u000000"

// Login is the short name of a person.
func (c Crowd) Login(i int) string { return fmt.Sprintf("u%06d", i) }

// Name is the given name and the surname of a person.
func (c Crowd) Name(i int) (given, surname string) {
	return fmt.Sprintf("Given%d", i%311), fmt.Sprintf("Surname%d", i%977)
}

// LDIF is the crowd for OpenLDAP, below dc=example,dc=com. All have the same password;
// hash is the value of userPassword.
func (c Crowd) LDIF(hash string) string {
	const base = "dc=example,dc=com"
	var b strings.Builder
	for _, ou := range []string{"people", "groups"} {
		fmt.Fprintf(&b, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", ou, base, ou)
	}
	for i := range c.People {
		given, surname := c.Name(i)
		fmt.Fprintf(&b, "dn: uid=%[1]s,ou=people,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[3]s %[4]s\n"+
			"sn: %[4]s\ngivenName: %[3]s\nmail: %[1]s@example.com\nuserPassword: %[5]s\n\n", c.Login(i), base, given, surname, hash)
	}
	group := func(name string) {
		fmt.Fprintf(&b, "dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\ncn: %[1]s\n", name, base)
	}
	member := func(i int) { fmt.Fprintf(&b, "member: uid=%s,ou=people,%s\n", c.Login(i), base) }
	for g := range c.Groups {
		group(fmt.Sprintf("team%04d", g))
		if g < c.Groups*9/10 {
			member(0)
		}
		for i := range 100 {
			member(1 + (g*100+i)%(c.Teamed-1))
		}
		b.WriteString("\n")
	}
	group("all")
	for g := range c.Groups {
		fmt.Fprintf(&b, "member: cn=team%04d,ou=groups,%s\n", g, base)
	}
	b.WriteString("\n")
	if c.Large > 0 {
		group("large")
		for i := range c.Large {
			member(2 + i)
		}
		b.WriteString("\n")
	}
	return b.String()
}
