package ldif

import (
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
)

// FoldDN maps a distinguished name to the form in which two names of the same
// entry are equal as text: lower case, no spaces around separators, escapes
// written one way. Text that is no distinguished name is folded as text.
func FoldDN(s string) string {
	if plainDN(s) {
		return strings.ToLower(s)
	}
	dn, err := ldap.ParseDN(s)
	if err != nil {
		return Fold(s)
	}
	return strings.ToLower(dn.String())
}

// plainDN reports whether s differs from the folded form in letter case at
// most: it spares the parser for most names.
func plainDN(s string) bool {
	equals := 0 // in this part of the name
	for i := range len(s) {
		c := s[i]
		word := i > 0 && isWord(s[i-1]) && i < len(s)-1 && isWord(s[i+1]) // on both sides
		switch {
		case isWord(c):
		case c == ',' && word && equals == 1:
			equals = 0
		case c == '=' && word && equals == 0:
			equals++
		case (c == '-' || c == '_' || c == '.' || c == '@' || c == ' ') && word && equals == 1:
		default:
			return false
		}
	}
	return equals == 1
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Fold maps text to the form in which it is compared: lower case, without
// white space at the ends, and runs of it made one space, as caseIgnoreMatch
// does (RFC 4518 §2). Text that is already so is returned without a copy.
func Fold(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if !strings.Contains(s, "  ") && strings.IndexFunc(s, oddSpace) < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

func oddSpace(r rune) bool { return r != ' ' && unicode.IsSpace(r) }
