package directory

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// pin is the SHA-256 sum of a certificate, or of its public key.
type pin [sha256.Size]byte

// parsePins reads certificate-fingerprints: "sha256:" and 64 hexadecimal digits, with
// or without colons between the bytes, as openssl prints them.
func parsePins(list []string) (out []pin, err error) {
	for _, s := range list {
		scheme, digits, _ := strings.Cut(s, ":")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
		if err != nil || !strings.EqualFold(scheme, "sha256") || len(b) != sha256.Size {
			return nil, setting("certificate-fingerprints", `%.80q: write "sha256:" and 64 hexadecimal digits`, s)
		}
		out = append(out, pin(b))
	}
	return out, nil
}

// trustPins makes a TLS configuration trust servers by fingerprint too. Who has the
// private key of a certificate that the administrator has named is the server, whatever
// name, dates and authority are in it; any other certificate is verified as usual.
func trustPins(config *tls.Config, pins []pin) {
	if len(pins) == 0 {
		return
	}
	roots, name := config.RootCAs, config.ServerName
	config.InsecureSkipVerify = true // VerifyConnection does it instead
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return fmt.Errorf("the server has no certificate")
		}
		leaf := s.PeerCertificates[0]
		if slices.Contains(pins, sha256.Sum256(leaf.Raw)) || slices.Contains(pins, sha256.Sum256(leaf.RawSubjectPublicKeyInfo)) {
			return nil
		}
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name})
		if err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
		return nil
	}
}
