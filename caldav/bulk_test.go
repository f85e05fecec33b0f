package caldav_test

import (
	"convene/quota"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// resource is one ME:resource of a bulk change: a new object without a path.
func resource(path, data string, more ...string) string {
	s := "<M:resource>"
	if path != "" {
		s += "<D:href>" + path + "</D:href>"
	}
	s += strings.Join(more, "")
	if data != "" {
		s += "<D:set><D:prop><C:calendar-data>" + data + "</C:calendar-data></D:prop></D:set>"
	}
	return s + "</M:resource>"
}

const xmlHeader = `Content-Type: application/xml; charset="utf-8"`

// calendarserver-bulk-change §3: many events in one iCalendar stream.
func TestBulkCreate(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"taken.ics", event("taken", "20260504T120000Z"))
	body := func(more ...string) string {
		all := event("a", "20260504T120000Z")
		for _, m := range more {
			i, j := strings.Index(m, "BEGIN:VEVENT"), strings.Index(m, "END:VCALENDAR")
			all = strings.Replace(all, "END:VCALENDAR", m[i:j]+"END:VCALENDAR", 1)
		}
		return all
	}
	three := body(event("b", "20260505T120000Z"), event("taken", "20260506T120000Z"))
	e.rows(t, []row{
		{name: "§4 the property", method: "PROPFIND", path: cal, body: ask("M:bulk-requests"), header: []string{"Depth: 0"}, status: 400},
		{name: "§4 in its namespace", method: "PROPFIND", path: cal, body: strings.Replace(ask(), "</D:prop>", `<bulk-requests xmlns="http://me.com/_namespace/"/></D:prop>`, 1), header: []string{"Depth: 0"}, status: 207, want: []string{"simple>", "crud>", "max-resources>250<"}},
		{name: "RFC 3744 of a stranger", user: "bob", method: "POST", path: cal, body: three, header: []string{calendarHeader}, status: 403, want: []string{"need-privileges"}},
		{name: "RFC 3744 of a reader", user: "auditor", method: "POST", path: cal, body: three, header: []string{calendarHeader}, status: 403, want: []string{"need-privileges"}},
		{name: "§3 a type that is none of these", method: "POST", path: cal, body: three, header: []string{"Content-Type: text/plain"}, status: 403, want: []string{"<C:supported-calendar-data/>"}},
		{name: "§3 no iCalendar", method: "POST", path: cal, body: "hello", header: []string{calendarHeader}, status: 403, want: []string{"<C:valid-calendar-data/>"}},
		{name: "RFC 9110 §13.1.1 If-Match", method: "POST", path: cal, body: three, header: []string{calendarHeader, `If-Match: "nope"`}, status: 412},
		{name: "§3.2 a ctag of before", method: "POST", path: cal, body: three, header: []string{calendarHeader, "If: <http://me.com/_namespace/ctag/1>"}, status: 412},
	})
	got := e.must(207, "ann", "POST", cal, three, calendarHeader)
	if n := strings.Count(got.Body, "<D:response>"); n != 3 {
		t.Errorf("§3: %d responses: %s", n, got.Body)
	}
	for _, want := range []string{"<CS:uid>a</CS:uid>", "<CS:uid>b</CS:uid>", "no-uid-conflict", "<CS:uid>taken</CS:uid>", "<D:href/>", "HTTP/1.1 403"} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("§3: no %q in %s", want, got.Body)
		}
	}
	ctag := regexp.MustCompile(`<CS:getctag>([^<]*)<`).FindStringSubmatch(e.must(207, "ann", "PROPFIND", cal, ask("CS:getctag"), "Depth: 0").Body)
	if got.Header.Get("Ctag") != ctag[1] {
		t.Errorf("§3.2: CTag %q, and the calendar has %q", got.Header.Get("Ctag"), ctag[1])
	}
	for _, m := range regexp.MustCompile(`<D:href>([^<]+)</D:href>[^/]*<D:prop>\s*<D:getetag>([^<]*)</D:getetag>`).FindAllStringSubmatch(got.Body, -1) {
		if made := e.must(200, "ann", "GET", m[1], ""); made.Header.Get("ETag") != strings.ReplaceAll(m[2], "&#34;", `"`) {
			t.Errorf("§3: %s has the tag %s, told was %s", m[1], made.Header.Get("ETag"), m[2])
		}
	}
	e.rows(t, []row{{name: "§3 all are there", method: "REPORT", path: cal, body: calendarQuery(`<C:comp-filter name="VEVENT"/>`, "<CS:uid xmlns:CS=\"http://calendarserver.org/ns/\"/>"), header: []string{"Depth: 1"}, status: 207, want: []string{">a<", ">b<", ">taken<"}}})
	e.must(207, "ann", "POST", cal, event("c", "20260504T120000Z"), calendarHeader, "If: <http://me.com/_namespace/ctag/"+ctag[1]+">")

	zoned := strings.Replace(event("zoned", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1)
	if got := e.must(207, "ann", "POST", cal, zoned, calendarHeader).Body; strings.Contains(got, "getetag") || !strings.Contains(got, "<CS:uid>zoned") {
		t.Errorf("§3: a tag of what the server changed: %s", got)
	}
	zoned = strings.Replace(zoned, "UID:zoned", "UID:zoned2", 1)
	if got := e.must(207, "ann", "POST", cal, zoned, calendarHeader, "X-MobileMe-DAV-Options: return-changed-data").Body; !strings.Contains(got, "getetag") || !strings.Contains(got, "BEGIN:VTIMEZONE") {
		t.Errorf("§3: changed data that was asked for: %s", got)
	}
	series := body(strings.Replace(event("a", "20260505T150000Z"), "SUMMARY", "RECURRENCE-ID:20260505T120000Z\r\nSUMMARY", 1))
	series = strings.ReplaceAll(strings.Replace(series, "DURATION", "RRULE:FREQ=DAILY;COUNT=3\r\nDURATION", 1), "UID:a", "UID:series")
	if got := e.must(207, "ann", "POST", cal, series, calendarHeader).Body; strings.Count(got, "<D:response>") != 1 || strings.Contains(got, "403 Forbidden") {
		t.Errorf("§3: the parts of a series are one resource: %s", got)
	}
}

// calendarserver-bulk-change §4: create, update and delete in one request.
func TestBulkChange(t *testing.T) {
	e := newEnv(t)
	e.setLimits(func(l *quota.Limits) { l.ObjectBytes = 4000 })
	const cal = "/calendars/users/ann/calendar/"
	for _, n := range []string{"1", "2", "3"} {
		e.must(201, "ann", "PUT", cal+n+".ics", event(n, "20260504T120000Z"))
	}
	tag := e.must(200, "ann", "HEAD", cal+"1.ics", "").Header.Get("ETag")
	match := func(tag string) string {
		return "<M:if-match><D:getetag>" + tag + "</D:getetag></M:if-match>"
	}
	e.rows(t, []row{
		{name: "§4 another root", method: "POST", path: cal, body: element("M:other", ""), header: []string{xmlHeader}, status: 400},
		{name: "§4 no XML", method: "POST", path: cal, body: "<M:multiput", header: []string{xmlHeader}, status: 400},
		{name: "§4 more than are allowed", method: "POST", path: cal, body: element("M:multiput", strings.Repeat(resource("", event("x", "20260504T120000Z")), 251)), header: []string{xmlHeader}, status: 403, want: []string{"max-resources"}},
		{name: "RFC 3744 of a reader", user: "auditor", method: "POST", path: cal, body: element("M:multiput", resource("", event("x", "20260504T120000Z"))), header: []string{xmlHeader}, status: 403, want: []string{"need-privileges"}},
		{name: "§4.2 elsewhere", method: "POST", path: cal, body: element("M:multiput", resource("/calendars/users/bob/calendar/1.ics", event("x", "20260504T120000Z"))), header: []string{xmlHeader}, status: 207, want: []string{"<D:href>/calendars/users/bob/calendar/1.ics</D:href><D:status>HTTP/1.1 400"}},
	})
	e.rows(t, []row{{name: "§4 a response for each", method: "POST", path: cal, header: []string{xmlHeader}, status: 207,
		body: element("M:multiput", resource("", event("new", "20260504T120000Z"))+
			resource(cal+"1.ics", event("1", "20260505T130000Z"), match(tag))+
			resource(cal+"2.ics", event("2", "20260505T140000Z"), match(`"nope"`))+
			resource(cal+"3.ics", "", "<M:delete/>")+
			resource(cal+"none.ics", "", "<M:delete/>")+
			resource("", task("task"))+
			resource("", event("1", "20260505T130000Z"))),
		want: []string{"<CS:uid>new</CS:uid>", cal + "1.ics</D:href><D:propstat>", cal + "2.ics</D:href><D:status>HTTP/1.1 412", cal + "3.ics</D:href><D:status>HTTP/1.1 200",
			cal + "none.ics</D:href><D:status>HTTP/1.1 404", "supported-calendar-component", "<CS:uid>task</CS:uid>", "no-uid-conflict"}},
		{name: "§4.2 updated", method: "GET", path: cal + "1.ics", status: 200, want: []string{"20260505T130000Z"}},
		{name: "§4.2 not updated", method: "GET", path: cal + "2.ics", status: 200, want: []string{"20260504T120000Z"}},
		{name: "§4.3 deleted", method: "GET", path: cal + "3.ics", status: 404},
	})
	if got := e.must(207, "ann", "POST", cal, element("M:multiput", ""), xmlHeader).Body; strings.Contains(got, "<D:response>") {
		t.Errorf("nothing asked, told was %s", got)
	}
	var most strings.Builder
	for i := range 250 {
		most.WriteString(resource("", event(fmt.Sprint("many-", i), "20260504T120000Z")))
	}
	if got := e.must(207, "ann", "POST", cal, element("M:multiput", most.String()), xmlHeader).Body; strings.Count(got, "200 OK") != 250 {
		t.Errorf("as many as are allowed: %d", strings.Count(got, "200 OK"))
	}
}
