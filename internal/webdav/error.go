package webdav

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"time"
)

// An Error is a refusal as the client gets to see it: a status and, if a
// standard names one, the pre- or postcondition that was not met (RFC 4918 §16).
//
// The client sees Condition, Hrefs, Children and Description; Err is the cause,
// for the log alone.
type Error struct {
	Status      int      // HTTP status; 0 counts as 500
	Condition   xml.Name // element within DAV:error; empty: none
	Hrefs       []string // paths, as DAV:href elements within Condition
	Children    []*Element
	Description string        // a sentence for people
	RetryAfter  time.Duration // for 503 and 429; 0: not said
	Err         error
}

// Code returns the HTTP status of the response.
func (e *Error) Code() int {
	if e.Status == 0 {
		return http.StatusInternalServerError
	}
	return e.Status
}

// Error returns the status, the condition and the cause, for a log.
func (e *Error) Error() string {
	s := strconv.Itoa(e.Code()) + " " + http.StatusText(e.Code())
	if e.Condition.Local != "" {
		s += " (" + e.Condition.Local + ")"
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Body returns the DAV:error document, nil if there is nothing to say beyond
// the status.
func (e *Error) Body() []byte {
	if e.Condition.Local == "" && e.Description == "" {
		return nil
	}
	w := Writer{buf: []byte(xmlDeclaration), fragment: true}
	w.Start(NameError)
	e.write(&w)
	if e.Description != "" {
		w.TextElement(NameResponseDescript, e.Description)
	}
	return w.Bytes()
}

// Response returns e on the wire, Retry-After included.
func (e *Error) Response() *Response {
	r := &Response{Status: e.Code(), Header: http.Header{}, Body: e.Body()}
	if r.Body != nil {
		r.Header.Set("Content-Type", ContentTypeXML)
	}
	if e.RetryAfter > 0 {
		seconds := max(1, int64((e.RetryAfter+time.Second-1)/time.Second))
		r.Header.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	return r
}

// write writes the condition element.
func (e *Error) write(w *Writer) {
	if e.Condition.Local == "" {
		return
	}
	w.Start(e.Condition)
	for _, path := range e.Hrefs {
		w.Href(path)
	}
	for _, c := range e.Children {
		w.Element(c)
	}
	w.End()
}

// BadRequest returns a 400 with a sentence that says what is wrong.
func BadRequest(description string) *Error {
	return &Error{Status: http.StatusBadRequest, Description: description}
}

// Forbidden returns a 403 for an unmet condition.
func Forbidden(condition xml.Name, description string) *Error {
	return &Error{Status: http.StatusForbidden, Condition: condition, Description: description}
}

// NeedPrivileges returns the 403 of RFC 3744 §7.1.1 for a caller who lacks
// privileges on the resource at path: it is named once for each.
func NeedPrivileges(path string, privileges ...xml.Name) *Error {
	e := &Error{Status: http.StatusForbidden, Condition: CondNeedPrivileges}
	for _, name := range privileges {
		e.Children = append(e.Children, NewElement(DAV("resource"),
			NewHref(path),
			NewElement(DAV("privilege"), NewElement(name))))
	}
	return e
}

// UIDConflict returns the 403 CALDAV:no-uid-conflict of RFC 4791 §5.3.2.1; path
// is the resource that has the UID already.
func UIDConflict(path string) *Error {
	return &Error{Status: http.StatusForbidden, Condition: CondNoUIDConflict, Hrefs: []string{path}}
}

// ContentTypeXML is the type of every XML response.
const ContentTypeXML = `application/xml; charset="utf-8"`

// contentTypeXML is ContentTypeXML as a header has it, shared between responses.
var contentTypeXML = []string{ContentTypeXML}

// A Response is an HTTP response as a value: built within a transaction, sent after it.
type Response struct {
	Status int
	Header http.Header // may be nil
	Body   []byte

	// Recycle takes Body back when it has been sent; nil: nobody wants it.
	Recycle func([]byte)
}

// XML returns a response with an XML body.
func XML(status int, body []byte) *Response {
	return &Response{
		Status: status,
		Header: http.Header{"Content-Type": contentTypeXML},
		Body:   body,
	}
}
