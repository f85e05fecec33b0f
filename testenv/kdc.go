package testenv

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// fakeTime shifts the clock of the programs that load it.
const fakeTime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"

// RealmOptions says what a KDC knows.
type RealmOptions struct {
	Realm      string            // "" is EXAMPLE.COM
	Principals map[string]string // user → password
	Services   []string          // such as HTTP/localhost, with random keys
	Skew       time.Duration     // how far the KDC's clock is ahead
	Enctypes   string            // supported_enctypes; "" is AES-256 with SHA-1 and with SHA-384
	Trust      *Realm            // users of this realm get tickets for the new one's services
}

// Realm is a running MIT KDC with a realm of its own.
type Realm struct {
	Name     string
	ConfPath string // krb5.conf, for KRB5_CONFIG
	Process  *Process

	t         testing.TB
	dir       string
	port      int
	o         RealmOptions
	passwords map[string]string
	others    []*Realm // in krb5.conf
}

// krb5conf has: realm, [realms] entries.
const krb5conf = `[libdefaults]
  default_realm = %[1]s
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1465
[realms]
%[2]s[domain_realm]
  localhost = %[3]s
`

// kdcconf has: realm, folder, port, encryption types.
const kdcconf = `[kdcdefaults]
  kdc_listen = 127.0.0.1:%[3]d
  kdc_tcp_listen = 127.0.0.1:%[3]d
[realms]
  %[1]s = {
    database_name = %[2]s/principal
    key_stash_file = %[2]s/stash
    acl_file = %[2]s/kadm5.acl
    supported_enctypes = %[4]s
    max_life = 10h
    max_renewable_life = 7d
    default_principal_flags = +preauth
  }
[logging]
  kdc = FILE:%[2]s/kdc.log
`

// KDC starts an MIT KDC with a new realm. Creating it takes a third of a
// second. It stops when the test ends.
func KDC(t testing.TB, o RealmOptions) *Realm {
	t.Helper()
	bin := Require(t, "kdc", "kdb5_util", "kadmin.local", "krb5kdc")
	r := &Realm{Name: o.Realm, t: t, dir: Dir(t), o: o, passwords: map[string]string{}}
	if r.Name == "" {
		r.Name = "EXAMPLE.COM"
	}
	if r.o.Enctypes == "" {
		r.o.Enctypes = "aes256-cts-hmac-sha1-96:normal aes256-cts-hmac-sha384-192:normal"
	}
	r.ConfPath = filepath.Join(r.dir, "krb5.conf")
	r.configure()
	Run(t, r.Env(), "", bin[0], "create", "-s", "-r", r.Name, "-P", "masterpw")
	var queries []string
	for _, name := range slices.Sorted(maps.Keys(o.Principals)) {
		r.passwords[name] = o.Principals[name]
		queries = append(queries, fmt.Sprintf("addprinc -pw %s %s", o.Principals[name], name))
	}
	for _, s := range o.Services {
		queries = append(queries, "addprinc -randkey "+s)
	}
	r.Admin(queries...)
	r.start(bin[2])
	if o.Trust != nil {
		r.trust(o.Trust)
	}
	return r
}

// start runs the KDC, on another port if its own was taken meanwhile.
func (r *Realm) start(program string) {
	r.t.Helper()
	env := r.Env()
	if r.o.Skew != 0 {
		if _, err := os.Stat(fakeTime); err != nil {
			Missing(r.t, "kdc", "libfaketime is not installed")
		}
		env = append(env, "LD_PRELOAD="+fakeTime, fmt.Sprintf("FAKETIME=%+ds", int(r.o.Skew.Seconds())))
	}
	var err error
	for range 5 {
		r.Process, err = TryStart(r.t, Command{
			Path: program, Args: []string{"-n", "-r", r.Name, "-P", filepath.Join(r.dir, "kdc.pid")},
			Env: env, Ready: []string{loopback(r.port)},
		})
		if err == nil {
			return
		}
		r.configure()
	}
	r.t.Fatal(err)
}

// configure writes the files with a new port.
func (r *Realm) configure() {
	r.t.Helper()
	r.port = FreePort(r.t)
	WriteFile(r.t, filepath.Join(r.dir, "kdc.conf"), fmt.Sprintf(kdcconf, r.Name, r.dir, r.port, r.o.Enctypes))
	WriteFile(r.t, filepath.Join(r.dir, "kadm5.acl"), "")
	r.writeClient(r.Name)
}

// writeClient writes krb5.conf; services on localhost are home's.
func (r *Realm) writeClient(home string) {
	r.t.Helper()
	var realms strings.Builder
	for _, x := range append([]*Realm{r}, r.others...) {
		fmt.Fprintf(&realms, "  %s = {\n    kdc = %s\n  }\n", x.Name, loopback(x.port))
	}
	WriteFile(r.t, r.ConfPath, fmt.Sprintf(krb5conf, r.Name, realms.String(), home))
}

// trust lets users of other have tickets for services here.
func (r *Realm) trust(other *Realm) {
	r.t.Helper()
	q := fmt.Sprintf("addprinc -pw crossrealm krbtgt/%s@%s", r.Name, other.Name)
	r.Admin(q)
	other.Admin(q)
	other.others = append(other.others, r)
	other.writeClient(r.Name)
}

// Env is the environment that outer Kerberos programs need: without it they
// would take the machine's realm.
func (r *Realm) Env() []string {
	return []string{
		"KRB5_CONFIG=" + r.ConfPath,
		"KRB5_KDC_PROFILE=" + filepath.Join(r.dir, "kdc.conf"),
		"KRB5CCNAME=FILE:" + filepath.Join(r.dir, "ccache"),
		"KRB5RCACHETYPE=none",
	}
}

// Admin runs kadmin.local queries, all in one process, and fails the test if
// one of them fails.
func (r *Realm) Admin(queries ...string) string {
	r.t.Helper()
	bin := Require(r.t, "kdc", "kadmin.local")
	out := Run(r.t, r.Env(), strings.Join(queries, "\n")+"\n", bin[0], "-r", r.Name)
	// It exits with 0 whatever happens.
	for line := range strings.Lines(out) {
		if strings.Contains(line, " while ") || strings.Contains(line, "nvalid") || strings.Contains(line, "usage:") {
			r.t.Fatalf("kadmin.local: %s", line)
		}
	}
	return out
}

// Keytab writes the present keys of services or users to a new file.
func (r *Realm) Keytab(principals ...string) string {
	r.t.Helper()
	file := filepath.Join(Dir(r.t), "keytab")
	var queries []string
	for _, p := range principals {
		queries = append(queries, "ktadd -norandkey -k "+file+" "+p)
	}
	r.Admin(queries...)
	return file
}

// Rotate gives a service new keys and adds them to a keytab file, in which the
// old ones stay.
func (r *Realm) Rotate(file, service string) {
	r.t.Helper()
	r.Admin("ktadd -k " + file + " " + service)
}

// Kinit gets a ticket for a user and returns the environment with it.
func (r *Realm) Kinit(user string) []string {
	r.t.Helper()
	bin := Require(r.t, "kdc", "kinit")
	env := append(r.Env(), "KRB5CCNAME=FILE:"+filepath.Join(Dir(r.t), "ccache"))
	Run(r.t, env, r.password(user)+"\n", bin[0], user)
	return env
}

// Login logs a user in with gokrb5's client.
func (r *Realm) Login(user string) *client.Client {
	r.t.Helper()
	return login(r.t, r.ConfPath, r.Name, user, r.password(user))
}

// Tokens logs a user in, has a ticket for HTTP/localhost issued, and returns what makes a
// value of the Authorization field with it, another for each request: it needs the KDC no
// more.
func (r *Realm) Tokens(user string) func() (string, error) {
	r.t.Helper()
	return tokens(r.t, r.Login(user))
}

func login(t testing.TB, confPath, realm, user, password string) *client.Client {
	t.Helper()
	conf, err := config.Load(confPath)
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewWithPassword(user, realm, password, conf, client.DisablePAFXFAST(true))
	if err := c.Login(); err != nil {
		t.Fatalf("Kerberos login of %s: %v", user, err)
	}
	t.Cleanup(c.Destroy)
	return c
}

func tokens(t testing.TB, c *client.Client) func() (string, error) {
	t.Helper()
	const service = "HTTP/localhost"
	if _, _, err := c.GetServiceTicket(service); err != nil {
		t.Fatalf("ticket for %s: %v", service, err)
	}
	return func() (string, error) {
		r := &http.Request{Header: http.Header{}}
		err := spnego.SetSPNEGOHeader(c, r, service)
		return r.Header.Get("Authorization"), err
	}
}

// Curl runs curl with the ticket in env, which Kinit returned, and returns the
// headers and bodies of all answers. args are further arguments.
func (r *Realm) Curl(env []string, args ...string) string {
	r.t.Helper()
	return Curl(r.t, env, args...)
}

// Curl runs curl with the ticket in env, which Kinit of a realm or of a domain
// returned, as Realm.Curl does.
func Curl(t testing.TB, env []string, args ...string) string {
	t.Helper()
	bin := Require(t, "kdc", "curl")
	return Run(t, env, "", bin[0], append([]string{"-sS", "--max-time", "30", "-i", "--negotiate", "-u", ":"}, args...)...)
}

func (r *Realm) password(user string) string {
	r.t.Helper()
	pw, ok := r.passwords[user]
	if !ok {
		r.t.Fatalf("realm %s has no user %q", r.Name, user)
	}
	return pw
}

// Log is what the KDC has logged.
func (r *Realm) Log() string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "kdc.log"))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}
