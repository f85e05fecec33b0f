package edit

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
)

// An Event is what a form shows and changes of an event. All else of it is kept.
type Event struct {
	Title, Place, Notes string

	// Start and End are as a clock on the wall shows them: "2026-11-30T09:00". Of an event
	// of whole days they are days, "2026-11-30", and End is the last one.
	AllDay     bool
	Start, End string
	Zone       string // IANA name, or the TZID that the event has; "": wherever the reader is

	Repeat Repeat
	Alarm  string // minutes before the start; "": none; Kept: as they are
	Class  string // "PUBLIC", "PRIVATE", "CONFIDENTIAL"
	Free   bool   // takes no time

	Organizer string // address; "": nobody is invited
	Guests    []Guest
}

// Kept is an alarm, or a repetition, that a form cannot show: it stays.
const Kept = "kept"

// A Guest is somebody invited.
type Guest struct {
	Address, Name string
	Kind          string // CUTYPE: "INDIVIDUAL", "GROUP", "ROOM", "RESOURCE"
	Optional      bool
	Answer        string // PARTSTAT: "ACCEPTED"; not changed by forms
	Comment       string // what came with it
}

// A FieldError says which field of a form is wrong.
type FieldError struct {
	Field  string // "title", "start", "end", "zone", "until", "count", "repeat", "guests"
	Reason string // a word: "missing", "order", "unknown", "never"
}

// Error returns the field and the reason.
func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

func wrong(field, reason string) error { return &FieldError{field, reason} }

// ErrNoInstance is the error of an instance that there is not.
var ErrNoInstance = errors.New("no such instance")

const (
	dayForm    = "2006-01-02"
	minuteForm = "2006-01-02T15:04"
	daySeconds = 24 * 60 * 60
)

// Parse reads an object. Errors: those of ical.Decode and ical.NewObject.
func Parse(body []byte) (*ical.Object, error) {
	cal, err := ical.Decode(body, ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return ical.NewObject(cal)
}

// Instance returns the name of an instance that a page names, by its RECURRENCE-ID in any
// form; "": the zero time, the object itself.
func Instance(o *ical.Object, at string) (ical.DateTime, error) {
	if at == "" {
		return ical.DateTime{}, nil
	}
	s, err := o.Series()
	if err != nil {
		return ical.DateTime{}, err
	}
	t, err := ical.ParseDateTime(at, "", false, nil)
	if err != nil {
		return ical.DateTime{}, ErrNoInstance
	}
	return s.RID(t), nil
}

// At returns the component that describes an instance, to be read: see Instance. Without
// one it is the master, or the first override of an object that has no master. Error:
// ErrNoInstance.
func At(o *ical.Object, at string) (*ical.Component, error) {
	rid, err := Instance(o, at)
	if err != nil {
		return nil, err
	}
	if rid.IsZero() {
		if o.Master != nil {
			return o.Master, nil
		}
		return o.Overrides[0], nil
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	c, err := d.Effective(rid)
	if err == nil && c == nil {
		err = ErrNoInstance
	}
	return c, err
}

// Read is what a form shows of a component of an object.
func Read(o *ical.Object, c *ical.Component) (Event, error) {
	e := Event{
		Title: text(c, "SUMMARY"), Place: text(c, "LOCATION"), Notes: text(c, "DESCRIPTION"),
		Class: class(text(c, "CLASS")), Free: strings.EqualFold(text(c, "TRANSP"), "TRANSPARENT"),
		Alarm: alarmOf(c), Repeat: repeatOf(c, o.Zones),
	}
	start, end, err := span(c, o.Zones)
	if err != nil {
		return e, err
	}
	if e.AllDay = start.Kind == ical.Date; e.AllDay {
		end.Wall = max(end.Wall-daySeconds, start.Wall)
	}
	e.Start, e.End, e.Zone = wall(start), wall(end), zoneName(start)
	if p := c.Prop("ORGANIZER"); p != nil {
		e.Organizer = p.Address()
	}
	for _, p := range c.AllProps("ATTENDEE") {
		e.Guests = append(e.Guests, guestOf(p))
	}
	for _, p := range c.AllProps("X-CALENDARSERVER-ATTENDEE-COMMENT") {
		author := strings.Trim(p.Param("X-CALENDARSERVER-ATTENDEE-REF"), `"`)
		for i := range e.Guests {
			if strings.EqualFold(e.Guests[i].Address, author) {
				e.Guests[i].Comment = p.Text()
			}
		}
	}
	return e, nil
}

func text(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return p.Text()
	}
	return ""
}

func class(s string) string {
	switch s = strings.ToUpper(s); s {
	case "PRIVATE", "CONFIDENTIAL":
		return s
	case "":
		return "PUBLIC"
	}
	return "PRIVATE" // RFC 5545 §3.8.1.3: what nobody knows
}

func guestOf(p *ical.Property) Guest {
	g := Guest{
		Address: p.Address(), Name: p.Param("CN"), Kind: strings.ToUpper(p.Param("CUTYPE")),
		Optional: strings.EqualFold(p.Param("ROLE"), "OPT-PARTICIPANT"), Answer: strings.ToUpper(p.Param("PARTSTAT")),
	}
	if g.Kind == "" {
		g.Kind = "INDIVIDUAL"
	}
	if g.Answer == "" {
		g.Answer = "NEEDS-ACTION"
	}
	return g
}

// zoneName is the IANA name of the zone of t, its TZID if it has none, "" if it has no
// zone.
func zoneName(t ical.DateTime) string {
	switch {
	case t.Kind == ical.UTC:
		return "UTC"
	case t.Kind != ical.Zoned:
		return ""
	case t.Zone.IANA() != "":
		return t.Zone.IANA()
	}
	return t.Zone.Name()
}

// wall writes a time as forms have it.
func wall(t ical.DateTime) string {
	at := time.Unix(t.Wall, 0).UTC()
	if t.Kind == ical.Date {
		return at.Format(dayForm)
	}
	return at.Format(minuteForm)
}

// span is when a component begins and ends. What has no end lasts a day, or no time
// (RFC 5545 §3.6.1).
func span(c *ical.Component, zones *ical.Zones) (start, end ical.DateTime, err error) {
	p := c.Prop("DTSTART")
	if p == nil {
		return start, end, wrong("start", "missing")
	}
	if start, err = p.DateTime(zones); err != nil {
		return start, end, err
	}
	if q := c.Prop("DTEND"); q != nil {
		end, err = q.DateTime(zones)
		if err == nil && start.Kind == ical.Zoned && end.Kind != ical.Date && end.Zone != start.Zone {
			end = ical.DateTime{Wall: start.Zone.Wall(end.Unix(nil)), Kind: ical.Zoned, Zone: start.Zone}
		}
		return start, end, err
	}
	end = start
	if q := c.Prop("DURATION"); q != nil {
		d, err := ical.ParseDuration(q.Value)
		if err != nil {
			return start, end, err
		}
		return start, add(start, d), nil
	}
	if start.Kind == ical.Date {
		end.Wall += daySeconds
	}
	return start, end, nil
}

// add is t and a duration: days on the wall, seconds as they pass.
func add(t ical.DateTime, d ical.Duration) ical.DateTime {
	t.Wall += d.Days * daySeconds
	switch t.Kind {
	case ical.Zoned:
		t.Wall = t.Zone.Wall(t.Unix(nil) + d.Seconds)
	default:
		t.Wall += d.Seconds
	}
	return t
}

// Times are Start and End as they are written, the end being the moment after. zones are
// those of the object that they are for.
func (e *Event) Times(zones *ical.Zones) (start, end ical.DateTime, err error) {
	if start, err = e.time("start", e.Start, zones); err != nil {
		return start, end, err
	}
	if end, err = e.time("end", e.End, zones); err != nil {
		return start, end, err
	}
	if e.AllDay {
		end.Wall += daySeconds
		if end.Wall <= start.Wall {
			return start, end, wrong("end", "order")
		}
	}
	if end.Unix(nil) < start.Unix(nil) {
		return start, end, wrong("end", "order")
	}
	return start, end, nil
}

// time is one of them.
func (e *Event) time(field, s string, zones *ical.Zones) (t ical.DateTime, err error) {
	form := minuteForm
	if e.AllDay {
		form = dayForm
		if len(s) > len(dayForm) {
			s = s[:len(dayForm)]
		}
	}
	at, err := time.Parse(form, s)
	if err != nil || at.Year() < 1600 || at.Year() > 9000 {
		return t, wrong(field, "missing")
	}
	t = ical.DateTime{Wall: at.Unix(), Kind: ical.Date}
	switch {
	case e.AllDay:
	case e.Zone == "":
		t.Kind = ical.Floating
	case e.Zone == "UTC":
		t.Kind = ical.UTC
	default:
		t.Kind = ical.Zoned
		if t.Zone, err = zones.Lookup(e.Zone); err != nil {
			return t, wrong("zone", "unknown")
		}
	}
	return t, nil
}

// sameZone is t in the zone that an object calls was, if that is the same: so its TZID
// stays.
func sameZone(t, was ical.DateTime) ical.DateTime {
	if t.Kind == ical.Zoned && was.Kind == ical.Zoned && zoneName(t) == zoneName(was) {
		t.Zone = was.Zone
	}
	return t
}

// alarmOf is the alarm that a form shows: one that is shown some minutes before the start.
func alarmOf(c *ical.Component) string {
	alarms := c.AllChildren("VALARM")
	switch {
	case len(alarms) == 0:
		return ""
	case len(alarms) > 1 || len(alarms[0].Children) > 0 || !strings.EqualFold(text(alarms[0], "ACTION"), "DISPLAY"):
		return Kept
	}
	p := alarms[0].Prop("TRIGGER")
	if p == nil || p.Param("VALUE") != "" || strings.EqualFold(p.Param("RELATED"), "END") {
		return Kept
	}
	d, err := ical.ParseDuration(p.Value)
	if err != nil || d.Exact() > 0 || d.Exact()%60 != 0 {
		return Kept
	}
	return strconv.FormatInt(-d.Exact()/60, 10)
}
