package caldav_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convene/auth"
	"convene/caldav"
	"convene/delegation"
	"convene/directory"
)

// What an event of these tests has in it, by how much one has to see to see it: its
// summary and its place, and what else there is.
var (
	summaryWords = []string{"SecretSummary", "SecretPlace"}
	otherWords   = []string{"SecretText", "SecretNote", "SecretGuest", "SecretOrganizer", "SecretKind", "SecretAlarm",
		"SecretParam", "SecretX", "SecretLink", "SecretContact", "SecretName", "SecretOverride"}
)

// secretEvent is a recurring event full of words that are not for everybody.
func secretEvent(uid, lines, calendarLines string) string {
	text := `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
X-WR-CALNAME:SecretName
` + calendarLines + `BEGIN:VEVENT
UID:` + uid + `
DTSTAMP:20260101T000000Z
DTSTART;X-NOTE=SecretParam:20260504T120000Z
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=3
SUMMARY;X-NOTE=SecretParam:SecretSummary
LOCATION;ALTREP="http://example.com/SecretLink":SecretPlace
DESCRIPTION:SecretText
COMMENT:SecretNote
CATEGORIES:SecretKind
CONTACT:SecretContact
URL:http://example.com/SecretLink
ATTENDEE;CN=SecretGuest:mailto:SecretGuest@example.net
ORGANIZER;CN=SecretOrganizer;SCHEDULE-AGENT=CLIENT:mailto:SecretOrganizer@example.net
X-OTHER:SecretX
` + lines + `BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:SecretAlarm
TRIGGER:-PT5M
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:` + uid + `
DTSTAMP:20260101T000000Z
RECURRENCE-ID:20260505T120000Z
DTSTART:20260505T130000Z
DURATION:PT1H
SUMMARY:SecretSummary
DESCRIPTION:SecretOverride
ORGANIZER;CN=SecretOrganizer;SCHEDULE-AGENT=CLIENT:mailto:SecretOrganizer@example.net
END:VEVENT
END:VCALENDAR
`
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// A sight is how much somebody sees.
type sight int

const (
	whole sight = iota
	summary
	times
	nothing
)

// secretEvents are those of each restriction, and how much of them is seen by those
// above whom they stand.
var secretEvents = []struct {
	name, lines, calendarLines string
	others                     sight
}{
	{"plain", "", "", whole},
	{"public", "", "X-CALENDARSERVER-ACCESS:PUBLIC\n", whole},
	{"restricted", "", "X-CALENDARSERVER-ACCESS:RESTRICTED\n", summary},
	{"confidential", "", "X-CALENDARSERVER-ACCESS:CONFIDENTIAL\n", times},
	{"private", "", "X-CALENDARSERVER-ACCESS:PRIVATE\n", nothing},
	{"class-private", "CLASS:PRIVATE\n", "", times},
	{"class-confidential", "CLASS:CONFIDENTIAL\n", "", times},
	{"class-public", "CLASS:PUBLIC\n", "", whole},
	{"both", "CLASS:PRIVATE\n", "X-CALENDARSERVER-ACCESS:RESTRICTED\n", summary},
}

const privateCalendar = "/calendars/users/ann/calendar/"

// privateEnv has ann's secret events, and everybody who reads them: by name, with
// whether they see all, and may write.
func privateEnv(t *testing.T, change ...func(*caldav.Limits)) (*env, map[string]*auth.Caller) {
	e := newEnv(t, change...)
	callers := map[string]*auth.Caller{}
	for _, name := range []string{"ann", "boss", "auditor", "confidant", "deputy", "assistant"} {
		callers[name] = &auth.Caller{Principal: &directory.Principal{GUID: guid(name), Type: directory.User, Name: name, CalendarEnabled: true}, Login: name}
	}
	e.delegate("ann", "confidant", delegation.LevelWrite, seesPrivate)
	e.delegate("ann", "deputy", delegation.LevelWrite)
	e.delegate("ann", "assistant", delegation.LevelRead)
	for _, ev := range secretEvents {
		e.must(201, "ann", "PUT", privateCalendar+ev.name+".ics", secretEvent(ev.name, ev.lines, ev.calendarLines))
	}
	// One that is busy when no other is.
	alone := strings.Replace(event("alone", "20260510T120000Z"), "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nBEGIN:VEVENT", 1)
	e.must(201, "ann", "PUT", privateCalendar+"alone.ics", alone)
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	return e, callers
}

func seesPrivate(l *delegation.Limits) { l.SeePrivate = true }

// seesAll are those from whom nothing is kept.
var seesAll = []string{"ann", "boss", "auditor", "confidant"}

// checkSight fails unless text, about one event, shows as much as s.
func checkSight(t *testing.T, what, text string, s sight) {
	t.Helper()
	for words, shown := range map[*[]string]bool{&summaryWords: s <= summary, &otherWords: s == whole} {
		for _, word := range *words {
			if word == "SecretName" && s == whole {
				continue // is not in every form
			}
			if got := strings.Contains(text, word); got != shown {
				t.Errorf("%s: %s is shown: %v, want %v", what, word, got, shown)
			}
		}
	}
	if s == times && !strings.Contains(strings.ToUpper(text), "20260504T120000Z") && !strings.Contains(text, "2026-05-04T12:00:00Z") {
		t.Errorf("%s: no times in %s", what, text)
	}
}

// part is the response about one object in a multistatus; "" if there is none.
func part(body, name string) string {
	for _, response := range strings.Split(body, "<D:response>")[1:] {
		if strings.Contains(response, "/"+name+".ics</D:href>") {
			return response
		}
	}
	return ""
}

// Whoever reads it, in whatever way: of a private event nobody sees more than they
// may (calendarserver-private-events §4.2.4).
func TestPrivateReading(t *testing.T) {
	e, callers := privateEnv(t)
	data := element("C:calendar-query", `<D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>`)
	expand := element("C:calendar-query", `<D:prop><C:calendar-data><C:expand start="20260501T000000Z" end="20260601T000000Z"/></C:calendar-data></D:prop>`+
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260501T000000Z" end="20260601T000000Z"/></C:comp-filter></C:comp-filter></C:filter>`)
	jcal := element("C:calendar-query", `<D:prop><C:calendar-data content-type="application/calendar+json" version="2.0"/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>`)
	sync := element("D:sync-collection", `<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	homeSync := element("D:sync-collection", `<D:sync-token/><D:sync-level>infinite</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	allprop := element("D:propfind", `<D:allprop/><D:include><C:calendar-data/><D:getetag/></D:include>`)
	var hrefs strings.Builder
	for _, ev := range secretEvents {
		fmt.Fprintf(&hrefs, "<D:href>%s%s.ics</D:href>", privateCalendar, ev.name)
	}
	multiget := element("C:calendar-multiget", `<D:prop><D:getetag/><C:calendar-data/></D:prop>`+hrefs.String())
	etags := map[string]string{}
	for _, ev := range secretEvents {
		etags[ev.name] = e.must(200, "ann", "GET", privateCalendar+ev.name+".ics", "").Header.Get("ETag")
	}
	for name, c := range callers {
		t.Run(name, func(t *testing.T) {
			for _, ev := range secretEvents {
				want, path := ev.others, privateCalendar+ev.name+".ics"
				if slices.Contains(seesAll, name) {
					want = whole
				}
				checkObject(t, e, c, path, want, etags[ev.name])
				for what, r := range map[string]struct{ method, path, body, depth string }{
					"query": {"REPORT", privateCalendar, data, "1"}, "expand": {"REPORT", privateCalendar, expand, "1"},
					"jCal": {"REPORT", privateCalendar, jcal, "1"}, "query of the home": {"REPORT", "/calendars/users/ann/", data, "1"},
					"sync": {"REPORT", privateCalendar, sync, "0"}, "sync of the home": {"REPORT", "/calendars/users/ann/", homeSync, "0"},
					"PROPFIND": {"PROPFIND", privateCalendar, allprop, "1"}, "multiget": {"REPORT", privateCalendar, multiget, "0"},
				} {
					got := e.as(c, r.method, r.path, r.body, "Depth: "+r.depth)
					if got.Status != 207 {
						t.Fatalf("%s = %d %s", what, got.Status, got.Body)
					}
					about := part(got.Body, ev.name)
					if denied := strings.Contains(about, "403 Forbidden"); denied != (want == nothing && what == "multiget") {
						t.Errorf("%s of %s is denied: %v", what, ev.name, denied)
					}
					if listed := about != ""; listed != (want != nothing || what == "multiget") {
						t.Errorf("%s lists %s: %v", what, ev.name, listed)
					}
					if want != nothing {
						checkSight(t, what+" of "+ev.name, about, want)
						if strings.Contains(r.body, "getetag") && !strings.Contains(about, etags[ev.name]) {
							t.Errorf("%s of %s has another ETag than %s: %s", what, ev.name, etags[ev.name], about)
						}
					}
				}
			}
			checkWholes(t, e, c, slices.Contains(seesAll, name))
		})
	}
}

// checkObject reads one object by itself, in every way.
func checkObject(t *testing.T, e *env, c *auth.Caller, path string, want sight, etag string) {
	t.Helper()
	get := e.as(c, "GET", path, "")
	if want == nothing {
		for _, method := range []string{"GET", "HEAD", "PROPFIND", "REPORT"} {
			body := map[string]string{"REPORT": calendarQuery("")}[method]
			if got := e.as(c, method, path, body, "Depth: 0"); got.Status != 403 || strings.Contains(got.Body, "Secret") {
				t.Errorf("%s %s = %d %s, want 403", method, path, got.Status, got.Body)
			}
		}
		return
	}
	if get.Status != 200 || get.Header.Get("ETag") != etag {
		t.Fatalf("GET %s = %d, ETag %s, want %s", path, get.Status, get.Header.Get("ETag"), etag)
	}
	checkSight(t, "GET "+path, get.Body, want)
	length := strconv.Itoa(len(get.Body))
	if head := e.as(c, "HEAD", path, ""); head.Header.Get("Content-Length") != length {
		t.Errorf("HEAD %s: length %s, want %s", path, head.Header.Get("Content-Length"), length)
	}
	if got := e.as(c, "PROPFIND", path, ask("D:getcontentlength"), "Depth: 0"); !strings.Contains(got.Body, ">"+length+"</D:getcontentlength>") {
		t.Errorf("%s: DAV:getcontentlength is not %s: %s", path, length, got.Body)
	}
	if got := e.as(c, "GET", path, "", "Range: bytes=10-"); got.Status != 206 || got.Body != get.Body[10:] {
		t.Errorf("GET %s from byte 10 = %d %q", path, got.Status, got.Body)
	}
	if got := e.as(c, "GET", path, "", "If-None-Match: "+etag); got.Status != 304 {
		t.Errorf("GET %s again = %d", path, got.Status)
	}
	checkSight(t, "jCal of "+path, e.as(c, "GET", path, "", "Accept: application/calendar+json").Body, want)
	checkSight(t, "PROPFIND of "+path, e.as(c, "PROPFIND", path, ask("C:calendar-data"), "Depth: 0").Body, want)
	refused := e.as(c, "PUT", path, "BEGIN:VCALENDAR", `If-Match: "never"`, "Prefer: return=representation", "Content-Type: text/calendar")
	if want != whole && strings.Contains(refused.Body, "SecretText") {
		t.Errorf("a refused PUT shows %s", refused.Body)
	}
}

// checkWholes reads what is of all of the calendar.
func checkWholes(t *testing.T, e *env, c *auth.Caller, all bool) {
	t.Helper()
	for what, got := range map[string]answer{
		"the calendar":         e.as(c, "GET", privateCalendar, ""),
		"the calendar as jCal": e.as(c, "GET", privateCalendar, "", "Accept: application/calendar+json"),
		"the page":             e.as(c, "GET", privateCalendar, "", "Accept: text/html"),
	} {
		n := strings.Count(got.Body, "SecretText")
		want := map[bool]int{true: len(secretEvents), false: 3}[all]
		if what == "the page" {
			want = 0
		}
		if got.Status != 200 || n != want {
			t.Errorf("%s = %d, with %d descriptions, want %d", what, got.Status, n, want)
		}
		if names := map[string]string{"the page": "/private.ics"}[what]; names == "" {
			continue
		} else if strings.Contains(got.Body, names) != all {
			t.Errorf("%s lists the private event: %v", what, !all)
		}
	}
	busy := e.as(c, "REPORT", privateCalendar, freeBusyQuery(`<C:time-range start="20260510T000000Z" end="20260511T000000Z"/>`), "Depth: 1")
	if busy.Status != 200 || !strings.Contains(busy.Body, "FREEBUSY;FBTYPE=BUSY:20260510T120000Z/PT1H") || strings.Contains(busy.Body, "Secret") {
		t.Errorf("free-busy = %d %s", busy.Status, busy.Body)
	}
}

// What a query asks about matches nothing that the caller does not see
// (calendarserver-private-events §4.2.2.4).
func TestPrivateMatching(t *testing.T) {
	e, callers := privateEnv(t)
	comp := func(inner string) string {
		return element("C:calendar-query", `<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">`+inner+`</C:comp-filter></C:comp-filter></C:filter>`)
	}
	prop := func(name, text string) string {
		return comp(`<C:prop-filter name="` + name + `"><C:text-match>` + text + `</C:text-match></C:prop-filter>`)
	}
	for name, tt := range map[string]struct {
		body  string
		least sight // the most restricted view in which it matches
		not   bool  // it matches the others instead
	}{
		"summary":        {body: prop("SUMMARY", "secretsummary"), least: summary},
		"place":          {body: prop("LOCATION", "secretplace"), least: summary},
		"description":    {body: prop("DESCRIPTION", "secrettext"), least: whole},
		"attendee":       {body: prop("ATTENDEE", "secretguest"), least: whole},
		"no description": {body: comp(`<C:prop-filter name="DESCRIPTION"><C:is-not-defined/></C:prop-filter>`), least: whole, not: true},
		"alarm":          {body: comp(`<C:comp-filter name="VALARM"/>`), least: whole},
		"alarm's time":   {body: comp(`<C:comp-filter name="VALARM"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:comp-filter>`), least: whole},
		"UID":            {body: prop("UID", "e"), least: times},
		"parameter":      {body: comp(`<C:prop-filter name="DTSTART"><C:param-filter name="X-NOTE"/></C:prop-filter>`), least: whole},
		"time":           {body: comp(`<C:time-range start="20260504T000000Z" end="20260505T000000Z"/>`), least: times},
	} {
		t.Run(name, func(t *testing.T) {
			for caller, c := range callers {
				got := e.as(c, "REPORT", privateCalendar, tt.body, "Depth: 1")
				for _, ev := range secretEvents {
					sees := ev.others
					if slices.Contains(seesAll, caller) {
						sees = whole
					}
					want := sees <= tt.least
					if tt.not {
						want = !want && sees != nothing
						if sees == whole {
							want = false
						}
					}
					if name == "UID" {
						want = want && strings.Contains(ev.name, "e")
					}
					// The override has no alarm and no place: a master that has them matches.
					if got := part(got.Body, ev.name) != ""; got != want && !(name == "no description") {
						t.Errorf("%s, %s: matches %v, want %v", caller, ev.name, got, want)
					} else if name == "no description" && got != want {
						t.Errorf("%s, %s: matches %v, want %v", caller, ev.name, got, want)
					}
				}
			}
		})
	}
}

// Others change nothing of what is restricted, take it nowhere, and do not do away
// with what they do not see (calendarserver-private-events §4.2.3).
func TestPrivateWriting(t *testing.T) {
	e, callers := privateEnv(t)
	e.delegate("bob", "deputy", delegation.LevelWrite)
	e.delegate("bob", "confidant", delegation.LevelWrite)
	status := func(c *auth.Caller, method, path, body string, headers ...string) int {
		return e.as(c, method, path, body, headers...).Status
	}
	e.must(201, "ann", "PUT", privateCalendar+"spare.ics", event("spare", "20260504T120000Z"))
	for i, ev := range secretEvents {
		path, open := privateCalendar+ev.name+".ics", ev.others == whole
		body := secretEvent(ev.name, ev.lines, ev.calendarLines)
		for name, may := range map[string]bool{"assistant": false, "deputy": open, "confidant": true} {
			c := callers[name]
			want := func(open, denied int) int {
				if may {
					return open
				}
				return denied
			}
			bulk := element("M:multiput", `<M:resource><D:href>`+path+`</D:href><D:set><D:prop><x:color>red</x:color></D:prop></D:set></M:resource>`)
			for what, got := range map[string][2]int{
				"PUT":       {status(c, "PUT", path, body, "Content-Type: text/calendar"), want(204, 403)},
				"PROPPATCH": {status(c, "PROPPATCH", path, setting("D:propertyupdate", "<x:color>red</x:color>")), want(207, 403)},
			} {
				if got[0] != got[1] {
					t.Errorf("%s: %s of %s = %d, want %d", name, what, ev.name, got[0], got[1])
				}
			}
			if name == "assistant" {
				continue
			}
			if got := e.as(c, "POST", privateCalendar, bulk, "Content-Type: text/xml"); strings.Contains(got.Body, "403 Forbidden") == may {
				t.Errorf("%s: bulk of %s = %s", name, ev.name, got.Body)
			}
			to := fmt.Sprintf("Destination: /calendars/users/bob/calendar/%d-%s.ics", i, name)
			taken := 201
			if !may || ev.calendarLines != "" && !strings.Contains(ev.calendarLines, "PUBLIC") {
				taken = 403 // bob's calendar is not the confidant's either
			}
			if got := e.as(c, "COPY", path, "", to); got.Status != taken {
				t.Errorf("%s: COPY of %s = %d %s, want %d", name, ev.name, got.Status, got.Body, taken)
			}
			if taken == 201 {
				e.must(204, "bob", "DELETE", strings.TrimPrefix(to, "Destination: "), "")
			}
			if got := e.as(c, "MOVE", path, "", "Destination: "+privateCalendar+"moved.ics"); may != (got.Status == 201) || !may && got.Status != 403 {
				t.Errorf("%s: MOVE of %s = %d %s", name, ev.name, got.Status, got.Body)
			}
			if may {
				e.must(201, "ann", "MOVE", privateCalendar+"moved.ics", "", "Destination: "+path)
			}
			if got := e.as(c, "COPY", privateCalendar+"spare.ics", "", "Destination: "+path); !may && got.Status != 403 {
				t.Errorf("%s: COPY over %s = %d", name, ev.name, got.Status)
			}
		}
		removed := map[bool]int{true: 403, false: 204}[ev.others == nothing]
		if got := status(callers["deputy"], "DELETE", path, ""); got != removed {
			t.Errorf("DELETE of %s = %d, want %d", ev.name, got, removed)
		}
		bulk := element("M:multiput", `<M:resource><D:href>`+path+`</D:href><M:delete/></M:resource>`)
		if got := e.as(callers["deputy"], "POST", privateCalendar, bulk, "Content-Type: text/xml"); removed == 403 && !strings.Contains(got.Body, "403 Forbidden") {
			t.Errorf("bulk delete of %s: %s", ev.name, got.Body)
		}
	}
}

// Who may set a restriction and lift it, whatever way it comes
// (calendarserver-private-events §4.2.6).
func TestAccessChanges(t *testing.T) {
	e, callers := privateEnv(t)
	values := map[string]string{"none": "", "PUBLIC": "PUBLIC", "PRIVATE": "PRIVATE", "CONFIDENTIAL": "CONFIDENTIAL", "lower case": "private", "unknown": "SECRET", "twice": "PUBLIC\nX-CALENDARSERVER-ACCESS:PUBLIC"}
	may := map[string]bool{"ann": true, "boss": false, "confidant": false, "deputy": false}
	n := 0
	for caller, owner := range may {
		for name, value := range values {
			n++
			line := ""
			if value != "" {
				line = "X-CALENDARSERVER-ACCESS:" + value + "\n"
			}
			want, condition := 201, ""
			switch {
			case name == "unknown" || name == "twice":
				want, condition = 403, "valid-access-restriction"
			case !owner && value != "" && value != "PUBLIC":
				want, condition = 403, "valid-access-restriction-change"
			}
			uid := fmt.Sprint("change", n)
			put := e.as(callers[caller], "PUT", privateCalendar+uid+".ics", secretEvent(uid, "", line), "Content-Type: text/calendar")
			checkRefusal(t, caller+" puts "+name, put, want, condition)
			post := e.as(callers[caller], "POST", privateCalendar+"?add-member", secretEvent(uid+"p", "", line), "Content-Type: text/calendar")
			if post.Status == 404 || post.Status == 405 {
				t.Fatalf("POST = %d", post.Status)
			}
			bulk := e.as(callers[caller], "POST", privateCalendar, secretEvent(uid+"b", "", line), "Content-Type: text/calendar")
			if bulk.Status != 207 || strings.Contains(bulk.Body, "<CS:"+condition+"/>") != (condition != "") {
				t.Errorf("%s posts %s in bulk: %d %s, want %q", caller, name, bulk.Status, bulk.Body, condition)
			}
		}
	}
}

func checkRefusal(t *testing.T, what string, got answer, status int, condition string) {
	t.Helper()
	if got.Status != status || condition != "" && !strings.Contains(declarations.ReplaceAllString(got.Body, ""), "<CS:"+condition+"/>") {
		t.Errorf("%s: %d %s, want %d %s", what, got.Status, got.Body, status, condition)
	}
}

// A client that does not know the property leaves it out, and so changes nothing;
// one that says it anew does, if it may.
func TestAccessIsKept(t *testing.T) {
	const path = privateCalendar + "private.ics"
	for name, tt := range map[string]struct {
		caller, line string
		status       int
		after        string
	}{
		"left out by the owner":          {"ann", "", 204, "PRIVATE"},
		"left out by a confidant":        {"confidant", "", 204, "PRIVATE"},
		"left out by administrators":     {"boss", "", 204, "PRIVATE"},
		"the same from a confidant":      {"confidant", "PRIVATE", 204, "PRIVATE"},
		"the same from an administrator": {"boss", "PRIVATE", 204, "PRIVATE"},
		"lifted by the owner":            {"ann", "PUBLIC", 204, "PUBLIC"},
		"lifted by an administrator":     {"boss", "PUBLIC", 204, "PUBLIC"},
		"lifted by a confidant":          {"confidant", "PUBLIC", 403, "PRIVATE"},
		"loosened by a confidant":        {"confidant", "RESTRICTED", 403, "PRIVATE"},
		"loosened by administrators":     {"boss", "RESTRICTED", 403, "PRIVATE"},
		"loosened by the owner":          {"ann", "RESTRICTED", 204, "RESTRICTED"},
	} {
		t.Run(name, func(t *testing.T) {
			e, callers := privateEnv(t)
			line := ""
			if tt.line != "" {
				line = "X-CALENDARSERVER-ACCESS:" + tt.line + "\n"
			}
			got := e.as(callers[tt.caller], "PUT", path, secretEvent("private", "", line), "Content-Type: text/calendar")
			if got.Status != tt.status {
				t.Fatalf("PUT = %d %s", got.Status, got.Body)
			}
			if tagged := got.Header.Get("ETag") != ""; got.Status == 204 && tagged != (tt.line != "") {
				t.Errorf("an ETag for what was changed: %v", tagged)
			}
			if body := e.must(200, "ann", "GET", path, "").Body; !strings.Contains(body, "X-CALENDARSERVER-ACCESS:"+tt.after+"\r\n") {
				t.Errorf("stored: %s", body)
			}
		})
	}
}

// A restricted object goes with its owner, and with nobody else.
func TestPrivateCollections(t *testing.T) {
	e, callers := privateEnv(t)
	for _, name := range []string{"ann", "deputy", "confidant"} {
		e.delegate("bob", name, delegation.LevelWrite, seesPrivate)
	}
	const to = "Destination: /calendars/users/bob/copy/"
	for _, name := range []string{"ann", "deputy", "confidant"} {
		if got := e.as(callers[name], "COPY", privateCalendar, "", to); got.Status != 403 {
			t.Errorf("%s copies a calendar with private events to bob: %d %s", name, got.Status, got.Body)
		}
	}
	for _, ev := range secretEvents {
		if ev.others != whole {
			e.must(204, "ann", "DELETE", privateCalendar+ev.name+".ics", "")
		}
	}
	e.must(204, "ann", "DELETE", privateCalendar+"alone.ics", "")
	for i, name := range []string{"ann", "deputy", "confidant"} {
		if got := e.as(callers[name], "COPY", privateCalendar, "", strings.Replace(to, "copy", fmt.Sprint("copy", i), 1)); got.Status != 201 {
			if strings.Contains(got.Body, "unique-scheduling-object-resource") {
				continue // bob has it by the first already
			}
			t.Errorf("%s copies one without: %d %s", name, got.Status, got.Body)
		}
	}
}

// A client that saw an event hears that it is gone when it becomes private, and of
// one that was never theirs to see it hears nothing (RFC 6578 §3.5.2).
func TestPrivateSync(t *testing.T) {
	e, callers := privateEnv(t)
	report := func(c *auth.Caller, token string) string {
		got := e.as(c, "REPORT", privateCalendar, syncBody(token, 0), "Depth: 0")
		if got.Status != 207 {
			t.Fatalf("sync = %d %s", got.Status, got.Body)
		}
		return got.Body
	}
	token := func(body string) string {
		_, rest, _ := strings.Cut(body, "<D:sync-token>")
		value, _, _ := strings.Cut(rest, "<")
		return value
	}
	first := report(callers["deputy"], "")
	if token(first) != token(report(callers["ann"], "")) {
		t.Error("the sync token depends on who asks")
	}
	e.must(204, "ann", "PUT", privateCalendar+"plain.ics", secretEvent("plain", "", "X-CALENDARSERVER-ACCESS:PRIVATE\n"))
	e.must(201, "ann", "PUT", privateCalendar+"new.ics", secretEvent("new", "", "X-CALENDARSERVER-ACCESS:PRIVATE\n"))
	next := report(callers["deputy"], token(first))
	if got := part(next, "plain"); !strings.Contains(got, "404 Not Found") {
		t.Errorf("what has become private: %q", got)
	}
	if got := part(next, "new"); got != "" {
		t.Errorf("what was always private: %q", got)
	}
	own := report(callers["ann"], token(first))
	if part(own, "plain") == "" || part(own, "new") == "" || strings.Contains(own, "404 Not Found") {
		t.Errorf("the owner hears %s", own)
	}
}

// What one reader is shown is never given to another, in whatever order they come.
func TestPrivateCachesAreWhole(t *testing.T) {
	e, callers := privateEnv(t)
	names := slices.Sorted(maps.Keys(callers))
	for round := range 3 {
		for i := range names {
			name := names[(i*5+round)%len(names)]
			for _, ev := range secretEvents {
				want := ev.others
				if slices.Contains(seesAll, name) {
					want = whole
				}
				got := e.as(callers[name], "GET", privateCalendar+ev.name+".ics", "")
				if want == nothing {
					if got.Status != http.StatusForbidden {
						t.Errorf("%s gets %s: %d", name, ev.name, got.Status)
					}
					continue
				}
				checkSight(t, name+" gets "+ev.name, got.Body, want)
			}
		}
	}
}

// calendars.class says for whom CLASS makes an event private.
func TestClass(t *testing.T) {
	for class, reduced := range map[caldav.Class][]string{
		caldav.ClassSharees: {"assistant", "deputy"},
		caldav.ClassAll:     {"assistant", "auditor", "deputy"},
		caldav.ClassIgnored: nil,
	} {
		t.Run(string(class), func(t *testing.T) {
			e, callers := privateEnv(t, func(l *caldav.Limits) { l.Class = class })
			for name, c := range callers {
				want := whole
				if slices.Contains(reduced, name) {
					want = times
				}
				got := e.as(c, "GET", privateCalendar+"class-private.ics", "")
				checkSight(t, name, got.Body, want)
			}
		})
	}
}

// While the directory does not say who the administrators are, nobody is shown a part
// that may be too little: 503.
func TestPrivateWithoutDirectory(t *testing.T) {
	e, callers := privateEnv(t)
	e.policy.Incomplete = true
	for _, name := range []string{"deputy", "assistant"} {
		for _, ev := range secretEvents {
			want := 200
			if ev.others != whole {
				want = 503
			}
			if got := e.as(callers[name], "GET", privateCalendar+ev.name+".ics", ""); got.Status != want {
				t.Errorf("%s gets %s: %d, want %d", name, ev.name, got.Status, want)
			}
		}
	}
	e.must(200, "ann", "GET", privateCalendar+"private.ics", "")
}
