package caldav_test

import (
	"strings"
	"testing"
)

func freeBusyQuery(inner string) string { return element("C:free-busy-query", inner) }

// RFC 4791 §7.10: busy times and no more.
func TestFreeBusyQuery(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	put := func(uid, start string, more ...string) {
		e.must(201, "ann", "PUT", cal+uid+".ics", event(uid, start, more...))
	}
	put("busy", "20260504T080000Z")
	put("free", "20260504T100000Z", "TRANSP:TRANSPARENT")
	put("cancelled", "20260504T120000Z", "STATUS:CANCELLED")
	put("tentative", "20260504T140000Z", "STATUS:TENTATIVE")
	put("confirmed", "20260504T160000Z", "STATUS:CONFIRMED")
	put("series", "20260501T180000Z", "RRULE:FREQ=DAILY;COUNT=10", "EXDATE:20260504T180000Z")
	put("overlap", "20260504T083000Z")
	put("touching", "20260504T093000Z")
	put("over", "20260503T233000Z")
	day := `<C:time-range start="20260504T000000Z" end="20260505T000000Z"/>`
	e.must(201, "ann", "MKCALENDAR", home+"private/", setting("C:mkcalendar", "<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"))
	e.must(201, "ann", "PUT", home+"private/p.ics", event("private", "20260504T200000Z"))
	all := []string{"BEGIN:VFREEBUSY", "\nUID:", "DTSTART:20260504T000000Z", "DTEND:20260505T000000Z", "DTSTAMP:", "FREEBUSY;FBTYPE=BUSY:", "20260504T080000Z/PT2H30M,", "FBTYPE=BUSY-TENTATIVE:20260504T140000Z/PT1H", "04T160000Z/PT1H"}
	none := []string{"100000Z/", "120000Z/", "180000Z/", "200000Z/", "SUMMARY", "UID:busy", "VEVENT"}
	e.rows(t, []row{
		{name: "§7.10 the busy times of a calendar", method: "REPORT", path: cal, body: freeBusyQuery(day), header: []string{"Depth: 1"}, status: 200, want: all, not: none},
		{name: "§6.1.1 for those who may not read", user: "bob", method: "REPORT", path: cal, body: freeBusyQuery(day), header: []string{"Depth: 1"}, status: 200, want: all, not: none},
		{name: "§7.10 a series", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20260505T000000Z" end="20260507T000000Z"/>`), header: []string{"Depth: 1"}, status: 200, want: []string{"20260505T180000Z/", "20260506T180000Z/"}, not: []string{"20260504T18", "20260507T18"}},
		{name: "§7.10 nothing", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20200505T000000Z" end="20200507T000000Z"/>`), header: []string{"Depth: 1"}, status: 200, want: []string{"BEGIN:VFREEBUSY"}, not: []string{"FREEBUSY:", "FREEBUSY;"}},
		{name: "§7.10 what begins before and ends after is cut", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20260504T081500Z" end="20260504T082000Z"/>`), header: []string{"Depth: 1"}, status: 200, want: []string{"20260504T081500Z/"}, not: []string{"080000Z", "090000Z"}},
		{name: "§7.10 of all calendars that count", method: "REPORT", path: home, body: freeBusyQuery(day), header: []string{"Depth: infinity"}, status: 200, want: all, not: none},
		{name: "§9.11 no time range", method: "REPORT", path: cal, body: freeBusyQuery(""), status: 400},
		{name: "§9.11 no end", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20260504T000000Z"/>`), status: 400},
		{name: "§9.11 no start", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range end="20260504T000000Z"/>`), status: 400},
		{name: "§9.11 not in UTC", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20260504T000000" end="20260505T000000"/>`), status: 400},
		{name: "§9.11 the end before the start", method: "REPORT", path: cal, body: freeBusyQuery(`<C:time-range start="20260505T000000Z" end="20260504T000000Z"/>`), status: 400},
		{name: "§7.10 only collections", method: "REPORT", path: cal + "busy.ics", body: freeBusyQuery(day), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§7.10 not on ordinary collections", method: "REPORT", path: home + "outbox/", body: freeBusyQuery(day), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§7.10 not on an inbox", method: "REPORT", path: home + "inbox/", body: freeBusyQuery(day), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§7.10 who may not ask finds nothing", user: "bob", method: "REPORT", path: home, body: freeBusyQuery(day), status: 404, not: []string{"need-privileges"}},
		{name: "§7.10 whatever else is wrong", user: "bob", method: "REPORT", path: home, body: freeBusyQuery(""), status: 404, not: []string{"need-privileges"}},
		{name: "§6.1.1 a home is not everybody's", user: "bob", method: "REPORT", path: home, body: "<", status: 403, want: []string{"need-privileges"}},
		{name: "§6.1.1 the privilege", user: "bob", method: "OPTIONS", path: home + "freebusy", status: 200},
		{name: "§6.1.1 the free-busy URL", user: "bob", method: "GET", path: home + "freebusy?start=20260504T000000Z&end=20260505T000000Z", status: 200, want: all, not: none},
	})
	got := e.must(200, "ann", "REPORT", cal, freeBusyQuery(day), "Depth: 1")
	if typ := got.Header.Get("Content-Type"); !strings.HasPrefix(typ, "text/calendar") {
		t.Errorf("§7.10: Content-Type %q", typ)
	}
	for _, at := range []struct{ method, path, body string }{{"REPORT", cal, freeBusyQuery(day)}, {"GET", home + "freebusy", ""}} {
		got := e.must(200, "ann", at.method, at.path, at.body, "Depth: 1", "Accept: application/calendar+json")
		if typ := got.Header.Get("Content-Type"); !strings.HasPrefix(typ, "application/calendar+json") || !strings.HasPrefix(got.Body, `["vcalendar",`) || !strings.Contains(got.Body, `["vfreebusy",`) {
			t.Errorf("RFC 7265 §7: %s %q: %s", at.method, typ, got.Body)
		}
	}
	if strings.Count(got.Body, "BEGIN:VFREEBUSY") != 1 || !strings.Contains(got.Body, "PRODID:") || !strings.Contains(got.Body, "VERSION:2.0") {
		t.Errorf("§7.10: one VFREEBUSY in a valid object: %s", got.Body)
	}
}
