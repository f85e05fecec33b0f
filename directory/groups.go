package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// Values of LDAPConfig.Nesting.
const (
	nestWalk        = "walk"
	nestInChain     = "in-chain"
	nestTokenGroups = "token-groups"
	nestDirect      = "direct"
)

// batchSize is how many names go into one filter.
const batchSize = 50

// Groups implements Directory.
func (l *LDAP) Groups(ctx context.Context, guid string) ([]string, error) {
	guid = CanonicalGUID(guid)
	defer l.slow(time.Now(), "groups", guid)
	return l.groups.do(ctx, guid, 4*l.timeout(), func(ctx context.Context) ([]string, error) {
		f, err := l.find(ctx, Key{By: GUID, Value: guid}, l.linkAttributes())
		if err != nil {
			return nil, err
		}
		list, err := l.groupsOf(ctx, f)
		if err != nil {
			return nil, cutIsUnavailable("groups of "+guid, err)
		}
		out := make([]string, 0, len(list))
		for _, g := range list {
			if g.p == nil {
				return nil, unavailable("groups of "+guid, fmt.Errorf("%q: %w", g.e.DN, ErrNoGUID))
			}
			if g.p.GUID != guid {
				out = append(out, g.p.GUID)
			}
		}
		slices.Sort(out)
		return slices.Compact(out), nil
	})
}

// cutIsUnavailable makes a result cut off by a limit an error that says
// nothing about people: memberships decide about access.
func cutIsUnavailable(what string, err error) error {
	if errors.Is(err, ErrTooMany) {
		return unavailable(what, fmt.Errorf("the server's size limit for the service account is too low: %w", err))
	}
	return err
}

// linkAttributes are those that lead from a record to its groups.
func (l *LDAP) linkAttributes() []string {
	var out []string
	for _, s := range l.m.specs {
		if s.MemberOf != "" && !slices.Contains(out, s.MemberOf) {
			out = append(out, s.MemberOf)
		}
	}
	if l.m.activeDirectory {
		out = append(out, objectSID, "primaryGroupID")
	}
	return out
}

// groupsOf returns the groups that a record is in.
func (l *LDAP) groupsOf(ctx context.Context, f *found) ([]*found, error) {
	switch {
	case l.cfg.Nesting == nestInChain:
		return l.chainedGroups(ctx, f)
	case l.cfg.Nesting == nestTokenGroups && f.s.typ != Group: // groups get no token
		return l.tokenGroups(ctx, f)
	}
	g := l.m.spec(Group)
	if g == nil {
		return nil, nil
	}
	if g.MemberOf != "" && f.s.MemberOf != "" {
		return l.walkMemberOf(ctx, f)
	}
	return l.walkMember(ctx, f, g)
}

func (l *LDAP) depth() int {
	if l.cfg.Nesting == nestDirect {
		return 1
	}
	return l.cfg.MaxDepth
}

// tooDeep is the error for groups nested deeper than configured, nil where
// nesting is not wanted.
func (l *LDAP) tooDeep() error {
	if l.cfg.Nesting == nestDirect {
		return nil
	}
	return unavailable("groups", fmt.Errorf("nested more than %d deep (max-depth)", l.depth()))
}

// walkMember goes up level by level, asking which groups have a member.
func (l *LDAP) walkMember(ctx context.Context, f *found, g *spec) ([]*found, error) {
	level := []*found{f}
	seen := map[string]bool{f.e.FoldedDN(): true}
	var out []*found
	for depth := 0; len(level) > 0; depth++ {
		if depth == l.depth() {
			return out, l.tooDeep()
		}
		var next []*found
		for part := range slices.Chunk(level, batchSize) {
			var dns, names, guids []string
			for _, m := range part {
				dns = append(dns, m.e.DN)
				if m.s.typ == User {
					names = append(names, values(m.e, m.s.Name...)...)
				}
				if m.p != nil {
					guids = append(guids, m.p.GUID)
				}
			}
			filter := g.memberFilter(dns, names, guids)
			list, err := l.search(ctx, onlyFor(g, filter), searchOptions{})
			if err != nil {
				return nil, err
			}
			for _, p := range list {
				if dn := p.e.FoldedDN(); !seen[dn] {
					seen[dn] = true
					next = append(next, p)
				}
			}
		}
		out, level = append(out, next...), next
	}
	return out, nil
}

// onlyFor makes a filter function for one record type.
func onlyFor(s *spec, filter string) func(*spec) string {
	return func(o *spec) string {
		if o == s {
			return filter
		}
		return ""
	}
}

// walkMemberOf goes up level by level by the links that the server maintains.
// Groups outside the search bases are followed too, but are none of ours.
func (l *LDAP) walkMemberOf(ctx context.Context, f *found) ([]*found, error) {
	g := l.m.spec(Group)
	up := f.e.Values(f.s.MemberOf)
	if primary, err := l.primaryGroup(ctx, f); err != nil {
		return nil, err
	} else if primary != "" {
		up = append(slices.Clone(up), primary)
	}
	seen := map[string]bool{f.e.FoldedDN(): true}
	var out []*found
	for depth := 0; ; depth++ {
		var fresh []string
		for _, dn := range up {
			if k := ldif.FoldDN(dn); !seen[k] {
				seen[k] = true
				fresh = append(fresh, dn)
			}
		}
		if len(fresh) == 0 {
			return out, nil
		}
		if depth == l.depth() {
			return out, l.tooDeep()
		}
		ours, others, err := l.groupsByDN(ctx, g, fresh)
		if err != nil {
			return nil, err
		}
		up = nil
		for _, p := range ours {
			out = append(out, p)
			up = append(up, p.e.Values(g.MemberOf)...)
		}
		for _, e := range others {
			up = append(up, e.Values(g.MemberOf)...)
		}
	}
}

// groupsByDN reads groups by their names; those that are not within the search
// bases come as bare entries.
func (l *LDAP) groupsByDN(ctx context.Context, g *spec, dns []string) (ours []*found, others []*ldif.Entry, err error) {
	ours, err = l.byDN(ctx, dns, []string{g.MemberOf}, func(s *spec) bool { return s == g })
	if err != nil || l.cfg.Nesting == nestDirect {
		return ours, nil, err
	}
	have := map[string]bool{}
	for _, f := range ours {
		have[f.e.FoldedDN()] = true
	}
	for _, dn := range dns {
		if have[ldif.FoldDN(dn)] {
			continue
		}
		list, err := l.entries(ctx, request{base: dn, filter: "(objectClass=*)", attrs: []string{g.MemberOf}, single: true})
		if err != nil {
			return nil, nil, err
		}
		others = append(others, list...)
	}
	return ours, others, nil
}

// byDN reads the records with the given names, as many as there are.
func (l *LDAP) byDN(ctx context.Context, dns, extra []string, want func(*spec) bool) ([]*found, error) {
	var out []*found
	if l.m.dnAttr == "" {
		for _, dn := range dns {
			list, err := l.search(ctx, wanted(want, "(objectClass=*)"), searchOptions{at: dn, extra: extra})
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
		return distinct(out), nil
	}
	for part := range slices.Chunk(dns, batchSize) {
		var list []string
		for _, dn := range part {
			list = append(list, equal(l.m.dnAttr, dn))
		}
		res, err := l.search(ctx, wanted(want, or(list...)), searchOptions{extra: extra})
		if err != nil {
			return nil, err
		}
		out = append(out, res...)
	}
	return out, nil
}

func wanted(want func(*spec) bool, filter string) func(*spec) string {
	return func(s *spec) string {
		if want(s) {
			return filter
		}
		return ""
	}
}

// primaryGroup returns the name of a user's primary group in Active
// Directory, "" if there is none. It is read by its SID ([MS-ADTS]
// §3.1.1.3.1.2.4), because it is often outside of the search bases, and may
// still be a member of groups that are within.
func (l *LDAP) primaryGroup(ctx context.Context, f *found) (string, error) {
	sid := textSID(primaryGroupSID(f.e.Value(objectSID), f.e.Value("primaryGroupID")))
	if sid == "" {
		return "", nil
	}
	list, err := l.entries(ctx, request{base: "<SID=" + sid + ">", scope: ldap.ScopeBaseObject,
		filter: "(objectClass=*)", attrs: []string{"objectClass"}, single: true})
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].DN, nil
}

// chainedGroups lets Active Directory follow the links.
func (l *LDAP) chainedGroups(ctx context.Context, f *found) ([]*found, error) {
	g := l.m.spec(Group)
	if g == nil || len(g.Member) == 0 {
		return nil, nil
	}
	filters := []string{chained(g.Member[0], f.e.DN)}
	primary, err := l.primaryGroup(ctx, f)
	if err != nil {
		return nil, err
	}
	if primary != "" {
		filters = append(filters, equal("distinguishedName", primary), chained(g.Member[0], primary))
	}
	return l.search(ctx, onlyFor(g, or(filters...)), searchOptions{})
}

// tokenGroups reads the SIDs of all security groups that Active Directory
// would put into the user's token ([MS-ADTS] §3.1.1.4.5.19).
func (l *LDAP) tokenGroups(ctx context.Context, f *found) ([]*found, error) {
	g := l.m.spec(Group)
	if g == nil {
		return nil, nil
	}
	list, err := l.entries(ctx, request{base: f.e.DN, scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attrs: []string{"tokenGroups"}, single: true})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, unavailable("token groups", fmt.Errorf("%q has gone", f.e.DN))
	}
	var out []*found
	for part := range slices.Chunk(list[0].Values("tokenGroups"), batchSize) {
		var sids []string
		for _, sid := range part {
			sids = append(sids, equal("objectSid", sid))
		}
		res, err := l.search(ctx, onlyFor(g, or(sids...)), searchOptions{})
		if err != nil {
			return nil, err
		}
		out = append(out, res...)
	}
	return out, nil
}
