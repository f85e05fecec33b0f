package demo_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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
	lines := regexp.MustCompile(`(?m)^  (curl .*)$`).FindAllStringSubmatch(guide, -1)
	if len(lines) != 3 {
		t.Fatalf("%d lines with curl in\n%s", len(lines), guide)
	}
	for i, want := range []string{"/calendars/users/ann/calendar/</", "SUMMARY:Platform stand-up", "/calendars/users/maria/calendar/</"} {
		if out := testenv.Run(t, nil, "", "/bin/sh", "-c", strings.Replace(lines[i][1], "curl", "curl -sS", 1)); !strings.Contains(out, want) {
			t.Errorf("%s\nlacks %q:\n%s", lines[i][1], want, out)
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
