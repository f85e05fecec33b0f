package quota

import (
	"errors"
	"fmt"
)

// A Limit names one of the limits.
type Limit string

// The limits.
const (
	Bytes             Limit = "bytes"
	Objects           Limit = "objects"
	CollectionObjects Limit = "objects in one collection"
	Collections       Limit = "collections"
	ObjectBytes       Limit = "bytes of one object"
	Attendees         Limit = "attendees of one object"
	Attachments       Limit = "attachments of one object"
)

// Limits bound one home. 0 is no limit.
type Limits struct {
	Bytes             int64 // of bodies and of properties with their names
	Objects           int64 // in all collections
	CollectionObjects int64 // in each collection
	Collections       int64 // beside those that belong to every home
	ObjectBytes       int64 // of one body
	Attendees         int64 // of one object
	Attachments       int64 // of one object
}

// Usage is what is there, or by how much it grows, of what Limits bound.
type Usage Limits

// each calls fn for every limit with what is used of it and by how much that
// grows, until fn returns false.
func (l *Limits) each(used, growth *Usage, fn func(limit Limit, max, used, growth int64) bool) {
	_ = fn(ObjectBytes, l.ObjectBytes, used.ObjectBytes, growth.ObjectBytes) &&
		fn(Attendees, l.Attendees, used.Attendees, growth.Attendees) &&
		fn(Attachments, l.Attachments, used.Attachments, growth.Attachments) &&
		fn(Collections, l.Collections, used.Collections, growth.Collections) &&
		fn(CollectionObjects, l.CollectionObjects, used.CollectionObjects, growth.CollectionObjects) &&
		fn(Objects, l.Objects, used.Objects, growth.Objects) &&
		fn(Bytes, l.Bytes, used.Bytes, growth.Bytes)
}

// Check refuses growth that exceeds a limit. What does not grow is always
// accepted, even above its limit: what a home holds already it keeps, and
// deleting and shrinking are possible. Errors: ErrExceeded (an *ExceededError),
// the limit of the smallest thing first.
func (l Limits) Check(used, growth Usage) error {
	var err error
	l.each(&used, &growth, func(limit Limit, max, used, growth int64) bool {
		// Not used+growth > max, which may overflow.
		if growth > 0 && max > 0 && growth > max-used {
			err = &ExceededError{Limit: limit, Max: max, Used: used, Growth: growth}
		}
		return err == nil
	})
	return err
}

// Available returns how many more bytes may be stored, at least 0. It reports
// false if there is no limit.
func (l Limits) Available(used Usage) (bytes int64, limited bool) {
	if l.Bytes <= 0 {
		return 0, false
	}
	return max(0, l.Bytes-used.Bytes), true
}

// ErrExceeded is the kind of every ExceededError.
var ErrExceeded = errors.New("quota exceeded")

// An ExceededError says which limit growth would exceed.
type ExceededError struct {
	Limit  Limit
	Max    int64 // the limit
	Used   int64 // what is there
	Growth int64 // what was to be added, above 0
}

func (e *ExceededError) Error() string {
	return fmt.Sprintf("%s: %d used of %d, %d more", e.Limit, e.Used, e.Max, e.Growth)
}

// Is makes every ExceededError an ErrExceeded.
func (e *ExceededError) Is(target error) bool { return target == ErrExceeded }
