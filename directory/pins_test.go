package directory_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/memldap"
)

// nameless is a certificate as Samba makes one for itself: signed by nobody known, with
// no alternative name, and past its time.
func nameless(t *testing.T) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dc1.ad.example.com"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

func TestPins(t *testing.T) {
	pair, cert := nameless(t)
	_, other := nameless(t)
	server, err := memldap.NewLDIF(strings.NewReader("dn: "+base+"\nobjectClass: dcObject\ndc: example\n\n"+directorytest.LDIF()), memldap.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	hex := func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
	colons := strings.Join(strings.Fields(fmt.Sprintf("% X", sha256.Sum256(cert.Raw))), ":")
	for _, tt := range []struct {
		name string
		pins []string
		ok   bool
	}{
		{"no pin", nil, false},
		{"certificate", []string{"sha256:" + hex(cert.Raw)}, true},
		{"as openssl prints it", []string{"SHA256:" + colons}, true},
		{"public key", []string{"sha256:" + hex(cert.RawSubjectPublicKeyInfo)}, true},
		{"one of two", []string{"sha256:" + hex(other.Raw), "sha256:" + hex(cert.Raw)}, true},
		{"another's", []string{"sha256:" + hex(other.Raw)}, false},
		{"another's of the same name", []string{"sha256:" + hex(other.RawSubjectPublicKeyInfo)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := directory.LDAPConfig{URLs: []string{"ldap://" + l.Addr().String()}, StartTLS: true, Base: []string{base}, Fingerprints: tt.pins}
			c.Users, c.Groups, c.Locations, c.Resources = directorytest.OpenLDAPRecords()
			_, err := open(t, c).Lookup(t.Context(), key("alice"))
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, directory.ErrUnavailable) {
				t.Errorf("%v", err)
			}
			if len(tt.pins) > 0 && err != nil && !strings.Contains(err.Error(), hex(cert.Raw)) {
				t.Errorf("the error does not say what to pin: %v", err)
			}
		})
	}
	for _, bad := range []string{"", "sha256:", "sha256:12", "sha1:" + hex(cert.Raw), hex(cert.Raw)} {
		c := directory.LDAPConfig{URLs: []string{"ldaps://dc1.example.com"}, Base: []string{base}, Fingerprints: []string{bad}}
		var s *directory.SettingError
		if err := c.Check(); !errors.As(err, &s) || s.Setting != "certificate-fingerprints" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
