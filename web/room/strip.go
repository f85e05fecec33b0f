package room

import (
	"strings"

	"convene/rooms/policy"
	"convene/web/page"
)

// A strip draws when a room is taken, in a box of stripWidth by 24.
type strip struct {
	Label string // the same in words
	Bars  []bar
	Hours []bar // lines, without width
	Want  *bar  // the time that is wanted; nil: none
}

const stripWidth = 600

type bar struct {
	X, W  int64
	State string // "booked", "waiting", "blocked", "closed"
}

var stateNames = map[policy.State]string{policy.Booked: "booked", policy.Waiting: "waiting", policy.Blocked: "blocked"}

// stripOf draws what takes a room within some time.
func stripOf(r *page.Request, within policy.Span, taken []policy.Booking, want *policy.Span) *strip {
	s := &strip{}
	scale := func(at int64) int64 {
		return (min(max(at, within.Start), within.End) - within.Start) * stripWidth / max(within.End-within.Start, 1)
	}
	place := func(span policy.Span) bar {
		x := scale(span.Start)
		return bar{X: x, W: max(scale(span.End)-x, 2)}
	}
	for at := within.Start; at <= within.End; at += 3600 {
		s.Hours = append(s.Hours, bar{X: scale(at)})
	}
	var words []string
	for i := range taken {
		b := place(taken[i].Span)
		b.State = stateNames[taken[i].State]
		s.Bars = append(s.Bars, b)
		words = append(words, times(r, taken[i].Span))
	}
	if want != nil {
		b := place(*want)
		s.Want = &b
	}
	if len(words) == 0 {
		s.Label = r.Locale.T("room.strip-free", "time", times(r, within))
	} else {
		s.Label = r.Locale.T("room.strip-taken", "times", strings.Join(words, ", "))
	}
	return s
}
