package calendar

import (
	"errors"
	"unicode/utf8"

	"convene/internal/ical"
	"convene/store"
)

// Data is a calendar object resource that may be stored: checked, and with what
// the store's index needs.
type Data struct {
	Body   []byte
	Object *ical.Object
	Index  store.Index
	Edited bool // Body is not what came in

	shared *store.Body // Body, if it is to be stored once for many
}

// A Form is how calendar data is written.
type Form uint8

// The forms.
const (
	ICalendar Form = iota // RFC 5545
	JCal                  // RFC 7265; it is stored as iCalendar
)

// A DataError says which precondition of RFC 4791 §5.3.2.1 calendar data does
// not meet, and why.
type DataError struct {
	Condition string // the local name of the CALDAV element
	Reason    string // for people; may be ""
	Err       error
}

func (e *DataError) Error() string {
	if e.Reason == "" {
		return e.Condition
	}
	return e.Condition + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *DataError) Unwrap() error { return e.Err }

// Decode reads calendar data of a form. Errors: those of ical.Decode and
// ical.DecodeJCal.
func Decode(body []byte, form Form) (*ical.Component, error) {
	return DecodeWithin(body, form, ical.DefaultLimits)
}

// DecodeWithin is Decode within other limits than the usual ones.
func DecodeWithin(body []byte, form Form, lim ical.Limits) (*ical.Component, error) {
	if form == JCal {
		return ical.DecodeJCal(body, lim)
	}
	return ical.Decode(body, lim)
}

// TreeSize returns how many bytes of memory Decode takes at most.
func TreeSize(body []byte, form Form) int64 {
	if form == JCal {
		return ical.JCalTreeSize(body)
	}
	return ical.TreeSize(body, ical.DefaultLimits)
}

// Parse checks a calendar object resource (RFC 4791 §5.3.2.1) and prepares what
// the store needs of it. It takes body over. Errors: *DataError, ErrAccess.
func (r Rules) Parse(body []byte, form Form) (*Data, error) {
	cal, err := Decode(body, form)
	if err != nil {
		return nil, Invalid(err)
	}
	return r.checkSource(cal, ical.NewZones(cal), body, form)
}

// ParsePart is Parse for one of many objects that came together and were decoded
// together: body is how cal is written, and zones are those of all, which so are
// read and kept once.
func (r Rules) ParsePart(cal *ical.Component, zones *ical.Zones, body []byte) (*Data, error) {
	return r.checkSource(cal, zones, body, ICalendar)
}

// checkSource is check for an object with the source that it was decoded from.
func (r Rules) checkSource(cal *ical.Component, zones *ical.Zones, body []byte, form Form) (*Data, error) {
	d, err := r.check(cal, zones)
	if err != nil {
		return nil, err
	}
	// A fold within a character is legal iCalendar, but such bytes cannot stand
	// in an XML response.
	d.Edited = d.Edited || !utf8.Valid(body)
	d.Body = body
	if d.Edited || form != ICalendar {
		d.Body = d.Object.Calendar.Append(nil)
	}
	return d, nil
}

// check is Parse but for the bytes: Body is left nil. zones are those that are
// defined in cal.
func (r Rules) check(cal *ical.Component, zones *ical.Zones) (_ *Data, err error) {
	d := &Data{Edited: repair(cal)}
	// Clients may name a time zone without defining it (RFC 7809 §3.1.3); those
	// that do not know this get the definition from us.
	if whole := ical.AddZones(cal); whole != cal {
		cal, d.Edited = whole, true
	}
	if d.Object, err = ical.NewObjectIn(cal, zones); err != nil {
		return nil, Invalid(err)
	}
	if err := checkAccess(cal); err != nil {
		return nil, err
	}
	if err := r.limits(d.Object); err != nil {
		return nil, err
	}
	if d.Index, err = indexOf(d.Object); err != nil {
		return nil, Invalid(err)
	}
	return d, nil
}

// edited is d after a change that leaves its times as they are: cal instead of its
// calendar, with other flags.
func (d *Data) edited(cal *ical.Component, flags store.IndexFlags) (*Data, error) {
	out := &Data{Body: cal.Append(nil), Edited: true, Index: d.Index}
	out.Index.Flags = flags
	var err error
	out.Object, err = ical.NewObject(cal)
	return out, err
}

// Invalid is the *DataError of calendar data that could not be read.
func Invalid(err error) error {
	e := &DataError{Condition: "valid-calendar-data", Reason: err.Error(), Err: err}
	if invalid, ok := errors.AsType[*ical.InvalidError](err); ok {
		e.Condition, e.Reason = invalid.Condition, invalid.Reason
	}
	if errors.Is(err, ical.ErrLimit) {
		e.Condition = "max-resource-size"
	}
	return e
}

// limits refuses series with more instances than allowed (RFC 4791 §5.2.8).
func (r Rules) limits(o *ical.Object) error {
	if o.Master == nil || o.Master.Prop("RRULE") == nil {
		return nil
	}
	if series, err := o.Series(); err == nil && r.Instances > 0 && series.Exceeds(r.Instances) {
		return &DataError{Condition: "max-instances"}
	}
	return nil
}
