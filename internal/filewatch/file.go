package filewatch

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

// maxSize is the largest file that is read, in bytes.
const maxSize = 64 << 20

// A File is a value that is parsed from a file, and again when the file has changed.
// A file that cannot be read or parsed later on leaves the last good value in
// place: an administrator who is just writing it locks nobody out.
type File[T any] struct {
	path  string
	parse func([]byte) (T, error)
	log   *slog.Logger
	now   func() time.Time

	value  atomic.Pointer[T]
	next   atomic.Int64 // Unix ns before which the file is not looked at
	mu     sync.Mutex   // held while reading
	seen   Version
	warned bool // that anybody can read the file
}

// Open reads a file and parses it. log gets what goes wrong later, now is the clock.
// Errors: those of reading and of parse.
func Open[T any](path string, parse func([]byte) (T, error), log *slog.Logger, now func() time.Time) (*File[T], error) {
	f := &File[T]{path: path, parse: parse, log: log, now: now}
	if err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Get returns the current value. It costs a load, and once a second a stat.
func (f *File[T]) Get() T {
	now := f.now().UnixNano()
	due := f.next.Load()
	if now >= due && f.next.CompareAndSwap(due, now+int64(every)) {
		f.refresh()
	}
	return *f.value.Load()
}

// refresh reads the file again if it has changed, and logs a failure once for each
// version.
func (f *File[T]) refresh() {
	seen, err := Look(f.path)
	f.mu.Lock()
	same := f.seen.Same(seen)
	f.seen = seen
	f.mu.Unlock()
	if same {
		return
	}
	if err == nil {
		err = f.Reload()
	}
	if err != nil {
		f.log.Error("file cannot be read again; its last good content stays in force", "file", f.path, "err", err)
		return
	}
	f.log.Info("file read again", "file", f.path)
}

// Reload reads the file now, whether it has changed or not. On error the value stays.
func (f *File[T]) Reload() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return err
	}
	if len(b) > maxSize {
		return fmt.Errorf("%s: larger than %d bytes", f.path, maxSize)
	}
	v, err := f.parse(b)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if open := Of(info).Readable(); open != f.warned {
		f.warned = open
		if open {
			f.log.Warn("a file with secrets can be read by every account of this machine", "file", f.path)
		}
	}
	f.seen = Of(info)
	f.next.Store(f.now().UnixNano() + int64(every))
	f.value.Store(&v)
	return nil
}
