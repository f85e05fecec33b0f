package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/admin"
	"convene/testenv"
)

// What somebody has stored who has left the directory is kept for as long as is configured,
// since that was first seen. An outage is no departure, and who is called the same inherits
// nothing.
func TestLeavers(t *testing.T) {
	const dn = "uid=alice,ou=people,dc=example,dc=com"
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob")})
	c := ldapConfig(t, slapd)
	c.Leavers.Keep = 30 * 24 * time.Hour
	begun := time.Now()
	on := func(days int, fn func(s *running)) {
		t.Helper()
		s := serveAt(t, c, func() time.Time { return begun.AddDate(0, 0, days) })
		fn(s)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
	meeting := strings.NewReplacer("ann@", "alice@", "20300506", "20350507").Replace(invitation("plan", "Plan", "bob@example.com"))
	read := func(s *running, user string) answer {
		t.Helper()
		return do(t, client(), "GET", s.HTTP+"/calendars/users/"+user+"/calendar/plan.ics", user, "")
	}
	bobs := func(s *running) string {
		t.Helper()
		a := do(t, client(), "REPORT", s.HTTP+"/calendars/users/bob/calendar/", "bob",
			`<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, "Depth: 1")
		return a.Body
	}
	plan := func(s *running, guid string) admin.OffboardPlan {
		t.Helper()
		p, err := admin.PlanOffboarding(t.Context(), dialAdmin(t, *s.Config), admin.OffboardRequest{Who: guid})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var guid string
	on(0, func(s *running) {
		if a := do(t, client(), "PUT", s.HTTP+"/calendars/users/alice/calendar/plan.ics", "alice", meeting, "Content-Type: text/calendar"); a.StatusCode != 201 {
			t.Fatalf("%d %s", a.StatusCode, a.Body)
		}
		p := plan(s, "alice")
		if guid = p.GUID; p.State != admin.StateActive || p.Organizes != 1 || !p.GoneSince.IsZero() {
			t.Errorf("%+v", p)
		}
	})
	directory := slapd.Admin()
	if err := directory.Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
	on(1, func(s *running) {
		eventually(t, "it is seen that she is gone", func() bool { return !plan(s, guid).GoneSince.IsZero() })
		if p := plan(s, guid); p.State != admin.StateGone || p.Organizes != 1 {
			t.Errorf("%+v", p)
		}
		add := ldap.NewAddRequest(dn, nil)
		for k, v := range map[string]string{"objectClass": "inetOrgPerson", "uid": "alice", "cn": "alice Example", "sn": "Example", "mail": "alice@example.com", "userPassword": "secret"} {
			add.Attribute(k, []string{v})
		}
		if err := directory.Add(add); err != nil {
			t.Fatal(err)
		}
		if err := admin.Reload(t.Context(), dialAdmin(t, c), admin.Request{By: "test"}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another alice signs in", func() bool { return read(s, "alice").StatusCode == 404 })
		mine := anEvent("mine", "mine")
		if a := do(t, client(), "PUT", s.HTTP+"/calendars/users/alice/calendar/mine.ics", "alice", mine, "Content-Type: text/calendar"); a.StatusCode != 201 {
			t.Errorf("%d %s", a.StatusCode, a.Body)
		}
	})
	slapd.Stop()
	on(40, func(s *running) {
		eventually(t, "it is told that the directory is away", func() bool { return strings.Contains(s.Log.String(), "not looked after") })
	})
	slapd.Start()
	on(30, func(s *running) { // 29 days after it was seen
		eventually(t, "the server is ready", func() bool { return plan(s, guid).State == admin.StateGone })
		if p := plan(s, guid); p.Organizes != 1 || strings.Contains(bobs(s), "CANCELLED") {
			t.Errorf("too early: %+v", p)
		}
	})
	on(31, func(s *running) {
		eventually(t, "it is erased", func() bool { return plan(s, guid).Objects == 0 })
		if !strings.Contains(bobs(s), "STATUS:CANCELLED") {
			t.Errorf("bob was not told:\n%s", bobs(s))
		}
		if a := do(t, client(), "GET", s.HTTP+"/calendars/users/alice/calendar/mine.ics", "alice", ""); a.StatusCode != 200 {
			t.Errorf("the other alice: %d", a.StatusCode)
		}
	})
	verified(t, c)
}
