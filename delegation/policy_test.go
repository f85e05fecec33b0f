package delegation_test

import (
	"testing"

	"convene/auth"
	"convene/delegation"
	"convene/directory"
)

func caller(guid string, groups ...string) *auth.Caller {
	return &auth.Caller{Principal: &directory.Principal{GUID: guid}, Groups: groups}
}

// Who may do what, for every kind of caller in every part of the URL space.
func TestPrivileges(t *testing.T) {
	const (
		none   = delegation.None
		all    = delegation.All
		look   = delegation.Read | delegation.ReadPrivileges
		record = look | delegation.ReadACL | delegation.WriteProperties
		busy   = delegation.ReadFreeBusy
	)
	policy := &delegation.Policy{Administrators: []string{"boss", "admins"}, Readers: []string{"auditor", "auditors"}}
	for name, tt := range map[string]struct {
		caller *auth.Caller
		want   [4]delegation.Privilege // by area
	}{
		"nobody":                     {nil, [4]delegation.Privilege{none, none, none, none}},
		"without record":             {&auth.Caller{}, [4]delegation.Privilege{none, none, none, none}},
		"without GUID":               {caller(""), [4]delegation.Privilege{none, none, none, none}},
		"owner":                      {caller("ann"), [4]delegation.Privilege{look, record, all, all}},
		"colleague":                  {caller("bob"), [4]delegation.Privilege{look, look, none, busy}},
		"colleague in a group":       {caller("bob", "others"), [4]delegation.Privilege{look, look, none, busy}},
		"administrator":              {caller("boss"), [4]delegation.Privilege{all, all, all, all}},
		"administrator by a group":   {caller("bob", "admins", "others"), [4]delegation.Privilege{all, all, all, all}},
		"reader":                     {caller("auditor"), [4]delegation.Privilege{look, look, look, look}},
		"reader by a group":          {caller("bob", "auditors"), [4]delegation.Privilege{look, look, look, look}},
		"owner who is a reader":      {caller("ann", "auditors"), [4]delegation.Privilege{look, record, all, all}},
		"group of the owner's name":  {caller("bob", "ann"), [4]delegation.Privilege{look, look, none, busy}},
		"administrator who reads":    {caller("boss", "auditors"), [4]delegation.Privilege{all, all, all, all}},
		"owner of nothing in common": {caller("cat", "dogs"), [4]delegation.Privilege{look, look, none, busy}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, area := range []delegation.Area{delegation.Shared, delegation.Record, delegation.Home, delegation.Calendar} {
				owner := "ann"
				if area == delegation.Shared {
					owner = ""
				}
				if got := policy.Privileges(tt.caller, owner, area); got != tt.want[i] {
					t.Errorf("area %d: %b, want %b", area, got, tt.want[i])
				}
			}
			if got, want := policy.IsAdministrator(tt.caller), tt.want[0] == all; got != want {
				t.Errorf("IsAdministrator = %v", got)
			}
		})
	}
	for _, area := range []delegation.Area{delegation.Record, delegation.Home, delegation.Calendar} {
		if got := policy.Privileges(caller(""), "", area); got != none {
			t.Errorf("nobody on nobody's, area %d: %b", area, got)
		}
	}
}

func TestHas(t *testing.T) {
	for _, tt := range []struct {
		have, need delegation.Privilege
		want       bool
	}{
		{delegation.All, delegation.Write, true}, {delegation.Write, delegation.Bind, true}, {delegation.Bind, delegation.Write, false},
		{delegation.Read, delegation.ReadFreeBusy, true}, {delegation.ReadFreeBusy, delegation.Read, false}, {delegation.None, delegation.None, true},
	} {
		if tt.have.Has(tt.need) != tt.want {
			t.Errorf("%b has %b: %v", tt.have, tt.need, !tt.want)
		}
	}
}
