package directory_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/ldif"
	"convene/testenv"
)

// wire passes connections on to a server that may be exchanged.
type wire struct {
	url string

	mu    sync.Mutex
	to    string
	conns []net.Conn
}

func newWire(t *testing.T, url string) *wire {
	r := &wire{to: strings.TrimPrefix(url, "ldap://")}
	r.url = "ldap://" + testenv.Listen(t, func(c net.Conn) {
		r.mu.Lock()
		up, err := net.Dial("tcp", r.to)
		if err != nil {
			r.mu.Unlock()
			_ = c.Close()
			return
		}
		r.conns = append(r.conns, c, up)
		r.mu.Unlock()
		var both sync.WaitGroup
		pass := func(to, from net.Conn) { _, _ = io.Copy(to, from); _ = to.Close(); _ = from.Close() }
		both.Go(func() { pass(c, up) })
		both.Go(func() { pass(up, c) })
		both.Wait()
	})
	return r
}

func (r *wire) target() string { r.mu.Lock(); defer r.mu.Unlock(); return "ldap://" + r.to }

// cut ends all connections. Those that come later go to the server at url.
func (r *wire) cut(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = strings.TrimPrefix(url, "ldap://")
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

// told is what has been told of changes.
type told struct {
	mu     sync.Mutex
	guids  map[string]bool
	groups bool
	all    int
}

func (r *told) tell(c directory.Changes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range c.GUIDs {
		r.guids[g] = true
	}
	r.groups = r.groups || c.Groups
	if c.All {
		r.all++
	}
}

// clear forgets, and returns how often all had changed.
func (r *told) clear() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.guids, r.groups, r.all = map[string]bool{}, false, 0
	return all
}

func (r *told) has(guid string) bool { r.mu.Lock(); defer r.mu.Unlock(); return r.guids[guid] }
func (r *told) whole() bool          { r.mu.Lock(); defer r.mu.Unlock(); return r.all > 0 }

// listenTo follows d until all has been told, as in the beginning.
func listenTo(t *testing.T, d *directory.LDAP, way string) *told {
	t.Helper()
	r := &told{guids: map[string]bool{}}
	track(t, d, 20*time.Millisecond, r.tell)
	eventually(t, 10*time.Second, "the beginning", r.whole)
	eventually(t, 10*time.Second, way, func() bool { return d.Tracking().Way == way })
	r.clear()
	return r
}

func plain(s *testenv.LDAP, urls ...string) directory.LDAPConfig {
	c := openLDAP(s)
	c.AllowPlain, c.CAFile, c.URLs = true, "", urls
	return c
}

func person(name string) string { return "uid=" + name + ",ou=people," + base }

func setTitle(t *testing.T, admin *ldap.Conn, name, title string) {
	t.Helper()
	r := ldap.NewModifyRequest(person(name), nil)
	r.Replace("title", []string{title})
	modifyEntry(t, admin, r)
}

func remove(t *testing.T, admin *ldap.Conn, dn string) {
	t.Helper()
	if err := admin.Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
}

func guidOfName(t *testing.T, d *directory.LDAP, name string) string {
	t.Helper()
	return find(t, d, key(name)).GUID
}

func TestTrackSyncSlapd(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), Sync: true, Stats: true})
	d, admin := open(t, openLDAP(s)), s.Admin()
	n := unixNews(t, admin, "employeeType", "disabled")
	n.remove = func() { remove(t, admin, person("bob")) }
	testTracking(t, d, n)
	if is := d.Tracking(); is.Way != "syncrepl" || is.NoSync != "" {
		t.Errorf("%+v", is)
	}
	if n := s.Logged(" SRCH base=", "modifyTimestamp"); n > 0 {
		t.Errorf("%d searches for what has changed", n)
	}
	if n := s.Logged(" SRCH base=\""+base+"\"", "filter=\"(objectClass=*)\""); n != 1 {
		t.Errorf("%d searches that tell changes", n)
	}
}

// TestTrackSyncCut loses the connection, and then the server. What changed meanwhile is
// told afterwards; what is told of the record of changes (the session log of slapd, which
// a restart empties) exactly.
func TestTrackSyncCut(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), Sync: true})
	r := newWire(t, s.URL)
	d, admin := open(t, plain(s, r.url)), s.Admin()
	alice, bob, carol := guidOfName(t, d, "alice"), guidOfName(t, d, "bob"), guidOfName(t, d, "carol")
	got := listenTo(t, d, "syncrepl")
	setTitle(t, admin, "carol", "before") // slapd has a record from the first change on
	eventually(t, 5*time.Second, "a change", func() bool { return got.has(carol) })

	r.cut("ldap://127.0.0.1:1")
	setTitle(t, admin, "alice", "meanwhile")
	remove(t, admin, person("bob"))
	eventually(t, 10*time.Second, "the loss", func() bool { return d.Tracking().Err != "" })
	if got.has(alice) {
		t.Error("told without a connection")
	}
	got.clear()
	r.cut(s.URL)
	eventually(t, 20*time.Second, "a change and a removal while away", func() bool { return got.has(alice) && got.has(bob) })
	if got.whole() {
		t.Error("everything has changed, though the server knows what has")
	}

	s.Stop()
	s.Start()
	admin = s.Admin()
	setTitle(t, admin, "alice", "after the restart")
	eventually(t, 20*time.Second, "a change after a restart", func() bool { return got.has(alice) || got.whole() })
	eventually(t, 20*time.Second, "the connection", func() bool { return d.Tracking().Err == "" })
	got.clear()
	setTitle(t, admin, "carol", "later")
	eventually(t, 5*time.Second, "a later change", func() bool { return got.has(carol) })
}

// TestTrackSyncUnknownCookie puts another server in the place of one, as one that was
// restored from a backup is: it knows nothing of the cookie.
func TestTrackSyncUnknownCookie(t *testing.T) {
	o := testenv.LDAPOptions{LDIF: directorytest.LDIF(), Sync: true}
	old := testenv.OpenLDAP(t, o) // its changes are the older ones
	now := testenv.OpenLDAP(t, o)
	r := newWire(t, now.URL)
	d := open(t, plain(now, r.url))
	got := listenTo(t, d, "syncrepl")
	setTitle(t, now.Admin(), "alice", "newer than all of the other server")
	alice := guidOfName(t, d, "alice")
	eventually(t, 5*time.Second, "a change", func() bool { return got.has(alice) })
	r.cut(old.URL)
	eventually(t, 20*time.Second, "everything", got.whole)
	eventually(t, 20*time.Second, "the connection", func() bool { return d.Tracking().Err == "" })
	got.clear()
	setTitle(t, old.Admin(), "carol", "after")
	carol := guidOfName(t, d, "carol")
	eventually(t, 5*time.Second, "a change of the other server", func() bool { return got.has(carol) })
	if got.whole() {
		t.Error("all has changed again")
	}
}

// TestTrackSyncFlood makes 5,000 changes at once: each is told, and none as everything.
func TestTrackSyncFlood(t *testing.T) {
	const people, each = 1250, 4
	var crowd strings.Builder
	for n := range people {
		fmt.Fprintf(&crowd, "dn: %s\nobjectClass: inetOrgPerson\nuid: crowd%d\ncn: Crowd\nsn: Crowd\n\n", person(fmt.Sprintf("crowd%d", n)), n)
	}
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF() + crowd.String(), Sync: true})
	d := open(t, openLDAP(s))
	got := listenTo(t, d, "syncrepl")
	var all sync.WaitGroup
	for i := range each {
		admin := s.Admin()
		all.Go(func() {
			for n := range people {
				r := ldap.NewModifyRequest(person(fmt.Sprintf("crowd%d", n)), nil)
				r.Replace([]string{"title", "description", "roomNumber", "telephoneNumber"}[i], []string{"1"})
				if err := admin.Modify(r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	res, err := s.Admin().Search(ldap.NewSearchRequest("ou=people,"+base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(uid=crowd*)", []string{"entryUUID"}, nil))
	if err != nil || len(res.Entries) != people {
		t.Fatal(err, len(res.Entries))
	}
	for _, e := range res.Entries {
		guid := directory.CanonicalGUID(e.GetAttributeValue("entryUUID"))
		eventually(t, 20*time.Second, e.DN, func() bool { return got.has(guid) })
	}
	if got.whole() {
		t.Error("everything has changed")
	}
}

// TestTrackSyncProviders loses the first of two servers. The second has an own record:
// all has changed, and then what changes there.
func TestTrackSyncProviders(t *testing.T) {
	o := testenv.LDAPOptions{LDIF: directorytest.LDIF(), Sync: true}
	a, b := testenv.OpenLDAP(t, o), testenv.OpenLDAP(t, o)
	d := open(t, plain(a, a.URL, b.URL))
	got := listenTo(t, d, "syncrepl")
	first := d.Tracking().Host
	other := b
	if first == b.URL {
		a, other = b, a
	}
	a.Stop()
	eventually(t, 20*time.Second, "everything, by the second", func() bool {
		_, _ = d.Lookup(t.Context(), key("nobody")) // finds out
		return got.whole() && d.Tracking().Host != first
	})
	eventually(t, 20*time.Second, "a connection", func() bool { return d.Tracking().Err == "" })
	got.clear()
	alice := guidOfName(t, d, "alice")
	setTitle(t, other.Admin(), "alice", "on the second")
	eventually(t, 5*time.Second, "a change of the second", func() bool { return got.has(alice) })
}

// TestTrackSyncContainers moves and removes a unit: that is told as everything, as the
// server says nothing of what is in it.
func TestTrackSyncContainers(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF() + "dn: ou=past," + base + "\nobjectClass: organizationalUnit\nou: past\n\n", Sync: true})
	d, admin := open(t, openLDAP(s)), s.Admin()
	got := listenTo(t, d, "syncrepl")
	rename(t, admin, "ou=past,"+base, "ou=former")
	eventually(t, 5*time.Second, "a unit renamed", got.whole)
	got.clear()
	remove(t, admin, "ou=former,"+base)
	eventually(t, 5*time.Second, "a unit removed", got.whole)
}

// TestTrackSyncRefused asks servers that do not serve it for us: they are asked by
// modifyTimestamp, and the log says so once.
func TestTrackSyncRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    testenv.LDAPOptions
		bind string
		why  string
	}{
		{"not offered by the database", testenv.LDAPOptions{}, "", "overlay syncprov"},
		{"cut off", testenv.LDAPOptions{Sync: true, SizeLimit: 5}, person("alice"), "limit of unlimited"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.LDIF = directorytest.LDIF()
			tt.o.ExtraDB = "index modifyTimestamp eq"
			s := testenv.OpenLDAP(t, tt.o)
			c := openLDAP(s)
			if tt.bind != "" {
				c.BindDN, c.BindPassword = tt.bind, "Pw!alice1"
			}
			var log logged
			d, err := directory.OpenLDAP(c, directory.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			rounds := &told{guids: map[string]bool{}}
			track(t, d, 10*time.Millisecond, rounds.tell)
			eventually(t, 10*time.Second, "the other way", func() bool { return strings.Contains(d.Tracking().NoSync, tt.why) })
			if is := d.Tracking(); is.Way != "modifyTimestamp" {
				t.Errorf("%+v", is)
			}
			eventually(t, 10*time.Second, "a line in the log", func() bool { return strings.Contains(log.String(), tt.why) })
			setTitle(t, s.Admin(), "carol", "changed")
			carol := directory.CanonicalGUID(entryUUID(t, s, person("carol")))
			eventually(t, 10*time.Second, "a change", func() bool { return rounds.has(carol) || rounds.whole() })
			if n := strings.Count(log.String(), tt.why); n != 1 {
				t.Errorf("%d times in the log:\n%s", n, log.String())
			}
		})
	}
}

func entryUUID(t *testing.T, s *testenv.LDAP, dn string) string {
	t.Helper()
	res, err := s.Admin().Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"entryUUID"}, nil))
	if err != nil || len(res.Entries) != 1 {
		t.Fatal(dn, err)
	}
	return res.Entries[0].GetAttributeValue("entryUUID")
}

type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(b) }
func (l *logged) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// fill389 writes the company into 389.
func fill389(t *testing.T, s *testenv.DS389) *ldap.Conn {
	t.Helper()
	admin := s.Admin()
	entries, err := ldif.Read(strings.NewReader(directorytest.LDIF()))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc([]string{"ou=people," + base, "ou=groups," + base}, func(ou string) bool { return e.In(ldif.FoldDN(ou), ldif.Sub) }) {
			continue
		}
		r := ldap.NewAddRequest(e.DN, nil)
		for _, a := range e.Attributes() {
			r.Attribute(a.Name, a.Values)
		}
		if err := admin.Add(r); err != nil {
			t.Fatalf("%s: %v", e.DN, err)
		}
	}
	return admin
}

func config389(s *testenv.DS389, url string) directory.LDAPConfig {
	return directory.LDAPConfig{URLs: []string{url}, BindDN: s.AdminDN, BindPassword: s.AdminPassword, Preset: "389ds", Base: []string{base}}
}

// TestTrack389 asks by time, and then, with the plug-in for it, is told: a change, a
// removal, and what happened while there was no connection.
func TestTrack389(t *testing.T) {
	t.Parallel()
	s := testenv.OpenDS389(t)
	admin := fill389(t, s)
	d := open(t, config389(s, s.URL))
	testTracking(t, d, unixNews(t, admin, "nsAccountLock", "true"))
	if is := d.Tracking(); is.Way != "modifyTimestamp" || is.NoSync == "" {
		t.Errorf("%+v", is)
	}
	s.ServeSync()
	s.Stop()
	s.Start()
	admin = s.Admin()
	r := newWire(t, s.URL)
	d = open(t, config389(s, r.url))
	alice, bob, erin := guidOfName(t, d, "alice"), guidOfName(t, d, "bob"), guidOfName(t, d, "erin")
	got := listenTo(t, d, "syncrepl")
	setTitle(t, admin, "alice", "new")
	remove(t, admin, person("bob"))
	eventually(t, 5*time.Second, "a change and a removal", func() bool { return got.has(alice) && got.has(bob) })
	r.cut("ldap://127.0.0.1:1")
	setTitle(t, admin, "erin", "meanwhile")
	eventually(t, 10*time.Second, "the loss", func() bool { return d.Tracking().Err != "" })
	got.clear()
	r.cut(s.URL)
	eventually(t, 20*time.Second, "a change while away", got.whole)
	eventually(t, 20*time.Second, "the connection", func() bool { return d.Tracking().Err == "" })
	got.clear()
	setTitle(t, admin, "erin", "later")
	eventually(t, 5*time.Second, "a later change", func() bool { return got.has(erin) })
}
