package ical

import (
	"slices"
	"strings"
)

// LimitRecurrenceSet returns o's calendar without the overrides that have no
// effect on a time range (RFC 4791 §9.6.6): neither they nor the instances they
// stand for overlap it. One with RANGE=THISANDFUTURE is left in if it begins
// before the end of the range. The result shares its components with o.
//
// Errors: ErrBudget; those of Series.
func (o *Object) LimitRecurrenceSet(from, to int64, floating *Zone, b *Budget) (*Component, error) {
	if len(o.Overrides) == 0 {
		return o.Calendar, nil
	}
	s, err := o.Series()
	if err != nil {
		return nil, err
	}
	if err := b.orDefault().Spend(len(o.Overrides)); err != nil {
		return nil, err
	}
	var drop []*Component
	for i := range s.overrides {
		if v := &s.overrides[i]; !s.matters(v, from, to, floating) {
			drop = append(drop, v.comp)
		}
	}
	cal := *o.Calendar
	cal.Children = slices.DeleteFunc(slices.Clone(cal.Children), func(c *Component) bool { return slices.Contains(drop, c) })
	return &cal, nil
}

// matters reports whether an override has an effect on a range.
func (s *Series) matters(v *override, from, to int64, floating *Zone) bool {
	sc := scan{s: s, from: from, to: to, floating: floating}
	if _, ok := sc.fixed(&v.part); ok {
		return true
	}
	was := s.inSeries(v.id)
	start := was.Unix(floating)
	if v.shift != noShift && start < to {
		return true
	}
	if !s.hasMaster || !s.master.form.recurs() {
		return start >= from && start < to
	}
	original := s.master
	original.start = was
	_, ok := sc.fixed(&original)
	return ok
}

// LimitFreeBusySet returns o's calendar without the FREEBUSY values that do not
// overlap a time range (RFC 4791 §9.6.7). Values that cannot be read are left in.
// The result shares what is not changed with o.
func (o *Object) LimitFreeBusySet(from, to int64) *Component {
	if o.Kind != "VFREEBUSY" {
		return o.Calendar
	}
	cal := *o.Calendar
	cal.Children = slices.Clone(cal.Children)
	for i, child := range cal.Children {
		if child.Name == "VFREEBUSY" {
			cal.Children[i] = limitFreeBusy(child, o.Zones, from, to)
		}
	}
	return &cal
}

func limitFreeBusy(c *Component, zones *Zones, from, to int64) *Component {
	n := *c
	n.Props = nil
	for i := range c.Props {
		p := c.Props[i]
		if p.Name != "FREEBUSY" {
			n.Props = append(n.Props, p)
			continue
		}
		var kept []string
		for value := range strings.SplitSeq(p.Value, ",") {
			period, err := ParsePeriod(value, p.Param("TZID"), zones)
			if err != nil || from < period.End.Unix(nil) && to > period.Start.Unix(nil) {
				kept = append(kept, value)
			}
		}
		if len(kept) > 0 {
			p.Value = strings.Join(kept, ",")
			n.Props = append(n.Props, p)
		}
	}
	return &n
}
