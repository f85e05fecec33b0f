package testenv

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/go-ldap/ldap/v3"
)

// ADOptions say how the domain controller runs.
type ADOptions struct {
	Extra string   // lines for smb.conf
	Env   []string // for the server, e.g. libfaketime

	// OwnCertificate leaves Samba the certificate that it makes for itself, which has
	// no subjectAltName. Making it takes some seconds.
	OwnCertificate bool
}

// Domain is a running Samba domain controller, freshly provisioned: the domain
// AD.EXAMPLE.COM with passwords that do not expire and lockout for three
// seconds after three failures. It has an address of its own in 127.0.0.0/8,
// because its ports are fixed.
type Domain struct {
	IP                     string
	URL, TLSURL            string // ldap:// and ldaps:// by IP address
	Realm, Workgroup, DNS  string
	Host                   string // the controller's DNS name; in its certificate with IP
	BaseDN                 string
	AdminDN, AdminPassword string
	CA                     *CA

	t     testing.TB
	dir   string
	samba string
	env   []string
	names string // the hosts file of a controller that has a partner; "": it has none
	proc  *Process
	lock  *os.File // of the IP address
}

const (
	adRealm    = "AD.EXAMPLE.COM"
	adDNS      = "ad.example.com"
	adBase     = "DC=ad,DC=example,DC=com"
	adPassword = "Passw0rd!x"
)

// AD starts a domain controller and stops it with the test. The first one on a
// machine takes some 15 seconds for provisioning, the others less than two.
func AD(t testing.TB, o ADOptions) *Domain {
	t.Helper()
	programs := adPrograms(t)
	d := newDomain(t, "dc1", Dir(t), programs, NewCA(t), o)
	Run(t, nil, "", programs.tar, "-C", d.dir, "-xf", adFixture(t, programs))
	d.configure(o)
	d.Start()
	d.register(d)
	return d
}

// sambaPrograms are full paths of programs.
type sambaPrograms struct{ samba, tool, tar, nsupdate string }

func adPrograms(t testing.TB) sambaPrograms {
	t.Helper()
	paths := Require(t, "ad", "samba", "samba-tool", "tar", "nsupdate")
	if os.Geteuid() != 0 {
		Missing(t, "ad", "Samba needs root for its ports")
	}
	return sambaPrograms{paths[0], paths[1], paths[2], paths[3]}
}

// newDomain takes an address for a controller whose database is, or will be, in dir.
func newDomain(t testing.TB, name, dir string, programs sambaPrograms, ca *CA, o ADOptions) *Domain {
	t.Helper()
	d := &Domain{
		Realm: adRealm, Workgroup: "AD", DNS: adDNS, Host: name + "." + adDNS, BaseDN: adBase,
		AdminDN: "CN=Administrator,CN=Users," + adBase, AdminPassword: adPassword,
		t: t, dir: dir, samba: programs.samba, env: o.Env, CA: ca,
	}
	d.takeAddress()
	return d
}

// register writes the addresses of controllers into the zone that d serves, in place of
// those that they had when the domain was made.
func (d *Domain) register(controllers ...*Domain) {
	d.t.Helper()
	update := "server " + d.IP + "\n"
	for _, c := range controllers {
		update += fmt.Sprintf("update delete %[1]s A\nupdate add %[1]s 900 A %[2]s\n", c.Host, c.IP)
	}
	Run(d.t, nil, update+"send\n", Require(d.t, "ad", "nsupdate")[0])
}

// takeAddress picks a loopback address that no other domain controller of
// ours uses, and keeps it until the test ends.
func (d *Domain) takeAddress() {
	d.t.Helper()
	pid := os.Getpid()
	for i := range 500 {
		n := pid*7 + i
		ip := fmt.Sprintf("127.%d.%d.%d", 64+n/62500%32, n/250%250, n%250+1)
		f, err := os.OpenFile(filepath.Join(os.TempDir(), "convene-ad-"+ip+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			d.t.Fatal(err)
		}
		if tryLock(f) && portFree(ip+":389") {
			d.IP, d.lock = ip, f
			d.URL, d.TLSURL = "ldap://"+ip, "ldaps://"+ip
			d.t.Cleanup(func() {
				if err := os.Remove(f.Name()); err != nil {
					d.t.Error(err)
				}
				if err := f.Close(); err != nil {
					d.t.Error(err)
				}
			})
			return
		}
		if err := f.Close(); err != nil {
			d.t.Fatal(err)
		}
	}
	d.t.Fatal("no free loopback address for a domain controller")
}

func portFree(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func (d *Domain) path(name string) string { return filepath.Join(d.dir, name) }

// configure writes smb.conf for the restored database, which holds no paths.
func (d *Domain) configure(o ADOptions) {
	d.t.Helper()
	for _, sub := range []string{"cache", "run", "ncalrpc", "ntp", "winbindd"} {
		if err := os.MkdirAll(filepath.Join(d.dir, "dc", sub), 0o755); err != nil {
			d.t.Fatal(err)
		}
	}
	certificate := ""
	if !o.OwnCertificate {
		cert, key := d.CA.Issue(d.Host, d.DNS, d.IP)
		certificate = "tls certfile = " + cert + "\ntls keyfile = " + key + "\ntls cafile = " + d.CA.File
	}
	services := "ldap, cldap, kdc, dns"
	if d.names != "" {
		services += ", rpc, drepl"
	}
	dc := d.path("dc")
	lines := []string{
		"[global]", "netbios name = " + strings.ToUpper(strings.TrimSuffix(d.Host, "."+d.DNS)), "workgroup = " + d.Workgroup, "realm = " + d.Realm,
		"server role = active directory domain controller",
		"server services = " + services,
		"interfaces = " + d.IP + "/8", "bind interfaces only = yes",
		"private dir = " + dc + "/private", "state directory = " + dc + "/state",
		"cache directory = " + dc + "/cache", "lock directory = " + dc, "pid directory = " + dc + "/run",
		"ncalrpc dir = " + dc + "/ncalrpc", "ntp signd socket directory = " + dc + "/ntp",
		"winbindd socket directory = " + dc + "/winbindd", "binddns dir = " + dc + "/bind-dns",
		"log file = " + dc + "/log.samba", "logging = file", "max log size = 0",
		certificate,
		"idmap_ldb:use rfc2307 = yes", "dns forwarder =", "allow dns updates = nonsecure", "disable netbios = yes",
		"ldap server require strong auth = allow_sasl_over_tls", "old password allowed period = 0", "ldb:nosync = true",
		"prefork children = 1", "dreplsrv:notify_interval = 1", "dreplsrv:periodic_startup_interval = 1", o.Extra, "",
	}
	WriteFile(d.t, d.path("smb.conf"), strings.Join(lines, "\n"))
	WriteFile(d.t, d.path("krb5.conf"), fmt.Sprintf(`[libdefaults]
  default_realm = %[1]s
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  %[1]s = {
    kdc = %[2]s:88
    kpasswd_server = %[2]s:464
    admin_server = %[2]s
  }
[domain_realm]
  localhost = %[1]s
  .%[3]s = %[1]s
`, d.Realm, d.IP, d.DNS))
}

// Start starts the server again after Stop.
func (d *Domain) Start() {
	d.t.Helper()
	var ready []string
	for _, port := range []string{"389", "636", "88", "464", "53"} {
		ready = append(ready, d.IP+":"+port)
	}
	model := "single"
	if d.names != "" { // before it replicates it asks its own KDC for a ticket, and waits for it
		model = "prefork"
	}
	c := Command{
		Path: d.samba, Env: d.env, Log: d.path("samba.log"), Ready: ready,
		Args: []string{"--foreground", "--no-process-group", "-M", model, "-s", d.path("smb.conf"), "-d1", "--debug-stdout"},
	}
	if d.names != "" {
		c = d.beside(c)
	}
	d.proc = Start(d.t, c)
}

// Stop ends the server; its data stay.
func (d *Domain) Stop() {
	d.proc.Stop()
	d.ended()
}

// Kill ends the server as a crash would; its data stay.
func (d *Domain) Kill() {
	d.proc.Kill()
	d.ended()
}

// Pause makes the server hang with its connections open.
func (d *Domain) Pause() { d.proc.Pause() }

// Resume undoes Pause.
func (d *Domain) Resume() { d.proc.Resume() }

// ConfPath is the path of smb.conf, for Samba's own tools.
func (d *Domain) ConfPath() string { return d.path("smb.conf") }

// Krb5Conf is the path of a private krb5.conf for this domain.
func (d *Domain) Krb5Conf() string { return d.path("krb5.conf") }

// Env is the environment that Kerberos programs need.
func (d *Domain) Env() []string {
	return []string{"KRB5_CONFIG=" + d.Krb5Conf(), "KRB5CCNAME=FILE:" + d.path("ccache")}
}

// Keytab exports the keys of a service principal and returns the file.
func (d *Domain) Keytab(spn string) string {
	d.t.Helper()
	tool := Require(d.t, "ad", "samba-tool")[0]
	file := d.path(strings.NewReplacer("/", "_", "@", "_").Replace(spn) + ".keytab")
	Run(d.t, d.Env(), "", tool, "domain", "exportkeytab", file, "--principal="+spn, "-s", d.ConfPath())
	return file
}

// Admin connects as Administrator by TLS, until the test ends.
func (d *Domain) Admin() *ldap.Conn {
	d.t.Helper()
	c, err := ldap.DialURL(d.TLSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: d.CA.Pool}))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	if err := c.Bind(d.AdminDN, d.AdminPassword); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// Add adds one entry. An attribute named unicodePwd takes the password in
// clear.
func (d *Domain) Add(c *ldap.Conn, dn string, attrs map[string][]string) {
	d.t.Helper()
	req := ldap.NewAddRequest(dn, nil)
	for name, values := range attrs {
		if name == "unicodePwd" {
			values = []string{UnicodePwd(values[0])}
		}
		req.Attribute(name, values)
	}
	if err := c.Add(req); err != nil {
		d.t.Fatalf("add %s: %v", dn, err)
	}
}

// UnicodePwd writes a password as Active Directory wants it: in quotes, in
// UTF-16LE.
func UnicodePwd(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// AgePasswords makes the passwords of some entries as old as if they had been set at a
// time, which no LDAP client can.
func (d *Domain) AgePasswords(at time.Time, dns ...string) {
	d.t.Helper()
	var b strings.Builder
	for _, dn := range dns {
		fmt.Fprintf(&b, "dn: %s\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: %d\n\n", dn, FileTime(at))
	}
	tool := Require(d.t, "ad", "ldbmodify")[0]
	// DSDB_CONTROL_PASSWORD_BYPASS_LAST_SET_OID
	Run(d.t, nil, b.String(), tool, "-H", d.path("dc/private/sam.ldb"), "--configfile="+d.ConfPath(), "--controls=local_oid:1.3.6.1.4.1.7165.4.3.20:0")
}

// FileTime is a time as Windows counts: tenths of microseconds since 1601.
func FileTime(at time.Time) int64 { return at.Unix()*1e7 + 116_444_736_000_000_000 }

// Kinit gets a ticket for a user into a cache of its own and returns the
// environment that uses it.
func (d *Domain) Kinit(user, password string) []string {
	d.t.Helper()
	bin := Require(d.t, "ad", "kinit")
	env := append(d.Env(), "KRB5CCNAME=FILE:"+filepath.Join(Dir(d.t), "ccache"))
	Run(d.t, env, password+"\n", bin[0], user)
	return env
}

// Tokens is Realm.Tokens for a user of the domain.
func (d *Domain) Tokens(user, password string) func() (string, error) {
	d.t.Helper()
	return tokens(d.t, login(d.t, d.Krb5Conf(), d.Realm, user, password))
}
