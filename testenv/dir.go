package testenv

import (
	"os"
	"testing"
	"time"
)

// Dir makes a folder that is removed when the test ends. Unlike t.TempDir its
// path is short, because a unix socket's path may have 107 bytes at most.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cv")
	if err != nil {
		t.Fatalf("temporary folder: %v", err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(dir)
		for end := time.Now().Add(startLimit); err != nil && time.Now().Before(end); err = os.RemoveAll(dir) {
			time.Sleep(pollEvery) // what a server has started may write for a moment after it has ended
		}
		if err != nil {
			t.Errorf("temporary folder: %v", err)
		}
	})
	return dir
}

// WriteFile writes a file readable by the owner only, and returns its path. Who reads it
// meanwhile has the file before or the file after.
func WriteFile(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}
