package caldav

import (
	"net/url"
	"slices"
	"strings"

	"convene/directory"
)

// addressKey is the key of the record that a calendar user address names: a mailto:
// or urn: URI, or the URL of a principal, as a path or at this server (RFC 6638
// §2.4.1).
func (h *Handler) addressKey(r *request, address string) directory.Key {
	address = strings.TrimSpace(address)
	if len(address) >= len("http:") && strings.EqualFold(address[:len("http")], "http") {
		if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") && h.isOurs(r, u) {
			address = u.EscapedPath()
		}
	}
	return directory.Key{By: directory.Address, Value: address}
}

// isOurs reports whether a URL is at this server, as the client or the
// configuration knows it.
func (h *Handler) isOurs(r *request, u *url.URL) bool {
	if sameName(u.Host, r.Host) {
		return true
	}
	public, err := url.Parse(h.PublicURL)
	return err == nil && public.Host != "" && sameName(u.Host, public.Host)
}

// sameName compares hosts without their ports: a proxy may have another.
func sameName(a, b string) bool {
	hostA, hostB := url.URL{Host: a}, url.URL{Host: b}
	return strings.EqualFold(hostA.Hostname(), hostB.Hostname())
}

// isNamed reports whether a key that addressKey gives names a record, without
// asking the directory.
func isNamed(p *directory.Principal, key directory.Key) bool {
	key, err := key.Canonical()
	if err != nil {
		return false
	}
	switch key.By {
	case directory.GUID:
		return key.Value == directory.CanonicalGUID(p.GUID)
	case directory.Address:
		return slices.Contains(p.Emails, key.Value)
	case directory.Name:
		same := func(name string) bool { return strings.EqualFold(name, key.Value) }
		return key.Type == p.Type && (same(p.Name) || slices.ContainsFunc(p.Aliases, same))
	}
	return false
}
