package kerberos

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
)

// ServerEndPoint is the application data of tls-server-end-point bindings
// (RFC 5929 §4.1): a hash of the certificate with its signature's function,
// but SHA-256 in place of MD5 and SHA-1.
func ServerEndPoint(c *x509.Certificate) []byte {
	var sum []byte
	switch c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		s := sha512.Sum384(c.Raw)
		sum = s[:]
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		s := sha512.Sum512(c.Raw)
		sum = s[:]
	default:
		s := sha256.Sum256(c.Raw)
		sum = s[:]
	}
	return append([]byte("tls-server-end-point:"), sum...)
}

// BindingHash is RFC 4121 §4.1.1.2: MD5 over channel bindings without
// addresses.
func BindingHash(app []byte) []byte {
	b := make([]byte, 20, 20+len(app))
	binary.LittleEndian.PutUint32(b[16:], uint32(len(app)))
	sum := md5.Sum(append(b, app...))
	return sum[:]
}
