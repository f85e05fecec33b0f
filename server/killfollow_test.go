package server_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"convene/testenv"
)

// A followCommand is a command that follows, and the backups that it has begun.
type followCommand struct {
	cmd   *exec.Cmd
	begun chan string
	end   chan error
}

// follow starts a command, and returns when its first backup is complete.
func (c *command) follow(folder string) *followCommand {
	c.t.Helper()
	f := &followCommand{
		cmd:   exec.CommandContext(c.t.Context(), c.program, "backup", "--follow", folder, "-c", c.config),
		begun: make(chan string, 100), end: make(chan error, 1),
	}
	out, err := f.cmd.StdoutPipe()
	f.cmd.Stderr = os.Stderr
	if err == nil {
		err = f.cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), folder) {
				f.begun <- lines.Text()
			}
		}
		f.end <- f.cmd.Wait()
	}()
	f.wait(c.t)
	return f
}

// wait waits for a backup to be complete.
func (f *followCommand) wait(t *testing.T) {
	t.Helper()
	select {
	case <-f.begun:
	case err := <-f.end:
		t.Fatalf("it ended: %v", err)
	}
}

// signal ends the command and returns how it ended.
func (f *followCommand) signal(t *testing.T, s os.Signal) error {
	t.Helper()
	if err := f.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return <-f.end
}

// A folder that follows has what was written, to the last change soon after it, and after a
// kill of the command what there was at some moment; it goes on when the server was
// restarted.
func TestKilledFollow(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	s := serve(t, c)
	p := newCommand(t, c)
	folder := testenv.Dir(t)
	put := func(n int64) {
		t.Helper()
		a := do(t, client(), "PUT", s.HTTP+annHome+"calendar/n.ics", "ann", anEvent("n", fmt.Sprintf("number %d.", n)), "Content-Type: text/calendar")
		if a.StatusCode/100 != 2 {
			t.Errorf("PUT: %s", a.Status)
		}
	}
	// restored is the number that a restore of the folder gives.
	restored := func() (n int64) {
		t.Helper()
		other := smallConfig(t)
		if err := os.MkdirAll(other.Server.Data, 0o700); err != nil {
			t.Fatal(err)
		}
		q := &command{t, p.program, writeConfig(t, other)}
		q.run("restore", "--from", folder, "--replace", "--delegates")
		copied := serve(t, other)
		a := do(t, client(), "GET", copied.HTTP+annHome+"calendar/n.ics", "ann", "")
		if _, text, ok := strings.Cut(a.Body, "number "); !ok {
			t.Fatalf("GET: %s\n%s", a.Status, a.Body)
		} else if _, err := fmt.Sscan(strings.SplitN(text, ".", 2)[0], &n); err != nil {
			t.Fatal(err)
		}
		if err := copied.stop(); err != nil {
			t.Fatal(err)
		}
		verified(t, other)
		return n
	}
	// all is whether a restore gives n, soon.
	all := func(n int64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for got := restored(); got != n; got = restored() {
			if ctx.Err() != nil {
				t.Fatalf("the folder has %d, not %d", got, n)
			}
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	var last atomic.Int64
	put(0)
	for range 3 {
		f := p.follow(folder)
		first := last.Load()
		stop := make(chan struct{})
		var writing sync.WaitGroup
		writing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					put(last.Load() + 1)
					last.Add(1)
				}
			}
		})
		time.Sleep(time.Duration(random.Int64N(int64(time.Second)))) // when it is killed
		if err := f.signal(t, syscall.SIGKILL); err == nil {
			t.Error("it was not killed")
		}
		until := last.Load()
		close(stop)
		writing.Wait()
		if got := restored(); got < first || got > until+1 {
			t.Errorf("%d was restored; it was %d when it began and %d when it was killed", got, first, until)
		} else {
			t.Logf("%d of %d to %d were there after the kill", got, first, until)
		}
	}
	f := p.follow(folder)
	put(last.Add(1))
	all(last.Load())
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, c)
	f.wait(t)
	put(last.Add(1))
	all(last.Load())
	if err := f.signal(t, syscall.SIGTERM); err != nil {
		t.Errorf("stopped: %v", err)
	}
}
