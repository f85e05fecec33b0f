package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/internal/kerberos"
)

// checkKeytab finds what is wrong with a bind by bind-keytab. Tickets are for servers'
// names.
func (c *LDAPConfig) checkKeytab(targets []*target) error {
	switch {
	case c.BindPassword != "" || c.BindPasswordFile != "":
		return setting("bind-keytab", "there is a password too; one of them proves the account")
	case c.BindDN == "":
		return setting("bind-dn", "none; bind-keytab needs its principal, NAME@REALM")
	}
	for _, t := range targets {
		switch {
		case t.network == "unix":
			return setting("bind-keytab", "%s is a socket of this machine: set bind-dn = \"external\" and no keytab", t)
		case t.service == "":
			return setting("urls", "%s has an address: tickets are for names; write the server's DNS name, or set server-name to it", t)
		}
	}
	return nil
}

// tickets are those of the service account, by service. They are got anew when the keytab
// is another one.
type tickets struct {
	mu     sync.Mutex
	keytab [sha256.Size]byte
	held   map[string]*kerberos.Ticket
}

// renewBefore is how long before its end a ticket is not used any more.
const renewBefore = 5 * time.Minute

func (t *tickets) get(service string, keytab []byte, now time.Time) *kerberos.Ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.held[service]
	if held == nil || t.keytab != sha256.Sum256(keytab) || held.Until.Before(now.Add(renewBefore)) {
		return nil
	}
	return held
}

func (t *tickets) put(keytab []byte, ticket *kerberos.Ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sum := sha256.Sum256(keytab); t.held == nil || sum != t.keytab {
		t.keytab, t.held = sum, map[string]*kerberos.Ticket{}
	}
	t.held[ticket.Service] = ticket
}

func (t *tickets) drop(service string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, service)
}

// bindKerberos makes c the service account's by a ticket (SASL GSSAPI, RFC 4752). A
// ticket that is refused may have been made with a key that the server has no more: it is
// got anew once.
func (s *service) bindKerberos(ctx context.Context, c *conn, to *target, keytab []byte) error {
	if err := s.cfg.checkKeytab([]*target{to}); err != nil {
		return err
	}
	held := s.tickets.get(to.service, keytab, s.now())
	if held != nil {
		err := present(c, held)
		if err == nil {
			return nil
		}
		s.tickets.drop(to.service)
		if !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
			return err
		}
	}
	ticket, err := s.ticket(ctx, to, keytab)
	if err != nil {
		return err
	}
	if err := present(c, ticket); err != nil {
		return err
	}
	s.tickets.put(keytab, ticket)
	return nil
}

// present binds with a ticket. Over TLS it is bound to the server's certificate (RFC
// 5929 §4), so that it is of no use to a server in between.
func present(c *conn, ticket *kerberos.Ticket) error {
	var binding []byte
	if c.tls != nil {
		binding = kerberos.BindingHash(kerberos.ServerEndPoint(c.tls.PeerCertificates[0]))
	}
	return c.GSSAPIBind(ticket.Initiator(binding), ticket.Service, "")
}

// ticket asks the realm's KDCs in turn for one to a server.
func (s *service) ticket(ctx context.Context, to *target, keytab []byte) (*kerberos.Ticket, error) {
	credentials, err := kerberos.CredentialsOf(keytab, s.cfg.BindDN)
	if err != nil {
		return nil, fmt.Errorf("%w: bind-keytab %s: %w", errRefused, s.cfg.BindKeytab, err)
	}
	var controllers []kerberos.KDC
	if strings.EqualFold(s.cfg.Preset, "ad") {
		if u, err := url.Parse(to.text); err == nil {
			controllers = append(controllers, kerberos.KDC{Realm: credentials.Realm, Address: net.JoinHostPort(u.Hostname(), "88")})
		}
	}
	kdcs, err := kerberos.FindKDCs(ctx, net.DefaultResolver, credentials.Realm, controllers...)
	if err != nil {
		return nil, err
	}
	var silent []error
	for _, kdc := range kdcs {
		within, cancel := context.WithTimeout(ctx, s.cfg.FailoverAfter)
		ticket, err := kdc.Ticket(within, credentials, to.service)
		cancel()
		if err == nil {
			return ticket, nil
		}
		if _, answered := kerberos.Code(err); answered || errors.Is(err, kerberos.ErrKeys) {
			return nil, err
		}
		silent = append(silent, err)
	}
	return nil, errors.Join(silent...)
}

// unusable reports whether asking again soon is no use: the keytab is no good, the KDC
// refuses, or the server wants what there is none of here.
func unusable(err error) bool {
	_, answered := kerberos.Code(err)
	return answered || errors.Is(err, errRefused) || errors.Is(err, kerberos.ErrLayer)
}
