package calendar

import (
	"encoding/xml"
	"errors"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// Properties of collections that the server itself goes by. They are kept as the
// elements that clients set.
var (
	Timezone              = webdav.CalDAV("calendar-timezone")
	Transparency          = webdav.CalDAV("schedule-calendar-transp")
	AvailabilityProperty  = webdav.CalDAV("calendar-availability")
	DefaultCalendarURL    = webdav.CalDAV("schedule-default-calendar-URL")
	defaultAlarmFor       = func(kind, value string) xml.Name { return webdav.CalDAV("default-alarm-" + kind + "-" + value) }
	errTimezoneDefinition = errors.New("one VCALENDAR with one VTIMEZONE is wanted")
)

// setting is a property's element, nil if it was not set.
func (tx *Tx) setting(at store.Resource, name xml.Name) (*webdav.Element, error) {
	raw := tx.Property(at, PropertyKey(name))
	if raw == nil {
		return nil, nil
	}
	return webdav.ParseXML(raw, webdav.DefaultXMLLimits)
}

// Zone is the zone in which floating times of a calendar are read; nil for UTC
// (RFC 4791 §5.2.2, §7.3).
func (tx *Tx) Zone(col *store.Collection) (*ical.Zone, error) {
	raw := tx.Property(store.OfCollection(col), PropertyKey(Timezone))
	if raw == nil {
		return nil, nil
	}
	return tx.c.zones.of(raw, parseZone)
}

// parseZone reads the element of a stored time zone.
func parseZone(raw []byte) (*ical.Zone, error) {
	e, err := webdav.ParseXML(raw, webdav.DefaultXMLLimits)
	if err != nil {
		return nil, err
	}
	text := e.Content()
	if text == "" {
		return nil, nil
	}
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return ZoneIn(cal)
}

// ZoneIn is the zone that a VCALENDAR with one VTIMEZONE defines.
func ZoneIn(cal *ical.Component) (*ical.Zone, error) {
	if len(cal.Children) != 1 || cal.Children[0].Name != "VTIMEZONE" {
		return nil, errTimezoneDefinition
	}
	zone, err := ical.ZoneOf(cal.Children[0])
	if err != nil {
		return nil, errors.Join(errTimezoneDefinition, err)
	}
	return zone, nil
}

// Transparent reports whether a calendar does not count for free-busy (RFC 6638
// §9.1).
func (tx *Tx) Transparent(col *store.Collection) (bool, error) {
	e, err := tx.setting(store.OfCollection(col), Transparency)
	return e.Child(webdav.CalDAV("transparent")) != nil, err
}

// DefaultCalendar is the name of the calendar of a home that invitations go to
// (RFC 6638 §9.2).
func (tx *Tx) DefaultCalendar(home *store.Home) (string, error) {
	inbox, err := tx.Collection(home.ID, Inbox)
	if err != nil {
		return "", err
	}
	e, err := tx.setting(store.OfCollection(inbox), DefaultCalendarURL)
	if err != nil || e == nil {
		return defaultCalendar, err
	}
	path := strings.TrimSuffix(e.Child(webdav.NameHref).TrimText(), "/")
	return path[strings.LastIndexByte(path, '/')+1:], nil
}
