package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"

	"github.com/google/go-cmp/cmp"
)

// fill makes a store with something of everything. Nothing in it depends on
// chance, so that its records are the same each time.
func fill(t testing.TB, s *Store) {
	t.Helper()
	for _, owner := range []string{"ann", "bob"} {
		h := home(t, s, owner)
		for i := range 12 {
			putEvent(t, s, h.ID, "work", fmt.Sprint(i), "text")
		}
		putEvent(t, s, h.ID, "inbox", "0", "message")
		putEvent(t, s, h.ID, "rest", "0", "to be purged")
		odd := Index{UID: "odd UID", Component: VTODO, Start: -5, End: OpenEnded, Flags: FlagRecurring | FlagManaged, Busy: BusyTentative}
		err := try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, "odd name", body(odd, ""), odd, Match{})
			return errors.Join(err,
				tx.SetProperty(OfHome(h.ID), "{n}p", []byte("home")),
				tx.SetProperty(OfCollection(c), "{n}p", []byte("collection")),
				tx.SetProperty(OfObject(c, "1.ics"), "{n}p", []byte("object")))
		})
		if err != nil {
			t.Fatal(err)
		}
		putEvent(t, s, h.ID, "work", "3", "changed")
		remove(t, s, h.ID, "work", "4.ics", "5.ics")
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.SetQuota(h.ID, 12345), tx.SetOwnerType(h.ID, 2), tx.DeleteCollection(h.ID, "rest"))
		})
	}
}

// fillRest adds access control lists and a body that two objects share, which the files
// of fill do not have.
func fillRest(t testing.TB, s *Store) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for _, owner := range []string{"ann", "bob"} {
			h, err := tx.Home(owner)
			if err != nil {
				return err
			}
			c, err := tx.Collection(h.ID, "work")
			if err != nil {
				return err
			}
			if _, _, err := tx.PutShared(c, "6.ics", sharedBody(), event("6"), Match{}); err != nil || owner != "ann" {
				return err
			}
			if err := errors.Join(tx.SetACL(c, "", []byte("list")), tx.SetACL(c, "2.ics", []byte("list of an object"))); err != nil {
				return err
			}
		}
		return nil
	})
}

func sharedBody() *Body { return NewBody(body(event("6"), "shared")) }

// steadyUUIDs counts. It needs an engine that runs functions once.
func steadyUUIDs() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
}

// A damage is one way to spoil a store that fill made.
type damage struct {
	name  string
	kind  ProblemKind // what Verify must find
	mends bool        // Reindex makes it as it was
	do    func(w engine.Writer) error
}

// damages lists one for each thing that Verify knows. entry and gone are the
// revisions of an object and of a deletion in collection 1.
func damages(t *testing.T, entry, gone Rev) []damage {
	work := CollectionID(1)
	put := func(table engine.Table, key, value []byte) func(engine.Writer) error {
		return func(w engine.Writer) error { return (&sealed{w: w}).Put(table, key, value) }
	}
	flip := func(table engine.Table, key []byte) func(engine.Writer) error {
		return func(w engine.Writer) error {
			v := bytes.Clone(w.Get(table, key))
			v[len(v)/2] ^= 4
			return w.Put(table, key, v)
		}
	}
	del := func(table engine.Table, key []byte) func(engine.Writer) error {
		return func(w engine.Writer) error { return w.Delete(table, key) }
	}
	change := func(table engine.Table, key []byte, fn func(v []byte) []byte) func(engine.Writer) error {
		return func(w engine.Writer) error {
			in := &sealed{r: w, w: w}
			v := in.Get(table, key)
			if v == nil {
				return fmt.Errorf("%s has no %q", table, key)
			}
			return in.Put(table, key, fn(bytes.Clone(v)))
		}
	}
	return []damage{
		{"index entry is missing", ProblemIndex, true, del(tableIndex, indexKey(work, indexEntry, entry))},
		{"index entry is damaged", ProblemIndex, true, put(tableIndex, indexKey(work, indexEntry, entry), []byte{9, 9})},
		{"a bit of an index entry", ProblemIndex, true, flip(tableIndex, indexKey(work, indexEntry, entry))},
		{"a bit of a deletion", ProblemIndex, true, flip(tableIndex, indexKey(work, indexDeleted, gone))},
		{"a bit of a lookup record", ProblemDamaged, true, flip(tableLookup, ownerKey("ann"))},
		{"a bit of an object", ProblemDamaged, false, flip(tableObjects, objectKey(work, "3.ics"))},
		{"a bit of a home", ProblemDamaged, false, flip(tableHomes, homeKey(1))},
		{"a bit of a collection", ProblemDamaged, false, flip(tableHomes, memberKey(1, "work"))},
		{"a bit of a home's property", ProblemDamaged, false, flip(tableProperties, OfHome(1).propertyKey("{n}p"))},
		{"a bit of an object's property", ProblemDamaged, false, flip(tableProperties, OfObject(&Collection{ID: work}, "1.ics").propertyKey("{n}p"))},
		{"a bit of a number", ProblemDamaged, false, flip(tableMeta, numberKey(numberHome))},
		{"a bit of the state", ProblemDamaged, false, flip(tableMeta, []byte(metaState))},
		{"an object under another name", ProblemDamaged, false, func(w engine.Writer) error {
			return w.Put(tableObjects, objectKey(work, "x"), w.Get(tableObjects, objectKey(work, "3.ics")))
		}},
		{"facts with an object are wrong", ProblemIndex, true, change(tableObjects, objectKey(work, "3.ics"), func(v []byte) []byte {
			var e Entry
			has, _, err := decodeObject("3.ics", v, &e)
			if err != nil {
				t.Fatal(err)
			}
			e.Start, e.UID = 5, "another"
			return encodeObject(&e, has)
		})},
		{"index entry is wrong", ProblemIndex, true, change(tableIndex, indexKey(work, indexEntry, entry), func(v []byte) []byte { v[1]++; return v })},
		{"index entry of nothing", ProblemOrphan, true, put(tableIndex, indexKey(work, indexEntry, 1), (&Entry{Name: "none", Rev: 1}).encode())},
		{"deletion is missing", ProblemIndex, true, del(tableIndex, indexKey(work, indexDeleted, gone))},
		{"deletion of nothing", ProblemOrphan, true, put(tableIndex, indexKey(work, indexDeleted, 1), encodeDeleted(1, "3.ics"))},
		{"UID is missing", ProblemIndex, true, del(tableUIDs, uidKey(1, "odd UID", work))},
		{"UID is damaged", ProblemIndex, true, flip(tableUIDs, uidKey(1, "odd UID", work))},
		{"UID of nothing", ProblemOrphan, true, put(tableUIDs, uidKey(1, "no UID", work), []byte("\x013.ics"))},
		{"UID in another home", ProblemOrphan, true, put(tableUIDs, uidKey(2, "3", work), []byte{formatUID})},
		{"UID record of no kind", ProblemOrphan, true, put(tableUIDs, []byte("x"), nil)},
		{"all UIDs are missing", ProblemIndex, true, func(w engine.Writer) error { return wipe(w, tableUIDs) }},
		{"index record of no kind", ProblemOrphan, true, put(tableIndex, []byte{0, 0, 0, 1, 'z'}, nil)},
		{"whole index is missing", ProblemIndex, true, func(w engine.Writer) error { return wipe(w, tableIndex) }},
		{"whole lookup is missing", ProblemLookup, true, func(w engine.Writer) error { return wipe(w, tableLookup) }},
		{"owner leads to another", ProblemLookup, true, put(tableLookup, ownerKey("ann"), []byte{0, 0, 0, 2})},
		{"owner without a home", ProblemLookup, true, put(tableLookup, ownerKey("eve"), []byte{0, 0, 0, 9})},
		{"number without a collection", ProblemLookup, true, put(tableLookup, collectionKey(77), []byte("\x00\x00\x00\x01work"))},
		{"collection counts wrong", ProblemCounter, true, change(tableHomes, memberKey(1, "work"), func(v []byte) []byte {
			c, err := decodeCollection(1, "work", v)
			if err != nil {
				t.Fatal(err)
			}
			c.Objects, c.Bytes, c.counts[3] = 99, -4, 7
			return c.encode()
		})},
		{"home counts wrong", ProblemCounter, true, change(tableHomes, homeKey(1), func(v []byte) []byte {
			h, err := decodeHome(1, v)
			if err != nil {
				t.Fatal(err)
			}
			h.UsedBytes, h.Objects, h.Collections = 1, 2, 77
			return h.encode()
		})},
		{"properties of a collection count wrong", ProblemCounter, true, change(tableHomes, memberKey(1, "work"), func(v []byte) []byte {
			c, err := decodeCollection(1, "work", v)
			if err != nil {
				t.Fatal(err)
			}
			c.PropertyBytes--
			return c.encode()
		})},
		{"lists of a collection count wrong", ProblemCounter, true, change(tableHomes, memberKey(1, "work"), func(v []byte) []byte {
			c, err := decodeCollection(1, "work", v)
			if err != nil {
				t.Fatal(err)
			}
			c.Rights.Own, c.Rights.Objects = false, 5
			return c.encode()
		})},
		{"a bit of a list", ProblemDamaged, false, flip(tableProperties, aclKey(work, "2.ics"))},
		{"list of no object", ProblemOrphan, false, put(tableProperties, aclKey(work, "none"), []byte("list"))},
		{"list of no collection", ProblemOrphan, false, put(tableProperties, aclKey(77, ""), []byte("list"))},
		{"collections that count are counted wrong", ProblemCounter, true, change(tableHomes, homeKey(1), func(v []byte) []byte {
			h, err := decodeHome(1, v)
			if err != nil {
				t.Fatal(err)
			}
			h.Counted++
			return h.encode()
		})},
		{"a home is behind its collections", ProblemChangeLog, false, change(tableHomes, homeKey(1), func(v []byte) []byte {
			h, err := decodeHome(1, v)
			if err != nil {
				t.Fatal(err)
			}
			h.Rev = 3
			return h.encode()
		})},
		{"numbers of homes are behind", ProblemChangeLog, false, put(tableMeta, numberKey(numberHome), encodeNumber(2))},
		{"numbers of collections are gone", ProblemChangeLog, false, del(tableMeta, numberKey(numberCollection))},
		{"records of no collection", ProblemOrphan, false, put(tableObjects, objectKey(99, "x"), encodeObject(&Entry{Rev: 1, CreatedRev: 1, ScheduleTag: 1}, contents{}))},
		{"property of no object", ProblemOrphan, false, put(tableProperties, OfObject(&Collection{ID: work}, "none").propertyKey("{n}p"), nil)},
		{"property of no collection", ProblemOrphan, true, put(tableProperties, OfCollection(&Collection{ID: 77, Home: 1}).propertyKey("{n}p"), nil)},
		{"property of no home", ProblemOrphan, true, put(tableProperties, OfHome(77).propertyKey("{n}p"), nil)},
		{"property of a collection in another home", ProblemOrphan, true, put(tableProperties, OfCollection(&Collection{ID: work, Home: 2}).propertyKey("{n}p"), nil)},
		{"object is damaged", ProblemDamaged, false, put(tableObjects, objectKey(work, "x"), []byte{77})},
		{"body is damaged", ProblemBody, false, change(tableObjects, objectKey(work, "3.ics"), func(v []byte) []byte {
			var e Entry
			has, _, err := decodeObject("3.ics", v, &e)
			if err != nil {
				t.Fatal(err)
			}
			has.body = bytes.Replace(has.body, []byte("\n"), nil, 1)
			e.Size = len(has.body)
			return encodeObject(&e, has)
		})},
		{"a shared body is missing", ProblemDamaged, false, del(tableBodies, sharedBody().sum)},
		{"a bit of a shared body", ProblemDamaged, false, flip(tableBodies, sharedBody().sum)},
		{"a shared body is another", ProblemDamaged, false, change(tableBodies, sharedBody().sum, func(v []byte) []byte {
			return bytes.Replace(v, []byte("shared"), []byte("sharks"), 1)
		})},
		{"who shares a body is not noted", ProblemIndex, true, del(tableBodies, sharerKey(sharedBody().sum, work, "6.ics"))},
		{"one that shares no body is noted", ProblemOrphan, true, put(tableBodies, sharerKey(sharedBody().sum, work, "1.ics"), nil)},
		{"a body that nothing shares", ProblemOrphan, true, put(tableBodies, NewBody([]byte("x")).sum, []byte("x"))},
		{"a body with a note of nothing", ProblemOrphan, true, func(w engine.Writer) error {
			b := NewBody([]byte("x"))
			return errors.Join(put(tableBodies, b.sum, b.bytes)(w), put(tableBodies, sharerKey(b.sum, work, "none"), nil)(w))
		}},
		{"a record of no kind among bodies", ProblemOrphan, true, put(tableBodies, []byte("x"), nil)},
		{"object of the future", ProblemChangeLog, false, put(tableObjects, objectKey(work, "x"), encodeObject(&Entry{Rev: 1 << 40}, contents{}))},
		{"home is damaged", ProblemDamaged, false, put(tableHomes, homeKey(1), []byte{9})},
		{"two objects with one UID", ProblemUID, false, func(w engine.Writer) error {
			in := &sealed{r: w, w: w}
			var e Entry
			_, _, err := decodeObject("1.ics", in.Get(tableObjects, objectKey(work, "1.ics")), &e)
			text := body(event("2"), "text")
			e.Index, e.Size = event("2"), len(text)
			return errors.Join(err, in.Put(tableObjects, objectKey(work, "1.ics"), encodeObject(&e, contents{body: text})),
				in.Put(tableIndex, indexKey(work, indexEntry, e.Rev), e.encode()), in.Put(tableUIDs, uidKey(1, "2", work), uidValue(&e)))
		}},
	}
}

// TestVerifyAndReindex damages a store in every way that Verify knows. Reindex
// must mend what can be mended, to the byte.
func TestVerifyAndReindex(t *testing.T) {
	s0 := openOn(t, engine.OpenMemory(Tables()), Options{NewUUID: steadyUUIDs()})
	fill(t, s0)
	fillRest(t, s0)
	var entry, gone Rev
	view(t, s0, func(tx *Tx) error {
		e, err := tx.Entry(1, "3.ics")
		if err != nil {
			return err
		}
		entry = e.Rev
		_, t, err := tx.find(1, "4.ics")
		gone = t.Rev
		return err
	})
	if _, err := s0.Maintain(ctx); err != nil {
		t.Fatal(err)
	}
	good := dump(t, s0)
	for _, tt := range damages(t, entry, gone) {
		t.Run(tt.name, func(t *testing.T) {
			e := engine.OpenMemory(Tables())
			s, err := OpenEngine(e, Options{Indexer: testIndexer, Now: newClock().Now, NewUUID: steadyUUIDs(), NewEpoch: steadyEpoch, Step: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			fill(t, s)
			fillRest(t, s)
			s.engine = enginetest.Wrap(t, e)
			if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
				t.Fatalf("Verify before: %v, %v", found, err)
			}
			if r, err := s.Reindex(ctx); err != nil || r.Written+r.Removed+len(r.Failed) > 0 || r.Objects != 24 || r.Homes != 2 || r.Collections != 4 {
				t.Errorf("Reindex of a good store: %+v, %v", r, err)
			}
			if err := e.Update(ctx, tt.do); err != nil {
				t.Fatal(err)
			}
			found, err := s.Verify(ctx)
			if err != nil || !hasKind(found, tt.kind) {
				t.Errorf("Verify: %v, %v; want one of kind %q", found, err, tt.kind)
			}
			if r, err := s.Reindex(ctx); tt.kind != ProblemDamaged && err != nil || tt.kind == ProblemBody && len(r.Failed) != 1 {
				t.Errorf("Reindex: %+v, %v", r, err)
			}
			if !tt.mends {
				return
			}
			if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
				t.Errorf("Verify after Reindex: %v, %v", found, err)
			}
			if _, err := s.Maintain(ctx); err != nil { // what waits for the purge is not indexed
				t.Error(err)
			}
			if got := dump(t, s); got != good {
				t.Errorf("after Reindex:\n%s", cmp.Diff(good, got))
			}
		})
	}
}

func hasKind(found []Problem, kind ProblemKind) bool {
	for _, p := range found {
		if p.Kind == kind && strings.HasPrefix(p.String(), string(kind)) {
			return true
		}
	}
	return false
}

func wipe(w engine.Writer, table engine.Table) error {
	var err error
	for k := range w.Scan(table, engine.Range{}) {
		err = errors.Join(err, w.Delete(table, k))
	}
	return err
}

// TestVerifyFile damages the file below the engine.
func TestVerifyFile(t *testing.T) {
	path := tempPath(t)
	s := openFile(t, path, Options{})
	fill(t, s)
	if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
		t.Fatalf("Verify: %v, %v", found, err)
	}
	without, err := OpenEngine(engine.OpenMemory(Tables()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer without.Close()
	if _, err := without.Verify(ctx); err == nil {
		t.Error("Verify without an Indexer proves nothing")
	}
	if _, err := without.Reindex(ctx); err == nil {
		t.Error("Reindex without an Indexer loses everything")
	}
}

// TestReindexRaises: numbers in use are never given out again.
func TestReindexRaises(t *testing.T) {
	e := engine.OpenMemory(Tables()) // numbers go by the runs of functions
	s := openOn(t, e, Options{})
	fill(t, s)
	err := e.Update(ctx, func(w engine.Writer) error {
		return errors.Join(w.Delete(tableMeta, numberKey(numberHome)), w.Delete(tableMeta, numberKey(numberCollection)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reindex(ctx); err != nil {
		t.Fatal(err)
	}
	h := home(t, s, "eve")
	if h.ID != 3 || mustCollection(t, s, h.ID, "work").ID <= 4 {
		t.Errorf("home %+v", h)
	}
}

func TestBackup(t *testing.T) {
	s := openFile(t, tempPath(t), Options{})
	fill(t, s)
	var b bytes.Buffer
	if err := s.Backup(ctx, &b); err != nil {
		t.Fatal(err)
	}
	before := dump(t, s)
	putEvent(t, s, 1, "work", "later", "")
	path := tempPath(t)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, openFile(t, path, Options{})); got != before {
		t.Errorf("the copy differs:\n%s", cmp.Diff(before, got))
	}
}
