package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/server"
	"convene/testenv"
)

// A self-signed certificate is renewed with the key that it had, so that a kill
// between the two files does no harm; and whoever is told to trust it trusts it
// for this server's names only.
func TestSelfSigned(t *testing.T) {
	c := smallConfig(t)
	c.Server.HostName = "calendar.example.com"
	open := func(now time.Time) *x509.Certificate {
		t.Helper()
		s, err := server.Open(server.Options{Config: c, Stderr: new(lockedBuffer), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		pair, err := tls.LoadX509KeyPair(filepath.Join(c.Server.Data, "tls", "self-signed.pem"), filepath.Join(c.Server.Data, "tls", "self-signed.key"))
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	first := open(time.Now())
	again := open(time.Now().Add(380 * 24 * time.Hour))
	if again.Equal(first) {
		t.Error("not renewed in time")
	}
	if !bytes.Equal(again.RawSubjectPublicKeyInfo, first.RawSubjectPublicKeyInfo) {
		t.Error("renewed with another key")
	}
	roots := x509.NewCertPool()
	roots.AddCert(first)
	for name, want := range map[string]bool{"calendar.example.com": true, "localhost": true, "127.0.0.1": true, "::1": true, "bank.example.org": false} {
		if _, err := first.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if first.MaxPathLen != 0 || !first.MaxPathLenZero || !first.PermittedDNSDomainsCritical || len(first.PermittedDNSDomains) != 2 || len(first.PermittedIPRanges) != 2 {
		t.Errorf("the certificate is an authority for %v, %v", first.PermittedDNSDomains, first.PermittedIPRanges)
	}
}

// A certificate that does not fit its key is complained about once.
func TestCertificateTrouble(t *testing.T) {
	ca := testenv.NewCA(t)
	c := smallConfig(t)
	c.TLS.Certificate, c.TLS.Key = ca.Issue("localhost")
	s := serve(t, c)
	_, other := ca.Issue("localhost")
	key, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.TLS.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err != nil || !strings.Contains(s.Log.String(), "every account of this machine file="+c.TLS.Key) {
		t.Errorf("%v; no warning of a key that everybody can read:\n%s", err, s.Log)
	}
	testenv.WriteFile(t, c.TLS.Key, string(key))
	const complaint = "certificate not read again"
	eventually(t, "a complaint", func() bool { return strings.Contains(s.Log.String(), complaint) })
	time.Sleep(2500 * time.Millisecond)
	if n := strings.Count(s.Log.String(), complaint); n != 1 {
		t.Errorf("%d complaints about one mistake", n)
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), &tls.Config{RootCAs: ca.Pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
