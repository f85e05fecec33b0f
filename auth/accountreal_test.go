package auth_test

import (
	"crypto/tls"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

func modify(t *testing.T, c *ldap.Conn, dn, attr string, values ...string) {
	t.Helper()
	r := ldap.NewModifyRequest(dn, nil)
	r.Replace(attr, values)
	if err := c.Modify(r); err != nil {
		t.Fatalf("%s of %s: %v", attr, dn, err)
	}
}

func fileTime(at time.Time) string {
	return fmt.Sprint(at.Unix()*1e7 + 116_444_736_000_000_000)
}

// The states of an account that domain controllers know, for each way to act: what is set
// on one of two counts on the other, and goes on counting while one of them stalls.
func TestSambaAccountStates(t *testing.T) {
	t.Parallel()
	one, d := testenv.ADPair(t, testenv.ADOptions{})
	admin := d.Admin()
	// arrived waits until the first controller knows what was set on the second.
	arrived := func(dn string, attrs ...string) {
		t.Helper()
		for _, attr := range attrs {
			eventually(t, func() bool { return one.Value(dn, attr) == d.Value(dn, attr) })
		}
	}
	dn := func(name string) string { return "CN=" + name + ",CN=Users," + d.BaseDN }
	const password = "Pw!secret1"
	add := func(name string, more map[string][]string) {
		t.Helper()
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {password}, "userAccountControl": {"512"}, "info": {password}}
		maps.Copy(attrs, more)
		d.Add(admin, dn(name), attrs)
	}
	add("svc-http", map[string][]string{"servicePrincipalName": {"HTTP/localhost"}, "msDS-SupportedEncryptionTypes": {"24"}})
	arrived(dn("svc-http"), "objectGUID")
	dir, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{one.TLSURL, d.TLSURL}, CAFile: d.CA.File, BindDN: "AD\\Administrator", BindPassword: d.AdminPassword,
		Preset: "ad", Base: []string{d.BaseDN}, Users: directory.RecordConfig{DigestPassword: "info"},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	keys := d.Keytab("HTTP/localhost")
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Now, o.Directory, o.State = []string{"negotiate", "digest", "basic"}, keys, time.Now, dir, newState(t)
		o.Digest.DevicePasswords, o.HelpURL = true, "https://example.com/password"
	})
	url := s.listen(t)
	type ways map[string]string
	refused := ways{"ticket": "403", "digest": "403", "device": "403", "session": "403"}
	for _, tt := range []struct {
		name   string
		change func(dn string)
		basic  string // status of the right password
		want   ways
	}{
		{"never", func(dn string) { modify(t, admin, dn, "accountExpires", "0") }, "200", ways{"ticket": "200", "digest": "200", "device": "200", "session": "200"}},
		{"forever", func(dn string) { modify(t, admin, dn, "accountExpires", "9223372036854775807") }, "200", ways{"ticket": "200", "digest": "200", "device": "200", "session": "200"}},
		{"disabled", func(dn string) { modify(t, admin, dn, "userAccountControl", "514") }, "401",
			ways{"ticket": "403", "digest": "401", "device": "403", "session": "403"}},
		{"expired", func(dn string) { modify(t, admin, dn, "accountExpires", fileTime(time.Now().Add(-time.Hour))) }, "401", refused},
		{"mustchange", func(dn string) { modify(t, admin, dn, "pwdLastSet", "0") }, "403",
			ways{"ticket": "200", "digest": "403", "device": "403", "session": "403"}},
		{"offhours", func(dn string) { modify(t, admin, dn, "logonHours", strings.Repeat("\x00", 21)) }, "401", refused},
		{"locked", func(dn string) {
			modify(t, admin, d.BaseDN, "lockoutDuration", "-18000000000")
			modify(t, admin, d.BaseDN, "lockOutObservationWindow", "-18000000000")
			for range 3 {
				c, err := ldap.DialURL(d.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.CA.Pool}))
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Bind(dn, "wrong"); err == nil {
					t.Error("a wrong password is taken")
				}
				_ = c.Close()
			}
		}, "401", ways{"ticket": "200", "digest": "403", "device": "200", "session": "200"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			add(tt.name, nil)
			arrived(dn(tt.name), "objectGUID", "pwdLastSet")
			p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name})
			if err != nil {
				t.Fatal(err)
			}
			_, device, err := s.Devices().Add(t.Context(), p.GUID, "phone")
			if err != nil {
				t.Fatal(err)
			}
			env := d.Kinit(tt.name, password)
			try := func() (basic string, got ways) {
				status := func(field string) string {
					n, _, _ := s.try(field)
					return fmt.Sprint(n)
				}
				got = ways{"digest": status(s.digestSession(t, tt.name, password, false).field("PROPFIND", "/calendars/")), "device": status(basicField(tt.name, device)), "session": "200"}
				basic = status(basicField(tt.name, password))
				out := testenv.Curl(t, env, url)
				for _, code := range []string{"200", "401", "403", "503"} {
					if i := strings.LastIndex(out, "HTTP/"); i >= 0 && strings.Contains(strings.SplitN(out[i:], "\n", 2)[0], " "+code+" ") {
						got["ticket"] = code
					}
				}
				p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name})
				if err != nil {
					t.Fatal(err)
				}
				if s.MayAct(p, auth.WaySession) != nil {
					got["session"] = "403"
				}
				return basic, got
			}
			if basic, got := try(); basic != "200" || got["ticket"] != "200" || got["digest"] != "200" || got["device"] != "200" {
				t.Fatalf("before: %s %v\n%s", basic, got, s.log)
			}
			tt.change(dn(tt.name))
			arrived(d.BaseDN, "lockoutDuration", "lockOutObservationWindow")
			arrived(dn(tt.name), "accountExpires", "lockoutTime", "logonHours", "pwdLastSet", "userAccountControl")
			s.Forget(p.GUID)
			basic, got := try()
			if basic != tt.basic || !maps.Equal(got, tt.want) {
				t.Errorf("basic %s %v\nwant  %s %v", basic, got, tt.basic, tt.want)
			}
			one.Pause()
			s.Forget(p.GUID)
			basic, got = try()
			one.Resume()
			if basic != tt.basic || !maps.Equal(got, tt.want) {
				t.Errorf("while the first stalls: basic %s %v\nwant  %s %v", basic, got, tt.basic, tt.want)
			}
			if tt.name == "mustchange" {
				_, _, out := s.try(basicField(tt.name, password))
				if !strings.Contains(out.Body, "https://example.com/password") {
					t.Errorf("%q", out.Body)
				}
				s.Forget(p.GUID)
				if status, _, out := s.try(basicField(tt.name, "Pw!wrong1")); status != 401 || strings.Contains(out.Body, "expired") {
					t.Errorf("wrong password of an expired one: %d %q", status, out.Body)
				}
			}
		})
	}
}

// The states that slapd knows by its overlay ppolicy, and by shadow(5).
func TestSlapdAccountStates(t *testing.T) {
	t.Parallel()
	const hint = "right-1"
	var people strings.Builder
	names := []string{"well", "expired", "shadow", "mustchange", "locked", "adminlocked", "unlocked"}
	for _, n := range names {
		extra := ""
		if n == "shadow" {
			extra = "objectClass: shadowAccount\nshadowExpire: 20000\n"
		}
		fmt.Fprintf(&people, "dn: uid=%[1]s,dc=example,dc=com\nobjectClass: inetOrgPerson\n%[3]suid: %[1]s\ncn: %[1]s\nsn: X\ncarLicense: %[2]s\nuserPassword: %[4]s\n\n", n, hint, extra, testenv.SSHA(hint))
	}
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Lockout: true, LDIF: people.String()})
	admin := srv.Admin()
	dir, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{srv.TLSURL}, CAFile: srv.CA.File, Base: []string{srv.BaseDN}, BindDN: srv.ServiceDN, BindPassword: srv.ServicePassword,
		Users: directory.RecordConfig{DigestPassword: "carLicense", LockedFor: 2 * time.Second},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Directory, o.State, o.Now = []string{"negotiate", "digest", "basic"}, dir, newState(t), time.Now
		o.Negotiate.Keytab, o.Digest.DevicePasswords = keytabFile(t), true
	})
	dn := func(name string) string { return "uid=" + name + ",dc=example,dc=com" }
	policy := "cn=default,ou=policies,dc=example,dc=com"
	lock := func(name string) {
		modify(t, admin, policy, "pwdLockoutDuration", "2")
		for range 3 {
			c, err := ldap.DialURL(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Bind(dn(name), "wrong"); err == nil {
				t.Error("a wrong password is taken")
			}
			_ = c.Close()
		}
	}
	type ways map[string]int
	for _, tt := range []struct {
		name   string
		change func(name string)
		want   ways
	}{
		{"well", func(string) {}, ways{"basic": 200, "digest": 200, "device": 200, "ticket": 200, "session": 200}},
		{"shadow", nil, ways{"basic": 401, "digest": 403, "device": 403, "ticket": 403, "session": 403}},
		{"mustchange", func(n string) { modify(t, admin, dn(n), "pwdReset", "TRUE") }, ways{"basic": 403, "digest": 403, "device": 403, "ticket": 200, "session": 403}},
		{"locked", lock, ways{"basic": 401, "digest": 403, "device": 200, "ticket": 200, "session": 200}},
		{"unlocked", func(n string) { lock(n); time.Sleep(3 * time.Second) }, ways{"basic": 200, "digest": 200, "device": 200, "ticket": 200, "session": 200}},
		{"adminlocked", func(n string) { modify(t, admin, dn(n), "pwdAccountLockedTime", "000001010000Z") }, ways{"basic": 401, "digest": 403, "device": 403, "ticket": 403, "session": 403}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name})
			if err != nil {
				t.Fatal(err)
			}
			device := "none"
			if tt.change != nil {
				if _, device, err = s.Devices().Add(t.Context(), p.GUID, "phone"); err != nil {
					t.Fatal(err)
				}
				tt.change(tt.name)
			} else { // it was ended from the start
				tt.want["device"] = 401
				if _, _, err := s.Devices().Add(t.Context(), p.GUID, "phone"); err == nil {
					t.Error("a device password is enrolled for an account that has ended")
				}
			}
			w := &accountWays{site: s, login: tt.name}
			status := func(field string) int { n, _, _ := s.try(field); return n }
			got := ways{"digest": w.digest(t, hint), "device": status(basicField(tt.name, device)), "basic": status(basicField(tt.name, hint)), "session": 200,
				"ticket": status(negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: time.Now(), Client: tt.name}).Token))}
			if p, err = dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: tt.name}); err != nil {
				t.Fatal(err)
			}
			if s.MayAct(p, auth.WaySession) != nil {
				got["session"] = 403
			}
			if !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v\n%+v", got, tt.want, p.Account)
			}
		})
	}
	// An expired password: slapd says so of the right one only.
	modify(t, admin, policy, "pwdMaxAge", "1")
	modify(t, admin, dn("expired"), "userPassword", "right-2")
	time.Sleep(2500 * time.Millisecond)
	if status, _, out := s.try(basicField("expired", "right-2")); status != 403 || !strings.Contains(out.Body, "expired") {
		t.Errorf("expired: %d %q %v", status, out.Body, out.Err)
	}
	if status, _, out := s.try(basicField("expired", "wrong")); status != 401 || strings.Contains(out.Body, "expired") {
		t.Errorf("wrong password of an expired one: %d %q", status, out.Body)
	}
}
