package caldav_test

import (
	"fmt"
	"strings"
	"testing"
)

// ask is a PROPFIND body for the properties in names: "D:displayname", with the
// prefixes D, C, CS and A.
func ask(names ...string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"><D:prop>`)
	for _, n := range names {
		fmt.Fprintf(&b, "<%s/>", n)
	}
	b.WriteString(`</D:prop></D:propfind>`)
	return b.String()
}

func TestDiscovery(t *testing.T) {
	e := newEnv(t)
	ann := "/principals/__uids__/" + guid("ann") + "/"
	for _, tt := range []struct {
		name, path string
		props      []string
		want       []string
	}{
		{"root", "/", []string{"D:current-user-principal", "D:resourcetype"}, []string{"<D:current-user-principal><D:href>" + ann, "<D:collection/>"}},
		{"principals", "/principals/", []string{"D:current-user-principal"}, []string{ann}},
		{"principal by name", "/principals/users/ann/", []string{"C:calendar-home-set", "C:calendar-user-address-set", "D:principal-URL", "C:calendar-user-type", "D:group-membership", "D:displayname"},
			[]string{"/calendars/__uids__/" + guid("ann") + "/</D:href>", "mailto:ann@example.com", ann, "INDIVIDUAL", guid("staff"), "Ann Archer"}},
		{"principal by GUID", ann, []string{"D:principal-URL"}, []string{ann}},
		{"group", "/principals/groups/staff/", []string{"D:group-member-set"}, []string{guid("ann"), guid("bob")}},
		{"room", "/principals/locations/oak/", []string{"C:calendar-user-type", "C:calendar-home-set"}, []string{"ROOM", guid("oak")}},
		{"equipment", "/principals/resources/van/", []string{"C:calendar-user-type"}, []string{"RESOURCE"}},
		{"home", "/calendars/users/ann/", []string{"D:owner", "D:current-user-privilege-set", "C:supported-calendar-component-sets", "D:quota-used-bytes"}, []string{ann, "<D:all/>", "VTODO", "<D:quota-used-bytes>0<"}},
		{"calendar", "/calendars/users/ann/calendar/", []string{"D:resourcetype", "CS:getctag", "D:sync-token", "C:supported-calendar-component-set", "D:supported-report-set", "C:max-resource-size"},
			[]string{"<C:calendar/>", "data:,", `name="VEVENT"`, "<C:calendar-query/>", "1048576"}},
		{"inbox", "/calendars/users/ann/inbox/", []string{"D:resourcetype", "C:schedule-default-calendar-URL"}, []string{"<C:schedule-inbox/>", "/calendar/</D:href>"}},
		{"outbox", "/calendars/users/ann/outbox/", []string{"D:resourcetype"}, []string{"<C:schedule-outbox/>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.must(207, "ann", "PROPFIND", tt.path, ask(tt.props...), "Depth: 0")
			for _, want := range tt.want {
				if !strings.Contains(got.Body, want) {
					t.Errorf("no %q in %s", want, got.Body)
				}
			}
			if strings.Contains(got.Body, "404 Not Found") {
				t.Errorf("something was not found: %s", got.Body)
			}
		})
	}
}

func TestPropfindDepth(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/a%20b.ics", event("one", "20260504T120000Z"))
	got := e.must(207, "ann", "PROPFIND", "/calendars/users/ann/calendar/", ask("D:getetag"), "Depth: 1").Body
	for _, want := range []string{"<D:href>/calendars/users/ann/calendar/</D:href>", "<D:href>/calendars/users/ann/calendar/a%20b.ics</D:href>"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if got := e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", ask("D:resourcetype"), "Depth: 1").Body; strings.Count(got, "<D:response>") != 8 {
		t.Errorf("home and its seven collections, got %s", got)
	}
	if got := e.must(403, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: infinity").Body; !strings.Contains(got, "propfind-finite-depth") {
		t.Errorf("Depth: infinity: %s", got)
	}
	for _, path := range []string{"/principals/users/ann/", "/principals/users/ann/calendar-proxy-read/"} { // no more than Depth: 1 there
		if got := e.must(207, "ann", "PROPFIND", path, ask("D:displayname")).Body; strings.Count(got, "<D:href>"+path) != strings.Count(got, "<D:response>") {
			t.Errorf("%s without Depth: %s", path, got)
		}
	}
	e.must(404, "ann", "PROPFIND", "/calendars/users/ann/nothing/", "", "Depth: 0")
	e.must(403, "bob", "PROPFIND", "/calendars/users/ann/calendar/", "", "Depth: 0")
	e.must(207, "auditor", "PROPFIND", "/calendars/users/ann/calendar/", "", "Depth: 1")
	e.must(400, "ann", "PROPFIND", "/calendars/users/ann/", "<nonsense", "Depth: 0")
}

// What a resource says that it has, it has: reports and properties (RFC 3253 §3.1.4,
// RFC 4791 §7.5.1, caldav-ctag §4.1).
func TestSupportedProperties(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
	find := func(name, path, prop string, want ...string) row {
		return row{name: name, method: "PROPFIND", path: path, body: ask(prop), header: []string{"Depth: 0"}, status: 207, want: want, not: []string{"404 Not Found"}}
	}
	live := func(name string) string {
		return "<D:supported-live-property><D:prop><" + name + "/></D:prop></D:supported-live-property>"
	}
	rows := []row{
		find("RFC 5995 §3.2.1 of a calendar", home+"calendar/", "D:supported-live-property-set", live("D:add-member"), live("C:max-instances"), live("D:supported-live-property-set")),
		find("RFC 3253 §3.1.4 of an object", home+"calendar/1.ics", "D:supported-live-property-set", live("D:getetag"), live("C:calendar-data")),
		find("RFC 3253 §3.1.4 of a principal", "/principals/users/ann/", "D:supported-live-property-set", live("D:principal-URL")),
		{name: "RFC 3253 §3.1.4 protected", method: "PROPPATCH", path: home + "calendar/", body: setting("D:propertyupdate", "<D:supported-live-property-set/>"), status: 207, want: []string{"cannot-modify-protected-property"}},
	}
	for _, path := range []string{home, home + "calendar/", home + "calendar/1.ics", home + "inbox/"} {
		rows = append(rows, find("RFC 4791 §7.5.1 where text is matched: "+path, path, "C:supported-collation-set", "i;octet"))
	}
	for _, name := range []string{"calendar", "inbox", "outbox"} {
		rows = append(rows, find("caldav-ctag §4.1 "+name, home+name+"/", "CS:getctag", "</CS:getctag>"))
	}
	e.rows(t, rows)
}

func TestProppatch(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	patch := func(body string) string {
		return `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="http://apple.com/ns/ical/" xmlns:x="urn:x"><D:set><D:prop>` + body + `</D:prop></D:set></D:propertyupdate>`
	}
	e.must(207, "ann", "PROPPATCH", cal, patch(`<D:displayname>Work &amp; play</D:displayname><A:calendar-color>#FF0000FF</A:calendar-color><x:dead x:a="1"><x:in/>text</x:dead>`))
	got := e.must(207, "ann", "PROPFIND", cal, strings.Replace(ask("D:displayname", "A:calendar-color"), "</D:prop>", `<dead xmlns="urn:x"/></D:prop>`, 1), "Depth: 0").Body
	for _, want := range []string{"Work &amp; play", "#FF0000FF", "text</", `a="1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	got = e.must(207, "ann", "PROPPATCH", cal, patch(`<D:displayname>lost</D:displayname><D:getetag>"1"</D:getetag>`)).Body
	if !strings.Contains(got, "424") || !strings.Contains(got, "cannot-modify-protected-property") {
		t.Errorf("protected property: %s", got)
	}
	if got := e.must(207, "ann", "PROPFIND", cal, ask("D:displayname"), "Depth: 0").Body; strings.Contains(got, "lost") {
		t.Errorf("a refused update left a trace: %s", got)
	}
	e.must(403, "bob", "PROPPATCH", cal, patch(`<D:displayname>mine</D:displayname>`))
	e.must(207, "ann", "PROPPATCH", cal, patch(`<C:calendar-timezone>not a zone</C:calendar-timezone>`))
	if got := e.must(207, "ann", "PROPFIND", cal, ask("C:calendar-timezone"), "Depth: 0").Body; !strings.Contains(got, "404 Not Found") {
		t.Errorf("an invalid time zone was kept: %s", got)
	}
}

// All resources understand PROPPATCH (RFC 4918 §9.2), though nothing can be set on
// those that the directory describes.
func TestProppatchOfRecords(t *testing.T) {
	e := newEnv(t)
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>x</D:displayname><x xmlns="urn:x"/></D:prop></D:set></D:propertyupdate>`
	for _, path := range []string{"/", "/principals/", "/principals/users/", "/principals/users/ann/", "/calendars/"} {
		e.must(403, "bob", "PROPPATCH", path, body)
		got := e.must(207, "boss", "PROPPATCH", path, body)
		if strings.Contains(got.Body, "200 OK") || !strings.Contains(got.Body, "cannot-modify-protected-property") {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
}

// allprop gives what there is, and says nothing of what is not (RFC 4918 §9.1).
func TestAllpropOfAnObject(t *testing.T) {
	e := newEnv(t)
	const object = "/calendars/users/ann/calendar/a.ics"
	e.must(201, "ann", "PUT", object, event("a", "20260101T120000Z"))
	if got := e.must(207, "ann", "PROPFIND", object, "", "Depth: 0").Body; strings.Contains(got, "404 Not Found") || !strings.Contains(got, "getetag") {
		t.Errorf("allprop: %s", got)
	}
	body := `<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:displayname/><D:none/></D:include></D:propfind>`
	if got := e.must(207, "ann", "PROPFIND", object, body, "Depth: 0").Body; !strings.Contains(got, "<D:none/></D:prop><D:status>HTTP/1.1 404") {
		t.Errorf("include: %s", got)
	}
}

func TestMkcolOfACalendar(t *testing.T) {
	e := newEnv(t)
	body := `<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:resourcetype>%s</D:resourcetype></D:prop></D:set></D:mkcol>`
	got := e.must(403, "ann", "MKCOL", "/calendars/users/ann/x/", fmt.Sprintf(body, `<C:calendar/>`))
	if !strings.Contains(got.Body, "valid-resourcetype") {
		t.Errorf("no collection: %s", got.Body)
	}
	e.must(201, "ann", "MKCOL", "/calendars/users/ann/x/", fmt.Sprintf(body, `<D:collection/><C:calendar/>`))
	zone := "BEGIN:VCALENDAR\r\n%sBEGIN:VTIMEZONE\r\nTZID:A\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
	for head, want := range map[string]string{"": "valid-calendar-data", "VERSION:2.0\r\nPRODID:-//test//EN\r\n": "200 OK"} {
		got := e.must(207, "ann", "PROPPATCH", "/calendars/users/ann/x/", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><calendar-timezone xmlns="urn:ietf:params:xml:ns:caldav">`+
			fmt.Sprintf(zone, head)+`</calendar-timezone></D:prop></D:set></D:propertyupdate>`)
		if !strings.Contains(got.Body, want) {
			t.Errorf("time zone with %q: %s", head, got.Body)
		}
	}
}

// Nextcloud's library reads what the server can do from PROPFIND, and fails without.
func TestPropfindSaysClasses(t *testing.T) {
	e := newEnv(t)
	for _, path := range []string{"/calendars/users/ann/", "/calendars/users/ann/calendar/"} {
		if got := e.must(207, "ann", "PROPFIND", path, ask("D:resourcetype"), "Depth: 0").Header.Get("DAV"); got != "" {
			t.Errorf("%s: %q", path, got)
		}
	}
	for _, path := range []string{"/", "/principals/users/ann/"} {
		got := e.must(207, "ann", "PROPFIND", path, ask("D:resourcetype"), "Depth: 0").Header.Get("DAV")
		want := e.must(200, "ann", "OPTIONS", path, "").Header.Get("DAV")
		if got != want || !strings.Contains(got, "calendar-access") {
			t.Errorf("%s: %q, and OPTIONS %q", path, got, want)
		}
	}
}
