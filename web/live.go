package web

import (
	"errors"
	"slices"
	"sync"
)

// live are the open requests that tell pages of changes; see Handler.changes.
type live struct {
	mu       sync.Mutex
	byPerson map[string][]*follower // by GUID, the oldest first
	count    int
}

// A follower is one of them.
type follower struct {
	person string
	end    chan struct{} // closed: it ends, and the page may come again
	stop   chan struct{} // closed: it ends, and the page is to be content
	ask    chan struct{} // has a value: it is to look whether it still may
	ended  bool          // end or stop is closed; guarded by live.mu
}

// errManyLive is returned where no page more can be told of changes.
var errManyLive = errors.New("as many pages are told of changes as may be")

// begin adds a follower for somebody. Of those who have more than perPerson the oldest is
// stopped. Error: errManyLive, there are most.
func (l *live) begin(person string, most, perPerson int) (*follower, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byPerson == nil {
		l.byPerson = map[string][]*follower{}
	}
	theirs := l.byPerson[person]
	if len(theirs) < perPerson && l.count >= most {
		return nil, errManyLive
	}
	for _, old := range theirs[:max(0, len(theirs)-perPerson+1)] {
		l.remove(old)
		close(old.stop)
	}
	f := &follower{person: person, end: make(chan struct{}), stop: make(chan struct{}), ask: make(chan struct{}, 1)}
	l.byPerson[person] = append(l.byPerson[person], f)
	l.count++
	return f, nil
}

// remove takes a follower out of those that count. The caller holds l.mu.
func (l *live) remove(f *follower) {
	if f.ended {
		return
	}
	f.ended = true
	l.count--
	rest := slices.DeleteFunc(slices.Clone(l.byPerson[f.person]), func(o *follower) bool { return o == f })
	if l.byPerson[f.person] = rest; len(rest) == 0 {
		delete(l.byPerson, f.person)
	}
}

// leave ends a follower from its side.
func (l *live) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(f)
}

// again has the followers of somebody look whether they still may be told; "": all.
func (l *live) again(person string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for guid, list := range l.byPerson {
		if person != "" && guid != person {
			continue
		}
		for _, f := range list {
			select {
			case f.ask <- struct{}{}:
			default: // it will look anyway
			}
		}
	}
}

// endAll ends all.
func (l *live) endAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range l.byPerson {
		for _, f := range list {
			f.ended = true
			close(f.end)
		}
	}
	l.byPerson, l.count = nil, 0
}

// EndLive ends the requests that tell pages of changes, so that they are made again.
func (h *Handler) EndLive() { h.live.endAll() }

// SessionsEnded ends those of somebody whose session was ended; "": of all.
func (h *Handler) SessionsEnded(guid string) { h.live.again(guid) }
