package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
)

// Ports that FreePort gives. The system takes those of connections, and of listeners that
// leave it to the system, from behind them (ip_local_port_range).
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// FreePort returns a port of 127.0.0.1 that is free for TCP and UDP, and that no other test
// gets, in whatever process, until t ends. Programs that are no tests may take it before it
// is used, so a caller that starts a server on it should try again with another (see
// TryStart).
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if release := reserve(port); release != nil {
			t.Cleanup(release)
			return port
		}
	}
	t.Fatal("free port: none found in 1000 tries")
	return 0
}

// reserve takes a port for this process until release is called; nil: it is not to be had.
// Whose it is says a socket in the abstract namespace, which Linux closes with its process
// and which, like ports, is of one network namespace.
func reserve(port int) (release func()) {
	release = func() {}
	if runtime.GOOS == "linux" {
		owner, err := net.Listen("unix", fmt.Sprintf("@convene-test-port-%d", port))
		if err != nil {
			return nil
		}
		release = func() { _ = owner.Close() } // nothing is left of it
	}
	if !unused(port) {
		release()
		return nil
	}
	return release
}

// unused reports whether nobody listens at a port.
func unused(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	u, udpErr := net.ListenPacket("udp", loopback(port))
	if udpErr == nil {
		udpErr = u.Close()
	}
	return l.Close() == nil && udpErr == nil
}

// loopback returns the address of a port on 127.0.0.1.
func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
