package logging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A File is a log file opened for appending, which can be opened anew under
// the same name while it is written to. Its methods may be called
// concurrently; each Write is one write to the system.
type File struct {
	path string // "" when the File wraps a stream that it does not own

	mu  sync.Mutex
	out io.Writer
	own *os.File // nil for a stream
}

// OpenFile opens the file at path for appending and creates it, readable by
// the owner and group, if it does not exist.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	if err := f.Reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// NewStream returns a File over w, such as the standard error. Reopen does
// nothing to it and Close leaves w open.
func NewStream(w io.Writer) *File { return &File{out: w} }

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.out == nil {
		return 0, os.ErrClosed
	}
	return f.out.Write(p)
}

// Reopen opens the file's name again and goes on there, for use after the
// file was renamed. If that fails the old file stays in use.
func (f *File) Reopen() error {
	if f.path == "" {
		return nil
	}
	next, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	f.mu.Lock()
	old := f.own
	f.own, f.out = next, next
	f.mu.Unlock()
	if old == nil {
		return nil
	}
	if err := old.Close(); err != nil {
		return fmt.Errorf("log file: closing the former one: %w", err)
	}
	return nil
}

// Close closes the file; writing to it afterwards fails with [os.ErrClosed].
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.own
	f.own, f.out = nil, nil
	if own == nil {
		return nil
	}
	if err := own.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("log file: %w", err)
	}
	return nil
}
