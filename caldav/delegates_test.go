package caldav_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/acl"
	"convene/caldav"
	"convene/delegation"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/store"
)

// company has ann, whose calendars the tests are about; bob, cy, dan; boss and auditor;
// groups g3 ⊃ g2 ⊃ g1 ∋ bob, and gx ⊃ gy ⊃ gx, with cy in gy; and neptune, a room whose
// owner is bob and that dan may read.
func company(t testing.TB) directory.Directory {
	t.Helper()
	group := func(name string, members ...directory.Key) directory.Record {
		return directory.Record{Principal: directory.Principal{GUID: guid(name), Type: directory.Group, Name: name, FullName: name}, Members: members}
	}
	of := func(typ directory.Type, name string) directory.Key {
		return directory.Key{By: directory.Name, Type: typ, Value: name}
	}
	list := []directory.Record{
		group("g1", of(directory.User, "bob")), group("g2", of(directory.Group, "g1")), group("g3", of(directory.Group, "g2")),
		group("gx", of(directory.Group, "gy")), group("gy", of(directory.Group, "gx"), of(directory.User, "cy")),
		{Principal: directory.Principal{GUID: guid("neptune"), Type: directory.Location, Name: "neptune", FullName: "Neptune", CalendarEnabled: true,
			Owners: []string{guid("bob")}, ReadDelegates: []string{"dan@example.com"}}},
	}
	for i, name := range []string{"ann", "bob", "cy", "dan", "boss", "auditor"} {
		list = append(list, directory.Record{Principal: directory.Principal{
			GUID: guid(name), Type: directory.User, Name: name, FullName: fmt.Sprintf("%d %s", 9-i, name), // so that names are sorted otherwise
			Emails: []string{name + "@example.com"}, CalendarEnabled: true, LoginEnabled: true,
		}})
	}
	d, err := directory.NewStatic(list)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	annWork  = "/calendars/users/ann/work/"
	annEvent = "/calendars/users/ann/calendar/1.ics"
	annRead  = "/principals/users/ann/calendar-proxy-read/"
	annWrite = "/principals/users/ann/calendar-proxy-write/"
)

// newCompany starts a handler for the company, with an event in ann's calendar and
// another in her calendar work.
func newCompany(t testing.TB) *env {
	t.Helper()
	e := newEnvOf(t, company(t), enginetest.Wrapper(t))
	e.must(201, "ann", "PUT", annEvent, event("1", "20260601T100000Z"))
	e.must(201, "ann", "MKCALENDAR", annWork, "")
	e.must(201, "ann", "PUT", annWork+"2.ics", event("2", "20260601T120000Z"))
	return e
}

// members is a PROPPATCH of DAV:group-member-set.
func members(names ...string) string {
	var b strings.Builder
	b.WriteString(`<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set>`)
	for _, n := range names {
		if !strings.HasPrefix(n, "/") {
			n = principalURL(guid(n))
		}
		fmt.Fprintf(&b, "<D:href>%s</D:href>", n)
	}
	b.WriteString("</D:group-member-set></D:prop></D:set></D:propertyupdate>")
	return b.String()
}

// name sets delegates and wants the propstat's status.
func (e *env) name(status int, user, group string, names ...string) answer {
	e.t.Helper()
	a := e.must(207, user, "PROPPATCH", group, members(names...))
	if !strings.Contains(a.Body, fmt.Sprintf("HTTP/1.1 %d ", status)) {
		e.t.Fatalf("PROPPATCH %s %v by %s: %s, want %d", group, names, user, a.Body, status)
	}
	return a
}

// put makes a delegate with limits, as an administrator.
func (e *env) delegate(delegator, delegate string, level delegation.Level, change ...func(*delegation.Limits)) {
	e.t.Helper()
	kinds := map[string]delegation.Kind{"neptune": delegation.Location, "oak": delegation.Location, "g1": delegation.Group, "g3": delegation.Group, "gx": delegation.Group}
	kind := func(name string) delegation.Principal {
		k := kinds[name]
		if k == 0 {
			k = delegation.User
		}
		return delegation.Principal{GUID: guid(name), Kind: k, Calendars: k != delegation.Group}
	}
	l := delegation.PlainLimits(kind(delegator).Kind)
	for _, f := range change {
		f(&l)
	}
	_, err := e.book.Put(context.Background(), administrator, delegation.Target{Principal: kind(delegator)}, kind(delegate), level, l)
	if err != nil {
		e.t.Fatal(err)
	}
}

var administrator = delegation.Author{Caller: delegation.Caller{GUID: "admin"}, Administrator: true, Via: "test"}

// hrefsOf are the hrefs in a property of a resource, as a user sees it, with names in
// the place of GUIDs; the status of its propstat if that is not 200.
func (e *env) hrefsOf(user, path string, name xml.Name) (list []string) {
	e.t.Helper()
	ask := fmt.Sprintf(`<D:propfind xmlns:D="DAV:" xmlns:x="%s"><D:prop><x:%s/></D:prop></D:propfind>`, name.Space, name.Local)
	a := e.must(207, user, "PROPFIND", path, ask, "Depth: 0")
	var ms struct {
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Any []struct {
					Hrefs []string `xml:"DAV: href"`
				} `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: response>propstat"`
	}
	if err := xml.Unmarshal([]byte(a.Body), &ms); err != nil {
		e.t.Fatal(err)
	}
	for _, ps := range ms.Propstat {
		if !strings.Contains(ps.Status, "200") {
			return []string{ps.Status}
		}
		for _, p := range ps.Prop.Any {
			for _, h := range p.Hrefs {
				list = append(list, named(h))
			}
		}
	}
	return list
}

// named is a URL with names in the place of GUIDs, without what all have.
func named(href string) string {
	for _, n := range []string{"ann", "bob", "cy", "dan", "boss", "auditor", "g1", "g2", "g3", "gx", "gy", "neptune"} {
		href = strings.ReplaceAll(href, guid(n), n)
	}
	return strings.TrimSuffix(strings.TrimPrefix(href, "/principals/__uids__/"), "/")
}

var (
	memberSet   = xml.Name{Space: "DAV:", Local: "group-member-set"}
	membership  = xml.Name{Space: "DAV:", Local: "group-membership"}
	expandedSet = xml.Name{Space: "http://calendarserver.org/ns/", Local: "expanded-group-member-set"}
	readFor     = xml.Name{Space: "http://calendarserver.org/ns/", Local: "calendar-proxy-read-for"}
	writeFor    = xml.Name{Space: "http://calendarserver.org/ns/", Local: "calendar-proxy-write-for"}
	homeSet     = xml.Name{Space: "urn:ietf:params:xml:ns:caldav", Local: "calendar-home-set"}
)

func (e *env) wantHrefs(user, path string, name xml.Name, want ...string) {
	e.t.Helper()
	if got := e.hrefsOf(user, path, name); !slices.Equal(got, want) {
		e.t.Errorf("%s of %s for %s: %q, want %q", name.Local, path, user, got, want)
	}
}

// The members of a group are those that are directly in it (RFC 3744 §4.3); expanded,
// they are those of the groups in it, too, also where these are in each other.
func TestGroupMembers(t *testing.T) {
	e := newCompany(t)
	for group, want := range map[string]struct{ direct, expanded []string }{
		"g1": {[]string{"bob"}, []string{"bob"}},
		"g3": {[]string{"g2"}, []string{"bob"}},
		"gx": {[]string{"gy"}, []string{"cy"}},
	} {
		path := "/principals/groups/" + group + "/"
		e.wantHrefs("ann", path, memberSet, want.direct...)
		e.wantHrefs("ann", path, expandedSet, want.expanded...)
	}
	e.wantHrefs("ann", "/principals/users/bob/", expandedSet)
}

// Who is no delegate cannot tell what is there from what is not.
func TestNoDelegate(t *testing.T) {
	e := newCompany(t)
	there, missing := e.must(403, "bob", "GET", annEvent, ""), e.must(403, "bob", "GET", annEvent+"x", "")
	if strings.ReplaceAll(missing.Body, "1.icsx", "1.ics") != there.Body || !strings.Contains(there.Body, "need-privileges") {
		t.Errorf("%s\n%s", there.Body, missing.Body)
	}
	e.must(403, "bob", "PROPFIND", "/calendars/users/ann/", "", "Depth: 1")
	e.must(403, "bob", "PROPPATCH", annWrite, members("bob"))
	e.wantHrefs("ann", annWrite, memberSet)
}

// What delegates may do, by their level, directly and through groups.
func TestDelegateRights(t *testing.T) {
	type status struct{ get, put, remove, make, list int }
	none, read, write := status{403, 403, 403, 403, 403}, status{200, 403, 403, 403, 207}, status{200, 201, 204, 201, 207}
	for name, tt := range map[string]struct {
		group  string
		member string
		user   string
		want   status
	}{
		"read":                    {annRead, "bob", "bob", read},
		"write":                   {annWrite, "bob", "bob", write},
		"read by a group":         {annRead, "g1", "bob", read},
		"write, three levels":     {annWrite, "g3", "bob", write},
		"write, groups in a loop": {annWrite, "gx", "cy", write},
		"somebody else":           {annWrite, "bob", "cy", none},
		"group of others":         {annWrite, "g3", "cy", none},
	} {
		t.Run(name, func(t *testing.T) {
			e := newCompany(t)
			e.name(200, "ann", tt.group, tt.member)
			for _, c := range []struct {
				method, path, body string
				want               int
			}{
				{"GET", annEvent, "", tt.want.get},
				{"PUT", annWork + "new.ics", event("new", "20260602T100000Z"), tt.want.put},
				{"DELETE", annWork + "2.ics", "", tt.want.remove},
				{"MKCALENDAR", "/calendars/users/ann/made/", "", tt.want.make},
				{"PROPFIND", "/calendars/users/ann/", "", tt.want.list},
			} {
				if a := e.do(tt.user, c.method, c.path, c.body, "Depth: 1"); a.Status != c.want {
					t.Errorf("%s %s = %d, want %d\n%s", c.method, c.path, a.Status, c.want, a.Body)
				}
			}
			e.name(200, "ann", tt.group)
			e.must(403, tt.user, "GET", annEvent, "")
		})
	}
}

// The properties by which clients find who acts for whom, both ways.
func TestDelegateProperties(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "g3", "cy")
	e.name(200, "ann", annRead, "dan", "g1")
	bob, cy, dan := "/principals/users/bob/", "/principals/users/cy/", "/principals/users/dan/"
	e.wantHrefs("ann", annWrite, memberSet, "cy", "g3") // "7 cy" is before "g3"
	e.wantHrefs("ann", annRead, memberSet, "dan", "g1")
	e.wantHrefs("ann", annWrite, expandedSet, sorted("bob", "cy")...)
	e.wantHrefs("ann", annRead, expandedSet, "dan") // bob is at both levels, and so in the higher one
	e.wantHrefs("ann", annWrite, membership)
	e.wantHrefs("bob", bob, writeFor, sorted("ann", "neptune")...)
	e.wantHrefs("bob", bob, readFor)
	e.wantHrefs("dan", dan, readFor, sorted("ann", "neptune")...)
	e.wantHrefs("bob", cy, writeFor, "ann") // anybody may see
	e.wantHrefs("cy", cy, membership, append(sorted("gx", "gy"), "ann/calendar-proxy-write")...)
	for _, path := range []string{annWrite, strings.TrimSuffix(annWrite, "/"), principalURL(guid("ann")) + "calendar-proxy-write/"} {
		e.wantHrefs("dan", path, memberSet, "cy", "g3")
	}
	for _, name := range []string{"calendar-proxy-write-for", "group-member-set"} {
		if a := e.must(207, "bob", "PROPFIND", bob, "", "Depth: 0"); strings.Contains(a.Body, name) {
			t.Errorf("DAV:allprop gives %s:\n%s", name, a.Body)
		}
	}

	e.view.WhoSeesFor = caldav.ForSelfAndAdmin
	e.handle(caldav.DefaultLimits())
	e.wantHrefs("cy", cy, writeFor, "ann")
	e.wantHrefs("boss", cy, writeFor, "ann")
	e.wantHrefs("bob", cy, writeFor, "HTTP/1.1 404 Not Found")
	e.wantHrefs("bob", cy, membership, sorted("gx", "gy")...)
}

// sorted are names in the order of their GUIDs.
func sorted(names ...string) []string {
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(guid(a), guid(b)) })
	return names
}

// calendar-home-set has the homes of delegators if that is configured.
func TestDelegateSurface(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annRead, "cy")
	own := "/calendars/__uids__/cy"
	e.wantHrefs("cy", "/principals/users/cy/", homeSet, own)
	e.view.Surface = caldav.SurfaceHomes
	e.handle(caldav.DefaultLimits())
	e.wantHrefs("cy", "/principals/users/cy/", homeSet, own, "/calendars/__uids__/ann")
}

// principal-match tells delegates of the groups that they are in (RFC 3744 §9.3).
func TestDelegateMatch(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "g3")
	const ask = `<D:principal-match xmlns:D="DAV:"><D:self/><D:prop><D:resourcetype/></D:prop></D:principal-match>`
	for path, want := range map[string][]string{
		"/principals/":           append([]string{"bob"}, append(sorted("g1", "g2", "g3"), withGroups("ann", "neptune")...)...),
		"/principals/users/":     {"/principals/users/bob", "/principals/users/ann/calendar-proxy-write"},
		"/principals/locations/": {"/principals/locations/neptune/calendar-proxy-write"},
		"/principals/users/ann/": {"ann/calendar-proxy-write"},
	} {
		var got []string
		for _, h := range responses(e.must(207, "bob", "REPORT", path, ask, "Depth: 0").Body) {
			got = append(got, named(h))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func withGroups(names ...string) (list []string) {
	for _, n := range sorted(names...) {
		list = append(list, n+"/calendar-proxy-write")
	}
	return list
}

func responses(body string) (list []string) {
	var ms struct {
		Hrefs []string `xml:"DAV: response>href"`
	}
	if err := xml.Unmarshal([]byte(body), &ms); err != nil {
		return []string{err.Error()}
	}
	return ms.Hrefs
}

// What PROPPATCH refuses leaves everything as it was.
func TestDelegateRefusals(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "cy")
	for name, tt := range map[string]struct {
		user, group string
		members     []string
		says        string
	}{
		"unknown":               {"ann", annWrite, []string{"cy", "/principals/__uids__/nobody/"}, "/principals/__uids__/nobody/ is no principal"},
		"somewhere else":        {"ann", annWrite, []string{"cy", "/calendars/users/bob/"}, "no principal"},
		"a group of delegates":  {"ann", annWrite, []string{annRead}, "no principal"},
		"themselves":            {"ann", annWrite, []string{"ann"}, "nobody is a delegate of themselves"},
		"a room":                {"ann", annRead, []string{"neptune"}, "a location or resource cannot be a delegate"},
		"who is from elsewhere": {"bob", "/principals/locations/neptune/calendar-proxy-write/", nil, "named by the directory: by owners"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := e.name(409, tt.user, tt.group, tt.members...); !strings.Contains(a.Body, tt.says) {
				t.Errorf("%s lacks %q", a.Body, tt.says)
			}
			e.wantHrefs("ann", annWrite, memberSet, "cy")
			e.wantHrefs("ann", annRead, memberSet)
			e.wantHrefs("ann", "/principals/locations/neptune/calendar-proxy-write/", memberSet, "bob")
		})
	}
	const more = `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set/></D:prop></D:set><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>`
	a := e.must(207, "ann", "PROPPATCH", annWrite, more)
	if !strings.Contains(a.Body, "cannot-modify-protected-property") || !strings.Contains(a.Body, "HTTP/1.1 424 ") {
		t.Error(a.Body)
	}
	e.wantHrefs("ann", annWrite, memberSet, "cy")
	if e.must(403, "cy", "PROPPATCH", annWrite, members("cy", "dan")); !strings.Contains(e.do("cy", "PROPPATCH", annWrite, members("dan")).Body, "need-privileges") {
		t.Error("no need-privileges")
	}
	const remove = `<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><D:group-member-set/></D:prop></D:remove></D:propertyupdate>`
	e.must(207, "ann", "PROPPATCH", annWrite, remove)
	e.wantHrefs("ann", annWrite, memberSet)
}

// Who is named for the other level moves there, with the limits that they have; who is
// new has none.
func TestDelegateLimitsStay(t *testing.T) {
	e := newCompany(t)
	until := e.now.Add(48 * time.Hour)
	e.delegate("ann", "bob", delegation.LevelRead, func(l *delegation.Limits) { l.Until, l.Note = until, "for now" })
	e.name(200, "ann", annWrite, "/principals/users/bob/", "cy")
	e.wantHrefs("ann", annRead, memberSet)
	e.wantHrefs("ann", annWrite, memberSet, "cy", "bob")
	set, err := e.book.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Records(guid("ann")) {
		limited := r.Delegate == guid("bob")
		if r.Level != delegation.LevelWrite || r.Until.Equal(until) != limited || (r.Note != "") != limited {
			t.Errorf("%+v", r)
		}
	}
}

// A delegation counts from its begin and until its end, to the second, on the way of
// every request.
func TestDelegateTimes(t *testing.T) {
	e := newCompany(t)
	end := e.now.Add(time.Hour)
	e.delegate("ann", "bob", delegation.LevelWrite, func(l *delegation.Limits) { l.Until = end })
	e.delegate("ann", "cy", delegation.LevelWrite, func(l *delegation.Limits) { l.From = end })
	const sync = `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`
	token := tokenOf(t, e.must(207, "bob", "REPORT", annWork, sync, "Depth: 0").Body)
	again := strings.Replace(sync, "<D:sync-token/>", "<D:sync-token>"+token+"</D:sync-token>", 1)
	for _, tt := range []struct {
		at      time.Time
		bob, cy int
		members []string
	}{
		{end.Add(-time.Millisecond), 200, 403, []string{"bob"}}, {end, 403, 200, []string{"cy"}}, {end.Add(-time.Second), 200, 403, []string{"bob"}},
	} {
		e.now = tt.at
		e.must(tt.bob, "bob", "GET", annEvent, "")
		e.must(tt.cy, "cy", "GET", annEvent, "")
		e.wantHrefs("ann", annWrite, memberSet, tt.members...)
		e.wantHrefs("ann", annWrite, expandedSet, tt.members...)
		if a := e.do("bob", "REPORT", annWork, again, "Depth: 0"); (a.Status == 207) != (tt.bob == 200) {
			t.Errorf("sync at %v: %d", tt.at, a.Status)
		}
	}
	// A request that began before the end and came to the store after it.
	e.now = end.Add(-time.Second)
	body := &clockReader{Reader: strings.NewReader(event("late", "20260603T100000Z")), tick: func() { e.now = end }}
	if a := e.send("bob", "PUT", annWork+"late.ics", body, "Content-Type: text/calendar"); a.Status != 403 {
		t.Errorf("PUT over the end: %d", a.Status)
	}
}

type clockReader struct {
	*strings.Reader
	tick func()
}

func (r *clockReader) Read(p []byte) (int, error) {
	r.tick()
	return r.Reader.Read(p)
}

func tokenOf(t *testing.T, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, "<D:sync-token>")
	token, _, closed := strings.Cut(rest, "</D:sync-token>")
	if !ok || !closed {
		t.Fatalf("no sync token in %s", body)
	}
	return token
}

// A delegation for one calendar gives that one, and of the others what everybody has.
func TestDelegateScope(t *testing.T) {
	e := newCompany(t)
	e.delegate("ann", "bob", delegation.LevelWrite, func(l *delegation.Limits) {
		l.Scope = delegation.Scope{Collections: []uint32{e.numberOf("ann", "work")}}
	})
	e.must(201, "bob", "PUT", annWork+"3.ics", event("3", "20260601T120000Z"))
	e.must(403, "bob", "GET", annEvent, "")
	const busy = `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260601T000000Z" end="20260602T000000Z"/></C:free-busy-query>`
	e.must(200, "bob", "REPORT", "/calendars/users/ann/calendar/", busy, "Depth: 1")
	list := e.must(207, "bob", "PROPFIND", "/calendars/users/ann/", "", "Depth: 1").Body
	if !strings.Contains(list, "/work/") || strings.Contains(list, "/calendar/") || strings.Contains(list, "/inbox/") {
		t.Errorf("listed:\n%s", list)
	}
	e.must(403, "bob", "MOVE", annEvent, "", "Destination: "+annWork+"moved.ics")
}

// numberOf is the number of a collection.
func (e *env) numberOf(user, name string) (id uint32) {
	e.t.Helper()
	err := e.store.View(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid(user))
		if err != nil {
			return err
		}
		c, err := tx.Collection(home.ID, name)
		if err == nil {
			id = uint32(c.ID)
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return id
}

// A deputy changes the list within their own rights, and nobody else but the owners of
// rooms, whom the directory names.
func TestDeputies(t *testing.T) {
	e := newCompany(t)
	end := e.now.Add(time.Hour)
	e.delegate("ann", "bob", delegation.LevelRead, func(l *delegation.Limits) { l.Manage, l.Until = true, end })
	e.name(200, "bob", annRead, "bob", "cy")
	set, err := e.book.Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range set.Records(guid("ann")) {
		if !r.Until.Equal(end) {
			t.Errorf("%s acts until %v, the deputy until %v", named(r.Delegate), r.Until, end)
		}
	}
	e.must(403, "bob", "PROPPATCH", annWrite, members("bob")) // themselves
	e.must(403, "bob", "PROPPATCH", annWrite, members("dan")) // more than they have
	e.must(403, "cy", "PROPPATCH", annRead, members("cy", "dan"))
	neptune := "/principals/locations/neptune/calendar-proxy-"
	e.name(200, "bob", neptune+"write/", "bob", "cy")
	e.must(403, "cy", "PROPPATCH", neptune+"write/", members("bob", "cy"))
	e.name(200, "boss", neptune+"read/", "dan", "ann")
	e.wantHrefs("cy", neptune+"read/", memberSet, "dan", "ann")
	e.must(201, "cy", "PUT", "/calendars/locations/neptune/calendar/b.ics", event("b", "20260601T100000Z"))
}

// Somebody who stands in for a delegate has that one's rights; a delegate of a delegate
// has none.
func TestStandIns(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "g1")
	e.name(200, "bob", "/principals/users/bob/calendar-proxy-write/", "dan")
	e.must(403, "dan", "GET", annEvent, "")
	x := delegation.StandIn{Delegate: guid("bob"), StandIn: guid("cy"), Until: e.now.Add(time.Hour)}
	if _, err := e.book.AddStandIn(context.Background(), administrator, x, nil); err != nil {
		t.Fatal(err)
	}
	e.must(200, "cy", "GET", annEvent, "") // ann named a group, of which bob is a member
	e.wantHrefs("cy", "/principals/users/cy/", writeFor, sorted("ann", "neptune")...)
	e.wantHrefs("ann", annWrite, expandedSet, sorted("bob", "cy")...)
	e.must(403, "cy", "PROPPATCH", annWrite, members("cy"))
	e.now = x.Until
	e.must(403, "cy", "GET", annEvent, "")
}

// While nobody knows who is a delegate: what needs no delegation is served, what does is
// 503, and nothing is said of who is one.
func TestDelegatesRefused(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "bob")
	folder := filepath.Join(t.TempDir(), "lost")
	e.openBook(folder)
	if err := e.book.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "delegates.db")); err != nil {
		t.Fatal(err)
	}
	e.openBook(folder) // which knows that there was one
	e.handle(caldav.DefaultLimits())
	e.must(200, "ann", "GET", annEvent, "")
	e.must(200, "boss", "GET", annEvent, "")
	e.must(200, "auditor", "GET", annEvent, "")
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 1")
	for _, c := range []struct{ user, method, path, body string }{
		{"bob", "GET", annEvent, ""}, {"bob", "GET", annEvent + "x", ""}, {"bob", "PUT", annWork + "9.ics", event("9", "20260601T100000Z")}, {"bob", "DELETE", annEvent, ""},
		{"bob", "PROPFIND", "/calendars/users/ann/", ""}, {"bob", "MKCALENDAR", "/calendars/users/ann/new/", ""},
		{"ann", "PROPPATCH", annWrite, members("cy")}, {"bob", "PROPPATCH", annWrite, members("cy")},
		{"bob", "REPORT", "/principals/", `<D:principal-match xmlns:D="DAV:"><D:self/></D:principal-match>`},
		{"bob", "REPORT", "/principals/users/bob/", `<D:expand-property xmlns:D="DAV:"><D:property name="calendar-proxy-write-for" namespace="http://calendarserver.org/ns/"><D:property name="displayname"/></D:property></D:expand-property>`},
	} {
		if a := e.do(c.user, c.method, c.path, c.body, "Depth: 0"); a.Status != 503 || a.Header.Get("Retry-After") != "300" {
			t.Errorf("%s %s by %s: %d, Retry-After %q\n%s", c.method, c.path, c.user, a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	}
	const away = "HTTP/1.1 503 Service Unavailable"
	e.wantHrefs("ann", annWrite, memberSet, away)
	e.wantHrefs("ann", annRead, expandedSet, away)
	for _, name := range []xml.Name{readFor, writeFor, membership} {
		e.wantHrefs("bob", "/principals/users/bob/", name, away)
	}
	e.must(200, "bob", "GET", "/calendars/locations/neptune/calendar/", "") // the directory names them
	const busy = `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260601T000000Z" end="20260602T000000Z"/></C:free-busy-query>`
	e.must(200, "bob", "REPORT", "/calendars/users/ann/calendar/", busy, "Depth: 1") // everybody may
	e.wantHrefs("bob", "/principals/users/bob/", homeSet, "/calendars/__uids__/bob")
	a, err := e.h.Agenda(context.Background(), e.caller("bob"), &caldav.AgendaQuery{From: 1780272000, To: 1780358400})
	if err != nil {
		t.Fatalf("bob's own agenda: %v", err)
	}
	for _, c := range a.Calendars {
		if c.Owner.GUID == e.caller("ann").Principal.GUID {
			t.Errorf("bob sees %s of ann", c.Path)
		}
	}
	if len(a.Calendars) == 0 {
		t.Error("bob does not see his own calendars")
	}
}

// away is a directory that stops answering.
type away struct {
	directory.Directory
	err error
}

func (d *away) Groups(ctx context.Context, guid string) ([]string, error) {
	if d.err != nil {
		return nil, d.err
	}
	return d.Directory.Groups(ctx, guid)
}

func (d *away) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	if d.err != nil && key.Value != guid("ann") && key.Value != "ann" {
		return nil, d.err
	}
	return d.Directory.Lookup(ctx, key)
}

// A directory that does not answer is not one that says no.
func TestDelegatesDirectoryAway(t *testing.T) {
	d := &away{Directory: company(t)}
	e := newEnvOf(t, d, enginetest.Wrapper(t))
	e.must(201, "ann", "PUT", annEvent, event("1", "20260601T100000Z"))
	e.name(200, "ann", annWrite, "bob")
	x := delegation.StandIn{Delegate: guid("bob"), StandIn: guid("cy"), Until: e.now.Add(time.Hour)}
	if _, err := e.book.AddStandIn(context.Background(), administrator, x, nil); err != nil {
		t.Fatal(err)
	}
	bob, cy := e.caller("bob"), e.caller("cy")
	d.err = directory.ErrUnavailable
	if a := e.as(bob, "GET", annEvent, ""); a.Status != 200 { // their groups came with the sign-in
		t.Errorf("a delegate: %d", a.Status)
	}
	if a := e.as(cy, "GET", annEvent, ""); a.Status != 503 { // the groups of whom they stand in for are not known
		t.Errorf("a stand-in: %d", a.Status)
	}
}

// A principal's children are the groups of delegates, and a group has none.
func TestProxyGroups(t *testing.T) {
	e := newCompany(t)
	list := responses(e.must(207, "ann", "PROPFIND", "/principals/users/ann/", "", "Depth: 1").Body)
	if want := []string{"/principals/users/ann/", annRead, annWrite}; !slices.Equal(list, want) {
		t.Errorf("%q, want %q", list, want)
	}
	if list := responses(e.must(207, "ann", "PROPFIND", "/principals/groups/g1/", "", "Depth: 1").Body); len(list) != 1 {
		t.Errorf("%q", list)
	}
	e.must(404, "ann", "PROPFIND", "/principals/groups/g1/calendar-proxy-read/", "", "Depth: 0")
	const ask = `<D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop><D:resourcetype/><D:displayname/><D:principal-URL/><CS:record-type/></D:prop></D:propfind>`
	body := e.must(207, "bob", "PROPFIND", annRead, ask, "Depth: 0").Body
	for _, want := range []string{"<CS:record-type>read-delegate-group</CS:record-type>", "<D:principal/>", "<D:collection/>", "<CS:calendar-proxy-read/>", "<D:displayname>calendar-proxy-read</D:displayname>",
		"<D:href>" + principalURL(guid("ann")) + "calendar-proxy-read/</D:href>"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
	if dav := e.must(200, "ann", "OPTIONS", "/principals/users/ann/", "").Header.Get("Dav"); !strings.Contains(dav, "calendar-proxy") {
		t.Errorf("DAV: %s", dav)
	}
}

// The list of a calendar names the groups of delegates, who never may change it.
func TestDelegateACL(t *testing.T) {
	e := newCompany(t)
	e.name(200, "ann", annWrite, "bob")
	const ask = `<D:propfind xmlns:D="DAV:"><D:prop><D:current-user-privilege-set/></D:prop></D:propfind>`
	body := e.must(207, "bob", "PROPFIND", annWork, ask, "Depth: 0").Body
	for name, want := range map[string]bool{"<D:read/>": true, "<D:write/>": true, "<D:write-acl/>": false, "<D:read-acl/>": false, "<D:all/>": false} {
		if strings.Contains(body, name) != want {
			t.Errorf("%s: %v\n%s", name, !want, body)
		}
	}
	for _, path := range []string{"/calendars/users/ann/calendar/", annWork, annEvent, "/calendars/users/ann/inbox/"} {
		if got := e.must(403, "bob", "ACL", path, aclBody(t, "grant all bob")); !strings.Contains(got.Body, "need-privileges") || !strings.Contains(got.Body, "write-acl") {
			t.Errorf("ACL of %s: %s", path, got.Body)
		}
	}
	if p := acl.Delegable; p.Has(acl.WriteACL) || p.Has(acl.ReadACL) {
		t.Error("rights grow by being delegated")
	}
}
