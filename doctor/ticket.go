package doctor

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"

	"convene/auth"
	"convene/discover"
	"convene/internal/kerberos"
)

// ticket gets a ticket for this server with the keys of its own keytab, and shows it to
// the server's own acceptor: what is between has to be right then.
func (p *patient) ticket(ctx context.Context, e *examination) {
	const what = "ticket"
	c := &p.Config.Auth
	file, service := c.Negotiate.Keytab, "HTTP/"+p.Config.HostName()
	if !slices.Contains(c.Schemes, auth.SchemeNegotiate) || file == "" {
		e.ok(what, "not tried: there is no %s", keytabSetting)
		return
	}
	content, err := os.ReadFile(file)
	if err != nil {
		e.failed(Fail, what, fmt.Errorf("keytab: %w", err), discover.Facts{Keytab: file})
		return
	}
	own, err := kerberos.CredentialsOf(content, service)
	if err != nil {
		e.ok(what, "not tried: %v", err) // which is a fault to the check of the keytab
		return
	}
	if own, err = p.account(own, service); err != nil {
		e.ok(what, "not tried: %v", err)
		return
	}
	ticket, err := p.grant(ctx, own, service)
	switch {
	case err == nil:
	case kerberos.Refused(err) && !p.activeDirectory() && isUnknownClient(err):
		e.ok(what, "not tried: the KDC gives none to %s itself", own.Name)
		return
	case kerberos.Refused(err):
		fault, _ := discover.Explain(auth.ErrNoKey, discover.Facts{Keytab: file})
		fault.Problem += ": " + err.Error()
		e.fault(Fail, what, fault)
		return
	default:
		e.failed(Warn, what, err, discover.Facts{Step: discover.Ticketing, Keytab: file})
		return
	}
	token, _, err := ticket.Initiator(nil).InitSecContext(service, nil)
	if err == nil {
		err = p.accept(ctx, token)
	}
	if err != nil {
		e.failed(Fail, what, err, discover.Facts{Step: discover.Ticketing, Keytab: file})
		return
	}
	e.ok(what, "one for %s opens with the keytab", service)
}

func isUnknownClient(err error) bool {
	const unknown = 6 // KDC_ERR_C_PRINCIPAL_UNKNOWN, RFC 4120 §7.5.9
	code, _ := kerberos.Code(err)
	return code == unknown
}

func (p *patient) activeDirectory() bool { return p.ldap != nil && p.presetName() == "ad" }

// account is who a service's keys belong to, if they are the newest: a wrong key would be
// counted against the account. Active Directory gives tickets to accounts only.
func (p *patient) account(own *kerberos.Credentials, service string) (*kerberos.Credentials, error) {
	if !p.activeDirectory() {
		return own, nil
	}
	if p.probe == nil {
		return nil, fmt.Errorf("the directory does not say whose %s is", service)
	}
	list, err := discover.Holders(p.probe, p.root.Value("defaultNamingContext"), service)
	switch {
	case err != nil:
		return nil, err
	case len(list) != 1:
		return nil, fmt.Errorf("%s is of %d accounts", service, len(list))
	case list[0].Version != 0 && list[0].Version != own.Version:
		return nil, fmt.Errorf("the account has key version %d, the keytab %d", list[0].Version, own.Version)
	}
	return own.As(list[0].Name), nil
}

// grant asks the KDCs in turn.
func (p *patient) grant(ctx context.Context, own *kerberos.Credentials, service string) (_ *kerberos.Ticket, err error) {
	err = kerberos.ErrNoKDC
	for _, address := range p.kdcs(ctx, own.Realm) {
		within, cancel := context.WithTimeout(ctx, kdcWithin)
		var t *kerberos.Ticket
		t, err = kerberos.KDC{Realm: own.Realm, Address: address}.Ticket(within, own, service)
		cancel()
		if _, answered := kerberos.Code(err); err == nil || answered {
			return t, err
		}
	}
	return nil, err
}

// accept shows a token to an acceptor like the server's.
func (p *patient) accept(ctx context.Context, token []byte) error {
	o := p.Config.Auth.Options()
	o.Schemes, o.Directory, o.Now = []string{auth.SchemeNegotiate}, p.dir, p.Now
	o.Negotiate.ChannelBinding = auth.BindingOff
	a, err := auth.New(o)
	if err != nil {
		return err
	}
	_, err = a.Opens(ctx, "Negotiate "+base64.StdEncoding.EncodeToString(token))
	if closed := a.Close(ctx); err == nil {
		err = closed
	}
	return err
}
