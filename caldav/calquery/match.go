package calquery

import (
	"math"
	"slices"

	"convene/internal/ical"
)

// Match reports whether o matches f (RFC 4791 §9.7). Dates and floating times are
// read in floating, nil for UTC. Every recurrence instance counts, and the work
// for them is taken from b: the error may be ical.ErrBudget, or that of a
// recurrence rule that cannot be reckoned.
//
// A comp-filter for events or the like matches if one component of the object, the
// master or an override, passes all its tests; with a time-range, one that has an
// instance within it.
func (f *Filter) Match(o *ical.Object, floating *ical.Zone, b *ical.Budget) (bool, error) {
	if f.root.undefined {
		return false, nil // there is always a VCALENDAR
	}
	m := &matcher{o: o, floating: floating, budget: b}
	return m.inner(f.root, o.Calendar, 0)
}

// A matcher matches one object.
type matcher struct {
	o        *ical.Object
	floating *ical.Zone
	budget   *ical.Budget
	compiled *ical.Series
}

func (m *matcher) series() (*ical.Series, error) {
	if m.compiled == nil {
		s, err := m.o.Series()
		if err != nil {
			return nil, err
		}
		m.compiled = s
	}
	return m.compiled, nil
}

// inner makes all tests of f on c but the time range, with allof or anyof. Without
// tests it is true.
func (m *matcher) inner(f *compFilter, c *ical.Component, level int) (bool, error) {
	if len(f.props) == 0 && len(f.comps) == 0 {
		return true, nil
	}
	for _, p := range f.props {
		if ok, err := m.prop(p, c); err != nil || ok == f.anyOf {
			return ok, err
		}
	}
	for _, child := range f.comps {
		if ok, err := m.comp(child, c, level+1); err != nil || ok == f.anyOf {
			return ok, err
		}
	}
	return !f.anyOf, nil
}

// comp makes the test f on the components within parent, which is at the level
// before.
func (m *matcher) comp(f *compFilter, parent *ical.Component, level int) (bool, error) {
	var found []*ical.Component
	for _, c := range parent.Children {
		if c.Name == f.name || f.name == anyName && c.Name != "VTIMEZONE" {
			found = append(found, c)
		}
	}
	switch {
	case f.undefined:
		return len(found) == 0, nil
	case len(found) == 0:
		return false, nil
	}
	passed := found[:0:0]
	if !f.anyOf || f.span == nil || len(f.props)+len(f.comps) > 0 {
		for _, c := range found {
			ok, err := m.inner(f, c, level)
			if err != nil {
				return false, err
			}
			if ok {
				passed = append(passed, c)
			}
		}
	}
	switch {
	case f.span == nil, f.anyOf && len(passed) > 0:
		return len(passed) > 0, nil
	case f.anyOf:
		passed = found // the time range alone is left to decide
	case len(passed) == 0:
		return false, nil
	}
	if level == 1 {
		return m.instance(*f.span, passed)
	}
	for _, c := range passed {
		if ok, err := m.nested(*f.span, parent, c); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// instance reports whether one of the components has an instance within span. Those
// that the object is not made of have none.
func (m *matcher) instance(span TimeRange, components []*ical.Component) (bool, error) {
	components = slices.DeleteFunc(slices.Clone(components), func(c *ical.Component) bool { return c.Name != m.o.Kind })
	if len(components) == 0 {
		return false, nil
	}
	s, err := m.series()
	if err != nil {
		return false, err
	}
	if len(components) == m.count() {
		return s.Overlaps(span.From, span.To, m.floating, m.budget)
	}
	span.To = min(span.To, m.lastOverride(components))
	for in, err := range s.Instances(span.From, span.To, m.floating, m.budget) {
		if err != nil {
			return false, err
		}
		if slices.Contains(components, in.Component) {
			return true, nil
		}
	}
	return false, nil
}

// count returns of how many components the object is made.
func (m *matcher) count() int {
	n := len(m.o.Overrides)
	if m.o.Master != nil {
		n++
	}
	return n
}

// lastOverride returns a time at which all instances of components, if these are
// overrides of one instance each, have begun: so that a series without end need
// not be searched for them. It is math.MaxInt64 for other components.
func (m *matcher) lastOverride(components []*ical.Component) int64 {
	var last int64 = math.MinInt64
	for _, c := range components {
		id, start := c.Prop("RECURRENCE-ID"), c.Prop("DTSTART")
		if id == nil || id.Has("RANGE") || start == nil {
			return math.MaxInt64
		}
		t, err := start.DateTime(m.o.Zones)
		if err != nil {
			return math.MaxInt64
		}
		last = max(last, t.Unix(m.floating)+1)
	}
	return last
}

// prop makes the test f on the properties of c: one must pass.
func (m *matcher) prop(f *propFilter, c *ical.Component) (bool, error) {
	defined := false
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name != f.name {
			continue
		}
		if f.undefined {
			return false, nil
		}
		defined = true
		if ok, err := m.value(f, c, p); ok || err != nil {
			return ok, err
		}
	}
	if !defined && f.span != nil && len(f.params) == 0 {
		return m.effective(f, c)
	}
	return f.undefined, nil
}

// value makes the tests of f on one property.
func (m *matcher) value(f *propFilter, c *ical.Component, p *ical.Property) (bool, error) {
	if f.span == nil && len(f.texts) == 0 && len(f.params) == 0 {
		return true, nil
	}
	for _, t := range f.texts {
		if ok := t.matchesProp(p); ok == f.anyOf {
			return ok, nil
		}
	}
	for _, param := range f.params {
		if ok := param.matches(p); ok == f.anyOf {
			return ok, nil
		}
	}
	if f.span != nil {
		return m.moment(*f.span, c, p)
	}
	return !f.anyOf, nil
}

func (f *paramFilter) matches(p *ical.Property) bool {
	defined := false
	for i := range p.Params {
		if p.Params[i].Name != f.name {
			continue
		}
		if f.undefined {
			return false
		}
		defined = true
		if f.text == nil || f.text.matches(p.Params[i].Values) {
			return true
		}
	}
	return f.undefined && !defined
}

// moment reports whether the time that p holds is within span: for a property
// that every instance has its own of, that of one of them.
func (m *matcher) moment(span TimeRange, c *ical.Component, p *ical.Property) (bool, error) {
	if c == m.o.Master && recurs(c) {
		switch p.Name {
		case "DTSTART", "DTEND", "DUE":
			return m.moments(span, c, p.Name != "DTSTART")
		}
	}
	t, err := p.DateTime(m.o.Zones)
	if err != nil {
		return false, nil // not a time, so not within any
	}
	return span.contains(t.Unix(m.floating)), nil
}

// effective is moment for the end that a component has by its DURATION (RFC 4791
// §9.9).
func (m *matcher) effective(f *propFilter, c *ical.Component) (bool, error) {
	if !(f.name == "DTEND" && c.Name == "VEVENT" || f.name == "DUE" && c.Name == "VTODO") {
		return false, nil
	}
	start, duration := c.Prop("DTSTART"), c.Prop("DURATION")
	if start == nil || duration == nil {
		return false, nil
	}
	if c == m.o.Master && recurs(c) {
		return m.moments(*f.span, c, true)
	}
	t, err := start.DateTime(m.o.Zones)
	if err != nil {
		return false, nil
	}
	d, err := ical.ParseDuration(duration.Value)
	if err != nil {
		return false, nil
	}
	return f.span.contains(t.Add(d).Unix(m.floating)), nil
}

// moments reports whether an instance of c starts, or ends, within span.
func (m *matcher) moments(span TimeRange, c *ical.Component, end bool) (bool, error) {
	s, err := m.series()
	if err != nil {
		return false, err
	}
	// An instance that ends when span begins does not overlap it.
	for in, err := range s.Instances(add(span.From, -1), span.To, m.floating, m.budget) {
		if err != nil {
			return false, err
		}
		at := in.StartUnix
		if end {
			at = in.EndUnix
		}
		if in.Component == c && span.contains(at) {
			return true, nil
		}
	}
	return false, nil
}

// recurs reports whether c describes more than one instance.
func recurs(c *ical.Component) bool {
	return c.Prop("RRULE") != nil || c.Prop("RDATE") != nil
}

// add returns t moved by d seconds; open ends stay where they are.
func add(t, d int64) int64 {
	if t == math.MinInt64 || t == math.MaxInt64 {
		return t
	}
	return t + d
}
