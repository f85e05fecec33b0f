package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"convene/directory/ldif"
)

// A Survey is what a directory has of one type, as this server sees it.
type Survey struct {
	Count      int            // records, those left out not among them
	More       bool           // there are more than were looked at
	Samples    []*Principal   // some of them, which have most of what a record may have
	LeftOut    map[string]int // why, and how many; see the reasons below
	NoMail     int            // of those counted, who cannot be invited by mail address
	Duplicates []Duplicate    // the first values that several have; see Duplicate
}

// Reasons in Survey.LeftOut.
const (
	LeftOutNoGUID   = "without readable guid"
	LeftOutDisabled = "may not sign in"
	LeftOutCalendar = "without calendars (calendar-enabled)"
	LeftOutSystem   = "accounts of the system"
)

// A Duplicate is a login name or mail address that several users have: nobody can
// sign in with it unless the rules of Lookup choose one.
type Duplicate struct {
	Value string   `json:"value"`
	DNs   []string `json:"dns"`
}

const (
	surveySamples    = 3
	surveyDuplicates = 10
)

// systemObject marks krbtgt and its like in Active Directory.
const systemObject = "isCriticalSystemObject"

// Survey looks at up to most records of a type. Errors: ErrUnavailable, which carries
// the server's result code.
func (l *LDAP) Survey(ctx context.Context, t Type, most int) (*Survey, error) {
	out := &Survey{LeftOut: map[string]int{}}
	list, err := l.search(ctx, func(s *spec) string {
		if s.typ != t {
			return ""
		}
		return "(objectClass=*)"
	}, searchOptions{limit: most, extra: []string{systemObject}})
	if err != nil && !errors.Is(err, ErrTooMany) {
		return nil, err
	}
	out.More = err != nil
	names := map[string][]string{}
	for _, f := range list {
		if f.s.typ != t {
			continue
		}
		if why := f.leftOut(); why != "" {
			out.LeftOut[why]++
			continue
		}
		out.Count++
		if len(f.p.Emails) == 0 {
			out.NoMail++
		}
		if t == User {
			for _, n := range f.names() {
				names[n] = append(names[n], f.p.DN)
			}
		}
		out.Samples = append(out.Samples, f.p)
	}
	slices.SortStableFunc(out.Samples, func(a, b *Principal) int { return weight(b) - weight(a) })
	out.Samples = out.Samples[:min(len(out.Samples), surveySamples)]
	out.Duplicates = duplicates(names)
	return out, nil
}

func weight(p *Principal) int {
	n := 0
	for _, has := range []bool{len(p.Emails) > 0, p.GivenName != "", p.FullName != p.Name, p.Capacity > 0} {
		if has {
			n++
		}
	}
	return n
}

// leftOut says why a record is not one of those that count; "" if it is.
func (f *found) leftOut() string {
	switch {
	case f.p == nil:
		return LeftOutNoGUID
	case strings.EqualFold(f.e.Value(systemObject), "TRUE") && f.s.typ == User:
		return LeftOutSystem
	case f.s.typ == User && !f.p.LoginEnabled:
		return LeftOutDisabled
	case !f.p.CalendarEnabled:
		return LeftOutCalendar
	}
	return ""
}

// names are what a user may sign in with and be invited by, folded, each once.
func (f *found) names() []string {
	var out []string
	for _, v := range slices.Concat(f.s.loginNames(f.e), f.p.Emails) {
		if v = ldif.Fold(v); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func duplicates(names map[string][]string) []Duplicate {
	var out []Duplicate
	for value, dns := range names {
		if len(dns) > 1 {
			slices.Sort(dns)
			out = append(out, Duplicate{value, dns})
		}
	}
	slices.SortFunc(out, func(a, b Duplicate) int { return strings.Compare(a.Value, b.Value) })
	return out[:min(len(out), surveyDuplicates)]
}

// MemberAttributes returns the attributes by which the preset's groups name their
// members.
func (c *LDAPConfig) MemberAttributes() ([]string, error) {
	m, err := c.mapping()
	if err != nil || m.spec(Group) == nil {
		return nil, err
	}
	g := m.spec(Group)
	return slices.Concat(g.Member, g.MemberName, g.MemberGUID), nil
}

// Record returns the configuration of one record type as it is in force, the preset's
// values included; the zero RecordConfig if there are no such records. Error: a
// *SettingError.
func (c *LDAPConfig) Record(t Type) (RecordConfig, error) {
	m, err := c.mapping()
	if err != nil {
		return RecordConfig{}, err
	}
	if s := m.spec(t); s != nil {
		return s.RecordConfig, nil
	}
	return RecordConfig{}, nil
}

// Filter returns the filter of one record type as it is in force, and its bases; "" if
// there are no such records. Error: a *SettingError.
func (c *LDAPConfig) Filter(t Type) (filter string, bases []string, err error) {
	m, err := c.mapping()
	if err != nil {
		return "", nil, err
	}
	s := m.spec(t)
	if s == nil {
		return "", nil, nil
	}
	return s.RecordConfig.Filter, s.Base, nil
}
