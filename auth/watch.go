package auth

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	watchEvery  = time.Second // how often a file's time stamp is looked at, at most
	maxFileSize = 64 << 20    // bytes of a password file or keytab
)

// A watched value is parsed from a file, and again when the file has changed.
// A file that cannot be read or parsed later on leaves the last good value in
// place: an administrator who is just writing it locks nobody out.
type watched[T any] struct {
	path  string
	parse func([]byte) (T, error)
	log   *slog.Logger
	now   func() time.Time

	value  atomic.Pointer[T]
	next   atomic.Int64 // Unix ns before which the file is not looked at
	mu     sync.Mutex   // held while reading
	stamp  fileStamp
	warned bool // that anybody can read the file
}

// fileStamp distinguishes versions of a file.
type fileStamp struct {
	modified time.Time
	size     int64
	file     os.FileInfo // for os.SameFile
}

// watch reads the file and parses it. It fails if that fails.
func watch[T any](path string, parse func([]byte) (T, error), log *slog.Logger, now func() time.Time) (*watched[T], error) {
	w := &watched[T]{path: path, parse: parse, log: log, now: now}
	if err := w.reload(); err != nil {
		return nil, err
	}
	return w, nil
}

// get returns the current value. It costs a load, and once a second a stat.
func (w *watched[T]) get() T {
	now := w.now().UnixNano()
	due := w.next.Load()
	if now >= due && w.next.CompareAndSwap(due, now+int64(watchEvery)) {
		w.refresh()
	}
	return *w.value.Load()
}

// refresh reads the file again if its stamp has changed, and logs a failure
// once for each stamp.
func (w *watched[T]) refresh() {
	info, err := os.Stat(w.path)
	if err != nil {
		info = nil
	}
	w.mu.Lock()
	same := w.stamp.same(info)
	if !same {
		w.stamp = stampOf(info)
	}
	w.mu.Unlock()
	if same {
		return
	}
	if err == nil {
		err = w.reload()
	}
	if err != nil {
		w.log.Error("file cannot be read again; its last good content stays in force", "file", w.path, "err", err)
		return
	}
	w.log.Info("file read again", "file", w.path)
}

// reload reads the file now, whatever its stamp says.
func (w *watched[T]) reload() (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, err := os.Open(w.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return err
	}
	if len(b) > maxFileSize {
		return fmt.Errorf("%s: larger than %d bytes", w.path, maxFileSize)
	}
	v, err := w.parse(b)
	if err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	if open := info.Mode().Perm()&0o004 != 0; open != w.warned {
		w.warned = open
		if open {
			w.log.Warn("a file with secrets can be read by every account of this machine", "file", w.path)
		}
	}
	w.stamp = stampOf(info)
	w.next.Store(w.now().UnixNano() + int64(watchEvery))
	w.value.Store(&v)
	return nil
}

func stampOf(i os.FileInfo) fileStamp {
	if i == nil {
		return fileStamp{}
	}
	return fileStamp{modified: i.ModTime(), size: i.Size(), file: i}
}

func (s fileStamp) same(i os.FileInfo) bool {
	if i == nil || s.file == nil {
		return i == nil && s.file == nil
	}
	return os.SameFile(s.file, i) && s.modified.Equal(i.ModTime()) && s.size == i.Size()
}
