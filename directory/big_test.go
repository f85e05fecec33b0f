package directory_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/testenv"
)

// serve starts slapd with a crowd, without an index of uniqueMember, and a directory
// with a cache before it.
func serve(t *testing.T, c directorytest.Crowd) (*testenv.LDAP, *directory.Cache) {
	t.Helper()
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: c.LDIF(testHash("pw")), NoIndex: []string{"uniqueMember"}, Stats: true})
	d := open(t, directory.LDAPConfig{URLs: []string{s.URL}, BindDN: s.ServiceDN, BindPassword: s.ServicePassword, Base: []string{base}})
	return s, directory.NewCache(d, directory.CacheOptions{})
}

// signIn is what a first log-in asks of the directory.
func signIn(t *testing.T, d directory.Directory, login string) (groups []string) {
	p, err := d.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: login})
	if err == nil {
		_, err = d.Authenticate(t.Context(), login, "pw")
	}
	if err == nil {
		groups, err = d.Groups(t.Context(), p.GUID)
	}
	if err != nil {
		t.Errorf("%s: %v", login, err)
	}
	return groups
}

// TestSearchesOfLogin counts what log-ins cost slapd.
func TestSearchesOfLogin(t *testing.T) {
	s, d := serve(t, directorytest.Crowd{People: 2000, Groups: 20, Teamed: 2000, Large: 200})
	if groups := signIn(t, d, "u001000"); len(groups) < 2 {
		t.Fatalf("groups: %v", groups)
	}
	// Which attributes are in use is found out meanwhile.
	for end := time.Now().Add(10 * time.Second); s.Logged("SRCH", "=*))") < 3; {
		if time.Now().After(end) {
			t.Fatal("nobody asks which attributes are in use")
		}
		time.Sleep(time.Millisecond)
	}
	d.FlushRecord("nobody") // what is remembered of groups is gone
	for _, tt := range []struct {
		login string
		most  int
	}{
		{"u000500", 5},             // of a team that nobody has come from
		{"u000501@example.com", 3}, // of another
		{"u000502", 2},             // a colleague: the person, and the groups of that person
		{"u000503@example.com", 2},
	} {
		s.Searches()
		signIn(t, d, tt.login)
		if n := s.Searches(); n > tt.most {
			t.Errorf("%s: %d searches, want at most %d", tt.login, n, tt.most)
		}
	}
}

// TestBigDirectory has the figures for 100,000 people. It takes a minute.
func TestBigDirectory(t *testing.T) {
	if os.Getenv("BIGDIRECTORY") == "" {
		return // make bigdirectory
	}
	s, d := serve(t, directorytest.Crowd{People: 100_000, Groups: 1000, Teamed: 100_000, Large: 50_000})
	report := func(what string, got, most any, ok bool) {
		t.Logf("%-60s %v (at most %v)", what, got, most)
		if !ok {
			t.Errorf("%s: %v, at most %v", what, got, most)
		}
	}
	before := heap()
	const storm = 5000
	begun := time.Now()
	s.Searches()
	everyone(storm, 32, func(i int) { signIn(t, d, fmt.Sprintf("u%06d", 1+i*19%99_999)) })
	took := time.Since(begun)
	report("5,000 first log-ins", took.Round(time.Millisecond), 15*time.Second, took < 15*time.Second)
	each := float64(s.Searches()) / storm
	report("searches of each", fmt.Sprintf("%.2f", each), 5, each <= 5)

	d.Flush()
	begun = time.Now()
	groups := signIn(t, d, directorytest.InNearlyAll)
	took = time.Since(begun)
	report(fmt.Sprintf("log-in of a person in %d groups", len(groups)), took.Round(time.Millisecond), 100*time.Millisecond, took < 100*time.Millisecond)

	large := find(t, d, directory.Key{By: directory.Name, Type: directory.Group, Value: "large"})
	begun = time.Now()
	list, err := d.MemberGUIDs(t.Context(), large.GUID, directory.Direct)
	took = time.Since(begun)
	if err != nil {
		t.Fatal(err)
	}
	report(fmt.Sprintf("members of a group of %d", len(list)), took.Round(time.Millisecond), time.Second, len(list) == 50_000 && took < time.Second)
	list = nil
	d.Flush()

	var times []time.Duration
	for i := range 1000 {
		begun := time.Now()
		_, err := d.Search(t.Context(), directory.Query{Types: directory.Types(), Match: directory.AllOf, Limit: 20, Terms: []directory.Term{
			{Value: fmt.Sprintf("given%d", i%311), How: directory.StartsWord}, {Value: fmt.Sprintf("surn%.*d", i%3, i%977), How: directory.StartsWord}}})
		if err != nil && !strings.Contains(err.Error(), "limit") {
			t.Fatal(err)
		}
		times = append(times, time.Since(begun))
	}
	slices.Sort(times)
	report("search, 99 of 100", times[990].Round(100*time.Microsecond), 50*time.Millisecond, times[990] < 50*time.Millisecond)

	fresh := directory.NewCache(d.Unwrap(), directory.CacheOptions{})
	everyone(15_000, 16, func(i int) { signIn(t, fresh, fmt.Sprintf("u%06d", 1+i*6%99_999)) })
	used := heap() - before
	report("memory of 15,000 active people, MB", used>>20, 300, used < 300<<20)
	runtime.KeepAlive(fresh)
}

func everyone(n, at int, fn func(int)) {
	var wg sync.WaitGroup
	for w := range at {
		wg.Go(func() {
			for i := w; i < n; i += at {
				fn(i)
			}
		})
	}
	wg.Wait()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
