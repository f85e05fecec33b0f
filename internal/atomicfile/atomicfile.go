package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// abandoned is the age of a temporary file that nobody writes any more.
const abandoned = time.Hour

// Write replaces the file at path, or makes it, with permissions perm and the
// content that fill writes. It is on disk when Write returns. On error the file
// is as it was.
func Write(path string, perm os.FileMode, fill func(io.Writer) error) (err error) {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	sweep(dir, name)
	tmp, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	if err = fill(tmp); err == nil {
		err = errors.Join(tmp.Chmod(perm), tmp.Sync())
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	syncFolder(dir)
	return nil
}

// syncFolder makes a rename durable. Where it cannot be done the file was
// replaced all the same.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// sweep removes what processes that were killed have left. What cannot be removed
// now will be another time.
func sweep(dir, name string) {
	left, err := filepath.Glob(filepath.Join(dir, name+".*.tmp"))
	if err != nil {
		return
	}
	for _, f := range left {
		if info, err := os.Stat(f); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(f)
		}
	}
}
