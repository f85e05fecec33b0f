package server_test

import (
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/testenv"
)

// A fault is what happens to a directory server or to the network before it.
type fault int32

const (
	well    fault = iota
	cutOff        // what is sent arrives nowhere, both ways, and nobody says so
	closing       // connections are closed, and new ones too
	garbage       // something else answers
)

// A faulty stands before a directory server, and can be made to fail.
type faulty struct {
	URL   string
	fault atomic.Int32
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// newFaulty stands before the server at a URL with a port.
func newFaulty(t *testing.T, server string) *faulty {
	scheme, address, _ := strings.Cut(server, "://")
	f := &faulty{conns: map[net.Conn]bool{}}
	f.URL = scheme + "://" + testenv.Listen(t, func(c net.Conn) {
		if fault(f.fault.Load()) == closing {
			return
		}
		to, err := net.Dial("tcp", address)
		if err != nil {
			return // the server is away
		}
		defer func() { _ = to.Close() }()
		f.mu.Lock()
		f.conns[c] = true
		f.mu.Unlock()
		var both sync.WaitGroup
		both.Go(func() { f.pass(to, c, false); _ = to.Close() })
		both.Go(func() { f.pass(c, to, true); _ = c.Close() })
		both.Wait()
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	})
	return f
}

// pass copies one direction, as well as the fault of the moment lets it.
func (f *faulty) pass(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		out := buf[:n]
		switch now := fault(f.fault.Load()); {
		case now == cutOff:
			continue
		case now == garbage && answers:
			out = []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		}
		if _, err := to.Write(out); err != nil {
			return
		}
	}
}

// become sets a fault. Connections end that have lost something.
func (f *faulty) become(now fault) {
	before := fault(f.fault.Swap(int32(now)))
	if now != closing && before != cutOff {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

// Of two directory servers one fails in each of the ways, the first and the second in
// turn, while people who are known and people who are not are at work: nobody is told
// that they do not exist or may not, also not those who may as members of a group in a
// group, and while the other server is well nobody waits for long.
func TestDirectoryFaults(t *testing.T) {
	each := time.Second
	if os.Getenv("CONVENE_FAULTS") != "" { // make faults
		each = 20 * time.Second
	}
	known, fresh := people("known", 4), people("fresh", 5000) // fifty of the latter in a second
	ldif := companyLDIF(append(append(known, fresh...), "bob")...)
	one := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: ldif})
	two := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: ldif})
	faults := []*faulty{newFaulty(t, one.URL), newFaulty(t, two.URL)}
	c := ldapConfig(t, one, two)
	c.Directory.LDAP.URLs = []string{faults[0].URL, faults[1].URL}
	// The two are no replicas: only a name is the same in both.
	c.Directory.LDAP.Users.GUID, c.Directory.LDAP.Groups.GUID = "mail", "cn"
	c.SACL.Calendar.Allow = []string{"group:staff"}
	c.Directory.Cache.TTL = 200 * time.Millisecond // so that everything is asked for again
	s := serve(t, c)
	l := startLoad(t, s, "secret", known, fresh)
	for _, step := range []struct {
		name       string
		lose, heal func()
	}{
		{"first cut off", func() { faults[0].become(cutOff) }, func() { faults[0].become(well) }},
		{"second cut off", func() { faults[1].become(cutOff) }, func() { faults[1].become(well) }}, // which is asked first since
		{"first answers garbage", func() { faults[0].become(garbage) }, func() { faults[0].become(well) }},
		{"first closes connections", func() { faults[0].become(closing) }, func() { faults[0].become(well) }},
		{"first stalls", one.Pause, one.Resume},
		{"first is killed", one.Stop, one.Start},
	} {
		before := l.counts[503].Load()
		l.slowest.Store(0)
		step.lose()
		time.Sleep(each + each/2)
		step.heal()
		eventually(t, "both are well after: "+step.name, func() bool {
			log := s.Log.String()
			return strings.Count(log, "directory server down") == strings.Count(log, "directory server up again")
		})
		l.settle() // what has met one fault does not meet the next
		t.Logf("%-25s slowest %v, %d times 503", step.name, time.Duration(l.slowest.Load()).Round(time.Millisecond), l.counts[503].Load()-before)
		if n := l.counts[503].Load() - before; n > 0 {
			t.Errorf("%s: %d answers 503 beside a server that is well", step.name, n)
		}
	}
	t.Log(l.end())
}

// A server whose directory servers all take connections and say nothing listens soon, and
// tells who comes to come again: startLimit is for all questions of the start together.
func TestStartWhileDirectoryHangs(t *testing.T) {
	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) } // until the client leaves
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	c.Directory.LDAP.URLs = []string{"ldap://" + testenv.Listen(t, hang), "ldap://" + testenv.Listen(t, hang)}
	c.Directory.LDAP.Base = []string{"dc=example,dc=com"}
	c.Directory.LDAP.Timeout, c.Directory.Cache.Timeout = 3*time.Second, time.Second
	c.SACL.Calendar.Allow = []string{"group:staff", "user:ann", "user:bob"}
	c.Access.Administrators, c.Access.Readers = []string{"user:ann", "group:staff"}, []string{"user:bob"}
	begun := time.Now()
	s := serve(t, c)
	took := time.Since(begun)
	t.Logf("listening after %v", took.Round(time.Millisecond))
	if took > 3*time.Second { // asked one after another, those names take longer than that
		t.Errorf("listening after %v", took)
	}
	if a := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("while nobody can be known: %s, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
}
