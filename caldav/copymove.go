package caldav

import (
	"context"
	"errors"
	"net/http"

	"convene/delegation"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// A destination is where COPY and MOVE put things: a place in a calendar home,
// which may be another's.
type destination struct {
	target
	path       string // decoded
	overwrite  bool
	privileges delegation.Privilege
}

// destination reads the headers of COPY and MOVE (RFC 4918 §9.8, §9.9), asks
// the directory for the owner of the other place, and checks what the caller
// may do there.
func (h *Handler) destination(r *request) (*destination, error) {
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
	if err != nil || t.kind != kindMissing || t.addMember || t.object != "" && t.slash {
		return nil, &webdav.Error{Status: http.StatusForbidden, Description: "the destination is not in a calendar home"}
	}
	d := &destination{target: t, path: path, overwrite: overwrite}
	if d.owner, err = h.ownerOf(r.Context(), r, &t); err != nil {
		return nil, err
	}
	d.privileges = h.Access.Privileges(r.caller, d.owner.GUID, delegation.Home)
	if !d.privileges.Has(delegation.Bind) {
		return nil, h.refusal(path, delegation.Bind)
	}
	return d, h.ensureHome(r.Context(), d.owner)
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
// lies in; nil if there is none.
func (d *destination) in(tx *store.Tx) (*store.Home, *store.Collection, error) {
	home, err := tx.Home(d.owner.GUID)
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
	return h.transferObject(r, (*store.Tx).CopyObject)
}

// moveObject serves MOVE of an object: 201, or 204 if something was replaced.
func (h *Handler) moveObject(r *request) (action, error) {
	return h.transferObject(r, (*store.Tx).MoveObject)
}

type objectTransfer func(tx *store.Tx, from *store.Collection, name string, to *store.Collection, toName string, m store.Match, opts ...store.PutOption) (*store.Entry, bool, error)

func (h *Handler) transferObject(r *request, transfer objectTransfer) (action, error) {
	d, err := h.destination(r)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		col, name, replaced, err := s.placeFor(d)
		if err != nil {
			return nil, err
		}
		if err := s.mayPlace(d, col, name); err != nil {
			return nil, err
		}
		match := store.Match{IfNoneMatchAny: !d.overwrite}
		entry, created, err := transfer(s.tx, s.col, s.object.Name, col, name, match, store.UniqueInHome)
		if errors.Is(err, store.ErrExists) {
			return nil, &webdav.Error{Status: http.StatusForbidden, Description: "source and destination are the same"}
		}
		if err != nil {
			return nil, putAnswer(&d.target, col, err)
		}
		resp := &webdav.Response{Status: http.StatusNoContent, Header: http.Header{"Etag": {etagOf(entry.Rev)}}}
		if created && !replaced {
			resp.Status = http.StatusCreated
			resp.Header.Set("Location", webdav.EscapePath(d.collectionPath(col.Name)+entry.Name))
		}
		return resp, nil
	}, nil
}

// placeFor is the collection that an object goes into, and its name there. A file
// may go into the home itself; a collection of its name is taken away for it.
func (s *scope) placeFor(d *destination) (col *store.Collection, name string, replaced bool, err error) {
	home, col, err := d.in(s.tx)
	isFile := s.col.Kind == store.KindCollection
	switch {
	case err != nil:
		return nil, "", false, err
	case d.object == "" && (!isFile || d.slash && col == nil):
		return nil, "", false, precondition(webdav.CondCalendarCollectionLocationOK)
	case d.object == "":
		if col != nil {
			replaced, err = true, s.displace(d, home, col)
		}
		if err == nil {
			col, err = s.homeFiles(home)
		}
		return col, d.collection, replaced, err
	case col == nil:
		return nil, "", false, noParent()
	case (col.Kind == store.KindCollection) != isFile:
		return nil, "", false, precondition(webdav.CondCalendarCollectionLocationOK)
	case !isFile:
		err = s.accepts(col, s.object.Component)
	}
	return col, d.object, false, err
}

// mayPlace judges an object's destination: to replace what is there takes another
// privilege than to add to a collection, which must not be full.
func (s *scope) mayPlace(d *destination, col *store.Collection, name string) error {
	old, err := s.entry(col, name)
	switch {
	case err != nil:
		return err
	case old == nil:
		return s.roomFor(col)
	case !d.privileges.Has(delegation.WriteContent):
		return s.h.refusal(d.path, delegation.WriteContent)
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
	if d.object != "" {
		return nil, precondition(webdav.CondCalendarCollectionLocationOK)
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkCollectionTransfer(); err != nil {
			return nil, err
		}
		if err := s.removable(s.home, s.col); err != nil {
			return nil, err
		}
		home, created, err := s.makeRoom(d)
		if err != nil {
			return nil, err
		}
		if _, err := s.tx.MoveCollection(s.home.ID, s.col.Name, home.ID, d.collection); err != nil {
			return nil, putAnswer(&d.target, nil, err)
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
	if err != nil {
		return nil, err
	}
	if d.object != "" {
		return nil, precondition(webdav.CondCalendarCollectionLocationOK)
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkCollectionTransfer(); err != nil {
			return nil, err
		}
		if fixed(s.col) {
			return nil, &webdav.Error{Status: http.StatusForbidden, Description: "this collection belongs to the home"}
		}
		home, created, err := s.makeRoom(d)
		if err != nil {
			return nil, err
		}
		switch {
		case depth == webdav.Depth0:
			err = s.copyEmpty(home, d.collection)
		case s.col.Objects > maxCopied || s.col.Bytes > maxCopiedBytes:
			return nil, &webdav.Error{Status: http.StatusInsufficientStorage, Description: "the collection is too large to be copied at once"}
		default:
			_, err = s.tx.CopyCollection(s.home.ID, s.col.Name, home.ID, d.collection)
		}
		if err != nil {
			return nil, putAnswer(&d.target, nil, err)
		}
		return transferred(created), nil
	}, nil
}

// copyEmpty makes a collection like the target's, without its members (RFC 4918
// §9.8.3, Depth: 0).
func (s *scope) copyEmpty(to *store.Home, name string) error {
	props, err := s.tx.Properties(store.OfCollection(s.col))
	if err != nil {
		return err
	}
	_, err = s.tx.CreateCollection(to.ID, store.NewCollection{Name: name, Kind: s.col.Kind, Components: s.col.Components, Properties: props})
	return err
}

// What one COPY may write in its transaction, while all other writers wait:
// objects, and the bytes in them.
const (
	maxCopied      = 1000
	maxCopiedBytes = 32 << 20
)

// checkCollectionTransfer judges existence and conditions of the source.
func (s *scope) checkCollectionTransfer() error {
	if err := s.mustExist(); err != nil {
		return err
	}
	return s.checkConditions(s.resource())
}

// makeRoom takes away what lies at the destination of a collection, if the client
// allows it and the home can be without it. created reports that nothing did;
// then the home must not be full.
func (s *scope) makeRoom(d *destination) (home *store.Home, created bool, err error) {
	home, old, err := d.in(s.tx)
	if err != nil {
		return nil, false, err
	}
	if old != nil {
		return home, false, s.displace(d, home, old)
	}
	files, file, err := s.homeFile(home, d.collection)
	if err == nil && file != nil {
		if err = s.mayReplace(d); err == nil {
			err = s.tx.DeleteObject(files, file.Name, store.Match{})
		}
	}
	if err == nil && (s.req.Method != "MOVE" || home.ID != s.home.ID) { // moved within the home it is not another one
		err = s.notFull(home)
	}
	return home, file == nil, err
}

// displace takes away the collection at the destination.
func (s *scope) displace(d *destination, home *store.Home, old *store.Collection) error {
	if old.ID == s.col.ID {
		return &webdav.Error{Status: http.StatusForbidden, Description: "source and destination are the same"}
	}
	if err := s.mayReplace(d); err != nil {
		return err
	}
	if err := s.removable(home, old); err != nil {
		return err
	}
	return s.tx.DeleteCollection(home.ID, old.Name)
}

// mayReplace judges whether what is at the destination may be taken away: by the
// client's wish (RFC 4918 §10.6) and the caller's privileges.
func (s *scope) mayReplace(d *destination) error {
	switch {
	case !d.overwrite:
		return &webdav.Error{Status: http.StatusPreconditionFailed}
	case !d.privileges.Has(delegation.Unbind):
		return s.h.refusal(d.path, delegation.Unbind)
	}
	return nil
}

func transferred(created bool) *webdav.Response {
	if created {
		return &webdav.Response{Status: http.StatusCreated}
	}
	return &webdav.Response{Status: http.StatusNoContent}
}
