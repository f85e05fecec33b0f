package server

import (
	"context"
	"errors"
	"sync"

	"convene/auth"
)

// A signIn is an authenticator and the work that keeps its state in order.
type signIn struct {
	*auth.Authenticator
	stop context.CancelFunc
	done sync.WaitGroup
}

func openSignIn(o auth.Options) (*signIn, error) {
	a, err := auth.New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &signIn{Authenticator: a, stop: cancel}
	s.done.Go(func() {
		if err := a.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			o.Log.Error("sign-in state is no longer kept in order", "err", err)
		}
	})
	return s, nil
}

// close saves the state. Requests after it are answered 503.
func (s *signIn) close(ctx context.Context) error {
	s.stop()
	s.done.Wait()
	return s.Close(ctx)
}
