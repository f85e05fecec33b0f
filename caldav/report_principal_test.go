package caldav_test

import (
	"strings"
	"testing"
)

const reportNS = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"`

func TestPrincipalReports(t *testing.T) {
	e := newEnv(t)
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 0")
	search := func(attrs, prop, match string) string {
		return `<D:principal-property-search` + reportNS + attrs + `><D:property-search><D:prop><` + prop + `/></D:prop><D:match` + match + `</D:match></D:property-search><D:prop><D:displayname/><C:calendar-user-type/></D:prop></D:principal-property-search>`
	}
	tokens := func(context string, words ...string) string {
		body := `<CS:calendarserver-principal-search` + reportNS + context + `>`
		for _, w := range words {
			body += `<CS:search-token>` + w + `</CS:search-token>`
		}
		return body + `<D:prop><D:displayname/></D:prop></CS:calendarserver-principal-search>`
	}
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0") // makes his home
	for _, tt := range []struct {
		name, path, body string
		want             []string
		not              []string
	}{
		{"by name", "/principals/", search("", "D:displayname", ">arch"), []string{"Ann Archer"}, []string{"Bob"}},
		{"by the start of a name", "/principals/", search("", "D:displayname", ` match-type="starts-with">b`), []string{"Bob Baker", "Blue Van"}, []string{"Ann Archer"}},
		{"by mail address", "/", search("", "C:calendar-user-address-set", ">mailto:bob@"), []string{"Bob Baker"}, []string{"Ann"}},
		{"by a GUID", "/principals/", search("", "C:calendar-user-address-set", ">urn:x-uid:"+guid("bob")), []string{"Bob Baker"}, []string{"Ann"}},
		{"by a path", "/principals/", search("", "C:calendar-user-address-set", ">/principals/users/bob/"), []string{"Bob Baker"}, []string{"Ann"}},
		{"by a GUID of nobody", "/principals/", search("", "C:calendar-user-address-set", ">urn:x-uid:none"), nil, []string{"Bob", "Ann"}},
		{"by a GUID of another type", "/principals/", search(` type="ROOM"`, "C:calendar-user-address-set", ">urn:x-uid:"+guid("bob")), nil, []string{"Bob", "Ann"}},
		{"rooms by type", "/principals/", search(` type="ROOM"`, "D:displayname", ">oak"), []string{"Oak Room", "ROOM"}, []string{"Ann"}},
		{"all rooms by property", "/principals/", search("", "C:calendar-user-type", ">ROOM"), []string{"Oak Room"}, []string{"Blue Van"}},
		{"by what cannot be searched", "/principals/", search("", "D:getetag", ">x"), nil, []string{"Ann", "Bob"}},
		{"tokens", "/principals/", tokens("", "ann", "arch"), []string{"Ann Archer"}, []string{"Bob"}},
		{"tokens of attendees", "/principals/", tokens(` context="attendee"`, "a", "ar"), []string{"Ann Archer"}, []string{"Staff", "Oak", "Blue Van"}},
		{"tokens of groups as attendees", "/principals/", tokens(` context="attendee"`, "a", "st"), []string{"All Staff"}, []string{"Ann", "Oak", "Blue Van"}},
		{"tokens in a later word", "/principals/", tokens(` context="attendee"`, "va"), []string{"Blue Van"}, []string{"Oak", "Ann"}},
		{"tokens within a word", "/principals/", tokens(` context="attendee"`, "rche"), nil, []string{"Ann"}},
		{"tokens of locations", "/principals/", tokens(` context="location"`, "oak"), []string{"Oak Room"}, []string{"Ann"}},
		{"tokens of a context that is not known", "/principals/", tokens(` context="sharee"`, "oa"), []string{"Oak Room"}, []string{"Ann"}},
		{"tokens of rooms", "/principals/", tokens(` context="room"`, "ro"), []string{"Oak Room"}, []string{"Ann", "Blue Van"}},
		{"myself", "/principals/", `<D:principal-match` + reportNS + `><D:self/><D:prop><D:displayname/></D:prop></D:principal-match>`, []string{"Ann Archer", "All Staff"}, []string{"Bob"}},
		{"my home", "/calendars/", `<D:principal-match` + reportNS + `><D:principal-property><D:owner/></D:principal-property><D:prop><D:owner/></D:prop></D:principal-match>`, []string{"/calendars/__uids__/" + guid("ann") + "/"}, []string{guid("bob")}},
		{"what can be searched", "/principals/", `<D:principal-search-property-set` + reportNS + `/>`, nil, nil},
		{"groups and their members", "/principals/users/ann/", `<D:expand-property` + reportNS + `><D:property name="group-membership"><D:property name="displayname"/><D:property name="group-member-set"><D:property name="displayname"/></D:property></D:property></D:expand-property>`,
			[]string{"All Staff", "Bob Baker"}, nil},
		{"the home of a principal", "/principals/users/ann/", `<D:expand-property` + reportNS + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="quota-used-bytes"/></D:property></D:expand-property>`,
			[]string{"<D:quota-used-bytes>0"}, nil},
		{"what is missing of an inner resource", "/principals/users/ann/", `<D:expand-property` + reportNS + `><D:property name="current-user-principal"><D:property name="displayname"/><D:property name="none"/></D:property></D:expand-property>`,
			[]string{"<D:none/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>\n</D:current-user-principal></D:prop><D:status>HTTP/1.1 200 OK</D:status>"}, nil},
		{"a collection of a principal", "/principals/users/ann/", `<D:expand-property` + reportNS + `><D:property name="schedule-inbox-URL" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="resourcetype"/></D:property></D:expand-property>`,
			[]string{"<D:href>/calendars/__uids__/" + guid("ann") + "/inbox/</D:href>", "<C:schedule-inbox/>"}, nil},
		{"a collection of the own home", "/calendars/users/ann/inbox/", `<D:expand-property` + reportNS + `><D:property name="schedule-default-calendar-URL" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/><D:property name="owner"><D:property name="displayname"/></D:property></D:property></D:expand-property>`,
			[]string{"<D:displayname>calendar</D:displayname>", "<D:displayname>Ann Archer</D:displayname>"}, nil},
		{"a collection of a stranger", "/principals/users/bob/", `<D:expand-property` + reportNS + `><D:property name="schedule-inbox-URL" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="resourcetype"/></D:property></D:expand-property>`,
			[]string{"<C:schedule-inbox-URL", "<D:resourcetype/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>", "need-privileges"}, []string{"<C:schedule-inbox/>"}},
		{"the home of a stranger", "/principals/users/bob/", `<D:expand-property` + reportNS + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:expand-property>`,
			[]string{"<D:displayname/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>"}, []string{"Bob Baker"}},
		{"the home of who has none yet", "/principals/users/boss/", `<D:expand-property` + reportNS + `><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:expand-property>`,
			[]string{"<D:displayname/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>"}, nil},
		{"whom the rights name", "/calendars/users/ann/", `<D:acl-principal-prop-set` + reportNS + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, []string{"Ann Archer", "The Boss", "The Auditor"}, []string{"Bob"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do("ann", "REPORT", tt.path, tt.body, "Depth: 0")
			if got.Status != 207 && tt.name != "what can be searched" {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.Body, want) {
					t.Errorf("no %q in %s", want, got.Body)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got.Body, not) {
					t.Errorf("%q in %s", not, got.Body)
				}
			}
		})
	}
	if got := e.do("ann", "REPORT", "/calendars/users/ann/", `<x xmlns="urn:x"/>`); got.Status != 403 || !strings.Contains(got.Body, "supported-report") {
		t.Errorf("unknown report = %d %s", got.Status, got.Body)
	}
	if got := e.do("bob", "REPORT", "/calendars/users/ann/", syncBody("", 0)); got.Status != 403 {
		t.Errorf("a stranger's sync = %d", got.Status)
	}
}

// TestPrincipalSearchLimit: of more principals than are wanted some are told, and that
// there are more (RFC 5323 §5.17).
func TestPrincipalSearchLimit(t *testing.T) {
	e := newEnv(t)
	for _, tt := range []struct {
		limit string
		more  bool
	}{{"1", true}, {"50", false}} {
		body := `<CS:calendarserver-principal-search` + reportNS + ` context="attendee"><CS:search-token>bo</CS:search-token>
			<D:prop><D:displayname/></D:prop><D:limit><D:nresults>` + tt.limit + `</D:nresults></D:limit></CS:calendarserver-principal-search>`
		got := e.must(207, "ann", "REPORT", "/principals/", body, "Depth: 0").Body
		found := strings.Count(got, "<D:displayname>")
		if more := strings.Contains(got, "number-of-matches-within-limits"); more != tt.more || tt.more != (found == 1) || found == 0 {
			t.Errorf("limit %s: %d found, more %t: %s", tt.limit, found, more, got)
		}
	}
}

// Tokens of one character alone are refused, whoever may list principals.
func TestShortTokens(t *testing.T) {
	e := newEnv(t)
	for _, tt := range []struct {
		tokens []string
		status int
	}{{[]string{"a"}, 403}, {[]string{"a", "b"}, 403}, {[]string{"ü"}, 403}, {[]string{"a", "ar"}, 207}, {[]string{"an"}, 207}, {nil, 400}} {
		body := `<CS:calendarserver-principal-search` + reportNS + `>`
		for _, token := range tt.tokens {
			body += "<CS:search-token>" + token + "</CS:search-token>"
		}
		e.must(tt.status, "ann", "REPORT", "/principals/", body+"<D:prop><D:displayname/></D:prop></CS:calendarserver-principal-search>", "Depth: 0")
	}
}
