package snapshot

import (
	"container/list"
	"fmt"
	"sync"

	"convene/internal/ical"
	"convene/store"
)

// An objectKey names one object; what is kept of it is of one revision.
type objectKey struct {
	collection store.CollectionID
	name       string
}

// An objectCache keeps what was made of objects, the least recently used dropped.
type objectCache[T any] struct {
	mu    sync.Mutex
	max   int64                       // bytes
	all   map[objectKey]*list.Element // of *made[T]
	used  *list.List                  // the most recent first
	bytes int64
}

// A made is what was made of one revision of an object.
type made[T any] struct {
	key   objectKey
	rev   store.Rev
	value T
	bytes int64
}

func newObjectCache[T any](max int64) *objectCache[T] {
	c := &objectCache[T]{max: max}
	c.clear()
	return c
}

func (c *objectCache[T]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.used, c.bytes = map[objectKey]*list.Element{}, list.New(), 0
}

func (c *objectCache[T]) size() (objects int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all), c.bytes
}

// get returns what is kept of a revision of an object.
func (c *objectCache[T]) get(key objectKey, rev store.Rev) (value T, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.all[key]
	if el == nil || el.Value.(*made[T]).rev != rev {
		return value, false
	}
	c.used.MoveToFront(el)
	return el.Value.(*made[T]).value, true
}

// put keeps m unless a later revision is there.
func (c *objectCache[T]) put(m *made[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.all[m.key]; el != nil {
		old := el.Value.(*made[T])
		if old.rev > m.rev {
			return
		}
		c.bytes -= old.bytes
		el.Value = m
		c.used.MoveToFront(el)
	} else {
		c.all[m.key] = c.used.PushFront(m)
	}
	c.bytes += m.bytes
	for c.bytes > c.max && c.used.Len() > 0 {
		old := c.used.Remove(c.used.Back()).(*made[T])
		delete(c.all, old.key)
		c.bytes -= old.bytes
	}
}

// About what a parsed object takes, by the byte of its body and besides; and what
// keeping anything does.
const (
	bytesPerByte = 7
	objectBytes  = 1500
	keepBytes    = 250
)

// Parsed returns the parsed object of an entry in the form that readers get, from
// the cache if it is there.
// It is shared and must not be changed. Errors: those of store.Tx.Body,
// ical.Decode and ical.NewObject.
func (c *Cache) Parsed(tx *store.Tx, col *store.Collection, e *store.Entry) (*ical.Object, error) {
	key := objectKey{col.ID, e.Name}
	if o, ok := c.objects.get(key, e.Rev); ok {
		c.stats.objectHits.Add(1)
		return o, nil
	}
	o, size, rev, err := c.parse(tx, col, e)
	if err == nil && tx.ReadOnly() {
		c.objects.put(&made[*ical.Object]{key, rev, o, int64(bytesPerByte*size + objectBytes + keepBytes)})
	}
	return o, err
}

// parse reads an object from the store and gives it the form that readers get.
// size is that of its body.
func (c *Cache) parse(tx *store.Tx, col *store.Collection, e *store.Entry) (o *ical.Object, size int, rev store.Rev, err error) {
	c.stats.objectsParsed.Add(1)
	body, rev, err := tx.Body(col.ID, e.Name)
	if err != nil {
		return nil, 0, 0, err
	}
	cal, err := ical.Decode(body, ical.Limits{})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("object %q: %w", e.Name, err)
	}
	if o, err = ical.NewMessage(cal); err != nil { // an inbox has messages
		return nil, 0, 0, fmt.Errorf("object %q: %w", e.Name, err)
	}
	if c.form.changes(e) {
		if o, err = c.form.Of(o); err != nil {
			return nil, 0, 0, fmt.Errorf("object %q: %w", e.Name, err)
		}
	}
	return o, len(body), rev, nil
}

// series returns the recurrence set of an entry, without its components: so it
// takes a tenth of what the parsed object does.
func (c *Cache) series(tx *store.Tx, col *store.Collection, e *store.Entry) (*ical.Series, error) {
	key := objectKey{col.ID, e.Name}
	if series, ok := c.rules.get(key, e.Rev); ok {
		return series, nil
	}
	o, parsed := c.objects.get(key, e.Rev)
	rev := e.Rev
	if !parsed {
		var err error
		if o, _, rev, err = c.parse(tx, col, e); err != nil {
			return nil, err
		}
	}
	series, err := o.Series()
	if err != nil {
		return nil, fmt.Errorf("object %q: %w", e.Name, err)
	}
	series = series.Detached()
	if tx.ReadOnly() {
		c.rules.put(&made[*ical.Series]{key, rev, series, int64(series.Size() + keepBytes)})
	}
	return series, nil
}
