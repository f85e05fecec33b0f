package caldav

import (
	"errors"
	"log/slog"
	"net/http"

	"convene/acl"
	"convene/audit"
	"convene/auth"
	"convene/internal/webdav"
)

// record writes to the audit log what somebody did to the calendars of another as an
// administrator or reader, or in a name that is not theirs, before the response is sent. Error: 503, of a request
// that changes nothing and cannot be recorded. What was changed is changed already:
// then the error log says that the record is missing.
func (h *Handler) record(r *request, status int) error {
	if h.Audit == nil || r.Method == http.MethodOptions {
		return nil
	}
	write := !auth.Reads(r.Method)
	err := h.recordAt(r, &r.target, r.URL.Path, write && r.Method != "COPY", status)
	if d := r.destination; d != nil {
		err = errors.Join(err, h.recordAt(r, &d.target, d.path, write, status))
	}
	if err == nil {
		return nil
	}
	if write {
		h.Log.Error("a change of the calendars of somebody else is not in the audit log", "id", r.line.ID, "user", r.caller.Login,
			"method", r.Method, "path", r.URL.Path, slog.Int("status", status), "err", err)
		return nil
	}
	return &webdav.Error{Status: http.StatusServiceUnavailable, Description: "this request could not be recorded", Err: err}
}

// tellFor tells the access log for whom a delegate acted.
func (r *request) tellFor() {
	owner := r.target.owner
	if owner == nil || r.line.For != "" || r.target.kind&(kindHome|belowHome) == 0 {
		return
	}
	if p := r.proxies[owner.GUID]; p != nil && len(p.Grants) > 0 {
		r.line.For = owner.Name
	}
}

// recordAt is record for one of the places that a request is about.
func (h *Handler) recordAt(r *request, t *target, path string, write bool, status int) error {
	owner := t.owner
	if owner == nil || t.kind&(kindHome|belowHome) == 0 || owner.GUID == r.caller.Principal.GUID || r.claimed == "" && !h.privileged(r) {
		return nil
	}
	if !write && status >= http.StatusBadRequest {
		return nil // nothing was read
	}
	return h.Audit.Record(audit.Access{
		By:    r.by(),
		Owner: audit.Who{GUID: owner.GUID, Name: owner.Name}, Method: r.Method, Path: path, Calendar: t.collection,
		Write: write, Status: status, Claimed: r.claimed, Private: t == &r.target && r.restricted && h.AuditPrivate,
	})
}

// privileged reports whether the caller is an administrator or reader: whether they
// may read the calendars of somebody who gave nobody a right.
func (h *Handler) privileged(r *request) bool {
	calendar := acl.Resource{Kind: acl.Calendar, Owner: acl.Owner{GUID: "nobody"}}
	return h.Access.Privileges(calendar, aclCaller(r.caller)).Has(acl.Read)
}

// by is who makes a request, and as whom.
func (r *request) by() audit.By {
	by := audit.By{Via: audit.Via{How: audit.DAV, Request: r.line.ID, Remote: r.RemoteAddr}}
	if r.page {
		by.Via.How = audit.Web
	}
	who, as := r.caller.Self().Principal, r.caller.Principal
	by.Actor = audit.Who{GUID: who.GUID, Name: who.Name}
	if as != who {
		by.As = &audit.Who{GUID: as.GUID, Name: as.Name}
	}
	return by
}
