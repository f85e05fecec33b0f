package directory_test

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/memldap"
	"convene/testenv"
)

var alice = directory.Key{By: directory.Name, Type: directory.User, Value: "alice"}

// twins starts two servers with the same content.
func twins(t *testing.T) (a, b *testenv.LDAP, c directory.LDAPConfig) {
	t.Helper()
	o := testenv.LDAPOptions{LDIF: directorytest.LDIF()}
	a, b = testenv.OpenLDAP(t, o), testenv.OpenLDAP(t, o)
	c = openLDAP(a)
	c.AllowPlain, c.CAFile = true, ""
	c.URLs = []string{a.URL, b.URL}
	c.Timeout = 10 * time.Second
	return a, b, c
}

func up(d *directory.LDAP) []bool {
	var out []bool
	for _, s := range d.Health() {
		out = append(out, s.Up)
	}
	return out
}

func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

// TestFailover loses the first of two servers in all the ways, while eight
// clients ask, and measures the longest time that one of them waited.
func TestFailover(t *testing.T) {
	a, _, c := twins(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0") // accepts by its backlog, answers nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dead.Close() })
	for _, tt := range []struct {
		name       string
		lose, heal func()
	}{
		{"refuses", a.Stop, a.Start},
		{"hangs", a.Pause, a.Resume},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, c)
			if _, err := d.Lookup(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
			stop := clients(t, d)
			time.Sleep(200 * time.Millisecond)
			calm := stop() // how long one waits on this machine anyway
			stop = clients(t, d)
			tt.lose()
			time.Sleep(2500 * time.Millisecond)
			if got := up(d); !slices.Equal(got, []bool{false, true}) {
				t.Errorf("health: %v", d.Health())
			}
			tt.heal()
			healed := time.Now()
			eventually(t, 10*time.Second, "recovery", func() bool { return !slices.Contains(up(d), false) })
			back := time.Since(healed)
			worst := stop()
			t.Logf("worst wait %v, first server in use again %v after it came back", worst.Round(time.Millisecond), back.Round(time.Millisecond))
			if worst > 2*time.Second+10*calm {
				t.Errorf("somebody waited %v, before %v", worst, calm)
			}
		})
	}
	t.Run("dead from the start", func(t *testing.T) {
		c := c
		c.URLs = []string{"ldap://" + dead.Addr().String(), c.URLs[0]}
		d := open(t, c)
		start := time.Now()
		if _, err := d.Lookup(t.Context(), alice); err != nil {
			t.Error(err)
		}
		took := time.Since(start)
		t.Logf("first answer after %v", took.Round(time.Millisecond))
		if took > 4*time.Second { // 1 s of silence, and two connections on a busy machine
			t.Errorf("took %v", took)
		}
	})
}

// clients asks d eight times at once, over and over, until stop is called,
// which returns the longest time that one question took. No question fails.
func clients(t *testing.T, d *directory.LDAP) (stop func() time.Duration) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var worst time.Duration
	done := make(chan struct{})
	one := func(name string) {
		start := time.Now()
		if _, err := d.Lookup(t.Context(), directory.Key{By: directory.Name, Value: name}); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		took := time.Since(start)
		if _, err := d.Authenticate(t.Context(), "bob", "Pw!bob1"); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		worst = max(worst, took)
	}
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-time.After(2 * time.Millisecond):
					one(fmt.Sprintf("nobody%d.%d", i, n))
				}
			}
		})
	}
	return func() time.Duration {
		close(done)
		wg.Wait()
		return worst
	}
}

// TestOtherAnswers checks what the second server is asked for, and what not.
func TestOtherAnswers(t *testing.T) {
	first, url1 := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	second, url2 := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	c := directory.LDAPConfig{URLs: []string{url1, url2}, Base: []string{base}, FailoverAfter: 500 * time.Millisecond, Timeout: 5 * time.Second}
	for _, tt := range []struct {
		name   string
		quirks memldap.Quirks
		asked  bool // the second server
		err    error
	}{
		{"well", memldap.Quirks{}, false, nil},
		{"busy", memldap.Quirks{Fail: ldap.LDAPResultBusy}, true, nil},
		{"unavailable", memldap.Quirks{Fail: ldap.LDAPResultUnavailable}, true, nil},
		{"drops", memldap.Quirks{DropAfter: -1}, true, nil},
		{"slow", memldap.Quirks{Delay: 2 * time.Second}, true, nil},
		{"refuses the question", memldap.Quirks{Fail: ldap.LDAPResultInsufficientAccessRights}, false, directory.ErrUnavailable},
		{"time limit", memldap.Quirks{Fail: ldap.LDAPResultTimeLimitExceeded}, false, directory.ErrUnavailable},
		{"referral", memldap.Quirks{Fail: ldap.LDAPResultReferral}, false, directory.ErrUnavailable},
		{"no such base", memldap.Quirks{Fail: ldap.LDAPResultNoSuchObject}, false, directory.ErrUnavailable},
		{"size limit", memldap.Quirks{Fail: ldap.LDAPResultSizeLimitExceeded}, false, directory.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, c)
			first.SetQuirks(tt.quirks)
			defer first.SetQuirks(memldap.Quirks{})
			before, _ := second.Requests()
			_, err := d.Lookup(t.Context(), alice)
			after, _ := second.Requests()
			if !errors.Is(err, tt.err) || (after > before) != tt.asked {
				t.Errorf("err %v, second asked %d times", err, after-before)
			}
		})
	}
}

// TestSlowIsAskedLast: a server that responds to others but not to a question has the next
// questions put to the other one at once, and is not taken for one that is down.
func TestSlowIsAskedLast(t *testing.T) {
	first, url1 := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	_, url2 := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	c := directory.LDAPConfig{URLs: []string{url1, url2}, Base: []string{base}, FailoverAfter: time.Second, Timeout: 8 * time.Second}
	for range 5 { // on a machine that stands still for long the server is silent, and so down
		d := open(t, c)
		number := func() int { n, _ := first.Requests(); return int(n) }
		first.SetQuirks(memldap.Quirks{Delay: 800 * time.Millisecond})
		before := number()
		done := make(chan error, 1)
		go func() {
			_, err := d.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: "bob"})
			done <- err
		}()
		eventually(t, 5*time.Second, "the first server is asked", func() bool { return number() > before })
		first.SetQuirks(memldap.Quirks{Delay: 3 * time.Second})
		if _, err := d.Lookup(t.Context(), alice); err != nil { // while it responds to the other
			t.Fatal(err)
		}
		before = number()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		_, err := d.Lookup(t.Context(), alice)
		first.SetQuirks(memldap.Quirks{})
		if err != nil {
			t.Fatal(err)
		}
		if up(d)[0] {
			if n := number() - before; n != 0 {
				t.Errorf("the slow server is asked %d times more", n)
			}
			return
		}
	}
	t.Error("the first server was never slow, and always down")
}

const rootEntry = "\ndn: dc=example,dc=com\nobjectClass: domain\ndc: example\n"

// TestIdleConnectionLost restarts the only server between two questions: that
// the kept connection is gone is no failure.
func TestIdleConnectionLost(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF()})
	d := open(t, openLDAP(s))
	for range 3 {
		if _, err := d.Lookup(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Authenticate(t.Context(), "alice", "Pw!alice1"); err != nil {
			t.Fatal(err)
		}
		s.Stop()
		s.Start()
	}
}

// TestNoGUID: an identity that cannot be read is not "no such person".
func TestNoGUID(t *testing.T) {
	_, url := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	c := directory.LDAPConfig{URLs: []string{url}, Base: []string{base}}
	c.Users.GUID = "employeeNumber"
	if _, err := open(t, c).Lookup(t.Context(), alice); !errors.Is(err, directory.ErrUnavailable) {
		t.Error(err)
	}
}

func TestLockout(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), Lockout: true})
	d := open(t, openLDAP(s))
	for range 3 {
		if _, err := d.Authenticate(t.Context(), "alice", "wrong"); !errors.Is(err, directory.ErrInvalidCredentials) {
			t.Fatal(err)
		}
	}
	_, err := d.Authenticate(t.Context(), "alice", "Pw!alice1")
	if !errors.Is(err, directory.ErrAccountLocked) || !errors.Is(err, directory.ErrInvalidCredentials) {
		t.Errorf("locked: %v", err)
	}
	r := ldap.NewModifyRequest("uid=bob,ou=people,"+base, nil)
	r.Replace("pwdReset", []string{"TRUE"})
	if err := s.Admin().Modify(r); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Authenticate(t.Context(), "bob", "Pw!bob1"); !errors.Is(err, directory.ErrPasswordExpired) {
		t.Errorf("to be changed: %v", err)
	}
}

// TestTLS: no connection without a valid certificate, and none in clear to
// other machines.
func TestTLS(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: directorytest.LDIF(), TLSOnly: true})
	other := testenv.NewCA(t)
	good := openLDAP(s)
	for _, tt := range []struct {
		name string
		edit func(*directory.LDAPConfig)
		err  error
	}{
		{"ldaps", func(*directory.LDAPConfig) {}, nil},
		{"starttls", func(c *directory.LDAPConfig) { c.URLs, c.StartTLS = []string{s.URL}, true }, nil},
		{"name", func(c *directory.LDAPConfig) { c.ServerName = "ldap.example.com" }, directory.ErrUnavailable},
		{"authority", func(c *directory.LDAPConfig) { c.CAFile = other.File }, directory.ErrUnavailable},
		{"starttls authority", func(c *directory.LDAPConfig) { c.URLs, c.StartTLS, c.CAFile = []string{s.URL}, true, other.File }, directory.ErrUnavailable},
		{"plain", func(c *directory.LDAPConfig) { c.URLs = []string{s.URL} }, directory.ErrUnavailable}, // slapd refuses
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.edit(&c)
			if _, err := open(t, c).Lookup(t.Context(), alice); !errors.Is(err, tt.err) {
				t.Error(err)
			}
		})
	}
	c := good
	c.URLs = []string{"ldap://ldap.example.com"}
	if _, err := directory.OpenLDAP(c, directory.Options{}); err == nil || !strings.Contains(err.Error(), "clear") {
		t.Errorf("plain to another machine: %v", err)
	}
	c.URLs = []string{s.SocketURL}
	c.BindDN, c.BindPassword = "external", ""
	if _, err := open(t, c).Lookup(t.Context(), alice); err != nil {
		t.Errorf("socket: %v", err)
	}
}

// TestReload takes a changed password into use.
func TestReload(t *testing.T) {
	s, url := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	file := testenv.WriteFile(t, t.TempDir()+"/pw", "wrong\n")
	d := open(t, directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, BindDN: "uid=alice,ou=people," + base, BindPasswordFile: file})
	if _, err := d.Lookup(t.Context(), alice); !errors.Is(err, directory.ErrUnavailable) {
		t.Fatal(err)
	}
	testenv.WriteFile(t, file, "Pw!alice1\n")
	if err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lookup(t.Context(), alice); err != nil {
		t.Error(err)
	}
	if err := d.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if searches, _ := s.Requests(); searches == 0 {
		t.Error("never asked")
	}
}

// Questions under way when the configuration is read again are answered, by the
// connections that they began with; then these are closed.
func TestReloadLetsQuestionsEnd(t *testing.T) {
	s, url := serveMem(t, directorytest.LDIF()+rootEntry, memldap.Options{})
	d := open(t, directory.LDAPConfig{URLs: []string{url}, Base: []string{base}})
	s.SetQuirks(memldap.Quirks{Delay: 300 * time.Millisecond})
	var asking sync.WaitGroup
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		asking.Go(func() {
			if _, err := d.Authenticate(t.Context(), name, "wrong"); !errors.Is(err, directory.ErrInvalidCredentials) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for range 3 {
		time.Sleep(100 * time.Millisecond)
		if err := d.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	asking.Wait()
	// Close does not wait for what hangs.
	s.SetQuirks(memldap.Quirks{Delay: 3 * time.Second})
	asking.Go(func() { _, _ = d.Lookup(t.Context(), alice) })
	time.Sleep(100 * time.Millisecond)
	if err := d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	asking.Wait()
}

// A server that was away is asked last for a while: it does not know yet who is new.
func TestComesBackBehind(t *testing.T) {
	const who = "\ndn: uid=%[1]s,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\nsn: New\n"
	both := directorytest.LDIF() + rootEntry
	first, url1 := serveMem(t, both+fmt.Sprintf(who, "left"), memldap.Options{})
	second, url2 := serveMem(t, both+fmt.Sprintf(who, "new"), memldap.Options{})
	d := open(t, directory.LDAPConfig{URLs: []string{url1, url2}, Base: []string{base}, FailoverAfter: 500 * time.Millisecond, Timeout: 5 * time.Second})
	knows := func(name string) bool {
		t.Helper()
		_, err := d.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: name})
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	lose := func(s *memldap.Server, which int) {
		t.Helper()
		s.SetQuirks(memldap.Quirks{Fail: ldap.LDAPResultUnavailable})
		knows("alice")
		if up(d)[which] {
			t.Fatalf("health: %v", d.Health())
		}
	}
	heal := func(s *memldap.Server) {
		t.Helper()
		s.SetQuirks(memldap.Quirks{})
		eventually(t, 10*time.Second, "recovery", func() bool { return !slices.Contains(up(d), false) })
	}
	if !knows("left") || knows("new") {
		t.Error("the first is not asked first")
	}
	lose(first, 0)
	heal(first)
	if knows("left") || !knows("new") {
		t.Error("the first, which was away, is asked first")
	}
	lose(second, 1) // and the other has to do
	if !knows("left") || knows("new") {
		t.Error("the first is not asked when the second is away")
	}
	heal(second)
	if !knows("left") || knows("new") {
		t.Error("of two that were away, the first is not asked first")
	}
}
