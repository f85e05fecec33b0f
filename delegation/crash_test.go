package delegation

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The environment of the process that is killed.
const (
	envFolder = "DELEGATION_CRASH_FOLDER"
	envFrom   = "DELEGATION_CRASH_FROM"
)

// TestMain turns the test binary into the process that is killed.
func TestMain(m *testing.M) {
	dir := os.Getenv(envFolder)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := crashWork(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fileWitness is a calendar store that outlives the process.
type fileWitness string

func (w fileWitness) Load(context.Context) (Mark, error) {
	m, _, err := readMark(string(w))
	return m, err
}

func (w fileWitness) Save(_ context.Context, m Mark) error { return writeMark(string(w), m) }

func crashOptions(dir string) Options {
	return Options{Folder: dir, Store: storeID, Witness: fileWitness(filepath.Join(dir, "calendars"))}
}

// crashWork changes from several goroutines until it is killed. Change n gives the
// principal n three delegates; it is printed when it is acknowledged.
func crashWork(dir string) error {
	n, err := strconv.Atoi(os.Getenv(envFrom))
	if err != nil {
		return err
	}
	ctx := context.Background()
	b, err := Open(ctx, crashOptions(dir))
	if err != nil {
		return err
	}
	if s := b.State(); !s.Served() {
		return &StateError{s}
	}
	var group sync.WaitGroup
	errs := make(chan error, 4)
	for g := range 4 {
		group.Go(func() {
			for i := n + g; ; i += 4 {
				guid := strconv.Itoa(i)
				a := Author{Caller: Caller{GUID: guid}, Via: "crash"}
				to := Target{Principal: Principal{GUID: guid, Kind: User, Calendars: true}}
				_, err := b.ReplaceMembers(ctx, a, to, LevelRead, []Principal{principal("x"), principal("y"), principal("z")})
				if err == nil && i%10 == 0 {
					_, err = b.ReplaceMembers(ctx, a, to, LevelRead, nil)
				}
				if err == nil && i%50 == 0 {
					b.mu.Lock()
					err = b.copy(ctx)
					b.mu.Unlock()
				}
				if err != nil {
					errs <- err
					return
				}
				fmt.Println(i)
			}
		})
	}
	group.Wait()
	return <-errs
}

// TestKill kills a process that changes, again and again: each change that was
// acknowledged is there, none is half there, and the file is good. CONVENE_CRASHES
// sets how often.
func TestKill(t *testing.T) {
	rounds := 30
	if v := os.Getenv("CONVENE_CRASHES"); v != "" {
		var err error
		if rounds, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	acknowledged := map[int]bool{}
	for round := range rounds {
		from := round * 1_000_000
		killed(t, dir, from, time.Duration(rand.IntN(300))*time.Millisecond, acknowledged)
		checkCrashed(t, dir, round, acknowledged)
	}
	t.Logf("%d changes were acknowledged", len(acknowledged))
	if len(acknowledged) < rounds {
		t.Errorf("only %d changes were acknowledged", len(acknowledged))
	}
	copies, err := filepath.Glob(filepath.Join(dir, copiesName, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range copies {
		if _, err := inspect(context.Background(), path, Mark{}); err != nil {
			t.Error(err)
		}
	}
}

// killed runs the process until some time after its first change, or before that.
func killed(t *testing.T, dir string, from int, after time.Duration, acknowledged map[int]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envFolder+"="+dir, envFrom+"="+strconv.Itoa(from))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() } // it may have ended, with an error that is reported below
	if rand.IntN(4) == 0 {
		time.AfterFunc(after/4, kill) // perhaps while it starts
	}
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); first = false {
		if first {
			time.AfterFunc(after, kill)
		}
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			acknowledged[n] = true
		}
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Exited() {
		t.Fatalf("the process ended by itself: %v\n%s", err, stderr.String())
	}
}

func checkCrashed(t *testing.T, dir string, round int, acknowledged map[int]bool) {
	t.Helper()
	ctx := context.Background()
	b, err := Open(ctx, crashOptions(dir))
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	if s := b.State(); s.Condition != Good && (s.Condition != Created || len(acknowledged) > 0) {
		t.Fatalf("round %d: %v", round, s)
	}
	set, err := b.Read()
	if err != nil {
		t.Fatal(err)
	}
	for n := range acknowledged {
		want := 3
		if n%10 == 0 {
			want = 0
		}
		if got := len(set.Records(strconv.Itoa(n))); got != want {
			t.Errorf("round %d: change %d has %d records, want %d", round, n, got, want)
		}
	}
	set.delegator.Scan(func(guid string, list []*Record) bool {
		if len(list) != 3 {
			t.Errorf("round %d: half a change: %s has %d records", round, guid, len(list))
		}
		return true
	})
	if err := errors.Join(b.Verify(ctx), b.Close()); err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
}
