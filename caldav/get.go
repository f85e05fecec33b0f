package caldav

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"

	"convene/calendar"
	"convene/internal/header"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// getObject serves GET of an object (RFC 4791 §5.3.4): its bytes as they were
// stored, or as jCal if the client prefers that (RFC 7265).
func (h *Handler) getObject(*request) (action, error) {
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		resp := &webdav.Response{Status: http.StatusOK, Header: http.Header{
			"Etag": {self.etag()}, "Last-Modified": {httpTime(self.modified())},
		}}
		s.tagged(resp, s.home, s.col, s.object)
		if s.col.Kind != store.KindCollection {
			resp.Header["Vary"] = varyOfData // of 304 as well (RFC 9110 §15.4.5)
		}
		if err := s.checkConditions(self); err != nil {
			return notModifiedAs(resp, err)
		}
		body, err := s.body()
		if err != nil {
			return nil, err
		}
		typ, err := s.contentType(s.col, s.object)
		if err != nil {
			return nil, err
		}
		resp.Header["Content-Type"] = []string{typ}
		if s.col.Kind == store.KindCollection {
			resp.Header["Content-Security-Policy"] = []string{filePolicy}
			resp.Body = body
		} else if resp, err = s.calendarBody(resp, body); err != nil {
			return nil, err
		}
		return webdav.Partial(s.req.Request, resp), nil
	}, nil
}

// body is a copy of the data of the target's object.
func (s *scope) body() (body []byte, err error) {
	if err := s.fits(s.object.Size); err != nil {
		return nil, err
	}
	err = s.tx.Body(s.col, s.object, func(b []byte) { body = bytes.Clone(b) })
	return body, err
}

// notModifiedAs makes a failed condition of a GET into its response: 304 keeps the
// validators (RFC 9110 §15.4.5).
func notModifiedAs(resp *webdav.Response, err error) (*webdav.Response, error) {
	if e := davError(err); e.Status == http.StatusNotModified {
		resp.Status = http.StatusNotModified
		return resp, nil
	}
	return nil, err
}

// varyOfData is the Vary of calendar data: what its form depends on.
var varyOfData = []string{"Accept, CalDAV-Timezones"}

// calendarBody fills a response with calendar data in the representation that
// the client accepts. It takes body over.
func (s *scope) calendarBody(resp *webdav.Response, body []byte) (*webdav.Response, error) {
	resp.Header["Vary"] = varyOfData
	json, bare := prefersJCal(s.req.Request), omitsZones(s.req.Header)
	if !json && !bare {
		resp.Body = body
		return resp, nil
	}
	if err := s.req.memory.fits(len(body) + int(ical.TreeSize(body, ical.DefaultLimits))); err != nil {
		return nil, err
	}
	cal, err := ical.Decode(body, ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	if bare {
		cal = ical.StripStandardZones(cal)
	}
	if !json {
		resp.Body = cal.Append(nil)
		return resp, nil
	}
	resp.Header["Content-Type"] = []string{jcalType}
	resp.Body = cal.AppendJCal(nil)
	return resp, nil
}

// contentType is the media type of an object: calendar data, or what came with
// a file.
func (s *scope) contentType(c *store.Collection, o *store.Entry) (string, error) {
	if c.Kind != store.KindCollection {
		return calendarType, nil
	}
	raw := s.tx.Property(store.OfObject(c, o.Name), calendar.PropertyKey(calendar.FileType))
	if raw == nil {
		return "application/octet-stream", nil
	}
	e, err := webdav.ParseXML(raw, webdav.DefaultXMLLimits)
	return e.Content(), err
}

// What a browser may do with a page of ours: show it; and with a file that
// somebody stored, which can be a page with a script: not even run it as ours.
const (
	pagePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	filePolicy = "sandbox; " + pagePolicy
)

// listing is the page that a browser gets for a collection.
var listing = template.Must(template.New("listing").Parse(listingText))

const listingText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Path}}</title></head>
<body><h1>{{.Path}}</h1>
<table><thead><tr><th>Name</th><th>Size</th><th>Last modified</th><th>Type</th></tr></thead><tbody>
{{range .Rows}}<tr><td><a href="{{.Href}}">{{.Name}}</a></td><td>{{.Size}}</td><td>{{.Modified}}</td><td>{{.Type}}</td></tr>
{{end}}</tbody></table></body></html>
`

type listingRow struct {
	Href, Name, Modified, Type string
	Size                       int
}

// getListing serves GET of a collection that is no calendar: a page that shows
// what is in it (S12). Records by GUID are not listed.
func (h *Handler) getListing(r *request) (action, error) {
	listed, err := h.listedFor(r)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if r.target.form == uidsForm && r.target.kind&(kindPrincipalType|kindHomeType) != 0 {
			return nil, &webdav.Error{Status: http.StatusForbidden, Description: "records are not listed by GUID"}
		}
		self := s.resource()
		resp := &webdav.Response{Status: http.StatusOK, Header: http.Header{
			"Content-Type": {"text/html; charset=utf-8"}, "Content-Security-Policy": {pagePolicy},
		}}
		if self.kind&inHome != 0 {
			resp.Header["Last-Modified"] = []string{httpTime(self.modified())}
		}
		if tag := self.etag(); tag != "" {
			resp.Header["Etag"] = []string{tag}
			if err := s.checkConditions(self); err != nil {
				return notModifiedAs(resp, err)
			}
		}
		page := struct {
			Path string
			Rows []listingRow
		}{Path: self.dir}
		err := s.eachMember(self, listed, func(r *resource) error {
			row, err := s.listingRow(r)
			page.Rows = append(page.Rows, row)
			return err
		})
		if err != nil {
			return nil, err
		}
		var body bytes.Buffer
		err = listing.Execute(&body, page)
		resp.Body = body.Bytes()
		return resp, err
	}, nil
}

func (s *scope) listingRow(r *resource) (row listingRow, err error) {
	row = listingRow{Href: webdav.EscapePath(r.dir + r.name), Name: strings.ReplaceAll(r.name, webdav.EscapedSlash, "/"), Type: "Collection"}
	switch {
	case r.object != nil:
		row.Type = "text/calendar"
		row.Size, err = s.tx.Size(r.col, r.object)
	case r.col != nil:
		row.Name = r.col.Name
	case r.owner != nil && r.kind == kindPrincipal:
		row.Name, row.Type = r.owner.FullName, "Principal"
	default:
		row.Name = lastSegment(r.dir)
	}
	if r.kind&inHome != 0 {
		row.Modified = httpTime(r.modified())
	}
	return row, err
}

// isBrowser reports whether a page is wanted where other clients get calendar
// data.
func isBrowser(r *http.Request) bool {
	return strings.Contains(header.Get(r.Header, "Accept"), "text/html") ||
		header.Get(r.Header, "Accept") == "" && strings.HasPrefix(r.UserAgent(), "Mozilla/")
}
