package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// A week of 500 events, and a month of 1,015: what the server does for a page from the first
// byte of the request to the last of the response, with sign-in, rights, the log and compression,
// but for the network.
func BenchmarkWeek500(b *testing.B) { benchmarkPage(b, "/my/calendar/week/2026-06-03") }

func BenchmarkMonth1015(b *testing.B) { benchmarkPage(b, "/my/calendar/month/2026-05-06") }

func benchmarkPage(b *testing.B, path string) {
	at := &clock{}
	at.set(time.Date(2026, 5, 6, 8, 0, 0, 0, time.UTC))
	s := serveAt(b, smallConfig(b), at.now)
	fillMonth(b, s.HTTP, 1015)
	fillWeek(b, s.HTTP, 500)
	handler := s.Handler()
	ask := func(method, path, body, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Host, r.RemoteAddr = "localhost:8008", "127.0.0.1:40000"
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	in := ask("POST", "/signin", url.Values{"login": {"ann"}, "password": {"secret"}}.Encode(), "")
	cookie, _, _ := strings.Cut(in.Header().Get("Set-Cookie"), ";")
	b.ReportAllocs()
	size := 0
	var times []time.Duration
	before := cpuTime(b)
	for b.Loop() {
		at.set(at.now().Add(100 * time.Millisecond)) // a session may have so many pages a second
		begun := time.Now()
		w := ask("GET", path, "", cookie)
		times = append(times, time.Since(begun))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		size = w.Body.Len()
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(len(times)), "ms-cpu") // the garbage collector's as well
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(times[len(times)/10].Microseconds())/1000, "ms-tenth") // on a machine that does something else, too
	b.ReportMetric(float64(size), "B-gzip")
}

// fillWeek stores n events of the week of 1 June 2026.
func fillWeek(t testing.TB, base string, n int) {
	t.Helper()
	const each = 50
	for from := 0; from < n; from += each {
		var body strings.Builder
		body.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
		for i := from; i < min(from+each, n); i++ {
			fmt.Fprintf(&body, "BEGIN:VEVENT\r\nUID:w%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:202606%02dT%02d%02d00Z\r\nDURATION:PT%dM\r\nSUMMARY:Event number %d\r\nLOCATION:Room %d\r\nEND:VEVENT\r\n", i, 1+i%7, 6+i/7%12, i%4*15, 15+i%4*15, i, i%7)
		}
		body.WriteString("END:VCALENDAR\r\n")
		if got := do(t, client(), "POST", base+"/calendars/users/ann/calendar/", "ann", body.String(), "Content-Type: text/calendar"); got.StatusCode != 207 {
			t.Fatalf("%s %s", got.Status, got.Body)
		}
	}
}
