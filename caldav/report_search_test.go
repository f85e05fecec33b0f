package caldav_test

import "testing"

// RFC 3744 §9.
func TestPrincipalReportRules(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/1.ics", event("one", "20260504T120000Z"))
	search := func(attrs, inner, props string) string {
		return "<D:principal-property-search" + davNS + attrs + ">" + inner + "<D:prop>" + props + "</D:prop></D:principal-property-search>"
	}
	by := func(prop, match string) string {
		return "<D:property-search><D:prop><" + prop + "/></D:prop><D:match>" + match + "</D:match></D:property-search>"
	}
	const name = "<D:displayname/>"
	e.rows(t, []row{
		{name: "§9.4 a part of the name, of any case", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "aRCh"), name), status: 207, want: []string{"Ann Archer"}, not: []string{"Bob"}},
		{name: "§9.4 all have to match", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "a")+by("CS:email-address-set", "bob@"), name), status: 207, want: []string{"Bob Baker"}, not: []string{"Ann"}},
		{name: "§9.4 of several properties, too", method: "REPORT", path: "/principals/", body: search("", by("CS:first-name/><CS:last-name", "b"), name), status: 207, want: []string{"Bob Baker"}, not: []string{"Blue Van", "The Boss"}},
		{name: "§9.4 not one of them", method: "REPORT", path: "/principals/", body: search("", by("CS:first-name/><CS:last-name", "bob"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 an address among them", method: "REPORT", path: "/principals/", body: search("", by("C:calendar-user-address-set/><CS:email-address-set", "mailto:bob@"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 one of them cannot be searched", method: "REPORT", path: "/principals/", body: search("", by("D:displayname/><x:none", "arch"), name), status: 207, not: []string{"<D:response>"}},
		{name: "anyof: one is enough", method: "REPORT", path: "/principals/", body: search(` test="anyof"`, by("CS:first-name/><CS:last-name", "bob"), name), status: 207, want: []string{"Bob Baker"}},
		{name: "§9.4 nobody", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "nobody"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 a property that cannot be searched", method: "REPORT", path: "/principals/", body: search("", by("D:getetag", "a"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 a property that is not there", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "arch"), "<x:none/>"), status: 207, want: []string{"404 Not Found"}},
		{name: "§9.4 a place of one type has no others", method: "REPORT", path: "/principals/locations/", body: search("", by("D:displayname", "a"), name), status: 207, want: []string{"Oak Room"}, not: []string{"Ann", "Bob", "Blue Van"}},
		{name: "§9.4 of another type, nobody", method: "REPORT", path: "/principals/locations/", body: search(` type="INDIVIDUAL"`, by("D:displayname", "a"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 apply-to-principal-collection-set: all of them", method: "REPORT", path: "/principals/locations/", body: search("", by("D:displayname", "a")+"<D:apply-to-principal-collection-set/>", name), status: 207, want: []string{"Oak Room", "Ann", "Bob", "Blue Van"}},
		{name: "§9.4 records by GUID are of all types", method: "REPORT", path: "/principals/__uids__/", body: search("", by("D:displayname", "a"), name), status: 207, want: []string{"Oak Room", "Ann", "Bob", "Blue Van"}},
		{name: "§9.4 no principal is in a calendar", method: "REPORT", path: "/calendars/users/ann/calendar/", body: search("", by("D:displayname", "arch"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 nor in a home", method: "REPORT", path: "/calendars/users/ann/", body: search("", by("C:calendar-user-address-set", "urn:uuid:"+guid("ann")), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.4 apply-to-principal-collection-set of a calendar", method: "REPORT", path: "/calendars/users/ann/calendar/", body: search("", by("D:displayname", "arch")+"<D:apply-to-principal-collection-set/>", name), status: 207, want: []string{"Ann Archer"}},
		{name: "§9.4 as its supported-report-set says", method: "PROPFIND", path: "/calendars/users/ann/calendar/", body: ask("D:supported-report-set"), header: []string{"Depth: 0"}, status: 207, want: []string{"<D:principal-property-search/>", "<D:principal-search-property-set/>", "<D:principal-match/>", "<D:acl-principal-prop-set/>"}},
		{name: "§9.4 not in an object", method: "REPORT", path: "/calendars/users/ann/calendar/1.ics", body: search("", by("D:displayname", "arch"), name), status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§9.5 of a home", method: "REPORT", path: "/calendars/users/ann/", body: element("D:principal-search-property-set", ""), status: 200, want: []string{"<D:principal-search-property>"}},
		{name: "§9.5 a property that can be searched is there", method: "PROPFIND", path: "/principals/users/ann/", body: ask("CS:record-name"), header: []string{"Depth: 0"}, status: 207, want: []string{"<CS:record-name>ann</CS:record-name>"}},
		{name: "§9.4 Depth is 0", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "arch"), name), header: []string{"Depth: 1"}, status: 400},
		{name: "§9.4 nothing to search by", method: "REPORT", path: "/principals/", body: search("", "", name), status: 400},
		{name: "§9.4 wildcards are text", method: "REPORT", path: "/principals/", body: search("", by("D:displayname", "*"), name), status: 207, not: []string{"<D:response>"}},
		{name: "§9.5 what can be searched", method: "REPORT", path: "/principals/", body: element("D:principal-search-property-set", ""), status: 200, want: []string{"<D:principal-search-property><D:prop><D:displayname/></D:prop><D:description", "calendar-user-address-set"}},
		{name: "§9.5 Depth is 0", method: "REPORT", path: "/principals/", body: element("D:principal-search-property-set", ""), header: []string{"Depth: 1"}, status: 400},
		{name: "§9.5 has no content", method: "REPORT", path: "/principals/", body: element("D:principal-search-property-set", "<D:prop/>"), status: 400},
		{name: "§9.3 myself", method: "REPORT", path: "/principals/", body: element("D:principal-match", "<D:self/><D:prop>"+name+"</D:prop>"), status: 207, want: []string{"Ann Archer", "All Staff"}, not: []string{"Bob Baker"}},
		{name: "§9.3 among the users", method: "REPORT", path: "/principals/users/", body: element("D:principal-match", "<D:self/><D:prop>"+name+"</D:prop>"), status: 207, want: []string{"Ann Archer"}, not: []string{"All Staff"}},
		{name: "§9.3 neither self nor a property", method: "REPORT", path: "/principals/", body: element("D:principal-match", "<D:prop>"+name+"</D:prop>"), status: 400},
		{name: "§9.3 Depth is 0", method: "REPORT", path: "/principals/", body: element("D:principal-match", "<D:self/>"), header: []string{"Depth: 1"}, status: 400},
		{name: "§9.2 whom the ACL names", method: "REPORT", path: "/calendars/users/ann/calendar/", body: element("D:acl-principal-prop-set", "<D:prop>"+name+"</D:prop>"), status: 207, want: []string{"Ann Archer"}, not: []string{"Bob Baker"}},
		{name: "§9.2 Depth is 0", method: "REPORT", path: "/calendars/users/ann/calendar/", body: element("D:acl-principal-prop-set", "<D:prop>"+name+"</D:prop>"), header: []string{"Depth: 1"}, status: 400},
	})
}
