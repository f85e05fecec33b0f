package devices

import (
	"bytes"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/smallstep/pkcs7"

	"convene/web/page"
)

// profileType is that of configuration profiles of Apple's systems.
const profileType = "application/x-apple-aspen-config"

// getProfile gives the profile without a password: the device asks for one.
func getProfile(r *page.Request) (*page.Answer, error) {
	c, err := connection(r)
	if err != nil {
		return nil, err
	}
	return profile(r, c, "")
}

// profile makes the configuration profile with which a device of Apple's sets up the
// account, with the password if there is one. It is signed with the server's
// certificate, unless nobody but itself vouches for that.
func profile(r *page.Request, c *Connection, password string) (*page.Answer, error) {
	port, err := strconv.Atoi(c.Port)
	if err != nil {
		return nil, fmt.Errorf("profile: port %q: %w", c.Port, err)
	}
	// The same for the same person and host: a second profile takes the place of the first.
	of := uuid.NewSHA1(uuid.NameSpaceURL, []byte(c.Address+c.Principal))
	name := r.Locale.T("devices.profile-name", "host", c.Host)
	account := dict{
		{"PayloadType", "com.apple.caldav.account"}, {"PayloadVersion", 1},
		{"PayloadIdentifier", "convene." + of.String() + ".caldav"}, {"PayloadUUID", uuid.NewSHA1(of, []byte("caldav")).String()},
		{"PayloadDisplayName", name}, {"CalDAVAccountDescription", name},
		{"CalDAVHostName", c.Host}, {"CalDAVPort", port}, {"CalDAVUseSSL", c.TLS},
		{"CalDAVUsername", c.User}, {"CalDAVPrincipalURL", c.Principal},
	}
	if password != "" {
		account = append(account, entry{"CalDAVPassword", password})
	}
	body := plist(dict{
		{"PayloadType", "Configuration"}, {"PayloadVersion", 1},
		{"PayloadIdentifier", "convene." + of.String()}, {"PayloadUUID", of.String()},
		{"PayloadDisplayName", name}, {"PayloadDescription", r.Locale.T("devices.profile-text")}, {"PayloadOrganization", c.Host},
		{"PayloadContent", []dict{account}},
	})
	if body, err = sign(r, body); err != nil {
		return nil, err
	}
	return &page.Answer{Type: profileType, Body: body, Secret: true, Header: http.Header{
		"Content-Disposition": {`attachment; filename="calendar.mobileconfig"`}, "Cache-Control": {"no-store"},
	}}, nil
}

// sign puts a profile into a signed message (RFC 5652 §5) with all certificates that it
// takes to verify it.
func sign(r *page.Request, body []byte) ([]byte, error) {
	cert := r.Site.Certificate
	if cert == nil {
		return body, nil
	}
	m, err := pkcs7.NewSignedData(body)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := m.AddSigner(cert.Leaf, cert.PrivateKey, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
		m.AddCertificate(c)
	}
	return m.Finish()
}

// A dict is a dictionary of a property list, in its order. Values are string, int, bool and
// []dict.
type dict []entry

type entry struct {
	key   string
	value any
}

// plist writes a property list.
func plist(d dict) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n<plist version=\"1.0\">\n")
	d.write(&b)
	b.WriteString("</plist>\n")
	return b.Bytes()
}

func (d dict) write(b *bytes.Buffer) {
	b.WriteString("<dict>\n")
	for _, e := range d {
		text(b, "key", e.key)
		switch v := e.value.(type) {
		case string:
			text(b, "string", v)
		case int:
			text(b, "integer", strconv.Itoa(v))
		case bool:
			fmt.Fprintf(b, "<%t/>\n", v)
		case []dict:
			b.WriteString("<array>\n")
			for _, one := range v {
				one.write(b)
			}
			b.WriteString("</array>\n")
		}
	}
	b.WriteString("</dict>\n")
}

func text(b *bytes.Buffer, tag, s string) {
	fmt.Fprintf(b, "<%s>", tag)
	// A bytes.Buffer takes all that it is given.
	_ = xml.EscapeText(b, []byte(s))
	fmt.Fprintf(b, "</%s>\n", tag)
}
