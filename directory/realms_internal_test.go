package directory

import (
	"errors"
	"slices"
	"testing"
)

func TestRealmsOf(t *testing.T) {
	domain := func(list ...string) realms { return realms{list: list, byDomain: true} }
	split := map[string]string{"A": "OU=a, DC=x", "B": "ou=b,dc=x", "C": "ou=c,ou=a,dc=x"}
	for _, tt := range []struct {
		name   string
		realms realms
		dn     string
		want   []string
	}{
		{"none configured", realms{}, "uid=a,dc=x", nil},
		{"configured", realms{list: []string{"A", "B"}}, "uid=a,dc=x", []string{"A", "B"}},
		{"domain", domain(), "CN=a,OU=b,DC=ad,DC=example,DC=com", []string{"AD.EXAMPLE.COM"}},
		{"child domain", domain(), "CN=a,DC=sub,DC=ad,DC=example,DC=com", []string{"SUB.AD.EXAMPLE.COM"}},
		{"domain in a user's own part of the name", domain(), `CN=a\,DC=evil,CN=Users,DC=ad`, []string{"AD"}},
		{"domain below something else", domain(), "CN=a,DC=evil,OU=b,DC=ad", []string{"AD"}},
		{"domain of several configured", domain("A", "AD"), "CN=a,DC=ad", []string{"AD"}},
		{"domain by another name", domain("A"), "CN=a,DC=ad", []string{"A"}},
		{"base", realms{bases: split}, "uid=a,ou=a,dc=x", []string{"A"}},
		{"other base", realms{bases: split, list: []string{"A", "B"}}, "uid=a,OU=B,dc=x", []string{"B"}},
		{"nearest base", realms{bases: split}, "uid=a,ou=c,ou=a,dc=x", []string{"C"}},
		{"no base", realms{bases: split}, "uid=a,dc=x", []string{"-"}},
		{"no base, realm without one", realms{bases: split, list: []string{"A", "D"}}, "uid=a,dc=x", []string{"D"}},
		{"no base, in a domain", realms{bases: split, byDomain: true}, "cn=a,dc=x", []string{"X"}},
		{"domain with another base", realms{bases: map[string]string{"X": "ou=a,dc=x"}, byDomain: true}, "cn=a,dc=x", []string{"-"}},
	} {
		if err := tt.realms.complete(tt.realms.byDomain); err != nil {
			t.Fatal(err)
		}
		if got := tt.realms.of(tt.dn); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	var setting *SettingError
	if _, err := newMapping("", []string{"dc=x"}, realms{bases: map[string]string{"A": ""}}, nil); !errors.As(err, &setting) || setting.Setting != "kerberos-bases" {
		t.Error(err)
	}
}
