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
		list, err := l.expand(ctx, f, e, searchOptions{})
		if err != nil {
			return nil, fmt.Errorf("members of %s: %w", guid, err)
		}
		out := make([]*Principal, len(list))
		for i, m := range list {
			if m.p == nil {
				return nil, unavailable("member", fmt.Errorf("%q: %w", m.e.DN, ErrNoGUID))
			}
			out[i] = m.p
		}
		sortByGUID(out)
		return out, nil
	})
}

// MemberGUIDs implements Directory.
func (l *LDAP) MemberGUIDs(ctx context.Context, guid string, e Expansion) ([]string, error) {
	guid = CanonicalGUID(guid)
	defer l.slow(time.Now(), "member GUIDs", guid)
	return l.memberGUIDs.do(ctx, memberKey{guid, e}, 10*l.timeout(), func(ctx context.Context) ([]string, error) {
		f, err := l.findWith(ctx, Key{By: GUID, Value: guid}, l.memberAttributes())
		if err != nil {
			return nil, err
		}
		if f.s.typ != Group {
			return nil, nil
		}
		list, err := l.expand(ctx, f, e, searchOptions{only: l.m.identity()})
		if err != nil {
			return nil, fmt.Errorf("member GUIDs of %s: %w", guid, err)
		}
		out := make([]string, len(list))
		for i, m := range list {
			if out[i] = m.s.guid(m.e); out[i] == "" {
				return nil, unavailable("member", fmt.Errorf("%q: %w", m.e.DN, ErrNoGUID))
			}
		}
		slices.Sort(out)
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

// expand collects members, read as o says, following groups if e is Nested.
func (l *LDAP) expand(ctx context.Context, f *found, e Expansion, o searchOptions) ([]*found, error) {
	if e == Nested {
		o.extra = l.memberAttributes()
	}
	seen := map[string]bool{f.e.FoldedDN(): true}
	var out []*found
	for level, depth := []*found{f}, 0; len(level) > 0; depth++ {
		if depth == l.depth() {
			return out, l.tooDeep()
		}
		var next []*found
		for _, g := range level {
			list, err := l.direct(ctx, g, o)
			if err != nil {
				return nil, err
			}
			for _, m := range list {
				self := e == Direct && m.e.FoldedDN() == f.e.FoldedDN()
				if seen[m.e.FoldedDN()] && !self {
					continue
				}
				seen[m.e.FoldedDN()] = true
				if e == Nested && m.s.typ == Group {
					next = append(next, m)
				} else {
					out = append(out, m)
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
func (l *LDAP) direct(ctx context.Context, f *found, o searchOptions) ([]*found, error) {
	if l.searchable() {
		return l.membersBySearch(ctx, f, o)
	}
	g := f.s
	var out []*found
	if dns := values(f.e, g.Member...); len(dns) > 0 {
		list, err := l.byDN(ctx, dns, o)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if users := l.m.spec(User); users != nil {
		list, err := l.someRecords(ctx, values(f.e, g.MemberName...), o, func(part []string) func(*spec) string {
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
	list, err := l.someRecords(ctx, values(f.e, g.MemberGUID...), o, func(part []string) func(*spec) string {
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
func (l *LDAP) someRecords(ctx context.Context, of []string, o searchOptions, filter func(part []string) func(*spec) string) ([]*found, error) {
	lists, err := inParallel(ctx, l.parallel(), slices.Collect(slices.Chunk(of, batchSize)), func(ctx context.Context, part []string) ([]*found, error) {
		return l.search(ctx, filter(part), o)
	})
	return slices.Concat(lists...), err
}

// byDN reads the records with the given names, as many as there are.
func (l *LDAP) byDN(ctx context.Context, dns []string, o searchOptions) ([]*found, error) {
	if l.m.dnAttr == "" {
		lists, err := inParallel(ctx, l.parallel(), dns, func(ctx context.Context, dn string) ([]*found, error) {
			o := o
			o.at = dn
			return l.search(ctx, func(*spec) string { return "(objectClass=*)" }, o)
		})
		return distinct(slices.Concat(lists...)), err
	}
	o.named = true
	return l.someRecords(ctx, dns, o, func(part []string) func(*spec) string {
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
func (l *LDAP) membersBySearch(ctx context.Context, f *found, o searchOptions) ([]*found, error) {
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
	}, o)
}
