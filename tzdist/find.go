package tzdist

import (
	"errors"
	"slices"
	"strings"
)

// find serves find (RFC 7808 §5.5): the zones with a name or alias that the
// pattern is of.
func (s *service) find(q *query) (*response, error) {
	p, err := parsePattern(q.param("pattern"))
	if err != nil {
		return nil, err
	}
	c, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	zones := []zone{}
	for _, z := range c.zones.Zones {
		if slices.ContainsFunc(z.folded, p.match) {
			zones = append(zones, z)
		}
	}
	return jsonResponse(c.with(zones)), nil
}

// A pattern is what find looks for: a text, with something before or behind it.
type pattern struct {
	text          string // folded
	before, after bool   // there was a "*" first, or last
}

// mostPattern is how long a pattern may be, in bytes.
const mostPattern = 256

var errPattern = errors.New("pattern")

func isPattern(s string) bool {
	_, err := parsePattern(s)
	return err == nil
}

// parsePattern reads a pattern. One that would match every name is refused:
// list is for that. The error is errPattern.
func parsePattern(s string) (pattern, error) {
	var p pattern
	if len(s) > mostPattern {
		return p, errPattern
	}
	s, p.before = strings.CutPrefix(s, "*")
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '\\'):
			i++
			text.WriteByte(s[i])
		case s[i] == '\\':
			return p, errPattern
		case s[i] == '*' && i == len(s)-1:
			p.after = true
		case s[i] == '*':
			return p, errPattern
		default:
			text.WriteByte(s[i])
		}
	}
	if text.Len() == 0 {
		return p, errPattern
	}
	p.text = fold(text.String())
	return p, nil
}

// match reports whether a folded name is one of p.
func (p pattern) match(name string) bool {
	switch {
	case p.before && p.after:
		return strings.Contains(name, p.text)
	case p.before:
		return strings.HasSuffix(name, p.text)
	case p.after:
		return strings.HasPrefix(name, p.text)
	}
	return name == p.text
}

// fold maps a name to the form that is compared: ASCII letters small, and blanks
// for underscores.
func fold(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c == '_':
			b[i] = ' '
		case 'A' <= c && c <= 'Z':
			b[i] = c | 0x20
		}
	}
	return string(b)
}
