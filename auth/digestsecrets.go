package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"convene/directory"
)

const (
	// rereadEvery is how often the secrets of one account are read at most:
	// guesses wait for it, and no number of them asks the directory more.
	rereadEvery = time.Second
	// secretPatience is how long a new result is waited for where an old one
	// will do.
	secretPatience = 2 * time.Second
)

// secrets remembers what a directory server says that Digest responses are
// verified with, so that a request costs no question. It is in memory only, and
// bounded: an entry takes a record of the directory. A secret is believed for as
// long as a Basic log-in is, and good for as long as that in an outage.
//
// Each account is asked about by one question at a time, and not more often than
// each rereadEvery.
type secrets struct {
	source    directory.DigestSource
	now       func() time.Time
	limit     int
	cacheFor  time.Duration
	outageFor time.Duration
	flight    singleflight.Group

	mu         sync.RWMutex
	entries    map[string]*secret // by GUID
	strangers  map[string]*secret // by the accounts of names that nobody has; apart, so that they push nobody out
	generation uint64             // calls of expire: what was read before is to be read again
	forgets    uint64             // calls of forget: what was being read meanwhile is not remembered
}

// secret is one result of the directory.
type secret struct {
	secrets    *directory.DigestSecrets // nil: there are none
	refused    error                    // directory.ErrAmbiguous: nobody can say whose
	begun      time.Time                // when the question was put
	generation uint64
	used       atomic.Int64 // Unix ns
	down       pause        // after a question without a result
}

func newSecrets(source directory.DigestSource, b BasicConfig, now func() time.Time) *secrets {
	return &secrets{
		source: source, now: now, limit: max(1, b.CacheSize), cacheFor: b.CacheFor, outageFor: b.OutageFor,
		entries: make(map[string]*secret), strangers: make(map[string]*secret),
	}
}

// table returns what has the entry of an account.
func (s *secrets) table(account string) map[string]*secret {
	if strings.HasPrefix(account, strangerPrefix) {
		return s.strangers
	}
	return s.entries
}

// guidOf returns what the directory is asked about for an account: for a name that
// nobody has a GUID that nobody has, which takes it as long.
func guidOf(account string) string { return strings.TrimPrefix(account, strangerPrefix) }

// get returns what is remembered, nil for nothing.
func (s *secrets) get(guid string, now time.Time) *secret {
	s.mu.RLock()
	e := s.table(guid)[guid]
	s.mu.RUnlock()
	if e != nil {
		e.used.Store(now.UnixNano())
	}
	return e
}

// fresh reports whether a result needs no other.
func (s *secrets) fresh(e *secret, now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return e != nil && now.Sub(e.begun) < s.cacheFor && e.generation == s.generation
}

// good reports whether a result may be used while the directory gives none.
func (s *secrets) good(e *secret, now time.Time) bool {
	return e != nil && now.Sub(e.begun) < s.outageFor
}

// read asks the directory, or waits for a question that was put at the time since
// or later: one put before may have had its result before a password was changed.
// Errors: directory.ErrUnavailable.
func (s *secrets) read(ctx context.Context, guid string, since time.Time) (*secret, error) {
	for {
		if e := s.get(guid, s.now()); e != nil && e.down.active(s.now()) {
			return nil, fmt.Errorf("not asked again so soon: %w", directory.ErrUnavailable)
		}
		begin := context.WithoutCancel(ctx)
		done := s.flight.DoChan(guid, func() (any, error) {
			if e := s.get(guid, s.now()); since.IsZero() && s.fresh(e, s.now()) {
				return e, nil // another question ended after the caller had looked
			}
			return s.ask(begin, guid)
		})
		select {
		case res := <-done:
			if res.Err != nil {
				return nil, res.Err
			}
			if e := res.Val.(*secret); !e.begun.Before(since) {
				return e, nil
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", directory.ErrUnavailable, ctx.Err())
		}
	}
}

// renew is read at any time, for a result that is old or for none: where the old
// one is good in an outage, the new one is not waited for long.
func (s *secrets) renew(ctx context.Context, guid string, old *secret) (*secret, error) {
	if !s.good(old, s.now()) {
		return s.read(ctx, guid, time.Time{})
	}
	short, cancel := context.WithTimeout(ctx, secretPatience)
	defer cancel()
	e, err := s.read(short, guid, time.Time{})
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		old.down.begin(s.now(), outagePause)
	}
	return e, err
}

// ask puts the question, once it is time, and remembers the result.
func (s *secrets) ask(ctx context.Context, guid string) (e *secret, err error) {
	ctx, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	defer func() { // on this goroutine nobody else would catch it
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", directory.ErrUnavailable, p, debug.Stack())
		}
	}()
	before := s.get(guid, s.now())
	if before != nil {
		if err := wait(ctx, min(before.begun.Add(rereadEvery).Sub(s.now()), rereadEvery)); err != nil {
			return nil, err
		}
	}
	s.mu.RLock()
	forgets := s.forgets
	e = &secret{begun: s.now(), generation: s.generation}
	s.mu.RUnlock()
	e.used.Store(e.begun.UnixNano())
	e.secrets, err = s.source.DigestSecrets(ctx, guidOf(guid))
	switch {
	case errors.Is(err, directory.ErrNotFound):
		e.secrets = nil
	case errors.Is(err, directory.ErrAmbiguous):
		e.secrets, e.refused = nil, err
	case err != nil:
		if !errors.Is(err, directory.ErrUnavailable) {
			err = fmt.Errorf("%w: %w", directory.ErrUnavailable, err)
		}
		if before != nil {
			before.down.begin(s.now(), outagePause)
		}
		return nil, err
	}
	s.put(guid, e, forgets)
	return e, nil
}

// wait waits, or fails with directory.ErrUnavailable.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", directory.ErrUnavailable, ctx.Err())
	}
}

// put remembers a result, unless forget was called since it counted forgets.
func (s *secrets) put(guid string, e *secret, forgets uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgets != forgets {
		return
	}
	entries := s.table(guid)
	if entries[guid] == nil && len(entries) >= s.limit {
		delete(entries, leastUsed(entries, func(e *secret) int64 { return e.used.Load() }))
	}
	entries[guid] = e
}

// forget drops what is known of one account; a question under way is not joined
// any more.
func (s *secrets) forget(guid string) {
	s.mu.Lock()
	s.forgets++
	delete(s.entries, guid)
	s.mu.Unlock()
	s.flight.Forget(guid)
}

// expire makes everything be read again. Until it can be, what is known is good
// for as long as before.
func (s *secrets) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// sweep drops what is good for nothing any more: what may have been a password is
// not kept for nothing.
func (s *secrets) sweep() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, entries := range []map[string]*secret{s.entries, s.strangers} {
		for guid, e := range entries {
			if !s.good(e, now) {
				delete(entries, guid)
			}
		}
	}
}
