package caldav

import (
	"net/http"
	"strings"

	"convene/internal/webdav"
)

// davClasses are the compliance classes of the DAV header: RFC 4918 §18, and one
// token for each further standard.
var davClasses = strings.Join([]string{
	"1", "3", // RFC 4918
	"access-control",                              // RFC 3744
	"extended-mkcol",                              // RFC 5689
	"sync-collection",                             // RFC 6578, as some clients look for it
	"calendar-access",                             // RFC 4791
	"calendar-proxy",                              // Apple's caldav-proxy
	"calendar-no-timezone",                        // RFC 7809
	"calendar-availability", "inbox-availability", // RFC 7953, and Apple's name for the inbox's
	"addressable-add-member",
	"calendarserver-principal-property-search", "calendarserver-principal-search",
	"calendarserver-home-sync", "calendar-query-extended", "calendar-default-alarms",
	"calendar-schedule",      // early drafts of RFC 6638, whose clients look for it
	"calendar-auto-schedule", // RFC 6638 §2
	"calendarserver-private-events", "calendarserver-private-comments",
	"calendarserver-partstat-changes", "calendarserver-group-attendee",
}, ", ")

// options serves OPTIONS: what can be done here, and with what (RFC 4791 §5.1).
// Clients look for calendar-access on principals too.
func (h *Handler) options(*request) (action, error) {
	return func(s *scope) (*webdav.Response, error) {
		return &webdav.Response{Status: http.StatusOK, Header: http.Header{
			"Dav": {davClasses}, "Allow": {h.table(s.shown(), &s.req.target).allow()},
		}}, nil
	}, nil
}
