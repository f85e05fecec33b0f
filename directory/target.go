package directory

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// target is the URL of a server, taken apart.
type target struct {
	text     string
	network  string // tcp or unix
	address  string
	secure   bool // ldaps
	startTLS bool
	tls      *tls.Config
	service  string // of Kerberos: "ldap/dc1.example.com"; "": the server has no name
}

// String returns the URL.
func (t *target) String() string { return t.text }

// parseTarget reads ldap://host[:port], ldaps://host[:port] or ldapi://path.
func parseTarget(cfg *LDAPConfig, roots *x509.CertPool, text string) (*target, error) {
	t := &target{text: text, network: "tcp"}
	if path, ok := strings.CutPrefix(text, "ldapi://"); ok {
		return ldapi(t, path)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("server URL: %w", err)
	}
	host, port := u.Hostname(), u.Port()
	switch strings.ToLower(u.Scheme) {
	case "ldap":
		t.startTLS = cfg.StartTLS
		t.address = net.JoinHostPort(host, orText(port, "389"))
	case "ldaps":
		t.secure = true
		t.address = net.JoinHostPort(host, orText(port, "636"))
	default:
		return nil, fmt.Errorf("server URL %q: neither ldap, ldaps nor ldapi", text)
	}
	if host == "" {
		return nil, fmt.Errorf("server URL %q: no host", text)
	}
	if !t.secure && !t.startTLS && !cfg.AllowPlain && !isLoopback(host) {
		return nil, fmt.Errorf("server URL %q: would send passwords in clear; use ldaps, starttls or, knowing that, allow-plain", text)
	}
	for _, name := range []string{cfg.ServerName, host} { // the URL's counts if it is a name
		if name != "" && net.ParseIP(name) == nil {
			t.service = "ldap/" + strings.ToLower(name)
		}
	}
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: orText(cfg.ServerName, host)}
	return t, nil
}

// ldapi takes the path of a socket: as it is, or percent-encoded as OpenLDAP's
// tools want it.
func ldapi(t *target, path string) (*target, error) {
	path, err := url.PathUnescape(path)
	if err != nil || !strings.HasPrefix(path, "/") || path == "/" {
		return nil, fmt.Errorf("server URL %q: no path of a socket", t.text)
	}
	t.network, t.address = "unix", strings.TrimSuffix(path, "/")
	return t, nil
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// loadRoots reads the certificate authorities; nil is the system's.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca-file: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("ca-file %s: no certificates", file)
	}
	return p, nil
}
