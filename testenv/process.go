package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Time limits of child processes. They are generous because the machine may be
// shared; a server that dies is noticed at once and does not wait for them.
const (
	startLimit = 60 * time.Second
	stopLimit  = 5 * time.Second
	runLimit   = 180 * time.Second
	pollEvery  = 2 * time.Millisecond
	logTail    = 8 << 10 // bytes of output shown when a test fails
)

// Command says how to start a server.
type Command struct {
	Path  string   // full path of the program
	Args  []string // without the program's name
	Env   []string // added to the environment
	Dir   string   // working folder; "" is the current one
	Log   string   // file that takes stdout and stderr; "" is one in a new Dir
	Ready []string // TCP addresses that must accept before Start returns
}

// Process is a running child process. It has a process group of its own and
// dies with the test program.
type Process struct {
	Pid int

	cmd  *exec.Cmd
	name string
	log  string
	done chan struct{} // closed when the process has ended
	err  error         // how; valid after done
}

// Start starts a server and waits until all Ready addresses accept. When the
// test ends the process is stopped, and its output shown if the test failed.
func Start(t testing.TB, c Command) *Process {
	t.Helper()
	p, err := TryStart(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TryStart is Start for callers that can do something about a failure, such
// as taking another port. On error no process is left.
func TryStart(t testing.TB, c Command) (*Process, error) {
	t.Helper()
	if c.Log == "" {
		c.Log = filepath.Join(Dir(t), filepath.Base(c.Path)+".log")
	}
	p, err := spawn(c)
	if err != nil {
		return nil, err
	}
	for _, addr := range c.Ready {
		if err := p.await(addr, startLimit); err != nil {
			p.Stop()
			return nil, err
		}
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("output of %s (pid %d):\n%s", p.name, p.Pid, p.Output())
		}
	})
	return p, nil
}

// spawn starts the process from a goroutine that keeps its thread until the
// process ends: Pdeathsig is sent when the starting thread ends, not when the
// program does.
func spawn(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", c.Path, err)
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{cmd: cmd, name: filepath.Base(c.Path), log: c.Log, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		closeErr := log.Close() // the child has its own copy
		started <- errors.Join(err, closeErr)
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		if cmd.Process != nil {
			p.kill(syscall.SIGKILL)
		}
		<-p.done
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p.Pid = cmd.Process.Pid
	return p, nil
}

// await waits until addr accepts or the process ends.
func (p *Process) await(addr string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(pollEvery) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before %s was up: %w\n%s", p.name, addr, cmpErr(p.err, errEnded), p.Output())
		default:
		}
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			continue
		}
		if err := c.Close(); err != nil {
			return err
		}
		return nil
	}
	return fmt.Errorf("%s: %s not up within %v\n%s", p.name, addr, limit, p.Output())
}

var errEnded = errors.New("ended")

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Stop ends the process with SIGTERM, and after five seconds its whole group
// with SIGKILL. It may be called more than once, and on a paused process.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	select {
	case <-p.done:
		return
	default:
	}
	p.kill(syscall.SIGTERM)
	p.signalGroup(syscall.SIGCONT) // a paused process takes no SIGTERM
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		p.Kill()
	}
}

// Kill ends the process and its group with SIGKILL, as a crash would.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return
	default:
	}
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil {
		p.kill(syscall.SIGKILL)
	}
	<-p.done
}

// Pause stops the process and its group with SIGSTOP: it keeps its connections and its
// listener but answers nothing, like a server whose disk hangs.
func (p *Process) Pause() { p.signalGroup(syscall.SIGSTOP) }

// Resume undoes Pause.
func (p *Process) Resume() { p.signalGroup(syscall.SIGCONT) }

// signalGroup sends a signal to the process and those that it has started, if it has not
// ended.
func (p *Process) signalGroup(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = syscall.Kill(-p.Pid, s)
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// kill sends a signal; one for a process that has just ended is of no interest.
func (p *Process) kill(s syscall.Signal) {
	if p.cmd.Process != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// Output returns the end of what the process has printed so far.
func (p *Process) Output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if len(b) > logTail {
		b = append([]byte("…"), b[len(b)-logTail:]...)
	}
	return string(b)
}

// Run runs a program to its end with stdin as its input and returns what it
// printed on both outputs. A failure fails the test.
func Run(t testing.TB, env []string, stdin, path string, args ...string) string {
	t.Helper()
	out, err := TryRun(env, stdin, path, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryRun is Run that returns the failure, with the output in it.
func TryRun(env []string, stdin, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = stopLimit
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", path, strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}
