package calquery

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// A collation says when characters count as the same (RFC 4790).
type collation uint8

const (
	asciiCasemap   collation = iota // i;ascii-casemap (RFC 4790 §9.2): the default
	octet                           // i;octet (RFC 4790 §9.3)
	unicodeCasemap                  // i;unicode-casemap (RFC 5051)
)

// Collations returns the names of the collations that text-match understands,
// for CALDAV:supported-collation-set (RFC 4791 §7.5.1).
func Collations() []string {
	return []string{"i;ascii-casemap", "i;octet", "i;unicode-casemap"}
}

// parseCollation returns the collation of that name. caseless is the attribute
// that drafts of RFC 4791 had instead.
func parseCollation(name, caseless string) (collation, bool) {
	switch strings.ToLower(name) {
	case "":
		if strings.EqualFold(caseless, "no") {
			return octet, true
		}
		return asciiCasemap, true
	case "i;ascii-casemap", "default":
		return asciiCasemap, true
	case "i;octet":
		return octet, true
	case "i;unicode-casemap":
		return unicodeCasemap, true
	}
	return 0, false
}

// fold returns s in the form in which c compares octets.
func (c collation) fold(s string) string {
	switch c {
	case asciiCasemap:
		return strings.Map(upperASCII, s)
	case unicodeCasemap:
		for i := range len(s) {
			if s[i] >= utf8.RuneSelf {
				return norm.NFKD.String(strings.Map(unicode.ToTitle, s))
			}
		}
		return strings.Map(upperASCII, s)
	}
	return s
}

func upperASCII(r rune) rune {
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	return r
}

// A textMatch is a CALDAV:text-match (RFC 4791 §9.7.5).
type textMatch struct {
	collation collation
	kind      webdav.MatchType
	negate    bool
	pattern   string // folded
}

// finds reports whether s has the pattern, whatever negate says.
func (t *textMatch) finds(s string) bool {
	if t.collation == asciiCasemap {
		return t.findsASCII(s)
	}
	return t.kind.Match(t.collation.fold(s), t.pattern)
}

// findsASCII is finds without a copy of s.
func (t *textMatch) findsASCII(s string) bool {
	n := len(t.pattern)
	switch {
	case n > len(s):
		return false
	case t.kind == webdav.MatchEquals:
		return n == len(s) && equalASCII(s, t.pattern)
	case t.kind == webdav.MatchStartsWith:
		return equalASCII(s[:n], t.pattern)
	case t.kind == webdav.MatchEndsWith:
		return equalASCII(s[len(s)-n:], t.pattern)
	}
	if n == 0 {
		return true
	}
	first := t.pattern[0]
	lower := first
	if first >= 'A' && first <= 'Z' {
		lower += 'a' - 'A'
	}
	for i := range len(s) - n + 1 {
		if c := s[i]; (c == first || c == lower) && equalASCII(s[i:i+n], t.pattern) {
			return true
		}
	}
	return false
}

// equalASCII compares s with the upper-case pattern of the same length.
func equalASCII(s, pattern string) bool {
	for i := range len(pattern) {
		c := s[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != pattern[i] {
			return false
		}
	}
	return true
}

// matches reports whether the text of one of values is what t asks for.
func (t *textMatch) matches(values []string) bool {
	for _, v := range values {
		if t.finds(v) {
			return !t.negate
		}
	}
	return t.negate
}

// matchesProp is matches for the value of a property: its text, without escapes,
// or, of a list, any of its items.
func (t *textMatch) matchesProp(p *ical.Property) bool {
	text := p.Value
	if strings.IndexByte(text, '\\') >= 0 {
		text = p.Text()
	}
	if t.finds(text) {
		return !t.negate
	}
	if t.kind != webdav.MatchContains && (p.Name == "CATEGORIES" || p.Name == "RESOURCES") {
		return t.matches(p.TextList())
	}
	return t.negate
}
