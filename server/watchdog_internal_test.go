package server

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The watchdog hears of the server every third of its time, and nothing while something
// hangs.
func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var pings, hangs atomic.Int32
		done := make(chan error)
		go func() {
			done <- ping(ctx, 10*time.Second, func(ctx context.Context) {
				if hangs.Load() > 0 {
					<-ctx.Done()
				}
			}, func() { pings.Add(1) })
		}()
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if n := pings.Load(); n != 3 {
			t.Errorf("%d pings in 29 s", n)
		}
		hangs.Store(1)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := pings.Load(); n != 3 {
			t.Errorf("%d pings while it hangs", n-3)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
