package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// DS389 is a running 389 Directory Server with an empty dc=example,dc=com. It is on
// loopback and without TLS.
type DS389 struct {
	URL                    string
	BaseDN                 string
	AdminDN, AdminPassword string

	t    testing.TB
	run  Command
	proc *Process
}

// ds389Inf has: the name of the instance, its port, the password.
const ds389Inf = `[general]
config_version = 2
systemd = False
start = False
strict_host_checking = False
full_machine_name = localhost
[slapd]
instance_name = %s
port = %d
root_password = %s
self_sign_cert = False
db_lib = bdb
`

var ds389Password = regexp.MustCompile(`(?m)^nsslapd-rootpw:.*\n( .*\n)*`)

// OpenDS389 makes an instance, which the tools want in /etc/dirsrv, starts it, and removes
// it with the test. It takes some three seconds, and root.
func OpenDS389(t testing.TB) *DS389 {
	t.Helper()
	bin := Require(t, "389", "ns-slapd", "dscreate", "dsconf", "dsctl", "pwdhash")
	if os.Geteuid() != 0 {
		Missing(t, "389", "dscreate needs root")
	}
	s := &DS389{BaseDN: "dc=example,dc=com", AdminDN: "cn=Directory Manager", AdminPassword: "admin-password", t: t}
	port, dir := FreePort(t), Dir(t)
	name := fmt.Sprintf("convene%d", port)
	inf := WriteFile(t, filepath.Join(dir, "inf"), fmt.Sprintf(ds389Inf, name, port, s.AdminPassword))
	// It ends with an error where there is no systemd to start what it has made.
	out, _ := TryRun(nil, "", bin[1], "from-file", inf)
	config := filepath.Join("/etc/dirsrv/slapd-"+name, "dse.ldif")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { Run(t, nil, "", bin[3], name, "remove", "--do-it") })
	hash := Run(t, nil, "", bin[4], "-D", filepath.Dir(config), s.AdminPassword)
	text = ds389Password.ReplaceAllLiteral(text, []byte("nsslapd-listenhost: 127.0.0.1\nnsslapd-rootpw: "+hash))
	WriteFile(t, config, string(text))
	s.run = Command{
		Path: bin[0], Args: []string{"-D", filepath.Dir(config), "-i", filepath.Join(dir, "pid"), "-d", "0"},
		Log: filepath.Join(dir, "log"), Ready: []string{loopback(port)},
	}
	s.Start()
	s.URL = "ldap://" + loopback(port)
	Run(t, nil, "", bin[2], "-D", s.AdminDN, "-w", s.AdminPassword, s.URL, "backend", "create",
		"--suffix", s.BaseDN, "--be-name", "userroot", "--create-suffix")
	return s
}

// Stop ends the server; its data stay.
func (s *DS389) Stop() { s.proc.Stop() }

// Start starts it again on the same port.
func (s *DS389) Start() {
	s.t.Helper()
	s.proc = Start(s.t, s.run)
}

// ServeSync has the server tell changes by RFC 4533, from its next start on: by the plug-in
// for that, which needs the one that records changes.
func (s *DS389) ServeSync() {
	s.t.Helper()
	admin := s.Admin()
	for _, name := range []string{"Retro Changelog Plugin", "Content Synchronization"} {
		r := ldap.NewModifyRequest("cn="+name+",cn=plugins,cn=config", nil)
		r.Replace("nsslapd-pluginEnabled", []string{"on"})
		if err := admin.Modify(r); err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
	}
}

// Admin connects as the administrator, until the test ends.
func (s *DS389) Admin() *ldap.Conn {
	s.t.Helper()
	c, err := ldap.DialURL(s.URL)
	if err == nil {
		err = c.Bind(s.AdminDN, s.AdminPassword)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}
