package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// A login that two records have is refused as one that nobody has, by what a
// client sees and by the questions to the directory; the log names both records.
func TestAmbiguousLogin(t *testing.T) {
	twin := func(n int) directory.Record {
		return directory.Record{Principal: directory.Principal{
			GUID: fmt.Sprintf("TWIN-%d", n), Type: directory.User, Name: fmt.Sprintf("twin%d", n), DN: fmt.Sprintf("cn=twin%d,dc=example,dc=com", n),
			Emails: []string{"twin@example.com"}, Kerberos: []string{"twin@EXAMPLE.COM"}, LoginEnabled: true, CalendarEnabled: true,
		}, Password: "right"}
	}
	dir, err := directory.NewStatic([]directory.Record{twin(1), twin(2)})
	if err != nil {
		t.Fatal(err)
	}
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab = []string{"basic", "digest", "negotiate"}, keytabFile(t)
		p := newPeople(t)
		p.Static = dir
		o.Directory, o.Throttle.AccountFailures = p, 2
	})
	type seen struct {
		status int
		body   string
		asked  int32
	}
	try := func(field string) seen {
		before := s.people.binds.Load()
		status, _, out := s.try(field)
		for _, f := range out.Header["Www-Authenticate"] {
			if strings.HasPrefix(f, "Basic ") {
				return seen{status, out.Body, s.people.binds.Load() - before}
			}
		}
		return seen{status, out.Body + strings.Join(out.Header["Retry-After"], ""), s.people.binds.Load() - before}
	}
	for i, password := range []string{"guess 1", "right", "guess 2", "guess 3"} {
		two, none := try(basicField("twin@example.com", password)), try(basicField("nobody@example.com", password))
		if two != none {
			t.Errorf("try %d: two records %+v, none %+v", i+1, two, none)
		}
		if i < 2 && two.status != 401 {
			t.Errorf("try %d: %+v", i+1, two)
		}
	}
	for _, dn := range []string{"cn=twin1,", "cn=twin2,"} {
		if !strings.Contains(s.log.String(), "level=WARN") || !strings.Contains(s.log.String(), dn) {
			t.Errorf("%s is not in the log:\n%s", dn, s.log)
		}
	}
	_, _, out := s.try("")
	digest := map[string]seen{}
	for _, user := range []string{"twin@example.com", "nobody@example.com"} {
		c := &digestClient{user: user, password: "right"}
		c.learn(out)
		digest[user] = try(c.field("PROPFIND", "/calendars/"))
	}
	if digest["twin@example.com"] != digest["nobody@example.com"] || digest["twin@example.com"].status != 401 {
		t.Errorf("Digest: %v", digest)
	}
	m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now(), Client: "twin"})
	if status, _, out := s.try(negotiateField(m.Token)); status != 401 || !strings.Contains(out.Err.Error(), "cn=twin2,") {
		t.Errorf("Kerberos: %d %v", status, out.Err)
	}
}
