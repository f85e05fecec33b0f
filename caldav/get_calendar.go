package caldav

import (
	"bytes"
	"net/http"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// getCalendar serves GET of a calendar collection: all of it as one iCalendar
// object, for clients that subscribe (S108, S165), or a listing for browsers.
func (h *Handler) getCalendar(r *request) (action, error) {
	if isBrowser(r.Request) {
		return h.getListing(r)
	}
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		resp := &webdav.Response{Status: http.StatusOK, Header: http.Header{
			"Etag": {self.etag()}, "Last-Modified": {httpTime(self.modified())}, "Content-Type": {calendarType},
			"Vary": varyOfData,
		}}
		if err := s.checkConditions(self); err != nil {
			return notModifiedAs(resp, err)
		}
		form := asText
		if prefersJCal(s.req.Request) {
			form = asJCal
			resp.Header["Content-Type"] = []string{jcalType}
		}
		var err error
		resp.Body, err = s.mergedCalendar(self, form)
		return resp, err
	}, nil
}

// A calendarForm is how components are written: alone, and between those of one
// calendar and after them.
type calendarForm struct {
	write      func(c *ical.Component, dst []byte) []byte
	comma, end string
}

var (
	asText = calendarForm{write: (*ical.Component).Append, end: "END:VCALENDAR\r\n"}
	asJCal = calendarForm{write: (*ical.Component).AppendJCal, comma: ",", end: "]]"}
)

// mergedCalendar puts the components of all objects of a calendar into one
// VCALENDAR, each time zone once, before what uses it. They are written one by
// one: parsed, all of them together would take many times the memory.
func (s *scope) mergedCalendar(r *resource, form calendarForm) ([]byte, error) {
	whole, err := s.calendarHead(r)
	if err != nil {
		return nil, err
	}
	snap, err := s.tx.Snapshot(r.col)
	if err != nil {
		return nil, err
	}
	zones := form.write(whole, nil)
	zones = bytes.TrimSuffix(zones, []byte(form.end))
	begin := len(zones)
	var rest []byte
	add := func(dst []byte, begin int, c *ical.Component) []byte {
		if len(dst) > begin {
			dst = append(dst, form.comma...)
		}
		return form.write(c, dst)
	}
	known, bare := map[string]bool{}, omitsZones(s.req.Header)
	member := *r
	for entry := range snap.All() {
		if !s.member(&member, entry) {
			continue
		}
		if err := s.fits(len(zones) + len(rest)); err != nil {
			return nil, err
		}
		object, err := s.tx.Parsed(r.col, entry)
		if err != nil {
			return nil, err
		}
		cal := object.Calendar
		if bare {
			cal = ical.StripStandardZones(cal)
		}
		for _, c := range cal.Children {
			if c.Name != "VTIMEZONE" {
				rest = add(rest, 0, c)
			} else if tzid := c.Prop("TZID"); tzid != nil && !known[tzid.Value] {
				known[tzid.Value] = true
				zones = add(zones, begin, c)
			}
		}
	}
	if len(zones) > begin && len(rest) > 0 {
		zones = append(zones, form.comma...)
	}
	return append(append(zones, rest...), form.end...), nil
}

// calendarHead is the VCALENDAR that a whole calendar goes into.
func (s *scope) calendarHead(r *resource) (*ical.Component, error) {
	name, err := s.storedText(r, webdav.DAV("displayname"))
	if name == "" {
		name = r.col.Name
	}
	head := ical.NewComponent("VCALENDAR")
	head.SetValue("VERSION", "2.0")
	head.SetValue("PRODID", productID)
	head.Set(ical.TextProperty("X-WR-CALNAME", name))
	return head, err
}

// productID names this server in iCalendar data that it makes.
const productID = "-//convene//CalDAV//EN"
