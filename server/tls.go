package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"convene/config"
	"convene/internal/atomicfile"
	"convene/internal/filewatch"
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
	seen     [2]filewatch.Version
	logged   string // the last trouble with the files
	names    []string
	checked  time.Time // when it was last looked at for its dates and names
	faults   func(error)

	current atomic.Pointer[tls.Certificate]
	acme    *acmeCertificates // nil: none are from an ACME server
}

// use reads the certificate that c asks for, and makes a self-signed one if it
// names none. On error the certificate in use stays.
func (s *certificates) use(c *config.Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.acme != nil {
		s.acme.askAgain()
		return nil
	}
	if c.TLS.ACME.Directory != "" {
		var err error
		s.acme, err = openACME(c, s.log, s.now, s.faults, &s.current)
		return err
	}
	next := certificates{certFile: c.TLS.Certificate, keyFile: c.TLS.Key}
	if next.certFile == "" {
		dir := filepath.Join(c.Server.Data, "tls")
		next.certFile, next.keyFile = filepath.Join(dir, "self-signed.pem"), filepath.Join(dir, "self-signed.key")
		next.selfFor = c.HostName()
		if err := renewSelfSigned(next.certFile, next.keyFile, next.selfFor, s.now()); err != nil {
			return fmt.Errorf("self-signed certificate: %w", err)
		}
	}
	cert, seen, err := readCertificate(next.certFile, next.keyFile)
	if err != nil {
		return err
	}
	if seen[1].Readable() {
		s.log.Warn("a file with secrets can be read by every account of this machine", "file", next.keyFile)
	}
	s.certFile, s.keyFile, s.selfFor, s.seen = next.certFile, next.keyFile, next.selfFor, seen
	s.names = certificateNames(c)
	s.current.Store(cert)
	s.examine()
	return nil
}

// signed is the certificate in use, nil if nobody but itself vouches for it.
func (s *certificates) signed() *tls.Certificate {
	cert := s.current.Load()
	if cert == nil || cert.Leaf == nil || cert.Leaf.CheckSignature(cert.Leaf.SignatureAlgorithm, cert.Leaf.RawTBSCertificate, cert.Leaf.Signature) == nil {
		return nil
	}
	return cert
}

// certificateNames are the names by which clients, or the proxy, come to this server. The
// certificate has to be for one of them: the public one may be that of the proxy.
func certificateNames(c *config.Config) []string {
	if u, err := url.Parse(c.Server.PublicURL); err == nil && u.Hostname() != "" {
		return []string{c.HostName(), u.Hostname()}
	}
	return []string{c.HostName()}
}

// How long before its end a certificate is warned of, or when a quarter of its life is
// left if that is later; and how often.
const (
	certificateEnds  = 14 * 24 * time.Hour
	certificateCheck = 24 * time.Hour
)

// certificateFault returns what is wrong with a certificate, or soon will be; nil if
// clients that trust whoever signed it accept it.
func certificateFault(leaf *x509.Certificate, names []string, now time.Time) error {
	var errs []error
	warn := min(certificateEnds, leaf.NotAfter.Sub(leaf.NotBefore)/4)
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	switch {
	case now.After(leaf.NotAfter):
		errs = append(errs, fmt.Errorf("the certificate ended on %s", day(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		errs = append(errs, fmt.Errorf("the certificate begins on %s", day(leaf.NotBefore)))
	case now.Add(warn).After(leaf.NotAfter):
		errs = append(errs, fmt.Errorf("the certificate ends on %s", day(leaf.NotAfter)))
	}
	if !slices.ContainsFunc(names, func(n string) bool { return leaf.VerifyHostname(n) == nil }) {
		errs = append(errs, fmt.Errorf("the certificate is not for %s", strings.Join(names, " or ")))
	}
	return errors.Join(errs...)
}

// examine warns of the certificate in use, and tells health. The caller holds s.mu.
func (s *certificates) examine() {
	s.checked = s.now()
	err := certificateFault(s.current.Load().Leaf, s.names, s.checked)
	if err != nil {
		s.log.Warn("clients refuse the certificate, or soon will", "file", s.certFile, "err", strings.ReplaceAll(err.Error(), "\n", "; "),
			"cure", "replace the files; they are read again by themselves")
	}
	s.faults(err)
}

// refresh reads the files if they have changed since they were read, and
// renews a self-signed certificate in time. Each trouble is logged once.
func (s *certificates) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certFile == "" {
		return
	}
	if now := s.now(); now.Sub(s.checked) >= certificateCheck {
		s.examine()
	}
	trouble := ""
	if err := s.renew(); err != nil {
		trouble = err.Error()
	}
	if trouble != s.logged && trouble != "" {
		s.log.Error("certificate not read again; the one in use stays", "err", trouble)
	}
	s.logged = trouble
}

func (s *certificates) renew() error {
	var errs []error
	if s.selfFor != "" {
		if err := renewSelfSigned(s.certFile, s.keyFile, s.selfFor, s.now()); err != nil {
			errs = append(errs, fmt.Errorf("self-signed certificate: %w", err))
		}
	}
	seen, err := lookAtBoth(s.certFile, s.keyFile)
	if err == nil && seen[0].Same(s.seen[0]) && seen[1].Same(s.seen[1]) {
		return errors.Join(errs...)
	}
	// Both files are not replaced in one step: what does not fit together now
	// will a moment later.
	cert, seen, err := readCertificate(s.certFile, s.keyFile)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	s.seen = seen
	s.current.Store(cert)
	s.examine()
	s.log.Info("certificate read again", "file", s.certFile, "until", cert.Leaf.NotAfter)
	return errors.Join(errs...)
}

func lookAtBoth(certFile, keyFile string) (out [2]filewatch.Version, err error) {
	for i, name := range []string{certFile, keyFile} {
		if out[i], err = filewatch.Look(name); err != nil {
			return out, fmt.Errorf("certificate: %w", err)
		}
	}
	return out, nil
}

func readCertificate(certFile, keyFile string) (*tls.Certificate, [2]filewatch.Version, error) {
	seen, err := lookAtBoth(certFile, keyFile)
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
func (s *certificates) config(c *config.Config) *tls.Config {
	minVersion := uint16(tls.VersionTLS12)
	if c.TLS.MinVersion == "1.3" {
		minVersion = tls.VersionTLS13
	}
	t := &tls.Config{
		MinVersion: minVersion,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := s.shown(hello)
			if err != nil {
				return nil, err
			}
			// The connection remembers what it was shown: Kerberos channel
			// bindings are bound to it, even after the certificate was replaced.
			if t, ok := hello.Conn.(*trackedConn); ok {
				t.shown.Store(cert.Leaf)
			}
			return cert, nil
		},
	}
	if s.acme != nil {
		t.NextProtos = []string{acme.ALPNProto} // net/http adds its own
	}
	return t
}

// shown is the certificate for a handshake.
func (s *certificates) shown(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.acme != nil {
		return s.acme.certificate(hello)
	}
	if cert := s.current.Load(); cert != nil {
		return cert, nil
	}
	return nil, errors.New("no certificate")
}

// renewSelfSigned makes a certificate for host unless there is one that is
// good for a while yet. A key that is there stays: so the two files fit together
// whenever the process is killed.
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
	key, err := selfSignedKey(keyFile)
	if err != nil {
		return err
	}
	der, err := selfSigned(host, now, key)
	if err != nil {
		return err
	}
	return writePEM(certFile, 0o644, "CERTIFICATE", der)
}

// selfSignedKey reads the key, or makes one.
func selfSignedKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, writePEM(file, 0o600, "PRIVATE KEY", der)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: a key that cannot sign", file)
	}
	return signer, nil
}

func writePEM(file string, perm os.FileMode, kind string, der []byte) error {
	return atomicfile.Write(file, perm, func(w io.Writer) error { return pem.Encode(w, &pem.Block{Type: kind, Bytes: der}) })
}

// selfSigned makes a certificate for a host name, localhost and the loopback
// addresses. Clients that trust it take it for an authority; it is
// one for those names only.
func selfSigned(host string, now time.Time, key crypto.Signer) (der []byte, err error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: host, Organization: []string{"convene self-signed"}},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		template.IPAddresses = append(template.IPAddresses, ip)
	} else if host != "localhost" {
		template.DNSNames = append(template.DNSNames, host)
	}
	template.PermittedDNSDomains = template.DNSNames
	for _, ip := range template.IPAddresses {
		bits := 8 * len(ip)
		template.PermittedIPRanges = append(template.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
	}
	template.PermittedDNSDomainsCritical = true
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}
