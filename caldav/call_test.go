package caldav_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"convene/caldav"
	"convene/internal/logging"
)

// call makes a request as a page of the server does.
func (e *env) call(user, method, path, body string, headers ...string) *caldav.Reply {
	e.t.Helper()
	header := http.Header{}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		header.Add(name, value)
	}
	return e.h.Call(context.Background(), e.caller(user), caldav.Call{Method: method, Path: path, Header: header, Body: []byte(body)})
}

// What a page asks for is answered as on the wire: the same statuses, headers and bodies,
// and the same state afterwards, also of rooms, of those invited and of what was refused.
func TestCallIsTheWire(t *testing.T) {
	start := func() *env {
		e := newEnv(t).withRooms(nil)
		e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
		return e
	}
	const home = "/calendars/users/ann/calendar/"
	meeting := func(uid, at, more string) string {
		return event(uid, at, "ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com",
			"ATTENDEE:mailto:bob@example.com", "ATTENDEE;CUTYPE=ROOM:mailto:oak@example.com", more)
	}
	steps := []struct {
		user, method, path, body string
		headers                  []string
	}{
		{"ann", "PUT", home + "a.ics", event("a", "20260601T090000Z"), nil},
		{"ann", "PUT", home + "a.ics", event("a", "20260601T100000Z"), []string{`If-Match: "no"`}},
		{"ann", "PUT", home + "a.ics", event("a", "20260601T100000Z"), []string{"If-None-Match: *"}},
		{"ann", "PUT", home + "b.ics", event("a", "20260601T100000Z"), nil},                                 // UID is taken
		{"ann", "PUT", home + "c.ics", "BEGIN:VCALENDAR\r\n", nil},                                          // no data
		{"ann", "PUT", home + "c.ics", event("c", "20260601T100000Z"), []string{"Content-Type: text/html"}}, // of no type
		{"bob", "PUT", home + "d.ics", event("d", "20260601T090000Z"), nil},                                 // not his
		{"bob", "GET", home + "a.ics", "", nil},
		{"ann", "PUT", home + "m.ics", meeting("m", "20260602T090000Z", "X-KEPT;X-P=1:as it is"), nil},
		{"ann", "PUT", home + "n.ics", meeting("n", "20260602T093000Z", "X-KEPT:2"), nil}, // Oak is taken
		{"ann", "PUT", home + "m.ics", meeting("m", "20260602T110000Z", "SEQUENCE:1"), nil},
		{"bob", "DELETE", home + "m.ics", "", nil},
		{"ann", "GET", home + "m.ics", "", nil},
		{"ann", "GET", home + "n.ics", "", nil},
		{"ann", "DELETE", home + "a.ics", "", []string{`If-Match: "no"`}},
		{"ann", "DELETE", home + "a.ics", "", nil},
		{"ann", "DELETE", home + "a.ics", "", nil},
		{"ann", "MOVE", home + "n.ics", "", []string{"Destination: " + home + "o.ics"}},
		{"ann", "PROPFIND", "/calendars/users/ann/", "", []string{"Depth: 1"}},
		{"ann", "GET", "/nowhere/", "", nil},
		{"ann", "POST", home, "x", nil},
		{"boss", "GET", home + "o.ics", "", nil},
	}
	wire, page := start(), start()
	told := func(h http.Header) string {
		out := []string{}
		for _, name := range slices.Sorted(maps.Keys(h)) {
			switch name {
			case "Etag", "Schedule-Tag", "Last-Modified":
				out = append(out, name)
			case "Content-Length", "Cache-Control", "Server-Info", "Link":
			default:
				out = append(out, name+": "+strings.Join(h[name], ", "))
			}
		}
		return strings.Join(out, "\n")
	}
	for _, st := range steps {
		want := wire.do(st.user, st.method, st.path, st.body, st.headers...)
		got := page.call(st.user, st.method, st.path, st.body, st.headers...)
		if got.Status != want.Status || told(got.Header) != told(want.Header) ||
			st.method != "PROPFIND" && string(got.Body) != want.Body {
			t.Errorf("%s %s as %s:\n page %d %q\n%s\n wire %d %q\n%s", st.method, st.path, st.user, got.Status, got.Body, told(got.Header), want.Status, want.Body, told(want.Header))
		}
		if got.Status >= 400 && got.Condition != "" && !strings.Contains(string(got.Body), got.Condition) {
			t.Errorf("%s %s: condition %q is not in %s", st.method, st.path, got.Condition, got.Body)
		}
	}
	for _, path := range []string{"/calendars/users/ann/calendar/", "/calendars/users/bob/calendar/", "/calendars/locations/oak/calendar/"} {
		a, b := wire.do("boss", "GET", path, "", "Accept: text/calendar"), page.do("boss", "GET", path, "", "Accept: text/calendar")
		if a.Status != 200 || a.Body != b.Body {
			t.Errorf("%s afterwards: %d\n%s\n%s", path, a.Status, a.Body, b.Body)
		}
	}
}

// The access log says that a page made the request.
func TestCallIsLogged(t *testing.T) {
	e := newEnv(t)
	line := &logging.Entry{ID: "1"}
	for _, method := range []string{"GET", "PUT", "GET"} {
		e.h.Call(context.Background(), e.caller("ann"), caldav.Call{
			Method: method, Path: "/calendars/users/ann/calendar/a.ics", Body: []byte(event("a", "20260601T090000Z")), Line: line,
		})
	}
	if line.Sub != "via=web PUT" {
		t.Errorf("sub-method %q", line.Sub)
	}
}

// Changes that belong together are one: where one is refused, also by what only the
// transaction sees, nothing of the others is left, and nobody is told of them.
func TestCallAll(t *testing.T) {
	const home = "/calendars/users/ann/calendar/"
	put := func(path, body string, headers ...string) caldav.Call {
		c := caldav.Call{Method: "PUT", Path: path, Body: []byte(body), Header: http.Header{}}
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			c.Header.Set(name, value)
		}
		return c
	}
	meeting := func(uid, at, more string) string {
		return event(uid, at, "ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com",
			"ATTENDEE:mailto:bob@example.com", "ATTENDEE;CUTYPE=ROOM:mailto:oak@example.com", more)
	}
	e := newEnv(t).withRooms(nil)
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.must(201, "ann", "PUT", home+"series.ics", meeting("series", "20260601T090000Z", "RRULE:FREQ=DAILY;COUNT=4"))
	e.must(201, "ann", "PUT", home+"other.ics", event("other", "20260601T090000Z"))
	tag := e.must(200, "ann", "GET", home+"series.ics", "").Header.Get("ETag")
	state := func() string {
		return e.must(207, "ann", "PROPFIND", home, "", "Depth: 1").Body + e.must(207, "bob", "PROPFIND", "/calendars/users/bob/calendar/", "", "Depth: 1").Body
	}
	head := meeting("series", "20260601T090000Z", "RRULE:FREQ=DAILY;COUNT=2")
	tail := meeting("tail", "20260603T090000Z", "RRULE:FREQ=DAILY;COUNT=2")
	before := state()
	for name, tt := range map[string]struct {
		user   string
		calls  []caldav.Call
		at     int
		status int
		why    string
	}{
		"a UID that is taken":     {"ann", []caldav.Call{put(home+"series.ics", head, "If-Match: "+tag), put(home+"next.ics", event("other", "20260603T090000Z"))}, 1, 403, "no-uid-conflict"},
		"a name that is taken":    {"ann", []caldav.Call{put(home+"series.ics", head), put(home+"other.ics", event("other", "20260603T090000Z"), "If-None-Match: *")}, 1, 412, ""},
		"data that are none":      {"ann", []caldav.Call{put(home+"series.ics", head), put(home+"next.ics", "nothing")}, 1, 403, "valid-calendar-data"},
		"the first is late":       {"ann", []caldav.Call{put(home+"series.ics", head, `If-Match: "no"`), put(home+"next.ics", tail)}, 0, 412, ""},
		"what is deleted is gone": {"ann", []caldav.Call{put(home+"series.ics", head), {Method: "DELETE", Path: home + "none.ics"}}, 1, 404, ""},
		"somebody else's":         {"bob", []caldav.Call{put("/calendars/users/bob/calendar/x.ics", event("x", "20260603T090000Z")), put(home+"next.ics", tail)}, 1, 403, "need-privileges"},
		"what changes nothing":    {"ann", []caldav.Call{put(home+"series.ics", head), {Method: "GET", Path: home + "series.ics"}}, 1, 400, ""},
	} {
		replies, at := e.h.CallAll(context.Background(), e.caller(tt.user), tt.calls)
		if at != tt.at || replies[at].Status != tt.status || replies[at].Condition != tt.why || replies[1-at] != nil {
			t.Errorf("%s: call %d is refused with %+v", name, at, replies[at])
		}
		if now := state(); now != before {
			t.Errorf("%s: something was left:\n%s\nwas\n%s", name, now, before)
		}
	}

	replies, at := e.h.CallAll(context.Background(), e.caller("ann"), []caldav.Call{put(home+"series.ics", head, "If-Match: "+tag), put(home+"next.ics", tail, "If-None-Match: *")})
	if at != -1 || replies[0].Status != 204 || replies[1].Status != 201 {
		t.Fatalf("call %d: %+v", at, replies)
	}
	for name, want := range map[string]string{"series.ics": "COUNT=2", "next.ics": "DTSTART:20260603T090000Z"} {
		if body := e.must(200, "ann", "GET", home+name, "").Body; !strings.Contains(body, want) || !strings.Contains(body, "PARTSTAT=ACCEPTED;") {
			t.Errorf("%s: the room has not answered, or it is another event:\n%s", name, body)
		}
	}
	mine := e.must(207, "bob", "PROPFIND", "/calendars/users/bob/calendar/", "", "Depth: 1").Body
	if n := strings.Count(mine, ".ics</D:href>"); n != 2 {
		t.Errorf("bob has %d events of the two: %s", n, mine)
	}
}
