package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"convene/config"
	"convene/internal/proxied"
)

// proxies says whose word about clients counts, and where.
type proxies struct {
	trusted  proxied.Networks
	header   string   // the kind of fields
	protocol []string // addresses, as configured, with the PROXY protocol
	limit    time.Duration
}

// newProxies has what c says, which was checked when it was read: a network that is none
// is left out, and so not trusted.
func newProxies(c *config.Config) *proxies {
	trusted, _ := proxied.ParseNetworks(c.Server.TrustedProxies)
	return &proxies{trusted, c.Server.ProxyHeader, c.Server.ProxyProtocol, c.Limits.HeaderTime}
}

// begin makes what is known of a connection. It reports false for one that may not be
// where it came.
func (l *limited) begin(c net.Conn) (*trackedConn, bool) {
	t := &trackedConn{Conn: c, slots: l.slots, network: networkOf(c.RemoteAddr())}
	p := l.slots.proxies.Load()
	if p == nil {
		return t, true
	}
	trusted := p.trusted.Contain(addrOf(c.RemoteAddr()))
	if trusted {
		t.network = netip.Prefix{} // it has many clients
	}
	if !l.proxy && !slices.Contains(p.protocol, l.config) {
		return t, true
	}
	if !trusted {
		l.slots.noProxy(c)
		return nil, false
	}
	t.proxied, t.Conn = true, &proxied.Conn{Conn: c, Limit: p.limit, Admit: t.count}
	return t, true
}

// noProxy warns, once in a minute, of somebody who is not let in.
func (s *slots) noProxy(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.warned) >= time.Minute {
		s.warned = now
		s.log.Warn("a connection to an address with the PROXY protocol came from none of server.trusted-proxies and was closed", "from", c.RemoteAddr().String(), "address", c.LocalAddr().String())
	}
}

// count counts a connection for the network that its proxy has named. It reports false
// for one too many.
func (c *trackedConn) count(client net.Addr) bool {
	network := networkOf(client)
	if !c.slots.admit(network) {
		return false
	}
	c.slots.mu.Lock()
	defer c.slots.mu.Unlock()
	if c.gone {
		c.slots.forgetLocked(network)
		return false
	}
	c.network = network
	return true
}

func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr()
	}
	return netip.Addr{}
}

// behindProxies gives each request the address and host that its client used, if a proxy
// that is trusted says so: whatever is asked for them further down has the client's. The
// port stays the proxy's: so different connections have different addresses.
func (s *Server) behindProxies(next http.Handler, logged func(http.Handler) http.Handler) http.Handler {
	refuse := logged(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "What the proxy says of the client is malformed.", http.StatusBadRequest)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := s.net.slots.proxies.Load()
		conn, _ := r.Context().Value(connKey{}).(*trackedConn)
		if len(p.trusted) == 0 && (conn == nil || !conn.proxied) {
			next.ServeHTTP(w, r)
			return
		}
		// A request that is from no network has no such address, and no proxy.
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		var client *proxied.Client
		if err == nil {
			client, err = proxied.Read(r.Header, p.header, peer.Addr(), p.trusted)
			if err != nil {
				s.log.Log(r.Context(), slog.LevelInfo, "request refused", "from", r.RemoteAddr, "err", err)
				refuse.ServeHTTP(w, r)
				return
			}
		}
		if client == nil && conn != nil && conn.proxied {
			client = &proxied.Client{Address: peer.Addr().Unmap()}
		}
		if client == nil {
			next.ServeHTTP(w, r)
			return
		}
		r = r.WithContext(proxied.With(r.Context(), client))
		r.RemoteAddr = netip.AddrPortFrom(client.Address, peer.Port()).String()
		if client.Host != "" {
			r.Host = strings.ToLower(client.Host)
		}
		next.ServeHTTP(w, r)
	})
}
