package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"convene/audit"
)

// envDir and envLimit make the test binary a process that records until it is
// killed, in a folder, with files of so many bytes at most if that is not 0.
const (
	envDir   = "AUDITTEST_DIR"
	envLimit = "AUDITTEST_LIMIT"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(envDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir, os.Getenv(envLimit)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child records acts and prints the name of each that it was allowed to do.
func child(dir, limit string) error {
	if limit != "" {
		return full(dir, limit)
	}
	l, err := audit.Open(audit.Options{Files: filesIn(dir), MaxSize: 20_000, Now: time.Now})
	if err != nil {
		return err
	}
	fmt.Println("open")
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := 0; err == nil; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
				p, err := l.Begin(context.Background(), act(name))
				if err != nil {
					return
				}
				fmt.Println(name) // one write: what is printed was acknowledged
				if p.End(nil, nil) != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.New("it cannot record")
}

// A process that is killed while it records leaves a whole chain that has every act
// which it was allowed to do.
func TestKilled(t *testing.T) {
	f := filesIn(t.TempDir())
	acknowledged := map[string]bool{}
	for round := range 30 {
		for _, name := range killAfter(t, f, round%5, time.Duration(rand.IntN(20))*time.Millisecond) {
			acknowledged[name] = true
		}
		l := open(t, f, 20_000, nil) // as the next start does
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, f); len(r.Problems) > 0 {
			t.Fatalf("round %d: %+v", round, r.Problems)
		}
	}
	missing := len(acknowledged)
	for _, l := range lines(t, f) {
		if l.Verb == "audit.gap" {
			t.Errorf("lines were lost: %+v", l)
		}
		if l.Kind == audit.Intent && acknowledged[l.Object.Name] {
			missing--
		}
	}
	if missing != 0 || len(acknowledged) < 30 {
		t.Errorf("%d of %d acts are not in the log", missing, len(acknowledged))
	}
}

// killAfter runs a child, kills it a while after it has opened the log and reported so
// many acts, and returns all that it reported.
func killAfter(t *testing.T, f audit.Files, acts int, after time.Duration) (names []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDir+"="+strings.TrimSuffix(f.Path, "/audit.log"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if in.Text() != "open" {
			names = append(names, in.Text())
		}
		if len(names) == acts {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != -1 {
		t.Fatalf("it ended by itself: %v, %s", err, stderr.String())
	}
	return names
}

// full records with a limit for the size of files, until it is refused; then it
// checks what is left, removes the limit, and goes on.
func full(dir, limit string) error {
	most, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: most, Max: before.Max}); err != nil {
		return err
	}
	l, err := audit.Open(audit.Options{Files: filesIn(dir), Now: time.Now})
	if err != nil {
		return err
	}
	done := 0
	for err == nil {
		err = l.Do(context.Background(), act("ann"), func() (any, error) { done++; return nil, nil })
	}
	if !errors.Is(err, audit.ErrNotRecorded) || l.Err() == nil || done == 0 {
		return fmt.Errorf("%d acts, then %w; health: %w", done, err, l.Err())
	}
	fmt.Println(done)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	return errors.Join(l.Record(act("last"), nil), l.Err(), l.Close())
}

// When a file cannot grow, acts are refused, the chain stays whole, and goes on when
// there is place again.
func TestFull(t *testing.T) {
	for _, limit := range []int{1000, 1234, 2345, 4000} { // at some place within a line
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envDir+"="+dir, envLimit+"="+fmt.Sprint(limit))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			done, err := strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				t.Fatal(err)
			}
			f := filesIn(dir)
			if r := verify(t, f); len(r.Problems) > 0 {
				t.Errorf("%+v", r.Problems)
			}
			intents := 0
			got := lines(t, f)
			for _, l := range got {
				if l.Kind == audit.Intent {
					intents++
				}
			}
			if intents != done || got[len(got)-1].Object.Name != "last" {
				t.Errorf("%d acts are in the log, %d were done", intents, done)
			}
		})
	}
}

// While the witness cannot be written nothing is recorded.
func TestWitnessNotWritten(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 0, nil)
	record(t, l, 1)
	if err := errors.Join(os.Remove(f.Witness), os.MkdirAll(f.Witness+"/x", 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Record(act("ann"), nil); !errors.Is(err, audit.ErrNotRecorded) {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(f.Witness); err != nil {
		t.Fatal(err)
	}
	record(t, l, 1)
	if r := verify(t, f); len(r.Problems) > 0 || r.Lines != 3 {
		t.Errorf("%+v", r)
	}
}
