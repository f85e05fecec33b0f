package caldav

import (
	"net/http"

	"convene/calendar"
	"convene/internal/ical"
	"convene/internal/webdav"
)

// timezoneProperty is CALDAV:calendar-timezone (RFC 4791 §5.2.2): the zone in
// which floating times of a calendar are read. It is kept as iCalendar; both
// ways jCal is understood (RFC 7265), as the content-type attribute says.
func timezoneProperty() property {
	name := calendar.Timezone
	return property{
		name: name, on: kindCalendar, getAs: getTimezone,
		set: func(s *scope, r *resource, value *webdav.Element) error {
			cal, err := timezoneCalendar(value)
			if err != nil {
				return err
			}
			return s.keep(r, webdav.NewText(name, string(cal.Append(nil))))
		},
		remove: func(s *scope, r *resource) error { return s.drop(r, name) },
	}
}

// getTimezone writes the element, as jCal if the client asked for that.
func getTimezone(s *scope, r *resource, asked *webdav.Element, w *webdav.Writer) (bool, error) {
	name := calendar.Timezone
	text, err := s.storedText(r, name)
	if err != nil || text == "" {
		return false, err
	}
	if kind, _ := asked.Attr("content-type"); kind != mediaJCal {
		w.TextElement(name, text)
		return true, nil
	}
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		return false, err
	}
	w.Start(name, jcalAttrs...)
	w.TextBytes(cal.AppendJCal(nil))
	w.End()
	return true, nil
}

var errTimezone = &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CondValidCalendarData,
	Description: "one VCALENDAR with one VTIMEZONE is wanted"}

// zoneLimits are far above what the longest zones need: their memory is not reserved.
var zoneLimits = ical.Limits{Bytes: 256 << 10, Components: 2_000, Properties: 10_000, ParamValues: 10_000}

// timezoneCalendar reads a VCALENDAR with one VTIMEZONE: a valid one (RFC 4791
// §5.2.10), with VERSION, that is, and PRODID.
func timezoneCalendar(value *webdav.Element) (*ical.Component, error) {
	text, form := inElement(value)
	cal, err := calendar.DecodeWithin(text, form, zoneLimits)
	if err != nil || cal.Prop("VERSION") == nil || cal.Prop("PRODID") == nil {
		return nil, errTimezone
	}
	if _, err := calendar.ZoneIn(cal); err != nil {
		return nil, errTimezone
	}
	return cal, nil
}

// getTimezoneID is the TZID of CALDAV:calendar-timezone (RFC 7809 §5.2).
func getTimezoneID(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	zone, err := s.tx.Zone(r.col)
	if err != nil || zone == nil {
		return false, err
	}
	w.Text(zone.Name())
	return true, nil
}

// setTimezoneID takes the name of a zone that the server knows and keeps its
// definition as CALDAV:calendar-timezone, so that both properties agree.
func setTimezoneID(s *scope, r *resource, value *webdav.Element) error {
	cal, err := ical.TimezoneCalendar(value.TrimText())
	if err != nil {
		return &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CondValidTimezone, Err: err}
	}
	return s.keep(r, webdav.NewText(webdav.CalDAV("calendar-timezone"), string(cal.Append(nil))))
}
