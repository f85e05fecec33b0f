package server_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkHot measures what clients ask for all day, over loopback, in a calendar of
// 2,000 events.
func BenchmarkHot(b *testing.B) {
	address := benchServer(b, smallLDIF)
	auth := base64.StdEncoding.EncodeToString([]byte("ann:secret"))
	request := func(method, path, body, header string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\n%sContent-Length: %d\r\n\r\n%s", method, path, auth, header, len(body), body)
	}
	const calendar = annHome + "calendar/"
	event := func(name string, i int) string {
		return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:2026%02d%02dT%02d0000Z\r\nDURATION:PT1H\r\nSUMMARY:Meeting %d\r\nDESCRIPTION:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			name, 1+i/28%12, 1+i%28, i/336%24, i, strings.Repeat("what is to be said of it ", 30))
	}
	put := func(name string, i int) string {
		return request("PUT", calendar+name+".ics", event(name, i), "Content-Type: text/calendar\r\n")
	}
	const members = 2000
	i := -1
	roundTrips(b, address, func() string { return put(fmt.Sprintf("event-number-%d", i), i) }, func() bool { i++; return i < members }, 201)
	const ns = `xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`
	const etag, data = "<D:prop><D:getetag/></D:prop>", "<D:prop><D:getetag/><C:calendar-data/></D:prop>"
	month := func(props string) string {
		return `<C:calendar-query ` + ns + `>` + props + `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260501T000000Z" end="20260601T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	}
	multiget := `<C:calendar-multiget ` + ns + `>` + data
	for i := range 200 {
		multiget += fmt.Sprintf("<D:href>%sevent-number-%d.ics</D:href>", calendar, i*7)
	}
	multiget += "</C:calendar-multiget>"
	sync := func(token string) string {
		return request("REPORT", calendar, `<D:sync-collection xmlns:D="DAV:"><D:sync-token>`+token+`</D:sync-token><D:sync-level>1</D:sync-level>`+etag+`</D:sync-collection>`, "Depth: 0\r\n")
	}
	_, token, _ := strings.Cut(responseTo(b, address, request("PROPFIND", calendar, `<D:propfind xmlns:D="DAV:"><D:prop><D:sync-token/></D:prop></D:propfind>`, "Depth: 0\r\n")), "<D:sync-token>")
	token, _, _ = strings.Cut(token, "<")
	i = -1
	roundTrips(b, address, func() string { return put(fmt.Sprintf("event-number-%d", i), i) }, func() bool { i++; return i < 10 }, 204)
	var puts atomic.Int64
	fixed := func(text string) func() string { return func() string { return text } }
	for _, bench := range []struct {
		name    string
		request func() string
		want    int
	}{
		{"auth", fixed(request("PROPFIND", annHome, "", "Depth: 0\r\n")), 207},
		{"get", fixed(request("GET", calendar+"event-number-1.ics", "", "")), 200},
		{"multiget", fixed(request("REPORT", calendar, multiget, "Depth: 1\r\n")), 207},
		{"propfind1", fixed(request("PROPFIND", calendar, `<D:propfind xmlns:D="DAV:">`+etag+`</D:propfind>`, "Depth: 1\r\n")), 207},
		{"sync", fixed(sync("")), 207},
		{"sync10", fixed(sync(token)), 207},
		{"query", fixed(request("REPORT", calendar, month(data), "Depth: 1\r\n")), 207},
		{"queryetag", fixed(request("REPORT", calendar, month(etag), "Depth: 1\r\n")), 207},
		{"update", fixed(put("event-number-5", 5)), 204},
		{"put", func() string { n := puts.Add(1); return put(fmt.Sprintf("new-%d", n), int(n)) }, 201},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(4)
			before := cpuTime(b)
			b.RunParallel(func(pb *testing.PB) { roundTrips(b, address, bench.request, pb.Next, bench.want) })
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// responseTo is the body of the response to a request.
func responseTo(b *testing.B, address, request string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(body)
}
