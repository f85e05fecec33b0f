package caldav

import (
	"net/http"
	"strings"

	"convene/webdav"
)

// reportMultiget serves calendar-multiget (RFC 4791 §7.9): the objects whose
// hrefs are given, each looked up by its key.
func (h *Handler) reportMultiget(r *request, body *webdav.Element) (action, error) {
	ask, err := webdav.ParseMultiget(body)
	if err != nil {
		return nil, err
	}
	if len(ask.Hrefs) == 0 {
		return nil, webdav.BadRequest("calendar-multiget has hrefs")
	}
	if len(ask.Hrefs) > h.Limits.Results {
		return nil, precondition(webdav.CondNumberOfMatches)
	}
	q := queryProperties(ask.PropfindRequest, r)
	if q.data, err = calendarDataOf(r, ask.Props); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		g := &multiget{s: s, q: q, self: s.resource(), ms: h.multistatus(), collections: map[string]*resource{}}
		g.root = r.target.homePath()
		for _, href := range ask.Hrefs {
			if err := g.one(href); err != nil {
				return nil, err
			}
		}
		return applied(h.finished(g.ms), webdav.ParsePrefer(r.Header)), nil
	}, nil
}

// multiget is a calendar-multiget being answered.
type multiget struct {
	s           *scope
	q           *propertyRequest
	self        *resource
	ms          *webdav.Multistatus
	root        string // path of the home
	collections map[string]*resource
}

// one answers one href: with the object's properties, or 404. Hrefs outside
// what the request addresses are 404 as well (RFC 4791 §7.9).
func (g *multiget) one(href string) error {
	path, err := webdav.ParseHref(href, g.s.req.Host)
	if err != nil {
		g.ms.ResponseStatus(href, http.StatusBadRequest, nil)
		return nil
	}
	rest, below := strings.CutPrefix(path, g.root)
	collection, name, ok := strings.Cut(rest, "/")
	if !below || !ok || name == "" || strings.Contains(name, "/") || !g.within(path) {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	col := g.collection(collection)
	if col == nil {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	entry, err := g.s.entry(col.col, name)
	if err != nil {
		return err
	}
	if entry == nil {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	r := *col
	r.kind, r.object, r.name = kindObject, entry, name
	return g.q.write(g.s, g.ms, &r)
}

// within reports whether a path lies below the request's own resource.
func (g *multiget) within(path string) bool {
	return strings.HasPrefix(path, g.self.dir+g.self.name)
}

// collection is a collection of the home by name, looked up once.
func (g *multiget) collection(name string) *resource {
	if r, ok := g.collections[name]; ok {
		return r
	}
	var r *resource
	if col, err := g.s.tx.Collection(g.s.home.ID, name); err == nil {
		r = g.s.collectionResource(col)
	}
	g.collections[name] = r
	return r
}
