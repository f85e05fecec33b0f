package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"convene/config"
	"convene/delegation"
	"convene/store"
)

// openDelegates opens the delegate database of a configuration's data folder, which
// belongs to a calendar store. gate, which may be nil, holds changes up. What is wrong with its file is no error: then the
// server runs, and says so. Errors: those of the store, and delegation.Open's.
func openDelegates(ctx context.Context, c *config.Config, s *store.Store, now func() time.Time, log *slog.Logger, tell func(delegation.State), gate func(context.Context) error) (*delegation.Book, error) {
	id, err := s.FileID()
	if err != nil {
		return nil, err
	}
	return delegation.Open(ctx, delegation.Options{
		Folder: c.Server.Data, Store: id, Witness: witness{s},
		Clock: now, Log: log, KeepEnded: c.Delegates.KeepEnded, Tell: tell, Gate: gate,
	})
}

// A witness remembers in the calendar store what the delegate database was last: so
// the loss of that file, or of what is beside it, is seen.
type witness struct{ store *store.Store }

// witnessNote is the name of the note.
const witnessNote = "delegates"

// Load implements delegation.Witness.
func (w witness) Load(ctx context.Context) (m delegation.Mark, err error) {
	text, err := w.store.Note(ctx, witnessNote)
	if err != nil || text == nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("the note about it: %w", err)
	}
	return m, nil
}

// Save implements delegation.Witness.
func (w witness) Save(ctx context.Context, m delegation.Mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.store.SetNote(admitted(ctx), witnessNote, text) // the change was let in
}

// tendEvery is how often the delegate database does what is due.
const tendEvery = time.Minute

// tendDelegates looks after the delegate database. What is wrong with it, Book says
// itself: to the log, and to health.
func (s *Server) tendDelegates(ctx context.Context) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		if s.maintenance.gate(ctx) != nil {
			// later
		} else if err := s.data.delegates.Tend(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("delegate database not tended", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
