package store

import (
	"errors"
	"fmt"
	"maps"
	"time"
	"unicode/utf8"

	"convene/internal/engine"
	"convene/quota"
)

// A Tx is one transaction: of View, which only reads, or of Update. It is used
// by one goroutine and not after its function has returned.
type Tx struct {
	s  *Store
	in sealed
	r  *sealed // &in
	w  *sealed // &in; nil in a view

	epoch   Epoch
	repairs uint64 // of the store when the transaction began; see Repairs

	// What a view has read last: nearly all are of one home and collection.
	seen   *Home
	seenIn *Collection

	*unwritten // of a view: nothing

	found found // the object looked up last

	policy *quota.Policy // as first asked for
}

// unwritten is what an update has read to change it, or may yet, as it is to be written
// at the end.
type unwritten struct {
	homes       pending[HomeID, Home]
	collections pending[CollectionID, Collection]
	points      int // savepoints that there have been

	blocks  map[string]block // of numbers, taken from the file in this transaction
	settled int64            // by how much deleted homes made the store larger

	proven string // the SHA-256 of the body that is known to be whole if it is there; "": none

	unused map[homeUID]struct{} // UIDs that no object of a home has, as far as was asked
}

// found is what is under a name in a collection: neither entry nor tombstone if
// there never was an object.
type found struct {
	collection CollectionID
	name       string
	known      bool
	entry      *Entry
	grave      *tombstone
	shared     []byte // SHA-256 of the body that it shares; nil: it has its own
	bare       bool   // it was made in this transaction, and has no properties yet
}

// Now returns the clock's time.
func (tx *Tx) Now() time.Time { return tx.s.opt.Now() }

// ReadOnly reports whether tx is of View: it sees what was committed and nothing
// else.
func (tx *Tx) ReadOnly() bool { return tx.w == nil }

// Repairs counts how often the store was reindexed before tx began: what was
// derived in a transaction with a smaller number may be of an index that was
// wrong, under the same revisions.
func (tx *Tx) Repairs() uint64 { return tx.repairs }

// fail leaves the transaction at once with an error, which View or Update
// returns: for damage that is met where no error can be returned.
func fail(err error) { engine.Fail(err) }

// nothing is what views have that is not written yet. It stays as it is.
var nothing unwritten

// newTx returns a transaction of s; w is nil in a view.
func (s *Store) newTx(r engine.Reader, w engine.Writer, repairs uint64) *Tx {
	tx := &Tx{s: s, epoch: Epoch(s.epoch.Load()), repairs: repairs, unwritten: &nothing}
	tx.in = sealed{r: r, w: w}
	tx.r = &tx.in
	if w != nil {
		tx.w, tx.unwritten = &tx.in, &unwritten{}
	}
	return tx
}

// Epoch returns the epoch of the store.
func (tx *Tx) Epoch() Epoch { return tx.epoch }

// flush writes the records that change with nearly everything once, at the
// end: homes and collections. What was read to be changed and was not is relied
// on: no other update may change it meanwhile. Whatever changes in a home
// changes its record, so that stands for all in it.
func (tx *Tx) flush() error {
	var errs []error
	for _, h := range tx.homes.list {
		if h.gone {
			continue
		}
		if h.now != h.was {
			errs = append(errs, tx.w.putOwn(tableHomes, homeKey(h.now.ID), h.now.encode()))
		} else {
			tx.w.Guard(tableHomes, homeKey(h.now.ID))
		}
	}
	for _, c := range tx.collections.list {
		if c.gone {
			continue
		}
		if c.now != c.was {
			errs = append(errs, tx.w.putOwn(tableHomes, memberKey(c.now.Home, c.now.Name), c.now.encode()))
		} else {
			tx.w.Guard(tableHomes, homeKey(c.now.Home))
		}
	}
	return errors.Join(errs...)
}

// Savepoint runs fn and returns its error. If it is not nil, or fn panics, what
// fn wrote is undone and the transaction is as it was: an update of several parts
// can go on without the part that failed. fn may call Savepoint.
func (tx *Tx) Savepoint(fn func() error) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	end, kept := tx.begin(), false
	defer func() { end(!kept) }()
	if err := tx.w.w.Savepoint(fn); err != nil {
		return err
	}
	kept = true
	return nil
}

// begin opens a savepoint. It returns a function that closes it, and makes what tx
// is going to write at the end what it was, if it is undone.
func (tx *Tx) begin() (end func(undone bool)) {
	tx.points++
	homes, collections := tx.homes.begin(tx.points), tx.collections.begin(tx.points)
	blocks, settled := maps.Clone(tx.blocks), tx.settled
	return func(undone bool) {
		homes(undone)
		collections(undone)
		if undone {
			tx.found, tx.blocks, tx.settled, tx.unused = found{}, blocks, settled, nil
		}
	}
}

// changingHome returns the home as this transaction changes it.
func (tx *Tx) changingHome(id HomeID) (*Home, error) {
	if tx.w == nil {
		return nil, engine.ErrReadOnly
	}
	if h := tx.homes.change(id); h != nil {
		return &h.now, nil
	}
	h, err := tx.readHome(id)
	if err != nil {
		return nil, err
	}
	return tx.homes.add(id, *h, *h), nil
}

// changing returns the collection that c was, and its home, as this
// transaction changes them. c may be older than the transaction.
func (tx *Tx) changing(c *Collection) (*Collection, *Home, error) {
	if tx.w == nil {
		return nil, nil, engine.ErrReadOnly
	}
	if w := tx.collections.change(c.ID); w != nil {
		h, err := tx.changingHome(w.now.Home)
		return &w.now, h, err
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
	return tx.collections.add(stored.ID, *stored, *stored), h, nil
}

// nextRev gives out the next moment of a home's history.
func (tx *Tx) nextRev(h *Home) Rev {
	h.Rev++
	h.ModifiedAt = tx.second()
	return h.Rev
}

// touch gives a change in c, and so in its home, its Rev.
func (tx *Tx) touch(c *Collection, h *Home) Rev {
	c.Rev = tx.nextRev(h)
	c.ModifiedAt = h.ModifiedAt
	return c.Rev
}

// second is now in UTC, in whole seconds.
func (tx *Tx) second() time.Time { return tx.Now().UTC().Truncate(time.Second) }

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
