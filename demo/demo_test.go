package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"convene/demo"
	"convene/testenv"
)

// output is what the demonstration prints, while it is printed.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs the demonstration until the test ends, and returns its guide.
func start(t *testing.T, dir string) (guide string) {
	t.Helper()
	var out, log output
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, demo.Options{Data: dir, Out: &out, Stderr: &log, Now: time.Now})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if log.String() != "" {
			t.Errorf("error log:\n%s", log.String())
		}
	})
	for range 6000 {
		if guide = out.String(); strings.Contains(guide, "Evolution") {
			return guide
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("Run: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("not up in a minute")
	return ""
}

// What it tells to type works.
func TestGuide(t *testing.T) {
	guide := start(t, testenv.Dir(t))
	testenv.Require(t, "curl", "curl")
	program := build(t)
	lines := regexp.MustCompile(`(?m)^  ((?:curl|convene) .*)$`).FindAllStringSubmatch(guide, -1)
	wants := []string{"/calendars/users/ann/calendar/</", "SUMMARY:Platform stand-up", "/calendars/users/maria/calendar/</", "locations/ember\t"}
	if len(lines) != len(wants) {
		t.Fatalf("%d lines to type in\n%s", len(lines), guide)
	}
	shell := strings.NewReplacer("curl", "curl -sS", "convene room", program+" room")
	for i, want := range wants {
		if out := testenv.Run(t, nil, "", "/bin/sh", "-c", shell.Replace(lines[i][1])); !strings.Contains(out, want) {
			t.Errorf("%s\nlacks %q:\n%s", lines[i][1], want, out)
		}
	}
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(testenv.Dir(t), "convene")
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", program, "../cmd/convene")
	return program
}

// ask sends a request as somebody of the company, and returns the response with its body.
func ask(t *testing.T, who, method, url, body string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(who, "demo")
	r.Header.Set("Depth", "0")
	r.Header.Set("Content-Type", "text/calendar")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

// Who comes as early as it gets finds delegates and calendars: nobody is refused on the way.
func TestFirstRequest(t *testing.T) {
	port := testenv.FreePort(t)
	var out, log output
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- demo.Run(ctx, demo.Options{Data: testenv.Dir(t), HTTP: port, Out: &out, Stderr: &log, Now: time.Now})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v\n%s", err, log.String())
		}
	}()
	for range 60_000 {
		resp, text, err := ask(t, "tom", "GET", fmt.Sprintf("http://127.0.0.1:%d/calendars/users/maria/calendar/", port), "")
		if errors.Is(err, syscall.ECONNREFUSED) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(text, "SUMMARY:Board meeting") {
			t.Errorf("%v, %v\n%s", err, resp, text)
		}
		return
	}
	t.Error("not up in a minute")
}

// The company has what a visitor is told.
func TestCompany(t *testing.T) {
	server := regexp.MustCompile(`http://localhost:\d+`).FindString(start(t, testenv.Dir(t)))
	_, zone, err := ask(t, "uma", "PROPFIND", server+"/calendars/users/uma/calendar/",
		`<D:propfind xmlns:D="DAV:"><D:prop><C:calendar-timezone-id xmlns:C="urn:ietf:params:xml:ns:caldav"/></D:prop></D:propfind>`)
	if err != nil || !strings.Contains(zone, ">America/New_York</") {
		t.Errorf("uma's time zone: %v\n%s", err, zone)
	}
	for i, tt := range []struct{ room, answer string }{
		{"poolcars@resources", "accepted"}, {"poolcars@resources", "accepted"}, {"poolcars@resources", "accepted"}, {"poolcars@resources", "declined; reason=conflict"},
		{"car1@resources", "accepted"}, {"car1@resources", "declined; reason=conflict"},
		{"ember@rooms", "pending"},
		{"harbor@rooms", "declined; reason=capacity"},
	} {
		event := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:company-%d\r\nDTSTAMP:20260101T000000Z\r\n"+
			"DTSTART:20310507T180000Z\r\nDURATION:PT1H\r\nSUMMARY:Trip\r\nORGANIZER:mailto:ann@example.com\r\nATTENDEE:mailto:ann@example.com\r\n"+
			"ATTENDEE:mailto:ben@example.com\r\nATTENDEE:mailto:chen@example.com\r\nATTENDEE;CUTYPE=ROOM:mailto:%s.example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i, tt.room)
		resp, text, err := ask(t, "ann", "PUT", fmt.Sprintf("%s/calendars/users/ann/calendar/company-%d.ics", server, i), event)
		if err != nil || resp.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %v, %v\n%s", tt.room, err, resp, text)
		}
		if got := resp.Header.Get("Convene-Booking"); !strings.Contains(got, "; answer="+tt.answer) {
			t.Errorf("%d. %s: %s, want %s", i, tt.room, got, tt.answer)
		}
	}
}

// A second start with the same folder finds the calendars as they were left.
func TestDataIsKept(t *testing.T) {
	dir := testenv.Dir(t)
	t.Run("first", func(t *testing.T) {
		if guide := start(t, dir); !strings.Contains(guide, " sample events.") {
			t.Error(guide)
		}
	})
	t.Run("second", func(t *testing.T) {
		if guide := start(t, dir); strings.Contains(guide, " sample events.") {
			t.Error("seeded again")
		}
	})
}

// Debian's vdirsyncer syncs both ways over TLS: what it finds, what is made
// and changed on either side, and what is deleted on either side.
func TestVdirsyncer(t *testing.T) {
	program := testenv.Require(t, "vdirsyncer", "vdirsyncer")[0]
	dir, work := testenv.Dir(t), testenv.Dir(t)
	guide := start(t, dir)
	https := regexp.MustCompile(`https://localhost:\d+`).FindString(guide)
	config := testenv.WriteFile(t, filepath.Join(work, "config"), `[general]
status_path = "`+work+`/status/"
[pair ann]
a = "here"
b = "there"
collections = ["from b"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "`+work+`/files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "`+https+`/"
username = "ann"
password = "demo"
verify = "`+filepath.Join(dir, "tls", "self-signed.pem")+`"
`)
	vdirsyncer := func(args ...string) {
		t.Helper()
		testenv.Run(t, nil, strings.Repeat("y\n", 20), program, append([]string{"-c", config}, args...)...)
	}
	server := func(method, name, body string) string {
		t.Helper()
		return testenv.Run(t, nil, body, testenv.Find("curl"), "-sS", "-k", "-f", "-u", "ann:demo", "-X", method,
			"-H", "Content-Type: text/calendar", "--data-binary", "@-", https+"/calendars/users/ann/calendar/"+name)
	}
	folder := filepath.Join(work, "files", "calendar")
	list := func() int {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(folder, "*.ics"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	event := func(uid, summary string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
			"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nSUMMARY:" + summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	}

	vdirsyncer("discover")
	vdirsyncer("sync")
	found := list()
	if found < 5 {
		t.Fatalf("%d events came", found)
	}
	// Made here, made there.
	testenv.WriteFile(t, filepath.Join(folder, "here.ics"), event("here", "Made here"))
	server("PUT", "there.ics", event("there", "Made there"))
	vdirsyncer("sync")
	if got := list(); got != found+2 {
		t.Errorf("%d events, want %d", got, found+2)
	}
	if text := server("GET", "here.ics", ""); !strings.Contains(text, "Made here") {
		t.Errorf("on the server:\n%s", text)
	}
	// Changed here, changed there.
	testenv.WriteFile(t, filepath.Join(folder, "here.ics"), event("here", "Changed here"))
	server("PUT", "there.ics", event("there", "Changed there"))
	vdirsyncer("sync")
	if text := server("GET", "here.ics", ""); !strings.Contains(text, "Changed here") {
		t.Errorf("on the server:\n%s", text)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "there.ics")); err != nil || !strings.Contains(string(text), "Changed there") {
		t.Errorf("here: %v\n%s", err, text)
	}
	// Deleted here, deleted there.
	if err := os.Remove(filepath.Join(folder, "here.ics")); err != nil {
		t.Fatal(err)
	}
	server("DELETE", "there.ics", "")
	vdirsyncer("sync")
	if got := list(); got != found {
		t.Errorf("%d events, want %d", got, found)
	}
	if _, err := testenv.TryRun(nil, "", testenv.Find("curl"), "-sS", "-k", "-f", "-u", "ann:demo", https+"/calendars/users/ann/calendar/here.ics"); err == nil {
		t.Error("deleted here, and still on the server")
	}
}

// Without TLS and a path that leads nowhere, vdirsyncer asks /.well-known/caldav,
// and is not sent to a certificate that it does not know.
func TestVdirsyncerOverPlain(t *testing.T) {
	program := testenv.Require(t, "vdirsyncer", "vdirsyncer")[0]
	work := testenv.Dir(t)
	guide := start(t, testenv.Dir(t))
	config := testenv.WriteFile(t, filepath.Join(work, "config"), `[general]
status_path = "`+work+`/status/"
[pair ann]
a = "here"
b = "there"
collections = ["from b"]
[storage here]
type = "filesystem"
path = "`+work+`/files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "`+regexp.MustCompile(`http://localhost:\d+`).FindString(guide)+`/nothing/here/"
username = "ann"
password = "demo"
`)
	testenv.Run(t, nil, strings.Repeat("y\n", 20), program, "-c", config, "discover")
	testenv.Run(t, nil, "", program, "-c", config, "sync")
	if names, err := filepath.Glob(filepath.Join(work, "files", "calendar", "*.ics")); err != nil || len(names) < 5 {
		t.Errorf("%v, %v", names, err)
	}
}
