package webdav

import (
	"encoding/xml"
	"strings"
)

// A PrincipalMatch is the body of a principal-match report (RFC 3744 §9.3): the
// members of a collection that are the caller, or whose property names the caller.
type PrincipalMatch struct {
	Self     bool
	Property xml.Name // if not Self: holds the DAV:href of a principal
	Props    []*Element
}

// ParsePrincipalMatch returns what a principal-match report asks for. Errors: 400.
func ParsePrincipalMatch(root *Element) (PrincipalMatch, error) {
	if !root.Is(ReportPrincipalMatch) {
		return PrincipalMatch{}, BadRequest("body is not DAV:principal-match")
	}
	m := PrincipalMatch{Self: root.Child(DAV("self")) != nil}
	if p := root.Child(DAV("principal-property")).First(); p != nil {
		if m.Self {
			return PrincipalMatch{}, BadRequest("DAV:principal-match: self and principal-property")
		}
		m.Property = p.Name
	} else if !m.Self {
		return PrincipalMatch{}, BadRequest("DAV:principal-match: self or principal-property is wanted")
	}
	var err error
	m.Props, err = wantedProps(root)
	return m, err
}

func wantedProps(root *Element) ([]*Element, error) {
	prop := root.Child(NameProp)
	if prop == nil {
		return nil, nil
	}
	return properties(prop)
}

// MatchType is how a value is compared with the text searched for.
type MatchType uint8

// The comparisons there are; RFC 3744 has the first alone.
const (
	MatchContains MatchType = iota
	MatchStartsWith
	MatchEndsWith
	MatchEquals
)

// ParseMatchType returns the comparison of a match-type attribute, MatchContains
// if it is empty, as Apple's extensions and RFC 6352 §10.5.4 have it.
func ParseMatchType(s string) (MatchType, bool) {
	switch strings.ToLower(s) {
	case "", "contains":
		return MatchContains, true
	case "starts-with":
		return MatchStartsWith, true
	case "ends-with":
		return MatchEndsWith, true
	case "equals", "exact":
		return MatchEquals, true
	}
	return 0, false
}

// Match reports whether s has pattern where t says. The caller folds case.
func (t MatchType) Match(s, pattern string) bool {
	switch t {
	case MatchStartsWith:
		return strings.HasPrefix(s, pattern)
	case MatchEndsWith:
		return strings.HasSuffix(s, pattern)
	case MatchEquals:
		return s == pattern
	}
	return strings.Contains(s, pattern)
}

// A PropertySearch is one property-search of a principal-property-search: each
// of Props contains Match.
type PropertySearch struct {
	Props         []xml.Name
	Match         string
	Type          MatchType // Apple's match-type
	CaseSensitive bool      // Apple's caseless="no"
}

// A PrincipalSearch is the body of a principal-property-search report (RFC 3744
// §9.4), with Apple's attributes.
type PrincipalSearch struct {
	Searches []PropertySearch
	AnyOf    bool   // test="anyof": one of Searches suffices; else all
	CUType   string // type="INDIVIDUAL", GROUP, RESOURCE or ROOM; empty: any
	Limit    int    // 0: not limited
	Props    []*Element
	// CollectionSet asks to search the resource's principal-collection-set
	// instead of the resource.
	CollectionSet bool
}

// ParsePrincipalSearch returns what a principal-property-search report asks for.
// Errors: 400.
func ParsePrincipalSearch(root *Element) (PrincipalSearch, error) {
	if !root.Is(ReportPrincipalPropertySearch) {
		return PrincipalSearch{}, BadRequest("body is not DAV:principal-property-search")
	}
	s := PrincipalSearch{CollectionSet: root.Child(DAV("apply-to-principal-collection-set")) != nil}
	switch test, _ := root.Attr("test"); strings.ToLower(test) {
	case "", "allof":
	case "anyof":
		s.AnyOf = true
	default:
		return PrincipalSearch{}, BadRequest("test is not anyof or allof")
	}
	cuType, _ := root.Attr("type")
	switch s.CUType = strings.ToUpper(cuType); s.CUType {
	case "", "INDIVIDUAL", "GROUP", "RESOURCE", "ROOM":
	default:
		return PrincipalSearch{}, BadRequest("type is not a calendar user type")
	}
	for c := range root.ChildrenNamed(DAV("property-search")) {
		p, err := parsePropertySearch(c)
		if err != nil {
			return PrincipalSearch{}, err
		}
		s.Searches = append(s.Searches, p)
	}
	if len(s.Searches) == 0 || len(s.Searches) > maxProperties {
		return PrincipalSearch{}, BadRequest("DAV:principal-property-search: none or too many property-search")
	}
	var err error
	if s.Limit, err = parseLimit(root); err != nil {
		return PrincipalSearch{}, err
	}
	s.Props, err = wantedProps(root)
	return s, err
}

func parsePropertySearch(e *Element) (PropertySearch, error) {
	match := e.Child(DAV("match"))
	props, err := wantedProps(e)
	if err != nil {
		return PropertySearch{}, err
	}
	if match == nil || len(props) == 0 {
		return PropertySearch{}, BadRequest("DAV:property-search: prop and match are wanted")
	}
	s := PropertySearch{Match: match.TrimText()}
	for _, p := range props {
		s.Props = append(s.Props, p.Name)
	}
	caseless, _ := match.Attr("caseless")
	switch strings.ToLower(caseless) {
	case "", "yes":
	case "no":
		s.CaseSensitive = true
	default:
		return PropertySearch{}, BadRequest("caseless is not yes or no")
	}
	kind, _ := match.Attr("match-type")
	var ok bool
	if s.Type, ok = ParseMatchType(kind); !ok {
		return PropertySearch{}, BadRequest("match-type is not known")
	}
	return s, nil
}

// A TokenSearch is the body of Apple's calendarserver-principal-search report:
// principals whose names and addresses have every token.
type TokenSearch struct {
	Tokens        []string // trimmed, none empty
	Context       string   // user, group, location, room, resource or attendee; empty: any, as is one that is not known
	Limit         int      // 0: not limited
	Props         []*Element
	CollectionSet bool
}

// ParseTokenSearch returns what a calendarserver-principal-search asks for.
// Errors: 400.
func ParseTokenSearch(root *Element) (TokenSearch, error) {
	if !root.Is(ReportCalendarServerPrincipalFind) {
		return TokenSearch{}, BadRequest("body is not calendarserver-principal-search")
	}
	s := TokenSearch{CollectionSet: root.Child(DAV("apply-to-principal-collection-set")) != nil}
	context, _ := root.Attr("context")
	switch context = strings.ToLower(context); context {
	case "user", "group", "location", "room", "resource", "attendee":
		s.Context = context
	}
	for c := range root.ChildrenNamed(CS("search-token")) {
		if t := c.TrimText(); t != "" {
			s.Tokens = append(s.Tokens, t)
		}
	}
	if len(s.Tokens) == 0 || len(s.Tokens) > maxProperties {
		return TokenSearch{}, BadRequest("calendarserver-principal-search: none or too many search-token")
	}
	var err error
	if s.Limit, err = parseLimit(root); err != nil {
		return TokenSearch{}, err
	}
	s.Props, err = wantedProps(root)
	return s, err
}

// ParseACLPrincipalPropSet returns the properties that an acl-principal-prop-set
// report asks for, of the principals in a resource's ACL (RFC 3744 §9.2).
// Errors: 400.
func ParseACLPrincipalPropSet(root *Element) (PropfindRequest, error) {
	if !root.Is(ReportACLPrincipalPropSet) {
		return PropfindRequest{}, BadRequest("body is not DAV:acl-principal-prop-set")
	}
	return ParseProps(root)
}

// ParsePrincipalSearchPropertySet checks the body of a
// principal-search-property-set report, which is empty (RFC 3744 §9.5).
// Errors: 400.
func ParsePrincipalSearchPropertySet(root *Element) error {
	if !root.Is(ReportPrincipalSearchPropertySet) {
		return BadRequest("body is not DAV:principal-search-property-set")
	}
	if root.First() != nil {
		return BadRequest("DAV:principal-search-property-set is not empty")
	}
	return nil
}

// A SearchableProperty is a property that principals can be searched by.
type SearchableProperty struct {
	Name        xml.Name
	Description string // in English
}

// PrincipalSearchPropertySet returns the response to that report: a 200 (RFC 3744
// §9.5).
func PrincipalSearchPropertySet(list []SearchableProperty) *Response {
	w := NewWriter(nil)
	w.Start(DAV("principal-search-property-set"))
	for _, p := range list {
		w.Start(DAV("principal-search-property"))
		w.Start(NameProp)
		w.Empty(p.Name)
		w.End()
		w.Start(DAV("description"), xml.Attr{Name: xml.Name{Space: NSXML, Local: "lang"}, Value: "en"})
		w.Text(p.Description)
		w.End()
		w.End()
	}
	return XML(200, w.Bytes())
}
