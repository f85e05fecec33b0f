package auth_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http"
	"strings"
	"testing"
	"time"

	"convene/auth"
)

// alternativeNames is the extension with a user principal name.
func alternativeNames(t testing.TB, upn ...string) pkix.Extension {
	t.Helper()
	type otherName struct {
		Type  asn1.ObjectIdentifier
		Value string `asn1:"explicit,tag:0,utf8"`
	}
	var body []byte
	for _, name := range upn {
		one, err := asn1.MarshalWithParams(otherName{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, name}, "tag:0")
		if err != nil {
			t.Fatal(err)
		}
		body = append(body, one...)
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: body})
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der}
}

func subjectOf(attributes ...any) pkix.Name {
	var n pkix.Name
	for i := 0; i < len(attributes); i += 2 {
		n.Names = append(n.Names, pkix.AttributeTypeAndValue{Type: attributes[i].(asn1.ObjectIdentifier), Value: attributes[i+1]})
	}
	return n
}

// A certificate is its holder's if it names exactly one, whom the directory knows and whose
// account may act. In doubt nobody is let in.
func TestClientCertificate(t *testing.T) {
	uid, cn := asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, asn1.ObjectIdentifier{2, 5, 4, 3}
	all := []string{"mail", "upn", "uid", "common-name"}
	mails := func(m ...string) x509.Certificate { return x509.Certificate{EmailAddresses: m} }
	names := func(e ...pkix.Extension) x509.Certificate { return x509.Certificate{Extensions: e} }
	subject := func(a ...any) x509.Certificate { return x509.Certificate{Subject: subjectOf(a...)} }
	cut := alternativeNames(t, "alice@example.com")
	cut.Value = cut.Value[:len(cut.Value)-1]
	for name, tt := range map[string]struct {
		cert   x509.Certificate
		by     []string
		status int
	}{
		"mail":                          {mails("alice@example.com"), all, 200},
		"mail twice":                    {mails("alice@example.com", "ALICE@example.com"), all, 200},
		"user principal name":           {names(alternativeNames(t, "alice@example.com")), all, 200},
		"uid":                           {subject(uid, "alice"), all, 200},
		"common name":                   {subject(cn, "alice"), all, 200},
		"the first that it has":         {x509.Certificate{EmailAddresses: []string{"alice@example.com"}, Subject: subjectOf(uid, "bob")}, all, 200},
		"what is not asked for":         {subject(cn, "alice"), []string{"mail", "upn"}, 401},
		"nobody's mail, somebody's uid": {x509.Certificate{EmailAddresses: []string{"nobody@example.com"}, Subject: subjectOf(uid, "alice")}, all, 401},
		"two mails":                     {mails("alice@example.com", "bob@example.com"), all, 401},
		"two principal names":           {names(alternativeNames(t, "alice@example.com", "bob@example.com")), all, 401},
		"two extensions":                {names(alternativeNames(t, "alice@example.com"), alternativeNames(t, "bob@example.com")), all, 401},
		"two uids":                      {subject(uid, "alice", uid, "bob"), all, 401},
		"a name without a domain":       {mails("alice"), all, 401},
		"two domains":                   {mails("alice@example.com@evil.example"), all, 401},
		"NUL":                           {subject(uid, "alice\x00"), all, 401},
		"a line break":                  {subject(uid, "alice\nbob"), all, 401},
		"white space":                   {subject(uid, " alice"), all, 401},
		"no text":                       {subject(uid, 7), all, 401},
		"empty":                         {subject(uid, ""), all, 401},
		"not UTF-8":                     {subject(uid, "alice\xff"), all, 401},
		"a filter":                      {subject(uid, "alic*"), all, 401},
		"a cut extension":               {names(cut), all, 401},
		"nothing":                       {x509.Certificate{}, all, 401},
		"a group":                       {subject(uid, "staff"), all, 401},
		"who may not sign in":           {subject(uid, "carol"), all, 403},
	} {
		t.Run(name, func(t *testing.T) {
			cert := tt.cert
			s := openSite(t, func(o *auth.Options) {
				o.Certificates.Identify = tt.by
				o.ClientCertificate = func(*http.Request) *x509.Certificate { return &cert }
			})
			cert.NotBefore, cert.NotAfter = s.clock.now().Add(-time.Hour), s.clock.now().Add(time.Hour)
			status, c, out := s.try("")
			if status != tt.status {
				t.Fatalf("status %d, want %d: %v", status, tt.status, out.Err)
			}
			if status == 200 && (c.Principal.Name != "alice" || c.Scheme != auth.SchemeCertificate || len(c.Groups) == 0) {
				t.Errorf("caller %+v", c)
			}
			if status == 401 && len(out.Header["Www-Authenticate"]) == 0 {
				t.Error("no challenge")
			}
		})
	}
}

// A certificate counts for as long as it is valid, its record may act and the directory can
// say so; and not where something else is sent.
func TestClientCertificateEnds(t *testing.T) {
	cert := &x509.Certificate{EmailAddresses: []string{"alice@example.com"}}
	s := openSite(t, func(o *auth.Options) {
		o.ClientCertificate = func(*http.Request) *x509.Certificate { return cert }
	})
	cert.NotBefore, cert.NotAfter = s.clock.now().Add(-time.Hour), s.clock.now().Add(time.Hour)
	expect := func(what, field string, want int) {
		t.Helper()
		if status, _, out := s.try(field); status != want {
			t.Errorf("%s: %d, want %d: %v", what, status, want, out.Err)
		}
	}
	expect("as it is", "", 200)
	expect("with a wrong password", basicField("alice", "guess"), 401)
	if _, c, _ := s.try(basicField("bob", "bob's password")); c == nil || c.Principal.Name != "bob" {
		t.Errorf("with somebody's password: %+v", c)
	}
	s.people.down.Store(true)
	expect("the directory is away", "", 503)
	s.people.down.Store(false)
	s.clock.add(2 * time.Hour)
	expect("after its end", "", 401)
	c := auth.DefaultConfig()
	c.Certificates.Identify = []string{"serial"}
	if key, err := c.Check(); key != "certificates.identify" || err == nil {
		t.Errorf("%s: %v", key, err)
	}
}

// FuzzClientCertificate gives what is in a certificate anything: nobody is let in by another
// name than one that it has.
func FuzzClientCertificate(f *testing.F) {
	f.Add(alternativeNames(f, "alice@example.com").Value, "", "")
	f.Add(alternativeNames(f, "alice@example.com", "bob@example.com").Value, "", "")
	f.Add([]byte{0x30, 0x80}, "alice@example.com", "alice")
	f.Add([]byte{0x30, 0x02, 0xa0, 0x00}, "", "alice")
	type key struct{}
	s := openSite(f, func(o *auth.Options) {
		o.Certificates.Identify = []string{"upn", "mail", "uid"}
		o.ClientCertificate = func(r *http.Request) *x509.Certificate { return r.Context().Value(key{}).(*x509.Certificate) }
	})
	f.Fuzz(func(t *testing.T, der []byte, mail, uid string) {
		cert := &x509.Certificate{
			NotBefore: s.clock.now().Add(-time.Hour), NotAfter: s.clock.now().Add(time.Hour),
			Extensions:     []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: der}},
			EmailAddresses: []string{mail}, Subject: subjectOf(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, uid),
		}
		c, out := s.Authenticate(request("").WithContext(context.WithValue(t.Context(), key{}, cert)))
		if c == nil {
			if out.Status != 401 && out.Status != 403 {
				t.Fatalf("%d: %v", out.Status, out.Err)
			}
			return
		}
		if !strings.Contains(string(der), c.Login) && mail != c.Login && uid != c.Login {
			t.Errorf("%q is in none of %q, %q, %q", c.Login, der, mail, uid)
		}
	})
}
