package server

import (
	"net"
	"net/http"
	"path"
	"strings"

	"convene/auth"
	"convene/caldav"
	"convene/sacl"
	"convene/tzdist"
	"convene/web"
)

// A service is what the server offers below some paths: to anyone, or to those who
// have signed in and whom the access list lets use it.
type service struct {
	paths  []string     // the first segments of its paths; none: all that no other service has
	anyone http.Handler // serves without signing in; nil: who asks has to sign in
	gate   sacl.Service // whose rules decide who may use it, unless anyone may
	// callers returns what serves them, unless anyone is served.
	callers func(*generation) callerHandler
}

// A callerHandler serves requests of somebody who has signed in.
type callerHandler interface {
	Serve(http.ResponseWriter, *http.Request, *auth.Caller)
}

// zonePaths are where time zones are served: under the name that clients learn
// (CALDAV:timezone-service-set), and the one that Apple's server had.
var zonePaths = []string{"timezones", "stdtimezones"}

// services lists what the server offers. Who may see a page is decided behind the
// session, by package web.
func (s *Server) services() []service {
	calendars := func(g *generation) callerHandler { return g.calendars.Load() }
	list := []service{
		{paths: []string{".well-known"}, anyone: http.HandlerFunc(s.wellKnown)},
		{paths: []string{"health"}, anyone: http.HandlerFunc(s.serveHealth)},
		{paths: web.Paths(), anyone: http.HandlerFunc(s.servePage)},
		{gate: sacl.Calendar, callers: calendars},
	}
	for _, p := range zonePaths {
		list = append(list, service{paths: []string{p}, anyone: tzdist.New(tzdist.Options{Prefix: "/" + p, Log: s.log})})
	}
	return list
}

// mount returns the handler of a list of services.
func (s *Server) mount(list []service) http.Handler {
	byPath := map[string]http.Handler{}
	var others http.Handler
	for _, one := range list {
		h := one.anyone
		if h == nil {
			h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.signIn(w, r, &one) })
		}
		for _, p := range one.paths {
			byPath[p] = h
		}
		if len(one.paths) == 0 {
			others = h
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := byPath[firstSegment(r.URL.Path)]
		if h == nil {
			h = others
			if to := web.PageFor(r); to != "" {
				w.Header().Set("Cache-Control", "no-store")
				http.Redirect(w, r, to, http.StatusFound)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// firstSegment returns the first segment of a URL's path, however it is written.
func firstSegment(urlPath string) string {
	if len(urlPath) > 1 && urlPath[1] != '/' && urlPath[0] == '/' && !strings.Contains(urlPath, "/.") { // it is clean to there
		first, _, _ := strings.Cut(urlPath[1:], "/")
		return first
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean("/"+urlPath), "/"), "/")
	return first
}

// wellKnown says where the services are (RFC 6764 §5, RFC 7808 §4.2.1.3).
func (s *Server) wellKnown(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/.well-known/timezone" {
		http.Redirect(w, r, s.current.Load().config.Server.PublicURL+"/"+zonePaths[0], http.StatusMovedPermanently)
		return
	}
	caldav.WellKnown(s.serviceRoot(r)).ServeHTTP(w, r)
}

// serviceRoot is where the service begins for the client of r: the public URL if
// there is one, and else the same listener, if anybody can sign in there. Where
// nobody can, a client is sent to the one with TLS under the server's own name: the
// Host header is the client's word, and a shared cache would pass it on.
func (s *Server) serviceRoot(r *http.Request) string {
	s.gate.RLock()
	current := s.current.Load()
	offers := current.signIn.Offers(r)
	s.gate.RUnlock()
	port := s.net.securePort()
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
