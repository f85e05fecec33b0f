package server_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// hers is in everything that only ann may read, and in no request.
const hers = "zQ7kept"

// A siege is a server on which ann has what is nobody's business, and bob tries to get it or
// to change it.
type siege struct {
	*running
	t    *testing.T
	bob  *browser // signed in; his requests have his password as well
	was  string
	n    int
	made int
}

func besiege(t *testing.T) *siege {
	t.Helper()
	c := openHanded(smallConfig(t))
	s := &siege{running: serve(t, c), t: t}
	s.bob = open(t, s.HTTPS)
	s.bob.signIn(t, "bob", "secret")
	calendarOf(t, s.HTTP, "bob", map[string]string{"own": "DTSTART:20260504T120000Z\nDURATION:PT1H\nSUMMARY:Own"})
	lines := "\nDURATION:PT1H\nSUMMARY:" + hers + "\nDESCRIPTION:" + hers + "\nLOCATION:" + hers + "\nX-NOTE:" + hers
	calendarOf(t, s.HTTP, "ann", map[string]string{"s": "DTSTART:20260504T120000Z" + lines, "p": "DTSTART:20260505T120000Z\nRRULE:FREQ=DAILY;COUNT=4\nCLASS:PRIVATE" + lines})
	for _, r := range [][3]string{
		{"MKCALENDAR", "second/", `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:displayname>` + hers + `</D:displayname></D:prop></D:set></C:mkcalendar>`},
		{"PUT", "second/t.ics", strings.ReplaceAll(bobsEvent("t"), "SUMMARY:Bob", "SUMMARY:"+hers)},
		{"PUT", "note.txt", hers},
	} {
		if a := do(t, client(), r[0], s.HTTP+annHome+r[1], "ann", r[2]); a.StatusCode != 201 {
			t.Fatalf("%s %s: %s %s", r[0], r[1], a.Status, a.Body)
		}
	}
	s.was = s.everything()
	if strings.Count(s.was, hers) < 10 {
		t.Fatalf("ann has not what she has:\n%s", s.was)
	}
	return s
}

func bobsEvent(uid string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nSUMMARY:Bob\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// everything is all that ann has, with all properties.
func (s *siege) everything() string {
	s.t.Helper()
	var b strings.Builder
	for _, path := range []string{"", "calendar/", "second/", "inbox/", "outbox/", "tasks/"} {
		a := do(s.t, client(), "PROPFIND", s.HTTP+annHome+path, "ann", "", "Depth: 1")
		if a.StatusCode != 207 {
			s.t.Fatalf("%s: %s", path, a.Status)
		}
		b.WriteString(a.Body)
	}
	for _, path := range []string{"calendar/s.ics", "calendar/p.ics", "second/t.ics", "note.txt"} {
		b.WriteString(do(s.t, client(), "GET", s.HTTP+annHome+path, "ann", "").Body)
	}
	a := do(s.t, client(), "PROPFIND", s.HTTP+"/principals/users/ann/", "ann", `<D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop>`+
		`<CS:calendar-proxy-write-for/><CS:calendar-proxy-read-for/><D:group-membership/><D:displayname/></D:prop></D:propfind>`, "Depth: 0")
	b.WriteString(a.Body)
	return b.String()
}

// unharmed fails if anything of ann's has changed.
func (s *siege) unharmed(kind string) {
	s.t.Helper()
	if is := s.everything(); is != s.was {
		s.t.Errorf("ann has\n%s\nand had\n%s", is, s.was)
	}
	attacks(s.t, s.n, kind)
}

// try sends a request of bob's. What comes back must have nothing of ann's in it.
func (s *siege) try(method, path, body string, header ...string) {
	s.t.Helper()
	if s.made++; !tried(s.made) {
		return
	}
	s.n++
	a, err := try(s.bob.Client, method, s.bob.base+path, "bob", body, header...)
	if err != nil {
		s.t.Errorf("%s %s %q: %v", method, path, header, err)
		return
	}
	s.judge(method+" "+path+" "+strings.Join(header, ", "), a)
}

func (s *siege) judge(what string, a answer) {
	s.t.Helper()
	told := fmt.Sprint(a.Header)
	if strings.Contains(a.Body, hers) || strings.Contains(told, hers) || a.StatusCode >= 500 && a.StatusCode != 501 && a.StatusCode != 502 { // 502: a Destination on another server
		s.t.Errorf("%s: %s %s\n%.2000s", what, a.Status, told, a.Body)
	}
}

// annsPaths are those of what is ann's or about her, by name and by GUID, there or not.
func annsPaths() (paths []string) {
	for _, home := range []string{annHome, "/calendars/__uids__/" + annGUID + "/"} {
		for _, rest := range []string{"", "calendar/", "calendar/s.ics", "calendar/p.ics", "calendar/new.ics", "second/", "second/t.ics", "note.txt", "tasks/", "inbox/", "inbox/x.ics",
			"outbox/", "notification/", "dropbox/", "dropbox/s.dropbox/", "freebusy", "new/", "new.txt", "calendar/;add-member", "calendar/s.ics/", "calendar"} {
			paths = append(paths, home+rest)
		}
	}
	for _, principal := range []string{"/principals/users/ann/", "/principals/__uids__/" + annGUID + "/"} {
		paths = append(paths, principal, principal+"calendar-proxy-read/", principal+"calendar-proxy-write/")
	}
	return append(paths, "/calendars/groups/team/", "/calendars/groups/team/calendar/", "/principals/groups/team/",
		"/my/for/"+annGUID+"/calendar", "/my/for/"+annGUID+"/delegates", "/my/for/"+annGUID+"/event/new", "/my/event/calendars/__uids__/"+annGUID+"/calendar/s.ics",
		"/my/event/calendars/__uids__/"+annGUID+"/calendar/p.ics?at=20260506T120000Z", "/my/event/new?calendar=%2Fcalendars%2F__uids__%2F"+annGUID+"%2Fcalendar%2F",
		"/admin/", "/admin/people/"+annGUID, "/admin/delegates", "/admin/why?who=ann&path="+annHome)
}

const davNames = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"`

// reportsOn are the reports that tell of what is in a collection.
func reportsOn(href string) []string {
	data := `<D:prop><D:getetag/><D:displayname/><C:calendar-data/></D:prop>`
	return []string{
		`<C:calendar-query` + davNames + `>` + data + `<C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`,
		`<C:calendar-query` + davNames + `>` + data + `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>zQ7</C:text-match></C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`,
		`<C:calendar-multiget` + davNames + `>` + data + `<D:href>` + href + `</D:href></C:calendar-multiget>`,
		`<D:sync-collection` + davNames + `><D:sync-token/><D:sync-level>infinite</D:sync-level>` + data + `</D:sync-collection>`,
		`<C:free-busy-query` + davNames + `><C:time-range start="20260501T000000Z" end="20260601T000000Z"/></C:free-busy-query>`,
		`<D:expand-property` + davNames + `><D:property name="owner"><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:property></D:expand-property>`,
		`<D:acl-principal-prop-set` + davNames + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`,
		`<D:principal-match` + davNames + `><D:self/><D:prop><D:displayname/></D:prop></D:principal-match>`,
		`<D:principal-property-search` + davNames + `><D:property-search><D:prop><D:displayname/></D:prop><D:match>zQ7</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`,
	}
}

// Whatever bob asks for with whichever method where something is ann's, he is told nothing of
// it and changes nothing.
func TestAttackAnothersHome(t *testing.T) {
	s := besiege(t)
	const depth, calendar, form = "Depth: infinity", "Content-Type: text/calendar", "Content-Type: application/x-www-form-urlencoded"
	patch := `<D:propertyupdate` + davNames + `><D:set><D:prop><D:displayname>taken</D:displayname><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp></D:prop></D:set></D:propertyupdate>`
	members := `<D:propertyupdate` + davNames + `><D:set><D:prop><D:group-member-set><D:href>/principals/__uids__/` + bobGUID + `/</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`
	acl := `<D:acl` + davNames + `><D:ace><D:principal><D:href>/principals/__uids__/` + bobGUID + `/</D:href></D:principal><D:grant><D:privilege><D:all/></D:privilege></D:grant></D:ace></D:acl>`
	share := `<CS:share` + davNames + `><CS:set><D:href>mailto:bob@example.com</D:href><CS:read-write/></CS:set></CS:share>`
	for _, path := range annsPaths() {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "DELETE", "PATCH", "LOCK", "UNLOCK", "SEARCH", "BIND", "UNBIND", "REBIND", "LABEL", "MERGE", "UPDATE",
			"CHECKOUT", "CHECKIN", "UNCHECKOUT", "VERSION-CONTROL", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "ORDERPATCH", "MKREDIRECTREF", "get", "Delete", "X"} {
			s.try(method, path, "")
		}
		s.try("GET", path, "", "Range: bytes=0-")
		s.try("GET", path, "", "Accept: application/calendar+json")
		s.try("PROPFIND", path, "", depth)
		s.try("PROPFIND", path, `<D:propfind`+davNames+`><D:prop><D:displayname/><C:calendar-data/><D:acl/><D:getetag/><CS:getctag/></D:prop></D:propfind>`, "Depth: 1")
		s.try("PROPPATCH", path, patch)
		s.try("PROPPATCH", path, members)
		s.try("ACL", path, acl)
		s.try("MKCOL", path, "")
		s.try("MKCALENDAR", path, "")
		s.try("PUT", path, bobsEvent("bobs"), calendar)
		s.try("PUT", path, bobsEvent("s"), calendar, "If-Match: *", "Prefer: return=representation")
		s.try("PUT", path, bobsEvent("s"), calendar, `If-None-Match: "x"`, "Prefer: return=representation")
		s.try("DELETE", path, "", "X-Authorize-As: ann")
		s.try("GET", path, "", "X-Authorize-As: ann")
		s.try("GET", path, "", "X-HTTP-Method-Override: DELETE", "X-Forwarded-User: ann", "Remote-User: ann", "X-Remote-User: ann")
		s.try("POST", path, bobsEvent("bobs"), calendar)
		s.try("POST", path, share, "Content-Type: text/xml")
		s.try("POST", path, "action=delete&delete=1&title=taken&who=bob&level=write&next=%2F", form)
		for _, report := range reportsOn(path) {
			s.try("REPORT", path, report, "Depth: 1")
		}
		for _, method := range []string{"COPY", "MOVE"} {
			s.try(method, path, "", "Destination: "+bobCalendar+"taken.ics", "Overwrite: T")
			s.try(method, path, "", "Destination: /calendars/users/bob/taken/", "Overwrite: T")
			s.try(method, bobCalendar+"own.ics", "", "Destination: "+path, "Overwrite: T")
			s.try(method, bobCalendar, "", "Destination: "+path, "Overwrite: T")
		}
	}
	s.unharmed("requests for what is another's")
}

// spellings are ways to write a path that lead there, or may be taken to.
func spellings(path, host string) []string {
	last := path[strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1:]
	hex := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(path) {
			if c == '/' {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, format, c)
			}
		}
		return b.String()
	}
	below := strings.TrimPrefix(path, "/calendars/users/")
	list := []string{
		path, path + "/", path + "//", path + "/.", path + "/..", path + "?", path + "?x=1", path + "#x", path + ";", path + ";v=1", path + "%00", path + "%20", path + "%2f", path + "%3f", path + "%23",
		"/" + path, "//" + host + path, "/." + path, "/x/.." + path, "/x/../." + path, strings.ReplaceAll(path, "/", "//"), strings.ReplaceAll(path, "/", "/./"),
		strings.ToUpper(path), strings.Replace(path, "ann", "ANN", 1), strings.Replace(path, "ann", "Ann", 1), strings.Replace(path, "ann", "%61nn", 1), strings.Replace(path, "ann", "%2561nn", 1),
		hex("%%%02x"), hex("%%%02X"), hex("%%25%02x"), strings.ReplaceAll(path, "/", "%2f"), strings.ReplaceAll(path, "/", "%5c"), strings.ReplaceAll(path, "/", `\`),
		"/calendars/users/bob/../" + below, "/calendars/users/bob/calendar/../../" + below, "/calendars/users/bob/%2e%2e/" + below, "/calendars/users/bob/.%2e/" + below, "/calendars/users/bob/..%2f" + below,
		"/calendars/users/bob/%2e%2e%2f" + below, "/calendars/users/bob/%252e%252e/" + below, "/calendars/users/bob/..%c0%af" + below, "/calendars/users/bob/%c0%ae%c0%ae/" + below,
		"/calendars/users/bob/..;/" + below, `/calendars/users/bob/..\` + below, "/calendars/users/bob/..%5c" + below, "/calendars/users/bob/calendar/own.ics/../../../" + below,
		"/calendars/users/bob/..%00/" + below, "/static/../" + strings.TrimPrefix(path, "/"), "/timezones/.." + path, "/.well-known/.." + path, "/signin/.." + path, "/calendars/users/" + "bob,ann/" + last,
		"../../" + below, "../" + below, "../../../../.." + path, "./" + below, last, "http://" + host + path, "https://" + host + path, "http://elsewhere.example" + path, "HTTP://" + strings.ToUpper(host) + path,
		"http://bob@" + host + path, "http://ann:secret@" + host + path, "http:" + path, "http:/" + path, "file://" + path, "urn:uuid:" + annGUID, "mailto:ann@example.com",
		strings.Replace(path, "users/ann", "__uids__/"+annGUID, 1), strings.Replace(path, "users/ann", "__uids__/"+strings.ToUpper(annGUID), 1),
		strings.Replace(path, "users/ann", "__uids__/{"+annGUID+"}", 1), strings.Replace(path, "users/ann", "users/"+annGUID, 1), strings.Replace(path, "users/ann", "users/ann@example.com", 1),
		strings.Replace(path, "users/ann", "groups/ann", 1), strings.Replace(path, "users/ann", "resources/ann", 1),
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// An href of another's object gets nothing out of it, however it is written: in multiget,
// bulk changes, Destination, If, and in properties that hold addresses.
func TestAttackHrefs(t *testing.T) {
	s := besiege(t)
	host := strings.TrimPrefix(s.bob.base, "https://")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;")
	for _, path := range []string{annHome + "calendar/s.ics", annHome + "calendar/p.ics", annHome + "calendar/", annHome + "second/t.ics", annHome} {
		for _, href := range spellings(path, host) {
			text := escape.Replace(href)
			do(t, client(), "PUT", s.HTTP+bobCalendar+"own.ics", "bob", bobsEvent("own"), "Content-Type: text/calendar") // if it was moved away
			for _, from := range []string{bobCalendar, "/calendars/users/bob/", bobCalendar + "own.ics"} {
				s.try("REPORT", from, reportsOn(text)[2], "Depth: 1")
			}
			s.try("POST", bobCalendar, `<M:multiput xmlns:M="http://me.com/_namespace/"`+davNames+`><M:resource><D:href>`+text+`</D:href><M:if-match>*</M:if-match><D:set><D:prop><C:calendar-data>`+
				bobsEvent("s")+`</C:calendar-data></D:prop></D:set></M:resource><M:resource><D:href>`+text+`</D:href><M:delete/></M:resource></M:multiput>`, "Content-Type: text/xml")
			for _, prop := range []string{"schedule-default-calendar-URL", "calendar-free-busy-set", "calendar-home-set", "schedule-inbox-URL"} {
				s.try("PROPPATCH", "/calendars/users/bob/inbox/", `<D:propertyupdate`+davNames+`><D:set><D:prop><C:`+prop+`><D:href>`+text+`</D:href></C:`+prop+`></D:prop></D:set></D:propertyupdate>`)
			}
			for _, method := range []string{"COPY", "MOVE"} {
				s.try(method, bobCalendar+"own.ics", "", "Destination: "+href, "Overwrite: T")
				s.try(method, bobCalendar, "", "Destination: "+href, "Overwrite: T")
			}
			s.try("GET", bobCalendar+"own.ics", "", "If: <"+href+`> (["x"])`)
			s.try("PUT", bobCalendar+"own.ics", bobsEvent("own"), "Content-Type: text/calendar", "If: <"+href+`> (Not ["x"])`, "Prefer: return=representation")
			s.try("GET", "/my/event/new?calendar="+strings.ReplaceAll(href, "&", "%26"), "", "Content-Location: "+href, "X-Original-URL: "+href, "X-Rewrite-URL: "+href)
		}
	}
	s.try("PROPFIND", "/calendars/users/bob/inbox/", `<D:propfind`+davNames+`><D:prop><C:schedule-default-calendar-URL/><C:calendar-free-busy-set/></D:prop></D:propfind>`, "Depth: 0")
	s.unharmed("hrefs of what is another's")
}

// A path that is written otherwise leads to nothing that it would not lead to as it should
// be: not another's calendar, and no file of the machine.
func TestAttackPaths(t *testing.T) {
	s := besiege(t)
	address := strings.TrimPrefix(s.HTTP, "http://")
	paths := spellings(annHome+"calendar/s.ics", address)
	paths = append(paths, spellings(annHome+"calendar/", address)...)
	for _, file := range []string{"etc/passwd", "proc/self/environ", strings.TrimPrefix(s.Config.Server.Data, "/") + "/calendars.db", strings.TrimPrefix(s.Config.Directory.File.File, "/")} {
		for _, up := range []string{"../", "..%2f", "%2e%2e/", "%2e%2e%2f", `..\`, "..%5c", "%252e%252e%252f", "....//", "..;/", "%c0%ae%c0%ae/"} {
			for _, from := range []string{"/", "/static/", "/static/x/", "/timezones/", "/.well-known/", "/publish/", bobCalendar} {
				paths = append(paths, from+strings.Repeat(up, 12)+file)
			}
		}
	}
	ofFile := regexp.MustCompile(`root:x:0|userPassword|CONVENE_|GOPATH=|\xED\xDA\x0C\xED`) // the last is bbolt's
	for _, path := range paths {
		for _, method := range []string{"GET", "PROPFIND", "PUT", "DELETE", "MOVE"} {
			if s.made++; !tried(s.made) {
				continue
			}
			s.n++
			a := s.raw(address, method, path)
			s.judge(method+" "+path, a)
			if ofFile.MatchString(a.Body) {
				t.Errorf("%s %s: %s\n%.300s", method, path, a.Status, a.Body)
			}
		}
	}
	s.unharmed("paths that are written otherwise")
}

// raw sends a request of bob's with a path as it is.
func (s *siege) raw(address, method, path string) answer {
	s.t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	body := ""
	if method == "PUT" {
		body = bobsEvent("s")
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: text/calendar\r\nDestination: %staken.ics\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		method, path, address, base64.StdEncoding.EncodeToString([]byte("bob:secret")), bobCalendar, len(body), body)
	if err := errors.Join(conn.SetDeadline(time.Now().Add(20*time.Second)), second(io.WriteString(conn, request))); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp, string(text)}
}
