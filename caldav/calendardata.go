package caldav

import (
	"encoding/xml"
	"net/http"
	"strings"

	"convene/caldav/calquery"
	"convene/internal/header"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// calendarData is the CALDAV:calendar-data that a report asks for, as data of
// one request: which part of the objects, and in what form.
type calendarData struct {
	ask   *calquery.DataRequest
	zone  *ical.Zone // of floating times
	attrs []xml.Attr // of the elements in the response
	buf   []byte     // of the object being written

	to     *webdav.Writer    // what stored writes to
	stored func(body []byte) // writes a body as it is; one for all objects of a response
}

// jcalAttrs mark an element whose content is jCal.
var jcalAttrs = []xml.Attr{
	{Name: xml.Name{Local: "content-type"}, Value: mediaJCal},
	{Name: xml.Name{Local: "version"}, Value: "2.0"},
}

// calendarDataOf finds CALDAV:calendar-data among the properties of a report; nil
// if it was not asked for. "CalDAV-Timezones: F" leaves out the definitions of
// time zones that every client knows (RFC 7809 §4.1).
func calendarDataOf(r *request, props []*webdav.Element) (*calendarData, error) {
	for _, p := range props {
		if p.Name != webdav.CalDAV("calendar-data") {
			continue
		}
		ask, err := calquery.ParseCalendarData(p)
		if err != nil {
			return nil, err
		}
		ask.OmitZones = omitsZones(r.Header)
		d := &calendarData{ask: ask}
		if ask.JCal {
			d.attrs = jcalAttrs
		}
		return d, nil
	}
	return nil, nil
}

// omitsZones reports whether the client knows the standard time zones itself
// (RFC 7809 §4.1).
func omitsZones(h http.Header) bool {
	return strings.EqualFold(strings.TrimSpace(header.Get(h, "Caldav-Timezones")), "F")
}

// in sets the zone in which floating times are read. A nil d has none.
func (d *calendarData) in(zone *ical.Zone) {
	if d != nil {
		d.zone = zone
	}
}

// timeRanges lists the ranges that the element asks for. A nil d has none.
func (d *calendarData) timeRanges() []calquery.TimeRange {
	if d == nil {
		return nil
	}
	return d.ask.TimeRanges()
}

// write writes the element with the data of an object. Whole objects go out as
// they were stored, without being parsed.
func (d *calendarData) write(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.object == nil || r.col.Kind == store.KindCollection {
		return false, nil // files are no calendar data
	}
	if d.ask.Whole() {
		if d.to != w {
			d.to, d.stored = w, w.CalendarData
		}
		return true, s.tx.Body(r.col, r.object, d.stored)
	}
	w.Start(webdav.CalDAV("calendar-data"), d.attrs...)
	defer w.End()
	s.written, s.expanded = w.Len(), 0
	object, err := s.tx.Parsed(r.col, r.object)
	if err != nil {
		return false, err
	}
	d.buf, err = d.ask.Append(d.buf[:0], object, d.zone, s.budget())
	w.Data(d.buf)
	return true, err
}

// expanding judges n more bytes of an object that is being expanded. One that by
// itself is longer than a response may be has too many instances, as if it had more
// than CALDAV:max-instances.
func (s *scope) expanding(n int) error {
	if s.expanded += n; int64(s.expanded) > s.h.Limits.MaxResponseSize {
		return ical.ErrBudget
	}
	return s.fits(s.written + s.expanded)
}
