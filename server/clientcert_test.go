package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"testing"
	"time"

	"convene/config"
	"convene/testenv"
)

// A client with a certificate of the authority that is named for it is let in as whom it
// was issued to, as far as their record may act; nobody by a certificate of anybody else,
// nor by one that came through a proxy.
func TestClientCertificates(t *testing.T) {
	ca, other := testenv.NewCA(t), testenv.NewCA(t)
	issue := func(by *testenv.CA, mail string, change ...func(*x509.Certificate)) []tls.Certificate {
		return []tls.Certificate{by.Client(func(c *x509.Certificate) {
			c.EmailAddresses = []string{mail}
			for _, f := range change {
				f(c)
			}
		})}
	}
	from := func(change func(*config.Config)) *running {
		c := smallConfig(t)
		c.TLS.ClientCAFile = ca.File
		c.Auth.Certificates.Identify = []string{"mail", "common-name"}
		change(&c)
		return serve(t, c)
	}
	direct := from(func(*config.Config) {})
	trusting := from(func(c *config.Config) { c.Server.TrustedProxies = []string{"127.0.0.1"} })
	with := func(certs []tls.Certificate) *http.Client {
		c := client()
		c.Transport.(*http.Transport).TLSClientConfig.Certificates = certs
		return c
	}
	ann := issue(ca, "ann@example.com")
	for name, tt := range map[string]struct {
		s      *running
		certs  []tls.Certificate
		header string
		status int
	}{
		"ann":                    {direct, ann, "", 207},
		"none":                   {direct, nil, "", 401},
		"nobody here":            {direct, issue(ca, "nobody@example.com"), "", 401},
		"eve, who is disabled":   {direct, issue(ca, "", func(c *x509.Certificate) { c.EmailAddresses, c.Subject.CommonName = nil, "eve" }), "", 403},
		"two people":             {direct, issue(ca, "ann@example.com", func(c *x509.Certificate) { c.EmailAddresses = append(c.EmailAddresses, "bob@example.com") }), "", 401},
		"in a header field":      {direct, nil, "X-Client-Cert: ann@example.com", 401},
		"through a proxy":        {direct, ann, "X-Forwarded-For: 192.0.2.1", 401},
		"the proxy's own":        {trusting, ann, "", 401},
		"through one trusted":    {trusting, ann, "X-Forwarded-For: 192.0.2.1", 401},
		"with a wrong password":  {direct, ann, "Authorization: Basic YW5uOnF1ZXNz", 401},
		"another's with the own": {direct, ann, "Authorization: Basic Ym9iOnNlY3JldA==", 403}, // bob, for ann's home
	} {
		header := []string{"Depth: 0"}
		if tt.header != "" {
			header = append(header, tt.header)
		}
		if got := do(t, with(tt.certs), "PROPFIND", tt.s.HTTPS+annHome, "", "", header...); got.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", name, got.Status, tt.status)
		}
	}
	for name, certs := range map[string][]tls.Certificate{
		"of another authority": issue(other, "ann@example.com"),
		"expired":              issue(ca, "ann@example.com", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		"not yet":              issue(ca, "ann@example.com", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }),
		"of a server":          issue(ca, "ann@example.com", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
	} {
		c := with(nil)
		// A client sends none of an authority that is not asked for, unless it is made to.
		c.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certs[0], nil }
		if got, err := try(c, "PROPFIND", direct.HTTPS+annHome, "", "", "Depth: 0"); err == nil {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
	// A session that is resumed is the same person's.
	c := with(ann)
	transport := c.Transport.(*http.Transport)
	transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	var resumed []bool
	for range 2 {
		got := do(t, c, "PROPFIND", direct.HTTPS+annHome, "", "", "Depth: 0")
		resumed = append(resumed, got.TLS.DidResume)
		if got.StatusCode != 207 {
			t.Errorf("resumed %v: %s", got.TLS.DidResume, got.Status)
		}
		transport.CloseIdleConnections()
	}
	if !slices.Equal(resumed, []bool{false, true}) {
		t.Errorf("resumed: %v", resumed)
	}
}
