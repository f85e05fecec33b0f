package directory_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/testenv"
)

// kerberized is slapd with a KDC, where only the account convene may read, and a
// configuration that binds as that by its keytab.
func kerberized(t *testing.T) (*testenv.Realm, *testenv.LDAP, directory.LDAPConfig) {
	t.Helper()
	realm := testenv.KDC(t, testenv.RealmOptions{Principals: map[string]string{"convene": "pw"}, Services: []string{"ldap/localhost"}})
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{
		LDIF: directorytest.LDIF(), Keytab: realm.Keytab("ldap/localhost"), Env: realm.Env(), Extra: "sasl-cbinding tls-endpoint", Stats: true,
		Access: "access to * by dn.exact=\"uid=convene,ou=people,dc=example,dc=com\" read by anonymous auth by * none",
	})
	t.Setenv("KRB5_CONFIG", realm.ConfPath)
	c := openLDAP(s)
	c.URLs = []string{onLocalhost(s.TLSURL)}
	c.BindDN, c.BindPassword, c.BindKeytab = "convene@EXAMPLE.COM", "", realm.Keytab("convene")
	return realm, s, c
}

// onLocalhost is a URL by the name that certificate and ticket are for.
func onLocalhost(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }

// A keytab alone signs in to slapd, with TLS from the start, by StartTLS, and without.
func TestKerberosBind(t *testing.T) {
	realm, s, c := kerberized(t)
	for name, change := range map[string]func(*directory.LDAPConfig){
		"TLS":            func(*directory.LDAPConfig) {},
		"StartTLS":       func(c *directory.LDAPConfig) { c.URLs, c.StartTLS = []string{onLocalhost(s.URL)}, true },
		"on the machine": func(c *directory.LDAPConfig) { c.URLs = []string{onLocalhost(s.URL)} },
		"address":        func(c *directory.LDAPConfig) { c.URLs, c.ServerName = []string{s.TLSURL}, "localhost" },
		"without realm":  func(c *directory.LDAPConfig) { c.BindDN = "CONVENE" },
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			change(&c)
			if _, err := open(t, c).Lookup(t.Context(), alice); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("a server in between", func(t *testing.T) {
		c := c
		c.URLs = []string{relay(t, s)}
		_, err := open(t, c).Lookup(t.Context(), alice)
		if code, _, ok := directory.ResultCode(err); !ok || code != 49 {
			t.Errorf("%v", err)
		}
	})
	t.Run("keys are renewed", func(t *testing.T) {
		c := c
		renewed := filepath.Join(testenv.Dir(t), "keytab")
		old, err := os.ReadFile(c.BindKeytab)
		if err != nil {
			t.Fatal(err)
		}
		c.BindKeytab = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "keytab"), string(old))
		realm.Rotate(renewed, "convene")
		d := open(t, c)
		for range 3 {
			if _, err = d.Lookup(t.Context(), alice); !errors.Is(err, directory.ErrUnavailable) || !strings.Contains(err.Error(), "PREAUTH_FAILED") {
				t.Errorf("with the old keys: %v", err)
			}
		}
		if n := strings.Count(realm.Log(), "convene@EXAMPLE.COM for krbtgt/EXAMPLE.COM@EXAMPLE.COM, Preauthentication failed"); n != 1 {
			t.Errorf("the KDC has refused the old keys %d times, not once", n)
		}
		b, err := os.ReadFile(renewed)
		if err != nil {
			t.Fatal(err)
		}
		testenv.WriteFile(t, c.BindKeytab, string(b))
		eventually(t, 10*time.Second, "the new keys", func() bool { return up(d)[0] })
		if _, err := d.Lookup(t.Context(), alice); err != nil {
			t.Error(err)
		}
	})
}

// relay ends TLS with a certificate of its own, of the same authority and name, and
// passes on what is in it. It returns its URL.
func relay(t *testing.T, s *testenv.LDAP) string {
	t.Helper()
	certificate, key := s.CA.Issue("localhost")
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	address := testenv.Listen(t, func(c net.Conn) {
		in := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}})
		out, err := tls.Dial("tcp", strings.TrimPrefix(s.TLSURL, "ldaps://"), &tls.Config{RootCAs: s.CA.Pool})
		if err != nil {
			return
		}
		defer out.Close()
		go func() {
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out)
	})
	_, port, _ := net.SplitHostPort(address)
	return "ldaps://localhost:" + port
}

// A keytab alone signs in to Active Directory; the controller is the KDC.
func TestKerberosBindActiveDirectory(t *testing.T) {
	d := testenv.AD(t, testenv.ADOptions{})
	d.Add(d.Admin(), "CN=svc-convene,CN=Users,"+d.BaseDN, map[string][]string{"objectClass": {"user"}, "sAMAccountName": {"svc-convene"},
		"userAccountControl": {"66048"}, "unicodePwd": {"Convene-pw1"}, "msDS-SupportedEncryptionTypes": {"24"}})
	c := adConfig(d)
	c.ServerName, c.Base = d.Host, []string{d.BaseDN}
	c.BindDN, c.BindPassword, c.BindKeytab = "svc-convene@ad.example.com", "", d.Keytab("svc-convene")
	if _, err := open(t, c).Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: "svc-convene"}); err != nil {
		t.Error(err)
	}
}
