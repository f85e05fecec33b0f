package engine

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A committer gathers the updates of one bbolt file and runs them, a batch per
// record of the log, one batch at a time.
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
	log      log
	flushing chan error  // gets the outcome of the flush under way; nil: none is
	stuck    bool        // what is frozen could not be written to the file
	broken   error       // why no update is taken any more
	told     error       // the class of error that was told last; nil: all is well
	timer    *time.Timer // set while something ages in the log
	used     int64       // bytes of the file that are in use
	last     int         // length of the last batch
	spare    []*overlay
	feeds    []*Feed
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
	ctx   context.Context // of its caller
	state atomic.Int32
	done  chan struct{} // closed when the outcome below is final

	err    error
	panic  *Panic
	goexit bool
}

func newCommitter(e *boltEngine, l log) *committer {
	c := &committer{engine: e, lead: make(chan struct{}, 1), log: l}
	if e.version.Load().frozen != nil {
		c.stuck = true
		c.tell(ErrFull)
	}
	c.lead <- struct{}{}
	return c
}

// do queues fn and returns its outcome.
func (c *committer) do(ctx context.Context, fn func(Writer) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := &update{fn: fn, ctx: ctx, done: make(chan struct{})}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.queue = append(c.queue, u)
	c.mu.Unlock()
	select {
	case <-c.lead:
		c.serve(u)
	default:
	}
	select {
	case <-u.done:
		return u.outcome()
	default:
	}
	long := time.NewTimer(longWait)
	defer long.Stop()
	for {
		select {
		case <-u.done:
			return u.outcome()
		case <-c.lead:
			c.serve(u)
		case <-long.C:
			if nested() && u.state.CompareAndSwap(stateQueued, stateGone) {
				panic(inAnother)
			}
		case <-ctx.Done():
			if u.state.CompareAndSwap(stateQueued, stateGone) {
				return ctx.Err()
			}
			<-u.done
			return u.outcome()
		}
	}
}

// longWait is after how long an update looks whether it waits for itself: for the one
// that it is called in. To look costs more than all else that a short update does here.
const longWait = time.Second

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
// the file holds all of them.
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
			defer c.pass()
			if c.timer != nil {
				c.timer.Stop()
			}
			err := c.empty()
			keep := err != nil
			if c.broken != nil {
				err = nil // every update since has been told
			}
			return errors.Join(err, c.log.close(!keep))
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

// commit runs batch, makes it durable as one, answers each update and passes the
// lead on. Updates that exceed MaxBatchBytes go back to the queue.
func (c *committer) commit(batch []*update) {
	defer c.pass()
	if c.broken != nil {
		conclude(batch, c.broken)
		return
	}
	v, tx, err := c.engine.begin(context.Background())
	if err != nil {
		conclude(batch, err)
		return
	}
	c.used = tx.Size()
	next := v.active.Copy()
	file := c.engine.unopened(tx)
	defer faults()()
	if err := file.begin(); err != nil {
		rollback(tx)
		conclude(batch, err)
		return
	}
	state := &layer{writes: next, below: over(v.frozen, file)}
	var ran []*update
	var overlays []*overlay
	var chunks [][]byte
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
		if u.call(o, file); u.err == nil && u.panic == nil && o.bytes > 0 {
			b := o.chunk()
			chunks = append(chunks, b)
			wrote += len(b)
			u.err = addChunks(next, b)
		}
		ran = append(ran, u)
		overlays = append(overlays, o)
	}
	finished = true
	rollback(tx) // before anything writes to the file, which may have to wait for readers
	if len(batch) > 0 {
		c.putBack(batch...)
	}
	if wrote > 0 {
		if err = c.keep(next, chunks, wrote); err == nil {
			c.feed(chunks)
		}
	}
	c.spare = append(c.spare, overlays...)
	// Only now: even an error may stand on what an update before it wrote.
	conclude(ran, err)
}

// overlay returns an empty overlay over state.
func (c *committer) overlay(state source) *overlay {
	if n := len(c.spare); n > 0 {
		o := c.spare[n-1]
		c.spare = c.spare[:n-1]
		o.reset(state)
		return o
	}
	return newOverlay(c.engine.tables, state)
}

// call runs u's function on o, over file, and keeps its outcome. If the function ends the
// goroutine with runtime.Goexit, u is final and its caller is told.
func (u *update) call(o *overlay, file *boltState) {
	u.panic = nil // of an earlier run
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
	u.err = Run(func() error {
		defer file.damaged()
		file.believe(u.ctx)
		return u.fn(o)
	})
	returned = true
}

// conclude makes the outcome of each update final: its own, or err.
func conclude(batch []*update, err error) {
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
