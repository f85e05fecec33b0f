package caldav

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"convene/ical"
	"convene/store"
	"convene/webdav"
)

// calendarProperties are those of calendar collections: RFC 4791 §5.2, RFC 6638
// §9, RFC 7809 §5, and Apple's.
func calendarProperties() []property {
	const settable = kindCalendar | kindHome
	scheduling := kindCalendar | kindInbox | kindOutbox
	return []property{
		keptProperty(webdav.CalDAV("calendar-description"), kindCalendar, nil),
		keptProperty(webdav.Apple("calendar-color"), kindCalendar, nil),
		keptProperty(webdav.Apple("calendar-order"), kindCalendar, nil),
		timezoneProperty(),
		{name: webdav.CalDAV("calendar-timezone-id"), on: kindCalendar, get: getTimezoneID, set: setTimezoneID,
			remove: func(s *scope, r *resource) error { return s.drop(r, webdav.CalDAV("calendar-timezone")) }},
		{name: webdav.CalDAV("timezone-service-set"), on: kindHome | kindCalendar, get: func(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
			w.Href("/timezones")
			return true, nil
		}},
		{name: webdav.CalDAV("supported-calendar-component-set"), on: scheduling, get: func(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
			writeComponentSet(w, componentsOf(r.col))
			return true, nil
		}},
		{name: webdav.CalDAV("supported-calendar-data"), on: scheduling, get: getSupportedData},
		{name: webdav.CalDAV("supported-collation-set"), on: kindHome | scheduling, get: getCollations},
		textProperty(webdav.CalDAV("max-resource-size"), scheduling, func(s *scope, _ *resource) string { return positive(s.h.Limits.ObjectBytes) }),
		textProperty(webdav.CalDAV("max-instances"), scheduling, func(s *scope, _ *resource) string { return positive(int64(s.h.Limits.Instances)) }),
		textProperty(webdav.CalDAV("max-attendees-per-instance"), scheduling, func(s *scope, _ *resource) string { return positive(int64(s.h.Limits.Attendees)) }),
		textProperty(webdav.CalDAV("min-date-time"), scheduling, func(s *scope, _ *resource) string { return s.limitTime(-s.h.Limits.QueryPast) }),
		textProperty(webdav.CalDAV("max-date-time"), scheduling, func(s *scope, _ *resource) string { return s.limitTime(s.h.Limits.QueryFuture) }),
		{name: webdav.CalDAV("schedule-calendar-transp"), on: kindCalendar, get: getTransparency, set: setTransparency},
		{name: webdav.ME("bulk-requests"), on: kindCalendar, get: getBulkLimits},
		keptProperty(webdav.CalDAV("default-alarm-vevent-datetime"), settable, checkAlarm),
		keptProperty(webdav.CalDAV("default-alarm-vevent-date"), settable, checkAlarm),
		keptProperty(webdav.CalDAV("default-alarm-vtodo-datetime"), settable, checkAlarm),
		keptProperty(webdav.CalDAV("default-alarm-vtodo-date"), settable, checkAlarm),
	}
}

// limitTime is how far a query may reach, as a UTC DATE-TIME; "" is without limit.
func (s *scope) limitTime(away time.Duration) string {
	if away == 0 {
		return ""
	}
	return s.req.now.Add(away).UTC().Format("20060102T150405Z")
}

func getSupportedData(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
	for _, typ := range []string{"text/calendar", "application/calendar+json"} {
		w.Start(webdav.CalDAV("calendar-data"),
			xml.Attr{Name: xml.Name{Local: "content-type"}, Value: typ}, xml.Attr{Name: xml.Name{Local: "version"}, Value: "2.0"})
		w.End()
	}
	return true, nil
}

func getCollations(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
	for _, name := range []string{"i;ascii-casemap", "i;octet", "i;unicode-casemap"} {
		w.TextElement(webdav.CalDAV("supported-collation"), name)
	}
	return true, nil
}

// getTransparency says whether the calendar counts for free-busy (RFC 6638
// §9.1). Calendars of tasks alone have nothing to count.
func getTransparency(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	transparent, err := s.transparent(r)
	if err != nil {
		return false, err
	}
	if transparent {
		w.Empty(webdav.CalDAV("transparent"))
	} else {
		w.Empty(webdav.CalDAV("opaque"))
	}
	return true, nil
}

func (s *scope) transparent(r *resource) (bool, error) {
	e, err := s.storedElement(r, webdav.CalDAV("schedule-calendar-transp"))
	return e.Child(webdav.CalDAV("transparent")) != nil, err
}

func setTransparency(s *scope, r *resource, value *webdav.Element) error {
	if (value.Child(webdav.CalDAV("transparent")) == nil) == (value.Child(webdav.CalDAV("opaque")) == nil) {
		return &webdav.Error{Status: http.StatusConflict, Description: "one of CALDAV:opaque and CALDAV:transparent"}
	}
	return s.keep(r, value)
}

// getBulkLimits announces Apple's bulk requests (calendarserver-bulk-change §4).
func getBulkLimits(s *scope, _ *resource, w *webdav.Writer) (bool, error) {
	for _, form := range []string{"simple", "crud"} {
		w.Start(webdav.ME(form))
		w.TextElement(webdav.ME("max-resources"), strconv.Itoa(bulkResources))
		w.TextElement(webdav.ME("max-bytes"), strconv.FormatInt(s.h.Limits.RequestBytes, 10))
		w.End()
	}
	return true, nil
}

// checkAlarm accepts one VALARM, or nothing, which means no alarm
// (draft-daboo-caldav-extensions, default alarms).
func checkAlarm(_ *scope, _ *resource, value *webdav.Element) error {
	text := strings.TrimSpace(value.Content())
	if text == "" {
		return nil
	}
	wrapped := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//convene//EN\r\nBEGIN:VEVENT\r\n" + text + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	cal, err := ical.Decode([]byte(wrapped), ical.DefaultLimits)
	invalid := &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CalDAV("valid-calendar-data"), Err: err}
	if err != nil || len(cal.Children) != 1 {
		return invalid
	}
	for _, c := range cal.Children[0].Children {
		if c.Name != "VALARM" {
			return invalid
		}
	}
	if len(cal.Children[0].Children) == 0 || len(cal.Children[0].Props) != 0 {
		return invalid
	}
	return nil
}

// homeProperties are those of a calendar home alone.
func homeProperties() []property {
	return []property{
		{name: webdav.CalDAV("supported-calendar-component-sets"), on: kindHome, get: getComponentSets},
		hrefProperty(webdav.CalDAV("schedule-default-calendar-URL"), kindInbox, func(_ *scope, r *resource) string {
			return homePath(r.owner.GUID) + defaultCalendar + "/"
		}),
		keptProperty(webdav.CalDAV("calendar-free-busy-set"), kindInbox, nil),
	}
}

// getComponentSets lists which calendars MKCALENDAR may make
// (draft-daboo-caldav-extensions): any single type, or all.
func getComponentSets(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
	for _, set := range []store.Component{store.VEVENT, store.VTODO} {
		w.Start(webdav.CalDAV("supported-calendar-component-set"))
		writeComponentSet(w, set)
		w.End()
	}
	return true, nil
}

// objectProperties are those of calendar object resources.
func objectProperties() []property {
	return []property{
		{name: webdav.CalDAV("calendar-data"), on: kindObject, get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
			obj, err := s.tx.Object(r.col.ID, r.object.Name)
			if err != nil {
				return false, err
			}
			w.TextBytes(obj.Body)
			return true, nil
		}},
		textProperty(webdav.CS("uid"), kindObject, func(_ *scope, r *resource) string { return r.object.UID }),
	}
}
