package tzdist

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"convene/ical"
)

// productID is the PRODID of the calendars that zones are sent in.
const productID = "-//convene//tzdist//EN"

// get answers get (RFC 7808 §5.3): a VTIMEZONE, whole or of a range.
func (s *service) get(q *query) (*response, error) {
	if err := s.known(q.tzid); err != nil {
		return nil, err
	}
	from, to, err := q.timeRange()
	if err != nil {
		return nil, err
	}
	format, err := q.format()
	if err != nil {
		return nil, err
	}
	cal, err := calendar(q.tzid, from, to)
	if err != nil {
		return nil, err
	}
	resp := &response{mediaType: format, vary: "Accept"}
	if format == formatJCal {
		resp.body = cal.AppendJCal(nil)
	} else {
		resp.body = cal.Append(nil)
	}
	resp.etag = tag(resp.body)
	return resp, nil
}

// known refuses a tzid that there is no zone of.
func (s *service) known(tzid string) error {
	if _, ok := s.names[tzid]; !ok {
		return &problem{http.StatusNotFound, tzidNotFound, "There is no time zone with this identifier"}
	}
	return nil
}

// calendar returns a VCALENDAR with the VTIMEZONE of a name or alias, from a
// moment until before another as for ical.VTimezone.
func calendar(name string, from, to int64) (*ical.Component, error) {
	zone, err := ical.VTimezone(name, from, to)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	// Clients that know X-LIC-LOCATION look for a zone of that name, and each
	// name here is one. An alias is as good.
	zone.SetValue("X-LIC-LOCATION", ical.EscapeText(name))
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(
		ical.NewProperty("VERSION", "2.0"),
		ical.NewProperty("PRODID", productID),
		ical.NewProperty("CALSCALE", "GREGORIAN"),
	)
	cal.Children = []*ical.Component{zone}
	return cal, nil
}

// timeLayout is how times are written: in UTC, RFC 3339.
const timeLayout = "2006-01-02T15:04:05Z"

func isTime(s string) bool {
	_, err := parseTime(s)
	return err == nil
}

// parseTime reads a time in UTC, as Unix seconds. Fractions are refused: no zone
// has any.
func parseTime(s string) (int64, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || len(s) != len(timeLayout) {
		return 0, fmt.Errorf("time %q is not like %s", s, timeLayout)
	}
	return t.Unix(), nil
}

// timeRange returns what start and end ask for, in Unix seconds; math.MinInt64
// and math.MaxInt64 where they are not given.
func (q *query) timeRange() (from, to int64, err error) {
	from, to = math.MinInt64, math.MaxInt64
	if q.has("start") {
		if from, err = parseTime(q.param("start")); err != nil {
			return 0, 0, &problem{http.StatusBadRequest, invalidStart, "The start is not a time in UTC"}
		}
	}
	if q.has("end") {
		if to, err = parseTime(q.param("end")); err != nil {
			return 0, 0, &problem{http.StatusBadRequest, invalidEnd, "The end is not a time in UTC"}
		}
	}
	if to <= from {
		return 0, 0, &problem{http.StatusBadRequest, invalidEnd, "The end is not after the start"}
	}
	return from, to, nil
}

func isFormat(s string) bool { return slices.Contains(formats[:], s) }
