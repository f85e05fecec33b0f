package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// CacheOptions says how long results are kept. Zero fields have the defaults.
type CacheOptions struct {
	Size        int           // most results about principals kept, one for each way to find one; default 200,000
	MemberBytes int           // most bytes of lists of members kept, half of them for those of GUIDs; the largest asked for last is kept in any case; default 64 MiB
	TTL         time.Duration // how long a result is believed; default 5m
	NegativeTTL time.Duration // how long "there is none" is believed; default 30s
	StaleFor    time.Duration // how old a result may be that is used while the directory is unavailable; default 24h
	RetryEvery  time.Duration // how often an unavailable directory is tried again; default 2s
	Patience    time.Duration // how long to wait for a new result when an old one is at hand; default 2s
	Timeout     time.Duration // longest time for one question; default 1m

	// File keeps the results over a restart; "" does not. Source names what
	// they come from: a file written for another source is not used.
	File      string
	Source    string
	SaveEvery time.Duration // how often Run writes the file if there is news; default 1m

	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now
}

// Cache is a Directory that remembers what another said. Results are believed
// for a while, and used for longer while the other is unavailable; a result
// about somebody never gives way to an error. Searches and passwords are
// always asked for.
type Cache struct {
	d   Directory
	o   CacheOptions
	log *slog.Logger

	principals *table[Key, *Principal]
	missing    *table[Key, error]         // apart, so that bogus names push nobody out
	former     *table[string, *Principal] // by GUID: records that the directory had, and has no more
	groups     *table[string, []string]
	lists      *table[string, []string] // of groups, by their digests: many are in the same
	names      *table[Key, string]      // by short name: the GUID whose it is or was; "": of several
	members    *table[memberKey, []*Principal]
	guids      *table[memberKey, []string] // of members

	lookupFlights flights[Key, *Principal]
	groupFlights  flights[string, []string]
	memberFlights flights[memberKey, []*Principal]
	guidFlights   flights[memberKey, []string]

	// downUntil is 0 while the directory responds; else the time (Unix ns)
	// before which old results are used without asking.
	downUntil atomic.Int64
	flushed   atomic.Int64 // results from before are old
	news      atomic.Bool  // there is something to save
	save      sync.Mutex   // one writer of the file

	hits, misses, stale atomic.Int64
}

// CacheStats counts what a cache has done.
type CacheStats struct {
	Principals int   `json:"principals"` // results kept, as the next three
	Missing    int   `json:"missing"`
	Groups     int   `json:"groups"`
	Members    int   `json:"members"`
	Hits       int64 `json:"hits"`   // look-ups served from memory
	Misses     int64 `json:"misses"` // look-ups passed on
	Stale      int64 `json:"stale"`  // look-ups served with an old result because the directory was unavailable
	Down       bool  `json:"down"`   // the directory did not respond when asked last
}

// NewCache puts a cache in front of d, with what o.File holds. A file that
// cannot be used is logged and otherwise of no consequence.
func NewCache(d Directory, o CacheOptions) *Cache {
	o.Size = cmp.Or(o.Size, 200_000)
	o.MemberBytes = cmp.Or(o.MemberBytes, 64<<20)
	o.TTL = cmp.Or(o.TTL, 5*time.Minute)
	o.NegativeTTL = cmp.Or(o.NegativeTTL, 30*time.Second)
	o.StaleFor = cmp.Or(o.StaleFor, 24*time.Hour)
	o.RetryEvery = cmp.Or(o.RetryEvery, 2*time.Second)
	o.Patience = cmp.Or(o.Patience, 2*time.Second)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	o.SaveEvery = cmp.Or(o.SaveEvery, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{
		d: d, o: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		principals: newTable[Key, *Principal](o.Size, keyText),
		missing:    newTable[Key, error](max(o.Size/10, shardCount), keyText),
		former:     newTable[string, *Principal](max(o.Size/10, shardCount), func(guid string) string { return guid }),
		groups:     newTable[string, []string](o.Size, func(guid string) string { return guid }),
		lists:      newTable[string, []string](o.Size, func(digest string) string { return digest }),
		names:      newTable[Key, string](o.Size, keyText),
		members:    newWeighed[memberKey](max(o.Size/50, shardCount), o.MemberBytes/2, principalsWeight),
		guids:      newWeighed[memberKey](max(o.Size/50, shardCount), o.MemberBytes/2, textsWeight),
	}
	if o.File != "" {
		if err := c.load(); err != nil {
			c.log.Warn("directory cache not loaded", "file", o.File, "err", err)
		}
	}
	return c
}

func keyText(k Key) string { return k.Value }

// Unwrap returns the directory behind the cache.
func (c *Cache) Unwrap() Directory { return c.d }

// Flush makes all results old: they are asked for again, and used meanwhile
// only if the directory is unavailable. For changes that must show at once.
func (c *Cache) Flush() {
	if d, ok := c.d.(interface{ Forget() }); ok {
		d.Forget()
	}
	c.flushed.Store(c.o.Now().UnixNano())
	all := func(string) bool { return true }
	c.expire(all, all) // in the file too
}

// FlushRecord is Flush for one record: whatever finds it, its groups, its members. What
// is known not to exist is old too, as the record may have got another name.
func (c *Cache) FlushRecord(guid string) {
	guid = CanonicalGUID(guid)
	if d, ok := c.d.(interface{ ForgetGroups() }); ok {
		d.ForgetGroups()
	}
	is := func(g string) bool { return g == guid }
	c.expire(is, is)
}

// FlushChanges is FlushRecord for what has changed in the directory; what is not used any
// more is not asked for.
func (c *Cache) FlushChanges(ch Changes) {
	if ch.All {
		c.Flush()
		return
	}
	changed := make(map[string]bool, len(ch.GUIDs))
	for _, guid := range ch.GUIDs {
		changed[CanonicalGUID(guid)] = true
	}
	is := func(guid string) bool { return changed[guid] }
	if !ch.Groups {
		c.expire(is, is)
		return
	}
	if d, ok := c.d.(interface{ ForgetGroups() }); ok {
		d.ForgetGroups()
	}
	c.expire(is, func(string) bool { return true })
}

// expire makes old the records that is picks, and of those that linked picks the groups
// and the members.
func (c *Cache) expire(is, linked func(guid string) bool) {
	now := c.o.Now().UnixNano()
	at := now - int64(c.o.TTL)
	c.principals.age(at, func(_ Key, p *Principal) bool { return is(p.GUID) })
	c.groups.age(at, func(guid string, _ []string) bool { return linked(guid) })
	c.members.age(at, func(k memberKey, list []*Principal) bool {
		return linked(k.guid) || slices.ContainsFunc(list, func(p *Principal) bool { return is(p.GUID) })
	})
	c.guids.age(at, func(k memberKey, list []string) bool { return linked(k.guid) || slices.ContainsFunc(list, is) })
	c.missing.age(now-int64(c.o.NegativeTTL), func(Key, error) bool { return true })
	c.news.Store(true)
}

// Former returns the one record that is remembered under a name as an operator writes it
// (see Find), though the directory may not have it any more: how old what is known of
// it is does not matter. Errors: ErrNotFound, ErrAmbiguous.
func (c *Cache) Former(who string) (found *Principal, err error) {
	ref, err := ParseRef(who)
	if err != nil {
		ref = Ref{GUID: CanonicalGUID(who), Name: who}
	}
	is := func(p *Principal) bool {
		return p.GUID == ref.GUID || ref.Name != "" && (ref.Type == AnyType || ref.Type == p.Type) &&
			(sameText(p.Name, ref.Name) || hasText(p.Aliases, ref.Name) || hasText(p.Emails, ref.Name))
	}
	several := false
	look := func(p *Principal) {
		switch {
		case !is(p):
		case found == nil:
			found = p
		case found.GUID != p.GUID:
			several = true
		}
	}
	c.principals.all(func(it *item[Key, *Principal]) { look(it.v) })
	c.former.all(func(it *item[string, *Principal]) { look(it.v) })
	switch {
	case several:
		return nil, fmt.Errorf("%q, of those remembered: %w", who, ErrAmbiguous)
	case found == nil:
		return nil, fmt.Errorf("%q: %w", who, ErrNotFound)
	}
	return found, nil
}

// Stats returns the counters.
func (c *Cache) Stats() CacheStats {
	return CacheStats{
		Principals: c.principals.len(), Missing: c.missing.len(), Groups: c.groups.len(), Members: c.members.len() + c.guids.len(),
		Hits: c.hits.Load(), Misses: c.misses.Load(), Stale: c.stale.Load(), Down: c.downUntil.Load() != 0,
	}
}

// Lookup implements Directory.
func (c *Cache) Lookup(ctx context.Context, key Key) (*Principal, error) {
	// A key that is in the table is canonical, whatever the caller did.
	it, now := c.principals.get(key), c.o.Now().UnixNano()
	if it == nil {
		k, err := key.Canonical()
		if err != nil {
			return nil, err
		}
		if k != key {
			key, it = k, c.principals.get(k)
		}
		// Where a domain says nothing, all that there are are one key.
		if bare, ok := key.withoutDomain(); ok && it == nil {
			if known := c.principals.get(bare); known != nil && !known.v.ActiveDirectory {
				key, it = bare, known
			}
		}
	}
	if it != nil && c.fresh(it.at, now, c.o.TTL) {
		c.hits.Add(1)
		return it.v, nil
	}
	if it == nil {
		if no := c.missing.get(key); no != nil && c.fresh(no.at, now, c.o.NegativeTTL) {
			c.hits.Add(1)
			return nil, no.v
		}
	}
	return renew(ctx, c, &c.lookupFlights, key, it, now, func(ctx context.Context) (*Principal, error) {
		p, err := c.d.Lookup(ctx, key)
		at := c.o.Now().UnixNano()
		switch {
		case err == nil:
			under := key
			if bare, ok := key.withoutDomain(); ok && !p.ActiveDirectory {
				under = bare
			}
			c.learn(under, p, at)
		case isFact(err):
			if it != nil && errors.Is(err, ErrNotFound) {
				c.former.put(it.v.GUID, it.v, at)
			}
			c.principals.drop(key)
			c.missing.put(key, err, at)
		}
		return p, err
	})
}

// shared returns a list equal to the one given, the same for all who have it.
func (c *Cache) shared(list []string) []string {
	sum := sha256.New()
	for _, s := range list {
		_, _ = sum.Write(append([]byte(s), 0)) // hashes do not fail
	}
	digest := string(sum.Sum(nil))
	if known := c.lists.get(digest); known != nil && slices.Equal(known.v, list) {
		return known.v
	}
	c.lists.put(digest, list, 0)
	return list
}

// noteName remembers whose a short name is.
func (c *Cache) noteName(p *Principal, at int64) {
	k, err := Key{By: Name, Type: p.Type, Value: p.Name}.Canonical()
	if err != nil {
		return
	}
	switch it := c.names.get(k); {
	case it == nil:
		c.names.put(k, p.GUID, at)
	case it.v != p.GUID && it.v != "":
		c.names.put(k, "", at)
	}
}

// Formerly returns the record that had a short name of its type, which no record has now,
// for as long as that is remembered. It is never one that shared the name with another,
// then or one after the other. Errors: ErrNotFound, and those of Lookup.
func (c *Cache) Formerly(ctx context.Context, typ Type, name string) (*Principal, error) {
	k, err := Key{By: Name, Type: typ, Value: name}.Canonical()
	if err != nil {
		return nil, err
	}
	it := c.names.get(k)
	if it == nil || it.v == "" {
		return nil, fmt.Errorf("former %v: %w", k, ErrNotFound)
	}
	p, err := c.Lookup(ctx, Key{By: GUID, Value: it.v})
	if err == nil && (p.Type != typ || sameText(p.Name, name) || hasText(p.Aliases, name)) {
		return nil, fmt.Errorf("former %v: %w", k, ErrNotFound)
	}
	return p, err
}

// learn keeps a result under its key and under the GUID.
func (c *Cache) learn(key Key, p *Principal, at int64) {
	c.principals.put(key, p, at)
	c.missing.drop(key)
	c.noteName(p, at)
	if id := (Key{By: GUID, Value: p.GUID}); id != key {
		c.principals.put(id, p, at)
		c.missing.drop(id)
	}
	c.news.Store(true)
}

// Groups implements Directory.
func (c *Cache) Groups(ctx context.Context, guid string) ([]string, error) {
	it, now := c.groups.get(guid), c.o.Now().UnixNano()
	if it == nil {
		guid = CanonicalGUID(guid)
		it = c.groups.get(guid)
	}
	if it != nil && c.fresh(it.at, now, c.o.TTL) {
		c.hits.Add(1)
		return it.v, nil
	}
	return renew(ctx, c, &c.groupFlights, guid, it, now, func(ctx context.Context) ([]string, error) {
		list, err := c.d.Groups(ctx, guid)
		switch {
		case err == nil:
			list = c.shared(list)
			c.groups.put(guid, list, c.o.Now().UnixNano())
			c.news.Store(true)
		case isFact(err):
			c.groups.drop(guid)
		}
		return list, err
	})
}

// Members implements Directory.
func (c *Cache) Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error) {
	key := memberKey{CanonicalGUID(guid), e}
	it, now := c.members.get(key), c.o.Now().UnixNano()
	if it != nil && c.fresh(it.at, now, c.o.TTL) {
		c.hits.Add(1)
		return it.v, nil
	}
	return renew(ctx, c, &c.memberFlights, key, it, now, func(ctx context.Context) ([]*Principal, error) {
		list, err := c.d.Members(ctx, key.guid, e)
		switch {
		case err == nil:
			c.members.put(key, list, c.o.Now().UnixNano())
		case isFact(err):
			c.members.drop(key)
		}
		return list, err
	})
}

// MemberGUIDs implements Directory.
func (c *Cache) MemberGUIDs(ctx context.Context, guid string, e Expansion) ([]string, error) {
	key := memberKey{CanonicalGUID(guid), e}
	it, now := c.guids.get(key), c.o.Now().UnixNano()
	if it != nil && c.fresh(it.at, now, c.o.TTL) {
		c.hits.Add(1)
		return it.v, nil
	}
	return renew(ctx, c, &c.guidFlights, key, it, now, func(ctx context.Context) ([]string, error) {
		list, err := c.d.MemberGUIDs(ctx, key.guid, e)
		switch {
		case err == nil:
			c.guids.put(key, list, c.o.Now().UnixNano())
		case isFact(err):
			c.guids.drop(key)
		}
		return list, err
	})
}

// Search implements Directory. Nothing is remembered.
func (c *Cache) Search(ctx context.Context, q Query) ([]*Principal, error) {
	return c.d.Search(ctx, q)
}

// Authenticate implements Directory. The result is not remembered, only who
// it was.
func (c *Cache) Authenticate(ctx context.Context, login, password string) (*Principal, error) {
	p, err := c.d.Authenticate(ctx, login, password)
	if err == nil {
		c.learn(Key{By: GUID, Value: p.GUID}, p, c.o.Now().UnixNano())
	}
	return p, err
}

// fresh reports whether a result of the time at is still believed.
func (c *Cache) fresh(at, now int64, ttl time.Duration) bool {
	return now-at < int64(ttl) && at > c.flushed.Load()
}

// isFact reports whether an error is a fact from the directory: nothing else may
// replace what is known.
func isFact(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrAmbiguous) }

// renew asks again. old is the result known, nil if there is none.
//
// With an old result that may still be used, nobody waits long: while the
// directory is known to be down the old result comes at once, and every
// RetryEvery one question finds out in the background whether it is back.
func renew[K comparable, V any](ctx context.Context, c *Cache, f *flights[K, V], key K, old *item[K, V], now int64, fn func(context.Context) (V, error)) (V, error) {
	c.misses.Add(1)
	ask := func(ctx context.Context) (V, error) {
		v, err := f.do(ctx, key, c.o.Timeout, fn)
		c.note(err)
		return v, err
	}
	if old == nil || now-old.at >= int64(c.o.StaleFor) {
		return ask(ctx)
	}
	type result struct {
		v   V
		err error
	}
	var got chan result
	until := c.downUntil.Load()
	if until == 0 || now >= until && c.downUntil.CompareAndSwap(until, now+int64(c.o.RetryEvery)) {
		got = make(chan result, 1)
		go func() {
			v, err := ask(context.WithoutCancel(ctx))
			got <- result{v, err}
		}()
	}
	if until == 0 { // it was well when asked last
		timer := time.NewTimer(c.o.Patience)
		defer timer.Stop()
		select {
		case a := <-got:
			if a.err == nil || isFact(a.err) {
				return a.v, a.err
			}
		case <-timer.C:
			c.note(ErrUnavailable)
		case <-ctx.Done():
		}
	}
	c.stale.Add(1)
	return old.v, nil
}

// note remembers whether the directory responds. That one question cannot be
// decided says nothing about others: if it did, whoever can ask such a question
// could keep old results in use, and with them rights that were taken back.
func (c *Cache) note(err error) {
	if isResponse(err) {
		if c.downUntil.Swap(0) != 0 {
			c.log.Info("directory responds again")
		}
		return
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, errClosed) {
		return // the client went away, or the server stops
	}
	until := c.o.Now().Add(c.o.RetryEvery).UnixNano()
	if c.downUntil.Swap(until) == 0 {
		c.log.Warn("directory unavailable, using what is known", "err", err)
	}
}

// AsDigestSource returns the digest secrets of d, or of the directory behind
// the cache that d is.
func AsDigestSource(d Directory) (DigestSource, bool) {
	for {
		if s, ok := d.(DigestSource); ok {
			return s, true
		}
		u, ok := d.(interface{ Unwrap() Directory })
		if !ok {
			return nil, false
		}
		d = u.Unwrap()
	}
}

// Run writes the file when there is news, until ctx ends, and a last time
// then. Without a file it only waits.
func (c *Cache) Run(ctx context.Context) {
	tick := time.NewTicker(c.o.SaveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.saveNews()
			return
		case <-tick.C:
			c.saveNews()
		}
	}
}

func (c *Cache) saveNews() {
	if c.o.File == "" || !c.news.Swap(false) {
		return
	}
	if err := c.Save(); err != nil {
		c.news.Store(true)
		c.log.Error("directory cache not saved", "err", fmt.Errorf("%s: %w", c.o.File, err))
	}
}
