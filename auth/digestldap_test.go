package auth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

const (
	digestSchema = `attributetype ( 2.25.99001 NAME 'digestHA1' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 2.25.99003 NAME 'digestUser' SUP top AUXILIARY MAY digestHA1 )`
	digestAccess = `access to attrs=digestHA1,userPassword by dn.exact="cn=svc,dc=example,dc=com" read by anonymous auth by * none`
)

func digestPerson(name string, lines ...string) string {
	return fmt.Sprintf("dn: uid=%[1]s,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: digestUser\nuid: %[1]s\ncn: %[1]s\nsn: Example\nmail: %[1]s@example.com\n%[2]s\n\n",
		name, strings.Join(lines, "\n"))
}

// storedHA1 is a value as htdigest writes it, for the realm of the tests.
func storedHA1(name, password string, sha256 bool) string {
	c := digestClient{sha256: sha256}
	return name + ":test:" + c.hash(name+":test:"+password)
}

// secretServer counts the questions for secrets.
type secretServer struct {
	*directory.LDAP
	asked atomic.Int32
}

func (s *secretServer) DigestSecrets(ctx context.Context, guid string) (*directory.DigestSecrets, error) {
	s.asked.Add(1)
	return s.LDAP.DigestSecrets(ctx, guid)
}

// openDigestLDAP makes an authenticator that offers Digest with the secrets of a
// slapd.
func openDigestLDAP(t *testing.T, srv *testenv.LDAP, users directory.RecordConfig, cache directory.CacheOptions, change func(*auth.Options)) (*site, *secretServer) {
	t.Helper()
	d, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{srv.TLSURL}, CAFile: srv.CA.File, Base: []string{srv.BaseDN}, BindDN: srv.ServiceDN, BindPassword: srv.ServicePassword,
		Users: users, Timeout: 4 * time.Second,
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	counted := &secretServer{LDAP: d}
	return digestSite(t, func(o *auth.Options) {
		o.Directory, o.Now = directory.NewCache(counted, cache), time.Now
		if change != nil {
			change(o)
		}
	}), counted
}

// digestSession makes a client that has a nonce.
func (s *site) digestSession(t *testing.T, user, password string, sha256 bool) *digestClient {
	t.Helper()
	c := &digestClient{user: user, password: password, sha256: sha256}
	_, _, out := s.try("")
	c.learn(out)
	if c.nonce == "" {
		t.Fatalf("no challenge for SHA-256 %v in %v", sha256, out.Header["Www-Authenticate"])
	}
	return c
}

func change(t *testing.T, c *ldap.Conn, name, attr string, values ...string) {
	t.Helper()
	r := ldap.NewModifyRequest("uid="+name+",dc=example,dc=com", nil)
	r.Replace(attr, values)
	if err := c.Modify(r); err != nil {
		t.Fatal(err)
	}
}

// Hashes that the directory keeps verify Digest, each with its algorithm, and cost
// a question for an account, not for a request.
func TestDigestLDAPHashes(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("both",
		"digestHA1: "+storedHA1("both", "hunter2", false), "digestHA1: "+storedHA1("both", "hunter2", true), "digestHA1: both:other:"+strings.Repeat("0", 32)) +
		digestPerson("short", "digestHA1: "+strings.TrimPrefix(storedHA1("short", "hunter2", true), "short:"), "digestHA1: "+storedHA1("short", "hunter2", false)) +
		digestPerson("old", "digestHA1: "+storedHA1("old", "hunter2", false))})
	for _, tt := range []struct {
		algorithms []string
		sha256     []bool // those in the challenge
	}{{nil, []bool{false}}, {[]string{"MD5"}, []bool{false}}, {[]string{"SHA-256"}, []bool{true}}, {[]string{"SHA-256", "MD5"}, []bool{true, false}}} {
		t.Run(fmt.Sprint(tt.algorithms), func(t *testing.T) {
			s, asked := openDigestLDAP(t, srv, directory.RecordConfig{DigestHA1: "digestHA1", DigestAlgorithms: tt.algorithms}, directory.CacheOptions{}, nil)
			_, _, out := s.try("")
			if got := len(out.Header["Www-Authenticate"]); got != len(tt.sha256) {
				t.Errorf("%d challenges, want %d", got, len(tt.sha256))
			}
			var wg sync.WaitGroup
			for _, who := range []string{"both", "short"} {
				for _, alg := range tt.sha256 {
					for range 10 {
						c := s.digestSession(t, who, "hunter2", alg)
						wg.Go(func() {
							for range 20 {
								if status, out := s.next(c); status != 200 {
									t.Errorf("%s SHA-256 %v: %d: %v", who, alg, status, out.Err)
								}
							}
						})
					}
				}
			}
			wg.Wait()
			if got := asked.asked.Load(); got != 2 {
				t.Errorf("%d questions for 2 accounts", got)
			}
			c := s.digestSession(t, "old", "hunter2", tt.sha256[0])
			if status, out := s.next(c); (status == 200) == tt.sha256[0] {
				t.Errorf("a hash for MD5 only: %d: %v", status, out.Err)
			}
		})
	}
}

// Clear passwords do for both algorithms and any name that the person has; what is
// hashed does for none, not even as a password.
func TestDigestLDAPPasswords(t *testing.T) {
	t.Parallel()
	hash := testenv.SSHA("hunter3")
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("plain", "userPassword: hunter2") +
		digestPerson("marked", "userPassword: {CLEARTEXT}hunter2") + digestPerson("hashed", "userPassword: "+hash)})
	s, _ := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword"}, directory.CacheOptions{}, nil)
	for _, sha256 := range []bool{true, false} {
		for _, who := range []string{"plain", "marked", "PLAIN", "marked@example.com"} {
			if status, out := s.next(s.digestSession(t, who, "hunter2", sha256)); status != 200 {
				t.Errorf("%s: %d: %v", who, status, out.Err)
			}
		}
		for _, password := range []string{"hunter3", hash, ""} {
			if status, out := s.next(s.digestSession(t, "hashed", password, sha256)); status != 401 {
				t.Errorf("hashed with %q: %d: %v", password, status, out.Err)
			}
		}
	}
	if log := s.log.String(); strings.Contains(log, "hunter") || strings.Contains(log, hash) {
		t.Errorf("secrets in the log:\n%s", log)
	}
}

// A changed password works with the next request, whatever is remembered; the
// former one does not.
func TestDigestLDAPChange(t *testing.T) {
	t.Parallel()
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("ann", "userPassword: hunter0") + digestPerson("joe")})
	s, asked := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword"}, directory.CacheOptions{}, nil)
	admin := srv.Admin()
	for i := range 3 {
		if status, out := s.next(s.digestSession(t, "ann", fmt.Sprint("hunter", i), true)); status != 200 {
			t.Fatalf("password %d: %d: %v", i, status, out.Err)
		}
		change(t, admin, "ann", "userPassword", fmt.Sprint("hunter", i+1))
	}
	if status, out := s.next(s.digestSession(t, "ann", "hunter3", true)); status != 200 {
		t.Errorf("%d: %v", status, out.Err)
	}
	if status, out := s.next(s.digestSession(t, "ann", "hunter2", true)); status != 401 {
		t.Errorf("former password: %d: %v", status, out.Err)
	}
	if status, _ := s.next(s.digestSession(t, "joe", "hunter9", true)); status != 401 {
		t.Errorf("no password: %d", status)
	}
	change(t, admin, "joe", "userPassword", "hunter9") // that there was none was remembered
	if status, out := s.next(s.digestSession(t, "joe", "hunter9", true)); status != 200 {
		t.Errorf("first password: %d: %v", status, out.Err)
	}

	// Forget and Reload have it read again at the next use, which otherwise is not.
	session, before := s.digestSession(t, "ann", "hunter3", true), asked.asked.Load()
	guid := ""
	for i, then := range []func(){func() {}, func() { s.Forget(guid) }, func() {
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
	}, func() {}} {
		then()
		status, caller, out := s.try(session.field("PROPFIND", "/calendars/"))
		if status != 200 {
			t.Fatalf("%d: %d: %v", i, status, out.Err)
		}
		guid = caller.Principal.GUID
		if got, want := asked.asked.Load()-before, int32(min(i, 2)); got != want {
			t.Errorf("%d: %d questions, want %d", i, got, want)
		}
	}
}

// Guesses are refused, count, and neither flood the directory nor disturb those
// who have the password.
func TestDigestLDAPGuesses(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("ann", "userPassword: hunter2")})
	s, asked := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword"}, directory.CacheOptions{}, func(o *auth.Options) {
		o.Throttle.LocalFailures = 20
	})
	session := s.digestSession(t, "ann", "hunter2", true)
	if status, out := s.next(session); status != 200 {
		t.Fatalf("%d: %v", status, out.Err)
	}
	var wg sync.WaitGroup
	var wrong, limited atomic.Int32
	begun := time.Now()
	for i := range 50 {
		guess := s.digestSession(t, "ann", fmt.Sprint("guess", i), i%2 == 0)
		wg.Go(func() {
			for range 4 {
				switch status, out := s.next(guess); status {
				case 401:
					wrong.Add(1)
				case 429:
					limited.Add(1)
				default:
					t.Errorf("%d: %v", status, out.Err)
				}
			}
		})
	}
	for range 100 {
		if status, out := s.next(session); status != 200 {
			t.Errorf("the owner: %d: %v", status, out.Err)
		}
	}
	wg.Wait()
	took := time.Since(begun)
	t.Logf("%d wrong, %d limited, %d questions in %v", wrong.Load(), limited.Load(), asked.asked.Load(), took)
	if most := int32(took/time.Second) + 3; asked.asked.Load() > most {
		t.Errorf("%d questions in %v", asked.asked.Load(), took)
	}
	if limited.Load() < 100 {
		t.Errorf("%d of 200 guesses were refused unseen", limited.Load())
	}
}

// While slapd is stopped or stalled, whoever has signed in goes on, and everybody
// else is told to come back: not one 401.
func TestDigestLDAPOutage(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess,
		LDIF: digestPerson("ann", "userPassword: hunter2") + digestPerson("bob", "userPassword: hunter2") + digestPerson("joe", "userPassword: hunter2")})
	for name, away := range map[string][2]func(){"stopped": {srv.Stop, srv.Start}, "stalled": {srv.Pause, srv.Resume}} {
		t.Run(name, func(t *testing.T) {
			s, _ := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword"}, directory.CacheOptions{TTL: 200 * time.Millisecond}, func(o *auth.Options) {
				o.Basic.CacheFor = 200 * time.Millisecond
			})
			ann := s.digestSession(t, "ann", "hunter2", true)
			if status, out := s.next(ann); status != 200 {
				t.Fatalf("%d: %v", status, out.Err)
			}
			bob := s.digestSession(t, "bob", "wrong", true) // known to the directory's cache, and their secret to ours
			if status, out := s.next(bob); status != 401 {
				t.Fatalf("%d: %v", status, out.Err)
			}
			time.Sleep(300 * time.Millisecond)
			away[0]()
			back := sync.OnceFunc(away[1])
			defer back()
			for i := range 20 {
				begun := time.Now()
				if status, out := s.next(ann); status != 200 {
					t.Fatalf("known %d: %d: %v", i, status, out.Err)
				}
				if took := time.Since(begun); took > 5*time.Second || i > 0 && took > time.Second {
					t.Errorf("known %d: took %v", i, took)
				}
			}
			fresh := s.digestSession(t, "ann", "hunter2", true) // a new session of who is known
			if status, out := s.next(fresh); status != 200 {
				t.Errorf("new session: %d: %v", status, out.Err)
			}
			for what, c := range map[string]*digestClient{"wrong": s.digestSession(t, "ann", "wrong", true), "never right": bob, "unknown": s.digestSession(t, "joe", "hunter2", true)} {
				status, out := s.next(c)
				if status != 503 || out.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %d %v: %v", what, status, out.Header, out.Err)
				}
			}
			back()
			eventually(t, func() bool { status, _ := s.next(s.digestSession(t, "joe", "hunter2", true)); return status == 200 })
			eventually(t, func() bool { status, _ := s.next(s.digestSession(t, "ann", "wrong", true)); return status == 401 })
		})
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not recover")
		}
	}
}

// Secrets do not get into messages, not even of failures.
func TestDigestLDAPHidden(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess,
		LDIF: digestPerson("ann", "userPassword: hunter2", "digestHA1: "+storedHA1("ann", "hunter2", false))})
	s, _ := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword", DigestHA1: "digestHA1"}, directory.CacheOptions{}, nil)
	for _, password := range []string{"hunter2", "wrong"} {
		s.next(s.digestSession(t, "ann", password, false))
	}
	srv.Stop()
	if status, _ := s.next(s.digestSession(t, "ann", "wrong", false)); status != 503 {
		t.Error(status)
	}
	text := s.log.String()
	if !strings.Contains(text, "password") || strings.Contains(text, "hunter2") || strings.Contains(text, storedHA1("ann", "hunter2", false)[len("ann:test:"):]) {
		t.Errorf("log:\n%s", text)
	}
}
