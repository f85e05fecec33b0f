package caldav

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
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

// An upload is a calendar object resource as a client sent it, checked, with
// what the store's index needs.
type upload struct {
	body   []byte
	object *ical.Object
	index  store.Index
	edited bool // the body is not what the client sent
}

var errUnsupportedData = precondition(webdav.CalDAV("supported-calendar-data"))

// readObject reads, parses and checks a calendar object resource (RFC 4791
// §5.3.2.1): iCalendar, or jCal which is stored as iCalendar (RFC 7265).
func (h *Handler) readObject(r *request) (*upload, error) {
	media, err := calendarMedia(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	body, err := readBody(r.Request, h.Limits.ObjectBytes, precondition(webdav.CalDAV("max-resource-size")))
	if err != nil {
		return nil, err
	}
	return h.parseObject(body, media)
}

// The media types of calendar data.
const (
	mediaCalendar = "text/calendar"
	mediaJCal     = "application/calendar+json"
)

// calendarMedia is the media type of a Content-Type header. A missing one is
// taken for iCalendar.
func calendarMedia(header string) (string, error) {
	if header == "" {
		return mediaCalendar, nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		media, _, _ = strings.Cut(header, ";")
		media = strings.ToLower(strings.TrimSpace(media))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return "", errUnsupportedData
	}
	switch media {
	case mediaCalendar, mediaJCal:
		return media, nil
	}
	return "", errUnsupportedData
}

// parseObject checks calendar data and prepares what the store needs of it.
func (h *Handler) parseObject(body []byte, media string) (*upload, error) {
	up := &upload{body: body}
	cal, err := decodeCalendar(body, media)
	if err != nil {
		return nil, invalidData(err)
	}
	// A fold within a character is legal iCalendar, but such bytes cannot stand
	// in an XML answer.
	up.edited = repair(cal) || !utf8.Valid(body)
	// Clients may name a time zone without defining it (RFC 7809 §3.1.3); those
	// that do not know this get the definition from us.
	if whole := ical.AddZones(cal); whole != cal {
		cal, up.edited = whole, true
	}
	if up.object, err = ical.NewObject(cal); err != nil {
		return nil, invalidData(err)
	}
	if err := h.checkLimits(up.object); err != nil {
		return nil, err
	}
	if up.edited || media != mediaCalendar {
		up.body = cal.Append(nil)
	}
	up.index, err = indexOf(up.object)
	if err != nil {
		return nil, invalidData(err)
	}
	return up, nil
}

func decodeCalendar(body []byte, media string) (*ical.Component, error) {
	if media == mediaJCal {
		return ical.DecodeJCal(body, ical.DefaultLimits)
	}
	return ical.Decode(body, ical.DefaultLimits)
}

// invalidData says which precondition of RFC 4791 §5.3.2.1 calendar data does
// not meet, and why.
func invalidData(err error) error {
	e := &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CalDAV("valid-calendar-data"), Description: err.Error(), Err: err}
	if invalid, ok := errors.AsType[*ical.InvalidError](err); ok {
		e.Condition, e.Description = webdav.CalDAV(invalid.Condition), invalid.Reason
	}
	if errors.Is(err, ical.ErrLimit) {
		e.Condition = webdav.CalDAV("max-resource-size")
	}
	return e
}

// checkLimits refuses objects with more attendees than allowed, and series with
// more instances (RFC 4791 §5.2.8).
func (h *Handler) checkLimits(o *ical.Object) error {
	for _, c := range o.Calendar.Children {
		if len(c.AllProps("ATTENDEE")) > h.Limits.Attendees {
			return precondition(webdav.CalDAV("max-attendees-per-instance"))
		}
	}
	if o.Master == nil || o.Master.Prop("RRULE") == nil {
		return nil
	}
	if series, err := o.Series(); err == nil && h.Limits.Instances > 0 && series.Exceeds(h.Limits.Instances) {
		return precondition(webdav.CalDAV("max-instances"))
	}
	return nil
}
