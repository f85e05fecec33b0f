package caldav_test

import (
	"fmt"
	"strings"
	"testing"
)

// filled is a handler with n events in ann's calendar, one on each day.
func filled(b *testing.B, n int) *env {
	e := newEnv(b)
	for i := range n {
		e.must(201, "ann", "PUT", dayPath(i), dayEvent(i))
	}
	return e
}

func dayPath(i int) string { return fmt.Sprintf("/calendars/users/ann/calendar/day%d.ics", i) }

func dayEvent(i int) string {
	return event(fmt.Sprintf("day%d", i), fmt.Sprintf("2026%02d%02dT%02d0000Z", 1+i/28%12, 1+i%28, i/336%24), "DESCRIPTION:"+strings.Repeat("text ", 40))
}

// repeat sends the requests that next gives.
func repeat(b *testing.B, e *env, status int, next func(i int) (method, path, body string, headers []string)) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		method, path, body, headers := next(i)
		if a := e.do("ann", method, path, body, headers...); a.Status != status {
			b.Fatalf("%s %s = %d %s", method, path, a.Status, a.Body)
		}
		i++
	}
}

// Objects that are no meetings: new ones, and others in their place.
func BenchmarkPut(b *testing.B) {
	e := filled(b, 10)
	repeat(b, e, 201, func(i int) (string, string, string, []string) { return "PUT", dayPath(10 + i), dayEvent(10 + i), nil })
}

func BenchmarkPutAgain(b *testing.B) {
	e := filled(b, 10)
	repeat(b, e, 204, func(i int) (string, string, string, []string) { return "PUT", dayPath(i % 10), dayEvent(i % 10), nil })
}

func BenchmarkGet(b *testing.B) {
	e := filled(b, 10)
	repeat(b, e, 200, func(i int) (string, string, string, []string) { return "GET", dayPath(i % 10), "", nil })
}

const calendarData = `<D:prop><D:getetag/><C:calendar-data/></D:prop>`

// Reads of a calendar of 1,000 events.
func BenchmarkReports(b *testing.B) {
	e := filled(b, 1000)
	report := func(name, content string) string {
		return `<C:` + name + ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + content + `</C:` + name + `>`
	}
	var hrefs strings.Builder
	for i := range 200 {
		hrefs.WriteString("<D:href>" + dayPath(i*5) + "</D:href>")
	}
	month := `<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260501T000000Z" end="20260601T000000Z"/></C:comp-filter></C:comp-filter>`
	for _, test := range []struct {
		name, method, body string
		status             int
	}{
		{"query", "REPORT", report("calendar-query", calendarData+"<C:filter>"+month+"</C:filter>"), 207},
		{"multiget", "REPORT", report("calendar-multiget", calendarData+hrefs.String()), 207},
		{"freebusy", "REPORT", report("free-busy-query", `<C:time-range start="20260501T000000Z" end="20260601T000000Z"/>`), 200},
		{"sync", "REPORT", `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`, 207},
		{"propfind", "PROPFIND", `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`, 207},
	} {
		b.Run(test.name, func(b *testing.B) {
			e.t = b
			repeat(b, e, test.status, func(int) (string, string, string, []string) {
				return test.method, "/calendars/users/ann/calendar/", test.body, []string{"Depth: 1"}
			})
		})
	}
	e.t = b
}
