package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"convene/acl"
	"convene/admin"
	"convene/auth"
	"convene/caldav"
	"convene/config"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/rooms"
	"convene/sacl"
	"convene/snapshot"
	"convene/store"
)

// rights explains for the operator's verbs what somebody may do at a path.
func rights(h *caldav.Handler) func(context.Context, *auth.Caller, string) (*acl.Explanation, error) {
	return func(ctx context.Context, caller *auth.Caller, path string) (*acl.Explanation, error) {
		e, err := h.ExplainACL(ctx, caller, path)
		if caldav.IsNoPath(err) {
			return nil, fmt.Errorf("%s: %w", path, admin.ErrNoResource)
		}
		return e, err
	}
}

// methods explains for the operator's verbs how a request would fare.
func methods(h *caldav.Handler) func(context.Context, *auth.Caller, string, string) (*acl.MethodVerdict, error) {
	return func(ctx context.Context, caller *auth.Caller, method, path string) (*acl.MethodVerdict, error) {
		v, err := h.ExplainMethod(ctx, caller, method, path)
		if caldav.IsNoPath(err) {
			return nil, fmt.Errorf("%s: %w", path, admin.ErrNoResource)
		}
		return v, err
	}
}

// offlineSudo is who may act as whom, for the files of a stopped server.
func offlineSudo(ctx context.Context, c *config.Config, pins *sacl.Pins, d directory.Directory) *sudo {
	quiet := slog.New(slog.DiscardHandler)
	sudoers, complete := resolveAll(ctx, pins, d, "access.sudoers", c.Access.Sudoers, quiet)
	return &sudo{sudoers: sudoers, policy: accessPolicy(ctx, pins, d, c, quiet), incomplete: !complete}
}

// offlineHandler answers questions about the files of a stopped server.
func offlineHandler(ctx context.Context, c *config.Config, pins *sacl.Pins, s *store.Store, book *delegation.Book, settings *rooms.Settings, d directory.Directory) (*caldav.Handler, error) {
	policy := accessPolicy(ctx, pins, d, c, slog.New(slog.DiscardHandler))
	return caldav.New(caldav.Options{
		Calendars: calendarsOf(c, s, snapshot.New(snapshot.Options{}), nil, d),
		Directory: d, Access: &policy, Limits: c.Calendars, Now: time.Now,
		Delegates: caldav.Delegates{Book: book, Appointed: appointed.NewList(d), View: c.Delegates.DelegateView},
		Rooms:     roomPolicies(&c.Rooms, settings),
		RoomIndex: roomIndex(c, d, settings),
	})
}

// A roomFinder looks for rooms for the operator's verbs.
type roomFinder struct{ *caldav.Handler }

// BookRooms implements admin.Booker.
func (f roomFinder) BookRooms(ctx context.Context, caller *auth.Caller, list []*directory.Principal, v url.Values) (*rooms.Booked, error) {
	b, err := f.Handler.BookRooms(ctx, caller, list, v)
	switch declined, ok := errors.AsType[*caldav.DeclinedError](err); {
	case ok:
		return nil, fmt.Errorf("%w: %s", admin.ErrDeclined, declined.Text)
	case caldav.IsRefused(err):
		return nil, fmt.Errorf("%w: %s", admin.ErrNotBooked, err)
	}
	return b, err
}
