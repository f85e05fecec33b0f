package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"convene/internal/engine"
)

// Maintain does what was put off: it purges the records of deleted collections,
// forgets deleted names older than Options.ChangeLogAge, and threads of the queue
// in which nothing was sent for 90 days. It works in small
// transactions beside everything else, and is to be called now and then; it may
// be stopped at any point and takes up from there.
func (s *Store) Maintain(ctx context.Context) (MaintainReport, error) {
	start := s.opt.Now()
	var r MaintainReport
	err := s.purge(ctx, &r)
	if err == nil {
		err = s.expire(ctx, &r)
	}
	if err == nil {
		err = s.forgetSent(ctx, &r)
	}
	r.Took = s.opt.Now().Sub(start)
	return r, err
}

// purge removes the records of the collections in the purge queue.
func (s *Store) purge(ctx context.Context, r *MaintainReport) error {
	for {
		var n int
		err := s.Update(ctx, func(tx *Tx) (err error) {
			n = 0
			tx.in.lenient = true // what is damaged goes as well
			for k, v := range tx.r.Scan(tableLookup, engine.Range{From: []byte{lookupPurge}, To: []byte{lookupPurge + 1}, Limit: 1}) {
				home, _ := decodePurge(v) // damaged: Reindex removes what is kept by home
				id := CollectionID(binary.BigEndian.Uint32(k[1:]))
				if n, err = tx.purgeSome(home, id, s.opt.Step); err != nil || n == s.opt.Step {
					return err
				}
				n++
				return tx.w.Delete(tableLookup, k)
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
		r.Purged += n
	}
}

// purgeSome deletes at most limit records of a collection that is no more, and
// reports how many.
func (tx *Tx) purgeSome(home HomeID, id CollectionID, limit int) (n int, err error) {
	if n, err = tx.purgeObjects(home, id, limit); err != nil || n == limit {
		return n, err
	}
	for _, of := range []struct {
		table  engine.Table
		prefix []byte
	}{
		{tableIndex, appendU32(nil, id)},
		{tableProperties, propertiesKey(home, id)},
		{tableProperties, appendU32([]byte{ofObject}, id)},
		{tableProperties, aclKey(id, "")},
		{tableProperties, appendU32([]byte{ofUser}, id)},
	} {
		for k := range tx.r.Scan(of.table, keysWithin(of.prefix)) {
			if n == limit {
				return n, nil
			}
			n++
			if err := tx.w.Delete(of.table, k); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// purgeObjects deletes at most limit objects of a collection that is no more, each
// with the record that its UID is found by, and reports how many.
func (tx *Tx) purgeObjects(home HomeID, id CollectionID, limit int) (n int, err error) {
	for k, v := range tx.r.Scan(tableObjects, within(appendU32(nil, id))) {
		if n == limit {
			break
		}
		n++
		var e Entry
		if has, t, bad := decodeObject(string(k[4:]), v, &e); bad == nil && t == nil {
			err = errors.Join(err, tx.w.Delete(tableUIDs, uidKey(home, e.UID, id)))
			if has.shared != nil {
				err = errors.Join(err, tx.unshare(has.shared, id, e.Name))
			}
		}
		err = errors.Join(err, tx.w.Delete(tableObjects, k))
	}
	return n, err
}

// expire forgets deleted names whose time is over.
func (s *Store) expire(ctx context.Context, r *MaintainReport) error {
	return s.eachHome(ctx, func(id HomeID) error {
		var old []CollectionID
		var homeOld bool
		err := s.View(ctx, func(tx *Tx) error {
			old, homeOld = nil, false
			h, err := tx.HomeByID(id)
			if err != nil {
				return skipGone(err)
			}
			homeOld, err = tx.expired(tableHomes, homeDeletedKey(h.ID, 0)[:5])
			all, err2 := tx.readCollections(id) // past the cache, which is for those in use
			for _, c := range all {
				has, err3 := tx.expired(tableIndex, indexKey(c.ID, indexDeleted, 0)[:5])
				if err = errors.Join(err, err3); has {
					old = append(old, c.ID)
				}
			}
			return errors.Join(err, err2)
		})
		if err == nil && homeOld {
			err = s.expireIn(ctx, r, func(tx *Tx) (int, error) { return tx.pruneHome(id, s.opt.Step) })
		}
		for _, c := range old {
			err = errors.Join(err, s.expireIn(ctx, r, func(tx *Tx) (int, error) {
				col, _, err := tx.changing(&Collection{ID: c})
				if err != nil {
					return 0, skipGone(err)
				}
				return tx.prune(col, s.opt.Step)
			}))
		}
		return err
	})
}

// skipGone makes nothing of an error that says that something was deleted
// meanwhile.
func skipGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// expireIn repeats prune in transactions of their own until it is done.
func (s *Store) expireIn(ctx context.Context, r *MaintainReport, prune func(*Tx) (int, error)) error {
	for {
		var n int
		err := s.Update(ctx, func(tx *Tx) (err error) {
			n, err = prune(tx)
			return err
		})
		r.Expired += n
		if err != nil || n < s.opt.Step {
			return err
		}
	}
}

// expired reports whether the oldest deleted name below prefix is past its time.
func (tx *Tx) expired(table engine.Table, prefix []byte) (bool, error) {
	first := within(prefix)
	first.Limit = 1
	for _, v := range tx.r.Scan(table, first) {
		at, _, err := decodeDeleted(v)
		return at < tx.expiry(), err
	}
	return false, nil
}

// expiry is the time in Unix seconds before which deleted names are forgotten.
func (tx *Tx) expiry() int64 { return tx.Now().Add(-tx.s.opt.ChangeLogAge).Unix() }

// pruneHome forgets at most limit deleted collections of a home.
func (tx *Tx) pruneHome(id HomeID, limit int) (n int, err error) {
	h, err := tx.changingHome(id)
	if err != nil {
		return 0, skipGone(err)
	}
	prefix := homeDeletedKey(id, 0)[:5]
	for k, v := range tx.r.Scan(tableHomes, within(prefix)) {
		at, _, err := decodeDeleted(v)
		if err != nil || n == limit || at >= tx.expiry() {
			return n, err
		}
		n++
		h.floor = revOf(k)
		if err := tx.w.Delete(tableHomes, k); err != nil {
			return n, err
		}
	}
	return n, nil
}

// eachHome calls fn for every home, outside of any transaction. Homes that are
// made meanwhile may be left out.
func (s *Store) eachHome(ctx context.Context, fn func(HomeID) error) error {
	for first := HomeID(0); ; {
		ids, next := make([]HomeID, 0, s.opt.Step), first
		err := s.View(ctx, func(tx *Tx) error {
			ids, next = ids[:0], first
			for len(ids) < cap(ids) { // by seeks, so as not to walk over collections
				found := false
				for k := range tx.r.Scan(tableHomes, engine.Range{From: homeKey(next), KeysOnly: true, Limit: 1}) {
					id, kind, _ := splitHomeKey(k)
					if kind == homeBadKey {
						return fmt.Errorf("home key %x: %w", k, ErrCorrupt)
					}
					ids, next, found = append(ids, id), id+1, true
					break
				}
				if !found {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		first = next
		for _, id := range ids {
			if err := fn(id); err != nil {
				return err
			}
		}
		if len(ids) < cap(ids) {
			return nil
		}
	}
}
