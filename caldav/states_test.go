package caldav_test

import (
	"fmt"
	"regexp"
	"testing"
)

// RFC 4918 §10.4.1: an If header that does not hold stops every method, those that only
// read among them. Conditions on a representation say nothing of a PROPFIND or REPORT
// (RFC 9110 §13.2.1).
func TestStatesOfReading(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	tag := e.must(201, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z")).Header.Get("Etag")
	find, multiget := ask("D:getetag"), element("C:calendar-multiget", "<D:prop><D:getetag/></D:prop><D:href>"+cal+"1.ics</D:href>")
	for _, tt := range []struct {
		name, header string
		status       int
	}{
		{"another tag", `If: (["x"])`, 412},
		{"its tag", `If: ([` + tag + `])`, 207},
		{"not its tag", `If: (Not [` + tag + `])`, 412},
		{"one list of two", `If: (["x"]) ([` + tag + `])`, 207},
		{"of another resource, which has it", `If: <` + cal + `1.ics> ([` + tag + `])`, 207},
		{"of another resource, which has it not", `If: <` + cal + `1.ics> (["x"])`, 412},
		{"a lock", `If: (<urn:uuid:0>)`, 412},
		{"no lock", `If: (Not <DAV:no-lock>)`, 207},
		{"malformed", `If: x`, 400},
		{"RFC 9110 on a representation", `If-None-Match: *`, 207},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e.must(tt.status, "ann", "PROPFIND", cal+"1.ics", find, "Depth: 0", tt.header)
			e.must(tt.status, "ann", "REPORT", cal+"1.ics", multiget, tt.header)
		})
	}
	e.must(412, "ann", "PROPFIND", "/principals/users/ann/", find, "Depth: 0", `If: (["x"])`)
	e.must(404, "ann", "REPORT", cal+"2.ics", multiget, `If: (["x"])`)
}

// caldav-ctag §4.1: DAV:allprop has it, of calendars, inbox and outbox.
func TestAllpropHasCTag(t *testing.T) {
	e := newEnv(t)
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 0")
	for _, name := range []string{"calendar/", "inbox/", "outbox/"} {
		path := "/calendars/users/ann/" + name
		e.rows(t, []row{{name: name, method: "PROPFIND", path: path, body: element("D:propfind", "<D:allprop/>"), header: []string{"Depth: 0"}, status: 207, want: []string{"<CS:getctag>"}, not: []string{"sync-token"}}})
	}
}

// RFC 5842 §3.1: no two resources have one DAV:resource-id; one under two URLs has.
func TestResourceIDs(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/1.ics", event("1", "20260504T120000Z"))
	e.must(201, "ann", "MKCOL", "/calendars/users/ann/folder/", "")
	for _, name := range []string{"1.txt", "2.txt"} {
		e.must(201, "ann", "PUT", "/calendars/users/ann/folder/"+name, name)
	}
	for _, status := range []int{201, 204} {
		e.must(status, "bob", "PUT", bobsMeetings+"m.ics", event("m", "20260601T090000Z", "ORGANIZER:mailto:bob@example.com", "ATTENDEE:mailto:ann@example.com", fmt.Sprint("SUMMARY:", status)))
	}
	messages := e.members("ann", "/calendars/users/ann/inbox/")
	if len(messages) != 2 {
		t.Fatalf("messages: %q", messages)
	}
	id := regexp.MustCompile(`<D:resource-id><D:href>([^<]+)<`)
	of := map[string]string{} // by identifier
	for _, path := range append(messages, "/calendars/users/ann/folder/1.txt", "/calendars/users/ann/folder/2.txt",
		"/principals/users/ann/", "/principals/users/ann/calendar-proxy-read/", "/principals/users/ann/calendar-proxy-write/", "/principals/users/bob/calendar-proxy-read/",
		"/calendars/users/ann/", "/calendars/users/ann/calendar/", "/calendars/users/ann/inbox/", "/calendars/users/ann/calendar/1.ics") {
		found := id.FindStringSubmatch(e.must(207, "boss", "PROPFIND", path, ask("D:resource-id"), "Depth: 0").Body)
		if found == nil {
			t.Errorf("%s has none", path)
			continue
		}
		if other := of[found[1]]; other != "" {
			t.Errorf("%s and %s have %s", path, other, found[1])
		}
		of[found[1]] = path
	}
	idOf := func(path string) string {
		t.Helper()
		return id.FindStringSubmatch(e.must(207, "ann", "PROPFIND", path, ask("D:resource-id"), "Depth: 0").Body)[1]
	}
	// It stays over MOVE: of an object, of a calendar, and of an object within it.
	e.must(201, "ann", "MKCALENDAR", "/calendars/users/ann/other/", "")
	whole, object := idOf("/calendars/users/ann/other/"), idOf("/calendars/users/ann/calendar/1.ics")
	for _, move := range [][2]string{{"calendar/1.ics", "calendar/2.ics"}, {"calendar/2.ics", "other/3.ics"}, {"other/", "third/"}} {
		e.must(201, "ann", "MOVE", "/calendars/users/ann/"+move[0], "", "Destination: /calendars/users/ann/"+move[1])
	}
	e.must(204, "ann", "PUT", "/calendars/users/ann/third/3.ics", event("1", "20260505T120000Z"))
	if got := idOf("/calendars/users/ann/third/"); got != whole {
		t.Errorf("a calendar that was moved: %s, and before %s", got, whole)
	}
	if got := idOf("/calendars/users/ann/third/3.ics"); got != object {
		t.Errorf("an object that was moved: %s, and before %s", got, object)
	}
	e.must(201, "boss", "COPY", "/calendars/users/ann/third/3.ics", "", "Destination: /calendars/users/boss/calendar/3.ics")
	if got := id.FindStringSubmatch(e.must(207, "boss", "PROPFIND", "/calendars/users/boss/calendar/3.ics", ask("D:resource-id"), "Depth: 0").Body)[1]; got == object {
		t.Errorf("a copy in another home: %s too", got)
	}
	if got := id.FindStringSubmatch(e.must(207, "ann", "PROPFIND", "/calendars/__uids__/"+guid("ann")+"/", ask("D:resource-id"), "Depth: 0").Body); of[got[1]] != "/calendars/users/ann/" {
		t.Errorf("the home by its other URL: %q", got)
	}
}
