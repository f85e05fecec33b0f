package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"os"

	"convene/internal/proxied"
)

// askForCertificates has clients asked for certificates of the authorities in a file; ""
// leaves them alone. Those that have none go on without; one of any other authority, or one
// that is not for clients, ends the handshake. The authorities stay those of the start: a
// session that is resumed is not verified anew (RFC 8446 §2.2).
func askForCertificates(t *tls.Config, file string) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("tls.client-ca-file: %w", err)
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("tls.client-ca-file: %s has no certificate", file)
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven
	return nil
}

// clientCertificate is the certificate that the client of a request has shown, and TLS
// verified. What comes through a proxy has none: the connection's is the proxy's, and
// anybody can write a header field.
func (s *Server) clientCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || proxied.Came(r) {
		return nil
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || s.net.slots.proxies.Load().trusted.Contain(peer.Addr()) {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}
