package server_test

import (
	"encoding/base64"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/config"
	"convene/testenv"
)

const annCalendar = "/calendars/users/ann/calendar/"

// eventPages is a configuration in which bob has an address, so that he is invited, on
// Tuesday 1 May 2030, 8 o'clock in Berlin.
func eventPages(t *testing.T) (config.Config, *clock) {
	t.Helper()
	c := smallConfig(t)
	c.Web.TimeZone = "Europe/Berlin"
	ldif := strings.Replace(smallLDIF, "cn: Bob Example\n", "cn: Bob Example\nmail: bob@example.com\n", 1)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), ldif)
	now := new(clock)
	now.set(time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC))
	return c, now
}

// meeting is the form of an event on Monday 6 May 2030 from 12 to 13.
func meeting(more ...string) url.Values {
	v := url.Values{
		"title": {"Budget"}, "start-day": {"2030-05-06"}, "start-time": {"12:00"}, "end-day": {"2030-05-06"}, "end-time": {"13:00"},
		"zone": {"Europe/Berlin"}, "class": {"PUBLIC"}, "scope": {"all"}, "do": {"save"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// inviting is the form with bob as a guest.
func inviting(v url.Values) url.Values {
	v["guest"], v["guest-name"], v["guest-kind"], v["guest-role"] = []string{"mailto:bob@example.com"}, []string{"Bob Example"}, []string{"INDIVIDUAL"}, []string{"required"}
	return v
}

// made sends the form of a new event and returns the path of the object.
func (b *browser) made(t *testing.T, form url.Values) string {
	t.Helper()
	got := b.post(t, "/my/event/new", form)
	p, ok := strings.CutPrefix(got.Header.Get("Location"), "/my/event")
	if got.StatusCode != 303 || !ok {
		t.Fatalf("%s %s\n%s", got.Status, got.Header.Get("Location"), got.Body)
	}
	return p
}

// icsOf is the object at a path as a calendar program reads it, unfolded; "" if there is
// none.
func icsOf(t *testing.T, s *running, user, path string) string {
	t.Helper()
	got := do(t, client(), "GET", s.HTTP+path, user, "")
	if got.StatusCode != 200 {
		return ""
	}
	return strings.ReplaceAll(got.Body, "\r\n ", "")
}

// values are those of the lines of a property, in their order, without those of time zones.
func values(ics, name string) (list []string) {
	ics = regexp.MustCompile(`(?s)BEGIN:VTIMEZONE.*?END:VTIMEZONE\r\n`).ReplaceAllString(ics, "")
	for line := range strings.SplitSeq(ics, "\r\n") {
		if rest, ok := strings.CutPrefix(line, name); ok && rest != "" && (rest[0] == ':' || rest[0] == ';') {
			list = append(list, rest[1:])
		}
	}
	return list
}

func objects(t *testing.T, s *running, user string) int {
	t.Helper()
	a := do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/"+user+"/calendar/", user, "", "Depth: 1")
	return strings.Count(a.Body, ".ics</")
}

var (
	seenField = regexp.MustCompile(`name="seen" value="([^"]*)"`)
	undoForm  = regexp.MustCompile(`(?s)action="/my/event/undo">(.*?)</form>`)
	hidden    = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// editing is the form of an event as it is shown, with what is changed in it.
func (b *browser) editing(t *testing.T, path, at string, form url.Values) url.Values {
	t.Helper()
	got := b.get(t, "/my/event/edit"+path+map[bool]string{true: "?at=" + at}[at != ""])
	m := seenField.FindStringSubmatch(got.Body)
	if got.StatusCode != 200 || m == nil {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	form.Set("seen", m[1])
	form.Set("at", at)
	return form
}

// An event is made, shown, changed and deleted; what was done is taken back byte for byte.
func TestPageEvent(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann := signedIn(t, s, "ann")
	path := ann.made(t, meeting("place", "Canteen, 2nd", "notes", "See https://example.com/a.\r\nBring <b>cake</b>", "class", "PRIVATE"))
	ics := icsOf(t, s, "ann", path)
	for name, want := range map[string]string{
		"SUMMARY": "Budget", "DTSTART": "TZID=Europe/Berlin:20300506T120000", "DTEND": "TZID=Europe/Berlin:20300506T130000", "LOCATION": `Canteen\, 2nd`,
		"DESCRIPTION": `See https://example.com/a.\nBring <b>cake</b>`, "CLASS": "PRIVATE",
	} {
		if got := values(ics, name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	page := ann.get(t, "/my/event"+path).Body
	for _, want := range []string{"Saved.", "<h1><bdi>Budget</bdi></h1>", "Monday, May 6, 2030, 12:00–13:00", "Private", `<a href="https://example.com/a"`, "&lt;b&gt;cake&lt;/b&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if got := ann.get(t, "/my/event/raw"+path); got.Header.Get("Content-Type") != "text/calendar; charset=utf-8" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("download: %s %v", got.Status, got.Header)
	}
	if got := ann.post(t, "/my/event/edit"+path, ann.editing(t, path, "", meeting("title", "Dinner", "start-time", "19:00", "end-time", "21:15"))); got.StatusCode != 303 {
		t.Fatalf("edit: %s\n%s", got.Status, got.Body)
	}
	after := icsOf(t, s, "ann", path)
	if got := append(values(after, "SUMMARY"), append(values(after, "DTEND"), values(after, "SEQUENCE")...)...); !slices.Equal(got, []string{"Dinner", "TZID=Europe/Berlin:20300506T211500", "1"}) {
		t.Errorf("edited: %q", got)
	}
	if got := ann.post(t, "/my/event/move", url.Values{"path": {path}, "start": {"2030-05-07T08:00"}, "end": {"2030-05-07T10:15"}}); got.StatusCode != 303 {
		t.Errorf("move: %s\n%s", got.Status, got.Body)
	}
	moved := icsOf(t, s, "ann", path)
	if got := values(moved, "DTSTART"); !slices.Equal(got, []string{"TZID=Europe/Berlin:20300507T080000"}) {
		t.Errorf("moved: %q", got)
	}
	if got := ann.post(t, "/my/event/delete"+path, url.Values{"scope": {"all"}}); got.StatusCode != 303 || icsOf(t, s, "ann", path) != "" {
		t.Fatalf("delete: %s\n%s", got.Status, got.Body)
	}
	form := undoForm.FindStringSubmatch(ann.get(t, "/my/").Body)
	if form == nil {
		t.Fatal("it cannot be undone")
	}
	back := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(form[1], -1) {
		back.Add(m[1], strings.NewReplacer("&#43;", "+", "&#34;", `"`).Replace(m[2]))
	}
	if got := ann.post(t, "/my/event/undo", back); got.StatusCode != 303 || icsOf(t, s, "ann", path) != moved {
		t.Errorf("undo: %s\n%s", got.Status, got.Body)
	}
	if got := ann.post(t, "/my/event/undo", back); got.StatusCode != 412 || icsOf(t, s, "ann", path) != moved {
		t.Errorf("undone twice: %s", got.Status)
	}
}

// What is wrong with a form is said at its field, what was typed stays, and nothing is
// written.
func TestPageEventFaults(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann := signedIn(t, s, "ann")
	path := ann.made(t, meeting())
	before := icsOf(t, s, "ann", path)
	for name, tt := range map[string]struct {
		form url.Values
		says string
	}{
		"ends first":      {meeting("end-time", "11:00"), `id="start-fault"|id="end-fault"`},
		"no day":          {meeting("start-day", ""), `aria-invalid="true"`},
		"no such day":     {meeting("start-day", "2030-02-31"), `aria-invalid="true"`},
		"no such zone":    {meeting("zone", "Mars/Olympus"), `class="fault"`},
		"never":           {meeting("repeat", "daily", "until", "2030-01-01"), `class="fault"`},
		"how many":        {meeting("repeat", "daily", "count", "many"), `class="fault"`},
		"every half week": {meeting("repeat", "weekly", "interval", "0.5"), `class="fault"`},
	} {
		form := meeting()
		for k, v := range tt.form {
			form[k] = v
		}
		form.Set("title", "Kept")
		form.Set("notes", "typed\r\ntwice")
		for where, got := range map[string]answer{
			"new": ann.post(t, "/my/event/new", form), "edit": ann.post(t, "/my/event/edit"+path, ann.editing(t, path, "", form)),
		} {
			if got.StatusCode != 422 || !regexp.MustCompile(tt.says).MatchString(got.Body) || !strings.Contains(got.Body, `name="title" value="Kept"`) || !strings.Contains(got.Body, "typed\ntwice</textarea>") {
				t.Errorf("%s, %s: %s\n%s", name, where, got.Status, got.Body)
			}
		}
	}
	for name, tt := range map[string]struct {
		path   string
		form   url.Values
		status int
	}{
		"another's calendar":  {"/my/event/new", meeting("calendar", "/calendars/__uids__/"+bobGUID+"/calendar/"), 403},
		"no calendar":         {"/my/event/new", meeting("calendar", "/calendars/../etc/"), 404},
		"no answer":           {"/my/event/answer" + path, url.Values{"answer": {"perhaps"}}, 400},
		"undo of nothing":     {"/my/event/undo", url.Values{}, 400},
		"undo without bytes":  {"/my/event/undo", url.Values{"path": {path}, "etag": {`"1"`}, "was": {"***"}}, 400},
		"undo of no calendar": {"/my/event/undo", url.Values{"path": {"/principals/x/y/z"}, "etag": {`"1"`}, "was": {""}}, 404},
		"no such event":       {"/my/event/delete" + annCalendar + "none.ics", url.Values{"scope": {"all"}}, 404},
		"no such time":        {"/my/event/move", url.Values{"path": {path}, "start": {"noon"}, "end": {"later"}}, 422},
		"much too long":       {"/my/event/new", meeting("notes", strings.Repeat("x", 1<<20+1)), 413},
	} {
		if got := ann.post(t, tt.path, tt.form); got.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d\n%s", name, got.Status, tt.status, got.Body)
		}
	}
	if got := icsOf(t, s, "ann", path); got != before || objects(t, s, "ann") != 1 || objects(t, s, "bob") != 0 {
		t.Errorf("something was written: %d, %d\n%s", objects(t, s, "ann"), objects(t, s, "bob"), got)
	}
	for path, status := range map[string]int{
		"/my/event" + annCalendar + "none.ics": 404, "/my/event" + path + "?at=20300507T100000Z": 404, "/my/event/principals/users/ann/": 404, "/my/event/": 404,
	} {
		if got := ann.get(t, path); got.StatusCode != status {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}

// Of a series one date, one and those that follow, or all are changed and deleted; the
// others keep what they are.
func TestPageEventSeries(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann := signedIn(t, s, "ann")
	series := func() string {
		return ann.made(t, meeting("repeat", "weekly", "weekday", "1", "count", "6"))
	}
	const third = "20300520T100000Z" // 12 o'clock in Berlin
	for _, tt := range []struct {
		scope  string
		starts []string // of the components of the series
		rule   string
		others int // objects besides
	}{
		{"once", []string{"TZID=Europe/Berlin:20300506T120000", "TZID=Europe/Berlin:20300520T150000"}, "FREQ=WEEKLY;COUNT=6", 0},
		{"following", []string{"TZID=Europe/Berlin:20300506T120000"}, "FREQ=WEEKLY;UNTIL=20300520T095959Z", 1},
		{"all", []string{"TZID=Europe/Berlin:20300506T150000"}, "FREQ=WEEKLY;COUNT=6", 0},
	} {
		path := series()
		before := objects(t, s, "ann")
		form := ann.editing(t, path, third, meeting("repeat", "weekly", "weekday", "1", "count", "6", "scope", tt.scope,
			"start-day", "2030-05-20", "end-day", "2030-05-20", "start-time", "15:00", "end-time", "16:00"))
		got := ann.post(t, "/my/event/edit"+path, form)
		if got.StatusCode != 303 {
			t.Fatalf("%s: %s\n%s", tt.scope, got.Status, got.Body)
		}
		ics := icsOf(t, s, "ann", path)
		if starts := values(ics, "DTSTART"); !slices.Equal(starts, tt.starts) {
			t.Errorf("%s: starts %q, want %q", tt.scope, starts, tt.starts)
		}
		if rule := values(ics, "RRULE"); !slices.Equal(rule, []string{tt.rule}) {
			t.Errorf("%s: rule %q, want %s", tt.scope, rule, tt.rule)
		}
		if n := objects(t, s, "ann") - before; n != tt.others {
			t.Errorf("%s: %d objects besides, want %d", tt.scope, n, tt.others)
		}
		if tt.others == 1 {
			next := icsOf(t, s, "ann", strings.TrimPrefix(got.Header.Get("Location"), "/my/event"))
			if starts := values(next, "DTSTART"); !slices.Equal(starts, []string{"TZID=Europe/Berlin:20300520T150000"}) || len(values(next, "RRULE")) != 1 {
				t.Errorf("those that follow: %q %q", starts, values(next, "RRULE"))
			}
		}
	}
	path := series()
	if got := ann.post(t, "/my/event/delete"+path, url.Values{"at": {third}, "scope": {"once"}}); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	if got := values(icsOf(t, s, "ann", path), "EXDATE"); !slices.Equal(got, []string{"TZID=Europe/Berlin:20300520T120000"}) {
		t.Errorf("one is deleted: %q", got)
	}
	if got := ann.get(t, "/my/event"+path+"?at="+third); got.StatusCode != 404 {
		t.Errorf("the date that is gone: %s", got.Status)
	}
	if got := ann.post(t, "/my/event/delete"+path, url.Values{"at": {"20300527T100000Z"}, "scope": {"following"}}); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	for at, status := range map[string]int{"20300513T100000Z": 200, "20300527T100000Z": 404, "20300603T100000Z": 404} {
		if got := ann.get(t, "/my/event"+path+"?at="+at); got.StatusCode != status {
			t.Errorf("%s: %s", at, got.Status)
		}
	}
	before := objects(t, s, "ann")
	if got := ann.post(t, "/my/event/delete"+path, url.Values{"scope": {"all"}}); got.StatusCode != 303 || objects(t, s, "ann") != before-1 {
		t.Errorf("all: %s", got.Status)
	}
}

// Whoever saves what somebody has changed meanwhile sees both, and nothing is lost; a
// delete and a move by a tag of before are refused.
func TestPageEventConflict(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann := signedIn(t, s, "ann")
	path := ann.made(t, meeting())
	tag := do(t, client(), "GET", s.HTTP+path, "ann", "").Header.Get("ETag")
	form := ann.editing(t, path, "", meeting("title", "Mine", "place", "Here"))
	theirs := strings.Replace(icsOf(t, s, "ann", path), "SUMMARY:Budget", "SUMMARY:Theirs", 1)
	if got := do(t, client(), "PUT", s.HTTP+path, "ann", theirs, "Content-Type: text/calendar", "If-Match: "+tag); got.StatusCode != 204 {
		t.Fatalf("a program: %s %s", got.Status, got.Body)
	}
	now.move(time.Minute)
	got := ann.post(t, "/my/event/edit"+path, form)
	for _, want := range []string{`id="clash"`, "Theirs", `name="title" value="Mine"`, `name="place" value="Here"`} {
		if got.StatusCode != 412 || !strings.Contains(got.Body, want) {
			t.Errorf("%s, without %q:\n%s", got.Status, want, got.Body)
		}
	}
	for where, form := range map[string]url.Values{
		"/my/event/delete" + path: {"scope": {"all"}, "etag": {tag}}, "/my/event/move": {"path": {path}, "etag": {tag}, "start": {"2030-05-07T08:00"}, "end": {"2030-05-07T09:00"}},
		"/my/event/undo": {"path": {path}, "etag": {tag}, "was": {base64.StdEncoding.EncodeToString([]byte(icsOf(t, s, "ann", path)))}},
	} {
		if got := ann.post(t, where, form); got.StatusCode != 412 {
			t.Errorf("%s: %s", where, got.Status)
		}
	}
	if got := icsOf(t, s, "ann", path); !slices.Equal(values(got, "SUMMARY"), []string{"Theirs"}) || !slices.Equal(values(got, "DTSTART"), []string{"TZID=Europe/Berlin:20300506T120000"}) {
		t.Errorf("something was written:\n%s", got)
	}
	form.Set("seen", seenField.FindStringSubmatch(got.Body)[1])
	if got := ann.post(t, "/my/event/edit"+path, form); got.StatusCode != 303 || !slices.Equal(values(icsOf(t, s, "ann", path), "SUMMARY"), []string{"Mine"}) {
		t.Errorf("saved all the same: %s\n%s", got.Status, got.Body)
	}
}

// Who is invited finds the invitation, answers it on its page or in the list, and changes
// nothing else; the organizer sees the answer.
func TestPageEventAnswer(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann, bob := signedIn(t, s, "ann"), signedIn(t, s, "bob")
	path := ann.made(t, inviting(meeting()))
	series := ann.made(t, inviting(meeting("title", "Weekly", "repeat", "weekly", "weekday", "1", "count", "3", "start-time", "15:00", "end-time", "16:00")))
	list := bob.get(t, "/my/invitations").Body
	found := regexp.MustCompile(`href="/my/event(/calendars/[^"?]+)(?:\?[^"]*)?"[^>]*>(?:<bdi>)?(Budget|Weekly)`).FindAllStringSubmatch(list, -1)
	if len(found) != 2 || found[0][2] != "Budget" {
		t.Fatalf("%v\n%s", found, list)
	}
	own, ownSeries := found[0][1], found[1][1]
	page := bob.get(t, "/my/event"+own).Body
	if strings.Contains(page, "/my/event/edit") || !strings.Contains(page, `value="accept"`) || !strings.Contains(page, "Ann Example") {
		t.Errorf("bob's page:\n%s", page)
	}
	if got := bob.get(t, "/my/event/edit"+own); got.StatusCode != 403 {
		t.Errorf("bob edits: %s", got.Status)
	}
	if got := bob.post(t, "/my/event/move", url.Values{"path": {own}, "start": {"2030-05-07T08:00"}, "end": {"2030-05-07T09:00"}}); got.StatusCode != 403 {
		t.Errorf("bob moves: %s", got.Status)
	}
	if got := bob.post(t, "/my/event/answer"+own, url.Values{"answer": {"accept"}, "comment": {"Gladly"}}); got.StatusCode != 303 {
		t.Fatalf("accept: %s\n%s", got.Status, got.Body)
	}
	if page := ann.get(t, "/my/event"+path).Body; !regexp.MustCompile(`Bob Example</bdi> <span class="state good">accepted`).MatchString(page) || !strings.Contains(page, "<q>Gladly</q>") {
		t.Errorf("the organizer's page:\n%s", page)
	}
	if got := bob.post(t, "/my/event/answer"+ownSeries, url.Values{"answer": {"decline"}, "at": {"20300513T130000Z"}, "scope": {"once"}}); got.StatusCode != 303 {
		t.Fatalf("one date: %s\n%s", got.Status, got.Body)
	}
	state := func(at string) string {
		m := regexp.MustCompile(`Bob Example</bdi> <span class="state [a-z]*">([^<]*)`).FindStringSubmatch(ann.get(t, "/my/event"+series+"?at="+at).Body)
		if m == nil {
			t.Fatal("bob is not there")
		}
		return m[1]
	}
	if one, other := state("20300513T130000Z"), state("20300520T130000Z"); one != "declined" || other != "not answered yet" {
		t.Errorf("one date: %q, another: %q", one, other)
	}
	if got := bob.post(t, "/my/invitations", url.Values{"one": {ownSeries}, "answer": {"tentative"}}); got.StatusCode != 303 {
		t.Fatalf("in the list: %s\n%s", got.Status, got.Body)
	}
	if got := state("20300520T130000Z"); got != "maybe" {
		t.Errorf("after the list: %q", got)
	}
	if got := bob.get(t, "/my/invitations").Body; strings.Contains(got, "Budget") || strings.Contains(got, "Weekly") {
		t.Errorf("what was answered waits:\n%s", got)
	}
	if got := bob.post(t, "/my/invitations", url.Values{"answer": {"accept"}}); got.StatusCode != 303 {
		t.Errorf("none ticked: %s", got.Status)
	}
	if got := ann.post(t, "/my/event/answer"+path, url.Values{"answer": {"decline"}}); got.StatusCode == 303 && !slices.Equal(values(icsOf(t, s, "ann", path), "DTSTART"), []string{"TZID=Europe/Berlin:20300506T120000"}) {
		t.Errorf("the organizer answers: %s", got.Status)
	}
}

// Strangers learn nothing of an event and change nothing; a delegate who reads, reads; one
// who writes, writes, and the owner sees who it was.
func TestPageEventRights(t *testing.T) {
	c, now := eventPages(t)
	s := serveAt(t, c, now.now)
	ann, bob := signedIn(t, s, "ann"), signedIn(t, s, "bob")
	path := ann.made(t, meeting("title", "Secret plan"))
	before := icsOf(t, s, "ann", path)
	form := meeting("title", "Bob's plan")
	refused := func(who string, reads int) {
		t.Helper()
		if got := bob.get(t, "/my/event"+path); got.StatusCode != reads || strings.Contains(got.Body, "Secret plan") != (reads == 200) {
			t.Errorf("%s reads: %s\n%s", who, got.Status, got.Body)
		}
		for where, f := range map[string]url.Values{
			"/my/event/edit" + path: form, "/my/event/delete" + path: {"scope": {"all"}}, "/my/event/answer" + path: {"answer": {"accept"}},
			"/my/event/move": {"path": {path}, "start": {"2030-05-07T08:00"}, "end": {"2030-05-07T09:00"}},
			"/my/event/undo": {"path": {path}, "etag": {`"1"`}, "was": {""}},
		} {
			if got := bob.post(t, where, f); got.StatusCode != 403 && got.StatusCode != 404 && got.StatusCode != 412 {
				t.Errorf("%s, %s: %s\n%s", who, where, got.Status, got.Body)
			}
		}
		if got := icsOf(t, s, "ann", path); got != before {
			t.Fatalf("%s has changed it:\n%s", who, got)
		}
	}
	delegate := func(level string) {
		t.Helper()
		fields := url.Values{"who": {bobGUID}, "level": {level}, "scope": {"all"}, "notify": {"none"}, "schedule": {"on"}}
		if got := ann.post(t, "/my/delegates/save", fields); got.StatusCode != 303 {
			t.Fatalf("%s: %s\n%s", level, got.Status, got.Body)
		}
	}
	refused("a stranger", 403)
	delegate("read")
	refused("who reads", 200)
	if got := bob.get(t, "/my/event"+path).Body; strings.Contains(got, "/my/event/edit") || strings.Contains(got, "/my/event/delete") {
		t.Errorf("who reads is offered to change it:\n%s", got)
	}
	if got := ann.get(t, "/my/event"+path).Body; strings.Contains(got, "for you by") {
		t.Errorf("nobody has done anything:\n%s", got)
	}
	delegate("write")
	now.move(time.Minute)
	if got := bob.post(t, "/my/event/edit"+path, bob.editing(t, path, "", form)); got.StatusCode != 303 {
		t.Fatalf("who writes: %s\n%s", got.Status, got.Body)
	}
	if got := values(icsOf(t, s, "ann", path), "SUMMARY"); !slices.Equal(got, []string{"Bob's plan"}) {
		t.Errorf("%q", got)
	}
	foreign := func(method, name, body string) {
		t.Helper()
		if got := do(t, client(), method, s.HTTP+annCalendar+name, "bob", body, "Content-Type: text/calendar"); got.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %s %s", method, name, got.Status, got.Body)
		}
	}
	now.move(time.Minute)
	foreign("PUT", "dentist.ics", strings.NewReplacer("UID:one", "UID:dentist", "SUMMARY:Budget", "SUMMARY:Dentist").Replace(event))
	now.move(time.Minute)
	foreign("PUT", "gone.ics", strings.NewReplacer("UID:one", "UID:gone", "SUMMARY:Budget", "SUMMARY:Gone").Replace(event))
	foreign("DELETE", "gone.ics", "")
	if got := ann.get(t, "/my/event"+path).Body; !strings.Contains(got, `<dt>Changed for you by</dt><dd><bdi>Bob Example</bdi>, <time datetime="2030-05-01T06:01:00Z">`) || strings.Contains(got, "Made for you by") {
		t.Errorf("who changed it:\n%s", got)
	}
	if got := ann.get(t, "/my/event"+annCalendar+"dentist.ics").Body; !strings.Contains(got, `<dt>Made for you by</dt><dd><bdi>Bob Example</bdi>, <time datetime="2030-05-01T06:02:00Z">`) || strings.Contains(got, "Changed for you by") {
		t.Errorf("who made it:\n%s", got)
	}
	if got := bob.get(t, "/my/event"+annCalendar+"dentist.ics").Body; strings.Contains(got, "for you by") {
		t.Errorf("to bob it says that it was done for him:\n%s", got)
	}
	list := ann.get(t, "/my/delegates").Body
	at := 0
	for _, want := range []string{"Bob Example deleted “Gone”.", "Bob Example made “Dentist”.", "Bob Example changed “Bob&#39;s plan”."} {
		i := strings.Index(list[at:], want)
		if i < 0 {
			t.Fatalf("no %q after %d in\n%s", want, at, list)
		}
		at += i
	}
	delegate("read")
	if got := bob.post(t, "/my/event/delete"+path, url.Values{"scope": {"all"}}); got.StatusCode != 403 {
		t.Errorf("who writes no more deletes: %s", got.Status)
	}
	now.move(91 * 24 * time.Hour)
	ann = signedIn(t, s, "ann")
	ann.get(t, "/my/")
	if got := ann.post(t, "/my/event/edit"+path, ann.editing(t, path, "", meeting("title", "Mine"))); got.StatusCode != 303 {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
}
