// Package rscale is the arithmetic of the calendar systems that a recurrence rule
// may be in (RFC 7529): which days the months of a year have. It knows nothing of
// rules and of times of the day.
package rscale
