package doctor_test

import (
	"fmt"
	"net"
	"os"
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

const people = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=rooms,dc=example,dc=com
objectClass: organizationalUnit
ou: rooms

dn: ou=empty,dc=example,dc=com
objectClass: organizationalUnit
ou: empty

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
mail: alice@example.com
title: Engineer
userPassword: alice-pw

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob Brown
sn: Brown
mail: bob@example.com
title: Engineer

dn: cn=Lab,ou=rooms,dc=example,dc=com
objectClass: room
cn: Lab

dn: cn=staff,dc=example,dc=com
objectClass: groupOfNames
cn: staff
member: uid=alice,ou=people,dc=example,dc=com
`

// slapdConfig is a configuration that has no fault, for a server's content as above.
func slapdConfig(t *testing.T, s *testenv.LDAP) config.Config {
	t.Helper()
	c := config.Default()
	c.Server.Data = testenv.Dir(t)
	c.Access.Administrators = []string{"group:staff"}
	c.Directory.LDAP.URLs = []string{strings.Replace(s.TLSURL, "127.0.0.1", "localhost", 1)}
	c.Directory.LDAP.CAFile = s.CA.File
	c.Directory.LDAP.Base = []string{s.BaseDN}
	c.Directory.LDAP.BindDN = s.ServiceDN
	c.Directory.LDAP.BindPasswordFile = secret(t, s.ServicePassword)
	c.Directory.LDAP.DialTimeout, c.Directory.LDAP.Timeout = 2*time.Second, 5*time.Second
	return c
}

func secret(t *testing.T, password string) string {
	t.Helper()
	return testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "secret"), password+"\n")
}

// want is a finding that a set-up must lead to.
type want struct {
	symptom, setting string
	text             string // a part of figure and cure
}

// diagnose runs the checks and looks for a finding that is not OK.
func diagnose(t *testing.T, c config.Config, w want, checks ...string) doctor.Report {
	t.Helper()
	if len(checks) == 0 {
		checks = []string{doctor.CheckDirectory}
	}
	report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: checks})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Faults() {
		if f.Symptom == w.symptom && f.Setting == w.setting && strings.Contains(f.Figure+" "+f.Cure, w.text) && f.Cure != "" {
			return report
		}
	}
	var lines []string
	for _, f := range report {
		lines = append(lines, fmt.Sprintf("%s [%s %s]", f, f.Symptom, f.Setting))
	}
	t.Errorf("found:\n%s\nwant %+v", strings.Join(lines, "\n"), w)
	return report
}

func TestDoctorFindsNothing(t *testing.T) {
	t.Parallel()
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: people})
	report, err := doctor.Run(t.Context(), doctor.Options{Config: slapdConfig(t, s), Only: []string{doctor.CheckDirectory, doctor.CheckAccess}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Faults() {
		if f.Symptom != "room-mail" && f.Symptom != "room-capacity" && f.Symptom != "x509-soon" {
			t.Errorf("%s", f)
		}
	}
	if len(report) < 5 {
		t.Errorf("%v", report)
	}
}

// Set-ups of slapd that do not work: what is wrong is one setting.
func TestWrongSetupsOfOpenLDAP(t *testing.T) {
	t.Parallel()
	plain := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: people})
	other := testenv.NewCA(t)
	http := listenOther(t)
	type settings = directory.LDAPConfig
	port := func(u string) string { return u[strings.LastIndexByte(u, ':'):] }
	for _, c := range []struct {
		name  string
		wrong func(t *testing.T, c *settings)
		want  want
	}{
		{"port of another service", func(_ *testing.T, c *settings) { c.URLs = []string{"ldap://" + http} }, want{"not-ldap", "directory.ldap.urls", "another service"}},
		{"plain port with ldaps", func(_ *testing.T, c *settings) { c.URLs = []string{"ldaps://localhost" + port(plain.URL)} }, want{"closed", "directory.ldap.urls", "636"}},
		{"TLS port with starttls", func(_ *testing.T, c *settings) {
			c.URLs, c.StartTLS = []string{"ldap://localhost" + port(plain.TLSURL)}, true
		}, want{"starttls-broken", "directory.ldap.urls", "without starttls"}},
		{"host that does not resolve", func(_ *testing.T, c *settings) { c.URLs = []string{"ldaps://dc9.invalid"} }, want{"dns-none", "directory.ldap.urls", "dc9.invalid"}},
		{"CA missing", func(_ *testing.T, c *settings) { c.CAFile = "" }, want{"x509-authority", "directory.ldap.ca-file", "convene test CA"}},
		{"CA of another authority", func(_ *testing.T, c *settings) { c.CAFile = other.File }, want{"x509-authority", "directory.ldap.ca-file", "convene test CA"}},
		{"file of the CA missing", func(_ *testing.T, c *settings) { c.CAFile = "/nonexistent.pem" }, want{"ca-file-missing", "directory.ldap.ca-file", "PEM"}},
		{"server of another name", func(_ *testing.T, c *settings) { c.ServerName = "ldap.example.com" }, want{"x509-name", "directory.ldap.urls", "localhost"}},
		{"wrong bind password", func(t *testing.T, c *settings) { c.BindPasswordFile = secret(t, "wrong") }, want{"ldap-49", "directory.ldap.bind-password-file", "wrong name or password"}},
		{"wrong bind name", func(_ *testing.T, c *settings) { c.BindDN = "cn=nobody,dc=example,dc=com" }, want{"ldap-49", "directory.ldap.bind-password-file", "bind-dn"}},
		{"bare bind name", func(_ *testing.T, c *settings) { c.BindDN = "svc" }, want{"bind-syntax", "directory.ldap.bind-dn", "whole DN"}},
		{"password file missing", func(_ *testing.T, c *settings) { c.BindPasswordFile = "/nonexistent" }, want{"bind-password-file-missing", "directory.ldap.bind-password-file", "/nonexistent"}},
		{"password file readable by all", func(t *testing.T, c *settings) {
			if err := os.Chmod(c.BindPasswordFile, 0o644); err != nil {
				t.Fatal(err)
			}
		}, want{"file-mode", "directory.ldap.bind-password-file", "chmod 600"}},
		{"empty password", func(t *testing.T, c *settings) { c.BindPasswordFile = secret(t, "") }, want{"password-empty", "directory.ldap.bind-password-file", "first line"}},
		{"base does not exist", func(_ *testing.T, c *settings) { c.Base = []string{"ou=none,dc=example,dc=com"} }, want{"ldap-32", "directory.ldap.base", `"dc=example,dc=com"`}},
		{"base of another suffix", func(_ *testing.T, c *settings) { c.Base = []string{"dc=example,dc=org"} }, want{"ldap-32", "directory.ldap.base", `"dc=example,dc=com"`}},
		{"base syntax", func(_ *testing.T, c *settings) { c.Base = []string{"people"} }, want{"base-syntax", "directory.ldap.base", "not a DN"}},
		{"base of the wrong OU", func(_ *testing.T, c *settings) { c.Users.Base = []string{"ou=empty,dc=example,dc=com"} }, want{"nobody-base", "directory.ldap.users.base", `"dc=example,dc=com"`}},
		{"preset of another vendor", func(_ *testing.T, c *settings) { c.Preset = "ad" }, want{"nobody-preset", "directory.ldap.preset", `preset = "openldap"`}},
		{"preset of a similar vendor", func(_ *testing.T, c *settings) { c.Preset = "389ds" }, want{"preset", "directory.ldap.preset", `preset = "openldap"`}},
		{"filter with a syntax error", func(_ *testing.T, c *settings) { c.Users.Filter = "(uid=*" }, want{"setting", "directory.ldap.users.filter", ""}},
		{"filter that matches nobody", func(_ *testing.T, c *settings) { c.Users.Filter = "(employeeType=none)" }, want{"nobody-filter", "directory.ldap.users.filter", "(employeeType=none)"}},
		{"GUID attribute that nobody has", func(_ *testing.T, c *settings) { c.Users.GUID = "employeeNumber" }, want{"no-guid", "directory.ldap.bind-dn", "directory.ldap.users.guid"}},
		{"login attribute that is not unique", func(_ *testing.T, c *settings) { c.Users.Login = []string{"uid", "title"} }, want{"duplicate-login", "directory.ldap.users.login", "uid=bob"}},
		{"nothing listens", func(t *testing.T, c *settings) {
			c.URLs = []string{fmt.Sprintf("ldap://localhost:%d", testenv.FreePort(t))}
		}, want{"refused", "directory.ldap.urls", "nothing listens"}},
		{"rooms in a base that is not searched", func(_ *testing.T, c *settings) { c.Locations.Base = []string{"ou=people,dc=example,dc=com"} }, want{"room-base", "directory.ldap.locations.base", "cn=Lab,ou=rooms"}},
		{"rooms without mail", func(*testing.T, *settings) {}, want{"room-mail", "directory.ldap.locations.email", "Lab"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf := slapdConfig(t, plain)
			c.wrong(t, &conf.Directory.LDAP)
			diagnose(t, conf, c.want)
		})
	}
}

// Set-ups in which the fault is the directory's own configuration.
func TestWrongRights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		o     testenv.LDAPOptions
		wrong func(*directory.LDAPConfig)
		want  want
	}{
		{"anonymous bind refused", testenv.LDAPOptions{Extra: "disallow bind_anon\nrequire authc"},
			func(c *directory.LDAPConfig) { c.BindDN, c.BindPasswordFile = "", "" }, want{"ldap-anonymous", "directory.ldap.bind-dn", "may read"}},
		{"no right to read the identity", testenv.LDAPOptions{Access: "access to attrs=entryUUID by dn.exact=\"cn=admin,dc=example,dc=com\" read by * none"},
			func(*directory.LDAPConfig) {}, want{"no-guid", "directory.ldap.bind-dn", "attrs=entryUUID"}},
		{"no right to read anything", testenv.LDAPOptions{Access: "access to * by dn.exact=\"cn=admin,dc=example,dc=com\" read by anonymous auth by * none"},
			func(*directory.LDAPConfig) {}, want{"ldap-32", "directory.ldap.base", "may not know of it"}},
		{"size limit below the number of people", testenv.LDAPOptions{SizeLimit: 1}, func(c *directory.LDAPConfig) {
			c.BindDN, c.BindPasswordFile, c.BindPassword = "uid=alice,ou=people,dc=example,dc=com", "", "alice-pw"
		}, want{"ldap-4", "directory.ldap.page-size", "limits dn.exact"}},
		{"only with TLS", testenv.LDAPOptions{TLSOnly: true}, func(*directory.LDAPConfig) {}, want{"ldap-8", "directory.ldap.urls", "starttls"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.o.LDIF = people
			s := testenv.OpenLDAP(t, c.o)
			conf := slapdConfig(t, s)
			if c.o.TLSOnly {
				conf.Directory.LDAP.URLs = []string{s.URL}
			}
			c.wrong(&conf.Directory.LDAP)
			diagnose(t, conf, c.want)
		})
	}
}

// Lists of access and this server's own certificate.
func TestWrongNames(t *testing.T) {
	t.Parallel()
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: people})
	c := slapdConfig(t, s)
	c.Access.Administrators = []string{"group:nobody"}
	diagnose(t, c, want{"unknown-name", "access.administrators", "group:nobody"}, doctor.CheckAccess)
	c = slapdConfig(t, s)
	c.SACL.Calendar.Allow = []string{"group:staff", "user:zoe"}
	diagnose(t, c, want{"unknown-name", "sacl.calendar.allow", "user:zoe"}, doctor.CheckAccess)

	ca := testenv.NewCA(t)
	c.TLS.Certificate, c.TLS.Key = ca.Issue("calendar.example.com")
	c.Server.HostName = "other.invalid"
	diagnose(t, c, want{"certificate-name", "tls.certificate", "calendar.example.com"}, doctor.CheckNames)
	c.Server.HostName = "localhost"
	later := doctor.Options{Config: c, Only: []string{doctor.CheckNames}, Now: func() time.Time { return time.Now().Add(48 * time.Hour) }}
	if report, err := doctor.Run(t.Context(), later); err != nil || !hasSymptom(report, "certificate-expired") {
		t.Errorf("%v %v", report, err)
	}
	if _, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: []string{"weather"}}); err == nil {
		t.Error("there is a check of the weather")
	}
}

// 389 Directory Server says some things in its own way.
func TestWrongSetupsOf389(t *testing.T) {
	t.Parallel()
	s := testenv.OpenDS389(t)
	admin := s.Admin()
	add := func(dn string, attrs map[string][]string) {
		t.Helper()
		req := ldap.NewAddRequest(dn, nil)
		for name, values := range attrs {
			req.Attribute(name, values)
		}
		if err := admin.Add(req); err != nil {
			t.Fatal(err)
		}
	}
	add("ou=people,"+s.BaseDN, map[string][]string{"objectClass": {"organizationalUnit"}})
	add("uid=alice,ou=people,"+s.BaseDN, map[string][]string{"objectClass": {"inetOrgPerson"}, "cn": {"Alice"}, "sn": {"Adams"}, "mail": {"alice@example.com"}})
	c := config.Default()
	c.Server.Data = testenv.Dir(t)
	l := &c.Directory.LDAP
	l.URLs, l.Base, l.Preset, l.BindDN, l.BindPassword = []string{s.URL}, []string{s.BaseDN}, "389ds", s.AdminDN, s.AdminPassword
	report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Only: []string{doctor.CheckDirectory}})
	if err != nil || report.Worst() == doctor.Fail || hasSymptom(report, "preset") {
		t.Errorf("%v %v", report, err)
	}
	for _, wrong := range []struct {
		change func(*directory.LDAPConfig)
		want   want
	}{
		{func(c *directory.LDAPConfig) { c.BindPassword = "wrong" }, want{"ldap-49", "directory.ldap.bind-password", "wrong name or password"}},
		{func(c *directory.LDAPConfig) { c.BindDN = "cn=none," + s.BaseDN }, want{"ldap-49", "directory.ldap.bind-password", "wrong name or password"}},
		{func(c *directory.LDAPConfig) { c.Base = []string{"ou=none," + s.BaseDN} }, want{"ldap-32", "directory.ldap.base", s.BaseDN}},
		{func(c *directory.LDAPConfig) { c.Preset = "freeipa" }, want{"preset", "directory.ldap.preset", `preset = "389ds"`}},
		{func(c *directory.LDAPConfig) { c.Preset = "ad" }, want{"nobody-preset", "directory.ldap.preset", `preset = "389ds"`}},
	} {
		changed := c
		wrong.change(&changed.Directory.LDAP)
		diagnose(t, changed, wrong.want)
	}
}

// A password that is refused reaches the directory once, whatever number of servers
// there are: slapd itself counts.
func TestOneBadBind(t *testing.T) {
	t.Parallel()
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: people, Lockout: true})
	c := slapdConfig(t, s)
	c.Directory.LDAP.URLs = []string{c.Directory.LDAP.URLs[0], s.TLSURL, "ldap://localhost" + s.URL[strings.LastIndexByte(s.URL, ':'):]}
	c.Directory.LDAP.BindPasswordFile = secret(t, "wrong")
	report := diagnose(t, c, want{"ldap-49", "directory.ldap.bind-password-file", "not tried again"}, doctor.Checks()...)
	if n := len(failures(t, s)); n != 1 {
		t.Errorf("slapd counts %d refused binds: %v", n, report)
	}
	// What a running server was refused is not tried at all.
	running := &doctor.Running{Cache: directory.CacheStats{Down: true}, Servers: []directory.HostStatus{{URL: s.TLSURL, Err: `service account refused for its password: bind as "cn=svc": LDAP Result Code 49 "Invalid Credentials": `}}}
	report, err := doctor.Run(t.Context(), doctor.Options{Config: c, Running: running, Only: []string{doctor.CheckDirectory}})
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Faults(); len(f) != 2 || f[0].Symptom != "down" || f[1].Symptom != "ldap-49" {
		t.Errorf("%v", report)
	}
	if n := len(failures(t, s)); n != 1 {
		t.Errorf("with a running server slapd counts %d", n)
	}
}

// failures are the moments in which slapd refused the service account.
func failures(t *testing.T, s *testenv.LDAP) []string {
	t.Helper()
	res, err := s.Admin().Search(ldap.NewSearchRequest(s.ServiceDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"pwdFailureTime"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return res.Entries[0].GetAttributeValues("pwdFailureTime")
}

// listenOther is a service that is no directory.
func listenOther(t *testing.T) string {
	t.Helper()
	return testenv.Listen(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 100)) // whatever it is
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	})
}
