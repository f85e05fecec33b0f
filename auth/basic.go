package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"convene/directory"
	"convene/internal/filewatch"
	"convene/internal/password"
)

const (
	// verifyLimit bounds one verification; it does not end with the request
	// that began it, because others may be waiting for the same.
	verifyLimit = 30 * time.Second
	// outagePause is how long the directory is not asked again about log-ins
	// that are known, after it could not respond.
	outagePause = 5 * time.Second
	// maxBasic is the longest credentials worth decoding, in bytes of base 64.
	maxBasic = 4 << 10
)

// basic verifies names and passwords (RFC 7617): device passwords, htpasswd
// files, then the directory. A log-in that was verified is remembered, so that
// most requests cost a hash and look-ups in memory, and goes on working while
// the directory is away.
type basic struct {
	a         *Authenticator
	challenge string
	cache     *logins
	files     []*filewatch.File[map[string]string]
	hashes    password.Hashes
	hashing   *semaphore.Weighted
	flight    singleflight.Group
	down      pause
}

func newBasic(a *Authenticator) (*basic, error) {
	cache, err := newLogins(a.o.Basic.CacheSize, a.o.Rand)
	if err != nil {
		return nil, fmt.Errorf("random key: %w", err)
	}
	b := &basic{
		a: a, cache: cache,
		challenge: "Basic realm=" + quote(a.o.Realm) + `, charset="UTF-8"`,
		hashes:    password.Hashes{Cleartext: a.o.Basic.Cleartext},
		hashing:   password.NewLimit(),
	}
	for _, f := range a.o.Basic.Files {
		w, err := filewatch.Open(f, parseHtpasswd, a.log, a.now)
		if err != nil {
			return nil, err
		}
		b.files = append(b.files, w)
	}
	return b, nil
}

// verify checks Basic credentials.
func (b *basic) verify(r *http.Request, credentials string) (identity, error) {
	if !b.a.basicAllowed(r) {
		return identity{}, ErrInsecure
	}
	if credentials == "" || len(credentials) > maxBasic {
		return identity{}, ErrMalformed
	}
	now := b.a.now()
	key := b.cache.key(credentials)
	known := b.cache.get(&key, now)
	if known != nil && known.within(now, b.a.o.Basic.CacheFor) {
		c, err := b.recall(r.Context(), &key, known, now)
		if !errors.Is(err, directory.ErrAccountLocked) { // else the directory is to say whether it still is
			return identity{caller: c}, err
		}
	}
	c, err := b.coalesce(r, &key, known, credentials)
	if known != nil && errors.Is(err, directory.ErrUnavailable) && known.within(now, b.a.o.Basic.OutageFor) {
		c, err = b.recall(r.Context(), &key, known, now)
	}
	return identity{caller: c}, err
}

// recall brings a remembered log-in up to date: its record may have been
// changed, disabled or deleted since. It allocates only after a change.
func (b *basic) recall(ctx context.Context, key *loginKey, known *login, now time.Time) (*Caller, error) {
	c := known.caller.Load()
	p, err := b.a.o.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: c.Principal.GUID})
	switch {
	case errors.Is(err, directory.ErrUnavailable) && known.within(now, b.a.o.Basic.OutageFor):
		return c, nil
	case errors.Is(err, directory.ErrUnavailable):
		return nil, err
	case err != nil:
		b.cache.drop(key)
		return nil, loginError(c.Login, err)
	}
	if err := b.a.MayAct(p, c.way()); err != nil {
		b.cache.drop(key)
		return nil, err
	}
	groups, err := b.a.o.Directory.Groups(ctx, p.GUID)
	if errors.Is(err, directory.ErrUnavailable) {
		groups, err = c.Groups, nil // the last known are better than none
	}
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", p.Name, err)
	}
	if p == c.Principal && sameSlice(groups, c.Groups) {
		return c, nil
	}
	fresh := *c
	fresh.Principal, fresh.Groups = p, groups
	known.caller.Store(&fresh)
	return &fresh, nil
}

// sameSlice reports whether two slices are the same memory: a directory cache
// hands out the same one until it changes.
func sameSlice(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// coalesce verifies credentials once for all requests that carry the same at
// the same time.
func (b *basic) coalesce(r *http.Request, key *loginKey, known *login, credentials string) (*Caller, error) {
	if known != nil && b.down.active(b.a.now()) {
		return nil, fmt.Errorf("not asked again so soon: %w", directory.ErrUnavailable)
	}
	address := b.a.o.Address(r)
	ctx := context.WithoutCancel(r.Context())
	done := b.flight.DoChan(string(key[:]), func() (c any, err error) {
		ctx, cancel := context.WithTimeout(ctx, verifyLimit)
		defer cancel()
		defer func() { // on this goroutine nobody else would catch it
			if p := recover(); p != nil {
				b.a.log.Error("verification panicked", "stack", string(debug.Stack()))
				err = errors.New("verification panicked")
			}
		}()
		return b.first(ctx, key, known, credentials, address)
	})
	select {
	case res := <-done:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*Caller), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// first verifies credentials that are not remembered, or were for too long.
func (b *basic) first(ctx context.Context, key *loginKey, known *login, credentials, address string) (*Caller, error) {
	login, password, err := decodeBasic(credentials)
	if err != nil {
		return nil, err
	}
	begun := b.cache.forgotten.Load()
	v, err := b.password(ctx, login, password, address, known)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", directory.ErrUnavailable, err)
	}
	switch {
	case errors.Is(err, directory.ErrUnavailable):
		b.down.begin(b.a.now(), outagePause)
		return nil, loginError(login, err)
	case err != nil:
		b.cache.drop(key)
		return nil, loginError(login, err)
	}
	c, err := b.a.caller(ctx, v.principal, Caller{Scheme: SchemeBasic, Login: login, Device: v.device}, v.sum != nil)
	if err != nil {
		return nil, err
	}
	b.cache.put(key, c, v.sum, begun, b.a.now())
	return c, nil
}

// verified is whose a name and password are.
type verified struct {
	principal *directory.Principal
	device    string       // id of the device password, if it is one
	sum       *passwordSum // of a password that the directory has verified
}

// password finds out whose a name and password are.
func (b *basic) password(ctx context.Context, login, password, address string, known *login) (verified, error) {
	p, err := b.a.o.Directory.Lookup(ctx, directory.Key{By: directory.Login, Type: directory.User, Value: login})
	if nobodys(err) {
		v, refused := b.stranger(ctx, login, password, address)
		if refused != nil && errors.Is(err, directory.ErrAmbiguous) {
			refused = fmt.Errorf("%w: %w", refused, err)
		}
		return v, refused
	}
	if err != nil {
		return verified{}, err
	}
	if secret, like := normalizeSecret(password); like != otherPassword && b.a.devices != nil {
		device, err := b.a.devices.check(ctx, p.GUID, secret)
		switch {
		case !errors.Is(err, ErrMismatch):
			return verified{principal: p, device: device}, err
		case like == surelySecret:
			// It never goes to the directory: one that was revoked would count
			// as a wrong password there. Guessing one is hopeless, so that
			// only the address is counted.
			b.a.throttle.failLocal("", address)
			return verified{}, err
		}
	}
	if stored, ok := b.stored(login); ok {
		return verified{principal: p}, b.hashed(ctx, p.GUID, stored, password, address, known)
	}
	return b.bind(ctx, p, login, password, address, known)
}

// stranger checks a name that is no one record's, as far as is known. It asks the
// directory all the same, and within the limits of an account: neither the time
// that it takes nor the number of tries tells a name that somebody has from one
// that nobody has, and who was given the name just now gets in.
func (b *basic) stranger(ctx context.Context, login, password, address string) (verified, error) {
	t := b.a.throttle
	// Address first: names can be tried without end.
	if err := t.allowLocal("", address); err != nil {
		return verified{}, err
	}
	account, sum := t.stranger(login), t.sum(login, password)
	if err := t.admit(account, address, sum, unproven); err != nil {
		return verified{}, err
	}
	d := unknown
	defer func() { t.decide(account, address, sum, d, directory.ErrInvalidCredentials) }()
	got, err := b.a.o.Directory.Authenticate(ctx, login, password)
	switch {
	case err == nil:
		d = right
		sum := t.sum(got.GUID, password)
		return verified{principal: got, sum: &sum}, nil
	case errors.Is(err, directory.ErrInvalidCredentials), errors.Is(err, directory.ErrNotFound):
		d, err = wrong, directory.ErrInvalidCredentials
	}
	return verified{}, err
}

// stored returns the hash that a file has for a login.
func (b *basic) stored(login string) (string, bool) {
	for _, f := range b.files {
		if h, ok := f.Get()[login]; ok {
			return h, true
		}
	}
	return "", false
}

// hashed compares a password with the hash that a file has.
func (b *basic) hashed(ctx context.Context, guid, stored, password, address string, known *login) error {
	// Whoever waits here is counted only afterwards: so no number of parallel
	// guesses gets more of them through than are hashed at a time.
	if err := b.hashing.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("too many passwords to hash: %w", err)
	}
	defer b.hashing.Release(1)
	if known == nil {
		if err := b.a.throttle.allowLocal(guid, address); err != nil {
			return err
		}
	}
	err := b.hashes.Verify(stored, password)
	if errors.Is(err, ErrMismatch) {
		b.a.throttle.failLocal(guid, address)
	}
	return err
}

// bind asks the directory, within the limits that keep accounts unlocked.
func (b *basic) bind(ctx context.Context, p *directory.Principal, login, password, address string, known *login) (verified, error) {
	t, k := b.a.throttle, unproven
	if known != nil {
		k = proven
	}
	sum := t.sum(p.GUID, password)
	if err := t.admit(p.GUID, address, sum, k); err != nil {
		return verified{}, err
	}
	d := unknown
	var refused error
	defer func() { t.decide(p.GUID, address, sum, d, refused) }()
	got, err := b.a.o.Directory.Authenticate(ctx, login, password)
	switch {
	case err == nil: // got is the one, even if the name was somebody else's a moment ago
		d = right
	case accountRefused(err):
		d, refused = rejected, err
	case errors.Is(err, directory.ErrInvalidCredentials), errors.Is(err, directory.ErrNotFound):
		d, refused = wrong, err
	}
	return verified{principal: got, sum: &sum}, err
}

// accountRefused reports whether the account, not the password, is the reason.
func accountRefused(err error) bool {
	for _, e := range []error{directory.ErrAccountDisabled, directory.ErrAccountLocked, directory.ErrAccountExpired,
		directory.ErrAccountRestricted, directory.ErrPasswordExpired} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// decodeBasic splits credentials (RFC 7617 §2). Names and passwords are UTF-8;
// what is not is taken as ISO 8859-1, which older clients send.
func decodeBasic(credentials string) (login, secret string, err error) {
	raw, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil {
		// Some clients leave out the padding.
		raw, err = base64.RawStdEncoding.DecodeString(credentials)
	}
	if err != nil {
		return "", "", fmt.Errorf("%w: not base 64", ErrMalformed)
	}
	s := string(raw)
	if !utf8.ValidString(s) {
		r := make([]rune, len(raw))
		for i, c := range raw {
			r[i] = rune(c)
		}
		s = string(r)
	}
	login, secret, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", "", ErrMalformed
	}
	// An empty password succeeds as an anonymous bind with some directories.
	if login == "" || secret == "" || len(secret) > password.MaxLength {
		return "", "", ErrMismatch
	}
	return login, secret, nil
}

// quote writes a quoted-string (RFC 9110 §5.6.4).
func quote(s string) string {
	b := append(make([]byte, 0, len(s)+2), '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(append(b, '"'))
}
