package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// A Probe is one connection to one server, for looking at a directory before it is
// configured. It belongs to one goroutine. Errors of its methods carry the server's
// result code: see ResultCode.
type Probe struct {
	c   *conn
	h   *host
	cfg LDAPConfig
}

// OpenProbe connects to the server at url as c says, TLS included, as nobody.
func OpenProbe(ctx context.Context, c LDAPConfig, url string) (*Probe, error) {
	h, err := probeHost(c, url)
	if err != nil {
		return nil, err
	}
	conn, err := h.dial(ctx, bindLane)
	if err != nil {
		return nil, err
	}
	conn.SetTimeout(h.cfg.Timeout)
	return &Probe{conn, h, *h.cfg}, nil
}

func probeHost(c LDAPConfig, url string) (*host, error) {
	c.complete()
	c.URLs = []string{url}
	roots, err := loadRoots(c.CAFile)
	if err != nil {
		return nil, err
	}
	targets, err := c.targets(roots)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	return newPool(&c, newService(&c, log, time.Now), targets, log).hosts[0], nil
}

// Close closes the connection.
func (p *Probe) Close() { p.c.close() }

// Bind makes the connection the service account's, with one attempt.
func (p *Probe) Bind(ctx context.Context) error {
	if p.cfg.BindDN == "" {
		return nil
	}
	return p.h.svc.bind(ctx, p.c, p.h.url)
}

// Root returns the root DSE (RFC 4512 §5.1), with all of its attributes that servers
// show when asked for them.
func (p *Probe) Root() (*ldif.Entry, error) {
	list, _, err := p.Search("", ldif.Base, "(objectClass=*)", []string{"*", "+"}, 1)
	if err == nil && len(list) == 0 {
		err = errors.New("the root DSE cannot be read")
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Search returns the entries below base that filter matches, no more than limit, and
// whether there are more. References to other servers are left out.
func (p *Probe) Search(base string, scope ldif.Scope, filter string, attrs []string, limit int) (list []*ldif.Entry, more bool, err error) {
	req := ldap.NewSearchRequest(base, int(scope), ldap.NeverDerefAliases, 0, 0, false, filter, attrs, nil)
	paging := ldap.NewControlPaging(uint32(min(limit+1, p.cfg.PageSize)))
	if scope != ldif.Base {
		req.Controls = []ldap.Control{paging}
	}
	for {
		res, err := p.c.Search(req)
		cut := ldap.IsErrorAnyOf(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded)
		if err != nil && !cut {
			return nil, false, fmt.Errorf("search of %q: %w", base, err)
		}
		for _, e := range res.Entries {
			out := ldif.NewEntry(e.DN)
			for _, a := range e.Attributes {
				out.Add(a.Name, a.Values...)
			}
			list = append(list, out)
		}
		cookie := nextPage(res)
		switch {
		case len(list) > limit:
			if len(cookie) > 0 {
				err = endPaging(p.c, req, paging, cookie)
			}
			return list[:limit], true, err
		case cut || len(cookie) == 0:
			return list, cut, nil
		}
		paging.SetCookie(cookie)
	}
}

// Add adds an entry.
func (p *Probe) Add(dn string, attrs map[string][]string) error {
	req := ldap.NewAddRequest(dn, nil)
	for name, values := range attrs {
		req.Attribute(name, values)
	}
	if err := p.c.Add(req); err != nil {
		return fmt.Errorf("add %q: %w", dn, err)
	}
	return nil
}

// Replace replaces attributes of an entry.
func (p *Probe) Replace(dn string, attrs map[string][]string) error {
	req := ldap.NewModifyRequest(dn, nil)
	for name, values := range attrs {
		req.Replace(name, values)
	}
	if err := p.c.Modify(req); err != nil {
		return fmt.Errorf("modify %q: %w", dn, err)
	}
	return nil
}

// Certificates returns what the server at url presents, its own certificate first,
// whether or not it is to be trusted; nothing else is said to it. None: the URL is
// without TLS.
func Certificates(ctx context.Context, c LDAPConfig, url string) ([]*x509.Certificate, error) {
	c.CAFile, c.Fingerprints = "", nil
	h, err := probeHost(c, url)
	if err != nil || h.url.tls == nil || !h.url.secure && !h.url.startTLS {
		return nil, err
	}
	var list []*x509.Certificate
	h.url.tls.InsecureSkipVerify = true
	h.url.tls.VerifyConnection = func(s tls.ConnectionState) error {
		list = s.PeerCertificates
		return nil
	}
	conn, err := h.dial(ctx, bindLane)
	if err != nil {
		return nil, err
	}
	conn.close()
	return list, nil
}

// ResultCode returns the server's result code in an error (RFC 4511 appendix A), and
// for Active Directory the sub-code behind "data", in lower case; ok is false for an
// error that is not a server's response.
func ResultCode(err error) (code int, sub string, ok bool) {
	le, ok := errors.AsType[*ldap.Error](err)
	if !ok || le.ResultCode >= ldap.ErrorNetwork {
		return 0, "", false
	}
	if m := subCode.FindStringSubmatch(le.Error()); m != nil {
		sub = m[1]
	}
	return int(le.ResultCode), sub, true
}

// Escape writes a value as it stands in a filter (RFC 4515 §3).
func Escape(value string) string { return escapeValue(value) }
