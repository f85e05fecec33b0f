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
	files     []*filewatch.File[*htpasswd]
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
		// The account may have ended meanwhile, as the record said that it would.
		if err := b.a.MayAct(c.Principal, c.way()); err != nil {
			return nil, err
		}
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
	b.a.familiar.note(c.Principal.GUID, login, address)
	return c, nil
}

// verified is whose a name and password are.
type verified struct {
	principal *directory.Principal
	device    string       // id of the device password, if it is one
	sum       *passwordSum // of a password that the directory has verified
}

// password finds out whose a name and password are. A name that is no one record's, as
// far as is known, goes the way of those that are: neither the status, nor the time that
// it takes, nor the number of tries tells one from the other. So who was given the name
// just now gets in.
func (b *basic) password(ctx context.Context, login, password, address string, known *login) (verified, error) {
	t := b.a.throttle
	secret, like := normalizeSecret(password)
	if b.a.devices == nil {
		like = otherPassword
	}
	if err := t.allowAddress(address); err != nil && known == nil && !b.excepted(ctx, login, secret, like, address) {
		return verified{}, err
	}
	p, nobody := b.a.o.Directory.Lookup(ctx, directory.Key{By: directory.Login, Type: directory.User, Value: login})
	if nobody != nil && !nobodys(nobody) {
		return verified{}, nobody
	}
	account := b.a.accountOf(p, login)
	if p != nil {
		t.learn(login, p)
	}
	if like != otherPassword {
		device, err := b.a.devices.check(ctx, account, secret)
		switch {
		case !errors.Is(err, ErrMismatch):
			return verified{principal: p, device: device}, err
		case like == surelySecret:
			// It never goes to the directory: one that was revoked would count
			// as a wrong password there. Guessing one is hopeless, so that
			// only the address is counted.
			t.failAddress(address)
			return verified{}, also(err, nobody)
		}
	}
	sum := t.sum(account, password)
	if err := t.admit(account, sum, b.standing(ctx, p, sum, address, known)); err != nil {
		return verified{}, also(err, nobody)
	}
	d := unknown
	var refused error
	defer func() { t.decide(account, address, sum, d, refused) }()
	v, err := b.ask(ctx, p, login, password)
	switch {
	case err == nil:
		d = right
	case accountRefused(err):
		d, refused = rejected, err
	case errors.Is(err, ErrMismatch), errors.Is(err, directory.ErrInvalidCredentials), errors.Is(err, directory.ErrNotFound):
		d, refused = wrong, err
	}
	if err != nil {
		err = also(err, nobody)
	}
	return v, err
}

// excepted reports whether credentials are looked at though their address has sent too
// many wrong ones: whose owner has signed in from there with that name, and device
// passwords that there are, which cannot be guessed.
func (b *basic) excepted(ctx context.Context, login, secret string, like resemblance, address string) bool {
	return like != otherPassword && b.a.devices.exists(ctx, secret) || b.a.familiar.name(ctx, login, address)
}

// standing is what speaks for a password of p, which is nil for nobody.
func (b *basic) standing(ctx context.Context, p *directory.Principal, sum passwordSum, address string, known *login) standing {
	switch {
	case known != nil, p != nil && b.cache.proves(p.GUID, sum):
		return proven
	case p != nil && b.a.familiar.record(ctx, p.GUID, address):
		return familiar
	}
	return unproven
}

// accountOf returns what the wrong passwords of a record are counted for, or those of a
// login that is nobody's, where p is nil.
func (a *Authenticator) accountOf(p *directory.Principal, login string) string {
	if p == nil {
		return a.throttle.strangerAccount(login)
	}
	return p.GUID
}

// ask verifies a password: with the hash that a file has for the record p, or by the
// directory. p is nil for a login that is nobody's, as far as is known.
func (b *basic) ask(ctx context.Context, p *directory.Principal, login, password string) (verified, error) {
	if p != nil {
		if stored, ok := b.stored(p, login); ok {
			return verified{principal: p}, b.hashed(ctx, stored, password)
		}
	}
	// got is the one, even if the name was somebody else's a moment ago.
	got, err := b.a.o.Directory.Authenticate(ctx, login, password)
	if err != nil {
		return verified{}, err
	}
	if stored, ok := b.stored(got, login); ok {
		return verified{principal: got}, b.hashed(ctx, stored, password)
	}
	sum := b.a.throttle.sum(got.GUID, password)
	return verified{principal: got, sum: &sum}, nil
}

// stored returns the hash that a file has for a record, under whatever name: who is
// verified there is not verified elsewhere because another of their names was typed.
func (b *basic) stored(p *directory.Principal, login string) (string, bool) {
	for _, f := range b.files {
		if h, ok := f.Get().of(p, login); ok {
			return h, true
		}
	}
	return "", false
}

// hashed compares a password with the hash that a file has, of a few at a time.
func (b *basic) hashed(ctx context.Context, stored, password string) error {
	if err := b.hashing.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("too many passwords to hash: %w", err)
	}
	defer b.hashing.Release(1)
	return b.hashes.Verify(stored, password)
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
