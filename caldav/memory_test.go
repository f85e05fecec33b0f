package caldav_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"convene/caldav"
	"convene/quota"
)

// readerFunc is a reader that does something.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Everything is given back, however a request ends.
func TestMemoryIsGivenBack(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	big := event("big", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 500_000))
	e.must(201, "ann", "PUT", cal+"big.ics", big)
	for name, tt := range map[string]struct {
		method string
		body   io.Reader
		length int64
	}{
		"stored":                {"PUT", strings.NewReader(big), int64(len(big))},
		"of unknown length":     {"PUT", strings.NewReader(big), -1},
		"cut short":             {"PUT", strings.NewReader("BEGIN"), 100_000},
		"unreadable":            {"PUT", readerFunc(func([]byte) (int, error) { return 0, errors.New("gone") }), 100_000},
		"not iCalendar":         {"PUT", strings.NewReader(strings.Repeat("x", 100_000)), 100_000},
		"too long":              {"PUT", strings.NewReader(strings.Repeat("x", 3<<20)), -1},
		"panic while reading":   {"PUT", readerFunc(func([]byte) (int, error) { panic("test") }), 100_000},
		"not XML":               {"PROPFIND", strings.NewReader(strings.Repeat("<", 100_000)), 100_000},
		"with a long response":  {"GET", strings.NewReader(""), 0},
		"whose client has gone": {"GET", strings.NewReader(""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if fault := recover(); fault != nil && name != "panic while reading" {
					panic(fault)
				}
				if used := e.h.Memory.Used(); used != 0 {
					t.Errorf("%d bytes are not given back", used)
				}
			}()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := httptest.NewRequestWithContext(ctx, tt.method, cal+"big.ics", tt.body)
			r.ContentLength = tt.length
			if name == "whose client has gone" {
				cancel()
			}
			e.h.Serve(httptest.NewRecorder(), r, e.caller("ann"))
		})
	}
}

// While large requests hold all that they may, an upload waits before its body is
// read and is refused with the reason; small requests are served.
func TestSmallRequestsBesideLarge(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"))
	held := e.h.Memory.Reserve()
	if err := held.Grow(e.h.Memory.Largest()); err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	refused := make(chan answer, 1)
	go func() {
		body := readerFunc(func([]byte) (int, error) { t.Error("the body was read"); return 0, io.EOF })
		r := httptest.NewRequest("PUT", cal+"2.ics", body)
		r.ContentLength = 500_000
		w := httptest.NewRecorder()
		e.h.Serve(w, r, e.caller("ann"))
		refused <- answer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	}()
	for i := range 20 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%ss%d.ics", cal, i), event(fmt.Sprint("s", i), "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 60_000)))
		e.must(200, "ann", "GET", cal+"1.ics", "")
		e.must(207, "ann", "PROPFIND", cal, ask("D:getetag"), "Depth: 1")
	}
	if got := <-refused; got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "5" || !strings.Contains(got.Body, "try again") {
		t.Errorf("%d, Retry-After %q, %s", got.Status, got.Header.Get("Retry-After"), got.Body)
	}
}

// bulkOf is an iCalendar stream of n events that all use one time zone, defined with
// so many bytes.
func bulkOf(n, zone int) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\n")
	for b.Len() < zone {
		b.WriteString("BEGIN:STANDARD\r\nDTSTART:20000101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nCOMMENT:" + strings.Repeat("x", 500) + "\r\nEND:STANDARD\r\n")
	}
	b.WriteString("END:VTIMEZONE\r\n")
	for i := range n {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:e%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Z:20260504T120000\r\nEND:VEVENT\r\n", i)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

// The time zone of a bulk request is put into each of its objects, so that a short
// one could become very long: the objects together are bounded, and each by itself.
func TestBulkParts(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	allocated := func(body string, status int) (int64, string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := e.must(status, "ann", "POST", cal, body, "Content-Type: text/calendar")
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc), got.Body
	}
	if took, got := allocated(bulkOf(250, 700_000), 403); !strings.Contains(got, "max-bytes") || took > 60<<20 {
		t.Errorf("a long time zone in 250 objects took %d bytes: %s", took, got)
	}
	_, got := allocated(bulkOf(3, 20_000), 207)
	if n := strings.Count(got, "200 OK"); n != 3 {
		t.Errorf("%d of 3 were stored: %s", n, got)
	}
	whole := e.must(200, "ann", "GET", cal, "").Body
	if n := strings.Count(whole, "TZID=Z:"); n != 3 {
		t.Errorf("%d of 3 are there", n)
	}
}

// CALDAV:max-resource-size holds for every way that an object comes in (RFC 4791
// §5.2.5).
func TestMaxResourceSizeEverywhere(t *testing.T) {
	e := newEnv(t)
	e.setLimits(func(l *quota.Limits) { l.ObjectBytes = 4000 })
	const cal = "/calendars/users/ann/calendar/"
	long := event("long", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 5000))
	short := strings.NewReplacer("BEGIN:VCALENDAR\r\n", "", "VERSION:2.0\r\n", "", "PRODID:-//test//EN\r\n", "", "END:VCALENDAR\r\n", "").Replace(event("short", "20260504T120000Z"))
	both := strings.Replace(long, "END:VCALENDAR", short+"END:VCALENDAR", 1)
	multiput := `<M:multiput xmlns:M="http://me.com/_namespace/" xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><M:resource><D:set><D:prop><C:calendar-data>` +
		long + `</C:calendar-data></D:prop></D:set></M:resource></M:multiput>`
	for _, tt := range []struct {
		name, method, path, body, media string
		status                          int
	}{
		{"PUT", "PUT", cal + "1.ics", long, "text/calendar", 403},
		{"add member", "POST", cal + ";add-member", long, "text/calendar", 403},
		{"bulk", "POST", cal, both, "text/calendar", 207},
		{"multiput", "POST", cal, multiput, "application/xml", 207},
	} {
		got := e.must(tt.status, "ann", tt.method, tt.path, tt.body, "Content-Type: "+tt.media)
		if !strings.Contains(got.Body, "max-resource-size") {
			t.Errorf("%s: %s", tt.name, got.Body)
		}
	}
	if got := e.must(200, "ann", "GET", cal, "").Body; !strings.Contains(got, "UID:short") || strings.Contains(got, "UID:long") {
		t.Errorf("stored: %s", got)
	}
}

// One object that has more instances than a response can hold is not expanded into
// memory first.
func TestExpandedSize(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.MaxResponseSize = 1 << 20 })
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("one", "20260504T120000Z", "RRULE:FREQ=DAILY", "DESCRIPTION:"+strings.Repeat("x", 20_000)))
	for _, form := range []string{"", ` content-type="application/calendar+json" version="2.0"`} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := e.do("ann", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`, `<C:calendar-data`+form+`><C:expand start="20260504T000000Z" end="20460504T000000Z"/></C:calendar-data>`), "Depth: 1")
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; !strings.Contains(got.Body, "max-instances") || took > 30<<20 {
			t.Errorf("%d, %d bytes: %.300s", got.Status, took, got.Body)
		}
	}
}

// A query that becomes too long within an object is answered with those before it.
func TestQueryTooLongWithinObject(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.MaxResponseSize = 1 << 20 })
	const cal = "/calendars/users/ann/calendar/"
	for i := range 3 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%s%d.ics", cal, i), event(fmt.Sprint(i), "20260504T120000Z", "RRULE:FREQ=DAILY;COUNT=40", "DESCRIPTION:"+strings.Repeat("x", 15_000)))
	}
	got := e.must(207, "ann", "REPORT", cal, calendarQuery(`<C:comp-filter name="VEVENT"/>`, `<C:calendar-data><C:expand start="20260504T000000Z" end="20460504T000000Z"/></C:calendar-data>`), "Depth: 1").Body
	if n := strings.Count(got, "<C:calendar-data>"); n != 1 || !strings.Contains(got, "507 Insufficient Storage") {
		t.Errorf("%d objects, %d bytes: %.300s", n, len(got), got[max(0, len(got)-300):])
	}
}
