package caldav

import (
	"net/http"

	"convene/internal/webdav"
)

// deleteObject serves DELETE of an object (RFC 4918 §9.6): 204.
func (h *Handler) deleteObject(r *request) (action, error) {
	if err := checkScheduleReply(r.Request); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		if err := s.tx.Delete(s.col, s.object); err != nil {
			return nil, err
		}
		return &webdav.Response{Status: http.StatusNoContent}, nil
	}, nil
}

// deleteCollection serves DELETE of a calendar or an ordinary collection with
// all that is in it: 204. The home's own collections stay, and so does the
// default calendar.
func (h *Handler) deleteCollection(r *request) (action, error) {
	// Only infinity makes sense, and clients have to say nothing else (RFC 4918
	// §9.6.1). Some say 0 with every request, and mean what DELETE does.
	if _, err := webdav.ParseDepth(r.Header, webdav.DepthInfinity); err != nil {
		return nil, err
	}
	if err := checkScheduleReply(r.Request); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		if err := s.tx.Remove(s.home, s.col); err != nil {
			return nil, err
		}
		return &webdav.Response{Status: http.StatusNoContent}, nil
	}, nil
}
