package directory

import (
	"context"
	"convene/internal/kerberos"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// How long a password of the service account that was refused is not tried again.
const (
	firstRefusal = 30 * time.Second
	maxRefusal   = time.Hour
)

// errPasswordRefused is an errRefused that a server, or a KDC, may have counted against
// the account.
var errPasswordRefused = fmt.Errorf("%w for its password or keys", errRefused)

// service is the service account. A directory locks accounts after some wrong
// passwords, and other programs may use this one, so a password, or a keytab, that was
// refused is refused here, for all servers and connections together, until the
// configured one is another or a time has passed, which doubles with each refusal.
type service struct {
	cfg *LDAPConfig
	log *slog.Logger
	now func() time.Time
	one chan struct{} // holds a value while a bind is under way

	mu      sync.Mutex
	refused error             // the last bind's; nil: it was accepted, or there was none
	digest  [sha256.Size]byte // of the password or keytab that was refused
	until   time.Time         // when it may be tried again
	delay   time.Duration

	tickets tickets
}

func newService(cfg *LDAPConfig, log *slog.Logger, now func() time.Time) *service {
	return &service{cfg: cfg, log: log, now: now, one: make(chan struct{}, 1)}
}

// bind makes c, a connection to a server, the service account's. Binds go one after the other, lest all
// connections try a wrong password at once; but none waits longer than a server
// may be silent.
func (s *service) bind(ctx context.Context, c *conn, to *target) error {
	if s.cfg.BindDN == external {
		if err := c.ExternalBind(); err != nil {
			return fmt.Errorf("%w: bind external: %w", errRefused, err)
		}
		return nil
	}
	wait := time.NewTimer(s.cfg.FailoverAfter)
	defer wait.Stop()
	select {
	case s.one <- struct{}{}:
		defer func() { <-s.one }()
	case <-wait.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	secret, err := s.cfg.secret()
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if err := s.check(secret); err != nil {
		return err
	}
	if s.cfg.BindKeytab != "" {
		return s.outcome(secret, s.bindKerberos(ctx, c, to, secret))
	}
	return s.outcome(secret, c.Bind(s.cfg.BindDN, string(secret)))
}

// outcome remembers what a bind has come to.
func (s *service) outcome(secret []byte, err error) error {
	switch {
	case err == nil:
		s.accept()
		return nil
	case countsAsWrong(err):
		return s.refuse(secret, fmt.Errorf("%w: bind as %q: %w", errPasswordRefused, s.cfg.BindDN, err))
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultAuthMethodNotSupported, ldap.ErrorEmptyPassword), unusable(err):
		return fmt.Errorf("%w: bind as %q: %w", errRefused, s.cfg.BindDN, err)
	}
	return fmt.Errorf("bind as %q: %w", s.cfg.BindDN, err)
}

// countsAsWrong reports whether a server may have counted a bind against the
// account: a wrong password or key, or an account that is locked or disabled (389
// Directory Server says so with codes of its own).
func countsAsWrong(err error) bool {
	return kerberos.Refused(err) || ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform)
}

// check returns the last refusal if it still holds for a password or keytab.
func (s *service) check(secret []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil && s.now().Before(s.until) && s.digest == sha256.Sum256(secret) {
		return s.refused
	}
	return nil
}

// wait returns how long the password or keytab configured now will not be tried; 0: it may.
func (s *service) wait() time.Duration {
	if s.cfg.BindDN == "" || s.cfg.BindDN == external {
		return 0
	}
	secret, err := s.cfg.secret()
	if err != nil || s.check(secret) == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.until.Sub(s.now()))
}

func (s *service) accept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil {
		s.log.Info("the directory accepts the service account again", "bind-dn", s.cfg.BindDN)
	}
	s.refused, s.delay = nil, 0
}

// refuse remembers a refusal. The log has each password's or keytab's once.
func (s *service) refuse(secret []byte, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest := sha256.Sum256(secret)
	if s.refused == nil || s.digest != digest {
		s.delay = 0
		s.log.Error("the directory refuses the service account; requests that need the directory get 503",
			"bind-dn", s.cfg.BindDN, "err", err, "reason", refusedBecause(err), "cure", s.cure())
	}
	s.delay = min(max(2*s.delay, firstRefusal), maxRefusal)
	s.refused, s.digest, s.until = err, digest, s.now().Add(s.delay)
	return err
}

// refusedBecause says what a server means by a refusal, as far as it says.
func refusedBecause(err error) string {
	if reason := bindReason(err.Error()); reason != nil {
		return reason.Error()
	}
	if errors.Is(refusal(nil, err), ErrAccountLocked) {
		return ErrAccountLocked.Error()
	}
	if kerberos.Refused(err) {
		return "the KDC does not take the keytab's keys"
	}
	return "wrong name or password"
}

// cure says what to do about a refusal.
func (s *service) cure() string {
	where := "set bind-password to the account's password and reload"
	switch {
	case s.cfg.BindKeytab != "":
		where = "put the account's newest keys into " + s.cfg.BindKeytab + ", which is then read at once"
	case s.cfg.BindPasswordFile != "":
		where = "put the account's password into " + s.cfg.BindPasswordFile + ", which is then read at once"
	}
	return where + "; or mend the account in the directory: the same is tried again after 30 seconds, then ever more seldom, up to an hour"
}
