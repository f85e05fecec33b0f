package freebusy

import (
	"fmt"
	"strings"

	"convene/internal/ical"
)

// A Request asks when people are busy: the VFREEBUSY of an iTIP message with
// METHOD:REQUEST (RFC 5546 §3.3.2).
type Request struct {
	UID       string
	From, To  int64 // Unix seconds
	Organizer ical.Property
	Attendees []ical.Property // of each address the first, in order
	Mask      string          // UID of what is not to count (icalendar-maskuids §4.1)
	Extended  bool            // tell of the events, too, as far as the organizer may know of them
}

// A RequestError says which precondition a request does not meet.
type RequestError struct {
	Condition string // one of the constants
	Reason    string // for people
}

// The preconditions, in the order in which they are asked for.
const (
	RecipientSpecified   = "recipient-specified"
	ValidCalendarData    = "valid-calendar-data"
	NoAccessRestrictions = "no-access-restrictions"
)

func (e *RequestError) Error() string { return e.Condition + ": " + e.Reason }

func invalid(format string, args ...any) *RequestError {
	return &RequestError{ValidCalendarData, fmt.Sprintf(format, args...)}
}

// ParseRequest reads a request. Errors: *RequestError.
func ParseRequest(cal *ical.Component) (*Request, error) {
	c, err := only(cal)
	if err != nil {
		return nil, err
	}
	r := &Request{Attendees: attendees(c)}
	if len(r.Attendees) == 0 {
		return nil, &RequestError{RecipientSpecified, "no ATTENDEE"}
	}
	if method := cal.Prop("METHOD"); method == nil || !is(method, "REQUEST") {
		return nil, invalid("METHOD is not REQUEST")
	}
	if err := r.setTimes(c); err != nil {
		return nil, err
	}
	if err := r.setOrganizer(c); err != nil {
		return nil, err
	}
	if cal.Prop("X-CALENDARSERVER-ACCESS") != nil || c.Prop("X-CALENDARSERVER-ACCESS") != nil {
		return nil, &RequestError{NoAccessRestrictions, "X-CALENDARSERVER-ACCESS is not for messages"}
	}
	if p := c.Prop("UID"); p != nil {
		r.UID = p.Text()
	}
	switch masks := c.AllProps("X-CALENDARSERVER-MASK-UID"); len(masks) {
	case 0:
	case 1:
		r.Mask = masks[0].Text()
	default:
		return nil, invalid("X-CALENDARSERVER-MASK-UID more than once")
	}
	if p := c.Prop("X-CALENDARSERVER-EXTENDED-FREEBUSY"); p != nil {
		r.Extended = is(p, "T")
	}
	return r, nil
}

func is(p *ical.Property, word string) bool {
	return strings.EqualFold(strings.TrimSpace(p.Value), word)
}

// only is the VFREEBUSY of a calendar that holds nothing else but time zones.
func only(cal *ical.Component) (found *ical.Component, err error) {
	for _, c := range cal.Children {
		switch {
		case c.Name == "VTIMEZONE":
		case c.Name != "VFREEBUSY" || found != nil:
			return nil, invalid("not one VFREEBUSY alone")
		default:
			found = c
		}
	}
	if found == nil {
		return nil, invalid("no VFREEBUSY")
	}
	return found, nil
}

// attendees are those of c, of each address the first.
func attendees(c *ical.Component) (list []ical.Property) {
	known := map[string]bool{}
	for i := range c.Props {
		p := &c.Props[i]
		if address := p.Address(); p.Name == "ATTENDEE" && !known[address] {
			known[address] = true
			list = append(list, *p)
		}
	}
	return list
}

func (r *Request) setTimes(c *ical.Component) error {
	for _, at := range []struct {
		name string
		unix *int64
	}{{"DTSTART", &r.From}, {"DTEND", &r.To}} {
		all := c.AllProps(at.name)
		if len(all) != 1 {
			return invalid("%s is not there once", at.name)
		}
		t, err := all[0].DateTime(nil)
		if err != nil || t.Kind != ical.UTC {
			return invalid("%s is not a date-time in UTC", at.name)
		}
		*at.unix = t.Wall
	}
	if r.From >= r.To {
		return invalid("DTEND is not after DTSTART")
	}
	return nil
}

func (r *Request) setOrganizer(c *ical.Component) error {
	all := c.AllProps("ORGANIZER")
	if len(all) != 1 {
		return invalid("ORGANIZER is not there once")
	}
	r.Organizer = *all[0]
	return nil
}

// An Answer is what somebody's busy times are told with.
type Answer struct {
	Method    string         // REPLY or PUBLISH; "" for what is no message
	Product   string         // PRODID
	UID       string         // RFC 5545 §3.6.4
	Stamp     int64          // Unix seconds
	Organizer *ical.Property // nil: none
	Attendee  *ical.Property // nil: none

	From, To int64 // Unix seconds
	Busy     []ical.BusyPeriod
	Events   []*ical.Component
}

// Calendar writes an answer: a VCALENDAR with one VFREEBUSY, and the events behind
// it. Busy is as [Merge] gives it.
func (a *Answer) Calendar() *ical.Component {
	fb := ical.NewComponent("VFREEBUSY")
	fb.Add(ical.TextProperty("UID", a.UID), ical.NewProperty("DTSTAMP", utc(a.Stamp)),
		ical.NewProperty("DTSTART", utc(a.From)), ical.NewProperty("DTEND", utc(a.To)))
	for _, p := range []*ical.Property{a.Organizer, a.Attendee} {
		if p != nil {
			fb.Add(p.Clone())
		}
	}
	for _, form := range forms {
		if times := form.write(a.Busy); times != "" {
			fb.Add(ical.NewProperty("FREEBUSY", times, ical.NewParam("FBTYPE", form.typ.String())))
		}
	}
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(ical.NewProperty("VERSION", "2.0"), ical.NewProperty("PRODID", a.Product))
	if a.Method != "" {
		cal.Add(ical.NewProperty("METHOD", a.Method))
	}
	cal.Children = append([]*ical.Component{fb}, a.Events...)
	return cal
}

// forms are the types in the order in which they are told, and how their periods
// are written: those of events with their length, as clients look for it, the rest
// with their end (RFC 5545 §3.3.9 has both).
var forms = [...]form{{ical.Busy, length}, {ical.BusyTentative, length}, {ical.BusyUnavailable, end}}

type form struct {
	typ   ical.BusyType
	until func([]byte, ical.BusyPeriod) []byte
}

func length(dst []byte, p ical.BusyPeriod) []byte {
	return append(dst, ical.Duration{Seconds: p.End - p.Start}.String()...)
}

func end(dst []byte, p ical.BusyPeriod) []byte { return appendUTC(dst, p.End) }

// write lists the periods of the form's type.
func (f form) write(periods []ical.BusyPeriod) string {
	var list []byte
	for _, p := range periods {
		if p.Type != f.typ {
			continue
		}
		if list == nil {
			list = make([]byte, 0, 2*(utcLength+1)*len(periods))
		} else {
			list = append(list, ',')
		}
		list = f.until(append(appendUTC(list, p.Start), '/'), p)
	}
	return string(list)
}
