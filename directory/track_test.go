package directory_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/memldap"
	"convene/testenv"
)

// track tells the changes of d until the test ends.
func track(t *testing.T, d *directory.LDAP, every time.Duration, tell func(directory.Changes)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { d.Track(ctx, every, tell) })
	t.Cleanup(func() { cancel(); done.Wait() })
}

// news are the changes that a server of the company makes.
type news struct {
	disable func()                // alice
	join    func()                // erin, to ops
	rename  func(from, to string) // a user's short name
	remove  func()                // bob; nil: that is not told
}

// testTracking makes the changes behind a cache that believes everything for an hour.
func testTracking(t *testing.T, d *directory.LDAP, n news) {
	cache := directory.NewCache(d, directory.CacheOptions{TTL: time.Hour, NegativeTTL: time.Hour})
	track(t, d, 50*time.Millisecond, cache.FlushChanges)
	eventually(t, 5*time.Second, "the first round", func() bool { return d.Tracking().Way != "" })
	guid := func(name string) string { t.Helper(); return find(t, cache, key(name)).GUID }
	groups := func(of string) int {
		t.Helper()
		list, err := cache.Groups(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	erin, bob := guid("erin"), guid("bob")
	was := groups(erin)
	if !find(t, cache, key("alice")).LoginEnabled {
		t.Fatal("alice is disabled")
	}
	_ = guid("carol")
	if _, err := cache.Lookup(t.Context(), key("caroline")); !errors.Is(err, directory.ErrNotFound) {
		t.Fatal(err)
	}
	const limit = 5 * time.Second
	n.disable()
	eventually(t, limit, "disabled account", func() bool { return !find(t, cache, key("alice")).LoginEnabled })
	n.join()
	eventually(t, limit, "nested groups of a new member", func() bool { return groups(erin) == was+3 })
	n.rename("carol", "caroline")
	eventually(t, limit, "new name", func() bool {
		p, err := cache.Lookup(t.Context(), key("caroline"))
		return err == nil && p.Name == "caroline"
	})
	eventually(t, limit, "old name", func() bool {
		_, err := cache.Lookup(t.Context(), key("carol"))
		return errors.Is(err, directory.ErrNotFound)
	})
	if n.remove != nil {
		n.remove()
		eventually(t, limit, "removed account", func() bool {
			_, err := cache.Lookup(t.Context(), directory.Key{By: directory.GUID, Value: bob})
			return errors.Is(err, directory.ErrNotFound)
		})
	}
	if s := d.Tracking(); s.Err != "" || !s.On {
		t.Errorf("%+v", s)
	}
}

func modifyEntry(t *testing.T, c *ldap.Conn, r *ldap.ModifyRequest) {
	t.Helper()
	if err := c.Modify(r); err != nil {
		t.Fatal(err)
	}
}

// unixNews are those of a server with LDIF's company.
func unixNews(t *testing.T, admin *ldap.Conn, attr, value string) news {
	dn := func(name string) string { return "uid=" + name + ",ou=people," + base }
	return news{
		disable: func() {
			r := ldap.NewModifyRequest(dn("alice"), nil)
			r.Replace(attr, []string{value})
			modifyEntry(t, admin, r)
		},
		join: func() {
			r := ldap.NewModifyRequest("cn=ops,ou=groups,"+base, nil)
			r.Add("member", []string{dn("erin")})
			modifyEntry(t, admin, r)
		},
		rename: func(from, to string) { rename(t, admin, dn(from), "uid="+to) },
	}
}

func TestTrackSlapd(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), ExtraDB: "index modifyTimestamp eq"})
	d := open(t, openLDAP(s))
	testTracking(t, d, unixNews(t, s.Admin(), "employeeType", "disabled"))
	if is := d.Tracking(); is.Way != "modifyTimestamp" || !strings.Contains(is.NoSync, "syncprov") {
		t.Errorf("%+v", is)
	}
}

func TestTrackSamba(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{})
	fillAD(t, d)
	admin := d.Admin()
	dn := func(name string) string { return `CN=\#` + name + `\, entry,OU=Convene,` + d.BaseDN }
	set := func(name, attr, value string) {
		r := ldap.NewModifyRequest(dn(name), nil)
		r.Replace(attr, []string{value})
		modifyEntry(t, admin, r)
	}
	dir := open(t, adConfig(d))
	testTracking(t, dir, news{
		disable: func() { set("alice", "userAccountControl", "66050") },
		join: func() {
			r := ldap.NewModifyRequest(dn("ops"), nil)
			r.Add("member", []string{dn("erin")})
			modifyEntry(t, admin, r)
		},
		rename: func(from, to string) { set(from, "sAMAccountName", to) },
		remove: func() {
			if err := admin.Del(ldap.NewDelRequest(dn("bob"), nil)); err != nil {
				t.Fatal(err)
			}
		},
	})
	if way := dir.Tracking().Way; way != "uSNChanged" {
		t.Error(way)
	}
}

// controllers is a domain whose controller has been restored: the same entries, under
// another invocation id.
const controllers = `
dn: DC=ad,DC=example,DC=com
objectClass: domain

dn: CN=first,DC=ad,DC=example,DC=com
objectClass: nTDSDSA
invocationId:: AAAAAAAAAAAAAAAAAAAAAQ==

dn: CN=second,DC=ad,DC=example,DC=com
objectClass: nTDSDSA
invocationId:: AAAAAAAAAAAAAAAAAAAAAg==

dn: CN=Ann,DC=ad,DC=example,DC=com
objectClass: user
sAMAccountName: ann
uSNChanged: 15

dn: CN=Old,DC=ad,DC=example,DC=com
objectClass: user
sAMAccountName: old
uSNChanged: 9

dn: CN=Bea,DC=ad,DC=example,DC=com
objectClass: user
sAMAccountName: bea
uSNChanged: 28

dn: CN=Cai,DC=ad,DC=example,DC=com
objectClass: user
sAMAccountName: cai
uSNChanged: 29
`

func TestTrackRestoredController(t *testing.T) {
	at := func(service, highest string) memldap.Quirks {
		return memldap.Quirks{ActiveDirectory: true, Root: map[string]string{
			"highestCommittedUSN": highest, "dsServiceName": "CN=" + service + ",DC=ad,DC=example,DC=com",
		}}
	}
	s, url := serveMem(t, controllers, memldap.Options{Quirks: at("first", "10")})
	d := open(t, directory.LDAPConfig{URLs: []string{url}, Preset: "ad", Base: []string{"DC=ad,DC=example,DC=com"}})
	ann := find(t, d, key("ann")).GUID
	changes := make(chan directory.Changes, 1000)
	track(t, d, 10*time.Millisecond, func(c directory.Changes) { changes <- c })
	wait := func(what string, is func(directory.Changes) bool) {
		t.Helper()
		end := time.After(10 * time.Second)
		for {
			select {
			case c := <-changes:
				if is(c) {
					return
				}
				if c.All || slices.ContainsFunc(c.GUIDs, func(g string) bool { return g != ann }) {
					t.Fatalf("%s: %+v came", what, c)
				}
			case <-end:
				t.Fatal(what + ": not told")
			}
		}
	}
	all := func(c directory.Changes) bool { return c.All }
	one := func(c directory.Changes) bool { return slices.Contains(c.GUIDs, ann) && !c.Groups }
	wait("the beginning", all)
	s.SetQuirks(at("first", "20"))
	wait("a change", one)
	s.SetQuirks(at("second", "20"))
	wait("another invocation id", all)
	s.SetQuirks(at("second", "12"))
	wait("a smaller number", all)
	s.SetQuirks(at("second", "16"))
	wait("a change after that", one)
	s.SetQuirks(at("first", "27")) // a controller seen before goes on from where it was: nothing
	limited := at("first", "29")
	limited.SizeLimit = 1
	s.SetQuirks(limited)
	wait("more changes than the server gives", all)
	s.SetQuirks(at("first", "30"))
	select { // a change is told once more a second later; all is not
	case c := <-changes:
		t.Errorf("%+v is told again", c)
	case <-time.After(50 * time.Millisecond):
	}
}

// doors counts the connections that a listener has taken.
type doors struct {
	net.Listener
	mu    sync.Mutex
	opens []time.Time
	open  int
	most  int
}

type door struct {
	net.Conn
	shut func()
}

func (c *door) Close() error { c.shut(); return c.Conn.Close() }

func (l *doors) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opens = append(l.opens, time.Now())
	l.open++
	l.most = max(l.most, l.open)
	return &door{c, sync.OnceFunc(func() { l.mu.Lock(); l.open--; l.mu.Unlock() })}, nil
}

// TestTrackFlapping drops each connection at its first search: they come ever more seldom,
// though not from the beginning, when it may be one failure that is soon over.
func TestTrackFlapping(t *testing.T) {
	s, err := memldap.NewLDIF(strings.NewReader(directorytest.LDIF()), memldap.Options{Quirks: memldap.Quirks{DropAfter: -1}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counted := &doors{Listener: l}
	served := make(chan error, 1)
	go func() { served <- s.Serve(counted) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	d := open(t, directory.LDAPConfig{URLs: []string{"ldap://" + l.Addr().String()}, Base: []string{base}})
	const every = 10 * time.Millisecond
	track(t, d, every, func(c directory.Changes) { t.Errorf("told %+v, and nothing could be asked", c) })
	opened := func() []time.Time { counted.mu.Lock(); defer counted.mu.Unlock(); return slices.Clone(counted.opens) }
	eventually(t, 20*time.Second, "eleven connections", func() bool { return len(opened()) >= 11 })
	if d.Tracking().Err == "" {
		t.Error("the status says nothing")
	}
	for i, at := range opened()[1:] {
		if i < 4 {
			continue
		}
		// The connection is counted some time after it was made: half of the pause is left.
		if gap, least := at.Sub(opened()[i]), every<<(i-4); gap < least {
			t.Errorf("connection %d after %v, want at least %v", i+2, gap, least)
		}
	}
	counted.mu.Lock()
	defer counted.mu.Unlock()
	if counted.most > 1 {
		t.Errorf("%d connections at a time", counted.most)
	}
}

// Nobody asks anything while the controller that is followed stalls: that it does is noticed
// all the same, and changes are followed on the other.
func TestTrackStalledController(t *testing.T) {
	t.Parallel()
	at := func(service, highest string, delay time.Duration) memldap.Quirks {
		return memldap.Quirks{ActiveDirectory: true, Delay: delay, Root: map[string]string{
			"highestCommittedUSN": highest, "dsServiceName": "CN=" + service + ",DC=ad,DC=example,DC=com",
		}}
	}
	first, url1 := serveMem(t, controllers, memldap.Options{Quirks: at("first", "10", 0)})
	second, url2 := serveMem(t, controllers, memldap.Options{Quirks: at("second", "10", 0)})
	d := open(t, directory.LDAPConfig{URLs: []string{url1, url2}, Preset: "ad", Base: []string{"DC=ad,DC=example,DC=com"}, FailoverAfter: 200 * time.Millisecond})
	ann := find(t, d, key("ann")).GUID
	changes := make(chan directory.Changes, 1000)
	track(t, d, 10*time.Millisecond, func(c directory.Changes) { changes <- c })
	wait := func(what string, is func(directory.Changes) bool) {
		t.Helper()
		end := time.After(5 * time.Second)
		for {
			select {
			case c := <-changes:
				if is(c) {
					return
				}
			case <-end:
				t.Fatalf("%s: not told; %+v", what, d.Tracking())
			}
		}
	}
	all := func(c directory.Changes) bool { return c.All }
	wait("the beginning", all)
	first.SetQuirks(at("first", "10", 3*time.Second))
	defer first.SetQuirks(at("first", "10", 0))
	wait("the other controller", all)
	second.SetQuirks(at("second", "20", 0))
	wait("a change there", func(c directory.Changes) bool { return slices.Contains(c.GUIDs, ann) })
	if h := d.Health(); h[0].Up || !h[1].Up {
		t.Errorf("health: %+v", h)
	}
}
