package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

// TestFull fills a store to the limit of its file: it goes on answering, loses
// nothing, and writes again when there is space.
func TestFull(t *testing.T) {
	path := tempPath(t)
	limited := Options{Indexer: testIndexer, MaxSize: 3 << 20, Wrap: enginetest.Wrapper(t)}
	s, err := Open(path, limited)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { wantErr(t, "Close again", s.Close(), ErrClosed) }()
	h := home(t, s, "ann")
	write := func(uid string) error {
		return try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, uid+".ics", body(event(uid), strings.Repeat("x", 20_000)), event(uid), Match{})
			return err
		})
	}
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = write(fmt.Sprint(n))
	}
	wantErr(t, fmt.Sprintf("after %d objects", n), err, ErrFull)
	check := func(objects int) {
		t.Helper()
		if c := mustCollection(t, s, h.ID, "work"); c.Objects != objects {
			t.Errorf("%d objects, want %d", c.Objects, objects)
		}
		if found, err := s.Verify(ctx); err != nil || len(found) > 0 {
			t.Errorf("Verify: %v, %v", found, err)
		}
	}
	check(n - 1)
	wantErr(t, "again", write("again"), ErrFull)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	limited.MaxSize = 0
	if s, err = Open(path, limited); err != nil {
		t.Fatal(err)
	}
	if err := write("again"); err != nil {
		t.Errorf("with space again: %v", err)
	}
	check(n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestConcurrent has readers and writers meet: what a reader sees of a home must
// fit together, cached or not.
func TestConcurrent(t *testing.T) {
	s := openFile(t, tempPath(t), Options{CachedHomes: 1})
	homes := []*Home{home(t, s, "ann"), home(t, s, "bob")}
	const writes = 200
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			h := homes[w%2]
			for i := range writes {
				uid := fmt.Sprintf("%d-%d", w, i%20)
				err := try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
					if i%3 == 2 {
						return skipGone(tx.DeleteObject(c, uid+".ics", Match{}))
					}
					_, _, err := tx.PutObject(c, uid+".ics", body(event(uid), uid), event(uid), Match{})
					return errors.Join(err, tx.SetProperty(OfCollection(c), "{n}rev", []byte(fmt.Sprint(c.Objects))))
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range 3 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, h := range homes {
					if err := s.View(ctx, func(tx *Tx) error { return consistent(tx, h.ID) }); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

// consistent checks that a home's records, index and change log are of one moment.
func consistent(tx *Tx, id HomeID) error {
	h, err := tx.HomeByID(id)
	if err != nil {
		return err
	}
	all, err := tx.Collections(id)
	if err != nil {
		return err
	}
	var bytes int64
	for _, c := range all {
		n, last := 0, Rev(0)
		for e := range tx.Entries(c.ID) {
			n++
			last = e.Rev
			bytes += int64(e.Size)
		}
		if n != c.Objects || last > c.Rev || c.Rev > h.Rev {
			return fmt.Errorf("%d entries, the last of %d, in %+v of %+v", n, last, c, h)
		}
		props, err := tx.Properties(OfCollection(c))
		if err != nil {
			return err
		}
		for _, p := range props {
			bytes += int64(len(p.Name) + len(p.Value))
		}
	}
	if bytes != h.UsedBytes {
		return fmt.Errorf("%d bytes in %+v", bytes, h)
	}
	return nil
}

// TestDamageFailsViews: damage met where no error can be returned fails the
// transaction.
func TestDamageFailsViews(t *testing.T) {
	e := enginetest.Wrap(t, engine.OpenMemory(Tables()))
	s, err := OpenEngine(e, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := home(t, s, "ann")
	entry := putEvent(t, s, h.ID, "work", "a", "")
	c := mustCollection(t, s, h.ID, "work")
	err = e.Update(ctx, func(w engine.Writer) error {
		return errors.Join(w.Put(tableIndex, indexKey(c.ID, indexEntry, entry.Rev), []byte{formatEntry}), w.Put(tableHomes, homeKey(9), nil),
			w.Put(tableObjects, objectKey(c.ID, "a.ics"), []byte{formatObject}))
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, fn := range map[string]func(*Tx) error{
		"Entries": func(tx *Tx) error {
			for range tx.Entries(c.ID) {
				t.Error("a damaged entry was shown")
			}
			return nil
		},
		"Homes": func(tx *Tx) error {
			for range tx.Homes() {
				continue
			}
			return nil
		},
		"Object":  func(tx *Tx) error { _, err := tx.Object(c.ID, "a.ics"); return err },
		"Changes": func(tx *Tx) error { _, _, _, err := tx.Changes(c.ID, 0, 0); return err },
	} {
		wantErr(t, what, s.View(ctx, fn), ErrCorrupt)
		wantErr(t, what+" in an update", s.Update(ctx, fn), ErrCorrupt)
	}
	if _, err := s.Stats(ctx); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Stats: %v", err)
	}
}

// FuzzDecode: no bytes make a decoder panic, and what is decoded encodes to
// something that decodes to the same.
func FuzzDecode(f *testing.F) {
	entry := Entry{Name: "a.ics", Rev: 9, Size: 3, CreatedRev: 5, ScheduleTag: 7, Created: 1, Modified: 2, Index: event("a")}
	odd := Entry{Name: "odd", Rev: 9, Index: Index{UID: "uid", End: OpenEnded, Start: math.MinInt64}}
	role := Entry{Name: "r", Rev: 9, CreatedRev: 4, ScheduleTag: 2, Role: RoleAttendee, Scheduling: 1, Size: 4}
	for _, b := range [][]byte{
		entry.encode(), odd.encode(), encodeObject(&role, contents{body: []byte("body")}), encodeObject(&entry, contents{shared: make([]byte, 32)}),
		encodeObject(&entry, contents{body: []byte("abc")}), (&tombstone{7, 8}).encode(), encodeDeleted(5, "name"),
		encodePurge(7), encodeNumber(65), uidValue(&odd),
		(&Home{Owner: "ann", Rev: 3}).encode(), (&Home{Owner: "ann", Addresses: "a@b"}).encode(), (&Collection{ID: 3, ResourceID: "uuid"}).encode(), (&state{Version: 3, Epoch: 7, Step: 2, Cursor: []byte("key")}).encode(),
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again Entry
		if e.decode(9, b) == nil {
			if err := again.decode(9, e.encode()); err != nil || again != e {
				t.Errorf("entry %+v became %+v, %v", e, again, err)
			}
		}
		if has, grave, err := decodeObject("a.ics", b, &e); err == nil && grave == nil {
			has2, _, err := decodeObject("a.ics", encodeObject(&e, has), &again)
			if err != nil || again != e || string(has2.body) != string(has.body) || string(has2.shared) != string(has.shared) {
				t.Errorf("object %+v became %+v, %v", e, again, err)
			}
		}
		if h, err := decodeHome(1, b); err == nil {
			if again, err := decodeHome(1, h.encode()); err != nil || *again != *h {
				t.Errorf("home %+v became %+v, %v", h, again, err)
			}
		}
		if c, err := decodeCollection(1, "n", b); err == nil {
			if again, err := decodeCollection(1, "n", c.encode()); err != nil || *again != *c {
				t.Errorf("collection %+v became %+v, %v", c, again, err)
			}
		}
		if st, err := decodeState(b); err == nil {
			if again, err := decodeState(st.encode()); err != nil || fmt.Sprint(again) != fmt.Sprint(st) {
				t.Errorf("state %+v became %+v, %v", st, again, err)
			}
		}
		// Of others there is nothing to compare, but that they do not panic.
		_, _, _ = decodeDeleted(b)
		_, _ = decodePurge(b)
		_, _ = decodeNumber(b)
		_, _ = uidName("uid", b)
		_, _ = decodeLegacyState(b)
		_, _, _ = decodeLegacyHome(1, b)
		_, _, _ = decodeLegacyCollection(1, "n", b)
		_, _, _ = decodeLegacyObject("n", b)
		_ = e.decodeLegacy(9, b)
	})
}
