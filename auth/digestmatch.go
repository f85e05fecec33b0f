package auth

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"

	"convene/directory"
)

// attempt is a Digest response being verified.
type attempt struct {
	*digestCredentials
	d        *digester
	account  string // a GUID; or that of a name that nobody has: see throttle.strangerAccount
	address  string
	standing standing
	ha2      string // RFC 7616 §3.4.3

	ha1     string // that the response was made with
	tried   bool   // there was some secret to try
	counted bool   // as a wrong one
}

// allow asks whether the wrong responses so far leave room for one more. Whoever
// waited without having been counted must ask again: so no number of parallel
// guesses gets more of them through. Errors: throttledError.
func (t *attempt) allow() error {
	if t.standing == proven {
		return nil
	}
	return t.d.a.throttle.allowLocal(t.account, t.address, t.standing)
}

// fail counts the response as wrong, once.
func (t *attempt) fail() {
	if !t.counted {
		t.d.a.throttle.failLocal(t.account, t.address)
	}
	t.counted = true
}

// with reports whether the response was made with a secret.
func (t *attempt) with(secret []byte) bool {
	t.tried = true
	t.ha1 = hex.EncodeToString(secret)
	return hmac.Equal(t.algorithm.hash(t.ha1, t.nonce, t.nc, t.cnonce, "auth", t.ha2), t.response)
}

// match finds the secret that the response was made with. Device passwords come first:
// as they cannot be guessed, no limit holds for them. device is the id of
// the device password, if it is one. Errors: ErrMismatch, throttledError; those of
// the directory and the state.
func (t *attempt) match(ctx context.Context) (device string, err error) {
	if t.d.devices != nil {
		list, err := t.d.devices.ha1s(ctx, t.account, t.username, t.algorithm)
		if err != nil {
			return "", err
		}
		for _, s := range list {
			if t.with(s.ha1) {
				return s.id, nil
			}
		}
	}
	if err := t.allow(); err != nil {
		return "", err
	}
	for _, f := range t.d.files {
		if s, ok := f.Get().secrets[ha1Key{t.algorithm, t.username}]; ok && t.with(s) {
			return "", nil
		}
	}
	switch {
	case t.d.secrets != nil:
		err = t.matchServer(ctx, t.d.secrets)
	case t.d.directory != nil:
		err = t.matchFile(ctx)
	default:
		err = ErrMismatch
	}
	if !t.tried && errors.Is(err, ErrMismatch) {
		err = fmt.Errorf("no secret of this login for realm and algorithm: %w", err)
	}
	return "", err
}

// matchFile verifies with the secrets of a directory that has them at hand.
func (t *attempt) matchFile(ctx context.Context) error {
	s, err := t.d.directory.DigestSecrets(ctx, guidOf(t.account))
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	if err == nil && t.any(s) {
		return nil
	}
	return ErrMismatch
}

func (t *attempt) any(s *directory.DigestSecrets) bool {
	for ha1 := range s.HA1s(t.username, t.d.a.o.Realm, t.algorithm.String()) {
		if t.with(ha1) {
			return true
		}
	}
	return false
}

// matchServer verifies with the secrets of a directory server: with those that are
// remembered, and if they do not match with what it says now, as the password may
// have been changed. That a response is wrong is said only when the server has
// put after it came; what it cannot be asked about is ErrUnavailable, though
// it counts as wrong: a guess tells as much.
func (t *attempt) matchServer(ctx context.Context, s *secrets) error {
	guid, came := t.account, s.now()
	known := s.get(guid, came)
	var err error
	if !s.fresh(known, came) {
		e, failed := s.renew(ctx, guid, known)
		switch {
		case failed == nil:
			known = e
		case !s.good(known, came):
			return failed
		}
		err = failed
		if errThrottled := t.allow(); errThrottled != nil {
			return errThrottled
		}
	}
	if t.any(known.secrets) {
		return nil
	}
	if known.refused == nil {
		t.fail()
	}
	if err == nil && known.begun.Before(came) {
		if known, err = s.read(ctx, guid, came); err == nil && t.any(known.secrets) {
			return nil
		}
	}
	switch {
	case err != nil:
		return err
	case known.refused != nil:
		return known.refused
	}
	return ErrMismatch
}
