package caldav

import (
	"errors"
	"net/http"

	"convene/acl"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// reportExpandProperty serves expand-property (RFC 3253 §3.8): properties whose
// hrefs are followed to the resources they name, and theirs again. With Depth: 1 it
// is applied to each member as well (§3.6).
func (h *Handler) reportExpandProperty(r *request, body *webdav.Element) (action, error) {
	ask, err := webdav.ParseExpandProperty(body)
	if err != nil {
		return nil, err
	}
	depth, err := webdav.ParseDepth(r.Header, webdav.Depth0)
	if err != nil {
		return nil, err
	}
	var listed []*directory.Principal
	if depth == webdav.Depth1 {
		if listed, err = h.listedFor(r); err != nil {
			return nil, err
		}
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		ms := h.multistatus()
		x := expansion{s: s, left: maxExpanded}
		self := s.resource()
		if err := x.write(ms, self, ask); err != nil {
			return nil, err
		}
		if depth == webdav.Depth1 {
			if err := s.eachMember(self, listed, func(r *resource) error { return x.write(ms, r, ask) }); err != nil {
				return nil, err
			}
		}
		return ms.Response(), nil
	}, nil
}

// maxExpanded bounds the resources that one expand-property may visit.
const maxExpanded = 10_000

// expansion is an expand-property report being served.
type expansion struct {
	s    *scope
	left int // resources
}

func (x *expansion) write(ms *webdav.Multistatus, r *resource, ask []webdav.ExpandRequest) error {
	if x.left--; x.left < 0 {
		return precondition(webdav.CondNumberOfMatches)
	}
	if r.kind&(kindHome|kindMissing) == 0 || r.home != nil {
		return x.response(ms, r, ask)
	}
	listable := x.s.rights(&resource{kind: kindHome, owner: r.owner}).Has(acl.Read)
	var err error
	switch r.home, err = x.s.tx.Home(r.owner.GUID); {
	case errors.Is(err, calendar.ErrNoHome) && listable:
		return nil // a record that has no home yet has nothing to show
	case errors.Is(err, calendar.ErrNoHome):
		return x.refuse(ms, r, ask)
	case err == nil && r.kind == kindMissing:
		err = x.s.findCollection(r)
	}
	switch {
	case err != nil:
		return err
	case r.kind == kindMissing && listable:
		ms.ResponseStatus(r.dir, http.StatusNotFound, nil)
		return nil
	case r.kind == kindMissing || !r.privileges.Has(acl.Read): // whether it is there or not
		return x.refuse(ms, r, ask)
	}
	return x.response(ms, r, ask)
}

// refuse tells of a resource whose properties the caller may not read. While nobody
// knows whether they act for its owner, the whole report is refused.
func (x *expansion) refuse(ms *webdav.Multistatus, r *resource, ask []webdav.ExpandRequest) error {
	why := x.s.req.refusal(x.s.h, r.dir, acl.Read)
	if why.Code() != http.StatusForbidden {
		return why
	}
	names := make([]*webdav.Element, len(ask))
	for i := range ask {
		names[i] = &webdav.Element{Name: ask[i].Name}
	}
	ms.ResponseStart(r.dir, r.name)
	ms.Propstat(http.StatusForbidden, names, why)
	ms.ResponseEnd()
	return nil
}

// findCollection fills in the collection at r.dir; if there is none r stays
// missing.
func (s *scope) findCollection(r *resource) error {
	col, err := s.tx.Collection(r.home.ID, lastSegment(r.dir))
	if errors.Is(err, store.ErrNotFound) || err == nil && col.Name == homeFiles {
		return nil
	}
	if err != nil {
		return err
	}
	r.kind, r.col = kinds[col.Kind], col
	r.privileges = s.rights(r)
	return nil
}

func (x *expansion) response(ms *webdav.Multistatus, r *resource, ask []webdav.ExpandRequest) error {
	ms.ResponseStart(r.dir, r.name)
	var missing []*webdav.Element
	var untold untoldProperties
	opened := false
	for _, p := range ask {
		mark := ms.Mark()
		if !opened {
			ms.PropstatStart(http.StatusOK)
		}
		found, err := x.property(ms, r, p)
		if value, ok := errors.AsType[*unknownValue](err); ok && value.why.Code() == http.StatusForbidden {
			ms.Rewind(mark)
			untold.add(&webdav.Element{Name: p.Name}, value.why)
			continue
		}
		if err != nil {
			return err
		}
		if !found {
			ms.Rewind(mark)
			missing = append(missing, &webdav.Element{Name: p.Name})
			continue
		}
		opened = true
	}
	if opened {
		ms.PropstatEnd(nil)
	}
	ms.Propstat(http.StatusNotFound, missing, nil)
	untold.write(ms)
	ms.ResponseEnd()
	return nil
}

// property writes one property: its value, or the responses of what its hrefs
// name.
func (x *expansion) property(ms *webdav.Multistatus, r *resource, p webdav.ExpandRequest) (bool, error) {
	if err := x.s.fits(ms.Len()); err != nil {
		return false, err
	}
	q := &propertyRequest{}
	plan := planned{element: &webdav.Element{Name: p.Name}, row: x.s.h.props.row(p.Name, r.kind)}
	if len(p.Properties) == 0 {
		return q.writeProperty(x.s, &ms.Writer, r, plan)
	}
	value := webdav.NewWriter(nil)
	found, err := q.writeProperty(x.s, value, r, plan)
	if err != nil || !found {
		return false, err
	}
	e, err := webdav.ParseXML(value.Bytes(), webdav.DefaultXMLLimits)
	if err != nil {
		return false, err
	}
	ms.Start(p.Name)
	for href := range e.ChildrenNamed(webdav.NameHref) {
		next, err := x.s.follow(href.TrimText())
		if err != nil {
			return false, err
		}
		if next == nil {
			continue
		}
		if err := x.write(ms, next, p.Properties); err != nil {
			return false, err
		}
	}
	ms.Writer.End()
	return true, nil
}

// follow finds the principal, home or collection that an href of ours names; nil
// for a principal that the caller may not see and for what is not here. Whether a collection is
// there only the store knows: it is missing so far.
func (s *scope) follow(href string) (*resource, error) {
	t, err := parseTarget(href)
	if err != nil || t.kind&(kindPrincipal|kindProxyGroup|kindHome|kindMissing) == 0 || t.object != "" || t.addMember {
		return nil, nil
	}
	owner := s.record(t.key())
	if owner == nil {
		return nil, nil
	}
	r := &resource{kind: t.kind, owner: owner, dir: t.principalPath()}
	switch t.kind {
	case kindProxyGroup:
		r.dir += t.collection + "/"
	case kindHome:
		r.dir = t.homePath()
	case kindMissing:
		r.dir = t.collectionPath(t.collection)
		return r, nil
	}
	r.privileges = s.rights(r)
	if t.kind != kindHome && !r.privileges.Has(acl.Read) {
		return nil, nil
	}
	return r, nil
}
