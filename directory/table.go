package directory

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

const shardCount = 64

// table is a bounded map for many readers. When a shard is full the entry
// gives way that has not been used since the hand passed it last (CLOCK).
type table[K comparable, V any] struct {
	hash   func(K) uint64 // chooses the shard
	most   int            // entries per shard
	shards [shardCount]shard[K, V]
}

type shard[K comparable, V any] struct {
	mu   sync.RWMutex
	m    map[K]*item[K, V]
	ring []*item[K, V]
	hand int
}

// item is a result and when it was given. Only used changes.
type item[K comparable, V any] struct {
	key  K
	v    V
	at   int64 // Unix ns
	slot int   // in the ring
	used atomic.Bool
}

func newTable[K comparable, V any](size int, text func(K) string) *table[K, V] {
	seed := maphash.MakeSeed()
	hash := func(k K) uint64 { return maphash.String(seed, text(k)) }
	t := &table[K, V]{hash: hash, most: max(1, (size+shardCount-1)/shardCount)}
	for i := range t.shards {
		t.shards[i].m = map[K]*item[K, V]{}
	}
	return t
}

func (t *table[K, V]) shard(k K) *shard[K, V] {
	return &t.shards[t.hash(k)%shardCount]
}

// get returns the result to k, nil if there is none.
func (t *table[K, V]) get(k K) *item[K, V] {
	s := t.shard(k)
	s.mu.RLock()
	it := s.m[k]
	s.mu.RUnlock()
	if it != nil && !it.used.Load() { // no write to a shared line when it is set
		it.used.Store(true)
	}
	return it
}

// put sets the result to k.
func (t *table[K, V]) put(k K, v V, at int64) {
	s := t.shard(k)
	it := &item[K, V]{key: k, v: v, at: at}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.m[k]; old != nil {
		it.slot = old.slot
		it.used.Store(true)
		s.ring[it.slot] = it
		s.m[k] = it
		return
	}
	if len(s.ring) < t.most {
		it.slot = len(s.ring)
		s.ring = append(s.ring, it)
		s.m[k] = it
		return
	}
	for s.ring[s.hand].used.Swap(false) {
		s.hand = (s.hand + 1) % len(s.ring)
	}
	delete(s.m, s.ring[s.hand].key)
	it.slot = s.hand
	s.ring[s.hand] = it
	s.m[k] = it
	s.hand = (s.hand + 1) % len(s.ring)
}

// drop forgets k.
func (t *table[K, V]) drop(k K) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.m[k]
	if it == nil {
		return
	}
	delete(s.m, k)
	last := len(s.ring) - 1
	s.ring[it.slot] = s.ring[last]
	s.ring[it.slot].slot = it.slot
	s.ring = s.ring[:last]
	if s.hand >= len(s.ring) {
		s.hand = 0
	}
}

// age makes results that fn picks as old as at, if they are younger.
func (t *table[K, V]) age(at int64, fn func(K, V) bool) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for slot, it := range s.ring {
			if it.at <= at || !fn(it.key, it.v) {
				continue
			}
			old := &item[K, V]{key: it.key, v: it.v, at: at, slot: slot}
			old.used.Store(it.used.Load())
			s.ring[slot], s.m[it.key] = old, old
		}
		s.mu.Unlock()
	}
}

// len returns the number of results.
func (t *table[K, V]) len() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		n += len(s.ring)
		s.mu.RUnlock()
	}
	return n
}

// all calls fn with every result. It holds a lock only for a shard's copy.
func (t *table[K, V]) all(fn func(*item[K, V])) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		ring := append([]*item[K, V](nil), s.ring...)
		s.mu.RUnlock()
		for _, it := range ring {
			fn(it)
		}
	}
}
