package freebusy

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// Times gathers when somebody is busy, from all that counts. The zero value is
// ready for use: they are free.
type Times struct {
	Periods     []ical.BusyPeriod
	Unavailable []Unavailable
	Events      []*ical.Component // in detail, for those who may know
}

// Merged is all that was gathered of the time between from and to, as [Merge] has
// it. Errors: ErrBudget; what of a VAVAILABILITY cannot be read.
func (t *Times) Merged(from, to int64, b *ical.Budget) ([]ical.BusyPeriod, error) {
	all, err := appendUnavailable(t.Periods[:len(t.Periods):len(t.Periods)], t.Unavailable, from, to, b)
	if err != nil {
		return nil, err
	}
	return Merge(all, from, to), nil
}

// A Mask leaves the meeting out that is about to be moved (icalendar-maskuids §4.3).
// The zero Mask leaves out nothing.
type Mask struct {
	UID string
	// IsOrganizer reports whether an address is that of the organizer who asks.
	IsOrganizer func(address string) bool
	// Own says that the organizer asks about themselves.
	Own bool
}

// Hides reports whether o does not count: it is the meeting, and the organizer's.
// So nobody can find out by two questions what it is that somebody is busy with.
func (m *Mask) Hides(o *ical.Object) bool {
	if m.UID == "" || o.UID != m.UID {
		return false
	}
	for _, c := range o.Calendar.Children {
		if p := c.Prop("ORGANIZER"); p != nil {
			return m.IsOrganizer(p.Value)
		}
	}
	return m.Own
}

// Detail says what of events is told besides when they are.
type Detail uint8

// The details.
const (
	Summary Detail = 1 << iota
	Organizer
)

// told are the properties that a detail tells.
var told = [...]struct {
	detail Detail
	name   string
}{{Summary, "SUMMARY"}, {Organizer, "ORGANIZER"}}

// Public reports whether details of an event may be told at all: neither it nor
// the calendar that it came in says that it is anything else than public.
func Public(o *ical.Object) bool {
	if !public(o.Calendar.Prop("X-CALENDARSERVER-ACCESS")) {
		return false
	}
	for _, c := range o.Calendar.Children {
		if !public(c.Prop("CLASS")) {
			return false
		}
	}
	return true
}

func public(p *ical.Property) bool {
	return p == nil || strings.EqualFold(strings.TrimSpace(p.Value), "PUBLIC")
}

// AppendEvents appends the instances of an event between from and to that take
// time, each as a VEVENT that tells when it is, which it is, and what detail asks
// for. Errors: ErrBudget and that of its Text; those of [ical.Object.Series].
func AppendEvents(dst []*ical.Component, o *ical.Object, from, to int64, floating *ical.Zone, detail Detail, b *ical.Budget) ([]*ical.Component, error) {
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	for in, err := range series.Instances(from, to, floating, b) {
		if err != nil {
			return nil, err
		}
		if in.Busy == ical.Free || in.EndUnix <= in.StartUnix {
			continue
		}
		c := instance(o, &in, floating, detail)
		if err := b.SpendText(size(c)); err != nil {
			return nil, err
		}
		dst = append(dst, c)
	}
	return dst, nil
}

// AppendTravelled is [ical.Series.AppendBusy] for an event to which its owner travels:
// they are busy from when they leave until they are back, as far as that is between
// from and to. Errors: ErrBudget; those of [ical.Object.Series].
func AppendTravelled(dst []ical.BusyPeriod, o *ical.Object, from, to int64, floating *ical.Zone, b *ical.Budget) ([]ical.BusyPeriod, error) {
	series, err := o.Series()
	if err != nil {
		return dst, err
	}
	for in, err := range series.Instances(from-ical.MaxTravel, to+ical.MaxTravel, floating, b) {
		if err != nil {
			return dst, err
		}
		before, after := ical.TravelOf(in.Component)
		start, end := max(in.StartUnix-before, from), min(in.EndUnix+after, to)
		if in.Busy != ical.Free && in.EndUnix > in.StartUnix && start < end {
			dst = append(dst, ical.BusyPeriod{Start: start, End: end, Type: in.Busy})
		}
	}
	return dst, nil
}

// instance is one VEVENT of AppendEvents.
func instance(o *ical.Object, in *ical.Instance, floating *ical.Zone, detail Detail) *ical.Component {
	c := ical.NewComponent("VEVENT")
	c.Add(ical.TextProperty("UID", o.UID))
	if !in.RecurrenceID.IsZero() {
		c.Add(ical.NewProperty("RECURRENCE-ID", utc(in.RecurrenceID.Unix(floating))))
	}
	if p := in.Component.Prop("DTSTAMP"); p != nil {
		c.Add(p.Clone())
	}
	c.Add(ical.NewProperty("DTSTART", utc(in.StartUnix)), ical.NewProperty("DTEND", utc(in.EndUnix)))
	for _, t := range told {
		if p := in.Component.Prop(t.name); p != nil && detail&t.detail != 0 {
			c.Add(outside(p))
		}
	}
	return c
}

// outside is a property without what is between its owner's client and the server (RFC
// 6638 §7).
func outside(p *ical.Property) ical.Property {
	n := p.Clone()
	n.Params = slices.DeleteFunc(n.Params, func(q ical.Param) bool { return strings.HasPrefix(q.Name, "SCHEDULE-") })
	return n
}

// size is about how long a component is when it is written.
func size(c *ical.Component) int {
	n := 0
	for i := range c.Props {
		n += len(c.Props[i].Name) + len(c.Props[i].Value) + 4
		for _, param := range c.Props[i].Params {
			n += len(param.Name) + 2
			for _, v := range param.Values {
				n += len(v) + 3
			}
		}
	}
	return n
}

// utcLength is that of a DATE-TIME in UTC.
const utcLength = len("20060102T150405Z")

// utc is a moment as a DATE-TIME in UTC.
func utc(unix int64) string { return string(appendUTC(make([]byte, 0, utcLength), unix)) }

func appendUTC(dst []byte, unix int64) []byte {
	return ical.DateTime{Wall: unix, Kind: ical.UTC}.Append(dst)
}
