package snapshot

import (
	"container/list"
	"fmt"
	"sync"

	"convene/ical"
	"convene/store"
)

// An objectCache keeps parsed objects, the least recently used dropped.
type objectCache struct {
	max int64 // bytes

	mu    sync.Mutex
	all   map[objectKey]*list.Element // of *object
	used  *list.List                  // the most recent first
	bytes int64
}

type objectKey struct {
	collection store.CollectionID
	name       string
}

// An object is one revision of a calendar object, parsed.
type object struct {
	key   objectKey
	rev   store.Rev
	bytes int64

	*ical.Object
	compile sync.Once
	series  *ical.Series
	err     error // of compile
}

// Series returns the compiled recurrence set of o.
func (o *object) Series() (*ical.Series, error) {
	o.compile.Do(func() { o.series, o.err = o.Object.Series() })
	return o.series, o.err
}

// objectBytes is about what parsing and compiling makes of a body, by the byte
// and besides.
const (
	bytesPerByte = 8
	objectBytes  = 2000
)

// Parsed returns the parsed object of an entry, from the cache if it is there.
// It is shared and must not be changed. Errors: those of store.Tx.Body,
// ical.Decode and ical.NewObject.
func (c *Cache) Parsed(tx *store.Tx, col *store.Collection, e *store.Entry) (*ical.Object, error) {
	o, err := c.parsed(tx, col, e)
	if err != nil {
		return nil, err
	}
	return o.Object, nil
}

func (c *Cache) parsed(tx *store.Tx, col *store.Collection, e *store.Entry) (*object, error) {
	key := objectKey{col.ID, e.Name}
	if o := c.objects.get(key, e.Rev); o != nil {
		c.stats.objectHits.Add(1)
		return o, nil
	}
	c.stats.objectsParsed.Add(1)
	body, rev, err := tx.Body(col.ID, e.Name)
	if err != nil {
		return nil, err
	}
	cal, err := ical.Decode(body, ical.Limits{})
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", e.Name, err)
	}
	parsed, err := ical.NewObject(cal)
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", e.Name, err)
	}
	o := &object{key: key, rev: rev, bytes: int64(bytesPerByte*len(body) + objectBytes), Object: parsed}
	if committed(tx, col) {
		c.objects.put(o)
	}
	return o, nil
}

func (c *objectCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.used, c.bytes = map[objectKey]*list.Element{}, list.New(), 0
}

func (c *objectCache) size() (objects int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all), c.bytes
}

func (c *objectCache) get(key objectKey, rev store.Rev) *object {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.all[key]
	if el == nil || el.Value.(*object).rev != rev {
		return nil
	}
	c.used.MoveToFront(el)
	return el.Value.(*object)
}

// put keeps o unless a later revision is there.
func (c *objectCache) put(o *object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.all[o.key]; el != nil {
		old := el.Value.(*object)
		if old.rev > o.rev {
			return
		}
		c.bytes -= old.bytes
		el.Value = o
		c.used.MoveToFront(el)
	} else {
		c.all[o.key] = c.used.PushFront(o)
	}
	c.bytes += o.bytes
	for c.bytes > c.max && c.used.Len() > 1 {
		old := c.used.Remove(c.used.Back()).(*object)
		delete(c.all, old.key)
		c.bytes -= old.bytes
	}
}
