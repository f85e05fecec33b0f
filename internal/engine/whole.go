package engine

import (
	"context"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

func (e *boltEngine) Backup(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := e.beginWhole()
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer rollback(tx)
	out := &contextWriter{ctx: ctx, w: w}
	_, err = tx.WriteTo(out)
	if out.err != nil {
		return fmt.Errorf("backup: %w", out.err)
	}
	return boltError(err)
}

// beginWhole returns a transaction that reads the file when nothing is in the
// log alone.
func (e *boltEngine) beginWhole() (tx *bbolt.Tx, err error) {
	if e.commit == nil {
		if e.version.Load().active.Len() > 0 {
			return nil, fmt.Errorf("the log is not empty: %w", ErrReadOnly)
		}
		tx, err = e.db.Begin(false)
		return tx, boltError(err)
	}
	err = ErrClosed
	e.commit.alone(func() {
		if err = e.commit.empty(); err == nil {
			tx, err = e.db.Begin(false)
			err = boltError(err)
		}
	})
	return tx, err
}

// Check implements Checker: every page is used once or free, keys are in order.
//
// It holds the file's one write transaction, since bbolt's check reads the list
// of free pages that writers change. Updates go on as long as the log has space
// for them, and views in any case.
func (e *boltEngine) Check(ctx context.Context) (errs []error) {
	tx, err := e.db.Begin(!e.opt.ReadOnly)
	if err != nil {
		return []error{boltError(err)}
	}
	defer rollback(tx)
	for err := range tx.Check() { // to its end, or its goroutine would stay
		if ctx.Err() == nil && len(errs) < maxCheckErrors {
			errs = append(errs, err)
		}
	}
	return errs
}

// maxCheckErrors is how many findings Check keeps.
const maxCheckErrors = 100

// contextWriter stops a long copy when its context is done, and keeps the error
// that bbolt makes text of.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (w *contextWriter) Write(p []byte) (n int, err error) {
	if err = w.ctx.Err(); err == nil {
		n, err = w.w.Write(p)
	}
	w.err = err
	return n, err
}
