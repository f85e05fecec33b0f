package engine

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// flushAge is how long an update may stay in the log alone.
const flushAge = time.Second

// near reports whether what is in the log, with another n bytes, may make the
// file larger than MaxSize: a half of the log may need some times its bytes in
// the file. Then each update is tried in the file itself, so that none is
// acknowledged that does not fit.
func (c *committer) near(n int) bool {
	limit := c.engine.opt.MaxSize
	return limit > 0 && c.used+8*c.log.halfSize+4*int64(n) > limit
}

// keep makes a batch durable: chunks, of n bytes, which next has over the
// current version's active writes.
func (c *committer) keep(next *writes, chunks [][]byte, n int) error {
	select {
	case err := <-c.flushing:
		c.flushed(err)
	default:
	}
	if c.stuck || c.near(n) || recordSize(n) > c.log.halfSize {
		return c.through(next, c.log.seq+1)
	}
	if !c.log.fits(n) {
		if !c.freeze() {
			return c.through(next, c.log.seq+1)
		}
		next = newWrites()
		for _, b := range chunks {
			if err := addChunks(next, b); err != nil {
				return err
			}
		}
	}
	if err := c.log.append(chunks); err != nil {
		return c.failed(err)
	}
	c.tell(nil)
	c.engine.publish(func(v *version) { v.active = next })
	if c.timer == nil {
		c.timer = time.AfterFunc(flushAge, func() { c.alone(c.aged) })
	}
	return nil
}

// aged moves what has been in the log for long to the file. It has the lead.
func (c *committer) aged() {
	c.timer = nil
	if c.broken == nil && c.engine.version.Load().active.Len() > 0 {
		c.freeze()
	}
}

// freeze has what is in the half of the log that is being written moved to the
// file, and goes on in the other half as soon as that is free. It reports whether
// that was so; if not, the file could not take it.
func (c *committer) freeze() bool {
	if c.settle(); c.stuck || c.broken != nil {
		return false
	}
	var frozen *writes
	c.engine.publish(func(v *version) {
		frozen = v.active
		v.active, v.frozen, v.moving = newWrites(), frozen, true
	})
	c.log.turn()
	seq, done := c.log.seq, make(chan error, 1)
	c.flushing = done
	go func() {
		err := c.engine.flush(frozen, seq)
		if done <- err; err != nil {
			c.alone(c.settle) // so that it is told even if nobody writes
		}
	}()
	return true
}

// flush writes what is frozen to the file; seq is the last record of it.
func (e *boltEngine) flush(frozen *writes, seq uint64) error {
	id, err := e.write(seq, frozen)
	e.publish(func(v *version) {
		if err == nil {
			v.frozen, v.base = nil, id
		}
		v.moving = isUnconfirmed(err)
	})
	e.checkSpace()
	return err
}

// settle waits for a flush that is under way.
func (c *committer) settle() {
	if c.flushing != nil {
		c.flushed(<-c.flushing)
	}
}

// notTaken is logged when the file could not be written, and the log holds it all.
const notTaken = "the file cannot take what is in its log: changes are tried one by one"

// flushed takes note of the outcome of a flush.
func (c *committer) flushed(err error) {
	c.flushing = nil
	if err == nil {
		return
	}
	c.stuck = true
	_ = c.failed(err) // nobody waits for it; the next update is told
	if c.broken != nil {
		return
	}
	c.engine.opt.Log.Error(notTaken, "file", c.engine.path, "err", err)
	if c.told == nil {
		c.tell(ErrUnavailable)
	}
}

// through writes next, and all that is in the log, to the file itself. Then the
// log holds nothing that is needed, as if seq had been its last record.
func (c *committer) through(next *writes, seq uint64) error {
	if c.settle(); c.broken != nil {
		return c.broken
	}
	id, err := c.writeAlone(next, seq)
	if isUnconfirmed(err) {
		c.engine.publish(func(v *version) { v.active, v.moving = next, true })
	}
	if err != nil {
		return c.failed(err)
	}
	c.stuck = false
	c.tell(nil)
	c.log.seq = seq
	c.log.restart()
	c.engine.publish(func(v *version) { v.active, v.frozen, v.base = newWrites(), nil, id })
	c.engine.checkSpace()
	return nil
}

// writeAlone writes next, and what is frozen, while nothing looks after mapped memory:
// that reads the file, and so keeps free pages from being used again, and a full file
// would refuse even to delete.
func (c *committer) writeAlone(next *writes, seq uint64) (id int, err error) {
	c.engine.space.busy.Lock()
	defer c.engine.space.busy.Unlock()
	return c.engine.write(seq, c.engine.version.Load().frozen, next)
}

// empty makes the file hold all there is. It has the lead.
func (c *committer) empty() error {
	c.settle()
	if v := c.engine.version.Load(); v.active.Len() > 0 || v.frozen != nil {
		return c.through(v.active, c.log.seq)
	}
	return nil
}

// failed puts an error of writing into the engine's terms. When the disk did not
// confirm what was written, nobody can say what a crash would leave, and asking
// again may falsely succeed: then no further update is taken, whatever the disk
// said was the cause. Nor is one after the file was found to be damaged. When there
// was no space or a write failed, what was there before is untouched and the next
// update may try again.
func (c *committer) failed(err error) error {
	switch {
	case isUnconfirmed(err):
		c.stop("the disk did not confirm a write: no changes are taken until the next start", err)
		return errors.Join(ErrUnknownOutcome, c.broken)
	case errors.Is(err, ErrDamaged):
		c.stop("the file is damaged: no changes are taken until the next start", err)
		return c.broken
	case isFull(err):
		c.tell(ErrFull)
		return errors.Join(ErrFull, err)
	}
	return boltError(err)
}

// stop has no further update taken, because of err.
func (c *committer) stop(what string, err error) {
	if c.broken == nil {
		c.engine.opt.Log.Error(what, "file", c.engine.path, "err", err)
	}
	c.broken = errors.Join(ErrReadOnly, err)
	c.tell(ErrReadOnly)
}

// tell tells who wants to know that trouble, a class of error, has begun or, nil,
// that it is over.
func (c *committer) tell(trouble error) {
	if c.told != trouble {
		c.told = trouble
		c.engine.opt.Trouble(trouble)
	}
}

// isFull reports whether err says that there is no space.
func isFull(err error) bool {
	return !isUnconfirmed(err) && (errors.Is(err, berrors.ErrMaxSizeReached) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG))
}

// write writes all of ws, one over the other, to the file in one transaction and
// returns its number when it is durable. The file then holds the log up to seq.
func (e *boltEngine) write(seq uint64, ws ...*writes) (id int, err error) {
	return e.inTransaction(seq, func(tx *bbolt.Tx) error {
		state := e.state(tx)
		for _, w := range ws {
			if w == nil {
				continue
			}
			if err := state.apply(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// inTransaction runs fn in a transaction of the file, and returns its number when it is
// durable. The file then holds the log up to seq.
func (e *boltEngine) inTransaction(seq uint64, fn func(*bbolt.Tx) error) (id int, err error) {
	tx, err := e.db.Begin(true)
	if err != nil {
		return 0, err
	}
	id = tx.ID()
	if v := e.version.Load(); v != nil && id <= v.base {
		rollback(tx)
		return 0, wrong("the file is that of transaction %d, not %d", id-1, v.base)
	}
	defer faults()()
	defer unwritable(tx, &err)
	if err := fn(tx); err != nil {
		rollback(tx)
		return 0, err
	}
	if err := errors.Join(tx.Bucket(bucketLog).Put(keyLogSeq, binary.BigEndian.AppendUint64(nil, seq)), putSum(tx)); err != nil {
		rollback(tx)
		return 0, err
	}
	if err := tx.Commit(); err != nil {
		return 0, commitError(err)
	}
	e.note(seq, id)
	return id, nil
}

// isUnconfirmed reports whether err says that a transaction was written but not
// confirmed: whoever reads the file may see it or not.
func isUnconfirmed(err error) bool {
	var unconfirmed *syncError
	return errors.As(err, &unconfirmed)
}

// commitError tells an error of syncing from one of writing. bbolt returns that
// of fdatasync bare, while one of writing names the file; of the one of syncing
// the file's new length it makes text.
func commitError(err error) error {
	var errno syscall.Errno
	var write *fs.PathError
	bare := errors.As(err, &errno) && !errors.As(err, &write)
	if bare || strings.Contains(err.Error(), "file sync error") {
		return &syncError{err}
	}
	return err
}

// rollback undoes tx, which cannot fail but for having ended already.
func rollback(tx *bbolt.Tx) {
	if err := tx.Rollback(); err != nil && !errors.Is(err, berrors.ErrTxClosed) {
		panic(err)
	}
}
