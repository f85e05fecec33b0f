package snapshot

import (
	"sync"

	"convene/store"
)

// shelfBytes is the size of a shelf. A body of more than a quarter of it is not
// kept.
const shelfBytes = 1 << 20

// A bodyKey names a body that never changes: collections, and revisions in one,
// are never numbered again. The revisions of two homes are the same numbers. Without
// a gap between its parts it is hashed, and compared, as one.
type bodyKey struct {
	collection uint64 // a store.CollectionID
	rev        store.Rev
}

// A bodyCache keeps bodies by their collection and revision. They stand on shelves, which are filled one after the other and then emptied
// again, the oldest first, so that keeping one costs a copy and nothing else. The
// shelves are not on Go's heap: bytes that stay need not be collected, nor make
// room beside them for as many that do not.
type bodyCache struct {
	mu      sync.RWMutex
	max     int // shelves
	shelves []*shelf
	filling int // the shelf that has room
	places  map[bodyKey]place
}

type shelf struct {
	bytes []byte
	used  int
	keys  []bodyKey // of what stands on it
}

// A place is where a body stands.
type place struct{ shelf, from, n uint32 }

func newBodyCache(max int64) *bodyCache {
	return &bodyCache{max: int(max / shelfBytes), places: map[bodyKey]place{}}
}

// read calls fn with a body, if it is there. fn must not keep it.
func (c *bodyCache) read(key bodyKey, fn func(body []byte)) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.places[key]
	if ok {
		fn(c.shelves[p.shelf].bytes[p.from : p.from+p.n])
	}
	return ok
}

// put keeps a copy of a body.
func (c *bodyCache) put(key bodyKey, body []byte) {
	if len(body) > shelfBytes/4 || c.max == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.places[key]; ok {
		return // others were as quick
	}
	s := c.room(len(body))
	if s == nil {
		return
	}
	c.places[key] = place{uint32(c.filling), uint32(s.used), uint32(len(body))}
	s.used += copy(s.bytes[s.used:], body)
	s.keys = append(s.keys, key)
}

// room returns the shelf that is being filled, with room for n bytes; nil if there
// is no memory.
func (c *bodyCache) room(n int) *shelf {
	if len(c.shelves) > 0 {
		if s := c.shelves[c.filling]; s.used+n <= shelfBytes {
			return s
		}
	}
	if len(c.shelves) < c.max {
		bytes := offHeap(c, shelfBytes)
		if bytes == nil {
			return nil
		}
		c.shelves = append(c.shelves, &shelf{bytes: bytes})
		c.filling = len(c.shelves) - 1
		return c.shelves[c.filling]
	}
	c.filling = (c.filling + 1) % len(c.shelves)
	s := c.shelves[c.filling]
	for _, key := range s.keys {
		delete(c.places, key)
	}
	s.used, s.keys = 0, s.keys[:0]
	return s
}

// clear forgets all bodies.
func (c *bodyCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.places)
	for _, s := range c.shelves {
		s.used, s.keys = 0, s.keys[:0]
	}
}

// size returns how many bodies are kept, and what their shelves take.
func (c *bodyCache) size() (bodies int, bytes int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.places), int64(len(c.shelves)) * shelfBytes
}

// Body calls fn with the bytes of an object as readers get them; fn must not keep
// them. e is from tx. Errors: those of store.Tx.Body, and of Parsed if readers get
// another form than what is stored.
func (c *Cache) Body(tx *store.Tx, col *store.Collection, e *store.Entry, fn func(body []byte)) error {
	shared := tx.ReadOnly()
	key := bodyKey{uint64(col.ID), e.Rev}
	if shared && c.bodies.read(key, fn) {
		return nil
	}
	body, rev, err := c.body(tx, col, e)
	if err != nil {
		return err
	}
	fn(body)
	if shared && rev == e.Rev {
		c.bodies.put(key, body)
	}
	return nil
}

// body reads an object's bytes in the form that readers get.
func (c *Cache) body(tx *store.Tx, col *store.Collection, e *store.Entry) ([]byte, store.Rev, error) {
	if !c.form.changes(e) {
		return tx.Body(col.ID, e.Name)
	}
	o, _, rev, err := c.parse(tx, col, e)
	if err != nil {
		return nil, 0, err
	}
	return o.Calendar.Append(nil), rev, nil
}
