package server

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"convene/acl"
	"convene/auth"
	"convene/directory"
)

// away is a directory that knows some records, and cannot be asked about groups or
// records after a while.
type away struct {
	directory.Directory
	lookup, groups bool // away
}

func (a away) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	if a.lookup {
		return nil, directory.ErrUnavailable
	}
	return a.Directory.Lookup(ctx, key)
}

func (a away) Groups(ctx context.Context, guid string) ([]string, error) {
	if a.groups {
		return nil, directory.ErrUnavailable
	}
	return a.Directory.Groups(ctx, guid)
}

// While the directory cannot say who may act as whom, nobody is told that they may
// not, and nobody may.
func TestSudoWithoutDirectory(t *testing.T) {
	record := func(name string, login bool) directory.Record {
		return directory.Record{Principal: directory.Principal{GUID: name, Type: directory.User, Name: name, LoginEnabled: login}}
	}
	static, err := directory.NewStatic([]directory.Record{record("ann", true), record("bob", true), record("dan", false)})
	if err != nil {
		t.Fatal(err)
	}
	all := &sudo{sudoers: []string{"ann"}}
	for name, tt := range map[string]struct {
		s      *sudo
		d      away
		who    string
		as     string
		want   int // status of a refusal
		outage bool
	}{
		"all is well":                  {s: all, who: "ann", as: "bob"},
		"who may not sign in":          {s: all, who: "ann", as: "dan", want: 403},
		"no record":                    {s: all, d: away{lookup: true}, who: "ann", as: "bob", outage: true},
		"no groups":                    {s: all, d: away{groups: true}, who: "ann", as: "bob", outage: true},
		"sudoers are not known":        {s: &sudo{incomplete: true}, who: "ann", as: "bob", outage: true},
		"others are known":             {s: &sudo{sudoers: []string{"ann"}, incomplete: true}, who: "ann", as: "bob"},
		"administrators are not known": {s: &sudo{sudoers: []string{"ann"}, policy: acl.Policy{Incomplete: true}}, who: "ann", as: "bob", outage: true},
		"no sudoer, and all away":      {s: all, d: away{lookup: true, groups: true}, who: "bob", as: "ann", want: 403},
	} {
		t.Run(name, func(t *testing.T) {
			tt.d.Directory = static
			self := &auth.Caller{Principal: &directory.Principal{GUID: tt.who, Name: tt.who}}
			got, err := tt.s.caller(t.Context(), tt.d, self, http.Header{sudoHeader: {tt.as}})
			refused, no := errors.AsType[*sudoError](err)
			switch {
			case tt.outage != errors.Is(err, directory.ErrUnavailable), no != (tt.want != 0), no && refused.status != tt.want:
				t.Errorf("%v, %v", got, err)
			case err == nil && (got.Principal.GUID != tt.as || got.Sudo != self):
				t.Errorf("%+v", got)
			}
		})
	}
}
