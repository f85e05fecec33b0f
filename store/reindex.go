package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"convene/internal/engine"
)

// A Report says what Reindex did.
type Report struct {
	Homes       int `json:"homes"` // looked at, as the next two
	Collections int `json:"collections"`
	Objects     int `json:"objects"`

	Ledgers int `json:"ledgers"` // of rooms, to be made anew from the calendars

	Written int       `json:"written"` // records that were missing or wrong
	Removed int       `json:"removed"` // records that had no reason
	Failed  []Problem `json:"failed"`  // objects that cannot be read, and bodies that cannot be indexed; queries must read these
}

// Reindex computes every disposable table anew from homes, collections and
// bodies: the index of each collection, the lookup of homes and collections, what
// leads to the rows of the queue, the counters and quota sums. What is right is left alone, so that afterwards
// the file is as if all had been right from the start. Only the ledgers of rooms
// are removed, since the store cannot know what is right there: the next
// transaction that needs one makes it. It works in small transactions beside
// everything else, in bounded memory, and may be stopped and run again at any
// point.
func (s *Store) Reindex(ctx context.Context) (Report, error) {
	r := &reindexer{Store: s}
	if s.opt.Indexer == nil {
		return r.Report, errNoIndexer
	}
	defer s.repairs.Add(1) // also of what was done before it was stopped
	for _, step := range []func(context.Context) error{r.lookups, r.queue, r.collections, r.uids, r.bodies, r.properties, r.ledgers, r.sums, r.purgeOrphans} {
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

// update is Update for who mends damage; see lenientView.
func (r *reindexer) update(ctx context.Context, fn func(*Tx) error) error {
	return r.Update(engine.WithoutProof(ctx), func(tx *Tx) error {
		tx.in.lenient = true
		return fn(tx)
	})
}

// apply carries out fixes in one transaction.
func (r *reindexer) apply(ctx context.Context, fixes []fix) error {
	if len(fixes) == 0 {
		return nil
	}
	var written, removed int
	err := r.update(ctx, func(tx *Tx) error {
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
	var top struct {
		home       HomeID
		collection CollectionID
	}
	err = r.walk(ctx, b, tableHomes, nil, nil, func(tx *Tx, k, v []byte) error {
		id, kind, rest := splitHomeKey(k)
		top.home = max(top.home, id)
		switch kind {
		case homeRecord:
			h, err := decodeHome(id, v)
			if err != nil {
				return fmt.Errorf("home %d: %w", id, err)
			}
			r.Homes++
			b.want(tx, tableLookup, ownerKey(h.Owner), appendU32(nil, id), func(tx *Tx) (bool, error) {
				now, err := tx.readHome(id)
				return err == nil && now.Owner == h.Owner, skipGone(err)
			})
		case homeMember:
			c, err := decodeCollection(id, string(rest), v)
			if err != nil {
				return fmt.Errorf("home %d: collection %q: %w", id, rest, err)
			}
			top.collection = max(top.collection, c.ID)
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
	return errors.Join(r.raise(ctx, numberHome, uint32(top.home)), r.raise(ctx, numberCollection, uint32(top.collection)))
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

// raise sees to it that numbers up to top, which are in use, are not given out.
func (r *reindexer) raise(ctx context.Context, name string, top uint32) error {
	r.numbers.forget()
	return r.update(ctx, func(tx *Tx) error {
		next, err := tx.nextNumber(name)
		if err == nil && next > top {
			return nil
		}
		return tx.w.Put(tableMeta, numberKey(name), encodeNumber(top+1))
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
				if tx.w != nil {
					tx.w.Guard(tableHomes, homeKey(c.Home))
				}
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
	return skipGone(r.update(ctx, func(tx *Tx) error {
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
	var stored Entry
	has, t, err := decodeObject(name, v, &stored)
	if err != nil {
		r.fail(ProblemDamaged, c, name, err)
		return nil
	}
	unchanged := func(tx *Tx) (bool, error) {
		tx.w.Guard(tableHomes, homeKey(c.Home))
		e, nowT, err := tx.find(c.ID, name)
		return t == nil && e != nil && e.Rev == stored.Rev || t != nil && nowT != nil && nowT.Rev == t.Rev, err
	}
	if t != nil {
		b.want(tx, tableIndex, indexKey(c.ID, indexDeleted, t.Rev), encodeDeleted(t.At, name), unchanged)
		return nil
	}
	body, err := tx.bodyOf(&stored, has)
	if err != nil {
		r.fail(ProblemDamaged, c, name, err)
		return nil
	}
	r.Objects++
	e, err := r.derive(c, &stored, body)
	if err != nil {
		r.fail(ProblemBody, c, name, err)
	}
	if *e != stored {
		b.fixes = append(b.fixes, fix{tableObjects, objectKey(c.ID, name), encodeObject(e, has), unchanged})
	}
	b.want(tx, tableIndex, indexKey(c.ID, indexEntry, e.Rev), e.encode(), unchanged)
	if has.shared != nil {
		b.want(tx, tableBodies, sharerKey(has.shared, c.ID, name), []byte{}, unchanged)
	}
	if hasUIDRecord(c.Kind, e) {
		b.want(tx, tableUIDs, uidKey(c.Home, e.UID, c.ID), uidValue(e), func(tx *Tx) (bool, error) {
			now, err := tx.CollectionByID(c.ID)
			if err != nil || now.Home != c.Home {
				return false, skipGone(err)
			}
			return unchanged(tx)
		})
	}
	return nil
}

// uids removes what is found by a UID that it has not.
func (r *reindexer) uids(ctx context.Context) error {
	b := &batch{r: r}
	return r.walk(ctx, b, tableUIDs, nil, nil, func(tx *Tx, k, v []byte) error {
		if ok, err := tx.justifiedUID(k, v); err != nil || ok {
			return err
		}
		key := bytes.Clone(k)
		b.want(tx, tableUIDs, key, nil, func(tx *Tx) (bool, error) {
			if home, _, _, ok := splitUIDKey(key); ok {
				tx.w.Guard(tableHomes, homeKey(home))
			}
			v := tx.r.Get(tableUIDs, key)
			ok, err := tx.justifiedUID(key, v)
			return v != nil && !ok, err
		})
		return nil
	})
}

// bodies removes what is shared by nothing, and notes of objects that share nothing.
func (r *reindexer) bodies(ctx context.Context) error {
	isBody := func(k []byte) bool { return len(k) == sha256.Size }
	isNote := func(k []byte) bool { return !isBody(k) } // first: they keep bodies
	return errors.Join(r.unshared(ctx, isNote), r.unshared(ctx, isBody))
}

// unshared removes records of the bodies table that have no reason.
func (r *reindexer) unshared(ctx context.Context, which func(k []byte) bool) error {
	b := &batch{r: r}
	return r.walk(ctx, b, tableBodies, nil, nil, func(tx *Tx, k, _ []byte) error {
		if !which(k) {
			return nil
		}
		if ok, err := tx.justifiedBody(k); err != nil || ok {
			return err
		}
		key := bytes.Clone(k)
		b.want(tx, tableBodies, key, nil, func(tx *Tx) (bool, error) {
			tx.w.Guard(tableBodies, key[:min(len(key), sha256.Size)])
			ok, err := tx.justifiedBody(key)
			return !ok, err
		})
		return nil
	})
}

// properties removes those of homes and collections that are not there.
func (r *reindexer) properties(ctx context.Context) error {
	b := &batch{r: r}
	return r.walk(ctx, b, tableProperties, []byte{ofHome}, after([]byte{ofHome}), func(tx *Tx, k, _ []byte) error {
		if ok, err := tx.justifiedProperty(k); err != nil || ok {
			return err
		}
		key := bytes.Clone(k)
		b.want(tx, tableProperties, key, nil, func(tx *Tx) (bool, error) {
			ok, err := tx.justifiedProperty(key)
			return !ok, err
		})
		return nil
	})
}

// ledgers removes the ledgers of rooms, each as a whole: of a part nobody could tell
// that it is one.
func (r *reindexer) ledgers(ctx context.Context) error {
	return r.eachHome(ctx, func(id HomeID) error {
		removed := false
		err := r.update(ctx, func(tx *Tx) error {
			removed = false
			tx.w.Guard(tableHomes, homeKey(id))
			var keys [][]byte
			for k := range tx.r.Scan(tableHomes, keysWithin(append(appendU32(nil, id), homeLedger))) {
				keys = append(keys, bytes.Clone(k))
			}
			for _, k := range keys {
				removed = true
				if err := tx.w.Delete(tableHomes, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && removed {
			r.Ledgers++
		}
		return err
	})
}

func (r *reindexer) fail(kind ProblemKind, c *Collection, name string, err error) {
	if len(r.Failed) < maxProblems {
		r.Failed = append(r.Failed, Problem{kind, c.Home, c.ID, name, err.Error()})
	}
}

// sums adds up each home.
func (r *reindexer) sums(ctx context.Context) error {
	return r.eachHome(ctx, func(id HomeID) error {
		return skipGone(r.update(ctx, func(tx *Tx) error {
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

// purgeOrphans queues what belongs to no collection for Maintain.
func (r *reindexer) purgeOrphans(ctx context.Context) error {
	list, err := r.orphans(ctx)
	if err != nil {
		return err
	}
	b := &batch{r: r}
	for _, id := range list {
		unknown := func(tx *Tx) (bool, error) {
			tx.w.Guard(tableLookup, collectionKey(id))
			return !tx.known(id), nil
		}
		b.fixes = append(b.fixes, fix{tableLookup, purgeKey(id), encodePurge(0), unknown})
	}
	return b.step(ctx)
}
