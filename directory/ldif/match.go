package ldif

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Truth is the three-valued outcome of a filter (RFC 4511 §4.5.1.7).
type Truth uint8

// The outcomes. Undefined comes from a matching rule that is not known.
const (
	False Truth = iota
	Undefined
	True
)

// Resolver finds entries by folded name, for rules that follow links. It
// returns nil if there is none. A nil Resolver follows nothing.
type Resolver func(dn string) *Entry

// Match evaluates the filter on an entry.
func (f *Filter) Match(e *Entry, find Resolver) Truth {
	switch f.op {
	case ldap.FilterAnd:
		t := True
		for _, s := range f.subs {
			if t = min(t, s.Match(e, find)); t == False {
				break
			}
		}
		return t
	case ldap.FilterOr:
		t := False
		for _, s := range f.subs {
			if t = max(t, s.Match(e, find)); t == True {
				break
			}
		}
		return t
	case ldap.FilterNot:
		return True - f.subs[0].Match(e, find)
	case ldap.FilterPresent:
		return truth(f.attr == "objectclass" || len(e.Values(f.attr)) > 0)
	case ldap.FilterExtensibleMatch:
		return f.matchRule(e, find)
	case ldap.FilterEqualityMatch:
		if f.attr == "entrydn" || f.attr == "distinguishedname" { // folded once
			return truth(f.folded == e.dn && len(e.Values(f.attr)) > 0)
		}
	}
	return truth(slices.ContainsFunc(e.Values(f.attr), f.matchValue))
}

func truth(b bool) Truth {
	if b {
		return True
	}
	return False
}

// matchValue compares one value.
func (f *Filter) matchValue(v string) bool {
	switch f.op {
	case ldap.FilterSubstrings:
		return matchParts(strings.ToLower(v), f.parts)
	case ldap.FilterGreaterOrEqual:
		return compare(foldValue(f.attr, v), f.folded) >= 0
	case ldap.FilterLessOrEqual:
		return compare(foldValue(f.attr, v), f.folded) <= 0
	}
	if v == f.value && v != "" {
		return true
	}
	return foldValue(f.attr, v) == f.folded
}

// compare orders numbers by value and text by its bytes.
func compare(a, b string) int {
	x, errA := strconv.ParseInt(a, 10, 64)
	y, errB := strconv.ParseInt(b, 10, 64)
	switch {
	case errA != nil || errB != nil:
		return strings.Compare(a, b)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func matchParts(v string, parts []part) bool {
	for _, p := range parts {
		switch p.kind {
		case ldap.FilterSubstringsInitial:
			if !strings.HasPrefix(v, p.value) {
				return false
			}
			v = v[len(p.value):]
		case ldap.FilterSubstringsAny:
			i := strings.Index(v, p.value)
			if i < 0 {
				return false
			}
			v = v[i+len(p.value):]
		default:
			if !strings.HasSuffix(v, p.value) {
				return false
			}
			v = ""
		}
	}
	return true
}

// matchRule evaluates an extensible match.
func (f *Filter) matchRule(e *Entry, find Resolver) Truth {
	switch f.rule {
	case ruleBitAnd, ruleBitOr:
		mask, err := strconv.ParseInt(f.value, 10, 64)
		if err != nil {
			return Undefined
		}
		return truth(slices.ContainsFunc(e.Values(f.attr), func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			if f.rule == ruleBitOr {
				return err == nil && n&mask != 0
			}
			return err == nil && n&mask == mask
		}))
	case ruleInChain:
		if find == nil {
			return Undefined
		}
		return truth(f.inChain(e, find, map[string]bool{}))
	case "", "caseIgnoreMatch", "2.5.13.2":
		if f.attr == "" {
			return Undefined
		}
		eq := *f
		eq.op = ldap.FilterEqualityMatch
		return eq.Match(e, find)
	}
	return Undefined
}

// inChain reports whether following the attribute's names from e leads to the
// asserted name.
func (f *Filter) inChain(e *Entry, find Resolver, seen map[string]bool) bool {
	if e == nil || seen[e.dn] {
		return false
	}
	seen[e.dn] = true
	for _, v := range e.Values(f.attr) {
		dn := FoldDN(v)
		if dn == f.folded || f.inChain(find(dn), find, seen) {
			return true
		}
	}
	return false
}

// foldValue maps a value to the form in which it is compared.
func foldValue(attr, v string) string {
	switch {
	case isBinary(attr):
		return v
	case isName(attr):
		return FoldDN(v)
	}
	return Fold(v)
}

// isBinary reports whether the attribute's values are compared as bytes.
func isBinary(attr string) bool {
	switch attr {
	case "objectguid", "objectsid", "ms-ds-consistencyguid", "userpassword", "jpegphoto", "tokengroups":
		return true
	}
	return false
}

// isName reports whether the attribute holds distinguished names.
func isName(attr string) bool {
	switch attr {
	case "member", "uniquemember", "memberof", "owner", "manager", "seealso", "secretary", "roleoccupant",
		"distinguishedname", "entrydn", "objectcategory", "managedby", "directreports":
		return true
	}
	return false
}
