package calquery

import "slices"

// A Plan says which objects can match a filter, in terms that an index without
// bodies has. Objects it excludes do not match.
type Plan struct {
	// Components are the kinds of object that can match; nil: all.
	Components []string

	// None: nothing can match, as when an event and a task are asked for at once.
	// Components is nil then, and Exact false.
	None bool

	// TimeRange is the range that an instance must overlap, by the rules of RFC
	// 4791 §9.9 for the kind of object; both ends open: no such test.
	TimeRange

	// Exact: Components and TimeRange decide; what they admit matches.
	Exact bool

	// UID reports whether an object with that UID can match; nil: any can.
	UID func(uid string) bool

	// ExactUID: Components, TimeRange and UID together decide.
	ExactUID bool

	// Alarm: only objects with a VALARM can match.
	Alarm bool
}

// Plan returns what an index needs to know of f.
func (f *Filter) Plan() Plan {
	root := f.root
	switch {
	case root.undefined:
		return Plan{None: true, TimeRange: everything}
	case len(root.props) == 0 && len(root.comps) == 0:
		return Plan{TimeRange: everything, Exact: true, ExactUID: true}
	case root.anyOf:
		return planAny(root)
	}
	return planAll(root)
}

// unknown is the plan of a test that no index can decide.
func unknown() Plan { return Plan{TimeRange: everything} }

// planAll combines plans of which all must hold.
func planAll(root *compFilter) Plan {
	p := Plan{TimeRange: everything, Exact: true, ExactUID: true}
	spans := 0
	for _, c := range root.comps {
		q := planComp(c)
		if q.TimeRange != everything {
			spans++
		}
		p = p.and(q)
	}
	if len(root.props) > 0 || spans > 1 { // one instance need not meet two ranges
		p.Exact, p.ExactUID = false, false
	}
	if p.None {
		return Plan{None: true, TimeRange: everything}
	}
	return p
}

func (p Plan) and(q Plan) Plan {
	switch {
	case q.None:
		p.None = true
	case p.Components == nil:
		p.Components = q.Components
	case q.Components != nil:
		p.Components = slices.DeleteFunc(slices.Clone(p.Components), func(name string) bool {
			return !slices.Contains(q.Components, name)
		})
		p.None = p.None || len(p.Components) == 0
	}
	if p.TimeRange == everything {
		p.TimeRange = q.TimeRange // of two either one may guide the search
	}
	switch a, b := p.UID, q.UID; {
	case a == nil:
		p.UID = b
	case b != nil:
		p.UID = func(uid string) bool { return a(uid) && b(uid) }
	}
	p.Exact = p.Exact && q.Exact
	p.ExactUID = p.ExactUID && q.ExactUID
	p.Alarm = p.Alarm || q.Alarm
	return p
}

// planAny combines plans of which one must hold.
func planAny(root *compFilter) Plan {
	if len(root.props) > 0 {
		return unknown()
	}
	var p Plan
	for i, c := range root.comps {
		q := planComp(c)
		if i == 0 {
			p = q
			continue
		}
		same := p.TimeRange == q.TimeRange
		if p.Components == nil || q.Components == nil {
			p.Components = nil
		} else {
			p.Components = union(p.Components, q.Components)
		}
		p.TimeRange = TimeRange{min(p.From, q.From), max(p.To, q.To)}
		p.Exact = p.Exact && q.Exact && same
		p.ExactUID, p.UID = p.Exact, nil
		p.Alarm = p.Alarm && q.Alarm
	}
	if p.Components != nil && len(p.Components) == 0 {
		return Plan{None: true, TimeRange: everything}
	}
	return p
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// kinds are the components that objects are made of: of each object, one kind.
var kinds = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"}

// planComp returns the plan of a comp-filter within VCALENDAR.
func planComp(f *compFilter) Plan {
	p := Plan{TimeRange: everything}
	switch known := slices.Contains(kinds, f.name); {
	case f.undefined && known:
		p.Components = slices.DeleteFunc(slices.Clone(kinds), func(name string) bool { return name == f.name })
		p.Exact, p.ExactUID = true, true
		return p
	case f.name == anyName && !f.undefined:
	case !known || f.undefined: // VTIMEZONE, or what is not standard
		return unknown()
	default:
		p.Components = []string{f.name}
	}
	p.Exact = len(f.props) == 0 && len(f.comps) == 0
	p.ExactUID = p.Exact
	if f.anyOf && !p.Exact {
		return p
	}
	if f.span != nil {
		p.TimeRange = *f.span
		// What is asked for at once must be true of one component; whether that
		// is the one with an instance in the range, no index can tell.
	}
	for _, c := range f.comps {
		p.Alarm = p.Alarm || c.name == "VALARM" && !c.undefined
	}
	var tests []*propFilter
	for _, prop := range f.props {
		if prop.name == "UID" && !prop.undefined && len(prop.texts) > 0 && len(prop.params) == 0 {
			tests = append(tests, prop)
		}
	}
	if len(tests) > 0 {
		p.UID = func(uid string) bool {
			for _, f := range tests {
				if !f.matchesText(uid) {
					return false
				}
			}
			return true
		}
		p.ExactUID = len(tests) == len(f.props) && len(f.comps) == 0 // all components have one UID
	}
	return p
}

// matchesText makes the text-matches of f on a value without escapes.
func (f *propFilter) matchesText(text string) bool {
	for _, t := range f.texts {
		if ok := t.matches([]string{text}); ok == f.anyOf {
			return ok
		}
	}
	return !f.anyOf
}
