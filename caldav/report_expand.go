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
// hrefs are followed to the resources they name, and theirs again.
func (h *Handler) reportExpandProperty(r *request, body *webdav.Element) (action, error) {
	ask, err := webdav.ParseExpandProperty(body)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		ms := h.multistatus()
		left := maxExpanded
		x := expansion{s: s, left: &left}
		if err := x.write(ms, s.resource(), ask); err != nil {
			return nil, err
		}
		return ms.Response(), nil
	}, nil
}

// maxExpanded bounds the resources that one expand-property may visit.
const maxExpanded = 10_000

// expansion is an expand-property report being answered.
type expansion struct {
	s    *scope
	left *int // resources, in all transactions
}

func (x *expansion) write(ms *webdav.Multistatus, r *resource, ask []webdav.ExpandRequest) error {
	if *x.left--; *x.left < 0 {
		return precondition(webdav.CondNumberOfMatches)
	}
	if r.kind&(kindHome|kindMissing) == 0 || r.home != nil {
		return x.response(ms, r, ask)
	}
	mark, left := ms.Mark(), *x.left
	return x.s.inStore(r, func(s *scope) error {
		ms.Rewind(mark) // of an earlier run
		*x.left = left
		if r.kind == kindMissing {
			if err := s.findCollection(r); err != nil {
				return err
			}
		}
		if r.kind == kindMissing || !r.privileges.Has(acl.Read) {
			ms.ResponseStatus(r.dir, http.StatusNotFound, nil)
			return nil
		}
		inner := expansion{s: s, left: x.left}
		return inner.response(ms, r, ask)
	})
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
	opened := false
	for _, p := range ask {
		mark := ms.Mark()
		if !opened {
			ms.PropstatStart(http.StatusOK)
		}
		found, err := x.property(ms, r, p)
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
// for what the caller may not see or what is not here. Whether a collection is
// there only the store knows: it is missing so far.
func (s *scope) follow(href string) (*resource, error) {
	t, err := parseTarget(href)
	if err != nil || t.kind&(kindPrincipal|kindProxyGroup|kindHome|kindMissing) == 0 || t.object != "" || t.addMember {
		return nil, nil
	}
	owner, err := s.record(t.key())
	if err != nil || owner == nil {
		return nil, err
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
	if !r.privileges.Has(acl.Read) {
		return nil, nil
	}
	return r, nil
}

// record is the directory's record, nil if there is none. Inside a transaction,
// where no one waits, only those are known that came with the request.
func (s *scope) record(key directory.Key) (*directory.Principal, error) {
	if s.tx != nil {
		for _, p := range []*directory.Principal{s.req.caller.Principal, s.req.target.owner} {
			if p != nil && key.By == directory.GUID && p.GUID == directory.CanonicalGUID(key.Value) {
				return p, nil
			}
		}
		return nil, nil
	}
	p, err := s.h.Directory.Lookup(s.req.Context(), key)
	if errors.Is(err, directory.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// inStore runs fn with the store open and r's home filled in; perhaps more than
// once, with r as it was. A record that has no home yet has nothing to show.
func (s *scope) inStore(r *resource, fn func(*scope) error) error {
	was := *r
	run := func(tx *calendar.Tx) error {
		*r = was
		inner := *s
		inner.tx = tx
		var err error
		if r.home, err = tx.Home(r.owner.GUID); errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		return fn(&inner)
	}
	if s.tx != nil {
		return run(s.tx)
	}
	return s.h.Calendars.View(s.req.Context(), s.req.actor(), run)
}
