package caldav

import (
	"math"
	"net/http"

	"convene/caldav/calquery"
	"convene/freebusy"
	"convene/internal/ical"
	"convene/internal/webdav"
)

// reportFreeBusy serves free-busy-query (RFC 4791 §7.10): the busy times of a
// calendar, or of all calendars of a home that count, as one VFREEBUSY.
func (h *Handler) reportFreeBusy(r *request, body *webdav.Element) (action, error) {
	tr, err := calquery.ParseFreeBusyQuery(body)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self, times, q := s.resource(), &freebusy.Times{}, s.busyQuery(tr.From, tr.To)
		var err error
		if self.kind == kindHome {
			err = s.homeTimes(times, self, q, nothing)
		} else {
			err = s.calendarTimes(times, self, q)
		}
		if err != nil {
			return nil, err
		}
		return s.freeBusy(times, freebusy.Answer{From: tr.From, To: tr.To}, calendarType)
	}, nil
}

// nothing is told of events besides when they are.
func nothing(*resource) freebusy.Detail { return 0 }

// freeBusy responds with busy times, as an answer that says the rest; as jCal if the
// client prefers that, and the URL has not named another type.
func (s *scope) freeBusy(times *freebusy.Times, a freebusy.Answer, contentType string) (*webdav.Response, error) {
	busy, err := times.Merged(a.From, a.To, s.budget())
	if err != nil {
		return nil, err
	}
	a.Product, a.UID, a.Stamp, a.Busy = productID, randomHex(), s.req.now.Unix(), busy
	resp := &webdav.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {contentType}, "Vary": {"Accept"}}}
	if contentType != calendarType || !prefersJCal(s.req.Request) {
		resp.Body = a.Calendar().Append(nil)
		return resp, nil
	}
	resp.Header["Content-Type"] = []string{jcalType}
	resp.Body = a.Calendar().AppendJCal(nil)
	return resp, nil
}

// getFreeBusy serves GET and POST of the free-busy URL (freebusy-url): when the owner
// is busy, for the next weeks or as its query says.
func (h *Handler) getFreeBusy(r *request) (action, error) {
	ask, err := calquery.ParseFreeBusyURL(r.URL.Query(), r.now)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		home := s.targetHome()
		unavailable, err := s.tx.Availability(home.home)
		if err != nil {
			return nil, err
		}
		times := &freebusy.Times{Unavailable: unavailable}
		from := max(ask.From, math.MinInt32)
		if err := s.homeTimes(times, home, s.busyQuery(from, ask.To), nothing); err != nil {
			return nil, err
		}
		organizer := ical.NewProperty("ORGANIZER", home.owner.Addresses()[0], ical.NewParam("CN", home.owner.FullName))
		return s.freeBusy(times, freebusy.Answer{Method: "PUBLISH", Organizer: &organizer, From: from, To: ask.To}, ask.ContentType)
	}, nil
}
