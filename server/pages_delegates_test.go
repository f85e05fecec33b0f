package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/audit"
	"convene/sacl"
	"convene/web"
	"convene/web/page"
)

// event is one of the second of December 2026.
const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20261201T000000Z\r\nDTSTART:20261202T150000Z\r\nDTEND:20261202T160000Z\r\nSUMMARY:Budget\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

const (
	annGUID = "11111111-0000-0000-0000-000000000001"
	eveGUID = "11111111-0000-0000-0000-000000000003"
)

// A delegate with an end works until its second and not in it, on pages and with CalDAV;
// the journal says when they were added and when it ended.
func TestPageDelegateEnds(t *testing.T) {
	c := smallConfig(t)
	c.Web.TimeZone = "Europe/Berlin"
	at := &clock{}
	at.set(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	s := serveAt(t, c, at.now)
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	for _, b := range []struct {
		*browser
		name string
	}{{ann, "ann"}, {bob, "bob"}} {
		if got := b.signIn(t, b.name, "secret"); got.StatusCode != 303 {
			t.Fatal(got.Status)
		}
	}
	calendar := s.HTTP + "/calendars/users/ann/calendar/"
	if got := do(t, client(), "PUT", calendar+"one.ics", "ann", event, "Content-Type: text/calendar"); got.StatusCode != 201 {
		t.Fatal(got.Status, got.Body)
	}
	works := func(want bool) {
		t.Helper()
		page, dav := bob.get(t, "/my/for/"+annGUID+"/"), do(t, client(), "GET", calendar+"one.ics", "bob", "")
		onBoard := strings.Contains(bob.get(t, "/my/for/").Body, "Budget")
		if (page.StatusCode == 200) != want || strings.Contains(page.Body, "Budget") != want || onBoard != want || (dav.StatusCode == 200) != want {
			t.Errorf("%s: page %s, on the board %v, DAV %s; want %v", at.now(), page.Status, onBoard, dav.Status, want)
		}
	}
	works(false)
	got := ann.post(t, "/my/delegates/save", url.Values{"who": {bobGUID}, "level": {"read"}, "scope": {"all"}, "notify": {"none"}, "until": {"2026-12-01"}})
	if got.StatusCode != 303 || got.Header.Get("Location") != "/my/delegates" {
		t.Fatal(got.Status, got.Body)
	}
	works(true)
	list := ann.get(t, "/my/delegates")
	for _, want := range []string{"Bob Example", "May read all calendars; does not see private events; until Tue, Dec 1, 2026.", "You added Bob Example."} {
		if !strings.Contains(list.Body, want) {
			t.Errorf("no %q in\n%s", want, list.Body)
		}
	}
	end := time.Date(2026, 12, 1, 23, 0, 0, 0, time.UTC) // midnight in Berlin
	at.set(end.Add(-time.Second))
	works(true)
	at.set(end)
	works(false)
	list = ann.get(t, "/my/delegates")
	ended, added := strings.Index(list.Body, "The right of Bob Example ended."), strings.Index(list.Body, "You added Bob Example.")
	if ended < 0 || added < ended || !strings.Contains(list.Body, `datetime="2026-12-01T23:00:00Z"`) {
		t.Errorf("journal: %d, %d\n%s", ended, added, list.Body)
	}
}

// Whoever acts for somebody sees for whom on every such page, what they keep private only
// if they want, and nothing of anybody else.
func TestPageActingFor(t *testing.T) {
	s := serve(t, smallConfig(t))
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	start := time.Now().UTC().Add(25 * time.Hour).Format("20060102T150405Z")
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:p\r\nDTSTAMP:20261201T000000Z\r\nDTSTART:" + start + "\r\nDURATION:PT1H\r\nCLASS:PRIVATE\r\nSUMMARY:Doctor\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := do(t, client(), "PUT", s.HTTP+"/calendars/users/ann/calendar/p.ics", "ann", event, "Content-Type: text/calendar"); got.StatusCode != 201 {
		t.Fatal(got.Status, got.Body)
	}
	h, err := web.New(page.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, route := range h.Routes() {
		if path, ok := strings.CutPrefix(route.Path, "/my/for/{for}/"); ok && route.Method == "GET" {
			paths = append(paths, "/my/for/"+annGUID+"/"+strings.TrimSuffix(path, "{$}"))
		}
	}
	if len(paths) < 3 {
		t.Fatal(paths)
	}
	for _, path := range paths {
		if got := bob.get(t, path); got.StatusCode != 403 || strings.Contains(got.Body, "Ann Example") {
			t.Errorf("before: %s: %s\n%s", path, got.Status, got.Body)
		}
	}
	for _, private := range []bool{false, true} {
		fields := url.Values{"who": {bobGUID}, "level": {"write"}, "schedule": {"on"}, "scope": {"all"}, "notify": {"none"}}
		if private {
			fields.Set("private", "on")
		}
		if got := ann.post(t, "/my/delegates/save", fields); got.StatusCode != 303 {
			t.Fatal(got.Status, got.Body)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "/find") {
				continue // for the script: JSON
			}
			got := bob.get(t, path+map[bool]string{true: "?who=" + eveGUID}[strings.HasSuffix(path, "/edit")])
			if got.StatusCode != 200 || !strings.Contains(got.Body, `You act for <strong><bdi>Ann Example</bdi></strong>`) || !strings.Contains(got.Body, `href="/my/for/"`) {
				t.Errorf("%s: %s\n%s", path, got.Status, got.Body)
			}
		}
		got := bob.get(t, "/my/for/"+annGUID+"/")
		if strings.Contains(got.Body, "Doctor") != private {
			t.Errorf("private events given %v: %s", private, got.Body)
		}
	}
	for _, other := range []string{bobGUID, eveGUID, "nobody"} {
		if got := bob.get(t, "/my/for/"+other+"/"); got.StatusCode != 403 {
			t.Errorf("%s: %s", other, got.Status)
		}
	}
}

// A list is changed by who may change it; refusals change nothing, and acts are recorded
// with who did them.
func TestPageDelegatesRights(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	save := func(b *browser, base string, fields url.Values, status int) {
		t.Helper()
		if got := b.post(t, base+"delegates/save", fields); got.StatusCode != status {
			t.Errorf("%v: %s, want %d\n%s", fields, got.Status, status, got.Body)
		}
	}
	team := "11111111-0000-0000-0000-0000000000A1"
	read := url.Values{"who": {bobGUID}, "level": {"read"}, "scope": {"all"}, "notify": {"none"}}
	with := func(name, value string) url.Values {
		v := url.Values{}
		for k := range read {
			v[k] = read[k]
		}
		v.Set(name, value)
		return v
	}
	save(ann, "/my/", with("who", annGUID), 404) // not oneself
	save(ann, "/my/", with("until", "tomorrow"), 400)
	save(ann, "/my/", with("notify", "loudly"), 400)
	save(ann, "/my/", with("scope", "only"), 422) // none chosen
	save(ann, "/my/", read, 303)
	bobs := "/my/for/" + annGUID + "/"
	save(bob, bobs, with("who", team), 403) // no deputy
	if got := bob.post(t, bobs+"delegates/remove", url.Values{"who": {bobGUID}}); got.StatusCode != 403 {
		t.Errorf("remove: %s", got.Status)
	}
	save(ann, "/my/", with("manage", "on"), 303)
	wide := with("who", team)
	wide.Set("level", "write")
	save(bob, bobs, wide, 403) // a deputy gives no more than they have
	save(bob, bobs, with("who", team), 303)
	if got := ann.get(t, "/my/delegates"); !strings.Contains(got.Body, "Bob Example added team.") {
		t.Errorf("journal:\n%s", got.Body)
	}
	if got := ann.post(t, "/my/delegates/remove", url.Values{"who": {team}}); got.StatusCode != 303 {
		t.Errorf("remove: %s", got.Status)
	}
	if got := ann.post(t, "/my/delegates/remove", url.Values{"who": {team}}); got.StatusCode != 404 {
		t.Errorf("remove again: %s", got.Status)
	}
	seen := map[string]bool{}
	for _, line := range auditLines(t, c.Server.Data) {
		if line.Actor.GUID != "" && line.Via.How == audit.Web && strings.HasPrefix(line.Verb, "delegate.") {
			seen[line.Actor.GUID+" "+line.Verb+" "+line.Object.GUID] = true
		}
	}
	for _, want := range []string{annGUID + " delegate.add " + annGUID, bobGUID + " delegate.add " + annGUID, annGUID + " delegate.remove " + annGUID} {
		if !seen[want] {
			t.Errorf("the audit log has no %q: %v", want, seen)
		}
	}
}

// auditLines reads the audit log of a data folder.
func auditLines(t *testing.T, data string) (out []audit.Line) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(data, "*audit*"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for l := range bytes.Lines(text) {
			var line audit.Line
			if json.Unmarshal(l, &line) == nil {
				out = append(out, line)
			}
		}
	}
	return out
}

// A stand-in acts for as long as they are meant to, named by the delegate who may.
func TestPageStandIn(t *testing.T) {
	c := smallConfig(t)
	text, err := os.ReadFile(c.Directory.File.File)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.ReplaceAll("\ndn: uid=cat,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: cat\ncn: Cat Example\nsn: Example\nuserPassword: secret\nentryUUID: 11111111-0000-0000-0000-000000000004\n", "\r", "")
	if err := os.WriteFile(c.Directory.File.File, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	at := &clock{}
	at.set(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	c.Web.TimeZone = "UTC"
	s := serveAt(t, c, at.now)
	ann, bob, cat := open(t, s.HTTP), open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	cat.signIn(t, "cat", "secret")
	const catGUID = "11111111-0000-0000-0000-000000000004"
	fields := url.Values{"who": {bobGUID}, "level": {"read"}, "scope": {"all"}, "notify": {"none"}}
	ann.post(t, "/my/delegates/save", fields)
	name := url.Values{"who": {catGUID}, "from": {"2026-12-01"}, "until": {"2026-12-02"}, "for": {annGUID}}
	if got := bob.post(t, "/my/for/stand-in", name); got.StatusCode != 403 {
		t.Errorf("without being let: %s", got.Status)
	}
	fields.Set("substitute", "on")
	ann.post(t, "/my/delegates/save", fields)
	if got := bob.post(t, "/my/for/stand-in", url.Values{"who": {catGUID}, "for": {annGUID}}); got.StatusCode != 422 {
		t.Errorf("without an end: %s", got.Status)
	}
	if got := bob.post(t, "/my/for/stand-in", name); got.StatusCode != 303 {
		t.Fatal(got.Status, got.Body)
	}
	if got := cat.get(t, "/my/for/"); !strings.Contains(got.Body, "Ann Example") || !strings.Contains(got.Body, "In the place of Bob Example.") {
		t.Errorf("board of the stand-in:\n%s", got.Body)
	}
	if got := ann.get(t, "/my/delegates"); !strings.Contains(got.Body, "Cat Example stands in for Bob Example") {
		t.Errorf("the delegator is not told:\n%s", got.Body)
	}
	at.set(time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC))
	cat.signIn(t, "cat", "secret") // the session has ended meanwhile
	if got := cat.get(t, "/my/for/"+annGUID+"/"); got.StatusCode != 403 {
		t.Errorf("after the end: %s", got.Status)
	}
}

// Pages of administration are for administrators, each of them, and ask for the password
// after sixteen minutes without use.
func TestPageAdministrationIsClosed(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	at := &clock{}
	at.set(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	s := serveAt(t, c, at.now)
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	h, err := web.New(page.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, route := range h.Routes() {
		if !strings.HasPrefix(route.Path, "/admin/") {
			continue
		}
		n++
		if !route.Fresh || route.Gate != sacl.Admin {
			t.Errorf("%s %s: gate %q, fresh %v", route.Method, route.Path, route.Gate, route.Fresh)
		}
		path := strings.NewReplacer("{$}", "", "{guid}", annGUID).Replace(route.Path)
		ask := func(b *browser) answer {
			if route.Method == "POST" {
				return b.post(t, path, url.Values{})
			}
			return b.get(t, path)
		}
		if got := ask(bob); got.StatusCode != 403 {
			t.Errorf("%s %s: %s for who is no administrator", route.Method, path, got.Status)
		}
		at.set(at.now().Add(16 * time.Minute))
		if got := ask(ann); got.StatusCode != 401 || !strings.Contains(got.Body, `name="password"`) {
			t.Errorf("%s %s: %s after 16 minutes", route.Method, path, got.Status)
		}
		ann.signIn(t, "ann", "secret")
	}
	if n < 10 {
		t.Errorf("%d routes", n)
	}
}

// The page "why" says of a request what the server does with it.
func TestPageWhy(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	c.Calendars.Class = "none"
	s := serve(t, c)
	ann := open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	put := func(who, path string) {
		event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:" + path + "\r\nDTSTAMP:20261201T000000Z\r\nDTSTART:20261201T150000Z\r\nDURATION:PT1H\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		if got := do(t, client(), "PUT", s.HTTP+path, who, event, "Content-Type: text/calendar"); got.StatusCode != 201 {
			t.Fatal(got.Status, got.Body)
		}
	}
	put("ann", "/calendars/users/ann/calendar/a.ics")
	put("bob", "/calendars/users/bob/calendar/b.ics")
	ann.post(t, "/my/delegates/save", url.Values{"who": {bobGUID}, "level": {"read"}, "scope": {"all"}, "notify": {"none"}})
	people := map[string]string{"ann": annGUID, "bob": bobGUID, "eve": eveGUID}
	paths := []string{
		"/calendars/users/ann/calendar/", "/calendars/users/ann/calendar/a.ics", "/calendars/users/bob/calendar/b.ics", "/calendars/users/bob/calendar/",
		"/calendars/users/ann/", "/calendars/users/ann/calendar/new.ics", "/calendars/users/bob/calendar/new.ics", "/calendars/users/ann/inbox/", "/principals/users/ann/",
	}
	// Methods that change nothing when they are allowed, with what makes them complete.
	methods := map[string][]string{
		"GET": nil, "PROPFIND": {"Depth: 0"},
		"PUT": {"Content-Type: text/calendar", `If-Match: "never"`}, "DELETE": {`If-Match: "never"`},
	}
	n := 0
	for who, guid := range people {
		for _, path := range paths {
			for method, header := range methods {
				if n%50 == 0 { // a session may not ask as often as it likes
					ann = open(t, s.HTTP)
					ann.signIn(t, "ann", "secret")
				}
				n++
				got := ann.get(t, "/admin/principals/"+guid+"/why?"+url.Values{"method": {method}, "url": {path}}.Encode())
				body := ""
				if method == "PUT" {
					body = strings.ReplaceAll(event, "UID:one", "UID:"+path)
				}
				real := do(t, client(), method, s.HTTP+path, who, body, header...)
				allowed := real.StatusCode < 400 || real.StatusCode == 412 || real.StatusCode == 400 || real.StatusCode == 415
				says := strings.Contains(got.Body, `class="verdict yes"`)
				status := allowed || who == "eve" || strings.Contains(got.Body, fmt.Sprintf("with %d", real.StatusCode))
				if got.StatusCode != 200 || says != allowed || !status {
					t.Errorf("%s %s %s is %s, and the page says\n%s", who, method, path, real.Status, between(got.Body, "<section", "</section>"))
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("%d cases", n)
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// Administrators end sessions, revoke device passwords, and add and remove delegates;
// each is in the audit log as theirs.
func TestPageAdministratorActs(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	s := serve(t, c)
	ann, bob := open(t, s.HTTP), open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	eventually(t, "the socket", func() bool { _, err := os.Stat(filepath.Join(c.Server.Data, "control.sock")); return err == nil })
	deviceSecret(t, c, "bob")
	path := "/admin/principals/" + bobGUID
	if got := ann.get(t, "/admin/principals?q=bob"); !strings.Contains(got.Body, `href="`+path+`"`) {
		t.Errorf("search:\n%s", got.Body)
	}
	if got := ann.get(t, path); got.StatusCode != 200 || !strings.Contains(got.Body, "Revoke all") || !strings.Contains(got.Body, "convene principal why user:bob") {
		t.Errorf("page: %s\n%s", got.Status, got.Body)
	}
	for _, act := range []struct {
		path   string
		fields url.Values
		status int
	}{
		{path + "/sign-out", nil, 303}, {path + "/revoke-devices", nil, 303},
		{"/admin/delegates/add", url.Values{"delegator": {"user:bob"}, "delegate": {"user:ann"}, "level": {"write"}}, 303},
		{"/admin/delegates/add", url.Values{"delegator": {"user:bob"}, "delegate": {"user:zoe"}, "level": {"write"}}, 422},
		{"/admin/delegates/remove", url.Values{"delegator": {bobGUID}, "delegate": {annGUID}}, 303},
		{"/admin/delegates/remove", url.Values{"delegator": {bobGUID}, "delegate": {annGUID}}, 404},
	} {
		if got := ann.post(t, act.path, act.fields); got.StatusCode != act.status {
			t.Errorf("%s %v: %s, want %d\n%s", act.path, act.fields, got.Status, act.status, got.Body)
		}
	}
	if got := bob.get(t, "/my/"); got.StatusCode != 401 {
		t.Errorf("a session that was ended: %s", got.Status)
	}
	if got := ann.get(t, path); !strings.Contains(got.Body, "Device passwords</h2>\n<p class=\"empty\">None.") {
		t.Errorf("devices:\n%s", got.Body)
	}
	var verbs []string
	for _, line := range auditLines(t, c.Server.Data) {
		if line.Actor.GUID == annGUID && line.Object.GUID == bobGUID && line.Via.How == audit.Web && !slices.Contains(verbs, line.Verb) {
			verbs = append(verbs, line.Verb)
		}
	}
	slices.Sort(verbs)
	if want := []string{"delegate.add", "delegate.remove", "device.revoke", "session.revoke"}; !slices.Equal(verbs, want) {
		t.Errorf("audit: %v, want %v", verbs, want)
	}
}
