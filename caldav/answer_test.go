package caldav_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"convene/directory"
	"convene/internal/engine"
	"convene/internal/ical"
	"convene/internal/membudget"
)

// No request gets an answer that is much longer than the limit, however it is
// asked for: with many names, the same resource again and again, or instances.
func TestAnswerSize(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	long := strings.Repeat("long ", 1000)
	for i := range 30 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%s%02d.ics", cal, i), event(fmt.Sprint(i), "20260504T120000Z", "DESCRIPTION:"+long, "RRULE:FREQ=HOURLY"))
	}
	const limit = 50_000
	e.h.Limits.MaxResponseSize = limit
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("D:unknown-%d", i))
	}
	multiget := func(hrefs string) string {
		return `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop>` + hrefs + `</C:calendar-multiget>`
	}
	var all strings.Builder
	for i := range 30 {
		fmt.Fprintf(&all, "<D:href>%s%02d.ics</D:href>", cal, i)
	}
	const expand = `<C:calendar-data><C:expand start="20260504T000000Z" end="20460504T000000Z"/></C:calendar-data>`
	for _, tt := range []struct {
		name, method, path, body, depth string
		status                          int
		condition                       string
	}{
		{"many names", "PROPFIND", cal, ask(names...), "1", 507, "number-of-matches-within-limits"},
		{"within", "PROPFIND", cal, ask("D:getetag"), "1", 207, ""},
		{"one object often, which is answered once", "REPORT", cal, multiget(strings.Repeat("<D:href>"+cal+"01.ics</D:href>", 100)), "1", 207, ""},
		{"many objects", "REPORT", cal, multiget(all.String()), "1", 507, "number-of-matches-within-limits"},
		{"query", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`, "<C:calendar-data/>"), "1", 207, "507 Insufficient Storage"},
		{"expanded", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`, expand), "1", 403, "max-instances"},
		{"synchronized", "REPORT", cal, strings.Replace(syncBody("", 0), "<D:getetag/>", `<C:calendar-data xmlns:C="urn:ietf:params:xml:ns:caldav"/>`, 1), "0", 507, "number-of-matches-within-limits"},
		{"all in one", "GET", cal, "", "", 507, "number-of-matches-within-limits"},
		{"followed", "REPORT", "/principals/users/ann/", `<D:expand-property xmlns:D="DAV:">` + strings.Repeat(`<D:property name="supported-privilege-set"/>`, 900) + `</D:expand-property>`, "0", 507, "number-of-matches-within-limits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do("ann", tt.method, tt.path, tt.body, "Depth: "+tt.depth)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) || len(got.Body) > 2*limit {
				t.Errorf("%d, %d bytes, %.300q; want %d %s", got.Status, len(got.Body), got.Body, tt.status, tt.condition)
			}
		})
	}
}

// Long answers together take no more memory than they may: what is too much is
// refused for now, and nothing that was taken is kept.
func TestMemory(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	long := strings.Repeat("long ", 1000)
	for i := range 30 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%s%02d.ics", cal, i), event(fmt.Sprint(i), "20260504T120000Z", "DESCRIPTION:"+long))
	}
	for _, tt := range []struct {
		most   int64
		status int
	}{{100_000, 503}, {1 << 20, 207}, {100_000, 503}, {1 << 20, 207}} {
		e.h.Memory = membudget.New(tt.most)
		for range 10 { // 1.5 MB in all: none of it may stay taken
			got := e.do("ann", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`, "<C:calendar-data/>"), "Depth: 1")
			if got.Status != tt.status || tt.status == 503 && got.Header.Get("Retry-After") != "5" {
				t.Fatalf("within %d: %d, Retry-After %q; want %d", tt.most, got.Status, got.Header.Get("Retry-After"), tt.status)
			}
		}
		if got := e.do("ann", "PROPFIND", cal, ask("D:getetag"), "Depth: 0"); got.Status != 207 {
			t.Errorf("a short answer within %d: %d", tt.most, got.Status)
		}
		if used := e.h.Memory.Used(); used != 0 {
			t.Errorf("%d bytes are not given back", used)
		}
	}
}

// A whole calendar is one well-formed object, in either form, with or without
// time zones and events.
func TestMergedForms(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	zoned := strings.Replace(event("zoned", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1)
	for n, body := range []string{"", event("one", "20260504T120000Z"), zoned, strings.ReplaceAll(zoned, "zoned", "again")} {
		if body != "" {
			e.must(201, "ann", "PUT", fmt.Sprintf("%s%d.ics", cal, n), body)
		}
		text := e.must(200, "ann", "GET", cal, "").Body
		whole, err := ical.Decode([]byte(text), ical.DefaultLimits)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		js := e.must(200, "ann", "GET", cal, "", "Accept: application/calendar+json").Body
		if !json.Valid([]byte(js)) {
			t.Fatalf("not JSON: %s", js)
		}
		same, err := ical.DecodeJCal([]byte(js), ical.DefaultLimits)
		if err != nil || len(same.Children) != len(whole.Children) {
			t.Errorf("jCal has %d components and %v, the text %d", len(same.Children), err, len(whole.Children))
		}
		zones := 0
		for i, c := range whole.Children {
			if c.Name == "VTIMEZONE" {
				if zones++; i != 0 {
					t.Errorf("a time zone behind what uses it: %s", text)
				}
			}
		}
		if events := len(whole.Children) - zones; events != n || zones > 1 {
			t.Errorf("%d events and %d zones, want %d and at most one", events, zones, n)
		}
	}
}

// A busyEngine counts the functions that run in its transactions.
type busyEngine struct {
	engine.Engine
	running atomic.Int32
}

func (e *busyEngine) View(ctx context.Context, fn func(engine.Reader) error) error {
	return e.Engine.View(ctx, func(r engine.Reader) error {
		e.running.Add(1)
		defer e.running.Add(-1)
		return fn(r)
	})
}

func (e *busyEngine) Update(ctx context.Context, fn func(engine.Writer) error) error {
	return e.Engine.Update(ctx, func(w engine.Writer) error {
		e.running.Add(1)
		defer e.running.Add(-1)
		return fn(w)
	})
}

// busyDirectory fails the test when it is asked while a transaction is open.
type busyDirectory struct {
	directory.Directory
	t      *testing.T
	engine *busyEngine
	asked  int
}

func (d *busyDirectory) ask(what string) {
	d.asked++
	if d.engine.running.Load() > 0 {
		d.t.Errorf("the directory was asked for %s inside a transaction", what)
	}
}

func (d *busyDirectory) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	d.ask("a record")
	return d.Directory.Lookup(ctx, key)
}

func (d *busyDirectory) Groups(ctx context.Context, guid string) ([]string, error) {
	d.ask("groups")
	return d.Directory.Groups(ctx, guid)
}

func (d *busyDirectory) Members(ctx context.Context, guid string, e directory.Expansion) ([]*directory.Principal, error) {
	d.ask("members")
	return d.Directory.Members(ctx, guid, e)
}

func (d *busyDirectory) MemberGUIDs(ctx context.Context, guid string, e directory.Expansion) ([]string, error) {
	d.ask("members")
	return d.Directory.MemberGUIDs(ctx, guid, e)
}

// Inside a transaction nobody waits for the directory, and still the response has
// what only the directory knows: the action is run again with it.
func TestDirectoryIsNotAskedInTransactions(t *testing.T) {
	d := &busyDirectory{t: t, engine: new(busyEngine)}
	e := newEnvOn(t, func(inner engine.Engine) engine.Engine {
		d.engine.Engine = inner
		return d.engine
	})
	d.Directory, e.h.Directory = e.dir, d
	const expand = `<D:expand-property xmlns:D="DAV:"><D:property name="owner"><D:property name="group-membership"><D:property name="group-member-set"><D:property name="displayname"/></D:property></D:property></D:property></D:expand-property>`
	for _, tt := range []struct{ user, path, want string }{
		{"ann", "/calendars/users/ann/", "Ann Archer"},
		{"boss", "/calendars/users/ann/", "Ann Archer"},
		{"boss", "/calendars/users/ann/calendar/", "Ann Archer"},
		{"bob", "/principals/users/ann/", "Ann Archer"},
	} {
		caller, before := e.caller(tt.user), d.asked
		r := httptest.NewRequest("REPORT", tt.path, strings.NewReader(expand))
		w := httptest.NewRecorder()
		e.h.Serve(w, r, caller)
		if w.Code != 207 || !strings.Contains(w.Body.String(), tt.want) || d.asked == before {
			t.Errorf("%s of %s, directory asked %d times: %d %s", tt.path, tt.user, d.asked-before, w.Code, w.Body)
		}
	}
	// What is not there is asked for once, and what the directory cannot say now is 503.
	d.Directory = awayDirectory{e.dir}
	r := httptest.NewRequest("REPORT", "/calendars/users/ann/", strings.NewReader(expand))
	w := httptest.NewRecorder()
	e.h.Serve(w, r, e.caller("boss"))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("with the directory away: %d %s", w.Code, w.Body)
	}
}

// An awayDirectory knows records, and cannot say who is in which group.
type awayDirectory struct{ directory.Directory }

func (awayDirectory) Groups(context.Context, string) ([]string, error) {
	return nil, directory.ErrUnavailable
}

func (awayDirectory) Members(context.Context, string, directory.Expansion) ([]*directory.Principal, error) {
	return nil, directory.ErrUnavailable
}

// A body of unknown length beyond the server's limit is as much too large as one
// that says so.
func TestEndlessBody(t *testing.T) {
	e := newEnv(t)
	for path, status := range map[string]int{"/calendars/users/ann/calendar/1.ics": 403, "/calendars/users/ann/": 413} {
		method := map[int]string{403: "PUT", 413: "PROPFIND"}[status]
		r := httptest.NewRequest(method, path, struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 3000))})
		w := httptest.NewRecorder()
		r.ContentLength = -1
		r.Body = http.MaxBytesReader(w, r.Body, 1000)
		r.Header.Set("Depth", "0")
		e.h.Serve(w, r, e.caller("ann"))
		if w.Code != status {
			t.Errorf("%s = %d %s, want %d", method, w.Code, w.Body, status)
		}
	}
}

// A client that has gone is not worth an hour of searching.
func TestQueryEndsWithItsRequest(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z"))
	ctx, cancel := context.WithCancel(t.Context())
	body := meanwhile(calendarQuery(`<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>one</C:text-match></C:prop-filter></C:comp-filter>`), cancel)
	r := httptest.NewRequestWithContext(ctx, "REPORT", cal, body)
	w := httptest.NewRecorder()
	e.h.Serve(w, r, e.caller("ann"))
	if w.Code != 503 {
		t.Errorf("%d %s, want 503", w.Code, w.Body)
	}
}
