package directory

import (
	"testing"
	"unicode/utf8"

	"convene/directory/ldif"
)

// FuzzFilter: any value gives a filter that compiles and matches the value as
// it is written, and nothing else.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"alice", "*", "a)(uid=*", `\2a`, "\x00", "José", "\xff\xfe", " two  words ", "a,b=c", "(|(x=y))", "", "ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if value == "" {
			return
		}
		eq, err := ldif.ParseFilter(equal("uid", value))
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		e := ldif.NewEntry("uid=x")
		e.Set("uid", value)
		if eq.Match(e, nil) != ldif.True {
			t.Errorf("%q does not match itself", value)
		}
		for _, other := range []string{"other", "", "*", value + "x", "x" + value} {
			e.Set("uid", other)
			if eq.Match(e, nil) == ldif.True && ldif.Fold(other) != ldif.Fold(value) {
				t.Errorf("%q matches %q", value, other)
			}
		}
		if !utf8.ValidString(value) || ldif.Fold(value) == "" {
			return
		}
		for _, how := range []How{Contains, StartsWith} {
			s, err := ldif.ParseFilter(matching("uid", ldif.Fold(value), how))
			if err != nil {
				t.Fatalf("%q: %v", value, err)
			}
			e.Set("uid", ldif.Fold(value)+"tail")
			if s.Match(e, nil) != ldif.True {
				t.Errorf("%q does not match its start", value)
			}
			e.Set("uid", "\x01")
			if s.Match(e, nil) == ldif.True && ldif.Fold(value) != "\x01" {
				t.Errorf("%q matches what it is not", value)
			}
		}
	})
}

// FuzzQuery: whatever is asked for, the filter built compiles.
func FuzzQuery(f *testing.F) {
	f.Add("alice", "x@y", uint8(1), uint8(3))
	f.Add("*", ")(", uint8(2), uint8(9))
	m, err := newMapping("ad", []string{"dc=x"}, realms{list: []string{"R"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string, how, by uint8) {
		q := Query{Match: Combine(by % 2), Terms: []Term{{Value: a, How: How(how % 3)}, {Value: b, How: How(by % 3), Fields: []Field{Field(how % 6)}}}}
		for _, s := range m.specs {
			filters := []string{m.queryFilter(s, q), (&memberships{member: s.Member, name: s.MemberName, guid: s.MemberGUID}).filter([]string{a}, []string{b}, []string{a})}
			if k, err := (Key{By: KeyKind(by % 7), Value: a}).Canonical(); err == nil {
				filters = append(filters, m.keyFilter(s, k))
			}
			for _, text := range filters {
				if text == "" {
					continue
				}
				if _, err := ldif.ParseFilter(and(s.Filter, text)); err != nil {
					t.Errorf("%q: %v", text, err)
				}
			}
		}
	})
}
