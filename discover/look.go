package discover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/directory/ldif"
)

// looked is how many records of a type are looked at.
const looked = 20_000

// People are the records of one type as the server sees them.
type People struct {
	directory.Survey
	Type   string
	Groups map[string]int // GUID of a sample → groups that it is in
}

// sampled is a sample as programs get it.
type sampled struct {
	GUID     string   `json:"guid"`
	Name     string   `json:"name"`
	Full     string   `json:"full-name"`
	Emails   []string `json:"emails"`
	DN       string   `json:"dn"`
	Groups   int      `json:"groups"` // that a person is in
	Capacity int      `json:"capacity,omitempty"`
}

// MarshalJSON implements json.Marshaler: of the samples what tells whether they are right.
func (p *People) MarshalJSON() ([]byte, error) {
	out := struct {
		Type       string                `json:"type"`
		Count      int                   `json:"count"`
		More       bool                  `json:"more"`     // than were looked at
		LeftOut    map[string]int        `json:"left-out"` // why, and how many
		NoMail     int                   `json:"no-mail"`
		Duplicates []directory.Duplicate `json:"duplicates"`
		Samples    []sampled             `json:"samples"`
	}{p.Type, p.Count, p.More, p.LeftOut, p.NoMail, append([]directory.Duplicate{}, p.Duplicates...), []sampled{}}
	for _, s := range p.Samples {
		out.Samples = append(out.Samples, sampled{s.GUID, s.Name, s.FullName, append([]string{}, s.Emails...), s.DN, p.Groups[s.GUID], s.Capacity})
	}
	return json.Marshal(out)
}

// Look surveys a directory as configured, and counts the groups of the samples.
func Look(ctx context.Context, d *directory.LDAP, t directory.Type) (*People, error) {
	s, err := d.Survey(ctx, t, looked)
	if err != nil {
		return nil, err
	}
	p := &People{Survey: *s, Type: t.String(), Groups: map[string]int{}}
	if t != directory.User {
		return p, nil
	}
	for _, u := range s.Samples {
		groups, err := d.Groups(ctx, u.GUID)
		if err != nil {
			return nil, err
		}
		p.Groups[u.GUID] = len(groups)
	}
	return p, nil
}

// Sample writes a record for people: "alice → Alice Adams <alice@example.com>, in 3 groups".
func (p *People) Sample(u *directory.Principal) string {
	out := u.Name + " → " + u.FullName
	if len(u.Emails) > 0 {
		out += " <" + u.Emails[0] + ">"
	}
	if u.Type == directory.User {
		for _, k := range u.Kerberos {
			out += ", signs in as " + k
			break
		}
		out += fmt.Sprintf(", in %d groups", p.Groups[u.GUID])
	}
	if u.Capacity > 0 {
		out += fmt.Sprintf(", %d seats", u.Capacity)
	}
	return out
}

// Missing finds out why no user was found: it looks below the directory's own naming
// contexts, then without the filter, then with the filters of other presets.
func Missing(p *directory.Probe, c directory.LDAPConfig, root *ldif.Entry) (*Nobody, error) {
	filter, bases, err := c.Filter(directory.User)
	if err != nil {
		return nil, err
	}
	n := &Nobody{Type: directory.User, Base: bases, Filter: filter}
	if found, err := finds(p, bases, filter); err != nil || found {
		return n, err // there are entries, all of which were left out
	}
	for _, context := range slices.Concat([]string{suffix(root)}, root.Values("namingContexts")) {
		if found, err := finds(p, []string{context}, filter); err == nil && found && context != "" {
			n.Elsewhere = context
			return n, nil
		}
	}
	for _, b := range bases {
		list, _, err := p.Search(b, ldif.Sub, "(objectClass=*)", []string{"1.1"}, looked)
		if err != nil {
			return nil, err
		}
		n.Unfiltered += len(list)
	}
	plain := c
	plain.Users.Filter = ""
	standard, _, err := plain.Filter(directory.User)
	if err != nil {
		return nil, err
	}
	for _, name := range directory.PresetNames() {
		other := c
		other.Preset, other.Users.Filter = name, ""
		f, _, err := other.Filter(directory.User)
		if err != nil || f == filter || f == standard {
			continue
		}
		if found, err := finds(p, bases, f); err == nil && found {
			n.Preset = name
			break
		}
	}
	return n, nil
}

// RoomsFound is where rooms are that are not looked for there.
type RoomsFound struct {
	Base    []string // that is searched
	Context string   // of the directory, in which they are
	Count   int
	First   string // DN of one
}

// RoomsElsewhere looks for rooms in the whole of a directory, if there are none below
// the bases configured; nil: there are none.
func RoomsElsewhere(p *directory.Probe, c directory.LDAPConfig, root *ldif.Entry) *RoomsFound {
	filter, bases, err := c.Filter(directory.Location)
	if err != nil || filter == "" {
		return nil
	}
	for _, context := range root.Values("namingContexts") {
		if slices.ContainsFunc(bases, func(b string) bool { return strings.EqualFold(b, context) }) {
			continue
		}
		if list, _, err := p.Search(context, ldif.Sub, filter, []string{"1.1"}, looked); err == nil && len(list) > 0 {
			return &RoomsFound{bases, context, len(list), list[0].DN}
		}
	}
	return nil
}

// finds reports whether the filter finds an entry.
func finds(p *directory.Probe, bases []string, filter string) (bool, error) {
	for _, b := range bases {
		list, _, err := p.Search(b, ldif.Sub, filter, []string{"1.1"}, 1)
		if err != nil || len(list) > 0 {
			return len(list) > 0, err
		}
	}
	return false, nil
}

// A MemberAttribute is one by which groups name their members.
type MemberAttribute struct {
	Name    string
	Used    bool          // some group has it
	Took    time.Duration // for a search by equality that finds nothing
	Indexed bool
}

// Slow searches: an attribute is taken for one without index if a search for a value
// that nobody has takes as long, and as many times as long as one by objectClass.
const (
	slowSearch = 50 * time.Millisecond
	slowFactor = 10
)

// MemberAttributes tries the attributes by which the preset's groups name members. An
// attribute that nobody uses costs a search in each log-in if it is configured.
func MemberAttributes(p *directory.Probe, c directory.LDAPConfig) (out []MemberAttribute, err error) {
	attrs, err := c.MemberAttributes()
	if err != nil {
		return nil, err
	}
	_, bases, err := c.Filter(directory.Group)
	if err != nil || len(bases) == 0 {
		return nil, err
	}
	fast, err := timed(p, bases[0], "(objectClass=convene-no-such-class)")
	if err != nil {
		return nil, err
	}
	for _, name := range attrs {
		a := MemberAttribute{Name: name}
		if a.Used, err = finds(p, bases, "("+name+"=*)"); err != nil {
			return nil, err
		}
		if a.Took, err = timed(p, bases[0], "("+name+"="+directory.Escape("cn=convene-no-such-entry,"+bases[0])+")"); err != nil {
			return nil, err
		}
		a.Indexed = a.Took < slowSearch || a.Took < slowFactor*fast
		out = append(out, a)
	}
	return out, nil
}

// timed is the shortest of three: a busy machine makes any of them long.
func timed(p *directory.Probe, base, filter string) (shortest time.Duration, err error) {
	for i := range 3 {
		start := time.Now()
		if _, _, err = p.Search(base, ldif.Sub, filter, []string{"1.1"}, 1); err != nil {
			return 0, err
		}
		if took := time.Since(start); i == 0 || took < shortest {
			shortest = took
		}
	}
	return shortest, nil
}
