package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"convene/acl"
	"convene/admin"
	"convene/auth"
	"convene/caldav"
	"convene/calendar"
	"convene/config"
	"convene/directory"
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

// offlineSudo is who may act as whom, for the files of a stopped server.
func offlineSudo(ctx context.Context, c *config.Config, d directory.Directory) *sudo {
	quiet := slog.New(slog.DiscardHandler)
	sudoers, complete := resolveAll(ctx, d, "access.sudoers", c.Access.Sudoers, quiet)
	return &sudo{sudoers: sudoers, policy: accessPolicy(ctx, d, c, quiet), incomplete: !complete}
}

// offlineRights is rights for the files of a stopped server.
func offlineRights(ctx context.Context, c *config.Config, s *store.Store, d directory.Directory) (func(context.Context, *auth.Caller, string) (*acl.Explanation, error), error) {
	policy := accessPolicy(ctx, d, c, slog.New(slog.DiscardHandler))
	h, err := caldav.New(caldav.Options{
		Calendars: &calendar.Calendars{Store: s, Snapshots: snapshot.New(snapshot.Options{}), Rules: c.Calendars.Rules(), Groups: d.Groups},
		Directory: d, Access: &policy, Limits: c.Calendars, Now: time.Now,
	})
	return rights(h), err
}
