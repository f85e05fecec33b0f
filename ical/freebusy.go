package ical

import "strings"

// A BusyType is the kind of a busy time (FBTYPE, RFC 5545 §3.2.9).
type BusyType uint8

// The order is of weight: where two overlap the higher one is shown.
const (
	Free BusyType = iota
	BusyTentative
	BusyUnavailable
	Busy
)

// A BusyPeriod is a time that is taken, from Start until before End, in Unix
// seconds.
type BusyPeriod struct {
	Start, End int64
	Type       BusyType
}

// busyOfStatus is the type of an opaque VEVENT with a STATUS (RFC 4791 §7.10).
func busyOfStatus(status string) BusyType {
	switch {
	case equalFoldTrim(status, "CANCELLED"):
		return Free
	case equalFoldTrim(status, "TENTATIVE"):
		return BusyTentative
	}
	return Busy
}

// equalFoldTrim compares without regard to case and to blanks around s.
func equalFoldTrim(s, want string) bool { return strings.EqualFold(strings.TrimSpace(s), want) }
