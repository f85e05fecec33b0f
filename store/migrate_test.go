package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"convene/internal/engine"
)

var updateFixtures = flag.Bool("update", false, "write the fixture of the current format")

// steadyEpoch is the epoch of the fixtures.
func steadyEpoch() Epoch { return 0x5eed }

// migrated is what files of all former formats become: the same, to the byte.
const migrated = "testdata/migrated.txt"

// TestFormats opens files that former versions wrote. Verify, at the end, finds
// everything as today's code would compute it, and the sums right that the first
// format did not have.
func TestFormats(t *testing.T) {
	golden := fmt.Sprintf("testdata/format%d.txt", schemaVersion)
	if *updateFixtures {
		writeFixture(t, fmt.Sprintf("testdata/format%d.db.gz", schemaVersion), golden)
	}
	for version := 1; version <= schemaVersion; version++ {
		t.Run(fmt.Sprint("format", version), func(t *testing.T) {
			file := migrated
			if version >= 3 { // which had the same records, but for what they say of access
				file = golden
			}
			s := openFile(t, unpack(t, fmt.Sprintf("testdata/format%d.db.gz", version)), Options{})
			if *updateFixtures && version == 1 {
				if err := os.WriteFile(file, []byte(dump(t, s)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			checkFixture(t, s, file)
		})
	}
	// What today's code writes is read by that version too.
	fresh := openOn(t, engine.OpenMemory(Tables()), Options{NewUUID: steadyUUIDs()}) // numbers go by the runs of functions
	fill(t, fresh)
	wantString(t, "today's records", dump(t, fresh), readGolden(t, golden))
}

func readGolden(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkFixture compares a store with the records in a file, and with what fill made.
func checkFixture(t *testing.T, s *Store, file string) {
	t.Helper()
	wantString(t, "records", dump(t, s), readGolden(t, file))
	if r, err := s.Reindex(ctx); err != nil || r.Written+r.Removed+len(r.Failed) > 0 {
		t.Errorf("Reindex: %+v, %v", r, err)
	}
	for _, owner := range []string{"ann", "bob"} {
		var h *Home
		var work, inbox *Collection
		view(t, s, func(tx *Tx) (err error) {
			if h, err = tx.Home(owner); err != nil {
				return err
			}
			if h.QuotaOverride != 12345 || h.OwnerType != 2 || h.Counted != 1 || h.Epoch != steadyEpoch() {
				t.Errorf("%+v", h)
			}
			if work, err = tx.Collection(h.ID, "work"); err != nil {
				return err
			}
			inbox, err = tx.Collection(h.ID, "inbox")
			return err
		})
		wantString(t, "work", names(t, s, h.ID, work.Name), "0.ics 1.ics 2.ics 6.ics 7.ics 8.ics 9.ics 10.ics 11.ics odd name 3.ics")
		wantString(t, "inbox", names(t, s, h.ID, inbox.Name), "0.ics")
		view(t, s, func(tx *Tx) error {
			wantString(t, "home's property", string(tx.Property(OfHome(h.ID), "{n}p")), "home")
			wantString(t, "collection's property", string(tx.Property(OfCollection(work), "{n}p")), "collection")
			wantString(t, "object's property", string(tx.Property(OfObject(work, "1.ics"), "{n}p")), "object")
			o, err := tx.Object(work.ID, "3.ics")
			if err != nil {
				return err
			}
			wantString(t, "body", string(o.Body), string(body(event("3"), "changed")))
			_, name, err := tx.ObjectByUIDInHome(h.ID, "odd UID")
			wantString(t, "found by its UID", name, "odd name")
			return err
		})
		if e := putEvent(t, s, h.ID, "work", "after", ""); e.Rev <= h.Rev {
			t.Errorf("revision %d in a home at %d", e.Rev, h.Rev)
		}
		remove(t, s, h.ID, "work", "after.ics")
	}
	if h := home(t, s, "eve"); h.ID <= 2 || mustCollection(t, s, h.ID, "work").ID <= 6 {
		t.Errorf("%+v has a number that was given out", h)
	}
	if r, err := s.Maintain(ctx); err != nil || r.Purged == 0 {
		t.Errorf("Maintain: %+v, %v", r, err)
	}
}

// A dying engine carries out so many updates and no more, as a process that is
// killed.
type dying struct {
	engine.Engine
	left int
}

var errKilled = errors.New("killed")

func (d *dying) Update(ctx context.Context, fn func(engine.Writer) error) error {
	if d.left == 0 {
		return errKilled
	}
	d.left--
	return d.Engine.Update(ctx, fn)
}

// TestMigrationGoesOn ends a migration, in small steps, after each of them: what
// it becomes in the end is the same.
func TestMigrationGoesOn(t *testing.T) {
	for _, version := range []int{1, 2} {
		for perStart := 1; perStart <= 5; perStart += 2 {
			path := unpack(t, fmt.Sprintf("testdata/format%d.db.gz", version))
			starts := 0
			for {
				starts++
				e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
				if err != nil {
					t.Fatal(err)
				}
				s, err := OpenEngine(&dying{e, perStart}, Options{Step: 7, NewEpoch: steadyEpoch})
				if err == nil {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					break
				}
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
			}
			if starts < 60/7/perStart {
				t.Errorf("format %d: done in %d starts of %d steps: they are not small", version, starts, perStart)
			}
			wantString(t, "records", dump(t, openFile(t, path, Options{})), readGolden(t, migrated))
		}
	}
}

// TestMigrationOfDamage: what cannot be decoded goes over as it is, and is found by
// Verify; the rest is served.
func TestMigrationOfDamage(t *testing.T) {
	path := unpack(t, "testdata/format2.db.gz")
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Update(ctx, func(w engine.Writer) error {
		return errors.Join(
			w.Put(tableObjects, objectKey(1, "1.ics"), []byte{77, 1, 2}),
			w.Put(tableObjects, []byte("x"), nil),
			w.Put(tableIndex, []byte("x"), nil),
			w.Delete(tableIndex, indexKey(1, indexEntry, 7)), // of 2.ics
			w.Put(tableHomes, homeKey(2), []byte{9}))
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenEngine(e, Options{Indexer: testIndexer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found, err := s.Verify(ctx)
	if !hasKind(found, ProblemDamaged) {
		t.Errorf("Verify: %v, %v", found, err)
	}
	view(t, s, func(tx *Tx) error {
		o, err := tx.Object(1, "2.ics")
		if err == nil && o.Index != event("2") {
			t.Errorf("an object without an index entry has %+v", o.Index)
		}
		_, bad := tx.Object(1, "1.ics")
		wantErr(t, "a damaged object", bad, ErrCorrupt)
		return err
	})
}

// unpack makes a file of a fixture.
func unpack(t *testing.T, fixture string) (path string) {
	t.Helper()
	packed, err := os.Open(fixture)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	path = tempPath(t)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeFixture(t *testing.T, file, golden string) {
	s := openFile(t, tempPath(t), Options{NewUUID: steadyUUIDs(), NewEpoch: steadyEpoch}) // with no CONVENE_TEST_ENGINE
	fill(t, s)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := s.Backup(ctx, w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{file: b.Bytes(), golden: []byte(dump(t, s))} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewerAndForeign(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(w engine.Writer) error
		want  error
	}{
		{"newer", func(w engine.Writer) error {
			return writeState(w, &state{Version: schemaVersion + 1})
		}, ErrNewer},
		{"foreign", func(w engine.Writer) error { return w.Put(tableHomes, []byte("x"), nil) }, ErrForeign},
		{"damaged", func(w engine.Writer) error { return w.Put(tableMeta, []byte(metaState), []byte{9}) }, ErrCorrupt},
	} {
		e := engine.OpenMemory(Tables())
		if err := e.Update(ctx, tt.write); err != nil {
			t.Fatal(err)
		}
		_, err := OpenEngine(e, Options{})
		wantErr(t, tt.name, err, tt.want)
		wantErr(t, "engine", e.Close(), engine.ErrClosed)
	}
	path := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); err == nil {
		t.Error("a text file was opened")
	}
}

// TestFormatOfDemo opens what the program of commit cee0f85 wrote: the calendars.db
// of its `convene demo --data DIR`, ended by SIGTERM and compressed by gzip -9. Bodies
// are the same bytes afterwards, and revisions are what they were.
func TestFormatOfDemo(t *testing.T) {
	path := unpack(t, "testdata/cee0f85.db.gz")
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	bodies, revs := map[string]string{}, map[string]Rev{}
	err = e.View(ctx, func(r engine.Reader) error {
		for k, v := range r.Scan(tableObjects, engine.Range{}) {
			if old, body, ok := decodeLegacyObject(string(k[4:]), v); ok {
				bodies[string(k)], revs[string(k)] = string(body), old.Rev
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(bodies) < 300 {
		t.Fatalf("%d objects", len(bodies))
	}
	s, err := OpenEngine(e, Options{Step: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	view(t, s, func(tx *Tx) error {
		for k, body := range bodies {
			id, name := CollectionID(binary.BigEndian.Uint32([]byte(k))), k[4:]
			o, err := tx.Object(id, name)
			if err != nil || string(o.Body) != body || o.Rev != revs[k] {
				t.Errorf("object %q of %d: %+v, %v", name, id, o, err)
			}
		}
		return nil
	})
}
