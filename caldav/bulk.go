package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
)

// bulkResources bounds the resources that one bulk request may change.
const bulkResources = 250

// partsFactor is how much longer the parts of an iCalendar stream may be, all
// together, than the longest stream: each has the time zones that it uses. The trees
// of the parts are that of the stream.
const partsFactor = 2

// A bulkStep is one change of a bulk request: what to do inside the
// transaction, and how its outcome is told.
type bulkStep struct {
	path   string // of an existing resource; "" for a new one
	name   string // in the calendar
	data   *calendar.Data
	match  string // the ETag that it must have; "": any
	remove bool
	err    error // it failed before the transaction
}

// bulkCreate stores each event of an iCalendar stream as a resource of its own
// (calendarserver-bulk-change §3.1).
func (h *Handler) bulkCreate(r *request, form calendar.Form) (action, error) {
	body, err := readBody(r, h.Limits.MaxRequestSize, &webdav.Error{Status: http.StatusRequestEntityTooLarge})
	if err != nil {
		return nil, err
	}
	if err := r.reserveTree(body, form); err != nil {
		return nil, err
	}
	cal, err := calendar.Decode(body, form)
	if err != nil {
		return nil, calendar.Invalid(err)
	}
	steps, err := h.bulkParts(r, cal)
	if err != nil {
		return nil, err
	}
	return h.bulk(r, steps)
}

// bulkParts makes the objects of an iCalendar stream into steps. What is wrong with
// one object is its step's error; errors are those of the whole request.
func (h *Handler) bulkParts(r *request, cal *ical.Component) ([]bulkStep, error) {
	zones, parts := ical.NewZones(cal), splitByUID(cal)
	if len(parts) > bulkResources {
		return nil, precondition(webdav.ME("max-resources"))
	}
	steps := make([]bulkStep, len(parts))
	left := partsFactor * h.Limits.MaxRequestSize
	for i, part := range parts {
		text := part.Append(nil)
		if left -= int64(len(text)); left < 0 {
			return nil, precondition(webdav.ME("max-bytes"))
		}
		if err := r.memory.reserve(r.Context(), (1+objectCopies)*int64(len(text))); err != nil {
			return nil, err
		}
		data, err := h.Calendars.Rules.ParsePart(part, zones, text)
		steps[i] = bulkStep{name: newName(), data: data, err: err}
	}
	return steps, nil
}

// bulkChange creates, updates and deletes resources as an ME:multiput body says
// (calendarserver-bulk-change §3.3).
func (h *Handler) bulkChange(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	if !body.Is(webdav.ME("multiput")) {
		return nil, webdav.BadRequest("the body is ME:multiput")
	}
	var steps []bulkStep
	for e := range body.ChildrenNamed(webdav.ME("resource")) {
		if len(steps) == bulkResources {
			return nil, precondition(webdav.ME("max-resources"))
		}
		st := h.bulkStep(r, e)
		if errors.Is(st.err, errNoMemory) {
			return nil, st.err // and not 250 times after each other
		}
		steps = append(steps, st)
	}
	return h.bulk(r, steps)
}

// bulkStep reads one ME:resource: with a DAV:href it is an update, or a removal;
// without, a new resource.
func (h *Handler) bulkStep(r *request, e *webdav.Element) bulkStep {
	var st bulkStep
	st.match = e.Child(webdav.ME("if-match")).Child(webdav.DAV("getetag")).TrimText()
	if href := e.Child(webdav.NameHref); href != nil {
		path, err := webdav.ParseHref(href.TrimText(), r.Host)
		if err == nil {
			st.path, st.name = path, lastSegment(path)
		}
		if err != nil || path != r.target.collectionPath(r.target.collection)+st.name {
			st.err = webdav.BadRequest("the href is not in this calendar")
			return st
		}
	} else {
		st.name = newName()
	}
	if e.Child(webdav.ME("delete")) != nil {
		st.remove = true
		return st
	}
	set := e.Child(webdav.NameSet)
	data := set.Child(webdav.NameProp).Child(webdav.CalDAV("calendar-data"))
	if data == nil {
		data = set.Child(webdav.CalDAV("calendar-data")) // as the draft's text has it; its examples have DAV:prop
	}
	if data == nil {
		st.err = webdav.BadRequest("a resource has calendar data or is deleted")
		return st
	}
	text, form := inElement(data)
	st.data, st.err = h.parse(r, text, form)
	return st
}

// bulk carries out the steps in one transaction. Each has its own outcome; what
// fails leaves the others be. The new ctag goes into a header.
func (h *Handler) bulk(r *request, steps []bulkStep) (action, error) {
	r.need = acl.Write
	withData := r.Header.Get("X-Mobileme-Dav-Options") == "return-changed-data"
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		if err := s.checkCTag(self); err != nil {
			return nil, err
		}
		ms := h.multistatus()
		for _, st := range steps { // copies: the transaction may run again
			if err := s.bulkOne(ms, self, &st, withData); err != nil {
				return nil, err
			}
		}
		col, err := s.tx.Collection(s.home.ID, s.col.Name)
		if err != nil {
			return nil, err
		}
		resp := ms.Response()
		resp.Header["Ctag"] = []string{ctagOf(col.Rev)}
		return resp, nil
	}, nil
}

// checkCTag judges the If header of a bulk request: clients send the ctag alone,
// as <http://me.com/_namespace/ctag/VALUE>, without the list that RFC 4918 wants.
func (s *scope) checkCTag(self *resource) error {
	value := s.req.Header.Get("If")
	ctag, ok := strings.CutPrefix(strings.Trim(value, "<> "), ctagURI)
	if !ok || strings.Contains(value, "(") {
		return s.checkConditions(self)
	}
	if ctag != ctagOf(self.col.Rev) {
		return &webdav.Error{Status: http.StatusPreconditionFailed}
	}
	return nil
}

// bulkOne carries out one step and writes its response. It returns an error of
// ours, which undoes all of the request.
func (s *scope) bulkOne(ms *webdav.Multistatus, self *resource, st *bulkStep, withData bool) error {
	entry, err := s.bulkApply(st)
	path := self.dir + st.name
	if err != nil {
		e := answer(err)
		switch {
		case e.Code() == http.StatusInternalServerError:
			return fmt.Errorf("resource %q: %w", st.name, err)
		case st.path == "":
			s.bulkRefused(ms, st, e)
		default:
			ms.ResponseStatus(path, e.Code(), e)
		}
		return nil
	}
	if st.remove {
		ms.ResponseStatus(path, http.StatusOK, nil)
		return nil
	}
	ms.ResponseStart(path)
	ms.PropstatStart(http.StatusOK)
	if !st.data.Edited || withData {
		ms.TextElement(webdav.DAV("getetag"), etagOf(entry.Rev))
	}
	if st.path == "" {
		ms.TextElement(webdav.CS("uid"), entry.UID)
	}
	if withData && st.data.Edited {
		s.bulkData(ms, st.data)
	}
	ms.PropstatEnd(nil)
	ms.ResponseEnd()
	return nil
}

// bulkData writes the data as it was stored, in the form that the client accepts.
func (s *scope) bulkData(ms *webdav.Multistatus, d *calendar.Data) {
	name := webdav.CalDAV("calendar-data")
	if !prefersJCal(s.req.Request) {
		ms.TextElement(name, string(d.Body))
		return
	}
	ms.Start(name, jcalAttrs...)
	ms.TextBytes(d.Object.Calendar.AppendJCal(nil))
	ms.Writer.End()
}

// bulkApply carries out one step; on error it has changed nothing.
func (s *scope) bulkApply(st *bulkStep) (*store.Entry, error) {
	if st.err != nil {
		return nil, st.err
	}
	if st.path != "" {
		old, err := s.tx.Entry(s.col, st.name)
		if err != nil {
			return nil, err
		}
		switch {
		case old == nil:
			return nil, &webdav.Error{Status: http.StatusNotFound}
		case st.match != "" && st.match != etagOf(old.Rev):
			return nil, &webdav.Error{Status: http.StatusPreconditionFailed}
		case st.remove:
			return nil, s.tx.Delete(s.col, old)
		}
	} else if st.remove {
		return nil, webdav.BadRequest("what is deleted has an href")
	}
	put, err := s.tx.Put(s.col, st.name, st.data)
	if err != nil {
		return nil, changeError(&s.req.target, s.col, err)
	}
	st.data = put.Data
	return put.Entry, nil
}

// bulkRefused tells of a new resource that could not be made: it has no href,
// so its UID says which (calendarserver-bulk-change §3).
func (s *scope) bulkRefused(ms *webdav.Multistatus, st *bulkStep, e *webdav.Error) {
	refused := *e
	if st.data != nil {
		uid := webdav.NewText(webdav.CS("uid"), st.data.Object.UID)
		ms.ResponseRefused(&refused, uid)
		return
	}
	ms.ResponseRefused(&refused)
}
