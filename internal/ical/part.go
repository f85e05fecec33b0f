package ical

import (
	"math"
	"strings"
)

// A form says which of the rows of the tables in RFC 4791 §9.9 a component is.
type form uint8

const (
	formEvent     form = iota // from DTSTART until before the end
	formTodoSpan              // VTODO with DTSTART and DURATION
	formTodoDue               // VTODO with DTSTART and DUE
	formTodoStart             // VTODO with DTSTART alone
	formDue                   // VTODO with DUE alone
	formStamps                // VTODO with neither: CREATED and COMPLETED
	formFreeBusy              // VFREEBUSY with DTSTART and DTEND
	formPeriods               // VFREEBUSY with FREEBUSY alone
	formNever                 // VJOURNAL or VFREEBUSY without a time
)

// recurs reports whether a component of that form has a start that can recur.
func (f form) recurs() bool { return f <= formDue }

// A part is a master or an override with its times read.
type part struct {
	comp *Component // nil in a detached series
	form form
	busy BusyType
	span span

	// start is DTSTART, of formDue DUE. The other forms have none; a
	// VAVAILABILITY may have none either, and then reaches back forever.
	start DateTime

	// begin and end are moments instead of start and span: of formStamps CREATED
	// and COMPLETED, of formPeriods the first begin and the last end. The
	// infinities mean none.
	begin, end int64
}

// newPart reads the times of a component.
func newPart(c *Component, zones *Zones) (part, error) {
	p := part{comp: c, begin: math.MinInt64, end: math.MaxInt64}
	var start, end, duration, created, completed *Property
	status, transparent, hidden := "", false, false
	for i := range c.Props {
		q := &c.Props[i]
		switch q.Name {
		case "DTSTART":
			start = q
		case "DTEND":
			if c.Name != "VTODO" {
				end = q
			}
		case "DUE":
			if c.Name == "VTODO" {
				end = q
			}
		case "DURATION":
			duration = q
		case "STATUS":
			status = q.Value
		case "TRANSP":
			transparent = strings.EqualFold(strings.TrimSpace(q.Value), "TRANSPARENT")
		case hiddenInstance:
			hidden = isHidden(q)
		case "CREATED":
			created = q
		case "COMPLETED":
			completed = q
		}
	}
	if c.Name == "VEVENT" && !transparent && !hidden {
		p.busy = busyOfStatus(status)
	}
	var err error
	if start != nil {
		if p.start, err = start.DateTime(zones); err != nil {
			return p, seriesError(start, err)
		}
	}
	switch c.Name {
	case "VTODO":
		if start == nil && end == nil {
			return p, p.setStamps(created, completed, zones)
		}
		err = p.setTodo(start, end, duration, zones)
	case "VFREEBUSY":
		err = p.setFreeBusy(c, start, end, zones)
	case "VAVAILABILITY":
		err = p.setOpen(start, end, duration, zones)
	default:
		if start == nil {
			p.form = formNever
			return p, nil
		}
		if c.Name == "VJOURNAL" {
			end, duration = nil, nil
		}
		err = p.setEvent(end, duration, zones)
	}
	return p, err
}

// setEvent sets the span of a component with DTSTART.
func (p *part) setEvent(end, duration *Property, zones *Zones) error {
	switch {
	case end != nil:
		t, err := end.DateTime(zones)
		if err != nil {
			return seriesError(end, err)
		}
		p.span = newSpan(p.start, t)
	case duration != nil:
		d, err := ParseDuration(duration.Value)
		if err != nil {
			return seriesError(duration, err)
		}
		p.span = spanOfDuration(p.start, d)
	default:
		p.span = span{kind: spanExact}
	}
	if p.start.Kind == Date && p.span.days <= 0 {
		p.span = span{kind: spanWall, days: 1}
	} else if p.span.most() < 0 {
		p.span = span{kind: spanExact}
	}
	return nil
}

// setTodo sets the form and span of a VTODO with DTSTART or DUE.
func (p *part) setTodo(start, due, duration *Property, zones *Zones) error {
	var end DateTime
	var err error
	if due != nil {
		if end, err = due.DateTime(zones); err != nil {
			return seriesError(due, err)
		}
	}
	switch {
	case start == nil:
		p.form, p.start, p.span = formDue, end, span{kind: spanExact}
	case duration != nil:
		d, err := ParseDuration(duration.Value)
		if err != nil {
			return seriesError(duration, err)
		}
		p.form, p.span = formTodoSpan, spanOfDuration(p.start, d)
	case due != nil:
		p.form, p.span = formTodoDue, newSpan(p.start, end)
	default:
		p.form, p.span = formTodoStart, span{kind: spanExact}
	}
	return nil
}

// setStamps sets what a VTODO without DTSTART and DUE is found by.
func (p *part) setStamps(created, completed *Property, zones *Zones) error {
	p.form = formStamps
	if created != nil {
		t, err := created.DateTime(zones)
		if err != nil {
			return seriesError(created, err)
		}
		p.begin = t.Unix(nil)
	}
	if completed != nil {
		t, err := completed.DateTime(zones)
		if err != nil {
			return seriesError(completed, err)
		}
		p.end = t.Unix(nil)
	}
	return nil
}

// setFreeBusy sets the form of a VFREEBUSY, whose DURATION means something else.
func (p *part) setFreeBusy(c *Component, start, end *Property, zones *Zones) error {
	if start != nil && end != nil {
		t, err := end.DateTime(zones)
		if err != nil {
			return seriesError(end, err)
		}
		p.form, p.span = formFreeBusy, newSpan(p.start, t)
		return nil
	}
	p.form, p.begin, p.end, p.start = formNever, math.MaxInt64, math.MinInt64, DateTime{}
	for i := range c.Props {
		if c.Props[i].Name != "FREEBUSY" {
			continue
		}
		periods, err := c.Props[i].Periods(zones)
		if err != nil {
			return seriesError(&c.Props[i], err)
		}
		for _, period := range periods {
			p.form = formPeriods
			p.begin, p.end = min(p.begin, period.Start.Unix(nil)), max(p.end, period.End.Unix(nil))
		}
	}
	return nil
}

// setOpen sets the form of a VAVAILABILITY, which may be open at either end
// (RFC 7953 §3.1).
func (p *part) setOpen(start, end, duration *Property, zones *Zones) error {
	if start != nil && (end != nil || duration != nil) {
		return p.setEvent(end, duration, zones)
	}
	p.form = formPeriods
	if start != nil {
		p.begin = p.start.Unix(nil)
	}
	if end != nil {
		t, err := end.DateTime(zones)
		if err != nil {
			return seriesError(end, err)
		}
		p.end = t.Unix(nil)
	}
	return nil
}

// unixSpan returns the start and end of a part at its own place.
func (p *part) unixSpan(floating *Zone) (start, end int64) {
	if !p.form.recurs() && p.form != formFreeBusy {
		switch p.form {
		case formNever:
			return math.MaxInt64, math.MinInt64
		case formStamps:
			if p.end != math.MaxInt64 {
				return min(p.begin, p.end), max(p.begin, p.end) + 1
			}
		}
		return p.begin, p.end
	}
	start = p.start.Unix(floating)
	from := zoneCursor{zone: p.start.Zone}
	if p.start.Kind != Zoned {
		from.zone = nil
	}
	if p.start.Kind == Date || p.start.Kind == Floating {
		from.zone = floating
	}
	to := from
	if p.span.other {
		to = zoneCursor{zone: p.span.zone}
	}
	_, end = p.span.end(p.start.Wall, start, &from, &to)
	return start, end
}

// A spanKind says how the end of an instance follows from its start.
type spanKind uint8

const (
	spanInherit spanKind = iota // of an rdate: as of the master
	spanExact                   // seconds later
	spanNominal                 // days later on the wall, then seconds later
	spanWall                    // days and seconds later on the wall: no zone
)

// A span is the length of an instance (RFC 5545 §3.8.5.3): exact if the source
// has an end, nominal if it has a duration.
type span struct {
	kind  spanKind
	other bool // the end is in another zone than the start:
	utc   bool // in UTC
	zone  *Zone
	days  int64
	secs  int64
}

// newSpan returns the span between two times.
func newSpan(start, end DateTime) span {
	switch {
	case start.Kind == Date:
		return span{kind: spanWall, days: -floorDiv(start.Wall-end.Wall, secondsPerDay)}
	case start.Kind == Floating:
		return span{kind: spanWall, secs: end.Wall - start.Wall}
	case end.Kind == Date || end.Kind == Floating:
		end.Kind, end.Zone = start.Kind, start.Zone
	}
	s := span{kind: spanExact, secs: end.Unix(nil) - start.Unix(nil)}
	if end.Kind != start.Kind || end.Zone != start.Zone {
		s.other, s.utc, s.zone = true, end.Kind == UTC, end.Zone
	}
	return s
}

// spanOfDuration returns the span of a DURATION property.
func spanOfDuration(start DateTime, d Duration) span {
	switch {
	case start.Kind == Date:
		return span{kind: spanWall, days: d.Days - floorDiv(-d.Seconds, secondsPerDay)}
	case start.Kind == Floating:
		return span{kind: spanWall, days: d.Days, secs: d.Seconds}
	case d.Days == 0 || start.Kind == UTC:
		return span{kind: spanExact, secs: d.Exact()}
	}
	return span{kind: spanNominal, days: d.Days, secs: d.Seconds}
}

// most returns what the span is not longer than in seconds, but for the hours
// that clocks may be moved.
func (s *span) most() int64 { return s.days*secondsPerDay + s.secs }

// reach returns what the span is never longer than, in seconds.
func (s *span) reach() int64 {
	if s.kind == spanExact {
		return max(s.secs, 0)
	}
	return max(s.most(), 0) + secondsPerDay
}

// end returns the end of an instance: its wall time, which is in the zone of to,
// and its moment. from resolves walls of the start.
func (s *span) end(wall, unix int64, from, to *zoneCursor) (endWall, endUnix int64) {
	switch s.kind {
	case spanWall:
		wall += s.days*secondsPerDay + s.secs
		endUnix, _ = from.unix(wall)
		return wall, endUnix
	case spanNominal:
		endUnix, _ = from.unix(wall + s.days*secondsPerDay)
		endUnix += s.secs
		return from.wall(endUnix), endUnix
	}
	endUnix = unix + s.secs
	return to.wall(endUnix), endUnix
}
