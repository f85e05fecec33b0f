package engine

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// A committer gathers the updates of one bbolt file and runs them, a batch per
// commit, one batch at a time.
//
// There is no goroutine that waits for work. Whoever holds the lead commits,
// and the callers of Update pass it on: each waits for its outcome or the lead,
// whichever comes first. A lone writer so commits without a change of
// goroutine; while a batch waits for the disk, the next one gathers.
type committer struct {
	engine *boltEngine
	lead   chan struct{} // holds one token; receiving it is taking the lead

	mu     sync.Mutex
	queue  []*update
	closed bool

	// These belong to the holder of the lead.
	broken  error // why no update is taken any more
	last    int   // length of the last batch
	commits int
	spare   []*overlay
}

// The states of an update. It leaves stateQueued once: for stateTaken when a
// batch runs it, or stateGone when its caller's context was done first.
const (
	stateQueued int32 = iota
	stateTaken
	stateGone
)

// An update is one call of Update.
type update struct {
	fn    func(Writer) error
	state atomic.Int32
	done  chan struct{} // closed when the outcome below is final

	err    error
	panic  *Panic
	goexit bool
}

func newCommitter(e *boltEngine) *committer {
	c := &committer{engine: e, lead: make(chan struct{}, 1)}
	c.lead <- struct{}{}
	return c
}

// do queues fn and returns its outcome.
func (c *committer) do(ctx context.Context, fn func(Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &update{fn: fn, done: make(chan struct{})}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.queue = append(c.queue, u)
	c.mu.Unlock()
	for {
		select {
		case <-u.done:
			return u.outcome()
		case <-c.lead:
			c.serve(u)
		case <-ctx.Done():
			if u.state.CompareAndSwap(stateQueued, stateGone) {
				return ctx.Err()
			}
			<-u.done
			return u.outcome()
		}
	}
}

func (u *update) outcome() error {
	switch {
	case u.panic != nil:
		panic(u.panic)
	case u.goexit:
		runtime.Goexit()
	}
	return u.err
}

// serve has the lead and commits a batch. If that is own alone, it runs here;
// otherwise on a goroutine of its own, so that a function that ends its
// goroutine (as testing.T.FailNow does) harms no other caller.
func (c *committer) serve(own *update) {
	batch := c.take()
	if len(batch) == 1 && batch[0] == own {
		c.commit(batch)
		return
	}
	go c.commit(batch)
}

// alone runs fn while no batch runs, unless the committer has been closed.
func (c *committer) alone(fn func()) {
	<-c.lead
	defer c.pass()
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if !closed {
		fn()
	}
}

func (c *committer) pass() { c.lead <- struct{}{} }

// close takes no more updates, lets those that are queued run, and returns when
// they have.
func (c *committer) close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.closed = true
	c.mu.Unlock()
	for {
		<-c.lead
		batch := c.take()
		if len(batch) == 0 {
			c.pass()
			return nil
		}
		go c.commit(batch)
	}
}

// take returns what is queued, at most MaxBatch updates. After a batch of
// several it lets other goroutines run first, as long as that makes the queue
// grow: writers that were just answered get to queue their next update.
func (c *committer) take() (batch []*update) {
	limit := c.engine.opt.MaxBatch
	for n, tries := 0, 0; tries < 4 && c.last > 1; tries++ {
		c.mu.Lock()
		queued := len(c.queue)
		c.mu.Unlock()
		if queued == n || queued >= limit {
			break
		}
		n = queued
		runtime.Gosched()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), limit)
	batch = append(batch, c.queue[:n]...)
	rest := copy(c.queue, c.queue[n:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	c.last = n
	return batch
}

// putBack returns updates to the head of the queue.
func (c *committer) putBack(batch ...*update) {
	c.mu.Lock()
	c.queue = append(batch[:len(batch):len(batch)], c.queue...)
	c.mu.Unlock()
}

// commit runs batch in one transaction, answers each update and passes the lead
// on. Updates that exceed MaxBatchBytes go back to the queue.
func (c *committer) commit(batch []*update) {
	defer c.pass()
	if c.broken != nil {
		answer(batch, c.broken)
		return
	}
	tx, err := c.engine.db.Begin(true)
	if err != nil {
		answer(batch, boltError(err))
		return
	}
	used := tx.Size()
	state := c.engine.state(tx)
	var ran []*update
	var overlays []*overlay
	finished := false
	defer func() {
		if !finished { // a function ended this goroutine: undo all, run the others again
			rollback(tx)
			c.putBack(append(ran, batch...)...)
		}
	}()
	wrote := 0
	for len(batch) > 0 && wrote < c.engine.opt.MaxBatchBytes {
		u := batch[0]
		batch = batch[1:]
		if u.state.Load() != stateTaken && !u.state.CompareAndSwap(stateQueued, stateTaken) {
			continue
		}
		o := c.overlay(state)
		if u.call(o); u.err == nil && u.panic == nil {
			if err := state.apply(o); err != nil { // half applied: nothing of this transaction may stay
				u.err = err
				close(u.done)
				return
			}
			wrote += o.bytes
		}
		ran = append(ran, u)
		overlays = append(overlays, o)
	}
	finished = true
	if len(batch) > 0 {
		c.putBack(batch...)
	}
	if wrote > 0 {
		err = c.finish(tx)
	} else {
		rollback(tx)
	}
	c.spare = append(c.spare, overlays...)
	// Only now: even an error may stand on what an update before it wrote.
	answer(ran, err)
	if c.commits++; used+zeroStep(used)/2 > c.engine.space.zeroed || c.commits%commitsPerCheck == 0 {
		c.engine.checkSpace(used)
	}
}

// overlay returns an empty overlay over state.
func (c *committer) overlay(state *boltState) *overlay {
	if n := len(c.spare); n > 0 {
		o := c.spare[n-1]
		c.spare = c.spare[:n-1]
		o.reset(state)
		return o
	}
	return newOverlay(c.engine.tables, state)
}

// finish commits tx. When the disk did not confirm what was written, nobody can
// say what a crash would leave, and asking again may falsely succeed: then no
// further update is taken. When there was no space or a write failed, what was
// there before is untouched and the next update may try again.
func (c *committer) finish(tx *bbolt.Tx) error {
	err := tx.Commit()
	if err == nil {
		return nil
	}
	for _, full := range []error{berrors.ErrMaxSizeReached, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return errors.Join(ErrFull, err)
		}
	}
	var errno syscall.Errno
	var write *fs.PathError
	if errors.As(err, &errno) && !errors.As(err, &write) { // fdatasync's own
		c.broken = errors.Join(ErrReadOnly, err)
		return c.broken
	}
	return boltError(err)
}

// rollback undoes tx, which cannot fail but for having ended already.
func rollback(tx *bbolt.Tx) {
	if err := tx.Rollback(); err != nil && !errors.Is(err, berrors.ErrTxClosed) {
		panic(err)
	}
}

// call runs u's function and keeps its outcome. If the function ends the
// goroutine with runtime.Goexit, u is final and its caller is told.
func (u *update) call(o *overlay) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			u.panic = &Panic{Value: v, Stack: debug.Stack()}
			return
		}
		u.goexit = true
		close(u.done)
	}()
	u.err = u.fn(o)
	returned = true
}

// answer makes the outcome of each update final: its own, or err.
func answer(batch []*update, err error) {
	for _, u := range batch {
		if u.state.Load() != stateTaken && !u.state.CompareAndSwap(stateQueued, stateTaken) {
			continue
		}
		if err != nil {
			u.err = err
		}
		close(u.done)
	}
}
