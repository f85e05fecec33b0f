package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"convene/acl"
	"convene/audit"
	"convene/calendar"
	"convene/internal/webdav"
)

// setACL serves ACL (RFC 3744 §8.1): the entries in the body take the place of all
// that were set on the resource; those that are protected or inherited stay. What
// is refused is refused as a whole, for the first entry that is wrong.
func (h *Handler) setACL(r *request) (action, error) {
	body, err := h.readXML(r)
	malformed, ok := errors.AsType[*webdav.Error](err)
	if err != nil && (!ok || malformed.Status != http.StatusBadRequest) {
		return nil, err
	}
	// Whoever may not set a list hears of that first, and not of their mistakes in it.
	set := &newACL{malformed: err}
	if err == nil {
		set.asked, set.malformed = webdav.ParseACL(body)
	}
	if err := h.findACLPrincipals(r, set.asked); err != nil {
		return nil, err
	}
	if err := h.announceACL(r, set); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		list, err := set.judge(s, self)
		if err != nil {
			return nil, err
		}
		value, err := acl.Encode(list)
		if err != nil {
			return nil, err
		}
		at, _ := self.place() // the router has ACL for what is in a home alone
		return &webdav.Response{Status: http.StatusOK}, s.tx.SetList(at, value)
	}, nil
}

// A newACL is a list that somebody wants to set.
type newACL struct {
	asked     []webdav.ACE
	malformed error // the body is no list
}

// judge is the list as it would be kept, or why it cannot be set (RFC 3744 §8.1.1).
func (n *newACL) judge(s *scope, self *resource) ([]acl.ACE, error) {
	if n.malformed != nil {
		return nil, n.malformed
	}
	on := s.listed(self)
	list := make([]acl.ACE, 0, min(len(n.asked), acl.MaxEntries))
	for i := range n.asked {
		if i == acl.MaxEntries {
			return nil, webdav.Forbidden(webdav.CondLimitedNumberOfACEs, fmt.Sprintf("a list has at most %d entries", acl.MaxEntries))
		}
		a, err := s.judgeACE(on, &n.asked[i])
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// judgeACE makes an entry of what was asked for on a resource, or says which
// precondition it does not meet.
func (s *scope) judgeACE(on acl.Resource, asked *webdav.ACE) (a acl.ACE, err error) {
	if asked.Protected || asked.Inherited {
		return a, webdav.Forbidden(webdav.CondNoACEConflict, "protected and inherited entries are not set")
	}
	a.Grant = asked.Grant
	for _, name := range asked.Privileges {
		set, ok := on.Kind.Named(name)
		if !ok {
			return a, webdav.Forbidden(webdav.CondNotSupportedPrivilege, "there is no privilege "+name.Local+" here")
		}
		a.Privileges |= set
	}
	if a.Principal, err = s.acePrincipal(asked.Principal); err != nil {
		return a, err
	}
	if asked.Invert {
		return a, precondition(webdav.CondNoInvert)
	}
	with, conflict := s.h.Access.Conflict(on, a)
	switch {
	case !conflict:
		return a, nil
	case with.Inherited != acl.NotInherited:
		return a, webdav.Forbidden(webdav.CondNoInheritedACE, "the owner and their delegates keep their rights")
	}
	return a, webdav.Forbidden(webdav.CondNoProtectedACE, "administrators and readers keep their rights")
}

// forms are those that have an element of their own.
var forms = map[xml.Name]acl.Form{
	webdav.DAV("all"): acl.Everyone, webdav.DAV("authenticated"): acl.Authenticated,
	webdav.DAV("unauthenticated"): acl.Unauthenticated, webdav.DAV("self"): acl.Self,
}

// acePrincipal is whom an entry is about. Errors: DAV:recognized-principal,
// DAV:allowed-principal.
func (s *scope) acePrincipal(e *webdav.Element) (acl.Principal, error) {
	form, simple := forms[e.Name]
	switch {
	case e.Is(webdav.NameHref):
		return s.aceHref(e)
	case e.Is(webdav.DAV("property")):
		if !e.First().Is(webdav.DAV("owner")) {
			return acl.Principal{}, webdav.Forbidden(webdav.CondAllowedPrincipal, "DAV:owner is the only property that an entry can be about")
		}
		return acl.Principal{Form: acl.PropertyOwner}, nil
	case !simple:
		return acl.Principal{}, webdav.BadRequest("DAV:principal holds " + e.Name.Local)
	case form == acl.Everyone || form == acl.Unauthenticated:
		return acl.Principal{}, webdav.Forbidden(webdav.CondAllowedPrincipal, "everybody signs in here")
	}
	return acl.Principal{Form: form}, nil
}

// aceHref is the principal of a URL, which must be its DAV:principal-URL (RFC 3744
// §4.2): other URLs of it may come to be somebody else's.
func (s *scope) aceHref(e *webdav.Element) (acl.Principal, error) {
	t, ok := s.req.principalURL(e)
	if !ok {
		return acl.Principal{}, errNotRecognized
	}
	p := s.record(t.key())
	if p == nil {
		return acl.Principal{}, errNotRecognized
	}
	form := acl.Href
	for f, name := range proxyGroupNames {
		if f < acl.ProxyScheduler && name == t.collection {
			form = f
		}
	}
	return acl.Principal{Form: form, GUID: p.GUID}, nil
}

var errNotRecognized = webdav.Forbidden(webdav.CondRecognizedPrincipal, "an entry names a principal by its DAV:principal-URL")

// principalURL is the target of a DAV:href that may be the URL of a principal, or of
// one of its proxy groups, by GUID.
func (r *request) principalURL(e *webdav.Element) (target, bool) {
	path, err := webdav.ParseHref(e.TrimText(), r.Host)
	if err != nil {
		return target{}, false
	}
	t, err := parseTarget(webdav.EscapePath(path))
	return t, err == nil && t.kind&(kindPrincipal|kindProxyGroup) != 0 && t.form == uidsForm
}

// findACLPrincipals asks the directory for those whom entries name. Errors: those of
// the directory; that somebody is not in it is none.
func (h *Handler) findACLPrincipals(r *request, asked []webdav.ACE) error {
	var missing lack
	for i := range asked[:min(len(asked), acl.MaxEntries)] {
		if e := asked[i].Principal; e.Is(webdav.NameHref) {
			if t, ok := r.principalURL(e); ok {
				missing.records = append(missing.records, t.key())
			}
		}
	}
	return h.supply(r.Context(), r, &missing)
}

// announceACL prepares the audit log's two lines of a list that is about to be set,
// with what is set now: if by what is stored at this moment it can be.
func (h *Handler) announceACL(r *request, set *newACL) error {
	return h.supplied(r.Context(), r, func() error {
		r.act = nil
		return h.Calendars.View(r.Context(), h.actor(r), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, r)
			if err != nil {
				return err
			}
			if s.kind&settableACL == 0 || !s.privileges().Has(acl.WriteACL) {
				return s.outcome(nil)
			}
			self := s.resource()
			if list, err := set.judge(s, self); err == nil {
				on := s.listed(self)
				r.act = r.aclAct(acl.Texts(on.Own, on.Kind), acl.Texts(list, on.Kind))
			}
			return s.outcome(nil)
		})
	})
}

// settableACL are the kinds of resources whose list can be set. What a home hands
// down is for its owner's delegates; it has no list of its own.
const settableACL = kindCalendar | kindCollection | kindInbox | kindOutbox | kindObject

func (r *request) aclAct(before, after []acl.Text) *audit.Act {
	owner := r.target.owner
	return &audit.Act{
		By:     r.by(),
		Verb:   "acl.set",
		Object: audit.Object{Type: "calendar", GUID: owner.GUID, Name: owner.Name, Path: r.URL.Path},
		Before: before, After: after,
	}
}

// recorded runs the transaction of a request between the audit log's two lines, if
// it is one that has them. Errors: fn's; 503, what cannot be recorded is not done.
func (h *Handler) recorded(ctx context.Context, r *request, fn func() error) error {
	if r.act == nil {
		return fn()
	}
	err := h.Acts.Do(ctx, *r.act, func() (any, error) { return r.act.After, fn() })
	if errors.Is(err, audit.ErrNotRecorded) {
		return &webdav.Error{Status: http.StatusServiceUnavailable, Description: "this change could not be recorded, and was not made", Err: err}
	}
	return err
}
