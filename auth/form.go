package auth

import (
	"convene/internal/header"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
)

// SchemeForm is how the log names a name and password typed into a page.
const SchemeForm = "form"

// ErrDevicePassword says that a password opens calendars on a device, and no pages.
var ErrDevicePassword = errors.New("device password used for pages")

// Passwords reports whether names and passwords can be verified.
func (a *Authenticator) Passwords() bool { return a.basic != nil }

// Tickets reports whether Kerberos tickets can be verified.
func (a *Authenticator) Tickets() bool { return a.negotiate != nil }

// Password verifies a name and a password that somebody typed into a page. It does what
// Basic does, in the same time and with the same counts, but never from memory: who
// signs in now is known to have the password now. Whoever calls it has seen to it
// that the connection is safe to send passwords on. It returns the caller, or nil and the
// refusal, whose Err may also be ErrDevicePassword and whose challenges are not for
// pages. The outcome is never nil, and must not be changed.
func (a *Authenticator) Password(r *http.Request, login, password string) (*Caller, *Outcome) {
	if a.closed.Load() {
		return nil, a.refuse(r, SchemeForm, ErrClosed)
	}
	if a.basic == nil {
		return nil, a.refuse(r, SchemeForm, ErrNotOffered)
	}
	came := time.Now()
	c, err := a.basic.typed(r, strings.TrimSpace(login), password)
	if err == nil && c.Device != "" {
		err = loginError(c.Login, ErrDevicePassword)
	}
	if err != nil {
		a.hold(r.Context(), came, err)
		return nil, a.refuse(r, SchemeForm, err)
	}
	return c, &a.proceed
}

// typed verifies a name and password anew, whatever is remembered of them.
func (b *basic) typed(r *http.Request, login, password string) (*Caller, error) {
	credentials := base64.StdEncoding.EncodeToString([]byte(login + ":" + password))
	// RFC 7617 §2: a name with a colon cannot be told from its password.
	if strings.Contains(login, ":") || len(credentials) > maxBasic {
		return nil, loginError(login, ErrMismatch)
	}
	key := b.cache.key(credentials)
	return b.coalesce(r, &key, b.cache.get(&key, b.a.now()), credentials)
}

// Ticket verifies the Kerberos ticket in the Authorization field of a request for a
// page. It returns the caller and what is to be added to the response, or nil and the
// refusal: 401 with the field of an exchange that goes on, if it does.
func (a *Authenticator) Ticket(r *http.Request) (*Caller, *Outcome) {
	name, _, _ := strings.Cut(strings.TrimLeft(header.Get(r.Header, "Authorization"), " \t"), " ")
	if !a.Tickets() || !strings.EqualFold(name, SchemeNegotiate) {
		return nil, a.refuse(r, "", ErrNoCredentials)
	}
	return a.Authenticate(r)
}
