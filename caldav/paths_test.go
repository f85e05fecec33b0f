package caldav_test

import (
	"regexp"
	"strings"
	"testing"
)

// The two paths of a home are as good as each other wherever a request names
// another resource than its own (decision 0006).
func TestEitherPath(t *testing.T) {
	e := newEnv(t)
	const byName = "/calendars/users/ann/"
	byGUID := "/calendars/__uids__/" + guid("ann") + "/"
	tag := e.must(201, "ann", "PUT", byName+"calendar/1.ics", event("one", "20260504T120000Z")).Header.Get("ETag")

	body := `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><D:href>`
	for _, path := range []string{byName, byGUID, strings.ToLower(byGUID), strings.Replace(byGUID, "/__uids__/", "/%5F%5Fuids__/", 1)} {
		got := e.must(207, "ann", "REPORT", byGUID+"calendar/", body+path+"calendar/1.ics</D:href></C:calendar-multiget>").Body
		if want := strings.Replace(path, "%5F%5F", "__", 1) + "calendar/1.ics</D:href>"; !strings.Contains(got, "SUMMARY:one") || !strings.Contains(got, want) {
			t.Errorf("multiget of %s: %s", path, got)
		}
	}
	for _, path := range []string{byName + "second/1.ics", byGUID + ".home/notes.txt", "/calendars/groups/ann/calendar/1.ics", "/calendars/users/bob/calendar/1.ics"} {
		if got := e.must(207, "ann", "REPORT", byGUID+"calendar/", body+path+"</D:href></C:calendar-multiget>").Body; !strings.Contains(got, "404 Not Found") {
			t.Errorf("multiget of %s: %s", path, got)
		}
	}
	e.must(204, "ann", "PUT", byGUID+"calendar/1.ics", event("one", "20260504T130000Z"), "If: <"+byName+"calendar/1.ics> (["+tag+"])")
	e.must(412, "ann", "PUT", byGUID+"calendar/1.ics", event("one", "20260504T130000Z"), "If: <"+byName+"calendar/1.ics> (["+tag+"])")
}

func TestIfOnHomeFile(t *testing.T) {
	e := newEnv(t)
	const file = "/calendars/users/ann/notes.txt"
	tag := e.must(201, "ann", "PUT", file, "one").Header.Get("ETag")
	e.must(204, "ann", "PUT", file, "two", "If: (["+tag+"])")
	e.must(412, "ann", "PUT", file, "three", "If: (["+tag+"])")
}

// Some clients make a number of what looks like one.
func TestCTagIsDecimal(t *testing.T) {
	e := newEnv(t)
	pattern := regexp.MustCompile(`<CS:getctag>([^<]*)</CS:getctag>`)
	seen := map[string]bool{}
	for range 20 {
		e.must(207, "ann", "PROPPATCH", "/calendars/users/ann/calendar/", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>`)
		got := pattern.FindStringSubmatch(e.must(207, "ann", "PROPFIND", "/calendars/users/ann/calendar/", ask("CS:getctag"), "Depth: 0").Body)
		if got == nil || strings.Trim(got[1], "0123456789") != "" || seen[got[1]] {
			t.Fatalf("getctag %v, before: %v", got, seen)
		}
		seen[got[1]] = true
	}
}

// Clients that name an object by its UID escape the slashes in it.
func TestSlashInAName(t *testing.T) {
	e := newEnv(t)
	const cal, name = "/calendars/users/ann/calendar/", "http:%2F%2Fexample.com%2fa.ics"
	const href = cal + "http:%2F%2Fexample.com%2Fa.ics"
	body := event("http://example.com/a", "20260504T120000Z")
	e.must(201, "ann", "PUT", cal+name, body)
	if got := e.must(200, "ann", "GET", href, ""); got.Body != body {
		t.Errorf("GET: %s", got.Body)
	}
	for _, tt := range []struct{ method, path, body, depth string }{
		{"PROPFIND", cal, "", "1"},
		{"REPORT", cal, syncBody("", 0), "0"},
		{"REPORT", cal, `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop><D:href>` + cal + name + `</D:href></C:calendar-multiget>`, "0"},
	} {
		if got := e.must(207, "ann", tt.method, tt.path, tt.body, "Depth: "+tt.depth).Body; !strings.Contains(got, "<D:href>"+href+"</D:href><D:propstat>") {
			t.Errorf("%s: %s", tt.method, got)
		}
	}
	e.must(201, "ann", "MOVE", href, "", "Destination: "+cal+"b%2Fc.ics")
	e.must(404, "ann", "GET", href, "")
	e.must(404, "ann", "GET", cal+"b/c.ics", "")
	e.must(204, "ann", "DELETE", cal+"b%2fc.ics", "")
	for _, path := range []string{"/calendars/users/ann/a%2Fb/", "/calendars/users%2Fann/calendar/x.ics", "/calendars/users/ann%2F/calendar/x.ics", "/calendars%2Fusers", cal + "x%2Fy/", cal + "%F4%8F%BF%BD.ics"} {
		if got := e.do("ann", "PROPFIND", path, "", "Depth: 0"); got.Status != 400 && got.Status != 404 {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
		if got := e.do("ann", "PUT", path, body); got.Status < 400 {
			t.Errorf("PUT %s: %d %s", path, got.Status, got.Body)
		}
	}
}
