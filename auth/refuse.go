package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"convene/directory"
	"convene/internal/logging"
)

// throttledError refuses credentials that were not looked at.
type throttledError struct {
	after   time.Duration
	network netip.Prefix // because of which; the zero Prefix: because of the account
}

func (e *throttledError) Error() string { return "too many wrong passwords" }

// continueError is the 401 in the middle of a Negotiate exchange: field is the
// token to send with it.
type continueError struct{ token string }

func (e *continueError) Error() string { return "negotiation goes on" }

// refusals says what each error is to the client; an error that is not here is
// a fault of ours, or of the state's: 503.
var refusals = []struct {
	err    error
	status int
	body   string
}{
	{ErrNoCredentials, http.StatusUnauthorized, "Sign in to use the calendar."},
	{ErrNotOffered, http.StatusUnauthorized, "This way to sign in is not offered here."},
	{ErrStale, http.StatusUnauthorized, "Sign in again."},
	{ErrNTLM, http.StatusUnauthorized, "The client has no Kerberos ticket for this server and offered NTLM, which is not supported."},
	{errNoRecord, http.StatusUnauthorized, "No directory record belongs to this Kerberos name."},
	{errCertificate, http.StatusUnauthorized, "The certificate of this client was not accepted."},
	{errTicket, http.StatusUnauthorized, "The Kerberos ticket was not accepted."},
	{ErrDevicePassword, http.StatusForbidden, "A device password opens calendars, and no pages."},
	// Whoever learns this has sent the right password, or another proof.
	{directory.ErrPasswordExpired, http.StatusForbidden, "The password has expired or must be changed. Change it, and sign in again."},
	{ErrNotEnabled, http.StatusForbidden, "This account may not use the calendar."},
	{ErrMismatch, http.StatusUnauthorized, "Wrong name or password."},
	{ErrMalformed, http.StatusUnauthorized, "The credentials are malformed."},
	{directory.ErrInvalidCredentials, http.StatusUnauthorized, "Wrong name or password."},
	{directory.ErrNotFound, http.StatusUnauthorized, "Wrong name or password."},
	{directory.ErrAmbiguous, http.StatusUnauthorized, "Wrong name or password."},
}

// refuse turns an error into a response and logs it. Plain requests without
// credentials are how sign-in begins, and are not logged.
func (a *Authenticator) refuse(r *http.Request, scheme string, err error) *Outcome {
	out := &Outcome{Err: err, Header: http.Header{}}
	var throttled *throttledError
	var goOn *continueError
	switch {
	case errors.As(err, &throttled):
		out.Status, out.Body = http.StatusTooManyRequests, "Too many wrong passwords. Try again later."
		retryAfter(out.Header, throttled.after)
	case errors.As(err, &goOn):
		out.Status, out.Body = http.StatusUnauthorized, "Sign in to use the calendar."
		out.Header.Add("Www-Authenticate", "Negotiate "+goOn.token)
		return out
	case errors.Is(err, directory.ErrUnavailable):
		out.Status, out.Body = http.StatusServiceUnavailable, "The directory cannot be reached at the moment."
		retryAfter(out.Header, directory.RetryAfter(err))
	case errors.Is(err, ErrInsecure):
		out.Status, out.Body = http.StatusForbidden, "Signing in is possible over https only."
		if a.challenge(out.Header, r, err) {
			out.Status = http.StatusUnauthorized
		}
	default:
		a.listed(out, r, err)
	}
	if out.Help = a.o.HelpURL; out.Help != "" && out.Status < 500 {
		out.Body += " See " + out.Help
	}
	out.Body += "\n"
	if !errors.Is(err, ErrNoCredentials) && !errors.Is(err, ErrStale) {
		a.logRefusal(r, scheme, out)
	}
	return out
}

// listed refuses as the table refusals says.
func (a *Authenticator) listed(out *Outcome, r *http.Request, err error) {
	for _, row := range refusals {
		if !errors.Is(err, row.err) {
			continue
		}
		out.Status, out.Body = row.status, row.body
		if out.Status == http.StatusUnauthorized && !a.challenge(out.Header, r, err) {
			// A 401 without a challenge is not HTTP (RFC 9110 §15.5.2).
			out.Status, out.Body = http.StatusForbidden, "Signing in is possible over https only."
		}
		return
	}
	out.Status, out.Body = http.StatusServiceUnavailable, "Signing in is not possible at the moment."
	retryAfter(out.Header, directory.RetryAfter(err))
}

// challenge adds the fields of all schemes offered on this connection, in the
// administrator's order. It reports whether there are any.
func (a *Authenticator) challenge(h http.Header, r *http.Request, err error) bool {
	var fields []string
	for _, s := range a.schemes {
		if !a.allowed(s, r) {
			continue
		}
		switch s {
		case SchemeNegotiate:
			fields = append(fields, "Negotiate")
		case SchemeDigest:
			fields = a.digest.challenge(fields, errors.Is(err, ErrStale))
		case SchemeBasic:
			fields = append(fields, a.basic.challenge)
		}
	}
	if len(fields) > 0 {
		h["Www-Authenticate"] = fields
	}
	return len(fields) > 0
}

// allowed reports whether a scheme may be used on this connection.
func (a *Authenticator) allowed(scheme string, r *http.Request) bool {
	needsTLS := slices.Contains(a.o.RequireTLS, scheme) || scheme == SchemeBasic && !a.o.BasicOverPlain
	return !needsTLS || a.o.Secure(r)
}

// inTheClear warns, once for each scheme, that somebody has signed in from another
// machine without TLS: whoever listens reads what they read.
func (a *Authenticator) inTheClear(scheme string, r *http.Request) {
	said := &a.plainly[slices.Index([]string{SchemeNegotiate, SchemeDigest, SchemeBasic}, scheme)]
	if said.Load() || a.o.Secure(r) {
		return
	}
	address := a.o.Address(r)
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsLoopback() || said.Swap(true) {
		return
	}
	a.log.Warn("somebody has signed in without TLS; auth.require-tls forbids it", "scheme", scheme, "address", address,
		"id", logging.ID(r.Context()))
}

func retryAfter(h http.Header, d time.Duration) {
	h.Set("Retry-After", strconv.FormatInt(int64(max(1, (d+time.Second-1)/time.Second)), 10))
}

// logRefusal logs why, never with what.
func (a *Authenticator) logRefusal(r *http.Request, scheme string, out *Outcome) {
	log := a.log.Info
	switch {
	case r.Context().Err() != nil: // the client has given up
		log = a.log.Debug
	case out.Status >= 500, errors.Is(out.Err, directory.ErrAmbiguous): // two records have one name: only an administrator can help
		log = a.log.Warn
	}
	address := a.o.Address(r)
	if a.repeats.first(address, out, a.now()) {
		log("sign-in refused", "status", out.Status, "scheme", scheme, "address", address, "err", out.Err, "id", logging.ID(r.Context()))
	}
}

// hold lets time pass before wrong credentials are refused: what it took to find out
// tells nothing of who there is. What is refused without looking is refused at once.
func (a *Authenticator) hold(ctx context.Context, came time.Time, err error) {
	var throttled *throttledError
	switch {
	case errors.As(err, &throttled) && throttled.network.IsValid(), errors.Is(err, directory.ErrUnavailable):
		return
	case throttled != nil, errors.Is(err, ErrMismatch), errors.Is(err, directory.ErrInvalidCredentials), nobodys(err):
		// How it ends makes no difference.
		_ = wait(ctx, time.Until(came.Add(a.o.Throttle.RefuseAfter)))
	}
}

// remoteAddress is the default of Options.Address.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// nobodys reports whether a login is no one record's: nobody has it, or several
// do and none of them is meant more than the others. Clients do not learn which.
func nobodys(err error) bool {
	return errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous)
}

// also adds to a refusal that the login is no one record's, if it is not.
func also(err, nobody error) error {
	if nobody == nil {
		return err
	}
	return fmt.Errorf("%w: %w", err, nobody)
}

// loginError names the login of a refusal, for the log: at most 64 bytes of it.
func loginError(login string, err error) error {
	if len(login) > 64 {
		login = login[:64]
	}
	return fmt.Errorf("login %q: %w", login, err)
}
