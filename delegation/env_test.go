package delegation

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const storeID = "calendars-1"

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// memoryWitness is a calendar store's part, as it is after a commit of its own.
type memoryWitness struct {
	mu   sync.Mutex
	mark Mark
	fail error
}

func (w *memoryWitness) Load(context.Context) (Mark, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mark, w.fail
}

func (w *memoryWitness) Save(_ context.Context, m Mark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail == nil {
		w.mark = m
	}
	return w.fail
}

// An env is a folder with a database, its witness and a clock.
type env struct {
	*Book
	t       *testing.T
	dir     string
	store   string
	witness *memoryWitness
	now     time.Time
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, dir: t.TempDir(), store: storeID, witness: &memoryWitness{}, now: noon}
	e.open()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func (e *env) options() Options {
	return Options{Folder: e.dir, Store: e.store, Witness: e.witness, Clock: func() time.Time { return e.now }}
}

func (e *env) open() {
	e.t.Helper()
	b, err := Open(context.Background(), e.options())
	if err != nil {
		e.t.Fatal(err)
	}
	e.Book = b
}

// stop closes the database; what fn does happens while it is closed.
func (e *env) restart(fn func()) {
	e.t.Helper()
	if err := e.Close(); err != nil {
		e.t.Fatal(err)
	}
	fn()
	e.open()
}

func (e *env) read() *Set {
	e.t.Helper()
	s, err := e.Read()
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

func (e *env) path(name string) string { return filepath.Join(e.dir, name) }

func (e *env) wantState(c Condition) {
	e.t.Helper()
	if s := e.State(); s.Condition != c {
		e.t.Fatalf("state %v, want %s", s, c)
	}
}

// put makes delegate one of delegator, by an administrator.
func (e *env) put(delegator, delegate string, level Level, edit ...func(*Limits)) Record {
	e.t.Helper()
	l := PlainLimits(principal(delegator).Kind)
	for _, f := range edit {
		f(&l)
	}
	out, err := e.Put(context.Background(), admin, target(delegator), principal(delegate), level, l)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, r := range append(out.Added, out.Changed...) {
		return r
	}
	return Record{}
}

func (e *env) delegation(caller Caller, delegator string, directory ...Record) Delegation {
	e.t.Helper()
	return e.read().Delegation(caller, delegator, directory, e.now)
}

var (
	admin = Author{Caller: Caller{GUID: "admin"}, Administrator: true, Via: "command"}

	principals = map[string]Kind{"g1": Group, "g2": Group, "g3": Group, "gx": Group, "gy": Group, "staff": Group,
		"neptune": Location, "projector": Resource}

	// The groups of each, as the directory expands them: bob is in g1, that in
	// g2, that in g3; gx and gy are members of each other.
	groups = map[string][]string{"bob": {"g1", "g2", "g3"}, "g1": {"g2", "g3"}, "g2": {"g3"},
		"ann": {"staff"}, "cy": {"staff", "gx", "gy"}, "dan": {"staff"}, "gx": {"gx", "gy"}, "gy": {"gx", "gy"}}
)

func principal(guid string) Principal {
	k := principals[guid]
	if k == 0 {
		k = User
	}
	return Principal{GUID: guid, Kind: k, Calendars: k != Group}
}

func target(guid string, directory ...Record) Target { return Target{principal(guid), directory} }

func caller(guid string) Caller { return Caller{GUID: guid, Groups: groups[guid]} }

func author(guid string) Author { return Author{Caller: caller(guid), Via: "client"} }

// members turns groups around.
func members() map[string][]string {
	m := map[string][]string{}
	for guid, of := range groups {
		for _, g := range of {
			m[g] = append(m[g], guid)
		}
	}
	return m
}

func copyTo(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, paths ...string) {
	t.Helper()
	for _, p := range paths {
		if err := os.RemoveAll(p); err != nil {
			t.Fatal(err)
		}
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }
