package directory

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A FieldSource says which attributes a field of a record comes from.
type FieldSource struct {
	Setting    string   `json:"setting"`    // of RecordConfig, such as "full-name"
	Attributes []string `json:"attributes"` // in order of preference
	Values     []string `json:"values"`     // that the entry has of them
}

// A ConditionResult is one condition of calendar-enabled, login-enabled and the like.
type ConditionResult struct {
	Setting   string   `json:"setting"`
	Condition string   `json:"condition"` // as configured
	Values    []string `json:"values"`    // of its attribute
	Holds     bool     `json:"holds"`
}

// An Explanation is a record as the directory has it now, and why it is so.
type Explanation struct {
	Principal  *Principal
	Fields     []FieldSource
	Conditions []ConditionResult
}

// Explain reads a record anew, by GUID. Errors: those of Lookup.
func (l *LDAP) Explain(ctx context.Context, guid string) (*Explanation, error) {
	k, err := Key{By: GUID, Value: guid}.Canonical()
	if err != nil {
		return nil, err
	}
	f, err := l.findWith(ctx, k, nil)
	if err != nil {
		return nil, err
	}
	out := &Explanation{Principal: f.p}
	for _, source := range f.s.sources() {
		if source.Attributes = slices.DeleteFunc(source.Attributes, func(a string) bool { return a == "" }); len(source.Attributes) == 0 {
			continue
		}
		source.Values = values(f.e, source.Attributes...)
		if source.Setting == "guid" { // it may be binary
			source.Values = []string{f.p.GUID}
		}
		out.Fields = append(out.Fields, source)
	}
	for _, list := range []struct {
		setting string
		texts   []string
		parsed  []condition
	}{
		{"calendar-enabled", f.s.CalendarEnabled, f.s.calendar}, {"login-enabled", f.s.LoginEnabled, f.s.login},
		{"must-change", f.s.MustChange, f.s.mustChange}, {"locked", f.s.Locked, f.s.locked},
	} {
		for i, c := range list.parsed {
			v := f.e.Values(c.attr)
			out.Conditions = append(out.Conditions, ConditionResult{list.setting, list.texts[i], v, c.holds(v)})
		}
	}
	return out, nil
}

// sources lists the fields of a record and their attributes, but for secrets.
func (s *spec) sources() []FieldSource {
	one := func(a string) []string { return []string{a} }
	list := []struct {
		setting string
		attrs   []string
	}{
		{"guid", one(s.GUID)}, {"name", s.Name}, {"login", s.Login}, {"full-name", s.FullName}, {"given-name", one(s.GivenName)},
		{"surname", one(s.Surname)}, {"language", one(s.Language)}, {"email", s.Email}, {"kerberos", s.Kerberos},
		{"account-expires", s.AccountExpires}, {"password-expires", s.PasswordExpires}, {"locked-until", one(s.LockedUntil)},
		{"locked-since", one(s.LockedSince)}, {"auto-schedule", one(s.AutoSchedule)}, {"auto-accept-group", one(s.AutoAcceptGroup)},
		{"capacity", one(s.Capacity)}, {"building", one(s.Building)}, {"floor", one(s.Floor)}, {"room", one(s.RecordConfig.Room)},
		{"address", one(s.Address)}, {"geo", one(s.Geo)}, {"features", s.Features}, {"owners", one(s.Owners)},
		{"write-delegates", one(s.WriteDelegates)}, {"read-delegates", one(s.ReadDelegates)}, {"calendar-access", one(s.CalendarAccess)},
		{"extra", s.Extra},
	}
	out := make([]FieldSource, len(list))
	for i, f := range list {
		out[i] = FieldSource{Setting: f.setting, Attributes: slices.Clone(f.attrs)}
	}
	return out
}

// Explain explains a record as LDAP.Explain does; of a directory in files there is no
// more to say than the record. Errors: those of Lookup.
func (c *Client) Explain(ctx context.Context, guid string) (*Explanation, error) {
	if l, ok := c.source.(*LDAP); ok {
		return l.Explain(ctx, guid)
	}
	p, err := c.source.Lookup(ctx, Key{By: GUID, Value: guid})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", guid, err)
	}
	return &Explanation{Principal: p}, nil
}

// Remembered returns a record as it is remembered, and how old that is. Error:
// ErrNotFound, if it is not.
func (c *Cache) Remembered(guid string) (*Principal, time.Duration, error) {
	it := c.principals.get(Key{By: GUID, Value: CanonicalGUID(guid)})
	if it == nil {
		return nil, 0, fmt.Errorf("%s, of those remembered: %w", guid, ErrNotFound)
	}
	return it.v, time.Duration(c.o.Now().UnixNano() - it.at), nil
}
