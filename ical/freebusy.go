package ical

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
