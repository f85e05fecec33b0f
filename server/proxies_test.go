package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/config"
)

// accessLog waits until the access log has a line of a request.
func accessLog(t *testing.T, c *config.Config, line string) {
	t.Helper()
	eventually(t, "access log: "+line, func() bool {
		text, err := os.ReadFile(filepath.Join(c.Server.Data, "access.log"))
		return err == nil && strings.Contains(string(text), line)
	})
}

// Whoever is no proxy of ours may write what it likes: its own address counts, and the
// connection is what it is.
func TestForwardedByStrangers(t *testing.T) {
	for _, kind := range []string{"x-forwarded", "forwarded"} {
		for _, trusted := range [][]string{nil, {"192.0.2.0/24"}} {
			c := smallConfig(t)
			c.Auth.BasicOverPlain = false
			c.Server.TrustedProxies, c.Server.ProxyHeader = trusted, kind
			s := serve(t, c)
			fields := []string{
				"Forwarded: for=198.51.100.7;proto=https;host=evil.example", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https",
				"X-Forwarded-Host: evil.example", "X-Real-Ip: 198.51.100.7",
			}
			if a := do(t, client(), "GET", s.HTTP+"/stranger", "ann", "", fields...); a.StatusCode != 403 {
				t.Errorf("%v: %s: a password is taken without TLS", trusted, a.Status)
			}
			accessLog(t, &c, `127.0.0.1 - - [`)
			a := do(t, client(), "GET", s.HTTPS+"/.well-known/caldav", "", "", fields...)
			if strings.Contains(fmt.Sprint(a.Header, a.Body), "evil.example") {
				t.Errorf("a stranger's host comes back: %v %s", a.Header, a.Body)
			}
			if strings.Contains(s.Log.String(), "198.51.100.7") {
				t.Errorf("an address that a stranger wrote is in the log:\n%s", s.Log)
			}
		}
	}
}

// What a proxy of ours says counts for where passwords may be sent, for the log and for
// throttling.
func TestTrustedProxy(t *testing.T) {
	for kind, field := range map[string]func(from, proto string) []string{
		"x-forwarded": func(from, proto string) []string {
			return []string{"X-Forwarded-For: 127.0.0.1, " + from, "X-Forwarded-Proto: " + proto}
		},
		"forwarded": func(from, proto string) []string {
			return []string{"Forwarded: for=127.0.0.1, for=" + from + ";proto=" + proto}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			c := smallConfig(t)
			c.Auth.BasicOverPlain, c.Auth.Throttle.AddressFailures = false, 2
			c.Server.TrustedProxies, c.Server.ProxyHeader = []string{"127.0.0.1"}, kind
			s := serve(t, c)
			status := func(url, user, from, proto string) int {
				return do(t, client(), "GET", url+"/calendars/users/ann/x", user, "", field(from, proto)...).StatusCode
			}
			if got := status(s.HTTP, "ann", "192.0.2.1", "https"); got != 404 {
				t.Errorf("a password over the proxy's TLS: %d", got)
			}
			accessLog(t, &c, "192.0.2.1 - ann [")
			for _, url := range []string{s.HTTP, s.HTTPS} {
				if got := status(url, "ann", "192.0.2.1", "http"); got != 403 {
					t.Errorf("a password in the clear as far as the proxy, %s: %d", url, got)
				}
			}
			for i := range 3 {
				status(s.HTTP, fmt.Sprint("nobody", i), "192.0.2.66", "https")
			}
			if got := status(s.HTTP, "bob", "192.0.2.66", "https"); got != 429 {
				t.Errorf("an address that guesses: %d", got)
			}
			if got := status(s.HTTP, "bob", "192.0.2.2", "https"); got == 429 {
				t.Error("another address behind the same proxy is throttled")
			}
			if !strings.Contains(s.Log.String(), "address=192.0.2.66") {
				t.Errorf("error log:\n%s", s.Log)
			}
		})
	}
}

func TestMalformedForwarded(t *testing.T) {
	c := smallConfig(t)
	c.Server.TrustedProxies = []string{"127.0.0.1"}
	s := serve(t, c)
	for _, field := range []string{"X-Forwarded-For: rubbish", "X-Forwarded-Host: a/b"} {
		if a := do(t, client(), "GET", s.HTTP+"/", "ann", "", field); a.StatusCode != 400 {
			t.Errorf("%s: %s", field, a.Status)
		}
	}
	accessLog(t, &c, `"GET / HTTP/1.1" 400 `)
}

// A page is shown without TLS on this machine alone: not to a proxy on it, whether it is
// a known one or not.
func TestProxiedIsNeverLocal(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	b := open(t, s.HTTP)
	if a := b.get(t, "/signin"); a.StatusCode != 401 {
		t.Fatalf("on this machine: %s", a.Status)
	}
	for _, field := range []string{"Forwarded: for=127.0.0.1", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https", "X-Real-IP: ::1", "Via: 1.1 proxy"} {
		if a := b.get(t, "/signin", field); a.StatusCode != 307 {
			t.Errorf("%s: %s", field, a.Status)
		}
	}
	c = smallConfig(t)
	c.Server.TrustedProxies = []string{"127.0.0.0/8"}
	b = open(t, serve(t, c).HTTP)
	if a := b.get(t, "/signin"); a.StatusCode != 307 {
		t.Errorf("a trusted proxy that says nothing: %s", a.Status)
	}
	if a := b.get(t, "/signin", "X-Forwarded-For: 127.0.0.1"); a.StatusCode != 307 {
		t.Errorf("a client on the proxy's machine: %s", a.Status)
	}
	if a := b.get(t, "/signin", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"); a.StatusCode != 401 || a.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("over the proxy's TLS: %s, %v", a.Status, a.Header)
	}
}

// With proxies that are named, the name of the public address alone is no TLS.
func TestPublicNameIsNoTLS(t *testing.T) {
	c := smallConfig(t)
	c.Server.PublicURL, c.Server.TrustedProxies = "https://calendar.example.com", []string{"192.0.2.1"}
	s := serve(t, c)
	r, err := http.NewRequest("GET", s.HTTP+"/signin", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "calendar.example.com"
	a, err := open(t, s.HTTP).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != 307 || a.Header.Get("Location") != "https://calendar.example.com/signin" {
		t.Errorf("%s, %v", a.Status, a.Header)
	}
}

// through sends a request on a connection that begins with header.
func through(t *testing.T, url, header string) (status string) {
	t.Helper()
	scheme, address, _ := strings.Cut(url, "://")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, header); err != nil {
		return ""
	}
	if scheme == "https" {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := fmt.Fprintf(c, "GET /calendars/users/ann/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nConnection: close\r\n\r\n", base64.StdEncoding.EncodeToString([]byte("ann:secret"))); err != nil {
		return ""
	}
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return ""
	}
	defer a.Body.Close()
	return a.Status[:3]
}

func proxyProtocol(t *testing.T, trusted string) *running {
	t.Helper()
	c := smallConfig(t)
	c.Server.HTTP, c.Server.HTTPS = []string{"127.0.0.1:0"}, []string{"localhost:0"}
	c.Server.TrustedProxies, c.Server.ProxyProtocol = []string{trusted}, []string{"127.0.0.1:0", "localhost:0"}
	c.Limits.PerAddress = 1
	return serve(t, c)
}

func TestProxyProtocol(t *testing.T) {
	s := proxyProtocol(t, "127.0.0.0/8")
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	for _, url := range []string{s.HTTP, s.HTTPS} {
		for header, want := range map[string]string{
			"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n":                       "192.0.2.1",
			v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x02\xc6\x33\x64\x01\x12\x34\x01\xbb": "192.0.2.2",
			"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n":                            "2001:db8::1",
			v2 + "\x20\x00\x00\x00":                                                 "127.0.0.1",
		} {
			if got := through(t, url, header); got != "404" {
				t.Errorf("%s, %q: %q", url, header, got)
			}
			accessLog(t, s.Config, want+" - ann [")
		}
		for _, header := range []string{"", "PROXY TCP4 rubbish\r\n", v2 + "\x31\x11\x00\x00"} {
			if got := through(t, url, header); got != "" {
				t.Errorf("%s, %q: %q", url, header, got)
			}
		}
	}
	// A network has as many connections as without a proxy.
	hold, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	const held = "PROXY TCP4 192.0.2.77 198.51.100.1 1 443\r\n"
	if _, err := io.WriteString(hold, held+"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(hold).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if got := through(t, s.HTTP, held); got != "" {
		t.Errorf("one connection too many of a client: %q", got)
	}
	if got := through(t, s.HTTP, "PROXY TCP4 192.0.2.78 198.51.100.1 1 443\r\n"); got != "404" {
		t.Errorf("another client: %q", got)
	}
}

// Only proxies of ours may speak the protocol, and nobody may where it is not spoken.
func TestProxyProtocolByStrangers(t *testing.T) {
	const header = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
	s := proxyProtocol(t, "192.0.2.0/24")
	for _, h := range []string{header, ""} {
		if got := through(t, s.HTTP, h); got != "" {
			t.Errorf("%q: %s", h, got)
		}
	}
	if !strings.Contains(s.Log.String(), "came from none of server.trusted-proxies") {
		t.Errorf("no warning:\n%s", s.Log)
	}
	c := smallConfig(t)
	c.Server.TrustedProxies = []string{"127.0.0.1"}
	s = serve(t, c)
	if got := through(t, s.HTTP, header); got != "400" {
		t.Errorf("an address without the protocol: %q", got)
	}
}
