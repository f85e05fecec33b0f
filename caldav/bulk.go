package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/internal/header"
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
	props  []webdav.PropUpdate // other properties to set or remove
	match  *webdav.ETags       // of which it must have one; nil: any
	remove bool
	err    error // it failed before the transaction

	results []webdav.PropResult // what became of data and properties, if one of these was refused
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
func (h *Handler) bulkStep(r *request, e *webdav.Element) (st bulkStep) {
	if href := e.Child(webdav.NameHref); href != nil {
		path, err := webdav.ParseHref(href.TrimText(), r.Host)
		if err == nil {
			st.path, st.name = path, lastSegment(path)
		} else {
			st.path = href.TrimText()
		}
		if err != nil || path != r.target.collectionPath(r.target.collection)+st.name {
			st.err = webdav.BadRequest("the href is not in this calendar")
			return st
		}
	} else {
		st.name = newName()
	}
	st.condition(e.Child(webdav.ME("if-match")))
	if e.Child(webdav.ME("delete")) != nil {
		st.remove = true
		return st
	}
	h.bulkValues(r, &st, e)
	return st
}

// condition reads ME:if-match. What is no entity tag is none that a resource has.
func (st *bulkStep) condition(e *webdav.Element) {
	if e == nil {
		return
	}
	tags, err := webdav.ParseETags(http.Header{"If-Match": {e.Child(webdav.DAV("getetag")).TrimText()}}, "If-Match")
	if err != nil {
		tags = webdav.ETags{}
	}
	st.match = &tags
}

// bulkValues reads what an ME:resource sets and removes: calendar data, and other
// properties (calendarserver-bulk-change §4.1, §4.2).
func (h *Handler) bulkValues(r *request, st *bulkStep, e *webdav.Element) {
	updates, err := webdav.ParseBulkUpdate(e)
	if err != nil {
		st.err = err
		return
	}
	var data *webdav.Element
	for _, u := range updates {
		if u.Prop.Name == nameCalendarData && !u.Remove {
			data = u.Prop
		} else {
			st.props = append(st.props, u)
		}
	}
	switch {
	case data != nil:
		text, form := inElement(data)
		st.data, st.err = h.parse(r, text, form)
	case st.path == "":
		st.err = webdav.BadRequest("a new resource has calendar data")
	case len(st.props) == 0:
		st.err = webdav.BadRequest("a resource has something to set or to remove, or is deleted")
	}
}

var nameCalendarData = webdav.CalDAV("calendar-data")

// bulk carries out the steps in one transaction. Each has its own outcome; what
// fails leaves the others be. The new ctag goes into a header.
func (h *Handler) bulk(r *request, steps []bulkStep) (action, error) {
	r.need = acl.Write
	withData := webdav.HasToken(r.Header, "X-Mobileme-Dav-Options", "return-changed-data")
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
		resp.Header["Ctag"] = []string{(&resource{home: s.home, col: col}).ctag()}
		return resp, nil
	}, nil
}

// checkCTag judges the If header of a bulk request: clients send the ctag alone,
// as <http://me.com/_namespace/ctag/VALUE>, without the list that RFC 4918 wants.
func (s *scope) checkCTag(self *resource) error {
	value := header.Get(s.req.Header, "If")
	ctag, ok := strings.CutPrefix(strings.Trim(value, "<> "), ctagURI)
	if !ok || strings.Contains(value, "(") {
		return s.checkConditions(self)
	}
	if ctag != self.ctag() {
		return errCTag
	}
	return nil
}

// errCTag tells that a collection has changed since the client's ctag
// (calendarserver-bulk-change §6.1).
var errCTag = &webdav.Error{Status: http.StatusPreconditionFailed, Condition: webdav.ME("ctag-ok")}

// bulkOne carries out one step and writes its response. It returns an error of
// ours, which undoes all of the request.
func (s *scope) bulkOne(ms *webdav.Multistatus, self *resource, st *bulkStep, withData bool) error {
	entry, err := s.bulkApply(st)
	path := self.dir + st.name
	if st.path != "" {
		path = st.path // also what is not in this calendar is told by its own name
	}
	if err != nil {
		e := davError(err)
		if e.Code() == http.StatusInternalServerError {
			return fmt.Errorf("resource %q: %w", st.name, err)
		}
		s.bulkRefused(ms, path, st, e)
		return nil
	}
	if len(st.props) > 0 {
		if entry, err = s.bulkProperties(self, st, entry); err != nil {
			return err
		}
	}
	if st.remove {
		ms.ResponseStatus(path, http.StatusOK, nil)
		return nil
	}
	ms.ResponseStart(path)
	ms.PropstatStart(http.StatusOK)
	edited := st.data != nil && st.data.Edited
	if entry != nil && (!edited || withData) {
		ms.TextElement(webdav.DAV("getetag"), etagOf(s.home.Epoch, s.col, entry.Rev))
	}
	if st.path == "" {
		ms.TextElement(webdav.CS("uid"), st.data.Index.UID)
	}
	if withData && edited {
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

// bulkApply carries out one step but for its properties; on error it has changed
// nothing.
func (s *scope) bulkApply(st *bulkStep) (*store.Entry, error) {
	var old *store.Entry
	var err error
	if st.path != "" && st.err == nil {
		if old, err = s.bulkTarget(st); err != nil {
			return nil, err
		}
	}
	switch {
	case st.err != nil:
		return nil, st.bulkFailed(st.err)
	case st.remove && old == nil:
		return nil, webdav.BadRequest("what is deleted has an href")
	case st.remove:
		return nil, s.tx.Delete(s.col, old)
	}
	// First what says no, since what is written cannot be taken back alone.
	if st.results = s.bulkProtected(st); st.results != nil {
		return nil, precondition(webdav.CondCannotModifyProtected)
	}
	if st.data != nil {
		put, err := s.tx.Put(s.col, st.name, st.data)
		if err != nil {
			return nil, st.bulkFailed(changeError(&s.req.target, s.col, err))
		}
		st.data, old = put.Data, put.Entry
	}
	return old, nil
}

// bulkTarget is the object that a step changes, which must be as the step says.
func (s *scope) bulkTarget(st *bulkStep) (*store.Entry, error) {
	old, err := s.tx.Entry(s.col, st.name)
	switch {
	case err != nil:
	case old == nil:
		err = &webdav.Error{Status: http.StatusNotFound}
	case s.lacking(st, old) != acl.None:
		err = s.req.refusal(s.h, st.path, s.lacking(st, old))
	case st.match != nil && !st.match.MatchStrong(webdav.ETag(etagOf(s.home.Epoch, s.col, old.Rev))):
		err = &webdav.Error{Status: http.StatusPreconditionFailed}
	}
	return old, err
}

// lacking is what the caller lacks to do to an object what a step says: on the
// calendar they have what it takes, but the object may have a list of its own.
func (s *scope) lacking(st *bulkStep, e *store.Entry) acl.Privilege {
	need := acl.None
	if st.data != nil {
		need |= acl.WriteContent
	}
	if len(st.props) > 0 {
		need |= acl.WriteProperties
	}
	if !s.isShown(s.col, e) { // not to be removed either
		need |= acl.Read
	}
	return need &^ s.rights(&resource{kind: kindObject, owner: s.req.target.owner, col: s.col, object: e})
}

// bulkFailed notes that the data were refused because of err, and so the
// properties, if the step has any: its response is then that of PROPPATCH.
func (st *bulkStep) bulkFailed(err error) error {
	if len(st.props) > 0 {
		e := davError(err)
		st.results = append(st.outcomes(), webdav.PropResult{Name: nameCalendarData, Status: e.Code(), Err: e})
	}
	return err
}

// outcomes are those of the properties of a step that fails for another reason.
func (st *bulkStep) outcomes() []webdav.PropResult {
	results := make([]webdav.PropResult, len(st.props))
	for i, u := range st.props {
		results[i] = webdav.PropResult{Name: u.Prop.Name, Status: http.StatusFailedDependency}
	}
	return results
}

// bulkProtected is what becomes of a step that sets or removes protected
// properties; nil if there are none.
func (s *scope) bulkProtected(st *bulkStep) []webdav.PropResult {
	results, found := st.outcomes(), false
	for i, u := range st.props {
		if row := s.h.props.row(u.Prop.Name, kindObject); row != nil && !row.takes(u) {
			results[i].Err = precondition(webdav.CondCannotModifyProtected)
			results[i].Status, found = results[i].Err.Code(), true
		}
	}
	if !found {
		return nil
	}
	if st.data != nil {
		results = append(results, webdav.PropResult{Name: nameCalendarData, Status: http.StatusFailedDependency})
	}
	return results
}

// bulkProperties sets and removes the properties of an object, and returns its
// entry as it is then. That there are too many or too long ones is found as late as
// this, and undoes all of the request.
func (s *scope) bulkProperties(self *resource, st *bulkStep, e *store.Entry) (*store.Entry, error) {
	member := *self
	member.kind, member.object, member.name = kindObject, e, e.Name
	results, ok, err := s.applyProperties(&member, st.props)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		if !ok && r.Err != nil {
			return nil, r.Err
		}
	}
	return s.tx.Entry(s.col, e.Name)
}

// bulkRefused tells of a step that failed. A new resource has no href, so its UID
// says which it was (calendarserver-bulk-change §3).
func (s *scope) bulkRefused(ms *webdav.Multistatus, path string, st *bulkStep, e *webdav.Error) {
	var more []*webdav.Element
	if st.path == "" {
		path = ""
		if st.data != nil {
			more = append(more, webdav.NewText(webdav.CS("uid"), st.data.Object.UID))
		}
	}
	ms.ResponseRefused(path, e, st.results, more...)
}
