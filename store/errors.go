package store

import (
	"errors"
	"fmt"

	"convene/internal/engine"
	"convene/quota"
)

var (
	// ErrNotFound: no such home, collection, object or property.
	ErrNotFound = errors.New("not found")

	// ErrExists: the name is taken.
	ErrExists = errors.New("exists already")

	// ErrChanged: the object is not the one that the Match describes (412).
	ErrChanged = errors.New("precondition does not hold")

	// ErrQuota: the home would hold more than it may: a *quota.ExceededError
	// says of what (RFC 4331 §6 for bytes).
	ErrQuota = quota.ErrExceeded

	// ErrLimit is the kind of every LimitError.
	ErrLimit = errors.New("limit exceeded")

	// ErrUIDConflict is the kind of every UIDConflictError.
	ErrUIDConflict = errors.New("UID is in use")

	// ErrUIDChanged: an object's UID may not change (RFC 4791 §5.3.2.1,
	// CALDAV:no-uid-conflict without another resource to name).
	ErrUIDChanged = errors.New("UID differs from the stored object's")

	// ErrTokenExpired: the change log does not reach back to the position
	// asked for, or the position is not of this file (DAV:valid-sync-token).
	ErrTokenExpired = errors.New("sync position has expired")

	// ErrNewer: the file was written by a newer version of this program.
	ErrNewer = errors.New("file has a newer format")

	// ErrForeign: the file is an engine file but not a calendar store.
	ErrForeign = errors.New("file is not a calendar store")

	// ErrFull: there is no space for the change: the disk has none, or less than
	// the reserve, or the store holds as much as it may (507, RFC 4331 §6).
	ErrFull = engine.ErrFull

	// ErrReadOnly: a write in a view, or in a store that stopped writing
	// because the disk did not confirm a commit.
	ErrReadOnly = engine.ErrReadOnly

	// ErrPaused: the gate is closed since the server is being maintained; what is
	// there can be read.
	ErrPaused = errors.New("the server is read-only for maintenance")

	// ErrClosed: the store has been closed.
	ErrClosed = engine.ErrClosed

	// ErrInUse: another process has the file open.
	ErrInUse = engine.ErrInUse

	// ErrDamaged: the file itself cannot be read.
	ErrDamaged = engine.ErrDamaged

	// ErrUnavailable: what keeps the data cannot be reached; nothing was
	// written, and the same may succeed later (503).
	ErrUnavailable = engine.ErrUnavailable

	// ErrConflict: other changes were in the way too often; nothing was
	// written, and the same may succeed later (503).
	ErrConflict = engine.ErrConflict

	// ErrUnknownOutcome: nobody can say whether the change took place (503).
	ErrUnknownOutcome = engine.ErrUnknownOutcome

	// ErrCorrupt: a record cannot be decoded. Verify says more.
	ErrCorrupt = errors.New("record is damaged")
)

// A Limit names a limit of the store.
type Limit string

// The limits. Options sets all but LimitName, which is 1 to 255 bytes of UTF-8,
// and LimitUID, 1024 bytes.
const (
	LimitName          Limit = "name"
	LimitUID           Limit = "UID"
	LimitProperties    Limit = "properties per resource"
	LimitPropertyBytes Limit = "bytes of a property"
	LimitQueued        Limit = "bytes of what is queued"
)

// A LimitError says which limit was met, and its value.
type LimitError struct {
	Limit Limit
	Max   int64
}

func (e *LimitError) Error() string { return fmt.Sprintf("%s: more than %d", e.Limit, e.Max) }

// Is makes every LimitError an ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// A UIDConflictError names the object that has the UID already: the parts of
// its href (RFC 4791 §5.3.2.1 no-uid-conflict).
type UIDConflictError struct {
	Home       HomeID
	Collection CollectionID
	InName     string // the collection's name
	Name       string // the object's name
}

func (e *UIDConflictError) Error() string {
	return fmt.Sprintf("UID is in use by %q in %q", e.Name, e.InName)
}

// Is makes every UIDConflictError an ErrUIDConflict.
func (e *UIDConflictError) Is(target error) bool { return target == ErrUIDConflict }
