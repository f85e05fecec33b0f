package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

// people is a directory that counts binds and can be away.
type people struct {
	*directory.Static
	binds atomic.Int32
	down  atomic.Bool
	asked atomic.Int32 // look-ups of log-ins
	slow  time.Duration
	deny  atomic.Pointer[error] // answer of Authenticate

	mu       sync.Mutex
	disabled map[string]bool // GUIDs
}

// The records: alice and bob sign in, carol may not, everybody's password is
// NAME's password.
func newPeople(t testing.TB) *people {
	t.Helper()
	rec := func(name string, login bool) directory.Record {
		return directory.Record{
			Principal: directory.Principal{
				GUID: strings.ToUpper(name) + "-GUID", Type: directory.User, Name: name, FullName: name,
				Emails: []string{name + "@example.com"}, Kerberos: []string{name + "@EXAMPLE.COM"},
				CalendarEnabled: true, LoginEnabled: login,
			},
			Password: name + "'s password",
		}
	}
	group := directory.Record{
		Principal: directory.Principal{GUID: "STAFF-GUID", Type: directory.Group, Name: "staff", FullName: "Staff"},
		Members:   []directory.Key{{By: directory.GUID, Value: "ALICE-GUID"}},
	}
	s, err := directory.NewStatic([]directory.Record{rec("alice", true), rec("bob", true), rec("carol", false), rec("rené", true), group})
	if err != nil {
		t.Fatal(err)
	}
	return &people{Static: s, disabled: map[string]bool{}}
}

var errAway = &directory.UnavailableError{RetryAfter: 7 * time.Second}

func (p *people) Lookup(ctx context.Context, k directory.Key) (*directory.Principal, error) {
	if p.down.Load() {
		return nil, errAway
	}
	if k.By == directory.Login {
		p.asked.Add(1)
	}
	r, err := p.Static.Lookup(ctx, k)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.disabled[r.GUID] {
		c := *r
		c.LoginEnabled = false
		return &c, nil
	}
	return r, nil
}

func (p *people) Groups(ctx context.Context, guid string) ([]string, error) {
	if p.down.Load() {
		return nil, errAway
	}
	return p.Static.Groups(ctx, guid)
}

func (p *people) Authenticate(ctx context.Context, login, password string) (*directory.Principal, error) {
	time.Sleep(p.slow)
	if p.down.Load() {
		return nil, errAway
	}
	p.binds.Add(1)
	if e := p.deny.Load(); e != nil {
		return nil, *e
	}
	return p.Static.Authenticate(ctx, login, password)
}

// holding is a directory that tells of each password that it is to verify, and does not
// before it is let.
type holding struct {
	*people
	verifying chan<- struct{}
	goOn      <-chan struct{}
}

func (h holding) Authenticate(ctx context.Context, login, password string) (*directory.Principal, error) {
	h.verifying <- struct{}{}
	<-h.goOn
	return h.people.Authenticate(ctx, login, password)
}

// password changes somebody's password.
func (p *people) password(t testing.TB, name, password string) {
	t.Helper()
	r, err := p.Static.Lookup(t.Context(), directory.Key{By: directory.Name, Value: name})
	if err != nil {
		t.Fatal(err)
	}
	p.Static, err = directory.NewStatic([]directory.Record{{Principal: *r, Password: password}})
	if err != nil {
		t.Fatal(err)
	}
}

// bindsOnly hides the secrets that people has, as LDAP does.
type bindsOnly struct{ directory.Directory }

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is an authenticator with what it stands on.
type site struct {
	*auth.Authenticator
	people *people
	clock  *clock
	log    *bytes.Buffer
}

// openSite makes an authenticator; change adapts its options.
func openSite(t testing.TB, change func(*auth.Options)) *site {
	t.Helper()
	s := &site{people: newPeople(t), clock: newClock(), log: &bytes.Buffer{}}
	var mu sync.Mutex
	o := auth.Options{
		Schemes: []string{"basic"}, Realm: "test", BasicOverPlain: true,
		Directory: s.people, Now: s.clock.now, Throttle: auth.ThrottleConfig{RefuseAfter: time.Nanosecond},
		Log: slog.New(slog.NewTextHandler(lockedWriter{&mu, s.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	if p, ok := o.Directory.(*people); ok {
		s.people = p
	}
	a, err := auth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Authenticator = a
	t.Cleanup(func() {
		// Tests that end an authenticator as a crash would close the state first.
		if err := a.Close(context.Background()); err != nil && !errors.Is(err, auth.ErrClosed) && !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// openState opens an auth.db.
func openState(t testing.TB, path string) engine.Engine {
	t.Helper()
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: auth.Tables(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() }) // some tests have closed it already
	return enginetest.Wrap(t, e)
}

func newState(t testing.TB) engine.Engine {
	return openState(t, filepath.Join(t.TempDir(), "auth.db"))
}

func basicField(login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login+":"+password))
}

func request(field string) *http.Request {
	r := httptest.NewRequest("PROPFIND", "/calendars/", nil)
	if field != "" {
		r.Header.Set("Authorization", field)
	}
	return r
}

// try sends credentials and returns the status, 200 for success.
func (s *site) try(field string) (int, *auth.Caller, *auth.Outcome) {
	c, out := s.Authenticate(request(field))
	if c != nil {
		return 200, c, out
	}
	return out.Status, nil, out
}

func challenges(out *auth.Outcome) []string {
	var names []string
	for _, f := range out.Header["Www-Authenticate"] {
		name, _, _ := strings.Cut(f, " ")
		names = append(names, name)
	}
	return names
}

func TestSchemesOffered(t *testing.T) {
	htdigest := write(t, "alice:test:00112233445566778899aabbccddeeff\n")
	keys := keytabFile(t)
	for _, tt := range []struct {
		name   string
		change func(*auth.Options)
		plain  string // challenges without TLS
		tls    string
	}{
		{"order", func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab = []string{"Basic", "negotiate", "digest"}, keys
			o.BasicOverPlain = true
		}, "Basic Negotiate Digest Digest", "Basic Negotiate Digest Digest"},
		{"basic needs TLS", func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab = []string{"negotiate", "basic"}, keys
		}, "Negotiate", "Negotiate Basic"},
		{"digest beside binds", func(o *auth.Options) {
			o.Schemes, o.Directory = []string{"digest", "basic"}, bindsOnly{o.Directory}
		}, "", "Basic"},
		{"digest with device passwords", func(o *auth.Options) {
			o.Schemes, o.Directory, o.State, o.Digest.DevicePasswords = []string{"digest", "basic"}, bindsOnly{o.Directory}, newState(t), true
		}, "Digest Digest", "Digest Digest Basic"},
		{"digest with a file", func(o *auth.Options) {
			o.Schemes, o.Directory, o.Digest.Files = []string{"digest"}, bindsOnly{o.Directory}, []string{htdigest}
			o.Digest.Algorithms = []string{"MD5"}
		}, "Digest", "Digest"},
		{"digest with a file for MD5", func(o *auth.Options) {
			o.Schemes, o.Directory, o.Digest.Files = []string{"digest"}, bindsOnly{o.Directory}, []string{htdigest}
		}, "Digest", "Digest"},
		{"digest with a file for no one algorithm", func(o *auth.Options) {
			o.Schemes, o.Directory = []string{"digest"}, bindsOnly{o.Directory}
			o.Digest.Files = []string{write(t, "alice:test:00112233445566778899aabbccddeeff\nbob:test:"+strings.Repeat("ab", 32)+"\n")}
		}, "Digest Digest", "Digest Digest"},
		{"all need TLS", func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab, o.Digest.Files = []string{"basic", "negotiate", "digest"}, keys, []string{htdigest}
			o.Digest.Algorithms, o.RequireTLS = []string{"MD5"}, []string{"negotiate", "digest"}
		}, "", "Basic Negotiate Digest"},
		{"digest needs TLS", func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab, o.Digest.Files = []string{"basic", "negotiate", "digest"}, keys, []string{htdigest}
			o.Digest.Algorithms, o.RequireTLS, o.BasicOverPlain = []string{"MD5"}, []string{"digest"}, true
		}, "Basic Negotiate", "Basic Negotiate Digest"},
		{"no keytab", func(o *auth.Options) { o.Schemes = []string{"negotiate", "basic"} }, "", "Basic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openSite(t, func(o *auth.Options) {
				o.BasicOverPlain = false
				o.Secure = func(r *http.Request) bool { return r.Header.Get("X-Test-TLS") != "" }
				tt.change(o)
			})
			_, plain := s.Authenticate(request(""))
			r := request("")
			r.Header.Set("X-Test-TLS", "1")
			_, tls := s.Authenticate(r)
			if got := strings.Join(challenges(plain), " "); got != tt.plain {
				t.Errorf("without TLS: %q, want %q", got, tt.plain)
			}
			if want := 401; tt.plain != "" && plain.Status != want || tt.plain == "" && plain.Status != 403 {
				t.Errorf("without TLS: status %d with challenges %q", plain.Status, tt.plain)
			}
			if got := strings.Join(challenges(tls), " "); got != tt.tls || tls.Status != 401 {
				t.Errorf("with TLS: %d %q, want 401 %q", tls.Status, got, tt.tls)
			}
		})
	}
}

// A scheme that needs TLS opens nothing without, whatever the credentials; and of one
// that does not it is said once that it was used so.
func TestRequireTLS(t *testing.T) {
	var log bytes.Buffer
	s := openSite(t, func(o *auth.Options) {
		o.BasicOverPlain, o.Log = true, slog.New(slog.NewTextHandler(&log, nil))
		o.Secure = func(r *http.Request) bool { return r.Header.Get("X-Test-TLS") != "" }
		o.Address = func(r *http.Request) string { return r.Header.Get("X-Test-From") }
	})
	right := basicField("bob", "bob's password")
	for _, from := range []string{"127.0.0.1", "::1"} {
		r := request(right)
		r.Header.Set("X-Test-From", from)
		if c, out := s.Authenticate(r); c == nil {
			t.Fatal(out.Err)
		}
	}
	if log.Len() > 0 {
		t.Errorf("a warning of this machine:\n%s", &log)
	}
	for range 3 {
		r := request(right)
		r.Header.Set("X-Test-From", "192.0.2.1")
		if c, out := s.Authenticate(r); c == nil {
			t.Fatal(out.Err)
		}
	}
	if n := strings.Count(log.String(), "without TLS"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, &log)
	}
	for _, scheme := range []string{"basic", "negotiate", "digest"} {
		s := openSite(t, func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab, o.BasicOverPlain, o.RequireTLS = []string{scheme}, keytabFile(t), false, []string{scheme}
			o.Secure = func(*http.Request) bool { return false }
		})
		if c, out := s.Authenticate(request(scheme + strings.TrimPrefix(basicField("bob", "bob's password"), "Basic"))); c != nil || out.Status != 403 || !errors.Is(out.Err, auth.ErrInsecure) {
			t.Errorf("%s: %v, %d %v", scheme, c, out.Status, out.Err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]auth.Options{
		"unknown scheme":       {Schemes: []string{"bearer"}},
		"scheme twice":         {Schemes: []string{"basic", "Basic"}},
		"no keytab file":       {Schemes: []string{"negotiate"}, Negotiate: auth.NegotiateConfig{Keytab: "/nowhere/keytab"}},
		"not a keytab":         {Schemes: []string{"negotiate"}, Negotiate: auth.NegotiateConfig{Keytab: write(t, "hello")}},
		"nothing left":         {Schemes: []string{"negotiate"}},
		"no htpasswd file":     {Basic: auth.BasicConfig{Files: []string{"/nowhere/htpasswd"}}},
		"unknown algorithm":    {Schemes: []string{"digest"}, Digest: auth.DigestConfig{Algorithms: []string{"SHA-512"}}},
		"bad rule":             {Schemes: []string{"negotiate"}, Negotiate: auth.NegotiateConfig{Keytab: keytabFile(t), Principals: []auth.PrincipalRule{{By: "shoe size"}}}},
		"binding without cert": {Negotiate: auth.NegotiateConfig{ChannelBinding: "require"}},
		"realm with colon":     {Realm: "a:b"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Directory = newPeople(t)
			if a, err := auth.New(o); err == nil {
				t.Errorf("New succeeded: %v", a.Schemes())
			}
		})
	}
}

func TestBasicAnswers(t *testing.T) {
	s := openSite(t, func(o *auth.Options) { o.HelpURL = "https://cal.example.com/my/" })
	for _, tt := range []struct {
		name, field string
		status      int
	}{
		{"right", basicField("alice", "alice's password"), 200},
		{"by mail address", basicField("alice@example.com", "alice's password"), 200},
		{"scheme in capitals", "BASIC " + basicField("alice", "alice's password")[6:], 200},
		{"UTF-8", basicField("rené", "rené's password"), 200},
		{"ISO 8859-1", "Basic " + base64.StdEncoding.EncodeToString([]byte("ren\xe9:ren\xe9's password")), 200},
		{"without padding", strings.TrimRight(basicField("alice", "alice's password"), "="), 200},
		{"wrong", basicField("alice", "guess"), 401},
		{"unknown", basicField("mallory", "guess"), 401},
		{"may not sign in", basicField("carol", "carol's password"), 401},
		{"empty password", basicField("alice", ""), 401},
		{"empty name", basicField("", "x"), 401},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("alice")), 401},
		{"control character", basicField("alice", "x\ny"), 401},
		{"not base 64", "Basic !!!!", 401},
		{"nothing", "Basic", 401},
		{"other scheme", "Bearer abc", 401},
		{"group", basicField("staff", "x"), 401},
		{"too long", "Basic " + strings.Repeat("A", 5000), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, c, out := s.try(tt.field)
			if status != tt.status {
				t.Fatalf("status %d, want %d: %v", status, tt.status, out.Err)
			}
			if status == 401 && !slices.Equal(challenges(out), []string{"Basic"}) {
				t.Errorf("challenges %q", out.Header)
			}
			if status == 401 && !strings.Contains(out.Body, "https://cal.example.com/my/") {
				t.Errorf("body %q does not name the help page", out.Body)
			}
			if status == 200 && (c.Scheme != "basic" || c.Principal == nil) {
				t.Errorf("caller %+v", c)
			}
		})
	}
	_, c, _ := s.try(basicField("alice", "alice's password"))
	if !slices.Equal(c.Groups, []string{"STAFF-GUID"}) {
		t.Errorf("groups %q", c.Groups)
	}
	r := request("")
	r.Header["Authorization"] = []string{basicField("alice", "alice's password"), basicField("bob", "bob's password")}
	if c, out := s.Authenticate(r); c != nil || out.Status != 401 {
		t.Errorf("two fields: %v, %d", c, out.Status)
	}
}

func TestRequire(t *testing.T) {
	s := openSite(t, nil)
	h := s.Require(func(w http.ResponseWriter, r *http.Request, c *auth.Caller) {
		fmt.Fprint(w, c.Principal.Name)
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(basicField("bob", "bob's password")))
	if w.Code != 200 || w.Body.String() != "bob" {
		t.Errorf("right password: %d %q", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, request(""))
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Basic realm="test", charset="UTF-8"` {
		t.Errorf("none: %d %q", w.Code, w.Header())
	}
}

func TestClosed(t *testing.T) {
	s := openSite(t, nil)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := s.try(basicField("alice", "alice's password")); status != 503 {
		t.Errorf("after Close: %d", status)
	}
}
