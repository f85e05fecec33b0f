package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"convene/internal/engine"
	"convene/quota"
)

// SetQuota sets the bytes that a home may hold: 0 for what its owner's groups and
// type give it, quota.Unlimited for no limit. A home that holds more already
// keeps it but cannot grow.
func (tx *Tx) SetQuota(id HomeID, bytes int64) error {
	h, err := tx.changingHome(id)
	if err != nil {
		return err
	}
	h.QuotaOverride = bytes
	tx.nextRev(h)
	return nil
}

// SetQuotaGroups notes which groups' limits a home has, as
// quota.Policy.GroupsOf gives them. It is no change that clients are told of.
func (tx *Tx) SetQuotaGroups(id HomeID, groups string) error {
	h, err := tx.changingHome(id)
	if err == nil {
		h.QuotaGroups = groups
	}
	return err
}

// QuotaPolicy returns what may be stored, the same all through a transaction.
func (tx *Tx) QuotaPolicy() *quota.Policy {
	if tx.policy == nil {
		tx.policy = tx.s.opt.Quota()
	}
	return tx.policy
}

// QuotaPolicy returns what may be stored now.
func (s *Store) QuotaPolicy() *quota.Policy { return s.opt.Quota() }

// Limits returns what h may hold.
func (tx *Tx) Limits(h *Home) quota.Limits { return tx.QuotaPolicy().Limits(h.QuotaOwner()) }

// QuotaOwner is what the limits of h depend on.
func (h *Home) QuotaOwner() quota.Owner {
	return quota.Owner{Override: h.QuotaOverride, Type: h.OwnerType, Groups: h.QuotaGroups}
}

// Usage returns what h holds. The collections that belong to every home count as
// one.
func (h *Home) Usage() quota.Usage {
	return quota.Usage{Bytes: h.UsedBytes, Objects: h.Objects, Collections: int64(h.Counted) + 1}
}

// Available returns how many more bytes may be stored in h, at least 0 (RFC 4331
// §3): the least of what its quota, the limit of the store and the disk leave.
// It reports false if nothing limits them.
func (tx *Tx) Available(h *Home) (bytes int64, limited bool, err error) {
	bytes, limited = tx.Limits(h).Available(h.Usage())
	lower := func(n int64) {
		if n = max(n, 0); !limited || n < bytes {
			bytes, limited = n, true
		}
	}
	p := tx.QuotaPolicy()
	if p.Store.MaxBytes > 0 {
		total, err := tx.total()
		if err != nil {
			return 0, false, err
		}
		lower(p.Store.MaxBytes - total)
	}
	if p.Store.Reserve > 0 {
		if free, ok := tx.s.freeDisk(0); ok {
			lower(free - p.Store.Reserve)
		}
	}
	return bytes, limited, nil
}

// checkGrowth refuses that h grows by g: beyond its limits, or those of the
// store. What is in c, if it is not nil, counts against the limit of a
// collection. Errors: ErrQuota, ErrFull.
func (tx *Tx) checkGrowth(h *Home, c *Collection, g quota.Usage) error {
	if err := tx.checkLimits(h, c, g); err != nil {
		return err
	}
	if g.Bytes <= 0 && g.Objects <= 0 && g.Collections <= 0 {
		return nil
	}
	return tx.checkSpace(max(g.Bytes, 0))
}

// checkLimits is checkGrowth for what is in the store already.
func (tx *Tx) checkLimits(h *Home, c *Collection, g quota.Usage) error {
	used := h.Usage()
	if c != nil {
		used.CollectionObjects = int64(c.Objects)
	}
	if err := tx.Limits(h).Check(used, g); err != nil {
		return fmt.Errorf("home of %q: %w", h.Owner, err)
	}
	return nil
}

// checkSpace refuses n more bytes in the store. Errors: ErrFull.
func (tx *Tx) checkSpace(n int64) error {
	limit := tx.QuotaPolicy().Store
	if limit.MaxBytes > 0 {
		total, err := tx.total()
		if err != nil {
			return err
		}
		if n > limit.MaxBytes-total {
			return fmt.Errorf("the store holds %d bytes of at most %d, %d more: %w", total, limit.MaxBytes, n, ErrFull)
		}
	}
	if limit.Reserve > 0 {
		if free, ok := tx.s.freeDisk(n); ok && free-n < limit.Reserve {
			return fmt.Errorf("the disk has %d bytes, %d are to be left, %d more: %w", free, limit.Reserve, n, ErrFull)
		}
	}
	return nil
}

// total is the sum of what all homes hold. It stands in no record, which every
// write would have to change: it is added up between updates when there is a limit for
// the first time, and from then on follows this process's updates. It counts an
// update that needs space when its function has run, so that those that are committed
// together count against the limit of the store one after the other, and takes it out
// again if it is undone; one that frees space counts when it is committed. So with one
// process the limit is never passed, and the sum is exact when no update runs. What
// other processes write to the same store it does not see, and from there on may be
// off by as much.
type total struct {
	updates sync.RWMutex // held by each update from its beginning to its end

	mu    sync.Mutex
	known bool
	base  int64 // what was not counted as grown when it was added up
	grown int64 // by all updates since the store was opened
}

func (t *total) add(n int64) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.grown += n
}

func (t *total) get() (n int64, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base + t.grown, t.known
}

// start says that all homes hold n, at a time when no update runs.
func (t *total) start(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base, t.known = n-t.grown, true
}

// begin is called before each update, and returns what is to be called after it. If
// there is a limit and no sum, it waits until no update runs and adds up: amid others
// nobody can tell which of those that were counted are in what is read, and which
// will run again.
func (s *Store) begin(ctx context.Context) (end func(), err error) {
	if _, known := s.total.get(); !known && s.QuotaPolicy().Store.MaxBytes > 0 {
		engine.NotNested()
		if err := s.addUp(ctx); err != nil {
			return nil, err
		}
	}
	s.total.updates.RLock()
	return s.total.updates.RUnlock, nil
}

func (s *Store) addUp(ctx context.Context) error {
	s.total.updates.Lock()
	defer s.total.updates.Unlock()
	if _, known := s.total.get(); known {
		return nil // by another, meanwhile
	}
	return s.View(ctx, (*Tx).startTotal)
}

// startTotal adds up what all homes hold, while there is no update.
func (tx *Tx) startTotal() error {
	n, err := tx.usedByAll()
	if err == nil {
		tx.s.total.start(n)
	}
	return err
}

// total is what all homes hold, as this transaction sees it.
func (tx *Tx) total() (int64, error) {
	n, known := tx.s.total.get()
	if known {
		return n + tx.grown(), nil
	}
	n, err := tx.usedByAll() // of this moment: others write meanwhile
	return n + tx.grown(), err
}

// grown is by how many bytes this transaction has made homes larger.
func (tx *Tx) grown() (n int64) {
	n = tx.settled
	for _, h := range tx.homes.list {
		if !h.gone {
			n += h.now.UsedBytes - h.was.UsedBytes
		}
	}
	return n
}

// settle takes what h was out of the sum: h is about to be deleted, and no longer
// among those that grown adds up.
func (tx *Tx) settle(h *Home) {
	if w := tx.homes.find(h.ID); w != nil {
		tx.settled -= w.was.UsedBytes
	}
}

// freeEvery is how long the free space of the disk is remembered, unless more is
// written than freeWithin.
const (
	freeEvery  = time.Second
	freeWithin = 1 << 20
)

// disk remembers how much of the disk is free.
type disk struct {
	mu    sync.Mutex
	asked time.Time
	free  int64
	known bool
	taken int64 // of it since
}

// freeDisk returns how much of the disk is free, of which n bytes may be about to
// be written. It reports false if nobody can tell; then the disk itself has the
// last word.
func (s *Store) freeDisk(n int64) (free int64, ok bool) {
	if s.opt.FreeDisk == nil {
		return 0, false
	}
	d := &s.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	now := s.opt.Now()
	if age := now.Sub(d.asked); !d.known || age < 0 || age >= freeEvery || d.taken+n > freeWithin {
		bytes, err := s.opt.FreeDisk()
		d.asked, d.free, d.known, d.taken = now, bytes, err == nil, 0
	}
	d.taken += n
	return d.free - d.taken + n, d.known
}

// counted is how many collections one of a kind counts as against a quota: those
// that belong to every home are none.
func counted(k Kind) int64 {
	if k == KindCalendar || k == KindCollection {
		return 1
	}
	return 0
}

// usage is what a collection makes a home larger by.
func (c *Collection) usage() quota.Usage {
	return quota.Usage{
		Bytes: c.Bytes + c.PropertyBytes, Collections: counted(c.Kind),
		Objects: int64(c.Objects), CollectionObjects: int64(c.Objects),
	}
}

// addCollection counts a collection in with all it holds, or out with n = -1.
func (h *Home) addCollection(c *Collection, n int) {
	h.UsedBytes += int64(n) * (c.Bytes + c.PropertyBytes)
	h.Objects += int64(n * c.Objects)
	h.Collections += n
	h.Counted += n * int(counted(c.Kind))
}

// addProperties counts n bytes of properties in, or out if n is below 0: of c or
// of an object in it, or of the home itself if c is nil.
func (tx *Tx) addProperties(c *Collection, h *Home, n int64) {
	if c != nil {
		c.PropertyBytes += n
	}
	h.UsedBytes += n
}

// propertyCost is how many bytes a property counts.
func propertyCost(name string, value []byte) int64 { return int64(len(name) + len(value)) }

func costOf(list []Property) (n int64) {
	for _, p := range list {
		n += propertyCost(p.Name, p.Value)
	}
	return n
}
