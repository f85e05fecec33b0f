package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// A Table names one ordered map of an engine. The set of tables is given when
// the engine is opened; using another name is a bug of the caller and panics.
type Table string

var (
	// ErrClosed is the answer of every call after Close.
	ErrClosed = errors.New("engine: closed")

	// ErrReadOnly is the answer to a write on an engine that was opened
	// read-only, or that stopped writing after the disk failed to confirm a
	// commit: what is on disk is then unknown until the file is opened again.
	ErrReadOnly = errors.New("engine: read-only")

	// ErrFull is the answer when a commit does not fit the configured or the
	// physical space. Nothing of it was written; reading goes on.
	ErrFull = errors.New("engine: no space left")

	// ErrInUse is the answer of opening a file that another process has open.
	ErrInUse = errors.New("engine: another process has the file open")

	// ErrKey is the answer to a Put with an empty key or one longer than
	// MaxKey.
	ErrKey = errors.New("engine: key is empty or too long")
)

// MaxKey is the length of the longest key, in bytes.
const MaxKey = 4096

// A Reader reads one consistent state. Slices it returns are valid inside the
// transaction only and must not be changed.
type Reader interface {
	// Get returns the value of key, nil if the table has none. An empty value
	// is an empty slice, not nil.
	Get(t Table, key []byte) []byte

	// Scan walks from ≤ key < to in ascending order; a nil to means the end of
	// the table. It shows the state as of its first step: writes made while it
	// runs are not seen by it.
	Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte]

	// ScanDesc walks the same range in descending order.
	ScanDesc(t Table, from, to []byte) iter.Seq2[[]byte, []byte]
}

// A Writer also writes. Its reads see its own writes.
type Writer interface {
	Reader

	// Put sets key to value. Both are copied. Errors: ErrKey.
	Put(t Table, key, value []byte) error

	// Delete removes key; a key that is not there is no error.
	Delete(t Table, key []byte) error
}

// An Engine keeps tables. Its methods may be called from many goroutines.
type Engine interface {
	// View runs fn on the state after the last commit. Views never wait for
	// updates. It returns fn's error, ErrClosed, or ctx's error if ctx was
	// done before fn ran.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn and returns after what it wrote is durable, or with the
	// error that undid it. fn sees every update that returned before it began.
	//
	// fn may run more than once, on another goroutine, and must have no effect
	// but its writes and variables that it assigns afresh; it must never wait,
	// since other updates wait for it. An error, panic or Goexit of one fn
	// undoes that fn only; a panic is raised again in the caller as *Panic.
	//
	// If ctx is done before fn ran, fn does not run and ctx's error is
	// returned; afterwards the outcome is awaited and reported.
	Update(ctx context.Context, fn func(Writer) error) error

	// Backup writes a complete copy of the last committed state, in the
	// engine's own format, while views and updates go on.
	Backup(ctx context.Context, w io.Writer) error

	// Size returns the bytes that the engine occupies.
	Size() (int64, error)

	// Close waits for running views and queued updates and releases the
	// engine. A second Close returns ErrClosed.
	Close() error
}

// A Checker is an engine that can check its own structure.
type Checker interface {
	// Check returns what is wrong, nothing if all is right or ctx is done
	// first. It reads everything.
	Check(ctx context.Context) []error
}

// A Panic is the value with which Update panics when its fn did: the value of
// the first panic and the stack it happened on, which is another goroutine's.
type Panic struct {
	Value any
	Stack []byte
}

// Error returns the value and the stack.
func (p *Panic) Error() string {
	return fmt.Sprintf("%v\n\nin an engine update:\n%s", p.Value, p.Stack)
}

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// tableIndex has the number of each table. Tables are few, so a search over a
// slice beats a map.
type tableIndex []numbered

type numbered struct {
	name   Table
	number byte
}

// numberTables numbers tables by their order.
func numberTables(tables []Table) tableIndex {
	var ts tableIndex
	for i, t := range tables {
		ts = append(ts, numbered{t, byte(i)})
	}
	return ts
}

func (ts tableIndex) of(t Table) int {
	for i := range ts {
		if ts[i].name == t {
			return int(ts[i].number)
		}
	}
	panic(fmt.Sprintf("engine: unknown table %q", string(t)))
}

func checkKey(key []byte) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("%w: %d bytes", ErrKey, len(key))
	}
	return nil
}
