package caldav

import (
	"context"
	"errors"

	"convene/calendar"
	"convene/store"
)

// A Successor is who leaves, and who takes their meetings over.
type Successor struct {
	GUID string
	To   string // GUID; "": nobody, and the meetings are cancelled
}

// Discharge ends what a meeting binds somebody who leaves to, in one transaction: see
// calendar.Tx. note is called in it with what was done, and may write more. Errors: as Act;
// calendar.ErrNoHome, the successor has none.
func (h *Handler) Discharge(ctx context.Context, s Successor, uid string, since int64, note func(*calendar.Tx, calendar.Deed) error) (deed calendar.Deed, err error) {
	err = h.act(ctx, calendar.Actor{}, &calendar.Left{Gone: []string{s.GUID}}, func(tx *calendar.Tx) error {
		home, err := tx.Home(s.GUID)
		if err != nil {
			return err
		}
		var to *store.Home
		if s.To != "" {
			if to, err = tx.Home(s.To); err != nil {
				return err
			}
		}
		if deed, err = tx.Discharge(home, to, uid, since); err != nil {
			return err
		}
		return note(tx, deed)
	})
	return deed, err
}

// BookedBy are the meetings that a room has to come of an organizer who leaves.
func (h *Handler) BookedBy(ctx context.Context, room, organizer string) (list []calendar.Left, err error) {
	err = h.act(ctx, calendar.Actor{}, &calendar.Left{Gone: []string{organizer}}, func(tx *calendar.Tx) error {
		home, err := tx.Home(room)
		if err != nil {
			return err
		}
		list, err = tx.BookedBy(home, organizer)
		if errors.Is(err, calendar.ErrNoBooking) {
			err = nil
		}
		return err
	})
	return list, err
}

// GiveUp gives one of these back. note is called in the same transaction. What somebody
// else was faster with is no error, and then note is not called.
func (h *Handler) GiveUp(ctx context.Context, room string, l *calendar.Left, note func(*calendar.Tx) error) error {
	err := h.act(ctx, calendar.Actor{}, l, func(tx *calendar.Tx) error {
		home, err := tx.Home(room)
		if err != nil {
			return err
		}
		if err := tx.GiveUp(home, l); err != nil {
			return err
		}
		return note(tx)
	})
	if errors.Is(err, calendar.ErrNoBooking) {
		err = nil
	}
	return err
}
