package server

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"convene/internal/proxied"
)

// redirected are the methods of requests that may be sent once more, to the address with
// TLS: they change nothing.
var redirected = map[string]bool{http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true, "PROPFIND": true, "REPORT": true}

// overTLS tells browsers that came over TLS to do so for good (RFC 6797), and sends who
// came without to the address with TLS, if that is how the server is set. Where it is
// sent the Host field has no say in.
func (s *Server) overTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &s.current.Load().config
		switch {
		case proxied.Secure(r):
			if c.Web.HSTS > 0 && !loopbackHost(r.Host) {
				w.Header()["Strict-Transport-Security"] = []string{"max-age=" + strconv.FormatInt(int64(c.Web.HSTS.Seconds()), 10)}
			}
		case c.Server.RedirectHTTP:
			to := s.secureURL(c)
			if to == "" || !redirected[r.Method] || !strings.HasPrefix(r.RequestURI, "/") {
				http.Error(w, "This is possible over https only.", http.StatusForbidden)
				return
			}
			w.Header().Set("Location", to+r.URL.RequestURI())
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether a Host field names the machine itself: one name for
// whatever runs there, on any port.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
