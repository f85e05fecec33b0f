package caldav

import (
	"net/http"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
)

// forwarded are the methods of messages that the outbox takes since no change of a
// calendar says the same (RFC 5546 §3.2.7, §3.2.8, §3.4.7, §3.4.8): they are brought to those that they
// are for.
var forwarded = map[scheduling.Method]string{scheduling.Counter: "ORGANIZER", scheduling.DeclineCounter: "ATTENDEE"}

// postForward brings an attendee's counter proposal to the organizer, and an organizer's
// refusal of it to the attendee. ok is false if a message is neither.
func (h *Handler) postForward(r *request, cal *ical.Component) (act action, ok bool, err error) {
	method := cal.Prop("METHOD")
	if method == nil || h.Calendars.Scheduling == nil {
		return nil, false, nil
	}
	m := scheduling.Method(strings.ToUpper(strings.TrimSpace(method.Value)))
	to := forwarded[m]
	if to == "" {
		return nil, false, nil
	}
	cal.RemoveFunc(func(p *ical.Property) bool { return p.Name == "METHOD" })
	if err := h.introduceNamed(r.Context(), r, cal); err != nil {
		return nil, true, err
	}
	r.in = update
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		statuses, err := s.tx.Forward(s.home, m, cal)
		if err != nil {
			return nil, err
		}
		return s.forwardResponse(addresses(cal, to), statuses)
	}, true, nil
}

// forwardStatuses are what became of a message, as CALDAV:request-status says it.
var forwardStatuses = map[string]requestStatus{
	"1.2": {text: "1.2;Delivered", words: "OK"},
	"5.3": {text: "5.3;No scheduling support for user", words: "messages of this kind reach people here only"},
	"":    statusUnknown,
	"3.7": statusUnknown,
	"3.8": statusDenied,
	"5.1": statusUnavailable,
}

// forwardResponse is the CALDAV:schedule-response (RFC 6638 §10.1). statuses are by
// canonical address.
func (s *scope) forwardResponse(recipients []string, statuses map[string]string) (*webdav.Response, error) {
	w := webdav.NewWriter(nil)
	w.Start(webdav.CalDAV("schedule-response"))
	for _, address := range recipients {
		party, err := s.Party(scheduling.Normalize(address))
		if err != nil {
			return nil, err
		}
		key := party.Address
		if !party.Hosted() {
			key = scheduling.Normalize(key)
		}
		status, known := forwardStatuses[statuses[key]]
		if !known {
			status = statusUnavailable
		}
		writeRecipient(w, address, status.text)
		status.end(w)
	}
	w.End()
	return webdav.XML(http.StatusOK, w.Bytes()), s.fits(w.Len())
}

// addresses are the values of the properties of a name in a message, each once.
func addresses(cal *ical.Component, name string) (list []string) {
	seen := map[string]bool{}
	for _, c := range cal.Children {
		for _, p := range c.AllProps(name) {
			if address := p.Address(); !seen[address] {
				seen[address] = true
				list = append(list, p.Value)
			}
		}
	}
	return list
}
