package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"convene/config"
	"convene/internal/settings"
	"convene/testenv"
)

// A harness is a convene server in a process of its own, with data that can be
// put back.
type harness struct {
	t       *tb
	dir     string // for everything
	program string
	config  config.Config
	http    int // ports
	https   int
	before  func() error // fills the data folder before the first start of a bench

	mu       sync.Mutex
	proc     *testenv.Process
	pristine bool // there is a copy of the data to go back to
}

// newHarness builds the server from the module in the current folder.
func newHarness(t *tb) *harness {
	h := &harness{t: t, dir: testenv.Dir(t), config: config.Default()}
	h.program = h.path("convene")
	t.Logf("harness: building the server")
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", h.program, "./cmd/convene")
	return h
}

func (h *harness) path(name string) string { return filepath.Join(h.dir, name) }

// use sets the ports and what every run has in common, and writes the
// configuration. Port 0 is a free one.
func (h *harness) use(httpPort, httpsPort int) {
	if httpPort == 0 {
		httpPort = testenv.FreePort(h.t)
	}
	if httpsPort == 0 {
		httpsPort = testenv.FreePort(h.t)
	}
	h.http, h.https = httpPort, httpsPort
	c := &h.config
	c.Server.HostName = "localhost"
	c.Server.HTTP, c.Server.HTTPS = loopback(httpPort), loopback(httpsPort)
	c.Server.Data = h.path("data")
	c.Server.AllowRoot = true // a temporary folder, and loopback only
	c.Scheduling.PerHour = 0  // load is what it is for
	c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"basic"}, true
	h.write()
}

// write writes the configuration.
func (h *harness) write() {
	f, err := os.Create(h.path("convene.toml"))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := errors.Join(settings.Write(f, h.config), f.Close()); err != nil {
		h.t.Fatal(err)
	}
}

// loopback returns the addresses of a port on IPv4 and, where there is one,
// IPv6: "localhost" may mean either.
func loopback(port int) []string {
	out := []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		if l.Close() == nil {
			out = append(out, net.JoinHostPort("::1", strconv.Itoa(port)))
		}
	}
	return out
}

// start starts the server and waits until it listens.
func (h *harness) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc != nil {
		return errors.New("the server runs already")
	}
	p, err := testenv.TryStart(h.t, testenv.Command{
		Path: h.program, Args: []string{"serve", "--config", h.path("convene.toml")}, Log: h.path("convene.log"),
		Ready: []string{h.config.Server.HTTP[0], h.config.Server.HTTPS[0]},
	})
	if err != nil {
		return err
	}
	h.proc = p
	return os.WriteFile(h.path("pids"), fmt.Appendf(nil, "%d\n", p.Pid), 0o600)
}

// stop ends the server as its operator would.
func (h *harness) stop() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc == nil {
		return errors.New("the server does not run")
	}
	h.proc.Stop()
	h.proc = nil
	return nil
}

// kill ends the server as a crash would, and returns what it had to say.
func (h *harness) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.proc.Kill()
	h.proc = nil
}

// keep makes the data of the stopped server the ones to go back to.
func (h *harness) keep() error {
	if err := os.RemoveAll(h.path("pristine")); err != nil {
		return err
	}
	h.pristine = true
	return copyFolder(h.path("data"), h.path("pristine"))
}

// reset puts the data back: stop, restore, start.
func (h *harness) reset() error {
	if !h.pristine {
		return errors.New("there are no data to go back to")
	}
	if err := h.stop(); err != nil {
		return err
	}
	if err := os.RemoveAll(h.path("data")); err != nil {
		return err
	}
	if err := copyFolder(h.path("pristine"), h.path("data")); err != nil {
		return err
	}
	return h.start()
}

// copyFolder copies a folder as it is; to does not exist.
func copyFolder(from, to string) error {
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copying %s: %w: %s", from, err, out)
	}
	return nil
}

// convene runs a command of the server's program with its configuration.
func (h *harness) convene(args ...string) (string, error) {
	return testenv.TryRun(nil, "", h.program, append(args, "--config", h.path("convene.toml"))...)
}

// foreground runs a program, until it ends or the harness is
// told to, and returns its status.
func (h *harness) foreground(dir, program string, args ...string) int {
	cmd := exec.CommandContext(h.t.ctx, program, args...)
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1)
	}
	if err != nil {
		h.t.Fatalf("%s: %v", program, err)
	}
	return 0
}
