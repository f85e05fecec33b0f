package engine

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// replaceFile has f's owner write to the device at path instead, until the
// function that is returned is called. What is mapped stays.
func replaceFile(t *testing.T, f *os.File, path string) (restore func()) {
	t.Helper()
	fd := int(f.Fd())
	saved, err := unix.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if err := unix.Dup3(int(device.Fd()), fd, 0); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(unix.Dup3(saved, fd, 0), unix.Close(saved)); err != nil {
			t.Fatal(err)
		}
	}
}

// settle makes free pages in the file, so that it need not grow, and writes n
// records, which stay in the log.
func settle(t *testing.T, e *boltEngine, n int) {
	t.Helper()
	big := func(w Writer) error { return w.Put("a", []byte("big"), make([]byte, 9<<20)) }
	gone := func(w Writer) error { return w.Delete("a", []byte("big")) }
	for _, fn := range []func(Writer) error{big, gone, gone} {
		if err := e.Update(ctx, fn); err != nil {
			t.Fatal(err)
		}
		e.commit.alone(func() {
			if err := e.commit.empty(); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range n {
		if err := putOne(e, fmt.Sprintf("%03d", i), make([]byte, 3000)); err != nil {
			t.Fatal(err)
		}
	}
}

func wantCount(t *testing.T, e Engine, when string, n int) {
	t.Helper()
	if got := count(t, e, "a"); got != n {
		t.Errorf("%s: %d records, want %d", when, got, n)
	}
}

// TestLogFull: a disk without space for the log refuses the write; nothing is
// lost, and the next update succeeds when there is space again.
func TestLogFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{})
	settle(t, e, 3)
	restore := replaceFile(t, e.commit.log.file, "/dev/full")
	for range 3 {
		if err := putOne(e, "full", nil); !errors.Is(err, ErrFull) {
			t.Errorf("update on a full disk: %v, want ErrFull", err)
		}
		wantCount(t, e, "while the disk is full", 3)
	}
	restore()
	if err := putOne(e, "4", nil); err != nil {
		t.Errorf("Put with space again: %v", err)
	}
	wantCount(t, e, "with space again", 4)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wantCount(t, openBolt(t, path, BoltOptions{}), "opened again", 4)
}

// TestFileFull: when the file cannot take what is in the log, all of that stays
// and is read; updates are refused until the file can.
func TestFileFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	var out bytes.Buffer
	e := openBolt(t, path, BoltOptions{logHalf: 64 << 10, Log: slog.New(slog.NewTextHandler(&out, nil))})
	settle(t, e, 0)
	restore := replaceFile(t, e.file, "/dev/full")
	n := 0
	var err error
	for ; n < 100 && err == nil; n++ {
		err = putOne(e, fmt.Sprintf("%03d", n), make([]byte, 3000))
	}
	if n--; !errors.Is(err, ErrFull) || n < 16 {
		t.Fatalf("update %d: %v, want ErrFull after the halves of the log are full", n, err)
	}
	for range 3 {
		if err := putOne(e, "full", nil); !errors.Is(err, ErrFull) {
			t.Errorf("update on a full disk: %v, want ErrFull", err)
		}
		wantCount(t, e, "while the disk is full", n)
	}
	killed := filepath.Join(t.TempDir(), "killed.db")
	copyAt(t, e, killed)
	restore()
	wantCount(t, openBolt(t, killed, BoltOptions{logHalf: 64 << 10}), "killed while the disk is full", n)
	wantLogged(t, &out, "the file cannot take what is in its log")
	if err := putOne(e, "again", nil); err != nil {
		t.Errorf("Put with space again: %v", err)
	}
	wantCount(t, e, "with space again", n+1)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	wantCount(t, openBolt(t, path, BoltOptions{}), "opened again", n+1)
}

// TestSyncFails: when the disk does not confirm a record or a transaction, no
// further update is taken, since nobody knows what is on disk; reading goes on,
// and all that was acknowledged is there when the file is opened again.
func TestSyncFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		file func(e *boltEngine) *os.File
	}{
		{"log", func(e *boltEngine) *os.File { return e.commit.log.file }},
		{"file", func(e *boltEngine) *os.File { return e.file }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			e := openBolt(t, path, BoltOptions{})
			settle(t, e, 3)
			restore := replaceFile(t, tt.file(e), "/dev/null") // takes writes, cannot sync
			big := make([]byte, 5<<20)                         // does not fit the log: goes to the file
			if tt.name == "log" {
				big = nil
			}
			if err := putOne(e, "lost", big); !errors.Is(err, ErrReadOnly) {
				t.Errorf("unconfirmed update: %v, want ErrReadOnly", err)
			}
			restore()
			if err := putOne(e, "refused", nil); !errors.Is(err, ErrReadOnly) {
				t.Errorf("update after an unconfirmed one: %v, want ErrReadOnly", err)
			}
			there := 3
			if tt.name == "file" { // nobody knows whether it is; it shows
				there = 4
				wantCount(t, e, "broken", there)
				// The transaction that was not confirmed may be in the file all the same.
				v := e.version.Load()
				if _, err := e.write(e.commit.log.seq, v.frozen, v.active); err != nil {
					t.Fatal(err)
				}
			}
			wantCount(t, e, "broken", there)
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = openBolt(t, path, BoltOptions{})
			if err := putOne(e, "4", nil); err != nil {
				t.Errorf("Put after opening again: %v", err)
			}
			wantCount(t, e, "opened again", there+1)
		})
	}
}
