package server

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"convene/auth"
	"convene/config"
	"convene/panels"
	"convene/prefs"
	"convene/publish"
	"convene/web"
	"convene/web/page"
)

// openPages makes what serves the browser pages, for the server's life: sessions go on
// over a reload.
func (s *Server) openPages() (*web.Handler, error) {
	s.visits = &auth.Sessions{Engine: s.data.state, Now: s.now}
	s.links = &publish.Links{Engine: s.data.state, Now: s.now}
	pages, err := web.New(page.Parts{
		Sessions: s.visits, Prefs: &prefs.Settings{Engine: s.data.state}, Panels: &panels.Panels{Engine: s.data.state, Now: s.now}, Links: s.links, Tries: &s.tries,
		Audit: s.audit, Log: s.log, Now: s.now, Version: s.version,
	})
	if err == nil {
		s.visits.Ended = pages.SessionsEnded
	}
	return pages, err
}

// servePage serves a page with what the current generation has.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	current := s.enter()
	defer current.leave()
	s.pages.Serve(w, r, &page.Site{
		Config: &current.config.Web, Directory: current.directory, SACL: current.sacl, SignIn: current.signIn,
		Admin: s.verbs(current), Calendars: current.calendars.Load(), CrossSite: current.crossSite,
		Names: pageNames(&current.config), PublicURL: strings.TrimSuffix(current.config.Server.PublicURL, "/"), SecureURL: s.secureURL(&current.config),
		Certificate:  s.certs.signed(),
		ProxiesNamed: len(current.config.Server.TrustedProxies) > 0,
	})
}

// pageNames are the names under which the pages may be asked for.
func pageNames(c *config.Config) []string {
	names := []string{strings.ToLower(c.HostName())}
	if u, err := url.Parse(c.Server.PublicURL); err == nil && u.Hostname() != "" {
		names = append(names, strings.ToLower(u.Hostname()))
	}
	for _, n := range c.Web.HostNames {
		names = append(names, strings.ToLower(n))
	}
	return names
}

// secureURL is where the pages are over TLS, "" if nowhere.
func (s *Server) secureURL(c *config.Config) string {
	port := s.net.securePort()
	switch {
	case strings.HasPrefix(c.Server.PublicURL, "https://"):
		return strings.TrimSuffix(c.Server.PublicURL, "/")
	case port == "":
		return ""
	case port == "443":
		return "https://" + c.HostName()
	}
	return "https://" + net.JoinHostPort(c.HostName(), port)
}

// crossSite tells requests that a page of another site makes a browser send.
func crossSite(c *config.Config) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if origin := strings.TrimSuffix(c.Server.PublicURL, "/"); origin != "" {
		// A proxy may ask for us by another name. The setting was checked: it is an origin.
		_ = p.AddTrustedOrigin(origin)
	}
	return p
}

// sweepSessionsEvery is how often what is left of sessions that have ended is removed.
const sweepSessionsEvery = time.Hour

func (s *Server) sweepSessions(ctx context.Context) error {
	tick := time.NewTicker(sweepSessionsEvery)
	defer tick.Stop()
	for {
		if err := s.visits.Sweep(ctx, s.current.Load().config.Web.Limits()); err != nil && ctx.Err() == nil {
			s.log.Error("ended sessions not removed", "err", err)
		}
		if err := s.links.Flush(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("how often published calendars were asked for is not recorded", "err", err)
		}
		select {
		case <-ctx.Done():
			return s.links.Flush(context.WithoutCancel(ctx))
		case <-tick.C:
		}
	}
}
