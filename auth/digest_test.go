package auth_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
)

// digestClient answers challenges as RFC 7616 §3.4 says.
type digestClient struct {
	user, password, realm string
	sha256                bool
	nonce, opaque         string
	count                 uint32
}

var digestParam = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// params reads a challenge or an Authentication-Info.
func params(field string) map[string]string {
	out := map[string]string{}
	for _, m := range digestParam.FindAllStringSubmatch(field, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// learn takes the challenge for the client's algorithm and reports whether it
// said stale=true.
func (c *digestClient) learn(out *auth.Outcome) (stale bool) {
	for _, f := range out.Header["Www-Authenticate"] {
		p := params(f)
		if strings.HasPrefix(f, "Digest ") && (p["algorithm"] == "SHA-256") == c.sha256 {
			c.nonce, c.opaque, c.realm, c.count = p["nonce"], p["opaque"], p["realm"], 0
			return p["stale"] == "true"
		}
	}
	return false
}

func (c *digestClient) hash(s string) string {
	if c.sha256 {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// response is the hash over a request.
func (c *digestClient) response(method, uri string, count uint32, cnonce string) string {
	ha1 := c.hash(c.user + ":" + c.realm + ":" + c.password)
	return c.hash(fmt.Sprintf("%s:%s:%08x:%s:auth:%s", ha1, c.nonce, count, cnonce, c.hash(method+":"+uri)))
}

// field returns the Authorization field of the next request.
func (c *digestClient) field(method, uri string) string {
	c.count++
	return c.fieldAt(method, uri, c.count)
}

func (c *digestClient) fieldAt(method, uri string, count uint32) string {
	alg := "MD5"
	if c.sha256 {
		alg = "SHA-256"
	}
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s, qop=auth, nc=%08x, cnonce="c0ffee", response="%s", opaque="%s"`,
		c.user, c.realm, c.nonce, uri, alg, count, c.response(method, uri, count, "c0ffee"), c.opaque)
}

func digestSite(t testing.TB, change func(*auth.Options)) *site {
	return openSite(t, func(o *auth.Options) {
		o.Schemes = []string{"digest"}
		if change != nil {
			change(o)
		}
	})
}

func aliceDigest() *digestClient { return &digestClient{user: "alice", password: "alice's password"} }

// next sends the client's next request.
func (s *site) next(c *digestClient) (int, *auth.Outcome) {
	status, _, out := s.try(c.field("PROPFIND", "/calendars/"))
	return status, out
}

func TestDigest(t *testing.T) {
	for _, alg := range []bool{false, true} {
		s := digestSite(t, nil)
		c := aliceDigest()
		c.sha256 = alg
		_, _, out := s.try("")
		c.learn(out)
		for i := range 5 {
			status, out := s.next(c)
			if status != 200 {
				t.Fatalf("request %d: %d: %v", i, status, out.Err)
			}
			info := params(out.Header.Get("Authentication-Info"))
			ha1 := c.hash(c.user + ":" + c.realm + ":" + c.password)
			want := c.hash(fmt.Sprintf("%s:%s:%08x:c0ffee:auth:%s", ha1, c.nonce, c.count, c.hash(":/calendars/")))
			if info["rspauth"] != want || info["nc"] != fmt.Sprintf("%08x", c.count) || info["qop"] != "auth" {
				t.Errorf("Authentication-Info %q, want rspauth %s", out.Header, want)
			}
		}
	}
}

// The examples of RFC 7616 §3.9.1 and RFC 2617 §3.5. Their nonces are not ours,
// so that a right response is answered with stale=true, a wrong one without.
func TestDigestRFCExamples(t *testing.T) {
	const rfc7616 = `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=%s,
 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%s"`
	const rfc2617 = `Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html",
 qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"`
	oneLine := strings.NewReplacer("\n", "")
	for _, tt := range []struct{ name, realm, password, field, stale string }{
		{"MD5", "http-auth@example.org", "Circle of Life", fmt.Sprintf(rfc7616, "MD5", "8ca523f5e9506fed4657c9700eebdbec"), "true"},
		{"SHA-256", "http-auth@example.org", "Circle of Life", fmt.Sprintf(rfc7616, "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "true"},
		{"wrong password", "http-auth@example.org", "Circle of Death", fmt.Sprintf(rfc7616, "MD5", "8ca523f5e9506fed4657c9700eebdbec"), ""},
		{"RFC 2617", "testrealm@host.com", "Circle Of Life", rfc2617, "true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := digestClient{user: "Mufasa", password: tt.password, realm: tt.realm}
			file := "Mufasa:" + tt.realm + ":" + c.hash("Mufasa:"+tt.realm+":"+tt.password) + "\n"
			c.sha256 = true
			file += "Mufasa:" + tt.realm + ":" + c.hash("Mufasa:"+tt.realm+":"+tt.password) + "\n"
			s := digestSite(t, func(o *auth.Options) {
				o.Realm = tt.realm
				o.Directory = aliased{o.Directory.(*people), "Mufasa", "alice"}
				o.Digest.Files = []string{write(t, file)}
			})
			r := httptest.NewRequest("GET", "/dir/index.html", nil)
			r.Header.Set("Authorization", oneLine.Replace(tt.field))
			_, out := s.Authenticate(r)
			if got := params(out.Header.Get("WWW-Authenticate"))["stale"]; out.Status != 401 || got != tt.stale {
				t.Errorf("%d stale=%q, want 401 stale=%q: %v", out.Status, got, tt.stale, out.Err)
			}
		})
	}
}

func TestDigestRefuses(t *testing.T) {
	s := digestSite(t, nil)
	_, _, out := s.try("")
	c := aliceDigest()
	c.learn(out)
	replace := func(old, new string) string {
		f := c.field("PROPFIND", "/calendars/")
		if !strings.Contains(f, old) {
			t.Fatalf("%q is not in %q", old, f)
		}
		return strings.Replace(f, old, new, 1)
	}
	for name, field := range map[string]string{
		"wrong password":      (&digestClient{user: "alice", password: "x", realm: c.realm, nonce: c.nonce, opaque: c.opaque}).field("PROPFIND", "/calendars/"),
		"other method":        c.field("GET", "/calendars/"),
		"other uri":           c.field("PROPFIND", "/other/"),
		"other host":          c.field("PROPFIND", "http://evil.example/calendars/"),
		"other query":         c.field("PROPFIND", "/calendars/?x=1"),
		"escaped slash":       c.field("PROPFIND", "/calendars%2F"),
		"other realm":         replace(`realm="test"`, `realm="x"`),
		"no qop":              replace(`qop=auth, `, ``),
		"auth-int":            replace(`qop=auth,`, `qop=auth-int,`),
		"MD5-sess":            replace(`algorithm=MD5`, `algorithm=MD5-sess`),
		"algorithm it is not": replace(`algorithm=MD5`, `algorithm=SHA-256`),
		"short count":         replace(`nc=000`, `nc=0`),
		"count of zero":       c.fieldAt("PROPFIND", "/calendars/", 0),
		"no cnonce":           replace(`cnonce="c0ffee", `, ``),
		"userhash":            replace(`Digest `, `Digest userhash=true, `),
		"twice":               replace(`Digest `, `Digest qop=auth, `),
		"other opaque":        replace(`opaque="`, `opaque="0`),
		"unclosed quote":      replace(`username="alice"`, `username="alice`),
		"nobody":              replace(`username="alice"`, `username="nobody"`),
		"control character":   replace(`username="alice"`, `username*=UTF-8''alice%0a`),
		"may not sign in":     (&digestClient{user: "carol", password: "carol's password", realm: c.realm, nonce: c.nonce, opaque: c.opaque}).field("PROPFIND", "/calendars/"),
		"empty":               "Digest",
		"many parameters":     "Digest " + strings.Repeat("a=b,", 40),
		"too long":            "Digest a=" + strings.Repeat("b", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			if status, _, out := s.try(field); status != 401 {
				t.Errorf("%d: %v", status, out.Err)
			}
		})
	}
	if status, out := s.next(c); status != 200 {
		t.Errorf("the right one: %d: %v", status, out.Err)
	}
}

func TestDigestTolerates(t *testing.T) {
	s := digestSite(t, nil)
	for _, tt := range []struct{ name, target, uri, old, new string }{
		{"absolute uri", "/calendars/", "http://example.com/calendars/", "", ""},
		{"query left out", "/calendars/?x=1", "/calendars/", "", ""},
		{"query", "/calendars/?x=1", "/calendars/?x=1", "", ""},
		{"escaped at-sign", "/u/a@b/", "/u/a%40b/", "", ""},
		{"unescaped at-sign", "/u/a%40b/", "/u/a@b/", "", ""},
		{"qop in quotes", "/", "/", "qop=auth", `qop="auth"`},
		{"algorithm in quotes", "/", "/", "algorithm=MD5", `algorithm="MD5"`},
		{"algorithm left out", "/", "/", "algorithm=MD5, ", ""},
		{"opaque left out", "/", "/", ", opaque=", ", x="},
		{"userhash=false", "/", "/", "Digest ", "Digest userhash=false, "},
		{"username*", "/", "/", `username="alice"`, `username*=UTF-8''%61lice`},
		{"no blanks", "/", "/", ", ", ","},
		{"scheme in lower case", "/", "/", "Digest", "digest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := aliceDigest()
			_, _, out := s.try("")
			c.learn(out)
			r := httptest.NewRequest("PROPFIND", tt.target, nil)
			field := c.field("PROPFIND", tt.uri)
			r.Header.Set("Authorization", strings.ReplaceAll(field, cmpOr(tt.old, "\x00"), tt.new))
			if caller, out := s.Authenticate(r); caller == nil {
				t.Errorf("%d: %v", out.Status, out.Err)
			}
		})
	}
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func TestDigestReplay(t *testing.T) {
	s := digestSite(t, nil)
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	var corpus []string
	for range 50 {
		corpus = append(corpus, c.field("PROPFIND", "/calendars/"))
	}
	// Requests sent in parallel arrive in any order.
	for i := len(corpus) - 1; i >= 0; i-- {
		if status, _, out := s.try(corpus[i]); status != 200 {
			t.Fatalf("request %d: %v", i, out.Err)
		}
	}
	for i, f := range corpus {
		status, _, out := s.try(f)
		if status != 401 || !new(digestClient).learn(out) {
			t.Errorf("replay %d: %d, want 401 and stale=true", i, status)
		}
	}
	if status, out := s.next(c); status != 200 {
		t.Errorf("the session after the replays: %v", out.Err)
	}
	// A count too far below the highest is as good as a replay.
	if status, _, _ := s.try(c.fieldAt("PROPFIND", "/calendars/", 5000)); status != 200 {
		t.Error("jump refused")
	}
	if status, _, _ := s.try(c.fieldAt("PROPFIND", "/calendars/", 60)); status != 401 {
		t.Error("count below the window accepted")
	}
}

// One response sent many times at once is accepted once.
func TestDigestReplayRace(t *testing.T) {
	for _, shared := range []bool{false, true} {
		s := digestSite(t, func(o *auth.Options) {
			o.State, o.Digest.Shared = newState(t), shared
		})
		for range 50 {
			c := aliceDigest()
			_, _, out := s.try("")
			c.learn(out)
			field := c.field("PROPFIND", "/calendars/")
			var n atomic.Int32
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if status, _, _ := s.try(field); status == 200 {
						n.Add(1)
					}
				})
			}
			wg.Wait()
			if n.Load() != 1 {
				t.Fatalf("shared=%v: accepted %d times", shared, n.Load())
			}
		}
	}
}

// 100,000 made-up nonces, and as many requests for a challenge, neither take
// memory nor end a session.
func TestDigestFlood(t *testing.T) {
	s := digestSite(t, func(o *auth.Options) {
		o.Throttle.AddressFailures, o.Throttle.LocalFailures = 1<<30, 1<<20
		o.Log = slog.New(slog.DiscardHandler)
	})
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	s.next(c)
	guess := (&digestClient{user: "alice", password: "guess", realm: c.realm, nonce: "NONCE", opaque: c.opaque}).field("PROPFIND", "/calendars/")
	before, after, _ := strings.Cut(guess, "NONCE")
	ask, answer := request(""), request(guess)
	for i := range 100_000 {
		_, out := s.Authenticate(ask)
		_, nonce, _ := strings.Cut(out.Header.Get("WWW-Authenticate"), `nonce="`)
		nonce, _, _ = strings.Cut(nonce, `"`)
		if i%2 == 0 {
			nonce = fmt.Sprintf("bogus%d", i)
		}
		answer.Header.Set("Authorization", before+nonce+after)
		if _, out := s.Authenticate(answer); out.Status != 401 {
			t.Fatalf("made-up nonce: %d", out.Status)
		}
	}
	if status, out := s.next(c); status != 200 {
		t.Errorf("session after the flood: %d: %v", status, out.Err)
	}
}

// A principal who uses a great many nonces makes old ones stale, not
// replayable.
func TestDigestManyNonces(t *testing.T) {
	s := digestSite(t, nil)
	var corpus []string
	for range 300 {
		c := aliceDigest()
		_, _, out := s.try("")
		c.learn(out)
		corpus = append(corpus, c.field("PROPFIND", "/calendars/"))
	}
	for i, f := range corpus {
		if status, _, out := s.try(f); status != 200 {
			t.Fatalf("nonce %d: %v", i, out.Err)
		}
	}
	for i, f := range corpus {
		if status, _, _ := s.try(f); status != 401 {
			t.Fatalf("nonce %d was accepted twice", i)
		}
	}
}

func TestDigestExpiry(t *testing.T) {
	s := digestSite(t, func(o *auth.Options) { o.Digest.NonceLife = 10 * time.Minute })
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	s.clock.add(6 * time.Minute)
	_, out = s.next(c)
	next := params(out.Header.Get("Authentication-Info"))["nextnonce"]
	if next == "" {
		t.Fatal("no nextnonce after half of the nonce's life")
	}
	s.clock.add(5 * time.Minute)
	status, out := s.next(c)
	if status != 401 || !c.learn(out) {
		t.Errorf("expired nonce: %d, want 401 with stale=true", status)
	}
	c.nonce = next
	if status, out := s.next(c); status != 200 {
		t.Errorf("nextnonce: %v", out.Err)
	}
	if s.clock.add(time.Hour); true {
		wrong := *c
		wrong.password = "x"
		if _, out := s.next(&wrong); wrong.learn(out) {
			t.Error("stale=true for a wrong password")
		}
	}
}

// A session goes on over a clean restart; over a crash it costs one more
// request. In no case is an old request accepted again.
func TestDigestRestart(t *testing.T) {
	for _, end := range []string{"clean", "crash", "shared crash"} {
		t.Run(end, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "auth.db")
			start := func() (*site, func()) {
				e := openState(t, path)
				s := digestSite(t, func(o *auth.Options) { o.State, o.Digest.Shared = e, end == "shared crash" })
				return s, func() {
					if end == "clean" {
						if err := s.Close(context.Background()); err != nil {
							t.Fatal(err)
						}
					}
					if err := e.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
			s, stop := start()
			c := aliceDigest()
			_, _, out := s.try("")
			c.learn(out)
			var corpus []string
			for range 10 {
				corpus = append(corpus, c.field("PROPFIND", "/calendars/"))
				if status, _, out := s.try(corpus[len(corpus)-1]); status != 200 {
					t.Fatal(out.Err)
				}
			}
			for range 3 {
				stop()
				s, stop = start()
				for i, f := range corpus {
					if status, _, _ := s.try(f); status != 401 {
						t.Fatalf("replay of %d after the restart: %d", i, status)
					}
				}
				status, out := s.next(c)
				if end == "crash" {
					if status != 401 || !c.learn(out) {
						t.Fatalf("session after a crash: %d, want 401 with stale=true", status)
					}
					status, out = s.next(c)
				}
				if status != 200 {
					t.Fatalf("session after the restart: %d: %v", status, out.Err)
				}
				corpus = append(corpus, c.fieldAt("PROPFIND", "/calendars/", c.count))
			}
			stop()
		})
	}
}

// Guesses are limited; a session that is going on is not disturbed.
func TestDigestThrottle(t *testing.T) {
	s := digestSite(t, func(o *auth.Options) { o.Throttle.LocalFailures = 5 })
	c := aliceDigest()
	_, _, out := s.try("")
	c.learn(out)
	s.next(c)
	evil := &digestClient{user: "alice", password: "guess"}
	_, _, out = s.try("")
	evil.learn(out)
	var last int
	for range 10 {
		last, _ = s.next(evil)
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("guesses end with %d, want 429", last)
	}
	evil.password = "alice's password"
	if status, _ := s.next(evil); status != 429 {
		t.Errorf("the right guess while throttled: %d, want 429", status)
	}
	if status, out := s.next(c); status != 200 {
		t.Errorf("session: %d: %v", status, out.Err)
	}
}

// Servers that share a state accept each other's nonces, and each request once
// among them.
func TestDigestShared(t *testing.T) {
	e := newState(t)
	var sites []*site
	for range 2 {
		sites = append(sites, digestSite(t, func(o *auth.Options) { o.State, o.Digest.Shared = e, true }))
	}
	c := aliceDigest()
	_, _, out := sites[0].try("")
	c.learn(out)
	for i := range 10 {
		field := c.field("PROPFIND", "/calendars/")
		if status, _, out := sites[i%2].try(field); status != 200 {
			t.Fatalf("request %d: %v", i, out.Err)
		}
		for j, s := range sites {
			if status, _, _ := s.try(field); status != 401 {
				t.Errorf("replay of %d at server %d: %d", i, j, status)
			}
		}
	}
}

// A state that a later version wrote is refused.
func TestNewerState(t *testing.T) {
	e := newState(t)
	err := e.Update(t.Context(), func(w engine.Writer) error {
		return w.Put("meta", []byte("schema"), []byte{0, 0, 0, 99})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.New(auth.Options{Directory: newPeople(t), State: e}); !errors.Is(err, auth.ErrNewer) {
		t.Errorf("New: %v", err)
	}
}

// Digest is not offered on account of a directory that has hashes of other kinds
// only: clients would use it, and not get in.
func TestDigestWithoutSecrets(t *testing.T) {
	hashed, err := directory.NewStatic([]directory.Record{{
		Principal: directory.Principal{Type: directory.User, Name: "alice", LoginEnabled: true}, Hash: "$2y$05$x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := openSite(t, func(o *auth.Options) { o.Schemes, o.Directory = []string{"digest", "basic"}, hashed })
	if got := s.Schemes(); !slices.Equal(got, []string{"basic"}) {
		t.Errorf("offered: %v", got)
	}
}
