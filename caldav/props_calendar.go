package caldav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"
	"time"

	"convene/caldav/calquery"
	"convene/calendar"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/quota"
	"convene/store"
)

// calendarProperties are those of calendar collections: RFC 4791 §5.2, RFC 6638
// §9, RFC 7809 §5, and Apple's.
func calendarProperties() []property {
	const settable = kindCalendar | kindHome
	scheduling := kindCalendar | kindInbox | kindOutbox
	return []property{
		keptProperty(webdav.CalDAV("calendar-description"), kindCalendar, nil),
		inAllprop(personal(keptProperty(webdav.Apple("calendar-color"), kindCalendar, nil))),
		inAllprop(personal(keptProperty(webdav.Apple("calendar-order"), kindCalendar, nil))),
		timezoneProperty(),
		{name: webdav.CalDAV("calendar-timezone-id"), on: kindCalendar, get: getTimezoneID, set: setTimezoneID,
			remove: func(s *scope, r *resource) error { return s.drop(r, webdav.CalDAV("calendar-timezone")) }},
		{name: webdav.CalDAV("timezone-service-set"), on: kindHome | kindCalendar, get: func(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
			w.Href("/timezones")
			w.Href("/stdtimezones")
			return true, nil
		}},
		{name: webdav.CalDAV("supported-calendar-component-set"), on: scheduling, get: func(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
			writeComponentSet(w, calendar.Components(r.col))
			return true, nil
		}},
		{name: webdav.CalDAV("supported-rscale-set"), on: kindHome | scheduling, get: func(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
			for _, name := range ical.RScales() {
				w.TextElement(webdav.CalDAV("supported-rscale"), name)
			}
			return true, nil
		}},
		{name: webdav.CalDAV("supported-calendar-data"), on: scheduling, get: getSupportedData},
		{name: webdav.CalDAV("supported-collation-set"), on: kindHome | scheduling | kindObject, get: getCollations},
		limitProperty(webdav.CalDAV("max-resource-size"), scheduling, func(l quota.Limits) int64 { return l.ObjectBytes }),
		textProperty(webdav.CalDAV("max-instances"), scheduling, func(s *scope, _ *resource) string { return positive(int64(s.h.Limits.Instances)) }),
		limitProperty(webdav.CalDAV("max-attendees-per-instance"), scheduling, func(l quota.Limits) int64 { return l.Attendees }),
		textProperty(webdav.CalDAV("min-date-time"), scheduling, func(s *scope, _ *resource) string { return s.limitTime(-s.h.Limits.QueryPast) }),
		textProperty(webdav.CalDAV("max-date-time"), scheduling, func(s *scope, _ *resource) string { return s.limitTime(s.h.Limits.QueryFuture) }),
		{name: calendar.Transparency, on: kindCalendar, get: getTransparency, set: setTransparency,
			remove: func(s *scope, r *resource) error { return s.drop(r, calendar.Transparency) }}, // and so it is opaque
		{name: webdav.ME("bulk-requests"), on: kindCalendar, get: getBulkLimits},
		personal(keptProperty(webdav.CalDAV("default-alarm-vevent-datetime"), settable, checkAlarm)),
		personal(keptProperty(webdav.CalDAV("default-alarm-vevent-date"), settable, checkAlarm)),
		personal(keptProperty(webdav.CalDAV("default-alarm-vtodo-datetime"), settable, checkAlarm)),
		personal(keptProperty(webdav.CalDAV("default-alarm-vtodo-date"), settable, checkAlarm)),
	}
}

// checkAlarm accepts VALARM components, or nothing, which means no alarm.
func checkAlarm(_ *scope, _ *resource, value *webdav.Element) error {
	_, err := calendar.ParseAlarms(value.Content())
	return err
}

// limitTime is how far a query may reach, as a UTC DATE-TIME; "" is without limit.
func (s *scope) limitTime(away time.Duration) string {
	if away == 0 {
		return ""
	}
	return s.req.now.Add(away).UTC().Format("20060102T150405Z")
}

func getSupportedData(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
	calquery.SupportedData(w)
	return true, nil
}

func getCollations(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
	for _, name := range calquery.Collations() {
		w.TextElement(webdav.CalDAV("supported-collation"), name)
	}
	return true, nil
}

// getTransparency says whether the calendar counts for free-busy (RFC 6638
// §9.1). Calendars of tasks alone have nothing to count.
func getTransparency(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	transparent, err := s.tx.Transparent(r.col)
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
		w.TextElement(webdav.ME("max-bytes"), strconv.FormatInt(s.h.Limits.MaxRequestSize, 10))
		w.End()
	}
	return true, nil
}

// homeProperties are those of a calendar home alone, and of its inbox.
func homeProperties() []property {
	return []property{
		{name: webdav.CalDAV("supported-calendar-component-sets"), on: kindHome, get: getComponentSets},
		defaultCalendarProperty(calendar.DefaultCalendarURL, store.VEVENT, webdav.CalDAV("valid-schedule-default-calendar-URL")),
		defaultCalendarProperty(calendar.DefaultTasksURL, store.VTODO, webdav.CS("valid-schedule-default-tasks-URL")),
		{name: webdav.CalDAV("calendar-free-busy-set"), on: kindInbox, get: getFreeBusySet, set: setFreeBusySet},
		availabilityProperty(calendar.AvailabilityProperty),
		availabilityProperty(webdav.CS("calendar-availability")), // by which Apple's clients know it
	}
}

// getComponentSets lists which calendars MKCALENDAR may make
// (draft-daboo-caldav-extensions §4.1): of events or of tasks, and of all types
// unless calendars hold one type each.
func getComponentSets(s *scope, _ *resource, w *webdav.Writer) (bool, error) {
	sets := []store.Component{store.VEVENT, store.VTODO}
	if !s.h.Calendars.Rules.SingleComponent {
		sets = append(sets, s.h.Calendars.Rules.DefaultComponents())
	}
	for _, set := range sets {
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
			if r.col.Kind == store.KindCollection {
				return false, nil // files are no calendar data
			}
			return true, s.tx.Body(r.col, r.object, w.Data)
		}},
		textProperty(webdav.CS("uid"), kindObject, func(_ *scope, r *resource) string { return r.object.UID }),
	}
}

// defaultCalendarProperty makes the row that says where invitations to a type of
// component go (RFC 6638 §9.2). It takes a calendar of the owner that has room for
// them; otherwise the condition is not met. There always is one (§4.3.1.1).
func defaultCalendarProperty(name xml.Name, component store.Component, condition xml.Name) property {
	return property{
		name: name, on: kindInbox,
		get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
			col, err := s.tx.DefaultCalendar(r.home, component)
			if err == nil && col != nil {
				w.Href(homePath(r.owner.GUID) + col.Name + "/")
			}
			return true, err
		},
		set: func(s *scope, r *resource, value *webdav.Element) error {
			if len(value.Children) != 1 { // the DTD has one DAV:href
				return precondition(condition)
			}
			col, err := s.namedCalendar(r, value.Child(webdav.NameHref).TrimText())
			switch {
			case err != nil:
				return err
			case col == nil || calendar.Components(col)&component == 0:
				return precondition(condition)
			}
			return s.keep(r, webdav.NewElement(value.Name, webdav.NewHref(homePath(r.owner.GUID)+col.Name+"/")))
		},
		remove: func(*scope, *resource) error { return calendar.ErrDefaultCalendar },
	}
}

// namedCalendar is the calendar of a home that a URL names; nil if it names none.
func (s *scope) namedCalendar(r *resource, href string) (*store.Collection, error) {
	path, err := webdav.ParseHref(href, s.req.Host)
	if err != nil {
		return nil, nil
	}
	t, err := parseTarget(webdav.EscapePath(path))
	if err != nil || t.kind != kindMissing || t.object != "" || !t.names(r.owner) {
		return nil, nil
	}
	col, err := s.tx.Collection(r.home.ID, t.collection)
	if errors.Is(err, store.ErrNotFound) || err == nil && col.Kind != store.KindCalendar {
		return nil, nil
	}
	return col, err
}
