package caldav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/internal/webdav"
	"convene/store"
)

// availabilityProperty is when somebody is there at all, on their inbox (RFC 7953
// §7.2.4), under one of its names.
func availabilityProperty(name xml.Name) property {
	return property{
		name: name, on: kindInbox,
		get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
			text, err := s.storedText(r, calendar.AvailabilityProperty)
			w.Text(text)
			return text != "", err
		},
		set: func(s *scope, r *resource, value *webdav.Element) error {
			if _, err := calendar.ParseAvailability(value); err != nil {
				e := davError(err)
				e.Status = http.StatusConflict
				return e
			}
			return s.keep(r, webdav.NewText(calendar.AvailabilityProperty, value.Content()))
		},
		remove: func(s *scope, r *resource) error { return s.drop(r, calendar.AvailabilityProperty) },
	}
}

// countable yields the calendars of a home that can have busy times: they hold
// events.
func (s *scope) countable(home *store.Home, fn func(*store.Collection) error) error {
	cols, err := s.tx.Collections(home.ID)
	if err != nil {
		return err
	}
	for _, c := range cols {
		if c.Kind != store.KindCalendar || calendar.Components(c)&store.VEVENT == 0 {
			continue
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

// getFreeBusySet lists the calendars that count for free-busy (CALDAV:
// calendar-free-busy-set of early scheduling drafts): those that are opaque (RFC
// 6638 §9.1).
func getFreeBusySet(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	home := strings.TrimSuffix(r.dir, r.col.Name+"/")
	return true, s.countable(r.home, func(c *store.Collection) error {
		transparent, err := s.tx.Transparent(c)
		if err == nil && !transparent {
			w.Href(home + c.Name + "/")
		}
		return err
	})
}

// setFreeBusySet makes the calendars that it lists count, and the others not.
func setFreeBusySet(s *scope, r *resource, value *webdav.Element) error {
	counts := map[string]bool{}
	for e := range value.ChildrenNamed(webdav.NameHref) {
		name, err := s.ownCalendar(r, e)
		if err != nil {
			return err
		}
		counts[name] = true
	}
	return s.countable(r.home, func(c *store.Collection) error {
		transparent, err := s.tx.Transparent(c)
		if err != nil || transparent != counts[c.Name] {
			return err
		}
		if !s.rightsIn(r.owner, c).Has(acl.WriteProperties) {
			return s.req.refusal(s.h, homePath(r.owner.GUID)+c.Name+"/", acl.WriteProperties)
		}
		word := webdav.CalDAV("transparent")
		if counts[c.Name] {
			word = webdav.CalDAV("opaque")
		}
		return s.keep(&resource{kind: kindCalendar, owner: r.owner, home: r.home, col: c}, webdav.NewElement(calendar.Transparency, webdav.NewElement(word)))
	})
}

// ownCalendar is the name of the owner's calendar that a DAV:href is about. Error: 409
// CALDAV:valid-calendar-url.
func (s *scope) ownCalendar(r *resource, href *webdav.Element) (string, error) {
	invalid := &webdav.Error{Status: http.StatusConflict, Condition: webdav.CalDAV("valid-calendar-url"), Description: "not a calendar of the inbox's owner"}
	path, err := webdav.ParseHref(href.TrimText(), s.req.Host)
	if err != nil {
		return "", invalid
	}
	t, err := parseTarget(webdav.EscapePath(path))
	if err != nil || t.kind != kindMissing || t.object != "" || !t.names(r.owner) {
		return "", invalid
	}
	col, err := s.tx.Collection(r.home.ID, t.collection)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && (col.Kind != store.KindCalendar || calendar.Components(col)&store.VEVENT == 0):
		return "", invalid
	case err != nil:
		return "", err
	}
	return col.Name, nil
}
