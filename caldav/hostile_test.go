package caldav_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"convene/quota"
)

// meanwhile is a body that does something when the server begins to read it: when
// it has looked at the target and not yet begun to change anything.
func meanwhile(body string, do func()) io.Reader {
	return &meanwhileReader{strings.NewReader(body), sync.OnceFunc(do)}
}

type meanwhileReader struct {
	io.Reader
	do func()
}

func (r *meanwhileReader) Read(p []byte) (int, error) {
	r.do()
	return r.Reader.Read(p)
}

// What the request is for appears, goes or becomes something else between
// routing and writing.
func TestMeanwhile(t *testing.T) {
	const home, path = "/calendars/users/ann/", "/calendars/users/ann/calendar/1.ics"
	one, other := event("one", "20260504T120000Z"), event("one", "20260505T120000Z")
	bulk := `<M:multiput xmlns:M="http://me.com/_namespace/" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><M:resource><D:set><D:prop><C:calendar-data>` +
		one + `</C:calendar-data></D:prop></D:set></M:resource></M:multiput>`
	remake := func(method string) func(e *env) {
		return func(e *env) {
			e.must(204, "ann", "DELETE", home+"second/", "")
			if method != "" {
				e.must(201, "ann", method, home+"second/", "")
			}
		}
	}
	for _, tt := range []struct {
		name, method, path, body string
		header                   func(tag string) string
		before                   bool // the object is there at first
		do                       func(e *env)
		status                   int
		left                     string // of the object; "": none
	}{
		{"created twice", "PUT", path, other, func(string) string { return "If-None-Match: *" }, false,
			func(e *env) { e.must(201, "ann", "PUT", path, one, "If-None-Match: *") }, 412, one},
		{"deleted before it is replaced", "PUT", path, other, func(tag string) string { return "If-Match: " + tag }, true,
			func(e *env) { e.must(204, "ann", "DELETE", path, "") }, 412, ""},
		{"replaced before it is", "PUT", path, other, func(tag string) string { return "If: ([" + tag + "])" }, true,
			func(e *env) { e.must(204, "ann", "PUT", path, one) }, 412, one},
		{"into a calendar that is gone", "PUT", home + "second/2.ics", other, nil, false, remake(""), 409, ""},
		{"into what is no calendar any more", "PUT", home + "second/2.ics", other, nil, false, remake("MKCOL"), 201, ""},
		{"bulk into a calendar that is gone", "POST", home + "second/", bulk, nil, false, remake(""), 404, ""},
		{"bulk into what is no calendar any more", "POST", home + "second/", bulk, nil, false, remake("MKCOL"), 409, ""},
		{"a calendar where one was made", "MKCALENDAR", home + "third/", " ", nil, false,
			func(e *env) { e.must(201, "ann", "MKCOL", home+"third/", "") }, 403, ""},
		{"a file where a collection was made", "PUT", home + "third", "text", nil, false,
			func(e *env) { e.must(201, "ann", "MKCOL", home+"third/", "") }, 409, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "MKCALENDAR", home+"second/", "")
			tag := ""
			if tt.before {
				tag = e.must(201, "ann", "PUT", path, one).Header.Get("ETag")
			}
			headers := []string{"Content-Type: text/calendar"}
			if tt.method == "POST" {
				headers = []string{"Content-Type: text/xml"}
			}
			if tt.header != nil {
				headers = append(headers, tt.header(tag))
			}
			got := e.send("ann", tt.method, tt.path, meanwhile(tt.body, func() { tt.do(e) }), headers...)
			if got.Status != tt.status {
				t.Errorf("%s = %d %q, want %d", tt.method, got.Status, got.Body, tt.status)
			}
			if left := e.do("ann", "GET", path, ""); tt.left == "" && left.Status != 404 || tt.left != "" && left.Body != tt.left {
				t.Errorf("left is %d %q, want %q", left.Status, left.Body, tt.left)
			}
		})
	}
}

// Members of a collection are no collections: a slash behind a name is no other
// way to the object.
func TestObjectWithSlash(t *testing.T) {
	e := newEnv(t)
	const path = "/calendars/users/ann/calendar/1.ics"
	one := event("one", "20260504T120000Z")
	e.must(201, "ann", "PUT", path, one)
	e.must(409, "ann", "PUT", path+"/", event("one", "20260505T120000Z"), "If-None-Match: *")
	e.must(404, "ann", "DELETE", path+"/", "")
	e.must(403, "ann", "MOVE", path, "", "Destination: "+"/calendars/users/ann/calendar/2.ics/")
	if got := e.must(200, "ann", "GET", path, "").Body; got != one {
		t.Errorf("GET = %q, want what was PUT", got)
	}
}

// To those who may not read a home, an object that is there looks like one that
// is not, whatever they ask.
func TestNothingIsTold(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"box-there/", "")
	for _, path := range []string{home + "calendar/there.ics", home + "box-there/there.ics", home + "there.ics"} {
		e.must(201, "ann", "PUT", path, event("one-"+strings.ReplaceAll(path, "/", "-"), "20260504T120000Z"))
	}
	sync, multiget := syncBody("", 0), `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:href>/x</D:href></C:calendar-multiget>`
	freeBusy := `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260504T000000Z" end="20260505T000000Z"/></C:free-busy-query>`
	for _, path := range []string{"calendar/there.ics", "box-there/", "box-there", "box-there/there.ics", "there.ics"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "POST", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "OPTIONS", "REPORT", "LOCK", "TRACE"} {
			for _, body := range []string{"", sync, multiget, freeBusy} {
				if body != "" && method != "REPORT" {
					continue
				}
				ask := func(path string) string {
					got := e.do("bob", method, home+path, body, "Destination: /calendars/users/bob/calendar/new.ics", "Content-Type: text/calendar", "If: ([\"1\"])")
					return fmt.Sprint(got.Status, got.Header, strings.ReplaceAll(got.Body, "where", "there"))
				}
				there, none := ask(path), ask(strings.ReplaceAll(path, "there", "where"))
				if there != none {
					t.Errorf("%s %s %.30s:\nthere: %s\nnone:  %s", method, path, body, there, none)
				}
				if method != "OPTIONS" && !strings.HasPrefix(there, "403") && !strings.HasPrefix(there, "405") {
					t.Errorf("%s %s = %.80s", method, path, there)
				}
			}
		}
	}
}

// Limits hold for what is copied and moved as for what is made.
func TestLimitsOfCopies(t *testing.T) {
	e := newEnv(t)
	to := func(path string) string { return "Destination: " + path }
	const ann = "/calendars/users/ann/"
	for i := range 2 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%scalendar/%d.ics", ann, i), event(fmt.Sprint(i), "20260504T120000Z"))
	}
	e.must(201, "ann", "MKCALENDAR", ann+"second/", "")
	e.must(201, "ann", "PUT", ann+"second/2.ics", event("2", "20260504T120000Z"))
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/1.ics", event("1", "20260504T120000Z"))
	e.setLimits(func(l *quota.Limits) { l.Collections, l.CollectionObjects = 4, 2 }) // calendar, tasks, second, and the home's own
	for _, tt := range []struct {
		name, user, method, from, to string
		status                       int
		condition                    string
	}{
		{"copy of a calendar", "ann", "COPY", ann + "tasks/", ann + "third/", 403, "max-collections"},
		{"another name", "ann", "MOVE", ann + "second/", ann + "renamed/", 201, ""},
		{"an event into a full calendar", "ann", "MOVE", ann + "renamed/2.ics", ann + "calendar/2.ics", 403, "max-resources"},
		{"its copy", "boss", "COPY", ann + "renamed/2.ics", ann + "calendar/2.ics", 403, "max-resources"},
		{"in place of another", "boss", "MOVE", "/calendars/users/bob/calendar/1.ics", ann + "calendar/1.ics", 204, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do(tt.user, tt.method, tt.from, "", to(tt.to))
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) {
				t.Errorf("%s = %d %q, want %d %q", tt.method, got.Status, got.Body, tt.status, tt.condition)
			}
		})
	}
}

// What may not be overwritten is what the home of the destination cannot be
// without.
func TestDefaultCalendarOfDestination(t *testing.T) {
	e := newEnv(t)
	const ann, bob = "/calendars/users/ann/", "/calendars/users/bob/"
	e.must(201, "ann", "MKCALENDAR", ann+"trips/", "")
	e.must(201, "bob", "MKCALENDAR", bob+"work/", "")
	e.must(207, "bob", "PROPPATCH", bob+"inbox/", `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>`+
		`<C:schedule-default-calendar-URL><D:href>`+bob+`work/</D:href></C:schedule-default-calendar-URL></D:prop></D:set></D:propertyupdate>`)
	if got := e.do("boss", "MOVE", ann+"trips/", "", "Destination: "+bob+"work/"); got.Status != 403 || !strings.Contains(got.Body, "default-calendar-needed") {
		t.Errorf("over the default calendar = %d %q", got.Status, got.Body)
	}
	e.must(204, "boss", "MOVE", ann+"trips/", "", "Destination: "+bob+"calendar/")
}

// Until the directory has said who the administrators are, nobody is told that he
// may not.
func TestIncompletePolicy(t *testing.T) {
	e := newEnv(t)
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 0")
	e.policy.Incomplete, e.policy.Administrators = true, nil
	e.must(207, "ann", "PROPFIND", "/calendars/users/ann/", "", "Depth: 0")
	for _, method := range []string{"PROPFIND", "PUT", "DELETE"} {
		if got := e.must(503, "boss", method, "/calendars/users/ann/calendar/1.ics", ""); got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", method)
		}
	}
}

// A path that is understood in another way than it is written does not lead the
// browser elsewhere.
func TestRedirectStaysHere(t *testing.T) {
	e := newEnv(t)
	for path, want := range map[string]string{
		"/calendars/users":                 "/calendars/users/",
		"//elsewhere.example/../calendars": "/calendars/",
		"//principals":                     "/principals/",
		"/%2E%2E//elsewhere.example/%2e%2e/calendars/users/ann/calendar": "/calendars/users/ann/calendar/",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		u, err := r.URL.Parse("http://example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		w := httptest.NewRecorder()
		e.h.Serve(w, r, e.caller("ann"))
		if got := w.Header().Get("Location"); w.Code != 301 || got != want {
			t.Errorf("GET %s = %d, Location %q, want %q", path, w.Code, got, want)
		}
	}
}

// What a browser gets is not run as a page of this server, and not kept.
func TestBrowserHeaders(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "PUT", home+"page.html", "<script>alert(1)</script>", "Content-Type: text/html")
	for path, policy := range map[string]string{home + "page.html": "sandbox", home: "default-src 'none'"} {
		got := e.must(200, "ann", "GET", path, "")
		if !strings.Contains(got.Header.Get("Content-Security-Policy"), policy) || got.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("GET %s: %v", path, got.Header)
		}
	}
}

// A POST that a page elsewhere can have the browser send, without a Content-Type,
// makes nothing.
func TestPostWithoutType(t *testing.T) {
	e := newEnv(t)
	const member = "/calendars/users/ann/calendar/;add-member"
	e.must(400, "ann", "POST", member, event("one", "20260504T120000Z"))
	e.must(403, "ann", "POST", member, event("one", "20260504T120000Z"), "Content-Type: text/plain")
	e.must(201, "ann", "POST", member, event("one", "20260504T120000Z"), "Content-Type: text/calendar")
}

// deaf is a client that goes away while the answer is written, as when an HTTP/2
// stream is reset: what is on its way to the connection is still read later.
type deaf struct {
	header http.Header
	body   []byte
}

func (d *deaf) Header() http.Header { return d.header }
func (d *deaf) WriteHeader(int)     {}
func (d *deaf) Write(p []byte) (int, error) {
	d.body = p
	return 0, io.ErrClosedPipe
}

func TestBodyOfFailedWriteIsNotUsedAgain(t *testing.T) {
	e := newEnv(t)
	for range 20 {
		r := httptest.NewRequest("PROPFIND", "/calendars/users/ann/", nil)
		r.Header.Set("Depth", "1")
		w := &deaf{header: http.Header{}}
		e.h.Serve(w, r, e.caller("ann"))
		was := string(w.body)
		e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 1")
		if string(w.body) != was {
			t.Fatal("an answer to bob was written over one to ann")
		}
	}
}
