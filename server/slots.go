package server

import (
	"container/list"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"convene/internal/logging"
)

// slots bounds the connections of all listeners together, and those from one network:
// an IPv4 address, or the /64 that one IPv6 subscriber has. When there are no more, the
// connection that goes first is, of those on which nobody has signed in, the one that
// was without a request for the longest time.
type slots struct {
	most       int
	perNetwork int
	log        *slog.Logger

	proxies atomic.Pointer[proxies]

	free   chan struct{} // there may be a slot
	closed chan struct{}
	once   sync.Once

	mu       sync.Mutex
	open     int
	networks map[netip.Prefix]int
	idle     list.List // *trackedConn; the longest idle first
	refused  int       // since told
	told     time.Time
	warned   time.Time // of somebody who is no proxy
}

// idleAgain is how often who waits looks for a connection that is idle again. Nobody tells them
// when a request ends: its response is not sent yet.
const idleAgain = 100 * time.Millisecond

// partOfNetwork is which part of all connections one network may have by default.
const partOfNetwork = 4

// newSlots makes slots for most connections; perNetwork 0 is a part of them.
func newSlots(most, perNetwork int, log *slog.Logger) *slots {
	if perNetwork == 0 {
		perNetwork = max(1, most/partOfNetwork)
	}
	return &slots{
		most: most, perNetwork: perNetwork, log: log,
		free: make(chan struct{}, 1), closed: make(chan struct{}), networks: map[netip.Prefix]int{},
	}
}

// close ends waiting for a free slot.
func (s *slots) close() { s.once.Do(func() { close(s.closed) }) }

// admit counts a connection for its network. It reports false for one too many.
func (s *slots) admit(network netip.Prefix) bool {
	if !network.IsValid() {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.networks[network] >= s.perNetwork {
		s.refused++
		if now := time.Now(); now.Sub(s.told) >= time.Minute {
			s.log.Warn("too many connections from one network; further ones were closed", "network", network, "most", s.perNetwork, "closed", s.refused)
			s.told, s.refused = now, 0
		}
		return false
	}
	s.networks[network]++
	return true
}

// forget takes back admit.
func (s *slots) forget(network netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(network)
}

func (s *slots) forgetLocked(network netip.Prefix) {
	if !network.IsValid() {
		return
	}
	if s.networks[network]--; s.networks[network] == 0 {
		delete(s.networks, network)
	}
}

// enter takes a slot for a connection, if need be that of another, or the next that gets
// free or idle. It reports false if the server is stopped meanwhile.
func (s *slots) enter(c *trackedConn) bool {
	for {
		s.mu.Lock()
		if s.open < s.most {
			s.open++
			c.place = s.idle.PushBack(c)
			if s.open < s.most {
				s.signal() // for another listener
			}
			s.mu.Unlock()
			return true
		}
		oldest := s.idle.Front()
		s.mu.Unlock()
		if oldest != nil {
			// Its client sees that it ended; that it cannot be closed in order does not matter.
			_ = oldest.Value.(*trackedConn).Close()
			continue
		}
		select {
		case <-s.free:
		case <-time.After(idleAgain):
		case <-s.closed:
			return false
		}
	}
}

func (s *slots) signal() {
	select {
	case s.free <- struct{}{}:
	default:
	}
}

// leave gives the slot of a connection back.
func (s *slots) leave(c *trackedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	c.gone = true
	s.forgetLocked(c.network)
	s.unlist(c)
	s.signal()
}

// unlist makes a connection one that is not idle. The caller holds s.mu.
func (s *slots) unlist(c *trackedConn) {
	if c.place != nil {
		s.idle.Remove(c.place)
		c.place = nil
	}
}

// networkOf is what the connections of an address are counted for; the zero Prefix for
// none: this machine, on which a proxy may be, and what is no IP address.
func networkOf(a net.Addr) netip.Prefix {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	if !ip.IsValid() || ip.IsLoopback() {
		return netip.Prefix{}
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // it has as many
	return p
}

// limited is a listener that accepts while there are slots; then connections
// wait in the system's queue.
type limited struct {
	net.Listener
	slots  *slots
	config string // the address as configured
	proxy  bool   // the name that systemd gave it asks for the PROXY protocol
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		t, ok := l.begin(c)
		if !ok {
			_ = c.Close()
			continue
		}
		if !l.slots.admit(t.network) {
			_ = c.Close()
			continue
		}
		if !l.slots.enter(t) {
			l.slots.forget(t.network)
			_ = c.Close()
			return nil, net.ErrClosed
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			// Phones go away without a word; the defaults notice after hours. An
			// option that cannot be set is no reason to refuse a client.
			_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4})
		}
		return t, nil
	}
}

// A trackedConn gives its slot back when it is closed, and remembers the
// certificate that its client was shown.
type trackedConn struct {
	net.Conn
	slots   *slots
	network netip.Prefix
	once    sync.Once
	proxied bool // it began with the PROXY protocol
	shown   atomic.Pointer[x509.Certificate]

	known    atomic.Bool   // somebody has signed in on it
	requests int           // in progress; these are guarded by slots.mu
	gone     bool          // its slot was given back
	place    *list.Element // among those that are idle
}

// begin notes that a request has begun.
func (c *trackedConn) begin() {
	if c.known.Load() {
		return
	}
	c.slots.mu.Lock()
	defer c.slots.mu.Unlock()
	c.requests++
	c.slots.unlist(c)
}

// end notes that a request has ended, and whether it was somebody's who has signed in:
// then the connection is safe for good. One that was closed meanwhile is not idle: it has no
// slot that it could give to another.
func (c *trackedConn) end(known bool) {
	if c.known.Load() {
		return
	}
	c.slots.mu.Lock()
	defer c.slots.mu.Unlock()
	c.requests--
	if known {
		c.known.Store(true)
		c.slots.unlist(c)
	} else if c.requests == 0 && !c.gone {
		c.place = c.slots.idle.PushBack(c)
	}
}

// CloseWrite lets net/http say good-bye in order: it ends its side and waits a
// little, so that a client still sending gets the response and not a reset.
func (c *trackedConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

func (c *trackedConn) Close() error {
	c.once.Do(func() { c.slots.leave(c) })
	return c.Conn.Close()
}

// tracked tells connections of their requests.
func tracked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*trackedConn)
		if !ok { // not from the network
			next.ServeHTTP(w, r)
			return
		}
		c.begin()
		defer func() { c.end(logging.For(w).User != "") }()
		next.ServeHTTP(w, r)
	})
}
