package auth

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"convene/directory"
)

// secretSource answers as its function says, and counts.
type secretSource struct {
	asked  atomic.Int32
	answer func(ctx context.Context, guid string) (*directory.DigestSecrets, error)
}

func (s *secretSource) DigestSecrets(ctx context.Context, guid string) (*directory.DigestSecrets, error) {
	s.asked.Add(1)
	return s.answer(ctx, guid)
}

func (s *secretSource) AsksServer() bool      { return true }
func (s *secretSource) HasHA1() bool          { return true }
func (s *secretSource) HA1ForAll(string) bool { return true }
func (s *secretSource) set(err error)         { s.answer = fixed(err) }
func (s *secretSource) count(t *testing.T, n int32) {
	t.Helper()
	if got := s.asked.Swap(0); got != n {
		t.Errorf("%d questions, want %d", got, n)
	}
}

func fixed(err error) func(context.Context, string) (*directory.DigestSecrets, error) {
	return func(context.Context, string) (*directory.DigestSecrets, error) {
		return &directory.DigestSecrets{}, err
	}
}

// secretTest runs fn in a bubble, in which time passes while everybody waits.
func secretTest(t *testing.T, size int, fn func(*testing.T, *secrets, *secretSource)) {
	synctest.Test(t, func(t *testing.T) {
		src := &secretSource{answer: fixed(nil)}
		fn(t, newSecrets(src, BasicConfig{CacheFor: time.Minute, OutageFor: time.Hour, CacheSize: size}, time.Now), src)
	})
}

func TestSecretsAge(t *testing.T) {
	secretTest(t, 10, func(t *testing.T, s *secrets, src *secretSource) {
		e, err := s.read(t.Context(), "a", time.Now())
		if err != nil || !s.fresh(e, time.Now()) || !s.good(e, time.Now()) {
			t.Fatal(e, err)
		}
		time.Sleep(time.Minute)
		if s.fresh(e, time.Now()) || !s.good(e, time.Now()) {
			t.Error("an answer of a minute ago")
		}
		src.set(directory.ErrUnavailable)
		src.count(t, 1)
		for range 100 { // one question tells that there is no answer
			if _, err := s.renew(t.Context(), "a", e); !errors.Is(err, directory.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		src.count(t, 1)
		time.Sleep(outagePause)
		if _, err := s.renew(t.Context(), "a", e); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
		src.count(t, 1)
		time.Sleep(time.Hour)
		s.sweep()
		if s.good(e, time.Now()) || s.get("a", time.Now()) != nil {
			t.Error("an answer of an hour ago is kept")
		}
	})
}

// However many ask, there is one question at a time and one a second; and who asks
// gets the result of a question that was put after they came.
func TestSecretsRate(t *testing.T) {
	secretTest(t, 10, func(t *testing.T, s *secrets, src *secretSource) {
		src.answer = func(context.Context, string) (*directory.DigestSecrets, error) {
			time.Sleep(300 * time.Millisecond)
			return nil, directory.ErrNotFound
		}
		begun := time.Now()
		for i := range 100 {
			go func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond) // five seconds
				came := time.Now()
				if e, err := s.read(t.Context(), "a", came); err != nil || e.secrets != nil || e.begun.Before(came) {
					t.Errorf("%v, %v", e, err)
				}
			}()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := src.asked.Load(); n > 7 {
			t.Errorf("%d questions since %v", n, begun)
		}
	})
}

// Where an old answer will do, a directory that stalls is waited for once, and not
// for long.
func TestSecretsPatience(t *testing.T) {
	secretTest(t, 10, func(t *testing.T, s *secrets, src *secretSource) {
		old, err := s.read(t.Context(), "a", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		src.answer = func(ctx context.Context, _ string) (*directory.DigestSecrets, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		time.Sleep(time.Minute)
		begun := time.Now()
		for range 50 {
			if _, err := s.renew(t.Context(), "a", old); !errors.Is(err, directory.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != secretPatience {
			t.Errorf("waited for %v", took)
		}
		time.Sleep(verifyLimit) // the question ends
	})
}

func TestSecretsBounded(t *testing.T) {
	secretTest(t, 100, func(t *testing.T, s *secrets, src *secretSource) {
		for i := range 1000 {
			if _, err := s.read(t.Context(), fmt.Sprint(i), time.Now()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			s.get("0", time.Now())
		}
		if len(s.entries) != 100 || s.get("0", time.Now()) == nil {
			t.Errorf("%d entries; the one in use: %v", len(s.entries), s.get("0", time.Now()))
		}
	})
}

// What was being read when its account was forgotten is not remembered, and not
// what the next request gets.
func TestSecretsForget(t *testing.T) {
	secretTest(t, 10, func(t *testing.T, s *secrets, src *secretSource) {
		src.answer = func(context.Context, string) (*directory.DigestSecrets, error) {
			time.Sleep(time.Second)
			return nil, directory.ErrNotFound
		}
		go func() { _, _ = s.read(t.Context(), "a", time.Now()) }()
		time.Sleep(500 * time.Millisecond)
		s.forget("a")
		begun := time.Now()
		e, err := s.read(t.Context(), "a", time.Time{})
		if err != nil || e.begun.Before(begun) {
			t.Errorf("begun %v before: %v", begun.Sub(e.begun), err)
		}
		if s.get("a", time.Now()) != e {
			t.Error("not remembered")
		}
		s.expire()
		if s.fresh(e, time.Now()) || !s.good(e, time.Now()) {
			t.Error("expired, and not to be read again")
		}
		if e, err := s.read(t.Context(), "a", time.Now()); err != nil || !s.fresh(e, time.Now()) {
			t.Error(err)
		}
	})
}

// What is no answer is ErrUnavailable, whatever it is; what is one is remembered.
func TestSecretsErrors(t *testing.T) {
	for _, tt := range []struct {
		answer  func(context.Context, string) (*directory.DigestSecrets, error)
		refused error
		err     error
	}{
		{fixed(directory.ErrNotFound), nil, nil},
		{fixed(directory.ErrAmbiguous), directory.ErrAmbiguous, nil},
		{fixed(errors.New("odd")), nil, directory.ErrUnavailable},
		{func(context.Context, string) (*directory.DigestSecrets, error) { panic("odd") }, nil, directory.ErrUnavailable},
	} {
		secretTest(t, 10, func(t *testing.T, s *secrets, src *secretSource) {
			src.answer = tt.answer
			e, err := s.read(t.Context(), "a", time.Now())
			if !errors.Is(err, tt.err) {
				t.Errorf("%v, want %v", err, tt.err)
			}
			if err == nil && (!errors.Is(e.refused, tt.refused) || !e.secrets.Empty() || s.get("a", time.Now()) != e) {
				t.Errorf("%+v", e)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			src.answer = fixed(nil)
			if _, err := s.read(ctx, "b", time.Now()); err != nil && !errors.Is(err, directory.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
}
