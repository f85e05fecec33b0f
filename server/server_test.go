package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/config"
	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/server"
	"convene/testenv"
)

// smallLDIF is a directory of three people and two groups, one in the other.
const smallLDIF = `dn: dc=example,dc=com
objectClass: domain
dc: example

dn: uid=ann,dc=example,dc=com
objectClass: inetOrgPerson
uid: ann
cn: Ann Example
sn: Example
mail: ann@example.com
userPassword: secret
entryUUID: 11111111-0000-0000-0000-000000000001

dn: uid=bob,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob Example
sn: Example
userPassword: secret
entryUUID: 11111111-0000-0000-0000-000000000002

dn: uid=eve,dc=example,dc=com
objectClass: inetOrgPerson
uid: eve
cn: Eve Example
sn: Example
employeeType: off
userPassword: secret
entryUUID: 11111111-0000-0000-0000-000000000003

dn: cn=team,dc=example,dc=com
objectClass: groupOfNames
cn: team
member: uid=ann,dc=example,dc=com
entryUUID: 11111111-0000-0000-0000-0000000000a1

dn: cn=all,dc=example,dc=com
objectClass: groupOfNames
cn: all
member: cn=team,dc=example,dc=com
entryUUID: 11111111-0000-0000-0000-0000000000a2
`

// A running is a server in this process, with a directory of files.
type running struct {
	*server.Server
	HTTP, HTTPS string // URLs without a final slash
	Log         *lockedBuffer
	Config      *config.Config // what the next Reload reads
	stop        func() error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// smallConfig is the configuration of a server for tests.
func smallConfig(t testing.TB) config.Config {
	t.Helper()
	dir := testenv.Dir(t)
	c := config.Default()
	c.Server.HostName = "localhost"
	c.Server.HTTP, c.Server.HTTPS = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	c.Server.Data = filepath.Join(dir, "data")
	c.Server.AllowRoot = true
	c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"basic"}, true
	c.Directory.Kind = "file"
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(dir, "people.ldif"), smallLDIF)
	c.Directory.File.Users.CalendarEnabled = []string{"!employeeType:off"}
	c.Directory.File.CheckEvery = 50 * time.Millisecond // tests that change the file wait for that
	return c
}

// serve starts a server and stops it with the test.
func serve(t testing.TB, c config.Config) *running {
	t.Helper()
	return serveOn(t, c, enginetest.Wrapper(t))
}

// serveOn is serve with what wrap makes of each engine.
func serveOn(t testing.TB, c config.Config, wrap func(engine.Engine) engine.Engine) *running {
	t.Helper()
	return serveWith(t, server.Options{Config: c, WrapEngine: wrap})
}

// serveAt is serve by another clock.
func serveAt(t testing.TB, c config.Config, now func() time.Time) *running {
	t.Helper()
	return serveWith(t, server.Options{Config: c, WrapEngine: enginetest.Wrapper(t), Now: now})
}

func serveWith(t testing.TB, o server.Options) *running {
	t.Helper()
	r := &running{Log: new(lockedBuffer), Config: &o.Config}
	o.Stderr, o.Reread = r.Log, func() (config.Config, error) { return *r.Config, nil }
	s, err := server.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	for _, u := range s.URLs() {
		if strings.HasPrefix(u, "https") {
			r.HTTPS = u
		} else {
			r.HTTP = u
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if t.Failed() {
			t.Logf("error log:\n%s", r.Log)
		}
	})
	return r
}

// client trusts any certificate: those of tests sign themselves.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableCompression: true,
	}}
}

type answer struct {
	*http.Response
	Body string
}

// do sends a request as user, with the password "secret".
func do(t testing.TB, c *http.Client, method, url, user, body string, header ...string) answer {
	t.Helper()
	a, err := try(c, method, url, user, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func try(c *http.Client, method, url, user, body string, header ...string) (answer, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp, string(text)}, err
}

// eventually waits until ok reports true. A minute is for a machine that others use; only what
// never comes takes it.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within a minute", what)
}

const annHome = "/calendars/users/ann/"

func TestWhoIsLetIn(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Calendar.Allow = []string{"group:all", "user:eve"}
	s := serve(t, c)
	for _, tt := range []struct {
		user   string
		status int
	}{
		{"ann", 207}, // in a group in the group that is listed
		{"bob", 403}, // not listed
		{"eve", 403}, // listed, but the record is not enabled
		{"zoe", 401}, // nobody
		{"", 401},
	} {
		if got := do(t, client(), "PROPFIND", s.HTTP+"/", tt.user, "", "Depth: 0"); got.StatusCode != tt.status {
			t.Errorf("%q: %s, want %d\n%s", tt.user, got.Status, tt.status, got.Body)
		}
	}
	access := filepath.Join(c.Server.Data, "access.log")
	eventually(t, "access log", func() bool {
		text, err := os.ReadFile(access)
		return err == nil && strings.Contains(string(text), ` - bob [`) && strings.Contains(string(text), `"PROPFIND / HTTP/1.1" 403 `)
	})
	if !strings.Contains(s.Log.String(), "access denied user=bob service=calendar rule=\"calendar: not listed\"") {
		t.Errorf("error log:\n%s", s.Log)
	}
}

// What a path belongs to does not depend on how it is written: nobody comes to a page by
// the rules of calendars, nor with what opens these.
func TestServiceOfPath(t *testing.T) {
	s := serve(t, smallConfig(t))
	for path, status := range map[string]int{
		"/admin/": 401, "/admin": 401, "//admin/": 401, "/./admin/x": 401, "/x/../admin/": 401, "/%61dmin/": 401, "/administration": 404, "/my/": 401,
	} {
		if got := do(t, client(), "GET", s.HTTP+path, "ann", ""); got.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, got.Status, status)
		}
	}
}

// No answer, whoever gives it, lets a browser guess what it is.
func TestEveryAnswerNamesItsType(t *testing.T) {
	s := serve(t, smallConfig(t))
	for _, tt := range []struct{ method, path, user string }{
		{"GET", "/", ""}, {"GET", "/", "ann"}, {"GET", "/none", "ann"}, {"GET", "/timezones", ""}, {"GET", "/.well-known/caldav", ""}, {"TRACE", "/", "ann"}, {"PROPFIND", annHome, "bob"},
	} {
		got := do(t, client(), tt.method, s.HTTP+tt.path, tt.user, "", "Depth: 1")
		if got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s as %q: %s %v", tt.method, tt.path, tt.user, got.Status, got.Header)
		}
	}
}

// A directory that does not answer is 503, for people who are not known yet.
func TestDirectoryAway(t *testing.T) {
	c := smallConfig(t)
	c.Directory.Kind = "ldap"
	c.Directory.LDAP.URLs = []string{fmt.Sprintf("ldap://127.0.0.1:%d", testenv.FreePort(t))}
	c.Directory.LDAP.Base = []string{"dc=example,dc=com"}
	c.Access.Administrators = []string{"group:all"}
	s := serve(t, c)
	got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0")
	if got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", got.Status, got.Header.Get("Retry-After"))
	}
}

func TestLimits(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Body, c.Quota.ObjectSize, c.Calendars.MaxRequestSize = 5_000, 5_000, 5_000
	c.Limits.Header = 8_000
	s := serve(t, c)
	if got := do(t, client(), "PUT", s.HTTP+annHome+"calendar/a.ics", "ann", strings.Repeat("x", 5_001)); got.StatusCode != 413 {
		t.Errorf("body: %s", got.Status)
	}
	if got := do(t, client(), "GET", s.HTTP+"/", "ann", "", "X-Long: "+strings.Repeat("x", 20_000)); got.StatusCode != 431 {
		t.Errorf("header: %s", got.Status)
	}
}

// More connections than are allowed wait; they are not refused.
func TestConnectionLimit(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Connections = 2
	s := serve(t, c)
	clients := []*http.Client{client(), client()}
	for _, one := range clients { // each keeps a connection on which ann has signed in
		if got := do(t, one, "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 207 {
			t.Fatal(got.Status)
		}
	}
	third := make(chan int, 1)
	go func() {
		a, err := try(client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0")
		if err != nil {
			t.Error(err)
			third <- 0
			return
		}
		third <- a.StatusCode
	}()
	select {
	case status := <-third:
		t.Fatalf("a third connection was answered: %d", status)
	case <-time.After(200 * time.Millisecond):
	}
	for _, one := range clients {
		one.CloseIdleConnections()
	}
	if status := <-third; status != 207 {
		t.Errorf("after one was closed: %d", status)
	}
}

// Who holds all connections without having signed in, silent, half a header, or with a
// refused request behind them, shuts nobody out: the longest idle goes. A connection on
// which somebody has signed in stays.
func TestIdleStrangersGoFirst(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Connections = 6
	c.Limits.HeaderTime = time.Hour // no stranger goes by itself
	s := serve(t, c)
	own := client()
	conns := 0
	counted := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if !i.Reused {
			conns++
		}
	}})
	ann := func() {
		t.Helper()
		r, err := http.NewRequestWithContext(counted, "PROPFIND", s.HTTP+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ann", "secret")
		r.Header.Set("Depth", "0")
		resp, err := own.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 207 {
			t.Fatal(resp.Status)
		}
	}
	ann()
	// Connections are accepted in their order, by each listener. When the last stranger on
	// HTTP is answered, all there were, and on HTTPS they are before whoever comes next.
	for _, url := range []string{s.HTTP, s.HTTPS} {
		var last net.Conn
		for i := range 42 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, []string{"", "GET / HTTP/1.1\r\nHost: x", "PROPFIND / HTTP/1.1\r\nHost: localhost\r\n\r\n"}[i%3])
			last = conn
		}
		if url == s.HTTP {
			if got, err := http.ReadResponse(bufio.NewReader(last), nil); err != nil || got.StatusCode != 401 {
				t.Fatalf("the last stranger: %v %v", got, err)
			}
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5 {
			if got, err := try(client(), "PROPFIND", s.HTTPS+"/", "bob", "", "Depth: 0"); err != nil || got.StatusCode != 207 {
				t.Errorf("somebody else: %v %v", got.Response, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("nobody gets in")
	}
	ann()
	if conns != 1 {
		t.Errorf("ann's connection was closed: %d of them", conns)
	}
}

// A client gets no more requests at the same time on an HTTP/2 connection than are
// allowed.
func TestStreamLimit(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Streams = 7
	s := serve(t, c)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// RFC 9113 §3.4, §6.5: the preface and our empty SETTINGS, then the server's.
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	var head [9]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || head[3] != 4 {
		t.Fatalf("%x: %v", head, err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(conn, settings); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(settings, []byte{0, 3, 0, 0, 0, 7}) {
		t.Errorf("SETTINGS %x do not say 7 streams", settings)
	}
}

// A 401 to a request with a small body does not end the connection.
func TestBodyIsDrainedBefore401(t *testing.T) {
	s := serve(t, smallConfig(t))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := strings.Repeat("x", 100_000)
	buf := make([]byte, 64<<10)
	for i := range 3 {
		if _, err := fmt.Fprintf(conn, "PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		n, err := conn.Read(buf)
		if err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 401 ")) || bytes.Contains(buf[:n], []byte("Connection: close")) {
			t.Fatalf("request %d: %v\n%s", i, err, buf[:n])
		}
	}
}

// Requests that no client sends by accident are answered like others, and a
// client that asks before it sends a body is told no before it does.
func TestRawRequests(t *testing.T) {
	c := smallConfig(t)
	c.Limits.Body, c.Quota.ObjectSize, c.Calendars.MaxRequestSize = 5_000, 5_000, 5_000
	s := serve(t, c)
	const ann = "Authorization: Basic YW5uOnNlY3JldA==\r\n" // ann:secret
	const asks = "Expect: 100-continue\r\nContent-Type: text/calendar\r\n"
	for _, tt := range []struct{ name, request, want string }{
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "},
		{"absolute form", "GET http://elsewhere/calendars/ HTTP/1.1\r\nHost: x\r\n" + ann + "\r\n", "HTTP/1.1 200 "},
		{"absolute form of nothing", "PROPFIND http://elsewhere HTTP/1.1\r\nHost: x\r\n" + ann + "\r\n", "HTTP/1.1 400 "},
		{"CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n" + ann + "\r\n", "HTTP/1.1 400 "},
		{"unknown method", "BREW /calendars/ HTTP/1.1\r\nHost: x\r\n" + ann + "\r\n", "HTTP/1.1 405 "},
		{"range of a whole answer", "GET /calendars/ HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n" + ann + "\r\n", "HTTP/1.1 200 "},
		{"asks, not signed in", "PUT " + annHome + "calendar/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + asks + "\r\n", "HTTP/1.1 401 "},
		{"asks, too much", "PUT " + annHome + "calendar/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n" + asks + ann + "\r\n", "HTTP/1.1 413 "},
		{"asks, may not", "PUT /calendars/users/bob/calendar/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" + asks + ann + "\r\n", "HTTP/1.1 403 "},
		{"asks, may", "PUT " + annHome + "calendar/a.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + asks + ann + "\r\n", "HTTP/1.1 100 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := errors.Join(conn.SetDeadline(time.Now().Add(10*time.Second)), second(io.WriteString(conn, tt.request))); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 4096)
			n, err := conn.Read(buf)
			if err != nil || !bytes.HasPrefix(buf[:n], []byte(tt.want)) {
				t.Errorf("%v, %.60q, want %s", err, buf[:n], tt.want)
			}
		})
	}
}

func second(_ int, err error) error { return err }

// HTTP/2 over TLS, HTTP/1.1 without; no offer to upgrade.
func TestProtocols(t *testing.T) {
	s := serve(t, smallConfig(t))
	for url, want := range map[string]string{s.HTTP: "HTTP/1.1", s.HTTPS: "HTTP/2.0"} {
		got := do(t, client(), "PROPFIND", url+"/", "ann", "", "Depth: 0")
		if got.StatusCode != 207 || got.Proto != want || got.Header.Get("Upgrade") != "" || got.Header.Get("Server") != "convene" {
			t.Errorf("%s: %s %s, %v", url, got.Proto, got.Status, got.Header)
		}
	}
	got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
	if got.StatusCode != 207 || got.Header.Get("Upgrade") != "" {
		t.Errorf("upgrade: %s, %v", got.Status, got.Header)
	}
}

func TestCompression(t *testing.T) {
	s := serve(t, smallConfig(t))
	url := s.HTTP + annHome + "calendar/long.ics"
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:long\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n" +
		strings.Repeat("COMMENT:all work and no play\r\n", 200) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := do(t, client(), "PUT", url, "ann", event, "Content-Type: text/calendar"); got.StatusCode != 201 {
		t.Fatalf("PUT: %s\n%s", got.Status, got.Body)
	}
	plain := do(t, client(), "GET", url, "ann", "")
	packed := do(t, client(), "GET", url, "ann", "", "Accept-Encoding: gzip")
	if plain.Body != event || plain.Header.Get("Content-Encoding") != "" {
		t.Errorf("not asked for: %v", plain.Header)
	}
	if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.Body) > len(event)/10 {
		t.Errorf("asked for: %d bytes, %v", len(packed.Body), packed.Header)
	}
	// A cache must not give the one for the other (RFC 9110 §12.5.5), nor forget what else chose it.
	if vary := strings.Join(packed.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Encoding") || !strings.Contains(vary, "CalDAV-Timezones") {
		t.Errorf("Vary: %s", vary)
	}
	tag := plain.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) || packed.Header.Get("ETag") != tag {
		t.Errorf("ETag %q compressed, %q plain", packed.Header.Get("ETag"), tag)
	}
}

// Requests in progress are finished before the server ends.
func TestStopDrains(t *testing.T) {
	s := serve(t, smallConfig(t))
	body, feed := io.Pipe()
	r, err := http.NewRequest("PROPFIND", s.HTTP+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ann", "secret")
	r.Header.Set("Depth", "0")
	r.Header.Set("Expect", "100-continue") // the body is sent when the server asks for it: it reads
	web := client()
	web.Transport.(*http.Transport).ExpectContinueTimeout = time.Hour
	answered := make(chan int, 1)
	go func() {
		resp, err := web.Do(r)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	if _, err := io.WriteString(feed, `<propfind xmlns="DAV:"><prop>`); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	eventually(t, "no new connections", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(feed, `<displayname/></prop></propfind>`); err != nil {
		t.Fatal(err)
	}
	feed.Close()
	if status := <-answered; status != 207 {
		t.Errorf("request in progress: %d", status)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestRoot(t *testing.T) {
	c := smallConfig(t)
	c.Server.AllowRoot = false
	s, err := server.Open(server.Options{Config: c, Stderr: io.Discard})
	if os.Geteuid() == 0 {
		if !errors.Is(err, server.ErrRoot) {
			t.Errorf("as root: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// shown returns the certificate that a new connection is shown.
func shown(t *testing.T, url string) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

func TestSelfSignedCertificate(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	cert := shown(t, s.HTTPS)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := cert.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if again := shown(t, serve(t, c).HTTPS); !again.Equal(cert) {
		t.Error("after a restart there is another certificate")
	}
}

// A certificate whose files are replaced is used without being told.
func TestCertificateIsReadAgain(t *testing.T) {
	ca := testenv.NewCA(t)
	c := smallConfig(t)
	c.TLS.Certificate, c.TLS.Key = ca.Issue("localhost")
	s := serve(t, c)
	first := shown(t, s.HTTPS)
	certFile, keyFile := ca.Issue("localhost")
	for from, to := range map[string]string{certFile: c.TLS.Certificate, keyFile: c.TLS.Key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the new certificate", func() bool { return !shown(t, s.HTTPS).Equal(first) })
}
