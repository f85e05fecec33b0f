package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"convene/internal/engine"
)

const (
	nonceBytes   = 20 // without its signature
	nonceMAC     = 16
	maxUserNonce = 64      // nonces remembered for one principal
	maxNonces    = 500_000 // remembered in all
)

// A nonce is what a Digest challenge gives a client to hash. It is signed, so
// that a challenge costs no memory: text is the three numbers and 16 bytes of
// their HMAC, in base 64.
type nonce struct {
	epoch  uint32 // of the start that issued it
	number uint64 // within the epoch
	issued int64  // Unix s
}

// nonces issues nonces and refuses replays.
//
// What a nonce was used for is remembered only when a response with it was
// verified: a flood of made-up nonces, or of requests for challenges, takes no
// memory and drops nothing. A principal has a bounded number of nonces;
// when one must be forgotten, all older ones that are not remembered become
// stale, so that forgetting never makes a replay possible.
//
// Close saves what is remembered, and the next start takes it over: sessions
// go on. After a crash nothing was saved; nonces of an earlier epoch that are
// not remembered are stale, which costs each client one request more and no
// question to its user. In either case nothing is written per request.
//
// With DigestConfig.Shared the uses are kept in the engine instead, which every
// server of a group sees.
type nonces struct {
	st     *state
	macs   sync.Pool
	life   time.Duration
	now    func() time.Time
	shared bool
	issued atomic.Uint64

	mu     sync.Mutex
	users  map[string]*userNonces // by GUID
	total  int
	floor  uint64 // nonces up to this number are stale unless remembered
	cutoff int64  // Unix s; nonces issued until then are stale, wherever the clock goes
	closed bool
}

type userNonces struct {
	uses  []*nonceUse
	floor uint64 // as nonces.floor, for this user
}

// nonceUse is which counts were used with a nonce.
type nonceUse struct {
	nonce
	counts counts
}

// counts remembers the highest nonce count and which of the 256 below it were
// seen: requests sent at the same time may arrive in any order.
type counts struct {
	high uint32
	seen [4]uint64 // bit i: high-i
}

func newNonces(ctx context.Context, a *Authenticator, st *state) (*nonces, error) {
	n := &nonces{st: st, life: a.o.Digest.NonceLife, now: a.now, shared: a.o.Digest.Shared && st.engine != nil, users: map[string]*userNonces{}}
	n.macs.New = func() any { return hmac.New(sha256.New, st.nonceKey) }
	if st.engine == nil || n.shared {
		return n, nil
	}
	return n, n.load(ctx)
}

// issue makes a nonce.
func (n *nonces) issue() string {
	b := make([]byte, 0, nonceBytes+sha256.Size)
	b = binary.BigEndian.AppendUint32(b, n.st.epoch)
	b = binary.BigEndian.AppendUint64(b, n.issued.Add(1))
	b = binary.BigEndian.AppendUint64(b, uint64(n.now().Unix()))
	b = n.sign(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign appends the signature of b.
func (n *nonces) sign(b []byte) []byte {
	h := n.macs.Get().(hash.Hash)
	h.Reset()
	h.Write(b)
	out := h.Sum(b)
	n.macs.Put(h)
	return out[:len(b)+nonceMAC]
}

// parse reads a nonce. It reports false for one that was not issued with the
// key of this state.
func (n *nonces) parse(text string) (nonce, bool) {
	var buf [nonceBytes + nonceMAC]byte
	if base64.RawURLEncoding.DecodedLen(len(text)) != len(buf) {
		return nonce{}, false
	}
	if m, err := base64.RawURLEncoding.Decode(buf[:], []byte(text)); err != nil || m != len(buf) {
		return nonce{}, false
	}
	signed := n.sign(append(make([]byte, 0, nonceBytes+sha256.Size), buf[:nonceBytes]...))
	if !hmac.Equal(signed, buf[:]) {
		return nonce{}, false
	}
	return nonce{
		epoch:  binary.BigEndian.Uint32(buf[0:]),
		number: binary.BigEndian.Uint64(buf[4:]),
		issued: int64(binary.BigEndian.Uint64(buf[12:])),
	}, true
}

// age returns how old a nonce is.
func (n *nonces) age(x nonce) time.Duration { return n.now().Sub(time.Unix(x.issued, 0)) }

// use records that a principal's verified response used nonce x with count nc.
// It returns ErrStale when that was done before, or may have been.
func (n *nonces) use(ctx context.Context, guid string, x nonce, nc uint32) error {
	if n.age(x) > n.life || nc == 0 {
		return ErrStale
	}
	if n.shared {
		return n.useShared(ctx, guid, x, nc)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	u := n.users[guid]
	if u != nil {
		if i := u.find(x); i >= 0 {
			if !u.uses[i].counts.add(nc) {
				return ErrStale
			}
			return nil
		}
	}
	if x.epoch != n.st.epoch || x.number <= n.floor || x.issued <= n.cutoff || u != nil && x.number <= u.floor {
		return ErrStale
	}
	if n.total >= maxNonces {
		n.dropAll()
		return ErrStale
	}
	if u = n.users[guid]; u == nil {
		u = &userNonces{}
		n.users[guid] = u
	}
	n.total += u.add(&nonceUse{nonce: x, counts: counts{high: nc, seen: [4]uint64{1}}}, n.st.epoch)
	return nil
}

// dropAll is the safety valve: everybody gets a new nonce.
func (n *nonces) dropAll() {
	n.users, n.total, n.floor = map[string]*userNonces{}, 0, n.issued.Load()
}

// end makes every nonce that a principal has used stale, and all that were issued so
// far; guid "" is everybody. Nothing is forgotten that a replay could profit from.
func (n *nonces) end(ctx context.Context, guid string) error {
	if n.shared {
		return n.endShared(ctx, guid)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if guid == "" {
		n.dropAll()
		return nil
	}
	if u := n.users[guid]; u != nil {
		n.total -= len(u.uses)
	}
	n.users[guid] = &userNonces{floor: n.issued.Load()}
	return nil
}

// live reports whether a principal has used x successfully before, even if it
// has expired since, less than its life ago: who shows it is in a session.
func (n *nonces) live(ctx context.Context, guid string, x nonce) bool {
	if n.age(x) > 2*n.life {
		return false
	}
	if n.shared {
		known := false
		err := n.st.engine.View(ctx, func(r engine.Reader) error {
			known = r.Get(tableNonce, n.rowKey(guid, x)) != nil
			return nil
		})
		return err == nil && known
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.users[guid]
	return u != nil && u.find(x) >= 0
}

func (u *userNonces) find(x nonce) int {
	return slices.IndexFunc(u.uses, func(o *nonceUse) bool { return o.nonce == x })
}

// add appends a use, forgetting the oldest if there are too many. It returns
// by how many the uses grew.
func (u *userNonces) add(x *nonceUse, epoch uint32) int {
	u.uses = append(u.uses, x)
	if len(u.uses) <= maxUserNonce {
		return 1
	}
	oldest := 0
	for i, o := range u.uses {
		if o.issued < u.uses[oldest].issued || o.issued == u.uses[oldest].issued && o.number < u.uses[oldest].number {
			oldest = i
		}
	}
	if o := u.uses[oldest]; o.epoch == epoch {
		u.floor = max(u.floor, o.number)
	}
	u.uses = slices.Delete(u.uses, oldest, oldest+1)
	return 0
}

// add records a count and reports whether it is new and within the window.
func (c *counts) add(nc uint32) bool {
	if nc > c.high {
		c.shift(nc - c.high)
		c.high = nc
		c.seen[0] |= 1
		return true
	}
	d := c.high - nc
	if d >= uint32(len(c.seen)*64) || c.seen[d/64]&(1<<(d%64)) != 0 {
		return false
	}
	c.seen[d/64] |= 1 << (d % 64)
	return true
}

// shift moves the window up by n.
func (c *counts) shift(n uint32) {
	for ; n >= 64; n -= 64 {
		if c.seen == [4]uint64{} {
			return
		}
		c.seen = [4]uint64{0, c.seen[0], c.seen[1], c.seen[2]}
	}
	if n == 0 {
		return
	}
	for i := len(c.seen) - 1; i > 0; i-- {
		c.seen[i] = c.seen[i]<<n | c.seen[i-1]>>(64-n)
	}
	c.seen[0] <<= n
}

// sweep forgets what has expired.
func (n *nonces) sweep(ctx context.Context) error {
	if n.shared {
		return n.sweepShared(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutoff = max(n.cutoff, n.now().Add(-2*n.life).Unix()-1)
	for guid, u := range n.users {
		before := len(u.uses)
		u.uses = slices.DeleteFunc(u.uses, func(x *nonceUse) bool { return x.issued <= n.cutoff })
		n.total -= before - len(u.uses)
		if len(u.uses) == 0 {
			// Its floor may go too: what it kept out is expired, or younger
			// than the oldest that was forgotten.
			n.floor = max(n.floor, u.floor)
			delete(n.users, guid)
		}
	}
	return nil
}

// errNonceRow says that a row of tableNonce cannot be read.
var errNonceRow = errors.New("malformed nonce row")
