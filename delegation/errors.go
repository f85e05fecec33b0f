package delegation

import (
	"errors"
	"fmt"
	"strings"
)

// What is wrong with a change.
var (
	ErrSelf             = errors.New("nobody is a delegate of themselves")
	ErrRoomDelegate     = errors.New("a location or resource cannot be a delegate")
	ErrNoCalendars      = errors.New("the group has no calendars")
	ErrLevel            = errors.New("unknown level")
	ErrEndBeforeBegin   = errors.New("the end is not after the begin")
	ErrNoteTooLong      = fmt.Errorf("a note has at most %d bytes", MaxNote)
	ErrUnknownPrincipal = errors.New("unknown principal")
	ErrFromDirectory    = errors.New("the delegate is named by the directory")
	ErrInvalid          = errors.New("invalid")
	ErrNotFound         = errors.New("no such delegation")
	ErrAuthor           = errors.New("a change needs an author and where it came from")

	// ErrDenied: the author may not make the change.
	ErrDenied = errors.New("not allowed to change these delegates")
)

// What is wrong with the database. Each is 503 to a client but ErrFull, 507.
var (
	// ErrRefused: what is stored cannot be trusted, and nothing is known of
	// who is whose delegate. A *StateError has the state.
	ErrRefused = errors.New("the delegate database is not available")

	ErrFull     = errors.New("no space for the delegate database")
	ErrReadOnly = errors.New("the delegate database cannot be written")

	// ErrCopy: a file is no good copy of a delegate database.
	ErrCopy = errors.New("not a valid copy of the delegate database")
)

// A MemberError says which member of a list is wrong, and why.
type MemberError struct {
	GUID string
	Err  error
}

func (e *MemberError) Error() string { return fmt.Sprintf("%s: %v", e.GUID, e.Err) }

// Unwrap returns the reason.
func (e *MemberError) Unwrap() error { return e.Err }

// A StateError is an ErrRefused with the state that is the reason.
type StateError struct{ State State }

func (e *StateError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%v: %v", ErrRefused, e.State))
}

// Unwrap returns ErrRefused.
func (e *StateError) Unwrap() error { return ErrRefused }
