package caldav_test

import (
	"strings"
	"testing"
)

// propnames asks for the names of all properties.
const propnames = `<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>`

// RFC 4918 §9.2 and §4, and what RFC 4791 §5.2, RFC 6638 §9 and RFC 7809 §5 say of
// the properties of calendars.
func TestProppatchRules(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	set := func(props string) string { return setting("D:propertyupdate", props) }
	remove := func(props string) string {
		return element("D:propertyupdate", "<D:remove><D:prop>"+props+"</D:prop></D:remove>")
	}
	find := func(path string, names ...string) row {
		return row{method: "PROPFIND", path: path, body: strings.Replace(ask(names...), ` xmlns:D="DAV:"`, ` xmlns:D="DAV:" xmlns:x="urn:x"`, 1), header: []string{"Depth: 0"}, status: 207}
	}
	with := func(r row, name string, want ...string) row { r.name, r.want = name, want; return r }
	const zone = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n"
	rows := []row{
		{name: "RFC 4918 §9.2 no body", method: "PROPPATCH", path: cal, status: 400},
		{name: "RFC 4918 §9.2 no XML", method: "PROPPATCH", path: cal, body: "<x", status: 400},
		{name: "RFC 4918 §9.2 another root", method: "PROPPATCH", path: cal, body: element("D:propfind", "<D:allprop/>"), status: 400},
		{name: "RFC 4918 §9.2 nothing to do", method: "PROPPATCH", path: cal, body: element("D:propertyupdate", ""), status: 400},
		{name: "RFC 4918 §9.2 nothing there", method: "PROPPATCH", path: cal + "none.ics", body: set("<x:a/>"), status: 404},
		{name: "RFC 4918 §9.2 removing what is not there is no error", method: "PROPPATCH", path: cal, body: remove("<x:none/><A:calendar-color/>"), status: 207, want: []string{"200 OK"}, not: []string{"404 Not Found"}},
		{name: "RFC 4918 §9.2 in the order of the document", method: "PROPPATCH", path: cal, body: element("D:propertyupdate", "<D:set><D:prop><x:a>1</x:a></D:prop></D:set><D:remove><D:prop><x:a/></D:prop></D:remove><D:set><D:prop><x:b>2</x:b></D:prop></D:set><D:set><D:prop><x:b>3</x:b></D:prop></D:set>"), status: 207, not: []string{"424"}},
		with(find(cal, "x:a"), "RFC 4918 §9.2 the last one counts: removed", "404 Not Found"),
		with(find(cal, "x:b"), "RFC 4918 §9.2 the last one counts: set", ">3<"),
		{name: "RFC 4918 §9.2 all or nothing", method: "PROPPATCH", path: cal, body: set("<x:c>1</x:c><D:getetag>x</D:getetag><x:d>1</x:d>"), status: 207, want: []string{"424 Failed Dependency", "403 Forbidden", "<D:cannot-modify-protected-property/>"}, not: []string{"200 OK"}},
		with(find(cal, "x:c", "x:d"), "RFC 4918 §9.2 nothing was set", "404 Not Found"),
		{name: "RFC 4918 §4.3 xml:lang", method: "PROPPATCH", path: cal, body: element("D:propertyupdate", `<D:set><D:prop xml:lang="de"><x:lang>Hallo</x:lang></D:prop></D:set>`), status: 207},
		with(find(cal, "x:lang"), "RFC 4918 §4.3 xml:lang is kept", `xml:lang="de"`, "Hallo"),
		{name: "RFC 4918 §4.3 mixed content", method: "PROPPATCH", path: cal, body: set(`<x:mixed x:at="&quot;">one<x:in>two</x:in> &lt;three</x:mixed>`), status: 207},
		with(find(cal, "x:mixed"), "RFC 4918 §4.3 mixed content is kept", "two</", " &lt;three</", `x:at="&quot;"`),
		{name: "RFC 4918 §15 protected live properties", method: "PROPPATCH", path: cal, body: set("<D:creationdate>x</D:creationdate><D:getcontentlength>1</D:getcontentlength><D:getlastmodified>x</D:getlastmodified><D:lockdiscovery/><D:resourcetype/><D:supportedlock/><D:sync-token/><D:owner/><D:acl/>"), status: 207, want: []string{"cannot-modify-protected-property"}, not: []string{"200 OK", "424"}},
		{name: "RFC 4918 §15 they cannot be removed either", method: "PROPPATCH", path: cal, body: remove("<D:getetag/>"), status: 207, want: []string{"cannot-modify-protected-property"}},
		{name: "RFC 4791 §5.2 protected properties", method: "PROPPATCH", path: cal, body: set(`<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set><C:supported-calendar-data/><C:max-resource-size>1</C:max-resource-size><C:max-instances>1</C:max-instances><C:max-attendees-per-instance>1</C:max-attendees-per-instance><C:min-date-time/><C:max-date-time/><C:supported-collation-set/>`), status: 207, want: []string{"cannot-modify-protected-property"}, not: []string{"200 OK", "424"}},
		{name: "RFC 4791 §5.2.1 calendar-description", method: "PROPPATCH", path: cal, body: set(`<C:calendar-description xml:lang="fr">Réunions</C:calendar-description>`), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:calendar-description"), "RFC 4791 §5.2.1 with its language", `xml:lang="fr"`, "Réunions"),
		{name: "RFC 4791 §5.2.2 calendar-timezone that is none", method: "PROPPATCH", path: cal, body: set("<C:calendar-timezone>BEGIN:VCALENDAR\r\nEND:VCALENDAR</C:calendar-timezone>"), status: 207, want: []string{"403 Forbidden", "<C:valid-calendar-data/>"}},
		{name: "RFC 4791 §5.2.2 calendar-timezone with an event", method: "PROPPATCH", path: cal, body: set("<C:calendar-timezone>" + event("x", "20260504T120000Z") + "</C:calendar-timezone>"), status: 207, want: []string{"<C:valid-calendar-data/>"}},
		{name: "RFC 4791 §5.2.2 calendar-timezone", method: "PROPPATCH", path: cal, body: set("<C:calendar-timezone>" + zone + "</C:calendar-timezone>"), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:calendar-timezone-id"), "RFC 7809 §3.1.5 the identifier follows", ">Mine<"),
		{name: "RFC 7809 §3.1.5 an identifier that is not known", method: "PROPPATCH", path: cal, body: set("<C:calendar-timezone-id>Nowhere/Land</C:calendar-timezone-id>"), status: 207, want: []string{"<C:valid-timezone/>"}},
		{name: "RFC 7809 §3.1.5 one that is", method: "PROPPATCH", path: cal, body: set("<C:calendar-timezone-id>America/New_York</C:calendar-timezone-id>"), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:calendar-timezone"), "RFC 7809 §3.1.5 the definition follows", "TZID:America/New_York"),
		{name: "RFC 7809 §3.1.5 removing one", method: "PROPPATCH", path: cal, body: remove("<C:calendar-timezone-id/>"), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:calendar-timezone"), "RFC 7809 §3.1.5 removes the other", "404 Not Found"),
		{name: "RFC 6638 §9.1 schedule-calendar-transp of two minds", method: "PROPPATCH", path: cal, body: set("<C:schedule-calendar-transp><C:opaque/><C:transparent/></C:schedule-calendar-transp>"), status: 207, want: []string{"409 Conflict"}},
		{name: "RFC 6638 §9.1 schedule-calendar-transp", method: "PROPPATCH", path: cal, body: set("<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:schedule-calendar-transp"), "RFC 6638 §9.1 is kept", "<C:transparent/>"),
		{name: "RFC 6638 §9.1 schedule-calendar-transp removed", method: "PROPPATCH", path: cal, body: element("D:propertyupdate", "<D:remove><D:prop><C:schedule-calendar-transp/></D:prop></D:remove>"), status: 207, want: []string{"200 OK"}},
		with(find(cal, "C:schedule-calendar-transp"), "RFC 6638 §9.1 is opaque without", "<C:opaque/>"),
		{name: "RFC 6638 §9.2 a default calendar that is none", method: "PROPPATCH", path: home + "inbox/", body: set("<C:schedule-default-calendar-URL><D:href>" + home + "folder/</D:href></C:schedule-default-calendar-URL>"), status: 207, want: []string{"<C:valid-schedule-default-calendar-URL/>"}},
		{name: "RFC 6638 §9.2 two default calendars", method: "PROPPATCH", path: home + "inbox/", body: set("<C:schedule-default-calendar-URL><D:href>" + cal + "</D:href><D:href>" + cal + "</D:href></C:schedule-default-calendar-URL>"), status: 207, want: []string{"<C:valid-schedule-default-calendar-URL/>"}},
		{name: "RFC 6638 §9.2 no default calendar", method: "PROPPATCH", path: home + "inbox/", body: set("<C:schedule-default-calendar-URL/>"), status: 207, want: []string{"<C:valid-schedule-default-calendar-URL/>"}},
		{name: "RFC 6638 §4.3.1.1 it cannot be removed", method: "PROPPATCH", path: home + "inbox/", body: remove("<C:schedule-default-calendar-URL/>"), status: 207, want: []string{"403 Forbidden", "<C:default-calendar-needed/>"}, not: []string{"cannot-modify-protected-property"}},
		{name: "RFC 6638 §9.2 another's", method: "PROPPATCH", path: home + "inbox/", body: set("<C:schedule-default-calendar-URL><D:href>/calendars/users/bob/calendar/</D:href></C:schedule-default-calendar-URL>"), status: 207, want: []string{"<C:valid-schedule-default-calendar-URL/>"}},
		{name: "on an object", method: "PROPPATCH", path: cal + "1.ics", body: set("<x:of>object</x:of>"), status: 207, want: []string{"200 OK"}},
		with(find(cal+"1.ics", "x:of"), "on an object it is kept", ">object<"),
		{name: "on a collection", method: "PROPPATCH", path: home + "folder/", body: set("<x:of>folder</x:of>"), status: 207, want: []string{"200 OK"}},
		with(find(home+"folder/", "x:of"), "on a collection it is kept", ">folder<"),
		{name: "on a home", method: "PROPPATCH", path: home, body: set("<x:of>home</x:of>"), status: 207, want: []string{"200 OK"}},
		with(find(home, "x:of"), "on a home it is kept", ">home<"),
		{name: "RFC 8144 §2.1 return=minimal", method: "PROPPATCH", path: cal, body: set("<x:m>1</x:m>"), header: []string{"Prefer: return=minimal"}, status: 200, not: []string{"multistatus"}},
		{name: "RFC 8144 §2.1 return=minimal, refused", method: "PROPPATCH", path: cal, body: set("<D:getetag>1</D:getetag>"), header: []string{"Prefer: return=minimal"}, status: 207, want: []string{"403 Forbidden"}},
		{name: "RFC 4918 §10.4 If", method: "PROPPATCH", path: cal, body: set("<x:m>2</x:m>"), header: []string{`If: (["nope"])`}, status: 412},
		{name: "RFC 3744 of a reader", user: "auditor", method: "PROPPATCH", path: cal, body: set("<x:m>2</x:m>"), status: 403, want: []string{"need-privileges", "<D:write-properties/>"}},
		with(find(cal, "x:m"), "nobody changed it", ">1<"),
		{name: "RFC 4918 §9.1.5 propname", method: "PROPFIND", path: cal, body: propnames, header: []string{"Depth: 0"}, status: 207, want: []string{"lang/>", "calendar-description/>", "<D:getetag/>", "<D:displayname/>"}, not: []string{"Réunions", "404 Not Found"}},
	}
	e.rows(t, rows)
}

// RFC 4918 §9.1.5: allprop gives all dead properties, and what clients set that no
// standard keeps out.
func TestAllprop(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	const props = `<D:displayname>Mine</D:displayname><A:calendar-color symbolic-color="red">#FF0000FF</A:calendar-color><A:calendar-order>3</A:calendar-order>` +
		`<A:refreshrate>P1D</A:refreshrate><CS:source><D:href>https://example.com/</D:href></CS:source><CS:subscribed-strip-alarms/><x:dead>kept</x:dead><none xmlns="">too</none>`
	for _, path := range []string{home, home + "calendar/", home + "folder/", home + "calendar/1.ics"} {
		e.must(207, "ann", "PROPPATCH", path, setting("D:propertyupdate", props))
		for _, body := range []string{"", `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`} {
			got := e.must(207, "ann", "PROPFIND", path, body, "Depth: 0").Body
			for _, want := range []string{">Mine<", `symbolic-color="red"`, "#FF0000FF<", ">3<", ">P1D<", "https://example.com/<", "subscribed-strip-alarms", ">kept<", ">too<", "</D:getetag>"} {
				if strings.Count(got, want) != 1 {
					t.Errorf("%s: not once %q in %s", path, want, got)
				}
			}
			for _, not := range []string{"supported-calendar-component-set", "calendar-data", "sync-token", "supported-report-set", "current-user-privilege-set", "calendar-timezone", "404 Not Found"} {
				if strings.Contains(got, not) {
					t.Errorf("%s: %q in %s", path, not, got)
				}
			}
		}
	}
	include := `<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:sync-token/><D:displayname/></D:include></D:propfind>`
	got := e.must(207, "ann", "PROPFIND", home+"calendar/", include, "Depth: 0").Body
	if strings.Count(got, "<D:sync-token>") != 1 || strings.Count(got, "</D:displayname>") != 1 {
		t.Errorf("RFC 4918 §14.8: %s", got)
	}
}
