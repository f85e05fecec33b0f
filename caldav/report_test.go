package caldav_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var hrefPattern = regexp.MustCompile(`<D:response><D:href>([^<]*)</D:href>`)

// hrefs lists the last segments of the hrefs in a multistatus, sorted.
func hrefs(body string) []string {
	var names []string
	for _, m := range hrefPattern.FindAllStringSubmatch(body, -1) {
		names = append(names, m[1][strings.LastIndexByte(m[1], '/')+1:])
	}
	slices.Sort(names)
	return names
}

func calendarQuery(filter string, data ...string) string {
	return `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/>` + strings.Join(data, "") +
		`</D:prop><C:filter><C:comp-filter name="VCALENDAR">` + filter + `</C:comp-filter></C:filter></C:calendar-query>`
}

func timeRange(start, end string) string {
	attrs := ""
	if start != "" {
		attrs += ` start="` + start + `"`
	}
	if end != "" {
		attrs += ` end="` + end + `"`
	}
	return `<C:comp-filter name="VEVENT"><C:time-range` + attrs + `/></C:comp-filter>`
}

func TestQuery(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	put := func(name, body string) { e.must(201, "ann", "PUT", cal+name, body) }
	put("single.ics", event("single", "20260504T120000Z"))
	put("allday.ics", strings.Replace(strings.Replace(event("allday", "20260506"), "DTSTART:", "DTSTART;VALUE=DATE:", 1), "PT1H", "P1D", 1))
	put("daily.ics", event("daily", "20260501T080000Z", "RRULE:FREQ=DAILY;COUNT=10", "EXDATE:20260504T080000Z"))
	put("forever.ics", event("forever", "19990101T080000Z", "RRULE:FREQ=YEARLY"))
	put("private.ics", event("private", "20260601T080000Z", "CLASS:PRIVATE", "CATEGORIES:Work,Play"))
	for _, tt := range []struct {
		name, filter string
		want         []string
	}{
		{"all events", `<C:comp-filter name="VEVENT"/>`, []string{"allday.ics", "daily.ics", "forever.ics", "private.ics", "single.ics"}},
		{"no tasks", `<C:comp-filter name="VTODO"/>`, nil},
		{"a day", timeRange("20260504T000000Z", "20260505T000000Z"), []string{"single.ics"}},
		{"a day of the series", timeRange("20260505T000000Z", "20260506T000000Z"), []string{"daily.ics"}},
		{"a week", timeRange("20260504T000000Z", "20260511T000000Z"), []string{"allday.ics", "daily.ics", "single.ics"}},
		{"open end", timeRange("20260520T000000Z", ""), []string{"forever.ics", "private.ics"}},
		{"open start", timeRange("", "20000101T000000Z"), []string{"forever.ics"}},
		{"decades on", timeRange("20990101T000000Z", "20990102T000000Z"), []string{"forever.ics"}},
		{"touching is not overlapping", timeRange("20260504T130000Z", "20260504T140000Z"), nil},
		{"by UID", `<C:comp-filter name="VEVENT"><C:prop-filter name="UID"><C:text-match collation="i;octet">private</C:text-match></C:prop-filter></C:comp-filter>`, []string{"private.ics"}},
		{"by category", `<C:comp-filter name="VEVENT"><C:prop-filter name="CATEGORIES"><C:text-match>play</C:text-match></C:prop-filter></C:comp-filter>`, []string{"private.ics"}},
		{"without class", `<C:comp-filter name="VEVENT"><C:prop-filter name="CLASS"><C:is-not-defined/></C:prop-filter></C:comp-filter>`, []string{"allday.ics", "daily.ics", "forever.ics", "single.ics"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := hrefs(e.must(207, "ann", "REPORT", cal, calendarQuery(tt.filter), "Depth: 1").Body)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	e.must(403, "bob", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`))
	for _, tt := range []struct{ name, filter, condition string }{
		{"unknown collation", `<C:comp-filter name="VEVENT"><C:prop-filter name="UID"><C:text-match collation="i;nonsense">x</C:text-match></C:prop-filter></C:comp-filter>`, "supported-collation"},
		{"local time", timeRange("20260504T000000", ""), "valid-filter"},
	} {
		if got := e.do("ann", "REPORT", cal, calendarQuery(tt.filter)); got.Status != 403 || !strings.Contains(got.Body, tt.condition) {
			t.Errorf("%s = %d %q, want %s", tt.name, got.Status, got.Body, tt.condition)
		}
	}
}

func TestExpand(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/daily.ics", event("daily", "20260501T080000Z", "RRULE:FREQ=DAILY;COUNT=10", "EXDATE:20260504T080000Z"))
	got := e.must(207, "ann", "REPORT", "/calendars/users/ann/calendar/",
		calendarQuery(timeRange("20260503T000000Z", "20260506T000000Z"), `<C:calendar-data><C:expand start="20260503T000000Z" end="20260506T000000Z"/></C:calendar-data>`)).Body
	if strings.Count(got, "BEGIN:VEVENT") != 2 || strings.Contains(got, "RRULE") || !strings.Contains(got, "RECURRENCE-ID:20260505T080000Z") {
		t.Errorf("expanded: %s", got)
	}
}

func TestMultiget(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	lunch := event("lunch", "20260504T120000Z")
	e.must(201, "ann", "PUT", cal+"1.ics", lunch)
	body := `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>` +
		`<D:href>` + cal + `1.ics</D:href><D:href>` + cal + `2.ics</D:href><D:href>/calendars/users/bob/calendar/1.ics</D:href></C:calendar-multiget>`
	got := e.must(207, "ann", "REPORT", cal, body).Body
	if strings.Count(got, "404 Not Found") != 2 || !strings.Contains(got, "SUMMARY:lunch") {
		t.Errorf("multiget: %s", got)
	}
}

var tokenPattern = regexp.MustCompile(`<D:sync-token>([^<]*)</D:sync-token>`)

func syncBody(token string, limit int) string {
	more := ""
	if limit > 0 {
		more = fmt.Sprintf("<D:limit><D:nresults>%d</D:nresults></D:limit>", limit)
	}
	return `<D:sync-collection xmlns:D="DAV:"><D:sync-token>` + token + `</D:sync-token><D:sync-level>1</D:sync-level>` + more + `<D:prop><D:getetag/></D:prop></D:sync-collection>`
}

func TestSync(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	sync := func(path, token string, limit int) (names []string, next, body string) {
		t.Helper()
		body = e.must(207, "ann", "REPORT", path, syncBody(token, limit)).Body
		return hrefs(body), tokenPattern.FindStringSubmatch(body)[1], body
	}
	for i := range 5 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%s%d.ics", cal, i), event(fmt.Sprint(i), "20260504T120000Z"))
	}
	names, token, _ := sync(cal, "", 0)
	if want := []string{"", "0.ics", "1.ics", "2.ics", "3.ics", "4.ics"}; !slices.Equal(names, want) {
		t.Fatalf("initial: %v, want %v", names, want)
	}
	if names, _, _ := sync(cal, token, 0); names != nil {
		t.Errorf("nothing changed, got %v", names)
	}
	e.must(204, "ann", "DELETE", cal+"1.ics", "")
	e.must(204, "ann", "PUT", cal+"2.ics", event("2", "20260505T120000Z"))
	names, next, body := sync(cal, token, 0)
	if want := []string{"1.ics", "2.ics"}; !slices.Equal(names, want) || strings.Count(body, "404 Not Found") != 1 {
		t.Errorf("changes: %v %s", names, body)
	}
	homeBody := e.must(207, "ann", "REPORT", "/calendars/users/ann/", syncBody("", 0)).Body
	if !strings.Contains(homeBody, "/calendars/users/ann/calendar/</D:href>") {
		t.Errorf("home: %s", homeBody)
	}
	// By two at a time, until there is no more.
	var all []string
	token = ""
	for range 10 {
		names, n, body := sync(cal, token, 2)
		all = append(all, names...)
		token = n
		if !strings.Contains(body, "507") {
			break
		}
	}
	// What was deleted before the first step is told as deleted in a later one:
	// the server keeps no list of what it has told whom.
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" || s == "1.ics" })
	slices.Sort(all)
	if want := []string{"0.ics", "2.ics", "3.ics", "4.ics"}; !slices.Equal(all, want) {
		t.Errorf("in steps: %v, want %v", all, want)
	}
	if token != next {
		t.Errorf("token %s after the last step, want %s", token, next)
	}
	for _, bad := range []string{"nonsense", "data:,c1-ffffff", strings.Replace(next, "c", "h", 1)} {
		if got := e.do("ann", "REPORT", cal, syncBody(bad, 0)); got.Status != 403 || !strings.Contains(got.Body, "valid-sync-token") {
			t.Errorf("token %q = %d %q", bad, got.Status, got.Body)
		}
	}
}

func TestFreeBusy(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"))
	e.must(201, "ann", "PUT", cal+"2.ics", event("2", "20260504T150000Z", "TRANSP:TRANSPARENT"))
	e.must(201, "ann", "PUT", cal+"3.ics", event("3", "20260504T170000Z", "STATUS:TENTATIVE"))
	body := `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`
	for _, user := range []string{"ann", "bob"} { // colleagues may see when, not what
		got := e.must(200, user, "REPORT", cal, body, "Depth: 1").Body
		for _, want := range []string{"20260504T120000Z/", "BUSY-TENTATIVE", "20260504T170000Z/"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %s", user, want, got)
			}
		}
		if strings.Contains(got, "150000Z") || strings.Contains(got, "SUMMARY") {
			t.Errorf("%s: %s", user, got)
		}
	}
}

// A home can be asked like a calendar, for what is in all of them (RFC 4791 §7.2).
func TestQueryHome(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCALENDAR", home+"work/", `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:calendar-timezone-id>America/New_York</C:calendar-timezone-id></D:prop></D:set></C:mkcalendar>`)
	e.must(201, "ann", "PUT", home+"work/a.ics", event("a", "20260310T090000"))
	e.must(201, "ann", "PUT", home+"calendar/b.ics", event("b", "20260310T090000"))
	body := `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260310T%s0000Z" end="20260310T%s3000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	for _, tt := range []struct{ from, depth, want string }{{"13", "1", "a"}, {"09", "infinity", "b"}, {"09", "0", ""}, {"11", "1", ""}} {
		got := e.must(207, "ann", "REPORT", home, fmt.Sprintf(body, tt.from, tt.from), "Depth: "+tt.depth).Body
		for _, name := range []string{"a", "b"} {
			if strings.Contains(got, "/"+name+".ics") != (name == tt.want) {
				t.Errorf("at %s, depth %s: %s", tt.from, tt.depth, got)
			}
		}
	}
}
