package discover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/discover"
	"convene/testenv"
)

// result is an LDAP error as go-ldap makes it of a server's response.
func result(code uint16, message string) error {
	return ldap.NewError(code, errors.New(message))
}

// ad is a refused bind as domain controllers word it.
func ad(data string) error {
	return result(ldap.LDAPResultInvalidCredentials, "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data "+data+", v4563")
}

// service is a configuration with a service account.
func service() directory.LDAPConfig {
	return directory.LDAPConfig{
		URLs: []string{"ldaps://dc1.example.com"}, Base: []string{"DC=example,DC=com"},
		BindDN: "convene@example.com", BindPasswordFile: "/etc/convene/ldap.secret",
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	bare, anonymous := service(), service()
	bare.BindDN, anonymous.BindDN = "convene", ""
	with := func(c directory.LDAPConfig, step discover.Step) discover.Facts {
		return discover.Facts{Config: c, Step: step, Base: "OU=Staff,DC=example,DC=com", Contexts: []string{"DC=example,DC=com"}}
	}
	binding, searching := with(service(), discover.Binding), with(service(), discover.Searching)
	krb := func(text string) error { return errors.New("[Root cause: KDC_Error] KRB Error: " + text) }
	for _, c := range []struct {
		err     error
		facts   discover.Facts
		symptom string
		setting string
		cure    string // a part of problem and cure
	}{
		{ad("52e"), binding, "ad-52e", "directory.ldap.bind-password-file", "/etc/convene/ldap.secret"},
		{ad("52e"), with(bare, discover.Binding), "ad-bare", "directory.ldap.bind-dn", "convene@example.com"},
		{ad("525"), binding, "ad-525", "directory.ldap.bind-dn", "no account convene@example.com"},
		{ad("530"), binding, "ad-530", "directory.ldap.bind-dn", "logonHours"},
		{ad("531"), binding, "ad-530", "directory.ldap.bind-dn", "userWorkstations"},
		{ad("532"), binding, "ad-532", "directory.ldap.bind-password-file", "expired or must be changed"},
		{ad("773"), binding, "ad-532", "directory.ldap.bind-password-file", "expired or must be changed"},
		{ad("533"), binding, "ad-533", "directory.ldap.bind-dn", "disabled"},
		{ad("701"), binding, "ad-701", "directory.ldap.bind-dn", "accountExpires"},
		{ad("775"), binding, "ad-775", "directory.ldap.bind-dn", "locked"},
		{ad("57"), binding, "ad-binding", "directory.ldap.urls", "channel binding"},
		{result(49, "80090346: LdapErr: DSID-0C09059A, comment: AcceptSecurityContext error, data 80090346, v4563"), binding, "ad-binding", "directory.ldap.urls", "channel binding"},
		{result(49, ""), binding, "ldap-49", "directory.ldap.bind-password-file", "wrong name or password"},
		{result(48, "anonymous bind disallowed"), with(anonymous, discover.Binding), "ldap-anonymous", "directory.ldap.bind-dn", "bind-password-file"},
		{result(48, ""), binding, "ldap-48", "directory.ldap.bind-dn", "userPassword"},
		{result(7, ""), binding, "ldap-7", "directory.ldap.bind-dn", "external"},
		{result(2, "only authentication version 3"), binding, "ldap-7", "directory.ldap.bind-dn", "way to bind"},
		{result(34, "invalid DN"), binding, "bind-syntax", "directory.ldap.bind-dn", "whole DN"},
		{result(32, ""), binding, "ad-525", "directory.ldap.bind-dn", "no account"},
		{result(53, "unauthenticated bind (DN with no password) disallowed"), binding, "password-empty", "directory.ldap.bind-password-file", "first line"},
		{ldap.NewError(ldap.ErrorEmptyPassword, errors.New("ldap: empty password not allowed by the client")), binding, "password-empty", "directory.ldap.bind-password-file", "first line"},
		{result(53, "Account inactivated. Contact system administrator."), binding, "ad-533", "directory.ldap.bind-dn", "disabled"},
		{result(19, "Exceed password retry limit. Please try later."), binding, "ad-775", "directory.ldap.bind-dn", "locked"},
		{result(8, "00002028: LdapErr: DSID-0C09023E, comment: The server requires binds to turn on integrity checking"), binding, "ldap-8", "directory.ldap.urls", "ldaps://"},
		{result(13, "TLS confidentiality required"), binding, "ldap-8", "directory.ldap.urls", "starttls"},

		{result(1, "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563"), searching, "ldap-anonymous", "directory.ldap.bind-dn", "may read"},
		{result(50, ""), with(anonymous, discover.Searching), "ldap-anonymous", "directory.ldap.bind-dn", "may read"},
		{result(50, ""), searching, "ldap-50", "directory.ldap.bind-dn", "right to read OU=Staff"},
		{result(32, ""), searching, "ldap-32", "directory.ldap.base", `one of "DC=example,DC=com"`},
		{result(32, ""), with(anonymous, discover.Searching), "ldap-32-anonymous", "directory.ldap.base", "bind-dn"},
		{result(34, "invalid DN"), searching, "base-syntax", "directory.ldap.base", "is not a DN"},
		{result(10, ""), searching, "ldap-10", "directory.ldap.base", "another server"},
		{result(4, ""), searching, "ldap-4", "directory.ldap.page-size", `limits dn.exact="convene@example.com"`},
		{result(11, ""), searching, "ldap-4", "directory.ldap.page-size", "nsSizeLimit"},
		{result(3, ""), searching, "ldap-3", "directory.ldap.timeout", "index"},
		{result(12, ""), searching, "ldap-12", "directory.ldap.preset", "kind of server"},
		{result(51, "busy"), searching, "ldap-52", "", "own log"},
		{result(52, "shutting down"), searching, "ldap-52", "", "own log"},
		{func() error { _, err := ldap.CompileFilter("(uid=a"); return err }(), discover.Facts{Type: directory.Group}, "filter-syntax", "directory.ldap.groups.filter", "parentheses"},
		{fmt.Errorf("%q: %w", "cn=a", directory.ErrNoGUID), discover.Facts{Config: directory.LDAPConfig{BindDN: "cn=svc"}, GUID: "entryUUID", Type: directory.User},
			"no-guid", "directory.ldap.bind-dn", "attrs=entryUUID"},
		{directory.ErrTooMany, searching, "ldap-4", "directory.ldap.page-size", "size limit"},
		{fmt.Errorf("%q and %q: %w", "cn=a,dc=x", "cn=b,dc=x", directory.ErrAmbiguous), discover.Facts{}, "ambiguous", "directory.ldap.users.login", "cn=b,dc=x"},
		{&discover.Nobody{Type: directory.User, Base: []string{"dc=x"}, Filter: "(a=b)", Preset: "ad"}, discover.Facts{}, "nobody-preset", "directory.ldap.preset", `set preset = "ad"`},
		{&discover.Nobody{Type: directory.Group, Base: []string{"dc=x"}, Filter: "(a=b)", Unfiltered: 7}, discover.Facts{}, "nobody-filter", "directory.ldap.groups.filter", "7 entries, and none matches (a=b)"},
		{&discover.Nobody{Type: directory.User, Base: []string{"ou=b,dc=x"}, Filter: "(a=b)", Elsewhere: "dc=x"}, discover.Facts{}, "nobody-base", "directory.ldap.base", `below "dc=x"`},
		{&discover.Nobody{Type: directory.User, Base: []string{"dc=x"}, Filter: "(a=b)"}, discover.Facts{}, "nobody", "directory.ldap.bind-dn", "no entries at all"},
		{&directory.SettingError{Setting: "users.filter", Err: errors.New("unbalanced")}, discover.Facts{}, "setting", "directory.ldap.users.filter", "unbalanced"},

		{krb("(6) KDC_ERR_C_PRINCIPAL_UNKNOWN Client not found in Kerberos database"), discover.Facts{}, "krb-6", "", "does not know"},
		{krb("(7) KDC_ERR_S_PRINCIPAL_UNKNOWN Server not found in Kerberos database"), discover.Facts{}, "krb-7", "auth.negotiate.keytab", "setspn"},
		{krb("(14) KDC_ERR_ETYPE_NOSUPP KDC has no support for encryption type"), discover.Facts{}, "krb-14", "auth.negotiate.enctypes", "msDS-SupportedEncryptionTypes"},
		{fmt.Errorf("%w, rc4-hmac", auth.ErrTicketType), discover.Facts{}, "krb-14", "auth.negotiate.enctypes", "AES"},
		{krb("(1) KDC_ERR_NAME_EXP Client's entry in database has expired"), discover.Facts{}, "krb-1", "", "expired"},
		{krb("(18) KDC_ERR_CLIENT_REVOKED Client's credentials have been revoked"), discover.Facts{}, "krb-18", "", "enable"},
		{krb("(23) KDC_ERR_KEY_EXPIRED Password has expired; change password to reset"), discover.Facts{}, "krb-23", "", "change"},
		{krb("(24) KDC_ERR_PREAUTH_FAILED Pre-authentication information was invalid"), discover.Facts{}, "krb-24", "", "wrong password"},
		{krb("(31) KRB_AP_ERR_BAD_INTEGRITY Integrity check on decrypted field failed"), discover.Facts{}, "krb-31", "auth.negotiate.keytab", "two accounts"},
		{krb("(41) KRB_AP_ERR_MODIFIED Message stream modified"), discover.Facts{}, "krb-31", "auth.negotiate.keytab", "two accounts"},
		{auth.ErrWrongKey, discover.Facts{}, "krb-31", "auth.negotiate.keytab", "setspn -X"},
		{krb("(37) KRB_AP_ERR_SKEW Clock skew too great"), discover.Facts{}, "krb-37", "", "NTP"},
		{fmt.Errorf("%w: 6m0s", auth.ErrClientClock), discover.Facts{}, "krb-37", "", "clocks"},
		{krb("(44) KRB_AP_ERR_BADKEYVER Specified version of key is not available"), discover.Facts{}, "krb-44", "auth.negotiate.keytab", "export it again"},
		{krb("(45) KRB_AP_ERR_NOKEY Service key not available"), discover.Facts{}, "krb-44", "auth.negotiate.keytab", "export it again"},
		{fmt.Errorf("%w for HTTP/x", auth.ErrNoKey), discover.Facts{Keytab: "/etc/convene/http.keytab"}, "krb-44", "auth.negotiate.keytab", "/etc/convene/http.keytab"},
		{krb("(68) KDC_ERR_WRONG_REALM Reserved for future use"), discover.Facts{}, "krb-68", "auth.negotiate.keytab", "realm"},
		{auth.ErrNTLM, discover.Facts{}, "ntlm", "", "intranet zone"},

		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", os.ErrDeadlineExceeded)}, discover.Facts{}, "silent", "directory.ldap.urls", "firewall"},
		{fmt.Errorf("connect: %w", context.DeadlineExceeded), discover.Facts{}, "silent", "directory.ldap.urls", "firewall"},
		{&net.DNSError{Err: "i/o timeout", Name: "dc1.example.com", IsTimeout: true}, discover.Facts{}, "dns-silent", "directory.ldap.urls", "dc1.example.com"},
		{&net.DNSError{Err: "no such host", Name: "dc9.example.com", IsNotFound: true}, discover.Facts{SRV: []string{"dc1.example.com"}}, "dns-none", "directory.ldap.urls", "SRV records: dc1.example.com"},
	} {
		f, ok := discover.Explain(fmt.Errorf("outer: %w", c.err), c.facts)
		switch text := f.Problem + " " + f.Cure; {
		case !ok:
			t.Errorf("%v: not known", c.err)
		case f.Symptom != c.symptom || f.Setting != c.setting || !strings.Contains(text, c.cure):
			t.Errorf("%v:\n  %+v\n  want %s, %q, …%s…", c.err, f, c.symptom, c.setting, c.cure)
		case strings.ContainsAny(text+f.Setting, "{}"), f.Cure == "":
			t.Errorf("%v: %+v", c.err, f)
		}
	}
	for _, err := range []error{nil, errors.New("nobody knows this"), result(80, "other")} {
		if f, ok := discover.Explain(err, discover.Facts{}); ok {
			t.Errorf("%v is %+v", err, f)
		}
	}
}

// authority makes certificates that real ones should not be like.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "ca.pem"), pemOf(der))
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) issue(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	template.SerialNumber, template.Subject = big.NewInt(2), pkix.Name{CommonName: "dc1.example.com"}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// ping is what the directory says of itself through package directory.
func ping(t *testing.T, c directory.LDAPConfig) error {
	t.Helper()
	if c.Base == nil {
		c.Base = []string{"dc=example,dc=com"}
	}
	c.DialTimeout, c.Timeout = 2*time.Second, 3*time.Second
	d, err := directory.OpenLDAP(c, directory.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Ping(t.Context())
}

// What goes wrong before LDAP begins, by connections that really go wrong.
func TestExplainConnections(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	handshake := func(template x509.Certificate) func(net.Conn) {
		cert := ca.issue(t, template)
		return func(c net.Conn) {
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
			_ = s.Handshake() // the client's error is the one wanted
		}
	}
	named := x509.Certificate{DNSNames: []string{"dc1.example.com"}}
	loopback := x509.Certificate{DNSNames: []string{"localhost"}}
	old, early := loopback, loopback
	old.NotBefore, old.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	early.NotBefore, early.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	client := loopback
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte(text))
		}
	}
	free := fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	empty := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "empty.pem"), "no certificate\n")
	for _, c := range []struct {
		name, scheme, host string
		serve              func(net.Conn)
		ca                 string
		startTLS           bool
		symptom, text      string
	}{
		{"no authority", "ldaps", "localhost", handshake(loopback), "", false, "x509-authority", "Example CA"},
		{"another authority", "ldaps", "localhost", handshake(loopback), other.file, false, "x509-authority", "Example CA"},
		{"without names", "ldaps", "localhost", handshake(x509.Certificate{}), ca.file, false, "x509-unnamed", "sha256:"},
		{"without names and authority", "ldaps", "localhost", handshake(x509.Certificate{}), "", false, "x509-unnamed", "sha256:"},
		{"by address", "ldaps", "127.0.0.1", handshake(named), ca.file, false, "x509-ip", "write the DNS name in the URL: dc1.example.com"},
		{"another name", "ldaps", "localhost", handshake(named), ca.file, false, "x509-name", "dc1.example.com"},
		{"expired", "ldaps", "localhost", handshake(old), ca.file, false, "x509-expired", old.NotAfter.UTC().Format("2006-01-02")},
		{"not valid yet", "ldaps", "localhost", handshake(early), ca.file, false, "x509-early", early.NotBefore.UTC().Format("2006-01-02")},
		{"for clients only", "ldaps", "localhost", handshake(client), ca.file, false, "x509-invalid", "key usage"},
		{"no file", "ldaps", "localhost", handshake(loopback), "/nonexistent/ca.pem", false, "ca-file-missing", "/nonexistent/ca.pem"},
		{"no PEM", "ldaps", "localhost", handshake(loopback), empty, false, "ca-file-content", "BEGIN CERTIFICATE"},
		{"old TLS", "ldaps", "localhost", func(c net.Conn) {
			cert := ca.issue(t, loopback)
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
		}, ca.file, false, "tls-alert", "TLS 1.2"},
		{"plain port", "ldaps", "localhost", says("\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x02\x04\x00\x04\x00"), ca.file, false, "tls-plain", "starttls"},
		{"HTTP, by TLS", "ldaps", "localhost", says("HTTP/1.1 400 Bad Request\r\n\r\n"), ca.file, false, "tls-other", "another service"},
		{"HTTP", "ldap", "localhost", says("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "", false, "not-ldap", "another service"},
		{"StartTLS on the port for TLS", "ldap", "localhost", handshake(loopback), ca.file, true, "starttls-broken", "without starttls"},
		{"closed at once", "ldap", "localhost", func(net.Conn) {}, "", false, "closed", "closes the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, port, _ := net.SplitHostPort(testenv.Listen(t, c.serve))
			config := directory.LDAPConfig{URLs: []string{c.scheme + "://" + net.JoinHostPort(c.host, port)}, CAFile: c.ca, StartTLS: c.startTLS}
			err := ping(t, config)
			f, _ := discover.Explain(err, discover.Facts{Config: config})
			if f.Symptom != c.symptom || !strings.Contains(f.Problem+f.Cure, c.text) {
				t.Errorf("%v:\n  %+v\n  want %s, …%s…", err, f, c.symptom, c.text)
			}
		})
	}
	for url, want := range map[string]string{"ldap://" + free: "refused", "ldapi:///nonexistent/ldapi": "socket-missing"} {
		err := ping(t, directory.LDAPConfig{URLs: []string{url}})
		if f, _ := discover.Explain(err, discover.Facts{}); f.Symptom != want {
			t.Errorf("%s: %v is %+v, want %s", url, err, f, want)
		}
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
