package tzdist

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Options say where the service is and who runs it.
type Options struct {
	// Prefix is the path that the service is mounted at, "/timezones": the
	// context path of RFC 7808 §4.1. "" or "/" is the root.
	Prefix string

	// Contacts are URIs of those who run the service, "mailto:…", for its
	// capabilities. There may be none.
	Contacts []string

	// Log takes what goes wrong on the side of the server; nil: nobody is told.
	Log *slog.Logger
}

// mostRequest is how long a path or a query may be, in bytes.
const mostRequest = 2048

// A service is one mounted time zone service. Its responses never change; those
// that take a while are kept.
type service struct {
	prefix       string // "" or "/timezones"
	log          *slog.Logger
	actions      []action
	names        map[string]string // each name and alias → the canonical name
	capabilities *response
	leapSeconds  *response
	catalogue    func() (*catalogue, error) // made when it is first asked for
	zones        sync.Map                   // whole zones that have been asked for: name → *response
}

// New returns the service. It takes GET, HEAD and OPTIONS below its prefix; the
// paths of requests are not stripped of it.
func New(o Options) http.Handler {
	s := &service{
		log:     o.Log,
		actions: actionTable(),
		names:   nameTable(),
	}
	s.catalogue = sync.OnceValues(s.newCatalogue)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if trimmed := strings.Trim(o.Prefix, "/"); trimmed != "" {
		s.prefix = "/" + trimmed
	}
	s.capabilities = s.describe(o.Contacts)
	s.leapSeconds = leapSecondsResponse()
	return s
}

// A response is what a request gets: 200, or 304 if the client has
// it.
type response struct {
	mediaType string
	body      []byte
	etag      string // without its quotes
	vary      string // the header field that chose this form; "" if none
}

// ServeHTTP serves one request. It is the one place that writes.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	resp, err := s.serve(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("ETag", `"`+resp.etag+`"`)
	h.Set("Cache-Control", "public, max-age=3600")
	if resp.vary != "" {
		h.Add("Vary", resp.vary) // beside what compression says
	}
	if matches(r.Header.Values("If-None-Match"), resp.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.send(w, r, http.StatusOK, resp.mediaType, resp.body)
}

// allowed are the methods that the service takes.
const allowed = "GET, HEAD, OPTIONS"

// serve finds the action that is asked for and does it.
func (s *service) serve(r *http.Request) (*response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, &problem{http.StatusMethodNotAllowed, invalidAction, "The service takes GET and HEAD"}
	}
	q, err := s.route(r)
	if err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	return q.action.do(s, q)
}

// refuse responds with a problem (RFC 7808 §4.1.7). What is not a problem is our
// own fault: the log gets the cause.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		s.log.ErrorContext(r.Context(), "time zone service", "path", r.URL.Path, "error", err)
		p = &problem{http.StatusInternalServerError, invalidAction, "The time zone data cannot be read"}
	}
	h := w.Header()
	if p.status == http.StatusMethodNotAllowed {
		h.Set("Allow", allowed)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", "en")
	s.send(w, r, p.status, "application/problem+json", p.body())
}

func (s *service) send(w http.ResponseWriter, r *http.Request, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(body); err != nil {
		s.log.DebugContext(r.Context(), "time zone service: client gone", "error", err)
	}
}

// matches reports whether If-None-Match has a tag (RFC 9110 §13.1.2). Ours have
// no commas.
func matches(headers []string, etag string) bool {
	for _, header := range headers {
		for item := range strings.SplitSeq(header, ",") {
			item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
			if item == "*" || item == `"`+etag+`"` {
				return true
			}
		}
	}
	return false
}
