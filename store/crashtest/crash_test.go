package crashtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"convene/store"
	"convene/testenv"
)

// The environment of the process that is killed.
const (
	envFile = "CRASHTEST_FILE"
	envFrom = "CRASHTEST_FROM"
)

// TestMain turns the test binary into the process that is killed.
func TestMain(m *testing.M) {
	path := os.Getenv(envFile)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := child(path); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

func options() store.Options {
	return store.Options{Indexer: Indexer, ChangeLogAge: time.Second, Step: 20}
}

func child(path string) error {
	from, err := strconv.ParseInt(os.Getenv(envFrom), 10, 64)
	if err != nil {
		return err
	}
	s, err := store.Open(path, options())
	if err != nil {
		return err
	}
	return Work(context.Background(), s, os.Stdout, 8, uint64(from), from)
}

// TestCrash kills a process that writes, again and again, and checks what it
// leaves. CONVENE_CRASHES sets how often; make crash N=100 does.
func TestCrash(t *testing.T) {
	n := 10
	if v := os.Getenv("CONVENE_CRASHES"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "calendars.db")
	j := NewJournal()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		before := j.Acknowledged()
		// From before the file exists to well into a busy time.
		killAfter(t, path, int64(i)<<32, j, testenv.Life(random))
		s, err := store.Open(path, options())
		if err != nil {
			t.Fatalf("crash %d: %v", i, err)
		}
		if err := errors.Join(j.Check(context.Background(), s), s.Close()); err != nil {
			t.Fatalf("crash %d, after %d acknowledged operations: %v", i, j.Acknowledged(), err)
		}
		t.Logf("crash %d: %d operations acknowledged", i, j.Acknowledged()-before)
	}
	if j.Acknowledged() < n {
		t.Errorf("only %d operations were acknowledged", j.Acknowledged())
	}
}

// killAfter runs a child, kills it, and notes what it reported.
func killAfter(t *testing.T, path string, from int64, j *Journal, after time.Duration) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envFile+"="+path, envFrom+"="+strconv.FormatInt(from, 10))
	cmd.Stdout, cmd.Stderr = w, &stderr
	err = cmd.Start()
	w.Close() // the child has its own
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Errorf("kill: %v", err)
		}
	})
	defer timer.Stop()
	followed := j.Follow(r)
	err = cmd.Wait()
	var exit *exec.ExitError
	if followed != nil || !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the process ended by itself: %v, %v, %s", err, followed, stderr.String())
	}
}

// TestCheck: the checker sees what it is there for.
func TestCheck(t *testing.T) {
	ctx := context.Background()
	s, err := store.Open(filepath.Join(t.TempDir(), "calendars.db"), options())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func(names ...string) {
		t.Helper()
		err := s.Update(ctx, func(tx *store.Tx) error {
			if err := new(workers).prepare(tx); err != nil {
				return err
			}
			c, err := find(tx, Key{"ann", "work", ""})
			for _, name := range names {
				_, _, err2 := tx.PutObject(c, name, []byte(name+"\n"), store.Index{UID: name, Component: store.VEVENT, Start: int64(len(name) + 1), End: store.OpenEnded}, store.Match{})
				err = errors.Join(err, err2)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write("a", "b")
	key := func(name string) Key { return Key{"ann", "work", name} }
	good := func() *Journal {
		j := NewJournal()
		j.Begin(1, Effect{key("a"): Sum([]byte("a\n"))})
		j.Done(1)
		j.Begin(2, Effect{key("b"): Sum([]byte("b\n"))})
		return j
	}
	for _, tt := range []struct {
		name string
		fill func(j *Journal)
		ok   bool
	}{
		{"an operation under way that is there", func(j *Journal) {}, true},
		{"one that is not", func(j *Journal) { j.Begin(3, Effect{key("a"): Gone, key("c"): Sum(nil)}) }, true},
		{"acknowledged but not there", func(j *Journal) { j.Begin(3, Effect{key("c"): Sum(nil)}); j.Done(3) }, false},
		{"acknowledged but another body", func(j *Journal) { j.Begin(3, Effect{key("a"): Sum(nil)}); j.Done(3) }, false},
		{"acknowledged as gone but there", func(j *Journal) { j.Begin(3, Effect{key("a"): Gone}); j.Done(3) }, false},
		{"refused but there", func(j *Journal) { j.Refused(2) }, false},
		{"half there", func(j *Journal) { j.Begin(2, Effect{key("b"): Sum([]byte("b\n")), key("c"): Sum(nil)}) }, false},
	} {
		j := good()
		tt.fill(j)
		if err := j.Check(ctx, s); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	j := good()
	if err := errors.Join(j.Check(ctx, s), j.Check(ctx, s)); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if err := j.Follow(io.MultiReader(bytes.NewBufferString("{\"ID\":9,\"Begin\":{\"ann/work/a\":\"\"}}\n{\"ID\":9,"))); err != nil {
		t.Error(err)
	}
	if err := j.Follow(bytes.NewBufferString("nonsense\n")); err == nil {
		t.Error("nonsense was followed")
	}
}
