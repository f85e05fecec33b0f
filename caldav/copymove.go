package caldav

import (
	"context"
	"errors"
	"net/http"

	"convene/acl"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// A destination is where COPY and MOVE put things: a place in a calendar home,
// which may be another's.
type destination struct {
	target
	path      string // decoded
	overwrite bool
}

// destination reads the headers of COPY and MOVE (RFC 4918 §9.8, §9.9), asks
// the directory for the owner of the other place. Whether the caller may add to it
// is for the transaction to say, unless it is plain that they may not.
func (h *Handler) destination(r *request) (*destination, error) {
	if err := noBody(r); err != nil {
		return nil, err
	}
	path, err := webdav.ParseDestination(r.Request)
	if err != nil {
		return nil, err
	}
	overwrite, err := webdav.ParseOverwrite(r.Header)
	if err != nil {
		return nil, err
	}
	t, err := parseTarget(webdav.EscapePath(path))
	if err == errNoParent {
		return nil, noParent()
	}
	if err == nil && t.kind&serverMade != 0 {
		return nil, protected(webdav.CondProtectedURL)
	}
	collection := r.target.kind != kindObject
	if err != nil || t.kind != kindMissing || t.addMember || t.object != "" && t.slash && !collection {
		return nil, misplaced(&r.target)
	}
	d := &destination{target: t, path: path, overwrite: overwrite}
	if d.owner, err = h.ownerOf(r.Context(), r, &t); err != nil {
		return nil, err
	}
	if err := h.supplyActing(r.Context(), r, d.owner.GUID); err != nil {
		return nil, err
	}
	hopeless, err := h.hopeless(r, &d.target, acl.Bind)
	switch {
	case err != nil:
		return nil, err
	case hopeless:
		return nil, r.refusal(h, d.parentPath(), acl.Bind)
	}
	r.destination = d
	return d, nil
}

// misplaced is the response to a destination that is not in a calendar home. Of a
// calendar it names the condition (RFC 4791 §5.3.2.1).
func misplaced(from *target) *webdav.Error {
	e := &webdav.Error{Status: http.StatusForbidden, Description: "the destination is not in a calendar home"}
	if from.kind == kindCalendar {
		e.Condition = webdav.CondCalendarCollectionLocationOK
	}
	return e
}

// ownerOf is the record of a place in a home; the directory is asked only if it
// is not that of the request's target.
func (h *Handler) ownerOf(ctx context.Context, r *request, t *target) (*directory.Principal, error) {
	if t.form == r.target.form && t.ident == r.target.ident {
		return r.target.owner, nil
	}
	owner, err := h.Directory.Lookup(ctx, t.key())
	if errors.Is(err, directory.ErrNotFound) || err == nil && !owner.CalendarEnabled {
		return nil, &webdav.Error{Status: http.StatusConflict, Description: "there is no such calendar home"}
	}
	return owner, err
}

// in is the home of the destination and the collection at its name, or that it
// lies in; nil if there is none. Errors: *lack.
func (d *destination) in(tx *calendar.Tx) (*store.Home, *store.Collection, error) {
	home, err := homeOf(tx, d.owner)
	if err != nil {
		return nil, nil, err
	}
	col, err := tx.Collection(home.ID, d.collection)
	if errors.Is(err, store.ErrNotFound) {
		return home, nil, nil
	}
	return home, col, err
}

// copyObject serves COPY of an object: 201, or 204 if something was replaced.
func (h *Handler) copyObject(r *request) (action, error) {
	return h.transferObject(r, (*calendar.Tx).Copy)
}

// moveObject serves MOVE of an object: 201, or 204 if something was replaced.
func (h *Handler) moveObject(r *request) (action, error) {
	return h.transferObject(r, (*calendar.Tx).Move)
}

// An objectTransfer writes an object of from at another place.
type objectTransfer func(tx *calendar.Tx, from *store.Collection, e *store.Entry, to *store.Collection, name string) (*calendar.Written, error)

func (h *Handler) transferObject(r *request, transfer objectTransfer) (action, error) {
	d, err := h.destination(r)
	if err != nil {
		return nil, err
	}
	prefer := webdav.ParsePrefer(r.Header)
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return s.rejected(self, prefer, err)
		}
		col, name, replaced, err := s.placeFor(d)
		if err != nil {
			return nil, err
		}
		if err := s.mayPlace(d, col, name); err != nil {
			return nil, err
		}
		w, err := transfer(s.tx, s.col, s.object, col, name)
		if err != nil {
			return nil, changeError(&d.target, col, err)
		}
		resp := &webdav.Response{Status: http.StatusNoContent, Header: http.Header{"Etag": {etagOf(s.home.Epoch, col, w.Entry.Rev)}}}
		s.tagged(resp, &store.Home{Epoch: s.home.Epoch}, col, w.Entry)
		if w.Created && !replaced {
			resp.Status = http.StatusCreated
			resp.Header.Set("Location", webdav.EscapePath(d.collectionPath(col.Name)+w.Entry.Name))
		}
		if prefer.Return != webdav.ReturnRepresentation {
			return resp, nil
		}
		return s.transferredBody(resp, d, col, w, prefer)
	}, nil
}

// transferredBody is the response to COPY or MOVE of a client that prefers the data as
// they are at the destination now (RFC 8144 §3.1): with them, if it may read there.
func (s *scope) transferredBody(resp *webdav.Response, d *destination, col *store.Collection, w *calendar.Written, prefer webdav.Prefer) (*webdav.Response, error) {
	at := &resource{kind: kindObject, owner: d.owner, col: col, object: w.Entry}
	if col.Kind != store.KindCalendar || !s.rights(at).Has(acl.Read) {
		return resp, nil
	}
	body, err := s.tx.Bytes(col, w.Entry)
	if err != nil {
		return nil, err
	}
	if resp.Status == http.StatusNoContent {
		resp.Status = http.StatusOK
	}
	return s.represent(resp, d.collectionPath(col.Name)+w.Entry.Name, body, prefer)
}

// placeFor is the collection that an object goes into, and its name there. A file
// may go into the home itself; a collection of its name is taken away for it.
func (s *scope) placeFor(d *destination) (col *store.Collection, name string, replaced bool, err error) {
	home, col, err := d.in(s.tx)
	switch {
	case err != nil:
		return nil, "", false, err
	case d.object != "" && col == nil:
		return nil, "", false, noParent()
	case d.object != "":
		return col, d.object, false, nil
	case s.col.Kind != store.KindCollection || d.slash && col == nil:
		return nil, "", false, calendar.ErrLocation
	case col != nil:
		replaced, err = true, s.displace(d, home, col)
	}
	if err == nil {
		col, err = s.tx.Files(home)
	}
	return col, d.collection, replaced, err
}

// mayPlace judges an object's destination: what is there is replaced only by the
// client's wish (RFC 4918 §10.6) and with another privilege than it takes to add
// to a collection.
func (s *scope) mayPlace(d *destination, col *store.Collection, name string) error {
	old, err := s.tx.Entry(col, name)
	switch {
	case err != nil || old == nil || old == s.object:
		return err
	case !d.overwrite:
		return &webdav.Error{Status: http.StatusPreconditionFailed}
	case !s.rights(&resource{kind: kindObject, owner: d.owner, col: col, object: old}).Has(acl.WriteContent):
		return s.req.refusal(s.h, d.path, acl.WriteContent)
	}
	return nil
}

// moveCollection serves MOVE of a collection: it gets another name, in its home
// or in another one the caller may write to. Its resource-id stays.
func (h *Handler) moveCollection(r *request) (action, error) {
	d, err := h.destination(r)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkCollectionTransfer(d); err != nil {
			return nil, err
		}
		home, created, err := s.clear(d)
		if err != nil {
			return nil, err
		}
		if err := s.tx.MoveTo(s.home, s.col, home, d.collection); err != nil {
			return nil, changeError(&d.target, nil, err)
		}
		return transferred(created), nil
	}, nil
}

// copyCollection serves COPY of a collection, with its properties, and with its
// members unless Depth is 0.
func (h *Handler) copyCollection(r *request) (action, error) {
	d, err := h.destination(r)
	if err != nil {
		return nil, err
	}
	depth, err := webdav.ParseDepth(r.Header, webdav.DepthInfinity)
	if err == nil && depth == webdav.Depth1 {
		err = webdav.BadRequest("COPY of a collection has Depth: 0 or infinity") // RFC 4918 §9.8.3
	}
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkCollectionTransfer(d); err != nil {
			return nil, err
		}
		// What may not be read may not be copied; and a copy without it would look whole.
		if self := s.resource(); !s.showsAll(self) {
			return nil, s.req.refusal(h, self.dir, acl.Read)
		}
		home, created, err := s.clear(d)
		if err != nil {
			return nil, err
		}
		copyTo := s.tx.CopyTo
		if depth == webdav.Depth0 {
			copyTo = s.tx.CopyEmpty
		}
		if err := copyTo(s.home, s.col, home, d.collection); err != nil {
			return nil, changeError(&d.target, nil, err)
		}
		return transferred(created), nil
	}, nil
}

// checkCollectionTransfer judges existence and conditions of the source, and whether a
// collection can be at the destination: within another none can (RFC 4791 §5.3.2.1),
// and not where that is not even there (RFC 4918 §9.8.5, §9.9.4).
func (s *scope) checkCollectionTransfer(d *destination) error {
	if err := s.mustExist(); err != nil {
		return err
	}
	if err := s.checkConditions(s.resource()); err != nil || d.object == "" {
		return err
	}
	switch _, parent, err := d.in(s.tx); {
	case err != nil:
		return err
	case parent == nil:
		return noParent()
	}
	return precondition(webdav.CondCalendarCollectionLocationOK)
}

// clear takes away what lies at the destination of a collection, if the client
// allows it and the home can be without it. created reports that nothing did.
func (s *scope) clear(d *destination) (home *store.Home, created bool, err error) {
	home, old, err := d.in(s.tx)
	if err != nil {
		return nil, false, err
	}
	if old != nil {
		return home, false, s.displace(d, home, old)
	}
	files, file, err := s.tx.File(home, d.collection)
	if err != nil || file == nil {
		return home, true, err
	}
	if err = s.mayReplace(d); err == nil {
		err = s.tx.Delete(files, file)
	}
	return home, false, err
}

// displace takes away the collection at the destination.
func (s *scope) displace(d *destination, home *store.Home, old *store.Collection) error {
	if old.ID == s.col.ID {
		return calendar.ErrSame
	}
	if err := s.mayReplace(d); err != nil {
		return err
	}
	return s.tx.Remove(home, old)
}

// mayReplace judges whether what is at the destination may be taken away: by the
// client's wish (RFC 4918 §10.6) and the caller's privileges.
func (s *scope) mayReplace(d *destination) error {
	switch {
	case !d.overwrite:
		return &webdav.Error{Status: http.StatusPreconditionFailed}
	case !s.rightsIn(d.owner, nil).Has(acl.Unbind):
		return s.req.refusal(s.h, d.homePath(), acl.Unbind)
	}
	return nil
}

func transferred(created bool) *webdav.Response {
	if created {
		return &webdav.Response{Status: http.StatusCreated}
	}
	return &webdav.Response{Status: http.StatusNoContent}
}
