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
