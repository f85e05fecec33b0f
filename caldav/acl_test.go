package caldav_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"convene/acl"
	"convene/auth"
	"convene/caldav"
	"convene/delegation"
	"convene/directory"
)

// aceOf is an entry as a client sends it: "grant read cy", "deny all @authenticated",
// "grant read,write-acl /principals/users/cy/".
func aceOf(t testing.TB, text string) string {
	t.Helper()
	words := strings.Fields(text)
	if len(words) < 3 {
		t.Fatalf("%q is no entry", text)
	}
	privileges := ""
	for name := range strings.SplitSeq(words[1], ",") {
		ns := "D"
		if strings.HasPrefix(name, "schedule") || name == "read-free-busy" {
			ns = "C"
		}
		privileges += fmt.Sprintf("<D:privilege><%s:%s/></D:privilege>", ns, name)
	}
	who := words[2]
	switch {
	case who == "@owner":
		who = "<D:property><D:owner/></D:property>"
	case who == "@group":
		who = "<D:property><D:group/></D:property>"
	case who[0] == '@':
		who = "<D:" + who[1:] + "/>"
	case who[0] == '/':
		who = "<D:href>" + who + "</D:href>"
	default:
		who = "<D:href>" + principalURL(guid(who)) + "</D:href>"
	}
	who = "<D:principal>" + who + "</D:principal>"
	if slices.Contains(words, "invert") {
		who = "<D:invert>" + who + "</D:invert>"
	}
	more := ""
	for _, mark := range []string{"protected", "inherited"} {
		if slices.Contains(words, mark) {
			more += "<D:" + mark + "/>"
		}
	}
	return fmt.Sprintf("<D:ace>%s<D:%s>%s</D:%s>%s</D:ace>", who, words[0], privileges, words[0], more)
}

func aclBody(t testing.TB, aces ...string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<D:acl xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`)
	for _, a := range aces {
		b.WriteString(aceOf(t, a))
	}
	return b.String() + "</D:acl>"
}

// setACL sets a list as a user who may.
func (e *env) setACL(user, path string, aces ...string) {
	e.t.Helper()
	e.must(200, user, "ACL", path, aclBody(e.t, aces...))
}

const (
	annHome = "/calendars/users/ann/"
	annCal  = annHome + "calendar/"
)

// aclEnv is an env with a calendar of two events, a folder with a file, and homes of
// the others.
func aclEnv(t testing.TB) *env {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annCal+"1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "PUT", annCal+"2.ics", event("two", "20260504T150000Z"))
	e.must(201, "ann", "MKCOL", annHome+"folder/", "")
	e.must(201, "ann", "PUT", annHome+"folder/a.txt", "a")
	return e
}

const busyQuery = `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`

// What lists allow and deny: who asks for what, and the status.
func TestACL(t *testing.T) {
	type try struct {
		user, method, path, body string
		want                     int
	}
	get := func(user string, want int) try { return try{user, "GET", annCal + "1.ics", "", want} }
	busy := func(user string, want int) try { return try{user, "REPORT", annCal, busyQuery, want} }
	put := func(user string, want int) try {
		return try{user, "PUT", annCal + "1.ics", event("one", "20260504T130000Z"), want}
	}
	for name, tt := range map[string]struct {
		on   string
		list []string
		then []try
	}{
		"grant read":              {annCal, []string{"grant read bob"}, []try{get("bob", 200), put("bob", 403), busy("bob", 200), get("gone", 403)}},
		"grant read to a group":   {annCal, []string{"grant read staff"}, []try{get("bob", 200), get("gone", 403)}},
		"grant, deny another":     {annCal, []string{"grant read bob", "deny read gone"}, []try{get("gone", 403), get("bob", 200), busy("gone", 404)}},
		"grant read, deny all":    {annCal, []string{"grant read bob", "deny all bob"}, []try{get("bob", 200), put("bob", 403), busy("bob", 200)}},
		"deny all, grant read":    {annCal, []string{"deny all bob", "grant read bob"}, []try{get("bob", 403), busy("bob", 404)}},
		"write, not read":         {annCal, []string{"grant write bob"}, []try{get("bob", 403), put("bob", 204)}},
		"write-content of one":    {annCal + "1.ics", []string{"grant write-content bob"}, []try{put("bob", 204), get("bob", 403), {"bob", "PUT", annCal + "2.ics", event("two", "20260504T130000Z"), 403}}},
		"read of one":             {annCal + "1.ics", []string{"grant read bob"}, []try{get("bob", 200), {"bob", "GET", annCal + "2.ics", "", 403}, {"bob", "GET", annCal + "9.ics", "", 403}}},
		"bind alone":              {annCal, []string{"grant bind bob"}, []try{{"bob", "PUT", annCal + "new.ics", event("new", "20260504T120000Z"), 201}, put("bob", 403)}},
		"unbind alone":            {annCal, []string{"grant unbind bob"}, []try{{"bob", "DELETE", annCal + "1.ics", "", 204}, get("ann", 404)}},
		"own privileges alone":    {annCal, []string{"grant read-current-user-privilege-set @authenticated"}, []try{{"bob", "PROPFIND", annCal, ask("D:getetag"), 403}}},
		"those and read":          {annCal, []string{"grant read-current-user-privilege-set,read @authenticated"}, []try{{"bob", "PROPFIND", annCal, ask("D:getetag"), 207}, get("bob", 200)}},
		"a folder hands no down":  {annHome + "folder/", []string{"grant read bob"}, []try{{"bob", "PROPFIND", annHome + "folder/", ask("D:getetag"), 207}, {"bob", "GET", annHome + "folder/a.txt", "", 403}}},
		"a file in a folder":      {annHome + "folder/a.txt", []string{"grant read bob"}, []try{{"bob", "GET", annHome + "folder/a.txt", "", 200}, {"bob", "PROPFIND", annHome + "folder/", ask("D:getetag"), 403}}},
		"the owner's own":         {annCal, []string{"grant read @owner"}, []try{get("ann", 200), get("bob", 403)}},
		"self is nobody here":     {annCal, []string{"grant all @self"}, []try{get("bob", 403)}},
		"write-acl":               {annCal, []string{"grant write-acl bob"}, []try{{"bob", "ACL", annCal, aclBody(t, "grant read bob"), 200}, get("bob", 200), {"bob", "ACL", annCal, aclBody(t), 403}}},
		"deny busy times":         {annCal, []string{"deny read-free-busy @authenticated"}, []try{busy("bob", 404), busy("ann", 200)}},
		"an inbox":                {annHome + "inbox/", []string{"deny schedule-deliver bob", "grant read bob"}, []try{{"bob", "PROPFIND", annHome + "inbox/", ask("D:getetag"), 207}}},
		"of delegates of another": {annCal, []string{"grant read " + principalURL(guid("bob")) + "calendar-proxy-write/"}, []try{get("boss", 200), get("gone", 200), get("bob", 403)}},
	} {
		t.Run(name, func(t *testing.T) {
			e := aclEnv(t)
			e.delegate("bob", "gone", delegation.LevelWrite)
			e.setACL("ann", tt.on, tt.list...)
			for _, try := range tt.then {
				if got := e.do(try.user, try.method, try.path, try.body, "Depth: 0"); got.Status != try.want {
					t.Errorf("%s %s by %s = %d %.300s, want %d", try.method, try.path, try.user, got.Status, got.Body, try.want)
				}
			}
		})
	}
}

// A property that takes a privilege to be read is 403 without it, since it is there (RFC
// 3744 §3.6, §3.7; RFC 4918 §9.1).
func TestPropertiesNotShown(t *testing.T) {
	e := aclEnv(t)
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.setACL("ann", annCal, "grant read bob")
	refused := func(privilege string) string {
		return "HTTP/1.1 403 Forbidden</D:status><D:error><D:need-privileges><D:resource><D:href>" + annCal + "</D:href><D:privilege><D:" + privilege + "/>"
	}
	all := ask("D:displayname", "D:acl", "D:current-user-privilege-set", "D:none")
	expand := `<D:expand-property xmlns:D="DAV:"><D:property name="acl"/><D:property name="displayname"/><D:property name="none"/></D:expand-property>`
	e.rows(t, []row{
		{name: "PROPFIND", user: "bob", method: "PROPFIND", path: annCal, body: all, header: []string{"Depth: 0"}, status: 207,
			want: []string{refused("read-acl"), refused("read-current-user-privilege-set"), "200 OK", "404 Not Found"}},
		{name: "RFC 8144 §2.1 is told also in short", user: "bob", method: "PROPFIND", path: annCal, body: all, header: []string{"Depth: 0", "Prefer: return=minimal"}, status: 207,
			want: []string{refused("read-acl"), "200 OK"}, not: []string{"404 Not Found"}},
		{name: "RFC 3253 §3.8 expand-property", user: "bob", method: "REPORT", path: annCal, body: expand, status: 207, want: []string{refused("read-acl"), "200 OK", "404 Not Found"}},
		{name: "the owner", method: "PROPFIND", path: annCal, body: ask("D:acl", "D:current-user-privilege-set"), header: []string{"Depth: 0"}, status: 207, not: []string{"403 Forbidden"}},
	})
}

// Who may write an object and not read it gets nothing of it by a wish for its
// representation (RFC 8144 §3).
func TestRepresentationNeedsRead(t *testing.T) {
	e := aclEnv(t)
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.setACL("ann", annCal, "grant write bob")
	const wish = "Prefer: return=representation"
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/one.ics", event("one", "20260504T140000Z"))
	e.rows(t, []row{
		{name: "PUT whose condition fails", user: "bob", method: "PUT", path: annCal + "1.ics", body: event("one", "20260504T150000Z"), header: []string{`If-Match: "nope"`, wish}, status: 412, not: []string{"BEGIN:VCALENDAR"}},
		{name: "COPY onto it", user: "bob", method: "COPY", path: "/calendars/users/bob/calendar/one.ics", header: []string{"Destination: " + annCal + "1.ics", wish}, status: 204, not: []string{"BEGIN:VCALENDAR"}},
		{name: "the owner", method: "PUT", path: annCal + "1.ics", body: event("one", "20260504T150000Z"), header: []string{`If-Match: "nope"`, wish}, status: 412, want: []string{"BEGIN:VCALENDAR"}},
	})
}

// What may not be set, and which precondition says so (RFC 3744 §8.1.1).
func TestACLRefused(t *testing.T) {
	e := aclEnv(t)
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.setACL("ann", annCal, "grant read bob")
	uid := principalURL(guid("ann"))
	many := slices.Repeat([]string{"grant read bob"}, acl.MaxEntries+1)
	for name, tt := range map[string]struct {
		user, path string
		aces       []string
		status     int
		condition  string
	}{
		"a home":                        {"ann", annHome, []string{"grant read bob"}, 405, ""},
		"a principal":                   {"ann", "/principals/users/ann/", []string{"grant read bob"}, 405, ""},
		"notifications":                 {"ann", annHome + "notification/", []string{"grant read bob"}, 405, ""},
		"nothing":                       {"ann", annHome + "nothing/", []string{"grant read bob"}, 404, ""},
		"nothing in a calendar":         {"ann", annCal + "9.ics", []string{"grant read bob"}, 404, ""},
		"nothing, where one cannot see": {"bob", annHome + "folder/9.txt", []string{"grant read bob"}, 403, "need-privileges"},
		"without the right":             {"bob", annCal, []string{"grant read bob"}, 403, "write-acl"},
		"without it, and wrong":         {"bob", annCal, []string{"grant nonsense bob protected"}, 403, "write-acl"},
		"protected":                     {"ann", annCal, []string{"grant read bob protected"}, 403, "no-ace-conflict"},
		"inherited":                     {"ann", annCal, []string{"grant read bob inherited"}, 403, "no-ace-conflict"},
		"no such privilege":             {"ann", annCal, []string{"grant nonsense bob"}, 403, "not-supported-privilege"},
		"scheduling on an event":        {"ann", annCal + "1.ics", []string{"grant schedule bob"}, 403, "not-supported-privilege"},
		"to send on an inbox":           {"ann", annHome + "inbox/", []string{"grant schedule-send bob"}, 403, "not-supported-privilege"},
		"to deliver on an outbox":       {"ann", annHome + "outbox/", []string{"grant schedule-deliver bob"}, 403, "not-supported-privilege"},
		"nobody that we know":           {"ann", annCal, []string{"grant read eve"}, 403, "recognized-principal"},
		"by short name":                 {"ann", annCal, []string{"grant read /principals/users/bob/"}, 403, "recognized-principal"},
		"a calendar":                    {"ann", annCal, []string{"grant read " + annCal}, 403, "recognized-principal"},
		"elsewhere":                     {"ann", annCal, []string{"grant read /elsewhere/"}, 403, "recognized-principal"},
		"all":                           {"ann", annCal, []string{"grant read @all"}, 403, "allowed-principal"},
		"unauthenticated":               {"ann", annCal, []string{"grant read @unauthenticated"}, 403, "allowed-principal"},
		"another property":              {"ann", annCal, []string{"grant read @group"}, 403, "allowed-principal"},
		"invert":                        {"ann", annCal, []string{"grant read bob invert"}, 403, "no-invert"},
		"deny the owner":                {"ann", annCal, []string{"deny read ann"}, 403, "no-inherited-ace-conflict"},
		"deny the owner by property":    {"ann", annCal, []string{"deny unbind @owner"}, 403, "no-inherited-ace-conflict"},
		"deny delegates":                {"ann", annCal, []string{"deny write " + uid + "calendar-proxy-write/"}, 403, "no-inherited-ace-conflict"},
		"deny an administrator":         {"ann", annCal, []string{"deny all boss"}, 403, "no-protected-ace-conflict"},
		"deny a reader":                 {"ann", annCal, []string{"deny read auditor"}, 403, "no-protected-ace-conflict"},
		"too many":                      {"ann", annCal, many, 403, "limited-number-of-aces"},
		"too many, one wrong":           {"ann", annCal, append([]string{"grant nonsense bob"}, many...), 403, "not-supported-privilege"},
		"the first one that is wrong":   {"ann", annCal, []string{"grant read bob", "grant read eve", "grant nonsense bob"}, 403, "recognized-principal"},
		"the first thing that is wrong": {"ann", annCal, []string{"deny nonsense eve invert protected"}, 403, "no-ace-conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			got := e.do(tt.user, "ACL", tt.path, aclBody(t, tt.aces...))
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) {
				t.Errorf("= %d %s, want %d %s", got.Status, got.Body, tt.status, tt.condition)
			}
			if allow := got.Header.Get("Allow"); tt.status == 405 && (allow == "" || strings.Contains(allow, "ACL")) {
				t.Errorf("Allow: %s", allow)
			}
		})
	}
	for name, body := range map[string]string{
		"no XML": "acl", "another root": `<D:ace xmlns:D="DAV:"/>`, "nothing": "", "no principal": `<D:acl xmlns:D="DAV:"><D:ace><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>`,
		"both":    `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:self/></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant><D:deny><D:privilege><D:read/></D:privilege></D:deny></D:ace></D:acl>`,
		"neither": `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:self/></D:principal></D:ace></D:acl>`, "no privilege": `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:self/></D:principal><D:grant/></D:ace></D:acl>`,
		"no form": `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:moon/></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>`,
	} {
		if got := e.do("ann", "ACL", annCal, body); got.Status != 400 {
			t.Errorf("%s = %d %s, want 400", name, got.Status, got.Body)
		}
		if got := e.do("bob", "ACL", annCal, body); got.Status != 403 {
			t.Errorf("%s, by somebody else = %d %s, want 403", name, got.Status, got.Body)
		}
	}
	if got := e.do("bob", "GET", annCal+"1.ics", ""); got.Status != 200 {
		t.Errorf("after all that was refused, what was set before = %d", got.Status)
	}
	e.setACL("ann", annCal, many[1:]...)
	e.setACL("ann", annCal)
	if got := e.do("bob", "GET", annCal+"1.ics", ""); got.Status != 403 {
		t.Errorf("after an empty list = %d", got.Status)
	}
}

// An event that somebody may not read is in nothing that they are told.
func TestHiddenObjects(t *testing.T) {
	e := aclEnv(t)
	e.setACL("ann", annCal, "grant read,unbind,bind,write-content bob")
	token := syncTokenIn(e.must(207, "bob", "REPORT", annCal, syncBody("", 0)).Body)
	owners := syncTokenIn(e.must(207, "ann", "REPORT", annCal, syncBody("", 0)).Body)
	e.setACL("ann", annCal+"1.ics", "deny all bob")
	all := calendarQuery(`<C:comp-filter name="VEVENT"/>`)
	multiget := `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>` +
		`<D:href>` + annCal + `1.ics</D:href><D:href>` + annCal + `2.ics</D:href></C:calendar-multiget>`
	for name, body := range map[string]string{
		"listing": e.must(207, "bob", "PROPFIND", annCal, ask("D:getetag"), "Depth: 1").Body,
		"query":   e.must(207, "bob", "REPORT", annCal, all, "Depth: 1").Body,
		"sync":    e.must(207, "bob", "REPORT", annCal, syncBody("", 0)).Body,
		"pages":   e.must(200, "bob", "GET", annCal, "", "Accept: text/html").Body,
	} {
		if got := hrefs(body); slices.Contains(got, "1.ics") || strings.Contains(body, "1.ics") || !strings.Contains(body, "2.ics") {
			t.Errorf("%s: %v", name, body)
		}
	}
	if whole := e.must(200, "bob", "GET", annCal, "").Body; strings.Contains(whole, "UID:one") || !strings.Contains(whole, "UID:two") {
		t.Errorf("the whole calendar: %s", whole)
	}
	if busy := e.must(200, "bob", "REPORT", annCal, busyQuery).Body; strings.Contains(busy, "20260504T120000Z/") || !strings.Contains(busy, "20260504T150000Z/") {
		t.Errorf("busy times: %s", busy)
	}
	if got := e.must(207, "bob", "REPORT", annCal, multiget).Body; !strings.Contains(got, "403 Forbidden") || strings.Count(got, "200 OK") != 1 {
		t.Errorf("multiget: %s", got)
	}
	for _, tt := range []struct {
		method, path string
		headers      []string
	}{
		{"GET", annCal + "1.ics", nil}, {"COPY", annCal + "1.ics", []string{"Destination: /calendars/users/bob/calendar/x.ics"}},
		{"MOVE", annCal + "1.ics", []string{"Destination: " + annCal + "x.ics"}}, {"PUT", annCal + "1.ics", nil},
		{"COPY", annCal + "2.ics", []string{"Destination: " + annCal + "1.ics"}}, {"MOVE", annCal + "2.ics", []string{"Destination: " + annCal + "1.ics"}},
		{"COPY", annCal, []string{"Destination: /calendars/users/bob/copy/"}}, {"REPORT", annCal + "1.ics", nil},
	} {
		body := map[string]string{"PUT": event("one", "20260504T120000Z"), "REPORT": all}[tt.method]
		if got := e.do("bob", tt.method, tt.path, body, tt.headers...); got.Status != 403 || !strings.Contains(got.Body, "need-privileges") {
			t.Errorf("%s %s %v = %d %s", tt.method, tt.path, tt.headers, got.Status, got.Body)
		}
	}
	if got := e.do("bob", "REPORT", annCal, syncBody(token, 0)); got.Status != 403 || !strings.Contains(got.Body, "valid-sync-token") {
		t.Errorf("a token of before = %d %s", got.Status, got.Body)
	}
	e.must(207, "ann", "REPORT", annCal, syncBody(owners, 0))
	token = syncTokenIn(e.must(207, "bob", "REPORT", annCal, syncBody("", 0)).Body)
	e.must(204, "ann", "PUT", annCal+"1.ics", event("one", "20260504T120000Z", "LOCATION:x"))
	e.must(204, "ann", "PUT", annCal+"2.ics", event("two", "20260504T150000Z", "LOCATION:x"))
	got := e.must(207, "bob", "REPORT", annCal, syncBody(token, 0))
	if strings.Contains(got.Body, "1.ics") || !strings.Contains(got.Body, "2.ics") {
		t.Errorf("what changed: %s", got.Body)
	}
	e.must(204, "ann", "DELETE", annCal+"1.ics", "")
	if got := e.do("bob", "REPORT", annCal, syncBody(syncTokenIn(got.Body), 0)); got.Status != 403 || strings.Contains(got.Body, "1.ics") {
		t.Errorf("after what is hidden has gone = %d %s", got.Status, got.Body)
	}
	e.must(201, "ann", "PUT", annCal+"1.ics", event("one", "20260504T120000Z"))
	e.must(200, "bob", "GET", annCal+"1.ics", "") // a new one of the name has no list
}

func syncTokenIn(body string) string {
	_, rest, _ := strings.Cut(body, "<D:sync-token>")
	token, _, _ := strings.Cut(rest, "</D:sync-token>")
	return token
}

// A list stays with what is moved, and takes the place of that of what was there (RFC
// 3744 §7.3). It does not go with copies (§7.4).
func TestACLTravels(t *testing.T) {
	e := aclEnv(t)
	e.must(201, "ann", "MKCALENDAR", annHome+"work/", "")
	e.must(201, "ann", "PUT", annHome+"work/1.ics", event("three", "20260504T120000Z"))
	e.setACL("ann", annHome+"work/", "grant read bob")
	e.setACL("ann", annHome+"work/1.ics", "deny read bob", "grant write-acl bob")
	e.must(201, "ann", "MOVE", annHome+"work/", "", "Destination: "+annHome+"moved/")
	e.must(207, "bob", "PROPFIND", annHome+"moved/", ask("D:getetag"), "Depth: 0")
	e.must(403, "bob", "GET", annHome+"moved/1.ics", "")
	e.must(201, "ann", "MKCALENDAR", annHome+"work/", "")
	e.must(403, "bob", "PROPFIND", annHome+"work/", ask("D:getetag"), "Depth: 0")
	e.must(201, "ann", "MOVE", annHome+"moved/1.ics", "", "Destination: "+annHome+"moved/2.ics")
	e.must(403, "bob", "GET", annHome+"moved/2.ics", "")
	e.setACL("ann", annHome+"folder/a.txt", "grant read,write-acl bob")
	e.must(201, "ann", "COPY", annHome+"folder/a.txt", "", "Destination: "+annHome+"folder/b.txt")
	e.must(200, "bob", "GET", annHome+"folder/a.txt", "")
	e.must(403, "bob", "GET", annHome+"folder/b.txt", "")
	e.must(201, "ann", "MOVE", annHome+"moved/2.ics", "", "Destination: "+annHome+"work/2.ics")
	e.must(200, "bob", "ACL", annHome+"work/2.ics", aclBody(t, "grant read bob"))
	e.must(200, "bob", "GET", annHome+"work/2.ics", "")
	e.must(201, "ann", "MOVE", annHome+"work/2.ics", "", "Destination: "+annHome+"work/3.ics")
	e.must(200, "bob", "GET", annHome+"work/3.ics", "")
	e.must(201, "ann", "PUT", annHome+"work/2.ics", event("four", "20260504T120000Z"))
	e.must(403, "bob", "GET", annHome+"work/2.ics", "")
}

// The two ends of COPY and MOVE need what the lists there say.
func TestACLOfDestinations(t *testing.T) {
	const to = annHome + "to/"
	for name, tt := range map[string]struct {
		list []string // of the destination
		own  []string // of what is there
		want map[string]int
	}{
		"nothing":            {nil, nil, map[string]int{"new": 403, "old": 403}},
		"read":               {[]string{"grant read bob"}, nil, map[string]int{"new": 403, "old": 403}},
		"bind":               {[]string{"grant bind bob"}, nil, map[string]int{"new": 201, "old": 403}},
		"write-content":      {[]string{"grant write-content bob"}, nil, map[string]int{"new": 403, "old": 403}},
		"both":               {[]string{"grant bind,write-content bob"}, nil, map[string]int{"new": 201, "old": 204}},
		"both, but of this":  {[]string{"grant bind,write-content bob"}, []string{"deny write-content bob"}, map[string]int{"new": 201, "old": 403}},
		"bind, and of this":  {[]string{"grant bind bob"}, []string{"grant write-content bob"}, map[string]int{"new": 201, "old": 204}},
		"both, denied first": {[]string{"deny bind bob", "grant write bob"}, nil, map[string]int{"new": 403, "old": 403}},
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				e := aclEnv(t)
				e.must(201, "ann", "MKCALENDAR", to, "")
				e.must(201, "ann", "PUT", to+"old.ics", event("another's old", "20260504T120000Z"))
				e.setACL("ann", annCal, "grant read,unbind bob")
				e.setACL("ann", to, tt.list...)
				e.setACL("ann", to+"old.ics", tt.own...)
				for _, at := range []string{"new", "old"} {
					from, headers := annCal+"1.ics", []string{"Destination: " + to + at + ".ics"}
					if method == "COPY" || at == "old" { // a UID is once in a home
						from = "/calendars/users/bob/calendar/" + at + ".ics"
						e.must(201, "bob", "PUT", from, event("another's "+at, "20260504T120000Z"))
					}
					if got := e.do("bob", method, from, "", headers...); got.Status != tt.want[at] {
						t.Errorf("onto %s = %d %s, want %d", at, got.Status, got.Body, tt.want[at])
					}
				}
			})
		}
	}
}

// A bulk change asks for each object that it changes.
func TestACLOfBulk(t *testing.T) {
	e := aclEnv(t)
	e.setACL("ann", annCal, "grant read,write bob")
	e.setACL("ann", annCal+"1.ics", "deny write-content bob")
	body := `<M:multiput xmlns:M="http://me.com/_namespace/" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`
	for _, n := range []string{"1", "2"} {
		uid := map[string]string{"1": "one", "2": "two"}[n]
		body += `<M:resource><D:href>` + annCal + n + `.ics</D:href><D:set><D:prop><C:calendar-data>` + event(uid, "20260504T180000Z") + `</C:calendar-data></D:prop></D:set></M:resource>`
	}
	got := e.must(207, "bob", "POST", annCal, body+`</M:multiput>`, "Content-Type: application/xml")
	if strings.Count(got.Body, "<D:need-privileges>") != 1 || strings.Count(got.Body, "200 OK") != 1 {
		t.Errorf("%s", got.Body)
	}
	if text := e.must(200, "ann", "GET", annCal+"1.ics", "").Body; strings.Contains(text, "T180000Z") {
		t.Error("it was written all the same")
	}
}

// What the properties of RFC 3744 §5 say of lists.
func TestACLProperties(t *testing.T) {
	e := aclEnv(t)
	home := "/calendars/__uids__/" + guid("ann") + "/"
	e.setACL("ann", annCal, "grant read bob", "deny all @authenticated")
	e.setACL("ann", annCal+"1.ics", "grant write staff")
	got := e.must(207, "ann", "PROPFIND", annCal+"1.ics", ask("D:acl", "D:acl-restrictions", "D:inherited-acl-set", "D:principal-collection-set"), "Depth: 0").Body
	bob := "<D:ace><D:principal><D:href>" + principalURL(guid("bob")) + "</D:href></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant>"
	staff := "<D:ace><D:principal><D:href>" + principalURL(guid("staff")) + "</D:href></D:principal><D:grant><D:privilege><D:write/></D:privilege></D:grant></D:ace>"
	order := 0
	for _, part := range []string{
		"<D:property><D:owner/></D:property>", staff, bob + "<D:inherited><D:href>" + home + "calendar/</D:href></D:inherited></D:ace>",
		"<D:principal><D:authenticated/></D:principal><D:deny><D:privilege><D:all/></D:privilege></D:deny><D:inherited><D:href>" + home + "calendar/",
		"<D:principal><D:authenticated/></D:principal><D:grant><D:privilege><C:read-free-busy/></D:privilege></D:grant><D:inherited><D:href>" + home + "</D:href>",
		"<D:acl-restrictions><D:no-invert/></D:acl-restrictions>",
		"<D:inherited-acl-set><D:href>" + home + "</D:href><D:href>" + home + "calendar/</D:href></D:inherited-acl-set>",
		"<D:principal-collection-set><D:href>/principals/</D:href></D:principal-collection-set>",
	} {
		at := strings.Index(got, part)
		if at < order {
			t.Errorf("%s is at %d, not behind %d, of %s", part, at, order, got)
		}
		order = max(order, at)
	}
	if got := e.must(207, "ann", "PROPFIND", annCal, ask("D:acl"), "Depth: 0").Body; !strings.Contains(got, bob+"</D:ace>") {
		t.Errorf("on the calendar itself: %s", got)
	}
	all := e.must(207, "ann", "PROPFIND", annCal, `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`, "Depth: 1").Body
	if strings.Contains(all, "D:ace>") {
		t.Errorf("allprop shows lists: %s", all)
	}
	rep := e.must(207, "ann", "REPORT", annCal+"1.ics", `<D:acl-principal-prop-set xmlns:D="DAV:"><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, "Depth: 0").Body
	for _, name := range []string{"Ann Archer", "Bob Baker", "All Staff", "calendar-proxy-write"} {
		if !strings.Contains(rep, name) {
			t.Errorf("acl-principal-prop-set lacks %s: %s", name, rep)
		}
	}
}

// The privileges to schedule are those of the collection that they are about, and no
// calendar has any (RFC 6638 §6): an inbox has what others may deliver, an outbox what may
// be sent from it.
func TestSupportedPrivileges(t *testing.T) {
	e := aclEnv(t)
	deliver := []string{"schedule-deliver", "schedule-deliver-invite", "schedule-deliver-reply", "schedule-query-freebusy"}
	send := []string{"schedule-send", "schedule-send-invite", "schedule-send-reply", "schedule-send-freebusy"}
	for path, want := range map[string][2]bool{
		annHome + "inbox/": {true, false}, annHome + "outbox/": {false, true}, annCal: {}, annCal + "1.ics": {}, annHome + "folder/": {}, annHome: {},
	} {
		body := e.must(207, "ann", "PROPFIND", path, ask("D:supported-privilege-set"), "Depth: 0").Body
		for i, names := range [][]string{deliver, send} {
			for _, name := range names {
				if got := strings.Contains(body, "<C:"+name+"/>"); got != want[i] {
					t.Errorf("%s has %s: %v", path, name, got)
				}
			}
		}
	}
}

// Somebody who is not in the directory any more stays in a list, and what was
// theirs is nobody's.
func TestACLOfThoseWhoLeft(t *testing.T) {
	e := aclEnv(t)
	e.setACL("ann", annCal, "grant read bob")
	newcomer := &auth.Caller{Principal: &directory.Principal{GUID: guid("another bob"), Name: "bob", Type: directory.User}}
	if got := e.as(newcomer, "GET", annCal+"1.ics", ""); got.Status != 403 {
		t.Errorf("somebody new of the same name = %d", got.Status)
	}
}

// The busy times of people are for whom the configuration says, where they have said
// nothing; those of rooms for everybody.
func TestDefaultFreeBusy(t *testing.T) {
	for name, tt := range map[string]struct {
		mode acl.FreeBusy
		want map[string]int // of ann's calendar, by who asks
	}{
		"everybody": {acl.Everybody, map[string]int{"bob": 200, "gone": 200}},
		"in group":  {acl.InGroup, map[string]int{"bob": 200, "gone": 404}}, // RFC 4791 §7.10
		"nobody":    {acl.Nobody, map[string]int{"bob": 404, "gone": 404}},
	} {
		t.Run(name, func(t *testing.T) {
			e := aclEnv(t)
			e.policy.FreeBusy = tt.mode
			e.must(207, "boss", "PROPFIND", "/calendars/locations/oak/", "", "Depth: 0")
			for user, want := range tt.want {
				if got := e.do(user, "REPORT", annCal, busyQuery); got.Status != want {
					t.Errorf("%s = %d %s, want %d", user, got.Status, got.Body, want)
				}
				e.must(200, user, "REPORT", "/calendars/locations/oak/calendar/", busyQuery)
			}
			e.setACL("ann", annCal, "grant read-free-busy gone", "deny read-free-busy bob")
			e.must(200, "gone", "REPORT", annCal, busyQuery)
			e.must(404, "bob", "REPORT", annCal, busyQuery)
		})
	}
}

// randomACE is an entry that may be set on a calendar or what is in it.
func randomACE(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	privileges := []string{"all", "read", "read-free-busy", "write", "write-content", "write-properties", "bind", "unbind", "read-acl", "write-acl",
		"read-current-user-privilege-set", "unlock"}
	some := pick(privileges...)
	if second := pick(privileges...); r.IntN(2) == 0 && second != some {
		some += "," + second
	}
	effect, who := pick("grant", "grant", "deny"), pick("bob", "staff", "van", "@authenticated", "@self")
	if effect == "grant" && r.IntN(8) == 0 {
		who = pick("@owner", principalURL(guid("ann"))+"calendar-proxy-read/", principalURL(guid("bob"))+"calendar-proxy-write/")
	}
	return effect + " " + some + " " + who
}

// Whatever lists are set: DAV:acl, DAV:current-user-privilege-set, the explanation
// and what is done are one, for everybody and everything.
func TestStoredRightsAreOne(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	cells := 0
	for range 3 {
		e, callers, paths := accessEnv(t)
		for _, path := range []string{annCal, annCal + "1.ics", annHome + "folder/", annHome + "folder/a.txt", annHome + "b.txt", annHome + "inbox/", annHome + "outbox/"} {
			var list []string
			for range r.IntN(6) {
				list = append(list, randomACE(r))
			}
			if strings.HasSuffix(path, "box/") { // which has no busy times
				list = slices.DeleteFunc(list, func(a string) bool { return strings.Contains(a, "free-busy") })
			}
			e.setACL("ann", path, list...)
		}
		access := map[string]accessProps{}
		of := func(path string) accessProps {
			if _, ok := access[path]; !ok {
				access[path] = e.accessOf(path)
			}
			return access[path]
		}
		for _, c := range callers {
			for _, path := range paths {
				checkShown(t, e, c, path, of(path))
				cells += checkExplained(t, e, c, path, of(path))
				allow := e.must(200, "boss", "OPTIONS", path, "").Header.Get("Allow")
				for method := range strings.SplitSeq(allow, ", ") {
					for _, a := range attempts(method, path) {
						tryAttempt(t, e, c, path, a, of)
					}
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	if t.Logf("%d cells", cells); cells < 10_000 {
		t.Errorf("%d cells", cells)
	}
}

// checkExplained compares an explanation with what the list says, privilege by
// privilege. It returns how many it compared.
func checkExplained(t *testing.T, e *env, c *auth.Caller, path string, access accessProps) int {
	t.Helper()
	why, err := e.h.ExplainACL(t.Context(), c, path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	if len(why.Entries) != len(access.Prop.ACL.ACEs) {
		t.Errorf("%s: %d entries are explained, DAV:acl has %d", path, len(why.Entries), len(access.Prop.ACL.ACEs))
	}
	for _, p := range why.Privileges {
		if want := access.allows(c, p.Name); p.Granted != want && p.Name != "schedule" {
			t.Errorf("%s: %s is explained as %v, the list says %v", path, p.Name, p.Granted, want)
		}
		if p.Granted && len(p.By) == 0 {
			t.Errorf("%s: nothing grants %s", path, p.Name)
		}
	}
	return len(why.Privileges)
}

// Listing and GET agree: what is listed can be got, and what can be got is listed.
func TestListingsAreWhatCanBeRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	e := aclEnv(t)
	for n := range 20 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%sx%d.ics", annCal, n), event(fmt.Sprint("x", n), "20260504T120000Z"))
		var list []string
		for range r.IntN(4) {
			list = append(list, randomACE(r))
		}
		e.setACL("ann", fmt.Sprintf("%sx%d.ics", annCal, n), list...)
	}
	e.setACL("ann", annCal, "grant read staff", "grant read gone")
	for _, user := range []string{"ann", "bob", "gone", "boss", "auditor"} {
		listed := hrefs(e.must(207, user, "PROPFIND", annCal, ask("D:getetag"), "Depth: 1").Body)
		for n := range 20 {
			name := fmt.Sprintf("x%d.ics", n)
			got := e.do(user, "GET", annCal+name, "")
			if slices.Contains(listed, name) != (got.Status == 200) {
				t.Errorf("%s: %s is listed: %v, and GET = %d", user, name, slices.Contains(listed, name), got.Status)
			}
		}
	}
}

// knowsAlone is a directory that can say something of one record only.
type knowsAlone struct {
	directory.Directory
	guid string
}

func (d knowsAlone) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	if key.By == directory.GUID && key.Value == d.guid {
		return d.Directory.Lookup(ctx, key)
	}
	return nil, directory.ErrUnavailable
}

// A principal whom the directory cannot tell about now is not one who is not there.
func TestACLWithoutDirectory(t *testing.T) {
	e := aclEnv(t)
	e.setACL("ann", annCal, "grant read staff")
	before := e.must(207, "ann", "PROPFIND", annCal, ask("D:acl"), "Depth: 0").Body
	h, err := caldav.New(caldav.Options{Calendars: e.h.Calendars, Directory: knowsAlone{e.dir, guid("ann")}, Access: &e.policy, Limits: e.h.Limits, Now: e.h.Now})
	if err != nil {
		t.Fatal(err)
	}
	ann := e.caller("ann")
	whole := e.h
	e.h = h
	uid := "/calendars/__uids__/" + guid("ann") + "/calendar/"
	if got := e.as(ann, "ACL", uid, aclBody(t, "grant read bob")); got.Status != http.StatusServiceUnavailable {
		t.Errorf("ACL = %d %s, want 503", got.Status, got.Body)
	}
	e.h = whole
	if after := e.must(207, "ann", "PROPFIND", annCal, ask("D:acl"), "Depth: 0").Body; after != before {
		t.Errorf("the list is now %s, was %s", after, before)
	}
}
