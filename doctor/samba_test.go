package doctor_test

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/config"
	"convene/directory"
	"convene/doctor"
	"convene/testenv"
)

// domainConfig is a configuration that has no fault, for a domain with the accounts of
// domainPeople.
func domainConfig(t *testing.T, d *testenv.Domain) config.Config {
	t.Helper()
	c := config.Default()
	c.Server.Data, c.Server.HostName = testenv.Dir(t), "calendar.ad.example.com"
	l := &c.Directory.LDAP
	l.URLs, l.CAFile, l.Preset, l.Base = []string{d.TLSURL}, d.CA.File, "ad", []string{d.BaseDN}
	l.BindDN, l.BindPasswordFile = "convene@"+d.DNS, secret(t, "Convene-pw1")
	l.DialTimeout, l.Timeout = 5*time.Second, 10*time.Second
	return c
}

// domainPeople adds accounts: the service account, one for each state, and those of the
// calendar's service.
func domainPeople(t *testing.T, d *testenv.Domain, admin *ldap.Conn) {
	t.Helper()
	add := func(name, uac string, more map[string][]string) {
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "userPrincipalName": {name + "@" + d.DNS},
			"userAccountControl": {uac}, "unicodePwd": {"Convene-pw1"}}
		for k, v := range more {
			attrs[k] = v
		}
		d.Add(admin, "CN="+name+",CN=Users,"+d.BaseDN, attrs)
	}
	add("convene", "66048", nil)
	add("off", "66050", nil)
	add("ended", "66048", map[string][]string{"accountExpires": {"129000000000000000"}})
	add("stale", "512", map[string][]string{"pwdLastSet": {"0"}})
	add("alice", "66048", map[string][]string{"mail": {"alice@example.com"}})
	add("bob", "66048", map[string][]string{"mail": {"alice@example.com"}})
	add("svc-http", "66048", map[string][]string{"servicePrincipalName": {"HTTP/calendar.ad.example.com"}, "msDS-SupportedEncryptionTypes": {"24"}})
	add("svc-rc4", "66048", map[string][]string{"servicePrincipalName": {"HTTP/old.ad.example.com"}, "msDS-SupportedEncryptionTypes": {"4"}})
}

// badPasswords is what the domain has counted against an account.
func badPasswords(t *testing.T, d *testenv.Domain, admin *ldap.Conn, name string) string {
	t.Helper()
	res, err := admin.Search(ldap.NewSearchRequest("CN="+name+",CN=Users,"+d.BaseDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"badPwdCount"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return res.Entries[0].GetAttributeValue("badPwdCount")
}

func TestWrongSetupsOfActiveDirectory(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{})
	admin := d.Admin()
	domainPeople(t, d, admin)
	type settings = directory.LDAPConfig
	as := func(name string) func(*testing.T, *settings) {
		return func(_ *testing.T, c *settings) { c.BindDN = name + "@" + d.DNS }
	}
	for _, c := range []struct {
		name  string
		wrong func(*testing.T, *settings)
		want  want
	}{
		{"two people with one mail", func(*testing.T, *settings) {}, want{"duplicate-mail", "directory.ldap.users.email", "CN=bob"}},
		{"bare bind name", func(_ *testing.T, c *settings) { c.BindDN = "convene" }, want{"ad-bare", "directory.ldap.bind-dn", "convene@ad.example.com"}},
		{"expired service account", as("ended"), want{"ad-701", "directory.ldap.bind-dn", "accountExpires"}},
		{"disabled service account", as("off"), want{"ad-533", "directory.ldap.bind-dn", "disabled"}},
		{"password to be changed", as("stale"), want{"ad-532", "directory.ldap.bind-password-file", "must be changed"}},
		{"without TLS", func(_ *testing.T, c *settings) { c.URLs = []string{d.URL} }, want{"ldap-8", "directory.ldap.urls", "ldaps://"}},
		{"anonymous", func(_ *testing.T, c *settings) { c.BindDN, c.BindPasswordFile = "", "" }, want{"ldap-anonymous", "directory.ldap.bind-dn", "bind-password-file"}},
		{"preset forgotten", func(_ *testing.T, c *settings) { c.Preset = "" }, want{"nobody-preset", "directory.ldap.preset", `preset = "ad"`}},
		{"global catalog", func(_ *testing.T, c *settings) { c.URLs = []string{d.TLSURL + ":3269"} }, want{"global-catalog", "directory.ldap.urls", "636"}},
		{"base of another domain", func(_ *testing.T, c *settings) { c.Base = []string{"DC=other,DC=com"} }, want{"ldap-32", "directory.ldap.base", "DC=ad,DC=example,DC=com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := domainConfig(t, d)
			c.wrong(t, &conf.Directory.LDAP)
			diagnose(t, conf, c.want)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		conf := domainConfig(t, d)
		conf.Directory.LDAP.URLs = []string{d.TLSURL, d.TLSURL + ":636"}
		conf.Directory.LDAP.BindPasswordFile = secret(t, "wrong")
		diagnose(t, conf, want{"ad-52e", "directory.ldap.bind-password-file", "not tried again"})
		if n := badPasswords(t, d, admin, "convene"); n != "1" {
			t.Errorf("the domain counts %s wrong passwords, not one", n)
		}
	})
	t.Run("locked service account", func(t *testing.T) {
		for range 3 {
			conn, err := ldap.DialURL(d.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.CA.Pool}))
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Bind("svc-rc4@"+d.DNS, "wrong") // is refused, which counts
			_ = conn.Close()
		}
		conf := domainConfig(t, d)
		conf.Directory.LDAP.BindDN = "svc-rc4@" + d.DNS
		diagnose(t, conf, want{"ad-775", "directory.ldap.bind-dn", "locked"})
	})
	t.Run("Kerberos", func(t *testing.T) { kerberosSetups(t, d, admin) })
}

// kerberosSetups are those with a keytab.
func kerberosSetups(t *testing.T, d *testenv.Domain, admin *ldap.Conn) {
	const host = "calendar.ad.example.com"
	good := d.Keytab("HTTP/" + host)
	with := func(keytab string) config.Config {
		c := domainConfig(t, d)
		c.Auth.Negotiate.Keytab = keytab
		return c
	}
	check := func(name string, c config.Config, w want) {
		t.Run(name, func(t *testing.T) { diagnose(t, c, w, doctor.CheckKerberos) })
	}
	report, err := doctor.Run(t.Context(), doctor.Options{Config: with(good), Only: []string{doctor.CheckKerberos}, Resolver: resolver(d)})
	if err != nil || report.Worst() != doctor.OK {
		t.Errorf("%v %v", report, err)
	}
	report, err = doctor.Run(t.Context(), doctor.Options{Config: with(good), Only: []string{doctor.CheckTicket}, Resolver: resolver(d)})
	if err != nil || len(report) != 1 || !strings.Contains(report[0].Figure, "opens with the keytab") {
		t.Errorf("the ticket: %v %v", report, err)
	}
	garbage := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "garbage"), "no keytab")
	check("keytab missing", with("/nonexistent.keytab"), want{"keytab-missing", "auth.negotiate.keytab", "/nonexistent.keytab"})
	check("garbage", with(garbage), want{"keytab-content", "auth.negotiate.keytab", "export it again"})
	elsewhere := with(good)
	elsewhere.Server.HostName = "other.ad.example.com"
	check("keytab of another host", elsewhere, want{"keytab-name", "auth.negotiate.keytab", "HTTP/" + host})
	late := doctor.Options{Config: with(good), Only: []string{doctor.CheckKerberos}, Now: func() time.Time { return time.Now().Add(6 * time.Minute) }}
	report, err = doctor.Run(t.Context(), late)
	if err != nil || !hasSymptom(report, "krb-37") {
		t.Errorf("the clock: %v %v", report, err)
	}
	// A name that is an alias: some clients ask the ticket for the other one.
	testenv.Run(t, nil, "server "+d.IP+"\nupdate add "+host+" 900 CNAME dc1.ad.example.com.\nsend\n", testenv.Require(t, "ad", "nsupdate")[0])
	report, err = doctor.Run(t.Context(), doctor.Options{Config: with(good), Only: []string{doctor.CheckNames}, Resolver: resolver(d)})
	if err != nil || !hasSymptom(report, "cname") {
		t.Errorf("the alias: %v %v", report, err)
	}
	modify := func(dn string, change func(*ldap.ModifyRequest)) {
		t.Helper()
		m := ldap.NewModifyRequest(dn, nil)
		change(m)
		if err := admin.Modify(m); err != nil {
			t.Fatal(err)
		}
	}
	service := "CN=svc-http,CN=Users," + d.BaseDN
	modify(service, func(m *ldap.ModifyRequest) { m.Replace("unicodePwd", []string{testenv.UnicodePwd("Another-pw2")}) })
	check("stale key version", with(good), want{"krb-44", "auth.negotiate.keytab", "key version"})
	modify(service, func(m *ldap.ModifyRequest) { m.Replace("msDS-SupportedEncryptionTypes", []string{"4"}) })
	check("name held by nobody", func() config.Config {
		c := with(good)
		modify(service, func(m *ldap.ModifyRequest) { m.Delete("servicePrincipalName", []string{"HTTP/" + host}) })
		return c
	}(), want{"krb-7", "auth.negotiate.keytab", "setspn -S"})
}

func hasSymptom(r doctor.Report, symptom string) bool {
	for _, f := range r.Faults() {
		if f.Symptom == symptom {
			return true
		}
	}
	return false
}

// resolver asks the domain's own DNS server.
func resolver(d *testenv.Domain) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, net.JoinHostPort(d.IP, "53"))
	}}
}
