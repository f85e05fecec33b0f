package store

import (
	"context"
	"fmt"

	"convene/internal/engine"
)

// schemaVersion is the version of the layout that this program reads and
// writes: the number of migrations.
var schemaVersion = uint64(len(migrations))

// migrations bring a file from the version that is their place in the list to
// the next, each in one transaction with the new version number. They are never
// changed once released. The first makes an empty file a store.
var migrations = []func(w engine.Writer, s *state) error{
	func(engine.Writer, *state) error { return nil },
	countProperties,
}

// countProperties adds what properties take to the sums of collections and homes,
// the collections that count against a quota to the homes', and the sum of all
// homes to the state.
func countProperties(w engine.Writer, s *state) error {
	tx := &Tx{r: w, w: w}
	s.Bytes = 0
	for k, v := range w.Scan(tableHomes, engine.Range{}) {
		id, kind, _ := splitHomeKey(k)
		if kind != homeRecord {
			continue
		}
		h, err := decodeHome(id, v)
		if err != nil {
			return fmt.Errorf("home %d: %w", id, err)
		}
		all, err := tx.readCollections(id)
		if err != nil {
			return fmt.Errorf("home %d: %w", id, err)
		}
		h.UsedBytes += tx.propertyBytes(OfHome(id).key)
		for _, c := range all {
			c.PropertyBytes = tx.propertyBytes(OfCollection(c).key) + tx.objectPropertyBytes(c.ID)
			h.UsedBytes += c.PropertyBytes
			h.Counted += int(counted(c.Kind))
			if err := w.Put(tableHomes, memberKey(id, c.Name), c.encode()); err != nil {
				return err
			}
		}
		s.Bytes += h.UsedBytes
		if err := w.Put(tableHomes, homeKey(id), h.encode()); err != nil {
			return err
		}
	}
	return nil
}

// migrate brings the file to schemaVersion. Errors: ErrNewer, ErrForeign.
func (s *Store) migrate(ctx context.Context) error {
	for {
		st, err := s.state(ctx)
		if err != nil {
			return err
		}
		version := st.Version
		switch {
		case version == schemaVersion:
			s.gaps = st.Gaps
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

func (s *Store) state(ctx context.Context) (st state, err error) {
	err = s.engine.View(ctx, func(r engine.Reader) error {
		st, err = readState(r)
		return err
	})
	return st, err
}

// readState returns the file's state record; that of an empty file is zero.
func readState(r engine.Reader) (state, error) {
	if v := r.Get(tableMeta, []byte(metaState)); v != nil {
		return decodeState(v)
	}
	for _, t := range Tables() {
		for range r.Scan(t, engine.Range{KeysOnly: true, Limit: 1}) {
			return state{}, ErrForeign
		}
	}
	return state{}, nil
}

// revJump is how far MarkRestored moves on: farther than the file that was
// replaced can have come since the backup.
const revJump Rev = 1 << 32

// MarkRestored tells the store that its file is an older copy of one that went
// on after the copy was made. It leaves a gap in the revisions, so that no ETag
// of the lost changes is given out again, and expires the sync positions in it.
// The store must be opened again afterwards.
func (s *Store) MarkRestored(ctx context.Context) error {
	return s.Update(ctx, func(tx *Tx) error {
		st, err := tx.counters()
		if err != nil {
			return err
		}
		g := gap{st.Rev, st.Rev + revJump}
		st.Rev = g.After
		st.Gaps = append(st.Gaps, g)
		return nil
	})
}
