package directory

import (
	"context"
	"sync"
	"time"
)

// flights lets callers who ask the same question at the same time share one
// result. The zero value is ready.
type flights[K comparable, V any] struct {
	mu sync.Mutex
	m  map[K]*flight[V]
}

type flight[V any] struct {
	done    chan struct{}
	waiting int // callers; the last to leave cancels
	cancel  context.CancelFunc
	v       V
	err     error
}

// do calls fn, or waits for the call under way for the same key. fn's context
// keeps the values of the first caller's, ends after limit, and when all
// callers have gone; one who gives up leaves the others their result.
func (f *flights[K, V]) do(ctx context.Context, key K, limit time.Duration, fn func(context.Context) (V, error)) (V, error) {
	if err := ctx.Err(); err != nil { // nothing is begun for one who has gone
		var zero V
		return zero, unavailable("ask", err)
	}
	f.mu.Lock()
	c := f.m[key]
	if c == nil {
		if f.m == nil {
			f.m = map[K]*flight[V]{}
		}
		c = &flight[V]{done: make(chan struct{})}
		f.m[key] = c
		var run context.Context
		run, c.cancel = context.WithTimeout(context.WithoutCancel(ctx), limit)
		go func() {
			defer c.cancel()
			c.v, c.err = guard(func() (V, error) { return fn(run) })
			f.mu.Lock()
			if f.m[key] == c {
				delete(f.m, key)
			}
			f.mu.Unlock()
			close(c.done)
		}()
	}
	c.waiting++
	f.mu.Unlock()
	select {
	case <-c.done:
		return c.v, c.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.waiting--; c.waiting == 0 {
		c.cancel()
		if f.m[key] == c { // who comes now must not get the cancelled result
			delete(f.m, key)
		}
	}
	var zero V
	return zero, unavailable("wait", ctx.Err())
}
