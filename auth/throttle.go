package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"convene/directory"
)

// maxAddresses bounds the networks remembered. Accounts need no such bound: there
// are no more than the directory has users, and maxStrangers.
const maxAddresses = 200_000

// maxStrangers bounds the names remembered that nobody has.
const maxStrangers = 65_536

// refusalFor is how long a refusal that is about the account (locked, expired)
// and not about the password is repeated without asking again.
const refusalFor = time.Minute

// A throttle counts wrong passwords within a sliding window: by account, so
// that guessing here never locks an account in the directory, and by the networks
// that an address is in, so that one source cannot try one password on every
// account. A name that nobody has is an account like the others.
//
// Part of what an account takes is kept for networks from which its owner has signed
// in before: guesses from elsewhere do not shut them out.
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
	accounts  map[string]*account // by GUID; see strangerAccount
	strangers int                 // of accounts
	addresses map[netip.Prefix]*window
	suffixes  map[string]struct{} // that names of people have been typed with; see learn
}

// account is what is remembered of one record's wrong passwords.
type account struct {
	refused  []refusal // by time; each password once
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
	sum   passwordSum
	at    time.Time
	until time.Time // when asking again makes sense
	err   error
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
	return &throttle{limits: limits, now: now, key: key, accounts: map[string]*account{}, addresses: map[netip.Prefix]*window{}, suffixes: map[string]struct{}{}}
}

// strangerPrefix begins the accounts of names that nobody has; the rest looks like a GUID,
// and is none.
const strangerPrefix = "\x00"

// maxSuffixes bounds what learn remembers.
const maxSuffixes = 256

// strangerAccount returns the account that a name is counted for which nobody has. The
// forms of a name are one account, as those of a person are.
func (t *throttle) strangerAccount(login string) string {
	login = strings.ToLower(login)
	short, domain := cutDomain(login)
	t.mu.Lock()
	if _, ok := t.suffixes[domain]; ok {
		login = short
	}
	t.mu.Unlock()
	s := t.sum("", login)
	return fmt.Sprintf("%s%X-%X-%X-%X-%X", strangerPrefix, s[:4], s[4:6], s[6:8], s[8:10], s[10:])
}

// learn remembers what is written with the short name of somebody there is, in their
// mail addresses and as it was typed: @DOMAIN, or DOMAIN\.
func (t *throttle) learn(login string, p *directory.Principal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.suffixes) >= maxSuffixes {
		return
	}
	for _, list := range [][]string{{login}, p.Emails, p.Kerberos} {
		for _, name := range list {
			if short, domain := cutDomain(strings.ToLower(name)); domain != "" && strings.EqualFold(short, p.Name) {
				t.suffixes[domain] = struct{}{}
			}
		}
	}
}

// cutDomain splits a login into a short name and @DOMAIN or DOMAIN\, "" for none.
func cutDomain(login string) (short, domain string) {
	if i := strings.LastIndexByte(login, '@'); i >= 0 {
		return login[:i], login[i:]
	}
	if i := strings.IndexByte(login, '\\'); i >= 0 {
		return login[i+1:], login[:i+1]
	}
	return login, ""
}

// account returns what is remembered of an account, which it makes if there is nothing.
// The caller holds t.mu.
func (t *throttle) account(id string) *account {
	a := t.accounts[id]
	if a != nil {
		return a
	}
	if strings.HasPrefix(id, strangerPrefix) {
		if t.strangers >= maxStrangers {
			t.dropStrangers()
		}
		t.strangers++
	}
	a = &account{}
	t.accounts[id] = a
	return a
}

// forget drops what is remembered of an account. The caller holds t.mu.
func (t *throttle) forget(id string) {
	if _, ok := t.accounts[id]; ok && strings.HasPrefix(id, strangerPrefix) {
		t.strangers--
	}
	delete(t.accounts, id)
}

// dropStrangers makes room for names that nobody has: a tenth of them goes, at random.
func (t *throttle) dropStrangers() {
	for id, a := range t.accounts {
		if t.strangers <= maxStrangers-maxStrangers/10 {
			return
		}
		if strings.HasPrefix(id, strangerPrefix) && a.underway == 0 {
			t.forget(id)
		}
	}
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

// A standing says what speaks for credentials that have yet to be verified.
type standing uint8

const (
	unproven standing = iota
	familiar          // their owner has signed in from this network before
	proven            // they were verified before: they are not throttled
)

// most is how many wrong passwords of an account reach the directory within the window.
func (t *throttle) most(k standing) int {
	n := t.limits.AccountFailures
	if k == unproven {
		n -= min(t.limits.FamiliarFailures, n-1)
	}
	return n
}

// admit asks whether a password may be tried, of an account and with what speaks for
// it. Errors: the earlier refusal of the same password; throttledError. After nil, decide
// must follow.
func (t *throttle) admit(id string, sum passwordSum, k standing) error {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.account(id)
	a.expire(now, t.limits.Window)
	failures, oldest := a.underway, now
	for i, r := range a.refused {
		if r.sum == sum && now.Before(r.until) {
			return r.err
		}
		if i == 0 {
			oldest = r.at
		}
		failures++
	}
	if failures >= t.most(k) && k != proven {
		if a.underway > 0 {
			return &throttledError{after: time.Second}
		}
		return &throttledError{after: oldest.Add(t.limits.Window).Sub(now)}
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
func (t *throttle) decide(id, address string, sum passwordSum, d decision, err error) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.accounts[id]
	if a == nil {
		return
	}
	a.underway--
	until := t.limits.Window
	switch d {
	case unknown:
		return
	case right:
		a.refused = nil
		if a.underway == 0 && a.local == (window{}) {
			t.forget(id)
		}
		return
	case rejected:
		until = refusalFor
	}
	a.refused = slices.DeleteFunc(a.refused, func(r refusal) bool { return r.sum == sum })
	a.refused = append(a.refused, refusal{sum: sum, at: now, until: now.Add(until), err: err})
	t.countAddress(address, now)
}

// allowLocal asks whether credentials may be verified that cost the directory
// nothing. The limit is for one account from one address, so that a phone with
// an old password shuts out nobody elsewhere; and for all addresses together, but
// for those from which the account's owner has signed in before. Errors:
// throttledError.
func (t *throttle) allowLocal(id, address string, k standing) error {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.accounts[id]
	if a == nil {
		return nil
	}
	p, _ := network(address) // what is no address counts as one
	w := a.sources[p]
	if w != nil && w.count(now, t.limits.Window) >= t.limits.LocalFailures ||
		k == unproven && a.local.count(now, t.limits.Window) >= localSpread*t.limits.LocalFailures {
		return &throttledError{after: t.limits.Window / 2}
	}
	return nil
}

// failLocal counts credentials of an account that were wrong.
func (t *throttle) failLocal(id, address string) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.account(id)
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
	t.countAddress(address, now)
}

// failAddress counts credentials that were wrong for the address alone.
func (t *throttle) failAddress(address string) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countAddress(address, now)
}

// allowAddress asks whether credentials from an address may be looked at. It is asked
// before anything is looked up, since names can be tried without end. Errors:
// throttledError.
func (t *throttle) allowAddress(address string) error {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range networks(address) {
		if w := t.addresses[n.Prefix]; w != nil && w.count(now, t.limits.Window) >= n.budget*t.limits.AddressFailures {
			return &throttledError{after: t.limits.Window / 2, network: n.Prefix}
		}
	}
	return nil
}

func (t *throttle) countAddress(address string, now time.Time) {
	for n := range networks(address) {
		w := t.addresses[n.Prefix]
		if w == nil {
			if len(t.addresses) >= maxAddresses {
				t.dropAddresses(now)
			}
			w = &window{}
			t.addresses[n.Prefix] = w
		}
		w.add(now, t.limits.Window)
	}
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
			t.forget(guid)
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
		return now.Sub(r.at) >= length
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

// A budgeted network is one that an address is in, with how many times the failures
// of one address it takes.
type budgeted struct {
	netip.Prefix
	budget int
}

// networks returns the networks whose failures count for an address, the narrowest
// first. A subscriber may have any number of IPv6 addresses, and a tenant of a data
// centre any number of subnets; the wider a network, the more people are in it.
func networks(address string) iter.Seq[budgeted] {
	return func(yield func(budgeted) bool) {
		ip, err := netip.ParseAddr(address)
		if err != nil {
			return
		}
		ip = ip.Unmap().WithZone("")
		widths := widths4
		if ip.Is6() {
			widths = widths6
		}
		for _, w := range widths {
			p, err := ip.Prefix(w.bits)
			if err == nil && !yield(budgeted{p, w.budget}) {
				return
			}
		}
	}
}

// What networks counts for the two kinds of addresses.
var (
	widths4 = []width{{32, 1}, {24, 8}}
	widths6 = []width{{128, 1}, {64, 2}, {48, 8}, {32, 32}}
)

type width struct{ bits, budget int }
