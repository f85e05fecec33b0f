package testenv

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ACMEOptions say what an ACME server gives, and where it looks for who asks.
type ACMEOptions struct {
	HTTPPort, TLSPort int               // of the server that asks, whatever its name
	Life              time.Duration     // of certificates
	Keys              map[string]string // external account binding: keys in base64url by their number; nil: none is wanted
}

// An ACME is a running ACME server: Let's Encrypt's pebble, with a DNS server that knows
// every name as 127.0.0.1.
type ACME struct {
	Directory string // its address
	CA        *CA    // vouches for the ACME server itself

	t          testing.TB
	management string
	pebble     string
	config     string
	dns        string
	listen     string
	proc       *Process
}

// NewACME makes an ACME server, which is not started yet.
func NewACME(t testing.TB, o ACMEOptions) *ACME {
	t.Helper()
	programs := Require(t, "acme", "pebble", "pebble-challtestsrv")
	a := &ACME{t: t, CA: NewCA(t), pebble: programs[0], listen: loopback(FreePort(t)), management: loopback(FreePort(t)), dns: loopback(FreePort(t))}
	a.Directory = "https://" + a.listen + "/dir"
	Start(t, Command{Path: programs[1], Args: []string{
		"-dns01", a.dns, "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", loopback(FreePort(t)),
	}, Ready: []string{a.dns}})
	cert, key := a.CA.Issue()
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": a.listen, "managementListenAddress": a.management, "certificate": cert, "privateKey": key,
		"httpPort": o.HTTPPort, "tlsPort": o.TLSPort, "certificateValidityPeriod": int(o.Life.Seconds()),
		"externalAccountBindingRequired": o.Keys != nil, "externalAccountMACKeys": o.Keys,
	}})
	if err != nil {
		t.Fatal(err)
	}
	a.config = WriteFile(t, filepath.Join(Dir(t), "pebble.json"), string(text))
	return a
}

// Start starts the server, which remembers nothing of a time before.
func (a *ACME) Start() {
	a.t.Helper()
	a.proc = Start(a.t, Command{
		Path: a.pebble, Args: []string{"-config", a.config, "-dnsserver", a.dns},
		Env: []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"}, Ready: []string{a.listen, a.management},
	})
}

// Stop ends the server.
func (a *ACME) Stop() { a.proc.Stop() }

// Output is what the server has logged.
func (a *ACME) Output() string { return a.proc.Output() }

// Roots are those whose certificates the server gives: of this start.
func (a *ACME) Roots() *x509.CertPool {
	a.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.CA.Pool}, DisableKeepAlives: true}}
	answer, err := client.Get(fmt.Sprintf("https://%s/roots/0", a.management))
	if err != nil {
		a.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Body.Close() != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		a.t.Fatalf("no root in %s", strings.TrimSpace(string(text)))
	}
	return pool
}
