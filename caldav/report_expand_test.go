package caldav_test

import (
	"strings"
	"testing"
)

// series is a meeting at ten in Berlin, on five days from 4 May 2026: the second
// moved to the afternoon, the third left out.
var series = strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN",
	"BEGIN:VEVENT", "UID:series", "DTSTAMP:20260101T000000Z", "DTSTART;TZID=Europe/Berlin:20260504T100000", "DURATION:PT1H",
	"RRULE:FREQ=DAILY;COUNT=5", "EXDATE;TZID=Europe/Berlin:20260506T100000", "SUMMARY:Stand-up", "LOCATION:Oak", "END:VEVENT",
	"BEGIN:VEVENT", "UID:series", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID;TZID=Europe/Berlin:20260505T100000",
	"DTSTART;TZID=Europe/Berlin:20260505T150000", "DURATION:PT1H", "SUMMARY:Moved", "END:VEVENT", "END:VCALENDAR", ""}, "\r\n")

// RFC 4791 §7.6, §7.7 and §9.6: parts of calendar data.
func TestCalendarData(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"s.ics", series)
	report := func(data string) string {
		return element("C:calendar-multiget", "<D:prop>"+data+"</D:prop><D:href>"+cal+"s.ics</D:href>")
	}
	data := func(inner string) string { return report("<C:calendar-data>" + inner + "</C:calendar-data>") }
	for _, tt := range []struct {
		name, body string
		want       map[string]int // how often
	}{
		{"§9.6 nothing said is everything", report("<C:calendar-data/>"), map[string]int{"BEGIN:VEVENT": 2, "RRULE:FREQ=DAILY": 1, "BEGIN:VTIMEZONE": 1}},
		{"§9.6.5 expand", data(`<C:expand start="20260504T000000Z" end="20260510T000000Z"/>`),
			map[string]int{"BEGIN:VEVENT": 4, "RRULE": 0, "EXDATE": 0, "BEGIN:VTIMEZONE": 0, "TZID": 0, "RECURRENCE-ID": 3, "DTSTART:20260504T080000Z": 1, "DTSTART:20260505T130000Z": 1, "RECURRENCE-ID:20260505T080000Z": 1, "20260506": 0}},
		{"§9.6.5 expand, a day", data(`<C:expand start="20260505T000000Z" end="20260506T000000Z"/>`), map[string]int{"BEGIN:VEVENT": 1, "SUMMARY:Moved": 1, "DTSTART:20260505T130000Z": 1}},
		{"§9.6.5 expand, where it was before it moved", data(`<C:expand start="20260505T080000Z" end="20260505T090000Z"/>`), map[string]int{"BEGIN:VEVENT": 0}},
		{"§9.6.6 limit-recurrence-set, with the moved one", data(`<C:limit-recurrence-set start="20260505T120000Z" end="20260505T140000Z"/>`), map[string]int{"BEGIN:VEVENT": 2, "SUMMARY:Moved": 1, "FREQ=DAILY": 1}},
		{"§9.6.6 limit-recurrence-set, where it was", data(`<C:limit-recurrence-set start="20260505T080000Z" end="20260505T090000Z"/>`), map[string]int{"BEGIN:VEVENT": 2, "SUMMARY:Moved": 1}},
		{"§9.6.6 limit-recurrence-set, without", data(`<C:limit-recurrence-set start="20260507T000000Z" end="20260508T000000Z"/>`), map[string]int{"BEGIN:VEVENT": 1, "SUMMARY:Moved": 0, "FREQ=DAILY": 1}},
		{"§9.6.1 components and properties", data(`<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="UID"/><C:prop name="DTSTART"/></C:comp></C:comp>`),
			map[string]int{"VERSION:2.0": 1, "PRODID": 0, "BEGIN:VEVENT": 2, "UID:series": 2, "DTSTART;": 2, "SUMMARY": 0, "VTIMEZONE": 0}},
		{"§9.6.2 all components", data(`<C:comp name="VCALENDAR"><C:allprop/><C:allcomp/></C:comp>`), map[string]int{"PRODID": 1, "BEGIN:VEVENT": 2, "SUMMARY:Stand-up": 1}},
		{"§9.6.4 without the value", data(`<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY" novalue="yes"/></C:comp></C:comp>`), map[string]int{"SUMMARY:\r": 2, "Stand-up": 0}},
		{"§9.6.5 expand and a part", data(`<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="UID"/></C:comp></C:comp><C:expand start="20260504T000000Z" end="20260510T000000Z"/>`), map[string]int{"UID:series": 4, "DTSTART": 0}},
		{"RFC 7265 §6 jCal", report(`<C:calendar-data content-type="application/calendar+json" version="2.0"/>`), map[string]int{"BEGIN:VEVENT": 0, "vevent": 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.ReplaceAll(e.must(207, "ann", "REPORT", cal, tt.body).Body, "&#13;", "\r")
			for part, n := range tt.want {
				if have := strings.Count(got, part); have != n {
					t.Errorf("%d times %q, want %d: %s", have, part, n, got)
				}
			}
		})
	}
	// What a part is given of stays as it is.
	if got := e.must(200, "ann", "GET", cal+"s.ics", "").Body; !strings.Contains(got, "FREQ=DAILY") {
		t.Errorf("GET = %s", got)
	}
}

// RFC 4791 §7.3: dates and floating times are read in the zone of the request, and
// else in that of the calendar.
func TestFloatingTimes(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	for name, zone := range map[string]string{"utc": "", "ny": "America/New_York"} {
		props := ""
		if zone != "" {
			props = "<C:calendar-timezone-id>" + zone + "</C:calendar-timezone-id>"
		}
		e.must(201, "ann", "MKCALENDAR", home+name+"/", setting("C:mkcalendar", "<D:displayname>x</D:displayname>"+props))
		e.must(201, "ann", "PUT", home+name+"/f.ics", event("floating-"+name, "20260504T120000"))
		e.must(201, "ann", "PUT", home+name+"/d.ics", strings.NewReplacer("DTSTART:", "DTSTART;VALUE=DATE:", "PT1H", "P1D").Replace(event("day-"+name, "20260504")))
	}
	for _, tt := range []struct {
		name, calendar, zone, start, end string
		want                             string
	}{
		{"§7.3 UTC", "utc", "", "20260504T120000Z", "20260504T121000Z", "d.ics f.ics"},
		{"§7.3 of the calendar", "ny", "", "20260504T120000Z", "20260504T121000Z", "d.ics"},
		{"§7.3 of the calendar, four hours later", "ny", "", "20260504T160000Z", "20260504T161000Z", "d.ics f.ics"},
		{"§7.3 of the request", "ny", "Europe/Berlin", "20260504T100000Z", "20260504T101000Z", "d.ics f.ics"},
		{"§7.3 a day begins there", "utc", "Asia/Tokyo", "20260503T150000Z", "20260503T151000Z", "d.ics"},
		{"§7.3 and not here", "utc", "", "20260503T150000Z", "20260503T151000Z", ""},
	} {
		body := calendarQuery(timeRange(tt.start, tt.end))
		if tt.zone != "" {
			body = strings.Replace(body, "</C:calendar-query>", "<C:timezone-id>"+tt.zone+"</C:timezone-id></C:calendar-query>", 1)
		}
		if got := strings.Join(hrefs(e.must(207, "ann", "REPORT", home+tt.calendar+"/", body, "Depth: 1").Body), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// RFC 3253 §3.8: expand-property.
func TestExpandProperty(t *testing.T) {
	e := newEnv(t)
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 0")
	expand := func(inner string) string { return element("D:expand-property", inner) }
	e.rows(t, []row{
		{name: "§3.8 a property without hrefs", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property name="displayname"/>`), status: 207, want: []string{"<D:displayname>Ann Archer<"}},
		{name: "§3.8 hrefs that are not followed", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property name="principal-URL"/>`), status: 207, want: []string{"<D:principal-URL><D:href>"}},
		{name: "§3.8 hrefs that are", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property name="principal-URL"><D:property name="displayname"/></D:property>`), status: 207, want: []string{"<D:principal-URL><D:response>", "Ann Archer"}},
		{name: "§3.8 a property that is not there", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property name="none"/><D:property name="none" namespace="urn:x"/>`), status: 207, want: []string{"404 Not Found"}},
		{name: "§3.8 a property without a name", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property/>`), status: 400},
		{name: "§3.8 nothing asked", method: "REPORT", path: "/principals/users/ann/", body: expand(""), status: 207},
		{name: "§3.8 of a calendar", method: "REPORT", path: "/calendars/users/ann/calendar/", body: expand(`<D:property name="owner"><D:property name="displayname"/></D:property>`), status: 207, want: []string{"Ann Archer"}},
		{name: "§3.6 nothing said is of the collection alone", method: "REPORT", path: "/calendars/users/ann/", body: expand(`<D:property name="owner"><D:property name="displayname"/></D:property>`), status: 207, not: []string{"/ann/calendar/"}},
		{name: "§3.6 and of each member", method: "REPORT", path: "/calendars/users/ann/", header: []string{"Depth: 1"}, body: expand(`<D:property name="owner"><D:property name="displayname"/></D:property>`), status: 207,
			want: []string{"<D:href>/calendars/users/ann/</D:href>", "<D:href>/calendars/users/ann/calendar/</D:href><D:propstat><D:prop><D:owner><D:response>", "<D:href>/calendars/users/ann/inbox/</D:href>"}},
		{name: "§3.6 of the groups of delegates", method: "REPORT", path: "/principals/users/ann/", header: []string{"Depth: 1"}, body: expand(`<D:property name="group-member-set"><D:property name="displayname"/></D:property>`), status: 207, want: []string{"/principals/users/ann/calendar-proxy-write/</D:href>"}},
		{name: "RFC 3744 what may not be read", user: "bob", method: "REPORT", path: "/principals/users/ann/", body: expand(`<D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="quota-used-bytes"/></D:property>`), status: 207, not: []string{"quota-used-bytes>"}},
	})
}
