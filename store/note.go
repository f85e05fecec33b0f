package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"convene/internal/engine"
)

// FileID is the identity of the store's file: random, made with the file, the same
// in every copy.
func (s *Store) FileID() (string, error) {
	e, ok := s.engine.(engine.Identified)
	if !ok {
		return "", errors.New("store: it is not a file")
	}
	id, err := e.FileID()
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return fmt.Sprintf("%016x", id), nil
}

// Overwrite returns when nothing is left in the file of what was deleted or replaced
// before: of what Maintain has to purge, when it has. Everything else goes on meanwhile.
func (s *Store) Overwrite(ctx context.Context) error {
	if err := engine.Overwrite(ctx, s.engine); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Note returns what was noted under a name, nil if nothing was: what somebody else
// has to find again where the calendars are, such as the state of another file. It
// goes with every copy of the store.
func (s *Store) Note(ctx context.Context, name string) (value []byte, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		value = nil
		v := tx.r.Get(tableMeta, noteKey(name))
		if v == nil {
			return nil
		}
		d := decoder{b: v}
		d.format(formatNote)
		value = bytes.Clone(d.b)
		return d.err("note " + name)
	})
	return value, err
}

// SetNote notes a value under a name, in the place of what was there.
func (s *Store) SetNote(ctx context.Context, name string, value []byte) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.SetNote(name, value) })
}

// SetNote is Store.SetNote as part of a transaction.
func (tx *Tx) SetNote(name string, value []byte) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	return tx.w.Put(tableMeta, noteKey(name), append([]byte{formatNote}, value...))
}

func noteKey(name string) []byte { return append([]byte{metaNote}, name...) }
