package caldav

import (
	"net/http"
	"sync/atomic"
	"time"

	"convene/internal/webdav"
)

// A room is the memory that all long answers take together, in bytes. An answer is
// in memory from its first byte until it was sent, and a slow client makes that
// long: without a bound, a few clients with large calendars could take it all.
type room struct{ taken atomic.Int64 }

// errNoRoom refuses an answer for which there is no memory now.
var errNoRoom = &webdav.Error{Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
	Description: "too many long answers are on their way; try again"}

// A place is what one answer takes of a room.
type place struct {
	room *room
	size int64
}

// grow makes the place n bytes large, if it is smaller and all places together
// stay within most. Errors: errNoRoom, and the place is as it was.
func (p *place) grow(n int, most int64) error {
	more := int64(n) - p.size
	if more <= 0 {
		return nil
	}
	if p.room.taken.Add(more) > most {
		p.room.taken.Add(-more)
		return errNoRoom
	}
	p.size += more
	return nil
}

// leave gives the place back.
func (p *place) leave() {
	p.room.taken.Add(-p.size)
	p.size = 0
}
