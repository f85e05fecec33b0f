package proxied

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrProtocol is returned for a connection that does not begin as the PROXY protocol
// says.
var ErrProtocol = errors.New("no PROXY protocol")

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	mostLine  = 107                      // bytes of version 1's line, with its end
	most2     = 2048                     // bytes that follow version 2's first 16; addresses take 36
)

// ReadHeader reads the header of version 1 or 2, and no byte more. The address is the
// zero AddrPort if the proxy speaks for itself, as for health checks, or says that it
// does not know.
func ReadHeader(r *bufio.Reader) (netip.AddrPort, error) {
	first, err := r.Peek(1)
	switch {
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	case first[0] == 'P':
		return readLine(r)
	case first[0] == signature[0]:
		return readBinary(r)
	}
	return netip.AddrPort{}, fmt.Errorf("%w: it begins with %q", ErrProtocol, first)
}

// readLine reads version 1: PROXY TCP4 from to port port.
func readLine(r *bufio.Reader) (netip.AddrPort, error) {
	var line []byte
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		c, err := r.ReadByte()
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if line = append(line, c); len(line) > mostLine || len(line) <= 6 && line[len(line)-1] != "PROXY "[len(line)-1] {
			return netip.AddrPort{}, fmt.Errorf("%w: line %.16q", ErrProtocol, line)
		}
	}
	f := strings.Split(string(line[:len(line)-2]), " ")
	if len(f) >= 2 && f[1] == "UNKNOWN" {
		return netip.AddrPort{}, nil
	}
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return netip.AddrPort{}, fmt.Errorf("%w: line %q", ErrProtocol, line)
	}
	from, err1 := netip.ParseAddr(f[2])
	to, err2 := netip.ParseAddr(f[3])
	port, err3 := strconv.ParseUint(f[4], 10, 16)
	_, err4 := strconv.ParseUint(f[5], 10, 16)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: line %q: %w", ErrProtocol, line, err)
	}
	if four := f[1] == "TCP4"; from.Is4() != four || to.Is4() != four || from.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("%w: line %q: addresses of another kind", ErrProtocol, line)
	}
	return netip.AddrPortFrom(from.Unmap(), uint16(port)), nil
}

// readBinary reads version 2. What follows the addresses is passed over.
func readBinary(r *bufio.Reader) (netip.AddrPort, error) {
	var head [16]byte
	for i := range head { // a client that is no proxy is refused at its first wrong byte
		c, err := r.ReadByte()
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if head[i] = c; i < len(signature) && c != signature[i] {
			return netip.AddrPort{}, fmt.Errorf("%w: it begins with %q", ErrProtocol, head[:i+1])
		}
	}
	size := int(binary.BigEndian.Uint16(head[14:]))
	if head[12]>>4 != 2 || head[12]&15 > 1 || size > most2 {
		return netip.AddrPort{}, fmt.Errorf("%w: version and command %#x, %d bytes", ErrProtocol, head[12], size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if head[12]&15 == 0 { // LOCAL
		return netip.AddrPort{}, nil
	}
	var width int
	switch head[13] {
	case 0x11: // TCP over IPv4
		width = 4
	case 0x21: // TCP over IPv6
		width = 16
	case 0x00: // not known
		return netip.AddrPort{}, nil
	default:
		return netip.AddrPort{}, fmt.Errorf("%w: family %#x is not TCP", ErrProtocol, head[13])
	}
	if size < 2*width+4 {
		return netip.AddrPort{}, fmt.Errorf("%w: %d bytes are too few for its addresses", ErrProtocol, size)
	}
	from, _ := netip.AddrFromSlice(body[:width]) // it is as long as one
	return netip.AddrPortFrom(from.Unmap(), binary.BigEndian.Uint16(body[2*width:])), nil
}

// A Conn is a connection that begins with the header, which is read when its address or
// first byte is asked for: accepting it does not wait. Without a proper header it is
// closed.
type Conn struct {
	net.Conn
	// Limit is how long the header may take.
	Limit time.Duration
	// Admit is told the client's address, unless the proxy speaks for itself; false
	// closes the connection.
	Admit func(net.Addr) bool

	once   sync.Once
	r      *bufio.Reader
	client net.Addr
	err    error
}

func (c *Conn) header() {
	c.once.Do(func() {
		c.r, c.client = bufio.NewReaderSize(c.Conn, most2+16), c.Conn.RemoteAddr()
		if c.err = c.Conn.SetReadDeadline(time.Now().Add(c.Limit)); c.err != nil {
			return
		}
		from, err := ReadHeader(c.r)
		if err == nil {
			err = c.Conn.SetReadDeadline(time.Time{})
		}
		if err == nil && from.IsValid() {
			c.client = net.TCPAddrFromAddrPort(from)
			if !c.Admit(c.client) {
				err = net.ErrClosed
			}
		}
		if c.err = err; err != nil {
			// Who reads gets the error; that it cannot be closed in order does not matter.
			_ = c.Conn.Close()
		}
	})
}

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr {
	c.header()
	return c.client
}

func (c *Conn) Read(p []byte) (int, error) {
	if c.header(); c.err != nil {
		return 0, c.err
	}
	return c.r.Read(p)
}

// CloseWrite ends this side.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
