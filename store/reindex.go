package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"convene/internal/engine"
)

// A Report says what Reindex did.
type Report struct {
	Homes       int `json:"homes"` // looked at, as the next two
	Collections int `json:"collections"`
	Objects     int `json:"objects"`

	Written int       `json:"written"` // records that were missing or wrong
	Removed int       `json:"removed"` // records that had no reason
	Failed  []Problem `json:"failed"`  // objects that cannot be read, and bodies that cannot be indexed; queries must read these
}

// Reindex computes every disposable table anew from homes, collections and
// bodies: the index of each collection, the lookup of homes and collections,
// the counters and quota sums. What is right is left alone, so that afterwards
// the file is as if all had been right from the start. It works in small
// transactions beside everything else, in bounded memory, and may be stopped
// and run again at any point.
func (s *Store) Reindex(ctx context.Context) (Report, error) {
	r := &reindexer{Store: s}
	if s.opt.Indexer == nil {
		return r.Report, errNoIndexer
	}
	defer s.repairs.Add(1) // also of what was done before it was stopped
	for _, step := range []func(context.Context) error{r.lookups, r.collections, r.sums, r.total, r.purgeOrphans} {
		if err := step(ctx); err != nil {
			return r.Report, fmt.Errorf("reindex: %w", err)
		}
	}
	return r.Report, nil
}

type reindexer struct {
	*Store
	Report
}

// A fix is one record to write, or to delete if value is nil, provided that
// holds still says so in the transaction that does it.
type fix struct {
	table engine.Table
	key   []byte
	value []byte
	holds func(*Tx) (bool, error)
}

// apply carries out fixes in one transaction.
func (r *reindexer) apply(ctx context.Context, fixes []fix) error {
	if len(fixes) == 0 {
		return nil
	}
	var written, removed int
	err := r.Update(ctx, func(tx *Tx) error {
		written, removed = 0, 0
		for _, f := range fixes {
			if ok, err := f.holds(tx); err != nil {
				return err
			} else if !ok {
				continue
			}
			if f.value == nil {
				removed++
				if err := tx.w.Delete(f.table, f.key); err != nil {
					return err
				}
				continue
			}
			written++
			if err := tx.w.Put(f.table, f.key, f.value); err != nil {
				return err
			}
		}
		return nil
	})
	r.Written += written
	r.Removed += removed
	return err
}

// batch gathers fixes during a walk; each step carries them out.
type batch struct {
	r     *reindexer
	fixes []fix
}

func (b *batch) step(ctx context.Context) error {
	err := b.r.apply(ctx, b.fixes)
	b.fixes = b.fixes[:0]
	return err
}

// mark implements walker.
func (b *batch) mark() (reset func()) {
	report := b.r.Report
	return func() { b.r.Report, b.fixes = report, b.fixes[:0] }
}

// want adds a fix if key has not that value; a nil value wants it gone.
func (b *batch) want(tx *Tx, table engine.Table, key, value []byte, holds func(*Tx) (bool, error)) {
	if v := tx.r.Get(table, key); (v == nil) != (value == nil) || !bytes.Equal(v, value) {
		b.fixes = append(b.fixes, fix{table, key, value, holds})
	}
}

// lookups removes lookup records that lead nowhere and writes those that are
// missing. It also raises the counters of the file if numbers above are in use.
func (r *reindexer) lookups(ctx context.Context) error {
	b := &batch{r: r}
	err := r.walk(ctx, b, tableLookup, nil, []byte{lookupPurge}, func(tx *Tx, k, _ []byte) error {
		if key := bytes.Clone(k); !tx.leads(key) {
			b.want(tx, tableLookup, key, nil, func(tx *Tx) (bool, error) { return !tx.leads(key), nil })
		}
		return nil
	})
	if err != nil {
		return err
	}
	var top state
	err = r.walk(ctx, b, tableHomes, nil, nil, func(tx *Tx, k, v []byte) error {
		id, kind, rest := splitHomeKey(k)
		top.Home = max(top.Home, id)
		switch kind {
		case homeRecord:
			h, err := decodeHome(id, v)
			if err != nil {
				return fmt.Errorf("home %d: %w", id, err)
			}
			r.Homes++
			top.Rev = max(top.Rev, h.Rev)
			b.want(tx, tableLookup, ownerKey(h.Owner), appendU32(nil, id), func(tx *Tx) (bool, error) {
				now, err := tx.readHome(id)
				return err == nil && now.Owner == h.Owner, skipGone(err)
			})
		case homeMember:
			c, err := decodeCollection(id, string(rest), v)
			if err != nil {
				return fmt.Errorf("home %d: collection %q: %w", id, rest, err)
			}
			top.Rev, top.Collection = max(top.Rev, c.Rev), max(top.Collection, c.ID)
			b.want(tx, tableLookup, collectionKey(c.ID), append(appendU32(nil, id), c.Name...), func(tx *Tx) (bool, error) {
				now, err := tx.readCollection(id, c.Name)
				return err == nil && now.ID == c.ID, skipGone(err)
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.raise(ctx, top)
}

// leads reports whether a lookup record leads to what its key says.
func (tx *Tx) leads(key []byte) bool {
	switch v := tx.r.Get(tableLookup, key); {
	case key[0] == lookupOwner && len(v) == 4:
		h, err := tx.readHome(HomeID(binary.BigEndian.Uint32(v)))
		return err == nil && h.Owner == string(key[1:])
	case key[0] == lookupCollection && len(key) == 5:
		id := CollectionID(binary.BigEndian.Uint32(key[1:]))
		c, err := tx.CollectionByID(id)
		return err == nil && c.ID == id
	}
	return false
}

func (r *reindexer) raise(ctx context.Context, top state) error {
	return r.Update(ctx, func(tx *Tx) error {
		st, err := readState(tx.r)
		if err != nil || top.Rev <= st.Rev && top.Home <= st.Home && top.Collection <= st.Collection {
			return err
		}
		now, err := tx.counters()
		if err != nil {
			return err
		}
		now.Rev, now.Home, now.Collection = max(st.Rev, top.Rev), max(st.Home, top.Home), max(st.Collection, top.Collection)
		return nil
	})
}

// collections rebuilds each collection's part of the index table, then counts.
func (r *reindexer) collections(ctx context.Context) error {
	return r.eachCollection(ctx, func(id CollectionID) error {
		r.Collections++
		b := &batch{r: r}
		prefix := appendU32(nil, id)
		err := r.walkCollection(ctx, b, tableObjects, prefix, id, func(tx *Tx, c *Collection, k, v []byte) error {
			return r.object(tx, b, c, string(k[4:]), v)
		})
		if err != nil {
			return err
		}
		err = r.walkCollection(ctx, b, tableIndex, prefix, id, func(tx *Tx, c *Collection, k, _ []byte) error {
			key := bytes.Clone(k)
			unjustified := func(tx *Tx) (bool, error) {
				v := tx.r.Get(tableIndex, key)
				ok, err := tx.justified(c, key, v)
				return v != nil && !ok, err
			}
			if bad, err := unjustified(tx); err != nil || !bad {
				return err
			}
			b.want(tx, tableIndex, key, nil, unjustified)
			return nil
		})
		if err != nil {
			return err
		}
		return r.count(ctx, id)
	})
}

// count sets the counters of a collection to what its index adds up to.
func (r *reindexer) count(ctx context.Context, id CollectionID) error {
	return skipGone(r.Update(ctx, func(tx *Tx) error {
		c, _, err := tx.changing(&Collection{ID: id})
		if err != nil {
			return err
		}
		sum, err := tx.recounted(c)
		if err == nil {
			*c = *sum
		}
		return err
	}))
}

// object adds what is wrong in the index about one record of the objects table.
func (r *reindexer) object(tx *Tx, b *batch, c *Collection, name string, v []byte) error {
	h, body, t, err := decodeObject(v)
	if err != nil {
		r.fail(ProblemDamaged, c, name, err)
		return nil
	}
	unchanged := func(tx *Tx) (bool, error) {
		now, _, nowT, err := tx.readObject(c.ID, name)
		if err != nil || now == nil || (nowT == nil) != (t == nil) {
			return false, err
		}
		return t == nil && now.Rev == h.Rev || t != nil && nowT.Rev == t.Rev, nil
	}
	if t != nil {
		b.want(tx, tableIndex, indexKey(c.ID, indexDeleted, t.Rev), encodeDeleted(t.At, name), unchanged)
		return nil
	}
	r.Objects++
	e, err := r.derive(c, name, &h, body)
	if err != nil {
		r.fail(ProblemBody, c, name, err)
	}
	b.want(tx, tableIndex, indexKey(c.ID, indexEntry, e.Rev), e.encode(), unchanged)
	if hasUIDRecord(c.Kind, e) {
		b.want(tx, tableIndex, uidKey(c.ID, e.UID), []byte(name), unchanged)
	}
	return nil
}

func (r *reindexer) fail(kind ProblemKind, c *Collection, name string, err error) {
	if len(r.Failed) < maxProblems {
		r.Failed = append(r.Failed, Problem{kind, c.Home, c.ID, name, err.Error()})
	}
}

// sums adds up each home.
func (r *reindexer) sums(ctx context.Context) error {
	return r.eachHome(ctx, func(id HomeID) error {
		return skipGone(r.Update(ctx, func(tx *Tx) error {
			h, err := tx.changingHome(id)
			if err != nil {
				return err
			}
			sum, err := tx.summed(h)
			if err == nil {
				*h = *sum
			}
			return err
		}))
	})
}

// total adds up the whole store.
func (r *reindexer) total(ctx context.Context) error {
	return r.Update(ctx, func(tx *Tx) error {
		st, err := tx.counters()
		if err != nil {
			return err
		}
		st.Bytes, err = tx.usedByAll()
		return err
	})
}

// purgeOrphans queues what belongs to no collection for Maintain.
func (r *reindexer) purgeOrphans(ctx context.Context) error {
	list, err := r.orphans(ctx)
	if err != nil {
		return err
	}
	b := &batch{r: r}
	for _, id := range list {
		unknown := func(tx *Tx) (bool, error) { return !tx.known(id), nil }
		b.fixes = append(b.fixes, fix{tableLookup, purgeKey(id), []byte{formatPurge}, unknown})
	}
	return b.step(ctx)
}
