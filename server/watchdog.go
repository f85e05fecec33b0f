package server

import (
	"context"
	"errors"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"convene/internal/engine"
	"convene/store"
)

// watchdog pings systemd, if its unit wants that (WatchdogSec, systemd.service(5)), as
// long as the server can do something.
func (s *Server) watchdog(ctx context.Context) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil || limit == 0 {
		return err
	}
	return ping(ctx, limit/3, s.alive, func() { s.notify(daemon.SdNotifyWatchdog) })
}

// ping calls say each time that alive returns, every so often, until ctx ends. While alive
// waits nothing is said.
func ping(ctx context.Context, every time.Duration, alive func(context.Context), say func()) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		alive(ctx)
		select {
		case <-ctx.Done():
			return nil
		default:
			say()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// alive returns when the files have taken a transaction, or refused it: a full disk is
// not mended by a new start, a server that hangs may be.
func (s *Server) alive(ctx context.Context) {
	err := errors.Join(
		s.data.store.View(ctx, func(*store.Tx) error { return nil }),
		s.data.state.Update(ctx, func(engine.Writer) error { return nil }),
	)
	if err != nil && ctx.Err() == nil {
		s.log.Debug("a file refuses transactions", "err", err)
	}
}
