package caldav_test

import (
	"cmp"
	"convene/quota"
	"fmt"
	"strings"
	"testing"
)

// What COPY and MOVE of an object check of it is what PUT checks (RFC 4791
// §5.3.2.1), wherever it comes from: an ordinary collection, where anything may lie;
// another calendar; another home.
func TestTransferPreconditions(t *testing.T) {
	const home, bobs = "/calendars/users/ann/", "/calendars/users/bob/"
	lunch := event("lunch", "20260504T120000Z")
	for _, tt := range []struct {
		condition string // "": it may
		body      string
		media     string // "": text/calendar
		then      func(*env)
	}{
		{condition: "", body: lunch},
		{condition: "valid-calendar-data", body: "hello"},
		{condition: "supported-calendar-data", body: lunch, media: "text/plain"},
		{condition: "valid-calendar-data", body: strings.Replace(lunch, "DTSTART:20260504", "DTSTART:2026ABCD", 1)},
		{condition: "valid-calendar-object-resource", body: strings.Replace(lunch, "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1)},
		{condition: "valid-calendar-object-resource", body: strings.Replace(lunch, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:other\r\nDTSTART:20260504T120000Z\r\nEND:VEVENT", 1)},
		{condition: "supported-calendar-component", body: task("task")},
		{condition: "no-uid-conflict", body: event("taken", "20260504T120000Z")},
		{condition: "max-resource-size", body: event("big", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 3000)), then: func(e *env) { e.setLimits(func(l *quota.Limits) { l.ObjectBytes = 2000 }) }},
		{condition: "max-instances", body: event("many", "20260504T120000Z", "RRULE:FREQ=DAILY;COUNT=200"), then: func(e *env) { e.h.Calendars.Rules.Instances = 100 }},
		{condition: "max-attendees-per-instance", body: event("crowd", "20260504T120000Z", "ATTENDEE:mailto:a@x.org", "ATTENDEE:mailto:b@x.org", "ATTENDEE:mailto:c@x.org"), then: func(e *env) { e.setLimits(func(l *quota.Limits) { l.Attendees = 2 }) }},
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			for _, from := range []struct {
				name, path string
				ordinary   bool
			}{
				{"an ordinary collection", home + "folder/", true},
				{"another calendar", home + "second/", false},
				{"another home's collection", bobs + "folder/", true},
				{"another home", bobs + "second/", false},
			} {
				if !from.ordinary && tt.condition != "" && tt.condition != "supported-calendar-component" {
					continue // it cannot lie there
				}
				if method == "COPY" && from.path == home+"second/" && tt.condition == "" {
					continue // its UID would be twice in the home (RFC 6638 §3.2.4.1)
				}
				t.Run(fmt.Sprintf("%s %s from %s", tt.condition, method, from.name), func(t *testing.T) {
					e := newEnv(t)
					for _, h := range []string{home, bobs} {
						e.must(201, "boss", "MKCOL", h+"folder/", "")
						e.must(201, "boss", "MKCALENDAR", h+"second/", "")
					}
					e.must(201, "ann", "PUT", home+"calendar/taken.ics", event("taken", "20260504T120000Z"))
					e.must(201, "boss", "PUT", from.path+"x.ics", tt.body, "Content-Type: "+cmp.Or(tt.media, "text/calendar"))
					if tt.then != nil {
						tt.then(e)
					}
					want := 403
					if tt.condition == "" {
						want = 201
					}
					got := e.do("boss", method, from.path+"x.ics", "", "Destination: "+home+"calendar/x.ics")
					if got.Status != want || tt.condition != "" && !strings.Contains(got.Body, "<C:"+tt.condition) {
						t.Errorf("%s = %d %q, want %d %s", method, got.Status, got.Body, want, tt.condition)
					}
					left, there := 200, 404
					if want == 201 {
						there = 200
						if method == "MOVE" {
							left = 404
						}
					}
					e.must(left, "boss", "GET", from.path+"x.ics", "")
					e.must(there, "ann", "GET", home+"calendar/x.ics", "")
				})
			}
		}
	}
}

// Overwriting an object with one of another UID is a conflict (RFC 4791 §5.3.2.1),
// and the response names the resource that has it.
func TestTransferUIDConflicts(t *testing.T) {
	e := newEnv(t)
	const home, bobs = "/calendars/users/ann/", "/calendars/users/bob/"
	to := func(path string, more ...string) []string { return append([]string{"Destination: " + path}, more...) }
	e.must(201, "ann", "PUT", home+"calendar/one.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "MKCALENDAR", home+"second/", "")
	e.must(201, "bob", "PUT", bobs+"calendar/one.ics", event("one", "20260504T120000Z"))
	e.must(201, "bob", "PUT", bobs+"calendar/two.ics", event("two", "20260504T120000Z"))
	e.rows(t, []row{
		{name: "§5.3.2.1 no-uid-conflict, COPY within a calendar", method: "COPY", path: home + "calendar/one.ics", header: to(home + "calendar/again.ics"), status: 403,
			want: []string{"<C:no-uid-conflict><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "RFC 6638 §3.2.4.1 unique in the home, COPY", method: "COPY", path: home + "calendar/one.ics", header: to(home + "second/again.ics"), status: 403,
			want: []string{"<C:unique-scheduling-object-resource><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "§5.3.2.1 no-uid-conflict, COPY from another home", user: "boss", method: "COPY", path: bobs + "calendar/one.ics", header: to(home + "calendar/again.ics"), status: 403,
			want: []string{"<C:no-uid-conflict><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "§5.3.2.1 no-uid-conflict, MOVE from another home", user: "boss", method: "MOVE", path: bobs + "calendar/one.ics", header: to(home + "calendar/again.ics"), status: 403,
			want: []string{"<C:no-uid-conflict><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "§5.3.2.1 no-uid-conflict, COPY over another", user: "boss", method: "COPY", path: bobs + "calendar/two.ics", header: to(home + "calendar/one.ics"), status: 403,
			want: []string{"<C:no-uid-conflict><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "§5.3.2.1 no-uid-conflict, MOVE over another", user: "boss", method: "MOVE", path: bobs + "calendar/two.ics", header: to(home+"calendar/one.ics", "Overwrite: T"), status: 403,
			want: []string{"<C:no-uid-conflict><D:href>" + home + "calendar/one.ics</D:href>"}},
		{name: "both are left", user: "bob", method: "GET", path: bobs + "calendar/one.ics", status: 200},
		{name: "RFC 4918 §9.8.4 COPY over the same object", user: "boss", method: "COPY", path: bobs + "calendar/one.ics", header: to(home + "calendar/one.ics"), status: 204},
		{name: "RFC 4918 §9.9.3 MOVE over the same object", user: "boss", method: "MOVE", path: bobs + "calendar/one.ics", header: to(home + "calendar/one.ics"), status: 204},
	})
}

// RFC 4918 §9.8 and §9.9, and the privileges of RFC 3744 appendix B.
func TestTransferOfObjects(t *testing.T) {
	e := newEnv(t)
	const home, bobs = "/calendars/users/ann/", "/calendars/users/bob/"
	to := func(path string, more ...string) []string { return append([]string{"Destination: " + path}, more...) }
	e.must(201, "ann", "MKCALENDAR", home+"second/", "")
	for _, n := range []string{"1", "2", "3"} {
		e.must(201, "ann", "PUT", home+"calendar/"+n+".ics", event(n, "20260504T120000Z"))
	}
	e.must(201, "bob", "PUT", bobs+"calendar/1.ics", strings.Replace(event("1", "20260504T120000Z"), "SUMMARY:1", "SUMMARY:bob's", 1))
	e.must(207, "ann", "PROPPATCH", home+"calendar/1.ics", setting("D:propertyupdate", "<x:dead>kept</x:dead>"))
	tag := e.must(200, "ann", "HEAD", home+"calendar/1.ics", "").Header.Get("ETag")
	const dead = `<D:propfind xmlns:D="DAV:"><D:prop><dead xmlns="urn:x"/></D:prop></D:propfind>`
	e.rows(t, []row{
		{name: "§10.3 Destination is wanted", method: "MOVE", path: home + "calendar/1.ics", status: 400},
		{name: "§10.3 a Destination that is no URL", method: "MOVE", path: home + "calendar/1.ics", header: to("nonsense"), status: 400},
		{name: "§9.9.4 another server", method: "MOVE", path: home + "calendar/1.ics", header: to("http://elsewhere.example" + home + "second/1.ics"), status: 502},
		{name: "§10.6 Overwrite is T or F", method: "MOVE", path: home + "calendar/1.ics", header: to(home+"second/1.ics", "Overwrite: maybe"), status: 400},
		{name: "§9.9.4 itself", method: "MOVE", path: home + "calendar/1.ics", header: to(home + "calendar/1.ics"), status: 403},
		{name: "§9.9.4 no such collection", method: "MOVE", path: home + "calendar/1.ics", header: to(home + "nowhere/1.ics"), status: 409},
		{name: "§9.8.5 no such collection", method: "COPY", path: home + "calendar/1.ics", header: to(home + "nowhere/1.ics"), status: 409},
		{name: "§9.9.4 no such home", method: "MOVE", path: home + "calendar/1.ics", header: to("/calendars/users/nobody/calendar/1.ics"), status: 409},
		{name: "§9.9 nothing there", method: "MOVE", path: home + "calendar/9.ics", header: to(home + "second/1.ics"), status: 404},
		{name: "§10.4 If does not hold", method: "MOVE", path: home + "calendar/1.ics", header: to(home+"second/1.ics", `If: (["nope"])`), status: 412},
		{name: "RFC 9110 §13.1.1 If-Match does not hold", method: "MOVE", path: home + "calendar/1.ics", header: to(home+"second/1.ics", `If-Match: "nope"`), status: 412},
		{name: "§10.6 Overwrite: F", method: "MOVE", path: home + "calendar/1.ics", header: to(home+"calendar/2.ics", "Overwrite: F"), status: 412},
		{name: "§9.9.3 MOVE", method: "MOVE", path: home + "calendar/1.ics", header: to("http://example.com"+home+"second/1.ics", "If-Match: "+tag), status: 201},
		{name: "§9.9.1 dead properties come along", method: "PROPFIND", path: home + "second/1.ics", body: dead, header: []string{"Depth: 0"}, status: 207, want: []string{"kept"}},
		{name: "§9.9 the source is gone", method: "GET", path: home + "calendar/1.ics", status: 404},
		{name: "§9.9.3 MOVE over another version", user: "boss", method: "MOVE", path: bobs + "calendar/1.ics", header: to(home + "second/1.ics"), status: 204},
		{name: "§9.9.3 what is there now", method: "GET", path: home + "second/1.ics", status: 200, want: []string{"SUMMARY:bob's"}},
		{name: "§9.9.3 with what it was left behind", method: "PROPFIND", path: home + "second/1.ics", body: dead, header: []string{"Depth: 0"}, status: 207, want: []string{"404 Not Found"}},
		{name: "RFC 8144 §3.2 If-Match does not hold, and what is there", method: "MOVE", path: home + "calendar/3.ics", header: to(home+"second/3.ics", `If-Match: "nope"`, "Prefer: return=representation"), status: 412, want: []string{"UID:3"}},
		{name: "RFC 8144 §3.1 MOVE", method: "MOVE", path: home + "calendar/3.ics", header: to(home+"second/3.ics", "Prefer: return=representation"), status: 201, want: []string{"UID:3"}},
		{name: "RFC 8144 §3.1 COPY", user: "boss", method: "COPY", path: home + "second/3.ics", header: to(bobs+"calendar/8144.ics", "Prefer: return=representation"), status: 201, want: []string{"UID:3"}},
		{name: "RFC 8144 §3.1 COPY over the same", user: "boss", method: "COPY", path: home + "second/3.ics", header: to(bobs+"calendar/8144.ics", "Prefer: return=representation"), status: 200, want: []string{"UID:3"}},
		{name: "RFC 8144 §3.1 nothing is told without the wish", method: "MOVE", path: home + "second/3.ics", header: to(home + "calendar/3.ics"), status: 201, not: []string{"UID:3"}},
		{name: "it is removed", user: "bob", method: "DELETE", path: bobs + "calendar/8144.ics", status: 204},
		{name: "§9.8.3 COPY to another home", user: "boss", method: "COPY", path: home + "calendar/3.ics", header: to(bobs + "calendar/3.ics"), status: 201},
		{name: "§9.8 the source stays", method: "GET", path: home + "calendar/3.ics", status: 200},
		{name: "RFC 3744 COPY into another's home", method: "COPY", path: home + "calendar/3.ics", header: to(bobs + "calendar/4.ics"), status: 403, want: []string{"need-privileges", "<D:bind/>", bobs}},
		{name: "RFC 3744 COPY out of another's home", user: "bob", method: "COPY", path: home + "calendar/3.ics", header: to(bobs + "calendar/4.ics"), status: 403, want: []string{"need-privileges"}},
		{name: "RFC 3744 MOVE by a reader", user: "auditor", method: "MOVE", path: home + "calendar/3.ics", header: to(home + "second/3.ics"), status: 403, want: []string{"need-privileges"}},
		{name: "RFC 3744 COPY by a reader into an own calendar", user: "auditor", method: "COPY", path: home + "calendar/3.ics", header: to("/calendars/users/auditor/calendar/3.ics"), status: 201},
	})
}

// RFC 4791 §5.3.2.1 calendar-collection-location-ok, and RFC 4918 §9.8 and §9.9 for
// collections.
func TestTransferOfCalendars(t *testing.T) {
	e := newEnv(t)
	const home, bobs = "/calendars/users/ann/", "/calendars/users/bob/"
	to := func(path string, more ...string) []string { return append([]string{"Destination: " + path}, more...) }
	e.must(201, "ann", "MKCALENDAR", home+"trips/", setting("C:mkcalendar", `<D:displayname>Trips</D:displayname><x:dead>kept</x:dead>`))
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.must(201, "ann", "PUT", home+"folder/a.txt", "text")
	e.must(201, "ann", "PUT", home+"trips/1.ics", event("one", "20260504T120000Z"))
	e.must(207, "bob", "PROPFIND", bobs, "", "Depth: 0")
	const names = `<D:propfind xmlns:D="DAV:"><D:prop><D:displayname/><dead xmlns="urn:x"/></D:prop></D:propfind>`
	rows := []row{
		{name: "§5.3.2.1 a calendar in a calendar, COPY", method: "COPY", path: home + "trips/", header: to(home + "calendar/trips/"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "RFC 4918 §9.9.4 MOVE into what is not there", method: "MOVE", path: home + "trips/", header: to(home + "nowhere/trips/"), status: 409},
		{name: "RFC 4918 §9.8.5 COPY into what is not there", method: "COPY", path: home + "trips/", header: to(home + "nowhere/trips"), status: 409},
		{name: "§5.3.2.1 location-ok, MOVE beside the homes", method: "MOVE", path: home + "trips/", header: to("/calendars/trips/"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "§5.3.2.1 location-ok, COPY beside the principals", method: "COPY", path: home + "trips/", header: to("/principals/trips/"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "§5.3.2.1 location-ok is of calendars", method: "MOVE", path: home + "folder/", header: to("/calendars/trips/"), status: 403, not: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "§5.3.2.1 location-ok, MOVE into a calendar", method: "MOVE", path: home + "trips/", header: to(home + "calendar/trips"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "§5.3.2.1 location-ok, COPY into a calendar", method: "COPY", path: home + "trips/", header: to(home + "calendar/trips"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "§5.3.2.1 location-ok, MOVE into a collection", method: "MOVE", path: home + "trips/", header: to(home + "folder/trips"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
		{name: "RFC 4918 §9.9.4 itself", method: "MOVE", path: home + "trips/", header: to(home + "trips/"), status: 403},
		{name: "RFC 4918 §10.6 Overwrite: F", method: "COPY", path: home + "folder/", header: to(home+"trips/", "Overwrite: F"), status: 412},
		{name: "a UID is once in a home: COPY of a calendar beside itself", method: "COPY", path: home + "trips/", header: to(home + "more/"), status: 403,
			want: []string{"<C:unique-scheduling-object-resource>", "<D:href>" + home + "trips/1.ics</D:href>"}},
		{name: "… over another one", method: "COPY", path: home + "trips/", header: to(home + "folder/"), status: 403, want: []string{"<C:unique-scheduling-object-resource>"}},
		{name: "… which then is there still", method: "GET", path: home + "folder/a.txt", status: 200},
		{name: "… nor is the copy", method: "PROPFIND", path: home + "more/", body: names, header: []string{"Depth: 0"}, status: 404},
		{name: "… without its members it may", method: "COPY", path: home + "trips/", header: to(home+"more/", "Depth: 0"), status: 201},
		{name: "… and if there are none", method: "COPY", path: home + "more/", header: to(home + "again/"), status: 201},
		{name: "… and what is no calendar", method: "COPY", path: home + "folder/", header: to(home + "again/"), status: 204},
		{name: "RFC 4918 §9.8.3 COPY with Depth: 0", user: "boss", method: "COPY", path: home + "trips/", header: to(bobs+"empty/", "Depth: 0"), status: 201},
		{name: "RFC 4918 §9.8.3 its members do not come along", user: "bob", method: "GET", path: bobs + "empty/1.ics", status: 404},
		{name: "RFC 4918 §9.8.2 its properties do", user: "bob", method: "PROPFIND", path: bobs + "empty/", body: names, header: []string{"Depth: 0"}, status: 207, want: []string{"Trips", "kept"}},
		{name: "RFC 4918 §9.8.3 COPY with Depth: infinity", user: "boss", method: "COPY", path: home + "trips/", header: to(bobs+"all/", "Depth: infinity"), status: 201},
		{name: "RFC 4918 §9.8.3 with its members", user: "bob", method: "GET", path: bobs + "all/1.ics", status: 200},
		{name: "RFC 4918 §9.8.3 COPY over it", user: "boss", method: "COPY", path: home + "folder/", header: to(bobs + "all/"), status: 204},
		{name: "RFC 4918 §9.8.4 nothing is merged", user: "bob", method: "GET", path: bobs + "all/1.ics", status: 404},
		{name: "RFC 4918 §9.9.3 MOVE", method: "MOVE", path: home + "trips/", header: to(home+"travels/", "Depth: infinity"), status: 201},
		{name: "RFC 4918 §9.9.1 with its properties", method: "PROPFIND", path: home + "travels/", body: names, header: []string{"Depth: 0"}, status: 207, want: []string{"Trips", "kept"}},
		{name: "RFC 4918 §9.9.2 with its members", method: "GET", path: home + "travels/1.ics", status: 200},
		{name: "RFC 4918 §9.9 the source is gone", method: "PROPFIND", path: home + "trips/", header: []string{"Depth: 0"}, status: 404},
		{name: "RFC 3744 into another's home", method: "MOVE", path: home + "travels/", header: to(bobs + "travels/"), status: 403, want: []string{"need-privileges"}},
	}
	e.rows(t, rows)
}

// What the server makes itself can be neither moved nor written over (RFC 5842 §5,
// §6), and RFC 6638 §9.2 names the default calendar.
func TestServerMade(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCALENDAR", home+"trips/", "")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
	for _, path := range []string{"/", "/principals/", "/principals/users/", "/principals/users/ann/", "/principals/users/ann/calendar-proxy-write/",
		"/calendars/", "/calendars/users/", home, home + "inbox/", home + "outbox/", home + "notification/", home + "dropbox/", home + "freebusy"} {
		e.rows(t, []row{
			{name: "DELETE " + path, user: "boss", method: "DELETE", path: path, status: 403, want: []string{"<D:protected-url-deletion-allowed/>"}},
			{name: "MOVE of " + path, user: "boss", method: "MOVE", path: path, header: []string{"Destination: " + home + "new/"}, status: 403, want: []string{"<D:protected-source-url-deletion-allowed/>"}},
			{name: "COPY over " + path, user: "boss", method: "COPY", path: home + "trips/", header: []string{"Destination: " + path}, status: 403, want: []string{"<D:protected-url-deletion-allowed/>"}},
			{name: "MOVE over " + path, user: "boss", method: "MOVE", path: home + "trips/", header: []string{"Destination: " + path}, status: 403, want: []string{"<D:protected-url-deletion-allowed/>"}},
			{name: "it is there", user: "boss", method: "PROPFIND", path: path, body: ask("D:resourcetype"), header: []string{"Depth: 0"}, status: 207, want: []string{"200 OK"}},
		})
		if allow := e.must(200, "boss", "OPTIONS", path, "").Header.Get("Allow"); strings.Contains(allow, "DELETE") || strings.Contains(allow, "MOVE") {
			t.Errorf("%s: Allow: %s", path, allow)
		}
	}
	e.rows(t, []row{
		{name: "RFC 6638 §9.2 DELETE of the default calendar", method: "DELETE", path: home + "calendar/", status: 403, want: []string{"<C:default-calendar-needed/>"}},
		{name: "RFC 6638 §9.2 MOVE of the default calendar to another home", user: "boss", method: "MOVE", path: home + "calendar/", header: []string{"Destination: /calendars/users/bob/new/"}, status: 403, want: []string{"<C:default-calendar-needed/>"}},
		{name: "RFC 6638 §9.2 MOVE over the default calendar", method: "MOVE", path: home + "trips/", header: []string{"Destination: " + home + "calendar/"}, status: 403, want: []string{"<C:default-calendar-needed/>"}},
		{name: "an object over the inbox", method: "MOVE", path: home + "calendar/1.ics", header: []string{"Destination: " + home + "inbox"}, status: 403},
		{name: "a stranger", user: "bob", method: "DELETE", path: home + "inbox/", status: 403},
		{name: "all is there", method: "GET", path: home + "calendar/1.ics", status: 200},
		{name: "the other too", method: "PROPFIND", path: home + "trips/", header: []string{"Depth: 0"}, status: 207},
	})
}

// RFC 4918 §9.9: URLs of what has moved point to where it is. A default calendar that
// gets another name in its home stays the default, chosen or not.
func TestMoveDefaultCalendar(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	is := func(name string) row {
		return row{name: "the default is " + name, method: "PROPFIND", path: home + "inbox/", body: ask("C:schedule-default-calendar-URL"),
			header: []string{"Depth: 0"}, status: 207, want: []string{"/" + name + "/</D:href></C:schedule-default-calendar-URL>"}}
	}
	move := func(from, to string, status int) row {
		return row{name: "MOVE of " + from, method: "MOVE", path: home + from + "/", header: []string{"Destination: " + home + to + "/"}, status: status}
	}
	e.must(201, "ann", "MKCALENDAR", home+"trips/", "")
	e.rows(t, []row{
		is("calendar"),
		move("trips", "travels", 201), is("calendar"),
		move("calendar", "my%20work", 201), is("my%20work"),
		move("travels", "calendar", 201), is("my%20work"),
		{name: "it cannot be removed there", method: "DELETE", path: home + "my%20work/", status: 403, want: []string{"<C:default-calendar-needed/>"}},
		{name: "another is chosen", method: "PROPPATCH", path: home + "inbox/", status: 207, want: []string{"200 OK"},
			body: element("D:propertyupdate", "<D:set><D:prop><C:schedule-default-calendar-URL><D:href>"+home+"calendar/</D:href></C:schedule-default-calendar-URL></D:prop></D:set>")},
		move("calendar", "office", 201), is("office"),
		{name: "the old one can be removed", method: "DELETE", path: home + "my%20work/", status: 204},
		is("office"),
	})
}

// The calendar that invitations to tasks go to can be removed; the property then names
// the one that they go to instead, and none that is gone.
func TestRemovedTasksDefault(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	is := func(name string) row {
		return row{name: "tasks go to " + name, method: "PROPFIND", path: home + "inbox/", body: ask("CS:schedule-default-tasks-URL"),
			header: []string{"Depth: 0"}, status: 207, want: []string{"/" + name + "/</D:href></CS:schedule-default-tasks-URL>"}}
	}
	e.must(201, "ann", "MKCALENDAR", home+"chores/", "")
	e.rows(t, []row{
		is("tasks"),
		{name: "another is chosen", method: "PROPPATCH", path: home + "inbox/", status: 207, want: []string{"200 OK"},
			body: element("D:propertyupdate", "<D:set><D:prop><CS:schedule-default-tasks-URL><D:href>"+home+"chores/</D:href></CS:schedule-default-tasks-URL></D:prop></D:set>")},
		is("chores"),
		{name: "it is removed", method: "DELETE", path: home + "chores/", status: 204},
		is("tasks"),
	})
}

// RFC 4918 §9.8.3: a collection is copied alone or with all that is in it.
func TestCopyDepth(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.must(201, "ann", "PUT", home+"folder/a.txt", "text")
	to := func(name, depth string) []string {
		return []string{"Destination: " + home + name + "/", "Depth: " + depth}
	}
	e.rows(t, []row{
		{name: "§9.8.3 Depth: 1 means nothing", method: "COPY", path: home + "folder/", header: to("one", "1"), status: 400},
		{name: "§8.4 a body that means nothing", method: "COPY", path: home + "folder/", body: "<x/>", header: to("one", "0"), status: 415},
		{name: "§8.4 nor with MOVE", method: "MOVE", path: home + "folder/", body: "<x/>", header: to("one", "infinity"), status: 415},
		{name: "§9.8.3 nothing was made", method: "PROPFIND", path: home + "one/", header: []string{"Depth: 0"}, status: 404},
		{name: "§9.8.3 Depth: 0", method: "COPY", path: home + "folder/", header: to("zero", "0"), status: 201},
		{name: "§9.8.3 without its members", method: "GET", path: home + "zero/a.txt", status: 404},
		{name: "§9.8.3 Depth: infinity", method: "COPY", path: home + "folder/", header: to("all", "infinity"), status: 201},
		{name: "§9.8.3 with its members", method: "GET", path: home + "all/a.txt", status: 200, want: []string{"text"}},
	})
}
