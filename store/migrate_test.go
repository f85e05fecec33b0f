package store

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"convene/internal/engine"
)

var updateFixtures = flag.Bool("update", false, "write the fixture of the current format")

// TestFormats opens files that former versions wrote. Migrated, their records are
// what today's code makes of the same changes; Verify, at the end, finds the sums
// right that they did not have.
func TestFormats(t *testing.T) {
	golden := fmt.Sprintf("testdata/format%d.txt", schemaVersion)
	if *updateFixtures {
		writeFixture(t, fmt.Sprintf("testdata/format%d.db.gz", schemaVersion), golden)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= int(schemaVersion); version++ {
		t.Run(fmt.Sprint("format", version), func(t *testing.T) {
			s := openFile(t, unpack(t, fmt.Sprintf("testdata/format%d.db.gz", version)), Options{})
			wantString(t, "records", dump(t, s), string(want))
			wantString(t, "work", names(t, s, 1, "work"), "0.ics 1.ics 2.ics 6.ics 7.ics 8.ics 9.ics 10.ics 11.ics odd name 3.ics")
			wantString(t, "inbox", names(t, s, 2, "inbox"), "0.ics")
			view(t, s, func(tx *Tx) error {
				h, err := tx.Home("ann")
				if err == nil && (h.QuotaOverride != 12345 || h.Counted != 1) {
					t.Errorf("%+v", h)
				}
				return err
			})
		})
	}
	// What today's code writes is read by that version too.
	fresh := openTest(t, Options{NewUUID: steadyUUIDs()})
	fill(t, fresh)
	wantString(t, "today's records", dump(t, fresh), string(want))
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
	s := openFile(t, tempPath(t), Options{NewUUID: steadyUUIDs()}) // with no CONVENE_TEST_ENGINE
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
			return w.Put(tableMeta, []byte(metaState), (&state{Version: schemaVersion + 1}).encode())
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
