package caldav

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"convene/auth"
	"convene/calendar"
	"convene/internal/header"
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
func (r *Reply) ETag() string { return header.Get(r.Header, "Etag") }

// Bookings are what rooms have answered to what was written; see bookingHeader.
func (r *Reply) Bookings() []string { return r.Header[bookingHeader] }

// Call serves a Call as Serve serves the same request that comes by a connection: the row
// of the method table, its two steps, its one transaction, and what is recorded of it.
func (h *Handler) Call(ctx context.Context, caller *auth.Caller, c Call) *Reply {
	req, err := h.called(ctx, caller, c)
	if err != nil {
		return &Reply{Status: http.StatusBadRequest, Header: http.Header{}}
	}
	defer req.memory.Release()
	resp, err := h.answer(req)
	return req.reply(resp, err)
}

// CallAll serves Calls that write and delete objects as Call serves each, but in one
// transaction, in their order: all are done, and each has its Reply, or none is. Then at is
// the one that was refused, the only one with a Reply; -1: none was.
func (h *Handler) CallAll(ctx context.Context, caller *auth.Caller, calls []Call) (replies []*Reply, at int) {
	replies = make([]*Reply, len(calls))
	steps := make([]*second, len(calls))
	for i, c := range calls {
		req, err := h.called(ctx, caller, c)
		if err != nil {
			replies[i] = &Reply{Status: http.StatusBadRequest, Header: http.Header{}}
			return replies, i
		}
		defer req.memory.Release()
		steps[i] = &second{request: req}
	}
	responses, at, err := h.together(ctx, steps)
	for i, st := range steps {
		switch {
		case at >= 0 && i != at:
			continue
		case err != nil:
			responses[i] = h.errorResponse(st.Request, err)
		}
		st.tellFor()
		if failed := h.record(st.request, responses[i].Status); failed != nil {
			responses[i], err = h.errorResponse(st.Request, failed), failed
		}
		replies[i] = st.reply(responses[i], err)
	}
	return replies, at
}

// errUndone undoes what came before a response that is a refusal.
var errUndone = errors.New("caldav: one of several changes was refused")

// together runs the two steps of requests, the second of all in one transaction. at is the
// request that is refused, -1 if none is: by its response, or err, which says why.
func (h *Handler) together(ctx context.Context, steps []*second) (responses []*webdav.Response, at int, err error) {
	responses = make([]*webdav.Response, len(steps))
	for i, st := range steps {
		ready, err := h.prepare(ctx, st.request)
		switch {
		case err != nil:
			return responses, i, err
		case ready.act == nil:
			responses[i], err = h.refuse(ctx, st.request)
			return responses, i, err
		case st.Method != http.MethodPut && st.Method != http.MethodDelete || st.request.act != nil:
			return responses, i, webdav.BadRequest("this is not done together with others")
		}
		steps[i] = ready
	}
	err = h.suppliedEach(ctx, func() (*request, error) {
		err := update.run(h.Calendars, ctx, h.actor(steps[0].request), func(tx *calendar.Tx) (err error) {
			for i, st := range steps {
				at = i
				if responses[i], err = h.run(tx, st); err == nil && responses[i].Status/100 != 2 {
					err = errUndone
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		return steps[at].request, err
	})
	switch {
	case err == nil:
		h.logBookings(ctx, steps[at].request) // the last has those of all
		return responses, -1, nil
	case errors.Is(err, errUndone):
		return responses, at, nil
	}
	return responses, at, err
}

// called is the request that a Call is.
func (h *Handler) called(ctx context.Context, caller *auth.Caller, c Call) (*request, error) {
	r, err := http.NewRequestWithContext(ctx, c.Method, webdav.EscapePath(c.Path), bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	if c.Header != nil {
		r.Header = c.Header.Clone()
	}
	req := &request{Request: r, caller: caller, now: h.Now(), line: c.Line, memory: h.newMemory(), page: true}
	if c.From != nil {
		r.RemoteAddr, r.Host, r.TLS = c.From.RemoteAddr, c.From.Host, c.From.TLS
		if header.Get(r.Header, "Accept-Language") == "" {
			r.Header["Accept-Language"] = c.From.Header["Accept-Language"]
		}
	}
	if req.line == nil {
		req.line = &logging.Entry{}
	}
	return req, nil
}

// reply is what a response is to a page; err says why it is a refusal.
func (r *request) reply(resp *webdav.Response, err error) *Reply {
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
	if !auth.Reads(r.Method) || r.line.Sub == "" { // what changes something is what a line is looked for by
		r.line.Sub = "via=web " + r.Method
	}
	return reply
}
