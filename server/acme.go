package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"convene/config"
)

// How long after a failure the ACME server is asked again: the shortest, which doubles, and
// the longest. Public authorities refuse who fails more than five times in an hour.
const (
	acmeRetry     = 2 * time.Minute
	acmeRetryMost = time.Hour
)

// acmeLook is how often it is looked whether a certificate is due, and acmeTimeout how
// long the ACME server may take for one response.
const (
	acmeLook    = time.Second
	acmeTimeout = 30 * time.Second
)

// A certificate is renewed when a third of its life is left, or acmeRenew if that is less;
// acmeLast is too late for that, and still leaves time to connect.
const (
	acmeRenew = 30 * 24 * time.Hour
	acmeLast  = time.Second
)

// errNoCertificate ends handshakes while there is no certificate.
var errNoCertificate = errors.New("there is no certificate from the ACME server yet")

// acmeCertificates are those that an ACME server gives (RFC 8555). Who connects never makes
// the server ask: it asks by itself, for the names that are configured, one after the
// other. It is safe for use by many goroutines.
type acmeCertificates struct {
	dir    string // keys and certificates, and the account's key: for this account alone
	log    *slog.Logger
	now    func() time.Time
	faults func(error)                      // is told what is wrong, nil if nothing is
	first  *atomic.Pointer[tls.Certificate] // that of the first name

	stop      context.CancelFunc // ends what is under way with the ACME server
	manager   func(autocert.Cache) *autocert.Manager
	files     autocert.Cache
	list      []*acmeName
	lastFault string
	again     chan struct{} // asks at once
}

// An acmeName is one of the names and its certificate.
type acmeName struct {
	name    string
	manager atomic.Pointer[autocert.Manager] // a new one after each failure: one remembers it
	held    atomic.Pointer[tls.Certificate]  // nil: none
}

// openACME reads what certificates there are from former times. first is kept the
// certificate of the first name. Errors: those of the files that c names.
func openACME(c *config.Config, log *slog.Logger, now func() time.Time, faults func(error), first *atomic.Pointer[tls.Certificate]) (*acmeCertificates, error) {
	ctx, stop := context.WithCancel(context.Background())
	a := &acmeCertificates{
		dir: filepath.Join(c.Server.Data, "tls", "acme"), log: log, now: now, faults: faults, first: first, stop: stop, again: make(chan struct{}, 1),
	}
	roots, err := acmeRoots(c.TLS.ACME.CAFile)
	if err != nil {
		return nil, err
	}
	binding, err := acmeBinding(&c.TLS.ACME)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	client := &http.Client{Transport: stoppable{transport, ctx}, Timeout: acmeTimeout}
	a.files = autocert.DirCache(a.dir)
	a.manager = func(cache autocert.Cache) *autocert.Manager {
		m := &autocert.Manager{
			Prompt: func(string) bool { return c.TLS.ACME.AcceptTerms },
			// It would renew by itself, and tell nobody of errors: see renew.
			RenewBefore: acmeLast,
			Cache:       cache, HostPolicy: a.allow, Email: c.TLS.ACME.Email, ExternalAccountBinding: binding,
			Client: &acme.Client{DirectoryURL: c.TLS.ACME.Directory, HTTPClient: client, UserAgent: "convene"},
		}
		m.HTTPHandler(nil) // has it try http-01 too
		return m
	}
	for _, name := range c.CertificateNames() {
		n := &acmeName{name: name}
		n.manager.Store(a.manager(a.files))
		// One that cannot be read, or is over, is asked for.
		file := filepath.Join(a.dir, name)
		if cert, err := tls.LoadX509KeyPair(file, file); err == nil && now().Before(cert.Leaf.NotAfter) {
			n.held.Store(&cert)
		}
		a.list = append(a.list, n)
	}
	first.Store(a.list[0].held.Load())
	return a, nil
}

func acmeRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil // the machine's
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tls.acme.ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("tls.acme.ca-file: %s has no certificate", file)
	}
	return pool, nil
}

func acmeBinding(c *config.ACME) (*acme.ExternalAccountBinding, error) {
	if c.EABKeyFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.EABKeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls.acme.eab-key-file: %w", err)
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(string(text)), "="))
	if err != nil {
		return nil, fmt.Errorf("tls.acme.eab-key-file: %s is no base64url", c.EABKeyFile)
	}
	return &acme.ExternalAccountBinding{KID: c.EABKeyID, Key: key}, nil
}

// stoppable sends no more requests when ctx has ended: what a manager is about nobody else
// stops.
type stoppable struct {
	http.RoundTripper
	ctx context.Context
}

func (s stoppable) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return s.RoundTripper.RoundTrip(r)
}

// of returns one of the names, with or without a port, nil if it is none of them.
func (a *acmeCertificates) of(host string) *acmeName {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	i := slices.IndexFunc(a.list, func(n *acmeName) bool { return n.name == host })
	if i < 0 {
		return nil
	}
	return a.list[i]
}

// allow refuses all but the names that are configured.
func (a *acmeCertificates) allow(_ context.Context, host string) error {
	if a.of(host) == nil {
		return fmt.Errorf("%q is none of the names that certificates are for", host)
	}
	return nil
}

// certificate is what a handshake is shown: the certificate of the name that is asked for,
// or of the first name; or what an ACME server asks for (RFC 8737 §3).
func (a *acmeCertificates) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	n := a.of(hello.ServerName)
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto {
		if n == nil {
			return nil, errNoCertificate
		}
		return n.manager.Load().GetCertificate(hello)
	}
	if n == nil {
		n = a.list[0]
	}
	if cert := n.held.Load(); cert != nil {
		return cert, nil
	}
	return nil, errNoCertificate
}

// acmeToken is what may stand for a token, so that nothing else comes near the files
// (RFC 8555 §8.3).
var acmeToken = regexp.MustCompile(`^/\.well-known/acme-challenge/[A-Za-z0-9_-]{1,128}$`)

// challenges answers an ACME server that asks without TLS (RFC 8555 §8.3), before anything
// is redirected.
func (s *Server) challenges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := s.certs.acme
		if a == nil || !acmeToken.MatchString(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		n := a.of(r.Host)
		if n == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		n.manager.Load().HTTPHandler(nil).ServeHTTP(w, r)
	})
}

// follow keeps the certificates of an ACME server, if they come from one, until ctx ends.
func (s *certificates) follow(ctx context.Context) error {
	if s.acme == nil {
		return nil
	}
	return s.acme.run(ctx)
}

// run asks for the certificates that are missing or due to be renewed, until ctx ends.
func (a *acmeCertificates) run(ctx context.Context) error {
	pause := time.Duration(0)
	for {
		asked := make(chan error, 1)
		go func() { asked <- a.obtain() }()
		var err error
		select {
		case <-ctx.Done():
			return nil // what is under way ends with its next request
		case err = <-asked:
		}
		wait := acmeLook
		if err == nil {
			pause = 0
		} else {
			pause = min(max(2*pause, acmeRetry), acmeRetryMost)
			wait = pause
			a.complain(err, wait)
		}
		a.examine(err)
		select {
		case <-ctx.Done():
			return nil
		case <-a.again:
			pause = 0
		case <-time.After(wait):
		}
	}
}

// complain says that certificates could not be had, while those that there are are good for
// a while yet as a warning.
func (a *acmeCertificates) complain(err error, again time.Duration) {
	level, text := slog.LevelWarn, "a certificate is not renewed by the ACME server"
	var until time.Time // of the one that ends first
	for _, n := range a.list {
		cert := n.held.Load()
		if cert == nil || !a.now().Before(cert.Leaf.NotAfter) {
			level, text = slog.LevelError, "no certificate from the ACME server"
		} else if until.IsZero() || cert.Leaf.NotAfter.Before(until) {
			until = cert.Leaf.NotAfter
		}
	}
	args := []any{"err", err, "again", again}
	if !until.IsZero() {
		args = append(args, "until", until)
	}
	a.log.Log(context.Background(), level, text, append(args,
		"cure", "see to it that this server can reach the ACME server, and it this one by its name at port 443 or 80; convene admin reload asks at once")...)
}

// obtain takes the certificates of all names, those that are missing or due to be renewed
// from the ACME server. What there is stays until there is another.
func (a *acmeCertificates) obtain() error {
	var errs []error
	for i, n := range a.list {
		cert, err := ask(n.manager.Load(), n.name)
		if err == nil && a.due(cert.Leaf) {
			if fresh, failed := a.renew(n); failed == nil {
				cert = fresh
			} else {
				errs = append(errs, fmt.Errorf("certificate of %s: %w", n.name, failed))
			}
		}
		if err != nil {
			n.manager.Store(a.manager(a.files))
			errs = append(errs, fmt.Errorf("certificate of %s: %w", n.name, err))
			continue
		}
		before := n.held.Swap(cert)
		if i == 0 {
			a.first.Store(cert)
		}
		if before == nil || !before.Leaf.Equal(cert.Leaf) {
			a.log.Info("certificate from the ACME server", "name", n.name, "until", cert.Leaf.NotAfter)
		}
	}
	return errors.Join(errs...)
}

// ask takes the certificate of a name as of a client that takes keys on elliptic curves:
// there is one certificate a name.
func ask(m *autocert.Manager, name string) (*tls.Certificate, error) {
	return m.GetCertificate(&tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
}

// due reports whether a certificate is to be renewed.
func (a *acmeCertificates) due(leaf *x509.Certificate) bool {
	left := min(leaf.NotAfter.Sub(leaf.NotBefore)/3, acmeRenew)
	return !a.now().Before(leaf.NotAfter.Add(-left))
}

// renew has the ACME server give another certificate of a name. What proves that the name is
// ours is among the files, where the name's manager finds it when it is asked for.
func (a *acmeCertificates) renew(n *acmeName) (*tls.Certificate, error) {
	cert, err := ask(a.manager(&renewing{Cache: a.files, name: n.name}), n.name)
	if err == nil {
		n.manager.Store(a.manager(a.files)) // the one before remembers the certificate before
	}
	return cert, err
}

// renewing is the files without the certificate of a name, until there is another: so that
// one is asked for, once.
type renewing struct {
	autocert.Cache
	name string
	done atomic.Bool
}

// Get implements autocert.Cache.
func (c *renewing) Get(ctx context.Context, key string) ([]byte, error) {
	if key == c.name && !c.done.Load() {
		return nil, autocert.ErrCacheMiss
	}
	return c.Cache.Get(ctx, key)
}

// Put implements autocert.Cache.
func (c *renewing) Put(ctx context.Context, key string, data []byte) error {
	err := c.Cache.Put(ctx, key, data)
	if err == nil && key == c.name {
		c.done.Store(true)
	}
	return err
}

// examine tells health what is wrong with the certificates, if that is something else than
// the last time. err is why some of them could not be had.
func (a *acmeCertificates) examine(err error) {
	errs := []error{err}
	for _, n := range a.list {
		if cert := n.held.Load(); cert != nil {
			errs = append(errs, certificateFault(cert.Leaf, []string{n.name}, a.now()))
		}
	}
	err = errors.Join(errs...)
	text := ""
	if err != nil {
		text, err = err.Error(), &acmeError{err}
	}
	if text != a.lastFault {
		a.lastFault = text
		a.faults(err)
	}
}

// An acmeError is what is wrong with certificates of an ACME server.
type acmeError struct{ error }

func (e *acmeError) Unwrap() error { return e.error }

// askAgain asks the ACME server at once for what it has not given.
func (a *acmeCertificates) askAgain() {
	select {
	case a.again <- struct{}{}:
	default:
	}
}
