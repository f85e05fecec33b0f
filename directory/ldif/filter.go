package ldif

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Limits of a filter; beyond them it is refused.
const (
	maxDepth = 50
	maxTerms = 20000
)

// ErrFilter is a filter that is malformed or too large.
var ErrFilter = errors.New("bad filter")

// Matching rules of Active Directory.
const (
	ruleBitAnd  = "1.2.840.113556.1.4.803"
	ruleBitOr   = "1.2.840.113556.1.4.804"
	ruleInChain = "1.2.840.113556.1.4.1941"
)

// Filter is a search filter ready to be evaluated.
type Filter struct {
	op     ber.Tag
	attr   string // lower case
	value  string
	folded string // value as it is compared
	parts  []part // substrings
	rule   string // extensible match
	subs   []*Filter
}

// part is one component of a substring filter.
type part struct {
	kind  ber.Tag
	value string // folded, but for spaces at the ends
}

// ParseFilter reads the text form of a filter (RFC 4515).
func ParseFilter(s string) (*Filter, error) {
	p, err := ldap.CompileFilter(s)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrFilter, s, err)
	}
	return DecodeFilter(p)
}

// DecodeFilter reads a filter in the form in which it is sent (RFC 4511
// §4.5.1.7).
func DecodeFilter(p *ber.Packet) (*Filter, error) {
	terms := 0
	return decode(p, 0, &terms)
}

func decode(p *ber.Packet, depth int, terms *int) (*Filter, error) {
	if *terms++; p == nil || depth > maxDepth || *terms > maxTerms || p.ClassType != ber.ClassContext {
		return nil, ErrFilter
	}
	f := &Filter{op: p.Tag}
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			s, err := decode(c, depth+1, terms)
			if err != nil {
				return nil, err
			}
			f.subs = append(f.subs, s)
		}
		if p.Tag == ldap.FilterNot && len(f.subs) != 1 {
			return nil, ErrFilter
		}
	case ldap.FilterPresent:
		f.attr = strings.ToLower(text(p))
	case ldap.FilterSubstrings:
		return f, f.substrings(p)
	case ldap.FilterExtensibleMatch:
		return f, f.extensible(p)
	case ldap.FilterEqualityMatch, ldap.FilterApproxMatch, ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		if len(p.Children) != 2 {
			return nil, ErrFilter
		}
		f.assert(text(p.Children[0]), text(p.Children[1]))
	default:
		return nil, ErrFilter
	}
	return f, nil
}

// assert sets the attribute and the value to compare with.
func (f *Filter) assert(attr, value string) {
	f.attr, f.value = strings.ToLower(attr), value
	f.folded = foldValue(f.attr, value)
}

func (f *Filter) substrings(p *ber.Packet) error {
	if len(p.Children) != 2 || len(p.Children[1].Children) == 0 {
		return ErrFilter
	}
	f.attr = strings.ToLower(text(p.Children[0]))
	for _, c := range p.Children[1].Children {
		if c.Tag > ldap.FilterSubstringsFinal {
			return ErrFilter
		}
		f.parts = append(f.parts, part{c.Tag, strings.ToLower(text(c))})
	}
	return nil
}

func (f *Filter) extensible(p *ber.Packet) error {
	var attr, value string
	for _, c := range p.Children {
		switch c.Tag {
		case ldap.MatchingRuleAssertionMatchingRule:
			f.rule = text(c)
		case ldap.MatchingRuleAssertionType:
			attr = text(c)
		case ldap.MatchingRuleAssertionMatchValue:
			value = text(c)
		}
	}
	f.assert(attr, value)
	return nil
}

// text returns the bytes of a primitive packet.
func text(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}

// Attributes returns the attributes that the filter looks at, in lower case,
// each once.
func (f *Filter) Attributes() []string {
	var out []string
	f.walk(func(f *Filter) {
		if f.attr != "" && !slices.Contains(out, f.attr) {
			out = append(out, f.attr)
		}
	})
	return out
}

// Local reports whether the filter can be decided from an entry alone: it has
// no matching rule that only a server knows.
func (f *Filter) Local() bool {
	local := true
	f.walk(func(f *Filter) {
		if f.op == ldap.FilterExtensibleMatch && (f.attr == "" || f.rule != ruleBitAnd && f.rule != ruleBitOr) {
			local = false
		}
	})
	return local
}

func (f *Filter) walk(visit func(*Filter)) {
	visit(f)
	for _, s := range f.subs {
		s.walk(visit)
	}
}
