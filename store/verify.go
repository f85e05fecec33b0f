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

// A ProblemKind says what is wrong.
type ProblemKind string

const (
	ProblemFile      ProblemKind = "file"       // the file's own structure
	ProblemDamaged   ProblemKind = "damaged"    // a record cannot be decoded
	ProblemBody      ProblemKind = "body"       // a body that cannot be indexed
	ProblemIndex     ProblemKind = "index"      // an index record is missing or differs from a fresh one
	ProblemOrphan    ProblemKind = "orphan"     // a record of something that is not there
	ProblemUID       ProblemKind = "uid"        // two objects of a calendar have one UID
	ProblemCounter   ProblemKind = "counter"    // a sum or count is wrong
	ProblemLookup    ProblemKind = "lookup"     // a home or collection is not found by its owner or number
	ProblemChangeLog ProblemKind = "change log" // a revision that cannot be
)

// A Problem is one finding of Verify. Of where it is, what applies is set.
type Problem struct {
	Kind       ProblemKind  `json:"kind"`
	Home       HomeID       `json:"home"`
	Collection CollectionID `json:"collection"`
	Name       string       `json:"name"` // of an object
	Detail     string       `json:"detail"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: home %d collection %d object %q: %s", p.Kind, p.Home, p.Collection, p.Name, p.Detail)
}

// maxProblems is how many findings Verify collects before it stops.
const maxProblems = 1000

var errEnough = errors.New("enough problems")

// Verify checks the whole file: that every record can be decoded, that the
// disposable tables are what a fresh computation from the bodies gives, that
// counters and quota sums are right, that revisions are possible. It reads in
// short transactions and may run beside everything else; after 1,000 findings
// it stops. A nil answer is a proof. Everything but ProblemFile,
// ProblemDamaged, ProblemBody and ProblemUID is mended by Reindex.
func (s *Store) Verify(ctx context.Context) ([]Problem, error) {
	if s.opt.Indexer == nil {
		return nil, errNoIndexer
	}
	v := &verifier{Store: s}
	for _, check := range []func(context.Context) error{v.file, v.records, v.lookup, v.homes, v.collections, v.uids, v.bodies, v.orphaned} {
		err := check(ctx)
		if errors.Is(err, engine.ErrDamaged) { // what lies behind cannot be reached
			err = v.report(ProblemFile, 0, 0, "", "%v", err)
		}
		if errors.Is(err, errEnough) {
			break
		} else if err != nil {
			return v.found, fmt.Errorf("verify: %w", err)
		}
	}
	return v.found, nil
}

type verifier struct {
	*Store
	found []Problem
}

// mark implements walker.
func (v *verifier) mark() (reset func()) {
	n := len(v.found)
	return func() { v.found = v.found[:n] }
}

// step implements walker.
func (v *verifier) step(context.Context) error { return nil }

// view is View for a function that reports.
func (v *verifier) view(ctx context.Context, fn func(*Tx) error) error {
	reset := v.mark()
	return v.lenientView(ctx, func(tx *Tx) error {
		reset()
		return fn(tx)
	})
}

// report notes a problem; its error ends the verification.
func (v *verifier) report(kind ProblemKind, home HomeID, c CollectionID, name, format string, args ...any) error {
	v.found = append(v.found, Problem{kind, home, c, name, fmt.Sprintf(format, args...)})
	if len(v.found) >= maxProblems {
		return errEnough
	}
	return nil
}

// in notes a problem in a collection.
func (v *verifier) in(c *Collection, name string, kind ProblemKind, format string, args ...any) error {
	return v.report(kind, c.Home, c.ID, name, format, args...)
}

func (v *verifier) file(ctx context.Context) error {
	c, ok := v.engine.(engine.Checker)
	if !ok {
		return nil
	}
	for _, err := range c.Check(ctx) {
		if err := v.report(ProblemFile, 0, 0, "", "%v", err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// records checks the checksums of the tables that are not walked below, where
// everything is decoded, and whose the properties of homes and collections are.
func (v *verifier) records(ctx context.Context) error {
	for _, table := range []engine.Table{tableMeta, tableHomes, tableProperties} {
		err := v.walk(ctx, v, table, nil, nil, func(tx *Tx, k, val []byte) error {
			if val == nil {
				return v.report(ProblemDamaged, 0, 0, "", "%s %x: checksum is wrong", table, k)
			}
			if table != tableProperties || k[0] == ofObject || k[0] == ofACL || k[0] == ofUser {
				return nil
			}
			if ok, err := tx.justifiedProperty(k); err != nil || ok {
				return err
			}
			return v.report(ProblemOrphan, 0, 0, "", "property %x", k)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lookup checks that each lookup record leads to what it says.
func (v *verifier) lookup(ctx context.Context) error {
	return v.walk(ctx, v, tableLookup, nil, nil, func(tx *Tx, k, val []byte) error {
		switch {
		case k[0] == lookupOwner && len(val) == 4:
			id := HomeID(binary.BigEndian.Uint32(val))
			if h, err := tx.readHome(id); err != nil || h.Owner != string(k[1:]) {
				return v.report(ProblemLookup, id, 0, "", "owner %q leads to another or no home", k[1:])
			}
			return nil
		case k[0] == lookupCollection && len(k) == 5 && len(val) > 4:
			id := CollectionID(binary.BigEndian.Uint32(k[1:]))
			if c, err := tx.CollectionByID(id); err != nil || c.ID != id {
				return v.report(ProblemLookup, 0, id, "", "number leads to another or no collection")
			}
			return nil
		case k[0] == lookupPurge && len(k) == 5:
			if _, err := decodePurge(val); err == nil {
				return nil
			}
		default:
			if ok, err := tx.queueRecord(k, val); ok && err == nil {
				return nil
			} else if errors.Is(err, errUnled) {
				return v.report(ProblemLookup, 0, 0, "", "queue record %x: %v", k, err)
			}
			if ok, err := tx.matterRecord(k, val); ok && err == nil {
				return nil
			}
		}
		return v.report(ProblemDamaged, 0, 0, "", "lookup record %x: %x", k, val)
	})
}

// homes checks each home's record against its collections' records.
func (v *verifier) homes(ctx context.Context) error {
	return v.eachHome(ctx, func(id HomeID) error {
		return v.view(ctx, func(tx *Tx) error {
			h, err := tx.readHome(id)
			if errors.Is(err, ErrNotFound) {
				if tx.emptyHome(id) {
					return nil // deleted meanwhile
				}
				return v.report(ProblemOrphan, id, 0, "", "records of a home that is not there")
			}
			if err != nil {
				return v.report(ProblemDamaged, id, 0, "", "%v", err)
			}
			return v.home(tx, h)
		})
	})
}

func (tx *Tx) emptyHome(id HomeID) bool {
	prefix := appendU32(nil, id)
	for range tx.r.Scan(tableHomes, keysWithin(prefix)) {
		return false
	}
	return true
}

func (v *verifier) home(tx *Tx, h *Home) error {
	all, err := tx.readCollections(h.ID)
	if err != nil {
		return v.report(ProblemDamaged, h.ID, 0, "", "%v", err)
	}
	homes, err := tx.nextNumber(numberHome)
	collections, err2 := tx.nextNumber(numberCollection)
	if err := errors.Join(err, err2); err != nil {
		return v.report(ProblemDamaged, 0, 0, "", "%v", err)
	}
	var errs []error
	if h.Created > h.Rev || h.floor > h.Rev || uint32(h.ID) >= homes {
		errs = append(errs, v.report(ProblemChangeLog, h.ID, 0, "", "revision %d made at %d; the next home is %d", h.Rev, h.Created, homes))
	}
	if string(tx.r.Get(tableLookup, ownerKey(h.Owner))) != string(appendU32(nil, h.ID)) {
		errs = append(errs, v.report(ProblemLookup, h.ID, 0, "", "is not found by its owner %q", h.Owner))
	}
	for _, c := range all {
		if c.Rev > h.Rev || c.Created > c.Placed || c.Placed > c.Rev || c.floor > c.Rev || uint32(c.ID) >= collections {
			errs = append(errs, v.in(c, "", ProblemChangeLog, "revision %d made at %d, of %d", c.Rev, c.Created, h.Rev))
		}
		if got, err := tx.CollectionByID(c.ID); err != nil || got.Home != h.ID || got.Name != c.Name {
			errs = append(errs, v.in(c, "", ProblemLookup, "is not found by its number"))
		}
	}
	if sum, err := tx.summed(h); err != nil || *sum != *h {
		errs = append(errs, v.report(ProblemCounter, h.ID, 0, "", "%d objects, %d bytes, %d collections; its collections add up to %d, %d, %d",
			h.Objects, h.UsedBytes, h.Collections, sum.Objects, sum.UsedBytes, sum.Collections))
	}
	return errors.Join(errs...)
}

// collections checks the records of every collection both ways: from objects to
// the index and properties, and back.
func (v *verifier) collections(ctx context.Context) error {
	return v.eachCollection(ctx, func(id CollectionID) error {
		prefix := appendU32(nil, id)
		err := v.walkCollection(ctx, v, tableObjects, prefix, id, v.object)
		if err == nil {
			err = v.walkCollection(ctx, v, tableIndex, prefix, id, v.indexRecord)
		}
		if err == nil {
			err = v.walkCollection(ctx, v, tableProperties, appendU32([]byte{ofObject}, id), id, v.property)
		}
		if err == nil {
			err = v.walkCollection(ctx, v, tableProperties, aclKey(id, ""), id, v.acl)
		}
		if err == nil {
			err = v.walkCollection(ctx, v, tableProperties, appendU32([]byte{ofUser}, id), id, v.ofUser)
		}
		if err == nil {
			err = skipGone(v.view(ctx, func(tx *Tx) error { return v.counters(tx, id) }))
		}
		return err
	})
}

func (v *verifier) object(tx *Tx, c *Collection, k, val []byte) error {
	name := string(k[4:])
	var stored Entry
	has, t, err := decodeObject(name, val, &stored)
	switch {
	case err != nil:
		return v.in(c, name, ProblemDamaged, "%v", err)
	case t != nil:
		return v.deleted(tx, c, name, t)
	case stored.Rev > c.Rev || stored.CreatedRev > stored.Rev || stored.ScheduleTag > stored.Rev:
		return v.in(c, name, ProblemChangeLog, "revision %d made at %d, of %d", stored.Rev, stored.CreatedRev, c.Rev)
	}
	body, err := tx.bodyOf(&stored, has)
	if err != nil {
		return v.in(c, name, ProblemDamaged, "%v", err)
	}
	if has.shared != nil && tx.r.Get(tableBodies, sharerKey(has.shared, c.ID, name)) == nil {
		return v.in(c, name, ProblemIndex, "is not noted with the body that it shares")
	}
	e, err := v.derive(c, &stored, body)
	if err != nil {
		return v.in(c, name, ProblemBody, "%v", err)
	}
	if *e != stored {
		return v.in(c, name, ProblemIndex, "what stands with the body is not as computed from it")
	}
	if !bytes.Equal(tx.r.Get(tableIndex, indexKey(c.ID, indexEntry, e.Rev)), e.encode()) {
		return v.in(c, name, ProblemIndex, "entry of revision %d is not as a fresh one", e.Rev)
	}
	return v.uid(tx, c, e)
}

// uid checks that an object is found by its UID.
func (v *verifier) uid(tx *Tx, c *Collection, e *Entry) error {
	if !hasUIDRecord(c.Kind, e) {
		return nil
	}
	other, err := tx.uidIn(c, e.UID)
	switch {
	case err != nil || other == "":
		return v.in(c, e.Name, ProblemIndex, "is not found by its UID %q", e.UID)
	case other != e.Name:
		return v.in(c, e.Name, ProblemUID, "UID %q leads to %q", e.UID, other)
	}
	return nil
}

// uids checks that what is found by a UID has it.
func (v *verifier) uids(ctx context.Context) error {
	return v.walk(ctx, v, tableUIDs, nil, nil, func(tx *Tx, k, val []byte) error {
		if ok, err := tx.justifiedUID(k, val); err != nil || ok {
			return err
		}
		return v.report(ProblemOrphan, 0, 0, "", "UID record %x", k)
	})
}

// bodies checks that what is shared is what it is called by, and is shared.
func (v *verifier) bodies(ctx context.Context) error {
	return v.walk(ctx, v, tableBodies, nil, nil, func(tx *Tx, k, val []byte) error {
		sum := sha256.Sum256(val)
		if val == nil || len(k) == len(sum) && !bytes.Equal(k, sum[:]) {
			return v.report(ProblemDamaged, 0, 0, "", "shared body %x", k)
		}
		if ok, err := tx.justifiedBody(k); err != nil || ok {
			return err
		}
		return v.report(ProblemOrphan, 0, 0, "", "shared body %x", k)
	})
}

func (v *verifier) deleted(tx *Tx, c *Collection, name string, t *tombstone) error {
	if t.Rev > c.Rev || t.Rev <= c.floor {
		return v.in(c, name, ProblemChangeLog, "deleted at %d, between %d and %d", t.Rev, c.floor, c.Rev)
	}
	if !bytes.Equal(tx.r.Get(tableIndex, indexKey(c.ID, indexDeleted, t.Rev)), encodeDeleted(t.At, name)) {
		return v.in(c, name, ProblemIndex, "deletion %d is not in the index", t.Rev)
	}
	return nil
}

func (v *verifier) indexRecord(tx *Tx, c *Collection, k, val []byte) error {
	if ok, err := tx.justified(c, k, val); err == nil && !ok {
		return v.in(c, "", ProblemOrphan, "index record %x", k)
	}
	return nil // a damaged object was reported as such
}

func (v *verifier) property(tx *Tx, c *Collection, k, _ []byte) error {
	object, name, ok := splitNamedProperty(k)
	if !ok {
		return v.in(c, "", ProblemDamaged, "property key %x", k)
	}
	if e, _, err := tx.find(c.ID, object); err == nil && e == nil {
		return v.in(c, object, ProblemOrphan, "property %q", name)
	}
	return nil
}

func (v *verifier) ofUser(_ *Tx, c *Collection, k, _ []byte) error {
	if guid, name, ok := splitNamedProperty(k); !ok || guid == "" || name == "" {
		return v.in(c, "", ProblemDamaged, "property key %x", k)
	}
	return nil
}

func (v *verifier) counters(tx *Tx, id CollectionID) error {
	c, err := tx.CollectionByID(id)
	if err != nil {
		return err
	}
	sum, err := tx.recounted(c)
	if err != nil {
		return skipCorrupt(err) // reported as ProblemIndex
	}
	if *sum != *c {
		return v.in(c, "", ProblemCounter, "%d objects, %d bytes, %d of properties, lists %+v; its index adds up to %d, %d, %d, %+v",
			c.Objects, c.Bytes, c.PropertyBytes, c.Rights, sum.Objects, sum.Bytes, sum.PropertyBytes, sum.Rights)
	}
	return nil
}

func (v *verifier) orphaned(ctx context.Context) error {
	list, err := v.orphans(ctx)
	for _, id := range list {
		if err := v.report(ProblemOrphan, 0, id, "", "records of a collection that is not there"); err != nil {
			return err
		}
	}
	return err
}
