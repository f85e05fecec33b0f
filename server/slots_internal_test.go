package server

import (
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeConn comes from an address.
type fakeConn struct {
	net.Conn
	address net.Addr
	mu      sync.Mutex
	closed  bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return c.address }

func (c *fakeConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

func (c *fakeConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// fakeListener hands out connections.
type fakeListener struct {
	net.Listener
	conns chan net.Conn
}

func (l *fakeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func from(address string) *fakeConn {
	return &fakeConn{address: &net.TCPAddr{IP: net.ParseIP(address), Port: 4711}}
}

// One network has no more connections than it may, which are an IPv4 address' or an IPv6
// /64's; others, and this machine, are not concerned. The log says so once.
func TestConnectionsPerAddress(t *testing.T) {
	var log strings.Builder
	s := newSlots(100, 3, slog.New(slog.NewTextHandler(&log, nil)))
	inner := &fakeListener{conns: make(chan net.Conn, 100)}
	l := &limited{Listener: inner, slots: s}
	accepted := func(addresses ...string) (n int, first net.Conn) {
		var all []*fakeConn
		for _, a := range addresses {
			c := from(a)
			all = append(all, c)
			inner.conns <- c
		}
		inner.conns <- from("127.0.0.1") // the last that Accept sees
		for {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if networkOf(c.RemoteAddr()).IsValid() {
				if n++; n == 1 {
					first = c
				}
				continue
			}
			break
		}
		closed := 0
		for _, c := range all {
			if c.isClosed() {
				closed++
			}
		}
		if closed+n != len(all) {
			t.Errorf("%d accepted, %d closed of %d", n, closed, len(all))
		}
		return n, first
	}
	n, first := accepted("192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1")
	if n != 3 {
		t.Errorf("%d from one address, want 3", n)
	}
	if n, _ := accepted("192.0.2.2"); n != 1 {
		t.Error("another address is refused")
	}
	if n, _ := accepted("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8:0:1::1"); n != 4 {
		t.Errorf("%d from a /64 and one beside it, want 4", n)
	}
	for range 10 {
		accepted() // from this machine
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	_ = first.Close() // net/http closes twice
	if n, _ := accepted("192.0.2.1", "192.0.2.1"); n != 1 {
		t.Errorf("%d after one was closed, want 1", n)
	}
	if n := strings.Count(log.String(), "too many connections"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
	if s := newSlots(10_000, 0, slog.Default()); s.perNetwork != 2500 {
		t.Errorf("default %d", s.perNetwork)
	}
}

// When there are no more slots, the longest idle goes of those on which nobody has signed
// in; one with a request, or a caller, stays; and without any, the next waits.
func TestLongestIdleGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4, 100, slog.Default())
		inner := &fakeListener{conns: make(chan net.Conn, 10)}
		l := &limited{Listener: inner, slots: s}
		accept := func(name string) (*trackedConn, *fakeConn) {
			c := from("192.0.2.1")
			inner.conns <- c
			got, err := l.Accept()
			if err != nil {
				t.Fatal(name, err)
			}
			time.Sleep(time.Second)
			return got.(*trackedConn), c
		}
		known, rawKnown := accept("known")
		busy, rawBusy := accept("busy")
		_, rawSilent := accept("silent")
		asked, rawAsked := accept("asked")
		known.begin()
		known.end(true)
		busy.begin()
		asked.begin()
		asked.end(false)

		accept("fifth")
		if !rawSilent.isClosed() || rawAsked.isClosed() || rawKnown.isClosed() || rawBusy.isClosed() {
			t.Error("not the silent one went")
		}
		fifthBusy, _ := accept("sixth")
		fifthBusy.begin()
		if !rawAsked.isClosed() {
			t.Error("not the one that was refused long ago went")
		}
		seventh, _ := accept("seventh") // in place of the fifth
		seventh.begin()
		if rawKnown.isClosed() || rawBusy.isClosed() {
			t.Error("one that is in use went")
		}
		waiting := make(chan struct{})
		inner.conns <- from("192.0.2.9")
		go func() {
			if _, err := l.Accept(); err != nil {
				t.Error(err)
			}
			close(waiting)
		}()
		synctest.Wait()
		select {
		case <-waiting:
			t.Error("one more than there may be")
		default:
		}
		_ = busy.Close()
		<-waiting
		if s.open != 4 {
			t.Errorf("%d open", s.open)
		}
		inner.conns <- from("192.0.2.9")
		for e := s.idle.Front(); e != nil; e = s.idle.Front() {
			s.idle.Remove(e)
		}
		s.close()
		if _, err := l.Accept(); err == nil {
			t.Error("accepted after the end")
		}
	})
}

// A connection that was closed while a request was in progress is not idle when that ends:
// nobody who comes later waits for its slot.
func TestClosedWithRequestInProgress(t *testing.T) {
	s := newSlots(1, 100, slog.Default())
	inner := &fakeListener{conns: make(chan net.Conn, 1)}
	l := &limited{Listener: inner, slots: s}
	accept := func() *trackedConn {
		inner.conns <- from("192.0.2.1")
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.(*trackedConn)
	}
	left := accept()
	left.begin()
	_ = left.Close()
	left.end(false)
	if n := s.idle.Len(); n != 0 {
		t.Fatalf("%d idle connections, and none is open", n)
	}
	accept() // takes the slot that is free
	accept() // and this one that of the idle one
	if s.open != 1 || s.idle.Len() != 1 {
		t.Errorf("%d open, %d idle", s.open, s.idle.Len())
	}
}

// Who waits because all connections are busy gets the slot of the first that is idle again.
func TestIdleAgainGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, 100, slog.Default())
		inner := &fakeListener{conns: make(chan net.Conn, 2)}
		l := &limited{Listener: inner, slots: s}
		accepted := make(chan *trackedConn)
		for range 2 {
			inner.conns <- from("192.0.2.1")
			go func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				c.(*trackedConn).begin()
				accepted <- c.(*trackedConn)
			}()
		}
		first := <-accepted
		time.Sleep(time.Hour)
		if first.Conn.(*fakeConn).isClosed() {
			t.Error("the first was closed while it was busy")
		}
		first.end(false)
		time.Sleep(idleAgain)
		synctest.Wait()
		select {
		case <-accepted:
		default:
			s.close()
			t.Error("the second waits for more than an idle connection")
		}
		if !first.Conn.(*fakeConn).isClosed() {
			t.Error("the first was not closed")
		}
	})
}
