package auth

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"convene/directory"
)

// SchemeCertificate is how the log names TLS client certificates. It is no scheme of the
// Authorization field: where that is sent, it alone counts.
const SchemeCertificate = "certificate"

// errCertificate says that a certificate that was verified does not say whose it is.
var errCertificate = errors.New("client certificate not accepted")

// CertificateConfig says whose a client certificate is.
type CertificateConfig struct {
	Identify []string `toml:"identify" doc:"Where in a client certificate the log-in is of whom it was issued to: any of \"mail\" (rfc822Name in the subject's alternative names), \"upn\" (user principal name, as Active Directory's authorities write it), \"uid\" and \"common-name\" (attributes of the subject). The first of them that a certificate has counts, and has to be there once. The record has to have it as a person would type it."`
}

func defaultCertificate() CertificateConfig {
	return CertificateConfig{Identify: []string{"mail", "upn"}}
}

// identifiers are the values of CertificateConfig.Identify, each with what it reads.
var identifiers = map[string]func(*x509.Certificate) ([]string, error){
	"mail":        func(c *x509.Certificate) ([]string, error) { return c.EmailAddresses, nil },
	"upn":         principalNames,
	"uid":         func(c *x509.Certificate) ([]string, error) { return subject(c, oidUID) },
	"common-name": func(c *x509.Certificate) ([]string, error) { return subject(c, oidCommonName) },
}

var (
	oidUID           = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1} // RFC 4519 §2.39
	oidCommonName    = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidAlternative   = asn1.ObjectIdentifier{2, 5, 29, 17}                    // subjectAltName, RFC 5280 §4.2.1.6
	oidPrincipalName = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3} // szOID_NT_PRINCIPAL_NAME, [MS-WCCE] §2.2.2.7.7.4
)

func (c *CertificateConfig) check() error {
	for _, name := range c.Identify {
		if identifiers[name] == nil {
			return fmt.Errorf(`%q is none of "mail", "upn", "uid" and "common-name"`, name)
		}
	}
	return nil
}

// subject returns the values of an attribute of the subject.
func subject(c *x509.Certificate, attribute asn1.ObjectIdentifier) (values []string, err error) {
	for _, a := range c.Subject.Names {
		if a.Type.Equal(attribute) {
			text, ok := a.Value.(string)
			if !ok {
				return nil, fmt.Errorf("attribute %s is no text", attribute)
			}
			values = append(values, text)
		}
	}
	return values, nil
}

// principalNames returns the user principal names among the alternative names of the
// subject, which crypto/x509 does not read.
func principalNames(c *x509.Certificate) (names []string, err error) {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidAlternative) {
			more, err := otherNames(e.Value)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	return names, nil
}

// otherNames reads the user principal names of a GeneralNames in DER (RFC 5280 §4.2.1.6).
func otherNames(der []byte) (names []string, err error) {
	var list asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 || list.Tag != asn1.TagSequence || list.Class != asn1.ClassUniversal {
		return nil, errors.New("alternative names are malformed")
	}
	for rest := list.Bytes; len(rest) > 0; {
		var one asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			return nil, fmt.Errorf("alternative names: %w", err)
		}
		if one.Class != asn1.ClassContextSpecific || one.Tag != 0 {
			continue // no otherName
		}
		var kind asn1.ObjectIdentifier
		value, err := asn1.Unmarshal(one.Bytes, &kind)
		if err != nil {
			return nil, fmt.Errorf("other name: %w", err)
		}
		if !kind.Equal(oidPrincipalName) {
			continue
		}
		var name string
		if left, err := asn1.UnmarshalWithParams(value, &name, "explicit,tag:0,utf8"); err != nil || len(left) > 0 {
			return nil, errors.New("user principal name is malformed")
		}
		names = append(names, name)
	}
	return names, nil
}

// holder returns the log-in of whom a certificate was issued to.
func (c *CertificateConfig) holder(cert *x509.Certificate) (login string, err error) {
	for _, name := range c.Identify {
		values, err := identifiers[name](cert)
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", errCertificate, name, err)
		}
		switch {
		case len(values) == 0:
			continue
		case slices.ContainsFunc(values, func(v string) bool { return !strings.EqualFold(v, values[0]) }):
			return "", fmt.Errorf("%w: it has several of %s", errCertificate, name)
		}
		login := values[0]
		odd := !utf8.ValidString(login) || strings.ContainsFunc(login, unicode.IsControl) || login == "" || login != strings.TrimSpace(login)
		if odd || (name == "mail" || name == "upn") && strings.Count(login, "@") != 1 {
			return "", fmt.Errorf("%w: %s %.80q", errCertificate, name, login)
		}
		return login, nil
	}
	return "", fmt.Errorf("%w: it has none of %s", errCertificate, strings.Join(c.Identify, ", "))
}

// byCertificate finds the caller of a request by the certificate that its client has shown,
// which TLS has verified. TLS looked at its dates when the connection began.
func (a *Authenticator) byCertificate(ctx context.Context, cert *x509.Certificate) (*Caller, error) {
	if now := a.now(); now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
		return nil, fmt.Errorf("%w: it ended on %s", errCertificate, cert.NotAfter.UTC().Format(time.DateOnly))
	}
	login, err := a.o.Certificates.holder(cert)
	if err != nil {
		return nil, err
	}
	p, err := a.o.Directory.Lookup(ctx, directory.Key{By: directory.Login, Type: directory.User, Value: login})
	if err != nil {
		return nil, loginError(login, err)
	}
	return a.caller(ctx, p, Caller{Scheme: SchemeCertificate, Login: login}, false)
}

// withoutField authenticates a request that has no Authorization field.
func (a *Authenticator) withoutField(r *http.Request) (*Caller, *Outcome) {
	cert := a.o.ClientCertificate(r)
	if cert == nil {
		return nil, a.refuse(r, "", ErrNoCredentials)
	}
	c, err := a.byCertificate(r.Context(), cert)
	if err != nil {
		return nil, a.refuse(r, SchemeCertificate, err)
	}
	a.familiar.note(c.Principal.GUID, c.Principal.Name, a.o.Address(r))
	return c, &a.proceed
}
