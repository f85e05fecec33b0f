package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
	"convene/testenv"
)

const acmeHost = "calendar.example.com"

// acmeConfig is the configuration of a server that gets its certificate from a.
func acmeConfig(t *testing.T, a *testenv.ACME, httpPort, tlsPort int) config.Config {
	t.Helper()
	c := smallConfig(t)
	c.Server.HostName, c.Server.RedirectHTTP = acmeHost, true
	c.Server.HTTP, c.Server.HTTPS = []string{fmt.Sprintf("127.0.0.1:%d", httpPort)}, []string{fmt.Sprintf("127.0.0.1:%d", tlsPort)}
	c.TLS.ACME = config.ACME{Directory: a.Directory, AcceptTerms: true, CAFile: a.CA.File}
	return c
}

// leafOf is the certificate that a server shows to who asks for a name; nil: none.
func leafOf(t *testing.T, s *running, o *tls.Config) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), o)
	if err != nil {
		return nil // whatever the alert
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// certified waits for a certificate of the server's name that the ACME server has given.
func certified(t *testing.T, s *running, a *testenv.ACME) (leaf *x509.Certificate) {
	t.Helper()
	roots := a.Roots()
	eventually(t, "a certificate", func() bool {
		leaf = leafOf(t, s, &tls.Config{ServerName: acmeHost, RootCAs: roots})
		return leaf != nil
	})
	return leaf
}

// unredirected is a client that goes where it is told only.
func unredirected() *http.Client {
	c := client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// TestACME: a certificate is had by either challenge, with an account that the authority
// knows; for the server's name alone, whatever name is asked for; and kept for the next
// start, when there may be no ACME server.
func TestACME(t *testing.T) {
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			httpPort, tlsPort := testenv.FreePort(t), testenv.FreePort(t)
			// Where it asks for the other challenge nobody answers.
			o := testenv.ACMEOptions{HTTPPort: testenv.FreePort(t), TLSPort: tlsPort, Life: time.Hour}
			const key = "c2VjcmV0IG9mIHRoZSBjdXN0b21lciwgMzIgYnl0ZXM"
			if challenge == "http-01" {
				o.HTTPPort, o.TLSPort, o.Keys = httpPort, testenv.FreePort(t), map[string]string{"customer-7": key}
			}
			a := testenv.NewACME(t, o)
			a.Start()
			c := acmeConfig(t, a, httpPort, tlsPort)
			if o.Keys != nil {
				c.TLS.ACME.EABKeyID, c.TLS.ACME.EABKeyFile = "customer-7", testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "eab"), key+"\n")
			}
			s := serve(t, c)
			first := certified(t, s, a)
			dir := filepath.Join(c.Server.Data, "tls", "acme")
			files := 0
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if want := map[bool]fs.FileMode{true: 0o700 | fs.ModeDir, false: 0o600}[d.IsDir()]; err == nil && info.Mode() != want {
					t.Errorf("%s: %s, want %s", path, info.Mode(), want)
				}
				files++
				return err
			})
			if err != nil || files < 3 {
				t.Errorf("%d files, %v", files, err)
			}

			// Who connects has no say in what is asked for.
			roots := a.Roots()
			for _, other := range []*tls.Config{
				{ServerName: "evil.example"}, {ServerName: "www." + acmeHost}, {ServerName: ""}, {ServerName: strings.ToUpper(acmeHost)},
				{ServerName: acmeHost, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}},
			} {
				other.InsecureSkipVerify = true
				if leaf := leafOf(t, s, other); leaf == nil || !leaf.Equal(first) {
					t.Errorf("%q is shown another certificate", other.ServerName)
				}
			}
			for _, none := range []*tls.Config{
				{ServerName: "evil.example", NextProtos: []string{"acme-tls/1"}}, {ServerName: acmeHost, NextProtos: []string{"acme-tls/1"}},
				{ServerName: acmeHost, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
			} {
				none.InsecureSkipVerify = true
				if leafOf(t, s, none) != nil {
					t.Errorf("%q, %q: a certificate", none.ServerName, none.NextProtos)
				}
			}
			for _, path := range []string{"x", "..", "%2e%2e%2fa", strings.Repeat("a", 300), "acme_account+key", "x/y"} {
				got := do(t, unredirected(), http.MethodGet, s.HTTP+"/.well-known/acme-challenge/"+path, "", "", "Host: "+acmeHost)
				if strings.Contains(got.Body, c.Server.Data) || strings.Contains(got.Body, "PRIVATE KEY") || got.StatusCode == 200 {
					t.Errorf("%s: %s %s", path, got.Status, got.Body)
				}
			}
			if n := strings.Count(a.Output(), "Issued certificate serial"); n != 1 {
				t.Errorf("%d certificates were given\n%s", n, a.Output())
			}

			a.Stop()
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			s = serve(t, c)
			if leaf := leafOf(t, s, &tls.Config{ServerName: acmeHost, RootCAs: roots}); leaf == nil || !leaf.Equal(first) {
				t.Error("the certificate is not there after a new start")
			}
			if strings.Contains(s.Log.String(), " ERROR ") {
				t.Errorf("an error, though there is a certificate:\n%s", s.Log)
			}
		})
	}
}

// TestACMERenewal: a certificate is renewed by itself, with connections in between.
func TestACMERenewal(t *testing.T) {
	httpPort, tlsPort := testenv.FreePort(t), testenv.FreePort(t)
	a := testenv.NewACME(t, testenv.ACMEOptions{HTTPPort: httpPort, TLSPort: tlsPort, Life: 9 * time.Second})
	a.Start()
	s := serve(t, acmeConfig(t, a, httpPort, tlsPort))
	first := certified(t, s, a)
	eventually(t, "another certificate", func() bool {
		next := leafOf(t, s, &tls.Config{ServerName: acmeHost, InsecureSkipVerify: true})
		if next == nil {
			t.Fatal("no certificate in between")
		}
		return !next.Equal(first)
	})
}

// TestACMENotRenewed: that a certificate cannot be renewed is warned of long before it ends,
// with why and what to do, while it goes on to be shown; and as an error when it is over.
func TestACMENotRenewed(t *testing.T) {
	httpPort, tlsPort := testenv.FreePort(t), testenv.FreePort(t)
	a := testenv.NewACME(t, testenv.ACMEOptions{HTTPPort: httpPort, TLSPort: tlsPort, Life: 12 * time.Hour})
	a.Start()
	now := new(clock)
	now.set(time.Now())
	s := serveAt(t, acmeConfig(t, a, httpPort, tlsPort), now.now)
	first := certified(t, s, a)
	a.Stop()
	now.set(first.NotAfter.Add(-3*time.Hour - 55*time.Minute))
	logged := func(level, text string) func() bool {
		return func() bool {
			for line := range strings.Lines(s.Log.String()) {
				if strings.Contains(line, level) && strings.Contains(line, text) && strings.Contains(line, acmeHost) && strings.Contains(line, "connection refused") && strings.Contains(line, "cure=") {
					return true
				}
			}
			return false
		}
	}
	eventually(t, "a warning", logged("WARN", "a certificate is not renewed"))
	if leaf := leafOf(t, s, &tls.Config{ServerName: acmeHost, InsecureSkipVerify: true}); leaf == nil || !leaf.Equal(first) {
		t.Error("the certificate is not shown though it is good still")
	}
	now.set(first.NotAfter.Add(time.Minute))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error", logged("ERROR", "no certificate from the ACME server"))
	a.Start()
	now.set(first.NotAfter.Add(-time.Hour))
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := certified(t, s, a); next.Equal(first) {
		t.Error("the certificate is not renewed")
	}
	if n := strings.Count(a.Output(), "Issued certificate serial"); n != 1 {
		t.Errorf("%d certificates were given\n%s", n, a.Output())
	}
}

// TestACMEAway: without a certificate, and without the ACME server, everything goes on but
// TLS; log and health say why, and a reload tries again.
func TestACMEAway(t *testing.T) {
	httpPort, tlsPort := testenv.FreePort(t), testenv.FreePort(t)
	a := testenv.NewACME(t, testenv.ACMEOptions{HTTPPort: httpPort, TLSPort: tlsPort, Life: time.Hour})
	s := serve(t, acmeConfig(t, a, httpPort, tlsPort))
	eventually(t, "an error", func() bool { return strings.Contains(s.Log.String(), "no certificate from the ACME server") })
	if !strings.Contains(s.Log.String(), "certificate of "+acmeHost) || !strings.Contains(s.Log.String(), "connection refused") {
		t.Errorf("the log does not say why:\n%s", s.Log)
	}
	if leafOf(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: acmeHost}) != nil {
		t.Error("a certificate from nowhere")
	}
	if got := do(t, unredirected(), http.MethodGet, s.HTTP+"/my/", "", ""); got.StatusCode != http.StatusPermanentRedirect || !strings.HasPrefix(got.Header.Get("Location"), "https://"+acmeHost) {
		t.Errorf("%s to %q", got.Status, got.Header.Get("Location"))
	}
	operator, err := admin.Dial(t.Context(), s.Config.Server.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := operator.Close(); err != nil {
			t.Error(err)
		}
	}()
	degraded := func() bool {
		h, err := admin.ReadHealth(t.Context(), operator)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range h.Parts {
			if p.Name == "certificate" && p.State == "degraded" {
				return strings.Contains(p.Error, acmeHost) && p.Cure != ""
			}
		}
		return false
	}
	eventually(t, "health", degraded)
	a.Start()
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	certified(t, s, a)
	eventually(t, "health", func() bool { return !degraded() })
	if text, err := os.ReadFile(filepath.Join(s.Config.Server.Data, "tls", "acme", acmeHost)); err != nil || !strings.Contains(string(text), "PRIVATE KEY") {
		t.Errorf("the certificate is not kept: %v", err)
	}
}
