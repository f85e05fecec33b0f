package server_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"convene/admin"
	"convene/config"
	"convene/internal/settings"
	"convene/testenv"
)

// A program is the server as a process of its own, under something like systemd.
type program struct {
	config config.Config
	file   string // of the configuration
	path   string
	socket string
	notify notifySocket

	cmd *exec.Cmd
	url string
	log *lockedBuffer
}

// buildProgram builds the program, for a configuration.
func buildProgram(t *testing.T, c config.Config) *program {
	t.Helper()
	dir := testenv.Dir(t)
	p := &program{config: c, file: filepath.Join(dir, "convene.toml"), path: filepath.Join(dir, "convene"), socket: filepath.Join(dir, "notify")}
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", p.path, "../cmd/convene")
	f, err := os.Create(p.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Write(f, c); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// start starts the program, and waits until it is ready.
func (p *program) start(t *testing.T) {
	t.Helper()
	// STATUS may be told any number of times: to each start a socket of its own.
	if err := os.Remove(p.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	p.notify = listenNotify(t, p.socket)
	plain := handOver(t)
	p.url, p.log = "http://"+plain.address, new(lockedBuffer)
	// LISTEN_PID has to be the server's own: the shell becomes the server.
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" serve -c "$1"`, p.path, p.file)
	p.cmd.Env = append(environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=http", "NOTIFY_SOCKET="+p.socket)
	p.cmd.ExtraFiles = []*os.File{plain.file}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, log := p.cmd, p.log
	t.Cleanup(func() {
		// It has ended, if all is well.
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("server:\n%s", log.String())
		}
	})
	p.notify.await(t, "READY=1")
}

// await reads until want is told, passing over what comes before.
func (n notifySocket) await(t *testing.T, want string) {
	t.Helper()
	for told := ""; !strings.HasPrefix(told, want); {
		told = n.next(t, want)
	}
}

// end sends a signal and returns how the program ended.
func (p *program) end(t *testing.T, s os.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return p.cmd.Wait()
}

// smallDisk mounts a file system of its own at dir, of so many megabytes.
func smallDisk(t *testing.T, dir string, megabytes int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", megabytes)); err != nil {
		testenv.Missing(t, "root", "no file system can be mounted: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fill leaves so many bytes free on the disk of dir.
func fill(t *testing.T, dir string, leave int64) {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// The server may take some of it meanwhile: then it is full all the same.
	if _, err := f.Write(make([]byte, max(0, int64(s.Bavail)*s.Bsize-leave))); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// A putter stores objects, and knows which were acknowledged.
type putter struct {
	*program
	random *rand.Rand
	stored map[string]string
}

func (p *putter) put(t *testing.T) int {
	t.Helper()
	name := fmt.Sprintf("%d.ics", len(p.stored))
	// Each refused one has the name of the next.
	text := make([]byte, 20_000)
	for i := range text {
		text[i] = 'a' + byte(p.random.IntN(26))
	}
	body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + name +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:" + string(text) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	a := do(t, client(), "PUT", p.url+annHome+"calendar/"+name, "ann", body, "Content-Type: text/calendar")
	if a.StatusCode == http.StatusCreated || a.StatusCode == http.StatusNoContent {
		p.stored[name] = body
	}
	return a.StatusCode
}

// putUntil stores objects until the status is no longer that of success.
func (p *putter) putUntil(t *testing.T, want int) {
	t.Helper()
	for n := 0; ; n++ {
		switch got := p.put(t); {
		case got == want:
			return
		case got != http.StatusCreated && got != http.StatusNoContent:
			t.Fatalf("PUT %d: %d, want success until %d", n, got, want)
		case n > 10_000:
			t.Fatalf("no end after %d", n)
		}
	}
}

// check reads all that was acknowledged.
func (p *putter) check(t *testing.T, when string) {
	t.Helper()
	c := client()
	for name, body := range p.stored {
		if a := do(t, c, "GET", p.url+annHome+"calendar/"+name, "ann", ""); a.StatusCode != http.StatusOK || a.Body != body {
			t.Errorf("%s: GET %s: %s, %d bytes of %d", when, name, a.Status, len(a.Body), len(body))
		}
	}
}

// TestFullDisk: when the disk fills up, in the middle of a PUT, of a flush or of a
// recovery, changes are refused with 507 and nothing that was acknowledged is lost.
// The server starts after a kill, reads, and writes as soon as there is space.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	c.Storage.Reserve, c.Quota.Bytes = 0, 0
	c.Server.HTTPS = nil
	smallDisk(t, c.Server.Data, 48)
	p := &putter{buildProgram(t, c), rand.New(rand.NewPCG(1, 1)), map[string]string{}}
	p.start(t)
	for _, left := range []int64{0, 100 << 10, 1 << 20, 3 << 20, 9 << 20} {
		fill(t, c.Server.Data, left)
		p.putUntil(t, http.StatusInsufficientStorage)
		when := fmt.Sprintf("full with %d bytes left at first", left)
		p.check(t, when)
		if err := p.end(t, syscall.SIGKILL); err == nil {
			t.Error("killed, and no error")
		}
		fill(t, c.Server.Data, 0)
		p.start(t)
		p.check(t, when+", killed")
		if got := p.put(t); got != http.StatusInsufficientStorage && got != http.StatusCreated {
			t.Errorf("%s, killed: PUT: %d, want 507", when, got)
		}
		if err := os.Remove(filepath.Join(c.Server.Data, "ballast")); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if got := p.put(t); got != http.StatusCreated {
				t.Fatalf("%s, with space again: PUT: %d", when, got)
			}
		}
		p.check(t, when+", with space again")
	}
	t.Logf("%d objects", len(p.stored))
	if err := p.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	verified(t, c)
}

// TestReadOnly: when a file cannot be written any more, systemd is told, changes are
// 503, reading goes on, and the end of the server is no success.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	c.Server.HTTPS = nil
	p := &putter{buildProgram(t, c), rand.New(rand.NewPCG(1, 1)), map[string]string{}}
	p.start(t)
	put := func(want int) {
		t.Helper()
		if got := p.put(t); got != want {
			t.Fatalf("PUT: %d, want %d", got, want)
		}
	}
	for range 20 {
		put(http.StatusCreated)
	}
	// The file ends after its first pages: what is mapped of the rest is a fault.
	path := filepath.Join(c.Server.Data, "calendars.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	p.notify.await(t, "STATUS=calendars.db: read-only until the next start")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	put(http.StatusServiceUnavailable)
	p.check(t, "read-only")
	if log := p.log.String(); !strings.Contains(log, "the file is damaged: no changes are taken until the next start") {
		t.Error("not in the log")
	}
	var exit *exec.ExitError
	if err := p.end(t, syscall.SIGTERM); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("after SIGTERM: %v, want exit status 1", err)
	}
	if !strings.Contains(p.log.String(), "calendars.db stopped taking changes") {
		t.Error("the end does not say why")
	}
}

// On a full disk delegates stay what they are, and changing them is 507 until there is
// space again.
func TestDelegatesOnFullDisk(t *testing.T) {
	d := &drill{t: t, c: smallConfig(t)}
	d.c.Log.Access, d.c.Log.Audit = "off", "off" // an audit log without space refuses the change first
	if err := os.MkdirAll(d.c.Server.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	smallDisk(t, d.c.Server.Data, 8)
	d.c.Storage.Reserve = 0
	d.start()
	d.status(201, "PUT", annEventURL, "ann", anEvent("1", "one"))
	d.name(annWriters, bobGUID)
	fill(t, d.c.Server.Data, 0)
	// A change takes what is free in the files first; then there is no more.
	refused := false
	for i := 0; i < 200 && !refused; i++ {
		members := []string{bobGUID}
		if i%2 == 0 {
			members = append(members, "11111111-0000-0000-0000-000000000003")
		}
		a := do(t, client(), "PROPPATCH", d.HTTP+annWriters, "ann", membersBody(members...))
		refused = a.StatusCode == http.StatusInsufficientStorage
		if !refused && a.StatusCode != http.StatusMultiStatus {
			t.Fatalf("PROPPATCH: %s\n%s", a.Status, a.Body)
		}
	}
	if !refused || !strings.Contains(d.Log.String(), "delegates: no space left") {
		t.Errorf("refused %v", refused)
	}
	d.status(200, "GET", annEventURL, "bob", "")
	d.status(200, "GET", annEventURL, "ann", "")
	d.remove("ballast")
	d.name(annWriters)
	d.status(403, "GET", annEventURL, "bob", "")
	if s, err := admin.VerifyDelegates(t.Context(), d.conn()); err != nil || !s.Served {
		t.Errorf("%+v, %v", s, err)
	}
}
