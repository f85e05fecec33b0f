package caldav_test

import (
	"strings"
	"testing"
)

// What RFC 4918 §9.3 and §9.7 say of places that are taken, or lack a parent.
func TestPlaces(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "PUT", home+"notes.txt", "one")
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	for _, tt := range []struct {
		name, method, path, body, media string
		status                          int
		want                            string
	}{
		{"MKCOL over a calendar", "MKCOL", home + "calendar/", "", "", 405, ""},
		{"MKCOL over a collection", "MKCOL", home + "folder", "", "", 405, ""},
		{"MKCOL over a file", "MKCOL", home + "notes.txt", "", "", 405, ""},
		{"MKCOL over a file, with a slash", "MKCOL", home + "notes.txt/", "", "", 405, ""},
		{"MKCALENDAR over a file", "MKCALENDAR", home + "notes.txt/", "", "", 403, "resource-must-be-null"},
		{"MKCOL in a collection", "MKCOL", home + "folder/inner/", "", "", 403, "calendar-collection-location-ok"},
		{"MKCOL without parent", "MKCOL", home + "nowhere/inner/", "", "", 409, ""},
		{"MKCALENDAR without parent", "MKCALENDAR", home + "nowhere/inner/", "", "", 409, ""},
		{"MKCOL further down", "MKCOL", home + "folder/a/b/", "", "", 409, ""},
		{"PUT without parent", "PUT", home + "nowhere/1.ics", event("x", "20260504T120000Z"), "text/calendar", 409, ""},
		{"PUT further down", "PUT", home + "calendar/a/1.ics", event("x", "20260504T120000Z"), "text/calendar", 409, ""},
		{"GET further down", "GET", home + "calendar/a/1.ics", "", "", 404, ""},
		{"a body that is no XML", "MKCOL", home + "new/", "odd", "foo/bar", 415, ""},
		{"a body that should be XML", "MKCOL", home + "new/", "odd", "text/xml", 400, ""},
		{"a body of no type", "MKCOL", home + "new/", "odd", "", 400, ""},
		{"nothing was made", "PROPFIND", home + "new/", "", "", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := e.do("ann", tt.method, tt.path, tt.body, "Content-Type: "+tt.media)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.want) {
				t.Errorf("%s = %d %q, want %d %q", tt.method, got.Status, got.Body, tt.status, tt.want)
			}
			if allow := got.Header.Get("Allow"); got.Status == 405 && (allow == "" || strings.Contains(allow, "MKCOL")) {
				t.Errorf("405 with Allow: %q", allow)
			}
		})
	}
}

// RFC 9110 §8.4: what comes compressed is not taken for what it holds.
func TestContentEncoding(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	for _, tt := range []struct{ method, path, body string }{
		{"PUT", home + "folder/a.txt", "\x1f\x8b"}, {"PUT", home + "calendar/1.ics", event("one", "20260504T120000Z")},
		{"POST", home + "calendar/", event("one", "20260504T120000Z")}, {"POST", home + "outbox/", event("one", "20260504T120000Z")},
		{"PROPFIND", home, ask("D:getetag")}, {"MKCALENDAR", home + "new/", setting("C:mkcalendar", "<D:displayname>x</D:displayname>")},
	} {
		e.must(415, "ann", tt.method, tt.path, tt.body, "Depth: 0", "Content-Type: text/calendar", "Content-Encoding: gzip")
	}
	for _, path := range []string{"folder/a.txt", "calendar/1.ics"} {
		e.must(404, "ann", "GET", home+path, "")
	}
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"), "Content-Encoding: identity")
}

// Files may lie in the home itself; COPY and MOVE lead there and back, and take
// the place of what bears the name (RFC 4918 §9.8.4, §9.9.3, §10.6).
func TestCopyMoveHomeFiles(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	for _, name := range []string{"folder/", "other/", "third/"} {
		e.must(201, "ann", "MKCOL", home+name, "")
	}
	e.must(201, "ann", "PUT", home+"folder/a.txt", "aaa", "Content-Type: text/plain")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("one", "20260504T120000Z"))
	for _, tt := range []struct {
		name, method, from, to, overwrite string
		status                            int
	}{
		{"into the home, where no file was", "COPY", "folder/a.txt", "b.txt", "T", 201},
		{"onto the same, not wanted", "COPY", "folder/a.txt", "b.txt", "F", 412},
		{"onto the same", "COPY", "folder/a.txt", "b.txt", "T", 204},
		{"within the home", "MOVE", "b.txt", "c.txt", "T", 201},
		{"gone from the old", "GET", "b.txt", "", "", 404},
		{"onto itself", "COPY", "c.txt", "c.txt", "T", 403},
		{"onto a collection, not wanted", "COPY", "c.txt", "other", "F", 412},
		{"onto a collection", "COPY", "c.txt", "other/", "T", 204},
		{"onto the default calendar", "MOVE", "c.txt", "calendar", "T", 403},
		{"onto the inbox", "MOVE", "c.txt", "inbox", "T", 403},
		{"onto the collection that it is in", "MOVE", "folder/a.txt", "folder", "T", 403},
		{"as a collection", "COPY", "c.txt", "d.txt/", "T", 403},
		{"further down", "COPY", "c.txt", "folder/x/y", "T", 409},
		{"into nothing", "COPY", "c.txt", "nowhere/c.txt", "T", 409},
		{"back into a collection", "MOVE", "c.txt", "folder/c.txt", "T", 201},
		{"an event", "COPY", "calendar/1.ics", "1.ics", "T", 403},
		{"a collection onto a file, not wanted", "COPY", "third/", "other", "F", 412},
		{"a collection onto a file", "MOVE", "third/", "other", "T", 204},
		{"which is one now", "PUT", "other/1.txt", "", "", 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := []string{"Overwrite: " + tt.overwrite, "Destination: http://example.com" + home + tt.to}
			if tt.to == "" {
				headers = nil
			}
			if got := e.do("ann", tt.method, home+tt.from, "", headers...); got.Status != tt.status {
				t.Errorf("%s = %d %q, want %d", tt.method, got.Status, got.Body, tt.status)
			}
		})
	}
	got := e.must(200, "ann", "GET", home+"folder/c.txt", "")
	if got.Body != "aaa" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("GET = %q, %s", got.Body, got.Header.Get("Content-Type"))
	}
}
