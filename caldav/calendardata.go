package caldav

import (
	"strings"

	"convene/calquery"
	"convene/ical"
	"convene/webdav"
)

// calendarData is the CALDAV:calendar-data that a report asks for, as data of
// one request: which part of the objects, and in what form.
type calendarData struct {
	ask  *calquery.DataRequest
	zone *ical.Zone // of floating times
}

// calendarData finds CALDAV:calendar-data among the properties of a report; nil
// if it was not asked for.
func (h *Handler) calendarData(props []*webdav.Element) (*calendarData, error) {
	for _, p := range props {
		if p.Name == webdav.CalDAV("calendar-data") {
			ask, err := calquery.ParseCalendarData(p)
			if err != nil {
				return nil, err
			}
			return &calendarData{ask: ask}, nil
		}
	}
	return nil, nil
}

// in sets the zone in which floating times are read. A nil d has none.
func (d *calendarData) in(zone *ical.Zone) {
	if d != nil {
		d.zone = zone
	}
}

// write writes the data of an object. Whole objects go out as they were stored,
// without being parsed.
func (d *calendarData) write(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.object == nil {
		return false, nil
	}
	if d.ask.Whole() {
		body, _, err := s.tx.Body(r.col.ID, r.object.Name)
		if err != nil {
			return false, err
		}
		w.TextBytes(body)
		return true, nil
	}
	object, err := s.h.Snapshots.Parsed(s.tx, r.col, r.object)
	if err != nil {
		return false, err
	}
	text, err := d.ask.Render(object, d.zone, s.budget)
	if err != nil {
		return false, err
	}
	w.TextBytes(text)
	return true, nil
}

// prefersJCal reports whether an Accept header puts jCal before iCalendar (RFC
// 7265 §6).
func prefersJCal(accept string) bool {
	jcal := strings.Index(accept, mediaJCal)
	if jcal < 0 {
		return false
	}
	plain := strings.Index(accept, mediaCalendar)
	for plain >= 0 && strings.HasPrefix(accept[plain:], mediaCalendar+"+") {
		plain = -1
	}
	return plain < 0 || jcal < plain
}
