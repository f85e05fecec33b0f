package proxied

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
)

// Networks are where proxies are whose word counts.
type Networks []netip.Prefix

// ParseNetworks reads networks in CIDR notation (RFC 4632 §3.1), and single addresses.
func ParseNetworks(list []string) (Networks, error) {
	var out Networks
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a network nor an address", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p != p.Masked() {
			return nil, fmt.Errorf("%s has bits beyond its length; the network is %s", p, p.Masked())
		}
		if p.Addr().Is4In6() {
			return nil, fmt.Errorf("%s: write IPv4 networks as such", p)
		}
		out = append(out, p)
	}
	return out, nil
}

// Contain reports whether an address is in one of the networks.
func (n Networks) Contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// A Client is who sent a request that came through proxies.
type Client struct {
	Address netip.Addr // the client's, or of the last proxy that is known
	Proto   string     // "http" or "https", to the outermost proxy; "": nobody says
	Host    string     // that it asked for; "": the proxy does not say
}

type key struct{}

// With returns the context of a request of c.
func With(ctx context.Context, c *Client) context.Context { return context.WithValue(ctx, key{}, c) }

// Of returns who sent a request that came through a proxy whose word counts; nil for
// another.
func Of(r *http.Request) *Client {
	c, _ := r.Context().Value(key{}).(*Client)
	return c
}

// Secure reports whether the client of r uses TLS: as the proxy says, or else on the
// connection to this server.
func Secure(r *http.Request) bool {
	if c := Of(r); c != nil && c.Proto != "" {
		return c.Proto == "https"
	}
	return r.TLS != nil
}

// fields are those by which a proxy gives itself away.
var fields = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}

// Came reports whether a request has, or may have, come through a proxy, whether its
// word counts or not: who looks like a client on this machine may be anywhere then.
func Came(r *http.Request) bool {
	if Of(r) != nil {
		return true
	}
	for _, f := range fields {
		if len(r.Header[f]) > 0 {
			return true
		}
	}
	return false
}
