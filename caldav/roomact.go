package caldav

import (
	"context"
	"net/http"

	"convene/auth"
	"convene/calendar"
	"convene/internal/logging"
)

// Act runs fn in a transaction that changes bookings of rooms without a request: for
// somebody who works on the server, or since time has passed. What fn changes goes the
// way of all changes, and the organizers are told. It may wait, and fn may run more
// than once. Errors: those of fn, of the directory and of the store.
func (h *Handler) Act(ctx context.Context, by calendar.Actor, fn func(*calendar.Tx) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "/", http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Language", h.Language)
	req := &request{Request: r, caller: &auth.Caller{}, now: h.Now(), line: &logging.Entry{}}
	return h.supplied(ctx, req, func() error {
		return h.Calendars.Update(ctx, by, func(tx *calendar.Tx) error {
			s := &scope{h: h, req: req, tx: tx}
			tx.Meet(calendar.Sender{Parties: s, Rooms: s})
			return s.outcome(fn(tx))
		})
	})
}
