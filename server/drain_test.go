package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A client that sends all of a body before it reads the response sees the response,
// and can go on with the connection: whatever is refused, and whoever asks.
func TestRefusedUploadIsDrained(t *testing.T) {
	s := serve(t, smallConfig(t))
	for _, tt := range []struct {
		name, path, user string
		status           int
	}{
		{"too long", annHome + "calendar/1.ics", "ann", 413},
		{"not theirs", "/calendars/users/ann/calendar/1.ics", "bob", 413},
		{"nobody", annHome + "calendar/1.ics", "", 413},
	} {
		t.Run(tt.name, func(t *testing.T) { uploads(t, s.HTTP, tt.path, tt.user, 20<<20, tt.status) })
	}
	for _, tt := range []struct {
		name, path, user string
		status           int
	}{
		{"too long for an object", annHome + "calendar/1.ics", "ann", 403},
		{"not theirs", annHome + "calendar/1.ics", "bob", 403},
		{"nobody", annHome + "calendar/1.ics", "", 401},
	} {
		t.Run("12 MB, "+tt.name, func(t *testing.T) { uploads(t, s.HTTP, tt.path, tt.user, 12<<20, tt.status) })
	}
}

// uploads sends two uploads on one connection, the first of so many bytes, which is
// refused.
func uploads(t *testing.T, url, path, user string, size, status int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The kernel shall not take what the server does not.
	if err := conn.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	body := bytes.Repeat([]byte("x"), size)
	for i, part := range [][]byte{body, body[:100]} {
		req, err := http.NewRequest("PUT", url+path, bytes.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			req.SetBasicAuth(user, "secret")
		}
		if err := req.Write(conn); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if i == 0 {
			time.Sleep(700 * time.Millisecond) // net/http resets after half a second
		}
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		if i == 0 && resp.StatusCode != status {
			t.Errorf("%s, want %d", resp.Status, status)
		}
	}
}

// One who asks before sending is told no and sends nothing.
func TestRefusedUploadThatAsks(t *testing.T) {
	s := serve(t, smallConfig(t))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PUT %scalendar/1.ics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", annHome, 12<<20)
	got, err := io.ReadAll(conn) // to the end of the connection
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 403 ") || !strings.Contains(string(got), "max-resource-size") {
		t.Errorf("%v: %s", err, got)
	}
}

// On HTTP/2 the response comes while the body is being sent.
func TestRefusedUploadHTTP2(t *testing.T) {
	s := serve(t, smallConfig(t))
	web := client()
	defer web.CloseIdleConnections()
	for size, status := range map[int]int{20 << 20: 413, 12 << 20: 403} {
		got := do(t, web, "PUT", s.HTTPS+annHome+"calendar/1.ics", "ann", strings.Repeat("x", size))
		if got.StatusCode != status || got.ProtoMajor != 2 {
			t.Errorf("%d bytes: %s %s", size, got.Proto, got.Status)
		}
		if got := do(t, web, "PROPFIND", s.HTTPS+annHome, "ann", "", "Depth: 0"); got.StatusCode != 207 {
			t.Errorf("afterwards: %s", got.Status)
		}
	}
}

// A lateBody gives its text after a while, and knows whether it was asked for all of it.
type lateBody struct {
	text strings.Reader
	all  chan struct{}
}

func (b *lateBody) Read(p []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	n, err := b.text.Read(p)
	if err == io.EOF {
		close(b.all)
	}
	return n, err
}

// On HTTP/2 no response overtakes a short body: curl would lose it.
func TestShortBodyHTTP2(t *testing.T) {
	s := serve(t, smallConfig(t))
	web := client()
	web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer web.CloseIdleConnections()
	for path, status := range map[string]int{"/.well-known/caldav": 301, annHome: 401} {
		body := &lateBody{text: *strings.NewReader(strings.Repeat("x", 72)), all: make(chan struct{})}
		r, err := http.NewRequest("PROPFIND", s.HTTPS+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 72
		resp, err := web.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status || resp.ProtoMajor != 2 {
			t.Errorf("%s: %s %s", path, resp.Proto, resp.Status)
		}
		select {
		case <-body.all:
		default:
			t.Errorf("%s: the response came before the body", path)
		}
	}
}

// A caller with many requests in progress waits and is then told so; others are
// served.
func TestRequestsPerCaller(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	c.Limits.Requests = 2
	s := serve(t, c)
	web := client()
	defer web.CloseIdleConnections()
	var held []*io.PipeWriter
	var uploads sync.WaitGroup
	for i := range 2 {
		body, send := io.Pipe()
		held = append(held, send)
		r, err := http.NewRequest("PUT", s.HTTP+annHome+fmt.Sprintf("calendar/%d.ics", i), body)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ann", "secret")
		uploads.Go(func() {
			if resp, err := web.Do(r); err == nil {
				resp.Body.Close()
			}
		})
		if _, err := io.WriteString(send, "BEGIN:VCALENDAR\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "two requests in progress", func() bool {
		got := do(t, &http.Client{Timeout: time.Minute}, "GET", s.HTTP+annHome+"calendar/", "ann", "")
		return got.StatusCode == 429 && got.Header.Get("Retry-After") != ""
	})
	if got := do(t, web, "PROPFIND", s.HTTP+"/calendars/users/bob/", "bob", "", "Depth: 0"); got.StatusCode != 207 {
		t.Errorf("another caller: %s", got.Status)
	}
	next := make(chan int, 1)
	go func() {
		got, err := try(web, "PROPFIND", s.HTTP+annHome, "ann", "", "Depth: 0")
		if err != nil {
			t.Error(err)
			next <- 0
			return
		}
		next <- got.StatusCode
	}()
	for _, send := range held {
		send.Close()
	}
	if status := <-next; status != 207 {
		t.Errorf("after they ended: %d", status)
	}
	uploads.Wait()
}
