package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"convene/directory"
	"convene/internal/password"
)

// Caller is who is asking, resolved once a request. It is shared between
// requests and must not be changed.
type Caller struct {
	Principal *directory.Principal
	Groups    []string // GUIDs of all groups the principal is in, nested, sorted
	Scheme    string   // SchemeNegotiate, SchemeDigest, SchemeBasic or SchemeCertificate
	Login     string   // as the client gave it: a name, or name@REALM
	Device    string   // id of the device password used, or ""

	// Sudo is who signed in, if they act as Principal, with their rights alone; nil:
	// Principal did.
	Sudo *Caller
}

// Self is who signed in.
func (c *Caller) Self() *Caller {
	if c != nil && c.Sudo != nil {
		return c.Sudo
	}
	return c
}

// Reads reports whether a method changes nothing.
func Reads(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND", "REPORT":
		return true
	}
	return false
}

// Errors that Outcome.Err wraps, besides those of package directory.
var (
	ErrMismatch      = password.ErrMismatch
	ErrNoCredentials = errors.New("no credentials")
	ErrMalformed     = errors.New("malformed credentials")
	ErrNotOffered    = errors.New("scheme not offered")
	ErrInsecure      = errors.New("password sent on a connection without TLS")
	ErrNotEnabled    = errors.New("record may not sign in")
	ErrStale         = errors.New("nonce no longer valid")
	ErrClosed        = errors.New("authenticator closed")
)

// Outcome says what authentication makes of a response.
type Outcome struct {
	Status int         // 0: go on; else the status of the response
	Header http.Header // to be added to the response in either case; may be nil
	Body   string      // plain text for Status
	Help   string      // the address in auth.help-url, which Body names too; of refusals
	Err    error       // why, for the log
}

// Write adds the headers to a response. If Status is set it sends the whole
// response.
func (o *Outcome) Write(w http.ResponseWriter) {
	h := w.Header()
	for k, vs := range o.Header {
		h[k] = append(h[k], vs...)
	}
	if o.Status == 0 {
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(o.Status)
	// The client has gone if this fails; nobody is left.
	_, _ = w.Write([]byte(o.Body))
}

// Authenticator verifies requests. It is safe for use by many goroutines.
type Authenticator struct {
	o   Options
	log *slog.Logger
	now func() time.Time

	schemes   []string // those offered, in order
	negotiate *negotiator
	digest    *digester
	basic     *basic
	devices   *Devices
	throttle  *throttle
	familiar  *networksOf
	repeats   repeats

	proceed Outcome // the outcome of most successes
	closed  atomic.Bool

	plainly [3]atomic.Bool // schemes of which it was said that they were used without TLS; see inTheClear
}

// identity is what a scheme has verified.
type identity struct {
	caller *Caller
	header http.Header // for the response
}

// verify checks the credentials of one scheme: what follows its name in the
// Authorization header. Errors: see refuse.
type verify func(r *http.Request, credentials string) (identity, error)

// Offers reports whether anybody can sign in on the connection of r: passwords in
// the clear may not be accepted where there is no TLS.
func (a *Authenticator) Offers(r *http.Request) bool {
	return slices.ContainsFunc(a.schemes, func(s string) bool { return a.allowed(s, r) })
}

// Schemes returns the schemes offered to clients, in order.
func (a *Authenticator) Schemes() []string { return slices.Clone(a.schemes) }

// Devices manages device passwords; nil if there is no state.
func (a *Authenticator) Devices() *Devices { return a.devices }

// Authenticate returns the caller of a request, or nil and the response to it.
// The outcome is never nil, and must not be changed.
func (a *Authenticator) Authenticate(r *http.Request) (*Caller, *Outcome) {
	if a.closed.Load() {
		return nil, a.refuse(r, "", ErrClosed)
	}
	fields := r.Header["Authorization"]
	if len(fields) == 0 {
		return a.withoutField(r)
	}
	if len(fields) > 1 {
		return nil, a.refuse(r, "", fmt.Errorf("%w: several Authorization fields", ErrMalformed))
	}
	name, credentials, _ := strings.Cut(strings.TrimLeft(fields[0], " \t"), " ")
	scheme, check := a.scheme(name)
	if check == nil {
		return nil, a.refuse(r, scheme, ErrNotOffered)
	}
	if !a.allowed(scheme, r) {
		return nil, a.refuse(r, scheme, ErrInsecure)
	}
	came := time.Now()
	id, err := check(r, strings.Trim(credentials, " \t"))
	if err != nil {
		a.hold(r.Context(), came, err)
		return nil, a.refuse(r, scheme, err)
	}
	a.inTheClear(scheme, r)
	if scheme == SchemeNegotiate {
		// With passwords it is noted where they are verified, not for each request.
		a.familiar.note(id.caller.Principal.GUID, id.caller.Principal.Name, a.o.Address(r))
	}
	if c := id.caller; c.Device != "" {
		a.devices.touch(c.Principal.GUID, c.Device, Visit{Address: a.o.Address(r), Agent: r.UserAgent()})
	}
	if id.header == nil {
		return id.caller, &a.proceed
	}
	return id.caller, &Outcome{Header: id.header}
}

// scheme returns the verifier of the scheme a client named, nil if that scheme
// is not offered.
func (a *Authenticator) scheme(name string) (string, verify) {
	for _, s := range a.schemes {
		if !strings.EqualFold(name, s) {
			continue
		}
		switch s {
		case SchemeNegotiate:
			return s, a.negotiate.verify
		case SchemeDigest:
			return s, a.digest.verify
		case SchemeBasic:
			return s, a.basic.verify
		}
	}
	return "", nil
}

// Require calls next for requests whose caller is known, and refuses others.
func (a *Authenticator) Require(next func(http.ResponseWriter, *http.Request, *Caller)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, out := a.Authenticate(r)
		out.Write(w)
		if c != nil {
			next(w, r, c)
		}
	})
}

// Forget makes the next request of a principal be verified from the start, as
// after a change of password or a block.
func (a *Authenticator) Forget(guid string) {
	if a.basic != nil {
		a.basic.cache.forget(guid)
	}
	if a.digest != nil && a.digest.secrets != nil {
		a.digest.secrets.forget(guid)
	}
}

// SignOut makes a principal prove again who they are: remembered log-ins, secrets and
// Digest nonces of theirs are of no use any more. guid "" is everybody. Sessions of
// browsers are Sessions', device passwords stay, and so do tickets, which are
// the KDC's: whoever is not to get in with them is to be disabled or denied. What is
// remembered to refuse replays stays, too.
func (a *Authenticator) SignOut(ctx context.Context, guid string) error {
	if guid != "" {
		a.Forget(guid)
	}
	if a.basic != nil && guid == "" {
		a.basic.cache.forgetAll()
	}
	if a.digest == nil {
		return nil
	}
	if a.digest.secrets != nil && guid == "" {
		a.digest.secrets.expire()
	}
	return a.digest.nonces.end(ctx, guid)
}

// Run keeps the state in order until ctx is done: it drops what has expired
// and records when device passwords were used. Its error is ctx's.
func (a *Authenticator) Run(ctx context.Context) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			a.maintain(ctx)
		}
	}
}

func (a *Authenticator) maintain(ctx context.Context) {
	a.throttle.sweep()
	a.repeats.sumUp(a.log, a.now())
	if err := a.familiar.flush(ctx); err != nil {
		a.log.Error("networks of sign-ins not recorded", "err", err)
	}
	if a.digest != nil {
		if err := a.digest.nonces.sweep(ctx); err != nil {
			a.log.Error("expired nonces not removed", "err", err)
		}
		if a.digest.secrets != nil {
			a.digest.secrets.sweep()
		}
	}
	if a.devices != nil {
		if err := a.devices.flush(ctx); err != nil {
			a.log.Error("use of device passwords not recorded", "err", err)
		}
	}
}

// Reload reads the keytab and the password files again, as on SIGHUP, and a
// directory server's secrets at their next use. What cannot be read keeps its last
// good content.
func (a *Authenticator) Reload() error {
	var errs []error
	if a.negotiate != nil {
		errs = append(errs, a.negotiate.keys.Reload())
	}
	if a.digest != nil {
		for _, f := range a.digest.files {
			errs = append(errs, f.Reload())
		}
		if a.digest.secrets != nil {
			a.digest.secrets.expire()
		}
	}
	if a.basic != nil {
		for _, f := range a.basic.files {
			errs = append(errs, f.Reload())
		}
	}
	return errors.Join(errs...)
}

// Close saves what keeps sessions going over a restart. Requests after it are
// refused with 503. It does not close the state.
func (a *Authenticator) Close(ctx context.Context) error {
	if a.closed.Swap(true) {
		return ErrClosed
	}
	a.repeats.sumUp(a.log, a.now().Add(repeatsFor))
	errs := []error{a.familiar.flush(ctx)}
	if a.digest != nil {
		errs = append(errs, a.digest.nonces.close(ctx))
	}
	if a.negotiate != nil {
		errs = append(errs, a.negotiate.replays.close(ctx))
	}
	if a.devices != nil {
		errs = append(errs, a.devices.flush(ctx))
	}
	return errors.Join(errs...)
}

// caller completes a verified principal. bound says that the directory itself has just
// taken the password, which it does of no account that it has locked, whatever the record
// said a moment before. Errors: ErrNotEnabled, and those of the directory.
func (a *Authenticator) caller(ctx context.Context, p *directory.Principal, c Caller, bound bool) (*Caller, error) {
	if err := a.MayAct(p, c.way()); err != nil && !(bound && errors.Is(err, directory.ErrAccountLocked)) {
		return nil, err
	}
	groups, err := a.o.Directory.Groups(ctx, p.GUID)
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", p.Name, err)
	}
	c.Principal, c.Groups = p, groups
	return &c, nil
}
