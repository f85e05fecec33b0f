package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/sacl"
	"convene/web/page"
)

func contextWith(ctx context.Context, r *page.Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) *page.Request { return ctx.Value(requestKey{}).(*page.Request) }

// known are the callers of sessions as they were known last: while the directory is away
// they go on.
type known struct {
	mu  sync.Mutex
	all map[string]*auth.Caller
}

const maxKnown = 20_000

func (k *known) get(session string) *auth.Caller {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all[session]
}

func (k *known) put(session string, c *auth.Caller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil || len(k.all) >= maxKnown {
		k.all = map[string]*auth.Caller{}
	}
	k.all[session] = c
}

// token returns the token that a browser sent, "" if it sent none.
func token(r *page.Request) string {
	if c, err := r.Cookie(cookieName(r.Request, r.Site)); err == nil {
		return c.Value
	}
	return ""
}

func visit(r *page.Request) auth.Visit {
	return auth.Visit{Address: r.Address, Agent: r.UserAgent()}
}

// resume finds the session of a request and whose it is. Without one Caller stays nil,
// and that is no error. Whose record may not sign in any more has no sessions any more.
func (h *Handler) resume(w http.ResponseWriter, r *page.Request) error {
	r.Token = token(r)
	if r.Token == "" {
		return nil
	}
	s, err := h.session(r)
	if errors.Is(err, auth.ErrNoSession) {
		setCookie(w, r.Request, r.Site, "")
		r.Token = ""
		return nil
	}
	if err != nil {
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: retryState, Err: err}
	}
	c, err := h.caller(r, s)
	if errors.Is(err, auth.ErrNotEnabled) || errors.Is(err, directory.ErrNotFound) {
		h.parts.Log.Info("sessions ended: the record may not sign in", "guid", s.GUID, "login", s.Login, "err", err)
		if _, err := h.parts.Sessions.EndAll(r.Context(), s.GUID); err != nil {
			return &page.Error{Status: http.StatusServiceUnavailable, Retry: retryState, Err: err}
		}
		setCookie(w, r.Request, r.Site, "")
		r.Token = ""
		return nil
	}
	if err != nil {
		return err
	}
	return h.as(r, c, s)
}

// session is the session of a request's token, which the request uses unless it is quiet.
func (h *Handler) session(r *page.Request) (auth.Session, error) {
	if r.Quiet {
		return h.parts.Sessions.Find(r.Context(), r.Token, r.Site.Config.Limits())
	}
	return h.parts.Sessions.Use(r.Context(), r.Token, visit(r), r.Site.Config.Limits())
}

// as makes a request one of a caller's session.
func (h *Handler) as(r *page.Request, c *auth.Caller, s auth.Session) (err error) {
	r.Caller, r.Session = c, s
	if r.Prefer, err = h.parts.Prefs.Get(r.Context(), s.GUID); err != nil {
		h.parts.Log.Error("how somebody wants pages is not known", "user", s.Login, "err", err)
	}
	h.localize(r)
	return nil
}

// caller is whose session it is, as the directory says now. Errors: auth.ErrNotEnabled,
// those of the directory.
func (h *Handler) caller(r *page.Request, s auth.Session) (*auth.Caller, error) {
	ctx, d := r.Context(), r.Site.Directory
	p, err := d.Lookup(ctx, directory.Key{By: directory.GUID, Value: s.GUID})
	var groups []string
	if err == nil {
		groups, err = d.Groups(ctx, s.GUID)
	}
	if errors.Is(err, directory.ErrUnavailable) {
		if c := h.known.get(s.ID); c != nil {
			r.Away = true
			return c, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("session of %q: %w", s.Login, err)
	}
	if err := r.Site.SignIn.MayAct(p, auth.WaySession); err != nil {
		return nil, err
	}
	c := &auth.Caller{Principal: p, Groups: groups, Scheme: s.Scheme, Login: s.Login}
	h.known.put(s.ID, c)
	return c, nil
}

// begin begins a session for who has just signed in, in place of the one that the browser
// had. Nothing is begun for who may use no page, nor if it cannot be recorded.
func (h *Handler) begin(w http.ResponseWriter, r *page.Request, c *auth.Caller) error {
	if err := h.mayUseSome(r, c); err != nil {
		return err
	}
	r.Caller = c
	act := audit.Act{By: r.By(), Verb: "session.begin", Object: audit.Object{Type: "principal", GUID: c.Principal.GUID, Name: c.Principal.Name}}
	var s auth.Session
	err := h.parts.Audit.Do(r.Context(), act, func() (after any, err error) {
		r.Token, s, err = h.parts.Sessions.Begin(r.Context(), c, visit(r), token(r))
		return map[string]string{"session": s.ID, "scheme": c.Scheme}, err
	})
	if err != nil {
		r.Caller = nil
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: retryState, Err: err}
	}
	h.known.put(s.ID, c)
	setCookie(w, r.Request, r.Site, r.Token)
	return h.as(r, c, s)
}

// mayUseSome reports whether there are pages for somebody, as an error if not.
func (h *Handler) mayUseSome(r *page.Request, c *auth.Caller) error {
	var undecided error
	for _, gate := range []sacl.Service{sacl.Web, sacl.Admin} {
		d, err := r.Site.SACL.Check(r.Context(), gate, c)
		if err == nil && d.Allowed {
			return nil
		}
		if err != nil {
			undecided = err
		}
	}
	if undecided != nil {
		return undecided
	}
	h.parts.Log.Info("access denied", "user", c.Login, "service", sacl.Web)
	return page.Fail(http.StatusForbidden, "")
}
