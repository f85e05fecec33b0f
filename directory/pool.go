package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// laneKind says what a connection is used for. A user's bind changes who a
// connection belongs to, so binds have connections of their own.
type laneKind uint8

const (
	searchLane laneKind = iota // bound as the service account
	bindLane                   // bound as whoever was checked last
	laneCount
)

// pool keeps connections to several hosts, and remembers which are well.
type pool struct {
	hosts []*host
	cfg   *LDAPConfig
	svc   *service
	limit time.Duration // of one question
	hedge time.Duration // after which the next host is asked too
	log   *slog.Logger
	ctx   context.Context // ends with close
	stop  context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup // probes and questions under way

	users sync.WaitGroup // those who may ask still; see LDAP.use
}

// host is one server.
type host struct {
	*pool
	url   *target
	lanes [laneCount]lane

	lastResponse atomic.Int64 // Unix ns of the last response of any kind
	slow         atomic.Int64 // Unix ns until when it counts as slow; see blameSilent
	mu           sync.Mutex
	down         error // why it is not asked; nil: it is well
	since        time.Time
	behind       time.Time // until when the others are asked first; see well
}

// lane is the connections of one kind to one host.
type lane struct {
	slots chan struct{} // one per connection in use
	mu    sync.Mutex
	idle  []*conn // used last at the end
	timer *time.Timer
}

// conn is one connection.
type conn struct {
	*ldap.Conn
	in   *entryReader
	raw  net.Conn             // below TLS: closing it ends whatever waits
	tls  *tls.ConnectionState // nil: it has none
	used time.Time
}

// Search carries out a search, as ldap.Conn.Search does but for how it reads entries: they
// have no ByteValues.
func (c *conn) Search(req *ldap.SearchRequest) (*ldap.SearchResult, error) {
	list := c.in.collect()
	res, err := c.Conn.Search(req)
	c.in.release()
	if list.err != nil {
		return nil, list.err
	}
	if res != nil {
		res.Entries = list.entries
	}
	return res, err
}

func (c *conn) close() {
	// The socket first: ldap.Conn.Close sends a message to its writer, which
	// may hang in a write to a server that reads nothing.
	_ = c.raw.Close()
	_ = c.Conn.Close() // the error is that of the socket already closed
}

// HostStatus is what is known of one server.
type HostStatus struct {
	URL   string    `json:"url"`
	Up    bool      `json:"up"`
	Since time.Time `json:"since,omitzero"` // when it went down; zero while up
	Err   string    `json:"err"`            // why
	Cause error     `json:"-"`              // Err, as it was
	Idle  int       `json:"idle"`           // connections open but unused
	Busy  int       `json:"busy"`           // connections in use
}

func newPool(cfg *LDAPConfig, svc *service, targets []*target, log *slog.Logger) *pool {
	p := &pool{
		cfg: cfg, svc: svc, log: log,
		limit: cfg.Timeout,
		hedge: cfg.FailoverAfter,
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for _, t := range targets {
		h := &host{pool: p, url: t}
		for i := range h.lanes {
			h.lanes[i].slots = make(chan struct{}, cfg.Connections)
		}
		p.hosts = append(p.hosts, h)
	}
	return p
}

// spawn runs fn in a goroutine that close waits for. It reports false, and
// does not run fn, once the pool is closed.
func (p *pool) spawn(fn func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.wg.Go(fn)
	}
	return !p.closed
}

// close ends all connections and probes.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	for _, h := range p.hosts {
		h.drop()
	}
	p.wg.Wait()
}

// drop closes the idle connections.
func (h *host) drop() {
	for i := range h.lanes {
		l := &h.lanes[i]
		l.mu.Lock()
		idle := l.idle
		l.idle = nil
		if l.timer != nil {
			l.timer.Stop()
		}
		l.mu.Unlock()
		for _, c := range idle {
			c.close()
		}
	}
}

// status describes all hosts.
func (p *pool) status() []HostStatus {
	out := make([]HostStatus, len(p.hosts))
	for i, h := range p.hosts {
		s := HostStatus{URL: h.url.String()}
		h.mu.Lock()
		if s.Up = h.down == nil; !s.Up {
			s.Since, s.Err, s.Cause = h.since, h.down.Error(), h.down
		}
		h.mu.Unlock()
		for j := range h.lanes {
			l := &h.lanes[j]
			l.mu.Lock()
			s.Idle += len(l.idle)
			l.mu.Unlock()
			s.Busy += len(l.slots)
		}
		out[i] = s
	}
	return out
}

// errClosed is the use of a directory that was closed.
var errClosed = errors.New("closed")

// get takes an idle connection or makes one, waiting for a free slot. reused
// says that it was idle, and so may have died unnoticed.
func (h *host) get(ctx context.Context, kind laneKind) (c *conn, reused bool, err error) {
	l := &h.lanes[kind]
	select {
	case l.slots <- struct{}{}:
	default:
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, false, fmt.Errorf("waiting for a connection: %w", ctx.Err())
		}
	}
	if c := h.takeIdle(l); c != nil {
		return c, true, nil
	}
	if c, err = h.dial(ctx, kind); err != nil {
		<-l.slots
	}
	return c, false, err
}

func (h *host) takeIdle(l *lane) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.idle) > 0 {
		c := l.idle[len(l.idle)-1]
		l.idle = l.idle[:len(l.idle)-1]
		if !c.IsClosing() {
			return c
		}
	}
	return nil
}

// put gives a connection back; a nil connection or a broken one only frees
// the slot.
func (h *host) put(kind laneKind, c *conn, broken error) {
	l := &h.lanes[kind]
	defer func() { <-l.slots }()
	if broken != nil || c.IsClosing() || h.pool.ctx.Err() != nil {
		c.close()
		return
	}
	c.used = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, c)
	if l.timer == nil {
		l.timer = time.AfterFunc(h.cfg.IdleTimeout, func() { h.sweep(l) })
	} else if len(l.idle) == 1 {
		l.timer.Reset(h.cfg.IdleTimeout)
	}
}

// sweep closes connections that were idle for too long.
func (h *host) sweep(l *lane) {
	l.mu.Lock()
	n := 0
	for n < len(l.idle) && (l.idle[n].IsClosing() || time.Since(l.idle[n].used) >= h.cfg.IdleTimeout) {
		n++
	}
	old := l.idle[:n:n]
	l.idle = l.idle[n:]
	if len(l.idle) > 0 {
		l.timer.Reset(h.cfg.IdleTimeout - time.Since(l.idle[0].used))
	}
	l.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// dial opens a connection: TLS, and for searches the service account's bind.
func (h *host) dial(ctx context.Context, kind laneKind) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.DialTimeout)
	defer cancel()
	var d net.Dialer
	raw, err := d.DialContext(ctx, h.url.network, h.url.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	abort := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, err := h.greet(ctx, raw, kind)
	if !abort() && err == nil {
		c.close()
		return nil, fmt.Errorf("connect: %w", ctx.Err())
	}
	if err != nil {
		_ = raw.Close()
		if ctx.Err() != nil && !errors.Is(err, errRefused) {
			err = fmt.Errorf("connect: %w", ctx.Err())
		}
		return nil, err
	}
	return c, nil
}

// errRefused is a server that will not have us; asking again soon is no use
// and may lock the service account.
var errRefused = errors.New("service account refused")

func (h *host) greet(ctx context.Context, raw net.Conn, kind laneKind) (*conn, error) {
	wire, state := raw, (*tls.ConnectionState)(nil)
	if h.url.startTLS {
		if err := startTLS(raw); err != nil {
			return nil, fmt.Errorf("StartTLS: %w", err)
		}
	}
	if h.url.secure || h.url.startTLS {
		t := tls.Client(raw, h.url.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		has := t.ConnectionState()
		wire, state = t, &has
	}
	in := newEntryReader(wire)
	c := &conn{Conn: ldap.NewConn(in, state != nil), in: in, raw: raw, tls: state, used: time.Now()}
	c.Start()
	if kind == searchLane && h.cfg.BindDN != "" {
		if err := h.svc.bind(ctx, c, h.url); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// startTLS asks the server to go on with TLS (RFC 4511 §4.14). ldap.Conn.StartTLS would
// put TLS above what takes entries out.
func startTLS(raw net.Conn) error {
	ask := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "message")
	ask.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "ID"))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "extended request")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "StartTLS"))
	ask.AppendChild(request)
	if _, err := raw.Write(ask.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(raw) // not a byte more: what follows is TLS
	if err != nil {
		return err
	}
	return ldap.GetLDAPError(answer)
}
