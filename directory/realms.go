package directory

import (
	"maps"
	"slices"
	"strings"

	"convene/directory/ldif"
)

// realms says which Kerberos realms the users of a directory belong to.
type realms struct {
	list     []string          // configured
	bases    map[string]string // realm → base; complete folds the bases
	byDomain bool              // Active Directory: the realm of a user is the domain that the entry is in
}

// complete checks the configuration and makes it ready.
func (r *realms) complete(activeDirectory bool) error {
	bases := make(map[string]string, len(r.bases))
	for realm, base := range r.bases {
		if realm == "" || base == "" {
			return setting("kerberos-bases", "%q = %q: a realm and a base are needed", realm, base)
		}
		bases[realm] = ldif.FoldDN(base)
	}
	r.bases, r.byDomain = bases, activeDirectory
	return nil
}

// of returns the realms of the user with the given DN, for Principal.Realms.
func (r *realms) of(dn string) []string {
	if realm := r.byBase(ldif.FoldDN(dn)); realm != "" {
		return []string{realm}
	}
	list := slices.DeleteFunc(slices.Clone(r.list), func(realm string) bool { return r.bases[realm] != "" })
	if domain := domainRealm(dn); r.byDomain && domain != "" && r.bases[domain] == "" && (len(list) == 0 || slices.Contains(list, domain)) {
		return []string{domain}
	}
	if len(list) == 0 && len(r.bases) > 0 {
		return []string{none}
	}
	return list
}

// byBase returns the realm of the nearest base above a folded DN, or "".
func (r *realms) byBase(dn string) string {
	found := ""
	for _, realm := range slices.Sorted(maps.Keys(r.bases)) {
		base := r.bases[realm]
		if ldif.InScope(dn, base, ldif.Sub) && (found == "" || len(base) > len(r.bases[found])) {
			found = realm
		}
	}
	return found
}

// possible reports whether some user may be in the realm.
func (r *realms) possible(realm string) bool {
	return slices.Contains(r.list, realm) || r.bases[realm] != "" || r.byDomain && len(r.list) == 0
}

// inRealms makes p a user of the realms: NAME@REALM is a Kerberos name of it.
func (p *Principal) inRealms(list []string) {
	p.Realms = list
	for _, realm := range list {
		if name := p.Name + "@" + realm; realm != none && p.Name != "" && !slices.Contains(p.Kerberos, name) {
			p.Kerberos = append(p.Kerberos, name)
		}
	}
}

// HasKerberosName reports whether p is the principal NAME@REALM. Realms differ
// by letter case (RFC 4120 §6.1), and so do the names in them but for Active
// Directory's ([MS-KILE] §3.3.5.6.1).
func (p *Principal) HasKerberosName(name string) bool {
	return slices.ContainsFunc(p.Kerberos, func(own string) bool {
		return own == name || p.ActiveDirectory && foldPrincipal(own) == foldPrincipal(name)
	})
}

// InRealm reports whether principals of a realm may be p, as far as the
// directory knows.
func (p *Principal) InRealm(realm string) bool {
	return len(p.Realms) == 0 || slices.Contains(p.Realms, realm)
}

// cutPrincipal takes NAME@REALM apart.
func cutPrincipal(principal string) (name, realm string, ok bool) {
	i := strings.LastIndexByte(principal, '@')
	if i <= 0 {
		return "", "", false
	}
	return principal[:i], principal[i+1:], true
}

// foldPrincipal folds the name in NAME@REALM.
func foldPrincipal(principal string) string {
	name, realm, ok := cutPrincipal(principal)
	if !ok {
		return principal
	}
	return strings.ToLower(name) + "@" + realm
}
