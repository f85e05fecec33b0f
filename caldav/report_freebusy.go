package caldav

import (
	"math"
	"net/http"

	"convene/acl"
	"convene/caldav/calquery"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/store"
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
		return s.freeBusy(s.resource(), tr.From, tr.To)
	}, nil
}

// freeBusy responds with the busy times at r between from and to, in Unix seconds.
func (s *scope) freeBusy(r *resource, from, to int64) (*webdav.Response, error) {
	periods, err := s.busyPeriods(r, from, to)
	if err != nil {
		return nil, err
	}
	cal := ical.NewFreeBusy(from, to, s.req.now.Unix(), periods)
	cal.SetValue("PRODID", productID)
	cal.Children[0].SetValue("UID", randomHex()) // RFC 5545 §3.6.4
	return &webdav.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {calendarType}}, Body: cal.Append(nil)}, nil
}

// periodSize is about what a busy period takes of memory, in bytes, when it is
// gathered, merged and written.
const periodSize = 128

func (s *scope) busyPeriods(r *resource, from, to int64) ([]ical.BusyPeriod, error) {
	if r.kind != kindHome {
		return s.tx.Busy(r.col, from, to, s.budget(), s.counts(r))
	}
	var all []ical.BusyPeriod
	for in, err := range s.readable(acl.ReadFreeBusy) {
		if err != nil {
			return nil, err
		}
		if in.kind != kindCalendar {
			continue
		}
		if transparent, err := s.tx.Transparent(in.col); err != nil {
			return nil, err
		} else if transparent {
			continue
		}
		periods, err := s.tx.Busy(in.col, from, to, s.budget(), s.counts(in))
		if err != nil {
			return nil, err
		}
		all = append(all, periods...)
		if err := s.fits(len(all) * periodSize); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// counts says which objects of a collection the caller may know the times of; nil:
// all of them.
func (s *scope) counts(r *resource) func(*store.Entry) bool {
	if r.col.Rights.Objects == 0 && s.grantIn(r).members.Has(acl.ReadFreeBusy) {
		return nil
	}
	member := *r
	return func(e *store.Entry) bool {
		s.member(&member, e)
		return member.privileges.Has(acl.ReadFreeBusy)
	}
}

// getFreeBusy serves GET of the free-busy URL (freebusy-url): the busy times of
// the owner's calendars, for the next weeks or as ?start= and ?end= or ?period=
// say.
func (h *Handler) getFreeBusy(r *request) (action, error) {
	tr, err := calquery.ParseFreeBusyURL(r.URL.Query(), r.now)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		home := s.resource()
		home.kind = kindHome
		return s.freeBusy(home, max(tr.From, math.MinInt32), tr.To)
	}, nil
}
