package caldav

import (
	"context"
	"net/http"

	"convene/auth"
	"convene/calendar"
	"convene/internal/logging"
	"convene/rooms"
	"convene/store"
)

// Act runs fn in a transaction that changes bookings of rooms without a request: for
// somebody who works on the server, or since time has passed. What fn changes goes the
// way of all changes, and the organizers are told. It may wait, and fn may run more
// than once. Errors: those of fn, of the directory and of the store.
func (h *Handler) Act(ctx context.Context, by calendar.Actor, fn func(*calendar.Tx) error) error {
	return h.act(ctx, by, nil, fn)
}

// act is Act, in which those who have left the directory are known that are named.
func (h *Handler) act(ctx context.Context, by calendar.Actor, left *calendar.Left, fn func(*calendar.Tx) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "/", http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Language", h.Language)
	req := &request{Request: r, caller: &auth.Caller{}, now: h.Now(), line: &logging.Entry{}}
	return h.supplied(ctx, req, func() error {
		return h.Calendars.Update(ctx, by, func(tx *calendar.Tx) error {
			s := &scope{h: h, req: req, tx: tx}
			if err := s.remember(left); err != nil {
				return err
			}
			tx.Meet(calendar.Sender{Parties: s, Rooms: s})
			return s.outcome(fn(tx))
		})
	})
}

// AdvanceRoom looks at the dates of a room's series that its horizon has reached, each
// copy in a transaction of its own. It returns how many dates had to give way.
func (h *Handler) AdvanceRoom(ctx context.Context, guid string) (declined int, err error) {
	var behind []rooms.Object
	in := func(fn func(*calendar.Tx, *store.Home) error) error {
		return h.Act(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
			home, err := tx.Home(guid)
			if err != nil {
				return err
			}
			return fn(tx, home)
		})
	}
	err = in(func(tx *calendar.Tx, home *store.Home) (err error) {
		behind, err = tx.Behind(home)
		return err
	})
	for _, o := range behind {
		if err != nil || ctx.Err() != nil {
			break
		}
		var n int
		err = in(func(tx *calendar.Tx, home *store.Home) (err error) {
			n, err = tx.Advance(home, o)
			return err
		})
		if err == nil {
			declined += n
		}
	}
	return declined, err
}
