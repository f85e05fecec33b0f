package caldav

import (
	"errors"
	"net/http"

	"convene/acl"
	"convene/calendar"
	"convene/internal/header"
	"convene/internal/webdav"
	"convene/store"
)

// putObject serves PUT of a calendar object resource (RFC 4791 §5.3.2): 201 or
// 204 with the new ETag, which is left out if the server changed the data.
// Conditions: §5.3.2.1, and quota (RFC 4331 §6).
func (h *Handler) putObject(r *request) (action, error) {
	t := &r.target
	switch {
	case header.Get(r.Header, "Content-Range") != "": // RFC 9110 §14.4: parts cannot be written
		return nil, webdav.BadRequest("PUT has the whole of a resource")
	case t.addMember, t.slash:
		return nil, &webdav.Error{Status: http.StatusConflict, Description: "calendar objects live in a calendar"}
	case t.object == "":
		t.collection, t.object = homeFiles, t.collection
	}
	if t.ordinary || calendar.HomeFiles(t.collection) {
		return h.putFile(r)
	}
	data, err := h.readObject(r)
	if err != nil {
		return nil, err
	}
	if err := h.introduce(r.Context(), r, data); err != nil {
		return nil, err
	}
	prefer := webdav.ParsePrefer(r.Header)
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return s.rejected(self, prefer, err)
		}
		if s.col == nil {
			return nil, noParent()
		}
		put, err := s.tx.Put(s.col, r.target.object, data)
		if err != nil {
			return nil, changeError(&r.target, s.col, err)
		}
		return s.putResponse(self, put, prefer)
	}, nil
}

// changeError says what the refusal of a change at t, in col, is on the wire (RFC
// 4791 §5.3.2.1, RFC 6638 §3.2.4.1). col is nil for a collection itself.
func changeError(t *target, col *store.Collection, err error) error {
	if conflict, ok := errors.AsType[*store.UIDConflictError](err); ok {
		e := webdav.UIDConflict(t.collectionPath(conflict.InName) + conflict.Name)
		if col == nil || conflict.Collection != col.ID {
			e.Condition = webdav.CalDAV("unique-scheduling-object-resource")
		}
		return e
	}
	if limit, ok := errors.AsType[*store.LimitError](err); ok {
		return &webdav.Error{Status: http.StatusForbidden, Description: limit.Error()}
	}
	if errors.Is(err, store.ErrUIDChanged) {
		return webdav.UIDConflict(t.collectionPath(t.collection) + t.object)
	}
	return err
}

// putResponse is the response to a write: 201 or 204, or with the data if the client prefers
// that (RFC 8144 §3.1).
func (s *scope) putResponse(r *resource, put *calendar.Written, prefer webdav.Prefer) (*webdav.Response, error) {
	resp := &webdav.Response{Status: http.StatusNoContent, Header: http.Header{}}
	if put.Created {
		resp.Status = http.StatusCreated
	}
	represented := prefer.Return == webdav.ReturnRepresentation && put.Entry != nil
	s.tagged(resp, s.home, s.col, put.Entry)
	if represented || !put.Data.Edited && put.Entry != nil && s.tx.View(s.col, put.Entry) == calendar.Whole {
		resp.Header["Etag"] = []string{etagOf(s.home.Epoch, s.col, put.Entry.Rev)}
	}
	if !represented {
		return resp, nil
	}
	if !put.Created {
		resp.Status = http.StatusOK
	}
	return s.represent(resp, r.dir+put.Entry.Name, put.Data.Body, prefer)
}

// represent puts an object's data into an answer, in the form that the client
// accepts.
func (s *scope) represent(resp *webdav.Response, path string, body []byte, prefer webdav.Prefer) (*webdav.Response, error) {
	resp.Header.Set("Content-Type", calendarType)
	resp.Header.Set("Content-Location", webdav.EscapePath(path))
	resp.Header.Set("Preference-Applied", prefer.Applied())
	return s.calendarBody(resp, body)
}

// rejected answers a failed condition: 412, with the present data if the client
// prefers a representation (RFC 8144 §3.2) and may read it, else as it is.
func (s *scope) rejected(r *resource, prefer webdav.Prefer, err error) (*webdav.Response, error) {
	e := davError(err)
	if e.Status != http.StatusPreconditionFailed || prefer.Return != webdav.ReturnRepresentation ||
		s.object == nil || s.col.Kind == store.KindCollection || !s.privileges().Has(acl.Read) {
		return nil, err
	}
	body, err := s.tx.Bytes(s.col, s.object)
	if err != nil {
		return nil, err
	}
	resp := &webdav.Response{Status: http.StatusPreconditionFailed, Header: http.Header{"ETag": {r.etag()}}}
	return s.represent(resp, r.dir+r.name, body, prefer)
}
