package server_test

import (
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/testenv"
)

// A clock is the server's, set by the test.
type clock struct{ nanos atomic.Int64 }

func (c *clock) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.nanos.Load()) }

// newClockDrill starts a server with a clock of the test's, on which ann has an event.
func newClockDrill(t *testing.T) (*drill, *clock) {
	t.Helper()
	now := new(clock)
	now.set(time.Now())
	d := &drill{t: t, c: smallConfig(t)}
	d.running = serveAt(t, d.c, now.now)
	d.status(201, "PUT", annEventURL, "ann", anEvent("1", "one"))
	return d, now
}

const (
	annCalendarURL = "/calendars/users/ann/calendar/"
	syncAll        = `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`
	listAll        = `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`
	getOne         = `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><D:href>` + annEventURL + `</D:href></C:calendar-multiget>`
)

// reading is what somebody does with ann's calendar, over one connection: every way to
// read, with the sync token that they were given before.
type reading struct {
	d     *drill
	user  string
	token string
	ask   func(method, path, body string) answer
}

func newReading(d *drill, user string) *reading {
	c := client()
	c.Transport = &oneConnection{RoundTripper: c.Transport, t: d.t}
	r := &reading{d: d, user: user}
	r.ask = func(method, path, body string) answer {
		return do(d.t, c, method, d.HTTP+path, user, body, "Depth: 1", "Content-Type: application/xml")
	}
	got := r.ask("REPORT", annCalendarURL, syncAll).Body
	_, rest, _ := strings.Cut(got, "<D:sync-token>")
	r.token, _, _ = strings.Cut(rest, "<")
	if r.token == "" {
		d.t.Fatalf("no sync token for %s: %s", user, got)
	}
	return r
}

// oneConnection fails a test whose requests use more than one connection.
type oneConnection struct {
	http.RoundTripper
	t    *testing.T
	used bool
}

func (o *oneConnection) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := &httptrace.ClientTrace{GotConn: func(g httptrace.GotConnInfo) {
		if g.Reused != o.used {
			o.t.Errorf("%s %s comes over another connection", r.Method, r.URL.Path)
		}
		o.used = true
	}}
	return o.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
}

// wantAll wants every way to read to be open, or closed: then there is nothing of the
// event in any response.
func (r *reading) wantAll(open bool) {
	r.d.t.Helper()
	again := strings.Replace(syncAll, "<D:sync-token/>", "<D:sync-token>"+r.token+"</D:sync-token>", 1)
	for _, x := range []struct{ method, path, body string }{
		{"GET", annEventURL, ""}, {"GET", annCalendarURL, ""}, {"PROPFIND", annCalendarURL, ""}, {"PROPFIND", "/calendars/users/ann/", ""},
		{"REPORT", annCalendarURL, syncAll}, {"REPORT", annCalendarURL, again}, {"REPORT", annCalendarURL, listAll}, {"REPORT", annCalendarURL, getOne},
	} {
		a := r.ask(x.method, x.path, x.body)
		ok := (a.StatusCode == 200 || a.StatusCode == 207) && !strings.Contains(a.Body, "HTTP/1.1 403")
		if ok != open || !open && strings.Contains(a.Body, "SUMMARY") {
			r.d.t.Errorf("%s %s %.40s by %s: %s, open %v\n%s", x.method, x.path, x.body, r.user, a.Status, open, a.Body)
		}
	}
}

// A delegation that ends at a time ends then, on a connection that is open, for calendars
// that are in memory, and for sync tokens.
func TestDelegationEndsInTime(t *testing.T) {
	d, now := newClockDrill(t)
	end := now.now().Add(time.Hour).Truncate(time.Second)
	_, err := admin.AddDelegate(t.Context(), d.conn(), admin.DelegateChange{
		Delegator: "user:ann", Delegate: "user:bob", Level: delegation.LevelRead, Limits: delegation.Limits{Until: end}, By: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newReading(d, "bob")
	r.wantAll(true)
	now.set(end.Add(-time.Nanosecond))
	r.wantAll(true)
	now.set(end)
	r.wantAll(false)
	d.status(200, "GET", annEventURL, "ann", "")
}

// Who leaves a group that is a delegate loses what it gave them as soon as the directory
// is asked again, which is after directory.cache.ttl at the latest.
func TestDelegateLeavesGroup(t *testing.T) {
	t.Parallel()
	d, now := newClockDrill(t)
	text, err := os.ReadFile(d.c.Directory.File.File)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(text), "member: uid=ann,dc=example,dc=com", "member: uid=ann,dc=example,dc=com\nmember: uid=bob,dc=example,dc=com", 1)
	testenv.WriteFile(t, d.c.Directory.File.File, with)
	d.name(annsReaders, "11111111-0000-0000-0000-0000000000A2") // all, in which team is
	later := func() { now.set(now.now().Add(d.c.Directory.Cache.TTL)) }
	eventually(t, "bob reads as a member of team", func() bool {
		later()
		return do(t, client(), "GET", d.HTTP+annEventURL, "bob", "").StatusCode == 200
	})
	r := newReading(d, "bob")
	r.wantAll(true)
	testenv.WriteFile(t, d.c.Directory.File.File, string(text))
	eventually(t, "bob has left", func() bool {
		later()
		return r.ask("GET", annEventURL, "").StatusCode == 403
	})
	r.wantAll(false)
	d.status(200, "GET", annEventURL, "ann", "")
}
