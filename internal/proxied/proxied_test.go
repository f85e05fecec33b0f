package proxied_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"convene/internal/proxied"
)

func networks(t testing.TB, list ...string) proxied.Networks {
	t.Helper()
	n, err := proxied.ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestParseNetworks(t *testing.T) {
	for _, bad := range []string{"", "proxy", "192.0.2.0/33", "192.0.2.1/24", "fe80::1%eth0", "::ffff:192.0.2.0/120"} {
		if n, err := proxied.ParseNetworks([]string{bad}); err == nil {
			t.Errorf("%q is taken for %v", bad, n)
		}
	}
	n := networks(t, "192.0.2.0/28", "2001:db8::7")
	for a, want := range map[string]bool{
		"192.0.2.15": true, "::ffff:192.0.2.15": true, "192.0.2.16": false, "2001:db8::7": true, "2001:db8::7%eth0": true, "2001:db8::8": false,
	} {
		if n.Contain(netip.MustParseAddr(a)) != want {
			t.Errorf("%s: %t", a, !want)
		}
	}
}

// The chain of proxies is followed as far as it is trusted: neither an address that a
// client wrote itself counts, nor the fields that the proxy only passes on.
func TestRead(t *testing.T) {
	trusted := networks(t, "10.0.0.0/8", "2001:db8::7")
	for _, tt := range []struct {
		name, kind, peer string
		fields           []string
		address, proto   string // address "": nobody is believed
		host             string
	}{
		{"a stranger's word", "x-forwarded", "192.0.2.1", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https"}, "", "", ""},
		{"a stranger's word", "forwarded", "192.0.2.1", []string{`Forwarded: for=127.0.0.1;proto=https`}, "", "", ""},
		{"one proxy", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: cal.example.com"}, "192.0.2.1", "https", "cal.example.com"},
		{"what the client wrote in front", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 127.0.0.1, rubbish, 192.0.2.1"}, "192.0.2.1", "", ""},
		{"in a field of its own", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 192.0.2.1"}, "192.0.2.1", "", ""},
		{"a client that calls itself a proxy", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 198.51.100.1, 10.9.9.9, 192.0.2.1"}, "192.0.2.1", "", ""},
		{"two proxies", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 198.51.100.1, 192.0.2.1, 10.0.0.2"}, "192.0.2.1", "", ""},
		{"proxies alone", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3", "", ""},
		{"nothing said", "x-forwarded", "10.0.0.1", nil, "10.0.0.1", "", ""},
		{"unknown", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-For: 127.0.0.1, unknown"}, "10.0.0.1", "", ""},
		{"ports", "x-forwarded", "::ffff:10.0.0.1", []string{"X-Forwarded-For: [2001:db8::1]:443"}, "2001:db8::1", "", ""},
		{"TLS not all the way", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-Proto: https, http"}, "10.0.0.1", "http", ""},
		{"not all the way, as the client has it", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-Proto: http", "X-Forwarded-Proto: https"}, "10.0.0.1", "http", ""},
		{"no scheme of ours", "x-forwarded", "10.0.0.1", []string{"X-Forwarded-Proto: wss"}, "10.0.0.1", "http", ""},
		{"the other kind", "x-forwarded", "10.0.0.1", []string{"Forwarded: for=127.0.0.1;proto=https;host=evil.example"}, "10.0.0.1", "", ""},
		{"the other kind", "forwarded", "10.0.0.1", []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"}, "10.0.0.1", "", ""},
		{"one element", "forwarded", "10.0.0.1", []string{`Forwarded: For="[2001:db8::1]:47011"; Proto=https;host="cal.example.com:8443";by=_x`}, "2001:db8::1", "https", "cal.example.com:8443"},
		{"what the client wrote in front", "forwarded", "10.0.0.1", []string{`Forwarded: for=127.0.0.1;proto=https;host=evil.example, for=192.0.2.1;proto=http`}, "192.0.2.1", "http", ""},
		{"two proxies", "forwarded", "10.0.0.1", []string{`Forwarded: for=192.0.2.1;proto=https`, `Forwarded: for=10.0.0.2;proto=http`}, "192.0.2.1", "https", ""},
		{"hidden", "forwarded", "10.0.0.1", []string{`Forwarded: for=127.0.0.1, for=_gazonk;proto=https`}, "10.0.0.1", "https", ""},
		{"without quotation marks", "forwarded", "10.0.0.1", []string{`Forwarded: for=[2001:db8::1]:443`}, "2001:db8::1", "", ""},
		{"empty elements", "forwarded", "10.0.0.1", []string{`Forwarded: ,, for=192.0.2.1;, ,`}, "192.0.2.1", "", ""},
	} {
		c, err := proxied.Read(header(tt.fields), tt.kind, netip.MustParseAddr(tt.peer), trusted)
		switch {
		case err != nil:
			t.Errorf("%s, %q: %v", tt.name, tt.fields, err)
		case c == nil:
			if tt.address != "" {
				t.Errorf("%s, %q: not believed", tt.name, tt.fields)
			}
		case c.Address.String() != tt.address || c.Proto != tt.proto || c.Host != tt.host:
			t.Errorf("%s, %q: %+v", tt.name, tt.fields, *c)
		}
	}
}

func TestReadMalformed(t *testing.T) {
	for kind, fields := range map[string][]string{
		"x-forwarded": {"X-Forwarded-For: 192.0.2.1, rubbish", "X-Forwarded-For: fe80::1%eth0", "X-Forwarded-Host: a/b", "X-Forwarded-Host: a b", "X-Forwarded-Host: a\\b"},
		"forwarded": {
			`Forwarded: for="192.0.2.9, for=127.0.0.1`, `Forwarded: for`, `Forwarded: for=`, `Forwarded: for=a b`, `Forwarded: for=192.0.2.1;for=127.0.0.1`,
			`Forwarded: for=192.0.2.1 for=127.0.0.1`, `Forwarded: for=name`, `Forwarded: for=192.0.2.1;host="a/b"`, "Forwarded: for=\"\x01\"",
		},
	} {
		for _, f := range fields {
			if c, err := proxied.Read(header([]string{f}), kind, netip.MustParseAddr("10.0.0.1"), networks(t, "10.0.0.1")); !errors.Is(err, proxied.ErrField) {
				t.Errorf("%q: %+v, %v", f, c, err)
			}
		}
	}
}

func header(fields []string) http.Header {
	h := http.Header{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
	return h
}

const v2 = "\r\n\r\n\x00\r\nQUIT\n"

var protocols = []struct {
	in   string // what follows is "rest"
	want string // "": the proxy's own; "bad"
}{
	{"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1:56324"},
	{"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "[2001:db8::1]:1"},
	{"PROXY UNKNOWN\r\n", ""},
	{"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""},
	{"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "bad"},
	{"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n", "bad"},
	{"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", "bad"},
	{"PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "bad"},
	{"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "bad"},
	{"PROXY " + strings.Repeat("x", 120) + "\r\n", "bad"},
	{"PUT / HTTP/1.1\r\n", "bad"},
	{"GET / HTTP/1.1\r\n", "bad"},
	{"\x16\x03\x01", "bad"},
	{v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb", "192.0.2.1:4660"},
	{v2 + "\x21\x11\x00\x10\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb\x04\x00\x01\x00", "192.0.2.1:4660"},
	{v2 + "\x21\x21\x00\x24 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01 \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x02", "[2001:db8::1]:1"},
	{v2 + "\x20\x00\x00\x00", ""},
	{v2 + "\x21\x00\x00\x00", ""},
	{v2 + "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb", "bad"}, // too short for its addresses
	{v2 + "\x21\x12\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb", "bad"}, // UDP
	{v2 + "\x31\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb", "bad"}, // version 3
	{v2 + "\x22\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x01\xbb", "bad"}, // no command
	{v2 + "\x21\x11\xff\xff", "bad"},
}

func TestReadHeader(t *testing.T) {
	for _, tt := range protocols {
		r := bufio.NewReader(strings.NewReader(tt.in + "rest"))
		a, err := proxied.ReadHeader(r)
		if tt.want == "bad" {
			if !errors.Is(err, proxied.ErrProtocol) {
				t.Errorf("%q: %v, %v", tt.in, a, err)
			}
			continue
		}
		rest, _ := io.ReadAll(r)
		if err != nil || string(rest) != "rest" || a.IsValid() != (tt.want != "") || a.IsValid() && a.String() != tt.want {
			t.Errorf("%q: %v, %v; then %q", tt.in, a, err, rest)
		}
		for i := range tt.in { // cut off
			if a, err := proxied.ReadHeader(bufio.NewReader(strings.NewReader(tt.in[:i]))); err == nil {
				t.Errorf("%q is enough for %v", tt.in[:i], a)
			}
		}
	}
}

// A peer that sends no header in time is closed.
func TestSilentProxy(t *testing.T) {
	ours, theirs := net.Pipe()
	c := &proxied.Conn{Conn: ours, Limit: 50 * time.Millisecond, Admit: func(net.Addr) bool { return true }}
	go func() {
		_, _ = theirs.Write([]byte("PROXY TCP4 192.0.2.1 ")) // how it ends is looked at on the other side
	}()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, proxied.ErrProtocol) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := theirs.Write([]byte("x")); err == nil {
		t.Error("the connection is still open")
	}
}

// FuzzForwarded: whatever a client puts in front of what the proxy says is refused, or
// changes nothing of it.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=127.0.0.1;proto=https", `for="[::1]:80";host=x`, `for="`, `for="\"`, ",;=", "for=_hidden", "for=unknown", `a="\\\"", b=c`} {
		f.Add(s)
	}
	trusted := networks(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, client string) {
		for _, kind := range []string{proxied.Forwarded, proxied.XForwarded} {
			h := http.Header{"Forwarded": {client, "for=192.0.2.1;proto=http;host=h"}, "X-Forwarded-For": {client, "192.0.2.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"h"}}
			c, err := proxied.Read(h, kind, netip.MustParseAddr("10.0.0.1"), trusted)
			if err == nil && (c.Address.String() != "192.0.2.1" || c.Proto != "http" || c.Host != "h") {
				t.Errorf("%s: a client can write %q and be %+v", kind, client, *c)
			}
		}
	})
}

// FuzzProtocol: no header takes more than it says, or gives an address that is none.
func FuzzProtocol(f *testing.F) {
	for _, tt := range protocols {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const rest = "GET / HTTP/1.1\r\n"
		r := bufio.NewReader(strings.NewReader(string(in) + rest))
		a, err := proxied.ReadHeader(r)
		if err != nil {
			return
		}
		if a.IsValid() && (a.Addr().Zone() != "" || a.Addr().Is4In6()) {
			t.Errorf("%v", a)
		}
		if left := r.Buffered(); left > len(in)+len(rest)-8 {
			t.Errorf("%d bytes are left of %d", left, len(in)+len(rest))
		}
	})
}
