package ical

import (
	"slices"
)

// Expand returns a calendar with each instance of o that overlaps a time range as
// a component of its own (RFC 4791 §9.6.5): in UTC where it had a zone, without
// recurrence properties, and with a RECURRENCE-ID, but for the first instance of
// the series. VTIMEZONEs are left out. The range and floating are as for
// Series.Instances. The result shares nothing with o that can be changed.
//
// Errors: ErrBudget; those of Series.
func (o *Object) Expand(from, to int64, floating *Zone, b *Budget) (*Component, error) {
	s, err := o.Series()
	if err != nil {
		return nil, err
	}
	cal := o.expandedCalendar()
	var faces []face
	var sc scan
	sc.init(s, from, to, floating, b.orDefault())
	for {
		inst, err := sc.next()
		if err != nil {
			return nil, err
		}
		if inst == nil {
			return cal, nil
		}
		f := faceOf(&faces, inst)
		if f.size == 0 {
			f.size = len(f.of.Append(nil))
		}
		if err := sc.budget.SpendText(f.size); err != nil {
			return nil, err
		}
		c := NewComponent(inst.Component.Name)
		s.eachHead(f, inst, func(p *Property, name string, t DateTime) {
			if p != nil {
				c.Props = append(c.Props, p.Clone())
			} else {
				c.Props = append(c.Props, DateTimeProperty(name, t))
			}
		})
		for i := range inst.Component.Props {
			if p := &inst.Component.Props[i]; f.keeps(p.Name) {
				c.Props = append(c.Props, inUTCProperty(p, o.Zones))
			}
		}
		for _, child := range inst.Component.Children {
			c.Children = append(c.Children, inUTCComponent(child, o.Zones))
		}
		cal.Children = append(cal.Children, c)
	}
}

// expandedCalendar returns the calendar of o without its components of o.Kind and
// its VTIMEZONEs.
func (o *Object) expandedCalendar() *Component {
	cal := NewComponent("VCALENDAR")
	for i := range o.Calendar.Props {
		cal.Props = append(cal.Props, o.Calendar.Props[i].Clone())
	}
	for _, child := range o.Calendar.Children {
		if child.Name != o.Kind && child.Name != "VTIMEZONE" {
			cal.Children = append(cal.Children, child.Clone())
		}
	}
	return cal
}

// A headKind says how the end of an expanded instance is written.
type headKind uint8

const (
	headStart    headKind = iota // no end
	headEnd                      // DTEND
	headDue                      // DUE
	headDuration                 // DURATION, as the source has it
)

// A face is how the instances of one component are written when they are
// expanded.
type face struct {
	of       *Component
	whole    bool // it has no times of its own: all is as in the component
	hasStart bool
	kind     headKind
	duration *Property
	length   int64 // of duration, with days of 24 hours; -1: cannot be read

	begin, end int // where what its instances share was written first
	size       int // of the component, in bytes; 0: not measured yet
}

// bytesPerStep is how much of an instance's text counts as a step of a Budget:
// writing a large component many times takes more than finding where it is.
const bytesPerStep = 512

// faceOf returns the face of the component of an instance, a new one if need be.
// It is good until the next call.
func faceOf(faces *[]face, inst *Instance) *face {
	for i := range *faces {
		if (*faces)[i].of == inst.Component {
			return &(*faces)[i]
		}
	}
	f := face{of: inst.Component, whole: !inst.form.recurs() && inst.form != formFreeBusy, length: -1}
	for i := range f.of.Props {
		p := &f.of.Props[i]
		switch p.Name {
		case "DTSTART":
			f.hasStart = true
		case "DTEND":
			f.kind = headEnd
		case "DUE":
			f.kind = headDue
		case "DURATION":
			if inst.form == formFreeBusy {
				continue
			}
			f.kind, f.duration = headDuration, p
			if d, err := ParseDuration(p.Value); err == nil {
				f.length = d.Exact()
			}
		}
	}
	*faces = append(*faces, f)
	return &(*faces)[len(*faces)-1]
}

// keeps reports whether a property of the component is the same in all of its
// instances.
func (f *face) keeps(name string) bool {
	switch name {
	case "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID":
		return f.whole
	case "RRULE", "EXRULE", "RDATE", "EXDATE":
		return false
	}
	return true
}

// endKind returns how the end of an instance is written: as in its component,
// unless its length is not what that says.
func (f *face) endKind(inst *Instance) headKind {
	length := inst.EndUnix - inst.StartUnix
	timed := inst.Start.Kind == UTC || inst.Start.Kind == Zoned
	switch {
	case f.kind == headDuration && timed && length != f.length:
		if f.of.Name == "VTODO" {
			return headDue // a nominal day that has not 24 hours
		}
		return headEnd
	case f.kind == headStart && f.of.Name == "VEVENT" && timed && length > 0:
		return headEnd // an RDATE with a period
	}
	return f.kind
}

// eachHead calls put for the properties of an instance that are its own: with a
// property of its component, or a name and a time.
func (s *Series) eachHead(f *face, inst *Instance, put func(p *Property, name string, t DateTime)) {
	if f.whole {
		return
	}
	if f.hasStart {
		put(nil, "DTSTART", inUTCTime(inst.Start, inst.StartUnix))
	}
	switch f.endKind(inst) {
	case headDuration:
		put(f.duration, "", DateTime{})
	case headEnd:
		put(nil, "DTEND", inUTCTime(inst.End, inst.EndUnix))
	case headDue:
		put(nil, "DUE", inUTCTime(inst.End, inst.EndUnix))
	}
	if id, ok := s.recurrenceID(inst); ok {
		put(nil, "RECURRENCE-ID", id)
	}
}

// inUTCTime returns a time of an instance as it is written: in UTC, or the wall
// time of a DATE or floating time.
func inUTCTime(t DateTime, unix int64) DateTime {
	if t.Kind == Date || t.Kind == Floating {
		return DateTime{Wall: t.Wall, Kind: t.Kind}
	}
	return DateTime{Wall: unix, Kind: UTC}
}

// recurrenceID returns the RECURRENCE-ID of an instance; false if it has none: of
// a series that does not recur, and the first of one that does.
func (s *Series) recurrenceID(inst *Instance) (DateTime, bool) {
	id := inst.RecurrenceID
	if !s.recurring || !inst.Override && s.hasMaster && id.Wall == s.master.start.Wall {
		return DateTime{}, false
	}
	return inUTCTime(id, inst.idUnix), true
}

// inUTCProperty returns a copy of p, in UTC if it was in a zone.
func inUTCProperty(p *Property, zones *Zones) Property {
	c := p.Clone()
	if !c.Has("TZID") {
		return c
	}
	times, err := c.DateTimes(zones)
	if err != nil || len(times) == 0 {
		return c
	}
	var b []byte
	for i, t := range times {
		if i > 0 {
			b = append(b, ',')
		}
		b = inUTCTime(t, t.Unix(nil)).Append(b)
	}
	c.RemoveParam("TZID")
	c.Value = string(b)
	return c
}

// inUTCComponent returns a copy of c, in UTC wherever it was in a zone.
func inUTCComponent(c *Component, zones *Zones) *Component {
	n := c.Clone()
	for i := range n.Props {
		if n.Props[i].Has("TZID") {
			n.Props[i] = inUTCProperty(&n.Props[i], zones)
		}
	}
	for i, child := range n.Children {
		n.Children[i] = inUTCComponent(child, zones)
	}
	return n
}

// AppendExpanded appends what Expand returns to dst, encoded. It is several times
// faster than Expand, and on errors returns dst as it was.
func (o *Object) AppendExpanded(dst []byte, from, to int64, floating *Zone, b *Budget) ([]byte, error) {
	s, err := o.Series()
	if err != nil {
		return dst, err
	}
	return s.AppendExpanded(dst, o, from, to, floating, b)
}

// AppendExpanded is Object.AppendExpanded for an object whose series, s, is at
// hand. A detached one is of no use.
func (s *Series) AppendExpanded(dst []byte, o *Object, from, to int64, floating *Zone, b *Budget) ([]byte, error) {
	if s.detached {
		return o.AppendExpanded(dst, from, to, floating, b)
	}
	out := append(dst, "BEGIN:VCALENDAR\r\n"...)
	for i := range o.Calendar.Props {
		out = o.Calendar.Props[i].append(out)
	}
	for _, child := range o.Calendar.Children {
		if child.Name != o.Kind && child.Name != "VTIMEZONE" {
			out = child.Append(out)
		}
	}
	var faces []face
	var sc scan
	sc.init(s, from, to, floating, b.orDefault())
	for {
		inst, err := sc.next()
		if err != nil {
			return dst, err
		}
		if inst == nil {
			return append(out, "END:VCALENDAR\r\n"...), nil
		}
		f := faceOf(&faces, inst)
		out = append(append(append(out, "BEGIN:"...), f.of.Name...), "\r\n"...)
		s.eachHead(f, inst, func(p *Property, name string, t DateTime) {
			if p != nil {
				out = p.append(out)
			} else {
				out = appendTime(out, name, t)
			}
		})
		if f.end == 0 {
			f.begin = len(out)
			out = f.appendBody(out, o.Zones)
			f.end = len(out)
		} else {
			if err := sc.budget.SpendText(f.end - f.begin); err != nil {
				return dst, err
			}
			out = append(out, out[f.begin:f.end]...)
		}
	}
}

// appendTime writes a property with a time that is not in a zone.
func appendTime(dst []byte, name string, t DateTime) []byte {
	dst = append(dst, name...)
	if t.Kind == Date {
		dst = append(dst, ";VALUE=DATE"...)
	}
	return append(t.Append(append(dst, ':')), "\r\n"...)
}

// appendBody writes what all instances of the component share, and its END.
func (f *face) appendBody(dst []byte, zones *Zones) []byte {
	c := f.of
	for i := range c.Props {
		p := &c.Props[i]
		switch {
		case !f.keeps(p.Name):
		case p.Has("TZID"):
			utc := inUTCProperty(p, zones)
			dst = utc.append(dst)
		default:
			dst = p.append(dst)
		}
	}
	for _, child := range c.Children {
		if hasZone(child) {
			child = inUTCComponent(child, zones)
		}
		dst = child.Append(dst)
	}
	return append(append(append(dst, "END:"...), c.Name...), "\r\n"...)
}

// hasZone reports whether a property of c, or of what is in it, has a TZID.
func hasZone(c *Component) bool {
	return slices.ContainsFunc(c.Props, func(p Property) bool { return p.Has("TZID") }) || slices.ContainsFunc(c.Children, hasZone)
}
