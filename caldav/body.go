package caldav

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"convene/calendar"
	"convene/internal/webdav"
)

// claimed is how much memory a body gets for the length that its header claims;
// for more it has to come.
const claimed = 256 << 10

// readBody reads at most limit bytes; more is tooLarge.
func readBody(r *http.Request, limit int64, tooLarge error) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	read := readUnknown
	if r.ContentLength >= 0 && r.ContentLength <= claimed {
		read = readClaimed
	}
	body, err := read(r, limit)
	_, outside := errors.AsType[*http.MaxBytesError](err)
	switch {
	case outside || int64(len(body)) > limit:
		return nil, tooLarge
	case err != nil:
		return nil, &webdav.Error{Status: http.StatusBadRequest, Description: "the request body was cut short", Err: err}
	}
	return body, nil
}

// readClaimed reads a body into as much memory as its header says.
func readClaimed(r *http.Request, _ int64) ([]byte, error) {
	body := make([]byte, r.ContentLength+1) // one more, to see its end
	n, err := io.ReadFull(r.Body, body)
	if int64(n) == r.ContentLength && (err == io.ErrUnexpectedEOF || err == io.EOF) {
		err = nil
	}
	return body[:n], err
}

// readUnknown reads a body of whatever length, and at least a byte more than limit
// if it is longer.
func readUnknown(r *http.Request, limit int64) ([]byte, error) {
	size := min(max(r.ContentLength, 512), limit, claimed)
	body := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := body.ReadFrom(io.LimitReader(r.Body, limit+1))
	return body.Bytes(), err
}

// readXML reads and parses the request body; nil if there is none. The content
// type is not looked at: clients send XML under many names.
func (h *Handler) readXML(r *request) (*webdav.Element, error) {
	body, err := readBody(r.Request, h.Limits.RequestBytes, &webdav.Error{Status: http.StatusRequestEntityTooLarge})
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, err
	}
	p, ok := h.parsers.Get().(*webdav.Parser)
	if !ok {
		p = new(webdav.Parser)
	}
	defer h.parsers.Put(p)
	return p.Parse(body, webdav.DefaultXMLLimits)
}

var errUnsupportedData = precondition(webdav.CalDAV("supported-calendar-data"))

// readObject reads, parses and checks a calendar object resource (RFC 4791
// §5.3.2.1): iCalendar, or jCal which is stored as iCalendar (RFC 7265).
func (h *Handler) readObject(r *request) (*calendar.Data, error) {
	form, err := formOf(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	body, err := readBody(r.Request, h.maxObject(), precondition(webdav.CalDAV("max-resource-size")))
	if err != nil {
		return nil, err
	}
	return h.Calendars.Rules.Parse(body, form)
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

// inElement is the calendar data in the content of an XML element, and its form
// (RFC 4791 §9.6.4).
func inElement(e *webdav.Element) ([]byte, calendar.Form) {
	form := calendar.ICalendar
	if kind, _ := e.Attr("content-type"); kind == mediaJCal {
		form = calendar.JCal
	}
	return []byte(strings.TrimSpace(e.Content()) + "\r\n"), form
}
