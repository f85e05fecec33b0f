package auth_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// The states that 389 Directory Server knows.
func TestDS389AccountStates(t *testing.T) {
	t.Parallel()
	srv := testenv.OpenDS389(t)
	admin := srv.Admin()
	const password = "right-12345"
	dn := func(name string) string { return "uid=" + name + "," + srv.BaseDN }
	names := []string{"well", "disabled", "locked", "mustchange", "expired"}
	for _, n := range names {
		r := ldap.NewAddRequest(dn(n), nil)
		for attr, v := range map[string]string{"objectClass": "inetOrgPerson", "uid": n, "cn": n, "sn": "X", "userPassword": password} {
			r.Attribute(attr, []string{v})
		}
		if err := admin.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	for attr, v := range map[string]string{"passwordLockout": "on", "passwordMaxFailure": "3", "passwordLockoutDuration": "600", "passwordResetFailureCount": "600"} {
		modify(t, admin, "cn=config", attr, v)
	}
	dir, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{srv.URL}, BindDN: srv.AdminDN, BindPassword: srv.AdminPassword, Preset: "389ds", Base: []string{srv.BaseDN},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Directory, o.State, o.Now = []string{"negotiate", "basic"}, dir, newState(t), time.Now
		o.Negotiate.Keytab = keytabFile(t)
	})
	wrong := func(name string) {
		c, err := ldap.DialURL(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Bind(dn(name), "wrong"); err == nil {
			t.Error("a wrong password is taken")
		}
	}
	type ways map[string]int
	for _, tt := range []struct {
		name   string
		change func(name string)
		want   ways
	}{
		{"well", func(string) {}, ways{"basic": 200, "device": 200, "ticket": 200, "session": 200}},
		{"disabled", func(n string) { modify(t, admin, dn(n), "nsAccountLock", "true") }, ways{"basic": 401, "device": 403, "ticket": 403, "session": 403}},
		{"locked", func(n string) { wrong(n); wrong(n); wrong(n) }, ways{"basic": 401, "device": 200, "ticket": 200, "session": 200}},
		{"mustchange", func(n string) {
			modify(t, admin, "cn=config", "passwordMustChange", "on")
			modify(t, admin, "cn=config", "passwordExp", "on")
			eventually(t, func() bool { // the policy counts a moment after it was changed
				modify(t, admin, dn(n), "userPassword", password) // by somebody else
				p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: n})
				return err == nil && !p.Account.PasswordExpires.IsZero()
			})
		}, ways{"basic": 403, "device": 403, "ticket": 200, "session": 403}},
		{"expired", func(n string) { modify(t, admin, dn(n), "passwordExpirationTime", "20200101000000Z") }, ways{"basic": 403, "device": 403, "ticket": 200, "session": 403}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name})
			if err != nil {
				t.Fatal(err)
			}
			_, device, err := s.Devices().Add(t.Context(), p.GUID, "phone")
			if err != nil {
				t.Fatal(err)
			}
			tt.change(tt.name)
			if p, err = dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name}); err != nil {
				t.Fatal(err)
			}
			status := func(field string) int { n, _, _ := s.try(field); return n }
			got := ways{"device": status(basicField(tt.name, device)), "basic": status(basicField(tt.name, password)), "session": 200,
				"ticket": status(negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: time.Now(), Client: tt.name}).Token))}
			if s.MayAct(p, auth.WaySession) != nil {
				got["session"] = 403
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v\n%+v", got, tt.want, p.Account)
			}
		})
	}
	if status, _, out := s.try(basicField("expired", "wrong-12345")); status != 401 || strings.Contains(out.Body, "expired") {
		t.Errorf("wrong password of an expired one: %d %q", status, out.Body)
	}
}
