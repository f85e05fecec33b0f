package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Errors of every Directory. Compare with errors.Is.
var (
	ErrNotFound    = errors.New("not in the directory")
	ErrAmbiguous   = errors.New("more than one record matches")
	ErrTooMany     = errors.New("more records match than the limit allows")
	ErrUnavailable = errors.New("directory unavailable")

	// ErrInvalidCredentials is every refusal of Authenticate. The errors
	// below wrap it and say why; a client must not learn it, because some
	// servers reveal it to anybody who tries a name. ErrPasswordExpired it may
	// learn: it is said of the right password only.
	ErrInvalidCredentials = errors.New("invalid credentials")
	ErrAccountDisabled    = fmt.Errorf("account disabled: %w", ErrInvalidCredentials)
	ErrAccountLocked      = fmt.Errorf("account locked: %w", ErrInvalidCredentials)
	ErrAccountExpired     = fmt.Errorf("account expired: %w", ErrInvalidCredentials)
	ErrAccountRestricted  = fmt.Errorf("account may not sign in now or from here: %w", ErrInvalidCredentials)
	ErrPasswordExpired    = fmt.Errorf("password expired or to be changed: %w", ErrInvalidCredentials)
)

// UnavailableError is the ErrUnavailable of a directory that knows more.
type UnavailableError struct {
	RetryAfter time.Duration // when it is worth asking again
	Err        error         // why, for the log; may be nil

	// responded says that the directory did respond, with something that this one
	// question cannot be decided by.
	responded bool
}

// Error returns the cause.
func (e *UnavailableError) Error() string {
	if e.Err == nil {
		return ErrUnavailable.Error()
	}
	return fmt.Sprintf("%v: %v", ErrUnavailable, e.Err)
}

// Unwrap makes the error match ErrUnavailable and its cause.
func (e *UnavailableError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// defaultRetryAfter is sent to clients when nothing better is known.
const defaultRetryAfter = 5 * time.Second

// RetryAfter returns how long a client should wait after err: the time that
// an UnavailableError names, at least a second, or five seconds.
func RetryAfter(err error) time.Duration {
	var u *UnavailableError
	if errors.As(err, &u) && u.RetryAfter > 0 {
		return max(u.RetryAfter, time.Second)
	}
	return defaultRetryAfter
}

// unavailable wraps a cause. A cause that is already ErrUnavailable stays; any
// other but a context's end is about a response.
func unavailable(what string, cause error) error {
	err := fmt.Errorf("%s: %w", what, cause)
	if errors.Is(cause, ErrUnavailable) {
		return err
	}
	ended := errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded)
	return &UnavailableError{Err: err, responded: !ended}
}

// isResponse reports whether the directory did respond, even if not with what was
// asked for.
func isResponse(err error) bool {
	if u, ok := errors.AsType[*UnavailableError](err); ok {
		return u.responded
	}
	return err == nil || isFact(err) || errors.Is(err, ErrTooMany)
}

// guard turns a panic of fn into an error: on goroutines of our own nobody else
// would, and one record that our or a library's code stumbles over must not stop
// the server.
func guard[T any](fn func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &UnavailableError{Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack()), responded: true}
		}
	}()
	return fn()
}
