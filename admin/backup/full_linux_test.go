package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of 1 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
	if errors.Is(err, syscall.EPERM) && (os.Geteuid() != 0 || os.Getenv("CI") != "true") {
		t.Skip("mounting is not permitted")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: a backup or a restore that finds no space fails with words, and leaves
// what was there as it was.
func TestFullDisk(t *testing.T) {
	l := openLive(t, t.TempDir())
	random := rand.NewChaCha8([32]byte{})
	for i := range 20 {
		text := make([]byte, 100_000)
		if _, err := random.Read(text); err != nil {
			t.Fatal(err)
		}
		l.put(t, fmt.Sprint(i), string(text))
	}
	disk := smallDisk(t)
	path := filepath.Join(disk, "x"+Extension)
	err := WriteFile(path, nil, func(w io.Writer) error { _, err := Write(t.Context(), w, l.members(), testOrigin); return err }, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("backup: %v, want ENOSPC", err)
	}
	wantNames(t, disk, "")
	b := l.backup(t)
	if _, err := Verify(t.Context(), bytes.NewReader(b), copies(), disk, nil); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrDamaged) {
		t.Errorf("verify: %v, want ENOSPC", err)
	}
	if err := os.WriteFile(filepath.Join(disk, "sacl.json"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restore(t, b, RestoreOptions{Data: disk, Existing: SetAside}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("restore: %v, want ENOSPC", err)
	}
	wantNames(t, disk, "sacl.json")
}
