package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// dump is all that an engine has.
func dump(t *testing.T, e Engine, tables []Table) string {
	t.Helper()
	var out bytes.Buffer
	err := e.View(t.Context(), func(r Reader) error {
		out.Reset()
		for _, table := range tables {
			for k, v := range r.Scan(table, Range{}) {
				fmt.Fprintf(&out, "%s %x %x\n", table, k, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func writeSnapshot(t *testing.T, e Engine, path string) {
	t.Helper()
	s, err := e.(Snapshotter).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err == nil {
		_, err = s.WriteTo(f)
	}
	if err := errors.Join(err, f.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCopyFollows: a snapshot that takes in what a feed told is what the engine is then,
// whether updates went to the log or, too large for it, to the file, and wherever in
// between it was written. It takes in nothing twice, and nothing behind a gap.
func TestCopyFollows(t *testing.T) {
	tables := []Table{"a", "hot"}
	o := BoltOptions{Tables: tables, Hot: "hot", NoSync: true, logHalf: 64 << 10}
	dir := t.TempDir()
	e, err := OpenBolt(filepath.Join(dir, "a.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	feed, err := e.(Follower).Follow()
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	random := rand.New(rand.NewPCG(3, 4))
	change := func(i int) {
		n := random.IntN(2000)
		if i%20 == 7 {
			n = 100 << 10 // more than the log takes
		}
		err := e.Update(t.Context(), func(w Writer) error {
			if err := w.Put("hot", []byte("n"), []byte{byte(i)}); err != nil {
				return err
			}
			key := []byte{byte(random.IntN(30))}
			if random.IntN(4) == 0 {
				return w.Delete("a", key)
			}
			return w.Put("a", key, bytes.Repeat([]byte{byte(i)}, n))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var commits []Commit
	var wants []string // after so many commits
	wants = append(wants, dump(t, e, tables))
	taken := func() {
		list, err := feed.Take()
		if err != nil {
			t.Fatal(err)
		}
		commits = append(commits, list...)
		wants = append(wants, dump(t, e, tables))
		if len(wants) != len(commits)+1 {
			t.Fatalf("%d commits were told of %d", len(commits), len(wants)-1)
		}
	}
	snapshots := map[string]int{}
	for i := range 120 {
		change(i)
		taken()
		if i%30 == 10 {
			path := filepath.Join(dir, fmt.Sprintf("copy%d.db", i))
			writeSnapshot(t, e, path)
			snapshots[path] = len(commits)
		}
	}
	for path, has := range snapshots {
		for _, n := range []int{has, has + 1, len(commits) - 3, len(commits)} {
			copied := path + "-copy"
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(copied, b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := OpenCopy(copied, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, commit := range commits[:n] {
				if err := c.Take(commit); err != nil {
					t.Fatal(err)
				}
			}
			if n+2 < len(commits) {
				if err := c.Take(commits[n+1]); !errors.Is(err, ErrDamaged) {
					t.Errorf("behind a gap: %v", err)
				}
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := OpenBolt(copied, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(t, again, tables); got != wants[n] {
				t.Errorf("%s of commit %d, with %d: another content", filepath.Base(path), has, n)
			}
			change := again.Update(t.Context(), func(w Writer) error { return w.Put("a", []byte("later"), nil) })
			if err := errors.Join(change, again.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFeedBehind: a feed that nobody takes does not grow without end, and says so.
func TestFeedBehind(t *testing.T) {
	e, err := OpenBolt(filepath.Join(t.TempDir(), "a.db"), BoltOptions{Tables: []Table{"a"}, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	feed, err := e.(Follower).Follow()
	if err != nil {
		t.Fatal(err)
	}
	put := func() {
		err := e.Update(context.Background(), func(w Writer) error { return w.Put("a", []byte("k"), make([]byte, 15<<20)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for range maxFeed/(15<<20) + 1 {
		put()
	}
	if _, err := feed.Take(); !errors.Is(err, ErrBehind) {
		t.Errorf("%v", err)
	}
	put()
	if list, err := feed.Take(); !errors.Is(err, ErrBehind) || len(list) > 0 {
		t.Errorf("afterwards: %d %v", len(list), err)
	}
	feed.Close()
}
