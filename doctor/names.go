package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"convene/discover"
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

// ownCertificate looks at the server's own.
func (p *patient) ownCertificate(e *examination, host string) {
	c, keySetting := p.Config.TLS, "tls.key"
	own := discover.OwnCertificate(c.Certificate, c.Key, host)
	if c.ACME.Directory != "" {
		host, keySetting = p.Config.CertificateNames()[0], "server.data"
		own = discover.ACMECertificate(filepath.Join(p.Config.Server.Data, "tls", "acme", host), host)
		if _, err := os.Stat(own.File); errors.Is(err, fs.ErrNotExist) {
			e.found(Warn, "certificate", "acme", "tls.acme.directory", "start the server; its error log says why, if the ACME server gives none", "there is none yet from the ACME server")
			return
		}
	}
	if own.File == "" {
		e.found(Warn, "certificate", "self-signed", "tls.certificate", "set tls.certificate and tls.key", "the server makes its own, which no client trusts")
		return
	}
	p.mode(e, "key", keySetting, own.Key)
	e.told(own.Check(p.Now()))
}
