package ical

import (
	"strings"
)

// An Object is a valid calendar object resource (RFC 4791 §4.1): one event with
// its overrides, or one task, and the time zones they use. It is not changed
// after NewObject, and is safe for concurrent use.
type Object struct {
	Calendar *Component

	// Kind is the name of the components: VEVENT, VTODO, VJOURNAL, VFREEBUSY,
	// VAVAILABILITY or VPOLL.
	Kind string
	UID  string

	// Master is the component without RECURRENCE-ID; nil if there are only
	// overrides, as an attendee invited to single instances gets them.
	Master *Component

	// Overrides are the components with RECURRENCE-ID, in source order.
	Overrides []*Component

	// Zones resolves the TZIDs of this object.
	Zones *Zones
}

// An InvalidError says why something is not a calendar object resource.
type InvalidError struct {
	// Condition is the precondition that is not met (RFC 4791 §5.3.2.1), as a
	// name in the CalDAV namespace: ValidCalendarData and the constants there.
	Condition string

	// Reason says what is wrong, for the client's log.
	Reason string
}

// Error returns the condition and the reason.
func (e *InvalidError) Error() string { return e.Condition + ": " + e.Reason }

// NewObject checks that cal is one calendar object, and takes it apart. cal must
// not be changed as long as the object is in use.
//
// The rules are those of RFC 4791 §4.1: components of one kind besides VTIMEZONE,
// all with one UID, no METHOD, one of each RECURRENCE-ID and one without at most;
// and those of RFC 5545 that dates follow from. The package documentation
// says what is tolerated. Errors are *InvalidError.
func NewObject(cal *Component) (*Object, error) { return NewObjectIn(cal, NewZones(cal)) }

// NewObjectIn is NewObject for one of many objects that came together: zones are
// those of all, which so are read and kept once.
func NewObjectIn(cal *Component, zones *Zones) (*Object, error) {
	if p := cal.Prop("METHOD"); p != nil && cal.Name == "VCALENDAR" {
		return nil, invalid(ValidCalendarObjectResource, cal, "METHOD:%s, which is for messages", clip(strings.TrimSpace(p.Value)))
	}
	return newObject(cal, zones)
}

// NewMessage is NewObject for an iTIP message (RFC 5546 §1.4), whose VCALENDAR has a
// METHOD, or for what may be one.
func NewMessage(cal *Component) (*Object, error) { return newObject(cal, NewZones(cal)) }

func newObject(cal *Component, zones *Zones) (*Object, error) {
	if err := checkCalendar(cal); err != nil {
		return nil, err
	}
	o := &Object{Calendar: cal, Zones: zones}
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		if _, ok := objectKinds[c.Name]; !ok || c.Name == "AVAILABLE" {
			if c.Name == perUser {
				return nil, invalidData(c, "not a client's to send")
			}
			if strings.HasPrefix(c.Name, "X-") {
				continue
			}
			return nil, invalid(SupportedCalendarComponent, c, "not a component that a calendar holds")
		}
		if err := o.add(c); err != nil {
			return nil, err
		}
	}
	if o.Kind == "" {
		return nil, invalid(ValidCalendarObjectResource, cal, "no event, task or other component in it")
	}
	if err := o.checkOverrides(); err != nil {
		return nil, err
	}
	return o, nil
}

// checkCalendar checks the properties of the VCALENDAR. VERSION and PRODID may be
// missing.
func checkCalendar(cal *Component) error {
	if cal.Name != "VCALENDAR" {
		return invalidData(cal, "not a VCALENDAR")
	}
	for i := range cal.Props {
		p := &cal.Props[i]
		switch value := strings.TrimSpace(p.Value); p.Name {
		case "VERSION":
			if !strings.Contains(value, "2.0") { // also "2.0;2.0", a range
				return invalidData(cal, "VERSION:%s is not 2.0", clip(value))
			}
		case "CALSCALE":
			if !strings.EqualFold(value, "GREGORIAN") {
				return invalidData(cal, "CALSCALE:%s is not GREGORIAN", clip(value))
			}
		}
	}
	return nil
}

// add takes c into o.
func (o *Object) add(c *Component) error {
	uid := ""
	if p := c.Prop("UID"); p != nil {
		uid = strings.TrimSpace(p.Text())
	}
	switch {
	case uid == "":
		return invalid(ValidCalendarObjectResource, c, "no UID")
	case o.Kind == "":
		o.Kind, o.UID = c.Name, uid
	case o.Kind != c.Name:
		return invalid(ValidCalendarObjectResource, c, "together with a %s", o.Kind)
	case o.UID != uid:
		return invalid(ValidCalendarObjectResource, c, "UID %s and %s in one object", quote(uid), quote(o.UID))
	}
	if err := checkComponent(c, o.Zones); err != nil {
		return err
	}
	if c.Prop("RECURRENCE-ID") != nil {
		o.Overrides = append(o.Overrides, c)
		return nil
	}
	if o.Master != nil {
		return invalid(ValidCalendarObjectResource, c, "a second one without RECURRENCE-ID")
	}
	o.Master = c
	return nil
}

// checkOverrides checks that no two overrides are for one instance. A
// RECURRENCE-ID with a time is accepted for a series of days and means its day, one
// that is a day is accepted for a series of times and means the instances of that
// day: Google and Apple have written both.
func (o *Object) checkOverrides() error {
	if len(o.Overrides) == 0 {
		return nil
	}
	ofDays := false
	if o.Master != nil {
		if p := o.Master.Prop("DTSTART"); p != nil {
			t, err := p.DateTime(o.Zones)
			if err != nil {
				return invalidData(o.Master, "DTSTART: %v", err)
			}
			ofDays = t.Kind == Date
		}
	}
	type instance struct {
		at   int64
		kind Kind
	}
	seen := make(map[instance]bool, len(o.Overrides))
	for _, c := range o.Overrides {
		t, err := c.Prop("RECURRENCE-ID").DateTime(o.Zones)
		if err != nil {
			return invalidData(c, "RECURRENCE-ID: %v", err)
		}
		key := instance{t.Unix(nil), t.Kind}
		switch {
		case ofDays:
			key = instance{floorDiv(t.Wall, secondsPerDay) * secondsPerDay, Date}
		case t.Kind == Zoned:
			key.kind = UTC // the same moment is the same instance
		}
		if seen[key] {
			return invalid(ValidCalendarObjectResource, c, "a second one with RECURRENCE-ID %s", t)
		}
		seen[key] = true
	}
	return nil
}
