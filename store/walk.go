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

// lenientView is View for who looks for damage: a record whose checksum is wrong
// is one that cannot be decoded, and no failure.
func (s *Store) lenientView(ctx context.Context, fn func(*Tx) error) error {
	return s.View(engine.WithoutProof(ctx), func(tx *Tx) error {
		tx.in.lenient = true
		return fn(tx)
	})
}

// walk calls fn, which adds to w, for every record of a table from ≤ key < to, in
// views of at most Options.Step records.
func (s *Store) walk(ctx context.Context, w walker, table engine.Table, from, to []byte, fn func(tx *Tx, k, v []byte) error) error {
	for {
		n := 0
		var last []byte
		reset := w.mark()
		err := s.lenientView(ctx, func(tx *Tx) error {
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
// transaction. Homes of which a collection is damaged are left out: who looks at
// the homes themselves meets them.
func (s *Store) eachCollection(ctx context.Context, fn func(CollectionID) error) error {
	return s.eachHome(ctx, func(id HomeID) error {
		var all []*Collection
		err := s.lenientView(ctx, func(tx *Tx) (err error) {
			all, err = tx.readCollections(id)
			return err
		})
		if err := skipCorrupt(err); err != nil {
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
		{tableObjects, nil}, {tableIndex, nil}, {tableProperties, []byte{ofObject}}, {tableProperties, []byte{ofACL}},
		{tableProperties, []byte{ofUser}},
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
	err = s.lenientView(ctx, func(tx *Tx) error {
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
	sum.Rights = tx.recountedACLs(c)
	sum.PropertyBytes = tx.propertyBytes(propertiesKey(c.Home, c.ID)) +
		tx.namedPropertyBytes(appendU32([]byte{ofObject}, c.ID)) + tx.namedPropertyBytes(appendU32([]byte{ofUser}, c.ID))
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

// summed returns what its collections say that a home's counters must be; it is
// not behind any of them.
func (tx *Tx) summed(h *Home) (*Home, error) {
	all, err := tx.readCollections(h.ID)
	if err != nil {
		return nil, err
	}
	sum := h.clone()
	sum.Objects, sum.UsedBytes, sum.Collections, sum.Counted = 0, tx.propertyBytes(OfHome(h.ID).key()), 0, 0
	for _, c := range all {
		sum.addCollection(c, 1)
		sum.Rev = max(sum.Rev, c.Rev)
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

// namedPropertyBytes is what the properties of all objects of a collection, or of all
// its users, count: prefix is what their keys begin with. A damaged key counts nothing.
func (tx *Tx) namedPropertyBytes(prefix []byte) (n int64) {
	for k, v := range tx.r.Scan(tableProperties, within(prefix)) {
		if _, name, ok := splitNamedProperty(k); ok {
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

// derive returns the entry of a stored object, with the index computed from its
// body. If the body cannot be indexed, it is an entry that every query has to look
// behind, and the error. What lies in an ordinary collection is of any kind and
// has an empty index.
func (s *Store) derive(c *Collection, stored *Entry, body []byte) (*Entry, error) {
	e := *stored
	e.Size = len(body)
	if c.Kind == KindCollection {
		e.Index = Index{}
		return &e, nil
	}
	ix, err := s.opt.Indexer(body)
	if err != nil {
		ix = Index{Flags: FlagInexact | FlagNoTime}
	}
	e.Index = ix
	return &e, err
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
		now, _, err := tx.find(c.ID, e.Name)
		return now != nil && now.Rev == e.Rev, err
	case kind == indexDeleted && len(k) == 13:
		_, name, bad := decodeDeleted(v)
		if bad != nil {
			return false, nil
		}
		_, t, err := tx.find(c.ID, name)
		return t != nil && t.Rev == revOf(k), err
	}
	return false, nil
}

// justifiedUID reports whether a record of the UID table leads to an object that
// has that UID, or is of a collection that waits to be purged.
func (tx *Tx) justifiedUID(k, v []byte) (bool, error) {
	home, uid, id, ok := splitUIDKey(k)
	name, bad := uidName(uid, v)
	if !ok || bad != nil {
		return false, nil
	}
	c, err := tx.CollectionByID(id)
	if err != nil {
		return tx.purgedOrDamaged(id, err)
	}
	e, _, err := tx.find(id, name)
	return c.Home == home && e != nil && hasUIDRecord(c.Kind, e) && e.UID == uid, skipCorrupt(err)
}

// justifiedProperty reports whether a property of a home or a collection belongs
// to one that is there, or to a collection that waits to be purged.
func (tx *Tx) justifiedProperty(k []byte) (bool, error) {
	if len(k) < 9 {
		return false, nil
	}
	home, id := HomeID(binary.BigEndian.Uint32(k[1:])), CollectionID(binary.BigEndian.Uint32(k[5:]))
	if id == 0 {
		return tx.r.Get(tableHomes, homeKey(home)) != nil, nil
	}
	c, err := tx.CollectionByID(id)
	if err != nil {
		return tx.purgedOrDamaged(id, err)
	}
	return c.Home == home, nil
}

// purgedOrDamaged reports whether the records of a collection that was looked up
// with err are to stay: it waits to be purged, or it is damaged and they may be all
// that is left of it.
func (tx *Tx) purgedOrDamaged(id CollectionID, err error) (bool, error) {
	if errors.Is(err, ErrCorrupt) {
		return true, nil
	}
	return tx.r.Get(tableLookup, purgeKey(id)) != nil, skipGone(err)
}

// skipCorrupt makes nothing of an error that says that a record is damaged.
func skipCorrupt(err error) error {
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}
