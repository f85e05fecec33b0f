package directory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"golang.org/x/sync/errgroup"

	"convene/directory/ldif"
)

// How long is remembered what many log-ins ask alike. It adds to the time that a
// change takes to show.
const (
	aboveFor = time.Minute     // which groups a group is in
	inUseFor = 5 * time.Minute // which attributes groups have members in
)

// mostAbove is how many groups are remembered.
const mostAbove = 100_000

// A groupNode is a group as memberships are followed: who it is and what leads on from it.
type groupNode struct {
	dn, folded string
	guid       string   // "" if it cannot be read
	names      []string // of a user: groups may have them as members by name
	up         []string // DNs of groups, where the server maintains them
	foreign    bool     // outside of the search bases
}

// node is the record that memberships are followed from.
func (f *found) node() *groupNode {
	n := &groupNode{dn: f.e.DN, folded: f.e.FoldedDN()}
	if f.p != nil {
		n.guid = f.p.GUID
	}
	if f.s.typ == User {
		n.names = values(f.e, f.s.Name...)
	}
	return n
}

// nodeAttributes are those that a group's place and identity are known by.
func (l *LDAP) nodeAttributes(g *spec) []string {
	out := []string{"objectClass", g.GUID}
	for _, s := range l.m.specs {
		if s.typ != User { // what claims an entry before groups do
			out = append(out, s.compiled.Attributes()...)
		}
	}
	if g.MemberOf != "" {
		out = append(out, g.MemberOf)
	}
	slices.SortFunc(out, compareFold)
	return slices.CompactFunc(out, func(a, b string) bool { return compareFold(a, b) == 0 })
}

// someNodes are the groups that a filter finds.
func (l *LDAP) someNodes(ctx context.Context, g *spec, filter string) ([]*groupNode, error) {
	if filter == "" {
		return nil, nil
	}
	var out []*groupNode
	for _, base := range g.Base {
		list, err := l.entries(ctx, l.nodeRequest(g, base, int(g.scope), filter))
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			out = append(out, g.nodeOf(e))
		}
	}
	return distinctNodes(out), nil
}

func (l *LDAP) nodeRequest(g *spec, base string, scope int, filter string) request {
	return request{base: base, scope: scope, filter: and(g.Filter, filter), attrs: l.nodeAttributes(g),
		keep: func(e *ldif.Entry) bool { return l.m.classify(e, g) == g }}
}

// nodeOf makes a node of a group. Groups' identities are held by all who are in
// them, so there is one string of each.
func (s *spec) nodeOf(e *ldif.Entry) *groupNode {
	return &groupNode{dn: e.DN, folded: e.FoldedDN(), guid: unique.Make(s.guid(e)).Value(), up: e.Values(s.MemberOf)}
}

func distinctNodes(list []*groupNode) []*groupNode {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(n *groupNode) bool {
		dup := seen[n.folded]
		seen[n.folded] = true
		return dup
	})
}

// someParts are the groups of which each is found by a part of a filter.
func (l *LDAP) someParts(ctx context.Context, g *spec, of []string, filter func(string) string) ([]*groupNode, error) {
	lists, err := inParallel(ctx, l.parallel(), slices.Collect(slices.Chunk(of, batchSize)), func(ctx context.Context, part []string) ([]*groupNode, error) {
		var list []string
		for _, v := range part {
			list = append(list, filter(v))
		}
		return l.someNodes(ctx, g, or(list...))
	})
	return slices.Concat(lists...), err
}

// nodesByDN reads groups by their names.
func (l *LDAP) nodesByDN(ctx context.Context, g *spec, of []*groupNode) ([]*groupNode, error) {
	var dns []string
	for _, n := range of {
		dns = append(dns, n.dn)
	}
	return l.someParts(ctx, g, dns, func(dn string) string { return equal(l.m.dnAttr, dn) })
}

// nodesAt reads groups where names cannot be searched for.
func (l *LDAP) nodesAt(ctx context.Context, g *spec, of []*groupNode) ([]*groupNode, error) {
	lists, err := inParallel(ctx, l.parallel(), of, func(ctx context.Context, n *groupNode) ([]*groupNode, error) {
		r := l.nodeRequest(g, n.dn, int(ldif.Base), "(objectClass=*)")
		r.single = true
		list, err := l.entries(ctx, r)
		var out []*groupNode
		for _, e := range list {
			out = append(out, g.nodeOf(e))
		}
		return out, err
	})
	return slices.Concat(lists...), err
}

// parallel is how many searches one question may have under way: some connections
// stay for others.
func (l *LDAP) parallel() int { return max(1, l.cfg.Connections*3/4) }

// inParallel calls fn for each part, at most so many at a time, and returns the
// results in order.
func inParallel[P, R any](ctx context.Context, most int, parts []P, fn func(context.Context, P) (R, error)) ([]R, error) {
	out := make([]R, len(parts))
	if len(parts) == 1 {
		var err error
		out[0], err = fn(ctx, parts[0])
		return out, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(most)
	for i, p := range parts {
		group.Go(func() (err error) {
			out[i], err = guard(func() (R, error) { return fn(ctx, p) })
			return err
		})
	}
	return out, group.Wait()
}

// walkMember goes up level by level, asking which groups have a member. What is above a
// group is remembered for the next who is in it: somebody who comes costs one question,
// for the groups that they are in themselves.
func (l *LDAP) walkMember(ctx context.Context, f *found, g *spec) ([]*groupNode, error) {
	start := f.node()
	level, err := l.groupsWith(ctx, g, []*groupNode{start})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{start.folded: true}
	var out []*groupNode
	for depth := 1; ; depth++ {
		level = slices.DeleteFunc(slices.Clone(level), func(n *groupNode) bool {
			known := seen[n.folded]
			seen[n.folded] = true
			return known
		})
		out = append(out, level...)
		if len(level) == 0 {
			return out, nil
		}
		if depth == l.depth() {
			return out, l.tooDeep()
		}
		if level, err = l.groupsAbove(ctx, g, level); err != nil {
			return nil, err
		}
	}
}

// groupsAbove are the groups that some groups are in themselves.
func (l *LDAP) groupsAbove(ctx context.Context, g *spec, of []*groupNode) ([]*groupNode, error) {
	known, unknown := l.nesting.remembered(l.nesting.above, of)
	asked := time.Now()
	parts := slices.Collect(slices.Chunk(unknown, batchSize))
	lists, err := inParallel(ctx, l.parallel(), parts, func(ctx context.Context, part []*groupNode) ([]*groupNode, error) {
		return l.groupsWith(ctx, g, part)
	})
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		if !l.nesting.learn(part, lists[i], asked) {
			select {
			case l.nesting.later <- part:
			default: // there is enough to do; the next who is in them brings it again
			}
		}
	}
	return append(known, slices.Concat(lists...)...), nil
}

// remembered splits what is asked for into what a table knows of it and what it does
// not.
func (n *nesting) remembered(t *table[string, []*groupNode], of []*groupNode) (known, unknown []*groupNode) {
	oldest := n.oldest()
	for _, m := range of {
		if it := t.get(m.folded); it != nil && it.at > oldest {
			known = append(known, it.v...)
		} else {
			unknown = append(unknown, m)
		}
	}
	return known, unknown
}

// groupsWith are the groups that have one of some records as a direct member.
func (l *LDAP) groupsWith(ctx context.Context, g *spec, members []*groupNode) ([]*groupNode, error) {
	in := l.memberships(g)
	var dns, names, guids []string
	for _, m := range members {
		dns, names = append(dns, m.dn), append(names, m.names...)
		if m.guid != "" {
			guids = append(guids, m.guid)
		}
	}
	return l.someNodes(ctx, g, in.filter(dns, names, guids))
}

// nesting remembers how groups lie in groups.
type nesting struct {
	above   *table[string, []*groupNode] // by folded DN: the groups that a group is in
	self    *table[string, []*groupNode] // by folded DN: the group, where the server maintains its links
	primary *table[string, string]       // by SID: the DN of a primary group
	flushed atomic.Int64                 // what was learnt before is old

	inUse atomic.Pointer[memberships] // nil: not known

	look  chan struct{}     // which attributes are in use is to be found out
	later chan []*groupNode // to be sorted out
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func (l *LDAP) openNesting() {
	n := &l.nesting
	text := func(s string) string { return s }
	n.above, n.self = newTable[string, []*groupNode](mostAbove, text), newTable[string, []*groupNode](mostAbove, text)
	n.primary = newTable[string, string](mostAbove/10, text)
	n.look = make(chan struct{}, 1)
	n.later = make(chan []*groupNode, 256)
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.done.Go(func() { l.findOut(ctx) })
}

func (n *nesting) close() {
	n.stop()
	n.done.Wait()
}

// oldest is since when something must have been asked to be believed.
func (n *nesting) oldest() int64 {
	return max(n.flushed.Load(), time.Now().Add(-aboveFor).UnixNano())
}

func (n *nesting) forget() { n.flushed.Store(time.Now().UnixNano()) }

// learn remembers what was asked of some groups together: the groups above them. It
// reports false if it is not known which of them is in which.
func (n *nesting) learn(of, above []*groupNode, asked time.Time) bool {
	if len(above) > 0 && len(of) > 1 {
		return false
	}
	for _, m := range of {
		n.above.put(m.folded, above, asked.UnixNano())
	}
	return true
}

// findOut does what nobody waits for.
func (l *LDAP) findOut(ctx context.Context) {
	g := l.m.spec(Group)
	for {
		select {
		case part := <-l.nesting.later:
			l.sortOut(ctx, g, part)
		case <-l.nesting.look:
			l.findInUse(ctx, g)
		case <-ctx.Done():
			return
		}
	}
}

// sortOut finds out which of some groups are in which: by halves, because most are in
// none.
func (l *LDAP) sortOut(ctx context.Context, g *spec, of []*groupNode) {
	for todo := [][]*groupNode{of}; len(todo) > 0 && ctx.Err() == nil; {
		part := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if _, part = l.nesting.remembered(l.nesting.above, part); len(part) == 0 {
			continue
		}
		asked := time.Now()
		above, err := l.groupsWith(ctx, g, part)
		if err != nil {
			return // whoever asks next sees what is wrong
		}
		if !l.nesting.learn(part, above, asked) {
			todo = append(todo, part[:len(part)/2], part[len(part)/2:])
		}
	}
}

// memberships are the attributes in which groups have members: of those configured the
// ones that some group has. One that nobody uses is seldom indexed, and would make a
// search of all groups out of each question.
type memberships struct {
	member, name, guid []string
	asked              time.Time
}

// filter finds the groups of which a record is a direct member, among those of the
// type's own filter.
func (m *memberships) filter(dns, names, guids []string) string {
	var list []string
	for _, dn := range dns {
		list = append(list, equalAny(m.member, dn))
	}
	for _, n := range names {
		list = append(list, equalAny(m.name, n))
	}
	for _, g := range guids {
		list = append(list, equalAny(m.guid, g))
	}
	return or(list...)
}

// memberships returns the attributes in use; all, until it is known which are.
func (l *LDAP) memberships(g *spec) *memberships {
	configured := &memberships{member: g.Member, name: g.MemberName, guid: g.MemberGUID}
	if len(g.Member)+len(g.MemberName)+len(g.MemberGUID) < 2 {
		return configured
	}
	known := l.nesting.inUse.Load()
	if known == nil || time.Since(known.asked) > inUseFor {
		select {
		case l.nesting.look <- struct{}{}:
		default: // it is on its way
		}
	}
	if known == nil || time.Since(known.asked) > 2*inUseFor {
		return configured
	}
	return known
}

// findInUse finds out which attributes some group has. If none has any, all count.
func (l *LDAP) findInUse(ctx context.Context, g *spec) {
	if known := l.nesting.inUse.Load(); known != nil && time.Since(known.asked) <= inUseFor {
		return // somebody asked while it was being found out
	}
	asked := time.Now()
	attrs := slices.Concat(g.Member, g.MemberName, g.MemberGUID)
	used, err := inParallel(ctx, l.parallel(), attrs, func(ctx context.Context, attr string) (bool, error) { return l.inUse(ctx, g, attr) })
	if err != nil || !slices.Contains(used, true) {
		return
	}
	keep := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(a string) bool { return !used[slices.Index(attrs, a)] })
	}
	l.nesting.inUse.Store(&memberships{keep(g.Member), keep(g.MemberName), keep(g.MemberGUID), asked})
}

// inUse reports whether some group has an attribute.
func (l *LDAP) inUse(ctx context.Context, g *spec, attr string) (bool, error) {
	for _, base := range g.Base {
		list, err := l.entries(ctx, request{base: base, scope: int(g.scope), filter: and(g.Filter, "("+attr+"=*)"), attrs: []string{"1.1"}, limit: 1})
		switch {
		case len(list) > 0:
			return true, nil
		case err != nil && !errors.Is(err, ErrTooMany):
			return false, err
		}
	}
	return false, nil
}
