package calendar

import (
	"encoding/xml"
	"errors"
	"strconv"
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
	errTimezoneDefinition = errors.New("one VCALENDAR with one VTIMEZONE is wanted")
)

// setting is the element of the property with a key, nil if it was not set.
func (tx *Tx) setting(at store.Resource, key string) (*webdav.Element, error) {
	raw := tx.Property(at, key)
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
	e, err := tx.setting(store.OfCollection(col), PropertyKey(Transparency))
	return e.Child(webdav.CalDAV("transparent")) != nil, err
}

// DefaultTasksURL is the property of an inbox that says where invitations to tasks
// go. It is Apple's; RFC 6638 §9.2 has one for all types.
var DefaultTasksURL = webdav.CS("schedule-default-tasks-URL")

// defaults says for types of component which property of the inbox names the
// calendar that invitations go to, and which calendar that is unless it is set.
var defaults = map[store.Component]struct {
	property  xml.Name
	key, name string
}{
	store.VEVENT: {DefaultCalendarURL, PropertyKey(DefaultCalendarURL), defaultCalendar},
	store.VTODO:  {DefaultTasksURL, PropertyKey(DefaultTasksURL), "tasks"},
}

// DefaultCalendar is the calendar of a home that new invitations to events or tasks
// go to (RFC 6638 §9.2): the one that was chosen; or else, as where that is gone or
// takes them no more, the oldest that takes them; nil if none does.
func (tx *Tx) DefaultCalendar(home *store.Home, component store.Component) (*store.Collection, error) {
	inbox, err := tx.Collection(home.ID, Inbox)
	if err != nil {
		return nil, err
	}
	chosen := defaults[component]
	e, err := tx.setting(store.OfCollection(inbox), chosen.key)
	if err != nil {
		return nil, err
	}
	name := chosen.name
	if e != nil {
		path := strings.TrimSuffix(e.Child(webdav.NameHref).TrimText(), "/")
		path, _ = webdav.CleanPath("/" + path[strings.LastIndexByte(path, '/')+1:]) // what is no URL names nothing
		name = strings.TrimPrefix(path, "/")
	}
	col, err := tx.Collection(home.ID, name)
	switch {
	case err == nil && takes(col, component):
		return col, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return tx.oldestFor(home, component)
}

// choicesOf is which properties of the inbox name a calendar as the one that
// invitations go to, set or not.
func (tx *Tx) choicesOf(home *store.Home, col *store.Collection) (choices []xml.Name, err error) {
	for component, d := range defaults {
		chosen, err := tx.DefaultCalendar(home, component)
		if err != nil {
			return nil, err
		}
		if chosen != nil && chosen.ID == col.ID {
			choices = append(choices, d.property)
		}
	}
	return choices, nil
}

// choose makes a calendar the one that those properties of the inbox name: URLs of what
// has moved point to where it is (RFC 4918 §9.9). They are kept relative to the home.
func (tx *Tx) choose(home *store.Home, choices []xml.Name, name string) error {
	if len(choices) == 0 {
		return nil
	}
	inbox, err := tx.Collection(home.ID, Inbox)
	for _, property := range choices {
		value := webdav.NewElement(property, webdav.NewHref(name+"/"))
		if err == nil {
			err = tx.Set(Place{Home: home, Collection: inbox}, property, value.Append(nil))
		}
	}
	return err
}

// takes reports whether a collection is a calendar for components of a type.
func takes(col *store.Collection, component store.Component) bool {
	return col.Kind == store.KindCalendar && Components(col)&component != 0
}

// oldestFor is the calendar of a home that was made first, of those that take a type.
func (tx *Tx) oldestFor(home *store.Home, component store.Component) (oldest *store.Collection, err error) {
	all, err := tx.Collections(home.ID)
	for _, col := range all {
		if takes(col, component) && (oldest == nil || col.ID < oldest.ID) {
			oldest = col
		}
	}
	return oldest, err
}

// defaultCalendarFor is DefaultCalendar; one is made if there is none.
func (tx *Tx) defaultCalendarFor(home *store.Home, component store.Component) (*store.Collection, error) {
	col, err := tx.DefaultCalendar(home, component)
	if err != nil || col != nil {
		return col, err
	}
	n := store.NewCollection{Kind: store.KindCalendar, Components: component}
	for i := 0; ; i++ {
		n.Name = defaults[component].name
		if i > 0 {
			n.Name += strconv.Itoa(i)
		}
		_, err := tx.Collection(home.ID, n.Name)
		if errors.Is(err, store.ErrNotFound) {
			return tx.Create(home, n)
		}
		if err != nil {
			return nil, err
		}
	}
}
