package auth_test

import (
	"cmp"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// Two controllers of a domain are one directory: what holds for an account holds on both,
// a wrong password is counted once, and a ticket of the one is judged by the other.
func TestTwoControllers(t *testing.T) {
	t.Parallel()
	one, two := testenv.ADPair(t, testenv.ADOptions{})
	first, second := one.Admin(), two.Admin()
	const password = "Pw!secret1"
	dn := func(name string) string { return "CN=" + name + ",CN=Users," + one.BaseDN }
	add := func(c *ldap.Conn, name string, more map[string][]string) {
		t.Helper()
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {password}, "userAccountControl": {"512"}}
		maps.Copy(attrs, more)
		one.Add(c, dn(name), attrs)
	}
	// same waits until both controllers say the same about an attribute.
	same := func(dn, attr string) {
		t.Helper()
		eventually(t, func() bool { return one.Value(dn, attr) == two.Value(dn, attr) })
	}
	for attr, v := range map[string]string{"lockoutThreshold": "5", "lockoutDuration": "-18000000000", "lockOutObservationWindow": "-18000000000"} {
		modify(t, first, one.BaseDN, attr, v)
		same(one.BaseDN, attr)
	}
	add(first, "svc-http", map[string][]string{"servicePrincipalName": {"HTTP/localhost"}, "msDS-SupportedEncryptionTypes": {"24"}})
	for _, name := range []string{"svc-bind", "svc-stale", "tkt", "once", "stalled"} {
		add(first, name, nil)
	}
	add(first, "live", map[string][]string{"mail": {"ann@example.com"}})
	same(dn("live"), "objectGUID")
	config := directory.LDAPConfig{
		URLs: []string{one.TLSURL, two.TLSURL}, CAFile: one.CA.File, BindDN: dn("svc-bind"), BindPassword: password,
		Preset: "ad", Base: []string{one.BaseDN},
	}
	connect := func(c directory.LDAPConfig) *directory.LDAP {
		t.Helper()
		d, err := directory.OpenLDAP(c, directory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	dir, keys := connect(config), one.Keytab("HTTP/localhost")
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Now, o.Directory = []string{"negotiate", "basic"}, keys, time.Now, dir
	})
	url := s.listen(t)
	status := func(login, password string) int {
		n, _, _ := s.try(basicField(login, password))
		return n
	}
	bad := func(d *testenv.Domain, name string) string { return cmp.Or(d.Value(dn(name), "badPwdCount"), "0") }
	// without does something while a controller does not respond.
	without := func(d *testenv.Domain, do func()) {
		t.Helper()
		d.Pause()
		do()
		d.Resume()
		eventually(t, func() bool {
			for _, h := range dir.Health() {
				if !h.Up {
					return false
				}
			}
			return true
		})
	}

	t.Run("a wrong password counts once", func(t *testing.T) {
		if got := status("once", "wrong"); got != 401 || bad(one, "once")+bad(two, "once") != "10" {
			t.Errorf("%d, counted %s and %s", got, bad(one, "once"), bad(two, "once"))
		}
		without(one, func() {
			if got := status("stalled", "wrong"); got != 401 {
				t.Error(got)
			}
			if got := bad(two, "stalled"); got != "1" {
				t.Errorf("counted %s by the one that is well", got)
			}
		})
		if got := bad(one, "stalled"); got > "1" {
			t.Errorf("counted %s by the one that stalled", got)
		}
		if got := status("stalled", password); got != 200 {
			t.Errorf("the right password afterwards: %d", got)
		}
	})

	t.Run("a stale password of the service account", func(t *testing.T) {
		c := config
		c.BindDN, c.BindPassword = dn("svc-stale"), "stale"
		stale := connect(c)
		for range 3 {
			for range 10 {
				if _, err := stale.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: "live"}); !errors.Is(err, directory.ErrUnavailable) {
					t.Fatal(err)
				}
			}
			if err := stale.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2500 * time.Millisecond) // longer than servers that are down are left alone
		if n := bad(one, "svc-stale") + bad(two, "svc-stale"); n != "10" && n != "01" {
			t.Errorf("counted %s and %s, want one on both together", n[:1], n[1:])
		}
	})

	t.Run("a leaver with the same mail", func(t *testing.T) {
		add(second, "leaver", map[string][]string{"mail": {"ann@example.com"}, "userAccountControl": {"514"}})
		same(dn("leaver"), "objectGUID")
		for what, ask := range map[string]func(*testing.T){
			"both":       func(t *testing.T) {},
			"the second": func(t *testing.T) { one.Pause(); t.Cleanup(one.Resume) },
		} {
			t.Run(what, func(t *testing.T) {
				ask(t)
				if n, c, _ := s.try(basicField("ann@example.com", password)); n != 200 || c.Principal.Name != "live" {
					t.Errorf("%d %v", n, c)
				} else {
					s.Forget(c.Principal.GUID)
				}
				if got := status("leaver", password); got != 401 {
					t.Errorf("the leaver: %d", got)
				}
			})
		}
	})

	t.Run("a ticket of a former account", func(t *testing.T) {
		check := func(what string, env []string, want bool) {
			t.Helper()
			out := testenv.Curl(t, env, url)
			if got := strings.Contains(out, "you are tkt"); got != want || !want && !strings.Contains(out, " 401 ") {
				t.Errorf("%s: %s", what, out)
			}
		}
		old := one.Kinit("tkt", password)
		check("a ticket of the first", old, true)
		check("a ticket of the second", two.Kinit("tkt", password), true)
		if err := second.Del(ldap.NewDelRequest(dn("tkt"), nil)); err != nil {
			t.Fatal(err)
		}
		same(dn("tkt"), "objectGUID")
		check("nobody's ticket", old, false)
		add(second, "tkt", nil)
		same(dn("tkt"), "objectGUID")
		check("a ticket of the former account", old, false)
		check("a ticket of the new one", one.Kinit("tkt", password), true)
		without(one, func() {
			check("a ticket of the former account, at the second", old, false)
			check("a ticket of the new one, at the second", two.Kinit("tkt", password), true)
		})
	})
}
