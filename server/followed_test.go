package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/config"
	"convene/directory/ldif"
	"convene/testenv"
)

// followedPeople are in the directory: ann, who books; dana, who is disabled; erin, who joins
// a group; carol, who is renamed.
var followedPeople = []string{"ann", "dana", "erin", "carol"}

// A follow is a directory whose changes a server follows, and how they are made.
type follow struct {
	config  config.Config
	disable func()
	join    func()
	rename  func()
	room    func()
}

// What changes in a directory counts within five seconds on every server, though all that was
// asked for is believed for an hour: a person who is disabled is out, a new member of a group in
// a group in a group is in, who is renamed signs in with the new name and is shown under it, and
// a room answers as its attribute now says.
func TestChangesAreFollowed(t *testing.T) {
	for name, open := range map[string]func(*testing.T) follow{"slapd": followSlapd, "389": follow389, "samba": followSamba} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			c := &f.config
			c.Directory.Cache.TTL, c.Directory.Cache.Negative = time.Hour, time.Hour
			c.Directory.LDAP.Locations.AutoSchedule = "description"
			c.Auth.Throttle.AddressFailures, c.Auth.Throttle.RefuseAfter = 1_000_000, time.Millisecond
			c.SACL.Calendar.Allow = []string{"group:staff", "user:ann", "user:dana", "user:carol"}
			w := &follower{t: t, s: serve(t, *c), day: time.Now().AddDate(0, 0, 7).Format("20060102")}
			eventually(t, "changes are followed", func() bool { return strings.Contains(w.s.Log.String(), "changes in the directory are followed") })
			for _, step := range []struct {
				what      string
				before    func() bool
				change    func()
				afterward func() bool
			}{
				{"a disabled account", w.lets("dana", 207), f.disable, func() bool { return w.lets("dana", 401)() || w.lets("dana", 403)() }},
				{"a new member of a nested group", w.lets("erin", 403), f.join, w.lets("erin", 207)},
				{"a renamed person", func() bool { return w.lets("carol", 207)() && w.lets("caroline", 401)() && !w.shown("caroline") }, f.rename,
					func() bool { return w.lets("caroline", 207)() && w.shown("caroline") }},
				{"a changed room policy attribute", w.answers("ACCEPTED"), f.room, w.answers("DECLINED")},
			} {
				if !step.before() {
					t.Fatalf("before: %s", step.what)
				}
				step.change()
				begun := time.Now()
				for !step.afterward() {
					if time.Since(begun) > 5*time.Second {
						t.Fatalf("%s: not within 5 s", step.what)
					}
					time.Sleep(50 * time.Millisecond)
				}
				t.Logf("%s: after %v", step.what, time.Since(begun).Round(time.Millisecond))
			}
		})
	}
}

type follower struct {
	t      *testing.T
	s      *running
	day    string // of the meetings, which the room can be booked for
	booked int
}

func (w *follower) do(method, path, user, body string) answer {
	w.t.Helper()
	r := do(w.t, client(), method, w.s.HTTP+path, "", body, "Depth: 0", "Content-Type: text/calendar", "Authorization: "+basicField(user, directoryPassword))
	return r
}

// lets asks whether somebody is answered with a status.
func (w *follower) lets(user string, status int) func() bool {
	return func() bool { return w.do("PROPFIND", "/", user, "").StatusCode == status }
}

// shown reports whether a name leads to carol's principal, who is shown by her new one.
func (w *follower) shown(name string) bool {
	const ask = `<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`
	a := w.do("PROPFIND", "/principals/users/"+name+"/", "ann", ask)
	return a.StatusCode == 207 && strings.Contains(a.Body, ">Caroline New<")
}

// answers books the room and asks what it has answered.
func (w *follower) answers(partStat string) func() bool {
	return func() bool {
		w.t.Helper()
		w.booked++
		uid := fmt.Sprintf("m%d", w.booked)
		tea := strings.Replace(invitation(uid, "Tea", "oak@example.com"), "20300506", w.day, 1)
		if a := w.do("PUT", annHome+"calendar/"+uid+".ics", "ann", tea); a.StatusCode != 201 {
			w.t.Fatalf("%s: %s", a.Status, a.Body)
		}
		text := strings.ReplaceAll(w.do("GET", annHome+"calendar/"+uid+".ics", "ann", "").Body, "\r\n ", "")
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, "oak@") {
				return strings.Contains(line, "PARTSTAT="+partStat)
			}
		}
		w.t.Fatalf("no room in\n%s", text)
		return false
	}
}

// followedLDIF has the company below dc=example,dc=com: erin is in no group, and ops in devs in
// staff.
func followedLDIF() string {
	var b strings.Builder
	for _, u := range followedPeople {
		fmt.Fprintf(&b, "dn: %s\nobjectClass: inetOrgPerson\nuid: %[2]s\ncn: %[2]s\nsn: Example\nmail: %[2]s@example.com\nuserPassword: %[3]s\n\n", personDN(u), u, directoryPassword)
	}
	fmt.Fprintf(&b, "dn: %s\nobjectClass: inetOrgPerson\nuid: oak\ncn: Oak\nsn: Room\nmail: oak@example.com\nemployeeType: Room\ndescription: accept-always\n\n", personDN("oak"))
	for _, g := range [][2]string{{"ops", personDN("ann")}, {"devs", "cn=ops,dc=example,dc=com"}, {"staff", "cn=devs,dc=example,dc=com"}} {
		fmt.Fprintf(&b, "dn: cn=%[1]s,dc=example,dc=com\nobjectClass: groupOfNames\ncn: %[1]s\nmember: %[2]s\n\n", g[0], g[1])
	}
	return b.String()
}

// unixFollow makes the changes on a server with followedLDIF.
func unixFollow(t *testing.T, c config.Config, admin *ldap.Conn, attr, value string) follow {
	c.Directory.LDAP.Locations.Filter = "(employeeType=Room)"
	return follow{
		config:  c,
		disable: func() { set(t, admin, personDN("dana"), attr, value) },
		join: func() {
			r := ldap.NewModifyRequest("cn=ops,dc=example,dc=com", nil)
			r.Add("member", []string{personDN("erin")})
			if err := admin.Modify(r); err != nil {
				t.Fatal(err)
			}
		},
		rename: func() {
			if err := admin.ModifyDN(ldap.NewModifyDNRequest(personDN("carol"), "uid=caroline", true, "")); err != nil {
				t.Fatal(err)
			}
			set(t, admin, personDN("caroline"), "displayName", "Caroline New")
		},
		room: func() { set(t, admin, personDN("oak"), "description", "decline-always") },
	}
}

func followSlapd(t *testing.T) follow {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: followedLDIF(), Lockout: true, ExtraDB: "index modifyTimestamp eq"})
	return unixFollow(t, ldapConfig(t, s), s.Admin(), "pwdAccountLockedTime", "000001010000Z")
}

func follow389(t *testing.T) follow {
	s := testenv.OpenDS389(t)
	admin := s.Admin()
	entries, err := ldif.Read(strings.NewReader(followedLDIF()))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		r := ldap.NewAddRequest(e.DN, nil)
		for _, a := range e.Attributes() {
			r.Attribute(a.Name, a.Values)
		}
		if err := admin.Add(r); err != nil {
			t.Fatalf("%s: %v", e.DN, err)
		}
	}
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	l := &c.Directory.LDAP
	l.URLs, l.Preset, l.Base, l.BindDN, l.BindPassword = []string{s.URL}, "389ds", []string{s.BaseDN}, s.AdminDN, s.AdminPassword
	return unixFollow(t, c, admin, "nsAccountLock", "true")
}

func followSamba(t *testing.T) follow {
	e := &domainEstate{t, testenv.AD(t, testenv.ADOptions{})}
	admin := e.d.Admin()
	add := func(name, class string, more map[string][]string) {
		more["objectClass"], more["sAMAccountName"] = []string{class}, []string{name}
		e.d.Add(admin, e.dn(name), more)
	}
	for _, name := range append(slices.Clone(followedPeople), "svc-bind") {
		add(name, "user", map[string][]string{"unicodePwd": {directoryPassword}, "userAccountControl": {"512"}, "mail": {name + "@example.com"}})
	}
	add("oak", "user", map[string][]string{"mail": {"oak@example.com"}, "employeeType": {"Room"}, "description": {"accept-always"}})
	for _, g := range [][2]string{{"ops", "ann"}, {"devs", "ops"}, {"staff", "devs"}} {
		add(g[0], "group", map[string][]string{"member": {e.dn(g[1])}})
	}
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	l := &c.Directory.LDAP
	l.URLs, l.CAFile, l.Preset, l.Base = []string{e.d.TLSURL}, e.d.CA.File, "ad", []string{e.d.BaseDN}
	l.BindDN, l.BindPassword = e.dn("svc-bind"), directoryPassword
	return follow{
		config:  c,
		disable: func() { set(t, admin, e.dn("dana"), "userAccountControl", "514") },
		join: func() {
			r := ldap.NewModifyRequest(e.dn("ops"), nil)
			r.Add("member", []string{e.dn("erin")})
			if err := admin.Modify(r); err != nil {
				t.Fatal(err)
			}
		},
		rename: func() {
			set(t, admin, e.dn("carol"), "sAMAccountName", "caroline")
			set(t, admin, e.dn("carol"), "displayName", "Caroline New")
		},
		room: func() { set(t, admin, e.dn("oak"), "description", "decline-always") },
	}
}
