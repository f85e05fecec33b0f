package store

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// A homeCache keeps homes' collections decoded, the least recently used
// dropped. An entry is of one revision of its home and never changes.
type homeCache struct {
	mu    sync.Mutex
	max   int
	homes map[HomeID]*list.Element // of *cachedHome
	used  *list.List               // most recent first

	ownersMu sync.RWMutex
	owners   map[GUID]HomeID
}

type cachedHome struct {
	id          HomeID
	rev         Rev
	repairs     uint64        // of the transaction that read it
	collections []*Collection // by name

	properties sync.Map     // CollectionID, 0 for the home → []Property, as asked for
	asked      atomic.Int32 // how often they were not there
}

// maxCachedProperties is how many bytes of properties of one resource are kept.
const maxCachedProperties = 8 << 10

func (k *cachedHome) has(id CollectionID) bool {
	for _, c := range k.collections {
		if c.ID == id {
			return true
		}
	}
	return id == 0
}

func newHomeCache(max int) *homeCache {
	return &homeCache{max: max, homes: map[HomeID]*list.Element{}, used: list.New(), owners: map[GUID]HomeID{}}
}

// homeOf returns the number of an owner's home, if it is remembered. It may be out
// of date.
func (c *homeCache) homeOf(owner GUID) (HomeID, bool) {
	c.ownersMu.RLock()
	defer c.ownersMu.RUnlock()
	id, ok := c.owners[owner]
	return id, ok
}

// keepOwner remembers whose home has a number.
func (c *homeCache) keepOwner(owner GUID, id HomeID) {
	c.ownersMu.Lock()
	defer c.ownersMu.Unlock()
	if len(c.owners) >= 4*c.max { // simpler than the least recently used, and as good
		clear(c.owners)
	}
	c.owners[owner] = id
}

func (c *homeCache) get(id HomeID, rev Rev, repairs uint64) *cachedHome {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.homes[id]
	if el == nil {
		return nil
	}
	if k := el.Value.(*cachedHome); k.rev != rev || k.repairs != repairs {
		return nil
	}
	c.used.MoveToFront(el)
	return el.Value.(*cachedHome)
}

// put keeps k unless a later revision is there, or one read after a later repair.
func (c *homeCache) put(k *cachedHome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.homes[k.id]; el != nil {
		if old := el.Value.(*cachedHome); old.repairs < k.repairs || old.repairs == k.repairs && old.rev < k.rev {
			el.Value = k
		}
		c.used.MoveToFront(el)
		return
	}
	c.homes[k.id] = c.used.PushFront(k)
	if c.used.Len() > c.max {
		old := c.used.Remove(c.used.Back()).(*cachedHome)
		delete(c.homes, old.id)
	}
}

// cached returns a home's collections as this view sees them.
func (tx *Tx) cached(home HomeID) (*cachedHome, error) {
	h, err := tx.readHome(home)
	if err != nil {
		return nil, err
	}
	if k := tx.s.cache.get(home, h.Rev, tx.repairs); k != nil {
		return k, nil
	}
	k := &cachedHome{id: home, rev: h.Rev, repairs: tx.repairs}
	if k.collections, err = tx.readCollections(home); err != nil {
		return nil, err
	}
	tx.s.cache.put(k)
	return k, nil
}
