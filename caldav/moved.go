package caldav

import (
	"context"
	"net/http"
	"strings"

	"convene/directory"
	"convene/internal/webdav"
)

// A movedError is a request for something of a record by a short name that it had: to is
// the path by its GUID, which stays.
type movedError struct{ method, to string }

func (e *movedError) Error() string { return "the record has another name now: " + e.to }

// response redirects. Clients follow 301 where they look around, as they do from the
// well-known address (RFC 6764 §5); what changes something keeps its method only by 308
// (RFC 9110 §15.4.9).
func (e *movedError) response() *webdav.Response {
	status := http.StatusPermanentRedirect
	switch e.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND":
		status = http.StatusMovedPermanently
	}
	// The name may be somebody else's tomorrow.
	return &webdav.Response{Status: status, Header: http.Header{"Location": {e.to}, "Cache-Control": {"no-cache"}}}
}

// moved is the error for a target whose name nobody has any more, if the directory
// remembers whose it was and it was nobody else's; else nil.
func (h *Handler) moved(ctx context.Context, req *request) error {
	d, ok := h.Directory.(interface {
		Formerly(ctx context.Context, typ directory.Type, name string) (*directory.Principal, error)
	})
	t := &req.target
	if !ok || t.form == uidsForm || req.caller == nil || req.caller.Principal == nil {
		return nil
	}
	path, err := webdav.CleanPath(req.URL.EscapedPath())
	parts := strings.SplitN(path, "/", 5)
	if err != nil || len(parts) < 4 {
		return nil
	}
	p, err := d.Formerly(ctx, t.typ, t.ident)
	if err != nil {
		return nil // what is said of the name itself counts
	}
	parts[2], parts[3] = uidsForm, p.GUID
	return &movedError{req.Method, webdav.EscapePath(strings.Join(parts, "/"))}
}
