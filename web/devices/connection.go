package devices

import (
	"net/url"
	"strings"

	"convene/web/page"
)

// A Connection is what somebody types into a calendar program, but for the password.
type Connection struct {
	Address   string // of the server: https://HOST[:PORT]
	Host      string
	Port      string // always a number
	TLS       bool
	User      string
	Principal string // path of their record
	Home      string // URL of their calendars
	URI       string // for DAVx5: caldavs://USER@HOST[:PORT]/
	Rest      string // of it, without its scheme
	QR        *page.QR
}

// connection is how the caller's programs come to their calendars.
func connection(r *page.Request) (*Connection, error) {
	address := r.Site.SecureURL
	if address == "" {
		address = page.Origin(r)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	p := r.Caller.Principal
	c := &Connection{
		Address: address, Host: u.Hostname(), Port: u.Port(), TLS: u.Scheme == "https", User: p.Name,
		Principal: "/principals/__uids__/" + url.PathEscape(p.GUID) + "/", Home: address + "/calendars/__uids__/" + url.PathEscape(p.GUID) + "/",
	}
	uri := url.URL{Scheme: "caldavs", User: url.User(p.Name), Host: u.Host, Path: "/"}
	if !c.TLS {
		uri.Scheme = "caldav"
	}
	c.URI = uri.String()
	c.Rest = strings.TrimPrefix(c.URI, uri.Scheme+"://")
	if c.Port == "" {
		c.Port = map[bool]string{true: "443", false: "80"}[c.TLS]
	}
	c.QR, err = page.NewQR(c.URI, r.Locale.T("devices.qr-address"))
	return c, err
}
