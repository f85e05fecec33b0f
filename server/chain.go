package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"convene/auth"
	"convene/directory"
	"convene/internal/header"
	"convene/internal/logging"
	"convene/internal/proxied"
	"convene/sacl"
	"convene/web"
)

// chain is the way of a request, from the access log down to the calendars.
func (s *Server) chain(log *logging.Log) (http.Handler, error) {
	compressed, err := compress(s.mount(s.services()))
	if err != nil {
		return nil, err
	}
	logged := func(h http.Handler) http.Handler {
		return withoutTokens(logging.NewHandler(h, log, s.now, time.Local))
	}
	return s.behindProxies(logged(tracked(drained(s.guard(s.challenges(s.overTLS(compressed)))))), logged), nil
}

// withoutTokens takes what opens a published calendar out of what the access log writes of
// a request.
func withoutTokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := web.LogPath(r); p != r.URL.Path {
			r.RequestURI = p
		}
		if before, _, found := strings.Cut(header.Get(r.Header, "Referer"), "/publish"); found {
			r.Header.Set("Referer", before+"/publish/…")
		}
		next.ServeHTTP(w, r)
	})
}

// What every response says: of the program; and that a browser must not take it for
// anything but what its Content-Type says.
var (
	serverHeader = []string{"convene"}
	noSniff      = []string{"nosniff"}
)

// guard bounds the body and turns a panic, which is a fault of ours, into 500.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["Server"], header["X-Content-Type-Options"] = serverHeader, noSniff
		if most := s.limits.maxBody.Load(); r.ContentLength > most {
			http.Error(w, "The request's body is too large.", http.StatusRequestEntityTooLarge)
			return
		} else if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, most)
		}
		if ambiguousEnd(r) {
			header.Set("Connection", "close")
		}
		defer s.recovered(w, r)
		next.ServeHTTP(w, r)
	})
}

// ambiguousEnd reports whether a proxy may see another end of a request than this server,
// and so a request in what was its body: nothing that comes after on its connection counts.
// One with Transfer-Encoding may have had Content-Length too, and one of HTTP/1.0 may have
// had Transfer-Encoding (RFC 9112 §6.1); net/http takes the one away and does not say so.
func ambiguousEnd(r *http.Request) bool {
	return r.ProtoMajor == 1 && (r.ProtoMinor == 0 || len(r.TransferEncoding) > 0)
}

func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler {
		panic(fault)
	}
	line := logging.For(w)
	s.log.Error("panic while serving a request", "id", line.ID, "method", r.Method, "path", web.LogPath(r),
		"panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
	if line.Status() != 0 {
		panic(http.ErrAbortHandler) // half a response must not look like a whole one
	}
	http.Error(w, "An internal error; the server's log knows more.", http.StatusInternalServerError)
}

// leastCompressed is the size in bytes below which compressing is not worth it.
const leastCompressed = 1400

// compress compresses large text responses for clients that ask for it. Strong
// ETags stay strong: clients send them back in If-Match, and some break on
// weak ones.
func compress(next http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(leastCompressed),
		gzhttp.CompressionLevel(1),
		gzhttp.EnableZstd(false),
		gzhttp.ContentTypes([]string{
			"application/xml", "text/xml", "text/calendar", "application/calendar+json", "application/json",
			"text/html", "text/plain", "text/css", "text/javascript",
		}),
	)
	if err != nil {
		return nil, err
	}
	compressing := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What comes bit by bit must not wait until it is worth compressing.
		if asksForGzip(r) && header.Get(r.Header, "Accept") != "text/event-stream" {
			compressing(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

func asksForGzip(r *http.Request) bool {
	for _, field := range r.Header["Accept-Encoding"] {
		if strings.Contains(field, "gzip") || strings.Contains(field, "*") {
			return true
		}
	}
	return false
}

// signIn finds out who is asking and lets in whom the access list and the
// directory record let in.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, to *service) {
	current, caller, out := s.authenticate(r)
	defer current.leave()
	found := auth.NoProblem
	if s.tries.Watched() {
		noted := &statusWriter{ResponseWriter: w}
		w = noted
		defer func() { s.noteTry(r, found, caller, out, noted.status) }()
	}
	// A form of another site can send a POST with what the browser knows of somebody here.
	// The other methods that change something it cannot: browsers ask first.
	if r.Method == http.MethodPost && current.crossSite.Check(r) != nil {
		http.Error(w, "This request came from another site.", http.StatusForbidden)
		return
	}
	if caller == nil && len(r.Header["Authorization"]) == 0 && to.gate == sacl.Calendar && current.calendars.Load().ForAnyone(r) {
		s.serveCaller(w, r, current, to.callers(current), &auth.Caller{})
		return
	}
	out.Write(w)
	if caller == nil {
		return
	}
	logging.For(w).User = cmp.Or(caller.Principal.Name, caller.Principal.GUID) // the record's, however its client spells it
	if !s.mayUse(w, r, current, to, caller) {
		found = auth.NotAllowed
		return
	}
	if as := s.actAs(w, r, current, caller); as != nil && (as == caller || s.mayUse(w, r, current, to, as)) {
		s.serveCaller(w, r, current, to.callers(current), as)
	}
}

// noteTry notes a request for whom watches for what a device of theirs does.
func (s *Server) noteTry(r *http.Request, found auth.Problem, caller *auth.Caller, out *auth.Outcome, status int) {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	s.tries.Note(r, auth.Try{
		At: s.now(), Address: address, Agent: r.UserAgent(), Method: r.Method, Path: r.URL.Path, Secure: proxied.Secure(r), Problem: found,
	}, caller, out, status)
}

// A statusWriter notes the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and logging.For reach what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// mayUse reports whether the access list lets somebody use a service. It has answered
// the request if not.
func (s *Server) mayUse(w http.ResponseWriter, r *http.Request, current *generation, to *service, caller *auth.Caller) bool {
	decision, err := current.sacl.Check(r.Context(), to.gate, caller)
	switch {
	case err != nil:
		s.log.Error("access list undecided", "user", caller.Login, "service", to.gate, "err", err)
		unavailable(w, err)
	case !decision.Allowed:
		s.log.Info("access denied", "user", caller.Login, "service", to.gate, "rule", decision.Rule, "reason", decision.Reason)
		http.Error(w, "You may not use this service. Ask your administrator.", http.StatusForbidden)
	}
	return err == nil && decision.Allowed
}

// serveCaller serves a request unless its caller has too many in progress already.
// That is 429 and not 503: it is the caller's doing, and others are served (RFC 6585
// §4).
func (s *Server) serveCaller(w http.ResponseWriter, r *http.Request, current *generation, to callerHandler, caller *auth.Caller) {
	guid := "" // all who have not signed in are one
	if p := caller.Self().Principal; p != nil {
		guid = p.GUID
	}
	if !s.limits.callers.enter(r.Context(), guid, current.config.Limits.Requests) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "You have too many requests in progress; wait for one of them to end.", http.StatusTooManyRequests)
		return
	}
	defer s.limits.callers.leave(guid)
	to.Serve(w, r, caller)
}

// authenticate enters the current generation and asks its authenticator.
// While a reload exchanges authenticators, requests wait at the gate.
func (s *Server) authenticate(r *http.Request) (*generation, *auth.Caller, *auth.Outcome) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	current := s.current.Load()
	for !current.enter() {
		current = s.current.Load()
	}
	caller, out := current.signIn.Authenticate(r)
	return current, caller, out
}

// unavailable says that the directory cannot be reached: 503.
func unavailable(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", strconv.Itoa(int(directory.RetryAfter(err).Seconds())))
	http.Error(w, "The directory cannot be reached at the moment.", http.StatusServiceUnavailable)
}

type connKey struct{}

// trackConn makes the connection known to its requests (see shownCertificate).
func trackConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*trackedConn); ok {
		return context.WithValue(ctx, connKey{}, t)
	}
	return ctx
}

// httpErrors takes what net/http has to say, which has no other way out:
// failed handshakes, which happen all the time, and real trouble.
type httpErrors struct{ log *slog.Logger }

func (e httpErrors) Write(p []byte) (int, error) {
	level := slog.LevelWarn
	text := strings.TrimSpace(string(p))
	if strings.Contains(text, "TLS handshake error") {
		level = slog.LevelDebug
	}
	e.log.Log(context.Background(), level, text)
	return len(p), nil
}
