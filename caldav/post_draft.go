package caldav

import (
	"net/http"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// Early drafts of RFC 6638 had clients put messages about meetings into the outbox, in
// the place of the server. Their clients still do so, and take a refusal for a failure
// of what they have written to the calendar; from that the server has sent all there is
// to say.

// recipientsOf are the properties that name whom such a message is for, by its METHOD
// (RFC 5546 §1.4). COUNTER and DECLINECOUNTER are not among them: see
// forwarded.
var recipientsOf = map[string]string{
	"REQUEST": "ATTENDEE", "CANCEL": "ATTENDEE", "ADD": "ATTENDEE", "PUBLISH": "ATTENDEE", "REPLY": "ORGANIZER", "REFRESH": "ORGANIZER",
}

// statusSent is that of a recipient who has the message already.
var statusSent = requestStatus{text: "1.2;Delivered", words: "the server has sent what the calendar says"}

// A draft is a message about a meeting.
type draft struct {
	organizer  string
	answer     bool     // it is one to the organizer
	recipients []string // each once
}

// readDraft takes such a message apart; false if a calendar is none.
func readDraft(cal *ical.Component) (d draft, ok bool) {
	method := cal.Prop("METHOD")
	if method == nil {
		return d, false
	}
	name := recipientsOf[strings.ToUpper(strings.TrimSpace(method.Value))]
	meeting := cal.Child("VEVENT") != nil || cal.Child("VTODO") != nil
	if name == "" || !meeting || cal.Child("VFREEBUSY") != nil {
		return d, false
	}
	d.answer = name == "ORGANIZER"
	seen := map[string]bool{}
	for _, c := range cal.Children {
		for _, p := range c.AllProps(name) {
			if address := p.Address(); !seen[address] {
				seen[address] = true
				d.recipients = append(d.recipients, p.Value)
			}
		}
		if p := c.Prop("ORGANIZER"); p != nil {
			d.organizer = p.Value
		}
	}
	return d, len(d.recipients) > 0
}

// postDraft tells the client that its message has arrived, if it is one of the outbox's
// owner.
func (h *Handler) postDraft(r *request, d draft) (action, error) {
	if !d.answer {
		if err := h.checkOrganizer(r, d.organizer); err != nil {
			return nil, err
		}
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		w := webdav.NewWriter(nil)
		w.Start(webdav.CalDAV("schedule-response"))
		for _, address := range d.recipients {
			writeRecipient(w, address, statusSent.text)
			statusSent.end(w)
			if err := s.fits(w.Len()); err != nil {
				return nil, err
			}
		}
		w.End()
		return webdav.XML(http.StatusOK, w.Bytes()), nil
	}, nil
}

// writeRecipient begins the CALDAV:response about one recipient (RFC 6638 §10.2).
func writeRecipient(w *webdav.Writer, address, status string) {
	w.Start(webdav.CalDAV("response"))
	w.Start(webdav.CalDAV("recipient"))
	w.HrefURI(address)
	w.End()
	w.TextElement(webdav.CalDAV("request-status"), status)
}
