package store

import (
	"sync"
	"sync/atomic"
)

// watches are who waits for changes, by the owners of homes.
type watches struct {
	n   atomic.Int64 // how many there are: without any, an update need not look
	mu  sync.Mutex
	all map[GUID]map[chan<- struct{}]struct{}
}

// Watch tells of changes in the homes of some owners, whether they have one yet or not: changed
// gets a value after an Update was committed that changed one of them. Changes that come before
// it was received are one. What a View reads that begins after Watch returned, and before the
// value, is as it was before the change or after it; so who watches first and then reads misses
// nothing. stop ends it, and is to be called once.
func (s *Store) Watch(owners ...GUID) (changed <-chan struct{}, stop func()) {
	w := &s.watches
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n.Add(1)
	if w.all == nil {
		w.all = map[GUID]map[chan<- struct{}]struct{}{}
	}
	for _, owner := range owners {
		if w.all[owner] == nil {
			w.all[owner] = map[chan<- struct{}]struct{}{}
		}
		w.all[owner][c] = struct{}{}
	}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.n.Add(-1)
		for _, owner := range owners {
			if delete(w.all[owner], c); len(w.all[owner]) == 0 {
				delete(w.all, owner)
			}
		}
	}
}

// tell tells who watches what a transaction has changed, once that was committed.
func (w *watches) tell(tx *Tx) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range tx.homes.list {
		if h.now == h.was && !h.gone {
			continue
		}
		for c := range w.all[h.now.Owner] {
			select {
			case c <- struct{}{}:
			default: // it has been told of a change, and has not looked yet
			}
		}
	}
}
