package server

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// No caller ever has more requests in progress than they may, nobody waits for
// another's, and nothing is kept of who has none.
func TestCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c callers
		const most = 3
		for range most {
			if !c.enter(t.Context(), "ann", most) {
				t.Fatal("refused though there is space")
			}
		}
		if !c.enter(t.Context(), "bob", most) {
			t.Error("bob waits for ann")
		}
		if c.enter(t.Context(), "ann", most) {
			t.Error("one more than there may be")
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if c.enter(gone, "ann", most) {
			t.Error("counted in though the client has gone")
		}
		var in atomic.Bool
		go func() { in.Store(c.enter(t.Context(), "ann", most)) }()
		synctest.Wait()
		c.leave("ann")
		synctest.Wait()
		if !in.Load() {
			t.Error("it still waits")
		}
		for range most {
			c.leave("ann")
		}
		c.leave("bob")
		if len(c.progress)+len(c.waiting) != 0 {
			t.Errorf("left: %v, %v", c.progress, c.waiting)
		}
	})
}

func TestCallersConcurrent(t *testing.T) {
	var c callers
	var now, peak atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 50 {
				if !c.enter(t.Context(), "ann", 4) {
					t.Error("refused")
					return
				}
				n := now.Add(1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				now.Add(-1)
				c.leave("ann")
			}
		})
	}
	all.Wait()
	if peak.Load() > 4 || len(c.progress)+len(c.waiting) != 0 {
		t.Errorf("peak %d, left %v", peak.Load(), c.progress)
	}
}
