package convene

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Life of a self-signed certificate, and how long before its end it is
// replaced. Apple's clients refuse certificates that live longer than 825 days.
const (
	selfSignedLife  = 397 * 24 * time.Hour
	selfSignedRenew = 30 * 24 * time.Hour
)

// certificates holds the server's certificate and reads it again when its
// files change. It is safe for use by many goroutines.
type certificates struct {
	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex // held to read the files
	certFile string
	keyFile  string
	selfFor  string // host name of the self-signed certificate; "" if the files are the operator's
	seen     [2]os.FileInfo

	current atomic.Pointer[tls.Certificate]
}

// use reads the certificate that c asks for, and makes a self-signed one if it
// names none. On error the certificate in use stays.
func (s *certificates) use(c *Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := certificates{certFile: c.TLS.Certificate, keyFile: c.TLS.Key}
	if next.certFile == "" {
		dir := filepath.Join(c.Server.Data, "tls")
		next.certFile, next.keyFile = filepath.Join(dir, "self-signed.pem"), filepath.Join(dir, "self-signed.key")
		next.selfFor = c.hostName()
		if err := renewSelfSigned(next.certFile, next.keyFile, next.selfFor, s.now()); err != nil {
			return fmt.Errorf("self-signed certificate: %w", err)
		}
	}
	cert, seen, err := readCertificate(next.certFile, next.keyFile)
	if err != nil {
		return err
	}
	s.certFile, s.keyFile, s.selfFor, s.seen = next.certFile, next.keyFile, next.selfFor, seen
	s.current.Store(cert)
	return nil
}

// refresh reads the files if they have changed since they were read, and
// renews a self-signed certificate in time.
func (s *certificates) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certFile == "" {
		return
	}
	if s.selfFor != "" {
		if err := renewSelfSigned(s.certFile, s.keyFile, s.selfFor, s.now()); err != nil {
			s.log.Error("self-signed certificate not renewed", "err", err)
		}
	}
	seen, err := statBoth(s.certFile, s.keyFile)
	if err == nil && same(seen[0], s.seen[0]) && same(seen[1], s.seen[1]) {
		return
	}
	cert, seen, err := readCertificate(s.certFile, s.keyFile)
	if err != nil {
		// Both files are not replaced in one step: what does not fit together
		// now will a moment later.
		s.log.Warn("certificate not read again", "err", err)
		return
	}
	s.seen = seen
	s.current.Store(cert)
	s.log.Info("certificate read again", "file", s.certFile, "until", cert.Leaf.NotAfter)
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func statBoth(certFile, keyFile string) (out [2]os.FileInfo, err error) {
	for i, name := range []string{certFile, keyFile} {
		if out[i], err = os.Stat(name); err != nil {
			return out, fmt.Errorf("certificate: %w", err)
		}
	}
	return out, nil
}

func readCertificate(certFile, keyFile string) (*tls.Certificate, [2]os.FileInfo, error) {
	seen, err := statBoth(certFile, keyFile)
	if err != nil {
		return nil, seen, err
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, seen, fmt.Errorf("certificate %s: %w", certFile, err)
	}
	return &cert, seen, nil
}

// config returns the TLS configuration of the listeners.
func (s *certificates) config(c *Config) *tls.Config {
	minVersion := uint16(tls.VersionTLS12)
	if c.TLS.MinVersion == "1.3" {
		minVersion = tls.VersionTLS13
	}
	return &tls.Config{
		MinVersion: minVersion,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert := s.current.Load()
			if cert == nil {
				return nil, errors.New("no certificate")
			}
			// The connection remembers what it was shown: Kerberos channel
			// bindings are bound to it, even after the certificate was replaced.
			if t, ok := hello.Conn.(*trackedConn); ok {
				t.shown.Store(cert.Leaf)
			}
			return cert, nil
		},
	}
}

// renewSelfSigned makes a certificate for host unless there is one that is
// good for a while yet.
func renewSelfSigned(certFile, keyFile, host string, now time.Time) error {
	cert, _, err := readCertificate(certFile, keyFile)
	switch {
	case err == nil && cert.Leaf.VerifyHostname(host) == nil && now.Add(selfSignedRenew).Before(cert.Leaf.NotAfter):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err // something else is there; it is not ours to overwrite
	}
	if err := os.MkdirAll(filepath.Dir(certFile), 0o700); err != nil {
		return err
	}
	certPEM, keyPEM, err := selfSigned(host, now)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(keyFile, keyPEM, 0o600), os.WriteFile(certFile, certPEM, 0o644))
}

// selfSigned makes a certificate for a host name, localhost and the loopback
// addresses.
func selfSigned(host string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: host, Organization: []string{"convene self-signed"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, // so that clients can be told to trust it
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else if host != "localhost" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}
