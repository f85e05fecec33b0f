package caldav

import (
	"context"
	"errors"
	"net/http"

	"convene/auth"
	"convene/calendar"
	"convene/internal/webdav"
	"convene/store"
)

// ActsFor are what others did last with the objects in the caller's calendars, the newest
// first: see calendar.Act.
func (h *Handler) ActsFor(ctx context.Context, caller *auth.Caller) (list []calendar.Act, err error) {
	err = h.withHome(ctx, caller, func(s *scope, home *store.Home) error {
		list, err = s.tx.Acts(home)
		return err
	})
	return list, err
}

// ActOn is what somebody else did last with an object in a calendar of the caller; nil: it
// is not known of anybody.
func (h *Handler) ActOn(ctx context.Context, caller *auth.Caller, collection, object string) (act *calendar.Act, err error) {
	err = h.withHome(ctx, caller, func(s *scope, home *store.Home) error {
		act = nil
		col, err := s.tx.Collection(home.ID, collection)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			act, err = s.tx.Act(home, col, object)
		}
		return err
	})
	return act, err
}

// withHome runs fn in a transaction that only reads, if the caller has a home.
func (h *Handler) withHome(ctx context.Context, caller *auth.Caller, fn func(*scope, *store.Home) error) error {
	return h.asCaller(ctx, caller, http.MethodGet, "/calendars/__uids__/"+caller.Principal.GUID+"/", func(*request) (action, error) {
		return func(s *scope) (*webdav.Response, error) {
			home, err := s.tx.Home(caller.Principal.GUID)
			if errors.Is(err, calendar.ErrNoHome) {
				return nil, nil
			}
			if err == nil {
				err = fn(s, home)
			}
			return nil, err
		}, nil
	})
}
