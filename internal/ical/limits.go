package ical

import (
	"errors"
	"fmt"
)

// ErrLimit is wrapped by the error of Decode, DecodeAll and DecodeJCal for data
// that is larger than a Limits allows. Whether it is well formed is not known.
var ErrLimit = errors.New("over the limit")

// Limits bounds what a decoder takes from a client. A field that is 0 has the
// value of DefaultLimits.
type Limits struct {
	Bytes       int // of the source
	LineBytes   int // of one unfolded content line; an inline attachment is one
	Depth       int // of components within components
	Components  int // in all
	Properties  int // in all
	ParamValues int // in all
}

// DefaultLimits is for one calendar object of a client: they bound the memory
// that the tree takes to some 40 MB for 10 MB of the worst input. An import of a
// whole calendar wants more.
var DefaultLimits = Limits{
	Bytes:       10 << 20,
	LineBytes:   10 << 20,
	Depth:       16,
	Components:  20_000,
	Properties:  100_000,
	ParamValues: 300_000,
}

// withDefaults fills in the fields that are 0.
func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value   *int
		initial int
	}{
		{&l.Bytes, DefaultLimits.Bytes},
		{&l.LineBytes, DefaultLimits.LineBytes},
		{&l.Depth, DefaultLimits.Depth},
		{&l.Components, DefaultLimits.Components},
		{&l.Properties, DefaultLimits.Properties},
		{&l.ParamValues, DefaultLimits.ParamValues},
	} {
		if *f.value == 0 {
			*f.value = f.initial
		}
	}
	return l
}

// A SyntaxError says why a source is not iCalendar (RFC 5545 §3.1) or not jCal.
type SyntaxError struct {
	Line   int    // of the source, from 1
	Reason string // for the client's log
}

// Error returns the line and the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// overLimit wraps ErrLimit with what there is too much of.
func overLimit(line int, what string, limit int) error {
	return fmt.Errorf("line %d: more than %d %s: %w", line, limit, what, ErrLimit)
}
