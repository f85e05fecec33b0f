package directory

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Members implements Directory.
func (l *LDAP) Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error) {
	guid = CanonicalGUID(guid)
	defer l.slow(time.Now(), "members", guid)
	return l.members.do(ctx, memberKey{guid, e}, 10*l.timeout(), func(ctx context.Context) ([]*Principal, error) {
		f, err := l.findWith(ctx, Key{By: GUID, Value: guid}, l.memberAttributes())
		if err != nil {
			return nil, err
		}
		if f.s.typ != Group {
			return nil, nil
		}
		out, err := l.expand(ctx, f, e)
		if err != nil {
			return nil, fmt.Errorf("members of %s: %w", guid, err)
		}
		sortByGUID(out)
		return out, nil
	})
}

// memberAttributes are those that lead from a group to its members. In Active
// Directory its members are searched for, which is one question instead of one
// for every fifty; elsewhere memberOf may show nested groups too.
func (l *LDAP) memberAttributes() []string {
	g := l.m.spec(Group)
	if g == nil {
		return nil
	}
	if l.searchable() {
		return l.linkAttributes()
	}
	return slices.Concat(g.Member, g.MemberName, g.MemberGUID)
}

// searchable reports whether the members of a group can be found by memberOf.
func (l *LDAP) searchable() bool {
	return l.m.activeDirectory && !slices.ContainsFunc(l.m.specs, func(s *spec) bool { return s.MemberOf == "" })
}

// expand collects members, following groups if e is Nested.
func (l *LDAP) expand(ctx context.Context, f *found, e Expansion) ([]*Principal, error) {
	seen := map[string]bool{f.e.FoldedDN(): true}
	var out []*Principal
	for level, depth := []*found{f}, 0; len(level) > 0; depth++ {
		if depth == l.depth() {
			return out, l.tooDeep()
		}
		var next []*found
		for _, g := range level {
			list, err := l.direct(ctx, g)
			if err != nil {
				return nil, err
			}
			for _, m := range list {
				self := e == Direct && m.e.FoldedDN() == f.e.FoldedDN()
				if seen[m.e.FoldedDN()] && !self {
					continue
				}
				seen[m.e.FoldedDN()] = true
				switch {
				case e == Nested && m.s.typ == Group:
					next = append(next, m)
				case m.p == nil:
					return nil, unavailable("member", fmt.Errorf("%q: %w", m.e.DN, ErrNoGUID))
				default:
					out = append(out, m.p)
				}
			}
			if limit := l.cfg.MemberCap; len(out) > limit {
				return nil, fmt.Errorf("%w: %d members", ErrTooMany, limit)
			}
		}
		if e == Direct {
			break
		}
		level = next
	}
	return out, nil
}

// direct returns the direct members of a group.
func (l *LDAP) direct(ctx context.Context, f *found) ([]*found, error) {
	if l.searchable() {
		return l.membersBySearch(ctx, f)
	}
	g, extra := f.s, l.memberAttributes()
	var out []*found
	if dns := values(f.e, g.Member...); len(dns) > 0 {
		list, err := l.byDN(ctx, dns, extra)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if users := l.m.spec(User); users != nil {
		list, err := l.someRecords(ctx, values(f.e, g.MemberName...), extra, func(part []string) func(*spec) string {
			var names []string
			for _, n := range part {
				names = append(names, equalAny(users.Name, n))
			}
			return onlyFor(users, or(names...))
		})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	list, err := l.someRecords(ctx, values(f.e, g.MemberGUID...), extra, func(part []string) func(*spec) string {
		return func(s *spec) string {
			var guids []string
			for _, id := range part {
				guids = append(guids, s.guidFilter(CanonicalGUID(id)))
			}
			return or(guids...)
		}
	})
	if err != nil {
		return nil, err
	}
	return distinct(append(out, list...)), nil
}

// someRecords reads the records that values stand for, some of them at a time.
func (l *LDAP) someRecords(ctx context.Context, of, extra []string, filter func(part []string) func(*spec) string) ([]*found, error) {
	lists, err := inParallel(ctx, l.parallel(), slices.Collect(slices.Chunk(of, batchSize)), func(ctx context.Context, part []string) ([]*found, error) {
		return l.search(ctx, filter(part), searchOptions{extra: extra})
	})
	return slices.Concat(lists...), err
}

// byDN reads the records with the given names, as many as there are.
func (l *LDAP) byDN(ctx context.Context, dns, extra []string) ([]*found, error) {
	if l.m.dnAttr == "" {
		lists, err := inParallel(ctx, l.parallel(), dns, func(ctx context.Context, dn string) ([]*found, error) {
			return l.search(ctx, func(*spec) string { return "(objectClass=*)" }, searchOptions{at: dn, extra: extra})
		})
		return distinct(slices.Concat(lists...)), err
	}
	return l.someRecords(ctx, dns, extra, func(part []string) func(*spec) string {
		var list []string
		for _, dn := range part {
			list = append(list, equal(l.m.dnAttr, dn))
		}
		filter := or(list...)
		return func(*spec) string { return filter }
	})
}

// membersBySearch asks who is in a group. In Active Directory those whose
// primary group it is are not in memberOf.
func (l *LDAP) membersBySearch(ctx context.Context, f *found) ([]*found, error) {
	rid := ""
	if l.m.activeDirectory {
		rid = lastRID(f.e.Value("objectSid"))
	}
	return l.search(ctx, func(s *spec) string {
		filter := equal(s.MemberOf, f.e.DN)
		if rid != "" && s.typ != Group {
			filter = or(filter, equal("primaryGroupID", rid))
		}
		return filter
	}, searchOptions{extra: l.linkAttributes()})
}
