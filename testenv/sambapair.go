package testenv

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// ADPair starts two domain controllers of one domain, DC1 and DC2, which replicate what
// changes on one to the other within about a second. The domain is as AD makes it, and has
// one certificate authority. The first pair on a machine takes about a minute for joining
// the second controller, the others some seconds.
//
// Controllers find each other by names, which they get from a hosts file of their own, in
// a mount namespace; so they need the right to make one.
func ADPair(t testing.TB, o ADOptions) (one, two *Domain) {
	t.Helper()
	programs := adPrograms(t)
	dir := Dir(t)
	Run(t, nil, "", programs.tar, "-C", dir, "-xf", pairFixture(t, programs))
	return startPair(t, dir, programs, o)
}

// startPair starts the controllers whose databases are in the folders one/dc and two/dc
// of dir.
func startPair(t testing.TB, dir string, programs sambaPrograms, o ADOptions) (one, two *Domain) {
	t.Helper()
	ca := NewCA(t)
	one = newDomain(t, "dc1", filepath.Join(dir, "one"), programs, ca, o)
	two = newDomain(t, "dc2", filepath.Join(dir, "two"), programs, ca, o)
	ids := readLines(t, filepath.Join(dir, agentsFile))
	names := WriteFile(t, filepath.Join(dir, "hosts"), hostsFile(one, ids[0], two, ids[1]))
	for _, d := range []*Domain{one, two} {
		d.names = names
		d.configure(o)
		d.Start()
	}
	one.register(one, two)
	return one, two
}

// hostsFile has the names of controllers, also those that they replicate by: the GUID of
// the entry nTDSDSA.
func hostsFile(one *Domain, idOne string, two *Domain, idTwo string) string {
	line := func(d *Domain, id string) string {
		return fmt.Sprintf("%s %s %s._msdcs.%s\n", d.IP, d.Host, id, d.DNS)
	}
	return "127.0.0.1 localhost\n" + line(one, idOne) + line(two, idTwo)
}

// agentsFile is the file in the fixture that has the GUIDs of the entries nTDSDSA.
const agentsFile = "agents"

func readLines(t testing.TB, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// beside lets a program run with the names that controllers have of each other.
func (d *Domain) beside(c Command) Command {
	args := append([]string{"-m", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, d.names, c.Path}, c.Args...)
	c.Path, c.Args = Require(d.t, "ad", "unshare")[0], args
	c.Env = append([]string{"KRB5_CONFIG=" + d.Krb5Conf()}, c.Env...)
	return c
}

// run runs one of Samba's programs to its end, as beside says.
func (d *Domain) run(path string, args ...string) string {
	d.t.Helper()
	c := d.beside(Command{Path: path, Args: args})
	return Run(d.t, append(c.Env, "KRB5CCNAME=FILE:"+d.path("ccache")), "", c.Path, c.Args...)
}

// ended waits until the processes that a controller consisted of have given its ports back.
func (d *Domain) ended() {
	d.t.Helper()
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(pollEvery) {
		free := true
		for _, port := range []string{"389", "636", "88", "464", "53"} {
			free = free && portFree(net.JoinHostPort(d.IP, port))
		}
		if free {
			return
		}
	}
	d.t.Fatalf("%s has ended, but its ports are in use", d.Host)
}

const joinArgs = "domain join " + adDNS + " DC --realm=" + adRealm + " --server=dc1." + adDNS + " --dns-backend=SAMBA_INTERNAL"

// pairFixture returns a tar file with the databases of two controllers of one domain.
func pairFixture(t testing.TB, programs sambaPrograms) string {
	t.Helper()
	first := adFixture(t, programs)
	return kept(t, programs, "adpair", filepath.Base(first)+joinArgs, func(file string) { makePair(t, programs, first, file) })
}

// replicationService begins the names of the service that replicates.
const replicationService = "E3514235-4B06-11D1-AB04-00C04FC2DCD2/"

// principal gives a controller names of services, as the program samba_dnsupdate would.
func (d *Domain) principal(controller string, names ...string) {
	d.t.Helper()
	r := ldap.NewModifyRequest("CN="+controller+",OU=Domain Controllers,"+d.BaseDN, nil)
	r.Add("servicePrincipalName", names)
	if err := d.Admin().Modify(r); err != nil {
		d.t.Fatal(err)
	}
}

// agent is the GUID of a controller's entry nTDSDSA.
func (d *Domain) agent(controller string) string {
	d.t.Helper()
	g := []byte(d.Value(d.agentDN(controller), "objectGUID"))
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

func (d *Domain) agentDN(controller string) string {
	return "CN=NTDS Settings,CN=" + controller + ",CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration," + d.BaseDN
}

// Value reads the first value of an attribute, as Administrator; "": there is none, or no
// such entry.
func (d *Domain) Value(dn, attr string) string {
	d.t.Helper()
	c := d.Admin()
	defer func() { _ = c.Close() }()
	res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{attr}, nil))
	if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		return ""
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return res.Entries[0].GetAttributeValue(attr)
}

// makePair joins a second controller to the domain of the file first, connects both for
// replication, and writes what has come of it to another name first.
func makePair(t testing.TB, programs sambaPrograms, first, file string) {
	t.Helper()
	dir := Dir(t)
	begun := time.Now()
	o := ADOptions{Extra: "server services = ldap, cldap, kdc, dns, rpc, drepl, kcc\nkccsrv:samba_kcc = false\nkccsrv:periodic_startup_interval = 1"}
	one := newDomain(t, "dc1", filepath.Join(dir, "one"), programs, NewCA(t), o)
	two := newDomain(t, "dc2", filepath.Join(dir, "two"), programs, one.CA, o)
	for _, d := range []*Domain{one, two} {
		if err := os.Mkdir(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	Run(t, nil, "", programs.tar, "-C", one.dir, "-xf", first)
	one.names = WriteFile(t, filepath.Join(dir, "hosts"), hostsFile(one, "dc1", two, "dc2"))
	two.names = one.names
	one.configure(o)
	one.Start()
	one.register(one)
	ids := []string{one.agent("DC1")}
	// Known to the second from the start, whose KDC gives it the ticket that it replicates with.
	one.principal("DC1", "GC/dc1."+adDNS+"/"+adDNS, replicationService+ids[0]+"/"+adDNS)
	account := "--user=" + one.Workgroup + `\Administrator%` + one.AdminPassword
	one.run(programs.tool, append(strings.Fields(joinArgs), account, "--targetdir="+filepath.Join(two.dir, "dc"),
		"--option=interfaces="+two.IP+"/8", "--option=bind interfaces only=yes", "--option=netbios name=DC2", "--option=dns forwarder=",
		"--option=posix:eadb="+two.path("eadb.tdb"), "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb")...)
	ids = append(ids, one.agent("DC2"))
	one.principal("DC2", "ldap/dc2."+adDNS, "ldap/dc2."+adDNS+"/"+adDNS)
	WriteFile(t, filepath.Join(dir, agentsFile), strings.Join(ids, "\n")+"\n")
	one.Stop()

	one, two = startPair(t, dir, programs, o)
	// Joining has connected the second to the first; this is the other way round.
	one.run(programs.tool, "drs", "kcc", one.Host, account, "--realm="+adRealm)
	for _, part := range []string{"", "CN=Configuration,"} {
		one.run(programs.tool, "drs", "replicate", one.Host, two.Host, part+adBase, account, "--realm="+adRealm)
	}
	one.Stop()
	two.Stop()
	Run(t, nil, "", programs.tar, "-C", dir, "-S", "-cf", file+".new", agentsFile, "one/dc", "two/dc")
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
	t.Logf("joined a second controller in %v", time.Since(begun).Round(time.Millisecond))
}

// Backup copies the database of a controller that is stopped.
func (d *Domain) Backup() (file string) {
	d.t.Helper()
	file = filepath.Join(Dir(d.t), "backup.tar")
	Run(d.t, nil, "", Require(d.t, "ad", "tar")[0], "-C", d.dir, "-S", "-cf", file, "dc")
	return file
}

// Restore puts a backup in the place of the database of a controller that is stopped. As a
// restored controller must, it goes on under another invocationId ([MS-ADTS] §3.1.1.1.9),
// by which its partner knows that its update sequence numbers have gone back.
func (d *Domain) Restore(file string) {
	d.t.Helper()
	tools := Require(d.t, "ad", "tar", "ldbmodify")
	if err := os.RemoveAll(d.path("dc/private/sam.ldb.d")); err != nil {
		d.t.Fatal(err)
	}
	Run(d.t, nil, "", tools[0], "-C", d.dir, "-xf", file)
	controller := strings.ToUpper(strings.TrimSuffix(d.Host, "."+d.DNS))
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	change := fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: invocationId\ninvocationId: %x-%x-%x-%x-%x\n", d.agentDN(controller), id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	Run(d.t, nil, change, tools[1], "-H", d.path("dc/private/sam.ldb"), "--configfile="+d.ConfPath())
}
