package caldav_test

import (
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convene/auth"
	"convene/delegation"
	"convene/directory"
	"convene/store"
)

// privilegeLeaves says of each privilege of RFC 3744 §3, RFC 4791 §6.1.1 and RFC
// 6638 §6.3 what it is made of. DAV:read has a part without a name.
var privilegeLeaves = map[string][]string{
	"read": {"read itself", "read-free-busy"}, "read-free-busy": nil,
	"write": {"write-content", "write-properties", "bind", "unbind"}, "write-content": nil, "write-properties": nil, "bind": nil, "unbind": nil,
	"unlock": nil, "read-acl": nil, "write-acl": nil, "read-current-user-privilege-set": nil,
	"schedule-deliver": deliver, "schedule-deliver-invite": nil, "schedule-deliver-reply": nil, "schedule-query-freebusy": nil,
	"schedule-send": send, "schedule-send-invite": nil, "schedule-send-reply": nil, "schedule-send-freebusy": nil,
	"all": slices.Concat([]string{"read itself", "read-free-busy", "write-content", "write-properties", "bind", "unbind",
		"unlock", "read-acl", "write-acl", "read-current-user-privilege-set"}, deliver, send),
}

var (
	deliver = []string{"schedule-deliver-invite", "schedule-deliver-reply", "schedule-query-freebusy"}
	send    = []string{"schedule-send-invite", "schedule-send-reply", "schedule-send-freebusy"}
)

func leavesOf(names ...string) (all []string) {
	for _, name := range names {
		if parts := privilegeLeaves[name]; parts != nil {
			all = append(all, parts...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

type (
	names struct {
		Elements []struct{ XMLName xml.Name } `xml:",any"`
	}
	privileges struct {
		Privilege []names `xml:"DAV: privilege"`
	}
	supported struct {
		privileges
		Below []supported `xml:"DAV: supported-privilege"`
	}
	href struct {
		Href string `xml:"DAV: href"`
	}
	ace struct {
		Principal struct {
			href
			Property names `xml:"DAV: property"`
			names
		} `xml:"DAV: principal"`
		Invert *struct {
			Property names `xml:"DAV: principal>property"`
		} `xml:"DAV: invert"`
		Grant     privileges `xml:"DAV: grant"`
		Deny      privileges `xml:"DAV: deny"`
		Protected *struct{}  `xml:"DAV: protected"`
		Inherited href       `xml:"DAV: inherited"`
	}
	// accessProps are the properties that say who may do what with a resource.
	accessProps struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			ACL struct {
				ACEs []ace `xml:"DAV: ace"`
			} `xml:"DAV: acl"`
			Owner        href       `xml:"DAV: owner"`
			PrincipalURL href       `xml:"DAV: principal-URL"`
			Privileges   privileges `xml:"DAV: current-user-privilege-set"`
			Supported    supported  `xml:"DAV: supported-privilege-set"`
		} `xml:"DAV: prop"`
	}
)

func (p privileges) names() (list []string) {
	for _, privilege := range p.Privilege {
		for _, e := range privilege.Elements {
			list = append(list, e.XMLName.Local)
		}
	}
	return list
}

// all is the names of a tree.
func (s supported) all() []string {
	list := s.names()
	for _, b := range s.Below {
		list = append(list, b.all()...)
	}
	return list
}

func parseAccess(t *testing.T, body string) accessProps {
	t.Helper()
	var ms struct {
		Propstats []accessProps `xml:"DAV: response>propstat"`
	}
	if err := xml.Unmarshal([]byte(body), &ms); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, ps := range ms.Propstats {
		if strings.Contains(ps.Status, "200") {
			return ps
		}
	}
	t.Fatalf("nothing found in %s", body)
	return accessProps{}
}

func principalURL(guid string) string { return "/principals/__uids__/" + guid + "/" }

// proxyURLs are the groups of delegates that callers of these tests are in.
var proxyURLs = map[string][]string{
	"assistant": {principalURL(guid("ann")) + "calendar-proxy-write/"}, "deputy": {principalURL(guid("ann")) + "calendar-proxy-read/"},
}

// about reports whether an entry is about a caller, as RFC 3744 §5.5.1 says.
func (p accessProps) about(a ace, c *auth.Caller) bool {
	var mine []string
	if c != nil && c.Principal != nil {
		mine = append(mine, principalURL(c.Principal.GUID))
		for _, g := range c.Groups {
			mine = append(mine, principalURL(g))
		}
		mine = append(mine, proxyURLs[c.Principal.Name]...)
	}
	if a.Invert != nil {
		return mine != nil && !slices.Contains(mine, p.Prop.Owner.Href)
	}
	for _, e := range a.Principal.Elements {
		switch e.XMLName.Local {
		case "all":
			return true
		case "authenticated":
			return mine != nil
		case "unauthenticated":
			return mine == nil
		case "self":
			return slices.Contains(mine, p.Prop.PrincipalURL.Href)
		}
	}
	if len(a.Principal.Property.Elements) > 0 {
		return a.Principal.Property.Elements[0].XMLName.Local == "owner" && slices.Contains(mine, p.Prop.Owner.Href)
	}
	return slices.Contains(mine, a.Principal.Href)
}

// allows reads the entries as RFC 3744 §6 does: until all that is needed is
// granted, or one denies what is not granted yet.
func (p accessProps) allows(c *auth.Caller, need ...string) bool {
	left := leavesOf(need...)
	for _, a := range p.Prop.ACL.ACEs {
		if !p.about(a, c) {
			continue
		}
		for _, denied := range leavesOf(a.Deny.names()...) {
			if slices.Contains(left, denied) {
				return false
			}
		}
		granted := leavesOf(a.Grant.names()...)
		left = slices.DeleteFunc(left, func(l string) bool { return slices.Contains(granted, l) })
		if len(left) == 0 {
			return true
		}
	}
	return len(left) == 0
}

// delegated reports whether an entry is about a caller as a delegate who reads.
func (p accessProps) delegated(c *auth.Caller) bool {
	return slices.ContainsFunc(p.Prop.ACL.ACEs, func(a ace) bool {
		return a.Protected != nil && strings.HasSuffix(a.Principal.Href, "/calendar-proxy-read/") && p.about(a, c)
	})
}

// as sends a request for a caller who need not be in the directory.
func (e *env) as(c *auth.Caller, method, path, body string, headers ...string) answer {
	e.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	e.h.Serve(w, r, c)
	return answer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
}

// accessEnv has of everything that rights can be about one, and of everybody whom
// they can be about: by name, nobody twice.
func accessEnv(t *testing.T) (e *env, callers map[string]*auth.Caller, paths []string) {
	e = newEnv(t)
	e.policy.Administrators = append(e.policy.Administrators, guid("admins"))
	e.policy.Readers = append(e.policy.Readers, guid("auditors"))
	in := func(name string, groups ...string) *auth.Caller {
		c := &auth.Caller{Principal: &directory.Principal{GUID: guid(name), Type: directory.User, Name: name, CalendarEnabled: true}}
		for _, g := range groups {
			c.Groups = append(c.Groups, guid(g))
		}
		return c
	}
	callers = map[string]*auth.Caller{
		"owner": in("ann", "staff"), "colleague": in("bob"), "member": in("bob", "staff", "others"),
		"administrator": in("boss"), "administrator by a group": in("bob", "others", "admins"),
		"reader": in("auditor"), "reader by a group": in("bob", "auditors"),
		"who writes for the owner": in("assistant"), "who reads for the owner": in("deputy"),
		"unknown": in("stranger"), "nobody": {}, "no caller": nil,
	}
	e.delegate("ann", "assistant", delegation.LevelWrite, func(l *delegation.Limits) { l.Manage = true })
	e.delegate("ann", "deputy", delegation.LevelRead)
	const ann = "/calendars/users/ann/"
	e.must(201, "ann", "PUT", ann+"calendar/1.ics", event("one", "20260504T120000Z"))
	e.must(201, "ann", "MKCOL", ann+"folder/", "")
	e.must(201, "ann", "PUT", ann+"folder/a.txt", "a")
	e.must(201, "ann", "PUT", ann+"b.txt", "b")
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.must(207, "boss", "PROPFIND", "/calendars/groups/staff/", "", "Depth: 0")
	return e, callers, []string{
		"/", "/principals/", "/principals/users/", "/principals/__uids__/", "/calendars/", "/calendars/users/",
		"/principals/users/ann/", "/principals/users/bob/", "/principals/groups/staff/", principalURL(guid("ann")),
		"/principals/users/ann/calendar-proxy-read/", "/principals/users/bob/calendar-proxy-write/",
		ann, "/calendars/users/bob/", "/calendars/groups/staff/", "/calendars/groups/staff/calendar/",
		ann + "calendar/", ann + "calendar/1.ics", ann + "tasks/", ann + "inbox/", ann + "outbox/", ann + "notification/",
		ann + "dropbox/", ann + "freebusy", ann + "folder/", ann + "folder/a.txt", ann + "b.txt", "/calendars/users/bob/calendar/",
	}
}

// accessOf is what an administrator reads of a resource.
func (e *env) accessOf(path string) accessProps {
	e.t.Helper()
	return parseAccess(e.t.(*testing.T), e.must(207, "boss", "PROPFIND", path, ask("D:acl", "D:owner", "D:principal-URL"), "Depth: 0").Body)
}

func parentOf(path string) string {
	path = strings.TrimSuffix(path, "/")
	return path[:strings.LastIndexByte(path, '/')+1]
}

// An attempt is a request that changes nothing even if it is allowed, and what is
// needed for it where (RFC 3744 Appendix B).
type attempt struct {
	method, body string
	headers      []string
	target       []string
	parent       []string
	concealed    bool     // 404 says that it is not allowed
	readers      bool     // delegates who only read may too
	to           []string // of the collection at the destination
	destination  string   // that collection
}

// attempts are the requests to try on a resource that has a method.
func attempts(method, path string) []attempt {
	never := []string{`If-Match: "never"`, "Depth: 0"}
	one := attempt{method: method, headers: never}
	parent := func(p ...string) []attempt { one.parent = p; return []attempt{one} }
	target := func(p ...string) []attempt { one.target = p; return []attempt{one} }
	switch method {
	case "GET", "HEAD":
		if strings.HasSuffix(path, "/__uids__/") {
			return nil // is not listed for anybody
		}
		if strings.HasSuffix(path, "freebusy") {
			return target("read-free-busy")
		}
		return target("read")
	case "PROPFIND":
		one.body = ask("D:resourcetype")
		return target("read")
	case "PROPPATCH":
		const update = `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>%s</D:prop></D:set></D:propertyupdate>`
		one.target = []string{"write-properties"}
		live, dead := one, one
		live.body, dead.body = fmt.Sprintf(update, "<D:displayname>y</D:displayname>"), fmt.Sprintf(update, `<x xmlns="urn:x">y</x>`)
		dead.readers = path == "/calendars/users/ann/calendar/" || path == "/calendars/users/ann/tasks/"
		return []attempt{live, dead}
	case "PUT":
		one.body = event("one", "20260504T120000Z")
		return target("write-content")
	case "MKCOL", "MKCALENDAR":
		if strings.Count(path, "/") == 4 && strings.HasSuffix(path, "/") { // a home
			return target("bind")
		}
		return parent("bind")
	case "DELETE":
		one.headers = never[:1]
		return parent("unbind")
	case "POST":
		one.body, one.headers = event("new", "20260504T120000Z"), append(never, "Content-Type: text/calendar")
		switch {
		case strings.HasSuffix(path, "/outbox/"):
			return target("schedule-send-freebusy")
		case strings.HasSuffix(path, "freebusy"):
			return target("read-free-busy")
		}
		return target("write")
	case "COPY", "MOVE":
		const ann = "/calendars/users/ann/"
		one.to, one.destination = []string{"bind"}, ann
		if strings.HasSuffix(path, ".ics") {
			one.destination = ann + "calendar/"
		}
		one.headers = []string{never[0], "Destination: " + one.destination + "new"}
		if method == "MOVE" {
			one.target = []string{"read"}
			return parent("unbind")
		}
		return target("read")
	case "REPORT":
		report := func(body string, need ...string) attempt {
			return attempt{method: method, body: body, headers: []string{"Depth: 0"}, target: need}
		}
		list := []attempt{
			report(`<D:expand-property xmlns:D="DAV:"><D:property name="owner"/></D:expand-property>`, "read"),
			report(`<D:acl-principal-prop-set xmlns:D="DAV:"><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, "read", "read-acl"),
		}
		if strings.HasSuffix(path, "calendar/") {
			busy := report(`<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`, "read-free-busy")
			busy.concealed = true // RFC 4791 §7.10
			list = append(list, report(syncBody("", 0), "read"), busy)
		}
		return list
	}
	return nil // OPTIONS
}

// What DAV:acl says, what DAV:current-user-privilege-set says and what is done
// are one, for everybody and everything.
func TestRightsAreOne(t *testing.T) {
	e, callers, paths := accessEnv(t)
	confidential := strings.Replace(event("c", "20260504T120000Z"), "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:CONFIDENTIAL\r\nBEGIN:VEVENT", 1)
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/c.ics", confidential)
	paths = append(paths, "/calendars/users/ann/calendar/c.ics")
	access := map[string]accessProps{}
	of := func(path string) accessProps {
		if _, ok := access[path]; !ok {
			access[path] = e.accessOf(path)
		}
		return access[path]
	}
	for name, c := range callers {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths {
				checkShown(t, e, c, path, of(path))
				if got := e.as(c, "OPTIONS", path, ""); got.Status != 200 {
					t.Errorf("OPTIONS %s = %d", path, got.Status)
				}
				allow := e.must(200, "boss", "OPTIONS", path, "").Header.Get("Allow")
				for method := range strings.SplitSeq(allow, ", ") {
					for _, a := range attempts(method, path) {
						tryAttempt(t, e, c, path, a, of)
					}
				}
			}
			for path, method := range map[string]string{
				"/calendars/users/ann/calendar/new.ics": "PUT", "/calendars/users/ann/folder/new.txt": "PUT", "/calendars/users/ann/new.txt": "PUT",
				"/calendars/users/ann/new/": "MKCALENDAR", "/calendars/users/bob/new/": "MKCOL", "/calendars/groups/staff/new/": "MKCOL",
			} {
				tryAttempt(t, e, c, path, attempt{method: method, body: " ", headers: []string{`If-Match: "never"`}, parent: []string{"bind"}}, of)
				for _, reading := range []string{"GET", "HEAD", "PROPFIND", "PROPPATCH", "DELETE"} {
					got, may := e.as(c, reading, path, "", "Depth: 0"), of(parentOf(path)).allows(c, "read")
					if got.Status == 404 != may || got.Status == 403 == may {
						t.Errorf("%s %s, where nothing is = %d, and may read there is %v", reading, path, got.Status, may)
					}
				}
			}
		})
	}
}

// checkShown compares what a caller is told of their own privileges with what the
// list of the resource gives them.
func checkShown(t *testing.T, e *env, c *auth.Caller, path string, access accessProps) {
	t.Helper()
	got := e.as(c, "PROPFIND", path, ask("D:current-user-privilege-set", "D:supported-privilege-set", "D:acl", "D:owner"), "Depth: 0")
	if !access.allows(c, "read") {
		if got.Status != 403 || !strings.Contains(got.Body, "need-privileges") {
			t.Errorf("PROPFIND %s = %d %.200s, want 403", path, got.Status, got.Body)
		}
		return
	}
	if got.Status != 207 {
		t.Errorf("PROPFIND %s = %d %.200s, want 207", path, got.Status, got.Body)
		return
	}
	shown := parseAccess(t, got.Body)
	told, exist := shown.Prop.Privileges.names(), shown.Prop.Supported.all()
	for privilege := range privilegeLeaves {
		want := slices.Contains(exist, privilege) && access.allows(c, privilege) && access.allows(c, "read-current-user-privilege-set")
		if slices.Contains(told, privilege) != want {
			t.Errorf("%s: %s is told %v, and by the list %v", path, privilege, !want, want)
		}
	}
	if seen, may := len(shown.Prop.ACL.ACEs) > 0, access.allows(c, "read-acl"); seen != may {
		t.Errorf("%s: DAV:acl is shown %v, and may be %v", path, seen, may)
	}
}

// tryAttempt compares what is done with what the lists allow.
func tryAttempt(t *testing.T, e *env, c *auth.Caller, path string, a attempt, of func(string) accessProps) {
	t.Helper()
	may := (a.target == nil || of(path).allows(c, a.target...)) && (a.parent == nil || of(parentOf(path)).allows(c, a.parent...)) &&
		(a.to == nil || of(a.destination).allows(c, a.to...)) || a.readers && of(path).delegated(c)
	got := e.as(c, a.method, path, a.body, a.headers...)
	if a.concealed {
		if got.Status == 404 == may || !may && strings.Contains(got.Body, "need-privileges") {
			t.Errorf("%s %s %.40s = %d %.200s, and is allowed: %v", a.method, path, a.body, got.Status, got.Body, may)
		}
		return
	}
	refused := got.Status == 403 && (a.method == "HEAD" || strings.Contains(got.Body, "need-privileges"))
	if refused == may || got.Status >= 500 {
		t.Errorf("%s %s %.40s = %d %.200s, and is allowed: %v", a.method, path, a.body, got.Status, got.Body, may)
	}
	if !refused || a.method == "HEAD" {
		return
	}
	var lack struct {
		Resources []struct {
			href
			Privilege names `xml:"DAV: privilege"`
		} `xml:"DAV: need-privileges>resource"`
	}
	if err := xml.Unmarshal([]byte(got.Body), &lack); err != nil || len(lack.Resources) == 0 {
		t.Fatalf("%v in %s", err, got.Body)
	}
	for _, r := range lack.Resources {
		if len(r.Privilege.Elements) != 1 {
			t.Fatalf("not one privilege in %s", got.Body)
		}
		named, where := r.Privilege.Elements[0].XMLName.Local, r.Href
		if where != path && where != parentOf(path) && where != a.destination {
			t.Errorf("%s %s: what is lacking is at %s", a.method, path, where)
		} else if of(where).allows(c, named) {
			t.Errorf("%s %s: %s is not what is lacking at %s", a.method, path, named, where)
		}
	}
}

// The principals that acl-principal-prop-set tells of are those that the list names
// by URL, and its owner, each once (RFC 3744 §9.2).
func TestACLPrincipals(t *testing.T) {
	e, callers, paths := accessEnv(t)
	const body = `<D:acl-principal-prop-set xmlns:D="DAV:"><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`
	e.policy.Readers = append(e.policy.Readers, guid("ann")) // is named twice, of what is hers
	for _, path := range paths {
		access, want := e.accessOf(path), map[string]bool{}
		for _, a := range access.Prop.ACL.ACEs {
			named := a.Principal.Href
			if len(a.Principal.Property.Elements) > 0 {
				named = access.Prop.Owner.Href
			}
			if named != "" && named != principalURL(guid("admins")) && named != principalURL(guid("auditors")) { // whom the directory knows
				want[named] = true
			}
		}
		got := e.must(207, "boss", "REPORT", path, body, "Depth: 0").Body
		if n := strings.Count(got, "<D:response>"); n != len(want) {
			t.Errorf("%s: %d principals, want %v: %s", path, n, want, got)
		}
		for named := range want {
			if !strings.Contains(got, "<D:href>"+named+"</D:href>") {
				t.Errorf("%s: no %s in %s", path, named, got)
			}
		}
	}
	e.must(207, "ann", "REPORT", "/principals/users/ann/", body) // her own
	if got := e.as(callers["reader"], "REPORT", paths[0], body); got.Status != 403 || !strings.Contains(got.Body, "<D:read-acl/>") || strings.Contains(got.Body, "<D:all/>") {
		t.Errorf("without read-acl: %d %s", got.Status, got.Body)
	}
	e.must(400, "ann", "REPORT", "/calendars/users/ann/", body, "Depth: 1")
}

// Whom and what principal-match finds (RFC 3744 §9.3).
func TestPrincipalMatch(t *testing.T) {
	e, _, _ := accessEnv(t)
	const self, owner = `<D:self/>`, `<D:principal-property><D:owner/></D:principal-property>`
	ann, staff := principalURL(guid("ann")), principalURL(guid("staff"))
	home := "/calendars/__uids__/" + guid("ann") + "/"
	below := func(home string) []string {
		return []string{home + "b.txt", home + "calendar/", home + "calendar/1.ics", home + "dropbox/", home + "folder/", home + "folder/a.txt",
			home + "freebusy", home + "inbox/", home + "notification/", home + "outbox/", home + "tasks/"}
	}
	proxies := func(p string) []string { return []string{p, p + "calendar-proxy-read/", p + "calendar-proxy-write/"} }
	for _, tt := range []struct {
		name, user, path, by string
		want                 []string
	}{
		{"self", "ann", "/principals/", self, []string{ann, staff}},
		{"self, anywhere", "ann", "/", self, []string{ann, staff}},
		{"self among users", "ann", "/principals/users/", self, []string{"/principals/users/ann/"}},
		{"self among groups", "ann", "/principals/groups/", self, []string{"/principals/groups/staff/"}},
		{"self by GUID", "ann", "/principals/__uids__/", self, []string{ann, staff}},
		{"self of oneself", "ann", "/principals/users/ann/", self, []string{ann}},
		{"self of one's group", "ann", "/principals/groups/staff/", self, []string{staff}},
		{"self of another", "ann", "/principals/users/bob/", self, nil},
		{"self of a group that one is not in", "boss", "/principals/groups/staff/", self, nil},
		{"self among homes", "ann", "/calendars/", self, nil},
		{"own homes", "ann", "/calendars/", owner, append([]string{home}, below(home)...)},
		{"own homes of users", "ann", "/calendars/users/", owner, append([]string{home}, below(home)...)},
		{"own homes of groups", "ann", "/calendars/groups/", owner, nil},
		{"in the own home", "ann", "/calendars/users/ann/", owner, below("/calendars/users/ann/")},
		{"in another's home", "boss", "/calendars/users/ann/", owner, nil},
		{"self in a calendar", "ann", "/calendars/users/ann/calendar/", self, nil},
		{"in an own calendar", "ann", "/calendars/users/ann/calendar/", owner, []string{"/calendars/users/ann/calendar/1.ics"}},
		{"in an own folder", "ann", "/calendars/users/ann/folder/", owner, []string{"/calendars/users/ann/folder/a.txt"}},
		{"in another's calendar", "boss", "/calendars/users/ann/calendar/", owner, nil},
		{"own principals", "ann", "/principals/", owner, append(proxies(ann), proxies(staff)...)},
		{"by another property", "ann", "/", `<D:principal-property><D:displayname/></D:principal-property>`, nil},
		{"without calendars", "gone", "/calendars/", owner, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `<D:principal-match xmlns:D="DAV:">` + tt.by + `<D:prop><D:owner/></D:prop></D:principal-match>`
			got := e.must(207, tt.user, "REPORT", tt.path, body, "Depth: 0").Body
			var ms struct {
				Hrefs []string `xml:"DAV: response>href"`
			}
			if err := xml.Unmarshal([]byte(got), &ms); err != nil {
				t.Fatal(err)
			}
			slices.Sort(tt.want)
			if slices.Sort(ms.Hrefs); !slices.Equal(ms.Hrefs, tt.want) {
				t.Errorf("%v, want %v", ms.Hrefs, tt.want)
			}
		})
	}
	e.h.Limits.Results = 3
	if got := e.must(207, "ann", "REPORT", "/calendars/", `<D:principal-match xmlns:D="DAV:">`+owner+`</D:principal-match>`).Body; strings.Count(got, "<D:response>") != 4 || !strings.Contains(got, "507") {
		t.Errorf("within 3: %s", got)
	}
}

// Rights are those of what is there when something is done, and not of what was
// there when the request came.
func TestRightsInTransaction(t *testing.T) {
	const second = "/calendars/users/ann/second/"
	freeBusy := `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`
	e := newEnv(t)
	e.must(201, "ann", "MKCALENDAR", second, "")
	e.must(200, "bob", "REPORT", second, freeBusy)
	got := e.send("bob", "REPORT", second, meanwhile(freeBusy, func() {
		e.must(204, "ann", "DELETE", second, "")
		e.must(201, "ann", "MKCOL", second, "")
	}))
	if got.Status != 404 { // RFC 4791 §7.10
		t.Errorf("a collection that was a calendar = %d %s, want 404", got.Status, got.Body)
	}
	got = e.send("ann", "COPY", "/calendars/users/ann/calendar/", strings.NewReader(""), "Destination: /calendars/users/bob/mine/")
	if got.Status != 403 || !strings.Contains(got.Body, "<D:href>/calendars/users/bob/</D:href><D:privilege><D:bind/>") {
		t.Errorf("COPY into another's home = %d %s", got.Status, got.Body)
	}
}

// Of callers who have no chance the body is not read, nor is a home made: but the body
// of REPORT where it may be the one that is refused in a way of its own.
func TestHopelessBodiesAreNotRead(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "MKCOL", "/calendars/users/ann/folder/", "")
	for _, tt := range []struct{ user, method, path, href string }{
		{"bob", "PUT", "/calendars/users/ann/calendar/1.ics", "/calendars/users/ann/calendar/"},
		{"auditor", "PUT", "/calendars/users/ann/calendar/1.ics", "/calendars/users/ann/calendar/"},
		{"bob", "PUT", "/calendars/users/ann/folder/1.txt", "/calendars/users/ann/folder/"},
		{"bob", "PUT", "/calendars/users/ann/1.txt", "/calendars/users/ann/"},
		{"bob", "POST", "/calendars/users/ann/calendar/", "/calendars/users/ann/calendar/"},
		{"auditor", "PROPPATCH", "/calendars/users/ann/calendar/", "/calendars/users/ann/calendar/"},
		{"bob", "MKCALENDAR", "/calendars/users/ann/new/", "/calendars/users/ann/"},
		{"bob", "PROPFIND", "/calendars/users/ann/", "/calendars/users/ann/"},
		{"bob", "PROPFIND", "/calendars/users/auditor/", "/calendars/users/auditor/"},
		{"bob", "REPORT", "/calendars/users/ann/folder/", "/calendars/users/ann/folder/"},
		{"bob", "PROPPATCH", "/principals/users/ann/", "/principals/users/ann/"},
	} {
		read := false
		got := e.send(tt.user, tt.method, tt.path, meanwhile("body", func() { read = true }), "Depth: 0", "Content-Type: text/calendar")
		if got.Status != 403 || !strings.Contains(got.Body, "<D:need-privileges><D:resource><D:href>"+tt.href+"</D:href>") || read {
			t.Errorf("%s %s by %s = %d %s, body read: %v", tt.method, tt.path, tt.user, got.Status, got.Body, read)
		}
	}
	err := e.store.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Home(guid("auditor")); err == nil {
			t.Error("a home was made for whoever asked for it")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A report on a place in a home is answered by what is there, whether it was presumed to
// be a calendar (by a path that ends in a slash) or looked up first.
func TestReportsByWhatIsThere(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.must(201, "ann", "PUT", home+"folder/note.txt", "text")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("1", "20260504T120000Z"))
	reports := map[string]string{
		"sync":     `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`,
		"query":    `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`,
		"freebusy": `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`,
		"match":    `<D:principal-match xmlns:D="DAV:"><D:self/></D:principal-match>`,
		"unknown":  `<X:nothing xmlns:X="urn:example"/>`,
		"empty":    "",
		"broken":   "<",
	}
	statuses := map[int]bool{}
	for _, place := range []string{"calendar", "folder", "missing", "inbox", "dropbox", "freebusy"} {
		for name, body := range reports {
			presumed, looked := e.send("ann", "REPORT", home+place+"/", strings.NewReader(body)), e.send("ann", "REPORT", home+place, strings.NewReader(body))
			if presumed.Status != looked.Status || uid.ReplaceAllString(presumed.Body, "") != uid.ReplaceAllString(looked.Body, "") {
				t.Errorf("%s on %s/ = %d %s, on %s = %d %s", name, place, presumed.Status, presumed.Body, place, looked.Status, looked.Body)
			}
			statuses[presumed.Status] = true
		}
	}
	for _, place := range []string{"calendar/1.ics/2.ics", "calendar/1.ics?add-member"} {
		if got := e.send("ann", "REPORT", home+place, strings.NewReader(reports["sync"])); got.Status/100 != 4 {
			t.Errorf("on %s: %d", place, got.Status)
		}
	}
	for _, want := range []int{200, 207, 400, 403, 404} {
		if !statuses[want] {
			t.Errorf("no report was answered %d", want)
		}
	}
}

// uid is what differs between two answers with busy times.
var uid = regexp.MustCompile(`(UID|DTSTAMP):[^\r]*`)

// Objects have the rights of their collection: to tell of them costs nothing more
// for each.
func TestRightsOfObjectsAllocateNothing(t *testing.T) {
	e := newEnv(t)
	const cal, objects = "/calendars/users/ann/calendar/", 200
	for i := range objects {
		e.must(201, "ann", "PUT", fmt.Sprintf("%s%d.ics", cal, i), event(fmt.Sprint(i), "20260504T120000Z"))
	}
	ann := e.caller("ann")
	allocations := func(prop string) float64 {
		return testing.AllocsPerRun(20, func() {
			if got := e.as(ann, "PROPFIND", cal, ask(prop), "Depth: 1"); got.Status != 207 {
				t.Fatal(got.Status)
			}
		})
	}
	plain, rights := allocations("D:supportedlock"), allocations("D:current-user-privilege-set")
	if rights-plain > objects/2 {
		t.Errorf("%v allocations for the rights of %d objects", rights-plain, objects)
	}
}
