package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"convene/acl"
	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/quota"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// errorStatus says what each error of the packages below is on the wire. An unmet
// precondition is 403 or 409 (RFC 4791 §1.3); 412 is for If-Match and its kin
// alone.
var errorStatus = []struct {
	err       error
	status    int
	condition xml.Name
}{
	{calendar.ErrLocation, http.StatusForbidden, webdav.CondCalendarCollectionLocationOK},
	{calendar.ErrComponent, http.StatusForbidden, webdav.CondSupportedCalendarComponent},
	{calendar.ErrAccess, http.StatusForbidden, webdav.CS("valid-access-restriction")},
	{calendar.ErrAccessChange, http.StatusForbidden, webdav.CS("valid-access-restriction-change")},
	{calendar.ErrMessageAccess, http.StatusForbidden, webdav.CS("no-access-restrictions")},
	{calendar.ErrRestricted, http.StatusForbidden, xml.Name{}},
	{calendar.ErrHidden, http.StatusForbidden, xml.Name{}},
	{calendar.ErrFixed, http.StatusForbidden, webdav.CondProtectedURL},
	{calendar.ErrDefaultCalendar, http.StatusForbidden, webdav.CalDAV("default-calendar-needed")},
	{calendar.ErrDelivered, http.StatusForbidden, webdav.CalDAV("max-resource-size")},
	{calendar.ErrMeeting, http.StatusForbidden, webdav.CS("valid-move")},
	{calendar.ErrDirect, http.StatusForbidden, webdav.CS("valid-organizer")},
	{calendar.ErrBookings, http.StatusForbidden, xml.Name{Space: noConflict.Space, Local: "no-bookings"}},
	{policy.ErrTooMany, http.StatusForbidden, webdav.CalDAV("max-instances")},
	{calendar.ErrSame, http.StatusForbidden, xml.Name{}},
	{calendar.ErrTooLarge, http.StatusInsufficientStorage, xml.Name{}},
	{calendar.ErrTaken, http.StatusConflict, xml.Name{}},
	{store.ErrNotFound, http.StatusNotFound, xml.Name{}},
	{store.ErrChanged, http.StatusPreconditionFailed, xml.Name{}},
	{store.ErrExists, http.StatusForbidden, webdav.DAV("resource-must-be-null")},
	{store.ErrUnavailable, http.StatusServiceUnavailable, xml.Name{}},
	{store.ErrConflict, http.StatusServiceUnavailable, xml.Name{}},
	{store.ErrUnknownOutcome, http.StatusServiceUnavailable, xml.Name{}},
	{store.ErrReadOnly, http.StatusServiceUnavailable, xml.Name{}},
	{store.ErrTokenExpired, http.StatusForbidden, webdav.DAV("valid-sync-token")},
	{directory.ErrNotFound, http.StatusNotFound, xml.Name{}},
	{directory.ErrAmbiguous, http.StatusNotFound, xml.Name{}}, // no one record is meant
	{directory.ErrTooMany, http.StatusInsufficientStorage, webdav.CondNumberOfMatches},
	{directory.ErrUnavailable, http.StatusServiceUnavailable, xml.Name{}},
	{delegation.ErrFull, http.StatusInsufficientStorage, webdav.DAV("sufficient-disk-space")},
	{delegation.ErrReadOnly, http.StatusServiceUnavailable, xml.Name{}},
	{ical.ErrBudget, http.StatusForbidden, webdav.CalDAV("max-instances")},
	{ical.ErrLimit, http.StatusForbidden, webdav.CalDAV("max-resource-size")},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, xml.Name{}},
	{context.Canceled, http.StatusServiceUnavailable, xml.Name{}},
}

// davError turns err into what the client sees: 500 and no detail if it is not
// one that the table knows.
func davError(err error) *webdav.Error {
	if e, ok := errors.AsType[*webdav.Error](err); ok {
		return e
	}
	if data, ok := errors.AsType[*calendar.DataError](err); ok {
		return &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CalDAV(data.Condition), Description: data.Reason, Err: err}
	}
	if refusal, ok := errors.AsType[*scheduling.Refusal](err); ok {
		return &webdav.Error{Status: http.StatusForbidden, Condition: refusal.Condition, Description: refusal.Error(), Err: err}
	}
	if exceeded, ok := errors.AsType[*quota.ExceededError](err); ok {
		return quotaError(exceeded, err)
	}
	if pace, ok := errors.AsType[*calendar.PaceError](err); ok { // it is the caller's doing, and others are served (RFC 6585 §4)
		return &webdav.Error{Status: http.StatusTooManyRequests, Description: pace.Error(), RetryAfter: pace.Wait, Err: err}
	}
	if conflict, ok := errors.AsType[*calendar.ConflictError](err); ok {
		return conflictError(conflict, err)
	}
	if errors.Is(err, store.ErrFull) {
		return &webdav.Error{Status: http.StatusInsufficientStorage, Condition: webdav.DAV("sufficient-disk-space"), Err: err,
			Description: "the server has no space left; nothing was changed, and reading and deleting go on"}
	}
	if errors.Is(err, store.ErrPaused) {
		return &webdav.Error{Status: http.StatusServiceUnavailable, RetryAfter: pausedRetry, Err: err,
			Description: "the server is being maintained: nothing was changed, and reading goes on"}
	}
	if errors.Is(err, delegation.ErrRefused) {
		return delegatesAway(err)
	}
	for _, row := range errorStatus {
		if errors.Is(err, row.err) {
			return &webdav.Error{Status: row.status, Condition: row.condition, Description: words(row.err), Err: err}
		}
	}
	return &webdav.Error{Status: http.StatusInternalServerError, Err: err}
}

// words are for people where no condition says what is wrong.
func words(err error) string {
	switch err {
	case calendar.ErrBookings, calendar.ErrDelivered, calendar.ErrDirect, calendar.ErrFixed, calendar.ErrSame, calendar.ErrTooLarge, calendar.ErrTaken, calendar.ErrRestricted:
		return err.Error()
	}
	return ""
}

// precondition is the response 403 with a DAV:error that names the condition.
func precondition(name xml.Name) *webdav.Error {
	return &webdav.Error{Status: http.StatusForbidden, Condition: name}
}

// noParent is the response to what would make something where no collection is that
// could hold it (RFC 4918 §9.3.1, §9.7.1, §9.8.5).
func noParent() *webdav.Error {
	return &webdav.Error{Status: http.StatusConflict, Description: "there is no such collection to make it in"}
}

// errIncomplete: who the administrators and readers are is not known yet.
var errIncomplete = fmt.Errorf("administrators and readers: %w", directory.ErrUnavailable)

// refusal is the response to a caller without a privilege: which one is missing
// where (RFC 3744 §7.1.1). Until the directory has said who the administrators and
// readers are, nobody can be told that they may not: 503. The same is so while nobody
// knows who is a delegate, of what a delegate might do.
func (r *request) refusal(h *Handler, path string, missing acl.Privilege) *webdav.Error {
	switch {
	case h.Access.Incomplete:
		return davError(errIncomplete)
	case r.undecided != nil && acl.Delegable.Has(missing):
		return delegatesAway(r.undecided)
	}
	return webdav.NeedPrivileges(path, missing.Names()...)
}
