package caldav

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"convene/calendar"
	"convene/internal/header"
	"convene/internal/webdav"
)

// readBody reads at most limit bytes; more is tooLarge. The memory is reserved
// before it is taken.
func readBody(r *request, limit int64, tooLarge error) ([]byte, error) {
	if coding := header.Get(r.Header, "Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, errCoded
	}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := r.sent.bytes, r.sent.err
	if !r.sent.read {
		read := readUnknown
		if r.ContentLength >= 0 {
			read = readKnown
		}
		body, err = read(r, limit)
		r.sent = sentBody{read: true, bytes: body, err: err}
	}
	_, outside := errors.AsType[*http.MaxBytesError](err)
	_, refused := errors.AsType[*webdav.Error](err)
	switch {
	case outside || int64(len(body)) > limit:
		return nil, tooLarge
	case refused || err != nil && r.Context().Err() != nil:
		return nil, err
	case err != nil:
		return nil, &webdav.Error{Status: http.StatusBadRequest, Description: "the request body was cut short", Err: err}
	}
	return body, nil
}

// A sentBody is what was read of a request's body, for a second run of what reads it.
type sentBody struct {
	read  bool
	bytes []byte
	err   error
}

// errCoded refuses a body that is compressed: stored as it comes it would be given out
// as what it is not, since nothing keeps its coding (RFC 9110 §8.4).
var errCoded = &webdav.Error{Status: http.StatusUnsupportedMediaType, Description: "the body has a Content-Encoding; send it without"}

// readKnown reads a body into as much memory as its header says.
func readKnown(r *request, _ int64) ([]byte, error) {
	if err := r.memory.reserveBody(r.Context(), r.ContentLength); err != nil {
		return nil, err
	}
	body := make([]byte, r.ContentLength+1) // one more, to see its end
	n, err := io.ReadFull(r.Body, body)
	if int64(n) == r.ContentLength && (err == io.ErrUnexpectedEOF || err == io.EOF) {
		err = nil
	}
	return body[:n], err
}

// leastRead is the memory for a body of unknown length at first, in bytes.
const leastRead = 4 << 10

// readUnknown reads a body of whatever length, and at least a byte more than limit
// if it is longer. Its memory doubles as it comes.
func readUnknown(r *request, limit int64) ([]byte, error) {
	body := []byte(nil)
	for size := int64(leastRead); ; size *= 2 {
		size = min(size, limit+1)
		if err := r.memory.reserveBody(r.Context(), size); err != nil {
			return nil, err
		}
		body = append(make([]byte, 0, size), body...)
		n, err := io.ReadFull(r.Body, body[len(body):size])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return body, nil
		case err != nil || int64(len(body)) > limit:
			return body, err
		}
	}
}

// An xmlBody is what readXML gave.
type xmlBody struct {
	read bool
	root *webdav.Element
	err  error
}

// readXML reads and parses the request body; nil if there is none. The content
// type is not looked at: clients send XML under many names.
func (h *Handler) readXML(r *request) (*webdav.Element, error) {
	body, err := readBody(r, h.Limits.MaxRequestSize, &webdav.Error{Status: http.StatusRequestEntityTooLarge})
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, err
	}
	if err := r.memory.reserve(r.Context(), webdav.TreeSize(body, webdav.DefaultXMLLimits)); err != nil {
		return nil, err
	}
	p, ok := h.parsers.Get().(*webdav.Parser)
	if !ok {
		p = new(webdav.Parser)
	}
	defer h.parsers.Put(p)
	return p.Parse(body, webdav.DefaultXMLLimits)
}

// noBody refuses a request whose body would be ignored (RFC 4918 §8.4).
func noBody(r *request) error {
	if n, err := io.ReadFull(r.Body, make([]byte, 1)); n == 0 {
		if err == io.EOF {
			err = nil
		}
		return err
	}
	return &webdav.Error{Status: http.StatusUnsupportedMediaType, Description: "this method has no body"}
}

// errResourceSize refuses an object that is longer than one may be (RFC 4791 §5.2.5).
var errResourceSize = precondition(webdav.CalDAV("max-resource-size"))

var errUnsupportedData = precondition(webdav.CalDAV("supported-calendar-data"))

// readObject reads, parses and checks a calendar object resource (RFC 4791
// §5.3.2.1): iCalendar, or jCal which is stored as iCalendar (RFC 7265).
func (h *Handler) readObject(r *request) (*calendar.Data, error) {
	form, err := formOf(header.Get(r.Header, "Content-Type"))
	if err != nil {
		return nil, err
	}
	body, err := readBody(r, h.maxObject(), errResourceSize)
	if err != nil {
		return nil, err
	}
	return h.parse(r, body, form)
}

// The media types of calendar data.
const (
	mediaCalendar = "text/calendar"
	mediaJCal     = "application/calendar+json"
)

// formOf is the form that a Content-Type header names. A missing one is
// taken for iCalendar.
func formOf(header string) (calendar.Form, error) {
	if header == "" {
		return calendar.ICalendar, nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		media, _, _ = strings.Cut(header, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return 0, errUnsupportedData
	}
	switch media {
	case mediaCalendar:
		return calendar.ICalendar, nil
	case mediaJCal:
		return calendar.JCal, nil
	}
	return 0, errUnsupportedData
}

// parse checks the data of one calendar object, in memory that it reserves. Errors
// are those of [calendar.Rules.Parse] and of reserve.
func (h *Handler) parse(r *request, body []byte, form calendar.Form) (*calendar.Data, error) {
	if err := r.reserveTree(body, form); err != nil {
		return nil, err
	}
	return h.Calendars.Rules.Parse(body, form)
}

// objectCopies is how often the text of an object is in memory while it is stored,
// besides its source and its tree: written anew, and on its way to the file.
const objectCopies = 2

// reserveTree takes what calendar data needs to be parsed and stored. Errors are
// those of reserve.
func (r *request) reserveTree(body []byte, form calendar.Form) error {
	return r.memory.reserve(r.Context(), calendar.TreeSize(body, form)+objectCopies*int64(len(body)))
}

// inElement is the calendar data in the content of an XML element, and its form
// (RFC 4791 §9.6.4).
func inElement(e *webdav.Element) ([]byte, calendar.Form) {
	form := calendar.ICalendar
	if kind, _ := e.Attr("content-type"); kind == mediaJCal {
		form = calendar.JCal
	}
	return []byte(strings.TrimSpace(e.Content()) + "\r\n"), form
}
