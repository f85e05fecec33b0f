package membudget_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"convene/internal/membudget"
)

const mb = 1 << 20

// Large reservations leave a part for small ones, and those that grow go before
// those that wait.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membudget.New(64 * mb)
		big, more, small := b.Reserve(), b.Reserve(), b.Reserve()
		if err := big.Grow(57 * mb); !errors.Is(err, membudget.ErrFull) || big.Size() != 0 {
			t.Fatalf("more than the largest: %v, %d bytes", err, big.Size())
		}
		if err := big.Grow(50 * mb); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() { got <- more.Acquire(t.Context(), 10*mb, time.Minute) }()
		synctest.Wait()
		if err := small.Acquire(t.Context(), mb, 0); err != nil {
			t.Errorf("small, while a large one waits: %v", err)
		}
		if err := big.Grow(4 * mb); err != nil {
			t.Errorf("growing, while a large one waits: %v", err)
		}
		if err := small.Grow(mb); err != nil {
			t.Errorf("a small one that becomes large, within what there is: %v", err)
		}
		if err := small.Grow(mb); !errors.Is(err, membudget.ErrFull) {
			t.Errorf("beyond: %v", err)
		}
		big.Release()
		if err := <-got; err != nil || more.Size() != 10*mb {
			t.Errorf("after the wait: %v, %d bytes", err, more.Size())
		}
		more.Release()
		small.Release()
		if b.Used() != 0 {
			t.Errorf("%d bytes are not given back", b.Used())
		}
	})
}

// Who waits too long, or has gone, leaves nothing behind and blocks nobody.
func TestAcquireEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membudget.New(64 * mb)
		big := b.Reserve()
		if err := big.Grow(50 * mb); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := b.Reserve().Acquire(t.Context(), 20*mb, 3*time.Second); !errors.Is(err, membudget.ErrFull) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error), make(chan error)
		go func() { first <- b.Reserve().Acquire(ctx, 20*mb, time.Hour) }()
		synctest.Wait()
		behind := b.Reserve()
		go func() { second <- behind.Acquire(t.Context(), 5*mb, time.Hour) }()
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("behind it: %v", err)
		}
		big.Release()
		behind.Release()
		if b.Used() != 0 {
			t.Errorf("%d bytes are not given back", b.Used())
		}
	})
}

// However many come at once, the budget holds, and in the end it is whole.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 1 << 20
		b := membudget.New(size)
		var wg sync.WaitGroup
		var over sync.Once
		for range 20 {
			sizes := rapid.SliceOfN(rapid.Int64Range(1, size/4), 1, 5).Draw(t, "sizes")
			wg.Go(func() {
				r := b.Reserve()
				defer r.Release()
				for i, n := range sizes {
					if i%2 == 0 {
						_ = r.Acquire(context.Background(), n, time.Millisecond) // refused or not
					} else {
						_ = r.Grow(n)
					}
					if b.Used() > size {
						over.Do(func() { t.Errorf("%d bytes of %d", b.Used(), size) })
					}
				}
			})
		}
		wg.Wait()
		if b.Used() != 0 {
			t.Fatalf("%d bytes are not given back", b.Used())
		}
	})
}
