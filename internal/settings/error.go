package settings

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is one fault in a configuration.
type Error struct {
	File    string `json:"file,omitempty"` // the file's path; empty if the fault is in the environment
	Line    int    `json:"line,omitempty"` // 1-based; 0 if the file has neither the setting nor its table
	Key     string `json:"key"`            // dotted name of the setting, or of the environment variable
	Problem string `json:"problem"`        // what is wrong
	Cure    string `json:"cure,omitempty"` // what to do about it; may be empty
}

// Error returns "FILE:LINE: KEY: PROBLEM; CURE".
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		fmt.Fprintf(&b, "%s: ", e.File)
	default:
		b.WriteString("environment: ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	if e.Cure != "" {
		b.WriteString("; " + e.Cure)
	}
	return b.String()
}

// Errors is every fault of a configuration, in the order of its lines.
type Errors []*Error

// ErrInvalid is what errors.Is finds in Errors.
var ErrInvalid = errors.New("invalid configuration")

// Is reports whether target is ErrInvalid.
func (e Errors) Is(target error) bool { return target == ErrInvalid }

// Error returns one line for each fault.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As the single faults.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, f := range e {
		out[i] = f
	}
	return out
}

// nearest returns the name most like s, or "" if none is like it: at most a
// third of its letters differ.
func nearest(s string, names []string) string {
	best, least := "", len(s)/3+1
	for _, n := range names {
		if d := distance(strings.ToLower(s), n); d < least || d == least && best == "" {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace to get from
// a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
