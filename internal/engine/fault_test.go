package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inFile makes the file hold n records of a page each, and nothing the log.
func inFile(t *testing.T, e *boltEngine, n int) {
	t.Helper()
	for i := range n {
		if err := putOne(e, fmt.Sprintf("%03d", i), make([]byte, 4000)); err != nil {
			t.Fatal(err)
		}
	}
	e.commit.alone(func() {
		if err := e.commit.empty(); err != nil {
			t.Error(err)
		}
	})
}

// TestFault: memory of the file that the disk does not deliver is damage: where the
// engine reads it, where a function reads what it was given, and where a layer is
// written to the file. The process goes on, and no further update is taken.
func TestFault(t *testing.T) {
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{Log: slog.New(slog.NewTextHandler(&out, nil))})
	inFile(t, e, 200)
	get := func(r Reader) error { r.Get("a", []byte("100")); return nil }
	scan := func(r Reader) error {
		for range r.Scan("a", Range{Desc: true}) {
		}
		return nil
	}
	value := func(r Reader) error {
		v := r.Get("a", []byte("150"))
		if err := os.Truncate(path, metaPages*int64(os.Getpagesize())); err != nil {
			return err
		}
		return fmt.Errorf("read %d", bytes.Count(v, []byte{1}))
	}
	for i, fn := range []func(Reader) error{value, get, scan} {
		if err := e.View(ctx, fn); !errors.Is(err, ErrDamaged) {
			t.Errorf("view %d: %v, want ErrDamaged", i, err)
		}
		if err := e.Update(ctx, func(w Writer) error { return fn(w) }); !errors.Is(err, ErrDamaged) {
			t.Errorf("update %d: %v, want ErrDamaged", i, err)
		}
	}
	if err := putOne(e, "k", make([]byte, 5<<20)); !errors.Is(err, ErrDamaged) { // past the log
		t.Errorf("a large update: %v, want ErrDamaged", err)
	}
}

// TestFaultInFlush: damage that a flush meets is told at once; what the log has stays
// there, is read, and is there at the next start.
func TestFaultInFlush(t *testing.T) {
	var out bytes.Buffer
	told := make(chan error, 10)
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{
		Log: slog.New(slog.NewTextHandler(&out, nil)), Trouble: func(err error) { told <- err },
	})
	inFile(t, e, 200)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := putOne(e, "late", nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, metaPages*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != ErrReadOnly { // when the record is a second old
		t.Errorf("told: %v, want ErrReadOnly", err)
	}
	wantLogged(t, &out, "the file is damaged")
	if err := putOne(e, "later", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("update after it: %v, want ErrReadOnly", err)
	}
	if _, err := e.file.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	wantCount(t, e, "with the file back", 201)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wantCount(t, openBolt(t, path, BoltOptions{}), "opened again", 201)
}

// TestOtherPanics: what is no fault passes as it is.
func TestOtherPanics(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{})
	for _, want := range []any{"text", errors.New("an error")} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
			}()
			_ = e.View(ctx, func(Reader) error { panic(want) })
		}()
	}
}

// TestFullAtStart: a file that cannot take what an unclean end left in the log is
// opened all the same. All of that is read, however often the process is killed; with
// space again, writing goes on.
func TestFullAtStart(t *testing.T) {
	const n = 200
	path := crashed(t, n, 4000)
	for range 3 {
		var out bytes.Buffer
		var told []error
		o := BoltOptions{MaxSize: 64 << 10, Log: slog.New(slog.NewTextHandler(&out, nil)), Trouble: func(err error) { told = append(told, err) }}
		e := openBolt(t, path, o)
		wantCount(t, e, "without space", n)
		if err := putOne(e, "full", nil); !errors.Is(err, ErrFull) {
			t.Errorf("update: %v, want ErrFull", err)
		}
		wantCount(t, e, "after an update", n)
		if !strings.Contains(out.String(), notTaken) || !slices.Equal(told, []error{ErrFull}) {
			t.Errorf("told %v, logged:\n%s", told, out.String())
		}
		next := filepath.Join(t.TempDir(), "next.db")
		copyAt(t, e, next)
		if err := e.Close(); !errors.Is(err, ErrFull) {
			t.Errorf("Close: %v, want ErrFull", err)
		}
		wantCount(t, openBolt(t, path, BoltOptions{ReadOnly: true}), "after a clean end", n)
		path = next
	}
	var told []error
	e := openBolt(t, path, BoltOptions{Trouble: func(err error) { told = append(told, err) }})
	if err := putOne(e, "more", nil); err != nil {
		t.Error(err)
	}
	wantCount(t, e, "with space", n+1)
	if err := e.Close(); err != nil || len(told) > 0 {
		t.Errorf("Close: %v, told %v", err, told)
	}
	wantCount(t, openBolt(t, path, BoltOptions{}), "opened again", n+1)
}
