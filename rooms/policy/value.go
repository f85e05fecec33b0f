package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrValue is wrapped by the errors of values that a knob cannot have.
var ErrValue = errors.New("wrong value")

// Longest values, so that a directory cannot fill the memory with one.
const (
	maxText = 1024 // bytes
	maxList = 500  // entries
)

// A List is a set of names: of principals, of features. It is in the order in which
// it was written, without duplicates.
type List []string

// Names that stand for many.
const (
	Everybody = "*"        // everyone in the directory
	Outside   = "external" // everyone else
)

// Has reports whether name is in l.
func (l List) Has(name string) bool { return slices.Contains(l, name) }

// HasFold reports whether the list has an entry, in whatever letter case.
func (l List) HasFold(name string) bool {
	return slices.ContainsFunc(l, func(e string) bool { return strings.EqualFold(e, name) })
}

// String returns the list as it is written: separated by commas.
func (l List) String() string { return strings.Join(l, ", ") }

// parseList reads entries that are separated by commas, semicolons or line ends.
func parseList(s string) (List, error) {
	var l List
	for e := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(",;\r\n", r) }) {
		if e = strings.TrimSpace(e); e != "" && !l.Has(e) {
			l = append(l, e)
		}
	}
	if len(l) > maxList {
		return nil, fmt.Errorf("%w: %d entries, at most %d", ErrValue, len(l), maxList)
	}
	return l, nil
}

// parsePrincipals reads a list of references: user:NAME, group:NAME, guid:GUID,
// mail:ADDRESS or a UUID, and "*" and "external". The directory's own references may
// be dn:DN, with commas and semicolons as %2C and %3B.
func parsePrincipals(s string) (List, error) {
	l, err := parseList(s)
	for _, e := range l {
		if !isReference(e) {
			return nil, fmt.Errorf("%w: %q names nobody; write user:NAME, group:NAME, mail:ADDRESS, a GUID, * or external", ErrValue, e)
		}
	}
	return l, err
}

func isReference(s string) bool {
	if s == Everybody || s == Outside || isUUID(s) {
		return true
	}
	kind, name, ok := strings.Cut(s, ":")
	return ok && name != "" && slices.Contains([]string{"user", "group", "guid", "mail", "dn"}, kind)
}

// isUUID reports whether s looks like 01234567-89ab-cdef-0123-456789abcdef.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
				return false
			}
		}
	}
	return true
}

func parsePrincipal(s string) (List, error) {
	l, err := parsePrincipals(s)
	if err == nil && (len(l) > 1 || l.Has(Everybody) || l.Has(Outside)) {
		return nil, fmt.Errorf("%w: %q is not one user or group", ErrValue, s)
	}
	return l, err
}

func parseInt(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%w: %q is not a whole number from %d to %d", ErrValue, s, low, high)
	}
	return n, nil
}

// parseBool takes what directories and people write.
func parseBool(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%w: %q is neither true nor false", ErrValue, s)
}

func parseWord(s string, words []string) (string, error) {
	w := strings.ToLower(strings.TrimSpace(s))
	if !slices.Contains(words, w) {
		return "", fmt.Errorf("%w: %q is none of %s", ErrValue, s, strings.Join(words, ", "))
	}
	return w, nil
}

func parseWords(s string, words []string) (List, error) {
	l, err := parseList(s)
	for i := range l {
		if l[i], err = parseWord(l[i], words); err != nil {
			return nil, err
		}
	}
	return l, err
}

// parseText refuses what would break a line of a calendar or of a mail.
func parseText(s string) (string, error) {
	if len(s) > maxText {
		return "", fmt.Errorf("%w: %d bytes, at most %d", ErrValue, len(s), maxText)
	}
	if !utf8.ValidString(s) {
		return "", fmt.Errorf("%w: not UTF-8", ErrValue)
	}
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return "", fmt.Errorf("%w: a control character", ErrValue)
		}
	}
	return strings.TrimSpace(s), nil
}
