package server

import (
	"context"
	"log/slog"
	"sync"

	"convene/auth"
)

// A runner is work in the background. run returns when ctx ends, or with the error
// for which the work cannot go on.
type runner struct {
	name string // for the log
	run  func(ctx context.Context) error
}

// runners are those that were started together. The zero runners has none.
type runners struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// start starts the runners of a list. log gets the error of one that ends before
// its time.
func (r *runners) start(log *slog.Logger, list ...runner) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	for _, one := range list {
		r.done.Go(func() {
			if err := one.run(ctx); err != nil && ctx.Err() == nil {
				log.Error("background work has ended", "work", one.name, "err", err)
			}
		})
	}
}

// stop ends the runners and waits for them.
func (r *runners) stop() {
	if r.cancel != nil {
		r.cancel()
	}
	r.done.Wait()
}

// A signIn is an authenticator and the work that keeps its state in order.
type signIn struct {
	*auth.Authenticator
	work runners
}

func openSignIn(o auth.Options) (*signIn, error) {
	a, err := auth.New(o)
	if err != nil {
		return nil, err
	}
	s := &signIn{Authenticator: a}
	s.work.start(o.Log, runner{"sign-in state", a.Run})
	return s, nil
}

// close saves the state. Requests after it get 503.
func (s *signIn) close(ctx context.Context) error {
	s.work.stop()
	return s.Close(ctx)
}
