package calquery

import (
	"net/http"
	"slices"
	"strings"

	"convene/internal/webdav"
)

// A Filter is the CALDAV:filter of a calendar-query, as a value. It is immutable
// and safe for concurrent use.
type Filter struct {
	root   *compFilter
	ranges []TimeRange
}

// A compFilter is a CALDAV:comp-filter (RFC 4791 §9.7.1).
type compFilter struct {
	name      string // in upper case; "*": any
	undefined bool   // is-not-defined
	anyOf     bool   // of all tests below, one suffices
	span      *TimeRange
	props     []*propFilter
	comps     []*compFilter
}

// A propFilter is a CALDAV:prop-filter (RFC 4791 §9.7.2).
type propFilter struct {
	name      string // in upper case
	undefined bool
	anyOf     bool
	span      *TimeRange
	texts     []*textMatch
	params    []*paramFilter
}

// A paramFilter is a CALDAV:param-filter (RFC 4791 §9.7.3).
type paramFilter struct {
	name      string // in upper case
	undefined bool
	text      *textMatch
}

// maxTests bounds the tests of one filter, each of which may be made for every
// component of every object.
const maxTests = 250

// anyName is the name of a comp-filter that is for components of all types.
const anyName = "*"

var (
	nameCompFilter   = webdav.CalDAV("comp-filter")
	namePropFilter   = webdav.CalDAV("prop-filter")
	nameParamFilter  = webdav.CalDAV("param-filter")
	nameTextMatch    = webdav.CalDAV("text-match")
	nameTimeRange    = webdav.CalDAV("time-range")
	nameIsNotDefined = webdav.CalDAV("is-not-defined")
	nameIsDefined    = webdav.CalDAV("is-defined") // of a draft; some clients still send it
)

// ParseFilter returns the filter that a CALDAV:filter element describes (RFC 4791
// §9.7), with the extensions that Apple calls calendar-query-extended: the test
// and match-type attributes and the component name "*". Names may be in any case.
//
// Errors are *webdav.Error: 403 CALDAV:valid-filter for what cannot be meant, 403
// CALDAV:supported-filter for what is not known here, with the element in it, 403
// CALDAV:supported-collation, and 400, also with CALDAV:valid-filter, for a
// time-range without any end.
func ParseFilter(e *webdav.Element) (*Filter, error) {
	if !e.Is(webdav.CalDAV("filter")) {
		return nil, invalid("a filter is wanted")
	}
	p := &filterParser{f: &Filter{}}
	for c := range e.Elements() {
		if c.Name != nameCompFilter || p.f.root != nil {
			return nil, invalid("filter: one comp-filter is wanted")
		}
		root, err := p.comp(c, nil)
		if err != nil {
			return nil, err
		}
		p.f.root = root
	}
	if p.f.root == nil {
		return nil, invalid("filter: one comp-filter is wanted")
	}
	return p.f, nil
}

// TimeRanges returns the time ranges of instances that the filter tests for,
// those of components and not of properties. The caller must not change it.
func (f *Filter) TimeRanges() []TimeRange { return f.ranges }

func invalid(description string) *webdav.Error {
	return webdav.Forbidden(webdav.CondValidFilter, description)
}

// unsupported refuses a part of a filter, and names it (RFC 4791 §7.8.10).
func unsupported(e *webdav.Element, description string) *webdav.Error {
	err := webdav.Forbidden(webdav.CondSupportedFilter, description)
	err.Children = []*webdav.Element{{Name: e.Name, Attrs: e.Attrs}}
	return err
}

type filterParser struct {
	f     *Filter
	tests int
}

func (p *filterParser) count() error {
	if p.tests++; p.tests > maxTests {
		return invalid("filter: too many tests")
	}
	return nil
}

// head reads what all filters have: a name, the test attribute, is-not-defined.
func (p *filterParser) head(e *webdav.Element) (name string, undefined, anyOf bool, err error) {
	if err := p.count(); err != nil {
		return "", false, false, err
	}
	name, _ = e.Attr("name")
	if name = strings.ToUpper(strings.TrimSpace(name)); name == "" {
		return "", false, false, invalid(e.Name.Local + " has no name")
	}
	if test, ok := e.Attr("test"); ok {
		switch strings.ToLower(test) {
		case "anyof":
			anyOf = true
		case "allof":
		default:
			return "", false, false, unsupported(e, "test is not anyof or allof")
		}
	}
	others := 0
	for c := range e.Elements() {
		switch c.Name {
		case nameIsNotDefined:
			undefined = true
		case nameIsDefined:
		default:
			others++
		}
	}
	if undefined && others > 0 {
		return "", false, false, invalid(name + ": is-not-defined together with other tests")
	}
	return name, undefined, anyOf, nil
}

// comp parses a comp-filter within the components named path, outermost first.
func (p *filterParser) comp(e *webdav.Element, path []string) (*compFilter, error) {
	f := &compFilter{}
	var err error
	if f.name, f.undefined, f.anyOf, err = p.head(e); err != nil {
		return nil, err
	}
	if !mayNest(path, f.name) {
		return nil, invalid("comp-filter " + f.name + " is out of place")
	}
	path = append(path[:len(path):len(path)], f.name)
	for c := range e.Elements() {
		switch c.Name {
		case nameIsNotDefined, nameIsDefined:
		case nameTimeRange:
			if f.span != nil || !hasTime(path) {
				return nil, invalid("comp-filter " + f.name + ": time-range is out of place")
			}
			f.span, err = p.span(c)
			if err == nil {
				p.f.ranges = append(p.f.ranges, *f.span)
			}
		case namePropFilter:
			var prop *propFilter
			prop, err = p.prop(c)
			f.props = append(f.props, prop)
		case nameCompFilter:
			var comp *compFilter
			comp, err = p.comp(c, path)
			f.comps = append(f.comps, comp)
		default:
			err = unsupported(c, "not known within a comp-filter")
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// timed are the components that a calendar is made of, for which RFC 4791 §9.9
// and RFC 7953 §5 say what a time range means.
var timed = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}

// mayNest reports whether a component of that name can stand within those of
// path. Of names that are not standard nothing is known.
func mayNest(path []string, name string) bool {
	switch len(path) {
	case 0:
		return name == "VCALENDAR"
	case 1:
		return !slices.Contains([]string{"VCALENDAR", "VALARM", "STANDARD", "DAYLIGHT", "AVAILABLE"}, name)
	}
	parent := path[len(path)-1]
	switch name {
	case "VALARM":
		return slices.Contains([]string{"VEVENT", "VTODO", "AVAILABLE", anyName}, parent)
	case "AVAILABLE":
		return parent == "VAVAILABILITY" || parent == anyName
	case "STANDARD", "DAYLIGHT":
		return parent == "VTIMEZONE"
	case "VCALENDAR", "VTIMEZONE", "VPOLL":
		return false
	}
	return !slices.Contains(timed, name)
}

// hasTime reports whether a time range means something for the last component
// of path.
func hasTime(path []string) bool {
	name := path[len(path)-1]
	switch len(path) {
	case 2:
		return name == anyName || slices.Contains(timed, name)
	case 3:
		return name == "VALARM" || name == "AVAILABLE"
	}
	return false
}

func (p *filterParser) span(e *webdav.Element) (*TimeRange, error) {
	t, empty, wrong := parseRange(e)
	if wrong != "" {
		err := invalid(wrong)
		if empty {
			err.Status = http.StatusBadRequest
		}
		return nil, err
	}
	return &t, p.count()
}

// timedProps are the properties that a time range can be asked of (RFC 4791 §9.9).
var timedProps = []string{"COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED"}

func (p *filterParser) prop(e *webdav.Element) (*propFilter, error) {
	f := &propFilter{}
	var err error
	if f.name, f.undefined, f.anyOf, err = p.head(e); err != nil {
		return nil, err
	}
	for c := range e.Elements() {
		switch c.Name {
		case nameIsNotDefined, nameIsDefined:
		case nameTimeRange:
			if f.span != nil || len(f.texts) > 0 || !slices.Contains(timedProps, f.name) {
				return nil, invalid("prop-filter " + f.name + ": time-range is out of place")
			}
			f.span, err = p.span(c)
		case nameTextMatch:
			if f.span != nil {
				return nil, invalid("prop-filter " + f.name + ": time-range and text-match")
			}
			var text *textMatch
			text, err = p.text(c)
			f.texts = append(f.texts, text)
		case nameParamFilter:
			var param *paramFilter
			param, err = p.param(c)
			f.params = append(f.params, param)
		default:
			err = unsupported(c, "not known within a prop-filter")
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (p *filterParser) param(e *webdav.Element) (*paramFilter, error) {
	f := &paramFilter{}
	var err error
	if f.name, f.undefined, _, err = p.head(e); err != nil {
		return nil, err
	}
	for c := range e.Elements() {
		switch {
		case c.Name == nameIsNotDefined, c.Name == nameIsDefined:
		case c.Name != nameTextMatch:
			return nil, unsupported(c, "not known within a param-filter")
		case f.text != nil:
			return nil, invalid("param-filter " + f.name + ": more than one text-match")
		default:
			if f.text, err = p.text(c); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func (p *filterParser) text(e *webdav.Element) (*textMatch, error) {
	if err := p.count(); err != nil {
		return nil, err
	}
	if e.First() != nil {
		return nil, invalid("text-match: text is wanted")
	}
	collation, _ := e.Attr("collation")
	caseless, _ := e.Attr("caseless")
	c, ok := parseCollation(collation, caseless)
	if !ok {
		return nil, webdav.Forbidden(webdav.CondSupportedCollation, "collation is not known")
	}
	kind, _ := e.Attr("match-type")
	t := &textMatch{collation: c, pattern: c.fold(e.Content())}
	if t.kind, ok = webdav.ParseMatchType(kind); !ok {
		return nil, unsupported(e, "match-type is not known")
	}
	negate, _ := e.Attr("negate-condition")
	switch strings.ToLower(negate) {
	case "", "no":
	case "yes":
		t.negate = true
	default:
		return nil, invalid("negate-condition is not yes or no")
	}
	return t, nil
}
