package calendar

import (
	"bytes"

	"convene/internal/ical"
	"convene/snapshot"
	"convene/store"
)

// Body calls fn with the bytes of an object as a reader gets them; fn must not
// keep them. e is from tx. Errors: those of the store.
func (tx *Tx) Body(col *store.Collection, e *store.Entry, fn func(body []byte)) error {
	return tx.c.Snapshots.Body(tx.Tx, col, e, fn)
}

// Bytes returns a copy of an object's bytes as a reader gets them.
func (tx *Tx) Bytes(col *store.Collection, e *store.Entry) (body []byte, err error) {
	err = tx.Body(col, e, func(b []byte) { body = bytes.Clone(b) })
	return body, err
}

// Parsed returns an object as a reader gets it. It is shared and must not be
// changed. Errors: those of the store, of [ical.Decode] and [ical.NewObject].
func (tx *Tx) Parsed(col *store.Collection, e *store.Entry) (*ical.Object, error) {
	return tx.c.Snapshots.Parsed(tx.Tx, col, e)
}

// Snapshot returns the listing of a collection as this transaction sees it.
func (tx *Tx) Snapshot(col *store.Collection) (*snapshot.Snapshot, error) {
	return tx.c.Snapshots.Get(tx.Tx, col)
}

// Matching returns the objects of a snapshot that may have an instance between
// from and to, in Unix seconds; floating times are read in zone, nil for UTC. See
// [snapshot.Snapshot.Matching].
func (tx *Tx) Matching(snap *snapshot.Snapshot, kinds store.Component, from, to int64, zone *ical.Zone, budget *ical.Budget) ([]snapshot.Match, error) {
	return snap.Matching(tx.Tx, kinds, from, to, zone, budget)
}
