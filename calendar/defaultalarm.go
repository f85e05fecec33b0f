package calendar

import (
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// withDefaultAlarms gives a new event or task that has no alarm the one that its
// calendar, or else its home, says (CALDAV:default-alarm-vevent-datetime and its
// kin, draft-daboo-caldav-extensions). It returns a changed copy, or d itself.
func (tx *Tx) withDefaultAlarms(col *store.Collection, d *Data) (*Data, error) {
	if d.Object == nil || d.Index.Flags&store.FlagAlarm != 0 || d.Index.Component&(store.VEVENT|store.VTODO) == 0 {
		return d, nil
	}
	keys, known := defaultAlarmKeys[d.Index.Component], map[string][]*ical.Component{}
	var cal *ical.Component
	for i, c := range d.Object.Calendar.Children {
		if c.Name != d.Object.Kind {
			continue
		}
		key := keys.timed
		if start := c.Prop("DTSTART"); start != nil && strings.EqualFold(start.Param("VALUE"), "DATE") {
			key = keys.allDay
		}
		alarms, asked := known[key]
		if !asked {
			var err error
			if alarms, err = tx.defaultAlarms(col, key); err != nil {
				return nil, err
			}
			known[key] = alarms
		}
		if len(alarms) > 0 && cal == nil {
			cal = d.Object.Calendar.Clone()
		}
		for _, alarm := range alarms {
			c := cal.Children[i]
			c.Children = append(c.Children, alarm.Moved()) // components stand behind the properties (RFC 5545 §3.6.1)
		}
	}
	if cal == nil {
		return d, nil
	}
	return d.edited(cal, d.Index.Flags|store.FlagAlarm)
}

// defaultAlarmKeys are the properties that say which alarms components of a type get,
// with a time of day and without.
var defaultAlarmKeys = map[store.Component]struct{ timed, allDay string }{
	store.VEVENT: {defaultAlarmKey("vevent-datetime"), defaultAlarmKey("vevent-date")},
	store.VTODO:  {defaultAlarmKey("vtodo-datetime"), defaultAlarmKey("vtodo-date")},
}

func defaultAlarmKey(of string) string { return PropertyKey(webdav.CalDAV("default-alarm-" + of)) }

// defaultAlarms are the alarms of a property, marked as not the user's own. One
// that is set to nothing means none, whatever the home has.
func (tx *Tx) defaultAlarms(col *store.Collection, key string) ([]*ical.Component, error) {
	e, err := tx.setting(store.OfCollection(col), key)
	if err == nil && e == nil {
		e, err = tx.setting(store.OfHome(col.Home), key)
	}
	if err != nil || e == nil {
		return nil, err
	}
	alarms, err := ParseAlarms(e.Content())
	alarms = slices.DeleteFunc(alarms, func(c *ical.Component) bool { // a way to say that there is none
		action := c.Prop("ACTION")
		return action != nil && strings.EqualFold(action.Value, "NONE")
	})
	for _, alarm := range alarms {
		alarm.SetValue("X-APPLE-DEFAULT-ALARM", "TRUE")
	}
	return alarms, err
}

// ParseAlarms reads the value of a default alarm property: VALARM components and
// nothing else, or nothing, which means no alarm. Errors: *DataError.
func ParseAlarms(text string) ([]*ical.Component, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	invalid := &DataError{Condition: "valid-calendar-data", Reason: "VALARM components are wanted"}
	cal, err := ical.Decode([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"+text+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), ical.DefaultLimits)
	if err != nil {
		return nil, invalid
	}
	if len(cal.Children) != 1 || len(cal.Children[0].Props) != 0 || len(cal.Children[0].Children) == 0 {
		return nil, invalid
	}
	for _, c := range cal.Children[0].Children {
		if c.Name != "VALARM" {
			return nil, invalid
		}
	}
	return cal.Children[0].Children, nil
}
