package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"mime"
	"net/http"

	"convene/calendar"
	"convene/directory"
	"convene/freebusy"
	"convene/internal/header"
	"convene/internal/ical"
	"convene/internal/webdav"
)

// postOutbox serves POST to the scheduling outbox (RFC 6638 §5): it asks when
// people, rooms and groups are busy. The headers Originator and Recipient of early
// drafts say nothing that is not in the body, and are not looked at.
func (h *Handler) postOutbox(r *request) (action, error) {
	cal, form, err := h.readMessage(r)
	if err != nil {
		return nil, err
	}
	if cal.Child("VFREEBUSY") == nil && calendar.MessageHasAccess(cal) {
		return nil, calendar.ErrMessageAccess
	}
	if act, ok, err := h.postForward(r, cal); ok || err != nil {
		return act, err
	}
	if d, ok := readDraft(cal); ok && h.OldDrafts {
		return h.postDraft(r, d)
	}
	ask, err := freebusy.ParseRequest(cal)
	if refused, ok := errors.AsType[*freebusy.RequestError](err); ok {
		return nil, badMessage(refused)
	}
	if err != nil {
		return nil, err
	}
	if err := h.checkOrganizer(r, ask.Organizer.Value); err != nil {
		return nil, err
	}
	if err := h.clip(r, ask); err != nil {
		return nil, err
	}
	recipients, err := h.recipients(r, ask)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		return s.busyResponse(ask, recipients, form)
	}, nil
}

// readMessage reads the body. Its form is that of the answer.
func (h *Handler) readMessage(r *request) (*ical.Component, calendar.Form, error) {
	// A web page elsewhere may have the browser send a POST without a type.
	if _, _, err := mime.ParseMediaType(header.Get(r.Header, "Content-Type")); err != nil {
		return nil, 0, errUnsupportedData
	}
	form, err := formOf(header.Get(r.Header, "Content-Type"))
	if err != nil {
		return nil, 0, err
	}
	body, err := readBody(r, h.Limits.MaxRequestSize, errResourceSize)
	if err != nil {
		return nil, 0, err
	}
	if err := r.reserveTree(body, form); err != nil {
		return nil, 0, err
	}
	cal, err := calendar.Decode(body, form)
	if err != nil {
		return nil, 0, calendar.Invalid(err)
	}
	return cal, form, nil
}

// badMessage is the response to a request that does not meet a precondition. Apple's
// server names them so, and clients compare; the words name RFC 6638's, §10.
func badMessage(e *freebusy.RequestError) *webdav.Error {
	name := webdav.CalDAV(e.Condition)
	if e.Condition == freebusy.NoAccessRestrictions {
		name = webdav.CS(e.Condition)
	}
	return &webdav.Error{Status: http.StatusForbidden, Condition: name, Description: "valid-scheduling-message: " + e.Reason, Err: e}
}

// checkOrganizer refuses a request that is not of the outbox's owner, or of a record
// that invites nobody: rooms, equipment and groups (RFC 6638 §10, valid-organizer).
func (h *Handler) checkOrganizer(r *request, organizer string) error {
	owner := r.target.owner
	if owner.Type == directory.User && isNamed(owner, h.addressKey(r, organizer)) {
		return nil
	}
	return &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CalDAV("organizer-allowed"),
		Description: "valid-organizer: ORGANIZER is not the owner of this outbox, or may not organize meetings"}
}

// clip cuts the time asked about to what the server was told to search. Nothing is
// said of the rest: the answer has the time that it is about. Errors: there is none
// left.
func (h *Handler) clip(r *request, ask *freebusy.Request) error {
	if past := h.Limits.QueryPast; past > 0 {
		if ask.From = max(ask.From, r.now.Add(-past).Unix()); ask.From >= ask.To {
			return precondition(webdav.CondMinDateTime)
		}
	}
	if future := h.Limits.QueryFuture; future > 0 {
		if ask.To = min(ask.To, r.now.Add(future).Unix()); ask.From >= ask.To {
			return precondition(webdav.CondMaxDateTime)
		}
	}
	return nil
}

// A requestStatus is how one recipient's part of a request went (RFC 5546 §3.6, RFC
// 6638 §10.2).
type requestStatus struct {
	text      string
	condition xml.Name // in DAV:error; empty: none
	words     string   // for people
}

var (
	statusSuccess     = requestStatus{text: "2.0;Success", words: "OK"}
	statusUnknown     = requestStatus{"3.7;Invalid Calendar User", webdav.CalDAV("recipient-exists"), "nobody here has this address, or they have no calendars"}
	statusDenied      = requestStatus{"3.8;No authority", webdav.CalDAV("recipient-permissions"), "they do not let you ask"}
	statusMany        = requestStatus{"5.1;Service unavailable", webdav.CalDAV("recipient-limit"), "too many recipients at once"}
	statusUnavailable = requestStatus{text: "5.1;Service unavailable", words: "cannot be said at the moment"}
	statusLong        = requestStatus{text: "5.1;Service unavailable", words: "too much happens in this time; ask for less"}
)

// end ends the CALDAV:response about a recipient with why it went so.
func (r requestStatus) end(w *webdav.Writer) {
	if r.condition.Local != "" {
		w.Start(webdav.NameError)
		w.Empty(r.condition)
		w.End()
	}
	w.TextElement(webdav.DAV("responsedescription"), r.words)
	w.End()
}

// A recipient is one of those asked about.
type recipient struct {
	attendee ical.Property
	who      *directory.Principal // nil unless status is statusSuccess
	status   requestStatus
}

// recipients asks the directory who the attendees are, and how many of them may be
// asked about at once. If it knows of none of them, since it is away, that is its
// error.
func (h *Handler) recipients(r *request, ask *freebusy.Request) ([]recipient, error) {
	list := make([]recipient, len(ask.Attendees))
	people, rooms, away := 0, 0, error(nil)
	answered := false
	for i, attendee := range ask.Attendees {
		list[i] = recipient{attendee: attendee, status: statusMany}
		if most := h.Limits.FreeBusyPeople + h.Limits.FreeBusyRooms; i >= 2*most {
			continue // whoever they are: the directory is asked no further
		}
		found, err := h.recipient(r.Context(), h.addressKey(r, attendee.Value))
		if err != nil {
			if !errors.Is(err, directory.ErrUnavailable) {
				return nil, err
			}
			away, list[i].status = err, statusUnavailable
			continue
		}
		answered = true
		of, most := &people, h.Limits.FreeBusyPeople
		if found != nil && (found.Type == directory.Location || found.Type == directory.Resource) {
			of, most = &rooms, h.Limits.FreeBusyRooms
		}
		if *of++; *of > most {
			continue
		}
		list[i].who, list[i].status = found, statusSuccess
		if found == nil {
			list[i].status = statusUnknown
		}
	}
	if away != nil && !answered {
		return nil, away
	}
	return list, nil
}

// recipient is the record of a key, nil if there is none with calendars. Errors: the
// directory is away.
func (h *Handler) recipient(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	p, err := h.Directory.Lookup(ctx, key)
	switch {
	case errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous):
		return nil, nil
	case err != nil || !p.CalendarEnabled:
		return nil, err
	}
	return p, nil
}

// busyResponse writes the CALDAV:schedule-response (RFC 6638 §10.1): one response for
// each recipient, in the order of the request.
func (s *scope) busyResponse(ask *freebusy.Request, recipients []recipient, form calendar.Form) (*webdav.Response, error) {
	w := webdav.NewWriter(nil)
	w.Start(webdav.CalDAV("schedule-response"))
	var buf []byte
	for i := range recipients {
		rc := &recipients[i]
		status, answer, err := s.askRecipient(ask, rc)
		if err != nil {
			return nil, err
		}
		writeRecipient(w, rc.attendee.Value, status.text)
		if answer != nil {
			buf = writeBusy(w, buf[:0], answer.Calendar(), form)
		}
		status.end(w)
		if err := s.fits(w.Len()); err != nil {
			return nil, err
		}
	}
	w.End()
	return webdav.XML(http.StatusOK, w.Bytes()), nil
}

// writeBusy writes the CALDAV:calendar-data of an answer, in the form of the request.
// It returns buf, which it has used.
func writeBusy(w *webdav.Writer, buf []byte, cal *ical.Component, form calendar.Form) []byte {
	if form == calendar.JCal {
		w.Start(webdav.CalDAV("calendar-data"), jcalAttrs...)
		buf = cal.AppendJCal(buf)
	} else {
		w.Start(webdav.CalDAV("calendar-data"))
		buf = cal.Append(buf)
	}
	w.Data(buf)
	w.End()
	return buf
}

// askRecipient is when one recipient is busy, as the caller may know it; nil with a
// status that says why not.
func (s *scope) askRecipient(ask *freebusy.Request, rc *recipient) (requestStatus, *freebusy.Answer, error) {
	if rc.who == nil {
		return rc.status, nil, nil
	}
	answer := &freebusy.Answer{Method: "REPLY", Product: productID, UID: ask.UID, Stamp: s.req.now.Unix(),
		Organizer: &ask.Organizer, Attendee: &rc.attendee, From: ask.From, To: ask.To}
	times, err := s.timesOf(ask, rc.who)
	switch {
	case errors.Is(err, errDenied):
		return statusDenied, nil, nil
	case err == nil:
		answer.Events = times.Events
		answer.Busy, err = times.Merged(ask.From, ask.To, s.budget())
	}
	if errors.Is(err, ical.ErrBudget) {
		return statusLong, nil, nil
	}
	return statusSuccess, answer, err
}

// errDenied says that somebody does not let the caller ask when they are busy.
var errDenied = errors.New("CALDAV:schedule-query-freebusy is not granted")
