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
}

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
}

func newLogins(size int, random io.Reader) (*logins, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, err
	}
	c := &logins{limit: max(1, size/cacheShards)}
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

// put remembers a log-in verified now.
func (c *logins) put(k *loginKey, caller *Caller, now time.Time) {
	l := &login{}
	l.caller.Store(caller)
	l.verified.Store(now.UnixNano())
	l.used.Store(now.UnixNano())
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.entries[*k]; !known && len(s.entries) >= c.limit {
		s.evict()
	}
	s.entries[*k] = l
}

// evict drops the least recently used of a few entries; a map is walked from a
// random place.
func (s *loginShard) evict() {
	const sample = 8
	var oldest loginKey
	least, n := int64(0), 0
	for k, l := range s.entries {
		if used := l.used.Load(); n == 0 || used < least {
			oldest, least = k, used
		}
		if n++; n == sample {
			break
		}
	}
	delete(s.entries, oldest)
}

// drop forgets one log-in.
func (c *logins) drop(k *loginKey) {
	s := c.shard(k)
	s.mu.Lock()
	delete(s.entries, *k)
	s.mu.Unlock()
}

// forget drops all log-ins of a principal.
func (c *logins) forget(guid string) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for k, l := range s.entries {
			if l.caller.Load().Principal.GUID == guid {
				delete(s.entries, k)
			}
		}
		s.mu.Unlock()
	}
}
