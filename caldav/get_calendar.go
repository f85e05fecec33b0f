package caldav

import (
	"net/http"

	"convene/ical"
	"convene/webdav"
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
		}}
		if err := s.checkConditions(self); err != nil {
			return notModifiedAs(resp, err)
		}
		whole, err := s.mergedCalendar(self)
		if err != nil {
			return nil, err
		}
		if prefersJCal(s.req.Request) {
			resp.Header["Content-Type"] = []string{jcalType}
			resp.Body, err = whole.MarshalJCal()
			return resp, err
		}
		resp.Body = whole.Append(nil)
		return resp, nil
	}, nil
}

// mergedCalendar puts the components of all objects of a calendar into one
// VCALENDAR, each time zone once.
func (s *scope) mergedCalendar(r *resource) (*ical.Component, error) {
	whole := ical.NewComponent("VCALENDAR")
	whole.SetValue("VERSION", "2.0")
	whole.SetValue("PRODID", productID)
	name, err := s.storedText(r, webdav.DAV("displayname"))
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = r.col.Name
	}
	whole.Set(ical.TextProperty("X-WR-CALNAME", name))
	snap, err := s.h.Snapshots.Get(s.tx, r.col)
	if err != nil {
		return nil, err
	}
	zones := map[string]bool{}
	var rest []*ical.Component
	for entry := range snap.All() {
		object, err := s.h.Snapshots.Parsed(s.tx, r.col, entry)
		if err != nil {
			return nil, err
		}
		for _, c := range object.Calendar.Children {
			if c.Name != "VTIMEZONE" {
				rest = append(rest, c)
				continue
			}
			if tzid := c.Prop("TZID"); tzid != nil && !zones[tzid.Value] {
				zones[tzid.Value] = true
				whole.Children = append(whole.Children, c)
			}
		}
	}
	whole.Children = append(whole.Children, rest...)
	return whole, nil
}

// productID names this server in iCalendar data that it makes.
const productID = "-//convene//CalDAV//EN"
