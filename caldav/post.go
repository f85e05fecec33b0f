package caldav

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"convene/calendar"
	"convene/internal/header"
	"convene/internal/webdav"
	"convene/store"
)

// postCalendar serves POST on a calendar: at its add-member URI it stores one
// object under a name of the server's choice (RFC 5995); at the calendar itself
// it carries out many changes at once (Apple's calendarserver-bulk-change).
func (h *Handler) postCalendar(r *request) (action, error) {
	// A web page elsewhere may have the browser send a POST without one.
	media, _, err := mime.ParseMediaType(header.Get(r.Header, "Content-Type"))
	if err != nil {
		return nil, webdav.BadRequest("Content-Type is missing or malformed")
	}
	if r.target.addMember {
		return h.addMember(r)
	}
	switch media {
	case mediaCalendar:
		return h.bulkCreate(r, calendar.ICalendar)
	case mediaJCal:
		return h.bulkCreate(r, calendar.JCal)
	case "application/xml", "text/xml":
		return h.bulkChange(r)
	}
	return nil, errUnsupportedData
}

// addMember stores the body as a new member: 201 with its Location.
func (h *Handler) addMember(r *request) (action, error) {
	data, err := h.readObject(r)
	if err != nil {
		return nil, err
	}
	if err := h.introduce(r.Context(), r, data); err != nil {
		return nil, err
	}
	name := newName()
	prefer := webdav.ParsePrefer(r.Header)
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		put, err := s.tx.Put(s.col, name, data)
		if err != nil {
			return nil, changeError(&r.target, s.col, err)
		}
		resp, err := s.putResponse(self, put, prefer)
		if err != nil {
			return nil, err
		}
		resp.Header.Set("Location", webdav.EscapePath(self.dir+name))
		return resp, nil
	}, nil
}

// newName is a name for an object that came without one.
func newName() string { return randomHex() + ".ics" }

// randomHex is 128 random bits as text.
func randomHex() string {
	var b [16]byte
	// crypto/rand.Read never fails: it ends the program if the system has no
	// randomness to give.
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// canonicalType writes a media type without optional white space, so that it
// comes back alike in headers and properties. What is no media type stays.
func canonicalType(header string) string {
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		return header
	}
	names := slices.Sorted(maps.Keys(params))
	for _, name := range names {
		value := params[name]
		if strings.ContainsFunc(value, func(c rune) bool {
			return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-_.+", c)
		}) {
			value = strconv.Quote(value)
		}
		media += ";" + name + "=" + value
	}
	return media
}

// putFile stores any file in an ordinary collection, with its Content-Type.
func (h *Handler) putFile(r *request) (action, error) {
	body, err := readBody(r, h.maxObject(), &webdav.Error{Status: http.StatusRequestEntityTooLarge})
	if err != nil {
		return nil, err
	}
	typ := canonicalType(header.Get(r.Header, "Content-Type"))
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		if s.col == nil && calendar.HomeFiles(r.target.collection) {
			var err error
			if s.col, err = s.tx.Files(s.home); err != nil {
				return nil, changeError(&r.target, nil, err)
			}
		}
		if s.col == nil || s.col.Kind != store.KindCollection {
			return nil, &webdav.Error{Status: http.StatusConflict}
		}
		put, err := s.tx.PutFile(s.col, r.target.object, body, typ)
		if err != nil {
			return nil, changeError(&r.target, s.col, err)
		}
		resp := &webdav.Response{Status: http.StatusNoContent, Header: http.Header{"Etag": {etagOf(s.home.Epoch, s.col, put.Entry.Rev)}}}
		if put.Created {
			resp.Status = http.StatusCreated
		}
		return resp, nil
	}, nil
}
