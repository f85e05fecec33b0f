package store

import (
	"errors"
	"fmt"

	"convene/internal/engine"
)

// Follow returns a feed of all that is committed after the call. Errors: those of
// engine.Follower.
func (s *Store) Follow() (*engine.Feed, error) {
	e, ok := s.engine.(engine.Follower)
	if !ok {
		return nil, errors.New("follow: this store is not a file")
	}
	f, err := e.Follow()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return f, nil
}

// OpenCopy opens a file that Snapshot has written, to take in what was committed since.
func OpenCopy(path string) (*engine.Copy, error) {
	c, err := engine.OpenCopy(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return c, nil
}
