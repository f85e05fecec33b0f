package directory

import (
	"slices"
	"strings"
	"unicode/utf8"

	"convene/directory/ldif"
)

// Filters are built here and nowhere else. Values are escaped once, by equal
// and substring; attribute names come from the configuration and were checked
// by attributeName.

const inChain = "1.2.840.113556.1.4.1941"

// escapeValue writes a value as an assertion value (RFC 4515 §3). All bytes
// outside printable ASCII are escaped, so that any bytes are possible.
func escapeValue(s string) string {
	const hexDigits = "0123456789abcdef"
	plain := true
	for i := range len(s) {
		if mustEscape(s[i]) {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	b := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		if c := s[i]; mustEscape(c) {
			b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func mustEscape(c byte) bool {
	return c < 0x20 || c >= 0x7f || c == '(' || c == ')' || c == '*' || c == '\\'
}

// equal returns (attr=value).
func equal(attr, value string) string { return "(" + attr + "=" + escapeValue(value) + ")" }

// matching returns the filter for a value found in one of the ways.
func matching(attr, value string, how How) string {
	v := escapeValue(value)
	switch how {
	case StartsWith, StartsWord:
		v += "*"
	case Contains:
		v = "*" + v + "*"
	}
	return "(" + attr + "=" + v + ")"
}

// chained returns (attr:inChain:=value).
func chained(attr, value string) string {
	return "(" + attr + ":" + inChain + ":=" + escapeValue(value) + ")"
}

// and and or join filters; no filters give "", which matches nothing and is
// dropped by or.
func and(list ...string) string {
	if slices.Contains(list, "") {
		return ""
	}
	return join("&", list)
}

func or(list ...string) string {
	return join("|", slices.DeleteFunc(slices.Clone(list), func(f string) bool { return f == "" }))
}

func join(op string, list []string) string {
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	return "(" + op + strings.Join(list, "") + ")"
}

// equalAny returns the filter for a value in any of the attributes.
func equalAny(attrs []string, value string) string {
	out := make([]string, len(attrs))
	for i, a := range attrs {
		out[i] = equal(a, value)
	}
	return or(out...)
}

// keyFilter returns the filter that finds a canonical key among the records of
// the type, without the type's own filter; "" if there can be none.
func (m *mapping) keyFilter(s *spec, k Key) string {
	switch k.By {
	case GUID:
		return s.guidFilter(k.Value)
	case Name:
		return equalAny(s.Name, k.Value)
	case Address:
		return s.emailFilter(k.Value, Equals)
	case Login:
		return s.loginFilter(k.Value)
	case KerberosName:
		f := equalAny(s.Kerberos, k.Value)
		if name, ok := m.localName(k.Value); ok && s.typ == User {
			f = or(f, equalAny(s.Name, name))
		}
		return f
	}
	return ""
}

// localName returns the short name in a Kerberos principal of our realms.
func (m *mapping) localName(principal string) (string, bool) {
	name, realm, ok := cutPrincipal(principal)
	if !ok || !m.realms.possible(realm) || strings.Contains(name, "/") {
		return "", false
	}
	return name, true
}

func (s *spec) guidFilter(guid string) string {
	if !binaryGUID(s.GUID) {
		return equal(s.GUID, guid)
	}
	if b := bytesGUID(guid); b != "" {
		return equal(s.GUID, b)
	}
	return ""
}

func (s *spec) emailFilter(value string, how How) string {
	var list []string
	for _, a := range s.Email {
		list = append(list, emailMatch(a, value, how))
	}
	return or(list...)
}

// emailMatch is matching for an attribute with mail addresses.
func emailMatch(attr, value string, how How) string {
	switch {
	case !isProxyAddresses(attr):
		return matching(attr, value, how)
	case how == Contains:
		return "(" + attr + "=smtp:*" + escapeValue(value) + "*)"
	}
	return matching(attr, "smtp:"+value, how)
}

// loginFilter finds a user by what was typed. DOMAIN\name is the short name.
func (s *spec) loginFilter(value string) string {
	if s.typ != User {
		return ""
	}
	if _, name, ok := strings.Cut(value, `\`); ok {
		return equalAny(s.Name, name)
	}
	var list []string
	for _, a := range s.Login {
		if isProxyAddresses(a) {
			list = append(list, equal(a, "smtp:"+value))
		} else {
			list = append(list, equal(a, value))
		}
	}
	return or(list...)
}

// queryFilter returns the filter for a query among records of the type,
// without the type's own; "" if it matches none. A query without terms gives
// the filter that is always true.
func (m *mapping) queryFilter(s *spec, q Query) string {
	if len(q.Terms) == 0 {
		return "(objectClass=*)"
	}
	list := make([]string, len(q.Terms))
	for i, t := range q.Terms {
		list[i] = m.termFilter(s, t)
	}
	if q.Match == AnyOf {
		return or(list...)
	}
	return and(list...)
}

func (m *mapping) termFilter(s *spec, t Term) string {
	value := ldif.Fold(t.Value)
	if value == "" {
		return ""
	}
	var list []string
	for _, f := range t.fields() {
		if f == FieldEmail {
			for _, a := range s.Email {
				list = append(list, m.withTail(a, value, t.How, emailMatch(a, value, t.How)))
			}
			continue
		}
		for _, a := range s.fieldAttributes(f) {
			match := matching(a, value, t.How)
			if t.How == StartsWord && f.words() {
				match = or(match, m.wordFilter(a, value))
			}
			list = append(list, m.withTail(a, value, t.How, match))
		}
	}
	if t.How == StartsWord && m.activeDirectory && slices.ContainsFunc(t.fields(), Field.words) {
		list = append(list, equal("anr", value))
	}
	return or(list...)
}

// wordFilter finds a value at the beginning of a word within a name. slapd has an index
// for that from four characters on, the space included; of shorter values it would read
// every record. Active Directory usually has none, and resolves ambiguous names instead
// ([MS-ADTS] §3.1.1.3.1.3.3).
func (m *mapping) wordFilter(attr, value string) string {
	if m.activeDirectory || utf8.RuneCountInString(value) < 3 {
		return ""
	}
	return "(" + attr + "=* " + escapeValue(value) + "*)"
}

// withTail adds to a filter what follows from it: that the value's last four characters
// are in the attribute. slapd's index of substrings has keys of four characters. Of a
// value's beginning it uses the first four and, from seven on, some of the others; for a
// letter that it leaves out it would read everybody who has the four before. Of values
// that are not plain ASCII the end may compare otherwise than within the whole.
func (m *mapping) withTail(attr, value string, how How, filter string) string {
	end := len(value) - tailLength
	if !m.tails || how == Equals || end < 1 {
		return filter
	}
	for i := end - 1; i < len(value); i++ {
		if c := value[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return filter
		}
	}
	return and(matching(attr, value[end:], Contains), filter)
}

// tailLength is how many characters a key in slapd's index of substrings has
// (index_substr_any_len).
const tailLength = 4

// words reports whether a field has names of several words.
func (f Field) words() bool { return f == FieldFullName || f == FieldGivenName || f == FieldSurname }

// fieldAttributes returns the attributes behind a field other than mail.
func (s *spec) fieldAttributes(f Field) []string {
	var attrs []string
	switch f {
	case FieldFullName:
		attrs = s.FullName
	case FieldGivenName:
		attrs = []string{s.GivenName}
	case FieldSurname:
		attrs = []string{s.Surname}
	case FieldName:
		attrs = s.Name
	}
	return slices.DeleteFunc(slices.Clone(attrs), func(a string) bool { return a == "" })
}
