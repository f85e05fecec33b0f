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
	weigh  func(V) int    // bytes of a result; nil: only their number is bounded
	bytes  int            // of all results of a shard, unless one alone has more
	shards []shard[K, V]
}

type shard[K comparable, V any] struct {
	mu   sync.RWMutex
	m    map[K]*item[K, V]
	ring []*item[K, V]
	hand int
	held int // bytes, where they are weighed
}

// item is a result and when it was given. Only used changes.
type item[K comparable, V any] struct {
	key    K
	v      V
	at     int64 // Unix ns
	slot   int   // in the ring
	weight int   // bytes, where they are weighed
	used   atomic.Bool
}

func newTable[K comparable, V any](size int, text func(K) string) *table[K, V] {
	seed := maphash.MakeSeed()
	hash := func(k K) uint64 { return maphash.String(seed, text(k)) }
	return makeTable[K, V](shardCount, size, hash)
}

// newWeighed makes a table that is bounded by the bytes of its results, too. As one of them
// may have a good part of all, it has a single shard: it is for results that are asked for
// seldom.
func newWeighed[K comparable, V any](size, bytes int, weigh func(V) int) *table[K, V] {
	t := makeTable[K, V](1, size, func(K) uint64 { return 0 })
	t.weigh, t.bytes = weigh, bytes
	return t
}

func makeTable[K comparable, V any](shards, size int, hash func(K) uint64) *table[K, V] {
	t := &table[K, V]{hash: hash, most: max(1, (size+shards-1)/shards), shards: make([]shard[K, V], shards)}
	for i := range t.shards {
		t.shards[i].m = map[K]*item[K, V]{}
	}
	return t
}

func (t *table[K, V]) shard(k K) *shard[K, V] {
	return &t.shards[t.hash(k)%uint64(len(t.shards))]
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
	if t.weigh != nil {
		it.weight = t.weigh(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held += it.weight
	if old := s.m[k]; old != nil {
		s.held -= old.weight
		it.slot = old.slot
		it.used.Store(true)
		s.ring[it.slot] = it
	} else {
		if len(s.ring) == t.most {
			s.giveWay(nil)
		}
		it.slot = len(s.ring)
		s.ring = append(s.ring, it)
	}
	s.m[k] = it
	for t.weigh != nil && s.held > t.bytes && len(s.ring) > 1 {
		s.giveWay(it)
	}
}

// giveWay drops the entry that has not been used for longest, other than keep.
func (s *shard[K, V]) giveWay(keep *item[K, V]) {
	for it := s.ring[s.hand]; it == keep || it.used.Swap(false); it = s.ring[s.hand] {
		s.hand = (s.hand + 1) % len(s.ring)
	}
	s.remove(s.ring[s.hand])
	if s.hand++; s.hand >= len(s.ring) { // past what has come into its place
		s.hand = 0
	}
}

// remove takes an entry out. The last of the ring gets its place.
func (s *shard[K, V]) remove(it *item[K, V]) {
	delete(s.m, it.key)
	s.held -= it.weight
	last := len(s.ring) - 1
	s.ring[it.slot] = s.ring[last]
	s.ring[it.slot].slot = it.slot
	s.ring[last] = nil
	s.ring = s.ring[:last]
	if s.hand >= len(s.ring) {
		s.hand = 0
	}
}

// drop forgets k.
func (t *table[K, V]) drop(k K) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.m[k]; it != nil {
		s.remove(it)
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
			old := &item[K, V]{key: it.key, v: it.v, at: at, slot: slot, weight: it.weight}
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
