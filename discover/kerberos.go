package discover

import (
	"context"
	"convene/internal/kerberos"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// CheckKeytab compares a keytab with the service that clients will ask tickets for, and
// with the accounts that have its name; holders is nil where that is not known.
func CheckKeytab(file, realm, host string, holders []Holder) (out []Finding) {
	const setting = "auth.negotiate.keytab"
	service := "HTTP/" + host
	keys, err := kerberos.Keytab(file)
	if err != nil {
		return []Finding{failed("keytab", fmt.Errorf("keytab: %w", err), Facts{Step: Ticketing, Keytab: file})}
	}
	out = append(out, readable("keytab", setting, file)...)
	own := slices.DeleteFunc(slices.Clone(keys), func(k kerberos.ServiceKey) bool {
		return !strings.EqualFold(k.Principal, service) || k.Realm != realm
	})
	if len(own) == 0 {
		var has []string
		for _, k := range keys {
			if name := k.Principal + "@" + k.Realm; !slices.Contains(has, name) {
				has = append(has, name)
			}
		}
		return append(out, Finding{Level: Fail, What: "keytab", Detail: fmt.Sprintf("%s has no key of %s@%s, only of %s", file, service, realm, strings.Join(has, ", ")),
			Setting: setting, Cure: "export the keys of " + service + ", or set server.host-name to the name in the keytab"})
	}
	if !slices.ContainsFunc(own, func(k kerberos.ServiceKey) bool { return k.Allowed }) {
		out = append(out, Finding{Level: Fail, What: "keytab", Detail: file + " has no AES key, only " + own[0].Type, Setting: "auth.negotiate.enctypes",
			Cure: "let the account use AES (msDS-SupportedEncryptionTypes 24), set its password anew, and export the keytab again"})
	}
	newest := 0
	for _, k := range own {
		newest = max(newest, k.Version)
	}
	if len(holders) == 1 && holders[0].Version > 0 && newest != holders[0].Version {
		out = append(out, Finding{Level: Fail, What: "keytab", Detail: fmt.Sprintf("the KDC issues key version %d, %s has %d", holders[0].Version, file, newest), Setting: setting, Cure: "export it again"})
	}
	if len(out) == 0 {
		out = append(out, Finding{Level: OK, What: "keytab", Detail: fmt.Sprintf("%s: %s@%s, version %d, %s", file, service, realm, newest, own[0].Type)})
	}
	return out
}

// readable warns of a file with secrets that others may read.
func readable(what, setting, file string) []Finding {
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o044 == 0 {
		return nil
	}
	return []Finding{{Level: Warn, What: what, Detail: fmt.Sprintf("%s can be read by others (mode %04o)", file, info.Mode().Perm()), Setting: setting, Cure: "chmod 600 " + file}}
}

// checkHolders wants exactly one account with the service's name.
func checkHolders(service string, holders []Holder) Finding {
	switch len(holders) {
	case 1:
		return Finding{Level: OK, What: "service name", Detail: service + " is " + holders[0].Name + "'s"}
	case 0:
		return Finding{Level: Warn, What: "service name", Detail: "no account has " + service + ": clients get no ticket", Setting: "auth.negotiate.keytab", Cure: "run join with --create-keytab as an account that may make accounts"}
	}
	var names []string
	for _, h := range holders {
		names = append(names, h.DN)
	}
	return Finding{Level: Fail, What: "service name", Detail: fmt.Sprintf("%d accounts have %s: %s; the KDC takes neither", len(holders), service, strings.Join(names, ", ")),
		Setting: "auth.negotiate.keytab", Cure: "setspn -D " + service + " for all but one"}
}

// CheckName looks at what DNS makes of the server's own name: clients ask for a ticket
// for the name that they arrive at.
func CheckName(ctx context.Context, r *net.Resolver, host string) Finding {
	const setting, what = "server.host-name", "host name"
	if !strings.Contains(host, ".") {
		return Finding{Level: Warn, What: what, Detail: host + " has no domain: clients ask for tickets for the whole name", Setting: setting, Cure: "set it to the whole DNS name (--host-name)"}
	}
	addrs, err := r.LookupHost(ctx, host)
	if err != nil {
		return Finding{Level: Warn, What: what, Detail: host + " is not in DNS", Setting: setting, Cure: "add an A or AAAA record"}
	}
	if cname, err := r.LookupCNAME(ctx, host); err == nil && !strings.EqualFold(strings.TrimSuffix(cname, "."), host) {
		return Finding{Level: Warn, What: what, Detail: fmt.Sprintf("%s is an alias of %s: some clients ask for tickets for that name", host, strings.TrimSuffix(cname, ".")), Setting: setting,
			Cure: "make it an A record, or put HTTP/" + strings.TrimSuffix(cname, ".") + " into the keytab too"}
	}
	for _, a := range addrs {
		names, err := r.LookupAddr(ctx, a)
		if err == nil && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSuffix(n, "."), host) }) {
			return Finding{Level: Warn, What: what, Detail: fmt.Sprintf("%s is %s, whose PTR record says %s: clients with rdns ask for tickets for that name", host, a, strings.TrimSuffix(names[0], ".")),
				Setting: setting, Cure: "correct the PTR record"}
		}
	}
	return Finding{Level: OK, What: what, Detail: host + " is " + strings.Join(addrs, ", ")}
}

// expiresSoon is how long before its end a certificate is worth a warning.
const expiresSoon = 30 * 24 * time.Hour

// A Certificate is one that the server at a host is to show, where it is set, and what cures
// it.
type Certificate struct {
	File, Key string // PEM
	Host      string

	Setting                  string
	Unread, OtherName, Renew string                                // cures
	Soon                     func(*x509.Certificate) time.Duration // before its end it is worth a warning
}

// OwnCertificate is one that tls.certificate names.
func OwnCertificate(file, key, host string) *Certificate {
	return &Certificate{
		File: file, Key: key, Host: host, Setting: "tls.certificate",
		Unread: "name the PEM files of the certificate and of its key", OtherName: "let its authority make one for " + host + ", or correct server.host-name", Renew: "renew it",
		Soon: func(*x509.Certificate) time.Duration { return expiresSoon },
	}
}

// ACMECertificate is one that an ACME server gave, in a file with its key. It is renewed when
// a third of its life is left.
func ACMECertificate(file, host string) *Certificate {
	another := "move " + file + " away and start the server: it has the ACME server give another"
	return &Certificate{
		File: file, Key: file, Host: host, Setting: "tls.acme.directory", Unread: another, OtherName: another,
		Renew: "start the server, which renews it by itself; if it runs, its error log says why it could not: it has to reach the ACME server, which has to reach it as " + host + " at port 443 or 80",
		Soon: func(leaf *x509.Certificate) time.Duration {
			return min(expiresSoon, leaf.NotAfter.Sub(leaf.NotBefore)/4)
		},
	}
}

// Check looks at the certificate and its key; now is what time it is.
func (c *Certificate) Check(now time.Time) Finding {
	f := Finding{Level: Fail, What: "certificate", Setting: c.Setting}
	pair, err := tls.LoadX509KeyPair(c.File, c.Key)
	if err != nil {
		f.Symptom, f.Detail, f.Cure = "certificate", err.Error(), c.Unread
		return f
	}
	leaf := pair.Leaf
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch left := leaf.NotAfter.Sub(now); {
	case leaf.VerifyHostname(c.Host) != nil:
		f.Symptom, f.Cure = "certificate-name", c.OtherName
		f.Detail = fmt.Sprintf("it is for %s, not for %s", strings.Join(certified(leaf), ", "), c.Host)
	case left < 0:
		f.Symptom, f.Detail, f.Cure = "certificate-expired", "it has expired on "+until, c.Renew
	case left < c.Soon(leaf):
		f.Level, f.Symptom, f.Detail, f.Cure = Warn, "certificate-soon", "it ends on "+until, c.Renew
	default:
		return Finding{Level: OK, What: f.What, Detail: fmt.Sprintf("for %s, until %s", c.Host, until)}
	}
	return f
}

// certified are the names that a certificate is for.
func certified(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return []string{"nobody"}
	}
	return names
}

// Clocks that differ by more than warnSkew are worth a word; by more than maxSkew no
// ticket is valid (RFC 4120 §1.6).
const (
	warnSkew = time.Minute
	maxSkew  = 5 * time.Minute
)

func checkClock(ctx context.Context, kdc kerberos.KDC, now func() time.Time) Finding {
	const what = "clock"
	skew, err := kdc.Clock(ctx, now)
	if err != nil {
		return Finding{Level: Warn, What: "KDC", Detail: err.Error(), Cure: "let this machine reach port 88 of the KDC, by TCP"}
	}
	f := Finding{Level: OK, What: what, Detail: fmt.Sprintf("%v off the KDC's at %s", skew.Abs().Round(time.Millisecond), kdc.Address)}
	if skew.Abs() > warnSkew {
		f.Level, f.Cure = Warn, "set this machine's clock by NTP, from the domain's servers"
	}
	if skew.Abs() >= maxSkew {
		f.Level = Fail
	}
	return f
}

// failed is a finding from an error, with what the table of cures knows.
func failed(what string, err error, facts Facts) Finding {
	f := Finding{Level: Fail, What: what, Detail: err.Error()}
	if errors.Is(err, context.DeadlineExceeded) {
		f.Cure = "look at the network between here and the directory"
	}
	if fault, ok := Explain(err, facts); ok {
		f.Detail, f.Setting, f.Cure, f.Symptom = fault.Problem, fault.Setting, fault.Cure, fault.Symptom
	}
	return f
}
