package membudget

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrFull refuses memory that is not to be had now.
var ErrFull = errors.New("memory budget is used up")

// A Budget is memory in bytes, for all requests together. It is safe for
// concurrent use.
type Budget struct {
	size    int64
	reserve int64 // of size, for small reservations alone
	small   int64 // the largest reservation that is small

	mu      sync.Mutex
	used    int64
	waiting list.List // of *waiter, the first come first
}

// A waiter wants r to become n bytes larger.
type waiter struct {
	r     *Reservation
	n     int64
	ready chan struct{} // closed when it has them
}

// maxSmall is the largest reservation, in bytes, that a reserve is kept for.
const maxSmall = 1 << 20

// New returns a budget of size bytes. An eighth of it is kept for reservations of
// at most 1 MB, or a 64th of the budget if that is less.
func New(size int64) *Budget {
	return &Budget{size: size, reserve: size / 8, small: min(maxSmall, size/64)}
}

// Largest returns the size of the largest reservation there can be.
func (b *Budget) Largest() int64 { return b.size - b.reserve }

// Used returns the bytes that are reserved now.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Reserve returns a reservation of no bytes, to be grown.
func (b *Budget) Reserve() *Reservation { return &Reservation{budget: b} }

// A Reservation is what one request has of a budget. It is for one goroutine at a
// time.
type Reservation struct {
	budget *Budget
	size   int64
}

// Size returns the bytes reserved.
func (r *Reservation) Size() int64 { return r.size }

// Grow makes r n bytes larger, if they are to be had at once. Errors: ErrFull, and
// r is as it was.
func (r *Reservation) Grow(n int64) error {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.fits(r, n) {
		return ErrFull
	}
	b.take(r, n)
	return nil
}

// Acquire makes r n bytes larger, and waits for them at most so long, behind those
// who wait already: small reservations behind small ones only. Errors: ErrFull, or
// that of ctx, and r is as it was.
func (r *Reservation) Acquire(ctx context.Context, n int64, wait time.Duration) error {
	w := r.budget.ask(r, n)
	if w == nil {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	err := ErrFull
	select {
	case <-w.ready:
		return nil
	case <-timer.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if r.budget.forget(w) {
		return err
	}
	return nil // it came in the same moment
}

// Release gives everything back. r can be grown again.
func (r *Reservation) Release() {
	b := r.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= r.size
	r.size = 0
	if b.waiting.Len() > 0 {
		b.serve()
	}
}

// fits reports whether n more bytes for r are to be had.
func (b *Budget) fits(r *Reservation, n int64) bool {
	most := b.size
	if b.large(r, n) {
		most = b.Largest()
	}
	return b.used+n <= most
}

// large reports whether r is not small when it has n more bytes.
func (b *Budget) large(r *Reservation, n int64) bool { return r.size+n > b.small }

func (b *Budget) take(r *Reservation, n int64) {
	r.size += n
	b.used += n
}

// ask takes n bytes for r if nobody waits that goes first; otherwise it returns
// what now waits for them.
func (b *Budget) ask(r *Reservation, n int64) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting.Len() == 0 && b.fits(r, n) {
		b.take(r, n)
		return nil
	}
	w := &waiter{r, n, make(chan struct{})}
	b.waiting.PushBack(w)
	b.serve()
	select {
	case <-w.ready:
		return nil
	default:
		return w
	}
}

// serve gives those who wait what is to be had: in their order, but for small ones,
// which pass a large one that has to wait.
func (b *Budget) serve() {
	blocked := false
	var next *list.Element
	for e := b.waiting.Front(); e != nil; e = next {
		next = e.Next()
		w := e.Value.(*waiter)
		large := b.large(w.r, w.n)
		if large && blocked {
			continue
		}
		if !b.fits(w.r, w.n) {
			if !large {
				return
			}
			blocked = true
			continue
		}
		b.take(w.r, w.n)
		b.waiting.Remove(e)
		close(w.ready)
	}
}

// forget takes w out of those who wait. It reports false if w was served.
func (b *Budget) forget(w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := b.waiting.Front(); e != nil; e = e.Next() {
		if e.Value == w {
			b.waiting.Remove(e)
			b.serve() // those behind it may need less
			return true
		}
	}
	return false
}
