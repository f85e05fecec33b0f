package caldav

import (
	"context"
	"encoding/xml"
	"math"
	"net/http"
	"strconv"

	"convene/calendar"
	"convene/internal/webdav"
	"convene/quota"
)

// quotaConditions says which precondition names each limit: those of RFC 4331 §6
// and RFC 4791 §5.3.2.1, and Apple's for what neither has.
var quotaConditions = map[quota.Limit]struct {
	status    int
	condition xml.Name
}{
	quota.Bytes:             {http.StatusInsufficientStorage, webdav.DAV("quota-not-exceeded")},
	quota.Objects:           {http.StatusInsufficientStorage, webdav.DAV("quota-not-exceeded")},
	quota.CollectionObjects: {http.StatusForbidden, webdav.CS("max-resources")},
	quota.Collections:       {http.StatusForbidden, webdav.CS("max-collections")},
	quota.ObjectBytes:       {http.StatusForbidden, webdav.CalDAV("max-resource-size")},
	quota.Attendees:         {http.StatusForbidden, webdav.CondMaxAttendeesPerInstance},
	quota.Attachments:       {http.StatusForbidden, webdav.CalDAV("max-attachments")},
}

// quotaError is what a limit that was met is on the wire.
func quotaError(e *quota.ExceededError, cause error) *webdav.Error {
	c := quotaConditions[e.Limit]
	return &webdav.Error{Status: c.status, Condition: c.condition, Description: e.Error(), Err: cause}
}

// limitProperty makes a row that tells one limit of the home that the resource is
// in; without a limit there is no value.
func limitProperty(name xml.Name, on kind, limit func(quota.Limits) int64) property {
	return textProperty(name, on, func(s *scope, r *resource) string { return positive(limit(s.tx.Limits(r.home))) })
}

// getQuotaUsed is what the home of a resource holds (RFC 4331 §4): all of it
// counts against what is available.
func getQuotaUsed(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	w.Text(strconv.FormatInt(r.home.UsedBytes, 10))
	return true, nil
}

// getQuotaAvailable is what may still be stored (RFC 4331 §3); where nothing
// limits it there is no such value.
func getQuotaAvailable(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	n, limited, err := s.tx.Available(r.home)
	if err != nil || !limited {
		return false, err
	}
	w.Text(strconv.FormatInt(n, 10))
	return true, nil
}

// maxObject is how many bytes of an object are read before it is known whose home
// it is for: what the most generous limit allows.
func (h *Handler) maxObject() int64 {
	if n := h.Calendars.Store.QuotaPolicy().MaxObjectBytes(); n > 0 {
		return n
	}
	return math.MaxInt64 - 1 // what limits.body lets through
}

// quotaGroups is what the home's record should say of its owner's groups, before
// a request that writes: if the owner themself asks, they were looked up at
// sign-in. Otherwise the directory is asked, and while it is away the record
// stays as it is.
func (h *Handler) quotaGroups(ctx context.Context, r *request) calendar.Membership {
	switch {
	case reads(r.Method), r.target.owner == nil:
		return calendar.Membership{}
	case r.caller.Principal.GUID == r.target.owner.GUID:
		return h.Calendars.QuotaGroupsOf(r.caller.Groups)
	}
	return h.Calendars.QuotaGroups(ctx, r.target.owner.GUID)
}

// reads reports whether a method changes nothing.
func reads(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND", "REPORT":
		return true
	}
	return false
}
