package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convene/directory/ldif"
)

// TestTail: on slapd a search by the beginning of a name also asks for the end of what was
// typed, which its index has; the records found are the same.
func TestTail(t *testing.T) {
	for _, tt := range []struct{ preset, typed, tail string }{
		{"openldap", "surn5", "(sn=*urn5*)"}, {"openldap", "Surname12", "(sn=*me12*)"}, {"opendirectory", "surn5", "(sn=*urn5*)"},
		{"openldap", "surn", ""}, {"openldap", "josé1", ""}, {"openldap", "von der", ""}, {"openldap", "x*)(uid=*", ""},
		{"389ds", "surn5", ""}, {"freeipa", "surn5", ""}, {"ad", "surn5", ""},
	} {
		m, err := newMapping(tt.preset, []string{"dc=x"}, realms{list: []string{"R"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, how := range []How{Contains, StartsWith, StartsWord} {
			q := Query{Terms: []Term{{Value: tt.typed, How: how, Fields: []Field{FieldSurname}}}}
			text := m.queryFilter(m.spec(User), q)
			if tt.tail == "" && strings.Contains(text, "(&") || !strings.Contains(text, tt.tail) {
				t.Errorf("%s, %q, %v: %s; want %q in it", tt.preset, tt.typed, how, text, tt.tail)
			}
			filter, err := ldif.ParseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{tt.typed, tt.typed + "x", "x" + tt.typed, "von " + tt.typed, "de la " + tt.typed + "er", "other", tt.typed[1:]} {
				e := ldif.NewEntry("uid=x")
				e.Set("sn", name)
				folded, value := ldif.Fold(name), ldif.Fold(tt.typed)
				want := strings.Contains(folded, value)
				if how != Contains {
					want = strings.HasPrefix(folded, value)
				}
				if how == StartsWord && !m.activeDirectory {
					want = want || strings.Contains(folded, " "+value)
				}
				if got := filter.Match(e, nil) == ldif.True; got != want {
					t.Errorf("%s, %q, %v: %q found %t, want %t", tt.preset, tt.typed, how, name, got, want)
				}
			}
		}
	}
}

// TestManyValues: of some values and of thousands each is there once, in order.
func TestManyValues(t *testing.T) {
	for _, n := range []int{3, 31, 32, 33, 5000} {
		e := ldif.NewEntry("cn=x")
		var want []string
		for i := range n {
			v := fmt.Sprintf("v%d", i)
			want = append(want, v)
			e.Add("member", v, " "+v, fmt.Sprintf("v%d", i/2))
		}
		if got := values(e, "member", "", "member"); !slices.Equal(got, want) {
			t.Errorf("%d values: %d", n, len(got))
		}
	}
}
