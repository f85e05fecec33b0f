package calquery

import (
	"strings"

	"convene/internal/ical"
)

// nested reports whether c, a VALARM or AVAILABLE within parent, has a time within
// span.
func (m *matcher) nested(span TimeRange, parent, c *ical.Component) (bool, error) {
	if c.Name == "VALARM" {
		return m.alarm(span, parent, c)
	}
	return m.available(span, parent, c)
}

// available is for AVAILABLE (RFC 7953 §5): it recurs as an event does.
func (m *matcher) available(span TimeRange, parent, c *ical.Component) (bool, error) {
	part := &ical.Object{Calendar: m.o.Calendar, Kind: c.Name, Zones: m.o.Zones}
	uid := c.Prop("UID")
	for _, other := range parent.Children {
		if other != c && (other.Name != c.Name || uid == nil || other.Prop("UID") == nil || other.Prop("UID").Value != uid.Value) {
			continue
		}
		if other.Prop("RECURRENCE-ID") != nil {
			part.Overrides = append(part.Overrides, other)
		} else if part.Master == nil {
			part.Master = other
		}
	}
	s, err := part.Series()
	if err != nil {
		return false, err
	}
	for in, err := range s.Instances(span.From, span.To, m.floating, m.budget) {
		if err != nil {
			return false, err
		}
		if in.Component == c {
			return true, nil
		}
	}
	return false, nil
}

// alarm is for VALARM: one of its triggers lies within span (RFC 4791 §9.9).
func (m *matcher) alarm(span TimeRange, parent, c *ical.Component) (bool, error) {
	trigger := c.Prop("TRIGGER")
	if trigger == nil {
		return false, nil
	}
	step, repeats := repetition(c)
	offset, err := ical.ParseDuration(trigger.Value)
	if err != nil || strings.EqualFold(trigger.Param("VALUE"), "DATE-TIME") {
		t, err := trigger.DateTime(m.o.Zones)
		if err != nil {
			return false, nil
		}
		return anyRepeat(t.Unix(m.floating), step, repeats, span), nil
	}
	s, err := m.series()
	if err != nil {
		return false, err
	}
	fromEnd := strings.EqualFold(trigger.Param("RELATED"), "END")
	// The instances whose alarms may lie within span, a day more for days that
	// are not 24 hours long.
	const day = 24 * 60 * 60
	first := add(span.From, -offset.Exact()-step*repeats-day)
	last := add(span.To, -offset.Exact()+day)
	for in, err := range s.Instances(first, last, m.floating, m.budget) {
		if err != nil {
			return false, err
		}
		base := in.Start
		if fromEnd {
			base = in.End
		}
		if base.IsZero() {
			continue
		}
		if base.Kind == ical.Date {
			base.Kind = ical.Floating // 15 minutes before a day is not a day
		}
		if in.Component == parent && anyRepeat(base.Add(offset).Unix(m.floating), step, repeats, span) {
			return true, nil
		}
	}
	return false, nil
}

// repetition returns how often an alarm comes again, and after how many seconds.
func repetition(c *ical.Component) (step, repeats int64) {
	repeat, duration := c.Prop("REPEAT"), c.Prop("DURATION")
	if repeat == nil || duration == nil {
		return 0, 0
	}
	d, err := ical.ParseDuration(duration.Value)
	if err != nil || d.Exact() <= 0 {
		return 0, 0
	}
	const most = 1000
	for _, digit := range strings.TrimSpace(repeat.Value) {
		if digit < '0' || digit > '9' {
			return 0, 0
		}
		repeats = min(repeats*10+int64(digit-'0'), most)
	}
	return min(d.Exact(), 1<<32), repeats
}

// anyRepeat reports whether at, or one of the repeats after it, is within span.
func anyRepeat(at, step, repeats int64, span TimeRange) bool {
	if at < span.From && step > 0 {
		n := (span.From - at + step - 1) / step // the first that is not before
		if n > repeats {
			return false
		}
		at += n * step
	}
	return span.contains(at)
}
