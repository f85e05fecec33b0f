package caldav_test

import (
	"strings"
	"testing"

	"convene/caldav"
	"convene/quota"
)

const calendarHeader = "Content-Type: text/calendar; charset=utf-8"

// RFC 5995: a member under a name of the server's choice.
func TestAddMember(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.Instances = 100 })
	e.setLimits(func(l *quota.Limits) { l.ObjectBytes, l.Attendees = 4000, 2 })
	const cal = "/calendars/users/ann/calendar/"
	const at = cal + ";add-member"
	e.rows(t, []row{
		{name: "RFC 5995 §3.2.1 the property", method: "PROPFIND", path: cal, body: ask("D:add-member"), header: []string{"Depth: 0"}, status: 207, want: []string{"<D:add-member><D:href>" + at + "</D:href>"}},
		{name: "RFC 5995 §3.2.1 not in allprop", method: "PROPFIND", path: cal, header: []string{"Depth: 0"}, status: 207, not: []string{"add-member"}},
		{name: "RFC 5995 §3.2.3 supported-method-set", method: "PROPFIND", path: cal, body: ask("D:supported-method-set"), header: []string{"Depth: 0"}, status: 207, want: []string{`name="POST"`}},
		{name: "RFC 5995 §3.2.2 without a type", method: "POST", path: at, body: event("a", "20260504T120000Z"), status: 400},
		{name: "RFC 4791 §5.3.2.1 supported-calendar-data", method: "POST", path: at, body: event("a", "20260504T120000Z"), header: []string{"Content-Type: text/plain"}, status: 403, want: []string{"<C:supported-calendar-data/>"}},
		{name: "RFC 4791 §5.3.2.1 valid-calendar-data", method: "POST", path: at, body: "hello", header: []string{calendarHeader}, status: 403, want: []string{"<C:valid-calendar-data/>"}},
		{name: "RFC 4791 §5.3.2.1 valid-calendar-object-resource", method: "POST", path: at, body: strings.Replace(event("a", "20260504T120000Z"), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH", 1), header: []string{calendarHeader}, status: 403, want: []string{"<C:valid-calendar-object-resource/>"}},
		{name: "RFC 4791 §5.3.2.1 supported-calendar-component", method: "POST", path: at, body: task("a"), header: []string{calendarHeader}, status: 403, want: []string{"<C:supported-calendar-component/>"}},
		{name: "RFC 4791 §5.3.2.1 max-resource-size", method: "POST", path: at, body: event("a", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 5000)), header: []string{calendarHeader}, status: 403, want: []string{"<C:max-resource-size/>"}},
		{name: "RFC 4791 §5.3.2.1 max-instances", method: "POST", path: at, body: event("a", "20260504T120000Z", "RRULE:FREQ=DAILY;COUNT=101"), header: []string{calendarHeader}, status: 403, want: []string{"<C:max-instances/>"}},
		{name: "RFC 4791 §5.3.2.1 max-attendees-per-instance", method: "POST", path: at, body: event("a", "20260504T120000Z", "ATTENDEE:mailto:a@x.org", "ATTENDEE:mailto:b@x.org", "ATTENDEE:mailto:c@x.org"), header: []string{calendarHeader}, status: 403, want: []string{"<C:max-attendees-per-instance/>"}},
		{name: "RFC 5995 §5 bind", user: "bob", method: "POST", path: at, body: event("a", "20260504T120000Z"), header: []string{calendarHeader}, status: 403, want: []string{"need-privileges><D:resource><D:href>" + cal + "</D:href>", "<D:bind/>"}},
		{name: "RFC 3744 of a reader", user: "auditor", method: "POST", path: at, body: event("a", "20260504T120000Z"), header: []string{calendarHeader}, status: 403, want: []string{"need-privileges", "<D:bind/>"}},
		{name: "RFC 5995 §3.2 no such calendar", method: "POST", path: "/calendars/users/ann/none/;add-member", body: event("a", "20260504T120000Z"), header: []string{calendarHeader}, status: 404},
		{name: "RFC 5995 §3.2 PUT there", method: "PUT", path: at, body: event("a", "20260504T120000Z"), header: []string{calendarHeader}, status: 405},
		{name: "RFC 5995 §3.2 MKCALENDAR there", method: "MKCALENDAR", path: at, status: 405},
		{name: "nothing was made", method: "REPORT", path: cal, body: calendarQuery(`<C:comp-filter name="VEVENT"/>`), header: []string{"Depth: 1"}, status: 207, not: []string{"<D:response>"}},
	})
	made := e.must(201, "ann", "POST", at, event("a", "20260504T120000Z"), calendarHeader)
	path := made.Header.Get("Location")
	if !strings.HasPrefix(path, cal) || made.Header.Get("ETag") == "" {
		t.Fatalf("RFC 5995 §3.2.2: Location %q, ETag %q", path, made.Header.Get("ETag"))
	}
	got := e.must(200, "ann", "GET", path, "")
	if got.Header.Get("ETag") != made.Header.Get("ETag") || got.Body != event("a", "20260504T120000Z") {
		t.Errorf("GET = %s %q", got.Header.Get("ETag"), got.Body)
	}
	e.rows(t, []row{{name: "RFC 4791 §5.3.2.1 no-uid-conflict", method: "POST", path: at, body: event("a", "20260504T120000Z"), header: []string{calendarHeader}, status: 403, want: []string{"<C:no-uid-conflict><D:href>" + path + "</D:href>"}}})
	back := e.must(201, "ann", "POST", at, event("b", "20260504T120000Z"), calendarHeader, "Prefer: return=representation")
	if !strings.Contains(back.Body, "UID:b") || back.Header.Get("Preference-Applied") != "return=representation" || back.Header.Get("Content-Location") != back.Header.Get("Location") {
		t.Errorf("RFC 8144 §2.2: %v %s", back.Header, back.Body)
	}
	changed := e.must(201, "ann", "POST", at, strings.Replace(event("c", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1), calendarHeader)
	if tag := changed.Header.Get("ETag"); tag != "" {
		t.Errorf("RFC 4791 §5.3.4: a tag %s for what the server changed", tag)
	}
}

// Clients that come through a proxy are told where things are there.
func TestLocation(t *testing.T) {
	for _, public := range []string{"", "https://cal.example.com"} {
		e := newEnv(t)
		e.h.PublicURL = public
		const home = "/calendars/users/ann/"
		e.must(201, "ann", "MKCALENDAR", home+"second/", "")
		e.must(201, "ann", "PUT", home+"second/1.ics", event("one", "20260504T120000Z"))
		for _, tt := range []struct {
			method, path, body string
			header             []string
			status             int
			want               string
		}{
			{"POST", home + "calendar/;add-member", event("a", "20260504T120000Z"), []string{calendarHeader}, 201, home + "calendar/"},
			{"MOVE", home + "second/1.ics", "", []string{"Destination: " + home + "calendar/1.ics"}, 201, home + "calendar/1.ics"},
			{"GET", home + "second", "", nil, 301, home + "second/"},
		} {
			got := e.must(tt.status, "ann", tt.method, tt.path, tt.body, append(tt.header, "Host: elsewhere.example")...)
			if location := got.Header.Get("Location"); !strings.HasPrefix(location, public+tt.want) {
				t.Errorf("%s with %q: Location %q", tt.method, public, location)
			}
		}
	}
}
