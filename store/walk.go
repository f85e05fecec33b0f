package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"convene/internal/engine"
)

// A walker gathers something from records that are walked over.
type walker interface {
	// mark returns a function that makes what was gathered what it is now: a
	// view may run more than once.
	mark() (reset func())

	// step is called after each view.
	step(ctx context.Context) error
}

// walk calls fn, which adds to w, for every record of a table from ≤ key < to, in
// views of at most Options.Step records.
func (s *Store) walk(ctx context.Context, w walker, table engine.Table, from, to []byte, fn func(tx *Tx, k, v []byte) error) error {
	for {
		n := 0
		var last []byte
		reset := w.mark()
		err := s.View(ctx, func(tx *Tx) error {
			reset()
			n = 0
			for k, v := range tx.r.Scan(table, engine.Range{From: from, To: to}) {
				if n == s.opt.Step {
					break
				}
				n++
				last = append(last[:0], k...)
				if err := fn(tx, k, v); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = w.step(ctx)
		}
		if err != nil || n < s.opt.Step {
			return err
		}
		from = append(last, 0)
	}
}

// walkCollection is walk over all records of one collection, until it is
// deleted.
func (s *Store) walkCollection(ctx context.Context, w walker, table engine.Table, prefix []byte, id CollectionID, fn func(tx *Tx, c *Collection, k, v []byte) error) error {
	var seen *Tx
	var c *Collection
	err := s.walk(ctx, w, table, prefix, after(prefix), func(tx *Tx, k, v []byte) (err error) {
		if tx != seen {
			seen = tx
			if c, err = tx.CollectionByID(id); err != nil {
				return err
			}
		}
		return fn(tx, c, k, v)
	})
	return skipGone(err)
}

// eachCollection calls fn for every collection of every home, outside of any
// transaction.
func (s *Store) eachCollection(ctx context.Context, fn func(CollectionID) error) error {
	return s.eachHome(ctx, func(id HomeID) error {
		var all []*Collection
		err := s.View(ctx, func(tx *Tx) (err error) {
			all, err = tx.readCollections(id)
			return err
		})
		if err != nil {
			return err
		}
		for _, c := range all {
			if err := fn(c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// orphans returns the numbers under which collections' tables have records
// although there is no such collection, nor one waiting to be purged.
func (s *Store) orphans(ctx context.Context) ([]CollectionID, error) {
	var list []CollectionID
	for _, of := range []struct {
		table  engine.Table
		prefix []byte
	}{
		{tableObjects, nil}, {tableIndex, nil}, {tableProperties, []byte{ofCollection}}, {tableProperties, []byte{ofObject}},
	} {
		for next := of.prefix; ; {
			id, ok, known, err := s.nextNumber(ctx, of.table, next, of.prefix)
			if err != nil {
				return list, err
			}
			if !ok {
				break
			}
			if !known {
				list = append(list, id)
			}
			if next = after(appendU32(of.prefix[:len(of.prefix):len(of.prefix)], id)); next == nil {
				break
			}
		}
	}
	return list, nil
}

// nextNumber returns the number of a collection that follows prefix in the first
// key from next on, and whether it is known; ok is false if there is none.
func (s *Store) nextNumber(ctx context.Context, table engine.Table, next, prefix []byte) (id CollectionID, ok, known bool, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		ok = false
		for k := range tx.r.Scan(table, engine.Range{From: next, To: after(prefix), KeysOnly: true, Limit: 1}) {
			if len(k) < len(prefix)+4 {
				return fmt.Errorf("%s: key %x: %w", table, k, ErrCorrupt)
			}
			id, ok = CollectionID(binary.BigEndian.Uint32(k[len(prefix):])), true
			known = tx.known(id)
		}
		return nil
	})
	return id, ok, known, err
}

// known reports whether a collection exists or waits to be purged.
func (tx *Tx) known(id CollectionID) bool {
	return tx.r.Get(tableLookup, collectionKey(id)) != nil || tx.r.Get(tableLookup, purgeKey(id)) != nil
}

// recounted returns what index and properties say that a collection's counters
// must be.
func (tx *Tx) recounted(c *Collection) (*Collection, error) {
	sum := c.clone()
	sum.Objects, sum.Bytes, sum.counts = 0, 0, [componentTypes]int{}
	sum.PropertyBytes = tx.propertyBytes(appendU32([]byte{ofCollection}, c.ID)) + tx.objectPropertyBytes(c.ID)
	prefix := indexKey(c.ID, indexEntry, 0)[:5]
	var e Entry
	for k, v := range tx.r.Scan(tableIndex, within(prefix)) {
		if err := e.decode(revOf(k), v); err != nil {
			return nil, err
		}
		sum.add(&e, 1)
	}
	return sum, nil
}

// summed returns what its collections say that a home's counters must be.
func (tx *Tx) summed(h *Home) (*Home, error) {
	all, err := tx.readCollections(h.ID)
	if err != nil {
		return nil, err
	}
	sum := h.clone()
	sum.Objects, sum.UsedBytes, sum.Collections, sum.Counted = 0, tx.propertyBytes(OfHome(h.ID).key), 0, 0
	for _, c := range all {
		sum.addCollection(c, 1)
	}
	return sum, nil
}

// propertyBytes is what the properties of the resource with that key count.
func (tx *Tx) propertyBytes(resource []byte) (n int64) {
	for k, v := range tx.r.Scan(tableProperties, within(resource)) {
		n += int64(len(k) - len(resource) + len(v))
	}
	return n
}

// objectPropertyBytes is what the properties of all objects of a collection
// count. A damaged key counts nothing.
func (tx *Tx) objectPropertyBytes(c CollectionID) (n int64) {
	prefix := appendU32([]byte{ofObject}, c)
	for k, v := range tx.r.Scan(tableProperties, within(prefix)) {
		if _, name, ok := splitObjectProperty(k); ok {
			n += propertyCost(name, v)
		}
	}
	return n
}

// usedByAll adds up what the homes say that they hold.
func (tx *Tx) usedByAll() (n int64, err error) {
	for k, v := range tx.r.Scan(tableHomes, engine.Range{}) {
		id, kind, _ := splitHomeKey(k)
		if kind != homeRecord {
			continue
		}
		h, err := decodeHome(id, v)
		if err != nil {
			return 0, fmt.Errorf("home %d: %w", id, err)
		}
		n += h.UsedBytes
	}
	return n, nil
}

// derive returns the index entry of a stored object, computed from its body. If
// the body cannot be indexed, it is an entry that every query has to look
// behind, and the error. What lies in an ordinary collection is of any kind and
// has an empty index.
func (s *Store) derive(c *Collection, name string, h *header, body []byte) (*Entry, error) {
	if c.Kind == KindCollection {
		return h.entry(name, len(body), Index{}), nil
	}
	ix, err := s.opt.Indexer(body)
	if err != nil {
		ix = Index{Flags: FlagInexact | FlagNoTime}
	}
	return h.entry(name, len(body), ix), err
}

var errNoIndexer = errors.New("store: Options.Indexer is not set")

// justified reports whether an index record belongs to what the objects table
// has.
func (tx *Tx) justified(c *Collection, k, v []byte) (bool, error) {
	if len(k) < 5 {
		return false, nil
	}
	switch kind := k[4]; {
	case kind == indexEntry && len(k) == 13:
		var e Entry
		if e.decode(revOf(k), v) != nil {
			return false, nil
		}
		h, _, t, err := tx.readObject(c.ID, e.Name)
		return h != nil && t == nil && h.Rev == e.Rev, err
	case kind == indexDeleted && len(k) == 13:
		_, name, bad := decodeDeleted(v)
		if bad != nil {
			return false, nil
		}
		_, _, t, err := tx.readObject(c.ID, name)
		return t != nil && t.Rev == revOf(k), err
	case kind == indexUID:
		e, _, err := tx.find(c.ID, string(v))
		return err == nil && e != nil && hasUIDRecord(c.Kind, e) && e.UID == string(k[5:]), skipCorrupt(err)
	}
	return false, nil
}

// skipCorrupt makes nothing of an error that says that a record is damaged.
func skipCorrupt(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}
