package store

import (
	"context"
	"fmt"

	"convene/internal/engine"
)

// schemaVersion is the version of the layout that this program reads and writes.
//
//	0  an empty file
//	1  values without checksums, one counter of revisions
//	2  properties count; what of this was not counted is with the next migration
//	3  the index does not say who may see an object
//	4  no object shares its body
//	5  the queue is found by when its rows are due, not by threads
//	6  as doc.go says
const schemaVersion = 6

// migrate brings the file to schemaVersion, in transactions that are bounded: it
// may be ended at any point, and the next start goes on. Errors: ErrNewer,
// ErrForeign.
func (s *Store) migrate(ctx context.Context) error {
	for told := false; ; {
		st, err := s.state(ctx)
		switch {
		case err != nil:
			return err
		case st.Version == schemaVersion:
			s.epoch.Store(uint32(st.Epoch))
			return nil
		case st.Version > schemaVersion:
			return fmt.Errorf("format %d, this program knows %d: %w", st.Version, schemaVersion, ErrNewer)
		}
		if !told && st.Version > 0 && s.opt.Log != nil {
			told = true
			s.opt.Log.Info("the file is brought to a new format", "from", st.Version, "to", schemaVersion)
		}
		err = s.engine.Update(ctx, func(w engine.Writer) error {
			st, err := readState(w)
			if err != nil || st.Version >= schemaVersion {
				return err // another process was faster
			}
			if err := s.migrateSome(w, &st); err != nil {
				return fmt.Errorf("migration from format %d: %w", st.Version, err)
			}
			return writeState(w, &st)
		})
		if err != nil {
			return err
		}
		s.migrated = s.migrated || st.Version > 0
	}
}

func (s *Store) migrateSome(w engine.Writer, st *state) error {
	if st.Version == 0 {
		st.Version, st.Epoch = schemaVersion, s.epochAfter(0)
		return nil
	}
	if st.Version < 3 {
		return s.sealSome(w, st)
	}
	if st.Version < 4 {
		return s.indexAccess(w, st)
	}
	if st.Version < 5 {
		st.Version = 5 // what it says of objects is right as it is
		return nil
	}
	return s.threadQueue(w, st)
}

// epochAfter draws an epoch that is not the one before.
func (s *Store) epochAfter(before Epoch) Epoch {
	for {
		if e := s.opt.NewEpoch(); e != before && e != 0 {
			return e
		}
	}
}

func (s *Store) state(ctx context.Context) (st state, err error) {
	err = s.engine.View(ctx, func(r engine.Reader) error {
		st, err = readState(r)
		return err
	})
	return st, err
}

// readState returns the file's state record, of which one of an older format has
// its version alone; that of an empty file is zero.
func readState(r engine.Reader) (state, error) {
	key := []byte(metaState)
	v := r.Get(tableMeta, key)
	if v == nil {
		for _, t := range Tables() {
			for range r.Scan(t, engine.Range{KeysOnly: true, Limit: 1}) {
				return state{}, ErrForeign
			}
		}
		return state{}, nil
	}
	if len(v) > 0 && v[0] <= legacyState {
		old, err := decodeLegacyState(v)
		return state{Version: old.version}, err
	}
	value, ok := unseal(tableMeta, key, v)
	if !ok {
		return state{}, fmt.Errorf("state: %w", ErrCorrupt)
	}
	return decodeState(value)
}

func writeState(w engine.Writer, st *state) error {
	key := []byte(metaState)
	return w.Put(tableMeta, key, appendSeal(tableMeta, key, st.encode()))
}

// MarkRestored tells the store that its file is an older copy of one that went
// on after the copy was made. It begins a new epoch: no ETag, ctag or sync token
// that was given out before is valid any more, and none is given out again.
func (s *Store) MarkRestored(ctx context.Context) error {
	var epoch Epoch
	err := s.engine.Update(ctx, func(w engine.Writer) error {
		st, err := readState(w)
		if err != nil {
			return err
		}
		st.Epoch = s.epochAfter(st.Epoch)
		epoch = st.Epoch
		return writeState(w, &st)
	})
	if err == nil {
		s.numbers.forget() // what they were taken from is another file's
		s.epoch.Store(uint32(epoch))
	}
	return err
}
