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
		k := Key{By: GUID, Value: guid}
		f := l.justFound(k)
		if f == nil {
			var err error
			if f, err = l.find(ctx, k); err != nil {
				return nil, err
			}
		}
		list, err := l.groupsOf(ctx, f)
		if err != nil {
			return nil, cutIsUnavailable("groups of "+guid, err)
		}
		out := make([]string, 0, len(list))
		for _, g := range list {
			if g.guid == "" {
				return nil, unavailable("groups of "+guid, fmt.Errorf("%q: %w", g.dn, ErrNoGUID))
			}
			if g.guid != guid {
				out = append(out, g.guid)
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
func (l *LDAP) groupsOf(ctx context.Context, f *found) ([]*groupNode, error) {
	if l.cfg.Nesting == nestInChain {
		samba, err := l.isSamba(ctx)
		if err != nil {
			return nil, err
		}
		if !samba {
			return l.chainedGroups(ctx, f)
		}
	}
	switch {
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
func (l *LDAP) walkMemberOf(ctx context.Context, f *found) ([]*groupNode, error) {
	g := l.m.spec(Group)
	up := f.e.Values(f.s.MemberOf)
	if primary, err := l.primaryGroup(ctx, f); err != nil {
		return nil, err
	} else if primary != "" {
		up = append(slices.Clone(up), primary)
	}
	seen := map[string]bool{f.e.FoldedDN(): true}
	var out []*groupNode
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
		level, err := l.groupsByDN(ctx, g, fresh)
		if err != nil {
			return nil, err
		}
		up = nil
		for _, n := range level {
			if !n.foreign {
				out = append(out, n)
			}
			up = append(up, n.up...)
		}
	}
}

// groupsByDN returns groups by their names, those remembered and those asked for now.
// Groups that are not within the search bases are foreign.
func (l *LDAP) groupsByDN(ctx context.Context, g *spec, dns []string) ([]*groupNode, error) {
	var of []*groupNode
	for _, dn := range dns {
		of = append(of, &groupNode{dn: dn, folded: ldif.FoldDN(dn)})
	}
	known, unknown := l.nesting.remembered(l.nesting.self, of)
	asked := time.Now().UnixNano()
	read := l.nodesByDN
	if l.m.dnAttr == "" {
		read = l.nodesAt
	}
	ours, err := read(ctx, g, unknown)
	if err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, n := range ours {
		have[n.folded] = true
	}
	unknown = slices.DeleteFunc(unknown, func(n *groupNode) bool { return have[n.folded] })
	if l.cfg.Nesting == nestDirect {
		unknown = nil
	}
	foreign, err := inParallel(ctx, l.parallel(), unknown, func(ctx context.Context, n *groupNode) ([]*ldif.Entry, error) {
		return l.entries(ctx, request{base: n.dn, filter: "(objectClass=*)", attrs: []string{g.MemberOf}, single: true})
	})
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Concat(foreign...) {
		ours = append(ours, &groupNode{dn: e.DN, folded: e.FoldedDN(), up: e.Values(g.MemberOf), foreign: true})
	}
	for _, n := range ours {
		l.nesting.self.put(n.folded, []*groupNode{n}, asked)
	}
	return append(known, ours...), nil
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
	if it := l.nesting.primary.get(sid); it != nil && it.at > l.nesting.oldest() {
		return it.v, nil
	}
	asked := time.Now().UnixNano()
	list, err := l.entries(ctx, request{base: "<SID=" + sid + ">", scope: ldap.ScopeBaseObject,
		filter: "(objectClass=*)", attrs: []string{"objectClass"}, single: true})
	if err != nil || len(list) == 0 {
		return "", err
	}
	l.nesting.primary.put(sid, list[0].DN, asked)
	return list[0].DN, nil
}

// chainedGroups lets Active Directory follow the links.
func (l *LDAP) chainedGroups(ctx context.Context, f *found) ([]*groupNode, error) {
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
	return l.someNodes(ctx, g, or(filters...))
}

// tokenGroups reads the SIDs of all security groups that Active Directory
// would put into the user's token ([MS-ADTS] §3.1.1.4.5.19).
func (l *LDAP) tokenGroups(ctx context.Context, f *found) ([]*groupNode, error) {
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
	return l.someParts(ctx, g, list[0].Values("tokenGroups"), func(sid string) string { return equal(objectSID, sid) })
}
