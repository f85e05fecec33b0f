package page

import (
	"sync"
	"time"
)

// Rates bound how often things may be asked for, each by its key. It is safe for use by many
// goroutines.
type Rates struct {
	PerSecond float64 // so many times a second
	Burst     float64 // and so many at once

	mu    sync.Mutex
	all   map[string]*bucket
	sweep int // how many buckets there may be before those that are full again are dropped
}

type bucket struct {
	left float64
	at   time.Time
}

// manyBuckets is how many there are at least before any are dropped.
const manyBuckets = 10_000

// Allow takes one request from the bucket of a key, and reports whether there was one.
func (r *Rates) Allow(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]*bucket{}
	}
	b := r.all[key]
	if b == nil {
		if len(r.all) >= max(r.sweep, manyBuckets) {
			r.drop(now)
		}
		b = &bucket{left: r.Burst, at: now}
		r.all[key] = b
	}
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.left, b.at = min(r.Burst, b.left+d*r.PerSecond), now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// drop drops buckets that are full again: they are as good as none. As many again may come
// before the next time: where few are full, looking at all of them for each new one would
// cost more than what is to be bounded.
func (r *Rates) drop(now time.Time) {
	for key, b := range r.all {
		if b.left+now.Sub(b.at).Seconds()*r.PerSecond >= r.Burst {
			delete(r.all, key)
		}
	}
	r.sweep = 2 * len(r.all)
}
