package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"convene/internal/engine"
)

// Facts say what a store holds, so that a copy can be compared with it.
type Facts struct {
	ID          uint64 // the file's identity, the same in every copy; 0: not known
	Schema      uint64 // version of the layout
	Changes     uint64 // sum of the Revs of all homes
	Homes       int
	Collections int
	Objects     int
	Bytes       int64 // of all bodies
}

// Facts counts from the records of homes and collections: it reads no object.
func (s *Store) Facts(ctx context.Context) (Facts, error) {
	var f Facts
	st, err := s.state(ctx)
	if err != nil {
		return f, err
	}
	n, err := s.Stats(ctx)
	if err != nil {
		return f, err
	}
	return Facts{Schema: st.Version, Changes: n.changes, Homes: n.Homes, Collections: n.Collections, Objects: n.Objects, Bytes: n.Bytes}, nil
}

// A Snapshot is the store as it was at one moment.
type Snapshot struct {
	Facts
	file *engine.Snapshot
}

// Snapshot keeps the last committed state, while the store goes on. It must be
// closed, and until then the file grows where it would use space again.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	e, ok := s.engine.(engine.Snapshotter)
	if !ok {
		return nil, errors.New("snapshot: this store is not a file")
	}
	file, err := e.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	then := &Store{engine: &past{s.engine, file}, opt: s.opt, cache: newHomeCache(1)}
	facts, err := then.Facts(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), file.Close())
	}
	facts.ID = file.ID
	return &Snapshot{facts, file}, nil
}

// Size returns the bytes that WriteTo writes.
func (s *Snapshot) Size() int64 { return s.file.Size() }

// WriteTo writes a file that can be opened as it is.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) { return s.file.WriteTo(w) }

// Close lets the store use the space again.
func (s *Snapshot) Close() error { return s.file.Close() }

// past is an engine that shows one moment.
type past struct {
	engine.Engine
	file *engine.Snapshot
}

func (p *past) View(ctx context.Context, fn func(engine.Reader) error) error {
	return p.file.View(ctx, fn)
}

func (p *past) Size() (int64, error) { return p.file.Size(), nil }
