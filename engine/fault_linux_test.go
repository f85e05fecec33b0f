package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// replaceFile has e write to the device at path instead of its file until the
// function that is returned is called. What is mapped stays.
func replaceFile(t *testing.T, e *boltEngine, path string) (restore func()) {
	t.Helper()
	fd := int(e.file.Fd())
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

// settle has space written ahead, so that the next commits do not resize the
// file.
func settle(t *testing.T, e *boltEngine) {
	t.Helper()
	for _, k := range []string{"1", "2", "3"} {
		if err := putOne(e, k, nil); err != nil {
			t.Fatal(err)
		}
	}
	e.commit.alone(e.zeroAhead)
}

// TestDiskFull: a disk without space refuses the write; nothing is lost, and
// the next update succeeds when there is space again.
func TestDiskFull(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{})
	settle(t, e)
	restore := replaceFile(t, e, "/dev/full")
	for range 3 {
		if err := putOne(e, "full", nil); !errors.Is(err, ErrFull) {
			t.Errorf("update on a full disk: %v, want ErrFull", err)
		}
		if n := count(t, e, "a"); n != 3 {
			t.Errorf("%d records while the disk is full, want 3", n)
		}
	}
	restore()
	if err := putOne(e, "4", nil); err != nil {
		t.Errorf("Put with space again: %v", err)
	}
	if n := count(t, e, "a"); n != 4 {
		t.Errorf("%d records, want 4", n)
	}
}

// TestSyncFails: when the disk does not confirm a commit, no further update is
// taken, since nobody knows what is on disk; reading goes on.
func TestSyncFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{})
	settle(t, e)
	restore := replaceFile(t, e, "/dev/null") // takes writes, cannot sync
	if err := putOne(e, "lost", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("unconfirmed update: %v, want ErrReadOnly", err)
	}
	restore()
	if err := putOne(e, "refused", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("update after an unconfirmed one: %v, want ErrReadOnly", err)
	}
	if n := count(t, e, "a"); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openBolt(t, path, BoltOptions{})
	if err := putOne(e, "4", nil); err != nil {
		t.Errorf("Put after opening again: %v", err)
	}
	if n := count(t, e, "a"); n != 4 {
		t.Errorf("%d records, want 4", n)
	}
}
