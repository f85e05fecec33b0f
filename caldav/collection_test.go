package caldav_test

import (
	"strings"
	"testing"

	"convene/quota"
)

func TestMkcalendar(t *testing.T) {
	e := newEnv(t)
	e.setLimits(func(l *quota.Limits) { l.Collections = 5 }) // calendar, tasks, trips, ext, and the home's own
	const home = "/calendars/users/ann/"
	body := `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:displayname>Trips</D:displayname>` +
		`<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`
	e.must(201, "ann", "MKCALENDAR", home+"trips", body)
	got := e.must(207, "ann", "PROPFIND", home+"trips/", ask("D:displayname", "C:supported-calendar-component-set", "D:resourcetype"), "Depth: 0").Body
	for _, want := range []string{"Trips", `<C:comp name="VEVENT"/>`, "<C:calendar/>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	for _, tt := range []struct {
		name, user, method, path, body string
		status                         int
		condition                      string
	}{
		{"again", "ann", "MKCALENDAR", home + "trips/", "", 403, "resource-must-be-null"},
		{"within a calendar", "ann", "MKCALENDAR", home + "calendar/inner/", "", 403, "calendar-collection-location-ok"},
		{"protected property", "ann", "MKCALENDAR", home + "bad/", strings.Replace(body, "<D:displayname>Trips</D:displayname>", "<D:getetag>x</D:getetag>", 1), 207, "cannot-modify-protected-property"},
		{"nothing was made", "ann", "PROPFIND", home + "bad/", "", 404, ""},
		{"stranger", "bob", "MKCALENDAR", home + "his/", "", 403, "need-privileges"},
		{"extended MKCOL", "ann", "MKCOL", home + "ext/", `<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype></D:prop></D:set></D:mkcol>`, 201, ""},
		{"MKCOL of something else", "ann", "MKCOL", home + "book/", `<D:mkcol xmlns:D="DAV:"><D:set><D:prop><D:resourcetype><D:collection/><x xmlns="urn:x"/></D:resourcetype></D:prop></D:set></D:mkcol>`, 403, "valid-resourcetype"},
		{"too many", "ann", "MKCALENDAR", home + "more/", "", 403, "max-collections"},
		{"delete the inbox", "ann", "DELETE", home + "inbox/", "", 403, "protected-url-deletion-allowed"},
		{"delete the default calendar", "ann", "DELETE", home + "calendar/", "", 403, "default-calendar-needed"},
		{"delete the home", "ann", "DELETE", home, "", 403, "protected-url-deletion-allowed"},
		{"delete", "ann", "DELETE", home + "trips/", "", 204, ""},
		{"delete what is gone", "ann", "DELETE", home + "trips/", "", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do(tt.user, tt.method, tt.path, tt.body)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) {
				t.Errorf("%s = %d %q, want %d %q", tt.method, got.Status, got.Body, tt.status, tt.condition)
			}
		})
	}
}

func TestCopyMove(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	to := func(path string, more ...string) []string {
		return append([]string{"Destination: http://example.com" + path}, more...)
	}
	e.must(201, "ann", "MKCALENDAR", home+"second/", "")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "PUT", home+"calendar/2.ics", event("two", "20260504T120000Z"))
	for _, tt := range []struct {
		name, user, method, path string
		headers                  []string
		status                   int
	}{
		{"copy of a UID within the calendar", "ann", "COPY", home + "calendar/1.ics", to(home + "calendar/3.ics"), 403},
		{"move to another name", "ann", "MOVE", home + "calendar/1.ics", to(home + "calendar/3.ics"), 201},
		{"gone from the old", "ann", "GET", home + "calendar/1.ics", nil, 404},
		{"move to another calendar", "ann", "MOVE", home + "calendar/3.ics", to(home + "second/3.ics"), 201},
		{"onto something, not wanted", "ann", "MOVE", home + "calendar/2.ics", to(home+"second/3.ics", "Overwrite: F"), 412},
		{"onto something else", "ann", "MOVE", home + "calendar/2.ics", to(home+"second/3.ics", "Overwrite: T"), 403},
		{"into another's home", "ann", "MOVE", home + "second/3.ics", to("/calendars/users/bob/calendar/3.ics"), 403},
		{"to another server", "ann", "MOVE", home + "second/3.ics", []string{"Destination: http://elsewhere.org/x.ics"}, 502},
		{"without destination", "ann", "MOVE", home + "second/3.ics", nil, 400},
		{"into the inbox", "ann", "MOVE", home + "second/3.ics", to(home + "inbox/3.ics"), 403},
		{"a calendar", "ann", "MOVE", home + "second/", to(home + "third/"), 201},
		{"its members came along", "ann", "GET", home + "third/3.ics", nil, 200},
		{"the default calendar into another's home", "boss", "MOVE", home + "calendar/", to("/calendars/users/bob/away/"), 403},
		{"by an administrator", "boss", "COPY", home + "third/3.ics", to("/calendars/users/bob/calendar/3.ics"), 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := e.do(tt.user, tt.method, tt.path, "", tt.headers...); got.Status != tt.status {
				t.Errorf("%s = %d %q, want %d", tt.method, got.Status, got.Body, tt.status)
			}
		})
	}
}

func TestGetCalendar(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "PUT", cal+"2.ics", event("two", "20260504T120000Z"))
	got := e.must(200, "ann", "GET", cal, "")
	if strings.Count(got.Body, "BEGIN:VEVENT") != 2 || strings.Count(got.Body, "BEGIN:VCALENDAR") != 1 {
		t.Errorf("GET = %s", got.Body)
	}
	e.must(304, "ann", "GET", cal, "", "If-None-Match: "+got.Header.Get("ETag"))
	e.must(301, "ann", "GET", strings.TrimSuffix(cal, "/"), "")
	if page := e.must(200, "ann", "GET", cal, "", "Accept: text/html").Body; !strings.Contains(page, "1.ics") {
		t.Errorf("listing: %s", page)
	}
	if jcal := e.must(200, "ann", "GET", cal+"1.ics", "", "Accept: application/calendar+json").Body; !strings.HasPrefix(jcal, `["vcalendar",`) {
		t.Errorf("jCal: %s", jcal)
	}
}
