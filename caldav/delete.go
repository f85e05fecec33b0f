package caldav

import (
	"net/http"

	"convene/internal/webdav"
	"convene/store"
)

// deleteObject serves DELETE of an object (RFC 4918 §9.6): 204.
func (h *Handler) deleteObject(*request) (action, error) {
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		if err := s.tx.DeleteObject(s.col, s.object.Name, store.Match{}); err != nil {
			return nil, err
		}
		return &webdav.Response{Status: http.StatusNoContent}, nil
	}, nil
}

// deleteCollection serves DELETE of a calendar or an ordinary collection with
// all that is in it: 204. The home's own collections stay (S181), and so does
// the default calendar.
func (h *Handler) deleteCollection(r *request) (action, error) {
	if depth, err := webdav.ParseDepth(r.Header, webdav.DepthInfinity); err != nil || depth != webdav.DepthInfinity {
		return nil, webdav.BadRequest("DELETE of a collection has Depth: infinity")
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		if err := s.removable(s.home, s.col); err != nil {
			return nil, err
		}
		if err := s.tx.DeleteCollection(s.home.ID, s.col.Name); err != nil {
			return nil, err
		}
		return &webdav.Response{Status: http.StatusNoContent}, nil
	}, nil
}

// defaultCalendarName is the calendar of a home that invitations go to (RFC 6638
// §9.2).
func (s *scope) defaultCalendarName(home *store.Home) (string, error) {
	inbox, err := s.tx.Collection(home.ID, inboxName)
	if err != nil {
		return "", err
	}
	e, err := s.storedElement(&resource{col: inbox, home: home}, webdav.CalDAV("schedule-default-calendar-URL"))
	if err != nil || e == nil {
		return defaultCalendar, err
	}
	return lastSegment(e.Child(webdav.NameHref).TrimText()), nil
}

// removable refuses to take away what the home cannot be without.
func (s *scope) removable(home *store.Home, c *store.Collection) error {
	if fixed(c) {
		return &webdav.Error{Status: http.StatusForbidden, Description: "this collection belongs to the home"}
	}
	name, err := s.defaultCalendarName(home)
	if err == nil && c.Name == name {
		err = precondition(webdav.CalDAV("default-calendar-delete-allowed"))
	}
	return err
}
