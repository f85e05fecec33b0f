package testenv

import (
	"net"
	"testing"
)

// TestFreePort: a port is given once as long as a test has it, and never one where somebody
// listens.
func TestFreePort(t *testing.T) {
	var port int
	t.Run("held", func(t *testing.T) {
		port = FreePort(t)
		if reserve(port) != nil {
			t.Error("a port was given twice")
		}
		l, err := net.Listen("tcp", loopback(port)) // whoever it was given to
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
	})
	release := reserve(port)
	if release == nil {
		t.Fatal("a port is not free after the test that had it")
	}
	release()
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if reserve(port) != nil {
		t.Error("a port was given where somebody listens")
	}
}
