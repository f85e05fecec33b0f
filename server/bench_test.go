package server_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"convene/config"
	"convene/server"
	"convene/testenv"
)

// benchServer starts a server for the people of an LDIF file, and returns its address.
func benchServer(b *testing.B, ldif string) string {
	b.Helper()
	dir := testenv.Dir(b)
	c := config.Default()
	c.Server.HTTP, c.Server.HTTPS = []string{"127.0.0.1:0"}, nil
	c.Server.Data, c.Server.AllowRoot = filepath.Join(dir, "data"), true
	c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"basic"}, true
	c.Directory.Kind = "file"
	c.Directory.File.File = testenv.WriteFile(b, filepath.Join(dir, "people.ldif"), ldif)
	s, err := server.Open(server.Options{Config: c, Stderr: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return strings.TrimPrefix(s.URLs()[0], "http://")
}

// BenchmarkRequest measures whole requests over loopback: the way through all
// packages, with a client that does as little as possible.
func BenchmarkRequest(b *testing.B) {
	address := benchServer(b, smallLDIF)
	head := "Host: localhost\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret")) + "\r\n"
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	put := func(uid string) string {
		event := strings.Replace(event, "UID:1", "UID:"+uid, 1)
		return fmt.Sprintf("PUT %scalendar/%s.ics HTTP/1.1\r\n%sContent-Type: text/calendar\r\nContent-Length: %d\r\n\r\n%s", annHome, uid, head, len(event), event)
	}
	once := true
	roundTrips(b, address, func() string { return put("1") }, func() bool { defer func() { once = false }(); return once }, 201)
	var puts atomic.Int64
	for _, bench := range []struct {
		name    string
		request func() string
		want    int
	}{
		{"propfind0", func() string {
			return "PROPFIND " + annHome + " HTTP/1.1\r\n" + head + "Depth: 0\r\nContent-Length: 0\r\n\r\n"
		}, 207},
		{"get", func() string { return "GET " + annHome + "calendar/1.ics HTTP/1.1\r\n" + head + "\r\n" }, 200},
		{"put new", func() string { return put(fmt.Sprintf("%d-new", puts.Add(1))) }, 201},
		{"put again", func() string { return put("1") }, 204},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) { roundTrips(b, address, bench.request, pb.Next, bench.want) })
		})
	}
}

// roundTrips sends requests on one connection for as long as next says so.
func roundTrips(b *testing.B, address string, request func() string, next func() bool, want int) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for next() {
		if _, err := io.WriteString(conn, request()); err != nil {
			b.Error(err)
			return
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			b.Error(err)
			return
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != want {
			b.Errorf("%s, %v", resp.Status, err)
			return
		}
	}
}

// BenchmarkFreeBusy measures a question about a week of 20 people: each has 200
// meetings, some of them every week, a time zone, and office hours.
func BenchmarkFreeBusy(b *testing.B) {
	const people, meetings = 20, 200
	ldif := smallLDIF
	name := func(i int) string { return fmt.Sprintf("user%02d", i) }
	for i := range people {
		ldif += fmt.Sprintf("\ndn: uid=%[1]s,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\nsn: Example\nmail: %[1]s@example.com\nuserPassword: secret\nentryUUID: 22222222-0000-0000-0000-0000000000%02[2]d\n", name(i), i)
	}
	address := benchServer(b, ldif)
	request := func(user, method, path, body string) string {
		return fmt.Sprintf("%s /calendars/users/%s/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nContent-Type: text/calendar\r\nContent-Length: %d\r\n\r\n%s",
			method, user, path, base64.StdEncoding.EncodeToString([]byte(user+":secret")), len(body), body)
	}
	once := func(request string, want int) {
		left := 1
		roundTrips(b, address, func() string { return request }, func() bool { left--; return left == 0 }, want)
	}
	attendees := ""
	for i := range people {
		attendees += "ATTENDEE:mailto:" + name(i) + "@example.com\r\n"
		once(request(name(i), "POST", "calendar/", busyPerson(meetings)), 207)
		once(request(name(i), "PROPPATCH", "calendar/", proppatchBody("calendar-timezone-id", "Europe/Berlin")), 207)
		once(request(name(i), "PROPPATCH", "inbox/", proppatchBody("calendar-availability", officeHours)), 207)
	}
	question := request("ann", "POST", "outbox/", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VFREEBUSY\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"+
		"ORGANIZER:mailto:ann@example.com\r\n"+attendees+"DTSTART:20260504T000000Z\r\nDTEND:20260511T000000Z\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n")
	once(question, 200)
	b.ReportAllocs()
	b.SetParallelism(4)
	before, start := cpuTime(b), time.Now()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		roundTrips(b, address, func() string { return question }, pb.Next, 200)
	})
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "requests/s")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// busyPerson is a calendar of meetings around the summer of 2026, every tenth of them
// each week.
func busyPerson(meetings int) string {
	var out strings.Builder
	out.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	first := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	for i := range meetings {
		fmt.Fprintf(&out, "BEGIN:VEVENT\r\nUID:%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDURATION:PT1H\r\nSUMMARY:Meeting %d\r\n", i, first.Add(time.Duration(i*13)*time.Hour).Format("20060102T150405Z"), i)
		if i%10 == 0 {
			out.WriteString("RRULE:FREQ=WEEKLY\r\n")
		}
		out.WriteString("END:VEVENT\r\n")
	}
	out.WriteString("END:VCALENDAR\r\n")
	return out.String()
}

func proppatchBody(property, value string) string {
	return `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:` + property + ">" + value + "</C:" + property + "></D:prop></D:set></D:propertyupdate>"
}

const officeHours = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VAVAILABILITY
UID:hours
DTSTAMP:20260101T000000Z
BEGIN:AVAILABLE
UID:week
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T170000
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR
END:AVAILABLE
END:VAVAILABILITY
END:VCALENDAR
`

// cpuTime is what the process has taken of the processors.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDelegate compares an owner with one who acts for them through three nested
// groups.
func BenchmarkDelegate(b *testing.B) {
	ldif := smallLDIF
	for i, member := range []string{"uid=bob", "cn=near", "cn=middle"} {
		name := []string{"near", "middle", "far"}[i]
		ldif += fmt.Sprintf("\ndn: cn=%[1]s,dc=example,dc=com\nobjectClass: groupOfNames\ncn: %[1]s\nmember: %[2]s,dc=example,dc=com\nentryUUID: 11111111-0000-0000-0000-0000000000b%[3]d\n", name, member, i)
	}
	address := benchServer(b, ldif)
	request := func(user, method, path, body, header string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\n%sContent-Length: %d\r\n\r\n%s",
			method, path, base64.StdEncoding.EncodeToString([]byte(user+":secret")), header, len(body), body)
	}
	once := func(request string, want int) {
		left := 2
		roundTrips(b, address, func() string { return request }, func() bool { left--; return left > 0 }, want)
	}
	const calendar = annHome + "calendar/"
	for i := range 200 {
		body := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%[1]d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:202601%02[2]dT%02[3]d0000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i, 1+i%28, i/28)
		once(request("ann", "PUT", fmt.Sprintf("%s%d.ics", calendar, i), body, "Content-Type: text/calendar\r\n"), 201)
	}
	once(request("ann", "PROPPATCH", "/principals/users/ann/calendar-proxy-write/", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set><D:href>/principals/__uids__/11111111-0000-0000-0000-0000000000B2/</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`, ""), 207)
	query := `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260110T000000Z" end="20260112T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	for _, bench := range []struct {
		name, method, path, body, header string
		want                             int
	}{
		{"get", "GET", calendar + "1.ics", "", "", 200},
		{"propfind1", "PROPFIND", calendar, `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`, "Depth: 1\r\n", 207},
		{"query", "REPORT", calendar, query, "Depth: 1\r\n", 207},
	} {
		for _, user := range []string{"ann", "bob"} {
			text := request(user, bench.method, bench.path, bench.body, bench.header)
			b.Run(bench.name+"/"+map[string]string{"ann": "owner", "bob": "delegate"}[user], func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(4)
				before := cpuTime(b)
				b.RunParallel(func(pb *testing.PB) { roundTrips(b, address, func() string { return text }, pb.Next, bench.want) })
				b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}
