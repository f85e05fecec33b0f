package caldav

import (
	"net/http"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// timezoneProperty is CALDAV:calendar-timezone (RFC 4791 §5.2.2): the zone in
// which floating times of a calendar are read. It is kept as iCalendar; both
// ways jCal is understood (RFC 7265), as the content-type attribute says.
func timezoneProperty() property {
	name := webdav.CalDAV("calendar-timezone")
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
	name := webdav.CalDAV("calendar-timezone")
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

// timezoneCalendar reads a VCALENDAR with one VTIMEZONE: a valid one (RFC 4791
// §5.2.10), with VERSION, that is, and PRODID.
func timezoneCalendar(value *webdav.Element) (*ical.Component, error) {
	text := []byte(strings.TrimSpace(value.Content()) + "\r\n")
	media := mediaCalendar
	if kind, _ := value.Attr("content-type"); kind == mediaJCal {
		media = mediaJCal
	}
	cal, err := decodeCalendar(text, media)
	if err != nil || cal.Prop("VERSION") == nil || cal.Prop("PRODID") == nil {
		return nil, errTimezone
	}
	_, err = zoneIn(cal)
	return cal, err
}

// zoneIn is the zone that a VCALENDAR with one VTIMEZONE defines.
func zoneIn(cal *ical.Component) (*ical.Zone, error) {
	var zones []*ical.Component
	for _, c := range cal.Children {
		if c.Name != "VTIMEZONE" {
			return nil, errTimezone
		}
		zones = append(zones, c)
	}
	if len(zones) != 1 {
		return nil, errTimezone
	}
	zone, err := ical.ZoneOf(zones[0])
	if err != nil {
		return nil, errTimezone
	}
	return zone, nil
}

// calendarZone is the zone in which floating times of a calendar are read; nil
// for UTC (RFC 4791 §7.3).
func (s *scope) calendarZone(r *resource) (*ical.Zone, error) {
	if r.col == nil {
		return nil, nil
	}
	text, err := s.storedText(r, webdav.CalDAV("calendar-timezone"))
	if err != nil || text == "" {
		return nil, err
	}
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return zoneIn(cal)
}

// getTimezoneID is the TZID of CALDAV:calendar-timezone (RFC 7809 §5.2).
func getTimezoneID(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	zone, err := s.calendarZone(r)
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
