package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.etcd.io/bbolt"
)

// A Snapshotter is an engine of which a moment can be kept and copied.
type Snapshotter interface {
	// Snapshot returns the state after the last commit, with all that was
	// acknowledged before the call. Updates and views go on. It must be closed:
	// until then the file grows where it would use space again.
	Snapshot(ctx context.Context) (*Snapshot, error)
}

// A Snapshot is one committed state of a bbolt file. It is for one goroutine.
type Snapshot struct {
	// ID is the file's identity: random, made with the file, the same in every
	// copy.
	ID uint64

	tables tableIndex
	state  *boltState
	tx     *bbolt.Tx
}

// snapshotWait is short beside what moving the log to the file takes.
const snapshotWait = time.Millisecond

// Snapshot implements Snapshotter. The file alone, as one transaction sees it, is
// a state of the past; so what is in the log is moved to the file, as it would be
// within a second, and the first transaction that has it is kept. Updates wait
// for none of it but the exchange of the log's halves.
func (e *boltEngine) Snapshot(ctx context.Context) (*Snapshot, error) {
	tx, err := e.beginWhole(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s := &Snapshot{tables: e.tables, state: e.unopened(tx), tx: tx}
	if s.ID, _, err = logState(tx); err == nil {
		defer faults()()
		err = s.state.begin()
	}
	if err != nil {
		rollback(tx)
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return s, nil
}

// beginWhole returns a transaction of the file that has all that was committed
// before the call. Errors: ErrReadOnly if that needs a write; ErrFull if the file
// cannot take what is in the log.
func (e *boltEngine) beginWhole(ctx context.Context) (*bbolt.Tx, error) {
	if e.commit == nil {
		if e.version.Load().active.Len() > 0 {
			return nil, fmt.Errorf("the log is not empty: %w", ErrReadOnly)
		}
		tx, err := e.db.Begin(false)
		return tx, boltError(err)
	}
	var last uint64 // record that the transaction must have
	for first := true; ; first = false {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var tx *bbolt.Tx
		err := ErrClosed
		e.commit.alone(func() {
			if first {
				last = e.commit.log.seq
			}
			tx, err = e.commit.having(last)
		})
		if tx != nil || err != nil {
			return tx, err
		}
		time.Sleep(snapshotWait)
	}
}

// having returns a transaction of the file if the file has the log up to the
// record seq. If not, it sees that the file soon will, and returns nil. It has
// the lead.
func (c *committer) having(seq uint64) (*bbolt.Tx, error) {
	select {
	case err := <-c.flushing:
		c.flushed(err)
	default:
	}
	tx, err := c.engine.db.Begin(false)
	if err != nil {
		return nil, boltError(err)
	}
	_, has, err := logState(tx)
	if err == nil && has >= seq {
		return tx, nil
	}
	rollback(tx)
	if err != nil {
		return nil, err
	}
	switch {
	case c.broken != nil:
		return nil, c.broken
	case c.stuck:
		return nil, c.empty()
	case c.flushing == nil:
		c.freeze()
	}
	return nil, nil
}

// An Identified engine is a file that can be told from others.
type Identified interface {
	// FileID is Snapshot.ID. It writes nothing, and so works on a full disk.
	FileID() (uint64, error)
}

// FileID implements Identified.
func (e *boltEngine) FileID() (id uint64, err error) {
	tx, err := e.db.Begin(false)
	if err != nil {
		return 0, boltError(err)
	}
	defer rollback(tx)
	id, _, err = logState(tx)
	return id, err
}

// Size returns the bytes that WriteTo writes.
func (s *Snapshot) Size() int64 { return s.tx.Size() }

// View runs fn on the state.
func (s *Snapshot) View(ctx context.Context, fn func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer faults()()
	return Run(func() error {
		defer s.state.damaged()
		return fn(&reader{s.tables, s.state})
	})
}

// WriteTo writes the file as it was at that moment. It can be opened as it is.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	out := &errorWriter{w: w}
	n, err := s.tx.WriteTo(out)
	if out.err != nil {
		err = out.err
	}
	return n, boltError(err)
}

// Close lets the file use its space again.
func (s *Snapshot) Close() error {
	rollback(s.tx)
	return nil
}

func (e *boltEngine) Backup(ctx context.Context, w io.Writer) error {
	s, err := e.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = s.WriteTo(&contextWriter{ctx, w})
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// contextWriter stops a long copy when its context is done.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w *contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// errorWriter keeps the error of which bbolt makes text.
type errorWriter struct {
	w   io.Writer
	err error
}

func (w *errorWriter) Write(p []byte) (n int, err error) {
	n, err = w.w.Write(p)
	w.err = err
	return n, err
}
