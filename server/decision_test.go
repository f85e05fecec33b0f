package server_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
)

// everybody returns a subject for each combination; without whole one depth for each state
// and standing, so that any two of the dimensions still meet.
func everybody(k kind, whole bool) (out []*subject) {
	for i, state := range k.states {
		for j, standing := range standings {
			for n, depth := range depths {
				for _, enabled := range []bool{true, false} {
					if whole || (i+j+n)%len(depths) == 0 {
						out = append(out, &subject{name: fmt.Sprintf("p%03d", len(out)), state: state, standing: standing, depth: depth, enabled: enabled})
					}
				}
			}
		}
	}
	return out
}

// A group of an estate: its members are subjects and groups.
type group struct {
	name           string
	people, groups []string
}

// topGroup is the name of the group that the access list names, or does not.
func topGroup(effect string, depth int) string { return fmt.Sprintf("%s%d", effect, depth) }

// chains returns the groups that subjects are in, each before those that it is in.
func chains(people []*subject) (out []group) {
	for _, effect := range []string{lets, bars, idle} {
		for _, depth := range depths {
			g := group{name: topGroup(effect, depth)}
			if depth > 0 {
				g.name += "-of" // the lowest
			}
			for _, s := range people {
				last := len(s.standing.groups) - 1
				if last >= 0 && s.standing.groups[last] == effect && s.depth == depth || depth == 0 && last > 0 && slices.Contains(s.standing.groups[:last], effect) {
					g.people = append(g.people, s.name)
				}
			}
			out = append(out, g)
			for i := range depth {
				next := group{name: topGroup(effect, depth), groups: []string{g.name}}
				if i < depth-1 {
					next.name = g.name + "-of"
				}
				out, g = append(out, next), next
			}
		}
	}
	return out
}

// An estate is a directory server with a KDC.
type estate interface {
	// settings are those of a server in front of it.
	settings() config.Config
	// tokens makes tokens of a ticket that is issued now.
	tokens(name string) func() (string, error)
	// bring makes the states and flags of people true.
	bring(people []*subject)
	// service gives the service account a password; its connections end.
	service(password string)
	stop()
	start()
}

const directoryPassword = "Pw!secret1"

// wholeTable says to ask every combination (make decisions).
func wholeTable() bool { return os.Getenv("CONVENE_DECISIONS") != "" }

// A decisions is a test of the table.
type decisions struct {
	t      *testing.T
	kind   kind
	people []*subject
	*running
	url    string
	client *http.Client
	asked  int
	later  atomic.Int64 // by which the server's clock is ahead, in ns
}

// decide asks for all cells on an estate.
func decide(t *testing.T, k kind, people []*subject, e estate) {
	t.Helper()
	c := e.settings()
	c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"negotiate", "digest", "basic"}, true
	// So that the directory is asked each time, if it can be.
	c.Auth.Basic.CacheFor, c.Directory.Cache.Negative, c.Directory.LDAP.TrackChanges = time.Millisecond, time.Millisecond, false
	c.Auth.Throttle.AddressFailures, c.Auth.Throttle.RefuseAfter = 1_000_000, time.Millisecond
	c.Directory.LDAP.Users.CalendarEnabled = []string{"!employeeType:off"}
	d := &decisions{t: t, kind: k, people: people, client: client()}
	d.running = serveAt(t, c, func() time.Time { return time.Now().Add(time.Duration(d.later.Load())) })
	d.client.Transport.(*http.Transport).MaxIdleConnsPerHost = workers
	d.url = strings.Replace(d.HTTP, "127.0.0.1", "localhost", 1) + "/"
	conn := dialAdmin(t, c)
	d.each(func(s *subject) error { return s.enrol(t, conn, d.HTTPS) })
	for _, s := range people { // the KDC's client is not for many at a time
		s.token = e.tokens(s.name)
	}
	d.ask("before", func(_ *subject, way string) int { return right(way) })

	e.bring(people)
	rules := &d.Config.SACL.All
	for _, depth := range depths {
		rules.Allow, rules.Deny = append(rules.Allow, "group:"+topGroup(lets, depth)), append(rules.Deny, "group:"+topGroup(bars, depth))
	}
	for _, s := range people {
		switch s.standing.person {
		case lets:
			rules.Allow = append(rules.Allow, "user:"+s.name)
		case bars:
			rules.Deny = append(rules.Deny, "user:"+s.name)
		}
	}
	if err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	flush := func() {
		t.Helper()
		if _, err := admin.FlushDirectory(t.Context(), conn, admin.FlushRequest{By: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	cells := func(directory string) {
		t.Helper()
		d.later.Add(int64(time.Minute)) // a refusal that the directory has given is believed for so long
		flush()
		d.asked += len(people) * len(ways)
		d.ask(directory, func(s *subject, way string) int { return k.expected(s, way, directory) })
	}
	cells(up)
	e.stop()
	cells(away)
	e.start()
	const another = "Pw!another1"
	e.service(another)
	cells(refused)
	d.Config.Directory.LDAP.BindPassword = another
	if err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	cells(back)
	t.Logf("%d cells: %d people, %d ways, 4 states of the directory", d.asked, len(people), len(ways))
}

const workers = 8

// each runs something for each person, some at a time.
func (d *decisions) each(do func(*subject) error) {
	d.t.Helper()
	next := make(chan *subject)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for s := range next {
				if err := do(s); err != nil {
					d.t.Errorf("%s: %v", s.name, err)
				}
			}
		})
	}
	for _, s := range d.people {
		next <- s
	}
	close(next)
	wg.Wait()
	if d.t.Failed() {
		d.t.FailNow()
	}
}

// enrol gets somebody, who is well, a device password and a session.
func (s *subject) enrol(t *testing.T, conn admin.Conn, url string) error {
	s.browser = open(t, url)
	a, err := try(s.browser.Client, "POST", s.browser.base+"/signin", "", "login="+s.name+"&password=Pw%21secret1",
		"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
	if err != nil || a.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("form: %d %v %s", a.StatusCode, err, a.Body)
	}
	d, err := admin.AddDevice(t.Context(), conn, admin.DeviceRequest{Who: s.name, Label: "phone", By: "test"})
	s.device = d.Secret
	return err
}

// ask asks for one cell of each person and way.
func (d *decisions) ask(when string, want func(*subject, string) int) {
	d.t.Helper()
	var mu sync.Mutex
	counts := map[int]int{}
	wrong := map[string]int{}
	d.each(func(s *subject) error {
		for _, way := range ways {
			got, err := d.try(s, way)
			if err != nil {
				return err
			}
			mu.Lock()
			counts[got]++
			if w := want(s, way); got != w {
				wrong[fmt.Sprintf("%s, %s, %s: %d, want %d", when, way, s.state, got, w)]++
				d.t.Logf("%s, %s, %s (%s), depth %d, enabled %v, directory %s: %d, want %d", s.name, way, s.state, s.standing.name, s.depth, s.enabled, when, got, w)
			}
			mu.Unlock()
		}
		return nil
	})
	d.t.Logf("%s: %v", when, counts)
	for _, what := range slices.Sorted(maps.Keys(wrong)) {
		d.t.Errorf("%s: %d times", what, wrong[what])
	}
}

// try asks in a way and returns the status.
func (d *decisions) try(s *subject, way string) (int, error) {
	var field string
	switch way {
	case bySession:
		a, err := try(s.browser.Client, "GET", s.browser.base+"/my/", "", "")
		if err != nil {
			return 0, err
		}
		return a.StatusCode, nil
	case byPassword:
		field = basicField(s.name, directoryPassword)
	case byDevice:
		field = basicField(s.name, s.device)
	case byTicket:
		token, err := s.token()
		if err != nil {
			return 0, err
		}
		field = token
	case byDigest:
		a, err := try(d.client, "PROPFIND", d.url, "", "", "Depth: 0")
		if err != nil {
			return 0, err
		}
		field = digestField(a.Header["Www-Authenticate"], s.name, directoryPassword)
	}
	a, err := try(d.client, "PROPFIND", d.url, "", "", "Depth: 0", "Authorization: "+field)
	if err != nil {
		return 0, err
	}
	return a.StatusCode, nil
}

func basicField(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

var digestChallenge = regexp.MustCompile(`^Digest .*algorithm=MD5, nonce="([^"]+)", opaque="([^"]+)"`)

// digestField answers the challenge for MD5 (RFC 7616 §3.4).
func digestField(challenges []string, name, password string) string {
	sum := func(text string) string { h := md5.Sum([]byte(text)); return hex.EncodeToString(h[:]) }
	for _, c := range challenges {
		m := digestChallenge.FindStringSubmatch(c)
		if m == nil {
			continue
		}
		response := sum(sum(name+":Calendar:"+password) + ":" + m[1] + ":00000001:c:auth:" + sum("PROPFIND:/"))
		return fmt.Sprintf(`Digest username="%s", realm="Calendar", nonce="%s", opaque="%s", uri="/", algorithm=MD5, qop=auth, nc=00000001, cnonce="c", response="%s"`, name, m[1], m[2], response)
	}
	return "Digest" // which is none
}
