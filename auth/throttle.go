package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxAddresses bounds the addresses remembered. Accounts need no such bound:
// there are no more than the directory has users, and maxStrangers.
const maxAddresses = 100_000

// maxStrangers is how many accounts stand for all names that nobody has.
const maxStrangers = 4096

// refusalFor is how long a refusal that is about the account (locked, expired)
// and not about the password is repeated without asking again.
const refusalFor = time.Minute

// A throttle counts wrong passwords within a sliding window: by account, so
// that guessing here never locks an account in the directory, and by address,
// so that one source cannot try one password on every account.
//
// An attempt is admitted before the password goes to the directory and keeps
// its place in the count while it is under way; hence no number of parallel
// guesses gets more of them through. A password that was refused within the
// window is refused again without asking: a phone with an old password counts
// once. A password that was once verified here is never throttled; see
// basic.verify.
type throttle struct {
	limits ThrottleConfig
	now    func() time.Time
	key    []byte // of the hashes of wrong passwords; of this process

	mu        sync.Mutex
	accounts  map[string]*account
	addresses map[netip.Prefix]*window
}

// account is what is remembered of one record's wrong passwords.
type account struct {
	refused  []refusal // by time; those the directory refused
	underway int       // admitted, not yet decided
	local    window
	sources  map[netip.Prefix]*window // of local failures; at most maxSources
}

const (
	// maxSources bounds the addresses remembered for one account; failures
	// from more count for the account alone.
	maxSources = 64
	// localSpread is how many times LocalFailures an account takes from all
	// addresses together.
	localSpread = 10
)

// refusal is one wrong password, or one refused for a while.
type refusal struct {
	sum    passwordSum
	at     time.Time
	until  time.Time // when asking again makes sense
	counts bool      // it was a wrong password
	err    error
}

// window counts events in two halves of the throttle's window; an event thus
// counts for between one half and the whole of it.
type window struct {
	start    time.Time // of the current half
	now, old int
}

func newThrottle(limits ThrottleConfig, now func() time.Time) *throttle {
	key := make([]byte, keySize)
	rand.Read(key) // never fails, by its documentation
	return &throttle{limits: limits, now: now, key: key, accounts: map[string]*account{}, addresses: map[netip.Prefix]*window{}}
}

// stranger returns the account that a name which nobody has is counted for.
func (t *throttle) stranger(login string) string {
	s := t.sum("", strings.ToLower(login))
	return fmt.Sprintf("\x00%d", binary.BigEndian.Uint16(s[:])%maxStrangers)
}

// sum hashes a password such that only this process can compare it.
func (t *throttle) sum(guid, password string) (s passwordSum) {
	h := hmac.New(sha256.New, t.key)
	h.Write([]byte(guid))
	h.Write([]byte{0})
	h.Write([]byte(password))
	copy(s[:], h.Sum(nil))
	return s
}

// A standing says what speaks for a password that has yet to be verified.
type standing uint8

const (
	unproven standing = iota
	proven            // it was verified before: it is not throttled
)

// admit asks whether a password may be tried against the directory. Errors:
// the earlier refusal of the same password; throttledError. After nil, decide
// must follow.
func (t *throttle) admit(guid, address string, sum passwordSum, k standing) error {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.accounts[guid]
	if a == nil {
		a = &account{}
		t.accounts[guid] = a
	}
	a.expire(now, t.limits.Window)
	failures, oldest := a.underway, now
	for _, r := range a.refused {
		if r.sum == sum && now.Before(r.until) {
			return r.err
		}
		if r.counts {
			if failures == a.underway {
				oldest = r.at
			}
			failures++
		}
	}
	if failures >= t.limits.AccountFailures && k == unproven {
		if a.underway > 0 {
			return &throttledError{after: time.Second}
		}
		return &throttledError{after: oldest.Add(t.limits.Window).Sub(now)}
	}
	if err := t.addressAllows(address, now); err != nil && k == unproven {
		return err
	}
	a.underway++
	return nil
}

// A decision is what became of an admitted password.
type decision uint8

const (
	unknown  decision = iota // nobody could tell: counts for nothing
	right                    // clears the account's count, as in the directory
	wrong                    // counts
	rejected                 // the account is the reason, not the password
)

// decide ends an attempt. err is the refusal that the same password gets from
// now on.
func (t *throttle) decide(guid, address string, sum passwordSum, d decision, err error) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.accounts[guid]
	if a == nil {
		return
	}
	a.underway--
	switch d {
	case right:
		a.refused = nil
		if a.underway == 0 && a.local == (window{}) {
			delete(t.accounts, guid)
		}
	case wrong:
		a.refused = append(a.refused, refusal{sum: sum, at: now, until: now.Add(t.limits.Window), counts: true, err: err})
		t.countAddress(address, now)
	case rejected:
		// One is enough to take the load off the directory.
		a.refused = slices.DeleteFunc(a.refused, func(r refusal) bool { return !r.counts })
		a.refused = append(a.refused, refusal{sum: sum, at: now, until: now.Add(refusalFor), err: err})
	}
}

// allowLocal asks whether credentials may be verified that cost the directory
// nothing. The limit is for one account from one address, so that a phone with
// an old password shuts out nobody elsewhere. guid may be "" for a login that
// nobody has. Errors: throttledError.
func (t *throttle) allowLocal(guid, address string) error {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.accounts[guid]; a != nil {
		p, _ := network(address) // what is no address counts as one
		w := a.sources[p]
		if w != nil && w.count(now, t.limits.Window) >= t.limits.LocalFailures ||
			a.local.count(now, t.limits.Window) >= localSpread*t.limits.LocalFailures {
			return &throttledError{after: t.limits.Window / 2}
		}
	}
	return t.addressAllows(address, now)
}

// failLocal counts credentials that were wrong.
func (t *throttle) failLocal(guid, address string) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if guid != "" {
		a := t.accounts[guid]
		if a == nil {
			a = &account{}
			t.accounts[guid] = a
		}
		a.local.add(now, t.limits.Window)
		p, _ := network(address) // as in allowLocal
		w := a.sources[p]
		if w == nil && len(a.sources) < maxSources {
			if a.sources == nil {
				a.sources = make(map[netip.Prefix]*window)
			}
			w = &window{}
			a.sources[p] = w
		}
		if w != nil {
			w.add(now, t.limits.Window)
		}
	}
	t.countAddress(address, now)
}

func (t *throttle) addressAllows(address string, now time.Time) error {
	p, ok := network(address)
	if !ok {
		return nil
	}
	if w := t.addresses[p]; w != nil && w.count(now, t.limits.Window) >= t.limits.AddressFailures {
		return &throttledError{after: t.limits.Window / 2}
	}
	return nil
}

func (t *throttle) countAddress(address string, now time.Time) {
	p, ok := network(address)
	if !ok {
		return
	}
	w := t.addresses[p]
	if w == nil {
		if len(t.addresses) >= maxAddresses {
			t.dropAddresses(now)
		}
		w = &window{}
		t.addresses[p] = w
	}
	w.add(now, t.limits.Window)
}

// dropAddresses makes room: what has expired, else a tenth at random. An
// attacker with that many networks gains more guesses per network, but not per
// account.
func (t *throttle) dropAddresses(now time.Time) {
	for p, w := range t.addresses {
		if w.count(now, t.limits.Window) == 0 {
			delete(t.addresses, p)
		}
	}
	for p := range t.addresses {
		if len(t.addresses) <= maxAddresses-maxAddresses/10 {
			return
		}
		delete(t.addresses, p)
	}
}

// sweep drops what has expired.
func (t *throttle) sweep() {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for guid, a := range t.accounts {
		a.expire(now, t.limits.Window)
		for p, w := range a.sources {
			if w.count(now, t.limits.Window) == 0 {
				delete(a.sources, p)
			}
		}
		if len(a.refused) == 0 && a.underway == 0 && a.local.count(now, t.limits.Window) == 0 {
			delete(t.accounts, guid)
		}
	}
	for p, w := range t.addresses {
		if w.count(now, t.limits.Window) == 0 {
			delete(t.addresses, p)
		}
	}
}

// expire drops refusals older than the window.
func (a *account) expire(now time.Time, length time.Duration) {
	a.refused = slices.DeleteFunc(a.refused, func(r refusal) bool {
		return now.Sub(r.at) >= length || !r.counts && !now.Before(r.until)
	})
}

func (w *window) turn(now time.Time, length time.Duration) {
	half := length / 2
	switch age := now.Sub(w.start); {
	case age >= 2*half:
		*w = window{start: now}
	case age >= half:
		*w = window{start: w.start.Add(half), old: w.now}
	}
}

func (w *window) count(now time.Time, length time.Duration) int {
	w.turn(now, length)
	return w.now + w.old
}

func (w *window) add(now time.Time, length time.Duration) {
	w.turn(now, length)
	w.now++
}

// network returns what an address is counted as: an IPv4 address, or the /64
// that one IPv6 subscriber has.
func network(address string) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.Prefix(bits)
	return p, err == nil
}
