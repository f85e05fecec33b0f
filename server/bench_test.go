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
	"testing"

	"convene/config"
	"convene/server"
	"convene/testenv"
)

// BenchmarkRequest measures whole requests over loopback: the way through all
// packages, with a client that does as little as possible.
func BenchmarkRequest(b *testing.B) {
	dir := testenv.Dir(b)
	c := config.Default()
	c.Server.HTTP, c.Server.HTTPS = []string{"127.0.0.1:0"}, nil
	c.Server.Data, c.Server.AllowRoot = filepath.Join(dir, "data"), true
	c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"basic"}, true
	c.Directory.Kind = "file"
	c.Directory.File.File = testenv.WriteFile(b, filepath.Join(dir, "people.ldif"), smallLDIF)
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
	address := strings.TrimPrefix(s.URLs()[0], "http://")
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
