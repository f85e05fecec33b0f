package directory

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// foldDN maps a distinguished name to the form in which two names of the same
// entry are equal as text: lower case, no spaces around separators, escapes
// written one way (RFC 4514). Text that is no DN is folded as text.
func foldDN(s string) string {
	if simpleDN(s) {
		return s
	}
	dn, err := ldap.ParseDN(s)
	if err != nil {
		return fold(s)
	}
	return strings.ToLower(dn.String())
}

// simpleDN reports whether s surely is in the folded form already: it spares
// the parser for most names.
func simpleDN(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == ',', c == '=', c == '-', c == '_', c == '.', c == '@':
		case c == ' ' && i > 0 && i < len(s)-1 && isWord(s[i-1]) && isWord(s[i+1]):
		default:
			return false
		}
	}
	return s != ""
}

func isWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
