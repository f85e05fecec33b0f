package page

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// How long a form that was sent is known to have been, and how many of one session are, the
// latest: what a form says of itself is the client's word, and must not fill the memory.
const (
	onceLife       = 24 * time.Hour
	onceOfSession  = 100
	manyOfSessions = 10_000 // sessions at least before those are dropped that have sent nothing for onceLife
)

// Once tells a form that is sent again, as by loading its answer anew, from one that is
// sent for the first time. The zero Once is ready; it is safe for use by many goroutines.
type Once struct {
	mu    sync.Mutex
	sent  map[string][]sentForm // by session, the latest at the end
	sweep int                   // how many sessions there may be before old ones are dropped
}

type sentForm struct {
	number [sha256.Size]byte // hash of what the form has in "once"
	at     time.Time
}

// New makes the number of a form, for a field "once".
func (*Once) New() string { return rand.Text() }

// First reports whether the form of a request was not sent before.
func (o *Once) First(r *Request) bool {
	form := sentForm{sha256.Sum256([]byte(r.PostFormValue("once"))), r.Time}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sent == nil {
		o.sent = map[string][]sentForm{}
	}
	list := o.sent[r.Session.ID]
	if list == nil && len(o.sent) >= max(o.sweep, manyOfSessions) {
		o.drop(r.Time)
	}
	i := slices.IndexFunc(list, func(f sentForm) bool { return f.number == form.number })
	first := i < 0 || r.Time.Sub(list[i].at) > onceLife
	if i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	list = append(list, form)
	if over := len(list) - onceOfSession; over > 0 {
		list = slices.Delete(list, 0, over)
	}
	o.sent[r.Session.ID] = list
	return first
}

// drop drops the sessions that have sent nothing for long. As many again may come before the
// next time.
func (o *Once) drop(now time.Time) {
	for id, list := range o.sent {
		if now.Sub(list[len(list)-1].at) > onceLife {
			delete(o.sent, id)
		}
	}
	o.sweep = 2 * len(o.sent)
}
