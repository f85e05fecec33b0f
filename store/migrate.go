package store

import (
	"context"
	"fmt"

	"convene/engine"
)

// schemaVersion is the version of the layout that this program reads and
// writes: the number of migrations.
var schemaVersion = uint64(len(migrations))

// migrations bring a file from the version that is their place in the list to
// the next, each in one transaction with the new version number. They are never
// changed once released. The first makes an empty file a store.
var migrations = []func(w engine.Writer, s *state) error{
	func(engine.Writer, *state) error { return nil },
}

// migrate brings the file to schemaVersion. Errors: ErrNewer, ErrForeign.
func (s *Store) migrate(ctx context.Context) error {
	for {
		version, err := s.version(ctx)
		if err != nil {
			return err
		}
		switch {
		case version == schemaVersion:
			return nil
		case version > schemaVersion:
			return fmt.Errorf("format %d, this program knows %d: %w", version, schemaVersion, ErrNewer)
		}
		err = s.engine.Update(ctx, func(w engine.Writer) error {
			st, err := readState(w)
			if err != nil || st.Version != version {
				return err // another process was faster
			}
			if err := migrations[version](w, &st); err != nil {
				return fmt.Errorf("migration from format %d: %w", version, err)
			}
			st.Version++
			return w.Put(tableMeta, []byte(metaState), st.encode())
		})
		if err != nil {
			return err
		}
	}
}

func (s *Store) version(ctx context.Context) (version uint64, err error) {
	err = s.engine.View(ctx, func(r engine.Reader) error {
		st, err := readState(r)
		version = st.Version
		return err
	})
	return version, err
}

// readState returns the file's state record; that of an empty file is zero.
func readState(r engine.Reader) (state, error) {
	if v := r.Get(tableMeta, []byte(metaState)); v != nil {
		return decodeState(v)
	}
	for _, t := range Tables() {
		for range r.Scan(t, nil, nil) {
			return state{}, ErrForeign
		}
	}
	return state{}, nil
}
