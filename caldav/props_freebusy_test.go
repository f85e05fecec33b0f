package caldav_test

import (
	"strings"
	"testing"
)

const annInbox = "/calendars/users/ann/inbox/"

// officeHours is a VCALENDAR with a VAVAILABILITY: Monday to Friday from 9 to 17 of a
// zone, or of none.
func officeHours(zone string) string {
	return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\nBEGIN:VAVAILABILITY\nUID:a\nDTSTAMP:20260101T000000Z\nBEGIN:AVAILABLE\nUID:b\nDTSTAMP:20260101T000000Z\n" +
		"DTSTART" + zone + ":20260105T090000\nDTEND" + zone + ":20260105T170000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEND:AVAILABLE\nEND:VAVAILABILITY\nEND:VCALENDAR\n"
}

// When somebody is there at all (RFC 7953), under both of its names.
func TestAvailabilityProperty(t *testing.T) {
	e := newEnv(t)
	const names = `<C:calendar-availability/><S:calendar-availability xmlns:S="http://calendarserver.org/ns/"/>`
	find := `<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>` + names + `</D:prop></D:propfind>`
	set := func(text string) string {
		return setting("D:propertyupdate", "<C:calendar-availability>"+text+"</C:calendar-availability>")
	}
	apple := func(text string) string {
		return setting("D:propertyupdate", `<S:calendar-availability xmlns:S="http://calendarserver.org/ns/">`+text+`</S:calendar-availability>`)
	}
	e.rows(t, []row{
		{name: "not set", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{"404 Not Found"}, not: []string{"200 OK"}},
		{name: "no calendar", method: "PROPPATCH", path: annInbox, body: set("This is not a calendar!"), status: 207, want: []string{"409", "<C:valid-calendar-data/>"}, not: []string{"200 OK"}},
		{name: "nothing", method: "PROPPATCH", path: annInbox, body: set(""), status: 207, want: []string{"409", "<C:valid-calendar-data/>"}},
		{name: "an event", method: "PROPPATCH", path: annInbox, body: set(event("1", "20260504T080000Z")), status: 207, want: []string{"409", "<C:valid-calendar-data/>"}},
		{name: "still not set", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{"404 Not Found"}, not: []string{"200 OK"}},
		{name: "by another", user: "bob", method: "PROPPATCH", path: annInbox, body: set(officeHours("")), status: 403, want: []string{"need-privileges"}},
		{name: "set", method: "PROPPATCH", path: annInbox, body: set(officeHours("")), status: 207, want: []string{"200 OK"}},
		{name: "read", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{"<C:calendar-availability>BEGIN:VCALENDAR", "<CS:calendar-availability>BEGIN:VCALENDAR"}, not: []string{"404 Not Found"}},
		{name: "set under the other name", method: "PROPPATCH", path: annInbox, body: apple(officeHours(";TZID=America/New_York")), status: 207, want: []string{"200 OK"}},
		{name: "both have changed", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{"<C:calendar-availability>BEGIN:VCALENDAR", "New_York"}, not: []string{"404 Not Found"}},
	})
	ask := busyRequest([]string{"mailto:ann@example.com"})
	if got := summaries(e.ask("ann", ask)); got != "2.0 BUSY-UNAVAILABLE:000000Z/20260504T130000Z,210000Z/20260505T000000Z" && got != "2.0 BUSY-UNAVAILABLE:000000Z/130000Z,210000Z/20260505T000000Z" {
		t.Error(got)
	}
	// In the zone of the calendar that invitations go to, where it has none itself.
	e.must(207, "ann", "PROPPATCH", "/calendars/users/ann/calendar/", setting("D:propertyupdate", "<C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id>"))
	e.must(207, "ann", "PROPPATCH", annInbox, set(officeHours("")))
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/1.ics", event("1", "20260504T180000Z"))
	const want = "2.0 BUSY:180000Z/PT1H BUSY-UNAVAILABLE:000000Z/070000Z,150000Z/180000Z,190000Z/20260505T000000Z"
	if got := summaries(e.ask("ann", ask)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	url := e.must(200, "bob", "GET", "/calendars/users/ann/freebusy?start=20260504T000000Z&end=20260505T000000Z&format=text/plain", "")
	if !strings.Contains(url.Body, "BUSY-UNAVAILABLE:20260504T000000Z/") || !strings.Contains(url.Body, "METHOD:PUBLISH") || !strings.Contains(url.Body, "ORGANIZER;CN=Ann Archer:mailto:ann@example.com") || !strings.HasPrefix(url.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("free-busy URL: %v %s", url.Header, url.Body)
	}
	if post := e.must(200, "bob", "POST", "/calendars/users/ann/freebusy?start=20260504T000000Z&end=20260505T000000Z", ""); !strings.Contains(post.Body, "VFREEBUSY") {
		t.Errorf("POST: %s", post.Body)
	}
	e.must(207, "ann", "PROPPATCH", annInbox, `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:remove><D:prop><C:calendar-availability/></D:prop></D:remove></D:propertyupdate>`)
	if got := summaries(e.ask("ann", ask)); got != "2.0 BUSY:180000Z/PT1H" {
		t.Error(got)
	}
	if dav := e.must(200, "ann", "OPTIONS", annInbox, "").Header.Get("DAV"); !strings.Contains(dav, "calendar-availability, inbox-availability") || !strings.Contains(dav, "calendar-schedule, calendar-auto-schedule") {
		t.Errorf("DAV: %s", dav)
	}
}

// Which calendars count (CALDAV:calendar-free-busy-set), and that this is their own
// property.
func TestFreeBusySet(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCALENDAR", home+"work/", "")
	e.must(201, "ann", "PUT", home+"work/1.ics", event("1", "20260504T080000Z"))
	find := ask("C:calendar-free-busy-set")
	set := func(hrefs ...string) string {
		inner := ""
		for _, h := range hrefs {
			inner += "<D:href>" + h + "</D:href>"
		}
		return setting("D:propertyupdate", "<C:calendar-free-busy-set>"+inner+"</C:calendar-free-busy-set>")
	}
	const calendar, work = "<D:href>" + home + "calendar/</D:href>", "<D:href>" + home + "work/</D:href>"
	ask := func(want string) {
		t.Helper()
		if got := summaries(e.ask("ann", busyRequest([]string{"mailto:ann@example.com"}))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	ask("2.0 BUSY:080000Z/PT1H")
	e.rows(t, []row{
		{name: "all that hold events", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{calendar + work}, not: []string{"tasks"}},
		{name: "not that of another", method: "PROPPATCH", path: annInbox, body: set(home+"calendar/", "/calendars/users/bob/calendar/"), status: 207, want: []string{"409", "<C:valid-calendar-url/>"}},
		{name: "not what is not there", method: "PROPPATCH", path: annInbox, body: set(home+"calendar/", home+"none/"), status: 207, want: []string{"409", "<C:valid-calendar-url/>"}},
		{name: "not what is no calendar", method: "PROPPATCH", path: annInbox, body: set(home + "inbox/"), status: 207, want: []string{"409", "<C:valid-calendar-url/>"}},
		{name: "nothing was changed", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{calendar + work}},
		{name: "one", method: "PROPPATCH", path: annInbox, body: set("/calendars/__uids__/" + guid("ann") + "/calendar"), status: 207, want: []string{"200 OK"}},
		{name: "is read", method: "PROPFIND", path: annInbox, body: find, header: []string{"Depth: 0"}, status: 207, want: []string{calendar}, not: []string{"work"}},
		{name: "the other says so", method: "PROPFIND", path: home + "work/", body: `<D:propfind xmlns:D="DAV:"><D:prop><schedule-calendar-transp xmlns="urn:ietf:params:xml:ns:caldav"/></D:prop></D:propfind>`, header: []string{"Depth: 0"}, status: 207, want: []string{"transparent"}},
		{name: "cannot be removed", method: "PROPPATCH", path: annInbox, body: `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:remove><D:prop><C:calendar-free-busy-set/></D:prop></D:remove></D:propertyupdate>`, status: 207, want: []string{"cannot-modify-protected-property"}},
	})
	ask("2.0")
	e.must(207, "ann", "PROPPATCH", annInbox, set(home+"work/"))
	ask("2.0 BUSY:080000Z/PT1H")
	e.must(207, "ann", "PROPPATCH", annInbox, set())
	ask("2.0")
}
