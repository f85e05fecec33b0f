package server

import (
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
			http.Redirect(w, r, zonePrefixes[0], http.StatusMovedPermanently)
		case first == ".well-known":
			caldav.WellKnown(s.securePort()).ServeHTTP(w, r)
		case zones["/"+first] != nil:
			zones["/"+first].ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
