package caldav_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"convene/caldav"
)

// What clients put into a calendar that they make, and what there is to refuse, is
// the same with MKCALENDAR (RFC 4791 §5.3.1) and with extended MKCOL (RFC 5689).
func TestMakeCalendar(t *testing.T) {
	const home = "/calendars/users/ann/"
	const zone = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
	for _, with := range []struct {
		method   string
		body     func(props string) string
		refused  int // because of a property
		occupied int // where a resource is
		root     string
	}{
		{"MKCALENDAR", func(props string) string { return setting("C:mkcalendar", props) }, 207, 403, "<D:multistatus"},
		{"MKCOL", func(props string) string {
			return setting("D:mkcol", "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>"+props)
		}, 424, 405, "<D:mkcol-response"},
	} {
		t.Run(with.method, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "MKCOL", home+"folder/", "")
			e.must(201, "ann", "PUT", home+"notes.txt", "text")
			e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
			find := func(name, path string, status int, want ...string) row {
				return row{name: name, method: "PROPFIND", path: path, status: status, want: want, header: []string{"Depth: 0"},
					body: strings.Replace(ask("D:displayname", "D:resourcetype", "C:calendar-description", "C:supported-calendar-component-set", "C:calendar-timezone", "A:calendar-color"), "</D:prop>", `<dead xmlns="urn:x"/></D:prop>`, 1)}
			}
			refused := func(name, props string, want ...string) row {
				return row{name: name, method: with.method, path: home + "refused/", body: with.body(props), status: with.refused, want: append(want, with.root)}
			}
			e.rows(t, []row{
				{name: "§5.3.1.2 with properties", method: with.method, path: home + "work/", status: 201, body: with.body(`<D:displayname>Lisa's Events</D:displayname><C:calendar-description xml:lang="en">Restricted to events.</C:calendar-description>` +
					`<C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set><C:calendar-timezone><![CDATA[` + zone + `]]></C:calendar-timezone><A:calendar-color>#FF0000FF</A:calendar-color><x:dead>kept</x:dead>`)},
				find("§5.3.1.2 they are set", home+"work/", 207, "Lisa's Events", "Restricted to events.", `<C:comp name="VEVENT"/></C:supported`, "TZID:Mine", "#FF0000FF", ">kept<"),
				find("§5.3.1 initialize-calendar-collection", home+"work/", 207, "<D:collection/><C:calendar/>"),
				{name: "§5.3.1 it takes events", method: "PUT", path: home + "work/1.ics", body: event("two", "20260504T120000Z"), status: 201},
				{name: "§5.2.3 it takes nothing else", method: "PUT", path: home + "work/2.ics", body: task("three"), status: 403, want: []string{"<C:supported-calendar-component/>"}},
				{name: "§5.2.3 nothing said is everything", method: with.method, path: home + "any", body: with.body("<D:displayname>x</D:displayname>"), status: 201},
				{name: "§5.2.3 such as tasks", method: "PUT", path: home + "any/2.ics", body: task("three"), status: 201},
				{name: "a name that is no ASCII", method: with.method, path: home + "%C3%84rger%20und%20so/", body: with.body("<D:displayname>x</D:displayname>"), status: 201},

				{name: "§5.3.1 where a calendar is", method: with.method, path: home + "work/", body: with.body("<D:displayname>x</D:displayname>"), status: with.occupied},
				{name: "§5.3.1 where a collection is", method: with.method, path: home + "folder/", body: with.body("<D:displayname>x</D:displayname>"), status: with.occupied},
				{name: "§5.3.1 where a file is", method: with.method, path: home + "notes.txt", body: with.body("<D:displayname>x</D:displayname>"), status: with.occupied},
				{name: "§5.3.1 where the home is", method: with.method, path: home, body: with.body("<D:displayname>x</D:displayname>"), status: with.occupied},
				{name: "§5.3.1 where the inbox is", method: with.method, path: home + "inbox/", body: with.body("<D:displayname>x</D:displayname>"), status: with.occupied},
				{name: "§4.2 calendars in calendars", method: with.method, path: home + "work/inner/", body: with.body("<D:displayname>x</D:displayname>"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
				{name: "§5.3.1.1 without a parent", method: with.method, path: home + "none/inner/", body: with.body("<D:displayname>x</D:displayname>"), status: 409},
				{name: "§5.3.1 among the principals", method: with.method, path: "/principals/users/new/", body: with.body("<D:displayname>x</D:displayname>"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
				{name: "§5.3.1 the home of nobody", method: with.method, path: "/calendars/users/nobody/", body: with.body("<D:displayname>x</D:displayname>"), status: 403, want: []string{"<C:calendar-collection-location-ok/>"}},
				{name: "§5.3.1 a home of nobody", method: with.method, path: "/calendars/users/nobody/new/", body: with.body("<D:displayname>x</D:displayname>"), status: 409},
				{name: "§5.3.1 bind", user: "bob", method: with.method, path: home + "new/", body: with.body("<D:displayname>x</D:displayname>"), status: 403, want: []string{"need-privileges", "<D:bind/>"}},
				{name: "§5.3.1 bind, of a reader", user: "auditor", method: with.method, path: home + "new/", body: with.body("<D:displayname>x</D:displayname>"), status: 403, want: []string{"need-privileges", "<D:bind/>"}},

				refused("§5.3.1 valid-calendar-data", "<D:displayname>x</D:displayname><C:calendar-timezone>none</C:calendar-timezone>", "<C:valid-calendar-data/>", "424 Failed Dependency"),
				refused("RFC 7809 §3.1.5 valid-timezone", "<C:calendar-timezone-id>Nowhere/Land</C:calendar-timezone-id>", "<C:valid-timezone/>"),
				refused("RFC 4918 §9.2.1 a protected property", "<x:dead>1</x:dead><D:getetag>x</D:getetag>", "<D:cannot-modify-protected-property/>", "403 Forbidden", "424 Failed Dependency"),
				find("§5.3.1.1 nothing was made", home+"refused/", 404),

				{name: "RFC 4918 §8.2 no XML", method: with.method, path: home + "refused/", body: "<x", header: []string{xmlHeader}, status: 400},
				{name: "§5.2.3 types that no calendar holds", method: with.method, path: home + "refused/", body: with.body(`<C:supported-calendar-component-set><C:comp name="X-NONE"/></C:supported-calendar-component-set>`), status: 403, want: []string{"<C:supported-calendar-component/>"}},
				{name: "RFC 9110 §13.1.2 If-None-Match", method: with.method, path: home + "work/", body: with.body("<D:displayname>x</D:displayname>"), header: []string{"If-None-Match: *"}, status: with.occupied},
			})
			if got := e.must(201, "ann", with.method, home+"cached/", with.body("<D:displayname>x</D:displayname>")); got.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("§5.3.1: Cache-Control: %q", got.Header.Get("Cache-Control"))
			}
		})
	}
}

// What only one of the two has.
func TestMakeCollection(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	types := func(inner string) string { return setting("D:mkcol", "<D:resourcetype>"+inner+"</D:resourcetype>") }
	find := func(name, path string, want ...string) row {
		return row{name: name, method: "PROPFIND", path: path, body: ask("D:resourcetype", "D:displayname"), header: []string{"Depth: 0"}, status: 207, want: want}
	}
	e.rows(t, []row{
		{name: "RFC 4791 §5.3.1 MKCALENDAR without a body", method: "MKCALENDAR", path: home + "a/", status: 201},
		find("RFC 4791 §5.3.1 is a calendar", home+"a/", "<C:calendar/>"),
		{name: "RFC 4791 §5.3.1 resource-must-be-null", method: "MKCALENDAR", path: home + "a/", status: 403, want: []string{"<D:resource-must-be-null/>"}},
		{name: "RFC 4791 §5.3.1 MKCALENDAR with another root", method: "MKCALENDAR", path: home + "b/", body: types("<D:collection/>"), status: 400},
		{name: "RFC 4918 §9.3 MKCOL without a body", method: "MKCOL", path: home + "c/", status: 201},
		find("RFC 4918 §9.3 is a collection", home+"c/", "<D:resourcetype><D:collection/></D:resourcetype>"),
		{name: "RFC 4918 §9.3.1 MKCOL where something is", method: "MKCOL", path: home + "c/", status: 405},
		{name: "RFC 4918 §9.3 a body that is not understood", method: "MKCOL", path: home + "d/", body: "hello", header: []string{"Content-Type: text/plain"}, status: 415},
		{name: "RFC 5689 §3 another root", method: "MKCOL", path: home + "d/", body: setting("C:mkcalendar", ""), header: []string{xmlHeader}, status: 415},
		{name: "RFC 5689 §3 without DAV:resourcetype", method: "MKCOL", path: home + "e/", body: setting("D:mkcol", "<D:displayname>E</D:displayname>"), status: 201},
		find("RFC 5689 §3 is a collection with properties", home+"e/", "<D:resourcetype><D:collection/></D:resourcetype>", ">E<"),
		{name: "RFC 5689 §3 DAV:collection has to be among the types", method: "MKCOL", path: home + "f/", body: types("<C:calendar/>"), status: 403, want: []string{"<D:valid-resourcetype/>"}},
		{name: "RFC 5689 §3.3 valid-resourcetype", method: "MKCOL", path: home + "f/", body: types(`<D:collection/><x:book/>`), status: 403, want: []string{"<D:valid-resourcetype/>"}},
		{name: "RFC 5689 §3.3 an inbox is the server's to make", method: "MKCOL", path: home + "f/", body: types(`<D:collection/><C:schedule-inbox/>`), status: 403, want: []string{"<D:valid-resourcetype/>"}},
		{name: "RFC 5689 §3.5 properties refused", method: "MKCOL", path: home + "f/", body: setting("D:mkcol", "<D:resourcetype><D:collection/></D:resourcetype><D:getetag>1</D:getetag><x:dead/>"), status: 424, want: []string{"<D:mkcol-response", "cannot-modify-protected-property", "424 Failed Dependency"}},
		{name: "RFC 5689 §3 nothing was made", method: "PROPFIND", path: home + "f/", header: []string{"Depth: 0"}, status: 404},
	})
	for _, path := range []string{home, home + "none/", home + "calendar/"} {
		if dav := e.must(200, "ann", "OPTIONS", path, "").Header.Get("DAV"); !strings.Contains(dav, "extended-mkcol") || !strings.Contains(dav, "calendar-access") || !strings.Contains(dav, "calendar-no-timezone") {
			t.Errorf("RFC 5689 §3.1, RFC 4791 §5.1, RFC 7809 §3.1.1: DAV: %s at %s", dav, path)
		}
	}
}

// draft-daboo-caldav-extensions §4.1: every set that is told of can be asked for.
func TestComponentSets(t *testing.T) {
	for _, single := range []bool{false, true} {
		e := newEnv(t, func(l *caldav.Limits) { l.SingleComponent = single })
		const home = "/calendars/users/ann/"
		body := e.must(207, "ann", "PROPFIND", home, ask("C:supported-calendar-component-sets"), "Depth: 0").Body
		sets := regexp.MustCompile(`<C:supported-calendar-component-set>.*?</C:supported-calendar-component-set>`).FindAllString(body, -1)
		if mixed := strings.Contains(body, "VJOURNAL"); mixed == single || len(sets) < 2 {
			t.Errorf("one type each: %t; told is %s", single, body)
		}
		for i, set := range sets {
			e.must(201, "ann", "MKCALENDAR", fmt.Sprint(home, "cal", i, "/"), setting("C:mkcalendar", set))
		}
	}
}
