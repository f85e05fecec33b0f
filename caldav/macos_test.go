package caldav_test

import (
	"strings"
	"testing"
)

// What Apple Calendar says when somebody names an assistant, and when the assistant
// opens their calendars, in the order in which it does.
func TestMacOSConversation(t *testing.T) {
	e := newCompany(t)
	ann, bob := "/principals/__uids__/"+guid("ann")+"/", "/principals/__uids__/"+guid("bob")+"/"
	wants := func(a answer, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(a.Body, text) {
				t.Errorf("lacks %s:\n%s", text, a.Body)
			}
		}
	}
	href := func(path string) string { return "<D:href>" + path + "</D:href>" }

	// Ann's account: is there anything of delegation here?
	a := e.must(207, "ann", "PROPFIND", ann, `<A:propfind xmlns:A="DAV:"><A:prop>
		<B:calendar-home-set xmlns:B="urn:ietf:params:xml:ns:caldav"/><B:calendar-user-address-set xmlns:B="urn:ietf:params:xml:ns:caldav"/>
		<A:current-user-principal/><A:displayname/><C:dropbox-home-URL xmlns:C="http://calendarserver.org/ns/"/>
		<C:email-address-set xmlns:C="http://calendarserver.org/ns/"/><C:notification-URL xmlns:C="http://calendarserver.org/ns/"/>
		<A:principal-collection-set/><A:principal-URL/><A:resource-id/><B:schedule-inbox-URL xmlns:B="urn:ietf:params:xml:ns:caldav"/>
		<B:schedule-outbox-URL xmlns:B="urn:ietf:params:xml:ns:caldav"/><A:supported-report-set/></A:prop></A:propfind>`, "Depth: 0")
	wants(a, href("/calendars/__uids__/"+guid("ann")+"/"), "<D:expand-property/>")
	if dav := e.must(200, "ann", "OPTIONS", ann, "").Header.Get("Dav"); !strings.Contains(dav, "calendar-proxy") {
		t.Fatalf("DAV: %s", dav)
	}

	// Preferences, Accounts, Delegation, Edit: who has access to my account?
	const whoHas = `<A:expand-property xmlns:A="DAV:"><A:property name="group-member-set" namespace="DAV:">
		<A:property name="email-address-set" namespace="http://calendarserver.org/ns/"/><A:property name="calendar-user-address-set" namespace="urn:ietf:params:xml:ns:caldav"/>
		<A:property name="displayname" namespace="DAV:"/></A:property></A:expand-property>`
	for _, group := range []string{"calendar-proxy-read/", "calendar-proxy-write/"} {
		if a := e.must(207, "ann", "REPORT", ann+group, whoHas, "Depth: 0"); strings.Contains(a.Body, "<D:displayname>") {
			t.Errorf("somebody has:\n%s", a.Body)
		}
	}
	// The person is found by name, and written into one group; the other is written as well.
	wants(e.must(207, "ann", "REPORT", "/principals/", `<C:calendarserver-principal-search xmlns:C="http://calendarserver.org/ns/" xmlns:A="DAV:" context="attendee">
		<C:search-token>bob</C:search-token><A:prop><A:principal-URL/><A:displayname/></A:prop></C:calendarserver-principal-search>`, "Depth: 0"), href(bob))
	set := func(group string, members ...string) {
		t.Helper()
		body := `<A:propertyupdate xmlns:A="DAV:"><A:set><A:prop><A:group-member-set>`
		for _, m := range members {
			body += "<A:href>" + m + "</A:href>"
		}
		wants(e.must(207, "ann", "PROPPATCH", ann+group, body+`</A:group-member-set></A:prop></A:set></A:propertyupdate>`, "User-Agent: macOS/15.5 (24F74) dataaccessd/1.0"), "HTTP/1.1 200 OK")
	}
	set("calendar-proxy-write/", bob)
	set("calendar-proxy-read/")
	wants(e.must(207, "ann", "REPORT", ann+"calendar-proxy-write/", whoHas, "Depth: 0"), href(bob), "<CS:email-address>bob@example.com</CS:email-address>")

	// Bob's account, each time it refreshes its delegates.
	const inner = `<A:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"/><A:property name="calendar-user-address-set" namespace="urn:ietf:params:xml:ns:caldav"/>
		<A:property name="current-user-privilege-set" namespace="DAV:"/><A:property name="displayname" namespace="DAV:"/><A:property name="email-address-set" namespace="http://calendarserver.org/ns/"/>
		<A:property name="resource-id" namespace="DAV:"/><A:property name="schedule-inbox-URL" namespace="urn:ietf:params:xml:ns:caldav"/><A:property name="schedule-outbox-URL" namespace="urn:ietf:params:xml:ns:caldav"/>`
	const actsFor = `<A:expand-property xmlns:A="DAV:"><A:property name="calendar-proxy-write-for" namespace="http://calendarserver.org/ns/">` + inner + `</A:property>
		<A:property name="calendar-proxy-read-for" namespace="http://calendarserver.org/ns/">` + inner + `</A:property></A:expand-property>`
	a = e.must(207, "bob", "REPORT", bob, actsFor, "Depth: 0")
	wants(a, href(ann), "<D:displayname>9 ann</D:displayname>", href("/calendars/__uids__/"+guid("ann")+"/"), href("/calendars/__uids__/"+guid("ann")+"/inbox/"),
		href("/calendars/__uids__/"+guid("ann")+"/outbox/"), href("mailto:ann@example.com"), "urn:x-uid:"+guid("ann"), href(principalURL(guid("neptune"))))
	if write := a.Body[:strings.Index(a.Body, "calendar-proxy-read-for")]; !strings.Contains(write, "<D:read/>") {
		t.Errorf("no privileges of bob's on ann's principal:\n%s", a.Body)
	}
	// What is in ann's home, and may it be changed?
	a = e.must(207, "bob", "PROPFIND", "/calendars/__uids__/"+guid("ann")+"/", `<A:propfind xmlns:A="DAV:"><A:prop><A:resourcetype/><A:displayname/>
		<A:current-user-privilege-set/><A:owner/><A:sync-token/><C:getctag xmlns:C="http://calendarserver.org/ns/"/></A:prop></A:propfind>`, "Depth: 1")
	wants(a, "/calendar/</D:href>", "/work/</D:href>", "/inbox/</D:href>", "<D:write-content/>", href(ann))
	e.must(201, "bob", "PUT", "/calendars/__uids__/"+guid("ann")+"/work/by-bob.ics", event("by-bob", "20260605T100000Z"), "If-None-Match: *", "Content-Type: text/calendar")
	wants(e.must(200, "ann", "GET", annWork+"by-bob.ics", ""), "UID:by-bob")

	// Ann lets bob only read, and then not any more.
	set("calendar-proxy-write/")
	set("calendar-proxy-read/", bob)
	e.must(403, "bob", "DELETE", annWork+"by-bob.ics", "")
	a = e.must(207, "bob", "REPORT", bob, actsFor, "Depth: 0")
	write, read, _ := strings.Cut(a.Body, "<CS:calendar-proxy-read-for>")
	if strings.Contains(write, href(ann)) || !strings.Contains(read, href(ann)) {
		t.Errorf("after the change:\n%s", a.Body)
	}
	set("calendar-proxy-read/")
	if a := e.must(207, "bob", "REPORT", bob, actsFor, "Depth: 0"); strings.Contains(a.Body, href(ann)) {
		t.Errorf("after the end:\n%s", a.Body)
	}
	e.must(403, "bob", "PROPFIND", "/calendars/__uids__/"+guid("ann")+"/", "", "Depth: 1")
}
