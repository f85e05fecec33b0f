package server_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"convene/internal/engine/enginetest"
	"convene/internal/settings"
	"convene/testenv"
)

// The program as systemd runs it: sockets are handed over, READY, RELOADING
// and STOPPING are told, SIGHUP loses no request and SIGTERM ends in order.
func TestUnderSystemd(t *testing.T) {
	c := smallConfig(t)
	dir := testenv.Dir(t)
	program := filepath.Join(dir, "convene")
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", program, "../cmd/convene")
	file, err := os.Create(filepath.Join(dir, "convene.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Write(file, c); err != nil {
		t.Fatal(err)
	}
	file.Close()

	notify := listenNotify(t, filepath.Join(dir, "notify"))
	plain, secure := handOver(t), handOver(t)
	// LISTEN_PID has to be the server's own: the shell becomes the server.
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" serve -c "$1"`, program, file.Name())
	cmd.Env = append(environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=http:https", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	cmd.ExtraFiles = []*os.File{plain.file, secure.file}
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It has ended, if all is well.
		_ = cmd.Process.Kill()
		if t.Failed() {
			t.Logf("server:\n%s", log.String())
		}
	})
	notify.expect(t, "READY=1")
	for _, url := range []string{"http://" + plain.address, "https://" + secure.address} {
		if a := do(t, client(), "PROPFIND", url+"/", "ann", "", "Depth: 0"); a.StatusCode != 207 {
			t.Errorf("%s: %s", url, a.Status)
		}
	}
	signal := func(s os.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	l := startLoad(t, &running{HTTP: "http://" + plain.address}, "secret", []string{"ann", "bob"}, nil)
	for range 5 {
		signal(syscall.SIGHUP)
		notify.expect(t, "RELOADING=1\nMONOTONIC_USEC=")
		notify.expect(t, "READY=1")
		time.Sleep(50 * time.Millisecond)
	}
	t.Log(l.end())
	signal(syscall.SIGTERM)
	notify.expect(t, "STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	verified(t, c)
}

// environ is this process's environment without what is for tests alone.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, enginetest.Variable+"=") })
}

type handedOver struct {
	file    *os.File
	address string
}

// handOver opens a socket for another process.
func handOver(t *testing.T) handedOver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return handedOver{f, l.Addr().String()}
}

// notifySocket receives what a service tells systemd.
type notifySocket struct{ *net.UnixConn }

func listenNotify(t *testing.T, path string) notifySocket {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return notifySocket{conn}
}

func (n notifySocket) expect(t *testing.T, want string) {
	t.Helper()
	if got := n.next(t, want); !strings.HasPrefix(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

// next returns what is told next, while the test waits for want.
func (n notifySocket) next(t *testing.T, want string) string {
	t.Helper()
	if err := n.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	count, err := n.Read(buf)
	if err != nil {
		t.Fatalf("waiting for %q: %v", want, err)
	}
	return string(buf[:count])
}
