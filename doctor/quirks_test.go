package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"convene/config"
	"convene/directory/memldap"
	"convene/doctor"
	"convene/testenv"
)

// accounts are of a domain in which two accounts have one service's name, as controllers
// let them before 2022.
const accounts = `dn: dc=example,dc=com
objectClass: domain
dc: example

dn: cn=convene,dc=example,dc=com
objectClass: user
sAMAccountName: convene
userPrincipalName: convene@example.com
userPassword: right

dn: cn=web1,dc=example,dc=com
objectClass: user
sAMAccountName: web1
servicePrincipalName: HTTP/calendar.example.com

dn: cn=web2,dc=example,dc=com
objectClass: user
sAMAccountName: web2
servicePrincipalName: HTTP/calendar.example.com
`

// limited serves the accounts with limits of Active Directory that Samba does not have,
// and returns the port.
func limited(t *testing.T, o memldap.Options) (s *memldap.Server, port string) {
	t.Helper()
	o.Quirks.ActiveDirectory = true
	s, err := memldap.NewLDIF(strings.NewReader(accounts), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		if o.TLS != nil {
			served <- s.ServeTLS(l)
			return
		}
		served <- s.Serve(l)
	}()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return s, port
}

func limitedConfig(t *testing.T, url ...string) config.Config {
	t.Helper()
	c := config.Default()
	c.Server.Data, c.Server.HostName = testenv.Dir(t), "calendar.example.com"
	l := &c.Directory.LDAP
	l.URLs, l.Preset, l.Base, l.BindDN, l.BindPasswordFile = url, "ad", []string{"dc=example,dc=com"}, "cn=convene,dc=example,dc=com", secret(t, "right")
	return c
}

// What controllers say that Samba never does; and that no refused bind is made twice,
// though three servers are named.
func TestRefusalsOfControllers(t *testing.T) {
	t.Parallel()
	reason := func(data string) memldap.Quirks {
		return memldap.Quirks{FailBind: 49, BindMessage: "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data " + data + ", v4563"}
	}
	for _, c := range []struct {
		name   string
		quirks memldap.Quirks
		want   want
		binds  int64
	}{
		{"unknown account", reason("525"), want{"ad-525", "directory.ldap.bind-dn", "no account"}, 1},
		{"not at this hour", reason("530"), want{"ad-530", "directory.ldap.bind-dn", "logonHours"}, 1},
		{"not from here", reason("531"), want{"ad-530", "directory.ldap.bind-dn", "userWorkstations"}, 1},
		{"password expired", reason("532"), want{"ad-532", "directory.ldap.bind-password-file", "expired"}, 1},
		{"channel binding", reason("80090346"), want{"ad-binding", "directory.ldap.urls", "channel binding"}, 1},
		{"signing", memldap.Quirks{StrongReq: true}, want{"ldap-8", "directory.ldap.urls", "ldaps://"}, 1},
		{"busy", memldap.Quirks{Fail: 51}, want{"ldap-52", "", "log"}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, port := limited(t, memldap.Options{Quirks: c.quirks})
			conf := limitedConfig(t, "ldap://localhost:"+port, "ldap://127.0.0.1:"+port, "ldap://127.0.0.2:"+port)
			conf.Directory.LDAP.AllowPlain = true
			diagnose(t, conf, c.want)
			if _, binds := s.Requests(); binds > c.binds {
				t.Errorf("%d binds, not %d", binds, c.binds)
			}
		})
	}
	t.Run("references to servers that nobody can reach are not followed", func(t *testing.T) {
		t.Parallel()
		_, port := limited(t, memldap.Options{Quirks: memldap.Quirks{Referral: "ldap://elsewhere.invalid/dc=elsewhere", MaxPage: 1}})
		report, err := doctor.Run(t.Context(), doctor.Options{Config: limitedConfig(t, "ldap://localhost:"+port), Only: []string{doctor.CheckDirectory}})
		if err != nil || report.Worst() == doctor.Fail {
			t.Errorf("%v %v", report, err)
		}
	})
}

// Certificates that directories really have.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, c := range []struct {
		name  string
		host  string
		names []string
		until time.Time
		want  want
	}{
		{"without subjectAltName", "localhost", nil, now.Add(time.Hour), want{"x509-unnamed", "directory.ldap.certificate-fingerprints", "sha256:"}},
		{"host by address", "127.0.0.1", []string{"dc1.example.com"}, now.Add(time.Hour), want{"x509-ip", "directory.ldap.urls", "dc1.example.com"}},
		{"expired", "localhost", []string{"localhost"}, now.Add(-time.Hour), want{"x509-expired", "", "renew"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dc1.example.com"}, DNSNames: c.names,
				NotBefore: now.Add(-48 * time.Hour), NotAfter: c.until, IsCA: true, BasicConstraintsValid: true}
			der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
			if err != nil {
				t.Fatal(err)
			}
			_, port := limited(t, memldap.Options{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})
			conf := limitedConfig(t, "ldaps://"+net.JoinHostPort(c.host, port))
			conf.Directory.LDAP.CAFile = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
			diagnose(t, conf, c.want)
		})
	}
}

func TestWrongServiceNames(t *testing.T) {
	t.Parallel()
	_, port := limited(t, memldap.Options{})
	file := func(etype int32, mode os.FileMode) string {
		kt := keytab.New()
		if err := kt.AddEntry("HTTP/calendar.example.com", "EXAMPLE.COM", "secret", time.Now(), 1, etype); err != nil {
			t.Fatal(err)
		}
		b, err := kt.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		name := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "keytab"), string(b))
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	c := limitedConfig(t, "ldap://localhost:"+port)
	c.Auth.Negotiate.Keytab = file(18, 0o644)
	diagnose(t, c, want{"krb-31", "auth.negotiate.keytab", "cn=web1,dc=example,dc=com and cn=web2"}, doctor.CheckKerberos)
	diagnose(t, c, want{"file-mode", "auth.negotiate.keytab", "chmod 600"}, doctor.CheckKerberos)
	c.Auth.Negotiate.Keytab = file(23, 0o600)
	diagnose(t, c, want{"krb-14", "auth.negotiate.enctypes", "rc4-hmac only"}, doctor.CheckKerberos)
}
