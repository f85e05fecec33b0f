package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCheckBesideWriters: a check finds nothing while the file is written to, and
// is no race.
func TestCheckBesideWriters(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{NoSync: true, logHalf: 64 << 10})
	stop := make(chan bool)
	var writers sync.WaitGroup
	for g := range 2 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("%d/%d", g, i%500)
				err := e.Update(ctx, func(w Writer) error {
					if w.Get("a", []byte(key)) != nil {
						return w.Delete("a", []byte(key))
					}
					return w.Put("a", []byte(key), make([]byte, 100+i%9000))
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	checks := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); checks++ {
		if errs := e.Check(ctx); len(errs) > 0 {
			t.Fatalf("check %d: %v", checks, errs)
		}
	}
	close(stop)
	writers.Wait()
	if checks == 0 {
		t.Error("no check ran")
	}
}

// TestUnconfirmedFull: a sync that fails for lack of space is no full disk: what
// was written may be lost, and no further update is taken.
func TestUnconfirmedFull(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO} {
		var out bytes.Buffer
		e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{Log: slog.New(slog.NewTextHandler(&out, nil))})
		e.commit.alone(func() {
			for range 2 {
				err := e.commit.failed(commitError(cause))
				if !errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrFull) {
					t.Errorf("%v: %v, want ErrUnknownOutcome", cause, err)
				}
			}
		})
		if err := putOne(e, "k", nil); !errors.Is(err, ErrReadOnly) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("update after it: %v, want ErrReadOnly", err)
		}
		wantLogged(t, &out, "the disk did not confirm a write")
	}
}

// wantLogged wants one record, which contains text.
func wantLogged(t *testing.T, out *bytes.Buffer, text string) {
	t.Helper()
	if s := out.String(); !strings.Contains(s, text) || strings.Count(s, "\n") != 1 {
		t.Errorf("logged:\n%swant one record with %q", s, text)
	}
}

// TestRecoveryLogged: what an unclean end left in the log is said once.
func TestRecoveryLogged(t *testing.T) {
	path := crashed(t, 5, 100)
	l, err := os.OpenFile(logPath(path), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The last of five records, of a page each, was not written as a whole.
	if _, err := l.WriteAt([]byte("torn"), 5*logPage+logHeader+10); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := openBolt(t, path, BoltOptions{Log: slog.New(slog.NewTextHandler(&out, nil))})
	wantLogged(t, &out, `records=4 "torn record dropped"=true`)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	openBolt(t, path, BoltOptions{Log: slog.New(slog.NewTextHandler(&out, nil))})
	if out.Len() > 0 {
		t.Errorf("after a clean end:\n%s", out.String())
	}
}

// TestDamagedPages: pages that cannot be are errors, at once or when they are
// read, and never an end of the process or a key that seems not to be there.
func TestDamagedPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{NoSync: true})
	for i := range 2000 {
		if err := putOne(e, fmt.Sprintf("%04d", i), make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
	}
	var used int64
	e.commit.alone(func() {
		err := e.commit.empty()
		tx, err2 := e.db.Begin(false)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		used = tx.Size()
		rollback(tx)
	})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	damaged, header := 0, make([]byte, 16)
	for page := 2; int64(page*os.Getpagesize()) < used; page += 3 {
		at := int64(page * os.Getpagesize())
		_, err := file.ReadAt(header, at)
		_, err2 := file.WriteAt(bytes.Repeat([]byte{0xff}, len(header)), at)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		e, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, ReadOnly: true})
		if err == nil {
			err = e.View(ctx, func(r Reader) error {
				for i := range 2000 {
					if r.Get("a", []byte(fmt.Sprintf("%04d", i))) == nil {
						t.Errorf("page %d: key %d is missing", page, i)
					}
				}
				n := 0
				for range r.Scan("a", Range{}) {
					n++
				}
				if n != 2000 {
					t.Errorf("page %d: %d keys", page, n)
				}
				return nil
			})
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil {
			damaged++
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("page %d: %v, want ErrDamaged", page, err)
		}
		if _, err := file.WriteAt(header, at); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Error("no damage was met")
	}
}
