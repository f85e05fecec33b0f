package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"convene/directory"
	"convene/internal/engine"
)

const (
	replayBucket = 32 * time.Second // expiry is kept in steps of this
	maxReplays   = 1 << 20          // authenticators remembered at once
	markStep     = 5 * time.Second  // how far ahead the durable mark is set
)

// errReplay says that an authenticator was used before.
var errReplay = refused("authenticator was used before")

// replayCache remembers the authenticators of accepted tickets for as long as
// they could be accepted again (RFC 4120 §3.2.3): until the client's time in
// them is older than the allowed skew.
//
// Close saves the cache and the next start takes it over. After a crash there
// is nothing to take over; instead, a durable mark says up to which client
// time authenticators may have been accepted, and until then they get
// 503 with Retry-After: for some seconds, since the mark is moved on in steps
// of 5 s, one write each. Authenticators from a clock ahead of ours, which
// would drive the mark far ahead, are stored one by one.
//
// When the state cannot be written, as on a full disk, sign-in goes on and the
// fault is logged: only the protection over the next crash is gone, and nobody
// should be kept from reading for it.
type replayCache struct {
	skew   time.Duration
	engine engine.Engine // may be nil: only this process is protected
	log    *slog.Logger
	quiet  pause // no further complaint about the state

	marking sync.Mutex // held while the mark is written

	mu      sync.Mutex
	buckets map[int64]map[replayKey]struct{} // by expiry / replayBucket
	total   int
	mark    time.Time // durable: what was accepted has a client time up to here
	doubt   time.Time // client times up to here may have been accepted before a crash
	closed  bool
}

type replayKey [16]byte

func newReplayCache(ctx context.Context, a *Authenticator, st *state) (*replayCache, error) {
	c := &replayCache{skew: a.o.Negotiate.Skew, engine: st.engine, log: a.log, buckets: map[int64]map[replayKey]struct{}{}}
	if c.engine == nil {
		return c, nil
	}
	return c, c.load(ctx, a.now())
}

// expiry is when an authenticator is no longer accepted for its age.
func (c *replayCache) expiry(ctime time.Time) time.Time { return ctime.Add(c.skew + time.Second) }

// add remembers an authenticator, which has passed all other checks. Errors:
// errReplay; directory.UnavailableError if it cannot be known yet.
func (c *replayCache) add(ctx context.Context, cipher []byte, ctime, now time.Time) error {
	sum := sha256.Sum256(cipher)
	key := replayKey(sum[:16])
	expiry := c.expiry(ctime)
	c.mu.Lock()
	err := c.insert(key, expiry, ctime, now)
	durable := c.engine == nil || !ctime.After(c.mark)
	c.mu.Unlock()
	if err != nil || durable {
		return err
	}
	if err := c.persist(ctx, key, expiry, ctime, now); err != nil && !c.quiet.active(now) {
		c.quiet.begin(now, time.Minute)
		c.log.Error("replays over a crash are not prevented: the state cannot be written", "err", err)
	}
	return nil
}

// insert checks and remembers in one step.
func (c *replayCache) insert(key replayKey, expiry, ctime, now time.Time) error {
	if c.closed {
		return ErrClosed
	}
	b := expiry.UnixNano() / int64(replayBucket)
	if _, seen := c.buckets[b][key]; seen {
		return errReplay
	}
	if !ctime.After(c.doubt) {
		return &directory.UnavailableError{RetryAfter: c.doubt.Sub(ctime),
			Err: fmt.Errorf("after a crash, tickets used before %v cannot be told from new ones", c.doubt.UTC().Format(time.TimeOnly))}
	}
	if c.buckets[b] == nil {
		c.expire(now)
		c.buckets[b] = make(map[replayKey]struct{})
	}
	if c.total >= maxReplays {
		return &directory.UnavailableError{RetryAfter: replayBucket, Err: fmt.Errorf("replay cache is full")}
	}
	c.buckets[b][key] = struct{}{}
	c.total++
	return nil
}

// expire drops buckets that are over.
func (c *replayCache) expire(now time.Time) {
	for b, m := range c.buckets {
		if (b+1)*int64(replayBucket) < now.UnixNano() {
			c.total -= len(m)
			delete(c.buckets, b)
		}
	}
}

// persist makes the state outlive a crash: by moving the mark on, or for a
// client whose clock is ahead by storing the authenticator.
func (c *replayCache) persist(ctx context.Context, key replayKey, expiry, ctime, now time.Time) error {
	if ctime.After(now.Add(markStep)) {
		return c.engine.Update(ctx, func(w engine.Writer) error { return w.Put(tableReplay, replayRow(expiry, key), nil) })
	}
	c.marking.Lock()
	defer c.marking.Unlock()
	c.mu.Lock()
	mark := c.mark
	c.mu.Unlock()
	if !ctime.After(mark) { // somebody else has moved it
		return nil
	}
	mark = now.Add(markStep)
	err := c.engine.Update(ctx, func(w engine.Writer) error {
		return w.Put(tableMeta, metaReplay, binary.BigEndian.AppendUint64(nil, uint64(mark.UnixNano())))
	})
	c.mu.Lock()
	c.mark = mark // also on failure, or each request would try to write
	c.mu.Unlock()
	return err
}

// load takes over what Close saved, or after a crash the mark. The mark is
// removed by close only.
func (c *replayCache) load(ctx context.Context, now time.Time) error {
	return c.engine.Update(ctx, func(w engine.Writer) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.buckets, c.total = map[int64]map[replayKey]struct{}{}, 0
		var over [][]byte
		for k := range w.Scan(tableReplay, engine.Range{From: []byte{0}}) {
			if len(k) != 24 {
				over = append(over, bytes.Clone(k))
				continue
			}
			expiry := int64(binary.BigEndian.Uint64(k))
			if expiry < now.UnixNano() {
				over = append(over, bytes.Clone(k))
				continue
			}
			b := expiry / int64(replayBucket)
			if c.buckets[b] == nil {
				c.buckets[b] = make(map[replayKey]struct{})
			}
			c.buckets[b][replayKey(k[8:])] = struct{}{}
			c.total++
		}
		if v := w.Get(tableMeta, metaReplay); len(v) == 8 {
			c.doubt = time.Unix(0, int64(binary.BigEndian.Uint64(v)))
			c.mark = c.doubt
		}
		return deleteAll(w, tableReplay, over)
	})
}

// close saves the cache. Nothing is accepted afterwards.
func (c *replayCache) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.engine == nil {
		return nil
	}
	return c.engine.Update(ctx, func(w engine.Writer) error {
		for b, m := range c.buckets {
			for key := range m {
				// The end of the bucket: its own expiry was not kept.
				if err := w.Put(tableReplay, replayRow(time.Unix(0, (b+1)*int64(replayBucket)-1), key), nil); err != nil {
					return err
				}
			}
		}
		return w.Delete(tableMeta, metaReplay)
	})
}

func replayRow(expiry time.Time, key replayKey) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(expiry.UnixNano()))
	return append(b, key[:]...)
}
