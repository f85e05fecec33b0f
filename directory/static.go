package directory

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"convene/directory/ldif"
	"convene/internal/password"
)

// Record is what a Static directory is made of: a principal and what is only
// known to directories that hold passwords and members themselves.
type Record struct {
	Principal
	Password string // in clear; "" if there is none
	Hash     string // as package password knows it; used if Password is ""

	// Digest is what Digest responses are verified with besides Password.
	Digest DigestSecrets

	// Login holds what the user may type; nil is the short names and the mail
	// addresses.
	Login []string

	// Members names the direct members of a group. Keys that name no record
	// are ignored, as dead references in directories are.
	Members []Key

	fields [fieldCount][]string // folded, for searching
}

// Static is a directory whose records do not change. It is complete in
// memory: 100,000 users take about 150 MB.
type Static struct {
	hashing *semaphore.Weighted // see password.NewLimit
	cap     int
	sorted  []*Record // by full name and GUID
	texts   []string  // of sorted: all searchable values in one
	guid    map[string]*Record
	index   map[Key][]*Record // canonical keys but GUIDs; Type is set for names only
	login   map[string][]*Record
	up      map[string][]string // GUID → GUIDs of the groups it is directly in
	down    map[string][]*Record
	decoy   string          // some hash, verified for users who do not exist
	digest  bool            // somebody has a digest secret
	lacks   map[string]bool // by algorithm: of those, somebody has none for it
}

// NewStatic makes a directory of records. Empty FullName and GUID fields are
// filled from the short name (see DerivedGUID, with realm "static").
// Errors: two records with one GUID, or a record without a name.
func NewStatic(records []Record) (*Static, error) {
	return newStatic(records, 0, password.NewLimit())
}

// defaultSearchCap is the most entries that one search may give.
const defaultSearchCap = 1000

func newStatic(records []Record, searchCap int, hashing *semaphore.Weighted) (*Static, error) {
	s := &Static{
		hashing: hashing,
		cap:     cmp.Or(searchCap, defaultSearchCap),
		guid:    make(map[string]*Record, len(records)),
		index:   make(map[Key][]*Record, 4*len(records)),
		login:   make(map[string][]*Record, 2*len(records)),
		up:      map[string][]string{},
		down:    map[string][]*Record{},
		lacks:   map[string]bool{},
	}
	for i := range records {
		r := records[i]
		if err := s.add(&r); err != nil {
			return nil, err
		}
		s.addDigest(&r)
	}
	slices.SortFunc(s.sorted, compareRecords)
	for _, r := range s.sorted {
		s.link(r)
		s.texts = append(s.texts, strings.Join(slices.Concat(r.fields[:]...), "\x00"))
	}
	for g := range s.up {
		slices.Sort(s.up[g])
	}
	return s, nil
}

func compareRecords(a, b *Record) int {
	return cmp.Or(strings.Compare(a.fields[FieldFullName][0], b.fields[FieldFullName][0]), strings.Compare(a.GUID, b.GUID))
}

// add indexes one record.
func (s *Static) add(r *Record) error {
	if r.Type == AnyType || r.Name == "" && r.GUID == "" {
		return fmt.Errorf("record %q: no type or no name", r.Name)
	}
	if r.GUID == "" {
		r.GUID = DerivedGUID("static", r.Type, r.Name)
	}
	r.GUID = CanonicalGUID(r.GUID)
	r.FullName = cmp.Or(r.FullName, strings.TrimSpace(r.GivenName+" "+r.Surname), r.Name, r.GUID)
	if other := s.guid[r.GUID]; other != nil {
		return fmt.Errorf("GUID %q: used by both %q and %q", r.GUID, other.Name, r.Name)
	}
	s.guid[r.GUID] = r
	s.sorted = append(s.sorted, r)
	names := append([]string{r.Name}, r.Aliases...)
	r.fields = [fieldCount][]string{
		FieldFullName:  foldAll(r.FullName),
		FieldGivenName: foldAll(r.GivenName),
		FieldSurname:   foldAll(r.Surname),
		FieldName:      foldAll(names...),
		FieldEmail:     foldAll(r.Emails...),
	}
	for _, n := range r.fields[FieldName] {
		s.put(Key{By: Name, Type: r.Type, Value: n}, r)
	}
	for _, m := range r.fields[FieldEmail] {
		s.put(Key{By: Address, Value: m}, r)
	}
	for _, name := range r.Kerberos {
		s.put(Key{By: KerberosName, Value: foldPrincipal(name)}, r)
	}
	if r.DN != "" {
		s.put(Key{By: DN, Value: ldif.FoldDN(r.DN)}, r)
	}
	if r.Type == User {
		s.addLogin(r)
	}
	return nil
}

// addDigest makes a clear password one of the record's secrets.
func (s *Static) addDigest(r *Record) {
	if r.Password != "" && !slices.Contains(r.Digest.passwords, r.Password) {
		r.Digest.passwords = append(slices.Clone(r.Digest.passwords), r.Password)
	}
	if r.Digest.Empty() || r.Type != User {
		return
	}
	s.digest = true
	for _, a := range DigestAlgorithms() {
		s.lacks[a] = s.lacks[a] || !r.Digest.has(a)
	}
}

func (s *Static) addLogin(r *Record) {
	logins := foldAll(r.Login...)
	if r.Login == nil {
		logins = slices.Concat(r.fields[FieldName], r.fields[FieldEmail])
	}
	for _, l := range logins {
		l = foldLogin(l)
		if !slices.Contains(s.login[l], r) {
			s.login[l] = append(s.login[l], r)
		}
	}
	s.decoy = cmp.Or(s.decoy, r.Hash)
}

func (s *Static) put(k Key, r *Record) {
	if !slices.Contains(s.index[k], r) {
		s.index[k] = append(s.index[k], r)
	}
}

// link resolves the members of a group.
func (s *Static) link(r *Record) {
	for _, k := range r.Members {
		m, err := s.find(k)
		if err != nil || slices.Contains(s.down[r.GUID], m) {
			continue
		}
		s.down[r.GUID] = append(s.down[r.GUID], m)
		s.up[m.GUID] = append(s.up[m.GUID], r.GUID)
	}
}

// foldAll folds values and drops empty ones.
func foldAll(values ...string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		if v = ldif.Fold(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// find returns the record of a key.
func (s *Static) find(key Key) (*Record, error) {
	k, err := key.Canonical()
	if err != nil {
		return nil, err
	}
	var found []*Record
	switch k.By {
	case GUID:
		if r := s.guid[k.Value]; r != nil {
			found = []*Record{r}
		}
	case Login:
		found = s.login[k.Value]
		if domain, name, ok := strings.Cut(k.Value, `\`); ok && found == nil {
			found = slices.DeleteFunc(slices.Clone(s.byName(Key{By: Name, Type: User, Value: name})),
				func(r *Record) bool { return !r.inDomain(domain) })
		}
	case Name:
		found = s.byName(k)
	case KerberosName:
		found = slices.DeleteFunc(slices.Clone(s.index[Key{By: k.By, Value: foldPrincipal(k.Value)}]),
			func(r *Record) bool { return !r.HasKerberosName(k.Value) })
	default:
		found = s.index[Key{By: k.By, Value: k.Value}]
	}
	if k.Type != AnyType {
		found = slices.DeleteFunc(slices.Clone(found), func(r *Record) bool { return r.Type != k.Type })
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%v: %w", key, ErrNotFound)
	case 1:
		return found[0], nil
	}
	if i := chosenRecord(k, found); i >= 0 {
		return found[i], nil
	}
	return nil, fmt.Errorf("%v: %s and %s: %w", key, found[0].label(), found[1].label(), ErrAmbiguous)
}

// chosenRecord is chosen for records.
func chosenRecord(k Key, found []*Record) int {
	if k.By != Login {
		return -1
	}
	candidates := make([]candidate, len(found))
	for i, r := range found {
		names := slices.DeleteFunc(foldAll(r.Login...), func(l string) bool { return slices.Contains(r.fields[FieldEmail], l) })
		candidates[i] = candidate{&r.Principal, names}
	}
	return chooseLogin(k.Value, time.Now(), candidates)
}

// label names a record in messages, by its DN if it has one.
func (r *Record) label() string {
	if r.DN != "" {
		return fmt.Sprintf("%q", r.DN)
	}
	return fmt.Sprintf("%q (%s)", r.Name, r.GUID)
}

func (s *Static) byName(k Key) []*Record {
	if k.Type != AnyType {
		return s.index[k]
	}
	var found []*Record
	for _, t := range Types() {
		found = append(found, s.index[Key{By: Name, Type: t, Value: k.Value}]...)
	}
	return found
}

// Lookup implements Directory.
func (s *Static) Lookup(ctx context.Context, key Key) (*Principal, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable("lookup", err)
	}
	r, err := s.find(key)
	if err != nil {
		return nil, err
	}
	return &r.Principal, nil
}

// Groups implements Directory.
func (s *Static) Groups(ctx context.Context, guid string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable("groups", err)
	}
	r, err := s.find(Key{By: GUID, Value: guid})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{r.GUID: true} // a group in a loop is not its own member
	var out []string
	for next := []string{r.GUID}; len(next) > 0; next = next[1:] {
		for _, g := range s.up[next[0]] {
			if !seen[g] {
				seen[g] = true
				out, next = append(out, g), append(next, g)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// Members implements Directory.
func (s *Static) Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable("members", err)
	}
	r, err := s.find(Key{By: GUID, Value: guid})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{r.GUID: true}
	var out []*Principal
	for next := []string{r.GUID}; len(next) > 0; next = next[1:] {
		for _, m := range s.down[next[0]] {
			switch {
			case e == Direct && m.GUID == r.GUID:
				out = append(out, &m.Principal)
			case seen[m.GUID]:
			case e == Nested && m.Type == Group:
				next = append(next, m.GUID)
			default:
				out = append(out, &m.Principal)
			}
			seen[m.GUID] = true
		}
	}
	sortByGUID(out)
	return out, nil
}

// MemberGUIDs implements Directory.
func (s *Static) MemberGUIDs(ctx context.Context, guid string, e Expansion) ([]string, error) {
	list, err := s.Members(ctx, guid, e)
	return guids(list), err
}

// guids are those of some records, in their order.
func guids(list []*Principal) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.GUID)
	}
	return out
}

func sortByGUID(list []*Principal) {
	slices.SortFunc(list, func(a, b *Principal) int { return strings.Compare(a.GUID, b.GUID) })
}

// Search implements Directory.
func (s *Static) Search(ctx context.Context, q Query) ([]*Principal, error) {
	limit := q.Limit
	if limit <= 0 || limit > s.cap {
		limit = s.cap
	}
	m := newMatcher(q)
	var out []*Principal
	for i, r := range s.sorted {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, unavailable("search", ctx.Err())
		}
		if r.Hidden || !q.wants(r.Type) || !m.possible(s.texts[i]) || !m.matches(&r.fields) {
			continue
		}
		if len(out) == limit {
			return out, ErrTooMany
		}
		out = append(out, &r.Principal)
	}
	return out, nil
}

// Authenticate implements Directory. Whoever does not exist costs the time of
// a check too.
func (s *Static) Authenticate(ctx context.Context, login, secret string) (*Principal, error) {
	if err := ctx.Err(); err != nil {
		return nil, unavailable("sign-in", err)
	}
	if err := possible(secret); err != nil {
		return nil, err
	}
	r, err := s.find(Key{By: Login, Type: User, Value: login})
	if err != nil {
		if s.decoy != "" {
			_ = s.verify(ctx, s.decoy, secret) // for its time; the result is no in any case
		}
		return nil, errors.Join(ErrInvalidCredentials, err)
	}
	if err := s.check(ctx, r, secret); err != nil {
		return nil, err
	}
	if err := r.refuses(time.Now()); err != nil {
		return nil, fmt.Errorf("user %q: %w", r.Name, err)
	}
	return &r.Principal, nil
}

// refuses says why a record's password, which is right, is of no use at a time: what a
// server would refuse a bind for.
func (r *Record) refuses(now time.Time) error {
	a := &r.Account
	switch {
	case r.Closed(now) != nil:
		return r.Closed(now)
	case a.Locked(now):
		return ErrAccountLocked
	case a.Stale(now):
		return ErrPasswordExpired
	case !a.Open(now):
		return ErrAccountRestricted
	}
	return nil
}

func (s *Static) check(ctx context.Context, r *Record, secret string) error {
	switch {
	case r.Password != "":
		if subtle.ConstantTimeCompare([]byte(r.Password), []byte(secret)) == 1 {
			return nil
		}
	case r.Hash != "":
		err := s.verify(ctx, r.Hash, secret)
		if err == nil || errors.Is(err, ErrUnavailable) {
			return err
		}
		return fmt.Errorf("user %q: %w: %w", r.Name, ErrInvalidCredentials, err)
	case r.Digest.belongs(r.Name, secret):
		return nil
	}
	return fmt.Errorf("user %q: %w", r.Name, ErrInvalidCredentials)
}

// verify compares a password with a hash, when it is its turn.
func (s *Static) verify(ctx context.Context, hash, secret string) error {
	if err := s.hashing.Acquire(ctx, 1); err != nil {
		return unavailable("sign-in", err)
	}
	defer s.hashing.Release(1)
	return password.Hashes{}.Verify(hash, secret)
}

// DigestSecrets implements DigestSource.
func (s *Static) DigestSecrets(_ context.Context, guid string) (*DigestSecrets, error) {
	r, err := s.find(Key{By: GUID, Type: User, Value: guid})
	if err != nil {
		return nil, err
	}
	if r.Closed(time.Now()) != nil || r.Digest.Empty() {
		return nil, fmt.Errorf("digest secret of %q: %w", r.Name, ErrNotFound)
	}
	return &r.Digest, nil
}

// AsksServer implements DigestSource: nothing is asked.
func (s *Static) AsksServer() bool { return false }

// HasHA1 implements DigestSource.
func (s *Static) HasHA1() bool { return s.digest }

// HA1ForAll implements DigestSource.
func (s *Static) HA1ForAll(algorithm string) bool { return !s.lacks[algorithm] }
