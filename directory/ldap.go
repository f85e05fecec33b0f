package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"convene/directory/ldif"
)

// Options are what a directory needs besides its configuration.
type Options struct {
	Log *slog.Logger // nil discards
}

// LDAP is a Directory on LDAP servers. Make one with OpenLDAP.
type LDAP struct {
	cfg LDAPConfig
	m   *mapping
	log *slog.Logger
	svc *service

	mu       sync.RWMutex // guards what follows
	pool     *pool        // Reload replaces it
	retiring []*pool      // replaced, with questions under way
	retired  sync.WaitGroup

	lookups     flights[Key, *Principal]
	groups      flights[string, []string]
	members     flights[memberKey, []*Principal]
	memberGUIDs flights[memberKey, []string]

	nesting nesting
	recent  *table[Key, *found] // found a moment ago: see justFound

	digest  digestNews
	domains domains

	tracking atomic.Pointer[TrackStatus]
}

type memberKey struct {
	guid string
	e    Expansion
}

// OpenLDAP checks cfg and makes a directory of it. No server is asked, so that
// it works while they are away.
func OpenLDAP(cfg LDAPConfig, o Options) (*LDAP, error) {
	l := &LDAP{cfg: cfg, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	if cfg.BindDN != "" && cfg.BindDN != external && cfg.BindPassword == "" && cfg.BindPasswordFile == "" && cfg.BindKeytab == "" {
		return nil, setting("bind-dn", "no password; such a bind succeeds as nobody")
	}
	err := cfg.Check()
	if err != nil {
		return nil, err
	}
	l.cfg.complete()
	if l.m, err = cfg.mapping(); err != nil {
		return nil, err
	}
	l.recent = newTable[Key, *found](mostRecent, keyText)
	l.svc = newService(&l.cfg, l.log, time.Now)
	if l.pool, err = l.newPool(); err != nil {
		return nil, err
	}
	l.openNesting()
	// A file that is not there yet shows when it is needed.
	for _, file := range []string{cfg.BindPasswordFile, cfg.BindKeytab} {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
			l.log.Warn("a file with secrets can be read by every account of this machine", "file", file)
		}
	}
	return l, nil
}

func (l *LDAP) newPool() (*pool, error) {
	roots, err := loadRoots(l.cfg.CAFile)
	if err != nil {
		return nil, err
	}
	targets, err := l.cfg.targets(roots)
	if err != nil {
		return nil, err
	}
	return newPool(&l.cfg, l.svc, targets, l.log), nil
}

// Close closes all connections; questions under way fail.
func (l *LDAP) Close() error {
	l.mu.RLock()
	for _, p := range slices.Concat(l.retiring, []*pool{l.pool}) {
		p.stop()
	}
	l.mu.RUnlock()
	l.current().close()
	l.nesting.close()
	l.retired.Wait()
	return nil
}

// Reload reads the certificate authorities and the password again, forgets
// which servers were down, and connects anew. Questions under way keep their
// connections to their end. On error all stays as it was.
func (l *LDAP) Reload(context.Context) error {
	p, err := l.newPool()
	if err != nil {
		return err
	}
	l.digest.forget()
	l.Forget()
	l.mu.Lock()
	old := l.pool
	l.pool = p
	l.retiring = append(l.retiring, old)
	l.mu.Unlock()
	l.retired.Go(func() {
		old.users.Wait() // none comes any more
		old.close()
		l.mu.Lock()
		l.retiring = slices.DeleteFunc(l.retiring, func(p *pool) bool { return p == old })
		l.mu.Unlock()
	})
	return nil
}

// use returns the pool of the moment, which Reload leaves open until done is
// called.
func (l *LDAP) use() (p *pool, done func()) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.pool.users.Add(1)
	return l.pool, l.pool.users.Done
}

func (l *LDAP) current() *pool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.pool
}

// Health describes the servers, in the order configured.
func (l *LDAP) Health() []HostStatus { return l.current().status() }

// Ping asks the first server that is well for a sign of life. Error:
// ErrUnavailable.
func (l *LDAP) Ping(ctx context.Context) error {
	_, err := question(ctx, l, searchLane, ping)
	if err != nil {
		return unavailable("ping", err)
	}
	return nil
}

// Source identifies what the configuration makes of which directory, for
// CacheOptions.Source: responses kept under another configuration are not valid.
// Servers and time limits are not part of it.
func (c LDAPConfig) Source() string {
	c.URLs, c.BindPassword, c.BindPasswordFile, c.BindKeytab, c.CAFile, c.Fingerprints = nil, "", "", "", "", nil
	c.DialTimeout, c.Timeout, c.FailoverAfter, c.IdleTimeout, c.SlowAfter, c.Connections, c.PageSize = 0, 0, 0, 0, 0, 0, 0
	return fingerprint("ldap", c)
}

func fingerprint(kind string, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return kind // the types hold nothing that JSON cannot
	}
	sum := sha256.Sum256(b)
	return kind + ":" + hex.EncodeToString(sum[:8])
}

// slow logs questions that took long.
func (l *LDAP) slow(start time.Time, what string, about any) {
	if d := time.Since(start); d > l.cfg.SlowAfter {
		l.log.Warn("slow directory", "question", what, "about", about, "took", d.Round(time.Millisecond))
	}
}

func (l *LDAP) timeout() time.Duration { return l.cfg.Timeout + time.Second }

// Lookup implements Directory.
func (l *LDAP) Lookup(ctx context.Context, key Key) (*Principal, error) {
	k, err := key.Canonical()
	if err != nil {
		return nil, err
	}
	defer l.slow(time.Now(), "lookup", k)
	return l.lookups.do(ctx, k, l.timeout(), func(ctx context.Context) (*Principal, error) {
		f, err := l.find(ctx, k)
		if err != nil {
			return nil, err
		}
		return f.p, nil
	})
}

// recentFor is how long a record that was found serves the next step of the same
// sign-in: so short that nobody could have got the name of somebody else meanwhile, and
// a password with it.
const recentFor = time.Second

// mostRecent is of how many records that is.
const mostRecent = 1024

// justFound returns the record of a canonical key if it was found a moment ago.
func (l *LDAP) justFound(k Key) *found {
	it := l.recent.get(k)
	if it == nil || it.at <= max(l.nesting.flushed.Load(), time.Now().Add(-recentFor).UnixNano()) {
		return nil
	}
	return it.v
}

// Forget makes old what is remembered of the directory besides the connections. What
// stands before this directory does so when it is to ask afresh.
func (l *LDAP) Forget() {
	l.ForgetGroups()
	l.nesting.inUse.Store(nil)
}

// ForgetGroups is Forget for records and for which groups are in which.
func (l *LDAP) ForgetGroups() { l.nesting.forget() }

// found is an entry and what it is.
type found struct {
	e *ldif.Entry
	s *spec
	p *Principal
}

// find returns the one record of a canonical key, with the attributes that lead to its
// groups.
func (l *LDAP) find(ctx context.Context, k Key) (*found, error) {
	asked := time.Now()
	f, err := l.findWith(ctx, k, l.linkAttributes())
	if err == nil {
		l.recent.put(k, f, asked.UnixNano())
		l.recent.put(Key{By: GUID, Value: f.p.GUID}, f, asked.UnixNano())
	}
	return f, err
}

// findWith returns the one record of a canonical key. extra names attributes to read
// besides the usual.
func (l *LDAP) findWith(ctx context.Context, k Key, extra []string) (*found, error) {
	in, err := l.qualify(ctx, k)
	if err != nil {
		return nil, err
	}
	list, err := l.search(ctx, func(s *spec) string {
		if k.Type != AnyType && k.Type != s.typ {
			return ""
		}
		if k.By == DN {
			return l.dnFilter(k.Value)
		}
		if in != nil && !in.before && s.typ == User {
			return or(l.m.keyFilter(s, k), equalAny(s.Name, in.name))
		}
		return l.m.keyFilter(s, k)
	}, searchOptions{limit: 10, extra: extra, at: l.dnBase(k)})
	if err != nil && !errors.Is(err, ErrTooMany) {
		return nil, fmt.Errorf("%v: %w", k, err)
	}
	list = slices.DeleteFunc(list, func(f *found) bool {
		if in != nil && f.s.typ == User {
			return !in.is(f) && (in.before || !f.has(k))
		}
		return !f.has(k)
	})
	if err != nil && len(list) < 2 { // cut off before the response was clear
		return nil, unavailable(k.String(), err)
	}
	switch len(list) {
	case 0:
		return nil, fmt.Errorf("%v: %w", k, ErrNotFound)
	case 1:
		f := list[0]
		if f.p == nil {
			return nil, unavailable(k.String(), fmt.Errorf("%q: %w", f.e.DN, ErrNoGUID))
		}
		return f, nil
	}
	if i := chosen(k, list); err == nil && i >= 0 {
		return list[i], nil
	}
	return nil, fmt.Errorf("%v: %q and %q: %w", k, list[0].e.DN, list[1].e.DN, ErrAmbiguous)
}

// chosen returns the index of the one among several records that a key means, or
// -1.
func chosen(k Key, list []*found) int {
	if k.By != Login {
		return -1
	}
	candidates := make([]candidate, len(list))
	for i, f := range list {
		if f.p == nil { // its identity cannot be read
			return -1
		}
		candidates[i] = candidate{f.p, f.s.loginNames(f.e)}
	}
	return chooseLogin(k.Value, time.Now(), candidates)
}

// dnFilter finds an entry by its name within the search bases.
func (l *LDAP) dnFilter(dn string) string {
	if l.m.dnAttr == "" {
		return "(objectClass=*)"
	}
	return equal(l.m.dnAttr, dn)
}

// dnBase returns the entry to read where names cannot be searched for.
func (l *LDAP) dnBase(k Key) string {
	if k.By == DN && l.m.dnAttr == "" {
		return k.Value
	}
	return ""
}

// has checks that the record really has the key, and the wanted type. Servers
// compare more loosely than we do, Active Directory for one ignores accents,
// and who signs in as "jose" must not become "josé".
func (f *found) has(k Key) bool {
	if k.Type != AnyType && k.Type != f.s.typ {
		return false
	}
	switch k.By {
	case GUID:
		return f.p == nil || strings.EqualFold(f.p.GUID, k.Value)
	case DN:
		return f.e.FoldedDN() == k.Value
	case Name:
		return hasText(values(f.e, f.s.Name...), k.Value)
	case Address:
		return hasText(f.s.emails(f.e), k.Value)
	case Login:
		v := k.Value
		if _, name, ok := strings.Cut(v, `\`); ok {
			return hasText(values(f.e, f.s.Name...), name)
		}
		return hasText(f.s.loginNames(f.e), v) || hasText(f.s.emails(f.e), v)
	case KerberosName:
		return f.p == nil || f.p.HasKerberosName(k.Value)
	}
	return true
}

// Search implements Directory.
func (l *LDAP) Search(ctx context.Context, q Query) ([]*Principal, error) {
	defer l.slow(time.Now(), "search", q.Terms)
	limit := l.cfg.SearchCap
	if q.Limit > 0 {
		limit = min(limit, q.Limit)
	}
	list, err := l.search(ctx, func(s *spec) string {
		if !q.wants(s.typ) {
			return ""
		}
		return l.m.queryFilter(s, q)
	}, searchOptions{limit: limit + 1, hide: true})
	if err != nil && !errors.Is(err, ErrTooMany) {
		return nil, fmt.Errorf("search: %w", err)
	}
	out := make([]*Principal, 0, len(list))
	for _, f := range list {
		if f.p != nil && q.wants(f.p.Type) {
			out = append(out, f.p)
		}
	}
	sortByName(out)
	if len(out) > limit {
		out, err = out[:limit], ErrTooMany
	}
	return out, err
}

// sortByName sorts by full name and GUID, as Directory.Search promises.
func sortByName(list []*Principal) {
	slices.SortFunc(list, func(a, b *Principal) int {
		return cmp.Or(strings.Compare(ldif.Fold(a.FullName), ldif.Fold(b.FullName)), strings.Compare(a.GUID, b.GUID))
	})
}
