package caldav

import (
	"errors"
	"iter"
	"net/http"

	"convene/acl"
	"convene/auth"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// asks is the caller as package acl needs to know them, with whom they act for.
func (r *request) asks() acl.Caller {
	c := aclCaller(r.caller)
	c.Proxies = r.facts.proxies
	return c
}

// aclCaller is what package acl needs to know of a caller who acts for nobody.
func aclCaller(c *auth.Caller) acl.Caller {
	if c == nil || c.Principal == nil {
		return acl.Caller{}
	}
	return acl.Caller{GUID: c.Principal.GUID, Groups: c.Groups}
}

// aclOwner is what package acl needs to know of an owner, who may be nil.
func aclOwner(p *directory.Principal) acl.Owner {
	if p == nil {
		return acl.Owner{}
	}
	return acl.Owner{GUID: p.GUID, Group: p.Type == directory.Group}
}

// belowHome are the kinds of what the store may hold in a home, and of a place
// there where it holds nothing.
const belowHome = collections | kindObject | kindMissing

// access is the kind of resource that rights are taken of.
func (k kind) access() acl.Kind {
	switch k {
	case kindPrincipal:
		return acl.Record
	case kindProxyGroup:
		return acl.ProxyGroup
	case kindHome:
		return acl.Home
	case kindCalendar:
		return acl.Calendar
	case kindCollection:
		return acl.Collection
	case kindInbox:
		return acl.Inbox
	case kindOutbox:
		return acl.Outbox
	case kindNotifications:
		return acl.Notifications
	case kindDropbox:
		return acl.Dropbox
	case kindFreeBusyURL:
		return acl.FreeBusyURL
	case kindObject:
		return acl.Object
	case kindMissing:
		return acl.Missing
	}
	return acl.Shared
}

// listed is the resource whose access control list holds for r: its own, or for an
// object that of the collection that it is in.
func (r *resource) listed() acl.Resource {
	kind := r.kind
	switch {
	case r.col != nil && r.col.Name == homeFiles:
		kind = kindHome
	case r.col != nil:
		kind = kinds[r.col.Kind]
	}
	listed := acl.Resource{Kind: kind.access(), Owner: aclOwner(r.owner)}
	if r.col != nil && kind != kindHome {
		listed.Collection = uint32(r.col.ID)
	}
	return listed
}

// acl is the access control list that holds for r.
func (s *scope) acl(r *resource) []acl.ACE { return s.h.Access.List(r.listed()) }

// rights is what the caller may do to r. What is in a collection has its rights,
// which are found out once for each.
func (s *scope) rights(r *resource) acl.Privilege {
	if r.col == nil {
		return s.evaluate(r.listed())
	}
	if s.last.collection == r.col.ID {
		return s.last.granted
	}
	granted, ok := s.granted[r.col.ID]
	if !ok {
		granted = s.evaluate(r.listed())
	}
	if s.last.collection != 0 { // most requests are about one collection, and need no map
		set(&s.granted, s.last.collection, s.last.granted)
	}
	s.last = grant{r.col.ID, granted}
	return granted
}

// evaluate is what the caller may do to what has a list, with whom they act for.
func (s *scope) evaluate(r acl.Resource) acl.Privilege {
	if r.Owner.GUID != "" && (r.Kind == acl.ProxyGroup || r.Kind >= acl.Home) {
		s.actsFor(r.Owner.GUID)
	}
	return s.h.Access.Privileges(r, s.req.asks())
}

// A grant is what the caller may do to a collection.
type grant struct {
	collection store.CollectionID
	granted    acl.Privilege
}

// rightsIn is what the caller may do to a collection in the home of owner, or to
// the home itself if col is nil.
func (s *scope) rightsIn(owner *directory.Principal, col *store.Collection) acl.Privilege {
	return s.rights(&resource{kind: kindHome, owner: owner, col: col})
}

// privileges is what the caller may do to the target. A place where nothing is has
// what it inherits from the collection that it is in (RFC 3744 §3).
func (s *scope) privileges() acl.Privilege {
	if t := &s.req.target; t.kind&(kindHome|belowHome) == 0 {
		return s.rights(&resource{kind: t.kind, owner: t.owner})
	}
	return s.rightsIn(s.req.target.owner, s.col)
}

// parentPrivileges is what the caller may do to the collection that the target is
// in, or would be.
func (s *scope) parentPrivileges() acl.Privilege {
	switch t := &s.req.target; {
	case t.kind&belowHome == 0:
		return s.rights(&resource{kind: kindRoot})
	case t.object == "":
		return s.rightsIn(t.owner, nil)
	default:
		return s.rightsIn(t.owner, s.col)
	}
}

// parentPath is the path of the collection that a place in a home is in.
func (t *target) parentPath() string {
	if t.object == "" {
		return t.homePath()
	}
	return t.collectionPath(t.collection)
}

// shown is the kind of the target that the caller is told of. To whom may read
// neither an object or an ordinary collection nor what it is in, it looks like a
// place where nothing is: the response must not tell whether it is there. That
// calendars are there is known from their free-busy times.
func (s *scope) shown() kind {
	const concealed = kindObject | kindCollection
	if s.kind&concealed != 0 && !s.privileges().Has(acl.Read) && !s.parentPrivileges().Has(acl.Read) {
		return kindMissing
	}
	return s.kind
}

// mayDo decides whether the caller may do what they ask of what the transaction
// sees at the target. It is the one check of a request's privileges; what a report
// or a bulk change needs besides has come from step one.
func (s *scope) mayDo(m method) error {
	if err := s.require(m.need); err != nil {
		return err
	}
	if missing := s.req.need &^ s.privileges(); missing != 0 {
		return s.h.refusal(s.req.URL.Path, missing)
	}
	if d := s.req.destination; d != nil {
		return s.mayAddAt(d)
	}
	return nil
}

func (s *scope) require(need acl.Requirement) error {
	if missing := need.Target &^ s.privileges(); missing != 0 {
		return s.h.refusal(s.req.URL.Path, missing)
	}
	if missing := need.Parent &^ s.parentPrivileges(); missing != 0 {
		return s.h.refusal(s.req.target.parentPath(), missing)
	}
	return nil
}

// mayAddAt refuses a destination of COPY or MOVE if the caller may not add to the
// collection there. What it takes to replace something, the method asks itself.
func (s *scope) mayAddAt(d *destination) error {
	_, col, err := d.in(s.tx)
	if err != nil {
		return err
	}
	if d.object == "" {
		col = nil
	}
	if !s.rightsIn(d.owner, col).Has(acl.Bind) {
		return s.h.refusal(d.parentPath(), acl.Bind)
	}
	return nil
}

// serve is step two of a request: it finds the row of the method table for what is
// at the target now, asks for the privileges that this names, and acts. A nil act
// is one that step one had no reason to prepare.
func (s *scope) serve(act action) (*webdav.Response, error) {
	shown := s.shown()
	table := s.h.table(shown, &s.req.target)
	m, ok := table[s.req.Method]
	_, routed := s.h.table(s.req.target.kind, &s.req.target)[s.req.Method]
	switch {
	case !ok && routed && shown == s.kind:
		return nil, errReplaced
	case !ok:
		if err := protects(shown, s.req.Method); err != nil {
			return nil, err
		}
		return notAllowed(table), nil
	}
	if err := s.mayDo(m); err != nil {
		return nil, err
	}
	if shown != s.kind { // and the place takes from the caller what they may not see there
		real, ok := s.h.table(s.kind, &s.req.target)[s.req.Method]
		if !ok {
			return notAllowed(s.h.methods[s.kind]), nil
		}
		if err := s.require(real.need); err != nil {
			return nil, err
		}
	}
	if resp := s.redirectToSlash(); resp != nil {
		return resp, nil
	}
	if act == nil {
		return nil, errReplaced
	}
	return act(s)
}

// errReplaced ends a request whose target has become another kind of resource
// since it was routed, with other methods or other rights.
var errReplaced = &webdav.Error{Status: http.StatusConflict, Description: "the resource has just been replaced by another"}

// hopeless reports whether the URL alone proves that the transaction will refuse a
// request: what it needs, the caller has on nothing that may be there. Of a
// principal or a home the URL says what it is; below a home it is one of the kinds
// of which Policy.Most knows all. Then nothing is read or looked up for the
// request, and the transaction is only asked how to refuse it.
func (h *Handler) hopeless(r *request, t *target, need acl.Privilege) bool {
	var most acl.Privilege
	if t.kind&belowHome != 0 {
		most = h.Access.Most(aclOwner(t.owner), r.asks())
	} else {
		most = h.Access.Privileges(acl.Resource{Kind: t.kind.access(), Owner: aclOwner(t.owner)}, r.asks())
	}
	return !most.Has(need)
}

// readable yields the collections of the target's home on which the caller has the
// privilege, by name; the files in the home itself are one of them. Whatever looks
// at a whole home looks at it through here.
func (s *scope) readable(need acl.Privilege) iter.Seq2[*resource, error] {
	return s.readableIn(s.targetHome(), need)
}

// readableIn is readable for any home.
func (s *scope) readableIn(home *resource, need acl.Privilege) iter.Seq2[*resource, error] {
	return func(yield func(*resource, error) bool) {
		cols, err := s.tx.Collections(home.home.ID)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, c := range cols {
			if r := s.collectionIn(home, c); r.privileges.Has(need) && !yield(r, nil) {
				return
			}
		}
	}
}

// readableNamed is the collection of that name in the target's home, nil if there
// is none on which the caller has the privilege.
func (s *scope) readableNamed(name string, need acl.Privilege) (*resource, error) {
	col, err := s.tx.Collection(s.home.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := s.collectionResource(col)
	if !r.privileges.Has(need) {
		return nil, nil
	}
	return r, nil
}
