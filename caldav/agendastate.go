package caldav

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
)

// AgendaState names the state that an Agenda for the caller would be of, as Agenda.State does,
// and whose homes those are that it depends on, by GUID. It reads one record of each. Errors:
// those of the directory and the store.
func (h *Handler) AgendaState(ctx context.Context, caller *auth.Caller) (state string, owners []string, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, "/", func(*request) (action, error) {
		return func(s *scope) (*webdav.Response, error) {
			x := &agendaRun{s: s, q: &AgendaQuery{}}
			people, err := x.people()
			if err != nil {
				return nil, err
			}
			owners = nil
			for _, p := range people {
				owners = append(owners, p.GUID)
			}
			state, err = x.state(people)
			return nil, err
		}, nil
	})
	return state, owners, err
}

// state names what the homes of some people hold.
func (x *agendaRun) state(people []*directory.Principal) (string, error) {
	sum := sha256.New()
	for _, p := range people {
		home, err := x.s.tx.Home(p.GUID)
		switch {
		case errors.Is(err, calendar.ErrNoHome):
			fmt.Fprintln(sum, p.GUID)
		case err != nil:
			return "", err
		default:
			fmt.Fprintln(sum, p.GUID, home.ID, home.Epoch, home.Rev)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// Watch tells of changes in somebody's homes, as store.Store.Watch does.
func (h *Handler) Watch(owners []string) (changed <-chan struct{}, stop func()) {
	return h.Calendars.Store.Watch(owners...)
}
