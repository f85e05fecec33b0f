package server_test

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/testenv"
)

// An askedBody is the body of a request: it says that the server has asked for it, and so
// has let the caller in, and comes when it may.
type askedBody struct {
	text  *strings.Reader // not embedded, since it would be written at once (io.WriterTo)
	asked func()
	come  chan struct{}
}

func (b *askedBody) Read(p []byte) (int, error) {
	b.asked()
	<-b.come
	return b.text.Read(p)
}

// putLate puts bob's event into ann's calendar; meanwhile happens between the server's two
// steps.
func (d *drill) putLate(path string, meanwhile func()) *http.Response {
	d.t.Helper()
	asked, come := make(chan struct{}), make(chan struct{})
	body := &askedBody{strings.NewReader(anEvent("late", "late")), sync.OnceFunc(func() { close(asked) }), come}
	r, err := http.NewRequestWithContext(d.t.Context(), "PUT", d.HTTP+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	r.SetBasicAuth("bob", "secret")
	r.Header.Set("Content-Type", "text/calendar")
	r.Header.Set("Expect", "100-continue") // so that the body is not sent before it is asked for
	c := client()
	c.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	type result struct {
		resp *http.Response
		err  error
	}
	done := make(chan result, 1)
	go func() {
		resp, err := c.Do(r)
		if err == nil {
			err = resp.Body.Close()
		}
		done <- result{resp, err}
	}()
	select {
	case <-asked:
	case got := <-done:
		close(come)
		d.t.Fatalf("%v, %v before the body was asked for", got.resp, got.err)
	}
	func() {
		defer close(come)
		meanwhile()
	}()
	got := <-done
	if got.err != nil {
		d.t.Fatal(got.err)
	}
	return got.resp
}

// What somebody may do is decided when it is done: rights that end while the server reads
// their request are gone for it, and what it brought is not stored.
func TestRightsEndInMidRequest(t *testing.T) {
	const path = "/calendars/users/ann/calendar/late.ics"
	const team = "11111111-0000-0000-0000-0000000000A2" // all, in which bob will be, by team
	acl := func(d *drill, aces string) {
		d.status(200, "ACL", annCalendarURL, "ann", `<D:acl xmlns:D="DAV:">`+aces+`</D:acl>`)
	}
	toBob := `<D:ace><D:principal><D:href>/principals/__uids__/` + bobGUID + `/</D:href></D:principal><D:grant><D:privilege><D:write/></D:privilege></D:grant></D:ace>`
	for name, tt := range map[string]struct {
		before, meanwhile func(*drill, *clock)
		want              int
	}{
		"nothing happens":        {func(d *drill, _ *clock) { d.name(annWriters, bobGUID) }, func(*drill, *clock) {}, 201},
		"taken off the list":     {func(d *drill, _ *clock) { d.name(annWriters, bobGUID) }, func(d *drill, _ *clock) { d.name(annWriters) }, 403},
		"moved to the readers":   {func(d *drill, _ *clock) { d.name(annWriters, bobGUID) }, func(d *drill, _ *clock) { d.name(annsReaders, bobGUID) }, 403},
		"the group is taken off": {func(d *drill, _ *clock) { d.name(annWriters, team) }, func(d *drill, _ *clock) { d.name(annWriters) }, 403},
		"removed by command": {func(d *drill, _ *clock) { d.name(annWriters, bobGUID) }, func(d *drill, _ *clock) {
			if _, err := admin.RemoveDelegate(d.t.Context(), d.conn(), admin.DelegateChange{Delegator: "ann", Delegate: "bob", By: "test"}); err != nil {
				d.t.Error(err)
			}
		}, 403},
		"the end is reached": {func(d *drill, now *clock) {
			change := admin.DelegateChange{Delegator: "ann", Delegate: "bob", Level: delegation.LevelWrite, Limits: delegation.Limits{Until: now.now().Add(time.Hour)}, By: "test"}
			if _, err := admin.AddDelegate(d.t.Context(), d.conn(), change); err != nil {
				d.t.Fatal(err)
			}
		}, func(_ *drill, now *clock) { now.set(now.now().Add(time.Hour)) }, 403},
		"the access list":    {func(d *drill, _ *clock) { acl(d, toBob) }, func(d *drill, _ *clock) { acl(d, "") }, 403},
		"maintenance begins": {func(d *drill, _ *clock) { d.name(annWriters, bobGUID) }, func(d *drill, _ *clock) { d.maintenance(admin.MaintenanceOn) }, 503},
	} {
		t.Run(name, func(t *testing.T) {
			now := new(clock)
			now.set(time.Now().Truncate(time.Second))
			d := &drill{t: t, c: smallConfig(t)}
			ldif := strings.Replace(smallLDIF, "member: uid=ann,dc=example,dc=com", "member: uid=bob,dc=example,dc=com", 1)
			testenv.WriteFile(t, d.c.Directory.File.File, ldif)
			d.running = serveAt(t, d.c, now.now)
			d.status(201, "PUT", annEventURL, "ann", anEvent("1", "one"))
			tt.before(d, now)
			if got := d.putLate(path, func() { tt.meanwhile(d, now) }); got.StatusCode != tt.want {
				t.Errorf("%s, want %d", got.Status, tt.want)
			}
			stored := map[int]int{201: 200, 403: 404, 503: 404}[tt.want]
			d.status(stored, "GET", path, "ann", "")
		})
	}
}

// Which groups somebody is in is found out when they sign in, with each request: who
// leaves one while the server reads their request ends it, and is refused the next.
func TestGroupIsLeftInMidRequest(t *testing.T) {
	t.Parallel()
	d, now := newClockDrill(t)
	text, err := os.ReadFile(d.c.Directory.File.File)
	if err != nil {
		t.Fatal(err)
	}
	later := func() { now.set(now.now().Add(d.c.Directory.Cache.TTL)) }
	testenv.WriteFile(t, d.c.Directory.File.File, strings.Replace(string(text), "member: uid=ann,dc=example,dc=com", "member: uid=ann,dc=example,dc=com\nmember: uid=bob,dc=example,dc=com", 1))
	d.name(annWriters, "11111111-0000-0000-0000-0000000000A2")
	reads := func() int {
		later()
		return do(t, client(), "GET", d.HTTP+annEventURL, "bob", "").StatusCode
	}
	eventually(t, "bob reads as a member of team", func() bool { return reads() == 200 })
	if got := d.putLate(annCalendarURL+"late.ics", func() {
		testenv.WriteFile(t, d.c.Directory.File.File, string(text))
		eventually(t, "bob has left", func() bool { return reads() == 403 })
	}); got.StatusCode != 201 {
		t.Errorf("%s", got.Status)
	}
	d.status(403, "PUT", annCalendarURL+"late.ics", "bob", anEvent("late", "again"))
}
