package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/sacl"
	"convene/web/page"
)

// retryState is when to come back after the state of sign-in could not be used.
const retryState = 30 * time.Second

// form is what the page for signing in shows.
type form struct {
	Login     string // as typed before
	Next      string // where to go afterwards
	Problem   string // why it did not work, in the reader's language
	Again     bool   // they have signed in, but too long ago for this page
	Passwords bool   // names and passwords can be verified
	Ticket    bool   // the browser was asked for a ticket
	status    int
}

// ownEndpoints are those of the frame itself.
func (h *Handler) ownEndpoints() []endpoint {
	return []endpoint{
		{page.Route{Method: http.MethodGet, Path: "/signin"}, h.showSignIn},
		{page.Route{Method: http.MethodPost, Path: "/signin"}, h.signIn},
		{page.Route{Method: http.MethodPost, Path: "/signout"}, h.signOut},
		{page.Route{Method: http.MethodGet, Path: "/static/{hash}/{name...}"}, h.serveFile},
		{page.Route{Method: http.MethodPost, Path: reportsPath, Body: reportSize}, h.report},
		{page.Route{Method: http.MethodGet, Path: "/my/changes", Gate: sacl.Web, Quiet: true}, h.changes},
	}
}

// challenge answers a request of somebody who has to sign in, again perhaps: 401, the
// form, and the question for a ticket where browsers can answer it. That question is the
// only challenge there ever is: for others browsers show a dialog instead of the page.
func (h *Handler) challenge(w http.ResponseWriter, r *page.Request, f form) {
	if f.Next == "" {
		f.Next = "/my/"
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			f.Next = localPath(r.URL.RequestURI())
		} else if strings.HasPrefix(r.URL.Path, "/admin/") {
			f.Next = "/admin/"
		}
	}
	if f.Again && f.Login == "" {
		f.Login = r.Session.Login
	}
	f.Passwords = r.Site.SignIn.Passwords()
	if f.status == 0 {
		f.status = http.StatusUnauthorized
	}
	if f.status == http.StatusUnauthorized && r.Site.SignIn.Tickets() && r.Site.Config.AsksForTicket(r.Address) {
		f.Ticket = true
		if w.Header().Get("Www-Authenticate") == "" {
			w.Header().Set("Www-Authenticate", "Negotiate")
		}
	}
	a := r.Show("signin", "shell.sign-in", f)
	a.Status = f.status
	h.send(w, r, a)
}

// ticket signs in who sent a Kerberos ticket. It has answered the request if that did not
// work, with the form. A ticket counts for pages that are looked at, and not where
// something is done: what is sent with a form is sent again by who has signed in.
func (h *Handler) ticket(w http.ResponseWriter, r *page.Request, f form) bool {
	if !h.sentTicket(r) {
		h.challenge(w, r, f)
		return false
	}
	c, out := r.Site.SignIn.Ticket(r.Request)
	for _, field := range out.Header["Www-Authenticate"] {
		if strings.HasPrefix(field, "Negotiate ") {
			w.Header().Set("Www-Authenticate", field) // of an exchange that goes on, or ends
		}
	}
	if c == nil {
		h.refused(w, r, f, out)
		return false
	}
	if err := h.begin(w, r, c); err != nil {
		h.fail(w, r, err)
		return false
	}
	return true
}

func (h *Handler) sentTicket(r *page.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, auth.SchemeNegotiate) && r.Site.SignIn.Tickets() && r.Site.Config.Negotiate == page.NegotiateAuto &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// refused shows the form again to who could not be let in.
func (h *Handler) refused(w http.ResponseWriter, r *page.Request, f form, out *auth.Outcome) {
	t := r.Locale
	f.status = out.Status
	retry := out.Header.Get("Retry-After")
	if retry != "" && out.Status != http.StatusUnauthorized {
		w.Header().Set("Retry-After", retry)
	}
	switch {
	case errors.Is(out.Err, auth.ErrNoCredentials):
	case errors.Is(out.Err, auth.ErrDevicePassword):
		f.Problem = t.T("shell.device-password")
	case errors.Is(out.Err, directory.ErrPasswordExpired) && out.Help != "":
		f.Problem = t.T("shell.password-expired-at", "url", out.Help)
	case errors.Is(out.Err, directory.ErrPasswordExpired):
		f.Problem = t.T("shell.password-expired")
	case errors.Is(out.Err, auth.ErrNotEnabled):
		f.Problem = t.T("shell.not-enabled")
	case out.Status == http.StatusTooManyRequests:
		f.Problem = t.N("shell.wait", minutes(retry))
	case out.Status >= 500:
		h.fail(w, r, &page.Error{Status: http.StatusServiceUnavailable, Key: "shell.directory-away", Err: out.Err})
		return
	default:
		f.Problem = t.T("shell.wrong-password")
	}
	h.challenge(w, r, f)
}

// minutes makes minutes of the seconds of a Retry-After field, rounded up.
func minutes(seconds string) int {
	d, err := time.ParseDuration(seconds + "s")
	if err != nil {
		return 1
	}
	return int((d + time.Minute - 1) / time.Minute)
}

// showSignIn shows the form. Who has signed in goes on.
func (h *Handler) showSignIn(w http.ResponseWriter, r *page.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if r.Caller != nil || h.ticket(w, r, form{Next: next}) {
		h.send(w, r, r.Go(next, ""))
	}
}

// signIn takes the form.
func (h *Handler) signIn(w http.ResponseWriter, r *page.Request) {
	f := form{Login: strings.TrimSpace(r.PostFormValue("login")), Next: localPath(r.PostFormValue("next"))}
	c, out := r.Site.SignIn.Password(r.Request, f.Login, r.PostFormValue("password"))
	if c == nil {
		h.refused(w, r, f, out)
		return
	}
	if err := h.begin(w, r, c); err != nil {
		h.fail(w, r, err)
		return
	}
	h.send(w, r, r.Go(f.Next, ""))
}

// signOut ends the session.
func (h *Handler) signOut(w http.ResponseWriter, r *page.Request) {
	if r.Caller != nil {
		act := audit.Act{By: r.By(), Verb: "session.end", Object: r.Self(), Before: map[string]string{"session": r.Session.ID}}
		err := r.Audit.Do(r.Context(), act, func() (any, error) {
			return nil, r.Sessions.End(r.Context(), r.GUID(), r.Session.ID)
		})
		if err != nil {
			h.fail(w, r, err)
			return
		}
	}
	setCookie(w, r.Request, r.Site, "")
	w.Header().Set("Clear-Site-Data", `"cache"`)
	a := r.Show("signed-out", "shell.signed-out", nil)
	r.Caller = nil
	h.send(w, r, a)
}
