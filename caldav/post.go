package caldav

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"convene/internal/webdav"
	"convene/store"
)

// postCalendar serves POST on a calendar: at its add-member URI it stores one
// object under a name of the server's choice (RFC 5995); at the calendar itself
// it carries out many changes at once (Apple's calendarserver-bulk-change).
func (h *Handler) postCalendar(r *request) (action, error) {
	// A web page elsewhere may have the browser send a POST without one.
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, webdav.BadRequest("Content-Type is missing or malformed")
	}
	if r.target.addMember {
		return h.addMember(r)
	}
	switch media {
	case mediaCalendar, mediaJCal:
		return h.bulkCreate(r, media)
	case "application/xml", "text/xml":
		return h.bulkChange(r)
	}
	return nil, errUnsupportedData
}

// addMember stores the body as a new member: 201 with its Location.
func (h *Handler) addMember(r *request) (action, error) {
	up, err := h.readObject(r)
	if err != nil {
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
		put, err := s.put(s.col, name, up)
		if err != nil {
			return nil, err
		}
		resp, err := s.answerPut(self, put, prefer)
		if err != nil {
			return nil, err
		}
		resp.Header.Set("Location", webdav.EscapePath(self.dir+name))
		return resp, nil
	}, nil
}

// newName is a name for an object that came without one: 128 random bits.
func newName() string {
	var b [16]byte
	// crypto/rand.Read never fails: it ends the program if the system has no
	// randomness to give.
	rand.Read(b[:])
	return hex.EncodeToString(b[:]) + ".ics"
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
	body, err := readBody(r.Request, h.Limits.ObjectBytes, &webdav.Error{Status: http.StatusRequestEntityTooLarge})
	if err != nil {
		return nil, err
	}
	typ := canonicalType(r.Header.Get("Content-Type"))
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		if s.col == nil && r.target.collection == homeFiles {
			var err error
			if s.col, err = s.homeFiles(s.home); err != nil {
				return nil, err
			}
		}
		if s.col == nil || s.col.Kind != store.KindCollection {
			return nil, &webdav.Error{Status: http.StatusConflict}
		}
		if s.object == nil {
			if err := s.roomForFile(); err != nil {
				return nil, err
			}
		}
		entry, created, err := s.tx.PutObject(s.col, r.target.object, body, store.Index{}, store.Match{})
		if err != nil {
			return nil, putAnswer(&r.target, s.col, err)
		}
		if typ != "" {
			value := webdav.NewText(fileType, typ).Append(nil)
			if err := s.tx.SetProperty(store.OfObject(s.col, entry.Name), propertyKey(fileType), value); err != nil {
				return nil, err
			}
		}
		resp := &webdav.Response{Status: http.StatusNoContent, Header: http.Header{"Etag": {etagOf(entry.Rev)}}}
		if created {
			resp.Status = http.StatusCreated
		}
		return resp, nil
	}, nil
}

// homeFiles is the collection of the files that lie in a home itself, made with
// the first of them.
func (s *scope) homeFiles(home *store.Home) (*store.Collection, error) {
	files, err := s.tx.Collection(home.ID, homeFiles)
	if errors.Is(err, store.ErrNotFound) {
		files, err = s.tx.CreateCollection(home.ID, store.NewCollection{Name: homeFiles, Kind: store.KindCollection})
	}
	return files, putAnswer(&s.req.target, nil, err)
}

// roomForFile refuses another file in a collection that is full, and one in the
// home where a collection has its name.
func (s *scope) roomForFile() error {
	if s.col.Name == homeFiles {
		_, err := s.tx.Collection(s.home.ID, s.req.target.object)
		switch {
		case err == nil:
			return &webdav.Error{Status: http.StatusConflict, Description: "a collection has this name"}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
	}
	return s.roomFor(s.col)
}
