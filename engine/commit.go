package engine

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// A committer runs the queued updates of one bbolt file, a batch per commit.
type committer struct {
	engine   *boltEngine
	maxBatch int
	maxBytes int

	mu     sync.Mutex
	queue  []*update
	closed bool

	wake   chan struct{} // capacity 1: the queue may have grown, or closed is set
	done   chan struct{} // closed when the committer has ended
	broken error         // set by the committer: why no update is taken any more
}

// The states of an update. It leaves stateQueued once: for stateTaken by the
// committer or stateGone by a caller whose context was done first.
const (
	stateQueued int32 = iota
	stateTaken
	stateGone
)

// An update is one queued call of Update.
type update struct {
	fn    func(Writer) error
	state atomic.Int32
	done  chan struct{} // closed when the outcome below is final

	err    error
	panic  *Panic
	goexit bool
}

func newCommitter(e *boltEngine, o BoltOptions) *committer {
	c := &committer{
		engine:   e,
		maxBatch: o.MaxBatch,
		maxBytes: o.MaxBatchBytes,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
	}
	if c.maxBatch <= 0 {
		c.maxBatch = 256
	}
	if c.maxBytes <= 0 {
		c.maxBytes = 8 << 20
	}
	go c.run()
	return c
}

// do queues fn and waits for its outcome.
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
	c.signal()
	select {
	case <-u.done:
	case <-ctx.Done():
		if u.state.CompareAndSwap(stateQueued, stateGone) {
			return ctx.Err()
		}
		<-u.done
	}
	switch {
	case u.panic != nil:
		panic(u.panic)
	case u.goexit:
		runtime.Goexit()
	}
	return u.err
}

func (c *committer) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close lets the queue drain and ends the committer.
func (c *committer) close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.closed = true
	c.mu.Unlock()
	c.signal()
	<-c.done
	return nil
}

// run is the committer's goroutine. A fn that calls runtime.Goexit ends it;
// then another one takes over.
func (c *committer) run() {
	ended := false
	defer func() {
		if !ended {
			go c.run()
		}
	}()
	for {
		batch, closed := c.take()
		if len(batch) == 0 {
			if closed {
				break
			}
			<-c.wake
			continue
		}
		c.commit(batch)
	}
	ended = true
	close(c.done)
}

// take returns what is queued, at most maxBatch updates. It lets other
// goroutines run first as long as that makes the queue grow: writers that were
// just answered get to queue their next update, and a lone writer loses nothing.
func (c *committer) take() (batch []*update, closed bool) {
	for n, tries := 0, 0; tries < 4; tries++ {
		c.mu.Lock()
		queued := len(c.queue)
		c.mu.Unlock()
		if queued == n || queued >= c.maxBatch {
			break
		}
		n = queued
		runtime.Gosched()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), c.maxBatch)
	batch = append(batch, c.queue[:n]...)
	c.queue = append(c.queue[:0], c.queue[n:]...)
	return batch, c.closed
}

// putBack returns updates to the head of the queue.
func (c *committer) putBack(batch []*update) {
	c.mu.Lock()
	c.queue = append(append([]*update(nil), batch...), c.queue...)
	c.mu.Unlock()
}

// commit runs batch in one transaction and answers each update. Updates beyond
// maxBytes go back to the queue.
func (c *committer) commit(batch []*update) {
	if c.broken != nil {
		answer(batch, c.broken)
		return
	}
	tx, err := c.engine.db.Begin(true)
	if err != nil {
		answer(batch, boltError(err))
		return
	}
	state := c.engine.state(tx)
	var ran []*update // ran and wrote: their outcome is the commit's
	finished := false
	defer func() { // a fn ended this goroutine: undo all, and run the others again
		if !finished {
			rollback(tx)
			c.putBack(append(ran, batch...))
		}
	}()
	size := 0
	for len(batch) > 0 && size < c.maxBytes {
		u := batch[0]
		batch = batch[1:]
		if u.state.Load() != stateTaken && !u.state.CompareAndSwap(stateQueued, stateTaken) {
			continue
		}
		o := newOverlay(c.engine.tables, state)
		u.call(o)
		if u.err == nil && u.panic == nil {
			u.err = state.apply(o)
			if u.err != nil { // half applied: nothing of this transaction may stay
				break
			}
			if o.writes != nil {
				size += o.bytes
				ran = append(ran, u)
				continue
			}
		}
		close(u.done)
	}
	finished = true
	if len(batch) > 0 {
		c.putBack(batch)
	}
	c.finish(tx, ran)
}

// finish commits tx and answers the updates in it.
func (c *committer) finish(tx *bbolt.Tx, ran []*update) {
	if len(ran) == 0 {
		rollback(tx)
		return
	}
	err := tx.Commit()
	if err != nil {
		err = c.failed(err)
	}
	answer(ran, err)
}

// failed returns what a failed commit means to its updates. When the disk did
// not confirm what was written, nobody can say what a crash would leave, and
// asking again may falsely succeed: no further update is taken. When there was
// no space, nothing was changed and the next update may try again.
func (c *committer) failed(err error) error {
	if errors.Is(err, berrors.ErrMaxSizeReached) || errors.Is(err, syscall.ENOSPC) ||
		errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return errors.Join(ErrFull, err)
	}
	c.broken = errors.Join(ErrReadOnly, err)
	return c.broken
}

// rollback undoes tx, which cannot fail but for having ended already.
func rollback(tx *bbolt.Tx) {
	if err := tx.Rollback(); err != nil && !errors.Is(err, berrors.ErrTxClosed) {
		panic(err)
	}
}

// call runs u's function and keeps its outcome. If the function ends the
// goroutine with runtime.Goexit, its caller is told to do the same.
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

// apply writes an overlay into the transaction.
func (s *boltState) apply(o *overlay) error {
	return o.each(func(table int, key []byte, w write) error {
		if w.deleted {
			return s.bucket(table).Delete(key)
		}
		return s.bucket(table).Put(key, w.value)
	})
}

func answer(batch []*update, err error) {
	for _, u := range batch {
		if u.state.Load() == stateTaken || u.state.CompareAndSwap(stateQueued, stateTaken) {
			u.err = err
			close(u.done)
		}
	}
}
