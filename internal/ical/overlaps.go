package ical

import (
	"math"
	"slices"
)

// Overlaps reports whether an instance of o overlaps a time range by the rules of
// RFC 4791 §9.9: see Series.Instances. Errors: ErrBudget; those of Series.
func (o *Object) Overlaps(from, to int64, floating *Zone, b *Budget) (bool, error) {
	s, err := o.Series()
	if err != nil {
		return false, err
	}
	return s.Overlaps(from, to, floating, b)
}

// Overlaps reports whether an instance overlaps a time range: as Instances. Errors:
// ErrBudget.
func (s *Series) Overlaps(from, to int64, floating *Zone, b *Budget) (bool, error) {
	var sc scan
	sc.init(s, from, to, floating, b.orDefault())
	inst, err := sc.next()
	return inst != nil, err
}

// overlaps is the table of RFC 4791 §9.9 for an instance of that form; for
// formStamps, start is CREATED and end COMPLETED.
func (f form) overlaps(start, end, from, to int64) bool {
	switch f {
	case formEvent:
		if end > start {
			return from < end && to > start
		}
		return from <= start && to > start
	case formTodoSpan:
		return from <= end && (to > start || to >= end)
	case formTodoDue:
		return (from < end || from <= start) && (to > start || to >= end)
	case formTodoStart:
		return from <= start && to > start
	case formDue:
		return from < start && to >= start
	case formFreeBusy:
		return from <= end && to > start
	case formPeriods:
		return from < end && to > start
	case formStamps:
		return stampsOverlap(start, end, from, to)
	}
	return false
}

// stampsOverlap is overlaps for a VTODO that has at most CREATED and COMPLETED.
func stampsOverlap(created, completed, from, to int64) bool {
	hasCreated, hasCompleted := created != math.MinInt64, completed != math.MaxInt64
	switch {
	case hasCreated && hasCompleted:
		return (from <= created || from <= completed) && (to >= created || to >= completed)
	case hasCompleted:
		return from <= completed && to >= completed
	case hasCreated:
		return to > created
	}
	return true
}

// periodOverlaps looks at the single FREEBUSY periods of a VFREEBUSY.
func (sc *scan) periodOverlaps(p *part) bool {
	if p.comp == nil || p.comp.Name != "VFREEBUSY" {
		return true
	}
	for i := range p.comp.Props {
		q := &p.comp.Props[i]
		if q.Name != "FREEBUSY" {
			continue
		}
		periods, err := q.Periods(nil)
		if err != nil {
			continue // newPart has read them: they are in UTC
		}
		if slices.ContainsFunc(periods, func(period Period) bool {
			return sc.from < period.End.Unix(nil) && sc.to > period.Start.Unix(nil)
		}) {
			return true
		}
	}
	return false
}
