package caldav

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/acl"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/internal/webdav"
)

// Delegates is where a handler finds who acts for whom, and how it tells clients
// (Apple's caldav-proxy). Without a Book nobody is a delegate.
type Delegates struct {
	Book      *delegation.Book
	Appointed *appointed.List // whom the directory names
	View      DelegateView
}

// The questions are asked inside of transactions: of a set in memory, which is that of
// the moment, and by the clock of the moment. So what ended, or was taken away, before
// the transaction does not count in it, however long ago the request began. What they
// need of the directory (groups, and whom a location's record names) is a fact like
// others.

// proxyGroups are the names of the groups of delegates, by level (caldav-proxy §5.2).
var proxyGroups = map[delegation.Level]string{delegation.LevelRead: "calendar-proxy-read", delegation.LevelWrite: "calendar-proxy-write"}

// proxyLevel is the level that the name of a proxy group stands for.
func proxyLevel(name string) delegation.Level {
	for level, known := range proxyGroups {
		if known == name {
			return level
		}
	}
	return delegation.LevelNone
}

// proxyGroupPath is the canonical URL path of a group of delegates.
func proxyGroupPath(guid string, level delegation.Level) string {
	return principalPath(guid) + proxyGroups[level] + "/"
}

// delegates is the state of the delegate database that the scope asks, and the moment.
// Its error is delegation.ErrRefused: nobody knows who is a delegate. Then the set is
// empty.
func (s *scope) delegates() (*delegation.Set, time.Time, error) {
	if s.set == nil {
		s.at = s.h.Now()
		s.set, s.refused = s.h.Delegates.Book.Read()
		if s.set == nil {
			s.set = delegation.Nobody()
		}
	}
	return s.set, s.at, s.refused
}

// delegateCaller is a principal as package delegation needs to know them.
func (s *scope) delegateCaller(guid string) delegation.Caller {
	set, now, _ := s.delegates() // without the database nobody stands in; whoever decides asks for the error
	c := delegation.Caller{GUID: guid, Groups: s.groups(guid)}
	for _, other := range set.Replaced(guid, now) {
		if c.Replaces == nil {
			c.Replaces = map[string][]string{}
		}
		c.Replaces[other] = s.groups(other)
	}
	return c
}

// appointees are the delegates whom the directory names for an owner.
func (s *scope) appointees(owner *directory.Principal) []delegation.Record {
	// Without its error, which is that of the function: this one has none, since what is
	// not known is noted as a lack.
	list, _, _ := appointed.Of(owner, func(key directory.Key) (*directory.Principal, error) { return s.record(key), nil })
	return list
}

// mayAct reports whether the caller may be one who acts for a delegator: somebody else.
func (h *Handler) mayAct(req *request, delegator string) bool {
	return h.Delegates.Book != nil && req.caller != nil && req.caller.Principal != nil && req.caller.Principal.GUID != delegator
}

// actsFor finds out what the caller may do for a delegator, as far as the facts go:
// then the request knows it, for as long as its transaction takes.
func (s *scope) actsFor(delegator string) {
	req := s.req
	if _, found := req.proxies[delegator]; found || !s.h.mayAct(req, delegator) {
		return
	}
	owner := s.recordByGUID(delegator)
	if owner == nil {
		return // not known yet, or gone
	}
	known, now, err := s.delegates()
	if err != nil {
		req.undecided = err // what follows is what the directory alone says
	}
	p := &nobody
	known.Grants(s.delegateCaller(req.caller.Principal.GUID), owner.GUID, s.appointees(owner), now, func(scope delegation.Scope, g delegation.Grant) {
		if p == &nobody { // most delegates are so by one record
			one := new(struct {
				acl.Proxy
				first [1]acl.ProxyGrant
			})
			p = &one.Proxy
			p.Grants = one.first[:0]
		}
		p.Grants = append(p.Grants, acl.ProxyGrant{
			Write: g.Level == delegation.LevelWrite, Schedule: g.Schedule, Private: g.SeePrivate, Manage: g.Manage,
			All: scope.All, Collections: scope.Collections,
		})
	})
	set(&req.proxies, delegator, p)
}

// nobody is what those may do for somebody who are no delegates of theirs. It does not
// change.
var nobody acl.Proxy

// reachOf is what somebody else than the caller may read as a delegate of an owner, at
// either level: nothing while it is not known who is one, for then it is not given
// away.
func (s *scope) reachOf(delegate string, owner *directory.Principal) delegation.Scope {
	if s.h.Delegates.Book == nil {
		return delegation.Scope{}
	}
	set, now, _ := s.delegates() // the empty set gives nothing
	return set.Delegation(s.delegateCaller(delegate), owner.GUID, s.appointees(owner), now).Scope
}

// delegatesRetry is how long a client should wait until somebody has looked after the
// delegate database.
const delegatesRetry = 300 * time.Second

// delegatesAway is the response to what needs a delegation while nobody knows who has
// one. That is not the same as having none: 403 would make clients forget calendars.
func delegatesAway(err error) *webdav.Error {
	return &webdav.Error{Status: http.StatusServiceUnavailable, RetryAfter: delegatesRetry, Err: err,
		Description: "who acts for whom cannot be read at the moment; the server's administrators can see why"}
}

// An unknownValue says that the value of a property cannot be told now, or to this caller. The others of
// the resource can.
type unknownValue struct{ why *webdav.Error }

func (e *unknownValue) Error() string { return e.why.Error() }
func (e *unknownValue) Unwrap() error { return e.why }

// directDelegates are the members of a group of delegates: of the database, in force,
// and of the directory, by full name. Who is in the directory no more is left out.
func (s *scope) directDelegates(owner *directory.Principal, level delegation.Level) ([]*directory.Principal, error) {
	set, now, err := s.delegates()
	if err != nil {
		return nil, &unknownValue{delegatesAway(err)}
	}
	known := map[string]bool{}
	var list []*directory.Principal
	for _, r := range slices.Concat(set.Delegates(owner.GUID, now), s.appointees(owner)) {
		if r.Level != level || known[r.Delegate] || !r.Scope.All && len(r.Scope.Collections) == 0 {
			continue
		}
		known[r.Delegate] = true
		if p := s.recordByGUID(r.Delegate); p != nil {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *directory.Principal) int {
		return cmp.Or(strings.Compare(a.FullName, b.FullName), strings.Compare(a.GUID, b.GUID))
	})
	return list, nil
}

// expandedDelegates are all who act for an owner at a level and not at a higher one,
// also as members of groups and as stand-ins: people, by GUID.
func (s *scope) expandedDelegates(owner *directory.Principal, level delegation.Level) (list []string, err error) {
	set, now, err := s.delegates()
	if err != nil {
		return nil, &unknownValue{delegatesAway(err)}
	}
	records := s.appointees(owner)
	members, groups := map[string][]string{}, map[string]bool{}
	for _, r := range slices.Concat(set.Delegates(owner.GUID, now), records) {
		p := s.recordByGUID(r.Delegate)
		if p == nil || p.Type != directory.Group {
			groups[r.Delegate] = p == nil // who is in the directory no more is left out too
			continue
		}
		groups[r.Delegate] = true
		members[r.Delegate] = s.memberGUIDs(r.Delegate, directory.Nested)
	}
	for guid, l := range set.Expanded(owner.GUID, members, records, now) {
		if l == level && !groups[guid] {
			list = append(list, guid)
		}
	}
	slices.Sort(list)
	return list, nil
}

// delegators are those with calendars for whom a principal is a delegate, by GUID.
func (s *scope) delegators(guid string) ([]delegation.Delegator, error) {
	if s.h.Delegates.Book == nil {
		return nil, nil
	}
	set, now, err := s.delegates()
	if err != nil {
		return nil, &unknownValue{delegatesAway(err)}
	}
	list := set.Delegators(s.delegateCaller(guid), s.allAppointed(), now)
	return slices.DeleteFunc(list, func(d delegation.Delegator) bool {
		p := s.recordByGUID(d.GUID)
		return p == nil || !p.CalendarEnabled
	}), nil
}

// maySeeFor reports whether the caller may see for whom a principal is a delegate.
func (s *scope) maySeeFor(p *directory.Principal) bool {
	return s.h.Delegates.View.WhoSeesFor != ForSelfAndAdmin || p.GUID == s.req.caller.Principal.GUID ||
		s.h.Access.IsAdministrator(aclCaller(s.req.caller))
}

// getFor makes the getter of calendar-proxy-read-for or -write-for (caldav-proxy
// §5.3): a delegator for whom somebody is both is in the latter alone.
func getFor(level delegation.Level, access string) func(*scope, *resource, *webdav.Writer) (bool, error) {
	return func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
		if !s.maySeeFor(r.owner) {
			return false, nil
		}
		list, err := s.delegators(r.owner.GUID)
		for _, d := range list {
			if d.Level == level {
				w.Href(principalPath(d.GUID))
			}
		}
		for _, guid := range s.groups(r.owner.GUID) {
			known := slices.ContainsFunc(list, func(d delegation.Delegator) bool { return d.GUID == guid && d.Level == level })
			if g := s.recordByGUID(guid); !known && g != nil && g.CalendarEnabled && g.CalendarAccess == access {
				w.Href(principalPath(guid))
			}
		}
		return true, err
	}
}

// getDelegates lists the delegates of a proxy group.
func getDelegates(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if s.h.Delegates.Book == nil {
		return true, nil
	}
	list, err := s.directDelegates(r.owner, proxyLevel(lastSegment(r.dir)))
	for _, p := range list {
		w.Href(principalPath(p.GUID))
	}
	return true, err
}

// getExpandedDelegates lists the delegates of a proxy group, members of groups one by
// one.
func getExpandedDelegates(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if s.h.Delegates.Book == nil {
		return true, nil
	}
	list, err := s.expandedDelegates(r.owner, proxyLevel(lastSegment(r.dir)))
	for _, guid := range list {
		w.Href(principalPath(guid))
	}
	return true, err
}

// getHomes is CALDAV:calendar-home-set (RFC 4791 §6.2.1): the own home, and if that is
// how delegates find them, those of their delegators.
func getHomes(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.owner.CalendarEnabled {
		w.Href(homePath(r.owner.GUID))
	}
	if s.h.Delegates.View.Surface != SurfaceHomes || !s.maySeeFor(r.owner) {
		return r.owner.CalendarEnabled, nil
	}
	list, err := s.delegators(r.owner.GUID)
	if _, away := errors.AsType[*unknownValue](err); away {
		return r.owner.CalendarEnabled, nil // the own home is found whatever happens
	}
	for _, d := range list {
		w.Href(homePath(d.GUID))
	}
	return r.owner.CalendarEnabled || len(list) > 0, err
}
