package directory

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pins are SHA-256 digests of certificates, or of their public keys.
type pins [][sha256.Size]byte

// parsePins reads "sha256:HEX", with colons between the bytes or without.
func parsePins(list []string) (pins, error) {
	var out pins
	for _, s := range list {
		digits, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(s)), "sha256:")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
		if !ok || err != nil || len(b) != sha256.Size {
			return nil, setting("certificate-fingerprints", "%q: write sha256: and 64 hexadecimal digits", s)
		}
		out = append(out, [sha256.Size]byte(b))
	}
	return out, nil
}

// errPin is a server with another certificate than those pinned.
var errPin = errors.New("the server's certificate is none of certificate-fingerprints")

// require has c accept the certificates pinned, and no others. Their names, their
// authorities and their dates do not matter: whoever has the key is the server.
func (p pins) require(c *tls.Config) {
	c.InsecureSkipVerify = true // what is verified instead is below
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 || !p.has(s.PeerCertificates[0]) {
			return p.refused(s.PeerCertificates)
		}
		return nil
	}
}

func (p pins) has(c *x509.Certificate) bool {
	return slices.Contains(p, sha256.Sum256(c.Raw)) || slices.Contains(p, sha256.Sum256(c.RawSubjectPublicKeyInfo))
}

func (p pins) refused(shown []*x509.Certificate) error {
	if len(shown) == 0 {
		return errPin
	}
	return fmt.Errorf("%w: it is sha256:%x of %q", errPin, sha256.Sum256(shown[0].Raw), shown[0].Subject)
}
