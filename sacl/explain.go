package sacl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"convene/auth"
	"convene/directory"
)

// An Explanation is a decision with all that led to it.
type Explanation struct {
	Decision
	Service   Service
	Principal *directory.Principal
	Steps     []Step
	// Path is how the person is in the group that the deciding rule names:
	// the person, the group it is directly in, and so on up to the one named.
	// Empty if no group decided.
	Path []*directory.Principal
	// Attributes are those of the record that say whether it may sign in and
	// have calendars, each "name: value".
	Attributes []string
}

// Explain decides as Check would for who, and says why. Errors: ErrNotFound of
// the directory, and as Check.
func (s *SACL) Explain(ctx context.Context, svc Service, who string) (*Explanation, error) {
	p, err := directory.Find(ctx, s.directory, who)
	if err != nil {
		return nil, err
	}
	groups, err := s.directory.Groups(ctx, p.GUID)
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", p.Name, err)
	}
	c := &auth.Caller{Principal: p, Groups: groups, Login: p.Name}
	e := &Explanation{Service: svc, Principal: p, Attributes: append(evidence(p), p.Account.Describe(s.now())...)}
	if e.Decision, err = s.decide(ctx, svc, c, &e.Steps); err != nil {
		return nil, err
	}
	for _, step := range e.Steps {
		if step.Rule == nil || step.Rule.text != e.Rule || step.Rule.Everyone || step.Rule.names(p) {
			continue
		}
		if e.Path, err = s.path(ctx, step.Rule, c); err != nil {
			return nil, err
		}
		if n := len(e.Path); n > 0 {
			e.Entry = e.Path[n-1].DN
		}
	}
	return e, nil
}

// path finds a shortest way from the caller up to the group that r names.
// Groups are searched downwards from there, only through those that the
// caller is in, each once, so that loops end.
func (s *SACL) path(ctx context.Context, r *Rule, c *auth.Caller) ([]*directory.Principal, error) {
	key := r.key
	if r.Who.GUID != "" {
		key = directory.Key{By: directory.GUID, Value: r.Who.GUID}
	}
	top, err := s.directory.Lookup(ctx, key)
	if errors.Is(err, directory.ErrAmbiguous) {
		return nil, nil // the entry says which of them it is
	}
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", r.text, err)
	}
	above := map[string]*directory.Principal{top.GUID: nil} // group → the one above it
	for level := []*directory.Principal{top}; len(level) > 0; {
		var next []*directory.Principal
		for _, g := range level {
			members, err := s.directory.MemberGUIDs(ctx, g.GUID, directory.Direct)
			if err != nil {
				return nil, fmt.Errorf("members of %s: %w", g.Name, err)
			}
			for _, guid := range members {
				if guid == c.Principal.GUID {
					return climb(c.Principal, g, above), nil
				}
				_, seen := above[guid]
				if _, in := slices.BinarySearch(c.Groups, guid); in && !seen {
					m, err := s.directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
					if err != nil {
						return nil, fmt.Errorf("member %s of %s: %w", guid, g.Name, err)
					}
					above[guid] = g
					next = append(next, m)
				}
			}
		}
		level = next
	}
	// The directory knows the membership in another way than by members, such
	// as a primary group.
	return []*directory.Principal{c.Principal, top}, nil
}

func climb(person, group *directory.Principal, above map[string]*directory.Principal) []*directory.Principal {
	out := []*directory.Principal{person}
	for g := group; g != nil; g = above[g.GUID] {
		out = append(out, g)
	}
	return out
}

// evidence lists the attributes that decided the flags of p.
func evidence(p *directory.Principal) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		out = append(out, name+": "+strings.Join(p.Attributes[name], ", "))
	}
	return out
}

// WriteTo writes e for people.
func (e *Explanation) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	verdict := "DENIED"
	if e.Allowed {
		verdict = "ALLOWED"
	}
	p := e.Principal
	fmt.Fprintf(&b, "%s (%s) and service %s: %s\n", p.Name, p.FullName, e.Service, verdict)
	fmt.Fprintf(&b, "  decided by  %s\n", e.Rule)
	fmt.Fprintf(&b, "  because     %s\n", e.Reason)
	if e.Entry != "" {
		fmt.Fprintf(&b, "  entry       %s\n", e.Entry)
	}
	for i, g := range e.Path {
		how := "member of"
		if i == 0 {
			how = "path     "
		}
		fmt.Fprintf(&b, "  %s   %s%s\n", how, strings.Repeat("  ", i), nameOf(g))
	}
	b.WriteString("  steps\n")
	for i, s := range e.Steps {
		fmt.Fprintf(&b, "    %d. %s\n", i+1, s)
	}
	fmt.Fprintf(&b, "  record      %s\n", nameOf(p))
	fmt.Fprintf(&b, "              GUID %s, may sign in: %s, calendars: %s\n", p.GUID, yes(p.LoginEnabled), yes(p.CalendarEnabled))
	for _, a := range e.Attributes {
		fmt.Fprintf(&b, "              %s\n", a)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// String returns the stage, its outcome, and the rule or the reason.
func (s Step) String() string {
	stage, outcome := record, "passed"
	if s.Service != "" {
		stage = "rules for " + string(s.Service)
	}
	if !s.Passed {
		outcome = "denied"
	}
	if s.Rule != nil {
		return fmt.Sprintf("%s: %s, %s: %s", stage, outcome, s.Reason, s.Rule.text)
	}
	return fmt.Sprintf("%s: %s, %s", stage, outcome, s.Reason)
}

func nameOf(p *directory.Principal) string {
	if p.DN != "" {
		return p.DN
	}
	return strings.TrimSuffix(p.Type.String(), "s") + " " + p.Name
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
