package ical

import (
	"cmp"
	"slices"
	"strings"
)

// RID returns the name of the instance whose original start is t, in whatever form
// t is: in UTC if the series is in a zone, else a DATE or a floating time. A DATE in
// a timed series is the instance at the usual time of that day. Two names are of one
// instance if they are ==, also where the objects that they come from define their
// zones differently.
func (s *Series) RID(t DateTime) DateTime {
	t = s.inSeries(t)
	if t.Kind == Zoned {
		return DateTime{Wall: t.Unix(nil), Kind: UTC}
	}
	return t
}

// Has reports whether the recurrence set has an instance of that name: DTSTART, a
// rule or an RDATE gives it, and no EXDATE or EXRULE takes it away. Overrides do not
// count. b may be nil; the error is ErrBudget.
func (s *Series) Has(rid DateTime, b *Budget) (bool, error) {
	_, ok, err := s.at(rid, b)
	return ok, err
}

// at returns the instance of that name as the master has it.
func (s *Series) at(rid DateTime, b *Budget) (Instance, bool, error) {
	if !s.hasMaster || !s.master.form.recurs() {
		return Instance{}, false, nil
	}
	bare := *s
	bare.overrides, bare.ovdays, bare.ranges, bare.recurring = nil, nil, nil, true
	at := s.inSeries(rid).Unix(nil)
	for inst, err := range bare.Instances(at-1, at+2, nil, b) {
		if err != nil {
			return Instance{}, false, err
		}
		if inst.idUnix == at {
			return inst, true, nil
		}
	}
	return Instance{}, false, nil
}

// Excluded returns the names that EXDATEs take out of the series, in order. Those
// that are a whole day of a timed series stand for the usual time of that day.
func (s *Series) Excluded() []DateTime {
	kind := s.master.start.Kind
	if kind == Zoned {
		kind = UTC
	}
	all := make([]DateTime, 0, len(s.exkeys)+len(s.exdays))
	for _, key := range s.exkeys {
		all = append(all, DateTime{Wall: key, Kind: kind})
	}
	for _, day := range s.exdays {
		all = append(all, s.RID(DateTime{Wall: day * secondsPerDay, Kind: Date}))
	}
	slices.SortFunc(all, func(a, b DateTime) int { return cmp.Compare(a.Wall, b.Wall) })
	return slices.Compact(all)
}

// instanceAt returns what an override of the instance of that name begins with: the
// master without its recurrence, or the THISANDFUTURE override that the instance comes
// after, moved there, and with a RECURRENCE-ID. It is nil if there is no such instance.
func (s *Series) instanceAt(rid DateTime, master *Component, zones *Zones, b *Budget) (*Component, error) {
	inst, ok, err := s.at(rid, b)
	if err != nil || !ok {
		return nil, err
	}
	id := DateTimeProperty("RECURRENCE-ID", inst.RecurrenceID)
	if id.Has("TZID") {
		id.SetParam("TZID", master.Prop(s.master.form.beginsWith()).Param("TZID")) // as the object calls its zone
	}
	from, form := master, s.master.form
	if o := s.rangeBefore(&inst); o != nil {
		from, form = o.comp, o.form
		if inst, ok, err = s.moved(&inst, o, b); err != nil || !ok {
			return nil, err
		}
	}
	c := from.Clone()
	c.RemoveFunc(func(p *Property) bool { return isRecurrence(p.Name) || p.Name == "RECURRENCE-ID" })
	c.Prop(form.beginsWith()).moveTo(inst.Start, zones)
	if form != formDue {
		s.moveEnd(c, &inst, zones)
	}
	c.Add(id)
	return c, nil
}

// beginsWith is the property that says when a component of a form that recurs begins.
func (f form) beginsWith() string {
	if f == formDue {
		return "DUE"
	}
	return "DTSTART"
}

// rangeBefore returns the THISANDFUTURE override that an instance comes after, the
// last one if there are several; nil if there is none (RFC 5545 §3.2.13).
func (s *Series) rangeBefore(inst *Instance) *override {
	i, _ := slices.BinarySearchFunc(s.ranges, s.keyOf(inst), func(at int, key int64) int { return cmp.Compare(s.overrides[at].key, key) })
	if i == 0 {
		return nil
	}
	return &s.overrides[s.ranges[i-1]]
}

// moved returns an instance of the master where a THISANDFUTURE override before it
// moves it.
func (s *Series) moved(inst *Instance, o *override, b *Budget) (Instance, bool, error) {
	bare := *s
	bare.overrides, bare.ovdays, bare.ranges, bare.recurring = []override{*o}, nil, []int{0}, true
	near := inst.idUnix + o.shift // but for changes of the clocks
	for at, err := range bare.Instances(near-secondsPerDay, near+secondsPerDay, nil, b) {
		if err != nil {
			return Instance{}, false, err
		}
		if at.idUnix == inst.idUnix {
			return at, true, nil
		}
	}
	return Instance{}, false, nil
}

// isRecurrence reports whether a property says when a component recurs.
func isRecurrence(name string) bool {
	switch name {
	case "RRULE", "EXRULE", "RDATE", "EXDATE":
		return true
	}
	return false
}

// moveTo sets the time of p, which keeps its parameters if they say the same of t.
func (p *Property) moveTo(t DateTime, zones *Zones) {
	if was, err := p.DateTime(zones); err == nil && was.Kind == t.Kind && was.Zone == t.Zone {
		p.Value = t.String()
		return
	}
	p.SetDateTime(t)
}

// moveEnd sets the end of c to that of an instance. A DURATION stays, unless an
// RDATE has a length of its own.
func (s *Series) moveEnd(c *Component, inst *Instance, zones *Zones) {
	name := "DTEND"
	if c.Name == "VTODO" {
		name = "DUE"
	}
	if p := c.Prop(name); p != nil {
		p.moveTo(inst.End, zones)
		return
	}
	i, given := slices.BinarySearchFunc(s.rdates, s.keyOf(inst), func(r rdate, key int64) int { return cmp.Compare(r.key, key) })
	if !given || s.rdates[i].span.kind == spanInherit || c.Name == "VJOURNAL" {
		return
	}
	c.Remove("DURATION")
	c.Add(DateTimeProperty(name, inst.End))
}

// keyOf returns the key of an instance.
func (s *Series) keyOf(inst *Instance) int64 {
	if s.floating {
		return inst.RecurrenceID.Wall
	}
	return inst.idUnix
}

// exDate returns an EXDATE for an instance in the form of the master's DTSTART.
func (s *Series) exDate(rid DateTime, master *Component) Property {
	p := DateTimeProperty("EXDATE", s.inSeries(rid))
	if start := master.Prop("DTSTART"); start != nil && p.Has("TZID") {
		p.SetParam("TZID", start.Param("TZID"))
	}
	return p
}

// dropExDate takes the EXDATEs of an instance out of master, and reports whether
// there were any.
func (s *Series) dropExDate(rid DateTime, master *Component, zones *Zones) bool {
	dropped := false
	for i := range master.Props {
		p := &master.Props[i]
		if p.Name != "EXDATE" {
			continue
		}
		var kept []string
		for value := range strings.SplitSeq(p.Value, ",") {
			if t, err := ParseDateTime(value, p.Param("TZID"), p.isDate(), zones); err != nil || s.RID(t) != rid {
				kept = append(kept, value)
			} else {
				dropped = true
			}
		}
		p.Value = strings.Join(kept, ",")
	}
	master.RemoveFunc(func(p *Property) bool { return p.Name == "EXDATE" && p.Value == "" })
	return dropped
}
