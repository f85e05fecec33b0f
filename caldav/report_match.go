package caldav

import (
	"errors"
	"net/http"

	"convene/acl"
	"convene/directory"
	"convene/internal/webdav"
)

// reportPrincipalMatch serves principal-match (RFC 3744 §9.3): which of the
// principals here the caller is, themselves or through a group; or what here is
// theirs, by DAV:owner.
func (h *Handler) reportPrincipalMatch(r *request, body *webdav.Element) (action, error) {
	if err := depthZero(r); err != nil {
		return nil, err
	}
	ask, err := webdav.ParsePrincipalMatch(body)
	if err != nil {
		return nil, err
	}
	q := queryProperties(webdav.PropfindRequest{Props: ask.Props}, r)
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		m := &match{s: s, q: q, ms: h.multistatus(), owned: !ask.Self}
		if ask.Self || ask.Property == webdav.DAV("owner") { // no other property names a principal that matches
			m.mine = s.matching()
		}
		err := m.run()
		if errors.Is(err, errFull) {
			m.ms.ResponseStatus(r.URL.Path, http.StatusInsufficientStorage, &webdav.Error{Condition: webdav.CondNumberOfMatches})
			err = nil
		}
		return applied(m.ms.Response(), webdav.ParsePrefer(r.Header)), err
	}, nil
}

// matching are the records that match the caller: their own and those of their
// groups.
func (s *scope) matching() []*directory.Principal {
	found := []*directory.Principal{s.req.caller.Principal}
	for _, guid := range s.req.caller.Groups {
		if group := s.recordByGUID(guid); group != nil {
			found = append(found, group)
		}
	}
	return found
}

// A match is a principal-match report being served.
type match struct {
	s     *scope
	q     *propertyRequest
	ms    *webdav.Multistatus
	mine  []*directory.Principal
	owned bool // asked for is what is the caller's, not what they are
	count int
}

// homesOf reports whether resources in homes are members of a kind of resource,
// and asked for.
func (m *match) homesOf(k kind) bool {
	return m.owned && m.mine != nil && k&(kindRoot|kindHomes|kindHomeType|kindHome) != 0
}

func (m *match) run() error {
	if err := m.records(); err != nil || m.owned {
		return err
	}
	return m.proxyGroups()
}

// proxyGroups tells of the groups of delegates that the caller is a member of (RFC 3744
// §9.3: "or a member of a group").
func (m *match) proxyGroups() error {
	t := &m.s.req.target
	if t.kind&(kindRoot|kindPrincipals|kindPrincipalType|kindPrincipal) == 0 {
		return nil
	}
	list, err := m.s.delegators(m.s.req.caller.Principal.GUID)
	if err != nil {
		return err
	}
	for _, d := range list {
		p := m.s.recordByGUID(d.GUID)
		if t.kind == kindPrincipalType && t.form != uidsForm && p.Type != t.typ || t.owner != nil && p.GUID != t.owner.GUID {
			continue
		}
		r := &resource{kind: kindProxyGroup, dir: m.dirOf(p) + proxyGroups[d.Level] + "/", owner: p}
		r.privileges = m.s.rights(r)
		if err := m.tell(r); err != nil {
			return err
		}
	}
	return nil
}

// dirOf is the URL of a record: below the target, if that is the place of its type, of
// which it is then told as a member (RFC 3744 §9.3), and else the canonical one.
func (m *match) dirOf(p *directory.Principal) string {
	if t := &m.s.req.target; t.kind == kindPrincipalType && t.form != uidsForm {
		return t.sharedPath() + p.Name + "/"
	}
	return principalPath(p.GUID)
}

// records tells of the records that match.
func (m *match) records() error {
	t := &m.s.req.target
	for _, p := range m.mine {
		if t.kind&(kindPrincipalType|kindHomeType) != 0 && t.form != uidsForm && p.Type != t.typ ||
			t.owner != nil && p.GUID != t.owner.GUID {
			continue
		}
		if t.kind&(kindRoot|kindPrincipals|kindPrincipalType|kindPrincipal) != 0 {
			if err := m.principal(p); err != nil {
				return err
			}
		}
		if m.homesOf(t.kind) && p.CalendarEnabled {
			if err := m.home(p); err != nil {
				return err
			}
		}
		if m.owned && t.kind&collections != 0 {
			if err := m.s.eachObject(m.s.resource(), m.tell); err != nil {
				return err
			}
		}
	}
	return nil
}

// principal tells of a record, and as an owner of its proxy groups.
func (m *match) principal(p *directory.Principal) error {
	self := m.s.principalResource(p)
	self.dir = m.dirOf(p)
	if err := m.tell(self); err != nil || !m.owned {
		return err
	}
	return m.s.eachProxyGroup(self, m.tell)
}

// home tells of the home of p, and of all that is in it, as far as the caller may
// read it.
func (m *match) home(p *directory.Principal) error {
	self := &resource{kind: kindHome, dir: homePath(p.GUID), owner: p}
	asked := m.s.req.target.kind == kindHome // then its members are
	if asked {
		self.dir = m.s.req.target.homePath()
	}
	if self.privileges = m.s.rights(self); !self.privileges.Has(acl.Read) {
		return nil
	}
	var err error
	if self.home, err = homeOf(m.s.tx, p); err != nil {
		if _, none := errors.AsType[*lack](err); none && p.GUID != m.s.req.caller.Principal.GUID {
			return nil // a group's home is made when somebody uses it
		}
		return err
	}
	if err := m.s.presents(self.home, p); err != nil {
		return err
	}
	if !asked {
		if err := m.tell(self); err != nil {
			return err
		}
	}
	for r, err := range m.s.readableIn(self, acl.Read) {
		if err == nil && r.col.Name != homeFiles {
			err = m.tell(r)
		}
		if err == nil && r.kind != kindFreeBusyURL {
			err = m.s.eachObject(r, m.tell)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *match) tell(r *resource) error {
	if m.count++; m.count > m.s.h.Limits.Results {
		return errFull
	}
	return m.q.write(m.s, m.ms, r)
}
