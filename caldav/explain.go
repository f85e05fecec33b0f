package caldav

import (
	"context"
	"errors"
	"net/http"

	"convene/acl"
	"convene/auth"
	"convene/calendar"
	"convene/internal/logging"
	"convene/internal/webdav"
	"convene/store"
)

// ExplainACL says what a caller may do to what is at a URL path, and by which entry
// of its list: it is the evaluation that requests go by. Errors: those of a GET of
// that path by somebody who may do everything; *webdav.Error.
func (h *Handler) ExplainACL(ctx context.Context, caller *auth.Caller, path string) (*acl.Explanation, error) {
	r, err := http.NewRequestWithContext(ctx, "PROPFIND", webdav.EscapePath(path), http.NoBody)
	if err != nil {
		return nil, webdav.BadRequest("not a path")
	}
	mem := h.newMemory()
	defer mem.Release()
	req := &request{Request: r, caller: caller, now: h.Now(), line: &logging.Entry{}, memory: mem}
	if req.target, err = parseTarget(r.URL.EscapedPath()); err != nil {
		return nil, err
	}
	if err := h.resolve(ctx, req); err != nil {
		return nil, err
	}
	var e *acl.Explanation
	err = h.supplied(ctx, req, func() error {
		return h.Calendars.View(ctx, h.actor(req), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, req)
			if err == nil {
				e, err = s.explain()
				err = s.outcome(err)
			}
			return err
		})
	})
	return e, err
}

// explain is the explanation of the target. A place where nothing is has what the
// collection that it is in has.
func (s *scope) explain() (*acl.Explanation, error) {
	if s.kind&(kindWellKnown|kindServerInfo|kindRooms) != 0 {
		return nil, errNoSuchPath
	}
	self := s.resource()
	if self.object == nil && self.col == nil && s.home != nil && s.kind == kindMissing {
		self.kind = kindHome
	}
	on := s.listed(self)
	e := &acl.Explanation{Path: self.dir + self.name, Kind: kindNames[s.kind], Exists: s.kind != kindMissing}
	if self.owner != nil {
		e.Owner, e.OwnerName = self.owner.GUID, self.owner.Name
	}
	if p := s.req.caller; p != nil && p.Principal != nil {
		e.Caller, e.CallerName = p.Principal.GUID, p.Principal.Name
	}
	e.Mask = s.mask(self)
	steps, granted := s.h.Access.Explain(on, s.req.asks())
	e.Fill(steps, granted, on.Kind)
	return e, nil
}

// mask is what r's being private, or in a room's calendar, leaves of it for the caller; nil
// if they see all, or if it is about nobody in particular.
func (s *scope) mask(r *resource) *acl.Mask {
	if r.object == nil || s.req.caller == nil {
		return nil
	}
	access, _ := s.h.restriction(r.object)
	view := s.tx.View(r.col, r.object)
	if access == store.AccessPublic && view == calendar.Whole {
		return nil
	}
	return &acl.Mask{Access: accessNames[access], Sees: viewNames[view]}
}

var (
	accessNames = map[store.Access]string{store.AccessRestricted: "restricted", store.AccessConfidential: "confidential", store.AccessPrivate: "private", store.AccessPublic: "room"}
	viewNames   = map[calendar.View]string{calendar.Whole: "all", calendar.Summary: "summary", calendar.Titled: "title", calendar.Times: "times", calendar.Nothing: "nothing"}
)

// kindNames are how kinds of resources are called in explanations.
var kindNames = map[kind]string{
	kindRoot: "root", kindPrincipals: "principals", kindPrincipalType: "principals of a type", kindPrincipal: "principal",
	kindProxyGroup: "proxy group", kindHomes: "homes", kindHomeType: "homes of a type", kindHome: "home", kindCalendar: "calendar",
	kindCollection: "collection", kindInbox: "inbox", kindOutbox: "outbox", kindNotifications: "notifications", kindDropbox: "dropbox",
	kindFreeBusyURL: "free-busy URL", kindObject: "object", kindMissing: "nothing",
}

// IsNoPath reports whether an error of ExplainACL says that a path names nothing.
func IsNoPath(err error) bool {
	e, ok := errors.AsType[*webdav.Error](err)
	return ok && e.Status == http.StatusNotFound
}

// IsRefused reports whether an error of BookRooms says that the meeting may not be written.
func IsRefused(err error) bool {
	e, ok := errors.AsType[*webdav.Error](err)
	return ok && e.Status/100 == 4
}
