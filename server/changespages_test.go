package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/admin"
)

// A feed is what a page hears of changes.
type feed struct {
	*http.Response
	t     testing.TB
	lines *bufio.Scanner
}

// follow asks to be told of changes, as the script of a page does.
func (b *browser) follow(t testing.TB) *feed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", b.base+"/my/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return &feed{resp, t, bufio.NewScanner(resp.Body)}
}

// next is the next event: "state …", "end"; "" if the response has ended.
func (f *feed) next() string {
	f.t.Helper()
	event := ""
	for f.lines.Scan() {
		name, value, _ := strings.Cut(f.lines.Text(), ":")
		switch value = strings.TrimSpace(value); {
		case name == "event":
			event = value
		case name == "data" && event != "":
			return strings.TrimSpace(event + " " + value)
		}
	}
	return ""
}

// wants reads events and compares them.
func (f *feed) wants(want ...string) {
	f.t.Helper()
	for _, w := range want {
		if got := f.next(); got != w {
			f.t.Errorf("%q, want %q", got, w)
		}
	}
}

// state is the state that a page is of, as its events have it.
func (b *browser) state(t testing.TB, path string) string {
	t.Helper()
	found := regexp.MustCompile(`data-state="([0-9a-f]{24}-[0-9-]{10})"`).FindStringSubmatch(b.get(t, path).Body)
	if found == nil {
		t.Fatalf("%s has no state", path)
	}
	return "state " + found[1]
}

const liveWeek = "/my/calendar/week/2026-05-04"

func put(t testing.TB, base, user, name string) {
	t.Helper()
	calendarOf(t, base, user, map[string]string{name: "DTSTART:20260504T090000Z\nDURATION:PT1H\nSUMMARY:" + name})
}

// A page hears of each change of what it shows, of those of others not, over HTTP/1 and HTTP/2,
// for longer than any other response may take.
func TestPageChanges(t *testing.T) {
	c := smallConfig(t)
	c.Limits.ReadTime, c.Limits.WriteTime = time.Second, time.Second
	s := serve(t, c)
	for n, base := range []string{s.HTTP, s.HTTPS} {
		b := open(t, base)
		b.signIn(t, "ann", "secret")
		first := b.state(t, liveWeek)
		f := b.follow(t)
		if f.StatusCode != 200 || f.Header.Get("Content-Type") != "text/event-stream" || f.Header.Get("X-Accel-Buffering") != "no" || !strings.Contains(f.Header.Get("Cache-Control"), "no-transform") || f.ProtoMajor != n+1 {
			t.Fatalf("%s %s %v", f.Proto, f.Status, f.Header)
		}
		f.wants(first)
		put(t, s.HTTP, "bob", fmt.Sprint("bobs", n))
		if now := b.state(t, liveWeek); now != first {
			t.Errorf("a change of bob's changes ann's state: %s, %s", first, now)
		}
		for begun, i := time.Now(), 0; time.Since(begun) < 2*c.Limits.WriteTime; i++ {
			put(t, s.HTTP, "ann", fmt.Sprint("anns", n, "-", i))
			f.wants(b.state(t, liveWeek))
		}
	}
}

// Delegates hear of the changes of those for whom they act, from when they do.
func TestPageChangesOfOthers(t *testing.T) {
	s := serve(t, smallConfig(t))
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	put(t, s.HTTP, "ann", "one")
	alone := bob.state(t, liveWeek)
	bob.follow(t).wants(alone)
	if got := ann.post(t, "/my/delegates/save", url.Values{"who": {bobGUID}, "level": {"read"}, "scope": {"all"}, "notify": {"none"}}); got.StatusCode != 303 {
		t.Fatal(got.Status, got.Body)
	}
	f := bob.follow(t)
	f.wants(bob.state(t, liveWeek))
	put(t, s.HTTP, "ann", "two")
	f.wants(bob.state(t, liveWeek))
}

// Who has signed out, or may use the pages no more, hears no more, at once or before the next
// change is told; the other sessions go on. Nobody is signed in by asking.
func TestPageChangesEnd(t *testing.T) {
	s := serve(t, smallConfig(t))
	one, other := open(t, s.HTTP), open(t, s.HTTP)
	if got := one.get(t, "/my/changes"); got.StatusCode != 401 || got.Header.Get("Www-Authenticate") != "" || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("without a session: %s %v", got.Status, got.Header)
	}
	one.signIn(t, "ann", "secret")
	other.signIn(t, "ann", "secret")
	first := one.state(t, liveWeek)
	f, g := one.follow(t), other.follow(t)
	f.wants(first)
	g.wants(first)
	one.post(t, "/signout", nil)
	f.wants("end", "")
	put(t, s.HTTP, "ann", "one")
	g.wants(other.state(t, liveWeek))
	conn := control(t, s.Config.Server.Data)
	if _, err := admin.ChangeSACL(t.Context(), conn, admin.SACLChange{Service: "web", Effect: "deny", Who: "ann", By: "test"}); err != nil {
		t.Fatal(err)
	}
	put(t, s.HTTP, "ann", "two")
	g.wants("end", "")
}

// A page that is open at midnight hears that it is another day for its reader, wherever they
// are; what it then shows has that day as today.
func TestPageChangesAtMidnight(t *testing.T) {
	now := new(clock)
	now.set(time.Date(2026, 5, 5, 18, 14, 59, 0, time.UTC)) // 23:59:59 in Kathmandu
	s := serveAt(t, smallConfig(t), now.now)
	b, other := open(t, s.HTTP), open(t, s.HTTP)
	b.signIn(t, "ann", "secret")
	other.signIn(t, "ann", "secret")
	b.post(t, "/my/account", url.Values{"zone": {"Asia/Kathmandu"}})
	today := func() string {
		t.Helper()
		return first(t, regexp.MustCompile(`cal-day today"[^>]* data-date="([^"]+)"`), b.get(t, liveWeek).Body)
	}
	before := b.state(t, liveWeek)
	f := b.follow(t)
	f.wants(before)
	if got := today(); got != "2026-05-05" {
		t.Errorf("today is %s", got)
	}
	now.move(time.Second)
	other.post(t, "/signout", nil) // so that it looks before its time: it does every 20 s
	after := b.state(t, liveWeek)
	f.wants(after)
	if got := today(); got != "2026-05-06" || after == before {
		t.Errorf("today is %s; %s, before it %s", got, after, before)
	}
	if start := b.state(t, "/my/"); start != after {
		t.Errorf("the first page: %s", start)
	}
}

// There are no more of them than there may be: of one person the newest, of all the first. A
// new configuration ends them, so that the browser asks again; so does the end of the server,
// which does not wait for them.
func TestPageChangesLimits(t *testing.T) {
	c := smallConfig(t)
	c.Web.LivePages, c.Web.LivePerPerson = 3, 2
	s := serve(t, c)
	ann, bob := open(t, s.HTTP), open(t, s.HTTPS)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	anns, bobs := ann.state(t, liveWeek), bob.state(t, liveWeek)
	first := ann.follow(t)
	first.wants(anns)
	second := ann.follow(t)
	second.wants(anns)
	third := ann.follow(t)
	third.wants(anns)
	first.wants("end", "")
	fourth := bob.follow(t)
	fourth.wants(bobs)
	if got := bob.get(t, "/my/changes"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", got.Status)
	}
	_ = third.Body.Close()
	eventually(t, "a place for another", func() bool {
		f := bob.follow(t)
		defer f.Body.Close()
		return f.StatusCode == 200
	})
	s.Config.Web.LivePages = 0
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.wants("")
	if got := bob.get(t, "/my/changes"); got.StatusCode != 503 {
		t.Errorf("none may be told: %s", got.Status)
	}
	s.Config.Web.LivePages = 3
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := ann.follow(t)
	last.wants(anns)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	last.wants("")
}

// Looking for what is new is no use of a session, and takes no notice that is for the next page.
func TestPageQuiet(t *testing.T) {
	c := smallConfig(t)
	at := &clock{}
	at.set(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	s := serveAt(t, c, at.now)
	b := open(t, s.HTTP)
	b.signIn(t, "ann", "secret")
	b.post(t, "/my/account", url.Values{"clock": {"24"}}) // has a notice
	quiet := func() answer { return b.get(t, "/my/account", "Convene-Refresh: 1", "Accept-Language: en") }
	const notice = `class="note done"`
	if got := quiet(); got.StatusCode != 200 || strings.Contains(got.Body, notice) {
		t.Errorf("quiet: %s\n%s", got.Status, got.Body)
	}
	if got := b.get(t, "/my/account"); !strings.Contains(got.Body, notice) {
		t.Error("the notice is gone")
	}
	for range 4 {
		at.set(at.now().Add(c.Web.SessionIdle / 4))
		last := quiet()
		if used := at.now().Sub(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)); (last.StatusCode == 200) != (used < c.Web.SessionIdle) {
			t.Errorf("%s after %s without use", last.Status, used)
		}
	}
}

// A page that has not changed is not sent again.
func TestPageNotModified(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	put(t, s.HTTP, "ann", "one")
	const month = "/my/calendar/month/2026-05-04"
	got := b.get(t, month)
	tag := got.Header.Get("Etag")
	if !strings.HasPrefix(tag, `W/"`) || got.Header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("%v", got.Header)
	}
	for _, gzip := range []string{"", "gzip"} {
		again := b.get(t, month, "If-None-Match: "+tag, "Accept-Encoding: "+gzip)
		if again.StatusCode != 304 || again.Body != "" || again.Header.Get("Etag") != tag || !strings.Contains(strings.Join(again.Header["Vary"], ","), "Cookie") {
			t.Errorf("%s %v", again.Status, again.Header)
		}
	}
	settings := func(v url.Values) func() {
		return func() { b.post(t, "/my/account", v); b.get(t, "/my/account") } // the notice is gone then
	}
	for _, tt := range []struct {
		name   string
		change func()
	}{
		{"an event", func() { put(t, s.HTTP, "ann", "two") }},
		{"the clock", settings(url.Values{"clock": {"12"}})},
		{"the language", settings(url.Values{"clock": {"12"}, "language": {"ja"}})},
	} {
		before := b.get(t, month).Header.Get("Etag")
		tt.change()
		if got := b.get(t, month, "If-None-Match: "+before); got.StatusCode != 200 {
			t.Errorf("after %s: %s", tt.name, got.Status)
		}
	}
	if got := b.get(t, month, "If-None-Match: "+tag); got.StatusCode != 200 || !strings.Contains(got.Body, "two") {
		t.Errorf("%s", got.Status)
	}
	if got := open(t, s.HTTPS).get(t, month, "If-None-Match: *"); got.StatusCode != 401 {
		t.Errorf("nobody: %s", got.Status)
	}
}
