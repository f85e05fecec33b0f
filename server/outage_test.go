package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/testenv"
)

// load keeps asking the server as users who are known and as users who are
// not, and counts the answers by status.
type load struct {
	t        *testing.T
	password string // everybody's
	stop     chan struct{}
	wg       sync.WaitGroup
	busy     sync.RWMutex // held while a request is on its way; see settle
	counts   [600]atomic.Int64
	slowest  atomic.Int64 // ns
}

// startLoad begins; fresh are people whom the server meets one after another.
func startLoad(t *testing.T, s *running, password string, known []string, fresh []string) *load {
	l := &load{t: t, password: password, stop: make(chan struct{})}
	for i, user := range known {
		l.wg.Go(func() { l.ask(s, user, i) })
	}
	l.wg.Go(func() {
		c := client()
		defer c.CloseIdleConnections()
		for _, user := range fresh {
			select {
			case <-l.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			l.one(c, "PROPFIND", s.HTTP+"/", user, "", "Depth: 0")
		}
	})
	return l
}

// ask goes through what a calendar program does: a listing, a write, and a
// look at somebody else's record.
func (l *load) ask(s *running, user string, i int) {
	c := client()
	defer c.CloseIdleConnections()
	home := s.HTTP + "/calendars/users/" + user + "/"
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		l.one(c, "PROPFIND", home, user, "", "Depth: 1")
		uid := fmt.Sprintf("load-%d-%d", i, n)
		event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
			"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		l.one(c, "PUT", home+"calendar/"+uid+".ics", user, event, "Content-Type: text/calendar")
		l.one(c, "PROPFIND", s.HTTP+"/principals/users/bob/", user, "", "Depth: 0")
	}
}

// settle waits until what is on its way is answered.
func (l *load) settle() {
	l.busy.Lock()
	defer l.busy.Unlock()
}

func (l *load) one(c *http.Client, method, url, user, body string, header ...string) {
	l.busy.RLock()
	defer l.busy.RUnlock()
	begun := time.Now()
	a, err := try(c, method, url, user, body, append(header, "Authorization: "+basicField(user, l.password))...)
	took := int64(time.Since(begun))
	for old := l.slowest.Load(); took > old && !l.slowest.CompareAndSwap(old, took); old = l.slowest.Load() {
	}
	if err != nil {
		l.t.Errorf("%s %s as %s: %v", method, url, user, err)
		return
	}
	l.counts[a.StatusCode].Add(1)
	switch {
	case a.StatusCode/100 == 2:
	case a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
	default:
		l.t.Errorf("%s %s as %s: %s, Retry-After %q\n%s", method, url, user, a.Status, a.Header.Get("Retry-After"), a.Body)
	}
}

func (l *load) end() string {
	close(l.stop)
	l.wg.Wait()
	text := ""
	for status := range l.counts {
		if n := l.counts[status].Load(); n > 0 {
			text += fmt.Sprintf("%d×%d ", n, status)
		}
	}
	return text + fmt.Sprintf("slowest %v", time.Duration(l.slowest.Load()).Round(time.Millisecond))
}

// people returns n names.
func people(prefix string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("%s%03d", prefix, i))
	}
	return out
}

// While slapd is stopped, stalls, and comes back, people who are signed in go
// on, and others get 503: nobody is told that he does not exist or may not.
func TestDirectoryOutage(t *testing.T) {
	fresh := people("fresh", 400)
	known := []string{"alice", "bob", "carol"}
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF(append(fresh, known...)...)})
	c := ldapConfig(t, slapd)
	c.SACL.Calendar.Allow = []string{"group:staff"}
	c.Access.Administrators = []string{"group:nobody"}
	c.Directory.Cache.TTL = 500 * time.Millisecond // so that every answer is asked for again during the outage
	c.Directory.Cache.Timeout = 3 * time.Second
	s := serve(t, c)
	for _, user := range known {
		if a := do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/"+user+"/", user, "", "Depth: 1"); a.StatusCode != 207 {
			t.Fatalf("%s: %s", user, a.Status)
		}
	}
	l := startLoad(t, s, "secret", known, fresh)
	for _, step := range []struct {
		what string
		do   func()
		wait time.Duration
	}{
		{"up", func() {}, time.Second}, {"stopped", slapd.Stop, 1500 * time.Millisecond}, {"started", slapd.Start, time.Second},
		{"stalled", slapd.Pause, 5 * time.Second}, {"going on", slapd.Resume, time.Second},
		{"stopped again", slapd.Stop, time.Second}, {"started again", slapd.Start, time.Second},
	} {
		step.do()
		time.Sleep(step.wait)
		t.Logf("%s: slowest so far %v", step.what, time.Duration(l.slowest.Load()).Round(time.Millisecond))
	}
	eventually(t, "recovery", func() bool {
		a, err := try(client(), "PROPFIND", s.HTTP+"/", "fresh399", "", "Depth: 0")
		return err == nil && a.StatusCode == 207
	})
	t.Log(l.end())
	if most := c.Directory.Cache.Timeout + 2*time.Second; time.Duration(l.slowest.Load()) > most {
		t.Errorf("an answer took longer than %v", most)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	verified(t, c)
}

// Rights that somebody has as a member of a group outlast the directory's absence as long
// as it is known who is in it; of whom nothing is known, nobody says that they may not.
func TestGroupRightsInOutage(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob", "zed")})
	c := ldapConfig(t, slapd)
	c.Directory.Cache.TTL = 200 * time.Millisecond
	c.Directory.Cache.Timeout = 2 * time.Second
	s := serve(t, c)
	status := func(want int, method, path, user, body string) answer {
		t.Helper()
		a := do(t, client(), method, s.HTTP+path, user, body, "Depth: 0")
		if a.StatusCode != want {
			t.Errorf("%s %s by %s: %s, want %d\n%s", method, path, user, a.Status, want, a.Body)
		}
		return a
	}
	const event, plain, staff = "/calendars/users/alice/calendar/1.ics", "/calendars/users/alice/plain/", "/principals/groups/staff/"
	status(201, "PUT", event, "alice", anEvent("1", "one"))
	status(201, "MKCALENDAR", plain, "alice", "")
	found := status(207, "PROPFIND", staff, "alice", `<D:propfind xmlns:D="DAV:"><D:prop><D:principal-URL/></D:prop></D:propfind>`).Body
	_, url, _ := strings.Cut(found, "<D:principal-URL><D:href>")
	url, _, _ = strings.Cut(url, "<")
	grant := `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:href>` + url + `</D:href></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>`
	status(200, "ACL", plain, "alice", grant)
	status(207, "PROPPATCH", "/principals/users/alice/calendar-proxy-write/", "alice",
		`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set><D:href>`+staff+`</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`)
	list := `<D:propfind xmlns:D="DAV:"><D:prop><D:acl/></D:prop></D:propfind>`
	before := status(207, "PROPFIND", plain, "alice", list).Body
	known := func() {
		t.Helper()
		status(200, "GET", event, "bob", "")
		status(204, "PUT", event, "bob", anEvent("1", "by bob"))
		status(207, "PROPFIND", plain, "bob", "")
	}
	known()
	slapd.Stop()
	time.Sleep(2 * c.Directory.Cache.TTL)
	known()
	for _, path := range []string{event, plain} { // zed is in the group, and has not been seen
		if a := status(503, "PROPFIND", path, "zed", ""); a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	slapd.Start()
	eventually(t, "zed is known", func() bool {
		a, err := try(client(), "GET", s.HTTP+event, "zed", "")
		return err == nil && a.StatusCode == 200
	})
	known()
	if after := status(207, "PROPFIND", plain, "alice", list).Body; after != before {
		t.Errorf("the list is now %s, was %s", after, before)
	}
}

// When the first of two directory servers dies or stalls, the second answers
// within two seconds, for people who were never seen before too.
func TestDirectoryFailover(t *testing.T) {
	names := people("user", 40)
	one := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF(names...)})
	two := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF(names...)})
	c := ldapConfig(t, one, two)
	// The two are no replicas: only a name is the same in both.
	c.Directory.LDAP.Users.GUID, c.Directory.LDAP.Groups.GUID = "mail", "cn"
	s := serve(t, c)
	next := 0
	ask := func(what string) {
		t.Helper()
		for range 5 {
			begun := time.Now()
			a := do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/"+names[next]+"/", names[next], "", "Depth: 1")
			next++
			if took := time.Since(begun); a.StatusCode != 207 || took > 2*time.Second {
				t.Errorf("%s: %s after %v", what, a.Status, took)
			}
		}
	}
	ask("both up")
	one.Pause()
	ask("first stalled")
	one.Resume()
	ask("first goes on")
	one.Stop()
	ask("first stopped")
	one.Start()
	two.Stop()
	eventually(t, "the first is found again", func() bool {
		a, err := try(client(), "PROPFIND", s.HTTP+"/", names[39], "", "Depth: 0")
		return err == nil && a.StatusCode == 207
	})
	ask("second stopped")
}

// While the directory cannot say who is in a group that may administer, somebody
// who may not is not told so: he may be in it.
func TestAdministratorsUnknown(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob")})
	c := ldapConfig(t, slapd)
	c.Directory.Cache.Timeout = time.Second
	s := serve(t, c)
	ask := func() answer {
		return do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/bob/", "alice", "", "Depth: 0")
	}
	if a := ask(); a.StatusCode != http.StatusForbidden {
		t.Fatalf("before: %s", a.Status)
	}
	slapd.Stop()
	s.Config.Access.Administrators = []string{"group:staff"}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := ask(); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("while the directory is away: %s, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
	}
	slapd.Start()
	eventually(t, "administrators are known", func() bool { return ask().StatusCode == http.StatusMultiStatus })
}
