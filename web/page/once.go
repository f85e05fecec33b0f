package page

import (
	"crypto/rand"
	"sync"
	"time"
)

// onceLife is how long a form that was sent is known to have been.
const onceLife = 24 * time.Hour

// Once tells a form that is sent again, as by loading its answer anew, from one that is
// sent for the first time. The zero Once is ready; it is safe for use by many goroutines.
type Once struct {
	mu   sync.Mutex
	sent map[string]time.Time
}

// New makes the number of a form, for a field "once".
func (*Once) New() string { return rand.Text() }

// First reports whether the form of a request was not sent before.
func (o *Once) First(r *Request) bool {
	key := r.Session.ID + " " + r.PostFormValue("once")
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent == nil {
		o.sent = map[string]time.Time{}
	}
	if len(o.sent) > 10_000 {
		for k, at := range o.sent {
			if r.Time.Sub(at) > onceLife {
				delete(o.sent, k)
			}
		}
	}
	at, was := o.sent[key]
	o.sent[key] = r.Time
	return !was || r.Time.Sub(at) > onceLife
}
