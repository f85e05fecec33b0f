package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/directory/ldif"
	"convene/discover"
	"convene/internal/kerberos"
)

const (
	keytabSetting = "auth.negotiate.keytab"
	exportAgain   = `export it again on the KDC: "samba-tool domain exportkeytab", "ktpass", "adcli update" or "kadmin ktadd"`

	// skewed is worth a warning, before the five minutes that end sign-in.
	skewed    = time.Minute
	kdcWithin = 3 * time.Second

	// Bits of msDS-SupportedEncryptionTypes ([MS-KILE] §2.2.7).
	aesBits = 0x18
)

// kerberos looks at the keytab, at the account that has the service's name, and at the
// KDC's clock.
func (p *patient) kerberos(ctx context.Context, e *examination) {
	c := &p.Config.Auth
	if !slices.Contains(c.Schemes, auth.SchemeNegotiate) || c.Negotiate.Keytab == "" {
		e.ok("Kerberos", "not used: there is no %s", keytabSetting)
		return
	}
	file := c.Negotiate.Keytab
	keys, err := kerberos.Keytab(file)
	if err != nil {
		e.failed(Fail, "keytab", fmt.Errorf("keytab: %w", err), discover.Facts{Keytab: file})
		return
	}
	p.mode(e, "keytab", keytabSetting, file)
	service := "HTTP/" + p.Config.HostName()
	own := p.ownKeys(e, keys, service)
	if len(own) == 0 {
		return
	}
	p.clock(ctx, e, own[0].Realm)
	p.holder(e, own, service)
}

// ownKeys returns the keys of this server's name that may be used.
func (p *patient) ownKeys(e *examination, keys []kerberos.ServiceKey, service string) (own []kerberos.ServiceKey) {
	var others, weak []string
	for _, k := range keys {
		switch {
		case !strings.EqualFold(k.Principal, service):
			if !slices.Contains(others, k.Principal) {
				others = append(others, k.Principal)
			}
		case !slices.Contains(p.Config.Auth.Negotiate.Enctypes, k.Type):
			weak = append(weak, k.Type)
		default:
			own = append(own, k)
		}
	}
	switch {
	case len(own) > 0:
		e.ok("keytab", "%s of %s@%s", plural(len(own), "key", "keys"), service, own[0].Realm)
	case len(weak) > 0:
		e.found(Fail, "keytab", "krb-14", "auth.negotiate.enctypes",
			"let the account use AES (msDS-SupportedEncryptionTypes 24), change its password, and "+exportAgain, "%s has keys of %s only", service, strings.Join(weak, ", "))
	default:
		e.found(Fail, "keytab", "keytab-name", keytabSetting, "set server.host-name to the name that people use, and "+exportAgain,
			"there is no key of %s, but of %s", service, strings.Join(others, ", "))
	}
	return own
}

// mode looks who may read a file with secrets.
func (p *patient) mode(e *examination, what, setting, file string) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return // reading it says more
	}
	if info.Mode().Perm()&0o007 != 0 {
		e.found(Warn, what, "file-mode", setting, "chmod 600 "+file, "every account of this machine may read %s (mode %04o)", file, info.Mode().Perm())
	}
}

// clock asks the realm's KDC for its time.
func (p *patient) clock(ctx context.Context, e *examination, realm string) {
	var last error
	for _, address := range p.kdcs(ctx, realm) {
		within, cancel := context.WithTimeout(ctx, kdcWithin)
		ahead, err := kerberos.KDC{Realm: realm, Address: address}.Clock(within, p.Now)
		cancel()
		if err != nil {
			last = err
			continue
		}
		switch off := ahead.Abs(); {
		case off > p.Config.Auth.Negotiate.Skew:
			fault, _ := discover.Explain(auth.ErrClientClock, discover.Facts{})
			e.found(Fail, "clock", fault.Symptom, "", fault.Cure, "the KDC %s is %v %s", address, off.Round(time.Second), direction(ahead))
		case off > skewed:
			e.found(Warn, "clock", "krb-37", "", "set the clocks by NTP", "the KDC %s is %v %s", address, off.Round(time.Second), direction(ahead))
		default:
			e.ok("clock", "KDC %s, %v apart", address, off.Round(time.Millisecond))
		}
		return
	}
	if last != nil {
		e.found(Warn, "clock", "kdc", "", "let the firewall pass port 88, by TCP; people's machines need it, this server does not", "no KDC of %s answers: %v", realm, last)
	}
}

func direction(d time.Duration) string {
	if d < 0 {
		return "behind"
	}
	return "ahead"
}

// kdcs are the addresses of a realm's KDCs: those that krb5.conf names, else the domain
// controllers, else the hosts that DNS names.
func (p *patient) kdcs(ctx context.Context, realm string) (out []string) {
	var controllers []kerberos.KDC
	if p.ldap != nil && p.presetName() == "ad" {
		for _, u := range p.ldap.URLs {
			if parsed, err := url.Parse(u); err == nil && parsed.Hostname() != "" {
				controllers = append(controllers, kerberos.KDC{Realm: realm, Address: net.JoinHostPort(parsed.Hostname(), "88")})
			}
		}
	}
	list, err := kerberos.FindKDCs(ctx, p.Resolver, realm, controllers...)
	if err != nil {
		return nil
	}
	for _, k := range list {
		host, port, err := net.SplitHostPort(k.Address)
		if err != nil {
			continue
		}
		if addresses, err := p.Resolver.LookupHost(ctx, host); err == nil {
			host = addresses[0]
		}
		out = append(out, net.JoinHostPort(host, port))
	}
	return out
}

// holder looks which account of Active Directory has the service's name, and whether
// the keytab has its key.
func (p *patient) holder(e *examination, own []kerberos.ServiceKey, service string) {
	if p.probe == nil || p.presetName() != "ad" {
		return
	}
	base := p.root.Value("defaultNamingContext")
	if base == "" && len(p.root.contexts) > 0 {
		base = p.root.contexts[0]
	}
	list, _, err := p.probe.Search(base, ldif.Sub, "(servicePrincipalName="+directory.Escape(service)+")",
		[]string{"msDS-KeyVersionNumber", "msDS-SupportedEncryptionTypes", "userAccountControl"}, p.Most)
	if err != nil {
		e.failed(Warn, service, err, p.facts(discover.Searching))
		return
	}
	switch len(list) {
	case 0:
		e.found(Fail, service, "krb-7", keytabSetting, "add it to the account of the keytab: setspn -S "+service+" ACCOUNT, or samba-tool spn add", "no account has this service name, so that nobody gets a ticket")
		return
	case 1:
	default:
		var names []string
		for _, a := range list {
			names = append(names, a.DN)
		}
		e.found(Fail, service, "krb-31", keytabSetting, "remove it from all but one: setspn -D "+service+" ACCOUNT", "several accounts have this service name: %s", strings.Join(names, " and "))
		return
	}
	newest := 0
	for _, k := range own {
		newest = max(newest, k.Version)
	}
	account := list[0]
	if version, err := strconv.Atoi(account.Value("msDS-KeyVersionNumber")); err == nil && version != newest {
		e.found(Fail, service, "krb-44", keytabSetting, exportAgain, "the account has key version %d, the keytab %d", version, newest)
		return
	}
	if types, err := strconv.Atoi(account.Value("msDS-SupportedEncryptionTypes")); err != nil || types&aesBits == 0 {
		e.found(Warn, service, "krb-14", "auth.negotiate.enctypes", "set msDS-SupportedEncryptionTypes to 24, change the account's password, and "+exportAgain,
			"%s does not say that it may use AES: the KDC may issue RC4 tickets, which are refused", account.DN)
		return
	}
	e.ok(service, "of %s, key version %d", account.DN, newest)
}
