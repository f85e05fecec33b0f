package caldav_test

import (
	"strings"
	"testing"
	"time"

	"convene/caldav"
)

// What every report refuses, before it is asked what it wants (RFC 3253 §3.6, RFC
// 4918 §8.2, RFC 3744).
func TestReportsRefuse(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z"))
	all := `<C:comp-filter name="VEVENT"/>`
	multiget := element("C:calendar-multiget", "<D:prop><D:getetag/></D:prop><D:href>"+cal+"1.ics</D:href>")
	e.rows(t, []row{
		{name: "RFC 3253 §3.6 no body", method: "REPORT", path: cal, status: 400},
		{name: "RFC 4918 §8.2 no XML", method: "REPORT", path: cal, body: "hello", status: 400},
		{name: "RFC 4918 §8.2 not well-formed", method: "REPORT", path: cal, body: "<C:calendar-query" + davNS + "><D:prop>", status: 400},
		{name: "RFC 4918 §8.2 a prefix of no namespace", method: "REPORT", path: cal, body: "<C:calendar-query/>", status: 400},
		{name: "RFC 4918 §17 entities", method: "REPORT", path: cal, body: `<!DOCTYPE x [<!ENTITY a "b">]><x/>`, status: 403, want: []string{"<D:no-external-entities/>"}},
		{name: "RFC 3253 §3.6 supported-report", method: "REPORT", path: cal, body: element("x:report", ""), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "RFC 3253 §3.6 of another method", method: "REPORT", path: cal, body: element("D:propfind", "<D:allprop/>"), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "RFC 3253 §3.6 in no namespace", method: "REPORT", path: cal, body: "<calendar-query/>", status: 403, want: []string{"<D:supported-report/>"}},
		{name: "RFC 3253 §3.6 not on a principal", method: "REPORT", path: "/principals/users/ann/", body: calendarQuery(all), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "RFC 3253 §3.6 not on the outbox", method: "REPORT", path: home + "outbox/", body: calendarQuery(all), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "nothing there", method: "REPORT", path: home + "none/", body: calendarQuery(all), status: 404},
		{name: "RFC 3744 a query reads", user: "bob", method: "REPORT", path: cal, body: calendarQuery(all), status: 403, want: []string{"need-privileges", "<D:read/>"}},
		{name: "RFC 3744 a multiget reads", user: "bob", method: "REPORT", path: cal, body: multiget, status: 403, want: []string{"need-privileges", "<D:read/>"}},
		{name: "RFC 3744 a sync reads", user: "bob", method: "REPORT", path: cal, body: syncBody("", 0), status: 403, want: []string{"need-privileges", "<D:read/>"}},
		{name: "RFC 3744 §9.2 acl-principal-prop-set reads the ACL", user: "bob", method: "REPORT", path: cal, body: element("D:acl-principal-prop-set", "<D:prop><D:displayname/></D:prop>"), status: 403, want: []string{"need-privileges"}},
		{name: "RFC 3744 a reader reads", user: "auditor", method: "REPORT", path: cal, body: multiget, status: 207, want: []string{"200 OK"}},
	})
}

// The preconditions of RFC 4791 §7.8 and §7.9, and of RFC 7809 §3.1.6.
func TestQueryPreconditions(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.QueryPast, l.QueryFuture = 365*24*time.Hour, 365*24*time.Hour })
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z"))
	query := func(inner, filter string) string {
		if filter != "" {
			filter = "<C:filter>" + filter + "</C:filter>"
		}
		return element("C:calendar-query", inner+filter)
	}
	all := `<C:comp-filter name="VCALENDAR"/>`
	in := func(s string) string {
		return `<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` + s + `</C:comp-filter></C:comp-filter>`
	}
	data := func(s string) string { return "<D:prop>" + s + "</D:prop>" }
	const good, bad = "<D:getetag/>", `<C:calendar-data content-type="text/vcard"/>`
	rows := []struct {
		name, body string
		status     int
		condition  string
	}{
		{"§7.8 valid-filter: there is none", query(data(good), ""), 403, "C:valid-filter"},
		{"§7.8 valid-filter: it is empty", element("C:calendar-query", data(good)+"<C:filter/>"), 403, "C:valid-filter"},
		{"§7.8 valid-filter: not VCALENDAR", query(data(good), `<C:comp-filter name="VEVENT"/>`), 403, "C:valid-filter"},
		{"§7.8 valid-filter: events in tasks", query(data(good), `<C:comp-filter name="VCALENDAR"><C:comp-filter name="VTODO"><C:comp-filter name="VEVENT"/></C:comp-filter></C:comp-filter>`), 403, "C:valid-filter"},
		{"§7.8 valid-filter: a time range of a summary", query(data(good), in(`<C:prop-filter name="SUMMARY"><C:time-range start="20260504T000000Z"/></C:prop-filter>`)), 403, "C:valid-filter"},
		{"§7.8 valid-filter: a time that is not UTC", query(data(good), in(`<C:time-range start="20260504T000000"/>`)), 403, "C:valid-filter"},
		{"§9.9 valid-filter: neither start nor end", query(data(good), in(`<C:time-range/>`)), 400, "C:valid-filter"},
		{"§9.9 valid-filter: the end before the start", query(data(good), in(`<C:time-range start="20260505T000000Z" end="20260504T000000Z"/>`)), 403, "C:valid-filter"},
		{"§9.7.1 valid-filter: defined and not", query(data(good), in(`<C:is-not-defined/><C:prop-filter name="UID"/>`)), 403, "C:valid-filter"},
		{"§9.7.5 valid-filter: negate-condition", query(data(good), in(`<C:prop-filter name="UID"><C:text-match negate-condition="maybe">x</C:text-match></C:prop-filter>`)), 403, "C:valid-filter"},
		{"§7.8 supported-collation", query(data(good), in(`<C:prop-filter name="UID"><C:text-match collation="i;none">x</C:text-match></C:prop-filter>`)), 403, "C:supported-collation"},
		{"§7.8 supported-calendar-data: type", query(data(bad), all), 403, "C:supported-calendar-data"},
		{"§7.8 supported-calendar-data: version", query(data(`<C:calendar-data version="3.0"/>`), all), 403, "C:supported-calendar-data"},
		{"§7.8 min-date-time", query(data(good), in(`<C:time-range start="20200101T000000Z"/>`)), 403, "C:min-date-time"},
		{"§7.8 max-date-time", query(data(good), in(`<C:time-range end="20400101T000000Z"/>`)), 403, "C:max-date-time"},
		{"§7.8 min-date-time of expand", query(data(`<C:calendar-data><C:expand start="20200101T000000Z" end="20260601T000000Z"/></C:calendar-data>`), all), 403, "C:min-date-time"},
		{"§7.8 max-date-time of limit-recurrence-set", query(data(`<C:calendar-data><C:limit-recurrence-set start="20260101T000000Z" end="20400101T000000Z"/></C:calendar-data>`), all), 403, "C:max-date-time"},
		{"§7.8 max-date-time of limit-freebusy-set", query(data(`<C:calendar-data><C:limit-freebusy-set start="20260101T000000Z" end="20400101T000000Z"/></C:calendar-data>`), all), 403, "C:max-date-time"},
		{"§7.9 max-date-time of expand", element("C:calendar-multiget", data(`<C:calendar-data><C:expand start="20260101T000000Z" end="20400101T000000Z"/></C:calendar-data>`)+"<D:href>"+cal+"1.ics</D:href>"), 403, "C:max-date-time"},
		{"§7.9 supported-calendar-data", element("C:calendar-multiget", data(bad)+"<D:href>"+cal+"1.ics</D:href>"), 403, "C:supported-calendar-data"},
		{"§7.9 no href", element("C:calendar-multiget", data(good)), 400, ""},
		{"§9.6.5 expand has both ends", query(data(`<C:calendar-data><C:expand start="20260101T000000Z"/></C:calendar-data>`), all), 400, ""},
		{"§9.6 expand and limit-recurrence-set", query(data(`<C:calendar-data><C:expand start="20260101T000000Z" end="20260601T000000Z"/><C:limit-recurrence-set start="20260101T000000Z" end="20260601T000000Z"/></C:calendar-data>`), all), 400, ""},
		{"RFC 4918 §10.2 Depth", query(data(good), all), 207, ""},
	}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do("ann", "REPORT", cal, tt.body, "Depth: 1")
			if got.Status != tt.status || tt.condition != "" && !strings.Contains(got.Body, "<"+tt.condition) {
				t.Errorf("%d %s, want %d %s", got.Status, got.Body, tt.status, tt.condition)
			}
		})
		// What is wrong with the time zone is said first, whatever else is.
		if !strings.HasPrefix(tt.body, "<C:calendar-query") {
			continue
		}
		for zone, condition := range map[string]string{
			"<C:timezone>none</C:timezone>":                                   "<C:valid-calendar-data",
			"<C:timezone>" + event("x", "20260504T120000Z") + "</C:timezone>": "<C:valid-calendar-data",
			"<C:timezone-id>Nowhere/Land</C:timezone-id>":                     "<C:valid-timezone",
		} {
			body := strings.Replace(tt.body, "</C:calendar-query>", zone+"</C:calendar-query>", 1)
			if got := e.do("ann", "REPORT", cal, body, "Depth: 1"); got.Status != 403 || !strings.Contains(got.Body, condition) {
				t.Errorf("%s, and %s: %d %s, want %s", tt.name, zone, got.Status, got.Body, condition)
			}
		}
	}
	e.rows(t, []row{
		{name: "RFC 7809 §3.1.6 an identifier that is known", method: "REPORT", path: cal, header: []string{"Depth: 1"}, status: 207, want: []string{"1.ics"},
			body: strings.Replace(query(data(good), all), "</C:calendar-query>", "<C:timezone-id>Europe/Berlin</C:timezone-id></C:calendar-query>", 1)},
		{name: "RFC 4918 §10.2 a Depth that is none", method: "REPORT", path: cal, header: []string{"Depth: 7"}, status: 400, body: query(data(good), all)},
	})
}

// Postconditions: number-of-matches-within-limits.
func TestReportLimits(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.Results = 2 })
	const cal = "/calendars/users/ann/calendar/"
	hrefs := ""
	for _, n := range []string{"1", "2", "3"} {
		e.must(201, "ann", "PUT", cal+n+".ics", event(n, "20260504T120000Z"))
		hrefs += "<D:href>" + cal + n + ".ics</D:href>"
	}
	e.rows(t, []row{
		{name: "RFC 4791 §7.8 a query", method: "REPORT", path: cal, body: calendarQuery(`<C:comp-filter name="VEVENT"/>`), header: []string{"Depth: 1"}, status: 207, want: []string{"507 Insufficient Storage", "<D:number-of-matches-within-limits/>"}},
		{name: "RFC 4791 §7.9 a multiget", method: "REPORT", path: cal, body: element("C:calendar-multiget", "<D:prop><D:getetag/></D:prop>"+hrefs), status: 207, want: []string{"1.ics", "2.ics", cal + "</D:href><D:status>HTTP/1.1 507 Insufficient Storage", "<D:number-of-matches-within-limits/>"}, not: []string{"3.ics"}},
		{name: "RFC 6578 §3.7 a limit of nothing", method: "REPORT", path: cal, body: strings.Replace(syncBody("", 1), "nresults>1<", "nresults>0<", 1), status: 507, want: []string{"<D:number-of-matches-within-limits/>"}},
	})
}
