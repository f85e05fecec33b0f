package caldav

import (
	"context"
	"errors"
	"net/http"
	"slices"

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
func (h *Handler) ExplainACL(ctx context.Context, caller *auth.Caller, path string) (e *acl.Explanation, err error) {
	err = h.explained(ctx, caller, "PROPFIND", path, func(s *scope) error {
		e, err = s.explain()
		return err
	})
	return e, err
}

// ExplainMethod says how a request would fare that a caller makes with a method at a URL
// path, as far as its method and their rights decide it. Errors: as ExplainACL.
func (h *Handler) ExplainMethod(ctx context.Context, caller *auth.Caller, method, path string) (v *acl.MethodVerdict, err error) {
	err = h.explained(ctx, caller, method, path, func(s *scope) error {
		v = &acl.MethodVerdict{Method: method, Allowed: true}
		resp, err := s.admit()
		if _, ok := errors.AsType[*lack](err); ok {
			return err // it is looked up, and asked again
		}
		if err != nil {
			refused := davError(err)
			v.Allowed, v.Status, v.Reason = false, refused.Code(), refused.Error()
		} else if resp != nil {
			v.Allowed, v.Status, v.Reason = false, resp.Status, http.StatusText(resp.Status)
		} else if s.kind == kindMissing && !slices.Contains(makers, method) {
			v.Allowed, v.Status, v.Reason = false, http.StatusNotFound, http.StatusText(http.StatusNotFound)
		}
		return nil
	})
	return v, err
}

// makers are the methods by which something comes to be where nothing is.
var makers = []string{http.MethodPut, "MKCALENDAR", "MKCOL", http.MethodOptions}

// explained looks at what a request would meet.
func (h *Handler) explained(ctx context.Context, caller *auth.Caller, method, path string, look func(*scope) error) error {
	r, err := http.NewRequestWithContext(ctx, method, webdav.EscapePath(path), http.NoBody)
	if err != nil {
		return webdav.BadRequest("not a path, or not a method")
	}
	mem := h.newMemory()
	defer mem.Release()
	req := &request{Request: r, caller: caller, now: h.Now(), line: &logging.Entry{}, memory: mem}
	if req.target, err = parseTarget(r.URL.EscapedPath()); err != nil {
		return err
	}
	if err := h.resolve(ctx, req); err != nil {
		return err
	}
	return h.supplied(ctx, req, func() error {
		return h.Calendars.View(ctx, h.actor(req), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, req)
			if err == nil {
				err = s.outcome(look(s))
			}
			return err
		})
	})
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
