package caldav

import (
	"net/http"

	"convene/acl"
	"convene/directory"
	"convene/internal/header"
	"convene/internal/webdav"
	"convene/store"
)

// propfind serves PROPFIND (RFC 4918 §9.1) with Depth 0 and 1. Infinity, which is
// what no header means, is 403 DAV:propfind-finite-depth but for records and
// objects: there it is no more than 1, and clients leave the header out.
func (h *Handler) propfind(r *request) (action, error) {
	depth, err := webdav.ParseDepth(r.Header, webdav.DepthInfinity)
	if err != nil {
		return nil, err
	}
	if depth == webdav.DepthInfinity {
		if r.target.kind&(principals|kindObject) == 0 {
			return nil, precondition(webdav.DAV("propfind-finite-depth"))
		}
		depth = webdav.Depth1
	}
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	ask, err := webdav.ParsePropfind(body)
	if err != nil {
		return nil, err
	}
	prefer := webdav.ParsePrefer(r.Header)
	q := &propertyRequest{names: ask.Props, all: ask.AllProp, include: ask.Include, only: ask.PropName, minimal: prefer.Return == webdav.ReturnMinimal}
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
		self := s.resource()
		if err := s.checkStates(self); err != nil {
			return nil, err
		}
		if resp := s.notModified(self); resp != nil {
			return resp, nil
		}
		ms := h.multistatus()
		if !prefer.DepthNoroot || depth == webdav.Depth0 {
			if err := q.write(s, ms, self); err != nil {
				return nil, err
			}
		}
		if depth == webdav.Depth1 {
			if err := s.eachMember(self, listed, func(r *resource) error { return q.write(s, ms, r) }); err != nil {
				return nil, err
			}
		}
		resp := applied(ms.Response(), prefer)
		// OPTIONS has to say it (RFC 4918 §10.1). Nextcloud's library looks for it where it
		// finds the principal, and fails without. In homes Apple's server does not say it.
		if self.kind&inHome == 0 {
			resp.Header["Dav"] = []string{davClasses}
		}
		if self.kind&inHome != 0 {
			resp.Header["Etag"] = []string{self.etag()}
			resp.Header["Last-Modified"] = []string{httpTime(self.modified())}
		}
		return resp, nil
	}, nil
}

// applied tells the client which of its preferences were honoured (RFC 7240 §3).
func applied(resp *webdav.Response, prefer webdav.Prefer) *webdav.Response {
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if value := prefer.Applied(); value != "" {
		resp.Header.Set("Preference-Applied", value)
	}
	resp.Header.Add("Vary", "Prefer")
	return resp
}

// notModified serves If-Modified-Since on a PROPFIND: clients that poll a
// collection save the body.
func (s *scope) notModified(r *resource) *webdav.Response {
	since := header.Get(s.req.Header, "If-Modified-Since")
	if since == "" || r.kind&inHome == 0 {
		return nil
	}
	t, err := http.ParseTime(since)
	if err != nil || r.modified().Unix() > t.Unix() {
		return nil
	}
	return &webdav.Response{Status: http.StatusNotModified, Header: http.Header{"ETag": {r.etag()}}}
}

// resource is the target itself.
func (s *scope) resource() *resource {
	t := &s.req.target
	r := &resource{kind: s.kind, owner: t.owner, home: s.home, col: s.col, object: s.object, privileges: s.privileges()}
	switch {
	case t.kind == kindPrincipal:
		r.dir = t.principalPath()
	case t.kind == kindProxyGroup:
		r.dir = t.principalPath() + t.collection + "/"
	case t.kind&shared != 0:
		r.dir = t.sharedPath()
	case t.collection == "":
		r.dir = t.homePath()
	case s.kind == kindFreeBusyURL:
		r.dir, r.name = t.homePath(), t.collection
	default:
		r.dir, r.name = t.collectionPath(t.collection), t.object
	}
	return r
}

// targetHome is the home that the target is or lies in, under the URL that the
// client used.
func (s *scope) targetHome() *resource {
	t := &s.req.target
	return &resource{kind: kindHome, dir: t.homePath(), owner: t.owner, home: s.home}
}

// collectionResource is a collection of the target's home.
func (s *scope) collectionResource(c *store.Collection) *resource {
	return s.collectionIn(s.targetHome(), c)
}

// collectionIn is a collection of a home.
func (s *scope) collectionIn(home *resource, c *store.Collection) *resource {
	r := &resource{kind: kinds[c.Kind], dir: home.dir + c.Name + "/", owner: home.owner, home: home.home, col: c}
	switch {
	case c.Name == homeFiles:
		r.dir = home.dir
	case r.kind == kindFreeBusyURL:
		r.dir, r.name = home.dir, c.Name
	}
	r.privileges = s.rights(r)
	return r
}

// eachMember calls fn for what Depth: 1 adds: the members of a collection, the
// collections of a home, or the fixed places of the URL space. The resource is
// reused between calls.
func (s *scope) eachMember(self *resource, listed []*directory.Principal, fn func(*resource) error) error {
	switch {
	case self.kind&shared != 0:
		return s.eachShared(self, listed, fn)
	case self.kind == kindPrincipal:
		return s.eachProxyGroup(self, fn)
	case self.kind == kindHome:
		for r, err := range s.readable(acl.Read) {
			switch {
			case err != nil:
			case r.col.Name == homeFiles:
				err = s.eachObject(r, fn)
			default:
				err = fn(r)
			}
			if err != nil {
				return err
			}
		}
	case self.kind&collections != 0 && self.kind != kindFreeBusyURL:
		return s.eachObject(self, fn)
	}
	return nil
}

func (s *scope) eachObject(self *resource, fn func(*resource) error) error {
	snap, err := s.tx.Snapshot(self.col)
	if err != nil {
		return err
	}
	r := *self
	for entry := range snap.All() {
		if !s.member(&r, entry) {
			continue
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) eachProxyGroup(self *resource, fn func(*resource) error) error {
	if !self.owner.CalendarEnabled {
		return nil
	}
	for _, name := range []string{"calendar-proxy-read", "calendar-proxy-write"} {
		r := *self
		r.kind, r.dir = kindProxyGroup, self.dir+name+"/"
		r.privileges = s.rights(&r)
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

// eachShared lists the places above the homes and records. Homes themselves are
// never listed; records are, if the limits allow it.
func (s *scope) eachShared(self *resource, listed []*directory.Principal, fn func(*resource) error) error {
	child := func(k kind, name string) error {
		return fn(&resource{kind: k, dir: self.dir + name + "/", privileges: self.privileges})
	}
	switch self.kind {
	case kindRoot:
		if err := child(kindPrincipals, "principals"); err != nil {
			return err
		}
		return child(kindHomes, "calendars")
	case kindPrincipals, kindHomes:
		below := kindPrincipalType
		if self.kind == kindHomes {
			below = kindHomeType
		}
		for _, form := range typeForms {
			if err := child(below, form); err != nil {
				return err
			}
		}
	case kindPrincipalType:
		for _, p := range listed {
			r := &resource{kind: kindPrincipal, owner: p, dir: self.dir + p.Name + "/"}
			r.privileges = s.rights(r)
			if err := fn(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// listsPrincipals reports whether the caller may see who is there without asking for
// somebody.
func (h *Handler) listsPrincipals(r *request) bool {
	return h.Limits.ListPrincipals || h.Access.IsAdministrator(aclCaller(r.caller))
}

// listedFor reads the records that are members of the target, up to the search
// limit.
func (h *Handler) listedFor(r *request) ([]*directory.Principal, error) {
	if r.target.kind != kindPrincipalType || r.target.form == uidsForm {
		return nil, nil
	}
	if !h.listsPrincipals(r) {
		return nil, &webdav.Error{Status: http.StatusForbidden, Description: "principals are not listed here; search for them"}
	}
	return h.search(r.Context(), directory.Query{Types: []directory.Type{r.target.typ}, Limit: h.Limits.SearchResults})
}
