package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"convene/directory/ldif"
)

// condition is one test of an attribute: see RecordConfig.CalendarEnabled.
type condition struct {
	attr   string
	not    bool
	values []string // folded; nil: any value that is not false
	mask   int64    // not 0: all its bits must be set
}

// parseCondition reads "[!]attr", "[!]attr:value|value" or "[!]attr&mask".
func parseCondition(s string) (condition, error) {
	rest, not := strings.CutPrefix(strings.TrimSpace(s), "!")
	c := condition{not: not}
	if attr, values, ok := strings.Cut(rest, ":"); ok {
		c.attr = strings.TrimSpace(attr)
		for v := range strings.SplitSeq(values, "|") {
			c.values = append(c.values, ldif.Fold(v))
		}
	} else if attr, mask, ok := strings.Cut(rest, "&"); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(mask), 0, 64)
		if err != nil || n == 0 {
			return c, fmt.Errorf("condition %q: the mask is not a number", s)
		}
		c.attr, c.mask = strings.TrimSpace(attr), n
	} else {
		c.attr = strings.TrimSpace(rest)
	}
	if !attributeName(c.attr) {
		return c, fmt.Errorf("condition %q: no attribute name", s)
	}
	return c, nil
}

// holds evaluates the condition on an attribute's values.
func (c condition) holds(values []string) bool { return slices.ContainsFunc(values, c.is) != c.not }

func (c condition) is(v string) bool {
	switch {
	case c.mask != 0:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return err == nil && n&c.mask == c.mask
	case c.values != nil:
		return slices.Contains(c.values, ldif.Fold(v))
	}
	switch ldif.Fold(v) {
	case "", "false", "no", "0", "off":
		return false
	}
	return true
}

// attributeName reports whether s is a plain attribute description (RFC 4512
// §2.5), which is safe to put into a filter.
func attributeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.' || c == ';') {
			continue
		}
		if c >= '0' && c <= '9' && strings.Contains(s, ".") { // a numeric OID
			continue
		}
		return false
	}
	return s != ""
}
