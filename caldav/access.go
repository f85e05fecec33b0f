package caldav

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"convene/acl"
	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// asks is the caller as package acl needs to know them, with whom they act for.
func (r *request) asks() acl.Caller {
	c := aclCaller(r.caller)
	c.Proxies = r.proxies
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
	return acl.Owner{
		GUID: p.GUID, Group: p.Type == directory.Group, Members: membersMay[p.CalendarAccess],
		Room: p.Type == directory.Location || p.Type == directory.Resource,
	}
}

// membersMay is what the record of a group lets its members do with its calendars.
var membersMay = map[string]acl.Privilege{
	directory.CalendarAccessRead: acl.Read, directory.CalendarAccessReadWrite: acl.Read | acl.Write,
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

// reach is how far somebody has to be let look without signing in to see what is of a
// kind; acl.Nowhere: it is not for them.
func (k kind) reach() acl.Reach {
	switch k {
	case kindRoot, kindPrincipals:
		return acl.Root
	case kindHomes, kindHomeType:
		return acl.Hierarchy
	}
	return acl.Nowhere
}

// ForAnyone reports whether a request may be answered to somebody who has not signed in:
// it looks at what the configuration lets anyone look at.
func (h *Handler) ForAnyone(r *http.Request) bool {
	if h.Access.Anyone == acl.Nowhere || r.Method == "REPORT" || !reads(r.Method) {
		return false
	}
	t, err := parseTarget(r.URL.EscapedPath())
	if err != nil {
		return false
	}
	within := t.kind.reach()
	return within != acl.Nowhere && within <= h.Access.Anyone
}

// listed is r as package acl knows it, but for the lists that were set: an object
// is of the kind of the collection that it is in.
func (r *resource) listed() acl.Resource {
	listed := acl.Resource{Kind: r.kind.access(), Owner: aclOwner(r.owner), Member: r.object != nil, Within: r.kind.reach()}
	switch {
	case r.col == nil:
	case r.col.Name == homeFiles:
		listed.Kind = acl.Home
	default:
		listed.Kind, listed.Collection = kinds[r.col.Kind].access(), uint32(r.col.ID)
	}
	return listed
}

// listed is r with the lists that were set on it and above it, and with what else
// decides about it.
func (s *scope) listed(r *resource) acl.Resource {
	listed := r.listed()
	switch {
	case r.object != nil:
		listed.Own, listed.Above = s.aces(r.col, r.object.Name), s.aces(r.col, "")
		listed.Denied = s.denied(r.object)
	case r.col != nil && r.col.Name != homeFiles:
		listed.Own = s.aces(r.col, "")
	}
	s.complete(&listed)
	return listed
}

// complete adds what it takes from the directory to decide about a resource, and
// notes whom the caller may act for.
func (s *scope) complete(r *acl.Resource) {
	owner := r.Owner.GUID
	if owner == "" || r.Kind < acl.Home && r.Kind != acl.ProxyGroup {
		return
	}
	s.actsFor(owner)
	if s.h.Access.FreeBusy != acl.InGroup || r.Kind != acl.Calendar && r.Kind != acl.FreeBusyURL {
		return
	}
	r.OwnerGroups = s.groups(owner)
	if r.Owner.Group {
		r.OwnerGroups = append(slices.Clone(r.OwnerGroups), owner)
	}
}

// aces is the list that was set on a collection, or on an object in it. One that
// cannot be read ends the request (see outcome): nobody knows whom it denies what.
func (s *scope) aces(col *store.Collection, object string) []acl.ACE {
	return s.decodeACL(col, object, s.tx.ACL(col, object))
}

func (s *scope) decodeACL(col *store.Collection, object string, value []byte) []acl.ACE {
	list, err := acl.Decode(value)
	if err != nil {
		s.fault = fmt.Errorf("list of collection %d, %q: %w: %w", col.ID, object, store.ErrCorrupt, err)
	}
	for _, a := range list {
		if f := a.Principal.Form; f == acl.ProxyReader || f == acl.ProxyWriter {
			s.actsFor(a.Principal.GUID)
		}
	}
	return list
}

// outcome is what a transaction ends with, if err is what its action did: an action
// that lacked facts, or could not read a list, has done nothing that counts.
func (s *scope) outcome(err error) error {
	switch {
	case s.fault != nil:
		return s.fault
	case !s.lack.nothing():
		return &s.lack
	}
	return err
}

// acl is the access control list that holds for r.
func (s *scope) acl(r *resource) []acl.ACE { return s.h.Access.List(s.listed(r)) }

// rights is what the caller may do to r. What it is in a collection is found out
// once for that and all members without a list of their own of which nothing is kept
// from others.
func (s *scope) rights(r *resource) acl.Privilege {
	if r.col == nil || s.denied(r.object) != acl.None {
		return s.evaluate(s.listed(r))
	}
	g := s.grantIn(r)
	switch {
	case r.object == nil:
		return g.granted
	case r.col.Rights.Objects == 0:
		return g.members
	case r.object == s.object && g.objects == nil: // most often one is asked about
		if s.tx.ACL(r.col, r.object.Name) == nil {
			return g.members
		}
		return s.evaluate(s.listed(r))
	}
	if g.objects == nil {
		g.objects = s.objectRights(r)
	}
	if own, ok := g.objects[r.object.Name]; ok {
		return own
	}
	return g.members
}

// objectRights is what the caller may do to those objects of r's collection that
// have lists of their own.
func (s *scope) objectRights(r *resource) map[string]acl.Privilege {
	all := make(map[string]acl.Privilege, r.col.Rights.Objects)
	listed := (&resource{kind: r.kind, owner: r.owner, col: r.col, object: &store.Entry{}}).listed()
	listed.Above = s.aces(r.col, "")
	s.complete(&listed)
	for name, value := range s.tx.ObjectACLs(r.col) {
		listed.Own = s.decodeACL(r.col, name, value)
		all[name] = s.h.Access.Privileges(listed, s.req.asks())
	}
	return all
}

// grantIn is what the caller may do in the collection of r.
func (s *scope) grantIn(r *resource) *grant {
	if s.last.collection == r.col.ID {
		return &s.last
	}
	if s.last.collection != 0 { // most requests are about one collection, and need no map
		set(&s.granted, s.last.collection, s.last)
	}
	g, ok := s.granted[r.col.ID]
	if !ok {
		g = s.newGrant(r)
	}
	s.last = g
	return &s.last
}

func (s *scope) newGrant(r *resource) grant {
	collection := resource{kind: r.kind, owner: r.owner, col: r.col}
	listed := s.listed(&collection)
	g := grant{collection: r.col.ID, granted: s.evaluate(listed)}
	g.members = g.granted
	// What is in a collection has the same rights as it, but for whom a list was set.
	if r.col.Rights.Own {
		listed.Member, listed.Own, listed.Above = true, nil, listed.Own
		g.members = s.evaluate(listed)
	}
	return g
}

// evaluate is what the caller may do to what has a list, with whom they act for.
func (s *scope) evaluate(r acl.Resource) acl.Privilege {
	return s.h.Access.Privileges(r, s.req.asks())
}

// A grant is what the caller may do to a collection and what is in it.
type grant struct {
	collection store.CollectionID
	granted    acl.Privilege
	members    acl.Privilege            // without a list of their own
	objects    map[string]acl.Privilege // with one, by name; nil: not asked for yet
}

// rightsIn is what the caller may do to a collection in the home of owner, or to
// the home itself if col is nil.
func (s *scope) rightsIn(owner *directory.Principal, col *store.Collection) acl.Privilege {
	return s.rights(&resource{kind: kindHome, owner: owner, col: col})
}

// member makes r, which is a collection or a member of it, that of an object of the
// same collection. It reports whether the caller may read it: what they may not
// read is left out of every listing.
func (s *scope) member(r *resource, e *store.Entry) bool {
	r.kind, r.object, r.name = kindObject, e, e.Name
	r.privileges = s.rights(r)
	return r.privileges.Has(acl.Read)
}

// showsAll reports whether the caller may read everything in the collection of r.
func (s *scope) showsAll(r *resource) bool {
	g := s.grantIn(r)
	if r.col.Rights.Objects > 0 && g.objects == nil {
		g.objects = s.objectRights(r)
	}
	for _, p := range g.objects {
		if !p.Has(acl.Read) {
			return false
		}
	}
	return g.members.Has(acl.Read) || r.col.Objects == len(g.objects)
}

// privileges is what the caller may do to the target. A place where nothing is has
// what it inherits from the collection that it is in (RFC 3744 §3).
func (s *scope) privileges() acl.Privilege {
	if s.judged {
		return s.own
	}
	t := &s.req.target
	self := resource{kind: t.kind, owner: t.owner}
	if t.kind&(kindHome|belowHome) != 0 {
		self = resource{kind: kindHome, owner: t.owner, col: s.col, object: s.object}
	}
	s.own, s.judged = s.rights(&self), true
	return s.own
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
// calendars are there is known from their free-busy times. Who has been granted
// what they ask for, without reading, is told.
func (s *scope) shown() kind {
	const concealed = kindObject | kindCollection
	if s.kind&concealed == 0 || s.privileges().Has(acl.Read) || s.parentPrivileges().Has(acl.Read) {
		return s.kind
	}
	m, ok := s.h.table(s.kind, &s.req.target)[s.req.Method]
	if ok && m.need != (acl.Requirement{}) && s.require(m.need) == nil {
		return s.kind
	}
	return kindMissing
}

// mayDo decides whether the caller may do what they ask of what the transaction
// sees at the target. It is the one check of a request's privileges; what a report
// or a bulk change needs besides has come from step one.
func (s *scope) mayDo(m method) error {
	err := s.mayAsk(m)
	if refused, ok := errors.AsType[*webdav.Error](err); ok && s.req.concealed && refused.Status == http.StatusForbidden {
		return &webdav.Error{Status: http.StatusNotFound, Err: err}
	}
	return err
}

// mayAsk is mayDo, which says it in another way where a place is concealed.
func (s *scope) mayAsk(m method) error {
	if err := s.require(m.need); err != nil {
		return err
	}
	if missing := s.privileges().Lacks(s.req.need); missing != acl.None {
		return s.req.refusal(s.h, s.req.URL.Path, missing)
	}
	if s.object != nil && s.req.Method != http.MethodOptions && !s.isShown(s.col, s.object) { // as to DELETE, which the collection decides about
		return s.req.refusal(s.h, s.req.URL.Path, acl.Read)
	}
	if d := s.req.destination; d != nil {
		return s.mayAddAt(d)
	}
	return nil
}

func (s *scope) require(need acl.Requirement) error {
	if missing := s.privileges().Lacks(need.Target); missing != acl.None {
		path := s.req.URL.Path
		if s.req.target.addMember { // RFC 5995 §5: it is the collection that they are needed on
			path = s.req.target.collectionPath(s.req.target.collection)
		}
		return s.req.refusal(s.h, path, missing)
	}
	if missing := s.parentPrivileges().Lacks(need.Parent); missing != acl.None {
		return s.req.refusal(s.h, s.req.target.parentPath(), missing)
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
		return s.req.refusal(s.h, d.parentPath(), acl.Bind)
	}
	return nil
}

// serve is step two of a request: it finds the row of the method table for what is
// at the target now, asks for the privileges that this names, and acts. A nil act
// is one that step one had no reason to prepare.
func (s *scope) serve(act action) (*webdav.Response, error) {
	if resp, err := s.admit(); resp != nil || err != nil {
		return resp, err
	}
	if resp := s.redirectToSlash(); resp != nil {
		return resp, nil
	}
	if act == nil {
		return nil, errReplaced
	}
	s.req.restricted = s.denied(s.object) != acl.None
	return act(s)
}

// admit decides whether what the request asks for is served at all: by its method, what
// is at the target, and the caller's rights. A response, or an error, says that it is not.
func (s *scope) admit() (*webdav.Response, error) {
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
	return nil, nil
}

// errReplaced ends a request whose target has become another kind of resource
// since it was routed, with other methods or other rights.
var errReplaced = &webdav.Error{Status: http.StatusConflict, Description: "the resource has just been replaced by another"}

// hopeless reports whether the transaction will refuse a request: what it needs,
// the caller has on nothing that may be there, by the URL, or on nothing that is
// there, by the lists that were set. Then nothing is read or looked up for the
// request, and the transaction is only asked how to refuse it. Errors: those of the
// directory and the store.
func (h *Handler) hopeless(r *request, t *target, need acl.Privilege) (bool, error) {
	if t.kind&belowHome == 0 {
		return !h.Access.Privileges(acl.Resource{Kind: t.kind.access(), Owner: aclOwner(t.owner), Within: t.kind.reach()}, r.asks()).Has(need), nil
	}
	if h.Access.May(aclOwner(t.owner), r.asks(), need) {
		return false, nil
	}
	granted, err := h.grantedAt(r, t)
	return !granted.Has(need), err
}

// grantedAt is what lists grant the caller now, on what is at a place in a home or
// on the collection that it is in. In a home that has not been made there are none.
func (h *Handler) grantedAt(r *request, t *target) (granted acl.Privilege, err error) {
	at := *r
	at.target, at.proxies = *t, nil
	err = h.supplied(r.Context(), &at, func() error {
		granted = acl.None
		return h.Calendars.View(r.Context(), h.actor(r), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, &at)
			if missing, ok := errors.AsType[*lack](err); ok && missing.home != nil {
				return nil
			}
			if err == nil {
				granted = s.privileges() | s.rightsIn(t.owner, s.col)
			}
			if s == nil {
				return err
			}
			return s.outcome(err)
		})
	})
	return granted, err
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
