package directory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// domainsFor is how long the domains of a forest are believed.
const domainsFor = time.Hour

// domain is one of an Active Directory forest, by its crossRef ([MS-ADTS] §6.1.1.2.1.1).
// Both names are folded.
type domain struct {
	netbios string
	dns     string
}

// domains remembers what the servers say of themselves: the domains of the forest, and
// whether they are Samba's.
type domains struct {
	mu    sync.Mutex
	list  []domain
	samba bool
	until time.Time
}

// qualified takes a login apart that has a domain before or behind the name:
// DOMAIN\name, name@DOMAIN, with the domain's NetBIOS or DNS name. Of the second form
// the name may also be all of a userPrincipalName or a mail address.
type qualified struct {
	name   string
	realm  string // the domain's, as domainRealm writes it; "": it is not known
	domain string // as typed, folded
	before bool
}

// qualify returns what a canonical login says of its domain, nil if it says nothing or
// the directory has no domains. Errors: ErrNotFound, for a domain before the name that
// the forest does not have; ErrUnavailable.
func (l *LDAP) qualify(ctx context.Context, k Key) (*qualified, error) {
	if k.By != Login || !l.m.activeDirectory {
		return nil, nil
	}
	q := &qualified{}
	if d, name, ok := strings.Cut(k.Value, `\`); ok && d != "" {
		q.name, q.domain, q.before = name, d, true
	} else if i := strings.LastIndexByte(k.Value, '@'); i > 0 {
		q.name, q.domain = k.Value[:i], k.Value[i+1:]
	} else {
		return nil, nil
	}
	list, err := l.forest(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if q.domain == d.netbios || q.domain == d.dns {
			q.realm = strings.ToUpper(d.dns)
			return q, nil
		}
	}
	switch {
	case len(list) == 0: // they cannot be read: the names of the entries have to do
		return q, nil
	case q.before:
		return nil, fmt.Errorf("%v: no domain of the forest is called so: %w", k, ErrNotFound)
	}
	return nil, nil // the end of a mail address, or a suffix of user names
}

// is reports whether a record is what a qualified login names.
func (q *qualified) is(f *found) bool {
	if f.p == nil || !hasText(values(f.e, f.s.Name...), q.name) {
		return false
	}
	if q.realm == "" {
		return f.p.inDomain(q.domain)
	}
	return domainRealm(f.e.DN) == q.realm
}

// inDomain reports whether a domain as people write it may be that of p, by the name of
// the entry alone. Outside of Active Directory a domain says nothing.
func (p *Principal) inDomain(domain string) bool {
	realm := ldif.Fold(domainRealm(p.DN))
	first, _, _ := strings.Cut(realm, ".")
	return !p.ActiveDirectory || domain == "" || domain == realm || domain == first
}

// forest returns the domains, none if they cannot be read. Error: ErrUnavailable.
func (l *LDAP) forest(ctx context.Context) ([]domain, error) {
	list, _, err := l.aboutServers(ctx)
	return list, err
}

// isSamba reports whether the servers are Samba's, where following links by
// LDAP_MATCHING_RULE_IN_CHAIN takes the better part of a second for each person, and
// walking takes a few hundredths. Error: ErrUnavailable.
func (l *LDAP) isSamba(ctx context.Context) (bool, error) {
	_, samba, err := l.aboutServers(ctx)
	return samba, err
}

func (l *LDAP) aboutServers(ctx context.Context) (list []domain, samba bool, err error) {
	l.domains.mu.Lock()
	list, samba, until := l.domains.list, l.domains.samba, l.domains.until
	l.domains.mu.Unlock()
	if time.Now().Before(until) {
		return list, samba, nil
	}
	if list, samba, err = l.askServers(ctx); err != nil {
		return nil, false, err
	}
	if samba && l.cfg.Nesting == nestInChain {
		l.log.Warn("in-chain is slow with Samba; nested groups are found as by walk", "setting", "directory.ldap.nesting")
	}
	l.domains.mu.Lock()
	defer l.domains.mu.Unlock()
	l.domains.list, l.domains.samba, l.domains.until = list, samba, time.Now().Add(domainsFor)
	return list, samba, nil
}

func (l *LDAP) askServers(ctx context.Context) (list []domain, samba bool, err error) {
	root, err := l.entries(ctx, request{scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attrs: []string{"configurationNamingContext", "vendorName"}, single: true})
	if err != nil {
		return nil, false, err
	}
	for _, e := range root {
		samba = samba || strings.HasPrefix(e.Value("vendorName"), "Samba")
		base := e.Value("configurationNamingContext")
		if base == "" {
			continue
		}
		refs, err := l.entries(ctx, request{base: "CN=Partitions," + base, scope: ldap.ScopeSingleLevel, single: true,
			filter: "(&(objectClass=crossRef)(nETBIOSName=*))", attrs: []string{"nETBIOSName", "dnsRoot"}})
		if err != nil {
			return nil, false, err
		}
		for _, r := range refs {
			list = append(list, domain{ldif.Fold(r.Value("nETBIOSName")), ldif.Fold(r.Value("dnsRoot"))})
		}
	}
	return list, samba, nil
}
