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
// (RFC 5546 §1.4). COUNTER and DECLINECOUNTER are not among them: to pass over these
// would lose what they say.
var recipientsOf = map[string]string{
	"REQUEST": "ATTENDEE", "CANCEL": "ATTENDEE", "ADD": "ATTENDEE", "PUBLISH": "ATTENDEE", "REPLY": "ORGANIZER", "REFRESH": "ORGANIZER",
}

// statusSent is that of a recipient who has the message already.
var statusSent = requestStatus{text: "1.2;Delivered", words: "the server has sent what the calendar says"}

// draftRecipients are whom a message about a meeting is for, each once; false if a
// calendar is no such message.
func draftRecipients(cal *ical.Component) ([]string, bool) {
	method := cal.Prop("METHOD")
	if method == nil {
		return nil, false
	}
	name := recipientsOf[strings.ToUpper(strings.TrimSpace(method.Value))]
	meeting := cal.Child("VEVENT") != nil || cal.Child("VTODO") != nil
	if name == "" || !meeting || cal.Child("VFREEBUSY") != nil {
		return nil, false
	}
	var list []string
	seen := map[string]bool{}
	for _, c := range cal.Children {
		for _, p := range c.AllProps(name) {
			if address := p.Address(); !seen[address] {
				seen[address] = true
				list = append(list, p.Value)
			}
		}
	}
	return list, len(list) > 0
}

// answerDraft tells the client that its message has arrived.
func answerDraft(recipients []string) action {
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		w := webdav.NewWriter(nil)
		w.Start(webdav.CalDAV("schedule-response"))
		for _, address := range recipients {
			writeRecipient(w, address, statusSent.text)
			w.TextElement(webdav.DAV("responsedescription"), statusSent.words)
			w.End()
			if err := s.fits(w.Len()); err != nil {
				return nil, err
			}
		}
		w.End()
		return webdav.XML(http.StatusOK, w.Bytes()), nil
	}
}

// writeRecipient begins the CALDAV:response about one recipient (RFC 6638 §10.2).
func writeRecipient(w *webdav.Writer, address, status string) {
	w.Start(webdav.CalDAV("response"))
	w.Start(webdav.CalDAV("recipient"))
	w.HrefURI(address)
	w.End()
	w.TextElement(webdav.CalDAV("request-status"), status)
}
