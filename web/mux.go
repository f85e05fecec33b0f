package web

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"convene/audit"
	"convene/directory"
	"convene/internal/logging"
	"convene/sacl"
	"convene/web/i18n"
	"convene/web/page"
)

// An endpoint is a route with what serves it, once it is known who is asking.
type endpoint struct {
	page.Route
	serve func(http.ResponseWriter, *page.Request)
}

// endpoints are those of one path, by method.
type endpoints map[string]*endpoint

type requestKey struct{}

// mount makes the multiplexer of all routes. What is below /my/ and /admin/ and has no
// route is a page that is not there, which only those learn who may come to its
// neighbours.
func (h *Handler) mount() error {
	h.mux = http.NewServeMux()
	byPath := map[string]endpoints{}
	list := h.ownEndpoints()
	for _, route := range h.routes {
		if !strings.HasPrefix(route.Path, forPrefix) {
			list = append(list, endpoint{route, func(w http.ResponseWriter, r *page.Request) { h.handle(w, r, route.Handle) }})
		}
		if route.For {
			own := route
			own.Path = forPath(route.Path)
			list = append(list, endpoint{own, func(w http.ResponseWriter, r *page.Request) { h.handleFor(w, r, route.Handle) }})
		}
	}
	h.routes = nil
	for i := range list {
		e := &list[i]
		if e.Method != http.MethodGet && e.Method != http.MethodPost {
			return fmt.Errorf("%s %s: pages have GET, and what they do has POST", e.Method, e.Path)
		}
		if byPath[e.Path] == nil {
			byPath[e.Path] = endpoints{}
		}
		if byPath[e.Path][e.Method] != nil {
			return fmt.Errorf("two routes for %s %s", e.Method, e.Path)
		}
		byPath[e.Path][e.Method] = e
		h.routes = append(h.routes, e.Route)
	}
	none := func(w http.ResponseWriter, r *page.Request) { h.fail(w, r, page.NotFound()) }
	for path, gate := range map[string]sacl.Service{"/": "", "/my/": sacl.Web, "/admin/": sacl.Admin} {
		byPath[path] = endpoints{"": {page.Route{Path: path, Gate: gate}, none}}
	}
	for path, methods := range byPath {
		h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { h.dispatch(w, r, methods) })
	}
	return nil
}

// handle serves a request by a page's function.
func (h *Handler) handle(w http.ResponseWriter, r *page.Request, fn func(*page.Request) (*page.Answer, error)) {
	answer, err := fn(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.send(w, r, answer)
}

// Serve serves a request for a page.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, s *page.Site) {
	setHeaders(w.Header())
	q := &page.Request{Request: r, Parts: h.parts, Site: s, Time: h.parts.Now(), Address: clientAddress(r), ID: logging.For(w).ID, Line: logging.For(w)}
	h.localize(q)
	if h.transport(w, q) {
		return
	}
	if err := s.CrossSite.Check(r); err != nil {
		h.fail(w, q, page.Fail(http.StatusForbidden, "shell.cross-site"))
		return
	}
	ctx := contextWith(r.Context(), q)
	q.Request = r.WithContext(ctx)
	h.mux.ServeHTTP(w, q.Request)
}

// dispatch serves a request for a path with some routes.
func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request, methods endpoints) {
	q := requestOf(r.Context())
	q.Request = r
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route := methods[method]
	if route == nil {
		route = methods[""]
	}
	if route == nil {
		allow := slices.Sorted(maps.Keys(methods))
		if methods[http.MethodGet] != nil {
			allow = append(allow, http.MethodHead)
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		h.fail(w, q, page.Fail(http.StatusMethodNotAllowed, ""))
		return
	}
	if h.admit(w, q, &route.Route) && (r.Method != http.MethodPost || h.readForm(w, q, &route.Route)) {
		route.serve(w, q)
	}
}

// admit finds out who is asking, and whether they may use a route. It has answered the
// request if not.
func (h *Handler) admit(w http.ResponseWriter, r *page.Request, route *page.Route) bool {
	r.Quiet = route.Quiet || r.Header.Get(quietHeader) != ""
	err := h.resume(w, r)
	switch {
	case err != nil && route.Gate == "" && r.Caller == nil:
		return true // the page is for anybody, and tells nothing of them
	case err != nil:
		h.fail(w, r, err)
		return false
	case r.Caller == nil && route.Gate == "":
		return true
	case r.Caller == nil && r.Quiet:
		// Without a question for a ticket: who has signed out would be signed in again.
		http.Error(w, "Nobody has signed in.", http.StatusUnauthorized)
		return false
	case r.Caller == nil && !h.ticket(w, r, form{}):
		return false
	}
	logging.For(w).User = r.Caller.Login
	if !h.rates.Allow(r.Session.ID, r.Time) {
		h.fail(w, r, &page.Error{Status: http.StatusTooManyRequests, Retry: 3 * time.Second})
		return false
	}
	if route.Gate == "" {
		return true
	}
	return h.gate(w, r, route) && h.fresh(w, r, route)
}

// gate asks the access list.
func (h *Handler) gate(w http.ResponseWriter, r *page.Request, route *page.Route) bool {
	d, err := r.Site.SACL.Check(r.Context(), route.Gate, r.Caller)
	if err != nil {
		h.fail(w, r, err)
		return false
	}
	if !d.Allowed {
		h.parts.Log.Info("access denied", "user", r.Caller.Login, "service", route.Gate, "rule", d.Rule, "reason", d.Reason)
		h.fail(w, r, page.Fail(http.StatusForbidden, ""))
	}
	return d.Allowed
}

// fresh sees to it that who uses the route has signed in recently.
func (h *Handler) fresh(w http.ResponseWriter, r *page.Request, route *page.Route) bool {
	if !route.Fresh {
		return true
	}
	if r.Time.Sub(r.Session.Fresh) >= r.Site.Config.AdminIdle {
		h.challenge(w, r, form{Again: true})
		return false
	}
	if r.Time.Sub(r.Session.Fresh) >= r.Site.Config.AdminIdle/15 {
		s, err := h.parts.Sessions.Refresh(r.Context(), r.Token)
		if err != nil {
			h.fail(w, r, err)
			return false
		}
		r.Session = s
	}
	return true
}

// readForm reads the form that a request carries. It has answered the request if there
// is none that can be read.
func (h *Handler) readForm(w http.ResponseWriter, r *page.Request, route *page.Route) bool {
	most := route.Body
	if most == 0 {
		most = page.DefaultBody
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	err := r.ParseForm()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") && err == nil {
		err = r.ParseMultipartForm(most)
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		h.fail(w, r, page.Fail(http.StatusRequestEntityTooLarge, ""))
	case err != nil:
		h.fail(w, r, page.Fail(http.StatusBadRequest, ""))
	}
	return err == nil
}

// fail answers with the page of an error.
func (h *Handler) fail(w http.ResponseWriter, r *page.Request, err error) {
	var e *page.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, audit.ErrNotRecorded): // and so not done
		e = &page.Error{Status: http.StatusServiceUnavailable, Retry: time.Minute, Err: err}
	case errors.Is(err, directory.ErrUnavailable):
		e = &page.Error{Status: http.StatusServiceUnavailable, Key: "shell.directory-away", Retry: directory.RetryAfter(err), Err: err}
	case errors.Is(err, directory.ErrNotFound):
		e = &page.Error{Status: http.StatusNotFound, Err: err}
	default:
		e = &page.Error{Status: http.StatusInternalServerError, Err: err}
	}
	if e.Status >= 500 {
		h.parts.Log.Error("page", "id", r.ID, "method", r.Method, "path", LogPath(r.Request), "status", e.Status, "err", err)
	}
	if e.Retry > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int64((e.Retry+time.Second-1)/time.Second)))
	}
	h.showError(w, r, e)
}

// localize chooses the language and the zone of a request. It is done again when it is
// known whose it is.
func (h *Handler) localize(r *page.Request) {
	r.Locale = h.parts.Texts.Locale(i18n.Choice{
		Language: r.Prefer.Language, Accept: strings.Join(r.Header.Values("Accept-Language"), ","), Clock: r.Prefer.Clock, Week: r.Prefer.Week,
	})
	r.Zone = zone(r, h.local)
}

// zoneCookie is what the browser says of its time zone: app.js sets it.
const zoneCookie = "convene-zone"

// zone is the reader's zone: the one they have chosen, that of their browser, or that of
// the pages.
func zone(r *page.Request, local *time.Location) *time.Location {
	names := []string{r.Prefer.Zone}
	if c, err := r.Cookie(zoneCookie); err == nil && len(c.Value) < 64 {
		names = append(names, strings.ReplaceAll(c.Value, "%2F", "/"))
	}
	for _, name := range append(names, r.Site.Config.TimeZone) {
		if name == "" || name == "Local" {
			continue
		}
		if z, err := time.LoadLocation(name); err == nil {
			return z
		}
	}
	return local
}

// localZone is the zone of this machine by its name, which events are written with; UTC if
// it has none.
func localZone() *time.Location {
	name := os.Getenv("TZ")
	if name == "" {
		if link, err := os.Readlink("/etc/localtime"); err == nil {
			_, name, _ = strings.Cut(link, "zoneinfo/")
		}
	}
	z, err := time.LoadLocation(strings.TrimPrefix(name, ":")) // "" is UTC
	if err != nil || z == time.Local {
		return time.UTC
	}
	return z
}
