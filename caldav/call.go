package caldav

import (
	"bytes"
	"context"
	"net/http"
	"slices"

	"convene/auth"
	"convene/internal/logging"
	"convene/internal/webdav"
)

// A Call is a request that a page of this server makes in somebody's name, in this
// process: what a client of theirs would send.
type Call struct {
	Method string
	Path   string      // decoded: "/calendars/__uids__/…/a b.ics"
	Header http.Header // such as If-Match and Content-Type; nil: none
	Body   []byte

	From *http.Request  // the browser's, which the audit log names; nil: nobody's
	Line *logging.Entry // of the browser's request in the access log; nil: none
}

// A Reply is the response to a Call.
type Reply struct {
	Status    int
	Header    http.Header // not nil
	Body      []byte
	Condition string // of a refusal, without its namespace: "valid-calendar-data" (RFC 4918 §16)
	Text      string // of a refusal: a sentence for people, in English; may be ""
}

// OK reports whether it was done.
func (r *Reply) OK() bool { return r.Status/100 == 2 }

// ETag is the entity tag of what was read or written; "" if it is not told, as where the
// server has changed what was written.
func (r *Reply) ETag() string { return r.Header.Get("ETag") }

// Bookings are what rooms have answered to what was written; see bookingHeader.
func (r *Reply) Bookings() []string { return r.Header[bookingHeader] }

// Call serves a Call as Serve serves the same request that comes by a connection: the row
// of the method table, its two steps, its one transaction, and what is recorded of it.
func (h *Handler) Call(ctx context.Context, caller *auth.Caller, c Call) *Reply {
	r, err := http.NewRequestWithContext(ctx, c.Method, webdav.EscapePath(c.Path), bytes.NewReader(c.Body))
	if err != nil {
		return &Reply{Status: http.StatusBadRequest, Header: http.Header{}}
	}
	if c.Header != nil {
		r.Header = c.Header.Clone()
	}
	req := &request{Request: r, caller: caller, now: h.Now(), line: c.Line, memory: h.newMemory(), page: true}
	defer req.memory.Release()
	if c.From != nil {
		r.RemoteAddr, r.Host, r.TLS = c.From.RemoteAddr, c.From.Host, c.From.TLS
		if r.Header.Get("Accept-Language") == "" {
			r.Header["Accept-Language"] = c.From.Header["Accept-Language"]
		}
	}
	if req.line == nil {
		req.line = &logging.Entry{}
	}
	resp, err := h.answer(req)
	reply := &Reply{Status: resp.Status, Header: resp.Header, Body: slices.Clone(resp.Body)}
	if reply.Header == nil {
		reply.Header = http.Header{}
	}
	if err != nil {
		e := davError(err)
		reply.Condition, reply.Text = e.Condition.Local, e.Description
	}
	if resp.Recycle != nil {
		resp.Recycle(resp.Body)
	}
	if !auth.Reads(c.Method) || req.line.Sub == "" { // what changes something is what a line is looked for by
		req.line.Sub = "via=web " + c.Method
	}
	return reply
}
