package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/quota"
)

var ctx = context.Background()

// body returns the bytes of an object whose index testIndexer finds in them.
func body(ix Index, text string) []byte {
	return []byte(fmt.Sprintf("%q %d %d %d %d %d\n%s", ix.UID, ix.Component, ix.Start, ix.End, ix.Flags, ix.Busy, text))
}

var errBadBody = errors.New("body is not indexable")

func testIndexer(b []byte) (ix Index, err error) {
	line, _, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return ix, errBadBody
	}
	_, err = fmt.Sscanf(string(line), "%q %d %d %d %d %d", &ix.UID, &ix.Component, &ix.Start, &ix.End, &ix.Flags, &ix.Busy)
	if err != nil {
		return ix, errors.Join(errBadBody, err)
	}
	return ix, nil
}

// event returns the index of an event with uid.
func event(uid string) Index {
	return Index{UID: uid, Component: VEVENT, Start: 1_800_000_000, End: 1_800_003_600, Busy: BusyBusy}
}

// A clock is set by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// limited is a policy for Options.Quota with one set of limits.
func limited(l quota.Limits) func() *quota.Policy {
	p := &quota.Policy{Default: l}
	return func() *quota.Policy { return p }
}

// openTest opens a store in memory whose invariants are checked at the end of
// the test.
func openTest(t *testing.T, o Options) *Store {
	t.Helper()
	return openOn(t, enginetest.Wrap(t, engine.OpenMemory(Tables())), o)
}

// openFile opens a store file without waiting for the disk.
func openFile(t *testing.T, path string, o Options) *Store {
	t.Helper()
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return openOn(t, enginetest.Wrap(t, e), o)
}

func openOn(t *testing.T, e engine.Engine, o Options) *Store {
	t.Helper()
	if o.Indexer == nil {
		o.Indexer = testIndexer
	}
	if o.Now == nil {
		o.Now = newClock().Now
	}
	if o.NewEpoch == nil {
		o.NewEpoch = steadyEpoch
	}
	s, err := OpenEngine(e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if found, err := s.Verify(ctx); errors.Is(err, engine.ErrClosed) {
			return
		} else if err != nil || len(found) > 0 {
			t.Errorf("Verify: %v, %v", found, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// wrapper returns what to put around each engine; see enginetest.Wrapper.
func wrapper(t *testing.T) func(engine.Engine) engine.Engine {
	t.Helper()
	if wrap := enginetest.Wrapper(t); wrap != nil {
		return wrap
	}
	return func(e engine.Engine) engine.Engine { return e }
}

func tempPath(t testing.TB) string { return filepath.Join(t.TempDir(), "calendars.db") }

func update(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(ctx, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t testing.TB, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.View(ctx, fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// home makes a home with a calendar "work", and one "rest", and an inbox.
func home(t testing.TB, s *Store, owner GUID) (h *Home) {
	t.Helper()
	update(t, s, func(tx *Tx) (err error) {
		h, err = tx.EnsureHome(owner, func(b *HomeBuilder) {
			b.Add(NewCollection{Name: "work", Kind: KindCalendar})
			b.Add(NewCollection{Name: "rest", Kind: KindCalendar})
			b.Add(NewCollection{Name: "inbox", Kind: KindInbox})
		})
		return err
	})
	return h
}

func mustCollection(t testing.TB, s *Store, h HomeID, name string) (c *Collection) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) { c, err = tx.Collection(h, name); return err })
	return c
}

// putEvent stores an event whose name is its UID and ".ics".
func putEvent(t testing.TB, s *Store, h HomeID, collection, uid, text string) (e *Entry) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		c, err := tx.Collection(h, collection)
		if err != nil {
			return err
		}
		e, _, err = tx.PutObject(c, uid+".ics", body(event(uid), text), event(uid), Match{})
		return err
	})
	return e
}

// try runs fn on a collection and returns its error.
func try(s *Store, h HomeID, collection string, fn func(*Tx, *Collection) error) error {
	return s.Update(ctx, func(tx *Tx) error {
		c, err := tx.Collection(h, collection)
		if err != nil {
			return err
		}
		return fn(tx, c)
	})
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// dump returns every record of every table as text.
func dump(t testing.TB, s *Store, tables ...engine.Table) string {
	t.Helper()
	if len(tables) == 0 {
		tables = Tables()
	}
	var b bytes.Buffer
	err := s.engine.View(ctx, func(r engine.Reader) error {
		b.Reset()
		for _, table := range tables {
			for k, v := range r.Scan(table, engine.Range{}) {
				fmt.Fprintf(&b, "%s %q: %q\n", table, k, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// names lists what a collection holds as "name@rev", and checks that each is
// readable in every way.
func names(t testing.TB, s *Store, h HomeID, collection string) string {
	t.Helper()
	var b bytes.Buffer
	view(t, s, func(tx *Tx) error {
		b.Reset()
		c, err := tx.Collection(h, collection)
		if err != nil {
			return err
		}
		for e := range tx.Entries(c.ID) {
			fmt.Fprintf(&b, "%s ", e.Name)
			o, err := tx.Object(c.ID, e.Name)
			if err != nil {
				return err
			}
			raw, rev, err := tx.Body(c.ID, e.Name)
			if err != nil {
				return err
			}
			if o.Entry != e || rev != e.Rev || !bytes.Equal(raw, o.Body) || len(raw) != e.Size {
				t.Errorf("%s: entry %+v, object %+v", e.Name, e, o.Entry)
			}
		}
		return nil
	})
	return string(bytes.TrimSpace(b.Bytes()))
}

func wantString(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}
