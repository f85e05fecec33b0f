package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"convene/internal/engine"
)

// Changes returns what changed in a collection after the position since, each
// name once with its newest state, in the order of Rev, at most limit names (0:
// all). next is the position to ask from next time; more says that the limit
// cut the answer. A since of 0 is before everything: then all that exists is
// returned and no deleted names (RFC 6578 §3.4).
//
// Errors: ErrNotFound, no such collection; ErrTokenExpired.
func (tx *Tx) Changes(c CollectionID, since Rev, limit int) (list []Change, next Rev, more bool, err error) {
	col := tx.seenIn
	if col == nil || col.ID != c {
		if col, err = tx.CollectionByID(c); err != nil {
			return nil, 0, false, err
		}
	}
	if err := tx.checkPosition(since, col.floor, col.Rev); err != nil {
		return nil, 0, false, err
	}
	if limit <= 0 {
		limit = col.Objects + 1<<30
	}
	if since != 0 {
		list = make([]Change, 0, 16) // most ask for little
	}
	live := indexKey(c, indexEntry, since+1)
	for k, v := range tx.r.Scan(tableIndex, engine.Range{From: live, To: after(live[:5])}) {
		if len(list) > limit {
			break
		}
		e := new(Entry)
		if err := e.decode(revOf(k), v); err != nil {
			return nil, 0, false, err
		}
		list = append(list, Change{Rev: e.Rev, Name: e.Name, Created: e.CreatedRev > since, Entry: e})
	}
	if since != 0 {
		if list, err = tx.addDeleted(list, c, since, limit); err != nil {
			return nil, 0, false, err
		}
	}
	if len(list) > limit {
		return list[:limit], list[limit-1].Rev, true, nil
	}
	return list, col.Rev, false, nil
}

// checkPosition refuses a position from which not all changes are known: below
// floor, or above what is there now. That it is of this epoch is the caller's
// business, who knows where it comes from.
func (tx *Tx) checkPosition(since, floor, now Rev) error {
	if since > now || since != 0 && since < floor {
		return fmt.Errorf("position %d of %d: %w", since, now, ErrTokenExpired)
	}
	return nil
}

// addDeleted merges the first limit + 1 deleted names into list.
func (tx *Tx) addDeleted(list []Change, c CollectionID, since Rev, limit int) ([]Change, error) {
	n := len(list)
	gone := indexKey(c, indexDeleted, since+1)
	for k, v := range tx.r.Scan(tableIndex, engine.Range{From: gone, To: after(gone[:5])}) {
		if len(list)-n > limit {
			break
		}
		_, name, err := decodeDeleted(v)
		if err != nil {
			return nil, err
		}
		list = append(list, Change{Rev: revOf(k), Name: name, Deleted: true})
	}
	if len(list) > n {
		slices.SortFunc(list, func(a, b Change) int { return compareRev(a.Rev, b.Rev) })
	}
	return list, nil
}

func compareRev(a, b Rev) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// HomeChanges returns which collections of a home were made, moved, changed in
// any way or deleted after the position since, each name once, in the order of
// Rev, and the position to ask from next time. Errors: as Changes'.
func (tx *Tx) HomeChanges(home HomeID, since Rev) ([]Change, Rev, error) {
	h, err := tx.HomeByID(home)
	if err != nil {
		return nil, 0, err
	}
	if err := tx.checkPosition(since, h.floor, h.Rev); err != nil {
		return nil, 0, err
	}
	all, err := tx.Collections(home)
	if err != nil {
		return nil, 0, err
	}
	var list []Change
	for _, c := range all {
		if c.Rev > since {
			list = append(list, Change{Rev: c.Rev, Name: c.Name, Created: c.Placed > since})
		}
	}
	from := homeDeletedKey(home, since+1)
	for k, v := range tx.r.Scan(tableHomes, engine.Range{From: from, To: after(from[:5])}) {
		if since == 0 {
			break
		}
		_, name, err := decodeDeleted(v)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, Change{Rev: revOf(k), Name: name, Deleted: true})
	}
	slices.SortFunc(list, func(a, b Change) int { return compareRev(a.Rev, b.Rev) })
	return list, h.Rev, nil
}

// A deleted name, of an object in the index table and of a collection in the
// homes table, is kept with the time of the deletion.

func encodeDeleted(at int64, name string) []byte {
	b := append(make([]byte, 0, 12+len(name)), formatTombstone)
	return append(binary.AppendVarint(b, at), name...)
}

func decodeDeleted(v []byte) (at int64, name string, err error) {
	d := decoder{b: v}
	d.format(formatTombstone)
	at = d.varint()
	return at, string(d.b), d.err("deleted name")
}

// prunePerUpdate is how many expired names a deletion forgets: more than it
// adds, so that a collection in use never falls behind.
const prunePerUpdate = 2

// pruneSome forgets the oldest deleted names of a collection if they expired.
func (tx *Tx) pruneSome(c *Collection) error {
	_, err := tx.prune(c, prunePerUpdate)
	return err
}

// prune forgets at most limit deleted names of c whose age is over, and raises
// the position below which c's tokens have expired. It reports how many.
func (tx *Tx) prune(c *Collection, limit int) (n int, err error) {
	from := indexKey(c.ID, indexDeleted, 0)
	for k, v := range tx.r.Scan(tableIndex, engine.Range{From: from, To: after(from[:5])}) {
		at, name, err := decodeDeleted(v)
		if err != nil {
			return n, err
		}
		if n == limit || at >= tx.expiry() {
			break
		}
		n++
		c.floor = revOf(k)
		tx.found.known = false
		err = errors.Join(tx.w.Delete(tableIndex, k), tx.w.Delete(tableObjects, objectKey(c.ID, name)))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
