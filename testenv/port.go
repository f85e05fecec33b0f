package testenv

import (
	"fmt"
	"net"
	"testing"
)

// FreePort returns a port of 127.0.0.1 that was free for TCP and UDP a moment
// ago. Somebody else may take it before it is used, so a caller that starts a
// server on it should try again with another (see TryStart). The kernel gives
// such ports in random order, so a repeat is rare.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("free port: %v", err)
		}
		addr := l.Addr().(*net.TCPAddr)
		u, udpErr := net.ListenPacket("udp", addr.String())
		if err := l.Close(); err != nil {
			t.Fatalf("free port: %v", err)
		}
		if udpErr != nil {
			continue
		}
		if err := u.Close(); err != nil {
			t.Fatalf("free port: %v", err)
		}
		return addr.Port
	}
	t.Fatal("free port: none found in 100 tries")
	return 0
}

// loopback returns the address of a port on 127.0.0.1.
func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
