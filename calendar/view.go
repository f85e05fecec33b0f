package calendar

import (
	"slices"

	"convene/internal/ical"
)

// View is how much of an object somebody sees. Each shows less than the one before.
type View uint8

// The views of calendarserver-private-events §4.2.2, and that of a room's calendar.
const (
	Whole   View = iota // the bytes as they are stored
	Summary             // when it is, and SUMMARY and LOCATION (§4.2.2.5)
	Titled              // when it is, under a SUMMARY that the viewer gives it
	Times               // when it is (§4.2.2.4)
	Nothing             // not even that it is there (§4.2.3)
)

// A visible component is one of which others see something: these properties, and
// of its components these.
type visible struct {
	times    []string // always
	summary  []string // in the view Summary
	children []string
}

// visibleParts are the tables of calendarserver-private-events §4.2.2.4 and §4.2.2.5.
// VAVAILABILITY and VPOLL, which it does not know, show as much.
var visibleParts = map[string]visible{
	"VCALENDAR": {
		times:    []string{"PRODID", "VERSION", "CALSCALE", accessProperty},
		children: []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY", "VPOLL"},
	},
	"VEVENT": {
		times:   []string{"UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS", "TRANSP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"},
		summary: []string{"SUMMARY", "LOCATION"},
	},
	"VTODO": {
		times:   []string{"UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS", "DTSTART", "COMPLETED", "DUE", "DURATION", "RRULE", "RDATE", "EXDATE"},
		summary: []string{"SUMMARY", "LOCATION"},
	},
	"VJOURNAL": {
		times:   []string{"UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS", "DTSTART", "RRULE", "RDATE", "EXDATE"},
		summary: []string{"SUMMARY"},
	},
	"VFREEBUSY":     {times: []string{"UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "FREEBUSY"}},
	"VAVAILABILITY": {times: []string{"UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "BUSYTYPE"}, children: []string{"AVAILABLE"}},
	"AVAILABLE":     {times: []string{"UID", "RECURRENCE-ID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"}},
	"VPOLL":         {times: []string{"UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "STATUS", "DTSTART", "DTEND", "DURATION"}},
}

// visibleParams are the parameters that say when something is, or how a text is to be
// read. Others may hold any text.
var visibleParams = []string{"TZID", "VALUE", "RANGE", "FBTYPE", "LANGUAGE"}

// of is what a view shows of a component that is part of an object: a copy. Of a
// time zone it shows all.
func (v View) of(c *ical.Component) *ical.Component {
	if v == Whole || c.Name == "VTIMEZONE" {
		return c
	}
	shown := visibleParts[c.Name]
	out := ical.NewComponent(c.Name)
	for i := range c.Props {
		p := &c.Props[i]
		if slices.Contains(shown.times, p.Name) || v == Summary && slices.Contains(shown.summary, p.Name) {
			out.Props = append(out.Props, visibleProperty(p))
		}
	}
	for _, child := range c.Children {
		if slices.Contains(shown.children, child.Name) {
			out.Children = append(out.Children, v.of(child))
		}
	}
	return out
}

// titled gives all instances of what a view shows of an object a title.
func titled(cal *ical.Component, title string) *ical.Component {
	for _, c := range cal.Children {
		if len(visibleParts[c.Name].summary) > 0 {
			c.Add(ical.NewProperty("SUMMARY", ical.EscapeText(title)))
		}
	}
	return cal
}

// visibleProperty is a property with those parameters alone that others see.
func visibleProperty(p *ical.Property) ical.Property {
	out := ical.NewProperty(p.Name, p.Value)
	for _, param := range p.Params {
		if slices.Contains(visibleParams, param.Name) {
			out.Params = append(out.Params, param)
		}
	}
	return out
}
