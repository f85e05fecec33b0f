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
