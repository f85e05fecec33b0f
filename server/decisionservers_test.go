package server_test

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/config"
	"convene/testenv"
)

// set replaces the values of an attribute.
func set(t *testing.T, c *ldap.Conn, dn, attr string, values ...string) {
	t.Helper()
	r := ldap.NewModifyRequest(dn, nil)
	r.Replace(attr, values)
	if err := c.Modify(r); err != nil {
		t.Fatalf("%s of %s: %v", attr, dn, err)
	}
}

// bindOnce tries a password, and returns why it is refused.
func bindOnce(t *testing.T, url string, ca *testenv.CA, dn, password string) error {
	t.Helper()
	c, err := ldap.DialURL(url, ldap.DialWithTLSConfig(&tls.Config{RootCAs: ca.Pool}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.Bind(dn, password)
}

// unixEstate is slapd with its password policy, and an MIT KDC.
type unixEstate struct {
	t     *testing.T
	slapd *testenv.LDAP
	realm *testenv.Realm
}

// TestDecisionsOfSlapd asks for the table of who is let in how. slapd has no hours of log-on;
// that a password has expired it tells at the bind alone.
func TestDecisionsOfSlapd(t *testing.T) {
	t.Parallel()
	k := kind{states: []string{active, disabled, ended, locked, mustChange, expired, gone}, unseen: []string{expired}}
	people := everybody(k, wholeTable())
	decide(t, k, people, newUnixEstate(t, people))
}

func personDN(name string) string { return "uid=" + name + ",dc=example,dc=com" }

func newUnixEstate(t *testing.T, people []*subject) *unixEstate {
	var b strings.Builder
	principals := map[string]string{}
	for _, s := range people {
		sum := md5.Sum([]byte(s.name + ":Calendar:" + directoryPassword))
		fmt.Fprintf(&b, "dn: %s\nobjectClass: inetOrgPerson\nobjectClass: digestUser\nuid: %[2]s\ncn: %[2]s\nsn: Example\nuserPassword: %[3]s\ndigestHA1: %[2]s:Calendar:%[4]s\n\n",
			personDN(s.name), s.name, testenv.SSHA(directoryPassword), hex.EncodeToString(sum[:]))
		principals[s.name] = directoryPassword
	}
	for _, g := range chains(people) {
		fmt.Fprintf(&b, "dn: cn=%[1]s,dc=example,dc=com\nobjectClass: groupOfNames\ncn: %[1]s\nmember: cn=nobody,dc=example,dc=com\n", g.name)
		for _, name := range g.people {
			fmt.Fprintf(&b, "member: %s\n", personDN(name))
		}
		for _, name := range g.groups {
			fmt.Fprintf(&b, "member: cn=%s,dc=example,dc=com\n", name)
		}
		b.WriteString("\n")
	}
	return &unixEstate{t,
		testenv.OpenLDAP(t, testenv.LDAPOptions{
			LDIF: b.String(), Lockout: true,
			Extra: "attributetype ( 2.25.99001 NAME 'digestHA1' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n" +
				"objectclass ( 2.25.99003 NAME 'digestUser' SUP top AUXILIARY MAY digestHA1 )",
			Access: `access to attrs=digestHA1 by dn.exact="cn=svc,dc=example,dc=com" read by * none`,
		}),
		testenv.KDC(t, testenv.RealmOptions{Principals: principals, Services: []string{"HTTP/localhost"}}),
	}
}

func (e *unixEstate) settings() config.Config {
	e.service(directoryPassword)
	c := ldapConfig(e.t, e.slapd)
	c.Directory.LDAP.BindPassword = directoryPassword
	c.Directory.LDAP.Users.DigestHA1, c.Directory.LDAP.Users.LockedFor = "digestHA1", time.Hour
	c.Auth.Negotiate.Keytab = e.realm.Keytab("HTTP/localhost")
	return c
}

func (e *unixEstate) tokens(name string) func() (string, error) { return e.realm.Tokens(name) }

func (e *unixEstate) bring(people []*subject) {
	t, admin := e.t, e.slapd.Admin()
	set(t, admin, "cn=default,ou=policies,dc=example,dc=com", "pwdLockoutDuration", "3600")
	brief := ldap.NewAddRequest("cn=brief,ou=policies,dc=example,dc=com", nil)
	for attr, value := range map[string]string{"cn": "brief", "pwdAttribute": "userPassword", "pwdMaxAge": "1"} {
		brief.Attribute(attr, []string{value})
	}
	brief.Attribute("objectClass", []string{"pwdPolicy", "device"})
	if err := admin.Add(brief); err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, s := range people {
		dn := personDN(s.name)
		if !s.enabled {
			set(t, admin, dn, "employeeType", "off")
		}
		switch s.state {
		case disabled:
			set(t, admin, dn, "pwdAccountLockedTime", "000001010000Z")
		case ended:
			set(t, admin, dn, "pwdEndTime", time.Now().Add(-time.Hour).UTC().Format("20060102150405Z"))
		case locked:
			for range 3 {
				if err := bindOnce(t, e.slapd.TLSURL, e.slapd.CA, dn, "wrong"); err == nil {
					t.Error("a wrong password is taken")
				}
			}
		case mustChange:
			set(t, admin, dn, "pwdReset", "TRUE")
		case expired:
			set(t, admin, dn, "pwdPolicySubentry", "cn=brief,ou=policies,dc=example,dc=com")
			set(t, admin, dn, "userPassword", directoryPassword)
			last = dn
		case gone:
			if err := admin.Del(ldap.NewDelRequest(dn, nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the passwords expire", func() bool { return bindOnce(t, e.slapd.TLSURL, e.slapd.CA, last, directoryPassword) != nil })
}

func (e *unixEstate) service(password string) {
	admin := e.slapd.Admin()
	set(e.t, admin, e.slapd.ServiceDN, "userPassword", password)
	set(e.t, admin, e.slapd.ServiceDN, "pwdReset") // which a password set by somebody else brings
	e.slapd.Stop()
	e.slapd.Start()
}

func (e *unixEstate) stop()  { e.slapd.Stop() }
func (e *unixEstate) start() { e.slapd.Start() }

// domainEstate is a domain controller.
type domainEstate struct {
	t *testing.T
	d *testenv.Domain
}

// TestDecisionsOfSamba asks for the table of who is let in how.
func TestDecisionsOfSamba(t *testing.T) {
	t.Parallel()
	k := kind{states: []string{active, disabled, ended, locked, mustChange, expired, offHours, gone}, withheld: true}
	people := everybody(k, wholeTable())
	decide(t, k, people, newDomainEstate(t, people))
}

func (e *domainEstate) dn(name string) string { return "CN=" + name + ",CN=Users," + e.d.BaseDN }

func newDomainEstate(t *testing.T, people []*subject) *domainEstate {
	e := &domainEstate{t, testenv.AD(t, testenv.ADOptions{})}
	admin := e.d.Admin()
	user := func(name string, more ...string) {
		t.Helper()
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {directoryPassword}, "userAccountControl": {"512"}}
		for i := 0; i < len(more); i += 2 {
			attrs[more[i]] = []string{more[i+1]}
		}
		e.d.Add(admin, e.dn(name), attrs)
	}
	user("svc-http", "servicePrincipalName", "HTTP/localhost", "msDS-SupportedEncryptionTypes", "24")
	user("svc-bind")
	for _, s := range people {
		user(s.name, "info", directoryPassword)
	}
	for _, g := range chains(people) {
		attrs := map[string][]string{"objectClass": {"group"}, "sAMAccountName": {g.name}}
		for _, name := range slices.Concat(g.people, g.groups) {
			attrs["member"] = append(attrs["member"], e.dn(name))
		}
		e.d.Add(admin, e.dn(g.name), attrs)
	}
	return e
}

func (e *domainEstate) settings() config.Config {
	c := smallConfig(e.t)
	c.Directory.Kind = "ldap"
	l := &c.Directory.LDAP
	l.URLs, l.CAFile, l.Preset, l.Base = []string{e.d.TLSURL}, e.d.CA.File, "ad", []string{e.d.BaseDN}
	l.BindDN, l.BindPassword = e.dn("svc-bind"), directoryPassword
	l.Users.DigestPassword = "info"
	c.Auth.Negotiate.Keytab = e.d.Keytab("HTTP/localhost")
	return c
}

func (e *domainEstate) tokens(name string) func() (string, error) {
	return e.d.Tokens(name, directoryPassword)
}

func (e *domainEstate) bring(people []*subject) {
	t, admin := e.t, e.d.Admin()
	const halfAnHour = "-18000000000"
	set(t, admin, e.d.BaseDN, "lockoutDuration", halfAnHour)
	set(t, admin, e.d.BaseDN, "lockOutObservationWindow", halfAnHour)
	brief := map[string][]string{
		"objectClass": {"msDS-PasswordSettings"}, "msDS-PasswordSettingsPrecedence": {"1"}, "msDS-MaximumPasswordAge": {"-1728000000000"}, // two days
		"msDS-MinimumPasswordAge": {"0"}, "msDS-MinimumPasswordLength": {"0"}, "msDS-PasswordHistoryLength": {"0"},
		"msDS-PasswordComplexityEnabled": {"FALSE"}, "msDS-PasswordReversibleEncryptionEnabled": {"FALSE"},
		"msDS-LockoutThreshold": {"0"}, "msDS-LockoutDuration": {halfAnHour}, "msDS-LockoutObservationWindow": {halfAnHour},
	}
	for _, s := range people {
		dn := e.dn(s.name)
		if !s.enabled {
			set(t, admin, dn, "employeeType", "off")
		}
		switch s.state {
		case disabled:
			set(t, admin, dn, "userAccountControl", "514")
		case ended:
			set(t, admin, dn, "accountExpires", fmt.Sprint(testenv.FileTime(time.Now().Add(-time.Hour))))
		case locked:
			for range 3 {
				if err := bindOnce(t, e.d.TLSURL, e.d.CA, dn, "wrong"); err == nil {
					t.Error("a wrong password is taken")
				}
			}
		case mustChange:
			set(t, admin, dn, "pwdLastSet", "0")
		case expired:
			brief["msDS-PSOAppliesTo"] = append(brief["msDS-PSOAppliesTo"], dn)
		case offHours:
			set(t, admin, dn, "logonHours", strings.Repeat("\x00", 21))
		case gone:
			if err := admin.Del(ldap.NewDelRequest(dn, nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	e.d.Add(admin, "CN=brief,CN=Password Settings Container,CN=System,"+e.d.BaseDN, brief)
	e.d.AgePasswords(time.Now().Add(-72*time.Hour), brief["msDS-PSOAppliesTo"]...)
}

func (e *domainEstate) service(password string) {
	set(e.t, e.d.Admin(), e.dn("svc-bind"), "unicodePwd", testenv.UnicodePwd(password))
	e.d.Stop()
	e.d.Start()
}

func (e *domainEstate) stop()  { e.d.Stop() }
func (e *domainEstate) start() { e.d.Start() }
