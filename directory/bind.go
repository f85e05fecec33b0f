package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Authenticate implements Directory: it finds the user by login and binds as
// him on a connection kept for that. A login that nobody has costs a bind too.
func (l *LDAP) Authenticate(ctx context.Context, login, password string) (*Principal, error) {
	defer l.slow(time.Now(), "sign-in", login)
	if err := possible(password); err != nil {
		return nil, err
	}
	p, err := l.lookupLogin(ctx, login)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrAmbiguous) {
		if bindErr := l.bind(ctx, l.nobody(), password); !errors.Is(bindErr, ErrInvalidCredentials) && bindErr != nil {
			return nil, bindErr
		}
		return nil, errors.Join(ErrInvalidCredentials, err)
	}
	if err != nil {
		return nil, err
	}
	if err := l.bind(ctx, p.DN, password); err != nil {
		return nil, fmt.Errorf("user %q: %w", p.Name, err)
	}
	if err := p.Closed(time.Now()); err != nil {
		return nil, fmt.Errorf("user %q: %w", p.Name, err)
	}
	return p, nil
}

// lookupLogin finds the user of a login, who was most often looked up a moment before.
func (l *LDAP) lookupLogin(ctx context.Context, login string) (*Principal, error) {
	k, err := Key{By: Login, Type: User, Value: login}.Canonical()
	if err != nil {
		return nil, err
	}
	if f := l.justFound(k); f != nil {
		return f.p, nil
	}
	return l.Lookup(ctx, k)
}

// possible refuses passwords that no directory must be asked about: an LDAP
// bind with a name and no password succeeds (RFC 4513 §5.1.2), and Samba reads
// a password up to the first zero byte.
func possible(password string) error {
	if password == "" || strings.IndexByte(password, 0) >= 0 || len(password) > maxKey {
		return fmt.Errorf("empty or impossible password: %w", ErrInvalidCredentials)
	}
	return nil
}

// nobody returns the name of an entry that does not exist.
func (l *LDAP) nobody() string {
	dn := "cn=" + rand.Text()
	if s := l.m.spec(User); s != nil && s.Base[0] != "" {
		dn += "," + s.Base[0]
	}
	return dn
}

// bind checks a password. Errors: ErrInvalidCredentials or one that wraps it,
// ErrUnavailable.
func (l *LDAP) bind(ctx context.Context, dn, password string) error {
	_, err := question(ctx, l, bindLane, func(_ context.Context, c *conn) (struct{}, error) {
		res, err := c.SimpleBind(&ldap.SimpleBindRequest{Username: dn, Password: password,
			Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}})
		return struct{}{}, refusal(res, err)
	})
	if err == nil || errors.Is(err, ErrInvalidCredentials) {
		return err
	}
	return unavailable("bind", err)
}

// Errors of the password policy control (draft-behera-ldap-password-policy).
const (
	policyExpired       = 0
	policyLocked        = 1
	policyMustBeChanged = 2
)

// refusal turns a server's response to a bind into one of our errors. The
// reason is in the password policy control or, with Active Directory, in the
// message.
func refusal(res *ldap.SimpleBindResult, err error) error {
	policy := int8(-1)
	if res != nil {
		if c, ok := ldap.FindControl(res.Controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy); ok {
			policy = c.Error
		}
	}
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultConstraintViolation):
		return ErrAccountLocked // 389 Directory Server: "exceed password retry limit"
	case ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) && strings.Contains(strings.ToLower(err.Error()), "inactivated"):
		return ErrAccountDisabled // 389 Directory Server and FreeIPA
	case err != nil && !ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultNoSuchObject,
		ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultInappropriateAuthentication):
		return err
	case policy == policyLocked:
		return ErrAccountLocked
	case policy == policyExpired, policy == policyMustBeChanged:
		return ErrPasswordExpired
	case err == nil:
		return nil
	}
	if reason := bindReason(err.Error()); reason != nil {
		return reason
	}
	return ErrInvalidCredentials
}
