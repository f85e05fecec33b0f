package snapshot

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"convene/internal/ical"
	"convene/store"
)

// Options bound what a Cache keeps.
type Options struct {
	// MaxBytes is about what it may take of memory: half for the listings and
	// times of collections, a quarter for bodies, an eighth each for parsed
	// objects and for the rules of recurring ones. 0: 64 MB.
	MaxBytes int64

	// Form is how readers get stored objects. The zero Form: as they are stored.
	Form Form
}

// A Form is how readers get some stored objects: not as they are stored.
type Form struct {
	Flags store.IndexFlags // of the objects that it is for: those with any of these
	Of    func(stored *ical.Object) (*ical.Object, error)
}

// changes reports whether an object is stored otherwise than readers get it.
func (f *Form) changes(e *store.Entry) bool { return e.Flags&f.Flags != 0 }

// A Cache keeps the snapshots of hot collections. It is safe for concurrent use.
type Cache struct {
	max     int64 // bytes of the collections
	form    Form
	bodies  *bodyCache
	objects *objectCache[*ical.Object]
	rules   *objectCache[*ical.Series]
	stats   counters
	hits    sync.Pool // of *[]hit, for queries

	mu          sync.Mutex
	collections map[store.CollectionID]*list.Element // of *collection
	used        *list.List                           // the most recent first
	bytes       int64
	repairs     uint64 // of the newest transaction that asked; see store.Tx.Repairs
}

// New returns an empty cache.
func New(o Options) *Cache {
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	return &Cache{
		max:         o.MaxBytes / 2,
		form:        o.Form,
		bodies:      newBodyCache(o.MaxBytes / 4),
		objects:     newObjectCache[*ical.Object](o.MaxBytes / 8),
		rules:       newObjectCache[*ical.Series](o.MaxBytes / 8),
		hits:        sync.Pool{New: func() any { return new([]hit) }},
		collections: map[store.CollectionID]*list.Element{},
		used:        list.New(),
	}
}

// clear forgets everything. c.mu is held.
func (c *Cache) clear() {
	c.collections, c.used, c.bytes = map[store.CollectionID]*list.Element{}, list.New(), 0
	c.bodies.clear()
	c.objects.clear()
	c.rules.clear()
}

// Stats tells how well the cache does.
type Stats struct {
	Collections, Bodies, Objects, Rules int   // kept
	Bytes                               int64 // about what they take

	// How often what was asked for was there, followed from what was there, or
	// was made anew.
	Hits, CaughtUp, Built                     int64
	WindowHits, WindowsCaughtUp, WindowsBuilt int64
	ObjectHits, ObjectsParsed                 int64
}

type counters struct {
	hits, caughtUp, built                   atomic.Int64
	windowHits, windowCaughtUp, windowBuilt atomic.Int64
	objectHits, objectsParsed               atomic.Int64
}

// Stats returns the figures of now.
func (c *Cache) Stats() Stats {
	n := &c.stats
	s := Stats{
		Hits: n.hits.Load(), CaughtUp: n.caughtUp.Load(), Built: n.built.Load(),
		WindowHits: n.windowHits.Load(), WindowsCaughtUp: n.windowCaughtUp.Load(), WindowsBuilt: n.windowBuilt.Load(),
		ObjectHits: n.objectHits.Load(), ObjectsParsed: n.objectsParsed.Load(),
	}
	c.mu.Lock()
	s.Collections, s.Bytes = len(c.collections), c.bytes
	c.mu.Unlock()
	objects, objectBytes := c.objects.size()
	rules, ruleBytes := c.rules.size()
	bodies, bodyBytes := c.bodies.size()
	s.Bodies, s.Objects, s.Rules, s.Bytes = bodies, objects, rules, s.Bytes+bodyBytes+objectBytes+ruleBytes
	return s
}

// A collection is what is kept of one.
type collection struct {
	id store.CollectionID

	// build is held while a version is made that is going to be kept: others who
	// want it wait. Updates, which must not wait, make their own.
	build sync.Mutex

	mu       sync.Mutex  // guards what follows, and copying the trees in it
	versions []*Snapshot // by rev
	windows  map[int64][]*window
	tick     int64 // counts uses of windows

	bytes int64 // as counted in Cache.bytes; guarded by Cache.mu
}

// keptVersions is how many revisions of a collection are kept: readers that began
// before more writes than that make their own.
const keptVersions = 4

// collection returns what is kept of a collection, as the most recently used. A
// reindex may change an index entry and not its revision: after one, what was kept
// before is forgotten, and what older transactions see is not kept.
func (c *Cache) collection(tx *store.Tx, id store.CollectionID) *collection {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch repairs := tx.Repairs(); {
	case repairs > c.repairs:
		c.clear()
		c.repairs = repairs
	case repairs < c.repairs:
		return &collection{id: id, windows: map[int64][]*window{}}
	}
	if el := c.collections[id]; el != nil {
		c.used.MoveToFront(el)
		return el.Value.(*collection)
	}
	k := &collection{id: id, windows: map[int64][]*window{}}
	c.collections[id] = c.used.PushFront(k)
	return k
}

// measure counts k anew, and forgets what was not used for the longest time until
// all fits. k itself stays.
func (c *Cache) measure(k *collection) {
	bytes := k.measure()
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.collections[k.id]
	if el == nil || el.Value != k {
		return // forgotten meanwhile
	}
	c.bytes += bytes - k.bytes
	k.bytes = bytes
	for el := c.used.Back(); el != nil && c.bytes > c.max; {
		old, next := el.Value.(*collection), el.Prev()
		if old != k {
			c.bytes -= old.bytes
			delete(c.collections, old.id)
			c.used.Remove(el)
		}
		el = next
	}
}

// measure returns about what k takes, in bytes.
func (k *collection) measure() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	const version = 8 << 10 // nodes that it does not share
	n := int64(len(k.versions)) * version
	if len(k.versions) > 0 {
		n += k.versions[len(k.versions)-1].bytes
	}
	for _, versions := range k.windows {
		n += int64(len(versions))*version/2 + versions[len(versions)-1].bytes
	}
	return n
}

// Get returns the snapshot of col as tx sees it. col is from tx.
func (c *Cache) Get(tx *store.Tx, col *store.Collection) (*Snapshot, error) {
	k := c.collection(tx, col.ID)
	if s := k.version(col.Rev); s != nil {
		c.stats.hits.Add(1)
		return s, nil
	}
	if !tx.ReadOnly() {
		return c.derive(k, tx, col)
	}
	k.build.Lock()
	defer k.build.Unlock()
	if s := k.version(col.Rev); s != nil {
		c.stats.hits.Add(1)
		return s, nil
	}
	s, err := c.derive(k, tx, col)
	if err != nil {
		return nil, err
	}
	s.shared = true
	k.keep(s)
	c.measure(k)
	return s, nil
}

// version returns the snapshot of a revision, or nil.
func (k *collection) version(rev store.Rev) *Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.versions) - 1; i >= 0; i-- {
		if k.versions[i].rev == rev {
			return k.versions[i]
		}
	}
	return nil
}

// before returns a copy of the newest snapshot that is not newer than rev, for
// its tree to be changed; or nil.
func (k *collection) before(rev store.Rev) *Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.versions) - 1; i >= 0; i-- {
		if old := k.versions[i]; old.rev <= rev {
			return &Snapshot{rev: old.rev, tree: old.tree.Copy(), bytes: old.bytes}
		}
	}
	return nil
}

// keep adds s to the versions, unless it is older than all of them and they are
// enough.
func (k *collection) keep(s *Snapshot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := len(k.versions)
	for i > 0 && k.versions[i-1].rev > s.rev {
		i--
	}
	if i == 0 && len(k.versions) >= keptVersions {
		return
	}
	k.versions = append(k.versions, nil)
	copy(k.versions[i+1:], k.versions[i:])
	k.versions[i] = s
	if n := len(k.versions) - keptVersions; n > 0 {
		k.versions = append([]*Snapshot(nil), k.versions[n:]...)
	}
}

// derive makes the snapshot of col from an older one, or else from the store.
func (c *Cache) derive(k *collection, tx *store.Tx, col *store.Collection) (*Snapshot, error) {
	if s := k.before(col.Rev); s != nil {
		s.cache, s.kept, s.col = c, k, col
		ok, err := s.catchUp(tx)
		if err != nil {
			return nil, err
		}
		if ok {
			c.stats.caughtUp.Add(1)
			return s, nil
		}
	}
	c.stats.built.Add(1)
	s := &Snapshot{cache: c, kept: k, col: col, rev: col.Rev, tree: btree.NewMap[string, *store.Entry](0)}
	s.load(tx)
	return s, nil
}

// changes returns what changed in a collection after a revision; ok is false if
// that is too much to follow, or not known any more.
func changes(tx *store.Tx, col store.CollectionID, since store.Rev, objects int) (list []store.Change, ok bool, err error) {
	list, _, more, err := tx.Changes(col, since, objects/4+64)
	if errors.Is(err, store.ErrTokenExpired) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("changes of collection %d: %w", col, err)
	}
	return list, !more, nil
}
