package caldav

import (
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// addDefaultAlarms gives a new event or task that has no alarm the one that its
// calendar, or else its home, says (CALDAV:default-alarm-vevent-datetime and its
// kin, draft-daboo-caldav-extensions). It reports the upload to store: a changed
// copy, or up itself.
func (s *scope) addDefaultAlarms(col *store.Collection, up *upload) (*upload, error) {
	kind := strings.ToLower(up.object.Kind)
	if up.index.Flags&store.FlagAlarm != 0 || kind != "vevent" && kind != "vtodo" {
		return up, nil
	}
	timed, err := s.defaultAlarms(col, "default-alarm-"+kind+"-datetime")
	if err != nil {
		return nil, err
	}
	allDay, err := s.defaultAlarms(col, "default-alarm-"+kind+"-date")
	if err != nil || len(timed)+len(allDay) == 0 {
		return up, err
	}
	cal := up.object.Calendar.Clone()
	changed := false
	for _, c := range cal.Children {
		if c.Name != up.object.Kind {
			continue
		}
		alarms := timed
		if start := c.Prop("DTSTART"); start != nil && strings.EqualFold(start.Param("VALUE"), "DATE") {
			alarms = allDay
		}
		for _, alarm := range alarms {
			c.Children = append(c.Children, alarm.Clone())
			changed = true
		}
	}
	if !changed {
		return up, nil
	}
	out := &upload{body: cal.Append(nil), edited: true, index: up.index}
	out.index.Flags |= store.FlagAlarm
	out.object, err = ical.NewObject(cal)
	return out, err
}

// defaultAlarms are the alarms of a property, marked as not the user's own. One
// that is set to nothing means none, whatever the home has.
func (s *scope) defaultAlarms(col *store.Collection, name string) ([]*ical.Component, error) {
	property := webdav.CalDAV(name)
	raw := s.tx.Property(store.OfCollection(col), propertyKey(property))
	if raw == nil {
		raw = s.tx.Property(store.OfHome(col.Home), propertyKey(property))
	}
	if raw == nil {
		return nil, nil
	}
	e, err := webdav.ParseXML(raw, webdav.DefaultXMLLimits)
	if err != nil {
		return nil, err
	}
	alarms, err := parseAlarms(e.Content())
	alarms = slices.DeleteFunc(alarms, func(c *ical.Component) bool { // a way to say that there is none
		action := c.Prop("ACTION")
		return action != nil && strings.EqualFold(action.Value, "NONE")
	})
	for _, alarm := range alarms {
		alarm.SetValue("X-APPLE-DEFAULT-ALARM", "TRUE")
	}
	return alarms, err
}

// parseAlarms reads the value of a default alarm property: VALARM components and
// nothing else.
func parseAlarms(text string) ([]*ical.Component, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	cal, err := ical.Decode([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"+text+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), ical.DefaultLimits)
	if err != nil {
		return nil, errAlarm
	}
	if len(cal.Children) != 1 || len(cal.Children[0].Props) != 0 || len(cal.Children[0].Children) == 0 {
		return nil, errAlarm
	}
	for _, c := range cal.Children[0].Children {
		if c.Name != "VALARM" {
			return nil, errAlarm
		}
	}
	return cal.Children[0].Children, nil
}

var errAlarm = precondition(webdav.CondValidCalendarData)

// checkAlarm accepts VALARM components, or nothing, which means no alarm.
func checkAlarm(_ *scope, _ *resource, value *webdav.Element) error {
	_, err := parseAlarms(value.Content())
	return err
}
