package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"convene/calendar"
	"convene/sacl"
	"convene/store"
)

// How often the server looks for changes of which there is no notice.
const (
	watchEvery   = time.Second
	resolveEvery = time.Minute // administrators' names; each watchEvery while some are unknown
)

// watch follows the files that change while the server runs: certificate and
// access list; and who the administrators are.
func (s *Server) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	resolved := s.now()
	quiet := slog.New(slog.DiscardHandler)
	var logged string // the last trouble with the access list
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s.certs.refresh()
		s.reload.Lock()
		current := s.current.Load()
		trouble := ""
		if _, err := current.sacl.Reload(); err != nil {
			trouble = err.Error()
		}
		if trouble != logged && trouble != "" {
			s.log.Error("access list not read again; the rules stay as they were", "err", trouble)
		}
		logged = trouble
		if now := s.now(); current.policy.Incomplete || current.sudo.Load().incomplete || current.quota.Load().Incomplete || now.Sub(resolved) >= resolveEvery {
			resolved = now
			if err := s.setCalendars(ctx, current, quiet); err != nil {
				s.log.Error("administrators not changed", "err", err)
			}
			s.setQuota(ctx, current, quiet)
			pin(ctx, current.sacl)
			s.limits.quota.Store(current.quota.Load())
			refreshDirectory(ctx, current, s.log)
		}
		s.reload.Unlock()
	}
}

// pin looks for the records that the access list means. While the directory is away
// those known before stay.
func pin(ctx context.Context, list *sacl.SACL) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	list.Pin(ctx)
}

// refreshDirectory reads again which delegates the directory names, and which rooms there
// are. While it is away those known before stay.
func refreshDirectory(ctx context.Context, current *generation, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	if err := current.appointed.Refresh(ctx); err != nil {
		log.Debug("delegates whom the directory names are not read again", "err", err)
	}
	if err := current.rooms.Refresh(ctx); err != nil {
		log.Debug("rooms are not read again", "err", err)
	}
}

// maintainEvery is how often the store does what it has put off: deleted
// calendars are purged, old sync positions forgotten.
const maintainEvery = 10 * time.Minute

func (s *Server) maintain(ctx context.Context) error {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		r, err := s.data.store.Maintain(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, store.ErrPaused):
			// later
		case err != nil:
			s.log.Error("store not maintained", "err", err)
		default:
			s.log.Debug("store maintained", "report", r)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweepEvery is how often the messages are removed that no client has removed.
const sweepEvery = 12 * time.Hour

// sweep removes old messages from inboxes.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if life := s.current.Load().config.Scheduling.InboxLife; life > 0 {
			c := calendar.Calendars{Store: s.data.store, Snapshots: s.data.snapshots}
			n, err := c.SweepInboxes(ctx, s.now().Add(-life))
			if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrPaused) {
				s.log.Error("old messages not removed", "err", err)
			} else if n > 0 {
				s.log.Info("old messages removed from inboxes", "messages", n)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
