package discover

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/internal/kerberos"
)

// symptom names the kind of an error, "" if it is not known. What is most particular
// comes first: an error of LDAP may wrap one of the network.
func (f Facts) symptom(err error) string {
	for _, find := range []func(error) string{f.finding, fileSymptom, f.ticketSymptom, certificateSymptom, f.tlsSymptom, nameSymptom, f.ldapSymptom, kerberosSymptom, f.networkSymptom} {
		if s := find(err); s != "" {
			return s
		}
	}
	return ""
}

// finding knows our own errors.
func (f Facts) finding(err error) string {
	if n, ok := errors.AsType[*Nobody](err); ok {
		switch {
		case n.Preset != "":
			return "nobody-preset"
		case n.Elsewhere != "":
			return "nobody-base"
		case n.Unfiltered > 0:
			return "nobody-filter"
		}
		return "nobody"
	}
	for _, known := range []struct {
		err     error
		symptom string
	}{
		{directory.ErrNoGUID, "no-guid"}, {directory.ErrAmbiguous, "ambiguous"}, {directory.ErrTooMany, "ldap-4"},
		{auth.ErrNTLM, "ntlm"}, {auth.ErrNoKey, "krb-44"}, {auth.ErrWrongKey, "krb-31"},
		{auth.ErrTicketType, "krb-14"}, {auth.ErrClientClock, "krb-37"},
	} {
		if errors.Is(err, known.err) {
			return known.symptom
		}
	}
	return ""
}

// fileSymptom knows the files that settings name.
func fileSymptom(err error) string {
	text := err.Error()
	for _, file := range []string{"bind-password-file", "ca-file", "bind-keytab", "keytab"} {
		if !strings.Contains(text, file+":") && !strings.Contains(text, file+" ") {
			continue
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return file + "-missing"
		case errors.Is(err, fs.ErrPermission):
			return file + "-permission"
		case strings.Contains(text, "no certificates"), strings.Contains(text, "malformed keytab"), strings.Contains(text, "keytab without keys"):
			return file + "-content"
		}
	}
	return ""
}

// refusedCertificate returns the certificate that a server showed and that was not
// trusted, and why.
func refusedCertificate(err error) (*x509.Certificate, error) {
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(v.UnverifiedCertificates) > 0 {
		return v.UnverifiedCertificates[0], v.Err
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return e.Certificate, e
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return e.Cert, e
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return e.Cert, e
	}
	return nil, nil
}

func certificateSymptom(err error) string {
	leaf, _ := refusedCertificate(err)
	if leaf == nil {
		return ""
	}
	unnamed := len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch {
		case e.Reason == x509.Expired && e.Cert.NotBefore.After(time.Now()):
			return "x509-early"
		case e.Reason == x509.Expired:
			return "x509-expired"
		}
		return "x509-invalid"
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		switch {
		case unnamed:
			return "x509-unnamed"
		case net.ParseIP(e.Host) != nil:
			return "x509-ip"
		}
		return "x509-name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if unnamed { // its authority alone would not do
			return "x509-unnamed"
		}
		return "x509-authority"
	}
	return "x509-invalid"
}

func (f Facts) tlsSymptom(err error) string {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if e.RecordHeader[0] == 0x30 { // a SEQUENCE, as LDAP messages are
			return "tls-plain"
		}
		return "tls-other"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls:") {
		return "tls-alert"
	}
	if f.Step != StartingTLS {
		return ""
	}
	if e, ok := errors.AsType[*ldap.Error](err); ok && e.ResultCode < ldap.ErrorNetwork {
		return "starttls-refused"
	}
	return "starttls-broken"
}

func nameSymptom(err error) string {
	e, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return ""
	case e.IsNotFound:
		return "dns-none"
	}
	return "dns-silent"
}

// hostOf returns the name that an error is about, "" if it says none.
func hostOf(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Name
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return e.Host
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Addr != nil {
		return e.Addr.String()
	}
	return "the server"
}

var (
	// subCode is Active Directory's reason for a refused bind: "AcceptSecurityContext
	// error, data 52e, v2580".
	subCode = regexp.MustCompile(`(?i)\bdata ([0-9a-f]{1,8})\b`)
	// winError begins the message of other errors: "000004DC: LdapErr: DSID-…".
	winError = regexp.MustCompile(`\b([0-9A-F]{8}): `)
	// krbError is how gokrb5 writes a KRB-ERROR (RFC 4120 §7.5.9).
	krbError = regexp.MustCompile(`\((\d+)\) K(?:DC|RB)_`)
)

// ldapSymptom knows result codes (RFC 4511 appendix A) and Active Directory's messages.
func (f Facts) ldapSymptom(err error) string {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok {
		return ""
	}
	text := err.Error()
	if strings.Contains(text, "80090346") {
		return "ad-binding"
	}
	if e.ResultCode == ldap.LDAPResultInvalidCredentials {
		return f.refusedBind(text)
	}
	switch e.ResultCode {
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return "ldap-8"
	case ldap.LDAPResultOperationsError:
		// Active Directory's way to say so, and Samba's.
		if m := winError.FindStringSubmatch(text); m != nil && (m[1] == "000004DC" || m[1] == "00002020") {
			return "ldap-anonymous"
		}
	case ldap.LDAPResultInsufficientAccessRights:
		if f.anonymous() {
			return "ldap-anonymous"
		}
		return "ldap-50"
	case ldap.LDAPResultInappropriateAuthentication:
		if f.anonymous() {
			return "ldap-anonymous"
		}
		return "ldap-48"
	case ldap.LDAPResultUnwillingToPerform:
		switch low := strings.ToLower(text); {
		case strings.Contains(low, "inactivated"):
			return "ad-533"
		case f.anonymous() && (f.Step == Binding || strings.Contains(low, "authentication required")):
			return "ldap-anonymous"
		case strings.Contains(low, "unauthenticated bind"):
			return "password-empty"
		}
	case ldap.LDAPResultConstraintViolation:
		if f.Step == Binding { // 389 Directory Server
			return "ad-775"
		}
	case ldap.LDAPResultNoSuchObject:
		switch {
		case f.Step == Binding:
			return "ad-525"
		case f.anonymous():
			return "ldap-32-anonymous"
		}
		return "ldap-32"
	case ldap.LDAPResultInvalidDNSyntax:
		if f.Step == Binding {
			return "bind-syntax"
		}
		return "base-syntax"
	case ldap.LDAPResultReferral:
		return "ldap-10"
	case ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		return "ldap-4"
	case ldap.LDAPResultTimeLimitExceeded:
		return "ldap-3"
	case ldap.LDAPResultAuthMethodNotSupported:
		return "ldap-7"
	case ldap.LDAPResultUnavailableCriticalExtension:
		return "ldap-12"
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return "ldap-52"
	case ldap.ErrorFilterCompile:
		return "filter-syntax"
	case ldap.ErrorEmptyPassword:
		return "password-empty"
	case ldap.LDAPResultProtocolError:
		if f.Step == Binding {
			return "ldap-7"
		}
	}
	return ""
}

// refusedBind tells the reasons of code 49 apart.
func (f Facts) refusedBind(text string) string {
	m := subCode.FindStringSubmatch(text)
	if m == nil {
		return "ldap-49"
	}
	switch code := strings.ToLower(m[1]); code {
	case "57":
		return "ad-binding"
	case "52e":
		if bare(f.Config.BindDN) {
			return "ad-bare"
		}
		return "ad-52e"
	case "530", "531":
		return "ad-530"
	case "532", "773":
		return "ad-532"
	case "525", "533", "701", "775":
		return "ad-" + code
	}
	return "ldap-49"
}

// bare reports whether a bind name is neither a DN nor has a domain.
func bare(name string) bool { return name != "" && !strings.ContainsAny(name, `=@\`) }

func (f Facts) anonymous() bool { return f.Config.BindDN == "" }

// ticketSymptom knows what goes wrong with a bind by ticket. It comes before the network:
// a KDC is no server of the directory.
func (f Facts) ticketSymptom(err error) string {
	if f.Config.BindKeytab == "" || f.Step != Binding {
		return ""
	}
	for _, known := range []struct {
		err     error
		symptom string
	}{
		{kerberos.ErrNoPrincipal, "bind-keytab-name"}, {kerberos.ErrWeakKeys, "bind-keytab-weak"}, {kerberos.ErrKeys, "bind-krb-24"},
		{kerberos.ErrNoKDC, "bind-kdc"}, {kerberos.ErrLayer, "bind-layer"},
	} {
		if errors.Is(err, known.err) {
			return known.symptom
		}
	}
	text := err.Error()
	if m := krbError.FindStringSubmatch(text); m != nil {
		switch m[1] {
		case "6", "7", "14", "24":
			return "bind-krb-" + m[1]
		}
		return ""
	}
	if e, ok := errors.AsType[*ldap.Error](err); ok && e.ResultCode == ldap.LDAPResultInvalidCredentials && subCode.FindString(text) == "" {
		return "bind-ticket"
	}
	if strings.Contains(text, ": KDC ") { // and there is no refusal of it
		return "bind-kdc"
	}
	return ""
}

func kerberosSymptom(err error) string {
	m := krbError.FindStringSubmatch(err.Error())
	if m == nil {
		return ""
	}
	switch m[1] {
	case "1", "6", "7", "14", "18", "23", "24", "31", "37", "41", "44", "68":
		if m[1] == "41" { // what does not decrypt was changed on the way, or has another key
			return "krb-31"
		}
		return "krb-" + m[1]
	case "45": // no key
		return "krb-44"
	}
	return ""
}

func (f Facts) networkSymptom(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "unable to read LDAP response packet: EOF"), strings.Contains(text, "connection reset by peer"):
		return "closed"
	case strings.Contains(text, "unable to read LDAP response packet"):
		return "not-ldap"
	}
	switch timeout, ok := errors.AsType[net.Error](err); {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case errors.Is(err, os.ErrNotExist):
		return "socket-missing"
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout(), strings.Contains(err.Error(), "no response for"):
		return "silent"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), ldap.IsErrorWithCode(err, ldap.ErrorNetwork):
		return "closed"
	}
	return ""
}

// Pin returns a certificate's fingerprint as the setting certificate-fingerprints has it:
// "sha256:" and the SHA-256 sum of its DER form in hexadecimal.
func Pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
