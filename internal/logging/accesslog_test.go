package logging_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"convene/internal/logging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A stepClock answers each call a millisecond later than the one before.
func stepClock() func() time.Time {
	t := time.Date(2026, 11, 21, 10, 4, 5, 0, time.UTC)
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		t = t.Add(time.Millisecond)
		return t
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		method string
		target string
		body   string
		header [2]string
		serve  http.HandlerFunc
		want   string // ID left out
	}{
		{
			name: "report", method: "REPORT", target: "/calendars/ann/work/", body: "<query/>",
			serve: func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				e := logging.For(w)
				e.User, e.Sub = "ann", "calendar-query"
				w.WriteHeader(207)
				io.WriteString(w, "12345")
			},
			want: `192.0.2.1 - ann [21/Nov/2026:10:04:05 +0000] "REPORT(calendar-query) /calendars/ann/work/ HTTP/1.1" 207 5 "-" "-" in=8 t=1.000ms`,
		},
		{
			name: "for another", method: "GET", target: "/",
			serve: func(w http.ResponseWriter, _ *http.Request) {
				e := logging.For(w)
				e.User, e.For = "ann", "bob id=1"
			},
			want: `192.0.2.1 - ann [21/Nov/2026:10:04:05 +0000] "GET / HTTP/1.1" 200 - "-" "-" in=0 t=1.000ms for=bob%20id=1`,
		},
		{
			name: "nothing written", method: "OPTIONS", target: "/",
			serve: func(http.ResponseWriter, *http.Request) {},
			want:  `192.0.2.1 - - [21/Nov/2026:10:04:05 +0000] "OPTIONS / HTTP/1.1" 200 - "-" "-" in=0 t=1.000ms`,
		},
		{
			name: "hostile words", method: "GET", target: `/a%22`, header: [2]string{"User-Agent", "x\" \x1b[2J\\"},
			serve: func(w http.ResponseWriter, r *http.Request) {
				logging.For(w).User = "ann \n\"x\""
				http.Error(w, "no", 404)
			},
			want: `192.0.2.1 - ann%20\x0a\"x\" [21/Nov/2026:10:04:05 +0000] "GET /a%22 HTTP/1.1" 404 3 "-" "x\" \x1b[2J\\" in=0 t=1.000ms`,
		},
		{
			name: "words that terminals act upon", method: "GET", target: `/`, header: [2]string{"User-Agent", "\u009b2Jgr\u00fc\u00df\u202e\xff\u2028"},
			serve: func(w http.ResponseWriter, r *http.Request) {
				logging.For(w).User = "j\u00fcrgen\u0085\u00a0x"
			},
			want: `192.0.2.1 - jürgen\xc2\x85\xc2\xa0x [21/Nov/2026:10:04:05 +0000] "GET / HTTP/1.1" 200 - "-" "\xc2\x9b2Jgrüß\xe2\x80\xae\xff\xe2\x80\xa8" in=0 t=1.000ms`,
		},
		{
			name: "early hints are not the answer", method: "GET", target: "/",
			serve: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(103)
				w.WriteHeader(204)
			},
			want: `192.0.2.1 - - [21/Nov/2026:10:04:05 +0000] "GET / HTTP/1.1" 204 - "-" "-" in=0 t=1.000ms`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			log := logging.New(&out, nil)
			h := logging.NewHandler(tt.serve, log, stepClock(), time.UTC)
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			if tt.header[0] != "" {
				r.Header.Set(tt.header[0], tt.header[1])
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			log.Close()
			got := regexp.MustCompile(` id=[0-9a-z]+-[0-9a-z]+\n$`).ReplaceAllString(out.String(), "")
			if got != tt.want {
				t.Errorf("line\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A handler that panics still leaves a line, with the status it could not send.
func TestPanicLeavesLine(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, nil)
	h := logging.NewHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}), log, time.Now, time.UTC)
	func() {
		defer func() { recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	log.Close()
	if !strings.Contains(out.String(), ` 500 - `) {
		t.Errorf("line = %q, want status 500", out.String())
	}
}

// For finds the entry through writers of other packages.
func TestForLooksThrough(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, nil)
	h := logging.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logging.For(wrapped{wrapped{w}}).User = "ann"
	}), log, time.Now, time.UTC)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	log.Close()
	if !strings.Contains(out.String(), " - ann [") {
		t.Errorf("line = %q, want user ann", out.String())
	}
	if logging.For(httptest.NewRecorder()) == nil {
		t.Error("For outside of a Handler = nil")
	}
}

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Every request of many at once has its own whole line and its own id.
func TestConcurrent(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, nil)
	h := logging.NewHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "ok")
	}), log, time.Now, time.UTC)
	const clients, each = 8, 500
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
			}
		})
	}
	wg.Wait()
	log.Close()
	ids := map[string]bool{}
	line := regexp.MustCompile(`^192\.0\.2\.1 - - \[.*\] "GET /x HTTP/1\.1" 200 2 "-" "-" in=0 t=[0-9.]+ms id=(\S+)$`)
	for l := range strings.Lines(out.String()) {
		m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if m == nil {
			t.Fatalf("line %q is not whole", l)
		}
		ids[m[1]] = true
	}
	if len(ids) != clients*each {
		t.Errorf("%d ids, want %d", len(ids), clients*each)
	}
}

// A line is on disk soon after its request, without Close.
func TestPrompt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f, err := logging.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log := logging.New(f, nil)
	defer log.Close()
	h := logging.NewHandler(http.NotFoundHandler(), log, time.Now, time.UTC)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got, err := os.ReadFile(path); err == nil && bytes.HasSuffix(got, []byte("\n")) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no line after 5 s")
		}
	}
}

// After a rename and Reopen, lines go to a new file of the old name; none is lost.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f, err := logging.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(s string) {
		t.Helper()
		if _, err := io.WriteString(f, s); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("two\n")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	write("three\n")
	for name, want := range map[string]string{path + ".1": "one\ntwo\n", path: "three\n"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v; want %q", filepath.Base(name), got, err, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write after Close: %v, want ErrClosed", err)
	}
}

// stuck is a disk that takes nothing until it is let go.
type stuck struct {
	let chan struct{}
	got bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.let
	return s.got.Write(p)
}

// While the disk takes nothing, requests go on; what is lost is counted.
func TestStuckDisk(t *testing.T) {
	disk := &stuck{let: make(chan struct{})}
	log := logging.New(disk, nil)
	long := "/" + strings.Repeat("x", 1<<20)
	h := logging.NewHandler(http.NotFoundHandler(), log, time.Now, time.UTC)
	for range 40 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", long, nil))
	}
	close(disk.let)
	log.Close()
	if !regexp.MustCompile(`(?m)^# [0-9]+ requests are missing here`).MatchString(disk.got.String()) {
		t.Error("the log does not tell what it lost")
	}
}

func TestWriteErrorsAreTold(t *testing.T) {
	told := make(chan error, 1)
	log := logging.New(failing{}, func(err error) { told <- err })
	h := logging.NewHandler(http.NotFoundHandler(), log, time.Now, time.UTC)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	log.Close()
	if err := <-told; !errors.Is(err, os.ErrPermission) {
		t.Errorf("told %v", err)
	}
}

// A disk that is full takes no line; once it takes some again the log says how
// many are missing, and has complained once.
func TestFullDisk(t *testing.T) {
	disk := &full{}
	var told int
	log := logging.New(disk, func(error) { told++ })
	h := logging.NewHandler(http.NotFoundHandler(), log, time.Now, time.UTC)
	ask := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) }
	disk.set(true)
	for range 3 {
		ask()
		ask()
		time.Sleep(logging.Linger + 50*time.Millisecond)
	}
	disk.set(false)
	ask()
	log.Close()
	// The first write still took ten bytes.
	if !regexp.MustCompile(`^192\.0\.2\.1 \n192\.0\.2\.1 - - .*\n# 6 requests are missing here.*\n$`).MatchString(disk.got.String()) {
		t.Errorf("log:\n%s", disk.got.String())
	}
	if told != 1 {
		t.Errorf("%d complaints about one full disk", told)
	}
}

type full struct {
	mu   sync.Mutex
	full bool
	got  bytes.Buffer
}

func (f *full) set(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func (f *full) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		n := 0
		if f.got.Len() == 0 {
			n, _ = f.got.Write(p[:10])
		}
		return n, syscall.ENOSPC
	}
	return f.got.Write(p)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrPermission }

func BenchmarkHandler(b *testing.B) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { logging.For(w).User = "ann" })
	for _, bb := range []struct {
		name string
		log  bool
	}{{"with log", true}, {"ids only", false}} {
		b.Run(bb.name, func(b *testing.B) {
			var log *logging.Log
			if bb.log {
				f, err := logging.OpenFile(filepath.Join(b.TempDir(), "access.log"))
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				log = logging.New(f, nil)
				defer log.Close()
			}
			h := logging.NewHandler(next, log, time.Now, time.UTC)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := httptest.NewRequest("GET", "/calendars/__uids__/10000000-0000-0000-0000-000000000001/calendar/1.ics", nil)
				r.Header.Set("User-Agent", "bench/1.0")
				w := httptest.NewRecorder()
				for pb.Next() {
					h.ServeHTTP(w, r)
				}
			})
		})
	}
}
