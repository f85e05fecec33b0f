package rooms

import (
	"errors"
	"fmt"
)

// ErrQuery says that a search for rooms, or a booking of one, does not make sense.
var ErrQuery = errors.New("not a question about rooms")

// A FieldError says which parameter of a search is wrong, and why. It is an ErrQuery.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"error"`
}

// Error names the field.
func (e *FieldError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Reason) }

// Unwrap returns ErrQuery.
func (e *FieldError) Unwrap() error { return ErrQuery }
