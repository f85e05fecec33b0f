package store

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"convene/internal/engine"
	"convene/quota"
)

// A Tx is one transaction: of View, which only reads, or of Update. It is used
// by one goroutine and not after its function has returned.
type Tx struct {
	s   *Store
	r   engine.Reader
	w   engine.Writer // nil in a view
	err error         // damage met where no error can be returned; fails the transaction

	// What a view has read last: nearly all are of one home and collection.
	seen   *Home
	seenIn *Collection

	// What this transaction has read to change it, or may yet, as it is to be
	// written at the end. Lists are searched, not mapped: nearly all
	// transactions meet one of each.
	state       *state
	homes       []*changed[Home]
	collections []*changed[Collection]

	found found // the object looked up last

	policy *quota.Policy // as first asked for
}

// found is what is under a name in a collection: neither entry nor tombstone if
// there never was an object.
type found struct {
	collection CollectionID
	name       string
	known      bool
	entry      *Entry
	grave      *tombstone
}

// changed is a record that is written at the end of a transaction if it differs
// from what it was.
type changed[T comparable] struct{ now, was T }

// Now returns the clock's time.
func (tx *Tx) Now() time.Time { return tx.s.opt.Now() }

// ReadOnly reports whether tx is of View: it sees what was committed and nothing
// else.
func (tx *Tx) ReadOnly() bool { return tx.w == nil }

// fail makes the transaction fail although the method at hand returns no error.
func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// nextRev gives out the next moment of the store's history.
func (tx *Tx) nextRev() (Rev, error) {
	s, err := tx.counters()
	if err != nil {
		return 0, err
	}
	s.Rev++
	return s.Rev, nil
}

func (tx *Tx) counters() (*state, error) {
	if tx.w == nil {
		return nil, engine.ErrReadOnly
	}
	if tx.state == nil {
		s, err := decodeState(tx.r.Get(tableMeta, []byte(metaState)))
		if err != nil {
			return nil, err
		}
		tx.state = &s
	}
	return tx.state, nil
}

// flush writes the records that change with nearly everything once, at the
// end: counters, homes, collections.
func (tx *Tx) flush() error {
	var errs []error
	if n := tx.grown(); n != 0 {
		st, err := tx.counters()
		if err != nil {
			return err
		}
		st.Bytes += n
	}
	if tx.state != nil {
		errs = append(errs, tx.w.Put(tableMeta, []byte(metaState), tx.state.encode()))
	}
	for _, h := range tx.homes {
		if h.now != h.was {
			errs = append(errs, tx.w.Put(tableHomes, homeKey(h.now.ID), h.now.encode()))
		}
	}
	for _, c := range tx.collections {
		if c.now != c.was {
			errs = append(errs, tx.w.Put(tableHomes, memberKey(c.now.Home, c.now.Name), c.now.encode()))
		}
	}
	return errors.Join(errs...)
}

// changingHome returns the home as this transaction changes it.
func (tx *Tx) changingHome(id HomeID) (*Home, error) {
	if tx.w == nil {
		return nil, engine.ErrReadOnly
	}
	for _, h := range tx.homes {
		if h.now.ID == id {
			return &h.now, nil
		}
	}
	h, err := tx.readHome(id)
	if err != nil {
		return nil, err
	}
	w := &changed[Home]{*h, *h}
	tx.homes = append(tx.homes, w)
	return &w.now, nil
}

// changing returns the collection that c was, and its home, as this
// transaction changes them. c may be older than the transaction.
func (tx *Tx) changing(c *Collection) (*Collection, *Home, error) {
	if tx.w == nil {
		return nil, nil, engine.ErrReadOnly
	}
	for _, w := range tx.collections {
		if w.now.ID == c.ID {
			h, err := tx.changingHome(w.now.Home)
			return &w.now, h, err
		}
	}
	stored, err := tx.readCollection(c.Home, c.Name)
	if errors.Is(err, ErrNotFound) || err == nil && stored.ID != c.ID {
		stored, err = tx.CollectionByID(c.ID) // moved or renamed since
	}
	if err != nil {
		return nil, nil, err
	}
	h, err := tx.changingHome(stored.Home)
	if err != nil {
		return nil, nil, err
	}
	w := &changed[Collection]{*stored, *stored}
	tx.collections = append(tx.collections, w)
	return &w.now, h, nil
}

// touch gives a change in c, and so in its home, its Rev.
func (tx *Tx) touch(c *Collection, h *Home) (Rev, error) {
	rev, err := tx.nextRev()
	if err != nil {
		return 0, err
	}
	c.Rev = rev
	c.ModifiedAt = tx.second()
	tx.stamp(h, rev)
	return rev, nil
}

// touchHome gives a change of a home itself its Rev.
func (tx *Tx) touchHome(h *Home) error {
	rev, err := tx.nextRev()
	if err == nil {
		tx.stamp(h, rev)
	}
	return err
}

// stamp makes rev, and now, the last change of a home.
func (tx *Tx) stamp(h *Home, rev Rev) {
	h.Rev = rev
	h.ModifiedAt = tx.second()
}

// second is now in UTC, in whole seconds.
func (tx *Tx) second() time.Time { return tx.Now().UTC().Truncate(time.Second) }

// forget drops a collection that was deleted from those to be written.
func (tx *Tx) forget(id CollectionID) {
	for i, c := range tx.collections {
		if c.now.ID == id {
			tx.collections = append(tx.collections[:i], tx.collections[i+1:]...)
			return
		}
	}
}

const (
	maxName = 255
	maxUID  = 1024
)

// checkName refuses names that are empty, too long or not UTF-8.
func checkName(name string) error {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) {
		return fmt.Errorf("name %.40q: %w", name, &LimitError{LimitName, maxName})
	}
	return nil
}
