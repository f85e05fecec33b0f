package discover

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/directory"
)

// Untrusted is the certificate of a directory that cannot be verified.
type Untrusted struct {
	URL         string
	Subject     string
	Issuer      string
	From, Until time.Time
	Names       []string // DNS names and addresses in subjectAltName
	Pin         string   // as in certificate-fingerprints

	authority *x509.Certificate // that it shows, and that signs it; nil: none
	named     bool              // for the host of the URL
	expired   bool
}

func untrusted(url string, chain []*x509.Certificate, host string, now time.Time) *Untrusted {
	leaf := chain[0]
	u := &Untrusted{URL: url, Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), From: leaf.NotBefore.UTC(), Until: leaf.NotAfter.UTC(),
		Names: slices.Clone(leaf.DNSNames), Pin: Pin(leaf), named: leaf.VerifyHostname(host) == nil, expired: now.After(leaf.NotAfter)}
	for _, ip := range leaf.IPAddresses {
		u.Names = append(u.Names, ip.String())
	}
	if top := chain[len(chain)-1]; top.IsCA && len(chain) > 1 && bytes.Equal(top.RawSubject, top.RawIssuer) {
		u.authority = top
	}
	return u
}

// Lines describe the certificate to who is asked to trust it.
func (u *Untrusted) Lines() []string {
	names := strings.Join(u.Names, ", ")
	if names == "" {
		names = "none (subjectAltName is missing: programs take no notice of the name in the subject)"
	}
	return []string{"server   " + u.URL, "subject  " + u.Subject, "issuer   " + u.Issuer,
		fmt.Sprintf("valid    %s to %s", u.From.Format(time.DateOnly), u.Until.Format(time.DateOnly)), "names    " + names, "SHA-256  " + u.Pin}
}

// authorityPEM is a file for ca-file; nil if the authority cannot be trusted in place of
// the certificate: it is not known, or the certificate has not the server's name.
func (u *Untrusted) authorityPEM() []byte {
	if u.authority == nil || !u.named || u.expired {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: u.authority.Raw})
}

// open connects to a server. If its certificate cannot be verified the second result
// describes it.
func open(ctx context.Context, c directory.LDAPConfig, url string, now time.Time) (*directory.Probe, *Untrusted, error) {
	p, err := directory.OpenProbe(ctx, c, url)
	if err == nil {
		return p, nil, nil
	}
	if leaf, _ := refusedCertificate(err); leaf == nil {
		return nil, nil, err
	}
	chain, again := directory.Certificates(ctx, c, url)
	if again != nil || len(chain) == 0 {
		return nil, nil, err
	}
	return nil, untrusted(url, chain, hostIn(url), now), err
}

// hostIn is the host of a URL.
func hostIn(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	rest, _, _ = strings.Cut(rest, "/")
	if strings.HasPrefix(rest, "[") {
		host, _, _ := strings.Cut(rest[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(rest, ":")
	return host
}
