package directory_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/memldap"
)

// switchable is a directory that can be made to fail, and counts questions.
type switchable struct {
	*directory.Static
	fail  atomic.Pointer[error]
	stall atomic.Bool
	asked atomic.Int64
}

func newSwitchable(t testing.TB) *switchable {
	t.Helper()
	d, err := directory.NewStatic(directorytest.Records())
	if err != nil {
		t.Fatal(err)
	}
	return &switchable{Static: d}
}

func (s *switchable) set(err error) { s.fail.Store(&err) }

func (s *switchable) answer(ctx context.Context) error {
	s.asked.Add(1)
	if s.stall.Load() {
		<-ctx.Done()
		return &directory.UnavailableError{Err: ctx.Err()}
	}
	if err := s.fail.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *switchable) Lookup(ctx context.Context, k directory.Key) (*directory.Principal, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Static.Lookup(ctx, k)
}

func (s *switchable) Groups(ctx context.Context, guid string) ([]string, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Static.Groups(ctx, guid)
}

func (s *switchable) Members(ctx context.Context, guid string, e directory.Expansion) ([]*directory.Principal, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Static.Members(ctx, guid, e)
}

func (s *switchable) MemberGUIDs(ctx context.Context, guid string, e directory.Expansion) ([]string, error) {
	if err := s.answer(ctx); err != nil {
		return nil, err
	}
	return s.Static.MemberGUIDs(ctx, guid, e)
}

// clock is a time that the test moves.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time      { return time.Unix(0, c.now.Load()) }
func (c *clock) add(d time.Duration) { c.now.Add(int64(d)) }
func errIs(err, want error) bool     { return errors.Is(err, want) }
func key(name string) directory.Key  { return directory.Key{By: directory.Name, Value: name} }
func guidOf(p *directory.Principal) directory.Key {
	return directory.Key{By: directory.GUID, Value: p.GUID}
}

func TestCacheTimes(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, NegativeTTL: 10 * time.Second, StaleFor: time.Hour, Now: now.Now, Patience: 50 * time.Millisecond})
	asked := func(want int64) {
		t.Helper()
		if n := d.asked.Swap(0); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
	}
	p, err := c.Lookup(t.Context(), key("Alice"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []directory.Key{key("alice"), key("ALICE"), guidOf(p), {By: directory.Address, Value: "urn:uuid:" + p.GUID}} {
		if q, err := c.Lookup(t.Context(), k); err != nil || q.GUID != p.GUID {
			t.Errorf("%v: %v, %v", k, q, err)
		}
	}
	asked(1)
	for range 3 {
		if _, err := c.Lookup(t.Context(), key("nobody")); !errIs(err, directory.ErrNotFound) {
			t.Error(err)
		}
	}
	asked(1)
	now.add(11 * time.Second)
	if _, err := c.Lookup(t.Context(), key("nobody")); !errIs(err, directory.ErrNotFound) {
		t.Error(err)
	}
	asked(1)
	now.add(time.Minute)
	if _, err := c.Lookup(t.Context(), guidOf(p)); err != nil {
		t.Error(err)
	}
	asked(1)
	c.Flush()
	now.add(time.Millisecond)
	if _, err := c.Lookup(t.Context(), guidOf(p)); err != nil {
		t.Error(err)
	}
	asked(1)
}

// TestCacheOutage: what was known goes on being answered, what was not is
// ErrUnavailable, and nothing turns into ErrNotFound.
func TestCacheOutage(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, StaleFor: time.Hour, RetryEvery: time.Second, Now: now.Now, Patience: 50 * time.Millisecond})
	p, err := c.Lookup(t.Context(), key("alice"))
	if err != nil {
		t.Fatal(err)
	}
	groups, err := c.Groups(t.Context(), p.GUID)
	if err != nil || len(groups) != 3 {
		t.Fatal(groups, err)
	}
	d.set(&directory.UnavailableError{Err: errors.New("test")})
	now.add(30 * time.Minute)
	for range 20 {
		if q, err := c.Lookup(t.Context(), key("alice")); err != nil || q.GUID != p.GUID {
			t.Errorf("known: %v", err)
		}
		if g, err := c.Groups(t.Context(), p.GUID); err != nil || !slices.Equal(g, groups) {
			t.Errorf("known groups: %v", err)
		}
		if _, err := c.Lookup(t.Context(), key("bob")); !errIs(err, directory.ErrUnavailable) {
			t.Errorf("unknown: %v", err)
		}
	}
	if n := d.asked.Load(); n > 25 {
		t.Errorf("an unavailable directory was asked %d times", n)
	}
	if s := c.Stats(); !s.Down || s.Stale == 0 {
		t.Errorf("stats: %+v", s)
	}
	d.set(directory.ErrTooMany)
	now.add(2 * time.Second)
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Errorf("after an answer cut off: %v", err)
	}
	now.add(time.Hour)
	if _, err := c.Lookup(t.Context(), key("alice")); err == nil {
		t.Error("an answer of 90 minutes ago was used")
	}
	d.fail.Store(nil)
	now.add(2 * time.Second)
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Error(err)
	}
	if c.Stats().Down {
		t.Error("still down")
	}
}

// TestCacheRecovers: the background question finds the directory back.
func TestCacheRecovers(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, RetryEvery: time.Second, Now: now.Now})
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Fatal(err)
	}
	d.set(&directory.UnavailableError{})
	now.add(2 * time.Minute)
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil || !c.Stats().Down {
		t.Fatal(err, c.Stats())
	}
	d.fail.Store(nil)
	now.add(2 * time.Second)
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "recovery", func() bool { return !c.Stats().Down })
}

// TestCachePatience: a directory that hangs makes nobody wait who is known.
func TestCachePatience(t *testing.T) { synctest.Test(t, cachePatience) }

func cachePatience(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, Now: now.Now, Patience: 50 * time.Millisecond, Timeout: 300 * time.Millisecond})
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Fatal(err)
	}
	d.stall.Store(true)
	now.add(2 * time.Minute)
	start := time.Now()
	for range 10 {
		if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(start); took != 50*time.Millisecond { // the first alone waits
		t.Errorf("ten answers took %v", took)
	}
	time.Sleep(time.Second) // the question ends
}

func TestCacheSharesFlights(t *testing.T) {
	d := newSwitchable(t)
	d.stall.Store(true)
	c := directory.NewCache(d, directory.CacheOptions{Timeout: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Lookup(t.Context(), key("alice")); !errIs(err, directory.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.asked.Load(); n > 3 {
		t.Errorf("asked %d times for 50 callers", n)
	}
	// One who leaves does not take the answer away from the others.
	ctx, cancel := context.WithCancel(t.Context())
	d.stall.Store(false)
	wg.Go(func() { _, _ = c.Lookup(ctx, key("bob")) })
	cancel()
	if _, err := c.Lookup(t.Context(), key("bob")); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestCacheFile: a restart during an outage still knows everybody.
func TestCacheFile(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	o := directory.CacheOptions{Now: now.Now, File: filepath.Join(t.TempDir(), "directory.cache"), Source: "a", Patience: 50 * time.Millisecond}
	c := directory.NewCache(d, o)
	want := map[string]*directory.Principal{}
	for _, p := range directorytest.People() {
		q, err := c.Lookup(t.Context(), key(p.Name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Groups(t.Context(), q.GUID); err != nil {
			t.Fatal(err)
		}
		want[p.Name] = q
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Run(ctx) // writes a last time
	d.set(&directory.UnavailableError{})
	now.add(time.Hour)
	c = directory.NewCache(d, o)
	for name, p := range want {
		for _, k := range []directory.Key{key(name), guidOf(p)} {
			q, err := c.Lookup(t.Context(), k)
			if err != nil || q.FullName != p.FullName || !slices.Equal(q.Emails, p.Emails) || q.LoginEnabled != p.LoginEnabled {
				t.Errorf("%v: %+v, %v", k, q, err)
			}
		}
		if _, err := c.Groups(t.Context(), p.GUID); err != nil {
			t.Error(err)
		}
	}
	if st, err := os.Stat(o.File); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	b, err := os.ReadFile(o.File)
	if err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func() directory.CacheOptions{
		"other source": func() directory.CacheOptions { o := o; o.Source = "b"; return o },
		"truncated":    func() directory.CacheOptions { write(t, o.File, b[:len(b)-40]); return o },
		"garbage":      func() directory.CacheOptions { write(t, o.File, []byte("\x00\x01garbage")); return o },
		"empty":        func() directory.CacheOptions { write(t, o.File, nil); return o },
		"too old":      func() directory.CacheOptions { write(t, o.File, b); o := o; o.StaleFor = time.Minute; return o },
	} {
		c := directory.NewCache(d, damage())
		if _, err := c.Lookup(t.Context(), key("alice")); !errIs(err, directory.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCacheBounded: bogus names push nobody out.
func TestCacheBounded(t *testing.T) {
	d := newSwitchable(t)
	c := directory.NewCache(d, directory.CacheOptions{Size: 640})
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		if _, err := c.Lookup(t.Context(), key("bogus"+string(rune('a'+i%26))+time.Duration(i).String())); !errIs(err, directory.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Missing > 64 || s.Principals != 2 {
		t.Errorf("%+v", s)
	}
	n := d.asked.Load()
	if _, err := c.Lookup(t.Context(), key("alice")); err != nil || d.asked.Load() != n {
		t.Errorf("alice was forgotten: %v", err)
	}
}

// TestCacheNeverLies compares a cache with its directory under random outages
// and times: an error is never a fact, and a fact never older than allowed.
func TestCacheNeverLies(t *testing.T) {
	names := []string{"alice", "bob", "nobody", "staff"}
	rapid.Check(t, func(rt *rapid.T) {
		d, now := newSwitchable(t), newClock()
		c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, NegativeTTL: 30 * time.Second, StaleFor: 10 * time.Minute, Now: now.Now, Patience: time.Second})
		down := false
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 3).Draw(rt, "step") {
			case 0:
				now.add(time.Duration(rapid.IntRange(0, 400).Draw(rt, "seconds")) * time.Second)
			case 1:
				if down = !down; down {
					d.set(&directory.UnavailableError{})
				} else {
					d.fail.Store(nil)
				}
			default:
				name := rapid.SampledFrom(names).Draw(rt, "name")
				p, err := c.Lookup(t.Context(), key(name))
				for i := 0; i < 100 && !down && errIs(err, directory.ErrUnavailable); i++ {
					time.Sleep(time.Millisecond) // a question of before may be under way still
					p, err = c.Lookup(t.Context(), key(name))
				}
				switch {
				case name == "nobody" && err == nil, name != "nobody" && errIs(err, directory.ErrNotFound),
					!down && errIs(err, directory.ErrUnavailable), err == nil && p.Name != name:
					rt.Fatalf("%s: %v, %v (down %v)", name, p, err, down)
				}
			}
		}
	})
}

// That one question cannot be decided does not make the directory unavailable:
// what has changed meanwhile shows for all others.
func TestCacheOneBadQuestion(t *testing.T) {
	const bad = `
dn: uid=broken,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: broken
cn: Broken
`
	_, url := serveMem(t, directorytest.LDIF()+rootEntry+bad, memldap.Options{})
	d := open(t, directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, Users: directory.RecordConfig{GUID: "sn"}})
	now := newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, Now: now.Now})
	if _, err := c.Lookup(t.Context(), key("broken")); !errIs(err, directory.ErrUnavailable) {
		t.Fatalf("entry without identity: %v", err)
	}
	if c.Stats().Down {
		t.Error("one entry without identity makes the directory unavailable")
	}

	many := newSwitchable(t)
	many.set(directory.ErrTooMany)
	c = directory.NewCache(many, directory.CacheOptions{TTL: time.Minute, Now: now.Now})
	if _, err := c.Members(t.Context(), "x", directory.Direct); !errIs(err, directory.ErrTooMany) {
		t.Fatal(err)
	}
	if c.Stats().Down {
		t.Error("one large group makes the directory unavailable")
	}
}

// However a login is written, it is remembered once.
func TestCacheLoginsWrittenDifferently(t *testing.T) {
	d := newSwitchable(t)
	c := directory.NewCache(d, directory.CacheOptions{})
	login := func(v string) {
		t.Helper()
		p, err := c.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: v})
		if err != nil || p.Name != "alice" {
			t.Errorf("%q: %v, %v", v, p, err)
		}
	}
	login("alice")
	for i := range 100 {
		login(fmt.Sprintf(`DOMAIN%d\alice`, i))
	}
	for i := range 1 << 5 { // letters as they are, and of double width
		name := []rune("alice")
		for j := range name {
			if i>>j&1 != 0 {
				name[j] += 'ａ' - 'a'
			}
		}
		login(string(name))
	}
	if n := c.Stats().Principals; n > 3 {
		t.Errorf("%d answers kept for one person", n)
	}
}

// A record that the code stumbles over does not stop the program.
func TestCachePanic(t *testing.T) {
	c := directory.NewCache(panics{}, directory.CacheOptions{})
	if _, err := c.Lookup(t.Context(), key("alice")); !errIs(err, directory.ErrUnavailable) || !strings.Contains(err.Error(), "stumbled") {
		t.Error(err)
	}
}

type panics struct{ directory.Directory }

func (panics) Lookup(context.Context, directory.Key) (*directory.Principal, error) { panic("stumbled") }
