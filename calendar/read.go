package calendar

import (
	"bytes"
	"errors"

	"convene/internal/ical"
	"convene/snapshot"
	"convene/store"
)

// A Viewer says how much somebody sees of what is stored.
type Viewer interface {
	// View is how much of an object of a collection is shown.
	View(col *store.Collection, e *store.Entry) View

	// Title is what an object is called where the view is Titled; "": it has no title.
	Title(col *store.Collection, o *ical.Object) string

	// ShowsAll reports whether all of a collection is shown, whatever is in it.
	ShowsAll(col *store.Collection) bool
}

// ErrHidden: nothing of the object is shown.
var ErrHidden = errors.New("this object is not shown")

// ShowTo makes the transaction show objects as somebody sees them. Before, it shows
// all: that is for the server itself.
func (tx *Tx) ShowTo(v Viewer) { tx.seen = v }

// Whole is the same transaction, showing all: for what the server itself has to know,
// whoever made it look. Nothing that it reads goes to a client.
func (tx *Tx) Whole() *Tx {
	whole := *tx
	whole.seen = nil
	return &whole
}

// View is how much of an object this transaction shows.
func (tx *Tx) View(col *store.Collection, e *store.Entry) View {
	if tx.seen == nil {
		return Whole
	}
	return tx.seen.View(col, e)
}

func (tx *Tx) showsAll(col *store.Collection) bool { return tx.seen == nil || tx.seen.ShowsAll(col) }

// Body calls fn with the bytes of an object as a reader gets them; fn must not
// keep them. e is from tx. Errors: those of the store; ErrHidden.
func (tx *Tx) Body(col *store.Collection, e *store.Entry, fn func(body []byte)) error {
	if tx.View(col, e) == Whole {
		return tx.c.Snapshots.Body(tx.Tx, col, e, fn)
	}
	object, err := tx.Parsed(col, e)
	if err == nil {
		fn(object.Calendar.Append(nil))
	}
	return err
}

// Bytes returns a copy of an object's bytes as a reader gets them.
func (tx *Tx) Bytes(col *store.Collection, e *store.Entry) (body []byte, err error) {
	err = tx.Body(col, e, func(b []byte) { body = bytes.Clone(b) })
	return body, err
}

// Size is how many bytes Body gives.
func (tx *Tx) Size(col *store.Collection, e *store.Entry) (n int, err error) {
	if tx.View(col, e) == Whole {
		return e.Size, nil
	}
	err = tx.Body(col, e, func(b []byte) { n = len(b) })
	return n, err
}

// Parsed returns an object as a reader gets it. It is shared and must not be
// changed. Errors: those of the store, of [ical.Decode] and [ical.NewObject];
// ErrHidden.
//
// What is kept in memory for all readers is the whole object. A part of one is made
// for each who sees no more, and not kept.
func (tx *Tx) Parsed(col *store.Collection, e *store.Entry) (*ical.Object, error) {
	view := tx.View(col, e)
	if view == Nothing {
		return nil, ErrHidden
	}
	object, err := tx.c.Snapshots.Parsed(tx.Tx, col, e)
	if err != nil || view == Whole {
		return object, err
	}
	seen := view.of(object.Calendar)
	if view == Titled {
		if title := tx.seen.Title(col, object); title != "" {
			seen = titled(seen, title)
		}
	}
	return ical.NewObject(seen)
}

// Snapshot returns the listing of a collection as this transaction sees it. It is
// the same for everybody: whether an object is shown to a reader, View says.
func (tx *Tx) Snapshot(col *store.Collection) (*snapshot.Snapshot, error) {
	return tx.c.Snapshots.Get(tx.Tx, col)
}

// Matching returns the objects of a snapshot that may have an instance between
// from and to, in Unix seconds; floating times are read in zone, nil for UTC. See
// [snapshot.Snapshot.Matching].
func (tx *Tx) Matching(snap *snapshot.Snapshot, kinds store.Component, from, to int64, zone *ical.Zone, budget *ical.Budget) ([]snapshot.Match, error) {
	return snap.Matching(tx.Tx, kinds, from, to, zone, budget)
}
