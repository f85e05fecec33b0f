package memldap

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// Limits of a connection.
const (
	maxMessage  = 1 << 20 // bytes of a request
	idleLimit   = 10 * time.Minute
	writeLimit  = 30 * time.Second
	helloLimit  = 10 * time.Second // TLS handshake
	defaultConn = 200
)

// Server is a directory server. Make one with New.
type Server struct {
	tls    *tls.Config
	log    *slog.Logger
	tokens chan struct{} // one per connection

	entries []*ldif.Entry
	byDN    map[string]*ldif.Entry
	quirks  atomic.Pointer[Quirks]

	searches atomic.Int64
	binds    atomic.Int64

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]bool
	conns     map[net.Conn]bool
	wg        sync.WaitGroup
}

// Options are what a server needs besides its entries.
type Options struct {
	TLS      *tls.Config // for StartTLS and ServeTLS; nil: neither
	Log      *slog.Logger
	MaxConns int // connections at a time; default 200. Further ones wait
	Quirks   Quirks
}

// New makes a server of the entries, which it changes: operational attributes
// are added. Error: two entries with one name.
func New(entries []*ldif.Entry, o Options) (*Server, error) {
	s := &Server{
		tls: o.TLS, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		tokens:  make(chan struct{}, cmp.Or(o.MaxConns, defaultConn)),
		entries: entries, byDN: make(map[string]*ldif.Entry, len(entries)),
		listeners: map[net.Listener]bool{}, conns: map[net.Conn]bool{},
	}
	for _, e := range entries {
		if s.byDN[e.FoldedDN()] != nil {
			return nil, fmt.Errorf("entry %q: twice", e.DN)
		}
		s.byDN[e.FoldedDN()] = e
		if e.Value("entryUUID") == "" {
			e.Set("entryUUID", derivedUUID(e))
		}
		e.Set("entryDN", e.DN)
	}
	s.SetQuirks(o.Quirks)
	if o.Quirks.ActiveDirectory {
		s.activeDirectory()
	}
	return s, nil
}

// NewLDIF makes a server of an LDIF file.
func NewLDIF(r io.Reader, o Options) (*Server, error) {
	entries, err := ldif.Read(r)
	if err != nil {
		return nil, err
	}
	return New(entries, o)
}

// derivedUUID makes a version 5 UUID of an entry's name.
func derivedUUID(e *ldif.Entry) string {
	sum := sha1.Sum([]byte("memldap\x00" + e.FoldedDN()))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	x := hex.EncodeToString(sum[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// activeDirectory gives the entries what Active Directory's have: objectGUID,
// distinguishedName, and memberOf for each member.
func (s *Server) activeDirectory() {
	for _, e := range s.entries {
		e.Set("distinguishedName", e.DN)
		if b, err := hex.DecodeString(strings.ReplaceAll(e.Value("entryUUID"), "-", "")); err == nil && len(b) == 16 && e.Value("objectGUID") == "" {
			le := binary.LittleEndian
			le.PutUint32(b[0:], binary.BigEndian.Uint32(b[0:]))
			le.PutUint16(b[4:], binary.BigEndian.Uint16(b[4:]))
			le.PutUint16(b[6:], binary.BigEndian.Uint16(b[6:]))
			e.Set("objectGUID", string(b))
		}
		for _, m := range e.Values("member") {
			if member := s.byDN[ldif.FoldDN(m)]; member != nil {
				member.Add("memberOf", e.DN)
			}
		}
	}
}

// SetQuirks changes how the server behaves from the next request on, but for
// ActiveDirectory, which is fixed by New.
func (s *Server) SetQuirks(q Quirks) { s.quirks.Store(&q) }

// Requests returns how many searches and binds there have been.
func (s *Server) Requests() (searches, binds int64) { return s.searches.Load(), s.binds.Load() }

// Serve serves connections from l until Close, or until l fails. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, nil) }

// ServeTLS is Serve for ldaps.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.tls == nil {
		return errors.New("no TLS configuration")
	}
	return s.serve(l, s.tls)
}

func (s *Server) serve(l net.Listener, config *tls.Config) error {
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.listeners[l] = true
	s.mu.Unlock()
	for {
		s.tokens <- struct{}{}
		c, err := l.Accept()
		if err != nil {
			<-s.tokens
			if s.isClosed() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if !s.track(c) {
			<-s.tokens
			return c.Close()
		}
		go func() {
			defer s.wg.Done()
			defer func() { <-s.tokens }()
			defer s.untrack(c)
			if err := s.connection(c, config); err != nil {
				s.log.Debug("LDAP connection ended", "peer", c.RemoteAddr().String(), "err", err)
			}
		}()
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[c] = true
		s.wg.Add(1)
	}
	return !s.closed
}

func (s *Server) untrack(c net.Conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	_ = c.Close() // it may be closed already
}

// Close ends all listeners and connections and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for c := range s.conns {
		_ = c.Close() // its goroutine reports
	}
	s.mu.Unlock()
	s.wg.Wait()
	return errors.Join(errs...)
}

// session is one connection. Its requests are served one after another.
type session struct {
	*Server
	conn   net.Conn
	r      *bufio.Reader
	w      *bufio.Writer
	secure bool
	who    string // DN bound as; "" is anonymous
}

// connection serves one connection to its end.
func (s *Server) connection(c net.Conn, config *tls.Config) error {
	x := &session{Server: s, conn: c}
	if config != nil {
		if err := x.upgrade(config); err != nil {
			return err
		}
	}
	x.buffer()
	for {
		if err := x.conn.SetReadDeadline(time.Now().Add(idleLimit)); err != nil {
			return err
		}
		msg, err := readMessage(x.r)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := x.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
			return err
		}
		if err := x.handle(msg); err != nil {
			if errors.Is(err, errUnbind) {
				return nil
			}
			return err
		}
		if x.r.Buffered() == 0 {
			if err := x.w.Flush(); err != nil {
				return err
			}
		}
	}
}

func (x *session) buffer() { x.r, x.w = bufio.NewReader(x.conn), bufio.NewWriter(x.conn) }

// upgrade puts TLS on the connection.
func (x *session) upgrade(config *tls.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), helloLimit)
	defer cancel()
	t := tls.Server(x.conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	x.conn, x.secure = t, true
	return nil
}

// readMessage reads one LDAPMessage. Its length is checked before anything is
// set aside for it.
func readMessage(r *bufio.Reader) (*ber.Packet, error) {
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if head[0] != 0x30 {
		return nil, errors.New("not an LDAP message")
	}
	n := int(head[1])
	if n >= 0x80 {
		if n == 0x80 || n > 0x84 {
			return nil, errors.New("bad length of a message")
		}
		more := make([]byte, n-0x80)
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, err
		}
		n = 0
		for _, b := range more {
			n = n<<8 | int(b)
		}
		head = append(head, more...)
	}
	if n > maxMessage {
		return nil, fmt.Errorf("message of %d bytes", n)
	}
	buf := make([]byte, len(head)+n)
	copy(buf, head)
	if _, err := io.ReadFull(r, buf[len(head):]); err != nil {
		return nil, err
	}
	return ber.DecodePacketErr(buf)
}

// result builds an LDAPResult message. more is appended to the result: a packet
// takes a copy of a child when it is appended, so that must be done here.
func result(id int64, app ber.Tag, code uint16, text string, more ...*ber.Packet) *ber.Packet {
	p := envelope(id)
	r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, app, nil, "")
	r.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	r.AppendChild(octets(""))
	r.AppendChild(octets(text))
	for _, m := range more {
		r.AppendChild(m)
	}
	p.AppendChild(r)
	return p
}

func envelope(id int64) *ber.Packet {
	p := sequence()
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	return p
}

func sequence() *ber.Packet {
	return ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// send writes a packet into the buffer.
func (x *session) send(p *ber.Packet) error {
	_, err := x.w.Write(p.Bytes())
	return err
}

// result sends the result of a request.
func (x *session) result(id int64, app ber.Tag, code uint16, text string) error {
	return x.send(result(id, app, code, text))
}

// responseTag returns the tag of the response to a request.
func responseTag(op ber.Tag) ber.Tag {
	if op == ldap.ApplicationExtendedRequest {
		return ldap.ApplicationExtendedResponse
	}
	return op + 1
}
