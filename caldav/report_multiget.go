package caldav

import (
	"net/http"
	"strings"

	"convene/acl"
	"convene/internal/webdav"
	"convene/snapshot"
	"convene/store"
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
	q := queryProperties(ask.PropfindRequest, r)
	if q.data, err = calendarDataOf(r, ask.Props); err != nil {
		return nil, err
	}
	if err := h.checkReach(r, q.data.timeRanges()); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		g := &multiget{s: s, q: q, self: s.resource(), ms: h.multistatus(), collections: map[string]*resource{}}
		g.root, g.count = r.target.homePath(), len(ask.Hrefs)
		g.below = strings.TrimPrefix(g.self.dir+g.self.name, g.root)
		g.snapshots, g.told = map[store.CollectionID]*snapshot.Snapshot{}, make(map[string]bool, len(ask.Hrefs))
		if err := g.run(ask.Hrefs); err != nil {
			return nil, err
		}
		return applied(g.ms.Response(), webdav.ParsePrefer(r.Header)), nil
	}, nil
}

// multiget is a calendar-multiget being served.
type multiget struct {
	s           *scope
	q           *propertyRequest
	self        *resource
	ms          *webdav.Multistatus
	member      resource // being written; used again for each
	root        string   // path of the home
	below       string   // where in it the request's own resource is
	count       int      // of hrefs
	collections map[string]*resource
	snapshots   map[store.CollectionID]*snapshot.Snapshot
	told        map[string]bool // paths, and hrefs that have none
}

// run serves the hrefs, as many as one response may hold; that there are more is
// told as in a query (RFC 4791 §7.9).
func (g *multiget) run(hrefs []string) error {
	for i, href := range hrefs {
		if i == g.s.h.Limits.Results {
			g.ms.ResponseStatus(g.self.dir+g.self.name, http.StatusInsufficientStorage, &webdav.Error{Condition: webdav.CondNumberOfMatches})
			return nil
		}
		if err := g.one(href); err != nil {
			return err
		}
	}
	return nil
}

// one serves one href: with the object's properties, or 404. Hrefs outside
// what the request addresses are 404 as well (RFC 4791 §7.9). One that has been served is
// passed over: none is in a multistatus twice (RFC 4918 §14.24).
func (g *multiget) one(href string) error {
	path, err := webdav.ParseHref(href, g.s.req.Host)
	if err != nil {
		if !g.told[href] {
			g.told[href] = true
			g.ms.ResponseStatusURI(href, http.StatusBadRequest)
		}
		return nil
	}
	if g.told[path] {
		return nil
	}
	g.told[path] = true
	rest, below := g.inHome(path)
	collection, name, ok := strings.Cut(rest, "/")
	if !below || !ok || collection == homeFiles || name == "" || strings.Contains(name, "/") || !strings.HasPrefix(rest, g.below) {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	col, err := g.collection(collection)
	if err != nil {
		return err
	}
	if col == nil {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	entry, err := g.entry(col.col, name)
	if err != nil {
		return err
	}
	if entry == nil {
		g.ms.ResponseStatus(path, http.StatusNotFound, nil)
		return nil
	}
	r := &g.member
	*r = *col
	if !g.s.member(r, entry) {
		g.ms.ResponseStatus(path, http.StatusForbidden, g.s.req.refusal(g.s.h, path, acl.Read))
		return nil
	}
	r.dir = strings.TrimSuffix(path, name) // as the client wrote it
	return g.q.write(g.s, g.ms, r)
}

// manyHrefs is from how many hrefs on a snapshot of the collection is worth
// having: it reads from memory, but may have to be built first.
const manyHrefs = 32

// entry is the index entry of an object, nil if there is none.
func (g *multiget) entry(col *store.Collection, name string) (*store.Entry, error) {
	if g.count < manyHrefs {
		return g.s.tx.Entry(col, name)
	}
	snap := g.snapshots[col.ID]
	if snap == nil {
		var err error
		if snap, err = g.s.tx.Snapshot(col); err != nil {
			return nil, err
		}
		g.snapshots[col.ID] = snap
	}
	return snap.Lookup(name), nil
}

// inHome is what follows the home in a path that leads into it: in the form of
// the request, or in the other (decision 0006).
func (g *multiget) inHome(path string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(path, g.root); ok {
		return rest, true
	}
	t, err := parseTarget(webdav.EscapePath(path))
	if err != nil || t.kind != kindMissing || !t.names(g.s.req.target.owner) {
		return "", false
	}
	return strings.CutPrefix(path, t.homePath())
}

// collection is a collection of the home by name, looked up once; nil if there is
// none that the caller may read.
func (g *multiget) collection(name string) (*resource, error) {
	if r, ok := g.collections[name]; ok || name == homeFiles {
		return r, nil
	}
	r, err := g.s.readableNamed(name, acl.Read)
	if err == nil {
		g.collections[name] = r
	}
	return r, err
}
