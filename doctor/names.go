package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// names looks whether the certificate and DNS know this server by its name.
func (p *patient) names(ctx context.Context, e *examination) {
	host := p.Config.HostName()
	p.ownCertificate(e, host)
	if net.ParseIP(host) != nil || host == "localhost" {
		e.found(Warn, "host name", "host-name", "server.host-name", "set it to the DNS name that people use", "%s is no name for others", host)
		return
	}
	addresses, err := p.Resolver.LookupHost(ctx, host)
	if err != nil {
		e.found(Warn, "host name", "host-dns", "server.host-name", "add an A or AAAA record, or correct the name", "%v", err)
		return
	}
	if alias, err := p.Resolver.LookupCNAME(ctx, host); err == nil && !strings.EqualFold(strings.TrimSuffix(alias, "."), host) {
		e.found(Warn, "host name", "cname", "server.host-name", "give it an A record of its own, or let the keytab have HTTP/"+strings.TrimSuffix(alias, ".")+" too",
			"%s is an alias (CNAME) of %s, for which some clients ask the ticket", host, alias)
	}
	for _, a := range addresses {
		back, err := p.Resolver.LookupAddr(ctx, a)
		if err != nil || len(back) == 0 {
			continue // most clients do not ask for it
		}
		if name := strings.TrimSuffix(back[0], "."); !strings.EqualFold(name, host) {
			e.found(Warn, "host name", "ptr", "server.host-name", "correct the PTR record, or set rdns = false in the clients' krb5.conf",
				"%s is %s, which DNS calls %s: some clients ask the ticket for that name", host, a, name)
		}
	}
	e.ok("host name", "%s is %s", host, strings.Join(addresses, ", "))
	p.service(ctx, e, host)
}

// service looks for the SRV records by which clients find the server (RFC 6764 §3).
func (p *patient) service(ctx context.Context, e *examination, host string) {
	_, domain, ok := strings.Cut(host, ".")
	if !ok {
		return
	}
	_, list, err := p.Resolver.LookupSRV(ctx, "caldavs", "tcp", domain)
	if err != nil || len(list) == 0 {
		e.found(Warn, "DNS service", "srv", "", "publish _caldavs._tcp."+domain+" SRV 0 1 443 "+host+". and TXT \"path=/\"", "clients cannot find the server by the mail address alone")
		return
	}
	e.ok("DNS service", "_caldavs._tcp.%s is %s:%d", domain, strings.TrimSuffix(list[0].Target, "."), list[0].Port)
}

// A remedy is where what is wrong with the server's own certificate is set, and the cures.
type remedy struct{ setting, keySetting, unread, otherName, renew string }

// ownCertificate looks at the server's own.
func (p *patient) ownCertificate(e *examination, host string) {
	c := p.Config.TLS
	r := remedy{"tls.certificate", "tls.key", "name the PEM files of the certificate and of its key", "let its authority make one for " + host + ", or correct server.host-name", "renew it"}
	warn := func(*x509.Certificate) time.Duration { return soon }
	if c.ACME.Directory != "" {
		host = p.Config.CertificateNames()[0]
		c.Certificate = filepath.Join(p.Config.Server.Data, "tls", "acme", host)
		c.Key = c.Certificate
		if _, err := os.Stat(c.Certificate); errors.Is(err, fs.ErrNotExist) {
			e.found(Warn, "certificate", "acme", "tls.acme.directory", "start the server; its error log says why, if the ACME server gives none", "there is none yet from the ACME server")
			return
		}
		another := "move " + c.Certificate + " away and start the server: it has the ACME server give another"
		r = remedy{"tls.acme.directory", "server.data", another, another,
			"start the server, which renews it by itself; if it runs, its error log says why it could not: it has to reach the ACME server, which has to reach it as " + host + " at port 443 or 80"}
		// It is renewed when a third of its life is left.
		warn = func(leaf *x509.Certificate) time.Duration {
			return min(soon, leaf.NotAfter.Sub(leaf.NotBefore)/4)
		}
	}
	if c.Certificate == "" {
		e.found(Warn, "certificate", "self-signed", "tls.certificate", "set tls.certificate and tls.key", "the server makes its own, which no client trusts")
		return
	}
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		e.found(Fail, "certificate", "certificate", r.setting, r.unread, "%v", err)
		return
	}
	p.mode(e, "key", r.keySetting, c.Key)
	leaf := pair.Leaf
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch left := leaf.NotAfter.Sub(p.Now()); {
	case leaf.VerifyHostname(host) != nil:
		e.found(Fail, "certificate", "certificate-name", r.setting, r.otherName, "it is for %s, not for %s", strings.Join(certified(leaf), ", "), host)
	case left < 0:
		e.found(Fail, "certificate", "certificate-expired", r.setting, r.renew, "it has expired on %s", until)
	case left < warn(leaf):
		e.found(Warn, "certificate", "certificate-soon", r.setting, r.renew, "it ends on %s", until)
	default:
		e.ok("certificate", "for %s, until %s", host, until)
	}
}

// certified are the names that a certificate is for.
func certified(c *x509.Certificate) []string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return []string{"nobody"}
	}
	return names
}
