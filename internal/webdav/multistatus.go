package webdav

import (
	"net/http"
	"strconv"
)

// A Multistatus writes a 207 body (RFC 4918 §13). It is a [Writer]: properties
// are written between PropstatStart and PropstatEnd.
//
//	m := webdav.NewMultistatus(nil)
//	m.ResponseStart("/calendars/", "a.ics")
//	m.PropstatStart(http.StatusOK)
//	m.TextElement(webdav.DAV("getetag"), `"1"`)
//	m.PropstatEnd(nil)
//	m.ResponseEnd()
//	body := m.Finish()
//
// Every response it writes has a DAV:href and a DAV:propstat or a DAV:status,
// whatever is left out, as RFC 4918 §14.24 demands.
type Multistatus struct {
	Writer

	// Recycle is what the Response will have in its own Recycle.
	Recycle func([]byte)

	status    int  // of the open propstat
	propstats bool // the open response has one
	outer     []responseState

	base, opening string // the first part of the last path, and what a response begins with then
}

// A responseState is what is kept of a response while another is written in one of
// its properties, as expand-property has it (RFC 3253 §3.8).
type responseState struct {
	status    int
	propstats bool
}

// NewMultistatus returns a Multistatus that appends to buf, and begins it.
func NewMultistatus(buf []byte) *Multistatus {
	m := &Multistatus{}
	m.Begin(buf)
	return m
}

// Begin makes m append a new document to buf, and opens the root.
func (m *Multistatus) Begin(buf []byte) {
	m.Reset(buf)
	m.Start(NameMultistatus)
	m.closeTag()
}

// ResponseStart opens the response for the resource at path, given as parts to
// be joined, which it percent-encodes. Giving the collection and the member's
// name apart is fastest. It may be opened within a property of another response.
func (m *Multistatus) ResponseStart(path ...string) {
	m.href(path)
	m.outer = append(m.outer, responseState{m.status, m.propstats})
	m.propstats = false
}

func (m *Multistatus) href(path []string) {
	const start = "<D:response><D:href>"
	m.closeTag()
	if len(path) > 1 {
		if path[0] != m.base {
			m.base, m.opening = path[0], string(appendPath([]byte(start), path[0], true))
		}
		m.buf = append(m.buf, m.opening...)
		path = path[1:]
	} else {
		m.buf = append(m.buf, start...)
	}
	for _, s := range path {
		m.buf = appendPath(m.buf, s, true)
	}
	m.buf = append(m.buf, "</D:href>"...)
}

// ResponseEnd closes the response. One without a propstat gets an empty one.
func (m *Multistatus) ResponseEnd() {
	if !m.propstats {
		m.PropstatStart(http.StatusOK)
		m.PropstatEnd(nil)
	}
	m.buf = append(m.buf, "</D:response>\n"...)
	if n := len(m.outer) - 1; n >= 0 {
		m.status, m.propstats = m.outer[n].status, m.outer[n].propstats
		m.outer = m.outer[:n]
	}
}

// PropstatStart opens a propstat, and the DAV:prop within it.
func (m *Multistatus) PropstatStart(status int) {
	m.buf = append(m.buf, "<D:propstat><D:prop>"...)
	m.status, m.propstats = status, true
}

// PropstatEnd closes the propstat with its status and, unless err is nil, the
// condition and description of err.
func (m *Multistatus) PropstatEnd(err *Error) {
	if m.status == http.StatusOK && err == nil { // as nearly always
		m.buf = append(m.buf, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"...)
		return
	}
	m.buf = append(m.buf, "</D:prop>"...)
	m.statusLine(m.status)
	m.explain(err)
	m.buf = append(m.buf, "</D:propstat>"...)
}

// ResponseStatus writes a whole response that has a status and no properties,
// as for a removed member (RFC 6578 §3.5) or a failed one (RFC 4918 §9.6.1).
// Unless err is nil its condition and description are added.
func (m *Multistatus) ResponseStatus(path string, status int, err *Error) {
	m.href([]string{path})
	m.failed(status, err)
}

// ResponseStatusURI is ResponseStatus for what a client named by a URI that is none
// of this server's: it gets back what it wrote.
func (m *Multistatus) ResponseStatusURI(uri string, status int) {
	m.closeTag()
	m.buf = append(m.buf, "<D:response>"...)
	m.HrefURI(uri)
	m.failed(status, nil)
}

// MemberStatus is ResponseStatus for the member name of the collection at base.
func (m *Multistatus) MemberStatus(base, name string, status int, err *Error) {
	m.href([]string{base, name})
	m.failed(status, err)
}

func (m *Multistatus) failed(status int, err *Error) {
	m.statusLine(status)
	m.explain(err)
	m.buf = append(m.buf, "</D:response>\n"...)
}

// ResponseRefused writes the response of something that was refused: its DAV:href is
// empty if path is, for what has none. With results it tells what became of each
// property, instead of a status. Elements in more stand beside the condition of err
// and say what was refused (calendarserver-bulk-change §3, §4.1).
func (m *Multistatus) ResponseRefused(path string, err *Error, results []PropResult, more ...*Element) {
	if path == "" {
		m.buf = append(m.buf, "<D:response><D:href/>"...)
	} else {
		m.href([]string{path})
	}
	if len(results) > 0 {
		m.PropResults(results)
	} else {
		m.statusLine(err.Code())
	}
	if err.Condition.Local != "" || len(more) > 0 {
		m.Start(NameError)
		err.write(&m.Writer)
		for _, e := range more {
			m.Element(e)
		}
		m.Writer.End()
	}
	if err.Description != "" && len(results) == 0 {
		m.TextElement(NameResponseDescript, err.Description)
	}
	m.closeTag()
	m.buf = append(m.buf, "</D:response>\n"...)
}

// Propstat writes a whole propstat of properties without values, as PROPPATCH
// responses and PROPFIND's 404 have them. Without names it writes nothing.
func (m *Multistatus) Propstat(status int, names []*Element, err *Error) {
	if len(names) == 0 {
		return
	}
	m.PropstatStart(status)
	for _, e := range names {
		m.Empty(e.Name)
	}
	m.PropstatEnd(err)
}

// SyncToken writes the DAV:sync-token that RFC 6578 §6.4 adds.
func (m *Multistatus) SyncToken(token string) { m.TextElement(NameSyncToken, token) }

// Description writes a DAV:responsedescription for the whole.
func (m *Multistatus) Description(text string) { m.TextElement(NameResponseDescript, text) }

// Finish closes the document and returns it.
func (m *Multistatus) Finish() []byte { return m.Bytes() }

// Response closes the document and returns it as a 207 response.
func (m *Multistatus) Response() *Response {
	r := XML(http.StatusMultiStatus, m.Finish())
	r.Recycle = m.Recycle
	return r
}

func (m *Multistatus) explain(err *Error) {
	if err == nil {
		return
	}
	if err.Condition.Local != "" {
		m.Start(NameError)
		err.write(&m.Writer)
		m.End()
	}
	if err.Description != "" {
		m.TextElement(NameResponseDescript, err.Description)
	}
}

// statusLine writes DAV:status, an HTTP status line (RFC 4918 §14.28).
func (m *Multistatus) statusLine(status int) {
	switch status {
	case http.StatusOK:
		m.buf = append(m.buf, "<D:status>HTTP/1.1 200 OK</D:status>"...)
		return
	case http.StatusNotFound:
		m.buf = append(m.buf, "<D:status>HTTP/1.1 404 Not Found</D:status>"...)
		return
	}
	m.buf = append(m.buf, "<D:status>HTTP/1.1 "...)
	m.buf = strconv.AppendInt(m.buf, int64(status), 10)
	m.buf = append(m.buf, ' ')
	m.buf = append(m.buf, http.StatusText(status)...)
	m.buf = append(m.buf, "</D:status>"...)
}
