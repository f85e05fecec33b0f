package caldav_test

import (
	"strings"
	"testing"
)

// RFC 4791 §7.9.
func TestMultigetRules(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	for _, n := range []string{"1", "2", "a%20b"} {
		e.must(201, "ann", "PUT", cal+n+".ics", event(n, "20260504T120000Z"))
	}
	e.must(201, "ann", "MKCALENDAR", home+"second/", "")
	e.must(201, "ann", "PUT", home+"second/3.ics", event("3", "20260504T120000Z"))
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.must(201, "ann", "PUT", home+"folder/a.txt", "text")
	get := func(props string, hrefs ...string) string {
		s := "<D:prop>" + props + "</D:prop>"
		for _, href := range hrefs {
			s += "<D:href>" + href + "</D:href>"
		}
		return element("C:calendar-multiget", s)
	}
	found := func(href string) string { return "<D:href>" + href + "</D:href><D:propstat>" }
	missing := func(href string) string { return "<D:href>" + href + "</D:href><D:status>HTTP/1.1 404" }
	e.rows(t, []row{
		{name: "§7.9 a response for each", method: "REPORT", path: cal, body: get("<D:getetag/><C:calendar-data/>", cal+"1.ics", cal+"none.ics", cal+"2.ics"), status: 207, want: []string{found(cal + "1.ics"), missing(cal + "none.ics"), found(cal + "2.ics"), "UID:1", "UID:2"}},
		{name: "§7.9 Depth is ignored", method: "REPORT", path: cal, body: get("<D:getetag/>", cal+"1.ics"), header: []string{"Depth: 0"}, status: 207, want: []string{found(cal + "1.ics")}},
		{name: "§7.9 at any depth: of a home", method: "REPORT", path: home, body: get("<D:getetag/>", cal+"1.ics", home+"second/3.ics"), status: 207, want: []string{found(cal + "1.ics"), found(home + "second/3.ics")}},
		{name: "§7.9 not outside of the collection", method: "REPORT", path: cal, body: get("<D:getetag/>", home+"second/3.ics", "/calendars/users/bob/calendar/1.ics", cal), status: 207, want: []string{missing(home + "second/3.ics"), missing("/calendars/users/bob/calendar/1.ics")}, not: []string{"200 OK"}},
		{name: "§7.9 of one object", method: "REPORT", path: cal + "1.ics", body: get("<D:getetag/>", cal+"1.ics"), status: 207, want: []string{found(cal + "1.ics")}},
		{name: "§7.9 of one object, and another", method: "REPORT", path: cal + "1.ics", body: get("<D:getetag/>", cal+"2.ics"), status: 207, want: []string{missing(cal + "2.ics")}},
		{name: "§7.9 of an object that is not there", method: "REPORT", path: cal + "none.ics", body: get("<D:getetag/>", cal+"none.ics"), status: 404},
		{name: "RFC 4918 §8.3 escapes", method: "REPORT", path: cal, body: get("<D:getetag/>", cal+"a%20b.ics"), status: 207, want: []string{found(cal + "a%20b.ics")}},
		{name: "RFC 4918 §8.3 a URL", method: "REPORT", path: cal, body: get("<D:getetag/>", "http://example.com"+cal+"1.ics"), status: 207, want: []string{found(cal + "1.ics")}},
		{name: "RFC 4918 §8.3 a URL of another server", method: "REPORT", path: cal, body: get("<D:getetag/>", "http://elsewhere.example"+cal+"1.ics"), status: 207, want: []string{"HTTP/1.1 40"}, not: []string{"200 OK"}},
		{name: "RFC 4918 §9.1 a property that is not there", method: "REPORT", path: cal, body: get("<D:getetag/><x:none/>", cal+"1.ics"), status: 207, want: []string{"200 OK", "404 Not Found"}},
		{name: "RFC 8144 §2.1 return=minimal", method: "REPORT", path: cal, body: get("<D:getetag/><x:none/>", cal+"1.ics"), header: []string{"Prefer: return=minimal"}, status: 207, want: []string{"200 OK"}, not: []string{"404 Not Found"}},
		{name: "§7.9 no properties", method: "REPORT", path: cal, body: element("C:calendar-multiget", "<D:href>"+cal+"1.ics</D:href>"), status: 207, want: []string{found(cal + "1.ics")}},
		{name: "§9.10 allprop", method: "REPORT", path: cal, body: element("C:calendar-multiget", "<D:allprop/><D:href>"+cal+"1.ics</D:href>"), status: 207, want: []string{"getetag"}, not: []string{"BEGIN:VCALENDAR"}},
		{name: "§9.10 propname", method: "REPORT", path: cal, body: element("C:calendar-multiget", "<D:propname/><D:href>"+cal+"1.ics</D:href>"), status: 207, want: []string{"<D:getetag/>"}},
		{name: "§7.9 a file is no calendar data", method: "REPORT", path: home, body: get("<C:calendar-data/>", home+"folder/a.txt"), status: 207, want: []string{"404 Not Found"}},
		{name: "§9.6 nor is a part of it", method: "REPORT", path: home, body: get(`<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/></C:comp></C:calendar-data>`, home+"folder/a.txt"), status: 207, want: []string{"404 Not Found"}},
		{name: "RFC 4918 §9.1 nor for PROPFIND", method: "PROPFIND", path: home + "folder/a.txt", body: ask("C:calendar-data"), header: []string{"Depth: 0"}, status: 207, want: []string{"404 Not Found"}},
		{name: "RFC 6578 §3.2 nor for sync-collection", method: "REPORT", path: home + "folder/", body: strings.Replace(syncBody("", 0), "<D:getetag/>", `<C:calendar-data xmlns:C="urn:ietf:params:xml:ns:caldav"><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data>`, 1), status: 207, want: []string{"a.txt", "404 Not Found"}},
	})
}

// RFC 4918 §14.24: no href is in a multistatus twice, however often it is asked for.
func TestMultigetRepeats(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"a%20b.ics", event("1", "20260504T120000Z"))
	var hrefs string
	for _, href := range []string{cal + "a%20b.ics", cal + "none.ics", "http://example.com" + cal + "a%20b.ics", cal + "%61%20b.ics", cal + "none.ics", "http://elsewhere.example" + cal + "a%20b.ics", "http://elsewhere.example" + cal + "a%20b.ics"} {
		hrefs += "<D:href>" + href + "</D:href>"
	}
	got := e.must(207, "ann", "REPORT", cal, element("C:calendar-multiget", "<D:prop><D:getetag/></D:prop>"+hrefs)).Body
	for _, href := range []string{cal + "a%20b.ics", cal + "none.ics", "http://elsewhere.example" + cal + "a%20b.ics"} {
		if n := strings.Count(got, "<D:href>"+href+"</D:href>"); n != 1 {
			t.Errorf("%s is there %d times: %s", href, n, got)
		}
	}
}

// RFC 4791 §7.8: what a query answers for.
func TestQueryRules(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCALENDAR", home+"any/", "")
	const cal = home + "any/"
	e.must(201, "ann", "PUT", cal+"e.ics", event("e", "20260504T120000Z", "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.com", "DESCRIPTION:Größe"))
	e.must(201, "ann", "PUT", cal+"t.ics", task("t"))
	e.must(201, "ann", "PUT", cal+"d.ics", strings.Replace(task("d"), "SUMMARY", "DUE:20260504T170000Z\r\nSUMMARY", 1))
	e.must(201, "ann", "PUT", cal+"c.ics", strings.Replace(task("c"), "SUMMARY", "DUE:20260504T170000Z\r\nSTATUS:COMPLETED\r\nCOMPLETED:20260503T170000Z\r\nSUMMARY", 1))
	prop := func(name, inner string) string {
		return `<C:prop-filter name="` + name + `">` + inner + `</C:prop-filter>`
	}
	in := func(name, inner string) string {
		return `<C:comp-filter name="` + name + `">` + inner + `</C:comp-filter>`
	}
	for _, tt := range []struct{ name, filter, want string }{
		{"§9.7 all", "", "c.ics d.ics e.ics t.ics"},
		{"§9.7.1 by component", in("VTODO", ""), "c.ics d.ics t.ics"},
		{"§9.7.4 not defined", in("VTODO", "<C:is-not-defined/>"), "e.ics"},
		{"§9.7.2 with a property", in("VTODO", prop("DUE", "")), "c.ics d.ics"},
		{"§9.7.2 without", in("VTODO", prop("DUE", "<C:is-not-defined/>")), "t.ics"},
		{"§7.8.9 tasks to do", in("VTODO", prop("COMPLETED", "<C:is-not-defined/>")+prop("STATUS", `<C:text-match negate-condition="yes">CANCELLED</C:text-match>`)), ""},
		{"§9.7.5 text, of any case", in("VEVENT", prop("ATTENDEE", `<C:text-match collation="i;ascii-casemap">MAILTO:BOB@</C:text-match>`)), "e.ics"},
		{"§7.5 i;octet", in("VEVENT", prop("ATTENDEE", `<C:text-match collation="i;octet">MAILTO:BOB@</C:text-match>`)), ""},
		{"§7.5 i;unicode-casemap", in("VEVENT", prop("DESCRIPTION", `<C:text-match collation="i;unicode-casemap">GRÖSSE</C:text-match>`)), ""},
		{"§7.5 i;unicode-casemap, umlaut", in("VEVENT", prop("DESCRIPTION", `<C:text-match collation="i;unicode-casemap">GRÖ</C:text-match>`)), "e.ics"},
		{"§9.7.5 negate-condition", in("VEVENT", prop("ATTENDEE", `<C:text-match negate-condition="yes">bob</C:text-match>`)), ""},
		{"§9.7.3 parameter", in("VEVENT", prop("ATTENDEE", `<C:param-filter name="PARTSTAT"><C:text-match>accepted</C:text-match></C:param-filter>`)), "e.ics"},
		{"§9.7.3 no such parameter", in("VEVENT", prop("ATTENDEE", `<C:param-filter name="ROLE"><C:is-not-defined/></C:param-filter>`)), "e.ics"},
		{"§9.9 a task by its due date", in("VTODO", `<C:time-range start="20260504T160000Z" end="20260504T180000Z"/>`), "c.ics d.ics t.ics"},
		{"§9.9 a task by its due date, before", in("VTODO", `<C:time-range start="20260501T160000Z" end="20260502T180000Z"/>`), "t.ics"},
		{"§9.9 a property in a time range", in("VTODO", prop("COMPLETED", `<C:time-range start="20260503T000000Z" end="20260504T000000Z"/>`)), "c.ics"},
		{"§7.2 events and tasks at once are nothing", in("VEVENT", "") + in("VTODO", ""), ""},
	} {
		if got := strings.Join(hrefs(e.must(207, "ann", "REPORT", cal, calendarQuery(tt.filter), "Depth: 1").Body), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	empty := e.must(207, "ann", "REPORT", cal, calendarQuery(in("VJOURNAL", "")), "Depth: 1").Body
	if !strings.Contains(empty, "multistatus") || strings.Contains(empty, "<D:response>") {
		t.Errorf("§7.8 nothing found is an empty multistatus: %s", empty)
	}
	e.rows(t, []row{
		{name: "§7.1 an object", method: "REPORT", path: cal + "e.ics", body: calendarQuery(in("VEVENT", "")), status: 207, want: []string{"e.ics"}},
		{name: "§7.1 an object that does not match", method: "REPORT", path: cal + "e.ics", body: calendarQuery(in("VTODO", "")), status: 207, not: []string{"e.ics"}},
		{name: "§7.8 a property that is not there", method: "REPORT", path: cal, body: calendarQuery(in("VEVENT", ""), `<none xmlns="urn:x"/>`), header: []string{"Depth: 1"}, status: 207, want: []string{"200 OK", "404 Not Found"}},
		{name: "RFC 8144 §2.1 return=minimal", method: "REPORT", path: cal, body: calendarQuery(in("VEVENT", ""), `<none xmlns="urn:x"/>`), header: []string{"Depth: 1", "Prefer: return=minimal"}, status: 207, want: []string{"200 OK"}, not: []string{"404 Not Found"}},
		{name: "§9.5 allprop", method: "REPORT", path: cal, body: strings.Replace(calendarQuery(in("VEVENT", "")), "<D:prop><D:getetag/></D:prop>", "<D:allprop/>", 1), header: []string{"Depth: 1"}, status: 207, want: []string{"getetag"}, not: []string{"BEGIN:VCALENDAR"}},
		{name: "§9.5 nothing asked of them", method: "REPORT", path: cal, body: strings.Replace(calendarQuery(in("VEVENT", "")), "<D:prop><D:getetag/></D:prop>", "", 1), header: []string{"Depth: 1"}, status: 207, want: []string{"e.ics"}},
	})
}
