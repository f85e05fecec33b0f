package ldif

import (
	"strings"
)

// Attribute is one attribute with its values, which may be any bytes.
type Attribute struct {
	Name   string // as written
	Values []string
}

// Entry is one object of a directory. It may be read by many goroutines.
type Entry struct {
	DN    string
	attrs []Attribute
	dn    string // folded
}

// NewEntry makes an entry without attributes.
func NewEntry(dn string) *Entry { return &Entry{DN: dn, dn: FoldDN(dn)} }

// FoldedDN returns FoldDN of the entry's name.
func (e *Entry) FoldedDN() string { return e.dn }

// Add appends values to an attribute.
func (e *Entry) Add(name string, values ...string) {
	if a := e.attribute(name); a != nil {
		a.Values = append(a.Values, values...)
		return
	}
	e.attrs = append(e.attrs, Attribute{Name: name, Values: values})
}

// Set replaces an attribute; no values remove it.
func (e *Entry) Set(name string, values ...string) {
	for i := range e.attrs {
		if strings.EqualFold(e.attrs[i].Name, name) {
			if len(values) == 0 {
				e.attrs = append(e.attrs[:i:i], e.attrs[i+1:]...)
				return
			}
			e.attrs[i].Values = values
			return
		}
	}
	if len(values) > 0 {
		e.Add(name, values...)
	}
}

// Attributes returns the attributes in the order in which they were added.
func (e *Entry) Attributes() []Attribute { return e.attrs }

// Values returns the values of an attribute, whose name is compared without
// regard to letter case; nil if it has none.
func (e *Entry) Values(name string) []string {
	if a := e.attribute(name); a != nil {
		return a.Values
	}
	return nil
}

// Value returns the first value of an attribute, or "".
func (e *Entry) Value(name string) string {
	if v := e.Values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (e *Entry) attribute(name string) *Attribute {
	for i := range e.attrs {
		if a := &e.attrs[i]; len(a.Name) == len(name) && strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}

// Scope is the scope of a search, with LDAP's numbers (RFC 4511 §4.5.1.2).
type Scope int

// The scopes.
const (
	Base Scope = iota
	One
	Sub
)

// In reports whether the entry is within scope of base, a folded name.
func (e *Entry) In(base string, s Scope) bool { return InScope(e.dn, base, s) }

// InScope reports whether the entry named dn is within scope of base. Both
// are folded names; the empty base is the root.
func InScope(dn, base string, s Scope) bool {
	switch s {
	case Base:
		return dn == base
	case One:
		return dn != base && Parent(dn) == base
	}
	return base == "" || dn == base || strings.HasSuffix(dn, base) && len(dn) > len(base) && separator(dn, len(dn)-len(base)-1)
}

// Parent returns the name of the entry above a folded name; "" at the top.
func Parent(dn string) string {
	for i := range len(dn) {
		if separator(dn, i) {
			return dn[i+1:]
		}
	}
	return ""
}

// separator reports whether dn[i] is a comma that separates two names, not one
// escaped by a backslash.
func separator(dn string, i int) bool {
	if dn[i] != ',' {
		return false
	}
	n := 0
	for j := i - 1; j >= 0 && dn[j] == '\\'; j-- {
		n++
	}
	return n%2 == 0
}
