package caldav_test

import (
	"strconv"
	"strings"
	"testing"
)

// RFC 4791 §5.3.4 and RFC 9110 §13, §14 of GET and HEAD.
func TestGet(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const path = home + "calendar/1.ics"
	lunch := event("lunch", "20260504T120000Z")
	tag := e.must(201, "ann", "PUT", path, lunch).Header.Get("ETag")
	e.must(201, "ann", "PUT", home+"calendar/zoned.ics", strings.Replace(event("zoned", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1))
	other := e.must(204, "ann", "PUT", path, lunch).Header.Get("ETag")
	e.rows(t, []row{
		{name: "RFC 4791 §5.3.4 the bytes that were stored", method: "GET", path: path, status: 200, want: []string{lunch}},
		{name: "RFC 9110 §13.1.2 If-None-Match", method: "GET", path: path, header: []string{"If-None-Match: " + other}, status: 304},
		{name: "RFC 9110 §13.1.2 one of a list, weak", method: "GET", path: path, header: []string{`If-None-Match: "x", W/` + other}, status: 304},
		{name: "RFC 9110 §13.1.2 If-None-Match: *", method: "GET", path: path, header: []string{"If-None-Match: *"}, status: 304},
		{name: "RFC 9110 §13.1.2 a tag of before", method: "GET", path: path, header: []string{"If-None-Match: " + tag}, status: 200},
		{name: "RFC 9110 §13.1.1 If-Match", method: "GET", path: path, header: []string{"If-Match: " + tag}, status: 412},
		{name: "RFC 9110 §13.1.1 If-Match is strong", method: "GET", path: path, header: []string{"If-Match: W/" + other}, status: 412},
		{name: "RFC 9110 §13.1.3 If-Modified-Since", method: "GET", path: path, header: []string{"If-Modified-Since: Mon, 04 May 2026 12:00:00 GMT"}, status: 304},
		{name: "RFC 9110 §13.1.3 means nothing beside If-None-Match", method: "GET", path: path, header: []string{"If-None-Match: " + tag, "If-Modified-Since: Mon, 04 May 2026 12:00:00 GMT"}, status: 200},
		{name: "RFC 9110 §13.1.4 If-Unmodified-Since", method: "GET", path: path, header: []string{"If-Unmodified-Since: Mon, 04 May 2020 12:00:00 GMT"}, status: 412},
		{name: "RFC 9110 §14.2 a range", method: "GET", path: path, header: []string{"Range: bytes=0-14"}, status: 206, want: []string{"BEGIN:VCALENDAR"}, not: []string{"UID"}},
		{name: "RFC 9110 §15.5.17 a range beyond", method: "GET", path: path, header: []string{"Range: bytes=100000-"}, status: 416},
		{name: "RFC 9110 §13.1.5 If-Range of before", method: "GET", path: path, header: []string{"Range: bytes=0-14", "If-Range: " + tag}, status: 200, want: []string{"UID"}},
		{name: "RFC 7265 §6 jCal", method: "GET", path: path, header: []string{"Accept: application/calendar+json"}, status: 200, want: []string{`["vcalendar"`}},
		{name: "RFC 9110 §12.5.1 the better of two", method: "GET", path: path, header: []string{"Accept: application/calendar+json;q=0.1, text/calendar"}, status: 200, want: []string{"BEGIN:VCALENDAR"}},
		{name: "RFC 7809 §3.1.3 a whole calendar with its time zones", method: "GET", path: home + "calendar/", header: []string{"CalDAV-Timezones: T"}, status: 200, want: []string{"TZID:Europe/Berlin", "UID:zoned"}},
		{name: "RFC 7809 §3.1.3 a whole calendar without", method: "GET", path: home + "calendar/", header: []string{"CalDAV-Timezones: F"}, status: 200, want: []string{"UID:zoned", "UID:lunch"}, not: []string{"VTIMEZONE"}},
		{name: "RFC 7809 §3.1.3 nor as jCal", method: "GET", path: home + "calendar/", header: []string{"CalDAV-Timezones: F", "Accept: application/calendar+json"}, status: 200, want: []string{`"zoned"`}, not: []string{"vtimezone"}},
		{name: "there is nothing", method: "GET", path: home + "calendar/none.ics", status: 404},
		{name: "RFC 3744 of a stranger", user: "bob", method: "GET", path: path, status: 403, want: []string{"need-privileges", "<D:read/>"}},
		{name: "RFC 3744 of a reader", user: "auditor", method: "GET", path: path, status: 200},
		{name: "RFC 4791 §6.1.1 free-busy is not read", user: "bob", method: "GET", path: home + "calendar/", status: 403},
		{name: "RFC 5995 §3.2 the address of new members", method: "GET", path: home + "calendar/;add-member", status: 405},
	})
	got := e.must(200, "ann", "GET", path, "")
	head := e.must(200, "ann", "HEAD", path, "")
	for _, name := range []string{"Etag", "Content-Type", "Last-Modified"} {
		if got.Header.Get(name) == "" || got.Header.Get(name) != head.Header.Get(name) {
			t.Errorf("RFC 9110 §9.3.2: %s is %q with GET, %q with HEAD", name, got.Header.Get(name), head.Header.Get(name))
		}
	}
	// That of a small GET is net/http's to say.
	if length := head.Header.Get("Content-Length"); length != strconv.Itoa(len(got.Body)) {
		t.Errorf("HEAD has Content-Length %q, GET a body of %d", length, len(got.Body))
	}
	if head.Body != "" {
		t.Errorf("HEAD has a body: %q", head.Body)
	}
	if tag := got.Header.Get("Etag"); !strings.HasPrefix(tag, `"`) {
		t.Errorf("RFC 4791 §5.3.4: the tag %s is not strong", tag)
	}
	for _, at := range []string{path, home + "calendar/"} {
		whole := e.must(200, "ann", "GET", at, "").Header
		unchanged := e.must(304, "ann", "GET", at, "", "If-None-Match: "+whole.Get("Etag")).Header
		for _, name := range []string{"Etag", "Vary", "Cache-Control"} {
			if whole.Get(name) == "" || unchanged.Get(name) != whole.Get(name) {
				t.Errorf("RFC 9110 §15.4.5: 304 of %s with %s %q, and 200 with %q", at, name, unchanged.Get(name), whole.Get(name))
			}
		}
	}
	found := e.must(207, "ann", "PROPFIND", path, ask("D:getetag"), "Depth: 0").Body
	if !strings.Contains(found, "<D:getetag>"+other) {
		t.Errorf("RFC 4791 §5.3.4: getetag is another than %s: %s", other, found)
	}
}

// RFC 7809 §3.1.3: definitions of standard time zones for who wants them.
func TestGetTimezones(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", strings.Replace(event("1", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1))
	own := strings.Replace(event("2", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Mine:", 1)
	own = strings.Replace(own, "BEGIN:VEVENT", "BEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT", 1)
	e.must(201, "ann", "PUT", cal+"2.ics", own)
	multiget := element("C:calendar-multiget", "<D:prop><C:calendar-data/></D:prop><D:href>"+cal+"1.ics</D:href><D:href>"+cal+"2.ics</D:href>")
	query := calendarQuery(`<C:comp-filter name="VEVENT"/>`, "<C:calendar-data/>")
	const zone, mine = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin", "BEGIN:VTIMEZONE\r\nTZID:Mine"
	e.rows(t, []row{
		{name: "§3.1.3 nothing said", method: "GET", path: cal + "1.ics", status: 200, want: []string{zone}},
		{name: "§7.1 T", method: "GET", path: cal + "1.ics", header: []string{"CalDAV-Timezones: T"}, status: 200, want: []string{zone}},
		{name: "§7.1 F", method: "GET", path: cal + "1.ics", header: []string{"CalDAV-Timezones: F"}, status: 200, not: []string{"VTIMEZONE"}},
		{name: "§3.1.3 one that is no standard", method: "GET", path: cal + "2.ics", header: []string{"CalDAV-Timezones: F"}, status: 200, want: []string{mine}},
	})
	for _, tt := range []struct{ name, body string }{{"multiget", multiget}, {"query", query}} {
		got := e.must(207, "ann", "REPORT", cal, tt.body, "Depth: 1", "CalDAV-Timezones: F").Body
		if strings.Count(got, "BEGIN:VTIMEZONE") != 1 || !strings.Contains(got, "TZID:Mine") {
			t.Errorf("§3.1.3 %s with F: %s", tt.name, got)
		}
		if got := e.must(207, "ann", "REPORT", cal, tt.body, "Depth: 1").Body; strings.Count(got, "BEGIN:VTIMEZONE") != 2 {
			t.Errorf("§3.1.3 %s: %s", tt.name, got)
		}
	}
}
