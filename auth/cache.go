package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const cacheShards = 16

// logins remembers verified Basic log-ins under a keyed hash of the header
// field, whose key lives in this process only; the password is not kept. It is
// bounded: only verified log-ins enter, and when it is full one that was not
// used for long leaves.
type logins struct {
	hashers sync.Pool // of *hasher
	limit   int       // entries per shard
	shards  [cacheShards]loginShard

	// forgotten counts calls of forget: what was being verified meanwhile is
	// not remembered.
	forgotten atomic.Uint64

	mu        sync.Mutex
	passwords map[string]*provenPassword // by GUID: the one verified last; see put
}

// provenPassword is one directory password of a principal, however it was sent.
type provenPassword struct {
	sum        passwordSum
	entries    int         // that it was sent in; guarded by logins.mu
	superseded atomic.Bool // another was verified since
}

// passwordSum is a keyed hash of a principal and a password.
type passwordSum [16]byte

type loginShard struct {
	mu      sync.RWMutex
	entries map[loginKey]*login
}

// loginKey is the keyed hash of the credentials.
type loginKey [sha256.Size]byte

// hasher makes keys; in and sum are its own so that making one allocates nothing.
type hasher struct {
	mac hash.Hash // HMAC-SHA-256
	in  []byte
	sum []byte
}

// login is one verified log-in.
type login struct {
	caller   atomic.Pointer[Caller] // as of the last use
	verified atomic.Int64           // Unix ns
	used     atomic.Int64           // Unix ns
	guid     string
	password *provenPassword // nil: it is not the directory's
}

// within reports whether the log-in was verified less than d ago, and the
// principal has not signed in with another password since.
func (l *login) within(now time.Time, d time.Duration) bool {
	return now.UnixNano()-l.verified.Load() < int64(d) && (l.password == nil || !l.password.superseded.Load())
}

func newLogins(size int, random io.Reader) (*logins, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	c := &logins{limit: max(1, size/cacheShards), passwords: map[string]*provenPassword{}}
	c.hashers.New = func() any { return &hasher{mac: hmac.New(sha256.New, key)} }
	for i := range c.shards {
		c.shards[i].entries = make(map[loginKey]*login)
	}
	return c, nil
}

// key hashes the credentials as they are in the header.
func (c *logins) key(credentials string) (k loginKey) {
	h := c.hashers.Get().(*hasher)
	h.in = append(h.in[:0], credentials...)
	h.mac.Reset()
	h.mac.Write(h.in) // a hash's Write never fails
	h.sum = h.mac.Sum(h.sum[:0])
	copy(k[:], h.sum)
	clear(h.in) // it holds a password
	c.hashers.Put(h)
	return k
}

func (c *logins) shard(k *loginKey) *loginShard { return &c.shards[k[0]%cacheShards] }

// get returns the log-in, nil if it is not known.
func (c *logins) get(k *loginKey, now time.Time) *login {
	s := c.shard(k)
	s.mu.RLock()
	l := s.entries[*k]
	s.mu.RUnlock()
	if l != nil {
		l.used.Store(now.UnixNano())
	}
	return l
}

// put remembers a log-in verified now, unless forget was called since it counted
// begun. sum is that of a password which the directory has verified; nil for
// others. Where it is not the one verified before, that one was changed: log-ins
// with it are verified again at their next use, and do not outlast an outage.
func (c *logins) put(k *loginKey, caller *Caller, sum *passwordSum, begun uint64, now time.Time) {
	l := &login{guid: caller.Principal.GUID}
	l.caller.Store(caller)
	l.verified.Store(now.UnixNano())
	l.used.Store(now.UnixNano())
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.forgotten.Load() != begun {
		return
	}
	if sum != nil {
		l.password = c.refer(l.guid, *sum)
	}
	if s.entries[*k] != nil {
		c.remove(s, *k)
	} else if len(s.entries) >= c.limit {
		c.remove(s, leastUsed(s.entries, func(l *login) int64 { return l.used.Load() }))
	}
	s.entries[*k] = l
}

// refer counts one more entry with a password.
func (c *logins) refer(guid string, sum passwordSum) *provenPassword {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.passwords[guid]
	if p == nil || p.sum != sum {
		if p != nil {
			p.superseded.Store(true)
		}
		p = &provenPassword{sum: sum}
		c.passwords[guid] = p
	}
	p.entries++
	return p
}

// proves reports whether a password of a principal is the one that the directory
// verified last, under whatever name.
func (c *logins) proves(guid string, sum passwordSum) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.passwords[guid]
	return p != nil && p.sum == sum
}

// remove drops an entry of a shard that the caller has locked.
func (c *logins) remove(s *loginShard, k loginKey) {
	l := s.entries[k]
	delete(s.entries, k)
	if l == nil || l.password == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.password.entries--; l.password.entries == 0 && c.passwords[l.guid] == l.password {
		delete(c.passwords, l.guid)
	}
}

// leastUsed returns the key of the entry that was used longest ago, of a few that a
// walk from a random place meets: good enough to evict, and costs the same however
// many there are. used returns when an entry was used.
func leastUsed[K comparable, V any](entries map[K]V, used func(V) int64) (oldest K) {
	const sample = 8
	least, n := int64(0), 0
	for k, v := range entries {
		if at := used(v); n == 0 || at < least {
			oldest, least = k, at
		}
		if n++; n == sample {
			break
		}
	}
	return oldest
}

// drop forgets one log-in.
func (c *logins) drop(k *loginKey) {
	s := c.shard(k)
	s.mu.Lock()
	c.remove(s, *k)
	s.mu.Unlock()
}

// forget drops all log-ins of a principal.
func (c *logins) forget(guid string) { c.forgetIf(func(l *login) bool { return l.guid == guid }) }

// forgetAll drops everybody's.
func (c *logins) forgetAll() { c.forgetIf(func(*login) bool { return true }) }

func (c *logins) forgetIf(is func(*login) bool) {
	c.forgotten.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for k, l := range s.entries {
			if is(l) {
				c.remove(s, k)
			}
		}
		s.mu.Unlock()
	}
}
