package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"convene/admin/backup"
	"convene/calendar"
	"convene/config"
	"convene/delegation"
	"convene/internal/engine"
	"convene/internal/held"
	"convene/quota"
	"convene/rooms"
	"convene/snapshot"
	"convene/store"
)

// data is what the server keeps: one for its life.
type data struct {
	store     *store.Store
	delegates *delegation.Book
	snapshots *snapshot.Cache
	pace      calendar.Pace   // of who sends messages about meetings
	state     engine.Engine   // of sign-in, and of the access list
	rooms     *rooms.Settings // which are in state
}

// open opens the files of a configuration's data folder, after a restore that was
// interrupted. wrap, which may be nil, returns what is used in place of an engine;
// health notes what their engines report; gate holds changes up. On error those that were opened stay open.
func (d *data) open(c *config.Config, policy func() *quota.Policy, now func() time.Time, log *slog.Logger, health *health, gate func(context.Context) error, wrap func(engine.Engine) engine.Engine) (err error) {
	if err = resumeRestore(c.Server.Data, log); err != nil {
		return err
	}
	if d.store, err = openStore(c, policy, now, log, health.of("calendars.db"), gate, wrap); err != nil {
		return err
	}
	if d.delegates, err = openDelegates(context.Background(), c, d.store, now, log, health.ofDelegates, gate); err != nil {
		return err
	}
	if d.state, err = openState(c, now, log, health.of("auth.db")); err != nil {
		return err
	}
	if wrap != nil {
		d.state = wrap(d.state)
	}
	d.rooms = &rooms.Settings{Engine: d.state, Now: now}
	d.snapshots = snapshot.New(snapshot.Options{MaxBytes: int64(c.Storage.Snapshots), Form: calendar.ReaderForm(c.Scheduling.Options())})
	return nil
}

// close closes what is open.
func (d *data) close() error {
	var errs []error
	if d.state != nil {
		errs = append(errs, d.state.Close())
	}
	if d.delegates != nil { // it tells the store what it was last
		errs = append(errs, d.delegates.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// ErrInUse is returned when a server runs with the data folder.
var ErrInUse = errors.New("a server runs with this data folder")

// openStore opens the calendars of a configuration's data folder. policy says
// what may be stored. Errors: ErrInUse, also while a backup is being restored; and
// those of the store.
func openStore(c *config.Config, policy func() *quota.Policy, now func() time.Time, log *slog.Logger, trouble func(error), gate func(context.Context) error, wrap func(engine.Engine) engine.Engine) (*store.Store, error) {
	if err := notRunning(context.Background(), c.Server.Data); err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(c.Server.Data, "calendars.db"), store.Options{
		Indexer: calendar.Index, Now: now, ChangeLogAge: c.Storage.SyncFor,
		Quota: policy, FreeDisk: func() (int64, error) { return freeDisk(c.Server.Data) },
		Log: log, Trouble: trouble, Gate: gate, Wrap: wrap,
	})
	if err == nil && backup.UnderWay(c.Server.Data) { // begun meanwhile, when no lock was held here
		return nil, errors.Join(fmt.Errorf("%s: %w", c.Server.Data, backup.ErrInUse), s.Close())
	}
	return s, err
}

// openState opens the sign-in state of a configuration's data folder. What was
// signed after the moment of a copy that was put in its place is not accepted again.
func openState(c *config.Config, now func() time.Time, log *slog.Logger, trouble func(error)) (engine.Engine, error) {
	path := filepath.Join(c.Server.Data, "auth.db")
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: backup.StateTables(), Log: log, Trouble: trouble, Mark: true})
	if err != nil {
		return nil, fmt.Errorf("sign-in state: %w", err)
	}
	w := e.(engine.Witness)
	if !w.Behind() {
		return e, nil
	}
	log.Warn("the file is older than it was: it was restored from a copy; device passwords, published links and panels are held", "file", path, "see", "convene held list")
	if err := backup.MarkStateRestored(context.Background(), e, nil, now()); err != nil {
		return nil, errors.Join(fmt.Errorf("sign-in state: %w", err), e.Close())
	}
	w.CaughtUp()
	return e, nil
}

// sayHeld warns of what is out of service since a restore.
func (s *Server) sayHeld(ctx context.Context) error {
	list, err := held.List(ctx, s.data.state)
	if err != nil {
		return fmt.Errorf("sign-in state: %w", err)
	}
	if len(list) > 0 {
		s.log.Warn("device passwords, published links and panels are held since a restore", "held", len(list), "see", "convene held list")
	}
	return nil
}
