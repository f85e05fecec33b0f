package directorytest

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"convene/directory"
)

// Person is a user of the company.
type Person struct {
	Name, Given, Surname, Full string
	Mails                      []string
	Password                   string
	Disabled                   bool // may not sign in
	NoCalendar                 bool
}

// People returns the users. Among them are names that differ in an accent
// only, and one full of characters that mean something in filters and names.
func People() []Person {
	p := func(name, given, surname string) Person {
		return Person{Name: name, Given: given, Surname: surname, Full: given + " " + surname,
			Mails: []string{name + "@example.com"}, Password: "Pw!" + name + "1"}
	}
	alice, bob, carol := p("alice", "Alice", "Adams"), p("bob", "Bob", "Brown"), p("carol", "Carol", "Clark")
	bob.Mails = append(bob.Mails, "robert@example.com")
	carol.Full = `Carol (Ops) *Star* C\D, "E"`
	dave, erin := p("dave", "Dave", "Dunn"), p("erin", "Erin", "Evans")
	dave.Disabled, erin.NoCalendar = true, true
	jose, accent := p("jose", "Jose", "Garcia"), p("jose2", "José", "Ñandú")
	return []Person{alice, bob, carol, dave, erin, jose, accent}
}

// Team is a group: its members are people and other groups, by short name.
type Team struct {
	Name, Full string
	Members    []string
}

// Teams returns the groups: staff, devs and ops are nested in a ring.
func Teams() []Team {
	return []Team{
		{"staff", "All Staff", []string{"alice", "bob", "devs"}},
		{"devs", "Developers", []string{"carol", "ops"}},
		{"ops", "Operations", []string{"jose", "staff"}},
		{"empty", "Nobody at all", nil},
	}
}

// Place is a room or a resource.
type Place struct {
	Type                  directory.Type
	Name, Full, Mail      string
	Capacity              int
	Building, Floor, Room string
}

// Places returns the rooms and resources.
func Places() []Place {
	return []Place{
		{directory.Location, "aspen", "Aspen Conference Room", "aspen@example.com", 12, "North", "2", "2.14"},
		{directory.Location, "birch", "Birch Conference Room", "birch@example.com", 4, "South", "1", "1.02"},
		{directory.Resource, "projector", "Portable Projector", "projector@example.com", 0, "North", "", ""},
	}
}

// ldifWriter builds LDIF.
type ldifWriter struct{ strings.Builder }

func (w *ldifWriter) attr(name, value string) {
	if value == "" {
		return
	}
	fmt.Fprintf(w, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
}

func (w *ldifWriter) entry(dn string, classes ...string) {
	fmt.Fprintf(w, "\n")
	w.attr("dn", dn)
	for _, c := range classes {
		w.attr("objectClass", c)
	}
}

// LDIF returns the company below dc=example,dc=com with standard classes. The
// root entry is not in it. OpenLDAPRecords is the configuration for it.
func LDIF() string {
	const base = "dc=example,dc=com"
	var w ldifWriter
	for _, ou := range []string{"people", "groups", "rooms", "things"} {
		w.entry("ou="+ou+","+base, "organizationalUnit")
		w.attr("ou", ou)
	}
	for _, p := range People() {
		w.entry("uid="+p.Name+",ou=people,"+base, "inetOrgPerson")
		w.attr("uid", p.Name)
		w.attr("cn", p.Full)
		w.attr("sn", p.Surname)
		w.attr("givenName", p.Given)
		w.attr("displayName", p.Full)
		w.attr("userPassword", p.Password)
		for _, m := range p.Mails {
			w.attr("mail", m)
		}
		if p.Disabled {
			w.attr("employeeType", "disabled")
		}
		if p.NoCalendar {
			w.attr("businessCategory", "nocal")
		}
	}
	for _, t := range Teams() {
		w.entry("cn="+t.Name+",ou=groups,"+base, "groupOfNames")
		w.attr("cn", t.Name)
		w.attr("description", t.Full)
		for _, m := range t.Members {
			w.attr("member", memberDN(m, "uid=%s,ou=people,"+base, "cn=%s,ou=groups,"+base))
		}
		if len(t.Members) == 0 {
			w.attr("member", "cn=nobody,"+base) // the class demands one
		}
	}
	for _, p := range Places() {
		class, ou := "room", "rooms"
		if p.Type == directory.Resource {
			class, ou = "device", "things"
		}
		w.entry("uid="+p.Name+",ou="+ou+","+base, class, "uidObject", "extensibleObject")
		w.attr("uid", p.Name)
		w.attr("cn", p.Full)
		w.attr("mail", p.Mail)
		w.attr("buildingName", p.Building)
		w.attr("l", p.Floor)
		w.attr("roomNumber", p.Room)
		if p.Capacity > 0 {
			w.attr("description", fmt.Sprintf("%d seats", p.Capacity))
		}
	}
	return w.String() + "\n"
}

func memberDN(name, person, team string) string {
	if slices.ContainsFunc(Teams(), func(t Team) bool { return t.Name == name }) {
		return fmt.Sprintf(team, name)
	}
	return fmt.Sprintf(person, name)
}

// OpenLDAPRecords returns the configuration of users, groups, locations and
// resources that goes with LDIF and the preset openldap.
func OpenLDAPRecords() (users, groups, locations, resources directory.RecordConfig) {
	users.LoginEnabled = []string{"!employeeType:disabled"}
	users.CalendarEnabled = []string{"!businessCategory:nocal"}
	groups.FullName = []string{"description"}
	locations.Capacity, locations.Floor = "description", "l"
	return users, groups, locations, locations
}

// ADLDIF returns the company as Active Directory has it, below OU=Convene in
// the domain named base, which is in it too.
func ADLDIF(base string) string {
	ou := "OU=Convene," + base
	dnsName := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(base, "DC="), ",DC=", "."))
	var w ldifWriter
	w.entry(base, "top", "domain")
	w.entry(ou, "organizationalUnit")
	for _, p := range People() {
		w.entry(adName(p.Name)+","+ou, "top", "person", "organizationalPerson", "user")
		w.attr("sAMAccountName", p.Name)
		w.attr("userPrincipalName", p.Name+"@"+dnsName)
		w.attr("displayName", p.Full)
		w.attr("givenName", p.Given)
		w.attr("sn", p.Surname)
		w.attr("mail", p.Mails[0])
		for _, m := range p.Mails[1:] {
			w.attr("otherMailbox", m)
		}
		w.attr("userPassword", p.Password)
		uac := "66048" // normal account, password does not expire
		if p.Disabled {
			uac = "66050"
		}
		w.attr("userAccountControl", uac)
		if p.NoCalendar {
			w.attr("businessCategory", "nocal")
		}
	}
	for _, p := range Places() {
		w.entry(adName(p.Name)+","+ou, "top", "person", "organizationalPerson", "user")
		w.attr("sAMAccountName", p.Name)
		w.attr("displayName", p.Full)
		w.attr("mail", p.Mail)
		w.attr("userAccountControl", "514")
		w.attr("physicalDeliveryOfficeName", p.Building)
		w.attr("roomNumber", p.Room)
		w.attr("department", p.Floor)
		kind := "Room"
		if p.Type == directory.Resource {
			kind = "Equipment"
		}
		w.attr("employeeType", kind)
		if p.Capacity > 0 {
			w.attr("employeeNumber", fmt.Sprint(p.Capacity))
		}
	}
	for _, t := range Teams() {
		w.entry(adName(t.Name)+","+ou, "top", "group")
		w.attr("sAMAccountName", t.Name)
		w.attr("displayName", t.Full)
		for _, m := range t.Members {
			w.attr("member", adName(m)+","+ou)
		}
	}
	return w.String() + "\n"
}

// adName is a relative name with characters that need escaping.
func adName(name string) string { return `CN=\#` + name + `\, entry` }

// ADRecords returns the configuration that goes with ADLDIF and the preset ad.
func ADRecords() (users, groups, locations, resources directory.RecordConfig) {
	users.CalendarEnabled = []string{"!businessCategory:nocal"}
	users.Email = []string{"mail", "otherMailbox"}
	users.Login = []string{"sAMAccountName", "userPrincipalName", "mail"}
	locations.Capacity, locations.Floor = "employeeNumber", "department"
	return users, groups, locations, locations
}

// Accounts returns the company in the newer form of accounts.xml.
func Accounts() string {
	var b strings.Builder
	el := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  <%s>", name)
			_ = xml.EscapeText(&b, []byte(value)) // a Builder takes all
			fmt.Fprintf(&b, "</%s>\n", name)
		}
	}
	uid := func(name string) string { return directory.DerivedGUID("test", directory.AnyType, name) }
	b.WriteString("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE accounts SYSTEM \"accounts.dtd\">\n<directory realm=\"Test Realm\">\n")
	for _, p := range People() {
		b.WriteString("<record>\n")
		el("uid", uid(p.Name))
		el("short-name", p.Name)
		el("password", p.Password)
		el("full-name", p.Full)
		el("first-name", p.Given)
		el("last-name", p.Surname)
		for _, m := range p.Mails {
			el("email", m)
		}
		if p.Disabled {
			b.WriteString("  <disable-login/>\n")
		}
		if p.NoCalendar {
			b.WriteString("  <disable-calendar/>\n")
		}
		b.WriteString("</record>\n")
	}
	for _, t := range Teams() {
		b.WriteString("<record type=\"group\">\n")
		el("uid", uid(t.Name))
		el("short-name", t.Name)
		el("full-name", t.Full)
		for _, m := range t.Members {
			el("member-uid", uid(m))
		}
		b.WriteString("</record>\n")
	}
	for _, p := range Places() {
		fmt.Fprintf(&b, "<record type=\"%s\">\n", strings.TrimSuffix(p.Type.String(), "s"))
		el("uid", uid(p.Name))
		el("short-name", p.Name)
		el("full-name", p.Full)
		el("email", p.Mail)
		el("building", p.Building)
		el("floor", p.Floor)
		if p.Capacity > 0 {
			el("capacity", fmt.Sprint(p.Capacity))
		}
		b.WriteString("</record>\n")
	}
	b.WriteString("</directory>\n")
	return b.String()
}

// Groups returns the groups as an Apache group file.
func Groups() string {
	var b strings.Builder
	for _, t := range Teams() {
		fmt.Fprintf(&b, "%s: %s\n", t.Name, strings.Join(t.Members, " "))
	}
	return b.String()
}

// Htpasswd returns the people as an Apache password file with hashes made by
// hash.
func Htpasswd(hash func(password string) string) string {
	var b strings.Builder
	for _, p := range People() {
		fmt.Fprintf(&b, "%s:%s\n", p.Name, hash(p.Password))
	}
	return b.String()
}

// Htdigest returns the people as an Apache digest file.
func Htdigest(realm string) string {
	var b strings.Builder
	for _, p := range People() {
		sum := md5.Sum([]byte(p.Name + ":" + realm + ":" + p.Password))
		fmt.Fprintf(&b, "%s:%s:%s\n", p.Name, realm, hex.EncodeToString(sum[:]))
	}
	return b.String()
}

// Records returns the company for directory.NewStatic.
func Records() []directory.Record {
	var out []directory.Record
	for _, p := range People() {
		out = append(out, directory.Record{Password: p.Password, Principal: directory.Principal{
			Type: directory.User, Name: p.Name, FullName: p.Full, GivenName: p.Given, Surname: p.Surname,
			Emails: p.Mails, CalendarEnabled: !p.NoCalendar, LoginEnabled: !p.Disabled,
		}})
	}
	for _, t := range Teams() {
		r := directory.Record{Principal: directory.Principal{Type: directory.Group, Name: t.Name, FullName: t.Full, CalendarEnabled: true}}
		for _, m := range t.Members {
			r.Members = append(r.Members, directory.Key{By: directory.Name, Value: m})
		}
		out = append(out, r)
	}
	for _, p := range Places() {
		out = append(out, directory.Record{Principal: directory.Principal{
			Type: p.Type, Name: p.Name, FullName: p.Full, Emails: []string{p.Mail}, CalendarEnabled: true,
			Capacity: p.Capacity, Building: p.Building, Floor: p.Floor, Room: p.Room,
		}})
	}
	return out
}
