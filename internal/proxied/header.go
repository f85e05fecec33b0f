package proxied

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// The kinds of header fields: a proxy adds to one kind, and passes on what clients put
// into the other.
const (
	XForwarded = "x-forwarded" // X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host
	Forwarded  = "forwarded"   // Forwarded (RFC 7239)
)

// ErrField is returned for a field that cannot be read.
var ErrField = errors.New("malformed header field of a proxy")

// Read finds the client of a request that a proxy at peer sent, by fields of one kind.
// It returns nil if peer is in none of the networks; for it nobody looked at the fields
// then. It goes from proxy to proxy as long as they are in the networks, from the last
// to the first: what is beyond was written by who knows whom.
func Read(h http.Header, kind string, peer netip.Addr, trusted Networks) (*Client, error) {
	switch {
	case !trusted.Contain(peer):
		return nil, nil
	case kind == Forwarded:
		return readForwarded(h["Forwarded"], peer, trusted)
	}
	return readX(h, peer, trusted)
}

func readX(h http.Header, peer netip.Addr, trusted Networks) (*Client, error) {
	c := &Client{Address: peer.Unmap()}
	for rest, more := strings.Join(h["X-Forwarded-For"], ","), true; more && trusted.Contain(c.Address); {
		var last string
		if i := strings.LastIndexByte(rest, ','); i >= 0 {
			rest, last = rest[:i], rest[i+1:]
		} else {
			last, more = rest, false
		}
		last = strings.Trim(last, " \t")
		if last == "" {
			continue // an empty element of a list (RFC 9110 §5.6.1)
		}
		if strings.EqualFold(last, "unknown") {
			break
		}
		a, err := node(last)
		if err != nil {
			return nil, fmt.Errorf("X-Forwarded-For: %w", err)
		}
		c.Address = a
	}
	// Each of the proxies may have added one: TLS counts if all of them speak of it.
	for _, proto := range list(h["X-Forwarded-Proto"]) {
		if c.Proto != "http" {
			c.Proto = scheme(proto)
		}
	}
	if hosts := list(h["X-Forwarded-Host"]); len(hosts) > 0 {
		c.Host = hosts[len(hosts)-1]
	}
	return c, checkHost(c.Host)
}

// scheme is "https" or "http", which stands for whatever is not known to be safe; "" for
// nothing.
func scheme(s string) string {
	switch {
	case s == "", strings.EqualFold(s, "https"):
		return strings.ToLower(s)
	}
	return "http"
}

func list(fields []string) []string {
	var out []string
	for s := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		if s = strings.Trim(s, " \t"); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// node reads an address with or without brackets and port (RFC 7239 §6).
func node(s string) (netip.Addr, error) {
	if p, err := netip.ParseAddrPort(s); err == nil && p.Addr().Zone() == "" {
		return p.Addr().Unmap(), nil
	}
	bare := s
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		bare = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(bare)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: %.64q is no address", ErrField, s)
	}
	return a.Unmap(), nil
}

// checkHost accepts what may stand in a Host field (RFC 9110 §7.2), and nothing.
func checkHost(s string) error {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(".-_:[]", c) >= 0:
		default:
			return fmt.Errorf("%w: %.64q is no host", ErrField, s)
		}
	}
	return nil
}

// An element is what one proxy says of who sent it the request (RFC 7239 §4).
type element struct{ from, proto, host string }

func readForwarded(values []string, peer netip.Addr, trusted Networks) (*Client, error) {
	elements, err := parseForwarded(strings.Join(values, ","))
	if err != nil {
		return nil, err
	}
	c := &Client{Address: peer.Unmap()}
	for i := len(elements) - 1; i >= 0 && trusted.Contain(c.Address); i-- {
		e := elements[i]
		c.Proto, c.Host = scheme(e.proto), e.host
		if e.from == "" || strings.EqualFold(e.from, "unknown") || hidden(e.from) {
			break // the proxy knows, and does not say
		}
		if c.Address, err = node(e.from); err != nil {
			return nil, fmt.Errorf("field Forwarded: %w", err)
		}
	}
	return c, checkHost(c.Host)
}

// hidden reports whether s is an obfuscated identifier (RFC 7239 §6.3).
func hidden(s string) bool { return s[0] == '_' }

// parseForwarded reads a whole field: a quotation mark that a client left open makes
// everything behind it part of a string, so that nothing is left out.
func parseForwarded(s string) ([]element, error) {
	var out []element
	p := parser{s}
	for {
		var e element
		var some bool
		for {
			p.space()
			if name := p.token(); name != "" {
				if !p.take('=') {
					return nil, fmt.Errorf("%w: Forwarded: %.32q has no value", ErrField, name)
				}
				value, ok := p.value()
				if !ok {
					return nil, fmt.Errorf("%w: Forwarded: the value of %.32q", ErrField, name)
				}
				if !e.set(name, value) {
					return nil, fmt.Errorf("%w: Forwarded: %.32q twice in one element", ErrField, name)
				}
				some = true
			}
			p.space()
			if !p.take(';') {
				break
			}
		}
		if some {
			out = append(out, e)
		}
		if p.rest == "" {
			return out, nil
		}
		if !p.take(',') {
			return nil, fmt.Errorf("%w: Forwarded at %.32q", ErrField, p.rest)
		}
	}
}

// set notes a parameter. It reports false for one that is there already.
func (e *element) set(name, value string) bool {
	var to *string
	switch strings.ToLower(name) {
	case "for":
		to = &e.from
	case "proto":
		to = &e.proto
	case "host":
		to = &e.host
	default:
		return true
	}
	if *to != "" {
		return false
	}
	*to = value
	return true
}

type parser struct{ rest string }

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }

func (p *parser) take(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// token takes a token (RFC 9110 §5.6.2), which may be empty.
func (p *parser) token() string {
	i := 0
	for i < len(p.rest) && tokenByte(p.rest[i]) {
		i++
	}
	t := p.rest[:i]
	p.rest = p.rest[i:]
	return t
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// value takes a token or a quoted string (RFC 9110 §5.6.4). Addresses with colons are
// taken without quotation marks too, as many proxies write them.
func (p *parser) value() (string, bool) {
	if !p.take('"') {
		i := 0
		for i < len(p.rest) && (tokenByte(p.rest[i]) || strings.IndexByte(":[]", p.rest[i]) >= 0) {
			i++
		}
		t := p.rest[:i]
		p.rest = p.rest[i:]
		return t, t != ""
	}
	var b strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
