package server

import (
	"net"
	"net/http"
	"strings"

	"convene/caldav"
	"convene/tzdist"
)

// zonePrefixes are where time zones are served: under the name clients are told
// (CALDAV:timezone-service-set), and the one that Apple's server had.
var zonePrefixes = []string{"/timezones", "/stdtimezones"}

// public serves what anyone may ask before signing in: where the service is
// (RFC 6764 §5), and the definitions of time zones (RFC 7808). Everything else
// is next's.
func (s *Server) public(next http.Handler) http.Handler {
	zones := map[string]http.Handler{}
	for _, prefix := range zonePrefixes {
		zones[prefix] = tzdist.New(tzdist.Options{Prefix: prefix, Log: s.log})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case first == ".well-known" && rest == "timezone":
			http.Redirect(w, r, s.site.Load().config.Server.PublicURL+zonePrefixes[0], http.StatusMovedPermanently)
		case first == ".well-known":
			caldav.WellKnown(s.serviceRoot(r)).ServeHTTP(w, r)
		case zones["/"+first] != nil:
			zones["/"+first].ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// serviceRoot is where the service begins for the client of r: the public URL if
// there is one, and else the same listener, if anybody can sign in there. Where
// nobody can, a client is sent to the one with TLS under the server's own name: the
// Host header is the client's word, and a shared cache would pass it on.
func (s *Server) serviceRoot(r *http.Request) string {
	s.gate.RLock()
	current := s.site.Load()
	offers := current.signIn.Offers(r)
	s.gate.RUnlock()
	port := s.securePort()
	switch {
	case current.config.Server.PublicURL != "":
		return current.config.Server.PublicURL + "/"
	case offers || port == "":
		return "/"
	case port == "443":
		return "https://" + current.config.HostName() + "/"
	}
	return "https://" + net.JoinHostPort(current.config.HostName(), port) + "/"
}
