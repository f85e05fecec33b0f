package auth_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"convene/auth"
	"convene/directory"
)

// write makes a file with content.
func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	alice      = basicField("alice", "alice's password")
	aliceWrong = basicField("alice", "wrong")
)

func TestBasicCache(t *testing.T) {
	s := openSite(t, nil)
	for range 5 {
		if status, _, out := s.try(alice); status != 200 {
			t.Fatal(out.Err)
		}
	}
	if n := s.people.binds.Load(); n != 1 {
		t.Errorf("%d binds for 5 requests, want 1", n)
	}
	s.clock.add(6 * time.Minute)
	s.try(alice)
	if n := s.people.binds.Load(); n != 2 {
		t.Errorf("%d binds after the cache's time, want 2", n)
	}
	s.Forget("ALICE-GUID")
	s.try(alice)
	if n := s.people.binds.Load(); n != 3 {
		t.Errorf("%d binds after Forget, want 3", n)
	}
}

func TestBasicDisabledWhileCached(t *testing.T) {
	s := openSite(t, nil)
	s.try(alice)
	s.people.mu.Lock()
	s.people.disabled["ALICE-GUID"] = true
	s.people.mu.Unlock()
	if status, _, out := s.try(alice); status != 403 {
		t.Errorf("disabled: %d, want 403: %v", status, out.Err)
	}
}

func TestBasicOutage(t *testing.T) {
	s := openSite(t, nil)
	s.try(alice)
	s.people.down.Store(true)
	for _, step := range []time.Duration{0, 6 * time.Minute, 11 * time.Hour} {
		s.clock.add(step)
		if status, _, out := s.try(alice); status != 200 {
			t.Errorf("known log-in in an outage: %d: %v", status, out.Err)
		}
	}
	status, _, out := s.try(basicField("bob", "bob's password"))
	if status != 503 || out.Header.Get("Retry-After") != "7" {
		t.Errorf("unknown log-in in an outage: %d %v, want 503 and Retry-After", status, out.Header)
	}
	s.clock.add(2 * time.Hour)
	if status, _, _ := s.try(alice); status != 503 {
		t.Errorf("known log-in after the configured time: %d, want 503", status)
	}
	s.people.down.Store(false)
	s.clock.add(10 * time.Second)
	if status, _, out := s.try(alice); status != 200 {
		t.Errorf("after the outage: %d: %v", status, out.Err)
	}
}

// After an outage log-ins are verified again, however many requests come.
func TestBasicAfterOutage(t *testing.T) {
	s := openSite(t, nil)
	s.try(alice)
	s.people.down.Store(true)
	for range 1000 {
		s.clock.add(time.Second)
		if status, _, out := s.try(alice); status != 200 {
			t.Fatalf("in the outage: %v", out.Err)
		}
	}
	s.people.down.Store(false)
	before := s.people.binds.Load()
	for range 10 {
		s.clock.add(time.Second)
		s.try(alice)
	}
	if n := s.people.binds.Load() - before; n != 1 {
		t.Errorf("%d binds within 10 s after the outage, want 1", n)
	}
}

// A login storm of one credential is one bind.
func TestBasicCoalesced(t *testing.T) {
	s := openSite(t, func(o *auth.Options) { o.Directory.(*people).slow = 50 * time.Millisecond })
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if status, _, out := s.try(alice); status != 200 {
				t.Error(out.Err)
			}
		})
	}
	wg.Wait()
	if n := s.people.binds.Load(); n != 1 {
		t.Errorf("%d binds, want 1", n)
	}
}

func TestBasicNeedsTLS(t *testing.T) {
	s := openSite(t, func(o *auth.Options) {
		o.BasicOverPlain = false
		o.Secure = func(r *http.Request) bool { return r.Header.Get("X-Forwarded-Proto") == "https" }
	})
	if status, _, _ := s.try(alice); status != 403 {
		t.Errorf("over plain: %d, want 403", status)
	}
	r := request(alice)
	r.Header.Set("X-Forwarded-Proto", "https")
	if c, out := s.Authenticate(r); c == nil {
		t.Errorf("over TLS: %v", out.Err)
	}
	if n := s.people.binds.Load(); n != 1 {
		t.Errorf("%d binds, want 1", n)
	}
}

func TestHtpasswd(t *testing.T) {
	// bob's password is "secret", by openssl passwd -apr1.
	file := write(t, "# staff\nbob:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n")
	s := openSite(t, func(o *auth.Options) { o.Basic.Files = []string{file} })
	check := func(password string, want int) {
		t.Helper()
		if status, _, out := s.try(basicField("bob", password)); status != want {
			t.Errorf("%q: %d, want %d: %v", password, status, want, out.Err)
		}
	}
	check("secret", 200)
	check("bob's password", 401) // the file decides
	if n := s.people.binds.Load(); n != 0 {
		t.Errorf("%d binds, want 0", n)
	}
	// An entry that is not understood is no password.
	s.clock.add(2 * time.Second)
	if err := os.WriteFile(file, []byte("bob:$argon2zz$x$y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Forget("BOB-GUID")
	check("$argon2zz$x$y", 503)
	check("secret", 503)
	// A broken file leaves the last good one in force.
	if err := os.WriteFile(file, []byte("bob\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil || strings.Contains(err.Error(), "bob") {
		t.Errorf("Reload of a broken file: %v", err)
	}
}

func TestThrottleAccount(t *testing.T) {
	s := openSite(t, nil)
	for i, want := range []int{401, 401, 401, 429, 429, 429} {
		status, _, out := s.try(basicField("alice", "guess"+string(rune('a'+i))))
		if status != want {
			t.Errorf("guess %d: %d, want %d: %v", i, status, want, out.Err)
		}
		if status == 429 && out.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
	if n := s.people.binds.Load(); n != 3 {
		t.Errorf("%d guesses reached the directory, want 3", n)
	}
	// Other forms of the same login are the same account.
	for _, login := range []string{"ALICE", "alice@example.com", "Alice@Example.COM"} {
		if status, _, _ := s.try(basicField(login, "another guess")); status != 429 {
			t.Errorf("guess as %s: %d, want 429", login, status)
		}
	}
	// A guess that was refused is refused again, not throttled.
	if status, _, _ := s.try(basicField("alice", "guessa")); status != 401 {
		t.Error("a known wrong password is not 401")
	}
	if status, _, _ := s.try(basicField("bob", "bob's password")); status != 200 {
		t.Error("another account is throttled")
	}
	s.clock.add(15 * time.Minute)
	if status, _, out := s.try(alice); status != 200 {
		t.Errorf("after the window: %d: %v", status, out.Err)
	}
}

// An old password in a phone counts once, and the right one goes on working.
func TestThrottleSamePasswordOnce(t *testing.T) {
	s := openSite(t, nil)
	for range 50 {
		if status, _, _ := s.try(aliceWrong); status != 401 {
			t.Fatalf("same wrong password: %d, want 401", status)
		}
	}
	if n := s.people.binds.Load(); n != 1 {
		t.Errorf("%d binds, want 1", n)
	}
	if status, _, _ := s.try(alice); status != 200 {
		t.Error("right password refused")
	}
}

// Somebody guessing does not lock out who has signed in before, even when the
// log-in has to be verified again.
func TestThrottleSparesTheProven(t *testing.T) {
	s := openSite(t, nil)
	s.try(alice)
	s.clock.add(10 * time.Minute)
	for _, g := range []string{"a", "b", "c", "d", "e"} {
		s.try(basicField("alice", g))
	}
	if status, _, out := s.try(alice); status != 200 {
		t.Errorf("right password: %d: %v", status, out.Err)
	}
}

// Parallel guesses do not get more passwords through than the limit.
func TestThrottleParallel(t *testing.T) {
	s := openSite(t, func(o *auth.Options) { o.Directory.(*people).slow = 20 * time.Millisecond })
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() { s.try(basicField("alice", strings.Repeat("x", i+1))) })
	}
	wg.Wait()
	if n := s.people.binds.Load(); n > 3 {
		t.Errorf("%d parallel guesses reached the directory, want at most 3", n)
	}
}

func TestThrottleAddress(t *testing.T) {
	s := openSite(t, func(o *auth.Options) {
		o.Throttle.AddressFailures = 10
		o.Address = func(r *http.Request) string { return r.Header.Get("X-Test-Address") }
	})
	from := func(address, field string) int {
		r := request(field)
		r.Header.Set("X-Test-Address", address)
		c, out := s.Authenticate(r)
		if c != nil {
			return 200
		}
		return out.Status
	}
	for i := range 10 {
		if status := from("2001:db8::1", basicField("nobody"+string(rune('a'+i)), "x")); status != 401 {
			t.Fatalf("unknown name %d: %d", i, status)
		}
	}
	for address, want := range map[string]int{"2001:db8::1": 429, "2001:db8::ffff": 401, "2001:db8:0:1::1": 401, "192.0.2.1": 401, "": 401} {
		if status := from(address, basicField("nobody", "x")); status != want {
			t.Errorf("from %q: %d, want %d", address, status, want)
		}
	}
}

// An account that the directory has locked is not hammered, and what the
// client is told does not tell it from a wrong password.
func TestAccountRefused(t *testing.T) {
	s := openSite(t, nil)
	locked := error(directory.ErrAccountLocked)
	s.people.deny.Store(&locked)
	for range 10 {
		status, _, out := s.try(alice)
		if status != 401 || strings.Contains(out.Body, "locked") {
			t.Fatalf("%d %q", status, out.Body)
		}
	}
	if n := s.people.binds.Load(); n != 1 {
		t.Errorf("%d binds, want 1", n)
	}
	s.people.deny.Store(nil)
	s.clock.add(61 * time.Second)
	if status, _, out := s.try(alice); status != 200 {
		t.Errorf("unlocked: %d: %v", status, out.Err)
	}
}

// Passwords in a file are guessed at no more often than those in the directory, from
// however many addresses; a phone with an old one counts once.
func TestThrottleHtpasswd(t *testing.T) {
	file := write(t, "bob:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n")
	s := openSite(t, func(o *auth.Options) { o.Basic.Files, o.Address = []string{file}, testAddress })
	for i := range 20 {
		if got := s.from("192.0.2.7", basicField("bob", "old")); got != 401 {
			t.Errorf("try %d: %d, want 401", i, got)
		}
	}
	if got := s.from("192.0.2.8", basicField("bob", "secret")); got != 200 {
		t.Errorf("another address: %d", got)
	}
	wrong := 0
	for i := range 100 {
		if s.from("198.51.100."+strconv.Itoa(i), basicField("bob", "guess"+strconv.Itoa(i))) == 401 {
			wrong++
		}
	}
	if wrong != 3 {
		t.Errorf("%d of 100 guesses were looked at, want 3", wrong)
	}
}

// Somebody who changes their password shuts out who knows the old one, at the old
// one's next use and in an outage.
func TestBasicPasswordChanged(t *testing.T) {
	s := openSite(t, nil)
	byMail := basicField("alice@example.com", "alice's password")
	for _, field := range []string{alice, byMail} {
		if status, _, out := s.try(field); status != 200 {
			t.Fatal(out.Err)
		}
	}
	s.try(alice)
	if n := s.people.binds.Load(); n != 2 {
		t.Errorf("%d binds for one password under two names, want 2", n)
	}
	s.people.password(t, "alice", "new")
	fresh := basicField("alice", "new")
	if status, _, out := s.try(fresh); status != 200 {
		t.Fatal(out.Err)
	}
	s.people.down.Store(true)
	for _, field := range []string{alice, byMail} {
		if status, _, _ := s.try(field); status != 503 {
			t.Errorf("old password in an outage: %d, want 503", status)
		}
	}
	if status, _, out := s.try(fresh); status != 200 {
		t.Errorf("new password in the outage: %d: %v", status, out.Err)
	}
	s.people.down.Store(false)
	s.clock.add(10 * time.Second)
	for _, field := range []string{alice, byMail} {
		if status, _, _ := s.try(field); status != 401 {
			t.Errorf("old password: %d, want 401", status)
		}
	}
}

// A log-in whose verification began before Forget is not remembered after it.
func TestForgetWhileVerifying(t *testing.T) {
	verifying, goOn := make(chan struct{}, 2), make(chan struct{})
	s := openSite(t, func(o *auth.Options) { o.Directory = holding{o.Directory.(*people), verifying, goOn} })
	done := make(chan int)
	go func() {
		status, _, _ := s.try(alice)
		done <- status
	}()
	<-verifying
	s.Forget("ALICE-GUID")
	close(goOn)
	if status := <-done; status != 200 {
		t.Fatal(status)
	}
	s.try(alice)
	if n := s.people.binds.Load(); n != 2 {
		t.Errorf("%d binds, want 2", n)
	}
}

// A name that nobody has is answered like one that somebody has: as often, with
// the same words, and after the directory was asked.
func TestStrangersLookLikeAccounts(t *testing.T) {
	s := openSite(t, nil)
	answers := func(name string) (out []string) {
		before := s.people.binds.Load()
		for i := range 6 {
			status, _, o := s.try(basicField(name, "guess"+strconv.Itoa(i%5)))
			out = append(out, strconv.Itoa(status)+" "+o.Body)
		}
		return append(out, strconv.Itoa(int(s.people.binds.Load()-before))+" binds")
	}
	known, unknown := answers("alice"), answers("nobody")
	if strings.Join(known, "") != strings.Join(unknown, "") {
		t.Errorf("known:   %q\nunknown: %q", known, unknown)
	}
	s.people.down.Store(true)
	if status, _, _ := s.try(basicField("nobody", "x")); status != 503 {
		t.Errorf("unknown name in an outage: %d, want 503", status)
	}
}

// Parallel guesses of a password in a file are hashed a few at a time, and no
// more get through than the limit and those few.
func TestHtpasswdParallel(t *testing.T) {
	slow, err := bcrypt.GenerateFromPassword([]byte("secret"), 9)
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "bob:"+string(slow)+"\n")
	s := openSite(t, func(o *auth.Options) { o.Basic.Files, o.Throttle.LocalFailures = []string{file}, 5 })
	var hashed atomic.Int32
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if status, _, _ := s.try(basicField("bob", strings.Repeat("x", i+1))); status == 401 {
				hashed.Add(1)
			}
		})
	}
	wg.Wait()
	if n, most := int(hashed.Load()), 5+runtime.GOMAXPROCS(0); n > most {
		t.Errorf("%d guesses were hashed, want at most %d", n, most)
	}
}

// A record made anew under an old name signs in at once, as itself, though the
// cache still has the former one under it.
func TestBasicRecordMadeAnew(t *testing.T) {
	people := newPeople(t)
	cache := directory.NewCache(people, directory.CacheOptions{})
	s := openSite(t, func(o *auth.Options) { o.Directory = cache })
	if _, err := cache.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: "alice"}); err != nil {
		t.Fatal(err)
	}
	anew := directory.Record{Password: "new", Principal: directory.Principal{
		GUID: "ALICE-THE-SECOND", Type: directory.User, Name: "alice", LoginEnabled: true,
	}}
	var err error
	if people.Static, err = directory.NewStatic([]directory.Record{anew}); err != nil {
		t.Fatal(err)
	}
	status, c, out := s.try(basicField("alice", "new"))
	if status != 200 || c.Principal.GUID != "ALICE-THE-SECOND" {
		t.Errorf("%d %+v: %v", status, c, out.Err)
	}
	if status, c, _ := s.try(alice); status != 401 {
		t.Errorf("the former one's password: %d %+v", status, c)
	}
	// So does one who was not there when the cache asked.
	if status, _, _ := s.try(basicField("zoe", "other")); status != 401 {
		t.Errorf("nobody: %d", status)
	}
	zoe := directory.Record{Password: "pw", Principal: directory.Principal{GUID: "ZOE-GUID", Type: directory.User, Name: "zoe", LoginEnabled: true}}
	if people.Static, err = directory.NewStatic([]directory.Record{anew, zoe}); err != nil {
		t.Fatal(err)
	}
	if status, _, out := s.try(basicField("zoe", "pw")); status != 200 {
		t.Errorf("new record: %d: %v", status, out.Err)
	}
}
