package directory

import (
	"strings"

	"convene/directory/ldif"
)

// matcher is a query with its values folded once.
type matcher struct {
	q      Query
	values []string
}

func newMatcher(q Query) matcher {
	m := matcher{q: q}
	for _, t := range q.Terms {
		m.values = append(m.values, ldif.Fold(t.Value))
	}
	return m
}

// possible reports whether a record with the given text could match. It spares
// the closer look for nearly all of them.
func (m *matcher) possible(text string) bool {
	for _, v := range m.values {
		hit := strings.Contains(text, v)
		if hit && m.q.Match == AnyOf {
			return true
		}
		if !hit && m.q.Match == AllOf {
			return false
		}
	}
	return m.q.Match == AllOf || len(m.values) == 0
}

func (m *matcher) matches(f *[fieldCount][]string) bool {
	for i, t := range m.q.Terms {
		hit := termMatches(t, m.values[i], f)
		if hit && m.q.Match == AnyOf {
			return true
		}
		if !hit && m.q.Match == AllOf {
			return false
		}
	}
	return m.q.Match == AllOf || len(m.q.Terms) == 0
}

func termMatches(t Term, value string, f *[fieldCount][]string) bool {
	if value == "" {
		return false
	}
	for _, field := range t.fields() {
		if field >= fieldCount {
			continue
		}
		for _, v := range f[field] {
			switch {
			case t.How == Equals && v == value,
				(t.How == StartsWith || t.How == StartsWord) && strings.HasPrefix(v, value),
				t.How == StartsWord && field.words() && strings.Contains(v, " "+value),
				t.How == Contains && strings.Contains(v, value):
				return true
			}
		}
	}
	return false
}
