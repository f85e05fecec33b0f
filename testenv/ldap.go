package testenv

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// LDAPOptions say what slapd serves.
type LDAPOptions struct {
	// LDIF is the content below dc=example,dc=com, which exists already with
	// the service account. "" leaves it empty.
	LDIF string
	// MemberOf maintains memberOf by the overlay; Nested computes it, nested
	// groups included, when asked (overlay dynlist). Neither: there is none.
	MemberOf bool
	Nested   bool
	// Lockout locks an account for two seconds after three wrong passwords.
	// Its policy entry is cn=default,ou=policies,dc=example,dc=com.
	Lockout bool
	// Sync serves syncrepl.
	Sync bool
	// TLSOnly refuses operations without TLS (code 13).
	TLSOnly bool
	// Keytab makes GSSAPI binds possible: a file with the key of
	// ldap/localhost. Its KRB5_CONFIG belongs into Env.
	Keytab string
	// SizeLimit is the most entries for others than the service account;
	// default 500.
	SizeLimit int
	NoIndex   []string // attributes without an index, of those that have one
	Stats     bool     // has slapd log each operation, for Searches
	Schemas   []string // besides core, cosine, inetorgperson, nis, dyngroup: names in /etc/ldap/schema
	Env       []string
	Extra     string // configuration lines for all databases
	Access    string // access directives of the database, before those that let everybody read
	ExtraDB   string // lines for the database
}

// LDAP is a running slapd. It serves three URLs: without TLS, with TLS, and on
// a socket where root's connections are the administrator (SASL EXTERNAL).
type LDAP struct {
	URL, TLSURL, SocketURL     string
	BaseDN                     string
	AdminDN, AdminPassword     string
	ServiceDN, ServicePassword string // may read everything but passwords, without limit
	CA                         *CA

	t       testing.TB
	dir     string
	slapd   string
	env     []string
	port    int
	tlsPort int
	proc    *Process
	debug   string // level
	counted int    // searches, at the last look
}

// OpenLDAP starts slapd with the given content and stops it with the test.
func OpenLDAP(t testing.TB, o LDAPOptions) *LDAP {
	t.Helper()
	paths := Require(t, "ldap", "slapd", "slapadd", "ldapadd")
	s := &LDAP{
		BaseDN: "dc=example,dc=com", AdminDN: "cn=admin,dc=example,dc=com", AdminPassword: "adminpw",
		ServiceDN: "cn=svc,dc=example,dc=com", ServicePassword: "svcpw",
		t: t, dir: Dir(t), slapd: paths[0], env: o.Env, CA: NewCA(t),
	}
	if s.debug = "0"; o.Stats {
		s.debug = "stats"
	}
	if o.Keytab != "" {
		s.env = append(s.env, "KRB5_KTNAME=FILE:"+o.Keytab)
	}
	conf := WriteFile(t, s.path("slapd.conf"), s.config(o))
	content := s.skeleton(o)
	if !o.MemberOf { // the overlay does not see what slapadd writes
		content += o.LDIF
	}
	Run(t, s.env, "", "/bin/mkdir", s.path("db"))
	Run(t, s.env, content, paths[1], "-q", "-f", conf)
	s.first()
	if o.MemberOf && o.LDIF != "" {
		Run(t, s.env, o.LDIF, paths[2], "-x", "-H", s.URL, "-D", s.AdminDN, "-w", s.AdminPassword)
	}
	return s
}

func (s *LDAP) path(name string) string { return filepath.Join(s.dir, name) }

// first starts slapd, with other ports if somebody took those chosen.
func (s *LDAP) first() {
	s.t.Helper()
	var err error
	for range 5 {
		s.port, s.tlsPort = FreePort(s.t), FreePort(s.t)
		socket := strings.ReplaceAll(s.path("ldapi"), "/", "%2F")
		s.URL = "ldap://" + loopback(s.port)
		s.TLSURL = "ldaps://" + loopback(s.tlsPort)
		s.SocketURL = "ldapi://" + socket
		if s.proc, err = TryStart(s.t, s.command()); err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	s.t.Fatal(err)
}

func (s *LDAP) command() Command {
	return Command{
		Path: s.slapd, Env: s.env, Log: s.path("slapd.log"),
		Args:  []string{"-d", s.debug, "-f", s.path("slapd.conf"), "-h", s.URL + "/ " + s.TLSURL + "/ " + s.SocketURL + "/"},
		Ready: []string{loopback(s.port), loopback(s.tlsPort)},
	}
}

// Searches returns how many searches slapd has been asked for since the last call. It
// needs LDAPOptions.Stats.
func (s *LDAP) Searches() int {
	s.t.Helper()
	all := s.Logged(" SRCH base=")
	n := all - s.counted
	s.counted = all
	return n
}

// Logged returns how many lines of slapd's log have all of some texts. It needs
// LDAPOptions.Stats.
func (s *LDAP) Logged(texts ...string) (n int) {
	s.t.Helper()
	log, err := os.ReadFile(s.path("slapd.log"))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !bytes.Contains(line, []byte(text)) }) {
			n++
		}
	}
	return n
}

// Stop ends slapd; its data stay.
func (s *LDAP) Stop() { s.proc.Stop() }

// Start starts slapd again on the same ports.
func (s *LDAP) Start() {
	s.t.Helper()
	s.proc = Start(s.t, s.command())
}

// Pause makes slapd hang with its connections open.
func (s *LDAP) Pause() { s.proc.Pause() }

// Resume undoes Pause.
func (s *LDAP) Resume() { s.proc.Resume() }

// Admin connects as the administrator, until the test ends.
func (s *LDAP) Admin() *ldap.Conn {
	s.t.Helper()
	return s.Dial(s.AdminDN, s.AdminPassword)
}

// Dial connects by TLS and binds, until the test ends.
func (s *LDAP) Dial(dn, password string) *ldap.Conn {
	s.t.Helper()
	c, err := ldap.DialURL(s.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: s.CA.Pool}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	if err := c.Bind(dn, password); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// skeleton is what every server has.
func (s *LDAP) skeleton(o LDAPOptions) string {
	text := fmt.Sprintf(`dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=svc,dc=example,dc=com
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: svc
userPassword: %s

`, SSHA("svcpw"))
	if o.Lockout {
		text += `dn: ou=policies,dc=example,dc=com
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=example,dc=com
objectClass: pwdPolicy
objectClass: device
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 2
pwdFailureCountInterval: 30
pwdMinLength: 4
pwdCheckQuality: 1
pwdAllowUserChange: TRUE
pwdMustChange: TRUE

`
	}
	return text
}

// config returns slapd.conf.
func (s *LDAP) config(o LDAPOptions) string {
	cert, key := s.CA.Issue("localhost")
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, name := range append([]string{"core", "cosine", "inetorgperson", "nis", "dyngroup"}, o.Schemas...) {
		p("include /etc/ldap/schema/%s.schema", name)
	}
	p("modulepath /usr/lib/ldap")
	for _, m := range []string{"back_mdb", "memberof", "dynlist", "refint", "ppolicy", "syncprov"} {
		p("moduleload %s", m)
	}
	p("pidfile %s\nargsfile %s", s.path("slapd.pid"), s.path("slapd.args"))
	p("TLSCACertificateFile %s\nTLSCertificateFile %s\nTLSCertificateKeyFile %s\nTLSVerifyClient never", s.CA.File, cert, key)
	limit := o.SizeLimit
	if limit == 0 {
		limit = 500
	}
	p("sizelimit %d\nthreads 4", limit)
	if o.TLSOnly {
		p("security ssf=64") // TLS, or the socket
	}
	if o.Keytab != "" {
		p("sasl-host localhost\nsasl-realm EXAMPLE.COM")
		p("authz-regexp uid=([^/,]+),(cn=example.com,)?cn=gssapi,cn=auth uid=$1,ou=people,dc=example,dc=com")
	}
	p("authz-regexp gidNumber=0[+]uidNumber=0,cn=peercred,cn=external,cn=auth %s", s.AdminDN)
	p("%s", o.Extra)
	p("database mdb\nsuffix \"%s\"\nrootdn \"%s\"\nrootpw %s", s.BaseDN, s.AdminDN, s.AdminPassword)
	// The default of 10 MB is full at 11,000 users; the file is sparse.
	p("directory %s\nmaxsize 4294967296\ndbnosync", s.path("db"))
	indexed := strings.Split("objectClass,entryUUID,entryCSN,member,uniqueMember,memberUid,memberOf,employeeNumber,serialNumber", ",")
	indexed = slices.DeleteFunc(indexed, func(a string) bool { return slices.Contains(o.NoIndex, a) })
	p("index %s eq", strings.Join(indexed, ","))
	p("index cn,sn,givenName,displayName,uid,mail eq,sub")
	p("limits dn.exact=\"%s\" size.soft=unlimited size.hard=unlimited size.pr=1000 size.prtotal=unlimited", s.ServiceDN)
	p("%s", o.Access)
	p("access to attrs=userPassword by self write by anonymous auth by * none")
	p("access to * by self write by users read by anonymous read")
	p("%s", o.ExtraDB)
	switch {
	case o.Nested:
		p("overlay dynlist\ndynlist-attrset groupOfURLs memberURL member+memberOf@groupOfNames*")
	case o.MemberOf:
		p("overlay memberof\nmemberof-group-oc groupOfNames\nmemberof-member-ad member\nmemberof-memberof-ad memberOf\nmemberof-refint true")
	}
	p("overlay refint\nrefint_attributes member\nrefint_nothing \"%s\"", s.AdminDN)
	if o.Lockout {
		p("overlay ppolicy\nppolicy_default \"cn=default,ou=policies,%s\"\nppolicy_use_lockout", s.BaseDN)
	}
	if o.Sync {
		p("overlay syncprov\nsyncprov-checkpoint 1000 10\nsyncprov-sessionlog 10000")
	}
	return b.String()
}

// SSHA hashes a password as slapd does by default.
func SSHA(password string) string {
	salt := []byte(rand.Text()[:8])
	h := sha1.Sum(append([]byte(password), salt...))
	return "{SSHA}" + base64.StdEncoding.EncodeToString(append(h[:], salt...))
}
