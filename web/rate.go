package web

import (
	"sync"
	"time"

	"convene/web/page"
)

// How often one session may ask: so many times a second, and so many at once.
const (
	perSecond = 20
	burst     = 60
)

// rates are the token buckets of sessions, by their IDs.
type rates struct {
	mu  sync.Mutex
	all map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// allow takes one request from a session's bucket, and reports whether there was one.
func (r *rates) allow(session string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*bucket{}
	}
	b := r.all[session]
	if b == nil {
		if len(r.all) >= 10_000 {
			r.sweep(now)
		}
		b = &bucket{left: burst, at: now}
		r.all[session] = b
	}
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.left, b.at = min(burst, b.left+d*perSecond), now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// sweep drops buckets that are full again: they are as good as none.
func (r *rates) sweep(now time.Time) {
	for id, b := range r.all {
		if now.Sub(b.at).Seconds()*perSecond >= burst {
			delete(r.all, id)
		}
	}
}

// toastLife is how long what was done is said on the next page.
const toastLife = time.Minute

// toasts are what is to be said to sessions on their next page.
type toasts struct {
	mu  sync.Mutex
	all map[string]keptToast
}

type keptToast struct {
	*page.Toast
	at time.Time
}

func (t *toasts) keep(session string, toast *page.Toast, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]keptToast{}
	}
	for id, old := range t.all {
		if now.Sub(old.at) > toastLife {
			delete(t.all, id)
		}
	}
	t.all[session] = keptToast{toast, now}
}

// take returns what is to be said to a session, once; nil: nothing.
func (t *toasts) take(session string, now time.Time) *page.Toast {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, ok := t.all[session]
	delete(t.all, session)
	if !ok || now.Sub(kept.at) > toastLife {
		return nil
	}
	return kept.Toast
}
