package sacl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/sacl"
)

// The people and groups of these tests:
//
//	outer ⊃ middle ⊃ inner ⊃ ann      and inner ⊃ outer: a loop
//	other ⊃ bob
//	users: ann (flags vary), bob, cat
const (
	annID    = "A0000000-0000-0000-0000-000000000001"
	bobID    = "A0000000-0000-0000-0000-000000000002"
	innerID  = "B0000000-0000-0000-0000-000000000001"
	middleID = "B0000000-0000-0000-0000-000000000002"
	outerID  = "B0000000-0000-0000-0000-000000000003"
	otherID  = "B0000000-0000-0000-0000-000000000004"
)

func people(t testing.TB, calendar, login bool) *directory.Static {
	t.Helper()
	member := func(ids ...string) []directory.Key {
		var out []directory.Key
		for _, id := range ids {
			out = append(out, directory.Key{By: directory.GUID, Value: id})
		}
		return out
	}
	record := func(id string, typ directory.Type, name string, members ...string) directory.Record {
		return directory.Record{
			Principal: directory.Principal{
				GUID: id, Type: typ, Name: name, FullName: strings.ToUpper(name),
				DN: "cn=" + name + ",dc=example,dc=com", CalendarEnabled: true, LoginEnabled: typ == directory.User,
			},
			Members: member(members...),
		}
	}
	ann := record(annID, directory.User, "ann")
	ann.CalendarEnabled, ann.LoginEnabled = calendar, login
	ann.Attributes = map[string][]string{"calStatus": {fmt.Sprint(calendar)}}
	dir, err := directory.NewStatic([]directory.Record{
		ann,
		record(bobID, directory.User, "bob"),
		record(innerID, directory.Group, "inner", annID, outerID),
		record(middleID, directory.Group, "middle", innerID),
		record(outerID, directory.Group, "outer", middleID),
		record(otherID, directory.Group, "other", bobID),
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func caller(t testing.TB, dir directory.Directory, guid string) *auth.Caller {
	t.Helper()
	p, err := dir.Lookup(t.Context(), directory.Key{By: directory.GUID, Value: guid})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := dir.Groups(t.Context(), guid)
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Caller{Principal: p, Groups: groups, Login: p.Name}
}

func open(t testing.TB, dir directory.Directory, c sacl.Config) *sacl.SACL {
	t.Helper()
	s, err := sacl.Open(sacl.Options{Config: c, Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ruleVariants are the rules that one service can have, and what they say of
// ann: 1 let in, 0 nothing, -1 turned away.
var ruleVariants = []struct {
	name  string
	rules sacl.Rules
	ann   int
}{
	{"unset", sacl.Rules{}, 0},
	{"everyone", sacl.Rules{Allow: []string{"everyone"}}, 1},
	{"listed by name", sacl.Rules{Allow: []string{"user:Ann"}}, 1},
	{"listed by GUID", sacl.Rules{Allow: []string{strings.ToLower(annID)}}, 1},
	{"in a group", sacl.Rules{Allow: []string{"group:inner"}}, 1},
	{"in a nested group", sacl.Rules{Allow: []string{"group:OUTER"}}, 1},
	{"in a nested group by GUID", sacl.Rules{Allow: []string{"group:" + outerID}}, 1},
	{"another listed", sacl.Rules{Allow: []string{"user:bob", "group:other"}}, -1},
	{"a group of the same name", sacl.Rules{Allow: []string{"group:ann", "user:inner"}}, -1},
	{"nobody known listed", sacl.Rules{Allow: []string{"user:zoe", "group:none"}}, -1},
	{"denied", sacl.Rules{Deny: []string{"user:ann"}}, -1},
	{"denied beats allowed", sacl.Rules{Allow: []string{"user:ann"}, Deny: []string{annID}}, -1},
	{"denied by group", sacl.Rules{Allow: []string{"group:inner"}, Deny: []string{"group:outer"}}, -1},
	{"exception from a denied group", sacl.Rules{Allow: []string{"user:ann"}, Deny: []string{"group:inner"}}, 1},
	{"group denied, everyone allowed", sacl.Rules{Allow: []string{"everyone"}, Deny: []string{"group:middle"}}, -1},
	{"everyone denied but a group", sacl.Rules{Allow: []string{"group:middle"}, Deny: []string{"everyone"}}, 1},
	{"others denied", sacl.Rules{Deny: []string{"user:bob", "group:other"}}, 0},
}

// TestDecisionTable checks every combination of rules for all services, rules
// for the service, and flags of the record; and that explain says the same.
func TestDecisionTable(t *testing.T) {
	for _, calendar := range []bool{true, false} {
		for _, login := range []bool{true, false} {
			dir := people(t, calendar, login)
			ann := caller(t, dir, annID)
			for _, all := range ruleVariants {
				for _, own := range ruleVariants {
					for _, svc := range []sacl.Service{sacl.Calendar, sacl.Web, sacl.Admin} {
						c := sacl.Config{All: all.rules}
						switch svc {
						case sacl.Calendar:
							c.Calendar = own.rules
						case sacl.Web:
							c.Web = own.rules
						case sacl.Admin:
							c.Admin = own.rules
						}
						listed := all.ann >= 0 && own.ann >= 0
						if svc == sacl.Admin && own.name == "unset" {
							listed = false
						}
						want := listed && login && (calendar || svc == sacl.Admin)
						name := fmt.Sprintf("calendar=%v login=%v all: %s, %s: %s", calendar, login, all.name, svc, own.name)
						decide(t, name, open(t, dir, c), svc, ann, want, listed)
					}
				}
			}
		}
	}
}

func decide(t *testing.T, name string, s *sacl.SACL, svc sacl.Service, c *auth.Caller, want, listed bool) {
	t.Helper()
	got, err := s.Check(t.Context(), svc, c)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got.Allowed != want {
		t.Errorf("%s: allowed = %v, want %v (%s: %s)", name, got.Allowed, want, got.Rule, got.Reason)
	}
	if decidedByRecord := got.Rule == "directory record"; decidedByRecord != (listed && !want) {
		t.Errorf("%s: decided by %q although the list says %v and the outcome is %v", name, got.Rule, listed, want)
	}
	e, err := s.Explain(t.Context(), svc, "ann")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if e.Allowed != got.Allowed || e.Rule != got.Rule || e.Reason != got.Reason {
		t.Errorf("%s: explain says %+v, decision is %+v", name, e.Decision, got)
	}
}

func TestExplainText(t *testing.T) {
	dir := people(t, true, true)
	s := open(t, dir, sacl.Config{Calendar: sacl.Rules{Allow: []string{"user:bob", "group:outer"}}})
	e, err := s.Explain(t.Context(), sacl.Calendar, "ann")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := e.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	const want = `ann (ANN) and service calendar: ALLOWED
  decided by  calendar: allow group:outer (configuration)
  because     the person is in the group that the rule names
  entry       cn=outer,dc=example,dc=com
  path        cn=ann,dc=example,dc=com
  member of     cn=inner,dc=example,dc=com
  member of       cn=middle,dc=example,dc=com
  member of         cn=outer,dc=example,dc=com
  steps
    1. rules for all: passed, there are no rules: everyone
    2. rules for calendar: passed, the person is in the group that the rule names: calendar: allow group:outer (configuration)
    3. directory record: passed, the directory record is enabled
  record      cn=ann,dc=example,dc=com
              GUID A0000000-0000-0000-0000-000000000001, may sign in: yes, calendars: yes
              calStatus: true
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if _, err := s.Explain(t.Context(), sacl.Calendar, "nobody"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("explain of an unknown person: %v", err)
	}
}

// away is a directory that does not respond.
type away struct{ directory.Directory }

func (away) Lookup(context.Context, directory.Key) (*directory.Principal, error) {
	return nil, &directory.UnavailableError{RetryAfter: time.Second}
}

// A directory that does not respond denies nobody: what can be decided without
// it is, and the rest is an error.
func TestDirectoryAway(t *testing.T) {
	dir := people(t, true, true)
	ann, bob := caller(t, dir, annID), caller(t, dir, bobID)
	for _, tt := range []struct {
		name  string
		rules sacl.Rules
		who   *auth.Caller
		want  string
	}{
		{"no rules", sacl.Rules{}, ann, "allowed"},
		{"person by name", sacl.Rules{Allow: []string{"group:other", "user:ann"}}, ann, "allowed"},
		{"person denied", sacl.Rules{Deny: []string{"user:ann"}}, ann, "denied"},
		{"group by GUID", sacl.Rules{Allow: []string{"group:" + outerID}}, ann, "allowed"},
		{"group by GUID, not in it", sacl.Rules{Allow: []string{"group:" + outerID}}, bob, "denied"},
		{"group by name", sacl.Rules{Allow: []string{"group:outer"}}, ann, "error"},
		{"denied group by name", sacl.Rules{Allow: []string{"everyone"}, Deny: []string{"group:other"}}, ann, "error"},
		{"group by name before one by GUID", sacl.Rules{Allow: []string{"group:other", "group:" + outerID}}, ann, "allowed"},
		{"denied groups, by name and by GUID", sacl.Rules{Deny: []string{"group:other", "group:" + outerID}}, ann, "denied"},
		{"denied by name, allowed by GUID", sacl.Rules{Allow: []string{"group:" + outerID}, Deny: []string{"group:other"}}, ann, "error"},
		{"in no group at all", sacl.Rules{Allow: []string{"group:outer"}}, &auth.Caller{Principal: ann.Principal}, "denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := "denied"
			d, err := open(t, away{dir}, sacl.Config{Calendar: tt.rules}).Check(t.Context(), sacl.Calendar, tt.who)
			switch {
			case err != nil && !errors.Is(err, directory.ErrUnavailable):
				t.Fatal(err)
			case err != nil:
				got = "error"
			case d.Allowed:
				got = "allowed"
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// A second group of a name gives nobody rights, takes none of the first's members
// out of what is denied to them, and stops nobody else.
func TestAmbiguousGroup(t *testing.T) {
	twin := func(guid, member string) directory.Record {
		return directory.Record{
			Principal: directory.Principal{GUID: guid, Type: directory.Group, Name: "staff", DN: "cn=staff,ou=" + guid},
			Members:   []directory.Key{{By: directory.GUID, Value: member}},
		}
	}
	user := func(guid, name string) directory.Record {
		return directory.Record{Principal: directory.Principal{GUID: guid, Type: directory.User, Name: name, CalendarEnabled: true, LoginEnabled: true}}
	}
	dir, err := directory.NewStatic([]directory.Record{user(annID, "ann"), user(bobID, "bob"), twin(innerID, annID), twin(otherID, bobID)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		rules sacl.Rules
		want  bool
	}{
		{"allowed", sacl.Rules{Allow: []string{"group:staff"}}, false},
		{"denied", sacl.Rules{Deny: []string{"group:staff"}}, false},
		{"allowed by GUID too", sacl.Rules{Allow: []string{"group:staff", "group:" + innerID, "group:" + otherID}}, true},
		{"denied, but everyone allowed", sacl.Rules{Allow: []string{"everyone"}, Deny: []string{"group:staff"}}, false},
	} {
		for _, who := range []string{annID, bobID} {
			s := open(t, dir, sacl.Config{Calendar: tt.rules})
			d, err := s.Check(t.Context(), sacl.Calendar, caller(t, dir, who))
			if err != nil || d.Allowed != tt.want {
				t.Errorf("%s, %s: %+v, %v", tt.name, who, d, err)
			}
			if e, err := s.Explain(t.Context(), sacl.Calendar, who); err != nil || e.Allowed != d.Allowed || e.Rule != d.Rule {
				t.Errorf("%s, %s: explained: %+v, %v", tt.name, who, e, err)
			}
		}
	}
}

func TestConfigCheck(t *testing.T) {
	for entry, ok := range map[string]bool{
		"everyone": true, "user:ann": true, "group:a b": true, annID: true, "guid:room1": true,
		"ann": false, "": false, "user:": false, "role:x": false,
	} {
		c := sacl.Config{Web: sacl.Rules{Deny: []string{entry}}}
		key, err := c.Check()
		if (err == nil) != ok || err != nil && (key != "web.deny" || !errors.Is(err, sacl.ErrBadRule)) {
			t.Errorf("%q: %q, %v", entry, key, err)
		}
		if _, err := sacl.Open(sacl.Options{Config: c}); (err == nil) != ok {
			t.Errorf("%q: Open: %v", entry, err)
		}
	}
	if _, err := sacl.ParseService("mail"); !errors.Is(err, sacl.ErrBadRule) {
		t.Errorf("ParseService: %v", err)
	}
	if !slices.Equal(sacl.Services(), []sacl.Service{"all", "calendar", "web", "admin"}) {
		t.Error(sacl.Services())
	}
}

func BenchmarkCheck(b *testing.B) {
	dir := directory.NewCache(people(b, true, true), directory.CacheOptions{})
	ann := caller(b, dir, annID)
	for name, rules := range map[string]sacl.Rules{
		"no rules": {}, "group by name": {Allow: []string{"user:bob", "group:outer"}}, "group by GUID": {Allow: []string{bobID, "group:" + outerID}},
	} {
		s := open(b, dir, sacl.Config{Calendar: rules})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d, err := s.Check(b.Context(), sacl.Calendar, ann); err != nil || !d.Allowed {
					b.Fatal(d, err)
				}
			}
		})
	}
}
