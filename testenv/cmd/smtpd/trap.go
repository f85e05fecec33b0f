package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"sync"
	"syscall"
)

// A trap kills a process of the test when the conversation with it comes to a point, for
// the nth time since it was set.
type trap struct {
	file string // "": none is ever set

	mu     sync.Mutex
	passed int
}

// at says that a conversation has come to a point.
func (t *trap) at(point string) {
	if t.file == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := os.ReadFile(t.file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var where string
	var n, pid int
	if err == nil {
		_, err = fmt.Sscan(string(text), &where, &n, &pid)
	}
	if err != nil {
		log.Fatalf("trap: %v", err)
	}
	if where != point {
		return
	}
	if t.passed++; t.passed < n {
		return
	}
	t.passed = 0
	if err := errors.Join(syscall.Kill(pid, syscall.SIGKILL), os.Remove(t.file)); err != nil {
		log.Fatalf("trap: %v", err)
	}
}

// A watchedListener tells a trap of new connections, before the greeting.
type watchedListener struct {
	net.Listener
	trap *trap
}

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.trap.at("connect")
	return &watched{Conn: c, trap: l.trap}, nil
}

// A watched connection tells a trap of what the library answers by itself. Under TLS it
// sees nothing.
type watched struct {
	net.Conn
	trap  *trap
	taken bool // the next answer is that a mail was taken
}

func (c *watched) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("354 ")) {
		c.trap.at("data")
	}
	n, err := c.Conn.Write(b)
	if c.taken {
		c.taken = false
		c.trap.at("answered")
	}
	return n, err
}
