package directory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"convene/directory/ldif"
)

// ErrNoGUID is an entry whose identity cannot be read. It is never "not
// found": usually the service account lacks the right to read the attribute.
var ErrNoGUID = errors.New("entry has no readable GUID attribute")

// spec is a RecordConfig made ready.
type spec struct {
	RecordConfig
	typ        Type
	scope      ldif.Scope
	folded     []string // of Base
	compiled   *ldif.Filter
	calendar   []condition
	login      []condition
	searchable []condition
	mustChange []condition
	locked     []condition
	autoValues map[string]string // folded directory value → AutoSchedule*
}

// mapping turns entries into principals, for LDAP and for LDIF files alike.
type mapping struct {
	preset
	specs  []*spec  // by precedence
	attrs  []string // all attributes needed for principals
	realms realms
}

// precedence is the order in which record types claim an entry.
func precedence() []Type { return []Type{Location, Resource, Group, User} }

// newMapping checks the configuration and makes it ready.
func newMapping(presetName string, base []string, kerberos realms, records map[Type]RecordConfig) (*mapping, error) {
	p, err := presetNamed(presetName)
	if err != nil {
		return nil, err
	}
	if err := kerberos.complete(p.activeDirectory); err != nil {
		return nil, err
	}
	m := &mapping{preset: p, realms: kerberos}
	if p.activeDirectory {
		m.attrs = append(m.attrs, objectSID)
	}
	for _, t := range precedence() {
		r := records[t].override(p.records[t])
		if len(r.Base) == 0 {
			r.Base = p.below(t, base)
		}
		if r.Filter == "" || records[t].Filter == none {
			continue
		}
		s, err := newSpec(t, r)
		if err != nil {
			return nil, inTable(t.String(), err)
		}
		m.specs = append(m.specs, s)
		m.attrs = append(m.attrs, s.attributes()...)
	}
	if len(m.specs) == 0 {
		return nil, setting("users.filter", "no record types are configured")
	}
	slices.SortFunc(m.attrs, compareFold)
	m.attrs = slices.CompactFunc(m.attrs, strings.EqualFold)
	return m, m.checkSecret()
}

func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func newSpec(t Type, r RecordConfig) (*spec, error) {
	s := &spec{RecordConfig: r, typ: t, scope: ldif.Sub}
	switch strings.ToLower(r.Scope) {
	case "", "sub":
	case "one":
		s.scope = ldif.One
	default:
		return nil, setting("scope", "%q: neither sub nor one", r.Scope)
	}
	if len(r.Base) == 0 {
		return nil, setting("base", "no search base")
	}
	for _, b := range r.Base {
		s.folded = append(s.folded, ldif.FoldDN(b))
	}
	if len(r.Login) == 0 {
		s.Login = slices.Concat(r.Name, r.Email)
	}
	var err error
	if s.compiled, err = ldif.ParseFilter(r.Filter); err != nil {
		return nil, &SettingError{"filter", err}
	}
	if r.GUID == "" || len(r.Name) == 0 {
		return nil, setting("guid", "guid and name are needed")
	}
	if s.calendar, err = parseConditions(r.CalendarEnabled); err != nil {
		return nil, &SettingError{"calendar-enabled", err}
	}
	if s.login, err = parseConditions(r.LoginEnabled); err != nil {
		return nil, &SettingError{"login-enabled", err}
	}
	if s.searchable, err = parseConditions(r.Searchable); err != nil {
		return nil, &SettingError{"searchable", err}
	}
	if s.mustChange, err = parseConditions(r.MustChange); err != nil {
		return nil, &SettingError{"must-change", err}
	}
	if s.locked, err = parseConditions(r.Locked); err != nil {
		return nil, &SettingError{"locked", err}
	}
	if r.LockedFor < 0 {
		return nil, setting("locked-for", "%v is below zero", r.LockedFor)
	}
	if err := s.autoScheduleValues(); err != nil {
		return nil, err
	}
	if err := s.completeDigest(); err != nil {
		return nil, err
	}
	for _, a := range slices.Concat(s.attributes(), s.Member, s.MemberName, s.MemberGUID) {
		if !attributeName(a) {
			return nil, fmt.Errorf("attribute %q: not a name", a)
		}
	}
	return s, nil
}

func parseConditions(list []string) ([]condition, error) {
	var out []condition
	for _, s := range list {
		c, err := parseCondition(s)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// autoScheduleValues joins the configured values with the words themselves.
func (s *spec) autoScheduleValues() error {
	modes := []string{AutoScheduleNone, AutoScheduleAcceptAlways, AutoScheduleDeclineAlways,
		AutoScheduleAcceptIfFree, AutoScheduleDeclineIfBusy, AutoScheduleAutomatic}
	s.autoValues = map[string]string{"true": AutoScheduleAutomatic, "false": AutoScheduleNone, "default": ""}
	for _, m := range modes {
		s.autoValues[m] = m
	}
	for v, m := range s.AutoScheduleValues {
		if !slices.Contains(modes, m) {
			return setting("auto-schedule-values", "%q is none of %s", m, strings.Join(modes, ", "))
		}
		s.autoValues[ldif.Fold(v)] = m
	}
	return nil
}

// attributes lists what has to be read to make a principal. The members of
// groups are not among them: they may be many.
func (s *spec) attributes() []string {
	out := slices.Concat([]string{"objectClass"}, s.compiled.Attributes(), s.Name, s.Login, s.FullName, s.Email, s.Kerberos, s.Features, s.Extra)
	out = append(out, s.GUID, s.GivenName, s.Surname, s.Language, s.AutoSchedule, s.AutoAcceptGroup, s.Capacity,
		s.Building, s.Floor, s.Room, s.Address, s.Geo, s.Owners, s.ReadDelegates, s.CalendarAccess)
	out = append(out, s.writeDelegates()...)
	out = slices.AppendSeq(out, maps.Values(s.RoomSettings))
	out = append(out, s.LockedUntil, s.LockedSince, s.LogonHours)
	out = slices.Concat(out, s.AccountExpires, s.PasswordExpires)
	for _, c := range slices.Concat(s.calendar, s.login, s.searchable, s.mustChange, s.locked) {
		out = append(out, c.attr)
	}
	out = slices.DeleteFunc(out, func(a string) bool { return a == "" })
	slices.SortFunc(out, compareFold)
	return slices.CompactFunc(out, strings.EqualFold)
}

// spec returns the configuration of one record type, nil if there are none.
func (m *mapping) spec(t Type) *spec {
	for _, s := range m.specs {
		if s.typ == t {
			return s
		}
	}
	return nil
}

// identity lists what has to be read to tell the type of a record and its GUID.
func (m *mapping) identity() []string {
	out := []string{"objectClass"}
	if m.activeDirectory {
		out = append(out, objectSID) // whose primary group it is, of a group
	}
	for _, s := range m.specs {
		out = append(append(out, s.GUID), s.compiled.Attributes()...)
	}
	slices.SortFunc(out, compareFold)
	return slices.CompactFunc(out, strings.EqualFold)
}

// classify returns the record type of an entry that a search for the types
// asked has found; nil if it is none of ours. Where only one type was asked
// for, the server's word that the entry matches counts, as we may lack the
// right to read what the filter looks at.
func (m *mapping) classify(e *ldif.Entry, asked ...*spec) *spec {
	for _, s := range m.specs {
		sole := len(asked) == 1 && asked[0] == s
		if s.contains(e) && (sole || s.compiled.Match(e, nil) == ldif.True) {
			return s
		}
	}
	return nil
}

// contains reports whether the entry is where records of this type are.
func (s *spec) contains(e *ldif.Entry) bool {
	return slices.ContainsFunc(s.folded, func(b string) bool { return e.In(b, s.scope) })
}

// principal makes a principal of an entry. Error: ErrNoGUID.
func (m *mapping) principal(e *ldif.Entry, s *spec) (*Principal, error) {
	guid := s.guid(e)
	if guid == "" {
		return nil, fmt.Errorf("%q, attribute %s: %w", e.DN, s.GUID, ErrNoGUID)
	}
	p := &Principal{
		GUID: guid, Type: s.typ, DN: e.DN,
		GivenName: e.Value(s.GivenName), Surname: e.Value(s.Surname), Language: e.Value(s.Language),
		Emails: s.emails(e), Kerberos: values(e, s.Kerberos...),
		AutoSchedule: s.autoValues[ldif.Fold(e.Value(s.AutoSchedule))], AutoAcceptGroup: e.Value(s.AutoAcceptGroup),
		Capacity: firstNumber(e.Value(s.Capacity)), Building: e.Value(s.Building), Floor: e.Value(s.Floor),
		Room: e.Value(s.Room), Address: e.Value(s.Address), Geo: e.Value(s.Geo), Features: features(values(e, s.Features...)),
		Owners: values(e, s.Owners), WriteDelegates: firstOf(e, s.writeDelegates()), ReadDelegates: values(e, s.ReadDelegates),
		CalendarAccess:  s.calendarAccess(e),
		Hidden:          !all(s.searchable, e),
		CalendarEnabled: all(s.calendar, e), LoginEnabled: s.typ == User && all(s.login, e),
		Account:    s.account(e),
		Attributes: s.evidence(e),
	}
	for name, attr := range s.RoomSettings {
		if v := values(e, attr); len(v) > 0 {
			if p.RoomSettings == nil {
				p.RoomSettings = map[string]string{}
			}
			p.RoomSettings[name] = strings.Join(v, "\n")
		}
	}
	if names := values(e, s.Name...); len(names) > 0 {
		p.Name = names[0]
		if len(names) > 1 {
			p.Aliases = names[1:]
		}
	}
	full := ""
	if v := values(e, s.FullName...); len(v) > 0 {
		full = v[0]
	}
	p.FullName = cmp.Or(full, strings.TrimSpace(p.GivenName+" "+p.Surname), p.Name, guid)
	if s.typ == User {
		p.inRealms(m.realms.of(p.DN))
	}
	if m.activeDirectory {
		p.ActiveDirectory, p.SID = true, textSID(e.Value(objectSID))
	}
	return p, nil
}

// calendarAccess is what the members of a group may do with its calendars. What is no
// word for it gives them nothing.
func (s *spec) calendarAccess(e *ldif.Entry) string {
	value := ldif.Fold(strings.TrimSpace(e.Value(s.CalendarAccess)))
	if s.typ == Group && (value == CalendarAccessRead || value == CalendarAccessReadWrite) {
		return value
	}
	return ""
}

// guid returns the identity of an entry, or "".
func (s *spec) guid(e *ldif.Entry) string {
	v := e.Values(s.GUID)
	if len(v) != 1 {
		return "" // none, or more than one: not an identity
	}
	if binaryGUID(s.GUID) {
		return textGUID(v[0])
	}
	return CanonicalGUID(strings.TrimSpace(v[0]))
}

// evidence returns the values behind the flags, and the extra attributes.
func (s *spec) evidence(e *ldif.Entry) map[string][]string {
	var out map[string][]string
	keep := func(attr string) {
		if v := e.Values(attr); len(v) > 0 {
			if out == nil {
				out = map[string][]string{}
			}
			out[attr] = v
		}
	}
	for _, c := range slices.Concat(s.calendar, s.login) {
		keep(c.attr)
	}
	for _, a := range s.Extra {
		keep(a)
	}
	return out
}

func all(list []condition, e *ldif.Entry) bool {
	for _, c := range list {
		if !c.holds(e.Values(c.attr)) {
			return false
		}
	}
	return true
}

// values returns the values of several attributes, each once.
func values(e *ldif.Entry, attrs ...string) []string {
	var out []string
	var seen map[string]bool // of many
	known := func(v string) bool {
		if len(out) < 32 {
			return slices.Contains(out, v)
		}
		if seen == nil {
			seen = make(map[string]bool, 2*len(out))
			for _, o := range out {
				seen[o] = true
			}
		}
		dup := seen[v]
		seen[v] = true
		return dup
	}
	for _, a := range attrs {
		if a == "" {
			continue
		}
		for _, v := range e.Values(a) {
			if v = strings.TrimSpace(v); v != "" && !known(v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// writeDelegates are the attributes of that setting.
func (s *spec) writeDelegates() []string { return strings.Split(s.WriteDelegates, ",") }

// firstOf returns the values of the first attribute that has some.
func firstOf(e *ldif.Entry, attrs []string) []string {
	for _, a := range attrs {
		if v := values(e, a); len(v) > 0 {
			return v
		}
	}
	return nil
}

// emails returns the mail addresses of an entry, the primary one first.
func (s *spec) emails(e *ldif.Entry) []string {
	var out []string
	for _, attr := range s.Email {
		var more []string
		for _, v := range e.Values(attr) {
			primary := false
			if isProxyAddresses(attr) {
				scheme, rest, ok := strings.Cut(v, ":")
				if !ok || !strings.EqualFold(scheme, "smtp") {
					continue // X.500, SIP and other addresses
				}
				v, primary = rest, scheme == "SMTP"
			}
			if v = ldif.Fold(v); strings.IndexByte(v, '@') <= 0 || slices.Contains(out, v) || slices.Contains(more, v) {
				continue
			}
			if primary {
				more = slices.Insert(more, 0, v)
			} else {
				more = append(more, v)
			}
		}
		out = append(out, more...)
	}
	return out
}

func isProxyAddresses(attr string) bool { return strings.EqualFold(attr, "proxyAddresses") }

// features splits lists.
func features(list []string) []string {
	var out []string
	for _, v := range list {
		for f := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
			if f = strings.TrimSpace(f); f != "" && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// firstNumber returns the first number in s, or 0. Nine digits count.
func firstNumber(s string) int {
	start := strings.IndexAny(s, "0123456789")
	if start < 0 {
		return 0
	}
	n := 0
	for i := start; i < len(s) && i < start+9 && s[i] >= '0' && s[i] <= '9'; i++ {
		n = 10*n + int(s[i]-'0')
	}
	return n
}
