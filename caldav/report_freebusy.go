package caldav

import (
	"math"
	"net/http"

	"convene/caldav/calquery"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/snapshot"
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

// freeBusy answers with the busy times at r between from and to, in Unix seconds.
func (s *scope) freeBusy(r *resource, from, to int64) (*webdav.Response, error) {
	periods, err := s.busyPeriods(r, from, to)
	if err != nil {
		return nil, err
	}
	cal := ical.NewFreeBusy(from, to, s.req.now.Unix(), periods)
	cal.SetValue("PRODID", productID)
	return &webdav.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {calendarType}}, Body: cal.Append(nil)}, nil
}

func (s *scope) busyPeriods(r *resource, from, to int64) ([]ical.BusyPeriod, error) {
	if r.kind != kindHome {
		return s.calendarBusy(r, from, to)
	}
	cols, err := s.tx.Collections(s.home.ID)
	if err != nil {
		return nil, err
	}
	var all []ical.BusyPeriod
	for _, c := range cols {
		in := s.collectionResource(c)
		if in.kind != kindCalendar {
			continue
		}
		if transparent, err := s.transparent(in); err != nil {
			return nil, err
		} else if transparent {
			continue
		}
		periods, err := s.calendarBusy(in, from, to)
		if err != nil {
			return nil, err
		}
		all = append(all, periods...)
	}
	return all, nil
}

// calendarBusy gathers the busy times of one calendar. Events are answered from
// the index; stored VFREEBUSY and VAVAILABILITY are looked into.
func (s *scope) calendarBusy(r *resource, from, to int64) ([]ical.BusyPeriod, error) {
	zone, err := s.calendarZone(r)
	if err != nil {
		return nil, err
	}
	snap, err := s.h.Snapshots.Get(s.tx, r.col)
	if err != nil {
		return nil, err
	}
	matches, err := snap.Overlapping(s.tx, store.VEVENT|store.VFREEBUSY|store.VAVAILABILITY, from, to, zone, s.budget)
	if err != nil {
		return nil, err
	}
	var periods []ical.BusyPeriod
	for _, m := range matches {
		if m.Inexact {
			object, err := s.h.Snapshots.Parsed(s.tx, r.col, m.Entry)
			if err != nil {
				return nil, err
			}
			if periods, err = object.AppendBusy(periods, from, to, zone, s.budget); err != nil {
				return nil, err
			}
			continue
		}
		for _, in := range m.Instances {
			if in.Busy != store.BusyFree {
				periods = append(periods, ical.BusyPeriod{Start: max(in.Start, from), End: min(in.End, to), Type: snapshot.ICal(in.Busy)})
			}
		}
	}
	return periods, nil
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
