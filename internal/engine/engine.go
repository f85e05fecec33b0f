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

// The classes of errors. An engine wraps them with what happened.
var (
	// ErrClosed is the error of every call after Close.
	ErrClosed = errors.New("engine: closed")

	// ErrReadOnly is the error of a write on an engine that was opened
	// read-only, or that stopped writing after the disk failed to confirm a
	// commit: what is on disk is then unknown until the file is opened again.
	ErrReadOnly = errors.New("engine: read-only")

	// ErrFull: a commit does not fit the configured or the physical space.
	// Nothing of it was written; reading goes on.
	ErrFull = errors.New("engine: no space left")

	// ErrInUse: another process has the file open.
	ErrInUse = errors.New("engine: another process has the file open")

	// ErrDamaged: what is stored cannot be read, and trying again is of no
	// use.
	ErrDamaged = errors.New("engine: damaged")

	// ErrUnavailable: the engine cannot be reached, or did not reply. Nothing
	// was written; the same call may succeed later.
	ErrUnavailable = errors.New("engine: unavailable")

	// ErrConflict: other updates were in the way each time that an update was
	// run, and it was run as often as the engine allows. Nothing was written.
	ErrConflict = errors.New("engine: too many conflicting updates")

	// ErrUnknownOutcome: a commit was sent, and nobody can say whether it took
	// place.
	ErrUnknownOutcome = errors.New("engine: the outcome of the commit is unknown")

	// ErrKey: a key is empty or longer than MaxKey.
	ErrKey = errors.New("engine: key is empty or too long")

	// ErrValue: a value is longer than MaxValue.
	ErrValue = errors.New("engine: value is too long")
)

// The lengths of the longest key and value, in bytes.
const (
	MaxKey   = 2048
	MaxValue = 16 << 20
)

// A Range is a part of a table and how to walk it. The zero value is the whole
// table in ascending order.
type Range struct {
	From, To []byte // From ≤ key < To; a nil To is the end of the table
	Desc     bool   // the greatest key first
	KeysOnly bool   // values are not needed and come as nil
	Limit    int    // how many pairs at most; 0: all
}

// A Reader reads one consistent state. Slices it returns are valid inside the
// transaction only and must not be changed.
//
// A read that fails does not return: the function given to View or Update is
// left at once, its deferred calls run, and View or Update returns the error or
// runs the function again. So what a read returns is always what is stored, and
// nil is always absence. A function must not recover from such a failure.
type Reader interface {
	// Get returns the value of key, nil if the table has none. An empty value
	// is an empty slice, not nil.
	Get(t Table, key []byte) []byte

	// GetMany returns the values of keys, in their order, each as Get does: in
	// one trip if the engine is far away.
	GetMany(t Table, keys [][]byte) [][]byte

	// Scan walks a range. It shows the state as of its first step: writes made
	// while it runs are not seen by it.
	Scan(t Table, r Range) iter.Seq2[[]byte, []byte]
}

// A Writer also writes. Its reads see its own writes.
type Writer interface {
	Reader

	// Put sets key to value. Both are copied. Errors: ErrKey, ErrValue.
	Put(t Table, key, value []byte) error

	// Delete removes key; a key that is not there is no error.
	Delete(t Table, key []byte) error

	// Guard names a key that the update relies on and does not write. Two
	// updates that write or guard a common key are in some order: one of them
	// sees what the other wrote. Others may not be: each may see the state from
	// before the other.
	Guard(t Table, key []byte)

	// Savepoint runs fn and returns its error. What fn wrote is undone if it
	// returns an error or panics; the update goes on. fn may call Savepoint.
	Savepoint(fn func() error) error
}

// An Engine keeps tables. Its methods may be called from many goroutines.
//
// Transactions do not nest: View or Update inside a function given to View or
// Update waits for what the outer one holds, in one engine or another, and so is
// a bug and panics. How far that is seen: Update inside Update always, if both are
// called on one goroutine, at the latest when it has waited for a second; the rest by
// enginetest.Chaos and in memory, since looking costs as much as a short view. A
// transaction that another goroutine begins while the function waits for it is
// not seen.
type Engine interface {
	// View runs fn on one committed state, which is taken at some moment
	// between the call and the first read. Views never wait for updates. It
	// returns fn's error, that of a read that failed, ErrClosed, or ctx's error
	// if ctx was done before fn ran. A panic of fn is raised in the caller as it
	// is.
	//
	// fn may run more than once, and must have no effect but on variables that it
	// assigns afresh each time.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn and returns after what it wrote is durable, or with the
	// error that undid it. fn sees every update that returned before it began.
	//
	// fn may run more than once, on another goroutine, and must have no effect
	// but its writes and variables that it assigns afresh each time; it must
	// never wait, since other updates wait for it. An error, a read that fails, a
	// panic or a Goexit of one fn undoes that fn only; a panic is raised again in
	// the caller as *Panic.
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

func checkValue(value []byte) error {
	if len(value) > MaxValue {
		return fmt.Errorf("%w: %d bytes", ErrValue, len(value))
	}
	return nil
}
