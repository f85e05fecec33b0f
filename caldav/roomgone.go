package caldav

import (
	"context"
	"errors"

	"convene/calendar"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// A departed is somebody who has left the directory, and still has a home.
type departed struct {
	party *scheduling.Party
	room  *calendar.Room // nil: they are none
}

// remember lets the transaction know those who have left, as they were: so what is given
// back for them reaches their meetings, and all who are invited.
func (s *scope) remember(left *calendar.Left) error {
	if left == nil {
		return nil
	}
	s.departed = map[string]*departed{}
	for _, guid := range left.Gone {
		party, home, err := s.tx.Departed(guid)
		if errors.Is(err, calendar.ErrNoHome) {
			continue
		}
		if err != nil {
			return err
		}
		d := &departed{party: party}
		if calendar.IsRoom(home) {
			party.CN, d.room = left.Room, calendar.Closed(home)
		}
		s.departed[guid] = d
	}
	return nil
}

// former is somebody of whom the directory has no record, as remembered; nil: nobody.
func (s *scope) former(address string) *scheduling.Party {
	if d := s.departed[scheduling.GUIDOf(address)]; d != nil {
		return d.party
	}
	return nil
}

// formerRoom is a room of which the directory has no record, as remembered; nil: none.
func (s *scope) formerRoom(guid string) *calendar.Room {
	if d := s.departed[guid]; d != nil {
		return d.room
	}
	return nil
}

// TakeBack gives back what a room has to come of organizers who have left the directory,
// or of all if the room has: each meeting in a transaction of its own. done is told of
// each. Errors: as Act.
func (h *Handler) TakeBack(ctx context.Context, room string, d calendar.Departure, done func(calendar.Left)) error {
	var list []calendar.Left
	in := func(left *calendar.Left, fn func(*calendar.Tx, *store.Home) error) error {
		return h.act(ctx, calendar.Actor{}, left, func(tx *calendar.Tx) error {
			home, err := tx.Home(room)
			if err != nil {
				return err
			}
			return fn(tx, home)
		})
	}
	err := in(nil, func(tx *calendar.Tx, home *store.Home) (err error) {
		list, err = tx.Leavers(home, d)
		return err
	})
	for i := range list {
		if err != nil || ctx.Err() != nil {
			break
		}
		l := &list[i]
		err = in(l, func(tx *calendar.Tx, home *store.Home) error { return tx.GiveUp(home, l) })
		switch {
		case err == nil:
			done(*l)
		case errors.Is(err, calendar.ErrNoBooking): // somebody else was faster
			err = nil
		}
	}
	return err
}

// formerFacts are those of a room that the directory does not know any more.
func (s *scope) formerFacts(guid string, organizer *scheduling.Party) *policy.Facts {
	return &policy.Facts{GUID: guid, Name: s.departed[guid].party.CN, Booker: policy.PersonID{GUID: organizer.GUID}}
}
